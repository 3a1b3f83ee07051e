/* Requests and logins on connections that do anything an adapter may report: answers, refusals, 401s, redirects, stale ends, silence.
 * Whatever comes, the books of connections, messages and logins balance, and nothing is asked on a connection that still owes
 * an answer. */
#include "chaos.h"

#include "longhaul/conn/logins.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SEEDS = 4 };
#else
enum { SEEDS = 16 };
#endif

enum { CLIENTS = 6, SLOTS = GROUPS * CLIENTS, STEPS = 20000 };
static char method[] = "GET", path[] = "/";

#define REQUEST .name = name, .method = method, .request_path = path, .until_ns = LH_NEVER
#define REPLY .reply = {.match = LH_MATCH_ORDER, .status = {2}, .within_ns = SEC, .lost_after_ns = 3 * SEC, .end_when_lost = true}

static struct lh_message regular[] = {{REQUEST, PAYLOAD("a"), .every_ns = SEC / 4, REPLY}, {REQUEST, PAYLOAD("b"), .every_ns = SEC, .jitter = 0.5, REPLY}};
static struct lh_message looped[] = {{REQUEST, PAYLOAD("c"), .after = LH_AFTER_REPLY, .delay_ns = SEC / 10, REPLY},
                                     {REQUEST, PAYLOAD("d"), .after = LH_AFTER_OPEN, .every_ns = SEC, REPLY}};
static struct lh_stage_point waves[] = {{0, 0}, {5 * SEC, CLIENTS}, {40 * SEC, CLIENTS}, {50 * SEC, 1}, {60 * SEC, CLIENTS}, {61 * SEC, 0}, {62 * SEC, CLIENTS}};
static struct lh_stage_point flat[] = {{0, CLIENTS}};

/* 0: with refreshes; 1: closed loops, lifetimes, logins that are given up; 2: no reconnects. */
static struct lh_group group_of(uint32_t n) {
  struct lh_group group = chaos_group(CLIENTS, flat);
  group.kind = LH_KIND_HTTP;
  group.reconnect = (struct lh_reconnect_config){.enabled = n < 2,
                                                 .first_ns = SEC / 10,
                                                 .max_ns = SEC,
                                                 .factor = 2,
                                                 .jitter = LH_BACKOFF_FULL,
                                                 .reset_after_ns = SEC};
  group.messages = n == 1 ? looped : regular;
  group.message_count = 2;
  group.login = (struct lh_login_config){
      .enabled = true,
      .shares_connection = true,
      .on_401 = true,
      .refresh_ns = n == 0 ? 2 * SEC : 0,
      .within_ns = 2 * SEC,
      .retry = {.first_ns = SEC / 10, .max_ns = SEC, .factor = 2, .jitter = LH_BACKOFF_FULL, .limit = n == 1 ? 4 : 0}};
  if (n == 0) group.ramp = (struct lh_ramp){waves, sizeof waves / sizeof *waves};
  if (n == 1) group.lifetime_ns = 5 * SEC, group.lifetime_jitter = 1;
  return group;
}

/* ---- the adapter ---- */

enum place { DOWN, CONNECTING, LOGGING_IN, UP };
enum asked { NOTHING, A_REQUEST, A_LOGIN };

struct line {
  enum place place;
  enum asked asked;
  bool choked, closing;
  uint32_t served;
};

static struct {
  struct line lines[SLOTS];
  uint64_t login_endings, logins;
} own;

static void clear(void) {
  memset(&own, 0, sizeof own);
}

static void end_as(struct chaos *c, uint32_t slot, enum lh_reason reason) {
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = (uint8_t)reason, .retry_after_ns = draw(c, 16) ? 0 : SEC};
  own.lines[slot] = (struct line){.place = DOWN};
  c->endings_expected++;
  lh_engine_on_ended(c->engine, slot, &seen, c->now);
}

static void io_connect(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns) {
  struct chaos *c = context;
  (void)nth, (void)now_ns;
  assert_int_equal(own.lines[slot].place, DOWN);
  c->connects++;
  own.lines[slot] = (struct line){.place = CONNECTING};
  if (draw(c, 16) == 0) end_as(c, slot, LH_REASON_REFUSED);
}

static enum lh_send_result ask(struct chaos *c, uint32_t slot, enum asked what) {
  struct line *line = &own.lines[slot];
  assert_int_equal(line->place, UP);
  if (line->asked || draw(c, 16) == 0) {
    line->choked = true;
    return LH_SEND_CHOKED;
  }
  if (draw(c, 64) == 0) return LH_SEND_FAILED;
  line->asked = what;
  return LH_SEND_DONE;
}

static enum lh_send_result io_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  struct chaos *c = context;
  (void)message, (void)bytes, (void)len, (void)binary;
  enum lh_send_result result = ask(c, slot, A_REQUEST);
  c->sends += result == LH_SEND_DONE;
  return result;
}

static enum lh_send_result io_login(void *context, uint32_t slot) {
  struct chaos *c = context;
  enum lh_send_result result = ask(c, slot, A_LOGIN);
  own.logins += result != LH_SEND_CHOKED;
  return result;
}

static void io_close(void *context, uint32_t slot, uint16_t code) {
  (void)context, (void)code;
  assert_int_equal(own.lines[slot].place, UP);
  own.lines[slot].closing = true;
}

static void io_abort(void *context, uint32_t slot) {
  struct chaos *c = context;
  assert_int_not_equal(own.lines[slot].place, DOWN);
  own.lines[slot] = (struct line){.place = DOWN};
  c->endings_expected++;
}

static uint32_t no_desk(void *context, uint32_t key, uint64_t now_ns) {
  (void)context, (void)key, (void)now_ns;
  fail_msg("a login beside its client's connection");
  return LH_NO_TICKET;
}
static void no_abort(void *context, uint32_t ticket) {
  (void)context, (void)ticket;
  fail_msg("no login is at the desk");
}

static void sink(void *context, const struct lh_ending *ending) {
  struct chaos *c = context;
  if (ending->stage == LH_STAGE_LOGIN)
    own.login_endings++;
  else
    c->endings++;
  assert_true(ending->started_ns <= ending->at_ns);
}

/* ---- events ---- */

static struct lh_texts *texts(void) {
  const struct lh_text items[] = {{"", 0}};
  return lh_texts_new(items, 1);
}

/* As kind http does it: the connection may end with the answer, or goes on with what was held. */
static void after_answer(struct chaos *c, uint32_t slot, bool closes) {
  struct line *line = &own.lines[slot];
  if (line->place != UP) return;
  if (line->closing && !line->asked) {
    end_as(c, slot, LH_REASON_SHUTDOWN);
  } else if (closes) {
    end_as(c, slot, LH_REASON_HTTP_CLOSE);
  } else if (line->choked && !line->asked) {
    line->choked = false;
    lh_engine_on_writable(c->engine, slot, c->now);
  }
}

static void answer_login(struct chaos *c, uint32_t slot) {
  struct line *line = &own.lines[slot];
  const struct lh_ending why = {.reason = LH_REASON_STATUS_REFUSED, .code = 500};
  bool good = draw(c, 3) > 0, first = line->place == LOGGING_IN, closes = draw(c, 8) == 0;
  line->asked = NOTHING;
  line->served++;
  if (good)
    lh_engine_on_login(c->engine, slot, texts(), c->now);
  else
    lh_engine_on_login_failed(c->engine, slot, &why, c->now);
  if (first && good && !closes) {
    line->place = UP;
    lh_engine_on_open(c->engine, slot, 1, c->now);
  } else if (first) {
    end_as(c, slot, LH_REASON_PLANNED_END);
  } else {
    after_answer(c, slot, closes && !line->asked);
  }
}

static void answer_request(struct chaos *c, uint32_t slot) {
  struct line *line = &own.lines[slot];
  const uint64_t luck = draw(c, 16);
  line->asked = NOTHING;
  line->served++;
  if (luck == 0) { /* a redirect that stays here */
    lh_engine_on_redirect(c->engine, slot, c->now);
    after_answer(c, slot, false);
    return;
  }
  if (luck == 1) {
    end_as(c, slot, LH_REASON_REDIRECT_FOLLOWED);
    return;
  }
  bool closes = draw(c, 8) == 0;
  const struct lh_response response = {.status = draw(c, 8) ? 200 : 401, .closes = closes || line->closing, .bytes = ""};
  line->asked = closes || line->closing ? A_REQUEST : NOTHING; /* nothing goes out on a connection that ends */
  lh_engine_on_response(c->engine, slot, &response, c->now);
  if (closes || line->closing) line->asked = NOTHING;
  after_answer(c, slot, closes);
}

static void come_up(struct chaos *c, uint32_t slot) {
  struct line *line = &own.lines[slot];
  if (lh_engine_begin_login(c->engine, slot, c->now)) {
    own.logins++;
    line->place = LOGGING_IN;
    line->asked = A_LOGIN;
  } else {
    line->place = UP;
    lh_engine_on_open(c->engine, slot, 1, c->now);
  }
}

static void break_off(struct chaos *c, uint32_t slot) {
  static const enum lh_reason reasons[] = {LH_REASON_RST, LH_REASON_NO_RESPONSE, LH_REASON_RESPONSE_CUT, LH_REASON_BAD_HTTP};
  const struct line *line = &own.lines[slot];
  bool is_stale = line->asked && line->served && draw(c, 2);
  end_as(c, slot, is_stale ? LH_REASON_STALE_KEEPALIVE : line->asked ? reasons[draw(c, 4)] : LH_REASON_IDLE_CLOSE);
}

static void act(struct chaos *c) {
  const uint32_t slot = (uint32_t)draw(c, SLOTS);
  struct line *line = &own.lines[slot];
  const uint64_t luck = draw(c, 64);
  if (line->place == DOWN) return;
  if (line->place == CONNECTING) {
    if (luck < 32) come_up(c, slot);
    else if (luck < 36) end_as(c, slot, LH_REASON_REFUSED);
  } else if (luck == 0) {
    break_off(c, slot);
  } else if (line->asked == A_LOGIN && luck < 40) {
    answer_login(c, slot);
  } else if (line->asked == A_REQUEST && luck < 40) {
    answer_request(c, slot);
  } else if (line->closing && !line->asked) {
    end_as(c, slot, LH_REASON_SHUTDOWN);
  } else if (line->place == UP && line->choked && !line->asked) {
    line->choked = false;
    lh_engine_on_writable(c->engine, slot, c->now);
  }
}

/* ---- checking ---- */

static void check(struct chaos *c) {
  uint64_t under_way = 0, asking = 0;
  for (uint32_t g = 0; g < GROUPS; g++) under_way += c->totals[g].gauges[LH_GAUGE_logins_under_way];
  assert_int_equal(sum(c, LH_COUNTER_logins), own.logins);
  assert_int_equal(sum(c, LH_COUNTER_logins_failed) + sum(c, LH_COUNTER_logins_dropped), own.login_endings);
  assert_int_equal(sum(c, LH_COUNTER_logins_succeeded) + own.login_endings + under_way, own.logins);
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    const enum lh_client_state is = lh_engine_state_of(c->engine, slot);
    const enum place place = own.lines[slot].place;
    assert_int_equal(is == LH_CLIENT_CONNECTING, place == CONNECTING || place == LOGGING_IN);
    assert_int_equal(is == LH_CLIENT_OPEN || is == LH_CLIENT_CLOSING, place == UP);
    asking += own.lines[slot].asked == A_LOGIN && !own.lines[slot].closing;
  }
  assert_true(under_way >= asking);
}

/* Nothing is left, and what is to be tried has come up. */
static void check_end(struct chaos *c) {
  assert_true(c->now - c->stopped_ns < 30 * SEC);
  for (uint32_t g = 0; g < GROUPS; g++) assert_int_equal(c->totals[g].gauges[LH_GAUGE_logins_under_way], 0);
  assert_true(sum(c, LH_COUNTER_replied) > STEPS / 100 && sum(c, LH_COUNTER_logins_succeeded) > 50);
  assert_true(sum(c, LH_COUNTER_stale_keepalive) && sum(c, LH_COUNTER_redirects_followed) && sum(c, LH_COUNTER_lost));
}

static const struct lh_login_io desk = {.begin = no_desk, .abort = no_abort};
static struct chaos_world world = {
    .group_of = group_of,
    .run = {.drain_ns = 3 * SEC, .connect_rate = 100, .connecting_max = 8},
    .kind = LH_KIND_HTTP,
    .io = {.connect = io_connect, .send = io_send, .login = io_login, .close = io_close, .abort = io_abort},
    .logins = &desk,
    .sink = sink,
    .clients = CLIENTS,
    .steps = STEPS,
    .seeds = SEEDS,
    .pause_ns_max = 10 * SEC,
    .clear = clear,
    .act = act,
    .check = check,
    .check_end = check_end,
};

int main(void) {
  return chaos_test(&world);
}
