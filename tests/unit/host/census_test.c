/* What processes hold, from a made-up /proc and from this one. */
#include "made_up_root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "host/files.h"
#include "longhaul/host/census.h"

struct made_up {
  unsigned pid;
  const char *comm, *command, *limit;
  unsigned descriptors, threads, pages, ticks;
};

static void put_process(const struct made_up *p) {
  char path[128], text[512];
  snprintf(path, sizeof path, "/proc/%u/stat", p->pid);
  snprintf(text, sizeof text, "%u (%s) %c 1 1 1 0 -1 4194304 10 0 0 0 %u 5 0 0 20 0 %u 0 100 1000000 %u 184467 1 1 0\n", p->pid,
           p->comm, p->pid == 14 ? 'Z' : 'S', p->ticks, p->threads, p->pages);
  put(path, text);
  snprintf(path, sizeof path, "/proc/%u/comm", p->pid);
  snprintf(text, sizeof text, "%.15s\n", p->comm);
  put(path, text);
  snprintf(path, sizeof path, "/proc/%u/cmdline", p->pid);
  put(path, p->command);
  snprintf(path, sizeof path, "/proc/%u/limits", p->pid);
  snprintf(text, sizeof text,
           "Limit  Soft Limit  Hard Limit  Units\nMax processes  9 9 processes\nMax open files  %s  524288  files\n", p->limit);
  put(path, text);
  for (unsigned fd = 0; fd < p->descriptors; fd++) {
    snprintf(path, sizeof path, "/proc/%u/fd/%u", p->pid, fd);
    put(path, "");
  }
}

static int make_processes(void **state) {
  if (make_root(state)) return -1;
  static const struct made_up processes[] = {
      {10, "gateway", "/usr/bin/gateway", "100", 10, 3, 1000, 20},
      {11, "gateway", "/usr/bin/gateway", "20", 5, 1, 500, 10},
      {12, "odd ) name", "/opt/x/the-server-with-a-long-name", "unlimited", 2, 1, 10, 1},
      {13, "other", "gateway.sh", "100", 99, 9, 9, 9},
      {14, "gateway", "", "100", 0, 1, 0, 9}, /* ended, and not waited for */
  };
  for (size_t i = 0; i < sizeof processes / sizeof *processes; i++) put_process(&processes[i]);
  put("/proc/self/stat", "1 (x) S\n");
  put("/sys/fs/cgroup/a.slice/gw.service/cgroup.procs", "10\n");
  put("/sys/fs/cgroup/a.slice/gw.service/below/cgroup.procs", "12\n999\n");
  return 0;
}

static void test_picks(void **state) {
  (void)state;
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
  static const struct {
    struct lh_process_pick pick;
    uint64_t processes, descriptors, threads, pages, ticks, nearest, limit;
  } cases[] = {
      {{.pid = 10}, 1, 10, 3, 1000, 25, 10, 100},
      {{.pid = 12}, 1, 2, 1, 10, 6, 0, 0},
      {{.pid = 77}, 0, 0, 0, 0, 0, 0, 0},
      {{.name = "gateway"}, 2, 15, 4, 1500, 40, 5, 20},
      {{.name = "the-server-with-a-long-name"}, 1, 2, 1, 10, 6, 0, 0},
      {{.name = "gate"}, 0, 0, 0, 0, 0, 0, 0},
      {{.cgroup = "/a.slice/gw.service"}, 2, 12, 4, 1010, 31, 10, 100},
      {{.cgroup = "a.slice/gw.service/below"}, 1, 2, 1, 10, 6, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_process_sample s;
    assert_int_equal(lh_process_read_at(root, &cases[i].pick, &s), 0);
    assert_int_equal(s.values[LH_PROCESS_processes], cases[i].processes);
    assert_int_equal(s.values[LH_PROCESS_descriptors], cases[i].descriptors);
    assert_int_equal(s.values[LH_PROCESS_threads], cases[i].threads);
    assert_int_equal(s.values[LH_PROCESS_rss_bytes], cases[i].pages * page);
    assert_int_equal(s.values[LH_PROCESS_cpu_us], cases[i].ticks * tick_us);
    assert_int_equal(s.descriptors_nearest, cases[i].nearest);
    assert_int_equal(s.descriptors_limit, cases[i].limit);
    assert_int_equal(s.unread, 0);
  }
  struct lh_process_sample kept = {.unread = 9};
  assert_int_equal(lh_process_read_at(root, &(struct lh_process_pick){.cgroup = "no.such"}, &kept), -ENOENT);
  assert_int_equal(lh_process_read_at("/nowhere", &(struct lh_process_pick){.name = "x"}, &kept), -ENOENT);
  assert_int_equal(kept.unread, 9);
}

static void test_ourselves(void **state) {
  (void)state;
  struct lh_process_pick us = {.pid = (uint32_t)getpid()};
  struct lh_process_sample before, after;
  int opened[50];
  assert_int_equal(lh_process_read(&us, &before), 0);
  for (int i = 0; i < 50; i++) opened[i] = open("/dev/null", O_RDONLY);
  assert_int_equal(lh_process_read(&us, &after), 0);
  for (int i = 0; i < 50; i++) close(opened[i]);
  assert_int_equal(after.values[LH_PROCESS_processes], 1);
  assert_int_equal(after.values[LH_PROCESS_descriptors], before.values[LH_PROCESS_descriptors] + 50);
  assert_true(after.values[LH_PROCESS_rss_bytes] > 100000 && after.values[LH_PROCESS_threads] >= 1);
  assert_true(after.descriptors_nearest == after.values[LH_PROCESS_descriptors]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_picks), cmocka_unit_test(test_ourselves)};
  return cmocka_run_group_tests(tests, make_processes, remove_root);
}
