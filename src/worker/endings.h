/* From what was seen of a connection to why it ended. */
#ifndef WORKER_ENDINGS_H
#define WORKER_ENDINGS_H

#include <openssl/ssl.h>

#include "longhaul/base/ending.h"
#include "peer.h"

/* Words for a connection that libwebsockets did not take. */
#define LH_COULD_NOT_BEGIN "libwebsockets could not begin"

/* What is known at the moment libwebsockets gives a connection up; its descriptor and SSL live until the callback is over. */
struct lh_demise {
  struct lh_peer *peer;
  enum lh_stage stage;    /* how far it had come */
  int fd;                 /* LH_NO_FD when it is closed already */
  SSL *ssl;               /* NULL: a plain connection */
  const char *words;      /* libwebsockets' own, "" when it has none */
};

/* Fills reason, code and text; the rest of *out is zero. Reads what may still lie in the socket. */
void lh_ending_find(const struct lh_demise *demise, struct lh_ending *out);

/* The ending of a connect() or bind() that failed, of a socket that could not be made, or of an address that lh_dial does
 * not go to. */
void lh_ending_from_errno(int error, struct lh_ending *out);
/* The ending of a connection that was up, by the errno of its last read or write. */
void lh_ending_from_socket(int error, struct lh_ending *out);

/* What TLS complained of; 0 where it did not. */
struct lh_tls_trouble {
  int alert;   /* fatal, received */
  long verify; /* X509_V_ERR_* */
  int error;   /* OpenSSL's reason code */
};
/* False when there is none. */
bool lh_ending_from_tls(const struct lh_tls_trouble *trouble, struct lh_ending *out);

/* The longest head of an answer to an upgrade that libwebsockets has room for. */
enum { LH_UPGRADE_HEAD_MAX = 32 * 1024 };

#endif
