/* Storms: drops of one group that stand so close that one cause is likely.
 *
 * A window of one second slides over the drops; every window with enough drops is part of a storm, and windows that share a
 * drop are one storm. Worked example, 1,000 clients (more than 1 %: 11 drops): 6 drops at 10.0 s, 6 at 10.9 s and 6 at
 * 11.8 s are one storm of 18, since each neighbouring pair fills a window; with the last six at 12.0 s it has 12.
 *
 * Recovery is read from the open clients at the end of each tick (steps.h), so it is known to a second and given as a tick's end.
 * A storm that begins before all of the one before it are back overtakes that one: its recovery ends there, and all are back
 * from the second when as many are open as before the first.
 */
#include "longhaul/analysis/analysis.h"

#include "analysis/spread.h"
#include "analysis/steps.h"
#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

enum { CODES_KEPT = 64 }; /* different codes of the commonest reason that compete; peers use a handful */

static uint64_t drops_of(const struct lh_drop *drop) {
  return drop->count ? drop->count : 1;
}

static uint64_t largest_wanted(const struct lh_series *series) {
  uint64_t most = 0;
  for (size_t i = 0; i < series->count; i++)
    if (series->wanted[i] > most) most = series->wanted[i];
  return most;
}

static uint64_t drops_needed(const struct lh_series *series) {
  return lh_plan_mass_drop(series->enough, largest_wanted(series));
}

static void find_commonest(const struct lh_drop *drops, size_t count, struct lh_storm *storm) {
  uint64_t by_reason[LH_REASON_COUNT] = {0};
  for (size_t i = 0; i < count; i++)
    if (drops[i].reason < LH_REASON_COUNT) by_reason[drops[i].reason] += drops_of(&drops[i]);
  for (size_t n = 0; n < LH_STORM_REASONS_MAX; n++) {
    unsigned best = 0;
    for (unsigned reason = 1; reason < LH_REASON_COUNT; reason++)
      if (by_reason[reason] > by_reason[best]) best = reason;
    storm->reasons[n] = (struct lh_storm_reason){by_reason[best], (uint8_t)best};
    by_reason[best] = 0;
  }
  storm->reason = storm->reasons[0].reason;
  struct {
    int32_t code;
    uint64_t drops;
  } codes[CODES_KEPT];
  size_t kept = 0, best = 0;
  for (size_t i = 0; i < count; i++) {
    if (drops[i].reason != storm->reason) continue;
    size_t at = 0;
    while (at < kept && codes[at].code != drops[i].code) at++;
    if (at == CODES_KEPT) continue;
    if (at == kept) codes[kept++].drops = 0;
    codes[at].code = drops[i].code;
    codes[at].drops += drops_of(&drops[i]);
    if (codes[at].drops > codes[best].drops) best = at;
  }
  storm->code = kept ? codes[best].code : 0;
}

/* Whether all but `missing` are open again. What the ramp no longer wants need not come back; where it wants nobody there is
 * nothing to see. */
static bool is_back(const struct lh_step *step, uint64_t full, uint64_t missing) {
  uint64_t base = full < step->wanted ? full : step->wanted;
  return step->wanted > 0 && step->open + missing >= base;
}

static void note_step(const struct lh_step *step, struct lh_storm *storm) {
  double rate = (double)step->attempts / ((double)(step->end_ns - step->from_ns) / (double)LH_NS_PER_S);
  if (rate > storm->attempts_peak_per_s) storm->attempts_peak_per_s = rate;
  if (step->queued > storm->queued_peak) storm->queued_peak = step->queued;
  storm->failed_attempts += step->failed;
  storm->retry_afters += step->retry_afters;
}

/* Judged only past the last drop: before it the not yet dropped would count as back. With full the clients that are "all" and
 * out those of them that are not open once the storm is over, half of them are back when full - out / 2 are open. */
static void find_recovery(const struct lh_series *series, struct lh_storm *storm, const struct lh_storm *before,
                          uint64_t next_ns) {
  struct lh_steps steps = lh_steps_from(series, storm->from_ns);
  struct lh_step step;
  storm->back_50_ns = storm->back_95_ns = storm->back_100_ns = LH_NEVER;
  storm->resolution_ns = steps.step_ns;
  if (steps.count == 0) return;
  uint64_t wanted = series->wanted[steps.at / (steps.count / series->count)];
  uint64_t at_least = storm->drops < wanted ? storm->drops : wanted;
  storm->open_before = steps.open < at_least ? at_least : steps.open; /* a ramp opened some within the step */
  storm->full = before && before->overtaken && before->full > storm->open_before ? before->full : storm->open_before;
  uint64_t out = storm->full - storm->open_before + storm->drops;
  while (storm->back_100_ns == LH_NEVER && lh_steps_next(&steps, &step)) {
    if (step.from_ns > storm->until_ns && step.end_ns > next_ns) {
      storm->overtaken = true;
      break;
    }
    note_step(&step, storm);
    if (step.end_ns < storm->until_ns) continue;
    uint64_t after = step.end_ns - storm->from_ns;
    if (storm->back_50_ns == LH_NEVER && is_back(&step, storm->full, out / 2)) storm->back_50_ns = after;
    if (storm->back_95_ns == LH_NEVER && is_back(&step, storm->full, out / 20)) storm->back_95_ns = after;
    if (is_back(&step, storm->full, 0)) storm->back_100_ns = after;
  }
}

static void finish_storm(const struct lh_drop *drops, size_t first, size_t last, struct lh_storm *storm) {
  *storm = (struct lh_storm){.from_ns = drops[first].at_ns, .until_ns = drops[last].at_ns};
  for (size_t i = first; i <= last; i++) storm->drops += drops_of(&drops[i]);
  find_commonest(drops + first, last - first + 1, storm);
}

static void find_recoveries(const struct lh_series *series, struct lh_storm *storms, size_t count) {
  for (size_t i = 0; i < count; i++) {
    find_recovery(series, &storms[i], i > 0 ? &storms[i - 1] : NULL, i + 1 < count ? storms[i + 1].from_ns : LH_NEVER);
    storms[i].even_peak_per_s = lh_spread_peak_per_s(series, &storms[i]);
  }
}

size_t lh_find_storms(const struct lh_series *series, const struct lh_drop *drops, size_t drop_count, struct lh_storm *out,
                      size_t most) {
  uint64_t need = drops_needed(series), within = 0;
  size_t found = 0, left = 0, first = 0, last = 0;
  bool in_storm = false;
  for (size_t right = 0; right < drop_count && (!out || found < most); right++) {
    within += drops_of(&drops[right]);
    while (drops[right].at_ns - drops[left].at_ns > LH_NS_PER_S) within -= drops_of(&drops[left++]);
    if (within < need) continue;
    if (in_storm && left > last) {
      if (out) finish_storm(drops, first, last, &out[found]);
      found++;
    }
    if (!in_storm || left > last) first = left;
    in_storm = true;
    last = right;
  }
  if (in_storm && (!out || found < most)) {
    if (out) finish_storm(drops, first, last, &out[found]);
    found++;
  }
  if (out) find_recoveries(series, out, found);
  return found;
}
