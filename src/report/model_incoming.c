/* What the checks of pushes found. */
#include "report/build.h"

static uint64_t counter(const struct lh_lane *lane, enum lh_counter_id id) {
  return lane->total.counters[id];
}

/* What came after all may have been left out before the part of the run that the report covers. */
static uint64_t less(uint64_t left_out, uint64_t came) {
  return left_out > came ? left_out - came : 0;
}

static bool is_checked(const struct lh_build *b, const struct lh_lane *lane) {
  if (lane->row) return lane->row->incoming != NULL;
  for (uint32_t i = 0; i < b->g->group_count; i++)
    if (b->g->lanes[i].row->incoming) return true;
  return false;
}

static uint64_t longest_us(const struct lh_lane *lane) {
  uint64_t gap_us = lane->total.hists[LH_HIST_gap].max_us, silence_us = lane->total.hists[LH_HIST_silence].max_us;
  return gap_us > silence_us ? gap_us : silence_us;
}

json_t *lh_build_incoming(struct lh_build *b, const struct lh_lane *lane) {
  static const struct {
    const char *name;
    enum lh_counter_id counter;
  } shown[] = {
      {"received", LH_COUNTER_incoming},
      {"numbered", LH_COUNTER_incoming_numbered},
      {"unreadable", LH_COUNTER_incoming_unreadable},
      {"gaps", LH_COUNTER_incoming_gaps},
      {"skipped", LH_COUNTER_incoming_skipped},
      {"out_of_order", LH_COUNTER_incoming_out_of_order},
      {"duplicate", LH_COUNTER_incoming_duplicate},
      {"undecided", LH_COUNTER_incoming_undecided},
      {"missed_away", LH_COUNTER_incoming_missed_away},
      {"caught_up", LH_COUNTER_incoming_caught_up},
      {"restarts", LH_COUNTER_incoming_restarts},
      {"silences", LH_COUNTER_incoming_silences},
      {"untimed", LH_COUNTER_incoming_untimed},
  };
  if (!is_checked(b, lane)) return json_null();
  json_t *out = json_object();
  lh_put(b, out, "checks", lh_json_text(lane->row ? lane->row->incoming : NULL));
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    lh_put(b, out, shown[i].name, lh_json_count(counter(lane, shown[i].counter)));
  lh_put(b, out, "missing",
         lh_json_count(less(counter(lane, LH_COUNTER_incoming_skipped), counter(lane, LH_COUNTER_incoming_out_of_order))));
  lh_put(b, out, "missing_away",
         lh_json_count(less(counter(lane, LH_COUNTER_incoming_missed_away), counter(lane, LH_COUNTER_incoming_caught_up))));
  uint64_t longest = longest_us(lane);
  lh_put(b, out, "longest_silence_us", longest ? lh_json_count(longest) : json_null());
  return out;
}
