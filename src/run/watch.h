/* Objectives with `abort_after`, all of them when hooks.on_breach is to hear of breaches: judged at the end of each interval,
 * over the latest window, by the report's own rules.
 *
 * Glossary
 *   window    the objective's `for`, at least one interval
 *   breached  the window's value does not meet the objective. A count without `for` (lost below 1000) is added up over the
 *             run instead, since an interval's share of it means nothing; "above" such a count is for the end of the run to
 *             judge
 *
 * Intervals that the report leaves out (warm-up, grace, the tester was late) neither begin nor end a breach.
 */
#ifndef LH_RUN_WATCH_H
#define LH_RUN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/limits.h"
#include "longhaul/config/config.h"

struct lh_watch;

struct lh_watch_verdict {
  const struct lh_slo_config *begun[LH_SLO_MAX]; /* objectives whose breach began with this interval */
  size_t begun_count;
  const struct lh_slo_config *abort; /* one that was breached for its abort_after, or NULL */
};

/* NULL in *watch when no objective has abort_after and no hook asks for breaches. 0 or -ENOMEM. */
int lh_watch_new(struct lh_watch **watch, const struct lh_config *config);
void lh_watch_free(struct lh_watch *watch); /* accepts NULL */

/* The interval that ended at end_ns (since the start of the run) is committed to the run file at `path`. What cannot be
 * judged is passed over. */
struct lh_watch_verdict lh_watch_interval(struct lh_watch *watch, const char *path, uint64_t end_ns);

#endif
