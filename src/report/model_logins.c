/* Logins: how many, what became of them, and how many a second at the most. Why some failed stands with the endings, how long
 * they took with the latencies. */
#include "longhaul/base/clock.h"
#include "report/build.h"

/* The last interval may be a moment long: a herd in it is no higher rate than one in a whole second. */
static double peak_per_s(const struct lh_build *b, const struct lh_lane *lane) {
  double peak = 0;
  for (uint32_t i = 0; i < b->g->count; i++) {
    double length_s = (double)lh_gather_length_ns(b->g, i) / (double)LH_NS_PER_S;
    double rate = (double)lane->counters[i][LH_COUNTER_logins] / (length_s > 1 ? length_s : 1);
    if (rate > peak) peak = rate;
  }
  return peak;
}

json_t *lh_build_logins(struct lh_build *b, const struct lh_lane *lane) {
  const uint64_t *c = lane->total.counters;
  if (!c[LH_COUNTER_logins] && !c[LH_COUNTER_logins_succeeded] && !c[LH_COUNTER_logins_failed]) return json_null();
  json_t *out = json_object();
  lh_put(b, out, "begun", lh_json_count(c[LH_COUNTER_logins]));
  lh_put(b, out, "succeeded", lh_json_count(c[LH_COUNTER_logins_succeeded]));
  lh_put(b, out, "failed", lh_json_count(c[LH_COUNTER_logins_failed]));
  lh_put(b, out, "dropped", lh_json_count(c[LH_COUNTER_logins_dropped]));
  lh_put(b, out, "under_way", lh_json_count(lane->total.gauges[LH_GAUGE_logins_under_way]));
  lh_put(b, out, "peak_per_s", lh_json_real(peak_per_s(b, lane), 3));
  return out;
}
