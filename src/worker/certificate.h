/* Certificates made in memory, for the probe's own listener: an authority, and a leaf that it has signed. They last a day. */
#ifndef LH_WORKER_CERTIFICATE_H
#define LH_WORKER_CERTIFICATE_H

#include <openssl/ssl.h>

/* A server's context with a new leaf for these names ("DNS:a.test,DNS:b.test"), sent with its authority, whose certificate is
 * written to `ca_path` as PEM. NULL: no memory, or the file cannot be written. */
SSL_CTX *lh_certificate_server(const char *names, const char *ca_path);

#endif
