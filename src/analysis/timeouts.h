/* Time limits that common devices and servers set, for naming candidates beside a cluster of drops. */
#ifndef LONGHAUL_SRC_ANALYSIS_TIMEOUTS_H
#define LONGHAUL_SRC_ANALYSIS_TIMEOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lh_timeout_kind { LH_TIMEOUT_IDLE, LH_TIMEOUT_LIFETIME };

struct lh_timeout {
  uint32_t seconds;
  enum lh_timeout_kind kind;
  const char *what;
  bool documented; /* false: reported by others, not by its maker */
};

/* Fills at most `most` limits within share of seconds, the documented ones first; returns how many. */
size_t lh_timeouts_near(enum lh_timeout_kind kind, double seconds, double share, const struct lh_timeout **out, size_t most);

#endif
