/* Arrays in, findings out: what a person should be told, with its evidence and confidence. Pure.
 *
 * Glossary
 *   finding   a sentence, its evidence, a confidence 0..1, and where on the timeline it stands
 *   storm     a mass drop: more than 1 % of a group or 50 clients within one second, whichever is less
 */
#ifndef LONGHAUL_ANALYSIS_ANALYSIS_H
#define LONGHAUL_ANALYSIS_ANALYSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"

enum lh_severity { LH_SEVERITY_INFO, LH_SEVERITY_NOTICE, LH_SEVERITY_SERIOUS };

struct lh_finding {
  char *id;        /* stable short name: "mass-drop", "outage", "tester-late", "tls-unverified" ... */
  char *sentence;
  char *evidence;  /* the figures behind it */
  double confidence;
  enum lh_severity severity;
  uint32_t group;  /* LH_NO_GROUP for the run */
  uint64_t from_ns, until_ns; /* since the start of the run */
};
struct lh_findings {
  struct lh_finding *items;
  size_t count;
};
void lh_findings_free(struct lh_findings *findings);

/* One group's intervals as parallel arrays of `count` values each; times since the start of the run. */
struct lh_series {
  uint32_t group;
  const char *name;
  uint64_t interval_ns;
  size_t count;
  const uint32_t *wanted, *open;      /* at the interval's end */
  const uint64_t *drops, *reconnects, *attempts, *failures;
  const uint64_t *response_p50_us, *response_p99_us; /* 0: no replies */
  const uint64_t *replied, *lost;
  const bool *tester_late;            /* the tester was the bottleneck in this interval */
};

/* A drop as storms are found from: rows in order of time, since the start of the run. */
struct lh_drop {
  uint64_t at_ns;
  uint8_t stage, reason;
  int32_t code;
};

struct lh_storm {
  uint64_t from_ns, until_ns;   /* first and last drop of it */
  uint64_t drops;
  uint8_t reason;               /* the commonest */
  int32_t code;
  uint64_t back_50_ns, back_95_ns, back_100_ns; /* after from_ns, by the interval's resolution; LH_NEVER: not seen */
  double attempts_peak_per_s;
  uint64_t failed_attempts;
};

/* Finds the storms of one group. Returns how many (at most `most`). */
size_t lh_find_storms(const struct lh_series *series, const struct lh_drop *drops, size_t drop_count, struct lh_storm *out,
                      size_t most);
/* Sentences for outages, storms, drift of latency (Mann-Kendall with Sen's slope), clusters at one idle time or lifetime,
 * tester trouble. 0 or -ENOMEM. */
int lh_find(const struct lh_series *series, size_t series_count, const struct lh_storm *storms, const uint32_t *storm_groups,
            size_t storm_count, struct lh_findings *out, struct lh_err *err);

#endif
