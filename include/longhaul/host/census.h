/* Processes of this host, sampled from outside: what a server holds while it is under load.
 *
 * Glossary
 *   pick  which processes: a number, a name, or a control group; what matches is looked up anew for each sample, so that a
 *         server that restarts or forks is followed
 */
#ifndef LONGHAUL_HOST_CENSUS_H
#define LONGHAUL_HOST_CENSUS_H

#include <stdint.h>

#include "longhaul/base/err.h"

/* X(name, sort, unit, help): sums over the processes of a pick. Append only. */
#define LH_PROCESS_LIST(X)                                                                                                     \
  X(processes, "gauge", "count", "how many there are")                                                                         \
  X(descriptors, "gauge", "count", "open descriptors")                                                                         \
  X(rss_bytes, "gauge", "bytes", "resident memory")                                                                            \
  X(threads, "gauge", "count", "threads")                                                                                      \
  X(cpu_us, "counter", "us", "processor time since they started")

enum lh_process_value {
#define X(name, sort, unit, help) LH_PROCESS_##name,
  LH_PROCESS_LIST(X)
#undef X
      LH_PROCESS_COUNT
};

struct lh_process_pick {
  uint32_t pid;       /* 0: by one of the others */
  const char *name;   /* as in /proc/PID/comm, or the last part of its command's path */
  const char *cgroup; /* path below the mount of the control groups */
};

struct lh_process_sample {
  uint64_t values[LH_PROCESS_COUNT];
  uint32_t unread;              /* bit n: values[n] could not be read of every process */
  uint64_t descriptors_nearest; /* of the process that is nearest to its own limit */
  uint64_t descriptors_limit;   /* that limit (soft); 0: not known */
};

const char *lh_process_value_name(enum lh_process_value value);

/* Reads files of /proc only; takes a few microseconds for each process, and a while for tens of thousands of descriptors on
 * kernels before 6.2. A pick that matches nothing gives 0 processes. 0 or -errno when /proc or the control group cannot be
 * read. */
int lh_process_read(const struct lh_process_pick *pick, struct lh_process_sample *sample);

#endif
