/* What a storm's attempts would look like, had the waits been spread as evenly as the policy's lengths allow.
 *
 * The drops and failures of each tick are what happened; only the waits after them are thought anew: the a-th attempt in a row
 * follows evenly within W(a) = min(first * factor^(a-1), max). Which attempt of its client a failure was is not stored: those
 * of a tick are shared out over the attempts that are under way, in proportion. Time goes in tenths of a tick.
 *
 * Worked example. 1,000 clients dropped within one second, first 2 s, all attempts succeed: the waits end evenly over 0..2 s
 * after the drop, so the attempts are spread as the sum of two even distributions, over 0..1 s and 0..2 s: 250 in the first
 * second, 500 in the next, 250 in the last. The even peak is 500/s. Without jitter all 1,000 come two seconds after their
 * drop, within one second: the peak is 1,000/s, twice the even one.
 *
 * It is the mean of what chance gives: with n attempts in the peak second expect about sqrt(n) to either side.
 */
#include "analysis/spread.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/steps.h"
#include "analysis/trend.h"
#include "longhaul/base/clock.h"

enum {
  PARTS = 10,       /* of a tick */
  ATTEMPTS = 24,    /* in a row; later ones wait as the last of these */
  TICKS_MAX = 1200, /* of a storm: its peak lies early */
  BEFORE = 10,      /* ticks before the storm whose attempts are its background */
  LEAST_DROPS = 20, /* chance rules below */
};

static const double bunched_from = 1.5, chance = 3; /* standard deviations */

struct model {
  double (*change)[ATTEMPTS]; /* [part]: by how much the rate of arrivals changes there */
  size_t parts;
  double rate[ATTEMPTS];     /* arrivals in each part */
  double under_way[ATTEMPTS];
  double waits[ATTEMPTS];    /* in parts, at least 1 */
};

static void set_waits(struct model *m, const struct lh_series *series) {
  const struct lh_reconnect_config *policy = series->reconnect;
  double part_ns = (double)series->second_ns / PARTS, wait = (double)policy->first_ns;
  for (int a = 0; a < ATTEMPTS; a++) {
    if (policy->max_ns && wait > (double)policy->max_ns) wait = (double)policy->max_ns;
    m->waits[a] = fmin(fmax(ceil(wait / part_ns), 1), TICKS_MAX * PARTS);
    wait *= policy->factor;
  }
}

/* So many clients begin to wait for their attempt number a (from 0) in this part. */
static void wait_for(struct model *m, size_t part, int a, double clients) {
  size_t from = part + 1, until = from + (size_t)m->waits[a];
  if (from < m->parts) m->change[from][a] += clients / m->waits[a];
  if (until < m->parts) m->change[until][a] -= clients / m->waits[a];
}

/* The parts of a tick that the storm's drops fall into: a storm may last a fraction of it. */
static void parts_of(const struct lh_storm *storm, const struct lh_step *step, size_t *first, size_t *last) {
  double part_ns = (double)(step->end_ns - step->from_ns) / PARTS;
  *first = 0;
  *last = PARTS - 1;
  if (storm->from_ns >= step->end_ns || storm->until_ns < step->from_ns) return;
  if (storm->from_ns > step->from_ns) *first = (size_t)((double)(storm->from_ns - step->from_ns) / part_ns);
  if (storm->until_ns < step->end_ns) *last = (size_t)((double)(storm->until_ns - step->from_ns) / part_ns);
}

/* One part of a tick; returns its attempts. */
static double go_on(struct model *m, size_t part, double drops, const struct lh_step *step) {
  double attempts = 0, under_way = 0;
  wait_for(m, part, 0, drops);
  for (int a = 0; a < ATTEMPTS; a++) {
    m->rate[a] += m->change[part][a];
    attempts += m->rate[a];
    m->under_way[a] += m->rate[a];
    under_way += m->under_way[a];
  }
  if (under_way <= 0) return attempts;
  double failed = fmin((double)step->failed / PARTS, under_way);
  double opened = fmin((double)step->opened / PARTS, under_way - failed);
  for (int a = 0; a < ATTEMPTS; a++) {
    double share = m->under_way[a] / under_way;
    wait_for(m, part, a + 1 < ATTEMPTS ? a + 1 : a, failed * share);
    m->under_way[a] -= (failed + opened) * share;
  }
  return attempts;
}

/* Attempts a tick that have nothing to do with the storm: the middle one of the ticks before it, which a ramp that has just
 * ended does not raise. */
static double background(const struct lh_series *series, const struct lh_storm *storm) {
  uint64_t span_ns = BEFORE * series->second_ns;
  double attempts[BEFORE];
  struct lh_steps steps = lh_steps_from(series, storm->from_ns > span_ns ? storm->from_ns - span_ns : 0);
  struct lh_step step;
  size_t ticks = 0;
  while (ticks < BEFORE && lh_steps_next(&steps, &step) && step.end_ns <= storm->from_ns)
    attempts[ticks++] = (double)step.attempts;
  return ticks ? lh_median(attempts, ticks) : 0;
}

/* The end of what belongs to the storm. */
static uint64_t end_of(const struct lh_storm *storm) {
  return storm->back_100_ns == LH_NEVER ? LH_NEVER : storm->from_ns + storm->back_100_ns;
}

double lh_spread_peak_per_s(const struct lh_series *series, const struct lh_storm *storm) {
  if (!series->seconds || !series->second_ns || !series->reconnect || !series->reconnect->enabled) return 0;
  if (storm->drops < LEAST_DROPS) return 0;
  struct lh_steps steps = lh_steps_from(series, storm->from_ns);
  struct lh_step step;
  size_t ticks = steps.count - steps.at < TICKS_MAX ? steps.count - steps.at : TICKS_MAX;
  struct model m = {.parts = ticks * PARTS};
  m.change = calloc(m.parts, sizeof *m.change);
  if (!m.change) return 0;
  set_waits(&m, series);
  double peak = 0, other = background(series, storm);
  for (size_t tick = 0; tick < ticks && lh_steps_next(&steps, &step) && step.from_ns < end_of(storm); tick++) {
    double attempts = 0;
    size_t first, last;
    parts_of(storm, &step, &first, &last);
    for (size_t part = 0; part < PARTS; part++) {
      double drops = part >= first && part <= last ? (double)step.drops / (double)(last - first + 1) : 0;
      attempts += go_on(&m, tick * PARTS + part, drops, &step);
    }
    if (attempts + other > peak) peak = attempts + other;
  }
  free(m.change);
  return peak / ((double)series->second_ns / (double)LH_NS_PER_S);
}

enum lh_spread lh_storm_spread(const struct lh_series *series, const struct lh_storm *storm) {
  if (storm->even_peak_per_s <= 0 || storm->retry_afters * 10 > storm->failed_attempts) return LH_SPREAD_UNKNOWN;
  if (storm->queued_peak > 0 && series->connect_rate > 0 && storm->even_peak_per_s > series->connect_rate)
    return LH_SPREAD_CAPPED;
  double even = storm->even_peak_per_s;
  return storm->attempts_peak_per_s <= bunched_from * even + chance * sqrt(even) ? LH_SPREAD_EVEN : LH_SPREAD_BUNCHED;
}

const char *lh_spread_name(enum lh_spread spread) {
  static const char *const names[] = {
      [LH_SPREAD_EVEN] = "even", [LH_SPREAD_CAPPED] = "capped", [LH_SPREAD_BUNCHED] = "bunched"};
  return (unsigned)spread < sizeof names / sizeof names[0] ? names[spread] : NULL;
}
