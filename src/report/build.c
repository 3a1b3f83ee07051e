#include "report/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "report/utf8.h"

void lh_put(struct lh_build *b, json_t *object, const char *key, json_t *value) {
  if (!value || json_object_set_new(object, key, value)) b->failed = true;
}

void lh_push(struct lh_build *b, json_t *array, json_t *value) {
  if (!value || json_array_append_new(array, value)) b->failed = true;
}

json_t *lh_json_text(const char *text) {
  if (!text) return json_null();
  json_t *value = json_string(text);
  if (value) return value;
  char *clean = lh_utf8_clean(text);
  if (!clean) return NULL;
  value = json_string(clean);
  free(clean);
  return value;
}

json_t *lh_json_count(uint64_t n) {
  return n > INT64_MAX ? json_null() : json_integer((json_int_t)n);
}

json_t *lh_json_real(double value, int decimals) {
  if (!isfinite(value)) return json_null();
  double scale = pow(10, decimals);
  double rounded = round(value * scale) / scale;
  if (!isfinite(rounded)) rounded = value;
  return rounded == 0 ? json_real(0.0) : json_real(rounded); /* never -0 */
}

json_t *lh_json_seconds(uint64_t ns) {
  return lh_json_real((double)ns / 1e9, 3);
}

json_t *lh_json_utc(const struct lh_build *b, uint64_t since_start_ns) {
  char text[32];
  return json_string(lh_format_utc(b->g->run->start_wall_us + (int64_t)(since_start_ns / LH_NS_PER_US), text, sizeof text));
}

json_t *lh_json_group(const struct lh_build *b, uint32_t group) {
  return group < b->g->group_count ? lh_json_text(b->g->lanes[group].name) : json_null();
}

/* Each worker and group carries what is below a microsecond into its next interval, of either by itself: in one interval of a few
 * milliseconds, as the last one may be, clients may so seem open for a little longer than they were wanted. */
double lh_availability_percent(uint64_t open_us, uint64_t wanted_us) {
  enum { RESTS_MOST = 100 };
  if (wanted_us && open_us > wanted_us && open_us - wanted_us <= RESTS_MOST) return 100;
  return wanted_us ? 100.0 * (double)open_us / (double)wanted_us : NAN;
}

double lh_client_hours(uint64_t open_us) {
  return (double)open_us / 3.6e9;
}

uint64_t lh_target_drops(const uint64_t counters[LH_COUNTER_COUNT]) {
  uint64_t drops = counters[LH_COUNTER_drops], ours = counters[LH_COUNTER_tester_drops];
  return drops > ours ? drops - ours : 0;
}
