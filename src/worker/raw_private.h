/* What the files of the raw kinds share.
 *
 * raw.c          a connection's life: addresses, TCP, TLS, reading, its end; the engine's actions
 * raw_setup.c    everything before the first connection
 * raw_wire.c     bytes through the socket or through TLS
 * raw_cookies.c  a client's cookies, out and in
 * http_kind.c    keep-alive requests
 * http_login.c   logins on their connections
 * stream_kind.c  one request, a response without end: sse and stream
 * tcp_kind.c     lines
 *
 * Glossary
 *   line   one client's connection; a place in an array by the engine's slot
 *   track  a group as these kinds need it
 */
#ifndef WORKER_RAW_PRIVATE_H
#define WORKER_RAW_PRIVATE_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "detour.h"
#include "dial.h"
#include "longhaul/base/buf.h"
#include "longhaul/conn/cookies.h"
#include "longhaul/conn/http.h"
#include "longhaul/plan/template.h"
#include "login_form.h"
#include "raw.h"
#include "route.h"
#include "sources.h"

enum { LH_NO_LINE = UINT32_MAX };

enum lh_line_state {
  LH_LINE_IDLE,
  LH_LINE_QUEUED,    /* asked to connect; begun at the end of this loop turn */
  LH_LINE_RESOLVING, /* waits for its target's addresses */
  LH_LINE_DIALLING,  /* TCP connect under way */
  LH_LINE_TLS,
  LH_LINE_UPGRADE, /* streams: the request is sent, the response's head is awaited */
  LH_LINE_OPEN
};

/* What the socket did not take yet. */
struct lh_outgoing {
  size_t len, at;
  char bytes[];
};

struct lh_line {
  SSL *ssl;                      /* owned; NULL: plain */
  struct lh_http_reader *reader; /* owned; NULL for tcp */
  struct lh_outgoing *out;       /* owned; NULL mostly */
  void *own;                     /* the kind's own, kept from one connection to the next */
  int fd;
  uint32_t generation; /* of this place: an event of an earlier connection is told by it */
  uint32_t next;       /* of the list it stands in: queued, or waiting for an address */
  uint32_t served;     /* whole responses on this connection */
  uint32_t away_s;     /* what the last response's Retry-After asks for; 0: nothing */
  uint32_t message;    /* http: number of the request under way */
  uint16_t local_port;
  uint8_t state; /* enum lh_line_state */
  uint8_t tries; /* addresses of this connection tried so far */
  uint8_t alert; /* fatal TLS alert received */
  uint8_t error; /* errno of a write that failed */
  bool awaiting : 1;    /* a response is outstanding */
  bool heard : 1;       /* a byte of it came */
  bool closing : 1;     /* the engine asked for the end */
  bool leaving : 1;     /* the last response said that the connection ends */
  bool choked : 1;      /* the engine waits for lh_engine_on_writable */
  bool mid : 1;         /* tcp: inside a line */
  bool wants_write : 1; /* EPOLLOUT is asked for */
  bool following : 1;   /* http: the response is a redirect, and the client goes where it leads */
  bool returning : 1;   /* http: a redirect led here; the response is in, and the client goes back to its target */
  bool logging_in : 1;  /* http: the request under way is the client's login, and `own` its answer */
  bool logged_in : 1;   /* http: a login on this connection has succeeded */
};

struct lh_track;

/* What a kind makes of a connection. */
struct lh_raw_kind {
  /* TCP and TLS are up. False: it ended meanwhile. */
  bool (*up)(struct lh_raw *raw, struct lh_line *line);
  /* Bytes came; at least one. False: the connection ended meanwhile. */
  bool (*take)(struct lh_raw *raw, struct lh_line *line, const char *bytes, size_t len);
  /* The peer is gone: error 0 for FIN. Ends the connection. */
  void (*gone)(struct lh_raw *raw, struct lh_line *line, int error);
  /* The engine wants to end it in good order; what still has to come is waited for. NULL: nothing has. */
  bool (*may_close)(const struct lh_line *line);
  /* Everything held back was written. NULL: nobody waits for that. */
  void (*drained)(struct lh_raw *raw, struct lh_line *line);
};

struct lh_track {
  const struct lh_group *group; /* NULL: a group of another room's kinds */
  const struct lh_target *target;
  const struct lh_raw_kind *kind;
  struct lh_sources sources;
  struct lh_template **heads; /* by message; streams: one; owned */
  struct lh_login_form login; /* http: of logins that go over the clients' own connections */
};

struct lh_line_list {
  uint32_t first, last;
};
#define LH_LINE_LIST_EMPTY {LH_NO_LINE, LH_NO_LINE}

enum { LH_READ_BYTES = 64 * 1024 };

struct lh_raw {
  struct lh_raw_args args;
  struct lh_io io[LH_KIND_COUNT];
  struct lh_engine *engine;
  struct lh_dialler *dialler;
  struct lh_routes routes;
  struct lh_detours detours;
  struct lh_track *tracks; /* by group number */
  struct lh_line *lines;   /* by slot */
  struct lh_line_list queued;
  struct lh_line_list *awaiting; /* by target number */
  struct lh_token_tag tag;
  uv_poll_t watch;
  int epoll;
  uint32_t sockets, clients;
  struct lh_buf request; /* being put together */
  const char *piece;     /* http: of the body being read, within the read buffer */
  size_t piece_len;
  char cookies[LH_COOKIE_LINE_MAX];
  char bytes[LH_READ_BYTES]; /* one read */
};

static inline uint32_t lh_raw_slot(const struct lh_raw *raw, const struct lh_line *line) {
  return (uint32_t)(line - raw->lines);
}
static inline const struct lh_track *lh_raw_track(const struct lh_raw *raw, const struct lh_line *line) {
  return &raw->tracks[lh_engine_group_of(raw->engine, lh_raw_slot(raw, line))];
}

/* ---- raw.c ---- */
/* The number of the route that the client's connection takes: its target's, or where a redirect leads. */
static inline uint32_t lh_raw_route(const struct lh_raw *raw, const struct lh_line *line) {
  const struct lh_detour *detour = lh_detour_of(&raw->detours, lh_raw_slot(raw, line));
  return detour ? detour->route : lh_raw_track(raw, line)->group->target;
}
/* Whether this connection is not to the group's own target. */
static inline bool lh_raw_is_elsewhere(const struct lh_raw *raw, const struct lh_line *line) {
  return lh_raw_route(raw, line) != lh_raw_track(raw, line)->group->target;
}
void lh_raw_end(struct lh_raw *raw, struct lh_line *line, const struct lh_ending *ending);
void lh_raw_end_as(struct lh_raw *raw, struct lh_line *line, enum lh_reason reason, int code, const char *text);
/* Ends it by the errno of its last read or write, or, with 0, as `fin`. */
void lh_raw_end_gone(struct lh_raw *raw, struct lh_line *line, int error, enum lh_reason fin);
/* A header of the response being read, and then its status: what a refusal's Retry-After asks for is kept for the ending. */
void lh_raw_hear_header(struct lh_line *line, const char *name, size_t name_len, const char *value, size_t value_len);
void lh_raw_hear_status(struct lh_line *line, unsigned status);
/* Adds the client's cookies to the head that stands in raw->request; takes one of an answer to the head that stands there. */
int lh_raw_add_cookies(struct lh_raw *raw, const struct lh_line *line);
void lh_raw_take_cookie(struct lh_raw *raw, const struct lh_line *line, const char *value, size_t len);
/* Whether it is a Set-Cookie header that the client is to keep. */
bool lh_raw_is_cookie(const struct lh_raw *raw, const struct lh_line *line, const char *name, size_t len);
/* Whether the line is still the connection it was at that generation. */
static inline bool lh_raw_lives(const struct lh_line *line, uint32_t generation) { return line->generation == generation; }
void lh_raw_tunnelling(void *context, uint32_t slot);
void lh_raw_dialled(void *context, uint32_t slot, const struct lh_dialled *dialled);
lh_resolve_settled lh_raw_settled;
void lh_raw_ready(uv_poll_t *watch, int status, int events);
extern const struct lh_io lh_raw_actions; /* with no context and no send */
struct lh_template_values lh_raw_values(const struct lh_raw *raw, uint32_t slot);

/* ---- raw_wire.c ---- */
enum lh_pull { LH_PULL_BYTES, LH_PULL_AGAIN, LH_PULL_GONE };
/* Reads once into raw->bytes. *got: bytes, or with GONE an errno, 0 for FIN, or a negative OpenSSL reason code. */
enum lh_pull lh_wire_pull(struct lh_raw *raw, struct lh_line *line, long *got);
/* Writes, and keeps what cannot go now. A write that fails is found out by the next read: line->error tells why. -ENOMEM
 * when what is left over cannot be kept; nothing was written then, or the connection is given up. */
int lh_wire_push(struct lh_raw *raw, struct lh_line *line, const char *bytes, size_t len);
/* Writes what was kept. True: nothing is left. */
bool lh_wire_flush(struct lh_raw *raw, struct lh_line *line);
void lh_wire_want_write(struct lh_raw *raw, struct lh_line *line, bool wants); /* to be told when the socket takes something */
void lh_wire_close(struct lh_line *line); /* both directions, so that the next read ends it */

/* ---- the kinds ---- */
extern const struct lh_raw_kind lh_http_kind, lh_sse_kind, lh_stream_kind, lh_tcp_kind;
enum lh_send_result lh_http_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary);
enum lh_send_result lh_tcp_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary);
enum lh_send_result lh_http_login(void *context, uint32_t slot);
void lh_http_forget_login(struct lh_line *line); /* whose connection is gone */
uint64_t lh_sse_retry_after(void *context, uint32_t slot);

#endif
