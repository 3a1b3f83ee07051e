/* Redirects that clients follow: where each one goes next, in place of its target, and what it says there.
 *
 * A redirect ends the connection it came on (reason "redirect followed"), and the client connects to where it leads by way of
 * the engine's queue, so that rate caps and `deny` hold there as well. With kind http one that stays on the server goes out on
 * the same connection.
 *
 * Glossary
 *   away   on another server than the target's own, in the sense of credentials: Authorization, Cookie and Host stay behind
 *   fresh  found by the connection that is ending; the next one takes it. One that no connection took is forgotten
 */
#ifndef WORKER_DETOUR_H
#define WORKER_DETOUR_H

#include "handshake.h"
#include "longhaul/plan/template.h"
#include "route.h"

struct lh_detour {
  uint32_t route; /* number of the route */
  uint32_t hops;  /* redirects so far, this one included */
  bool fresh;
  bool is_get;    /* kind http: the request became a GET without a body */
  struct lh_target target;        /* its members are the route's; the path is owned */
  struct lh_group group;          /* the client's, with other headers */
  struct lh_headers headers;      /* owned array, borrowed lines */
  struct lh_handshake *handshake; /* kind websocket, else NULL; owned */
  struct lh_template *head;       /* other kinds; owned */
};

/* By slot; NULL for clients on their straight way. No table at all where no group follows redirects. */
struct lh_detours {
  const struct lh_config *config; /* borrowed */
  struct lh_routes *routes;       /* borrowed */
  struct lh_detour **by_slot;     /* owned, as each is */
  char **locations;               /* by slot: a Location that was read and waits for its head's end; owned */
};

/* Whether a group of one of these kinds follows redirects; then `routes` needs room for more. */
bool lh_detours_wanted(const struct lh_config *config, bool websocket);
int lh_detours_new(struct lh_detours *detours, uint32_t slots, struct lh_err *err);

/* 301, 302, 303, 307 and 308. */
bool lh_is_redirect(unsigned status);
/* Keeps the value of a Location header until its response's head is over. */
void lh_detour_note(struct lh_detours *detours, uint32_t slot, const char *value, size_t len);

struct lh_detour_args {
  uint32_t slot;
  const struct lh_group *group;
  const struct lh_message *message; /* kind http */
  const char *path;                 /* of the request that was redirected, with the values of its variables; NULL: not known */
  unsigned status;
};
/* Follows the Location noted. NULL: the client's next request goes there; else why it is not followed. */
const char *lh_detour_take(struct lh_detours *detours, const struct lh_detour_args *args);

/* The client begins a connection: NULL when it is on its straight way. */
struct lh_detour *lh_detour_begin(struct lh_detours *detours, uint32_t slot);
struct lh_detour *lh_detour_of(const struct lh_detours *detours, uint32_t slot);
void lh_detour_drop(struct lh_detours *detours, uint32_t slot);

#endif
