#include "analysis/steps.h"

static bool by_ticks(const struct lh_series *series) {
  return series->seconds && series->second_ns;
}

/* The first row at or past at_ns. */
static size_t row_at(const struct lh_series *series, uint64_t at_ns) {
  size_t low = 0, high = series->second_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (series->seconds[middle].from_ns < at_ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct lh_steps lh_steps_from(const struct lh_series *series, uint64_t from_ns) {
  bool ticks = by_ticks(series);
  struct lh_steps steps = {.series = series, .step_ns = ticks ? series->second_ns : series->interval_ns};
  if (series->count == 0 || steps.step_ns == 0) return steps;
  steps.count = series->count * (size_t)(series->interval_ns / steps.step_ns);
  if (from_ns > series->first_ns) steps.at = (size_t)((from_ns - series->first_ns) / steps.step_ns);
  if (steps.at >= steps.count) steps.at = steps.count - 1;
  size_t interval = steps.at / (steps.count / series->count);
  steps.open = interval > 0 ? series->open[interval - 1] : 0;
  if (!ticks) return steps;
  steps.row = row_at(series, series->first_ns + steps.at * steps.step_ns);
  if (steps.row > 0) {
    steps.open = series->seconds[steps.row - 1].open;
    steps.queued = series->seconds[steps.row - 1].queued;
  }
  return steps;
}

/* Without its last interval, which wants nobody once the run is being ended. */
static uint64_t wanted_in(const struct lh_series *series, size_t interval, bool ticks) {
  uint64_t wanted = series->wanted[interval];
  return ticks && wanted == 0 && interval > 0 ? series->wanted[interval - 1] : wanted;
}

static void take_interval(const struct lh_series *series, size_t i, struct lh_step *step) {
  step->open = series->open[i];
  if (series->attempts) step->attempts = series->attempts[i];
  if (series->failures) step->failed = series->failures[i];
  if (series->drops) step->drops = series->drops[i];
}

static void take_tick(struct lh_steps *steps, struct lh_step *step) {
  const struct lh_series *series = steps->series;
  step->open = steps->open;
  step->queued = steps->queued;
  if (steps->row == series->second_count || series->seconds[steps->row].from_ns >= step->end_ns) return;
  const struct lh_second *second = &series->seconds[steps->row++];
#define X(name, source, help) step->name = second->name;
  LH_SECOND_COUNTER_LIST(X) LH_SECOND_GAUGE_LIST(X)
#undef X
}

bool lh_steps_next(struct lh_steps *steps, struct lh_step *step) {
  const struct lh_series *series = steps->series;
  if (steps->at >= steps->count) return false;
  bool ticks = by_ticks(series);
  size_t interval = steps->at / (steps->count / series->count);
  uint64_t from_ns = series->first_ns + steps->at * steps->step_ns;
  *step = (struct lh_step){
      .from_ns = from_ns, .end_ns = from_ns + steps->step_ns, .wanted = wanted_in(series, interval, ticks)};
  if (ticks)
    take_tick(steps, step);
  else
    take_interval(series, interval, step);
  steps->open = step->open;
  steps->queued = step->queued;
  steps->at++;
  return true;
}
