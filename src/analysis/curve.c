#include "analysis/steps.h"
#include "longhaul/base/clock.h"

static const uint64_t longest_ns = 600 * LH_NS_PER_S;

static uint64_t end_of(const struct lh_storm *storm) {
  uint64_t back = storm->back_100_ns == LH_NEVER ? longest_ns : storm->back_100_ns;
  return storm->from_ns + (back < longest_ns ? back : longest_ns);
}

void lh_storm_draw(const struct lh_series *series, const struct lh_storm *storm, struct lh_storm_curve *out) {
  struct lh_steps steps = lh_steps_from(series, storm->from_ns);
  *out = (struct lh_storm_curve){.step_ns = steps.step_ns};
  if (steps.count == 0) return;
  if (steps.at > 0) steps = lh_steps_from(series, series->first_ns + (steps.at - 1) * steps.step_ns);
  out->from_ns = series->first_ns + steps.at * steps.step_ns;
  uint64_t ticks = (end_of(storm) - out->from_ns + steps.step_ns - 1) / steps.step_ns;
  if (ticks > steps.count - steps.at) ticks = steps.count - steps.at;
  uint64_t each = (ticks + LH_STORM_POINTS_MAX - 1) / LH_STORM_POINTS_MAX;
  out->step_ns = each * steps.step_ns;
  struct lh_step step;
  for (uint64_t i = 0; i < ticks && lh_steps_next(&steps, &step); i++) {
    struct lh_storm_point *point = &out->points[i / each];
    out->count = (size_t)(i / each) + 1;
    point->open = step.open;
    point->queued = step.queued > point->queued ? step.queued : point->queued;
    point->attempts += step.attempts;
    point->opened += step.opened;
    point->failed += step.failed;
    point->drops += step.drops;
  }
}
