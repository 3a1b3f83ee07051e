/* Before a run: which targets are public, what the plan would do to them, and which are denied. Names are judged by every
 * address that they have now; where a name leads later is judged at each connect (config/reach.h).
 *
 * Glossary
 *   charge  what the plan puts on one target at its peak
 */
#ifndef LONGHAUL_RUN_CARE_H
#define LONGHAUL_RUN_CARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/config/reach.h"

enum { LH_ADDRESS_TEXT_MAX = 64 };

struct lh_care_target {
  const struct lh_target *target; /* borrowed from the config */
  enum lh_reach reach;            /* the worst of its addresses */
  char address[LH_ADDRESS_TEXT_MAX]; /* the first one that is not allowed; "" when all are */
  const char *pattern;            /* DENIED: the pattern that matches, borrowed from the config */
  uint64_t clients;               /* charge: of all groups on it, over all shards */
  double connects_per_second, messages_per_second;
};

struct lh_care {
  struct lh_care_target *targets; /* owned: those that groups use and that are not allowed, in the config's order */
  size_t count;
};

/* Looks names up, for at most 3 s together: one that gives no answer is left to be judged at connect time. 0 or -ENOMEM. */
int lh_care_look(struct lh_care *care, const struct lh_config *config, struct lh_err *err);
void lh_care_free(struct lh_care *care);

/* Whether a group connects to it, or logs in there. */
bool lh_care_is_used(const struct lh_config *config, uint32_t target);

/* X(ID, name): what `run` will say of a target, as far as its URL and its addresses tell. Pure: no name is looked up. */
#define LH_OUTLOOK_LIST(X)                                                                                                     \
  X(PRIVATE, "private")                                                                                                        \
  X(AUTHORIZED, "authorized")                                                                                                  \
  X(DENIED, "denied")                                                                                                          \
  X(ASKED, "asked for")              /* public, and not authorized: the run stops */                                           \
  X(NAMED, "asked for when public")  /* a name that is looked up first */
enum lh_outlook {
#define X(id, name) LH_OUTLOOK_##id,
  LH_OUTLOOK_LIST(X)
#undef X
};
const char *lh_outlook_name(enum lh_outlook outlook);
/* address: the one that it is judged by, "" when that is none that is public. */
enum lh_outlook lh_care_outlook(const struct lh_config *config, uint32_t target, char address[LH_ADDRESS_TEXT_MAX]);

/* What the groups on one target ask for at their peak. Pure. */
int lh_care_charge(const struct lh_config *config, uint32_t target, struct lh_care_target *out);

#endif
