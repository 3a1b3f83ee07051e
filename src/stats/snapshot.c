#include "longhaul/stats/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "stats/hdr_pages.h"
#include "stats/tally.h"

void lh_snapshot_init(struct lh_snapshot *s) {
  memset(s, 0, sizeof *s);
  for (int i = 0; i < LH_HIST_COUNT; i++) lh_hdr_init(&s->hists[i]);
}

void lh_snapshot_free(struct lh_snapshot *s) {
  if (!s) return;
  for (int i = 0; i < LH_HIST_COUNT; i++) lh_hdr_free(&s->hists[i]);
  free(s->tallies);
  lh_snapshot_init(s);
}

void lh_snapshot_next(struct lh_snapshot *s) {
  memset(s->counters, 0, sizeof s->counters);
  for (int i = 0; i < LH_HIST_COUNT; i++) lh_hdr_reset(&s->hists[i]);
  s->tally_count = 0;
  s->tallies_folded = 0;
  memset(s->rest, 0, sizeof s->rest);
}

/* ---- merging ---- */

static uint32_t rests_used(const struct lh_snapshot *s) {
  uint32_t used = 0;
  for (int stage = 0; stage < LH_STAGE_COUNT; stage++)
    for (int reason = 0; reason < LH_REASON_COUNT; reason++) used += s->rest[stage][reason].count > 0;
  return used;
}

/* All that may fail comes first, so that a failed merge changes no number. */
static int reserve(struct lh_snapshot *into, const struct lh_snapshot *from) {
  int failed = 0;
  for (int i = 0; !failed && i < LH_HIST_COUNT; i++) failed = lh_hdr_reserve(&into->hists[i], &from->hists[i]);
  return failed ? failed : lh_tally_reserve(into, from->tally_count + rests_used(from));
}

static void add_tallies(struct lh_snapshot *into, const struct lh_snapshot *from) {
  for (uint32_t i = 0; i < from->tally_count; i++) lh_tally_add(into, from->tallies[i]);
  for (int stage = 0; stage < LH_STAGE_COUNT; stage++) {
    for (int reason = 0; reason < LH_REASON_COUNT; reason++) {
      const struct lh_tally_rest *rest = &from->rest[stage][reason];
      if (rest->count == 0) continue;
      lh_tally_add(into, (struct lh_tally){.stage = (uint8_t)stage,
                                           .reason = (uint8_t)reason,
                                           .count = rest->count,
                                           .first_ns = rest->first_ns,
                                           .last_ns = rest->last_ns});
    }
  }
  into->tallies_folded += from->tallies_folded;
}

static int merge(struct lh_snapshot *into, const struct lh_snapshot *from) {
  int failed = reserve(into, from);
  if (failed) return failed;
  for (int i = 0; i < LH_COUNTER_COUNT; i++) into->counters[i] += from->counters[i];
  for (int i = 0; i < LH_HIST_COUNT; i++) lh_hdr_merge(&into->hists[i], &from->hists[i]);
  add_tallies(into, from);
  return 0;
}

int lh_snapshot_merge_later(struct lh_snapshot *into, const struct lh_snapshot *later) {
  int failed = merge(into, later);
  if (!failed) memcpy(into->gauges, later->gauges, sizeof into->gauges);
  return failed;
}

int lh_snapshot_merge_beside(struct lh_snapshot *into, const struct lh_snapshot *beside) {
  int failed = merge(into, beside);
  for (int i = 0; !failed && i < LH_GAUGE_COUNT; i++) into->gauges[i] += beside->gauges[i];
  return failed;
}
