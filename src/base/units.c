#include "longhaul/base/units.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "longhaul/base/clock.h"

struct unit {
  const char *name;
  double scale;
};

static const struct unit duration_units[] = {{"d", 86400e9}, {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}};
static const struct unit size_units[] = {{"GiB", 0x1p30}, {"MiB", 0x1p20}, {"KiB", 0x1p10}, {"GB", 1e9},
                                         {"MB", 1e6},     {"KB", 1e3},     {"B", 1}};

/* Reads digits with at most one point; strtod would take the locale's comma, exponents and "inf". Returns the end, NULL
 * when there is no digit. */
static const char *read_number(const char *text, long double *value) {
  long double whole = 0, scale = 1; /* 64 bits of mantissa: every nanosecond of 31 years is exact */
  bool point = false, digit = false;
  const char *at = text;
  for (;; at++) {
    if (*at >= '0' && *at <= '9') {
      whole = whole * 10 + (*at - '0');
      if (point) scale *= 10;
      digit = true;
    } else if (*at == '.' && !point && digit) {
      point = true;
    } else {
      break;
    }
  }
  if (!digit || at[-1] == '.') return NULL;
  *value = whole / scale;
  return at;
}

static int negative_or_invalid(const char *text) {
  long double ignored;
  return *text == '-' && read_number(text + 1, &ignored) ? -ERANGE : -EINVAL;
}

/* The longest unit that `at` begins with: "ms" before "m". */
static const struct unit *read_unit(const struct unit *units, size_t count, const char **at) {
  const struct unit *best = NULL;
  for (size_t i = 0; i < count; i++) {
    size_t len = strlen(units[i].name);
    if (strncmp(*at, units[i].name, len) == 0 && (!best || len > strlen(best->name))) best = &units[i];
  }
  if (best) *at += strlen(best->name);
  return best;
}

int lh_parse_duration(const char *text, uint64_t *ns) {
  if (strcmp(text, "0") == 0) {
    *ns = 0;
    return 0;
  }
  long double total = 0, smaller_than = INFINITY;
  const char *at = text;
  if (!*at) return -EINVAL;
  while (*at) {
    long double value;
    const char *end = read_number(at, &value);
    if (!end) return at == text ? negative_or_invalid(text) : -EINVAL;
    const struct unit *unit = read_unit(duration_units, sizeof duration_units / sizeof *duration_units, &end);
    if (!unit || unit->scale >= smaller_than) return -EINVAL;
    smaller_than = unit->scale;
    total += value * unit->scale;
    at = end;
  }
  if (total > 1e18) return -ERANGE; /* 31 years */
  *ns = (uint64_t)llroundl(total);
  return 0;
}

int lh_parse_size(const char *text, uint64_t *bytes) {
  long double value, scale = 1;
  const char *end = read_number(text, &value);
  if (!end) return negative_or_invalid(text);
  if (*end) {
    const struct unit *unit = read_unit(size_units, sizeof size_units / sizeof *size_units, &end);
    if (!unit || *end) return -EINVAL;
    scale = unit->scale;
  } else if (value != floorl(value)) {
    return -EINVAL;
  }
  if (value * scale > 0x1p53) return -ERANGE;
  *bytes = (uint64_t)llroundl(value * scale);
  return 0;
}

int lh_parse_rate(const char *text, double *per_second) {
  long double value;
  const char *end = read_number(text, &value);
  if (!end) return negative_or_invalid(text);
  if (strcmp(end, "/s") == 0) *per_second = (double)value;
  else if (strcmp(end, "/m") == 0) *per_second = (double)(value / 60);
  else if (strcmp(end, "/h") == 0) *per_second = (double)(value / 3600);
  else return -EINVAL;
  return 0;
}

int lh_parse_share(const char *text, double *fraction) {
  long double value;
  const char *end = read_number(text, &value);
  if (!end) return negative_or_invalid(text);
  if (strcmp(end, "%") == 0) value /= 100;
  else if (*end) return -EINVAL;
  if (value > 1) return -ERANGE;
  *fraction = (double)value;
  return 0;
}

char *lh_format_duration(uint64_t ns, char *out, size_t size) {
  static const struct {
    const char *name;
    uint64_t ns;
  } units[] = {{"d", 86400 * LH_NS_PER_S}, {"h", 3600 * LH_NS_PER_S}, {"m", 60 * LH_NS_PER_S},
               {"s", LH_NS_PER_S},         {"ms", LH_NS_PER_MS},      {"us", LH_NS_PER_US}};
  size_t len = 0;
  if (size) out[0] = 0;
  for (size_t i = 0; i < sizeof units / sizeof *units && len < size; i++) {
    unsigned long long n = ns / units[i].ns, part = units[i].ns == LH_NS_PER_US ? ns % LH_NS_PER_US : 0;
    ns %= units[i].ns;
    int wrote = part ? snprintf(out + len, size - len, "%llu.%03llu%s", n, part, units[i].name)
                : n  ? snprintf(out + len, size - len, "%llu%s", n, units[i].name)
                     : 0;
    if (wrote > 0) len += (size_t)wrote;
  }
  if (len == 0) snprintf(out, size, "0s");
  return out;
}

/* Three significant digits without trailing zeros' loss: 4.13, 21.2, 212. */
static int digits_after(double value) {
  return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

char *lh_format_duration_brief(uint64_t ns, char *out, size_t size) {
  if (ns == 0) {
    snprintf(out, size, "0 s");
    return out;
  }
  uint64_t s = (ns + LH_NS_PER_S / 2) / LH_NS_PER_S;
  if (s >= 60) {
    if (s >= 86400) snprintf(out, size, "%llu d %llu h", (unsigned long long)(s / 86400), (unsigned long long)(s % 86400 / 3600));
    else if (s >= 3600) snprintf(out, size, "%llu h %llu min", (unsigned long long)(s / 3600), (unsigned long long)(s % 3600 / 60));
    else snprintf(out, size, "%llu min %llu s", (unsigned long long)(s / 60), (unsigned long long)(s % 60));
    return out;
  }
  static const struct {
    const char *name;
    double ns;
  } units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}};
  for (size_t i = 0; i < 3; i++) {
    double value = (double)ns / units[i].ns;
    if (value < 0.9995 && i < 2) continue;
    snprintf(out, size, "%.*f %s", digits_after(value), value, units[i].name);
    break;
  }
  return out;
}

char *lh_format_size(uint64_t bytes, char *out, size_t size) {
  static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = (double)bytes;
  size_t i = 0;
  while (value >= 1023.95 && i + 1 < sizeof names / sizeof *names) {
    value /= 1024;
    i++;
  }
  if (i == 0 || value == floor(value)) snprintf(out, size, "%.0f %s", value, names[i]);
  else snprintf(out, size, "%.*f %s", value < 99.95 ? 1 : 0, value, names[i]);
  return out;
}

char *lh_format_count(uint64_t n, char *out, size_t size) {
  char digits[24];
  int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
  size_t at = 0;
  for (int i = 0; i < len && at + 1 < size; i++) {
    if (i && (len - i) % 3 == 0) out[at++] = ',';
    if (at + 1 < size) out[at++] = digits[i];
  }
  if (size) out[at] = 0;
  return out;
}
