/* The supervisor's side of the dashboard: starts its process, sends it figures each second, hears its marks.
 *
 * The run never waits for it. A tick goes out only when the one before was taken; until then figures add up and go with the
 * next one, so nothing is lost and nothing queues. A process that is lost is replaced a second later, and told everything since
 * the start, so that no counter of the metrics falls back; one that ends LH_DEATHS_IN_ROW_MAX times in a row is given up, and the run
 * goes on without it. All of that is said, and stands on the timeline.
 */
#ifndef LH_RUN_DASHBOARD_H
#define LH_RUN_DASHBOARD_H

#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/worker/protocol.h"

struct lh_supervisor;
struct lh_dashboard;

enum { LH_DASHBOARD_PATIENCE_MS = 60000 /* for the last picture, at the end of the run */ };

/* Nothing when nobody asked for one. All others accept NULL. */
int lh_dashboard_open(struct lh_supervisor *sv, struct lh_err *err);
void lh_dashboard_heard(struct lh_dashboard *dashboard, uint32_t worker, const struct lh_worker_health *health);
uint64_t lh_dashboard_due_ns(const struct lh_dashboard *dashboard);
void lh_dashboard_tick(struct lh_dashboard *dashboard, uint64_t now_ns);
/* The run file is finished: waits until its last picture was sent to who looks on. */
void lh_dashboard_end(struct lh_dashboard *dashboard, uint64_t end_ns);
void lh_dashboard_close(struct lh_dashboard *dashboard);

#endif
