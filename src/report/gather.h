/* Everything a report needs of a run file, read in one pass.
 *
 * Glossary
 *   lane   one group's intervals as arrays, or the whole run's (the last lane): index i is interval from_k + i
 *   site   the host of one shard: its facts, limits and samples, and what it watched
 *   watch  a histogram that an objective names: its slots are kept for each interval, so that parts of the run can be summed
 */
#ifndef LONGHAUL_REPORT_GATHER_H
#define LONGHAUL_REPORT_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/analysis/analysis.h"
#include "longhaul/base/err.h"
#include "longhaul/report/report.h"
#include "longhaul/stats/snapshot.h"
#include "longhaul/store/reader.h"

/* X(name, histogram, percentile): what a lane keeps of each interval's histograms; 100 is the exact maximum. */
#define LH_LANE_LATENCY_LIST(X)                                                                                                \
  X(response_p50_us, response, 50)                                                                                             \
  X(response_p90_us, response, 90)                                                                                             \
  X(response_p99_us, response, 99)                                                                                             \
  X(response_max_us, response, 100)                                                                                            \
  X(service_p50_us, service, 50)                                                                                               \
  X(service_p99_us, service, 99)                                                                                               \
  X(send_lateness_p99_us, send_lateness, 99)                                                                                   \
  X(ping_p50_us, ping, 50)                                                                                                     \
  X(ping_p99_us, ping, 99)                                                                                                     \
  X(rtt_p50_us, rtt, 50)                                                                                                       \
  X(rtt_p99_us, rtt, 99)                                                                                                       \
  X(connect_p99_us, connect_total, 99)                                                                                         \
  X(outage_max_us, outage, 100)

enum lh_lane_latency {
#define X(name, hist, percentile) LH_LANE_##name,
  LH_LANE_LATENCY_LIST(X)
#undef X
      LH_LANE_LATENCY_COUNT
};

struct lh_lane {
  const char *name;               /* borrowed from the reader; NULL for the whole run */
  const struct lh_group_row *row; /* NULL for the whole run */
  struct lh_snapshot total;
  uint64_t (*counters)[LH_COUNTER_COUNT];
  uint64_t (*gauges)[LH_GAUGE_COUNT];
  uint64_t (*latency)[LH_LANE_LATENCY_COUNT]; /* LH_NEVER: nothing was recorded */
  uint32_t next;                              /* intervals up to this index are filled in */
  struct lh_drop *drops;                      /* rows of endings that are drops; not for the whole run */
  size_t drop_count, drop_room;
  struct lh_second *seconds; /* times since the start of the run; not for the whole run */
  size_t second_count, second_room;
  struct lh_tally *tallies; /* of every interval, times since the start of the run; not for the whole run */
  uint32_t *tally_at;       /* the interval's index of each */
  size_t tally_count, tally_room, tally_at_room;
};

/* Slots of the histogram and one for its overflow. */
enum { LH_WATCH_SLOTS = LH_HDR_PAGES * LH_HDR_PAGE_SLOTS + 1 };

struct lh_bin {
  uint32_t slot; /* LH_WATCH_SLOTS - 1: the overflow */
  uint64_t count;
};

struct lh_watch {
  uint32_t lane, hist;
  struct lh_bin *bins; /* those of interval i: [starts[i], starts[i + 1]) */
  size_t bin_count, bin_room;
  size_t *starts;      /* count + 1 of them */
  uint64_t *maxima_us; /* exact, by interval */
  double *sums_us;
};

struct lh_health_sum { /* of all workers in one interval */
  uint64_t cpu_us;
  double cpu_busiest; /* share of one core used by the worker that used most */
  uint64_t rss_bytes, engine_bytes, lag_max_us, descriptors_max;
  uint32_t workers, clients;
  uint64_t in_flight_full, no_memory; /* struct lh_engine_faults */
  uint32_t silent; /* workers that said nothing of half of it, or of 2 s, until it was stored */
};

struct lh_event_item {
  uint64_t at_ns; /* since the start of the run */
  enum lh_event_kind kind;
  uint32_t group;
  char *text, *details; /* owned; details may be NULL */
};

struct lh_fact_item {
  char *name, *source, *value; /* owned */
};

struct lh_rung_item {
  char *name, *value, *detail, *remedy; /* owned */
  uint64_t clients;                     /* LH_ANY: no bound */
  bool soft, estimated;
};

struct lh_watched_item {
  int64_t at_ns; /* since the start of the run: negative before it */
  uint32_t what; /* number in lh_site.watched */
  double value;
};

struct lh_host_item {
  uint32_t index; /* of the interval */
  struct lh_host_sample sample;
};

/* What the host of one shard told. A run that is not merged has one site. */
struct lh_site {
  struct lh_shard_row row; /* of a merged file; of others the shard's number alone. Texts owned */
  struct lh_host_item *host;
  size_t host_count, host_room;
  struct lh_fact_item *facts;
  size_t fact_count, fact_room;
  struct lh_rung_item *rungs; /* what binds first stands first */
  size_t rung_count, rung_room;
  struct lh_watched *watched; /* each value of the server and of the supervisor; owned, with its texts */
  size_t watched_count, watched_room;
  struct lh_watched_item *sightings; /* of all of them, in order of time */
  size_t sighting_count, sighting_room;
  uint64_t cpu_us, lag_max_us; /* of its workers */
  double cpu_busiest;
};

struct lh_gather {
  struct lh_reader *reader;
  const struct lh_run_row *run;
  uint32_t from_k, count;     /* intervals in the report */
  uint64_t from_ns, until_ns; /* what they cover, since the start of the run */
  bool in_progress;           /* as asked for: the run goes on */
  bool whole;                 /* nothing was left out by --from or --until */
  struct lh_lane *lanes;      /* group_count + 1: the last is the whole run */
  uint32_t group_count;
  bool *stored;               /* by interval: it has a row. Without one nobody watched (the run was stopped and resumed), or the file is damaged */
  uint32_t away;              /* how many have none */
  bool torn;                  /* the file is not whole, and lacks some of them */
  struct lh_hdr now[LH_HIST_COUNT]; /* the whole run's histograms of the interval being read */
  struct lh_health_sum *health;     /* by interval */
  struct lh_site *sites; /* by rising shard; always one at least */
  size_t site_count, site_room;
  size_t site_at;        /* the one that was asked for last: rows of one site come together, or in turns */
  bool merged;           /* of shards */
  struct lh_event_item *events;
  uint64_t listed_until_ns; /* time of the last row of endings, since the start of the run */
  size_t event_count, event_room;
  struct lh_watch *watches; /* set by the caller between open and read; freed with the rest */
  size_t watch_count;
};

/* Opens the run file and settles which intervals the report covers. `out` is freed by lh_gather_free also after a failure. */
int lh_gather_open(struct lh_gather *out, const struct lh_report_args *args, struct lh_err *err);
int lh_gather_read(struct lh_gather *g, struct lh_err *err);
/* Drops past the cap of ending rows, from the ticks, added to the lanes. Part of lh_gather_read. 0 or -ENOMEM. */
int lh_gather_unlisted(struct lh_gather *g);
void lh_gather_free(struct lh_gather *g);

/* gather_site.c, part of lh_gather_read: the visits of what a host tells, context is the gather; and what they leave. */
int lh_gather_on_shard(void *context, const struct lh_shard_row *shard);
int lh_gather_on_host(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample);
int lh_gather_on_fact(void *context, const struct lh_fact_row *fact);
int lh_gather_on_rung(void *context, const struct lh_rung_row *rung);
int lh_gather_on_watched(void *context, const struct lh_watched_row *row);
/* The site whose worker it is; NULL when there is no memory. */
struct lh_site *lh_gather_site_of_worker(struct lh_gather *g, uint32_t worker);
/* Makes the one site of a run that is not merged, when nothing was told of it. 0 or -ENOMEM. */
int lh_gather_sites_close(struct lh_gather *g);
void lh_gather_sites_free(struct lh_gather *g);
/* Room for one more; NULL: no memory. The list stays the caller's. */
void *lh_gather_room(void *list, size_t count, size_t *room, size_t size);

const struct lh_lane *lh_gather_run(const struct lh_gather *g); /* the last lane */
/* Length of interval i: the last one may be short. */
uint64_t lh_gather_length_ns(const struct lh_gather *g, uint32_t i);
const char *lh_lane_latency_name(enum lh_lane_latency id);

#endif
