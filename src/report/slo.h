/* Objectives, evaluated from the run file.
 *
 * Glossary
 *   metric     a dotted name: METRIC for the whole run, GROUP.METRIC for one group. METRIC is one of
 *                availability            open of wanted client time, a share
 *                drops                   that count against the target
 *                drops_per_client_hour
 *                lost_percent            messages whose reply did not come, of those that expected one, a share
 *                failed_percent          responses that failed a check, of all, a share
 *                connect_failure_percent attempts that failed, of all, a share
 *                HISTOGRAM.STATISTIC     response.p99; the statistic is p0 .. p100 with up to three decimals
 *                                        (p999 and p9999 are p99.9 and p99.99), max, mean or count
 *                COUNTER                 any name of counters.h
 *   eligible   an interval that counts: past the warm-up and the objective's `after`, and the tester was in time
 *   window     with `for`, each run of intervals of that length; else all eligible intervals together
 *
 * An objective holds when the value of every window is on the right side of the threshold.
 */
#ifndef LONGHAUL_REPORT_SLO_H
#define LONGHAUL_REPORT_SLO_H

#include <jansson.h>

#include "report/build.h"

enum lh_metric_what {
  LH_METRIC_AVAILABILITY,
  LH_METRIC_DROPS,
  LH_METRIC_DROPS_PER_HOUR,
  LH_METRIC_LOST,
  LH_METRIC_FAILED,
  LH_METRIC_CONNECT_FAILURES,
  LH_METRIC_COUNTER,
  LH_METRIC_PERCENTILE,
  LH_METRIC_MAX,
  LH_METRIC_MEAN,
  LH_METRIC_VALUES
};

struct lh_metric {
  uint32_t lane; /* number of the group; the number of groups: the whole run */
  enum lh_metric_what what;
  uint32_t id;       /* counter or histogram */
  double percentile; /* 0..100 */
  const char *unit;  /* "us", "share", "count", "per_hour" */
};

/* 0, or -EINVAL when the name is none of the above. */
int lh_metric_parse(const char *name, const struct lh_gather *g, struct lh_metric *out);

/* Sets the watches of the gather that the config's objectives need; between lh_gather_open and lh_gather_read. 0 or -ENOMEM. */
int lh_slo_watch(struct lh_gather *g, const struct lh_config *config);
json_t *lh_build_slo(struct lh_build *b);

#endif
