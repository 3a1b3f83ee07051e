/* A server and a network that do anything that an adapter may report, in any order, at any time: whatever comes, the books
 * balance, each connection has one ending, and the engine agrees with the adapter's own counts.
 *
 * LH_CHAOS_SEED replays one run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/conn/engine.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SEEDS = 3 };
#else
enum { SEEDS = 12 };
#endif

enum { GROUPS = 3, CLIENTS = 8, SLOTS = GROUPS * CLIENTS, STEPS = 30000, KEPT = 16, TEXT = 300 };
#define SEC LH_NS_PER_S
#define PAYLOAD(text) .payload = (char[]){text}, .payload_len = sizeof(text) - 1
static char name[] = "chaos";

/* ---- the plan ---- */

#define REPLY(how, ...) .reply = {.match = how, .within_ns = 2 * SEC, .lost_after_ns = 10 * SEC, __VA_ARGS__}

static struct lh_message mixed[] = {
    {.name = name,
     .every_ns = SEC,
     .jitter = 0.5,
     .until_ns = LH_NEVER,
     PAYLOAD("${token}"),
     REPLY(LH_MATCH_TOKEN, .contains = (char[]){"${client}"})},
    {.name = name, .every_ns = 3 * SEC, .until_ns = LH_NEVER, PAYLOAD("ask"), REPLY(LH_MATCH_ORDER, .end_when_lost = true)},
    {.name = name,
     .every_ns = SEC,
     .until_ns = LH_NEVER,
     PAYLOAD("{\"id\":\"${token}\"}"),
     REPLY(LH_MATCH_POINTER, .pointer = (char[]){"/id"})},
    {.name = name, .every_ns = SEC / 2, .until_ns = LH_NEVER, PAYLOAD("note ${token}")},
    {.name = name, .after = LH_AFTER_OPEN, .delay_ns = SEC, .until_ns = LH_NEVER, .count = 5, PAYLOAD("hello")},
};
static struct lh_message loops[] = {
    {.name = name,
     .after = LH_AFTER_REPLY,
     .until_ns = LH_NEVER,
     .source = LH_PAYLOAD_SIZE,
     .payload_len = 200,
     REPLY(LH_MATCH_ECHO, .contains = NULL)},
    {.name = name,
     .after = LH_AFTER_REPLY,
     .delay_ns = SEC,
     .until_ns = LH_NEVER,
     PAYLOAD("${token}"),
     REPLY(LH_MATCH_TOKEN, .end_when_lost = true)},
};
static struct lh_stage_point waves[] = {{0, 0},         {5 * SEC, CLIENTS},   {60 * SEC, CLIENTS}, {90 * SEC, 1},
                                        {100 * SEC, 1}, {120 * SEC, CLIENTS}, {121 * SEC, 0},      {122 * SEC, CLIENTS}};
static struct lh_stage_point flat[] = {{0, CLIENTS}};

static struct lh_group group_of(uint32_t n) {
  struct lh_group group = {
      .name = name,
      .kind = LH_KIND_WEBSOCKET,
      .connections = CLIENTS,
      .ramp = {flat, 1},
      .connect_timeout_ns = 4 * SEC,
      .tls_timeout_ns = 2 * SEC,
      .upgrade_timeout_ns = 3 * SEC,
      .message_max = n == 0 ? 100 : LH_REPLY_BYTES_MAX,
      .ping = {2 * SEC, 5 * SEC},
      .reconnect = {.enabled = n < 2,
                    .first_ns = SEC / 10,
                    .max_ns = 2 * SEC,
                    .factor = 2,
                    .jitter = LH_BACKOFF_FULL,
                    .limit = 6,
                    .reset_after_ns = SEC},
      .messages = n == 0 ? mixed : loops,
      .message_count = n == 0   ? sizeof mixed / sizeof *mixed
                       : n == 1 ? 2
                                : 0,
  };
  if (n == 0) group.ramp = (struct lh_ramp){waves, sizeof waves / sizeof *waves};
  if (n == 1) group.lifetime_ns = 7 * SEC, group.lifetime_jitter = 1;
  return group;
}

/* ---- the adapter ---- */

enum place { DOWN, CONNECTING, UP };

struct peer {
  enum place place;
  bool in_message;
  uint64_t cookie;
};

struct chaos {
  uint64_t seed, drawn, now;
  struct lh_engine *engine;
  struct peer peers[SLOTS];
  struct {
    char bytes[TEXT];
    size_t len;
  } kept[KEPT]; /* what was sent lately, by anybody */
  uint64_t connects, sends, bytes_sent, bytes_received, pings, endings, endings_expected;
};

static uint64_t draw(struct chaos *c, uint64_t n) {
  return lh_rng_below(lh_rng_at(c->seed, LH_RNG_SIM, 1, c->drawn++), n);
}

static struct lh_ending random_ending(struct chaos *c) {
  struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = (uint8_t)draw(c, LH_REASON_COUNT), .code = (int32_t)draw(c, 3)};
  if (draw(c, 4) == 0) seen.stage = (uint8_t)draw(c, LH_STAGE_COUNT);
  return seen;
}

static void end(struct chaos *c, uint32_t slot) {
  struct lh_ending seen = random_ending(c);
  c->peers[slot] = (struct peer){.place = DOWN};
  c->endings_expected++;
  lh_engine_on_ended(c->engine, slot, &seen, c->now);
}

static void io_connect(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns) {
  struct chaos *c = context;
  (void)nth;
  (void)now_ns;
  assert_int_equal(c->peers[slot].place, DOWN);
  c->connects++;
  c->peers[slot] = (struct peer){.place = CONNECTING};
  if (draw(c, 8) == 0) lh_engine_on_stage(c->engine, slot, LH_STAGE_CONNECT, c->now);
  if (draw(c, 8) == 0) end(c, slot);
}

static enum lh_send_result io_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  struct chaos *c = context;
  (void)message;
  (void)binary;
  assert_int_equal(c->peers[slot].place, UP);
  uint64_t luck = draw(c, 10);
  if (luck < 2) return luck ? LH_SEND_CHOKED : LH_SEND_FAILED;
  c->sends++;
  c->bytes_sent += len;
  size_t k = draw(c, KEPT);
  memcpy(c->kept[k].bytes, bytes, len);
  c->kept[k].len = len;
  return LH_SEND_DONE;
}

static enum lh_send_result io_ping(void *context, uint32_t slot, uint64_t cookie) {
  struct chaos *c = context;
  assert_int_equal(c->peers[slot].place, UP);
  uint64_t luck = draw(c, 10);
  if (luck < 2) return luck ? LH_SEND_CHOKED : LH_SEND_FAILED;
  c->pings++;
  c->peers[slot].cookie = cookie;
  return LH_SEND_DONE;
}

static void io_close(void *context, uint32_t slot, uint16_t code) {
  const struct chaos *c = context;
  (void)code;
  assert_int_equal(c->peers[slot].place, UP);
}

static void io_abort(void *context, uint32_t slot) {
  struct chaos *c = context;
  assert_int_not_equal(c->peers[slot].place, DOWN);
  c->peers[slot] = (struct peer){.place = DOWN};
  c->endings_expected++;
}

static void sink(void *context, const struct lh_ending *ending) {
  struct chaos *c = context;
  c->endings++;
  assert_true(ending->stage < LH_STAGE_COUNT && ending->reason < LH_REASON_COUNT);
  assert_true(ending->started_ns <= ending->at_ns && ending->open_ns <= ending->at_ns - ending->started_ns);
  assert_true(ending->idle_ns <= ending->at_ns - ending->started_ns);
}

/* ---- events ---- */

static void say(struct chaos *c, uint32_t slot) {
  char bytes[TEXT + 1];
  size_t k = draw(c, KEPT), len = c->kept[k].len;
  memcpy(bytes, c->kept[k].bytes, len);
  if (len > 0 && draw(c, 8) == 0) bytes[draw(c, len)] ^= 1;
  if (draw(c, 8) == 0) len = draw(c, len + 1);
  bool first = !c->peers[slot].in_message, last = draw(c, 4) > 0;
  c->peers[slot].in_message = !last;
  c->bytes_received += len;
  lh_engine_on_message(c->engine, slot, bytes, len, first, last, false, c->now);
}

static void act_up(struct chaos *c, uint32_t slot) {
  switch (draw(c, 32)) {
  case 0: end(c, slot); break;
  case 1:
  case 2: lh_engine_on_pong(c->engine, slot, c->peers[slot].cookie, c->now); break;
  case 3: lh_engine_on_pong(c->engine, slot, draw(c, UINT64_MAX), c->now); break;
  case 4: lh_engine_on_peer_ping(c->engine, slot, c->now); break;
  case 5:
  case 6:
  case 7: lh_engine_on_writable(c->engine, slot, c->now); break;
  default: say(c, slot); break;
  }
}

static enum lh_stage any_stage(struct chaos *c) {
  enum lh_stage stage = (enum lh_stage)draw(c, LH_STAGE_OPEN);
  return stage == LH_STAGE_LOGIN ? LH_STAGE_UPGRADE : stage; /* logins are no stage of a connection */
}

static void act(struct chaos *c) {
  uint32_t slot = (uint32_t)draw(c, SLOTS);
  switch (c->peers[slot].place) {
  case DOWN: break;
  case CONNECTING:
    if (draw(c, 3) == 0) {
      c->peers[slot].place = UP;
      lh_engine_on_open(c->engine, slot, 1, c->now);
    } else if (draw(c, 4) == 0) {
      end(c, slot);
    } else {
      lh_engine_on_stage(c->engine, slot, any_stage(c), c->now);
    }
    break;
  case UP: act_up(c, slot); break;
  }
}

static void pass_time(struct chaos *c) {
  uint64_t next = lh_engine_next_ns(c->engine);
  bool exact = draw(c, 2) && next != LH_NEVER && next > c->now;
  c->now = exact ? next : c->now + draw(c, draw(c, 500) == 0 ? 30 * SEC : SEC / 50);
  lh_engine_turn(c->engine, draw(c, 16) ? c->now : c->now - draw(c, SEC)); /* an old reading must do no harm */
}

/* ---- checking ---- */

static uint64_t sum(const struct lh_snapshot *totals, enum lh_counter_id id) {
  return totals[0].counters[id] + totals[1].counters[id] + totals[2].counters[id];
}

static void check(struct chaos *c, struct lh_snapshot *totals) {
  struct lh_err err = {0};
  for (uint32_t g = 0; g < GROUPS; g++) {
    struct lh_snapshot *slice = lh_engine_snapshot(c->engine, g, c->now);
    assert_int_equal(lh_snapshot_merge_later(&totals[g], slice), 0);
    lh_snapshot_next(slice);
    if (lh_snapshot_check(&totals[g], &err) < 0) fail_msg("group %u: %s", g, err.text);
    assert_true(totals[g].gauges[LH_GAUGE_wanted] <= CLIENTS);
    assert_int_equal(totals[g].hists[LH_HIST_response].count,
                     totals[g].counters[LH_COUNTER_replied] + totals[g].counters[LH_COUNTER_skipped_charged]);
  }
  assert_int_equal(c->endings, c->endings_expected);
  assert_int_equal(sum(totals, LH_COUNTER_ended), c->endings);
  assert_int_equal(sum(totals, LH_COUNTER_attempts), c->connects);
  uint64_t sent = sum(totals, LH_COUNTER_messages_sent);
  assert_in_range(c->sends, sent, sent + sum(totals, LH_COUNTER_stale_keepalive) + sum(totals, LH_COUNTER_redirects_followed)); /* those went out twice */
  assert_int_equal(sum(totals, LH_COUNTER_bytes_sent), c->bytes_sent);
  assert_int_equal(sum(totals, LH_COUNTER_bytes_received), c->bytes_received);
  assert_int_equal(sum(totals, LH_COUNTER_pings_sent), c->pings);
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    enum lh_client_state is = lh_engine_state_of(c->engine, slot);
    enum place place = c->peers[slot].place;
    assert_int_equal(is == LH_CLIENT_CONNECTING, place == CONNECTING);
    assert_int_equal(is == LH_CLIENT_OPEN || is == LH_CLIENT_CLOSING, place == UP);
  }
}

static void wind_down(struct chaos *c, struct lh_snapshot *totals) {
  lh_engine_stop(c->engine, c->now);
  for (int i = 0; i < 100000 && !lh_engine_done(c->engine); i++) {
    act(c);
    pass_time(c);
    check(c, totals);
  }
  assert_true(lh_engine_done(c->engine));
  for (uint32_t g = 0; g < GROUPS; g++)
    assert_int_equal(totals[g].gauges[LH_GAUGE_in_flight] + totals[g].gauges[LH_GAUGE_pending], 0);
}

static void run(uint64_t seed) {
  static struct chaos c;
  struct lh_group groups[GROUPS] = {group_of(0), group_of(1), group_of(2)};
  struct lh_config config = {.groups = groups, .group_count = GROUPS};
  config.run = (struct lh_run_config){.seed = seed, .drain_ns = 3 * SEC, .connect_rate = 50, .connecting_max = 5};
  const struct lh_io io = {
      .context = &c, .connect = io_connect, .send = io_send, .ping = io_ping, .close = io_close, .abort = io_abort};
  c = (struct chaos){.seed = seed, .now = 777 * SEC};
  const struct lh_engine_args args = {.config = &config,
                                      .slice = {0, 1},
                                      .run_id = seed,
                                      .start_ns = c.now,
                                      .workers = 1,
                                      .io = {[LH_KIND_WEBSOCKET] = &io},
                                      .ending_sink = sink,
                                      .ending_context = &c};
  struct lh_err err = {0};
  if (lh_engine_new(&c.engine, &args, &err) < 0) fail_msg("%s", err.text);
  struct lh_snapshot totals[GROUPS];
  for (int g = 0; g < GROUPS; g++) lh_snapshot_init(&totals[g]);
  for (int i = 0; i < STEPS; i++) {
    act(&c);
    if (draw(&c, 4) == 0) pass_time(&c);
    if (draw(&c, 16) == 0) check(&c, totals);
  }
  wind_down(&c, totals);
  for (int g = 0; g < GROUPS; g++) lh_snapshot_free(&totals[g]);
  lh_engine_free(c.engine);
}

static void anything_may_come(void **state) {
  (void)state;
  const char *replay = getenv("LH_CHAOS_SEED");
  uint64_t first = replay ? strtoull(replay, NULL, 10) : 1, last = replay ? first : SEEDS;
  for (uint64_t seed = first; seed <= last; seed++) {
    print_message("seed %llu\n", (unsigned long long)seed);
    run(seed);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(anything_may_come),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
