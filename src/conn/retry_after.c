#include <ctype.h>
#include <string.h>
#include <time.h>

#include "longhaul/base/clock.h"
#include "longhaul/conn/http.h"

/* Longer than any run: what is more could overflow a time. */
#define SECONDS_MAX (UINT64_C(10) * 365 * 24 * 3600)

static uint64_t seconds_of(const char *digits) {
  uint64_t seconds = 0;
  for (; isdigit((unsigned char)*digits); digits++)
    if (seconds < SECONDS_MAX) seconds = seconds * 10 + (uint64_t)(*digits - '0');
  if (digits[strspn(digits, " \t")]) return 0;
  return seconds < SECONDS_MAX ? seconds : SECONDS_MAX;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT"; the program's locale is "C". */
static uint64_t wait_until(const char *date, int64_t now_wall_us) {
  struct tm tm = {0};
  const char *rest = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  if (!rest || rest[strspn(rest, " \t")]) return 0;
  int64_t wait_us = (int64_t)timegm(&tm) * (int64_t)(LH_NS_PER_S / LH_NS_PER_US) - now_wall_us;
  if (wait_us <= 0) return 0;
  uint64_t most_us = SECONDS_MAX * (LH_NS_PER_S / LH_NS_PER_US);
  return ((uint64_t)wait_us < most_us ? (uint64_t)wait_us : most_us) * LH_NS_PER_US;
}

uint64_t lh_http_retry_after_ns(const char *value, int64_t now_wall_us) {
  value += strspn(value, " \t");
  return isdigit((unsigned char)*value) ? seconds_of(value) * LH_NS_PER_S : wait_until(value, now_wall_us);
}
