#include "longhaul/base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (uint64_t)t.tv_sec * LH_NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t lh_now_ns(void) {
  return read_ns(CLOCK_MONOTONIC);
}

uint64_t lh_boot_ns(void) {
  return read_ns(CLOCK_BOOTTIME);
}

int64_t lh_wall_us(void) {
  return (int64_t)(read_ns(CLOCK_REALTIME) / LH_NS_PER_US);
}

char *lh_format_utc(int64_t wall_us, char *out, size_t size) {
  int64_t us = wall_us % 1000000;
  time_t seconds = (time_t)(wall_us / 1000000);
  if (us < 0) {
    us += 1000000;
    seconds--;
  }
  struct tm tm;
  if (!gmtime_r(&seconds, &tm)) {
    snprintf(out, size, "(no time)");
    return out;
  }
  snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
           tm.tm_min, tm.tm_sec, (int)(us / 1000));
  return out;
}
