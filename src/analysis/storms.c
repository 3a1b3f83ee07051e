/* Storms: drops of one group that stand so close that one cause is likely.
 *
 * A window of one second slides over the drops; every window with enough drops is part of a storm, and windows that share a
 * drop are one storm. Worked example, 1,000 clients (more than 1 %: 11 drops): 6 drops at 10.0 s, 6 at 10.9 s and 6 at
 * 11.8 s are one storm of 18, since each neighbouring pair fills a window; with the last six at 12.0 s it has 12.
 *
 * Recovery is read from the open clients at the end of each interval, so it is known to one interval and given as its end.
 */
#include "longhaul/analysis/analysis.h"

#include "longhaul/base/clock.h"

enum {
  LEAST_DROPS = 5,
  ENOUGH_DROPS = 50,
  CODES_KEPT = 64, /* different codes of the commonest reason that compete; peers use a handful */
};

static uint64_t drops_of(const struct lh_drop *drop) {
  return drop->count ? drop->count : 1;
}

static uint64_t largest_wanted(const struct lh_series *series) {
  uint64_t most = 0;
  for (size_t i = 0; i < series->count; i++)
    if (series->wanted[i] > most) most = series->wanted[i];
  return most;
}

/* More than 1 % of the group or 50 clients, whichever is less, and at least 5. */
static uint64_t drops_needed(const struct lh_series *series) {
  uint64_t need = largest_wanted(series) / 100 + 1;
  if (need > ENOUGH_DROPS) need = ENOUGH_DROPS;
  return need < LEAST_DROPS ? LEAST_DROPS : need;
}

static void find_commonest(const struct lh_drop *drops, size_t count, struct lh_storm *storm) {
  uint64_t by_reason[LH_REASON_COUNT] = {0};
  for (size_t i = 0; i < count; i++)
    if (drops[i].reason < LH_REASON_COUNT) by_reason[drops[i].reason] += drops_of(&drops[i]);
  for (unsigned reason = 0; reason < LH_REASON_COUNT; reason++)
    if (by_reason[reason] > by_reason[storm->reason]) storm->reason = (uint8_t)reason;
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

/* The interval that holds this time, at most the last one. */
static size_t interval_of(const struct lh_series *series, uint64_t at_ns) {
  if (at_ns <= series->first_ns || series->interval_ns == 0) return 0;
  uint64_t at = (at_ns - series->first_ns) / series->interval_ns;
  return at < series->count ? (size_t)at : series->count - 1;
}

static uint64_t end_of(const struct lh_series *series, size_t interval) {
  return series->first_ns + (interval + 1) * series->interval_ns;
}

/* Whether all but `missing` of those open before are open again at the end of the interval. What the ramp no longer wants
 * need not come back; where it wants nobody there is nothing to see. */
static bool is_back(const struct lh_series *series, size_t interval, const struct lh_storm *storm, uint64_t missing) {
  uint64_t base = storm->open_before < series->wanted[interval] ? storm->open_before : series->wanted[interval];
  return series->wanted[interval] > 0 && series->open[interval] + missing >= base;
}

/* Looks only past the last drop: before it the not yet dropped would count as back. */
static void find_recovery(const struct lh_series *series, struct lh_storm *storm) {
  storm->back_50_ns = storm->back_95_ns = storm->back_100_ns = LH_NEVER;
  if (series->count == 0) return;
  size_t first = interval_of(series, storm->from_ns), last = interval_of(series, storm->until_ns);
  storm->open_before = first > 0 ? series->open[first - 1] : 0;
  uint64_t at_least = storm->drops < series->wanted[first] ? storm->drops : series->wanted[first];
  if (storm->open_before < at_least) storm->open_before = at_least; /* a ramp opened some within the interval */
  size_t i = first;
  for (; i < series->count && storm->back_100_ns == LH_NEVER; i++) {
    if (series->attempts) {
      double rate = (double)series->attempts[i] / ((double)series->interval_ns / (double)LH_NS_PER_S);
      if (rate > storm->attempts_peak_per_s) storm->attempts_peak_per_s = rate;
    }
    if (series->failures) storm->failed_attempts += series->failures[i];
    if (i < last || end_of(series, i) < storm->until_ns) continue;
    uint64_t after = end_of(series, i) - storm->from_ns;
    if (storm->back_50_ns == LH_NEVER && is_back(series, i, storm, storm->drops / 2)) storm->back_50_ns = after;
    if (storm->back_95_ns == LH_NEVER && is_back(series, i, storm, storm->drops / 20)) storm->back_95_ns = after;
    if (is_back(series, i, storm, 0)) storm->back_100_ns = after;
  }
}

static void finish_storm(const struct lh_series *series, const struct lh_drop *drops, size_t first, size_t last,
                         struct lh_storm *storm) {
  *storm = (struct lh_storm){.from_ns = drops[first].at_ns, .until_ns = drops[last].at_ns};
  for (size_t i = first; i <= last; i++) storm->drops += drops_of(&drops[i]);
  find_commonest(drops + first, last - first + 1, storm);
  find_recovery(series, storm);
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
      if (out) finish_storm(series, drops, first, last, &out[found]);
      found++;
    }
    if (!in_storm || left > last) first = left;
    in_storm = true;
    last = right;
  }
  if (!in_storm || (out && found == most)) return found;
  if (out) finish_storm(series, drops, first, last, &out[found]);
  return found + 1;
}
