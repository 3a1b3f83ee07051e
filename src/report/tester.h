/* Whether the tester itself was the bottleneck: the one place for that rule. */
#ifndef LONGHAUL_REPORT_TESTER_H
#define LONGHAUL_REPORT_TESTER_H

#include <stdbool.h>
#include <stdint.h>

#include "report/gather.h"

/* X(ID, words): why an interval is marked */
#define LH_LATE_LIST(X)                                                                                                        \
  X(LAG, "a worker's loop ran more than 100 ms late")                                                                          \
  X(SEND, "messages left more than 50 ms after their time (p99)")                                                              \
  X(CPU, "a worker used more than 90 % of a core")                                                                             \
  X(LOST, "a worker was lost")                                                                                                 \
  X(CLOCK, "the machine was suspended")                                                                                       \
  X(SILENT, "a worker did not report in time")                                                                                 \
  X(FULL, "a worker held messages back for want of room or memory")                                                           \
  X(AWAY, "nobody watched (the run had stopped and was resumed later), or the run file is damaged here")

enum lh_late_reason {
#define X(id, words) LH_LATE_##id,
  LH_LATE_LIST(X)
#undef X
      LH_LATE_COUNT
};

enum { LH_LATE_LAG_US = 100 * 1000, LH_LATE_SEND_US = 50 * 1000 };
#define LH_LATE_CPU_SHARE 0.90
/* Above this share of marked intervals the whole run proves nothing. */
#define LH_LATE_SHARE_MAX 0.10

struct lh_lateness {
  uint32_t why; /* bit n: reason n; 0: the tester was in time */
};

const char *lh_late_words(enum lh_late_reason reason);
/* Fills out[0 .. g->count). */
void lh_tester_judge(const struct lh_gather *g, struct lh_lateness *out);
/* It was there, and late: an interval in which nobody watched is left out as well, but tells nothing of the tester. */
bool lh_tester_is_late(struct lh_lateness late);
uint32_t lh_tester_late_count(const struct lh_gather *g, const struct lh_lateness *late);

#endif
