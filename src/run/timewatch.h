/* Finds steps of the wall clock and suspends of the machine from readings of the three clocks. Pure.
 *
 * Worked example: between two readings MONOTONIC went on by 1.0 s, BOOTTIME by 61.0 s and the wall clock by 61.0 s: the
 * machine slept for 60 s and the clock was not stepped. Had the wall clock gone on by 1.0 s alone, it was also stepped
 * back by 60 s.
 */
#ifndef LH_RUN_TIMEWATCH_H
#define LH_RUN_TIMEWATCH_H

#include <stdint.h>

struct lh_reading {
  uint64_t now_ns, boot_ns;
  int64_t wall_us;
};

struct lh_timewatch {
  struct lh_reading last;
};

struct lh_timechange {
  uint64_t suspended_ns; /* 0: none */
  int64_t stepped_ns;    /* wall clock set forward (positive) or back; 0: none */
};

enum { LH_TIMEWATCH_LEAST_MS = 500 }; /* smaller changes are the clock being disciplined */

struct lh_timechange lh_timewatch_look(struct lh_timewatch *watch, struct lh_reading reading);

#endif
