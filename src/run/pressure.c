#include "run/pressure.h"

#include <stdint.h>
#include <stdio.h>

#include "longhaul/base/units.h"

enum unit { COUNT, BYTES, SHARE };

static const struct {
  const char *what;
  enum unit unit;
} rows[] = {
#define X(id, what, unit) {what, unit},
    LH_PRESSURE_LIST(X)
#undef X
};

/* A value that hangs about the threshold is not told again and again. */
static const double falls_to = 0.9;

static const char *words(double value, enum unit unit, char out[32]) {
  if (unit == SHARE)
    snprintf(out, 32, "%.0f %%", 100 * value);
  else if (unit == BYTES)
    lh_format_size((uint64_t)value, out, 32);
  else
    lh_format_count((uint64_t)value, out, 32);
  return out;
}

bool lh_pressure_take(struct lh_pressure *p, const struct lh_pressure_reading *r, char text[LH_PRESSURE_TEXT_MAX]) {
  if (r->limit <= 0) return false;
  double share = r->value / r->limit;
  if (share < r->warn_at * falls_to) p->told[r->id] = false;
  if (p->told[r->id] || share < r->warn_at) return false;
  char value[32], limit[32];
  p->told[r->id] = true;
  words(r->value, rows[r->id].unit, value);
  words(r->limit, rows[r->id].unit, limit);
  if (r->warn_at >= 1)
    snprintf(text, LH_PRESSURE_TEXT_MAX, "%s: %s, the config's maximum is %s", rows[r->id].what, value, limit);
  else
    snprintf(text, LH_PRESSURE_TEXT_MAX, "%s: %s of %s are in use (%.0f %%)", rows[r->id].what, value, limit, 100 * share);
  return true;
}
