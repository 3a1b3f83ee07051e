/* Ways to reach servers: one for each target that a kind of connection uses, and one for each other server that redirects lead
 * to.
 *
 * Glossary
 *   route  what is the same for all connections to one place: addresses, a proxy's tunnel, TLS settings
 */
#ifndef WORKER_ROUTE_H
#define WORKER_ROUTE_H

#include "location.h"
#include "longhaul/base/ending.h"
#include "resolve.h"
#include "tls.h"

struct lh_route {
  const struct lh_target *target; /* borrowed; NULL: not open */
  char *tunnel;                   /* owned; what its proxy is asked for, or NULL */
  struct lh_tls *tls;             /* owned; NULL: plain */
  uint32_t base;                  /* number of the target that it serves: itself, or the one whose redirects lead here */
  bool away;                      /* another server than that target's, in the sense of credentials */
};

/* By the number of their target, which is their number in the resolver as well; behind them those of redirects. */
struct lh_routes {
  const struct lh_config *config; /* borrowed */
  struct lh_resolver *resolver;   /* owned */
  struct lh_route *items;         /* owned */
  uint32_t count, room;
};

struct lh_routes_args {
  uv_loop_t *loop;
  const struct lh_config *config; /* borrowed, as its targets */
  bool redirects;                 /* room is made for LH_DETOUR_ROUTES_MAX more */
  lh_resolve_settled *settled;
  void *context;
};

/* On failure the worker ends, and what was made with it. */
int lh_routes_new(struct lh_routes *routes, const struct lh_routes_args *args, struct lh_err *err);
/* Makes ready what connections to this target need. Again: nothing. -EINVAL with a sentence when its TLS files are of no use. */
int lh_route_open(struct lh_routes *routes, uint32_t number, struct lh_err *err);
/* The route to where a redirect of a connection for that target leads: the target's own, one there is, or a new one. -ENOSPC when
 * there are too many; another negative errno when it cannot be made. */
int lh_route_to(struct lh_routes *routes, uint32_t target, const struct lh_location *to);

/* The ending of a connect that failed; *dialled has an error. */
void lh_route_ending(const struct lh_route *route, const struct lh_dialled *dialled, struct lh_ending *out);
/* The ending of a look-up that failed with a UV_EAI_* code. */
void lh_route_not_resolved(const struct lh_route *route, int error, struct lh_ending *out);

#endif
