/* Kinds of endings that the log has told of. Who starts a night's run and leaves must see at once that nothing opens, and why;
 * what goes on ending in the same way need not be said again, since the interval lines and the report count it. Pure.
 */
#ifndef LH_RUN_FIRSTS_H
#define LH_RUN_FIRSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/stats/snapshot.h"

enum { LH_FIRSTS_MAX = 32 }; /* kinds; a server that makes up close codes must not fill the log */

enum lh_first {
  LH_FIRST_NOT,  /* planned, or told of before */
  LH_FIRST_YES,
  LH_FIRST_LAST, /* as YES, and there is no room for more kinds: say so */
};

/* All zero at its start. */
struct lh_firsts {
  struct {
    uint32_t group;
    uint8_t stage, reason;
    int32_t code;
  } kinds[LH_FIRSTS_MAX];
  uint32_t count;
};

/* A kind is group, stage, reason and code: texts differ too easily. */
enum lh_first lh_firsts_add(struct lh_firsts *firsts, uint32_t group, const struct lh_tally *tally);

#endif
