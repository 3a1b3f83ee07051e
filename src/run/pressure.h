/* Limits that fill up: says once when a share of one is passed, and again only after it fell well below. Pure. */
#ifndef LH_RUN_PRESSURE_H
#define LH_RUN_PRESSURE_H

#include <stdbool.h>

#include "longhaul/base/buf.h"

/* X(ID, what fills up, unit): a worker's descriptors are judged for the worker that holds most. */
#define LH_PRESSURE_LIST(X)                                                                                                    \
  X(WORKER_DESCRIPTORS, "descriptors of one worker", COUNT)                                                                    \
  X(HOST_FILES, "open files of the host (fs.file-max)", COUNT)                                                                 \
  X(HOST_MEMORY, "memory of the host", BYTES)                                                                                  \
  X(HOST_CPU, "processor time of the host", SHARE)                                                                             \
  X(TCP_MEMORY, "pages of TCP buffers (net.ipv4.tcp_mem)", COUNT)                                                              \
  X(TIME_WAIT, "connections in TIME_WAIT", COUNT)                                                                              \
  X(TIME_WAIT_BUCKETS, "connections in TIME_WAIT (net.ipv4.tcp_max_tw_buckets)", COUNT)                                        \
  X(ORPHANS, "TCP connections without a process (net.ipv4.tcp_max_orphans)", COUNT)                                            \
  X(CONNTRACK, "tracked connections (net.netfilter.nf_conntrack_max)", COUNT)                                                  \
  X(SERVER_DESCRIPTORS, "descriptors of the watched processes", COUNT)                                                         \
  X(SERVER_LIMIT, "descriptors of a watched process (its RLIMIT_NOFILE)", COUNT)                                               \
  X(SERVER_MEMORY, "memory of the watched processes", BYTES)                                                                   \
  X(SERVER_THREADS, "threads of the watched processes", COUNT)

enum lh_pressure_id {
#define X(id, what, unit) LH_PRESSURE_##id,
  LH_PRESSURE_LIST(X)
#undef X
      LH_PRESSURE_COUNT
};

struct lh_pressure {
  bool told[LH_PRESSURE_COUNT];
};

struct lh_pressure_reading {
  enum lh_pressure_id id;
  double value, limit; /* limit 0: not known */
  double warn_at;      /* share of the limit; 1: a maximum of the config */
};

enum { LH_PRESSURE_TEXT_MAX = 200 };

/* True when the reading is worth a warning now; `text` says it: "87 % of descriptors of one worker are in use: 890 of 1,024". */
bool lh_pressure_take(struct lh_pressure *pressure, const struct lh_pressure_reading *reading, char text[LH_PRESSURE_TEXT_MAX]);

#endif
