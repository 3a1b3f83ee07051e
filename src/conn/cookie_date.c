/* Dates as servers write them into cookies: the standard's reading takes anything that holds a time, a day, a month and a year. */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "longhaul/conn/cookies.h"

/* RFC 6265, 5.1.1: what stands between the parts of a date. */
static bool is_delimiter(char c) {
  unsigned char u = (unsigned char)c;
  return u == 0x09 || (u >= 0x20 && u <= 0x2f) || (u >= 0x3b && u <= 0x40) || (u >= 0x5b && u <= 0x60) || (u >= 0x7b && u <= 0x7e);
}

/* A number of `least` to `most` digits at *at, which moves past it; -1: none. More digits are none either. */
static int read_number(const char **at, const char *end, int least, int most) {
  int value = 0, digits = 0;
  for (; *at < end && **at >= '0' && **at <= '9'; ++*at, digits++)
    if (digits < most) value = value * 10 + **at - '0';
  return digits >= least && digits <= most ? value : -1;
}

static bool read_time(const char *at, const char *end, struct tm *tm) {
  tm->tm_hour = read_number(&at, end, 1, 2);
  if (tm->tm_hour < 0 || at == end || *at++ != ':') return false;
  tm->tm_min = read_number(&at, end, 1, 2);
  if (tm->tm_min < 0 || at == end || *at++ != ':') return false;
  tm->tm_sec = read_number(&at, end, 1, 2);
  return tm->tm_sec >= 0;
}

static int month_of(const char *at, const char *end) {
  static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
  for (int month = 0; end - at >= 3 && month < 12; month++)
    if (strncasecmp(at, names + 3 * month, 3) == 0) return month;
  return -1;
}

struct found {
  bool time, day, month, year;
};

static void take_part(const char *at, const char *end, struct tm *tm, struct found *found) {
  struct tm read = {0};
  const char *rest = at;
  if (!found->time && read_time(at, end, &read)) {
    tm->tm_hour = read.tm_hour, tm->tm_min = read.tm_min, tm->tm_sec = read.tm_sec;
    found->time = true;
    return;
  }
  int number = read_number(&rest, end, 1, 4);
  if (!found->day && number >= 0 && rest - at <= 2) {
    tm->tm_mday = number;
    found->day = true;
  } else if (!found->month && month_of(at, end) >= 0) {
    tm->tm_mon = month_of(at, end);
    found->month = true;
  } else if (!found->year && number >= 0 && rest - at >= 2) {
    int year = number >= 70 && number <= 99 ? number + 1900 : number <= 69 ? number + 2000 : number;
    tm->tm_year = year - 1900;
    found->year = true;
  }
}

bool lh_cookie_date(struct lh_text text, int64_t *at_s) {
  struct tm tm = {0};
  struct found found = {0};
  const char *at = text.at, *end = at + text.len;
  while (at < end) {
    while (at < end && is_delimiter(*at)) at++;
    const char *begin = at;
    while (at < end && !is_delimiter(*at)) at++;
    if (at > begin) take_part(begin, at, &tm, &found);
  }
  bool is_whole = found.time && found.day && found.month && found.year;
  bool is_sound = tm.tm_mday >= 1 && tm.tm_mday <= 31 && tm.tm_year >= 1601 - 1900 && tm.tm_hour <= 23 && tm.tm_min <= 59 && tm.tm_sec <= 59;
  if (!is_whole || !is_sound) return false;
  const int day = tm.tm_mday;
  const time_t time = timegm(&tm);
  if (tm.tm_mday != day) return false; /* there is no such day in that month */
  *at_s = (int64_t)time;
  return true;
}
