/* The certificates that servers send, one object each. OpenSSL keeps a decoded chain in each connection: two small certificates
 * are 5 KB there, three as the public authorities issue them 21 KB, and thousands of connections are sent the same ones. Here
 * a certificate with the same bytes is the same object, counted by reference; what is checked of it is checked each time.
 */
#ifndef WORKER_CHAIN_H
#define WORKER_CHAIN_H

#include <openssl/x509.h>

enum { LH_CHAIN_KEPT = 64 }; /* the oldest is forgotten for the next one: those who have it still do */

/* Borrowed; NULL when none with these bytes is kept. */
X509 *lh_chain_find(const unsigned char *bytes, size_t len);
/* Copies the bytes, and shares the certificate. Without memory it is not kept. */
void lh_chain_keep(X509 *certificate, const unsigned char *bytes, size_t len);

#endif
