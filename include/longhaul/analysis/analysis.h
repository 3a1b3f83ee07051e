/* Arrays in, findings out: what a person should be told, with its evidence and confidence. Pure.
 *
 * Glossary
 *   finding   a sentence, its evidence, a confidence 0..1, and where on the timeline it stands
 *   storm     a mass drop: more than 1 % of a group or 50 clients within one second, whichever is less, and at least 5
 *   outage    a time in which a group had no client open, or a storm that took all of them
 *   plateau   the intervals in which a group wants its full number; ramps are no drift
 *
 * All times are nanoseconds since the start of the run. Sentences escape nothing: text from peers is in them.
 */
#ifndef LONGHAUL_ANALYSIS_ANALYSIS_H
#define LONGHAUL_ANALYSIS_ANALYSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/stats/snapshot.h"
#include "longhaul/store/store.h" /* LH_NO_GROUP */

enum lh_severity { LH_SEVERITY_INFO, LH_SEVERITY_NOTICE, LH_SEVERITY_SERIOUS };
const char *lh_severity_name(enum lh_severity severity); /* "info", "notice", "serious" */

struct lh_finding {
  char *id;        /* stable short name: "mass-drop", "outage", "tester-late", "tls-unverified" ... see findings.c */
  char *sentence;
  char *evidence;  /* the figures behind it */
  double confidence;
  enum lh_severity severity;
  uint32_t group;  /* LH_NO_GROUP for the run */
  uint64_t from_ns, until_ns;
};
struct lh_findings {
  struct lh_finding *items; /* serious ones first, then in order of time */
  size_t count;
};
void lh_findings_free(struct lh_findings *findings);

/* One group's intervals as parallel arrays of `count` values each, without holes in time. `wanted` and `open` are needed,
 * any other array may be NULL: not known. */
struct lh_series {
  uint32_t group;
  const char *name;
  uint64_t first_ns;                  /* start of the first interval; 0 for a whole run */
  uint64_t interval_ns;
  size_t count;
  const uint32_t *wanted, *open;      /* at the interval's end */
  const uint64_t *drops, *reconnects, *attempts, *failures;
  const uint64_t *response_p50_us, *response_p99_us; /* 0: no replies */
  const uint64_t *replied, *lost;
  const bool *tester_late;            /* the tester was the bottleneck in this interval */
};

/* One row of endings that is a drop (lh_ending_is_drop), as storms and clusters are found from; in order of time. */
struct lh_drop {
  uint64_t at_ns;
  uint64_t open_ns, idle_ns; /* as in struct lh_ending */
  uint64_t count;            /* drops that the row stands for; 0 is taken as 1 */
  uint8_t stage, reason;
  int32_t code;
};

struct lh_storm {
  uint64_t from_ns, until_ns;   /* first and last drop of it */
  uint64_t drops;
  uint64_t open_before;         /* clients open at the end of the interval before it */
  uint8_t reason;               /* the commonest */
  int32_t code;
  uint64_t back_50_ns, back_95_ns, back_100_ns; /* after from_ns, by the interval's resolution; LH_NEVER: not seen */
  double attempts_peak_per_s;   /* until all were back, by the interval's resolution */
  uint64_t failed_attempts;     /* until all were back */
};

/* Finds the storms of one group, in order of time. Returns how many, at most `most`; with out NULL it counts them all, for
 * whoever makes the room. */
size_t lh_find_storms(const struct lh_series *series, const struct lh_drop *drops, size_t drop_count, struct lh_storm *out,
                      size_t most);

/* What is known of one group. Everything is borrowed for the call. */
struct lh_find_group {
  struct lh_series series;
  const struct lh_snapshot *total; /* of all its intervals, merged with lh_snapshot_merge_later */
  const struct lh_drop *drops;
  size_t drop_count;
  const struct lh_storm *storms;   /* from lh_find_storms */
  size_t storm_count;
  const struct lh_tally *tallies;  /* those of every interval, in order; first_ns and last_ns since the start of the run */
  size_t tally_count;
  uint32_t connections;
  bool tls, tls_verify;
};

struct lh_find_args {
  const struct lh_find_group *groups;
  size_t group_count;
  int64_t start_wall_us; /* of the run; 0: sentences give times since the start alone */
};

/* Sentences for outages, storms, drift of latency (Mann-Kendall with Sen's slope), clusters at one idle time or lifetime,
 * lost messages, groups that never opened, tester trouble, TLS not verified. 0 or -ENOMEM (then out is empty). */
int lh_find(const struct lh_find_args *args, struct lh_findings *out, struct lh_err *err);

#endif
