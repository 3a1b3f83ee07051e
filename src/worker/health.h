/* How this process fares: CPU, memory, loop lag. */
#ifndef WORKER_HEALTH_H
#define WORKER_HEALTH_H

#include <stdint.h>

#include "longhaul/worker/protocol.h"

struct lh_vitals {
  uint64_t from_ns, user_us, system_us, switches; /* at the start of the slice */
  uint64_t lag_max_ns, turns;           /* in the slice */
  uint32_t other_descriptors;           /* open before the first client */
  int statm;                            /* /proc/self/statm */
};

void lh_vitals_begin(struct lh_vitals *v, uint64_t now_ns);
/* Fills what the process knows of itself for the slice that ends now. */
void lh_vitals_read(const struct lh_vitals *v, uint64_t now_ns, uint32_t sockets, struct lh_worker_health *health);
/* The slice was sent: the next one begins where it ended. */
void lh_vitals_next(struct lh_vitals *v, const struct lh_worker_health *sent);

#endif
