/* Whole runs in a few seconds: the supervisor in this process, its workers as processes of this same binary. The environment
 * variable LH_TEST_WORKER says how they behave. The null kind needs no server. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/config/load.h"
#include "longhaul/run/run.h"
#include "longhaul/store/reader.h"
#include "longhaul/worker/protocol.h"
#include "longhaul/worker/worker.h"

static char folder[] = "/tmp/longhaul-run-test-XXXXXX";

/* ---- the other side: what a worker process of these tests does ---- */
static int say(enum lh_frame_type type, const char *text) {
  struct lh_buf out = LH_BUF_INIT(1 << 16);
  size_t begin = lh_frame_begin(&out, type);
  if (lh_buf_addstr(&out, text) < 0 || lh_frame_end(&out, begin, NULL) < 0) return 1;
  int code = write(1, out.data, out.len) == (ssize_t)out.len ? 0 : 1;
  lh_buf_free(&out);
  return code;
}

static int be_worker(const char *how) {
  char bytes[4096];
  if (strcmp(how, "real") == 0) return lh_worker_main();
  if (strcmp(how, "dies") == 0) return 3;
  if (strcmp(how, "fails") == 0) {
    if (say(LH_FRAME_FAILED, "no luck today") != 0) return 1;
    sleep(1);
    return 1;
  }
  if (strcmp(how, "babbles") == 0) memset(bytes, 0xff, sizeof bytes);
  if (strcmp(how, "babbles") == 0 && write(1, bytes, sizeof bytes) < 0) return 1;
  while (read(0, bytes, sizeof bytes) > 0) {
  } /* deaf and mute, until the supervisor is gone */
  return 0;
}

/* ---- running ---- */
struct outcome {
  int code;
  struct lh_err err;
  struct lh_run_result result;
};

static const char *objectives = "";

static struct lh_config *load(const char *run, unsigned clients) {
  char text[1024];
  snprintf(text, sizeof text,
           "run: {name: t, workers: 2, drain: 0s, %s, store: %s}\n"
           "groups:\n  a: {kind: 'null', connections: %u, messages: [{every: 100ms, text: '${token}', reply: {contains: "
           "'${token}'}}]}\n"
           "  b: {kind: 'null', connections: 7, simulate: {drops_per_client_hour: 2000}}\n%s",
           run, folder, clients, objectives);
  struct lh_load_args args = {.path = "test.yaml", .text = text};
  struct lh_diagnostics diagnostics = {0};
  struct lh_config *config = NULL;
  lh_config_load(&args, &config, &diagnostics);
  for (size_t i = 0; i < diagnostics.count; i++) print_message("%s\n", diagnostics.items[i]);
  lh_diagnostics_free(&diagnostics);
  assert_non_null(config);
  config->run.drain_ns = 60 * LH_NS_PER_S; /* workers do as the text says; one that does not obey is waited for, and its test too slow */
  config->run.interval_ns = LH_NS_PER_S / 2; /* shorter than a config may say: the tests are short */
  return config;
}

static struct outcome run_with(const char *worker, const char *run_keys, unsigned clients, const char *settling) {
  struct outcome o = {0};
  struct lh_config *config = load(run_keys, clients);
  struct lh_run_args args = {.config = config,
                             .settings = &settling,
                             .setting_count = settling != NULL,
                             .shard = 1,
                             .shards = 1,
                             .program = "/proc/self/exe",
                             .command_line = "test",
                             .ends_settled = settling != NULL,
                             .quiet = true};
  setenv("LH_TEST_WORKER", worker, 1);
  o.code = lh_run(&args, &o.result, &o.err);
  lh_config_free(config);
  return o;
}

static struct outcome run(const char *worker, const char *run_keys, unsigned clients) {
  return run_with(worker, run_keys, clients, NULL);
}

/* ---- reading back ---- */
struct read_back {
  struct lh_snapshot totals[2];
  uint32_t intervals, workers, hosts, findings;
  uint32_t events[LH_EVENT_COUNT];
  uint64_t lost_rows;
  enum lh_run_end how;
};

static int see_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  struct read_back *r = context;
  (void)k;
  r->intervals++;
  return lh_snapshot_merge_later(&r->totals[group], snapshot);
}

static int see_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  struct read_back *r = context;
  if (ending->reason == LH_REASON_WORKER_LOST) r->lost_rows += count;
  return 0;
}

static int see_event(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text,
                     const char *details) {
  struct read_back *r = context;
  (void)at_ns, (void)group, (void)details;
  /* On a busy host reports come late, and the run says so; what else it warns of is a fault. */
  if (kind == LH_EVENT_WARNING && (strstr(text, "did not report in time") != NULL || strstr(text, "did not run for") != NULL)) return 0;
  r->events[kind]++;
  if (kind == LH_EVENT_WARNING) print_message("warning event: %s\n", text);
  return 0;
}

static int see_worker(void *context, uint32_t k, uint32_t worker, const struct lh_worker_health *health) {
  (void)k, (void)worker, (void)health;
  ((struct read_back *)context)->workers++;
  return 0;
}

static int see_host(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample) {
  (void)k, (void)shard, (void)sample;
  ((struct read_back *)context)->hosts++;
  return 0;
}

static int see_finding(void *context, const struct lh_finding_row *finding) {
  (void)finding;
  ((struct read_back *)context)->findings++;
  return 0;
}

/* Reads the whole file; the books of both groups must balance. */
static void read_run(const char *path, struct read_back *r) {
  struct lh_reader *reader = NULL;
  struct lh_err err = {0};
  *r = (struct read_back){0};
  for (int g = 0; g < 2; g++) lh_snapshot_init(&r->totals[g]);
  if (lh_reader_open(&reader, path, &err) < 0) print_message("%s\n", err.text);
  assert_non_null(reader);
  r->how = lh_reader_run(reader)->how;
  struct lh_reader_visits visits = {.context = r,
                                    .interval = see_interval,
                                    .ending = see_ending,
                                    .event = see_event,
                                    .worker = see_worker,
                                    .host = see_host,
                                    .finding = see_finding};
  assert_int_equal(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), 0);
  lh_reader_close(reader);
  for (int g = 0; g < 2; g++) {
    int code = lh_snapshot_check(&r->totals[g], &err);
    if (code != 0) print_message("group %d: %s\n", g, err.text);
    assert_int_equal(code, 0);
  }
  assert_int_equal(r->events[LH_EVENT_WARNING], 0);
}

static void free_read(struct read_back *r) {
  for (int g = 0; g < 2; g++) lh_snapshot_free(&r->totals[g]);
}

static void free_outcome(struct outcome *o) {
  free(o->result.path);
}

static void free_both(struct read_back *r, struct outcome *o) {
  free_read(r);
  free_outcome(o);
}

/* As its run file says that it ended. */
static void read_ended(const struct outcome *o, enum lh_run_end how, struct read_back *r) {
  read_run(o->result.path, r);
  assert_int_equal(r->how, how);
}

/* ---- somebody who interferes from outside ---- */
static void wait_ms(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

/* Not one of those who interfere. */
static bool is_worker(long pid) {
  char path[64], words[4096] = "";
  snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  size_t len = fread(words, 1, sizeof words - 1, file), first = strlen(words) + 1;
  fclose(file);
  return first < len && strcmp(words + first, "worker") == 0;
}

/* The worker with the lowest pid; 0: none. */
static pid_t find_worker(pid_t parent) {
  pid_t found = 0;
  DIR *dir = opendir("/proc");
  for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
    char path[300], text[512];
    long pid = strtol(entry->d_name, NULL, 10), of = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    FILE *file = pid > 0 && pid != getpid() ? fopen(path, "re") : NULL;
    if (file == NULL) continue;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    char *end = strrchr(text, ')');
    if (end != NULL && sscanf(end + 1, " %*c %ld", &of) == 1 && of == parent && (found == 0 || pid < found) && is_worker(pid))
      found = (pid_t)pid;
  }
  if (dir != NULL) closedir(dir);
  return found;
}

static void wait_for_birth(pid_t parent) {
  for (int tries = 0; tries < 5000 && find_worker(parent) == 0; tries++) wait_ms(2);
}

/* Counted from the first worker on: a busy machine may start it late, and before the run there is nobody who hears a signal. */
static pid_t interfere(long after_ms, int signal, bool with_worker) {
  pid_t parent = getpid(), pid = fork();
  if (pid != 0) return pid;
  wait_for_birth(parent);
  wait_ms(after_ms);
  pid_t target = with_worker ? find_worker(parent) : parent;
  _exit(target > 0 && kill(target, signal) == 0 ? 0 : 1);
}

/* Whether a signal that was sent has not arrived yet: another one of its kind would then be the same one. */
static bool is_pending(pid_t pid, int signal) {
  char path[64], line[256];
  unsigned long long mask = 0, one;
  snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
  FILE *file = fopen(path, "re");
  while (file != NULL && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "SigPnd: %llx", &one) == 1 || sscanf(line, "ShdPnd: %llx", &one) == 1) mask |= one;
  if (file != NULL) fclose(file);
  return mask >> (signal - 1) & 1;
}

static pid_t interfere_twice(long after_ms, int signal) {
  pid_t parent = getpid(), pid = fork();
  if (pid != 0) return pid;
  wait_for_birth(parent);
  wait_ms(after_ms);
  if (kill(parent, signal) != 0) _exit(1);
  for (int tries = 0; tries < 5000 && is_pending(parent, signal); tries++) wait_ms(2);
  wait_ms(after_ms / 2);
  _exit(kill(parent, signal) == 0 ? 0 : 1);
}

static void join(pid_t pid) {
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- the tests ---- */
static void test_complete(void **state) {
  (void)state;
  uint64_t begun_ns = lh_now_ns();
  struct outcome o = run("real", "duration: 2s", 100);
  uint64_t lasted_ms = (lh_now_ns() - begun_ns) / LH_NS_PER_MS; /* a busy machine is late with the stop */
  struct read_back r;
  assert_int_equal(o.code, 0);
  assert_false(o.result.interrupted);
  read_ended(&o, LH_RUN_COMPLETE, &r);
  assert_int_equal(r.events[LH_EVENT_RUN_STARTED], 1);
  assert_int_equal(r.events[LH_EVENT_RUN_ENDED], 1);
  assert_in_range(r.intervals, 2 * 4, 2 * (lasted_ms / 500 + 1)); /* of two groups, at half a second each */
  assert_in_range(r.workers, 2, r.intervals); /* of two workers; what comes too late for an interval stands in the next */
  assert_in_range(r.hosts, 1, r.intervals / 2);
  assert_int_equal(r.totals[0].gauges[LH_GAUGE_clients], 100);
  assert_int_equal(r.totals[0].gauges[LH_GAUGE_finished], 100);
  assert_int_equal(r.totals[0].counters[LH_COUNTER_opened], 100);
  /* 100 clients, 10 messages a second each from when it was open, for 2 s or more */
  assert_in_range(r.totals[0].counters[LH_COUNTER_messages_planned], 1000, lasted_ms);
  assert_true(r.totals[1].counters[LH_COUNTER_drops] > 0);
  free_both(&r, &o);
}

static void test_worker_killed(void **state) {
  (void)state;
  pid_t helper = interfere(1200, SIGKILL, true);
  struct outcome o = run("real", "duration: 4s", 100);
  struct read_back r;
  join(helper);
  assert_int_equal(o.code, 0);
  read_ended(&o, LH_RUN_COMPLETE, &r);
  assert_int_equal(r.events[LH_EVENT_WORKER_LOST], 1);
  assert_int_equal(r.events[LH_EVENT_WORKER_STARTED], 1);
  assert_true(r.findings > 0);
  assert_in_range(r.lost_rows, 50, 54);
  assert_int_equal(r.totals[0].counters[LH_COUNTER_tester_drops], 50);
  assert_int_equal(r.totals[0].counters[LH_COUNTER_opened], 150);
  assert_int_equal(r.totals[0].counters[LH_COUNTER_reconnects], 50);
  assert_int_equal(r.totals[0].gauges[LH_GAUGE_finished], 100);
  free_both(&r, &o);
}

static void test_interrupted(void **state) {
  (void)state;
  pid_t helper = interfere(1500, SIGINT, false);
  uint64_t begun_ns = lh_now_ns();
  struct outcome o = run("real", "duration: 1h", 100);
  struct read_back r;
  join(helper);
  assert_int_equal(o.code, 0);
  assert_true(o.result.interrupted);
  assert_true(lh_now_ns() - begun_ns < 30 * LH_NS_PER_S);
  read_ended(&o, LH_RUN_INTERRUPTED, &r);
  assert_int_equal(r.totals[0].gauges[LH_GAUGE_finished], 100);
  free_both(&r, &o);
}

/* Stopped while its workers start, the run file made and the plan some hundred milliseconds ahead: none of them is lost. */
static void test_interrupted_before_the_start(void **state) {
  (void)state;
  pid_t helper = interfere(0, SIGTERM, false);
  struct outcome o = run("real", "duration: 1h", 100);
  struct read_back r;
  join(helper);
  assert_int_equal(o.code, 0);
  assert_true(o.result.interrupted);
  read_ended(&o, LH_RUN_INTERRUPTED, &r);
  assert_int_equal(r.events[LH_EVENT_WORKER_LOST], 0);
  assert_int_equal(r.events[LH_EVENT_RUN_ENDED], 1);
  assert_int_equal(r.totals[0].gauges[LH_GAUGE_clients], 100);
  assert_int_equal(r.totals[0].counters[LH_COUNTER_attempts], r.totals[0].counters[LH_COUNTER_ended]);
  free_both(&r, &o);
}

/* All clients are open and stay so: the minute is not waited for. */
static void test_settled(void **state) {
  (void)state;
  struct read_back r;
  struct outcome o = run_with("real", "duration: 60s", 50, "groups.b.simulate.drops_per_client_hour=0");
  if (o.code != 0) fail_msg("%s", o.err.text);
  read_ended(&o, LH_RUN_COMPLETE, &r);
  assert_in_range(r.intervals, 2 * 2, 2 * 60); /* of two groups, at half a second each */
  free_both(&r, &o);
}

/* An objective that ends the run once it was breached for a second; the other one holds. */
static void test_aborted(void **state) {
  (void)state;
  objectives = "slo:\n  - {metric: a.service.p50, above: 1us, abort_after: 1s}\n"
               "  - {metric: a.replied, below: 500, abort_after: 1s}\n";
  uint64_t begun_ns = lh_now_ns();
  struct outcome o = run("real", "duration: 1h", 100);
  uint64_t lasted_ms = (lh_now_ns() - begun_ns) / LH_NS_PER_MS;
  struct read_back r;
  objectives = "";
  assert_int_equal(o.code, 0);
  assert_false(o.result.interrupted);
  read_ended(&o, LH_RUN_ABORTED, &r);
  assert_int_equal(r.events[LH_EVENT_SLO_BREACH], 1);
  /* 500 replies of at most one a millisecond, then a second */
  assert_in_range(r.totals[0].counters[LH_COUNTER_replied], 500, lasted_ms);
  assert_true(lasted_ms >= 1000 + 500);
  free_both(&r, &o);
}

/* With `for` a count is that of each window: some 1,000 replies in a second here, however long the run. */
static void test_count_of_a_window(void **state) {
  (void)state;
  objectives = "slo:\n  - {metric: a.replied, below: 2500, for: 1s, abort_after: 1s}\n";
  struct outcome o = run("real", "duration: 4s", 100);
  struct read_back r;
  objectives = "";
  assert_int_equal(o.code, 0);
  read_ended(&o, LH_RUN_COMPLETE, &r);
  assert_int_equal(r.events[LH_EVENT_SLO_BREACH], 0);
  free_both(&r, &o);
}

/* Workers that do not stop when they are told: the second signal ends them. */
static void test_interrupted_twice(void **state) {
  (void)state;
  pid_t helper = interfere_twice(800, SIGTERM);
  uint64_t begun_ns = lh_now_ns();
  struct outcome o = run("deaf", "duration: 1h", 100);
  struct read_back r;
  join(helper);
  assert_int_equal(o.code, 0);
  assert_true(o.result.interrupted);
  assert_true(lh_now_ns() - begun_ns < 30 * LH_NS_PER_S);
  read_ended(&o, LH_RUN_INTERRUPTED, &r);
  assert_int_equal(r.events[LH_EVENT_WORKER_LOST], 0);
  free_both(&r, &o);
}

/* Five deaths in a row are enough. */
static void test_dying_workers(void **state) {
  (void)state;
  struct outcome o = run("dies", "duration: 1h", 100);
  struct read_back r;
  assert_int_equal(o.code, -ECHILD);
  assert_non_null(strstr(o.err.text, "5 times in a row"));
  read_ended(&o, LH_RUN_FAILED, &r);
  assert_in_range(r.events[LH_EVENT_WORKER_LOST], 9, 10);
  free_both(&r, &o);
}

/* Bytes that are no frames: such a worker is ended and counts as lost. */
static void test_babbling_workers(void **state) {
  (void)state;
  pid_t helper = interfere(700, SIGINT, false);
  struct outcome o = run("babbles", "duration: 1h", 100);
  struct read_back r;
  join(helper);
  assert_int_equal(o.code, 0);
  read_run(o.result.path, &r);
  assert_in_range(r.events[LH_EVENT_WORKER_LOST], 2, 8); /* both, and as often as there was time to replace them */
  assert_int_equal(r.totals[0].gauges[LH_GAUGE_never_started], 100);
  free_both(&r, &o);
}

/* A worker that says that it cannot begin is not tried again. */
static void test_failing_workers(void **state) {
  (void)state;
  uint64_t begun_ns = lh_now_ns();
  struct outcome o = run("fails", "duration: 1h", 100);
  assert_int_equal(o.code, -ECHILD);
  assert_non_null(strstr(o.err.text, "no luck today"));
  assert_true(lh_now_ns() - begun_ns < 4 * LH_NS_PER_S);
  free_outcome(&o);
}

static void test_no_program(void **state) {
  (void)state;
  struct lh_config *config = load("duration: 1h", 10);
  struct lh_run_args args = {
      .config = config, .shard = 1, .shards = 1, .program = "/nowhere/longhaul", .command_line = "test", .quiet = true};
  struct outcome o = {0};
  o.code = lh_run(&args, &o.result, &o.err);
  assert_int_equal(o.code, -ENOENT);
  assert_non_null(strstr(o.err.text, "/nowhere/longhaul"));
  lh_config_free(config);
  free_outcome(&o);
}

/* A dashboard that cannot be started ends a run that has no workers yet. */
static void test_no_dashboard(void **state) {
  (void)state;
  struct lh_config *config = load("duration: 1h", 10);
  struct lh_run_args args = {.config = config,
                             .shard = 1,
                             .shards = 1,
                             .program = "/nowhere/longhaul",
                             .command_line = "test",
                             .quiet = true,
                             .live = {.dashboard_fd = open("/dev/null", O_RDONLY | O_CLOEXEC)}};
  struct outcome o = {0};
  struct read_back r;
  o.code = lh_run(&args, &o.result, &o.err);
  assert_int_equal(o.code, -ENOENT);
  assert_non_null(strstr(o.err.text, "cannot start the dashboard (/nowhere/longhaul live)"));
  read_ended(&o, LH_RUN_FAILED, &r);
  lh_config_free(config);
  free_both(&r, &o);
}

static void test_no_folder(void **state) {
  (void)state;
  struct lh_config *config = load("duration: 1h", 10);
  free(config->run.store);
  config->run.store = strdup("/proc/nowhere");
  struct lh_run_args args = {
      .config = config, .shard = 1, .shards = 1, .program = "/proc/self/exe", .command_line = "test", .quiet = true};
  struct outcome o = {0};
  o.code = lh_run(&args, &o.result, &o.err);
  assert_true(o.code < 0);
  assert_null(o.result.path);
  assert_non_null(strstr(o.err.text, "/proc/nowhere"));
  lh_config_free(config);
}

/* The disk is full in the middle: the run ends at once, and what was stored before can be read. */
static void test_full_disk(void **state) {
  (void)state;
  struct rlimit before, tight;
  getrlimit(RLIMIT_FSIZE, &before);
  tight = before;
  tight.rlim_cur = 320 * 1024;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
  uint64_t begun_ns = lh_now_ns();
  struct outcome o = run("real", "duration: 1h", 3000);
  setrlimit(RLIMIT_FSIZE, &before);
  struct read_back r;
  assert_true(o.code < 0);
  assert_non_null(o.result.path);
  assert_non_null(strstr(o.err.text, "run file cannot be written"));
  assert_true(lh_now_ns() - begun_ns < 60 * LH_NS_PER_S);
  read_run(o.result.path, &r);
  assert_true(r.how == LH_RUN_FAILED || r.how == LH_RUN_UNFINISHED);
  assert_true(r.intervals > 0);
  free_both(&r, &o);
}

static int make_folder(void **state) {
  (void)state;
  lh_log_set_level(LH_LOG_ERROR);
  return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
  (void)state;
  DIR *dir = opendir(folder);
  if (dir == NULL) return 1;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
    if (entry->d_name[0] != '.') unlinkat(dirfd(dir), entry->d_name, 0);
  closedir(dir);
  return rmdir(folder);
}

int main(int argc, char **argv) {
  const char *how = getenv("LH_TEST_WORKER");
  if (argc > 1 && strcmp(argv[1], "worker") == 0) return be_worker(how != NULL ? how : "real");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_complete),          cmocka_unit_test(test_worker_killed),   cmocka_unit_test(test_interrupted),
      cmocka_unit_test(test_interrupted_before_the_start),
      cmocka_unit_test(test_interrupted_twice), cmocka_unit_test(test_aborted), cmocka_unit_test(test_count_of_a_window), cmocka_unit_test(test_settled),         cmocka_unit_test(test_dying_workers),
      cmocka_unit_test(test_babbling_workers),  cmocka_unit_test(test_failing_workers), cmocka_unit_test(test_no_program),
      cmocka_unit_test(test_no_dashboard),
      cmocka_unit_test(test_no_folder),         cmocka_unit_test(test_full_disk)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
