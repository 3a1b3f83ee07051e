/* Our own SSL_CTX for each target, lent to libwebsockets: errors in certificates are then sentences at the start, names are
 * checked as the config says, and a connection costs what it must and no more.
 */
#ifndef WORKER_TLS_H
#define WORKER_TLS_H

#include <openssl/ssl.h>

#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

struct lh_tls;

/* Reads CA, certificate and key. -EINVAL with a sentence that names target, key and file when one is of no use. The target
 * is borrowed until free. */
int lh_tls_new(struct lh_tls **tls, const struct lh_target *target, struct lh_err *err);
/* Borrowed. A fatal alert received goes to the connection's peer, or, when it has none, to the byte that the SSL's app data
 * points to. */
SSL_CTX *lh_tls_context(const struct lh_tls *tls);
void lh_tls_free(struct lh_tls *tls);              /* accepts NULL */

/* Gives the buffers of a connection's records back, 16 KiB and more each, as far as nothing is in them. To be called once what
 * came has been read: SSL_MODE_RELEASE_BUFFERS frees what a read or a write of ours has used, but not what OpenSSL makes ready
 * to answer a handshake's last messages with, session tickets among them. */
void lh_tls_rest(SSL *ssl);

/* The reason that a verify result of OpenSSL (X509_V_ERR_*) stands for. */
enum lh_reason lh_tls_verify_reason(long result);

#endif
