/* What a reader asks in the first ten seconds, beside the verdict: four sentences that every format puts on top. */
#ifndef LONGHAUL_REPORT_BRIEF_H
#define LONGHAUL_REPORT_BRIEF_H

#include <jansson.h>

#include "longhaul/base/err.h"

/* X(key, label): ran: what against what, from where; drops: what dropped, when, by whose doing; latency: from the planned
 * time and from the bytes written; tester: whether the load generator was the limit. */
#define LH_BRIEF_LIST(X)                                                                                                       \
  X(ran, "Ran")                                                                                                                \
  X(drops, "Drops")                                                                                                            \
  X(latency, "Latency")                                                                                                        \
  X(tester, "Tester")

/* Sets "brief" of a model that has everything else. 0 or -ENOMEM. */
int lh_brief_put(json_t *model, struct lh_err *err);

#endif
