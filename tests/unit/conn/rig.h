/* An engine on fake time with a fake connection kind that writes down what it is asked: what the tests of this room share.
 *
 * rig_make fills in a config that a test may change before rig_start. Slot 0 is the client of most tests. */
#ifndef LH_TESTS_UNIT_CONN_RIG_H
#define LH_TESTS_UNIT_CONN_RIG_H

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
#include <unistd.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/conn/engine.h"

#define MS LH_NS_PER_MS
#define SEC LH_NS_PER_S
#define PAYLOAD(text) .payload = (char[]){text}, .payload_len = sizeof(text) - 1

enum { RIG_CALLS = 512, RIG_BYTES = 256, RIG_ENDINGS = 64, RIG_MESSAGES = 4, RIG_POINTS = 6 };
static const uint64_t rig_start_ns = 5000 * SEC + 12345;

enum call_kind { CALL_CONNECT, CALL_SEND, CALL_PING, CALL_CLOSE, CALL_ABORT, CALL_KINDS };

struct call {
  enum call_kind kind;
  uint32_t slot, nth, message;
  uint64_t at_ns, cookie;
  uint16_t code;
  size_t len;
  char bytes[RIG_BYTES + 1];
};

struct rig {
  struct lh_config config;
  struct lh_group group;
  struct lh_message messages[RIG_MESSAGES];
  struct lh_stage_point points[RIG_POINTS];
  struct lh_io io;
  struct lh_engine_args args;
  struct lh_engine *engine;
  uint64_t now;
  struct call calls[RIG_CALLS]; /* the latest */
  size_t call_count, counts[CALL_KINDS];
  struct lh_ending endings[RIG_ENDINGS]; /* the latest */
  size_t ending_count;
  enum lh_send_result send_result, ping_result;
  enum lh_taken taken; /* what the peer's TCP made of what was sent */
  const struct lh_ending *fails_at_once; /* what connect reports from within */
  uint64_t clock_ahead_ns;               /* how far the io's clock is ahead of the turn */
  const uint64_t *watched;               /* read while a message is sent, where it is given */
  uint64_t watched_at_send;
};

static char rig_name[] = "rig";

/* ---- the fake kind ---- */

static inline struct call *rig_call(struct rig *rig, enum call_kind kind, uint32_t slot) {
  struct call *call = &rig->calls[rig->call_count++ % RIG_CALLS];
  *call = (struct call){.kind = kind, .slot = slot, .at_ns = rig->now};
  rig->counts[kind]++;
  return call;
}

static inline void rig_connect(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns) {
  struct rig *rig = context;
  rig_call(rig, CALL_CONNECT, slot)->nth = nth;
  assert_int_equal(lh_engine_state_of(rig->engine, slot), LH_CLIENT_CONNECTING);
  if (rig->fails_at_once) lh_engine_on_ended(rig->engine, slot, rig->fails_at_once, now_ns);
}

static inline enum lh_send_result rig_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len,
                                           bool binary) {
  struct rig *rig = context;
  (void)binary;
  memset(bytes - LH_IO_HEADROOM, 0xee, LH_IO_HEADROOM); /* the room that was promised */
  memset(bytes + len, 0xee, 16);
  if (rig->watched) rig->watched_at_send = *rig->watched;
  if (rig->send_result != LH_SEND_DONE) return rig->send_result;
  struct call *call = rig_call(rig, CALL_SEND, slot);
  call->message = message;
  call->len = len;
  memcpy(call->bytes, bytes, len < RIG_BYTES ? len : RIG_BYTES);
  memset(bytes, 0xee, len); /* adapters mask in place */
  return LH_SEND_DONE;
}

static inline enum lh_send_result rig_ping(void *context, uint32_t slot, uint64_t cookie) {
  struct rig *rig = context;
  if (rig->ping_result == LH_SEND_DONE) rig_call(rig, CALL_PING, slot)->cookie = cookie;
  return rig->ping_result;
}

static inline void rig_close(void *context, uint32_t slot, uint16_t code) {
  rig_call(context, CALL_CLOSE, slot)->code = code;
}

static inline void rig_abort(void *context, uint32_t slot) {
  rig_call(context, CALL_ABORT, slot);
}

static inline enum lh_taken rig_taken(void *context, uint32_t slot, uint64_t since_ns) {
  const struct rig *rig = context;
  (void)slot;
  assert_true(since_ns <= rig->now);
  return rig->taken;
}

static inline uint64_t rig_clock(void *context) {
  const struct rig *rig = context;
  return rig->now + rig->clock_ahead_ns;
}

static inline void rig_sink(void *context, const struct lh_ending *ending) {
  struct rig *rig = context;
  rig->endings[rig->ending_count++ % RIG_ENDINGS] = *ending;
}

/* ---- making ---- */

/* Clients released at once that reconnect after 1 s, 2 s, 4 s; no messages, no pings, no caps. */
static inline void rig_make(struct rig *rig, uint32_t clients) {
  memset(rig, 0, sizeof *rig);
  rig->points[0] = (struct lh_stage_point){0, clients};
  rig->group = (struct lh_group){
      .name = rig_name,
      .kind = LH_KIND_WEBSOCKET,
      .connections = clients,
      .ramp = {rig->points, 1},
      .connect_timeout_ns = 10 * SEC,
      .tls_timeout_ns = 5 * SEC,
      .upgrade_timeout_ns = 3 * SEC,
      .message_max = LH_REPLY_BYTES_MAX,
      .reconnect = {.enabled = true,
                    .first_ns = SEC,
                    .max_ns = 4 * SEC,
                    .factor = 2,
                    .jitter = LH_BACKOFF_NONE,
                    .reset_after_ns = 10 * SEC},
      .messages = rig->messages,
  };
  rig->config = (struct lh_config){.groups = &rig->group, .group_count = 1};
  rig->config.run = (struct lh_run_config){.seed = 3, .drain_ns = 5 * SEC, .connect_rate = 1e9, .connecting_max = 1000000};
  rig->io = (struct lh_io){.context = rig,
                           .connect = rig_connect,
                           .send = rig_send,
                           .ping = rig_ping,
                           .close = rig_close,
                           .abort = rig_abort,
                           .taken = rig_taken,
                           .now = rig_clock};
  rig->now = rig_start_ns;
}

static inline void rig_add_message(struct rig *rig, struct lh_message message) {
  if (message.until_ns == 0) message.until_ns = LH_NEVER;
  if (!message.name) message.name = rig_name;
  rig->messages[rig->group.message_count++] = message;
}

static inline void rig_run(struct rig *rig, uint64_t ns);

static inline void rig_start(struct rig *rig) {
  struct lh_err err = {0};
  rig->args.config = &rig->config;
  if (rig->args.slice.stride == 0) rig->args.slice = (struct lh_slice){0, 1};
  rig->args.run_id = 77;
  rig->args.start_ns = rig_start_ns;
  rig->args.start_wall_us = 1700000000000000;
  if (rig->args.workers == 0) rig->args.workers = 1;
  rig->args.io[LH_KIND_WEBSOCKET] = &rig->io;
  rig->args.ending_sink = rig_sink;
  rig->args.ending_context = rig;
  if (lh_engine_new(&rig->engine, &rig->args, &err) < 0) fail_msg("%s", err.text);
  rig_run(rig, MS);
}

/* ---- time and looking in ---- */

static inline struct lh_snapshot *rig_snapshot(struct rig *rig) {
  struct lh_err err = {0};
  struct lh_snapshot *s = lh_engine_snapshot(rig->engine, 0, rig->now);
  if (lh_snapshot_check(s, &err) < 0) fail_msg("%s", err.text);
  return s;
}

/* Lets time pass as an adapter would: turns at the times the engine asks for. The books balance after each. */
static inline void rig_run(struct rig *rig, uint64_t ns) {
  uint64_t until = rig->now + ns, next = lh_engine_next_ns(rig->engine);
  while (next <= until) {
    rig->now = next > rig->now ? next : rig->now + 1;
    next = lh_engine_turn(rig->engine, rig->now);
    rig_snapshot(rig);
  }
  if (until > rig->now) rig->now = until;
}

static inline uint64_t rig_counter(struct rig *rig, enum lh_counter_id id) {
  return rig_snapshot(rig)->counters[id];
}

static inline uint64_t rig_gauge(struct rig *rig, enum lh_gauge_id id) {
  return rig_snapshot(rig)->gauges[id];
}

static inline const struct lh_hdr *rig_hist(struct rig *rig, enum lh_hist_id id) {
  return &rig_snapshot(rig)->hists[id];
}

static inline enum lh_client_state rig_state(const struct rig *rig) {
  return lh_engine_state_of(rig->engine, 0);
}

/* The latest call of a kind. */
static inline const struct call *rig_last(const struct rig *rig, enum call_kind kind) {
  for (size_t i = rig->call_count; i-- > 0 && i + RIG_CALLS >= rig->call_count;)
    if (rig->calls[i % RIG_CALLS].kind == kind) return &rig->calls[i % RIG_CALLS];
  fail_msg("no call of kind %d", (int)kind);
  return NULL;
}

static inline const struct lh_ending *rig_ending(const struct rig *rig) {
  assert_true(rig->ending_count > 0);
  return &rig->endings[(rig->ending_count - 1) % RIG_ENDINGS];
}

/* ---- events ---- */

static inline void rig_open(struct rig *rig) {
  assert_int_equal(rig_state(rig), LH_CLIENT_CONNECTING);
  lh_engine_on_open(rig->engine, 0, 4711, rig->now);
}

static inline void rig_end_with(struct rig *rig, enum lh_reason reason, int32_t code) {
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = (uint8_t)reason, .code = code};
  lh_engine_on_ended(rig->engine, 0, &seen, rig->now);
}

static inline void rig_reset(struct rig *rig) {
  rig_end_with(rig, LH_REASON_RST, 104);
}

static inline void rig_refuse(struct rig *rig) {
  rig_end_with(rig, LH_REASON_REFUSED, 111);
}

/* Opens it and waits for the end of its lifetime, which is a minute in the tests that use this. */
static inline void rig_live_out(struct rig *rig) {
  rig_open(rig);
  rig_run(rig, 61 * SEC);
  assert_int_equal(rig_state(rig), LH_CLIENT_CLOSING);
  assert_int_equal(rig_last(rig, CALL_CLOSE)->code, 1000);
}

static inline void rig_lifetime_over(struct rig *rig) {
  rig_live_out(rig);
  rig_end_with(rig, LH_REASON_CLOSE_FRAME, 1000);
}

static inline void rig_hear(struct rig *rig, const char *text, size_t len) {
  lh_engine_on_message(rig->engine, 0, text, len, true, true, false, rig->now);
}

/* The server says what the client said last. */
static inline void rig_echo(struct rig *rig) {
  const struct call *sent = rig_last(rig, CALL_SEND);
  rig_hear(rig, sent->bytes, sent->len);
}

static inline void rig_free(struct rig *rig) {
  rig_snapshot(rig);
  assert_int_equal(lh_engine_faults(rig->engine).no_memory, 0);
  lh_engine_free(rig->engine);
  rig->engine = NULL;
}

/* Whether `act` breaks an assertion, in a child process. */
static inline bool rig_dies(struct rig *rig, void (*act)(struct rig *rig)) {
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    if (!freopen("/dev/null", "w", stderr)) _exit(3);
    act(rig);
    _exit(0);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
