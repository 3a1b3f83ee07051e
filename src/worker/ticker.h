/* One timer for everything that has a time: a timerfd in the loop, armed to the next due time and to nothing else, so that
 * a worker with nothing to do sleeps.
 */
#ifndef WORKER_TICKER_H
#define WORKER_TICKER_H

#include <stdint.h>
#include <uv.h>

#include "longhaul/base/err.h"

struct lh_ticker;

/* lag_ns: how much later than due the call comes. */
typedef void lh_ticker_due(void *context, uint64_t now_ns, uint64_t lag_ns);

int lh_ticker_new(struct lh_ticker **ticker, uv_loop_t *loop, lh_ticker_due *due, void *context, struct lh_err *err);
/* The next call comes at due_ns, or never (LH_NEVER). Costs nothing when that is so already. */
void lh_ticker_arm(struct lh_ticker *ticker, uint64_t due_ns);

#endif
