/* Arrays in, findings out: what a person should be told, with its evidence and confidence. Pure.
 *
 * Glossary
 *   finding   a sentence, its evidence, a confidence 0..1, and where on the timeline it stands
 *   storm     a mass drop: so many drops of a group within one second as run.mass_drop says (lh_plan_mass_drop)
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
#include "longhaul/config/config.h"
#include "longhaul/stats/second.h"
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
  struct lh_finding *items; /* serious ones first; then what explains drops, the drops, and all else, each in order of time */
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
  const uint64_t *pushes_skipped, *push_silences; /* counters of the checks of pushes */
  const bool *tester_late;            /* the tester was the bottleneck in this interval */
  /* What storms are read from, where it is known; without it the intervals serve. */
  const struct lh_second *seconds; /* ticks in which something changed, in order of time; NULL: not known */
  size_t second_count;
  uint64_t second_ns; /* length of a tick; an interval is a whole number of them */
  uint64_t enough;    /* drops within a second that are a storm; 0: the default for the most clients wanted */
  const struct lh_reconnect_config *reconnect; /* NULL: not known */
  double connect_rate;                         /* cap of the whole run; 0: none */
};

/* One row of endings that is a drop (lh_ending_is_drop), as storms and clusters are found from; in order of time. */
struct lh_drop {
  uint64_t at_ns;
  uint64_t open_ns, idle_ns; /* as in struct lh_ending */
  uint64_t count;            /* drops that the row stands for; 0 is taken as 1 */
  uint8_t stage, reason;
  int32_t code;
  bool is_unlisted; /* past the cap of rows: from the ticks; open_ns and idle_ns are not known, at_ns is to a tick */
};

enum { LH_STORM_REASONS_MAX = 4 };
struct lh_storm_reason {
  uint64_t drops;
  uint8_t reason;
};

struct lh_storm {
  uint64_t from_ns, until_ns;   /* first and last drop of it */
  uint64_t drops;
  uint64_t open_before;         /* clients open at the end of the tick (or interval) before it */
  uint64_t full;                /* open clients that are "all": open_before, or that of a storm before it that was not over */
  struct lh_storm_reason reasons[LH_STORM_REASONS_MAX]; /* the commonest ones, falling; as many as have drops */
  uint8_t reason;               /* the commonest */
  int32_t code;
  bool overtaken;               /* the next storm of the group began before all were back: what follows ends there */
  uint64_t resolution_ns;       /* of the next five: a tick, or an interval where ticks are not known */
  uint64_t back_50_ns, back_95_ns, back_100_ns; /* after from_ns, at the end of a tick; LH_NEVER: not seen */
  double attempts_peak_per_s;   /* until all were back */
  uint64_t failed_attempts;     /* until all were back */
  uint64_t queued_peak;         /* most clients waiting for the connect-rate cap at the end of a tick, until all were back */
  uint64_t retry_afters;        /* waits that a Retry-After made longer, until all were back */
  double even_peak_per_s;       /* what attempts_peak_per_s would be with waits drawn evenly; 0: not known. See spread.c */
};

/* Whether the attempts of a storm were spread as its policy's waits allow. */
enum lh_spread {
  LH_SPREAD_UNKNOWN, /* too few, not known by ticks, or the server set the waits by Retry-After */
  LH_SPREAD_EVEN,    /* at most 1.5 times the peak of waits drawn evenly, and what chance adds */
  LH_SPREAD_CAPPED,  /* the connect-rate cap held them down */
  LH_SPREAD_BUNCHED
};
enum lh_spread lh_storm_spread(const struct lh_series *series, const struct lh_storm *storm);
const char *lh_spread_name(enum lh_spread spread); /* NULL for unknown */

/* Finds the storms of one group, in order of time. Returns how many, at most `most`; with out NULL it counts them all, for
 * whoever makes the room. */
size_t lh_find_storms(const struct lh_series *series, const struct lh_drop *drops, size_t drop_count, struct lh_storm *out,
                      size_t most);

/* The way back of a storm, point by point, from the tick (or interval) before its first drop until all were back, or as far as
 * 10 minutes: long ones in steps of several ticks. */
struct lh_storm_point {
  uint64_t open, queued;              /* at its end */
  uint64_t attempts, opened, failed, drops; /* in it */
};
enum { LH_STORM_POINTS_MAX = 120 };
struct lh_storm_curve {
  uint64_t from_ns, step_ns;
  size_t count;
  struct lh_storm_point points[LH_STORM_POINTS_MAX];
};
void lh_storm_draw(const struct lh_series *series, const struct lh_storm *storm, struct lh_storm_curve *out);

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
  bool checks_pushes; /* the config has `incoming` */
};

/* ---- the server ---- */

/* One value of the server over the run: from its processes ("process") or from its own metrics ("metrics"). */
struct lh_watched {
  const char *source, *name;
  bool has_before, has_end, has_after; /* whether there was a sample of it then */
  double before, most, end, after;     /* before the first client; while the last clients were there; after the last one */
  uint64_t after_ns;          /* the latest sample, after the last client had left */
  bool fell;                  /* it went down from one sample to the next while there were clients */
};

/* Whether it is how many processes of the server were there. */
bool lh_watched_is_processes(const struct lh_watched *watched);
/* Whether it only ever grows, as far as its name tells. */
bool lh_watched_is_counter(const char *source, const char *name);
/* Whether `now` is where it was `before`: 2 % or 2 above it at most, 10 % or 16 MiB for memory, of which an allocator keeps
 * some. A counter always is. */
bool lh_watched_is_back(const char *source, const char *name, double before, double now);

struct lh_find_args {
  const struct lh_find_group *groups;
  size_t group_count;
  const struct lh_watched *watched;
  size_t watched_count;
  uint64_t end_ns; /* of the run: when the last client had left */
  int64_t start_wall_us; /* of the run; 0: sentences give times since the start alone */
};

/* Sentences for outages, storms, drift of latency (Mann-Kendall with Sen's slope), clusters at one idle time or lifetime,
 * lost messages, groups that never opened, tester trouble, TLS not verified, what the server kept. 0 or -ENOMEM (then out is empty). */
int lh_find(const struct lh_find_args *args, struct lh_findings *out, struct lh_err *err);

#endif
