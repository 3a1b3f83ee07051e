/* One accepted connection: reading, writing, ending it, and what is remembered of it for the log.
 *
 * Glossary
 *   id      descriptor and generation in one word: names a connection in timers and events, also after it is gone
 *   state   what is done with bytes that arrive; one function changes it
 *   cause   what ended the connection: who, how, and which rule; the first one set stays
 */
#ifndef FAULTD_CONN_H
#define FAULTD_CONN_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script.h"

struct server;

/* X(ID, name). HELD and SILENT read nothing: HELD waits for an answer to be due, SILENT for the client to go.
 * DRAINING has sent FIN and throws away what comes until the client's FIN. CLOSING has sent a close frame. */
#define CONN_STATE_LIST(X)                                                                                                     \
  X(TLS, "tls")                                                                                                                \
  X(HTTP, "http")                                                                                                              \
  X(HELD, "held") X(STREAM, "stream") X(WS, "ws") X(CLOSING, "closing") X(DRAINING, "draining") X(SILENT, "silent")

enum conn_state {
#define X(id, name) CONN_##id,
  CONN_STATE_LIST(X)
#undef X
};

struct conn_times {
  int64_t wall_us;
  uint64_t mono_ns; /* 0: never */
};

/* X(name): counted for each connection and written to the log. */
#define CONN_COUNT_LIST(X)                                                                                                     \
  X(bytes_in)                                                                                                                  \
  X(bytes_out)                                                                                                                 \
  X(messages_in)                                                                                                               \
  X(messages_out)                                                                                                              \
  X(requests) X(pings_in) X(pings_out) X(pongs_in) X(pongs_out) X(lost) X(delayed) X(duplicated) X(reordered) X(corrupted)     \
      X(pushed) X(push_skipped) X(push_lost) X(push_repeated) X(push_swapped) X(bad_frames)

struct held; /* a message that waits: ws.c */

struct conn {
  int fd;
  uint32_t generation;
  uint64_t number; /* from 1 */
  enum conn_state state;
  uint32_t interest; /* epoll events asked for */
  bool is_websocket;
  bool stopped_reading;
  bool end_after_flush; /* end once everything is written */
  bool fin_after_flush; /* shut down once everything is written */
  bool bare_fin;        /* no TLS close_notify before FIN: as from a process that was killed */
  bool fin_sent, fin_seen, rst_seen;
  bool tls_wants_write;
  bool pacing; /* a timer lets bytes go, see split */
  SSL *ssl;
  uint64_t rules; /* of the script, bits */
  uint64_t last_in_ns;
  uint8_t *in; /* bytes read and not yet used; NULL when there are none */
  size_t in_len, in_room;
  uint8_t *out; /* bytes not yet written; NULL when there are none */
  size_t out_at, out_len, out_room;
  uint8_t *parts; /* fragments of a message so far */
  size_t parts_len, parts_room;
  uint8_t parts_opcode; /* 0: none under way */
  struct held *reordered_reply;
  uint64_t push_seq, push_held; /* the last number pushed; one that waits for the next, or 0 */
  /* for the log */
  struct sockaddr_in6 peer; /* IPv4 as mapped address */
  uint16_t local_port;
  char *path, *protocol;
  const char *cause_by, *cause_how; /* static words; NULL: still alive */
  const struct rule *cause_rule;
  char *error;                         /* what the client did wrong */
  uint16_t close_sent, close_received; /* 0: none; 1005: a close frame without code */
  char close_text[124];
  uint16_t status; /* of the last HTTP response */
  struct conn_times accepted, upgraded, first_message, caused, ended;
  struct {
#define X(name) uint64_t name;
    CONN_COUNT_LIST(X)
#undef X
  } count;
};

enum {
  OUT_PENDING_MAX = 1 << 20, /* more than this unwritten: nothing is read from the client until it drains */
  LINGER_MS = 5000           /* how long a closing or draining connection may take */
};

struct conn_times conn_times_now(void);

/* Takes over fd. Returns NULL (and closes fd) without memory. */
struct conn *conn_new(struct server *server, int fd, const struct sockaddr_storage *peer);
/* NULL when that connection is gone. */
struct conn *conn_find(struct server *server, uint64_t id);
static inline uint64_t conn_id(const struct conn *conn) {
  return (uint64_t)conn->generation << 32 | (uint32_t)conn->fd;
}

void conn_set_state(struct server *server, struct conn *conn, enum conn_state state);
/* What epoll is asked for follows from state, buffers and TLS. */
void conn_update_interest(struct server *server, struct conn *conn);

/* Handles an epoll event. The connection may be gone afterwards. */
void conn_on_event(struct server *server, struct conn *conn, uint32_t events);

/* Queues bytes; they leave with conn_flush at the end of the event or timer. False when the connection ended for lack of
 * memory. */
bool conn_send(struct server *server, struct conn *conn, const void *bytes, size_t len);
/* Writes what conn_send queued for the connection that is at work, if there is one. It may be gone afterwards. */
void conn_flush(struct server *server);
static inline size_t conn_out_pending(const struct conn *conn) {
  return conn->out_len - conn->out_at;
}

/* Notes who ended it and how, unless that is known already. rule may be NULL. */
void conn_cause(struct conn *conn, const char *by, const char *how, const struct rule *rule);
/* The client broke the protocol: notes it as the cause. */
void conn_wrong(struct conn *conn, const char *what);
/* Writes what is queued, then FIN, and throws away what comes until the client's FIN or LINGER_MS. */
void conn_fin(struct server *server, struct conn *conn);
/* RST at once; the connection is gone afterwards. */
void conn_rst(struct server *server, struct conn *conn);
void conn_silence(struct server *server, struct conn *conn);
/* Closes once everything is written. */
void conn_end_after_flush(struct server *server, struct conn *conn);
/* Ends the work on a connection for this event or timer: bytes leave, and after them FIN or the end where one is due. Every
 * timer that touched a connection calls it last. */
void conn_settle(struct server *server, uint64_t id);
/* Uses bytes that were kept while the connection was held. */
void conn_use_kept(struct server *server, struct conn *conn);
/* Closes, writes the log line, frees. */
void conn_end(struct server *server, struct conn *conn);
/* A timer that closes the connection when it is still in a state that ends. */
void conn_limit_closing(struct server *server, struct conn *conn);

/* Lets data through a growing buffer; false without memory. */
bool bytes_append(uint8_t **data, size_t *len, size_t *room, const void *more, size_t more_len);

#endif
