/* A whole worker process, spoken to as the supervisor does: descriptors 0 and 1, frames, the end. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/stats/snapshot.h"
#include "longhaul/worker/protocol.h"
#include "longhaul/worker/worker.h"

static const uint64_t report_every_ns = 100 * LH_NS_PER_MS;
static const uint64_t patience_ns = 20 * LH_NS_PER_S;

struct worker {
  pid_t pid;
  int commands, reports; /* our ends */
  struct lh_buf in;
  struct lh_snapshot total; /* of group 0 */
  uint64_t from_ns, until_ns; /* first report's start, last one's end */
  uint32_t hello, report_count, ending_count, failed, done;
  bool gap;                 /* a slice did not begin where the one before it ended */
  struct lh_ending first_ending;
  char failure[1024];
};

static void begin(struct worker *w, int send_buffer) {
  int commands[2], reports[2];
  *w = (struct worker){.in = LH_BUF_INIT(64 << 20)};
  lh_snapshot_init(&w->total);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, commands), 0);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, reports), 0);
  if (send_buffer) setsockopt(reports[1], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
  fflush(NULL);
  w->pid = fork();
  if (w->pid == 0) {
    dup2(commands[1], 0);
    dup2(reports[1], 1);
    close(commands[0]), close(reports[0]);
    _exit(lh_worker_main());
  }
  close(commands[1]), close(reports[1]);
  w->commands = commands[0];
  w->reports = reports[0];
}

static void send_frame(struct worker *w, enum lh_frame_type type, const struct lh_start *start) {
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  size_t at = lh_frame_begin(&out, type);
  if (start) assert_int_equal(lh_start_encode(start, &out), 0);
  assert_int_equal(lh_frame_end(&out, at, NULL), 0);
  assert_int_equal(write(w->commands, out.data, out.len), out.len);
  lh_buf_free(&out);
}

static struct lh_start start_of(const char *yaml) {
  return (struct lh_start){.path = "(test)",
                           .text = yaml,
                           .slice = {0, 1},
                           .workers = 1,
                           .run_id = 1,
                           .start_ns = lh_now_ns() + 20 * LH_NS_PER_MS,
                           .report_every_ns = report_every_ns,
                           .start_wall_us = lh_wall_us()};
}

static void take_report(struct worker *w, struct lh_cursor *body) {
  struct lh_worker_health health;
  struct lh_err err = {0};
  assert_int_equal(lh_health_decode(&health, body, &err), 0);
  if (w->report_count++ == 0)
    w->from_ns = health.from_ns;
  else
    w->gap |= health.from_ns != w->until_ns;
  w->until_ns = health.until_ns;
  assert_true(health.rss_bytes > 0 && health.descriptors > 2);
  assert_int_equal(lh_cursor_u32(body), 1);
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  assert_int_equal(lh_snapshot_decode(&s, body, &err), 0);
  assert_ptr_equal(body->at, body->end);
  assert_int_equal(lh_snapshot_merge_later(&w->total, &s), 0);
  lh_snapshot_free(&s);
  if (lh_snapshot_check(&w->total, &err)) fail_msg("%s", err.text);
}

static void take_endings(struct worker *w, struct lh_cursor *body) {
  uint32_t count = lh_cursor_u32(body);
  for (uint32_t i = 0; i < count; i++) {
    struct lh_ending ending;
    assert_int_equal(lh_ending_decode(&ending, body, NULL), 0);
    if (w->ending_count++ == 0) w->first_ending = ending;
  }
  assert_ptr_equal(body->at, body->end);
}

static void take_frame(struct worker *w, enum lh_frame_type type, struct lh_cursor *body) {
  switch (type) {
  case LH_FRAME_HELLO:
    w->hello++;
    assert_int_equal(lh_cursor_u32(body), LH_PROTOCOL);
    assert_int_equal(lh_cursor_u32(body), w->pid);
    break;
  case LH_FRAME_REPORT: take_report(w, body); break;
  case LH_FRAME_ENDINGS: take_endings(w, body); break;
  case LH_FRAME_LOG: break;
  case LH_FRAME_FAILED:
    w->failed++;
    snprintf(w->failure, sizeof w->failure, "%.*s", (int)(body->end - body->at), (const char *)body->at);
    break;
  case LH_FRAME_DONE: w->done++; break;
  default: fail_msg("frame type %d", (int)type);
  }
}

/* Reads one piece of what the worker says; false at its end. */
static bool hear(struct worker *w, int wait_ms) {
  static char bytes[1 << 16];
  struct pollfd p = {.fd = w->reports, .events = POLLIN};
  if (poll(&p, 1, wait_ms) == 0) return true;
  ssize_t got = read(w->reports, bytes, sizeof bytes);
  if (got <= 0) return false;
  assert_int_equal(lh_buf_add(&w->in, bytes, (size_t)got), 0);
  enum lh_frame_type type;
  struct lh_cursor body;
  size_t used, at = 0;
  while (lh_frame_next(w->in.data + at, w->in.len - at, &type, &body, &used, NULL) > 0) {
    at += used;
    take_frame(w, type, &body);
  }
  w->in.len -= at;
  memmove(w->in.data, w->in.data + at, w->in.len);
  return true;
}

#define HEAR_UNTIL(w, condition)                                                        \
  do {                                                                                  \
    uint64_t deadline = lh_now_ns() + patience_ns;                                      \
    while (!(condition) && lh_now_ns() < deadline) assert_true(hear((w), 100));         \
    assert_true(condition);                                                             \
  } while (0)

static int end(struct worker *w) {
  uint64_t deadline = lh_now_ns() + patience_ns;
  while (hear(w, 100)) assert_true(lh_now_ns() < deadline);
  int status = 0;
  assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
  close(w->commands), close(w->reports);
  lh_buf_free(&w->in);
  lh_snapshot_free(&w->total);
  return status;
}

static const char null_yaml[] = "run: {name: t, duration: 1h}\n"
                                "groups:\n"
                                "  n:\n"
                                "    kind: 'null'\n"
                                "    connections: 50\n"
                                "    messages: [{name: m, every: 100ms, text: '${token}', reply: {contains: '${token}'}}]\n";

static void reports_follow_each_other_and_the_books_balance(void **state) {
  (void)state;
  struct worker w;
  begin(&w, 0);
  struct lh_start start = start_of(null_yaml);
  send_frame(&w, LH_FRAME_START, &start);
  HEAR_UNTIL(&w, w.report_count >= 8);
  assert_int_equal(w.hello, 1);
  assert_int_equal(w.from_ns, start.start_ns);
  assert_true(w.until_ns - start.start_ns >= 8 * report_every_ns);
  assert_int_equal(w.total.gauges[LH_GAUGE_open], 50);
  send_frame(&w, LH_FRAME_STOP, NULL);
  HEAR_UNTIL(&w, w.done);
  assert_false(w.gap);
  assert_true(w.total.counters[LH_COUNTER_replied] >= 50 * 5);
  assert_int_equal(w.total.counters[LH_COUNTER_ended], 50);
  assert_int_equal(w.ending_count, 50);
  assert_int_equal(w.first_ending.reason, LH_REASON_SHUTDOWN);
  assert_int_equal(end(&w), 0);
}

/* ^C reaches the whole process group; only the supervisor decides. */
static void signals_do_not_end_it(void **state) {
  (void)state;
  struct worker w;
  begin(&w, 0);
  struct lh_start start = start_of(null_yaml);
  send_frame(&w, LH_FRAME_START, &start);
  HEAR_UNTIL(&w, w.report_count >= 1);
  kill(w.pid, SIGINT);
  kill(w.pid, SIGTERM);
  HEAR_UNTIL(&w, w.report_count >= 4);
  send_frame(&w, LH_FRAME_STOP, NULL);
  HEAR_UNTIL(&w, w.done);
  assert_int_equal(end(&w), 0);
}

static void a_lost_supervisor_ends_it(void **state) {
  (void)state;
  struct worker w;
  begin(&w, 0);
  struct lh_start start = start_of(null_yaml);
  send_frame(&w, LH_FRAME_START, &start);
  HEAR_UNTIL(&w, w.report_count >= 1);
  shutdown(w.commands, SHUT_RDWR);
  int status = end(&w);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE && !w.done);
}

static void what_it_cannot_do_it_says(void **state) {
  (void)state;
  static const struct {
    const char *yaml; /* NULL: `bytes` instead of START */
    const char *bytes;
    size_t len;
    const char *sentence;
  } cases[] = {
      {"run: {duration: 1h, colour: red}\n", NULL, 0, "colour"},
      {"run: {duration: 1h}\ntargets: {t: {url: 'http://127.0.0.1:1/'}}\n"
       "groups: {g: {kind: http, target: t, connections: 1, messages: [{name: m, every: 1s, get: x}]}}\n",
       NULL, 0, "groups.g"},
      {"run: {duration: 1h}\ntargets: {t: {url: 'ws://127.0.0.1:1/'}}\n"
       "groups: {g: {kind: websocket, target: t, connections: 1, source_addresses: [192.0.2.7]}}\n",
       NULL, 0, "192.0.2.7 cannot be used"},
      {NULL, "\1\0\0\0\2", 5, "STOP came before START"},
      {NULL, "\1\0\0\0\77", 5, "frame type 63 is not known"},
      {NULL, "\0\0\0\0", 4, "the stream is damaged"},
      {NULL, "\2\0\0\0\1x", 6, "START frame is cut short"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct worker w;
    begin(&w, 0);
    struct lh_start start = start_of(cases[i].yaml);
    if (cases[i].yaml)
      send_frame(&w, LH_FRAME_START, &start);
    else
      assert_int_equal(write(w.commands, cases[i].bytes, cases[i].len), cases[i].len);
    int status = end(&w);
    if (!strstr(w.failure, cases[i].sentence)) fail_msg("case %zu: %s", i, w.failure);
    assert_int_equal(w.failed, 1);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
  }
}

/* A port that is taken and does not listen: every connect is refused at once. */
static int taken_port(uint16_t *port) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof here;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &len), 0);
  *port = ntohs(here.sin_port);
  return fd;
}

/* The supervisor does not read for a while: slices grow, endings wait, nothing is lost. */
static void a_full_pipe_loses_nothing(void **state) {
  (void)state;
  char yaml[512];
  uint16_t port;
  struct worker w;
  int taken = taken_port(&port);
  snprintf(yaml, sizeof yaml,
           "run: {name: t, duration: 1h, connect_rate: 5000/s, connecting_max: 500}\ntargets: {t: {url: 'ws://127.0.0.1:%u/'}}\n"
           "groups: {g: {kind: websocket, target: t, connections: 100, reconnect: {first: 20ms, max: 20ms, jitter: full}}}\n",
           port);
  begin(&w, 4096);
  struct lh_start start = start_of(yaml);
  send_frame(&w, LH_FRAME_START, &start);
  HEAR_UNTIL(&w, w.report_count >= 1);
  usleep(1500 * 1000);
  HEAR_UNTIL(&w, w.ending_count >= 2000);
  send_frame(&w, LH_FRAME_STOP, NULL);
  HEAR_UNTIL(&w, w.done);
  assert_false(w.gap);
  assert_true(w.report_count < (w.until_ns - w.from_ns) / report_every_ns); /* some slices were joined */
  assert_int_equal(w.total.counters[LH_COUNTER_ended], w.ending_count);
  assert_true(w.total.counters[LH_COUNTER_connect_failures] + 100 >= w.ending_count); /* the last ones may be ours */
  assert_int_equal(w.first_ending.reason, LH_REASON_REFUSED);
  assert_int_equal(w.first_ending.code, ECONNREFUSED);
  assert_int_equal(w.first_ending.stage, LH_STAGE_CONNECT);
  assert_int_equal(end(&w), 0);
  close(taken);
}

static uint64_t cpu_ticks(pid_t pid) {
  char path[64], text[1024] = "";
  unsigned long user = 0, system = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_true(fread(text, 1, sizeof text - 1, file) > 0);
  fclose(file);
  const char *rest = strrchr(text, ')'); /* the name may hold anything */
  assert_int_equal(sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
  return user + system;
}

/* Its last words wait for a supervisor that is busy, without burning the core that the supervisor needs. */
static void last_words_wait_quietly(void **state) {
  (void)state;
  struct worker w;
  begin(&w, 2048);
  struct lh_start start = start_of(null_yaml);
  send_frame(&w, LH_FRAME_START, &start);
  HEAR_UNTIL(&w, w.report_count >= 2);
  usleep(1200 * 1000); /* the pipe fills up */
  send_frame(&w, LH_FRAME_STOP, NULL);
  usleep(500 * 1000);
  uint64_t before = cpu_ticks(w.pid);
  usleep(1000 * 1000);
  assert_true(cpu_ticks(w.pid) - before <= (uint64_t)sysconf(_SC_CLK_TCK) / 10);
  HEAR_UNTIL(&w, w.done);
  assert_false(w.gap);
  assert_int_equal(w.ending_count, 50);
  assert_int_equal(end(&w), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reports_follow_each_other_and_the_books_balance),
      cmocka_unit_test(signals_do_not_end_it),
      cmocka_unit_test(a_lost_supervisor_ends_it),
      cmocka_unit_test(what_it_cannot_do_it_says),
      cmocka_unit_test(a_full_pipe_loses_nothing),
      cmocka_unit_test(last_words_wait_quietly),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
