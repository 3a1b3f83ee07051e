/* Names of targets, or of their proxies, looked up off the loop and kept fresh; numeric and pinned addresses and unix sockets
 * need no looking up.
 *
 * Glossary
 *   book     the addresses of one target
 *   settled  a look-up came to an end, with addresses or with a reason why not
 */
#ifndef WORKER_RESOLVE_H
#define WORKER_RESOLVE_H

#include <stdint.h>
#include <uv.h>

#include "dial.h"
#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

/* Addresses of one family each, so that a name with both is tried in one and then the other. */
struct lh_book {
  struct lh_address *addresses; /* sorted within a family: a client keeps its address while the name keeps its set */
  uint32_t first_count;         /* of the preferred family, at the front */
  uint32_t count;
  enum lh_target_spread spread;        /* FIRST: not sorted, and everyone takes the first */
};

/* error: 0 or a UV_EAI_* code. */
typedef void lh_resolve_settled(void *context, uint32_t target, int error);

struct lh_resolver;
int lh_resolver_new(struct lh_resolver **resolver, uv_loop_t *loop, uint32_t targets_max, lh_resolve_settled *settled,
                    void *context, struct lh_err *err);
/* Targets are numbered as they are added; each is borrowed until the process ends. At most targets_max. */
int lh_resolver_add(struct lh_resolver *resolver, const struct lh_target *target, struct lh_err *err);
/* The target's addresses, NULL while there are none. Valid until the loop's next turn. */
const struct lh_book *lh_resolve_book(const struct lh_resolver *resolver, uint32_t target);
/* Asks for the addresses of a target that has none: `settled` follows, never from within the call. */
void lh_resolve(struct lh_resolver *resolver, uint32_t target);
/* The address for this client's try number `nth` (from 0) of one connection: spread by client within the preferred family,
 * then within the other. NULL when all were tried. */
const struct lh_address *lh_book_pick(const struct lh_book *book, uint32_t client, uint32_t nth);
/* Connecting worked only in the second family: prefer it from now on. */
void lh_resolve_prefer(struct lh_resolver *resolver, uint32_t target, int family);

#endif
