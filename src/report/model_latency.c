/* Histograms as JSON: percentiles, and the curve behind the percentile plot. */
#include <math.h>

#include "report/build.h"

static json_t *percentile(const struct lh_hdr *h, double p) {
  return h->count ? lh_json_count(lh_hdr_percentile(h, p)) : json_null();
}

/* Steps that halve their distance to 100 % (four to each halving), as HdrHistogram's percentile output: each further digit
 * of the tail gets the same room. Ends with the exact maximum. */
static json_t *curve(struct lh_build *b, const struct lh_hdr *h) {
  json_t *points = json_array();
  for (double rest = 1; rest * (double)h->count >= 1; rest /= 2) {
    for (int step = 0; step < 4; step++) {
      double p = 100 * (1 - rest * (1 - step / 8.0));
      lh_push(b, points, json_pack("[o, o]", lh_json_real(p, 6), lh_json_count(lh_hdr_percentile(h, p))));
    }
  }
  lh_push(b, points, json_pack("[o, o]", json_real(100), lh_json_count(h->max_us)));
  return points;
}

static json_t *histogram(struct lh_build *b, const struct lh_hdr *h) {
  json_t *out = json_object();
  lh_put(b, out, "count", lh_json_count(h->count));
  lh_put(b, out, "mean_us", h->count ? lh_json_real(lh_hdr_mean(h), 1) : json_null());
  lh_put(b, out, "min_us", h->count ? lh_json_count(h->min_us) : json_null());
  lh_put(b, out, "p50_us", percentile(h, 50));
  lh_put(b, out, "p90_us", percentile(h, 90));
  lh_put(b, out, "p95_us", percentile(h, 95));
  lh_put(b, out, "p99_us", percentile(h, 99));
  lh_put(b, out, "p999_us", percentile(h, 99.9));
  lh_put(b, out, "p9999_us", percentile(h, 99.99));
  lh_put(b, out, "max_us", h->count ? lh_json_count(h->max_us) : json_null());
  lh_put(b, out, "overflow", lh_json_count(h->overflow));
  lh_put(b, out, "curve", h->count ? curve(b, h) : json_array());
  return out;
}

json_t *lh_build_latency(struct lh_build *b, const struct lh_snapshot *total) {
  json_t *out = json_object();
  for (int id = 0; id < LH_HIST_COUNT; id++) lh_put(b, out, lh_hist_name(id), histogram(b, &total->hists[id]));
  return out;
}
