/* The metrics an objective may name: [GROUP.]METRIC. The names of counters and histograms are those of the stats room, which
 * comes after this one; tests/unit/config compares the two. */
#ifndef CONFIG_METRICS_H
#define CONFIG_METRICS_H

#include <stdbool.h>
#include <stddef.h>

/* PERCENT is a share whose name says percent: 0.1 could be read either way, so its threshold needs the sign. */
enum metric_unit { METRIC_UNKNOWN, METRIC_LATENCY, METRIC_SHARE, METRIC_PERCENT, METRIC_NUMBER };

/* `metric` without its group: "availability", "drops", "response.p99". */
enum metric_unit metric_unit_of(const char *metric);
/* The known metric that comes nearest; NULL when none is near. Writes to out and returns it. */
const char *metric_nearest(const char *metric, char *out, size_t size);

const char *const *metric_counters(size_t *count);
const char *const *metric_histograms(size_t *count);

#endif
