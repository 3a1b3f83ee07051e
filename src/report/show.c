#include "report/show.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "longhaul/base/units.h"
#include "report/look.h"

/* printf takes the locale's decimal point; the report must not. */
static void plain_point(char *text) {
  const char *point = localeconv()->decimal_point;
  char *at = point && *point && strcmp(point, ".") ? strstr(text, point) : NULL;
  if (!at) return;
  *at = '.';
  memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
}

static struct lh_shown fixed(double value, int decimals, bool strip) {
  struct lh_shown out;
  snprintf(out.text, sizeof out.text, "%.*f", decimals, value);
  plain_point(out.text);
  size_t len = strlen(out.text);
  if (strip && strchr(out.text, '.')) {
    while (out.text[len - 1] == '0') len--;
    if (out.text[len - 1] == '.') len--;
    out.text[len] = 0;
  }
  return out;
}

struct lh_shown lh_show_count(double n) {
  struct lh_shown out;
  lh_format_count(n > 0 ? (uint64_t)llround(n) : 0, out.text, sizeof out.text);
  return out;
}

struct lh_shown lh_show_plural(double n, const char *one, const char *many) {
  struct lh_shown out;
  if (n == 0)
    snprintf(out.text, sizeof out.text, "no %s", many);
  else
    snprintf(out.text, sizeof out.text, "%.30s %.30s", lh_show_count(n).text, n == 1 ? one : many);
  return out;
}

struct lh_shown lh_show_us(double us) {
  struct lh_shown out;
  lh_format_duration_brief(us > 0 ? (uint64_t)llround(us * 1000) : 0, out.text, sizeof out.text);
  plain_point(out.text);
  char *second = strstr(out.text, " 0 "); /* "8 h 0 min": the second part says nothing */
  if (second) *second = 0;
  return out;
}

struct lh_shown lh_show_seconds(double s) {
  struct lh_shown out = lh_show_us(s * 1e6);
  char *point = strchr(out.text, '.');
  size_t zeros = point ? strspn(point + 1, "0") : 0;
  if (point && point[1 + zeros] == ' ') memmove(point, point + 1 + zeros, strlen(point + 1 + zeros) + 1);
  return out;
}

struct lh_shown lh_show_percent(double percent) {
  struct lh_shown out;
  double rest = percent > 50 ? 100 - percent : percent;
  int decimals = rest >= 10 ? 1 : rest >= 1 ? 2 : rest > 0 ? (int)ceil(-log10(rest)) + 1 : 0;
  if (decimals > 6) decimals = 6;
  double scale = pow(10, decimals);
  if (percent > 50) percent = floor(percent * scale + 1e-6) / scale;
  snprintf(out.text, sizeof out.text, "%.50s %%", fixed(percent, decimals, true).text);
  return out;
}

struct lh_shown lh_show_rate(double n) {
  if (n == 0) return fixed(0, 0, false);
  if (n >= 999.5) return lh_show_count(n);
  int decimals = n >= 99.95 ? 0 : n >= 9.995 ? 1 : n >= 1 ? 2 : (int)ceil(-log10(n)) + 1;
  return fixed(n, decimals > 6 ? 6 : decimals, true);
}

struct lh_shown lh_show_bytes(double bytes) {
  struct lh_shown out;
  lh_format_size(bytes > 0 ? (uint64_t)llround(bytes) : 0, out.text, sizeof out.text);
  plain_point(out.text);
  return out;
}

struct lh_shown lh_show_time(const char *rfc3339) {
  struct lh_shown out;
  snprintf(out.text, sizeof out.text, "%.19s", rfc3339 ? rfc3339 : "");
  if (strlen(out.text) == 19) out.text[10] = ' ';
  return out;
}

struct lh_shown lh_show_clock(const char *rfc3339) {
  struct lh_shown out = {""};
  if (rfc3339 && strlen(rfc3339) >= 19) snprintf(out.text, sizeof out.text, "%.8s", rfc3339 + 11);
  return out;
}

struct lh_shown lh_show_when(const json_t *model, const char *rfc3339) {
  return lh_look_number(model, "run.duration_s") >= 86400 ? lh_show_time(rfc3339) : lh_show_clock(rfc3339);
}

/* Moments are known to a millisecond. */
struct lh_shown lh_show_length(const json_t *storm) {
  double lasted_s = lh_look_number(storm, "until_s") - lh_look_number(storm, "from_s");
  return lasted_s < 0.001 ? (struct lh_shown){"< 1 ms"} : lh_show_seconds(lasted_s);
}

struct lh_shown lh_show_slo_value(const json_t *slo, const char *key) {
  const json_t *value = json_object_get(slo, key);
  const char *unit = lh_look_text(slo, "unit");
  if (!json_is_number(value)) return (struct lh_shown){"none"};
  double n = json_number_value(value);
  if (strcmp(unit, "us") == 0) return strcmp(key, "threshold") == 0 ? lh_show_seconds(n / 1e6) : lh_show_us(n);
  if (strcmp(unit, "share") == 0) return lh_show_percent(100 * n);
  return strcmp(unit, "count") == 0 ? lh_show_count(n) : lh_show_rate(n);
}

struct lh_shown lh_show_slo_decisive(const json_t *model, const json_t *slo) {
  if (lh_look_is_null(slo, "for_s")) return lh_show_slo_value(slo, "value");
  struct lh_shown worst = lh_show_slo_value(slo, "worst"), window = lh_show_seconds(lh_look_number(slo, "for_s")), out;
  snprintf(out.text, sizeof out.text, "%.16s in the %.20s from %.19s UTC", worst.text, window.text,
           lh_show_when(model, lh_look_text(slo, "worst_at")).text);
  return out;
}
