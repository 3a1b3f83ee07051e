/* A group of clients of the null kind that come back by full jitter, 500 ms to 30 s, whatever drops them. */
#ifndef LH_TESTS_UNIT_CONN_NULL_GROUP_H
#define LH_TESTS_UNIT_CONN_NULL_GROUP_H

#include "longhaul/base/clock.h"
#include "longhaul/conn/engine.h"

static inline struct lh_group null_group(char *name, uint32_t clients, struct lh_ramp ramp) {
  return (struct lh_group){
      .name = name,
      .kind = LH_KIND_NULL,
      .target = LH_NO_TARGET,
      .connections = clients,
      .ramp = ramp,
      .connect_timeout_ns = 10 * LH_NS_PER_S,
      .message_max = LH_REPLY_BYTES_MAX,
      .reconnect = {.enabled = true,
                    .first_ns = 500 * LH_NS_PER_MS,
                    .max_ns = 30 * LH_NS_PER_S,
                    .factor = 2,
                    .jitter = LH_BACKOFF_FULL,
                    .reset_after_ns = 10 * LH_NS_PER_S},
      .null_service_ns = 20 * LH_NS_PER_MS,
  };
}

#endif
