/* The values of a run, block by block, that a comparison holds against those of another run.
 *
 * Glossary
 *   sample   one measure of one lane: a value for each block in which it could be measured, in order of time
 */
#ifndef LONGHAUL_SRC_REPORT_SAMPLES_H
#define LONGHAUL_SRC_REPORT_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "longhaul/base/err.h"

enum lh_better { LH_BETTER_HIGHER, LH_BETTER_LOWER, LH_BETTER_NEITHER };

/* X(name, words, unit, better, histogram, percentile): measures of counters have no histogram (LH_HIST_COUNT). */
#define LH_MEASURE_LIST(X)                                                                                                     \
  X(availability, "availability", "percent", HIGHER, LH_HIST_COUNT, 0)                                                         \
  X(drop_rate, "drops/client-h", "per_hour", LOWER, LH_HIST_COUNT, 0)                                                          \
  X(failed_attempts, "failed attempts/s", "per_s", LOWER, LH_HIST_COUNT, 0)                                                    \
  X(lost, "replies lost", "percent", LOWER, LH_HIST_COUNT, 0)                                                                  \
  X(sent, "messages sent/s", "per_s", NEITHER, LH_HIST_COUNT, 0)                                                               \
  X(incoming, "pushes/s", "per_s", NEITHER, LH_HIST_COUNT, 0)                                                                  \
  X(response_p50, "response p50", "us", LOWER, LH_HIST_response, 50)                                                           \
  X(response_p99, "response p99", "us", LOWER, LH_HIST_response, 99)                                                           \
  X(service_p50, "service p50", "us", LOWER, LH_HIST_service, 50)                                                              \
  X(service_p99, "service p99", "us", LOWER, LH_HIST_service, 99)                                                              \
  X(ping_p50, "ping p50", "us", LOWER, LH_HIST_ping, 50)                                                                       \
  X(ping_p99, "ping p99", "us", LOWER, LH_HIST_ping, 99)                                                                       \
  X(gap_p99, "gap in pushes p99", "us", LOWER, LH_HIST_gap, 99)                                                                \
  X(connect_p50, "connect p50", "us", LOWER, LH_HIST_connect_total, 50)                                                        \
  X(outage_p50, "outage p50", "us", LOWER, LH_HIST_outage, 50)                                                                 \
  X(rtt_p50, "TCP round trip p50", "us", LOWER, LH_HIST_rtt, 50)                                                               \
  X(send_lateness_p99, "send lateness p99", "us", NEITHER, LH_HIST_send_lateness, 99)

enum lh_measure {
#define X(name, words, unit, better, hist, percentile) LH_MEASURE_##name,
  LH_MEASURE_LIST(X)
#undef X
      LH_MEASURE_COUNT
};

struct lh_measure_facts {
  const char *name, *words, *unit;
  enum lh_better better;
  uint32_t hist; /* LH_HIST_COUNT: none */
  double percentile;
};
const struct lh_measure_facts *lh_measure_facts(enum lh_measure id);

struct lh_sample {
  double *values; /* owned */
  size_t count, room;
  double part, whole; /* of a ratio, over all blocks: their quotient is what the run as a whole had */
};

struct lh_sample_lane {
  const char *name; /* borrowed from the model; NULL for the whole run */
  bool *like;       /* by interval */
  struct lh_sample samples[LH_MEASURE_COUNT];
  uint32_t warmup, ramp, late; /* intervals left out, each counted under the first that holds */
  uint32_t blocks;             /* used */
};

struct lh_samples {
  struct lh_sample_lane *lanes; /* the groups', then the whole run's */
  uint32_t group_count, interval_count;
};

/* stride: intervals in a block. `model` is that of the whole run file and is borrowed while the samples live. `out` is freed
 * by lh_samples_free also after a failure. */
int lh_samples_read(const json_t *model, const char *path, uint32_t stride, struct lh_samples *out, struct lh_err *err);
void lh_samples_free(struct lh_samples *samples);

#endif
