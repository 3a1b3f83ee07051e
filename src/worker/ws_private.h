/* What ws.c (a connection's life) and ws_setup.c (everything before the first one) share. */
#ifndef WORKER_WS_PRIVATE_H
#define WORKER_WS_PRIVATE_H

#include <libwebsockets.h>

#include "detour.h"
#include "dial.h"
#include "handshake.h"
#include "peer.h"
#include "route.h"
#include "sources.h"
#include "ws.h"

/* A group as libwebsockets needs it. All zero for groups of other kinds. */
struct lh_lane {
  const struct lh_group *group;
  const struct lh_target *target;
  struct lh_handshake *handshake;
  struct lws_vhost **vhosts;  /* one in each context; owned, or another lane's */
  const char *local_protocol; /* of lh_ws_protocols: which receive buffer */
  struct lh_sources sources;
};

/* Slots, first in first out, linked through lh_peer.next. */
struct lh_peer_list {
  uint32_t first, last;
};
#define LH_PEER_LIST_EMPTY {LH_NO_PEER, LH_NO_PEER}

struct lh_ws {
  struct lh_ws_args args;
  struct lh_io io;
  struct lws_context **contexts; /* a client's is its slot modulo their number */
  uint32_t context_count;        /* 0: no group of this kind */
  struct lh_engine *engine;
  struct lh_deflate *deflate;     /* NULL when no group asks for it */
  struct lh_dialler *dialler;
  struct lh_routes routes;
  struct lh_detours detours;
  struct lws_vhost ***detour_vhosts; /* by number of the route behind those of targets, twice: without and with deflate */
  struct lh_lane *lanes;          /* by group number */
  struct lh_peer *peers;          /* by slot */
  struct lh_peer_list queued;
  struct lh_inflate **inflaters;  /* by slot; NULL when no group asks for deflate */
  struct lh_peer_list *awaiting;  /* by target number */
  struct lh_peer *current;        /* whose callback is running */
  struct lh_peer *handed;         /* whose socket is being handed to libwebsockets */
  struct lh_token_tag tag;
  uint32_t sockets;
  size_t path_max;
  char *path;                     /* owned: room for the longest */
};

/* No keep-alive of libwebsockets' own: it would hide idle timeouts of the path, and costs a place in a sorted list. */
extern const lws_retry_bo_t lh_no_idle_policy;

static inline uint32_t lh_ws_slot(const struct lh_ws *ws, const struct lh_peer *p) { return (uint32_t)(p - ws->peers); }
static inline const struct lh_lane *lh_ws_lane(const struct lh_ws *ws, uint32_t slot) {
  return &ws->lanes[lh_engine_group_of(ws->engine, slot)];
}

struct lh_template_values lh_ws_values(const struct lh_ws *ws, uint32_t slot);

void lh_peer_list_push(struct lh_ws *ws, struct lh_peer_list *list, uint32_t slot);
uint32_t lh_peer_list_pop(struct lh_ws *ws, struct lh_peer_list *list); /* LH_NO_PEER when empty */
void lh_peer_list_remove(struct lh_ws *ws, struct lh_peer_list *list, uint32_t slot);

/* ws.c and ws_read.c, for ws_setup.c to wire up */
int lh_ws_event(struct lws *wsi, enum lws_callback_reasons what, void *user, void *in, size_t len);
void lh_ws_tunnelling(void *context, uint32_t slot);
void lh_ws_dialled(void *context, uint32_t slot, const struct lh_dialled *dialled);
lh_resolve_settled lh_ws_settled;
lh_peer_took lh_ws_took; /* context is the struct lh_ws */
/* A piece of a message, from libwebsockets' callback, whose result it gives: below 0, the connection has to end. */
int lh_ws_receive(struct lh_ws *ws, struct lh_peer *p, const char *bytes, size_t len);
/* The vhost for connections of this lane by that route; NULL without memory. */
struct lws_vhost *lh_ws_vhost(struct lh_ws *ws, const struct lh_lane *lane, uint32_t route, uint32_t context);
extern const struct lh_io lh_ws_actions; /* with no context */

#endif
