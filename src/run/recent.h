/* The last ten ticks, for the view: rates, response percentiles, endings and tester health as of now. Pure. */
#ifndef LH_RUN_RECENT_H
#define LH_RUN_RECENT_H

#include <stdint.h>

#include "longhaul/stats/snapshot.h"
#include "longhaul/worker/protocol.h"

enum { LH_RECENT_TICKS = 10, LH_RECENT_ENDINGS = 8 };

struct lh_recent;

struct lh_recent_group {
  double sent_per_s;
  uint64_t replied, p50_us, p99_us; /* response; 0 replies: the percentiles mean nothing */
};

struct lh_recent_ending {
  uint64_t tick; /* when it was last seen */
  uint32_t group;
  struct lh_tally tally; /* count: since it first stood in this list */
};

struct lh_recent_health {
  double cpu_percent;       /* of one core, all workers, over the window */
  uint64_t loop_lag_max_us; /* over the window */
  uint64_t rss_bytes;       /* all workers, as of now */
  uint64_t engine_bytes;
};

/* NULL when memory is out. */
struct lh_recent *lh_recent_new(uint32_t groups, uint32_t workers, uint64_t tick_ns);
void lh_recent_free(struct lh_recent *recent); /* accepts NULL */

/* One worker's report; ticks before the window are left out. */
void lh_recent_add(struct lh_recent *recent, uint32_t worker, uint64_t tick, const struct lh_worker_health *health,
                   const struct lh_snapshot *groups);
void lh_recent_worker_lost(struct lh_recent *recent, uint32_t worker);

struct lh_recent_group lh_recent_of(struct lh_recent *recent, uint32_t group);
struct lh_recent_health lh_recent_health(const struct lh_recent *recent);
/* Latest first; endings by our own plan are left out. Returns how many (at most LH_RECENT_ENDINGS). */
uint32_t lh_recent_endings(const struct lh_recent *recent, struct lh_recent_ending out[LH_RECENT_ENDINGS]);

#endif
