#include "longhaul/host/host.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "host/files.h"

long lh_host_raise_descriptors(struct lh_err *err) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return lh_err_set(err, errno, "cannot read the limit of open descriptors (RLIMIT_NOFILE): %s", strerror(errno));
  rlim_t wanted = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > LH_DESCRIPTORS_MOST ? LH_DESCRIPTORS_MOST : limit.rlim_max;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur != wanted) {
    struct rlimit raised = {.rlim_cur = wanted, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) != 0)
      return lh_err_set(err, errno, "cannot raise the limit of open descriptors from %llu to %llu (RLIMIT_NOFILE): %s",
                        (unsigned long long)limit.rlim_cur, (unsigned long long)wanted, strerror(errno));
  }
  return (long)wanted;
}

/* The mask of sched_getaffinity must be as large as the kernel's, which may hold more cores than CPU_SETSIZE. */
static uint32_t affinity_cores(void) {
  for (int most = CPU_SETSIZE; most <= 1 << 20; most *= 2) {
    cpu_set_t *set = CPU_ALLOC(most);
    if (!set) return 1;
    size_t size = CPU_ALLOC_SIZE(most);
    int code = sched_getaffinity(0, size, set);
    int saved = errno;
    int count = code == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (code == 0) return count > 0 ? (uint32_t)count : 1;
    if (saved != EINVAL) return 1;
  }
  return 1;
}

uint32_t lh_host_cores_at(const char *root, uint32_t affinity) {
  double quota;
  if (lh_cgroup_cpu_max(root, &quota) == 0 && ceil(quota) < affinity) return quota > 1 ? (uint32_t)ceil(quota) : 1;
  return affinity;
}

uint32_t lh_host_cores(void) {
  return lh_host_cores_at("", affinity_cores());
}

bool lh_host_ports_at(const char *root, uint32_t *first, uint32_t *last) {
  char line[64];
  unsigned from, to;
  if (lh_files_line(root, "/proc/sys/net/ipv4/ip_local_port_range", line, sizeof line) < 0) return false;
  if (sscanf(line, "%u %u", &from, &to) != 2 || from > to || to > 65535) return false;
  *first = from;
  *last = to;
  return true;
}

bool lh_host_ports(uint32_t *first, uint32_t *last) {
  return lh_host_ports_at("", first, last);
}
