/* Memory that new connections leave to those there are, where the address space is limited (RLIMIT_AS): a report, a write or an
 * ending that lacks memory would cost more than a client that does not come up. Without such a limit nothing is asked.
 *
 * Glossary
 *   spare  address space not asked for yet, and what is free in the heap: LH_SPARE_BYTES are left by what begins to connect,
 *          half of them by what goes on to TLS
 */
#ifndef WORKER_SPARE_H
#define WORKER_SPARE_H

#include <stdbool.h>
#include <stdint.h>

struct lh_spare {
  uint64_t limit_bytes; /* UINT64_MAX: none */
};

void lh_spare_begin(struct lh_spare *spare);
/* Whether so much is there. Some microseconds where there is a limit, more when it is nearly reached. */
bool lh_spare_is_left(const struct lh_spare *spare, uint64_t bytes);

#endif
