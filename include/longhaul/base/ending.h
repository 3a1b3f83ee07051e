/* How a connection ends: the one table that code, run file and reports share.
 *
 * Glossary
 *   stage   how far the connection had come when it ended; `login` is a request before it, which has an ending when it fails
 *   side    who ended it, or where it broke: us, peer, network, host, tester
 *   reason  what was seen; each reason belongs to one side
 *   code    what makes the reason exact: WebSocket close code, HTTP status, errno, X.509 verify result; 0 when there is none
 *   text    close reason, TLS detail or the like, as the peer gave it (bytes from outside: escape before printing)
 *   drop    an open connection that ended without the plan asking for it: stage open, side not `us`
 *           (a reply missing too long is the exception: we end it, the target caused it, so it is a drop)
 *
 * `tester` endings never count against the target and always show.
 */
#ifndef LONGHAUL_BASE_ENDING_H
#define LONGHAUL_BASE_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/limits.h"

/* X(ID, name) in order of progress */
#define LH_STAGE_LIST(X) \
  X(LOGIN, "login")      \
  X(RESOLVE, "resolve")  \
  X(CONNECT, "connect")  \
  X(TLS, "tls")          \
  X(UPGRADE, "upgrade")  \
  X(OPEN, "open")        \
  X(CLOSING, "closing")

#define LH_SIDE_LIST(X)   \
  X(US, "us")             \
  X(PEER, "peer")         \
  X(NETWORK, "network")   \
  X(HOST, "host")         \
  X(TESTER, "tester")

/* X(ID, side, name, drop when it happens in stage open). Append only: run files keep the names, frames the numbers. */
#define LH_REASON_LIST(X)                                                                  \
  X(PLANNED_END, US, "planned end", false)                                                 \
  X(LIFETIME, US, "lifetime reached", false)                                               \
  X(REPLY_MISSING, US, "reply missing too long", true)                                     \
  X(SHUTDOWN, US, "shutting down", false)                                                  \
  X(DISTURBANCE, US, "planned disturbance", false)                                         \
  X(CLOSE_FRAME, PEER, "close frame", true)                                                \
  X(FIN, PEER, "FIN without close frame", true)                                            \
  X(RST, PEER, "RST", true)                                                                \
  X(TLS_ALERT, PEER, "TLS alert", true)                                                    \
  X(TLS_FAILED, PEER, "TLS handshake failed", true)                                        \
  X(CERT_EXPIRED, PEER, "certificate expired", true)                                       \
  X(CERT_NOT_YET_VALID, PEER, "certificate not yet valid", true)                           \
  X(CERT_WRONG_HOST, PEER, "certificate for another host", true)                           \
  X(CERT_SELF_SIGNED, PEER, "certificate self-signed", true)                               \
  X(CERT_UNKNOWN_CA, PEER, "certificate from an unknown CA", true)                         \
  X(CERT_REFUSED, PEER, "certificate refused", true)                                       \
  X(UPGRADE_REFUSED, PEER, "upgrade refused", true)                                        \
  X(REDIRECT, PEER, "redirect not followed", true)                                         \
  X(HTTP_CLOSE, PEER, "HTTP Connection: close", true)                                      \
  X(BAD_FRAME, PEER, "bad frame", true)                                                    \
  X(BAD_HTTP, PEER, "bad HTTP", true)                                                      \
  X(BAD_ACCEPT, PEER, "wrong accept key", true)                                            \
  X(REFUSED, NETWORK, "connection refused", true)                                          \
  X(UNREACHABLE, NETWORK, "unreachable", true)                                             \
  X(CONNECT_TIMEOUT, NETWORK, "connect timeout", true)                                     \
  X(TLS_TIMEOUT, NETWORK, "TLS timeout", true)                                             \
  X(UPGRADE_TIMEOUT, NETWORK, "upgrade timeout", true)                                     \
  X(SILENT_PEER, NETWORK, "silent peer", true)                                             \
  X(NAME_NOT_FOUND, NETWORK, "name not found", true)                                       \
  X(NO_DESCRIPTOR, HOST, "no descriptor", true)                                            \
  X(NO_LOCAL_PORT, HOST, "no local port", true)                                            \
  X(NO_MEMORY, HOST, "no memory or buffers", true)                                         \
  X(WORKER_LOST, TESTER, "worker lost", true)                                              \
  X(LOOP_STALLED, TESTER, "loop stalled", true)                                            \
  X(UNCLASSIFIED, TESTER, "unclassified", true) /* text says what was seen; a defect of ours to be mended */              \
  X(IDLE_CLOSE, PEER, "idle close", true)                                                  \
  X(REQUEST_CAP, PEER, "request cap", true) /* Connection: close after `code` responses of this connection */             \
  X(STALE_KEEPALIVE, PEER, "stale keep-alive", false) /* the request is sent once more: nothing was lost */               \
  X(NO_RESPONSE, PEER, "closed without a response", true)                                  \
  X(RESPONSE_CUT, PEER, "response cut short", true)                                        \
  X(STREAM_END, PEER, "stream ended", true)                                                \
  X(STATUS_REFUSED, PEER, "HTTP status", true)                                             \
  X(WRONG_TYPE, PEER, "wrong content type", true)                                          \
  X(PEER_FIN, PEER, "FIN", true)                                                           \
  X(STALLED, NETWORK, "stalled", true)                                                     \
  X(DENIED, US, "address denied", false) /* `deny` of the config holds it */                                              \
  X(UNAUTHORIZED, US, "address not authorized", false) /* public, and the target has no `authorized: true` */        \
  X(RESOLVER_FAILED, NETWORK, "resolver failed", true) /* no answer about the name, unlike "name not found" */            \
  X(RESOLVE_TIMEOUT, NETWORK, "resolve timeout", true)                                     \
  X(PROXY_REFUSED, NETWORK, "proxy refused", true) /* the tunnel; code is the proxy's status, 0 when it gave none */                       \
  X(LOGIN_TIMEOUT, NETWORK, "no answer in time", true)                                     \
  X(LOGIN_ANSWER, PEER, "answer without what is extracted", true) /* text: which extract, never what was there */     \
  X(REDIRECT_FOLLOWED, US, "redirect followed", false) /* code is its status, text where it leads */

enum lh_stage {
#define X(id, name) LH_STAGE_##id,
  LH_STAGE_LIST(X)
#undef X
      LH_STAGE_COUNT
};

enum lh_side {
#define X(id, name) LH_SIDE_##id,
  LH_SIDE_LIST(X)
#undef X
      LH_SIDE_COUNT
};

enum lh_reason {
#define X(id, side, name, drop) LH_REASON_##id,
  LH_REASON_LIST(X)
#undef X
      LH_REASON_COUNT
};

struct lh_ending {
  uint64_t at_ns;        /* monotonic, when we saw it */
  uint64_t started_ns;   /* monotonic, when this connection was begun */
  uint64_t open_ns;      /* how long it was open; 0 when it never was */
  uint64_t idle_ns;      /* open connections: since the last byte received */
  uint32_t client;       /* global number within the group */
  uint32_t nth;          /* 1 for the client's first connection */
  uint16_t group;        /* number in config order */
  uint16_t local_port;   /* 0 when not known; joins with a server's log */
  uint8_t stage;         /* enum lh_stage */
  uint8_t reason;        /* enum lh_reason */
  int32_t code;          /* see the glossary */
  char text[LH_CLOSE_TEXT_MAX]; /* NUL-terminated, may be empty */
  uint64_t retry_after_ns; /* how long the peer asked us to stay away (Retry-After); 0: it did not; UINT64_MAX: for
                            good. For the engine alone */
};

const char *lh_stage_name(enum lh_stage stage);
const char *lh_side_name(enum lh_side side);
const char *lh_reason_name(enum lh_reason reason);
enum lh_side lh_reason_side(enum lh_reason reason);
/* Whether an ending with this stage and reason is a drop. */
bool lh_ending_is_drop(enum lh_stage stage, enum lh_reason reason);

#endif
