#include "health.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "longhaul/base/clock.h"

static uint64_t us_of(const struct timeval *t) {
  return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

static void read_usage(uint64_t *user_us, uint64_t *system_us, uint64_t *switches) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  *user_us = us_of(&usage.ru_utime);
  *system_us = us_of(&usage.ru_stime);
  *switches = (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
}

/* Counted once: reading the folder costs milliseconds when it holds thousands. */
static uint32_t count_descriptors(void) {
  uint32_t count = 0;
  DIR *folder = opendir("/proc/self/fd");
  if (!folder) return 0;
  while (readdir(folder)) count++;
  closedir(folder);
  return count > 3 ? count - 3 : 0; /* ".", ".." and the folder itself */
}

void lh_vitals_begin(struct lh_vitals *v, uint64_t now_ns) {
  *v = (struct lh_vitals){.from_ns = now_ns, .statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)};
  read_usage(&v->user_us, &v->system_us, &v->switches);
  v->other_descriptors = count_descriptors();
}

static uint64_t read_rss(int statm) {
  char text[128];
  ssize_t len = pread(statm, text, sizeof text - 1, 0);
  if (len <= 0) return 0;
  text[len] = 0;
  char *resident = text;
  strtoull(text, &resident, 10); /* the first number is the address space */
  return strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void lh_vitals_read(const struct lh_vitals *v, uint64_t now_ns, uint32_t sockets, struct lh_worker_health *health) {
  uint64_t user_us, system_us, switches;
  read_usage(&user_us, &system_us, &switches);
  health->from_ns = v->from_ns < now_ns ? v->from_ns : now_ns; /* a run stopped before it began: a slice of nothing */
  health->until_ns = now_ns;
  health->cpu_user_us = user_us - v->user_us;
  health->cpu_system_us = system_us - v->system_us;
  health->context_switches = switches - v->switches;
  health->rss_bytes = read_rss(v->statm);
  health->loop_lag_max_us = (v->lag_max_ns + 999) / 1000;
  health->turns = v->turns;
  health->descriptors = v->other_descriptors + sockets;
}

void lh_vitals_next(struct lh_vitals *v, const struct lh_worker_health *sent) {
  v->from_ns = sent->until_ns;
  v->user_us += sent->cpu_user_us;
  v->system_us += sent->cpu_system_us;
  v->switches += sent->context_switches;
  v->lag_max_ns = v->turns = 0;
}
