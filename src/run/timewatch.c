#include "run/timewatch.h"

#include <stdlib.h>

#include "longhaul/base/clock.h"

struct lh_timechange lh_timewatch_look(struct lh_timewatch *watch, struct lh_reading reading) {
  struct lh_timechange change = {0};
  int64_t least = (int64_t)LH_TIMEWATCH_LEAST_MS * (int64_t)LH_NS_PER_MS;
  int64_t ran = (int64_t)(reading.now_ns - watch->last.now_ns);
  int64_t slept = (int64_t)(reading.boot_ns - watch->last.boot_ns) - ran;
  int64_t stepped = (reading.wall_us - watch->last.wall_us) * (int64_t)LH_NS_PER_US - ran - slept;
  watch->last = reading;
  if (slept > least) change.suspended_ns = (uint64_t)slept;
  if (llabs(stepped) > least) change.stepped_ns = stepped;
  return change;
}
