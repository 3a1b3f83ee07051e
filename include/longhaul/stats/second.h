/* One group's connections over one tick of at most a second: what a storm is read from, since an interval is too coarse.
 *
 * A tick is what a worker reports at a time: an interval in the fewest equal parts that are no longer than a second. Only
 * ticks in which something changed are kept: a quiet group costs nothing. What a worker says late (it was stopped, its pipe
 * was full) stands in the tick of its report, so a tick may hold more than its own time where the tester was late.
 */
#ifndef LONGHAUL_STATS_SECOND_H
#define LONGHAUL_STATS_SECOND_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/clock.h"
#include "longhaul/stats/counters.h"

/* X(name, its counter, help): added in the tick */
#define LH_SECOND_COUNTER_LIST(X)                                                    \
  X(attempts, attempts, "connections begun")                                         \
  X(opened, opened, "connections that became open")                                  \
  X(drops, drops, "open connections that ended without the plan asking for it")      \
  X(failed, connect_failures, "connections that ended before they were open")        \
  X(retry_afters, retry_afters, "waits that a server's Retry-After made longer")

/* X(name, its gauge, help): at the tick's end */
#define LH_SECOND_GAUGE_LIST(X)                                                      \
  X(open, open, "clients open")                                                      \
  X(queued, queued, "clients waiting for the connect-rate cap")

struct lh_second {
  uint64_t from_ns; /* begin of the tick */
#define X(name, source, help) uint64_t name;
  LH_SECOND_COUNTER_LIST(X) LH_SECOND_GAUGE_LIST(X)
#undef X
};

/* Ticks of one interval. */
static inline uint32_t lh_ticks_each(uint64_t interval_ns) {
  return (uint32_t)((interval_ns + LH_NS_PER_S - 1) / LH_NS_PER_S);
}

/* Whether it says anything that the one before it, as last kept, did not. */
static inline bool lh_second_is_quiet(const struct lh_second *second, const struct lh_second *before) {
  uint64_t happened = 0;
#define X(name, source, help) happened |= second->name;
  LH_SECOND_COUNTER_LIST(X)
#undef X
#define X(name, source, help) happened |= second->name ^ before->name;
  LH_SECOND_GAUGE_LIST(X)
#undef X
  return happened == 0;
}

#endif
