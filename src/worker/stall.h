/* Whether the loop stood still: the process was stopped, swapped out or starved of the processor while events waited.
 *
 * What ended in such a time was seen too late to say why, or because of it: pings went unanswered, deadlines passed unread. The
 * engine is told before it hears of such endings. Being busy is no stall: a herd that takes seconds of work is our load, and
 * its endings are what they seem.
 */
#ifndef WORKER_STALL_H
#define WORKER_STALL_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/conn/engine.h"

struct lh_stall {
  struct lh_engine *engine; /* borrowed; NULL: nobody to tell yet */
  uint64_t armed_ns;        /* when the loop was to wake up at the latest; LH_NEVER: only for events */
  uint64_t cpu_ns, cpu_at_ns; /* used by the process until then: shortly before it began to wait */
  uint64_t asleep_ns;       /* the machine was suspended for, since it was booted */
  bool is_looked;           /* at asleep_ns since this wait began */
  bool is_told;             /* of the stall that this wait became */
};

/* Once, before the first wait. */
void lh_stall_begin(struct lh_stall *stall, struct lh_engine *engine);
/* Just before the loop waits, with the timer armed. */
void lh_stall_wait(struct lh_stall *stall, uint64_t now_ns, uint64_t armed_ns);
/* First thing when something is seen after a wait that may have to be laid at the stall's door; costs a reading of a clock after each wait,
 * and one comparison. */
void lh_stall_look(struct lh_stall *stall, uint64_t now_ns);

#endif
