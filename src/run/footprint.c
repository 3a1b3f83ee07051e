#include "run/footprint.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT_EVERY_US = 50000 };
static const size_t shared_bytes = LH_FOOTPRINTS_MAX * sizeof(uint64_t);

static size_t servers_of(const struct lh_needs *needs) {
  return needs->server_count < LH_FOOTPRINTS_MAX ? needs->server_count : LH_FOOTPRINTS_MAX;
}

static void count(struct lh_footprint *f) {
  for (size_t i = 0; i < servers_of(f->needs); i++) {
    uint64_t open = lh_needs_server_open(&f->needs->servers[i], "");
    if (open > f->most[i]) f->most[i] = open;
  }
}

static void count_on(struct lh_footprint *f) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    count(f);
    usleep(COUNT_EVERY_US);
  }
}

int lh_footprint_begin(struct lh_footprint *f, const struct lh_needs *needs, struct lh_err *err) {
  *f = (struct lh_footprint){.needs = needs};
  void *shared = mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return lh_err_set(err, errno, "no memory to count the target's descriptors: %s", strerror(errno));
  f->most = shared;
  count(f);
  memcpy(f->before, f->most, shared_bytes);
  f->pid = fork();
  if (f->pid == 0) count_on(f);
  if (f->pid > 0) return 0;
  int code = lh_err_set(err, errno, "no process to count the target's descriptors: %s", strerror(errno));
  munmap(shared, shared_bytes);
  f->pid = 0;
  return code;
}

/* Of some dozen connections: a few descriptors more or less are the server's own business. */
static double whole_when_near(double each) {
  static const double near = 0.1;
  return fabs(each - round(each)) <= near ? round(each) : each;
}

void lh_footprint_end(struct lh_footprint *f, bool opened, struct lh_needs *needs) {
  if (f->pid == 0) return;
  kill(f->pid, SIGKILL);
  waitpid(f->pid, NULL, 0);
  for (size_t i = 0; opened && i < servers_of(f->needs); i++) {
    const struct lh_needs_server *seen = &f->needs->servers[i];
    struct lh_needs_server *server = lh_needs_server_at(needs, seen->host, seen->port);
    if (!server || seen->processes == 0 || seen->processes > LH_SERVER_PIDS || seen->clients == 0) continue;
    server->each = whole_when_near((double)(f->most[i] - f->before[i]) / (double)seen->clients);
    server->measured = true;
  }
  munmap(f->most, shared_bytes);
  f->pid = 0;
}
