/* What a lost worker (or a crashed run) leaves in one group, worked out from its last report and the endings it still sent after that. Pure.
 *
 * Its last report ended at `until_ns`. An ending seen later was on its way to the next report, which will never come: the
 * connection is counted here with its true reason. Whatever else was connecting, open or closing at until_ns is lost.
 * What cannot be known is left out: connections begun and still up after until_ns, and messages since then.
 */
#ifndef LONGHAUL_STATS_ESTATE_H
#define LONGHAUL_STATS_ESTATE_H

#include <stdint.h>

#include "longhaul/base/ending.h"
#include "longhaul/stats/snapshot.h"

struct lh_estate {
  uint64_t connecting, open, closing; /* connections that end with the estate's own reason */
  uint64_t logins;                    /* and logins */
};

struct lh_estate_args {
  uint16_t group;
  enum lh_reason reason; /* WORKER_LOST or SHUTDOWN */
  uint64_t until_ns, now_ns;
  const struct lh_ending *since; /* endings after the last report, of any group */
  size_t since_count;
};

/* Moves the standing (gauges) to what holds without the worker and adds the counts and tallies to `into`. */
struct lh_estate lh_estate_settle(const struct lh_estate_args *args, uint64_t standing[LH_GAUGE_COUNT],
                                  struct lh_snapshot *into);

/* The ending that stands for the estate's connections of one stage; no client is named. */
struct lh_ending lh_estate_ending(const struct lh_estate_args *args, enum lh_stage stage);

#endif
