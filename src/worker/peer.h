/* One client's connection as the worker holds it, and the table that finds it by descriptor.
 *
 * Glossary
 *   peer   a client's place: the same array index as the engine's slot
 *   sight  what went over the connection's descriptor that libwebsockets does not tell: the truth for its ending
 */
#ifndef WORKER_PEER_H
#define WORKER_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/conn/engine.h"
#include "wire.h"

enum { LH_NO_PEER = UINT32_MAX, LH_NO_FD = -1 };

enum lh_peer_state {
  LH_PEER_IDLE,
  LH_PEER_QUEUED,    /* asked to connect; begun at the end of this loop turn */
  LH_PEER_RESOLVING, /* waits for its target's addresses */
  LH_PEER_DIALLING,  /* TCP connect under way */
  LH_PEER_TLS,
  LH_PEER_UPGRADE,
  LH_PEER_OPEN
};

struct lws;

struct lh_peer {
  struct lws *wsi;        /* NULL outside TLS, UPGRADE and OPEN. Borrowed: libwebsockets frees it */
  struct lh_ending *seen; /* a close frame or a refusal that came; owned, NULL mostly */
  const char *fault;      /* of a bad frame; static, NULL mostly */
  struct lh_wire wire;
  int fd;                 /* LH_NO_FD when there is none */
  int error;              /* errno of the read or write that failed, 0 when none did */
  int tls_error;          /* OpenSSL's reason code, 0 when there is none */
  uint32_t next;          /* of the list it stands in: queued, waiting for an address */
  uint16_t local_port;
  uint8_t state;          /* enum lh_peer_state */
  uint8_t alert;          /* fatal TLS alert received, 0 when none */
  uint8_t verify;         /* X.509 verify result that was refused, 0 when none was */
  uint8_t tries;          /* addresses of this connection tried so far */
  bool eof : 1;           /* the peer closed its direction */
  bool closing : 1;       /* we sent a close frame */
  bool is_tls : 1;
  bool compressed : 1;    /* the message under way is */
  bool held_back : 1;     /* libwebsockets may hold bytes that the socket did not take */
  bool wants_write : 1;   /* the engine waits for lh_engine_on_writable */
  bool is_redirect : 1;
  bool holds_more : 1;    /* frames came in one read with the head; libwebsockets may not have looked at them yet */
  bool follows : 1;       /* the client goes where that leads */
  bool holds_lf : 1;      /* the head's last byte is kept from libwebsockets, which ends a refused upgrade at its head, until
                             the body that it announces begins */
};

enum { LH_PEER_BYTES = 64 }; /* a line of the cache each */
_Static_assert(sizeof(struct lh_peer) == LH_PEER_BYTES, "a peer is one cache line");

/* ---- the table of descriptors, for the interposed calls ---- */
int lh_peers_open(uint32_t descriptors_max, struct lh_err *err); /* once for the process */
/* The peer of a descriptor, NULL for every descriptor that is not a client's connection. */
struct lh_peer *lh_peer_of(int fd);
void lh_peer_bind(struct lh_peer *peer, int fd);
/* Takes the descriptor out of the table; does not close it. */
void lh_peer_unbind(struct lh_peer *peer);

/* ---- what was seen ---- */
/* Told of pings as they are read. */
typedef void lh_peer_pinged(void *context, struct lh_peer *peer, uint32_t pings);
void lh_peers_on_ping(lh_peer_pinged *pinged, void *context);
/* Asked with what a read of an open connection gave, at the beginning of a frame. Returns how much of it is dealt with:
 * libwebsockets gets the rest, which begins a frame too. */
typedef size_t lh_peer_took(void *context, struct lh_peer *peer, const char *bytes, size_t len);
void lh_peers_on_read(lh_peer_took *took, void *context);
/* Whether a read may be offered so: nothing of a frame, a message or a head lies in libwebsockets. */
bool lh_peer_reads_ahead(const struct lh_peer *peer);
size_t lh_peer_took_read(struct lh_peer *peer, const char *bytes, size_t len);
/* A read gave `len` bytes. Returns how many of them libwebsockets may have: fewer when a bad frame begins. */
size_t lh_peer_saw(struct lh_peer *peer, const void *bytes, size_t len);
/* Whether the head of a refusal is read and the body that it announces is not: a soak must say why it was refused. */
bool lh_peer_awaits_body(const struct lh_peer *peer);
/* A read gave the end of the stream. A reset whose errno a write took away reads the same; the socket tells them apart. */
void lh_peer_saw_eof(struct lh_peer *peer);
enum lh_taken lh_peer_taken(const struct lh_peer *peer, uint64_t since_ns, uint64_t now_ns);
/* A read or a write failed with this errno. After the end of the stream that says nothing new: the answer to our last bytes. */
void lh_peer_saw_error(struct lh_peer *peer, int error);
/* Forgets everything of the last connection. */
void lh_peer_reset(struct lh_peer *peer);

/* ---- between two events of libwebsockets (interpose.c) ---- */
/* Called before each event of a connection, and before what follows the closing of each; free to turn the engine. all_read:
 * what came before this turn of the loop is read. */
typedef void lh_between(void *context, bool all_read);
void lh_between_events(lh_between *call, void *context);

/* ---- handing a connected socket to libwebsockets (interpose.c) ---- */
/* Until lh_hand_over_end, the next socket() of this thread returns `fd` and its connect() succeeds at once. */
void lh_hand_over(int fd);
/* Whether libwebsockets took it. */
bool lh_hand_over_end(void);

#endif
