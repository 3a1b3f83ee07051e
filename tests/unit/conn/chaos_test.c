/* A server and a network that do anything that an adapter may report, in any order, at any time: whatever comes, the books
 * balance, each connection has one ending, and the engine agrees with the adapter's own counts. */
#include "chaos.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SEEDS = 3 };
#else
enum { SEEDS = 12 };
#endif

enum { CLIENTS = 8, SLOTS = GROUPS * CLIENTS, STEPS = 30000, KEPT = 16, TEXT = 300 };
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
  struct lh_group group = chaos_group(CLIENTS, flat);
  group.kind = LH_KIND_WEBSOCKET;
  group.ping = (struct lh_ping_config){.every_ns = 2 * SEC, .timeout_ns = 5 * SEC};
  group.reconnect = (struct lh_reconnect_config){.enabled = n < 2,
                                                 .first_ns = SEC / 10,
                                                 .max_ns = 2 * SEC,
                                                 .factor = 2,
                                                 .jitter = LH_BACKOFF_FULL,
                                                 .limit = 6,
                                                 .reset_after_ns = SEC};
  group.messages = n == 0 ? mixed : loops;
  group.message_count = n == 0 ? sizeof mixed / sizeof *mixed : n == 1 ? 2 : 0;
  if (n == 0) group.message_max = 100, group.ramp = (struct lh_ramp){waves, sizeof waves / sizeof *waves};
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

static struct {
  struct peer peers[SLOTS];
  struct {
    char bytes[TEXT];
    size_t len;
  } kept[KEPT]; /* what was sent lately, by anybody */
  uint64_t bytes_sent, bytes_received, pings;
} own;

static void clear(void) {
  memset(&own, 0, sizeof own);
}

static struct lh_ending random_ending(struct chaos *c) {
  struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = (uint8_t)draw(c, LH_REASON_COUNT), .code = (int32_t)draw(c, 3)};
  if (draw(c, 4) == 0) seen.stage = (uint8_t)draw(c, LH_STAGE_COUNT);
  return seen;
}

static void end(struct chaos *c, uint32_t slot) {
  struct lh_ending seen = random_ending(c);
  own.peers[slot] = (struct peer){.place = DOWN};
  c->endings_expected++;
  lh_engine_on_ended(c->engine, slot, &seen, c->now);
}

static void io_connect(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns) {
  struct chaos *c = context;
  (void)nth;
  (void)now_ns;
  assert_int_equal(own.peers[slot].place, DOWN);
  c->connects++;
  own.peers[slot] = (struct peer){.place = CONNECTING};
  if (draw(c, 8) == 0) lh_engine_on_stage(c->engine, slot, LH_STAGE_CONNECT, c->now);
  if (draw(c, 8) == 0) end(c, slot);
}

static enum lh_send_result io_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  struct chaos *c = context;
  (void)message;
  (void)binary;
  assert_int_equal(own.peers[slot].place, UP);
  uint64_t luck = draw(c, 10);
  if (luck < 2) return luck ? LH_SEND_CHOKED : LH_SEND_FAILED;
  c->sends++;
  own.bytes_sent += len;
  size_t k = draw(c, KEPT);
  memcpy(own.kept[k].bytes, bytes, len);
  own.kept[k].len = len;
  return LH_SEND_DONE;
}

static enum lh_send_result io_ping(void *context, uint32_t slot, uint64_t cookie) {
  struct chaos *c = context;
  assert_int_equal(own.peers[slot].place, UP);
  uint64_t luck = draw(c, 10);
  if (luck < 2) return luck ? LH_SEND_CHOKED : LH_SEND_FAILED;
  own.pings++;
  own.peers[slot].cookie = cookie;
  return LH_SEND_DONE;
}

static void io_close(void *context, uint32_t slot, uint16_t code) {
  (void)context, (void)code;
  assert_int_equal(own.peers[slot].place, UP);
}

static void io_abort(void *context, uint32_t slot) {
  struct chaos *c = context;
  assert_int_not_equal(own.peers[slot].place, DOWN);
  own.peers[slot] = (struct peer){.place = DOWN};
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
  size_t k = draw(c, KEPT), len = own.kept[k].len;
  memcpy(bytes, own.kept[k].bytes, len);
  if (len > 0 && draw(c, 8) == 0) bytes[draw(c, len)] ^= 1;
  if (draw(c, 8) == 0) len = draw(c, len + 1);
  bool first = !own.peers[slot].in_message, last = draw(c, 4) > 0;
  own.peers[slot].in_message = !last;
  own.bytes_received += len;
  lh_engine_on_message(c->engine, slot, bytes, len, first, last, false, c->now);
}

static void act_up(struct chaos *c, uint32_t slot) {
  switch (draw(c, 32)) {
  case 0: end(c, slot); break;
  case 1:
  case 2: lh_engine_on_pong(c->engine, slot, own.peers[slot].cookie, c->now); break;
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
  switch (own.peers[slot].place) {
  case DOWN: break;
  case CONNECTING:
    if (draw(c, 3) == 0) {
      own.peers[slot].place = UP;
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

/* ---- checking ---- */

static void check(struct chaos *c) {
  for (uint32_t g = 0; g < GROUPS; g++) {
    const struct lh_snapshot *total = &c->totals[g];
    assert_int_equal(total->hists[LH_HIST_response].count,
                     total->counters[LH_COUNTER_replied] + total->counters[LH_COUNTER_skipped_charged]);
  }
  assert_int_equal(sum(c, LH_COUNTER_bytes_sent), own.bytes_sent);
  assert_int_equal(sum(c, LH_COUNTER_bytes_received), own.bytes_received);
  assert_int_equal(sum(c, LH_COUNTER_pings_sent), own.pings);
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    enum lh_client_state is = lh_engine_state_of(c->engine, slot);
    enum place place = own.peers[slot].place;
    assert_int_equal(is == LH_CLIENT_CONNECTING, place == CONNECTING);
    assert_int_equal(is == LH_CLIENT_OPEN || is == LH_CLIENT_CLOSING, place == UP);
  }
}

static struct chaos_world world = {
    .group_of = group_of,
    .run = {.drain_ns = 3 * SEC, .connect_rate = 50, .connecting_max = 5},
    .kind = LH_KIND_WEBSOCKET,
    .io = {.connect = io_connect, .send = io_send, .ping = io_ping, .close = io_close, .abort = io_abort},
    .sink = sink,
    .clients = CLIENTS,
    .steps = STEPS,
    .seeds = SEEDS,
    .pause_ns_max = 30 * SEC,
    .has_old_readings = true,
    .clear = clear,
    .act = act,
    .check = check,
};

int main(void) {
  return chaos_test(&world);
}
