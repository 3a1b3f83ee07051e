#include "cli/moment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

enum { US_PER_S = 1000000 };
static const int64_t day_us = INT64_C(86400) * US_PER_S;

/* strptime takes numbers of fewer digits than a moment has, and signs. */
static bool has_shape(const char *text, const char *shape) {
  for (; *shape; shape++, text++)
    if (*shape == '9' ? *text < '0' || *text > '9' : *text != *shape) return false;
  return true;
}

/* 20:03 or 20:03:28. */
static bool read_clock(const char *text, int64_t start_wall_us, int64_t *wall_us) {
  struct tm parts = {0};
  bool seconds = has_shape(text, "99:99:99");
  const char *rest = has_shape(text, "99:99") ? strptime(text, seconds ? "%H:%M:%S" : "%H:%M", &parts) : NULL;
  if (rest == NULL || *rest != '\0') return false;
  int64_t in_day_us = (int64_t)(parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec) * US_PER_S;
  *wall_us = start_wall_us - start_wall_us % day_us + in_day_us;
  /* A run that began at 20:03:28 began at 20:03. */
  if (!seconds && *wall_us < start_wall_us && start_wall_us - *wall_us < INT64_C(60) * US_PER_S) *wall_us = start_wall_us;
  if (*wall_us < start_wall_us) *wall_us += day_us;
  return true;
}

/* 2026-11-22T20:03:28Z, with a fraction or without. */
static bool read_date(const char *text, int64_t *wall_us) {
  struct tm parts = {0};
  const char *rest = has_shape(text, "9999-99-99T99:99:99") ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
  double fraction = 0;
  if (rest != NULL && *rest == '.' && rest[1 + strspn(rest + 1, "0123456789")] == 'Z') {
    fraction = strtod(rest, NULL);
    rest += 1 + strspn(rest + 1, "0123456789");
  }
  if (rest == NULL || strcmp(rest, "Z") != 0) return false;
  *wall_us = (int64_t)timegm(&parts) * US_PER_S + (int64_t)(fraction * US_PER_S + 0.5);
  return true;
}

int lh_cli_moment(const char *option, const char *text, int64_t start_wall_us, int64_t *wall_us, struct lh_err *err) {
  uint64_t since_ns;
  if (lh_parse_duration(text, &since_ns) == 0) {
    *wall_us = start_wall_us + (int64_t)(since_ns / LH_NS_PER_US);
    return 0;
  }
  if (read_clock(text, start_wall_us, wall_us) || read_date(text, wall_us)) return 0;
  return lh_err_set(err, EINVAL, "%s %s is no moment of a run: it is " LH_MOMENT_FORMS, option, text);
}
