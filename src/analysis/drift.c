/* Whether responses got slower, or faster, over the run. */
#include <math.h>
#include <stdlib.h>

#include "analysis/find.h"
#include "analysis/trend.h"

static const uint64_t least_span_ns = 10 * 60 * LH_NS_PER_S; /* shorter runs have warm-up, not drift */
static const double significant_p = 0.001; /* two tests a group, many groups, and the word stands in a headline */
static const double telling_share = 0.10;  /* of the level: less is real perhaps, but nobody's concern */
static const double telling_us = 100;
static const double confident_most = 0.99; /* p supposes that only neighbours resemble each other: a load that comes and goes is more than that */

enum { LEAST_POINTS = 30 };

struct points {
  double *y; /* medians of blocks of intervals, us */
  size_t count;
  uint64_t from_ns, until_ns, each_ns;
  size_t intervals, left_out;
};

/* Intervals that tell of the target under its full load: on the plateau, with replies, with the tester in time, and with
 * the clients open; after a mass drop the replies are those of reconnecting clients. */
static bool is_telling(const struct lh_series *series, size_t i, const uint64_t *values, uint64_t plateau) {
  return values[i] > 0 && (uint64_t)series->wanted[i] * 100 >= plateau * 95 &&
         (uint64_t)series->open[i] * 100 >= (uint64_t)series->wanted[i] * 95 &&
         !(series->tester_late && series->tester_late[i]);
}

/* Medians of equal blocks between the first and last telling interval, so that a point's place is its time. A block in
 * which nothing tells takes the point before it: a rare hole bends no trend. */
static bool make_points(const struct lh_series *series, const uint64_t *values, double *scratch, struct points *out) {
  uint64_t plateau = lh_series_most_wanted(series);
  size_t first = 0, end = series->count;
  while (first < end && !is_telling(series, first, values, plateau)) first++;
  while (end > first && !is_telling(series, end - 1, values, plateau)) end--;
  if (end - first < LEAST_POINTS || (end - first) * series->interval_ns < least_span_ns) return false;
  size_t block = (end - first + LH_TREND_POINTS_MAX - 1) / LH_TREND_POINTS_MAX;
  size_t holes = 0;
  for (size_t at = first; at + block <= end; at += block) {
    size_t n = 0;
    for (size_t i = at; i < at + block; i++)
      if (is_telling(series, i, values, plateau)) scratch[n++] = (double)values[i];
    out->intervals += n;
    out->left_out += block - n;
    holes += n == 0;
    out->y[out->count] = n ? lh_median(scratch, n) : out->y[out->count - 1];
    out->count++;
  }
  out->each_ns = block * series->interval_ns;
  out->from_ns = series->first_ns + first * series->interval_ns;
  out->until_ns = out->from_ns + out->count * out->each_ns;
  return out->count >= LEAST_POINTS && holes * 10 <= out->count;
}

static void say_drift(struct lh_finder *finder, const struct lh_find_group *group, const char *which,
                      const struct points *points, const struct lh_trend *trend) {
  double last = (double)(points->count - 1), begin = trend->level, end = begin + trend->slope * last;
  double per_hour = 3600e9 / (double)points->each_ns, change = fabs(end - begin);
  char from[LH_WORD_SIZE], to[LH_WORD_SIZE], span[LH_WORD_SIZE], hourly[LH_WORD_SIZE];
  bool rises = trend->slope > 0;
  lh_say(finder, "Responses of %s got %s: %s went from about %s to %s over %s, %s an hour.", group->series.name,
         rises ? "slower" : "faster", which, lh_word_us(begin, from), lh_word_us(end, to),
         lh_word_duration(points->until_ns - points->from_ns, span), lh_word_us(fabs(trend->slope) * per_hour, hourly));
  lh_prove(finder,
           "Mann-Kendall over %zu points of %.0f s (%zu intervals, %zu left out: few open, no replies or the tester late): "
           "z %.2f, p %.2g, variance times %.2f for autocorrelation; Sen's slope %.4g us an hour, 95 %% interval %.4g to %.4g",
           points->count, (double)points->each_ns / 1e9, points->intervals, points->left_out, trend->z, trend->p,
           trend->widening, trend->slope * per_hour, trend->slope_low * per_hour, trend->slope_high * per_hour);
  bool grave = rises && change > begin / 2 && change > 10000;
  lh_found(finder, &(struct lh_found){.id = "latency-drift",
                                      .severity = !rises  ? LH_SEVERITY_INFO
                                                  : grave ? LH_SEVERITY_SERIOUS
                                                          : LH_SEVERITY_NOTICE,
                                      .confidence = fmin(1 - trend->p, confident_most),
                                      .group = group->series.group,
                                      .from_ns = points->from_ns,
                                      .until_ns = points->until_ns});
}

static void find_one(struct lh_finder *finder, const struct lh_find_group *group, const uint64_t *values, const char *which,
                     double *scratch) {
  struct points points = {.y = scratch};
  struct lh_trend trend;
  if (!values || !make_points(&group->series, values, scratch + LH_TREND_POINTS_MAX, &points)) return;
  if (lh_trend_find(points.y, points.count, &trend) < 0) {
    finder->failed = true;
    return;
  }
  double change = fabs(trend.slope) * (double)(points.count - 1);
  if (trend.p < significant_p && change >= telling_us && change >= telling_share * fabs(trend.level))
    say_drift(finder, group, which, &points, &trend);
}

void lh_find_drift(struct lh_finder *finder, const struct lh_find_group *group) {
  size_t block = group->series.count / LH_TREND_POINTS_MAX + 1;
  double *scratch = malloc((LH_TREND_POINTS_MAX + block) * sizeof *scratch);
  if (!scratch) {
    finder->failed = true;
    return;
  }
  find_one(finder, group, group->series.response_p50_us, "p50", scratch);
  find_one(finder, group, group->series.response_p99_us, "p99", scratch);
  free(scratch);
}
