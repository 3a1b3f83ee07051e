/* TLS of the server: its context, and certificates made at the start for tests.
 *
 * Kinds of made certificates (--tls-make), all but self-signed from a CA made at the same time (--tls-ca writes it):
 *   good           for localhost, 127.0.0.1 and ::1, valid now
 *   expired        the same, ended yesterday
 *   not-yet-valid  the same, begins tomorrow
 *   wrong-host     for other.example.test
 *   self-signed    for localhost, with no CA
 */
#ifndef FAULTD_TLS_H
#define FAULTD_TLS_H

#include <openssl/ssl.h>

#include "longhaul/base/err.h"
#include "options.h"

struct conn;

/* A context for all processes, made before they part. */
int tls_context(SSL_CTX **out, const struct options *options, struct lh_err *err);
/* Begins the server side on the connection. `alert`: the client hello is answered with a fatal alert. */
int tls_begin(SSL_CTX *context, struct conn *conn, bool alert);
/* What OpenSSL says about the last failure, static until the next call. Empties its queue. */
const char *tls_error_text(void);

#endif
