/* Memory that outlives a worker, in which its clients' sends are counted (plan.h says which cell is whose): what a message's
 * `count` limits is known to the process that takes over. The supervisor makes it, workers inherit its descriptor. */
#ifndef LONGHAUL_WORKER_LEDGER_H
#define LONGHAUL_WORKER_LEDGER_H

#include <stdint.h>

#include "longhaul/base/err.h"

/* Zeroed. Returns a descriptor that children inherit. */
int lh_ledger_make(uint64_t cells, struct lh_err *err);
/* Mapped for the life of the process. NULL: err says why. */
uint64_t *lh_ledger_map(int fd, uint64_t cells, struct lh_err *err);

#endif
