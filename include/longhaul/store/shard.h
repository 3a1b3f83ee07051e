/* One shard of a merged run file: which host carried which part of the clients, and how that part fared over the whole run.
 *
 * The intervals of a merged file are sums over its shards; these rows are what tells one host's clients from another's.
 */
#ifndef LONGHAUL_STORE_SHARD_H
#define LONGHAUL_STORE_SHARD_H

#include <stdint.h>

/* X(name, help): the counters of that name, summed over the shard's groups and its whole run. */
#define LH_SHARD_COUNTER_LIST(X)                                                                                               \
  X(attempts, "connections begun")                                                                                             \
  X(opened, "connections that came up")                                                                                        \
  X(connect_failures, "attempts that failed")                                                                                  \
  X(drops, "open connections that ended without the plan asking for it")                                                       \
  X(tester_drops, "drops that the tester caused; part of drops")                                                               \
  X(reconnects, "drops that were followed by an opening")                                                                      \
  X(open_us, "client time open")                                                                                               \
  X(wanted_us, "client time wanted")                                                                                           \
  X(messages_sent, "messages sent")                                                                                            \
  X(replied, "messages with a reply")                                                                                          \
  X(lost, "messages whose reply did not come")                                                                                 \
  X(bytes_sent, "bytes sent")                                                                                                  \
  X(bytes_received, "bytes received")

/* X(name, histogram, percentile, help): of its groups together; 100 is the exact maximum. 0: nothing was recorded. */
#define LH_SHARD_LATENCY_LIST(X)                                                                                               \
  X(connect_p99_us, connect_total, 99, "99th percentile of connecting, all steps")                                             \
  X(response_p50_us, response, 50, "median of the responses")                                                                  \
  X(response_p99_us, response, 99, "99th percentile of the responses")                                                         \
  X(response_max_us, response, 100, "longest response")                                                                        \
  X(service_p99_us, service, 99, "99th percentile from the bytes written to the reply")                                        \
  X(rtt_p50_us, rtt, 50, "median of the kernel's TCP round trips")                                                             \
  X(send_lateness_p99_us, send_lateness, 99, "99th percentile of how late messages left: the tester's own")

struct lh_shard_row {
  uint32_t shard; /* from 1 */
  uint32_t first_worker, workers; /* its rows in table workers */
  const char *version; /* of longhaul; borrowed */
  const char *how;     /* complete, interrupted, ...; borrowed; "" when it has no end */
  uint64_t clients;    /* planned */
  int64_t start_wall_us;
  uint64_t length_ns;
#define X(name, help) uint64_t name;
  LH_SHARD_COUNTER_LIST(X)
#undef X
#define X(name, hist, percentile, help) uint64_t name;
  LH_SHARD_LATENCY_LIST(X)
#undef X
};

#endif
