/* What an incoming message is. */
#include "rig.h"

#include "longhaul/plan/template.h"

#define EVERY_10S .every_ns = 10 * SEC, .phase = LH_PHASE_TOGETHER, .source = LH_PAYLOAD_TEXT
#define IN_TIME .within_ns = 40 * SEC, .lost_after_ns = 60 * SEC

static const struct lh_message by_token = {EVERY_10S, PAYLOAD("{\"id\":\"${token}\",\"n\":${seq}}"),
                                           .reply = {.match = LH_MATCH_TOKEN, IN_TIME}};
static const struct lh_message by_order = {EVERY_10S, PAYLOAD("ask ${seq}"), .reply = {.match = LH_MATCH_ORDER, IN_TIME}};
static const struct lh_message by_echo = {EVERY_10S, PAYLOAD("<${token}|${time_ms}>"),
                                          .reply = {.match = LH_MATCH_ECHO, IN_TIME}};
static const struct lh_message no_reply = {EVERY_10S, PAYLOAD("note ${token}")};

static void to(struct rig *rig, uint64_t since_start) {
  rig_run(rig, rig_start_ns + since_start - rig->now);
}

static struct lh_message by_pointer(const char *pointer) {
  static char text[64];
  struct lh_message message = by_token;
  snprintf(text, sizeof text, "%s", pointer);
  message.reply.match = LH_MATCH_POINTER;
  message.reply.pointer = text;
  return message;
}

/* One client, open, that has sent `sends` of this message and heard nothing. */
static void open_with(struct rig *rig, struct lh_message message, size_t sends) {
  rig_make(rig, 1);
  rig_add_message(rig, message);
  rig_start(rig);
  rig_open(rig);
  to(rig, sends * 10 * SEC + MS);
  assert_int_equal(rig->counts[CALL_SEND], sends);
}

/* The n-th send, from 0. */
static const struct call *sent(const struct rig *rig, size_t n) {
  for (size_t i = 0; i < rig->call_count; i++)
    if (rig->calls[i].kind == CALL_SEND && n-- == 0) return &rig->calls[i];
  fail_msg("there was no such send");
  return NULL;
}

static void hear_text(struct rig *rig, const char *text) {
  rig_hear(rig, text, strlen(text));
}
static void answer(struct rig *rig, size_t n) {
  rig_hear(rig, sent(rig, n)->bytes, sent(rig, n)->len);
}

static const char *token_of(const struct call *call) {
  static char text[LH_TOKEN_LEN + 1];
  const char *at = strstr(call->bytes, "lh");
  assert_non_null(at);
  memcpy(text, at, LH_TOKEN_LEN);
  return text;
}

/* What of the counters of replies is not 0. */
struct expected {
  uint64_t replied, late, lost, lost_then_replied, duplicate, out_of_order, corrupt, incoming, in_flight;
};

static void expect(struct rig *rig, struct expected e) {
  const struct {
    enum lh_counter_id id;
    uint64_t n;
  } counters[] = {{LH_COUNTER_replied, e.replied},     {LH_COUNTER_late, e.late},
                  {LH_COUNTER_lost, e.lost},           {LH_COUNTER_lost_then_replied, e.lost_then_replied},
                  {LH_COUNTER_duplicate, e.duplicate}, {LH_COUNTER_out_of_order, e.out_of_order},
                  {LH_COUNTER_corrupt, e.corrupt},     {LH_COUNTER_incoming, e.incoming}};
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
    uint64_t is = rig_counter(rig, counters[i].id);
    if (is != counters[i].n)
      fail_msg("%s is %llu, expected %llu", lh_counter_name(counters[i].id), (unsigned long long)is,
               (unsigned long long)counters[i].n);
  }
  assert_int_equal(rig_gauge(rig, LH_GAUGE_in_flight), e.in_flight);
}

/* ---- one reply ---- */

static void a_reply_is_timed_from_plan_and_from_send(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, by_token, 1);
  rig.now = rig_start_ns + 10 * SEC + 30 * MS;
  answer(&rig, 0);
  expect(&rig, (struct expected){.replied = 1});
  assert_int_equal(rig_hist(&rig, LH_HIST_response)->max_us, 30000);
  uint64_t service = rig_hist(&rig, LH_HIST_service)->max_us, lateness = rig_hist(&rig, LH_HIST_send_lateness)->max_us;
  assert_in_range(service + lateness, 30000, 30001);
  assert_true(lateness > 0);
  rig_free(&rig);
}

static void late_is_late_by_the_plan(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = by_token;
  message.reply.within_ns = 5 * SEC;
  open_with(&rig, message, 1);
  rig.now = rig_start_ns + 15 * SEC;
  answer(&rig, 0);
  expect(&rig, (struct expected){.replied = 1});
  to(&rig, 20 * SEC + MS);
  rig.now = rig_start_ns + 25 * SEC + 1;
  answer(&rig, 1);
  expect(&rig, (struct expected){.replied = 2, .late = 1});
  rig_free(&rig);
}

static void an_old_reading_of_the_clock_does_no_harm(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, by_token, 1);
  lh_engine_on_message(rig.engine, 0, sent(&rig, 0)->bytes, sent(&rig, 0)->len, true, true, false, rig.now - 5 * SEC);
  expect(&rig, (struct expected){.replied = 1});
  assert_true(rig_hist(&rig, LH_HIST_service)->max_us <= 1000);
  rig_free(&rig);
}

/* ---- tokens ---- */

static void token_anywhere(struct rig *rig) {
  char text[64];
  snprintf(text, sizeof text, "yes to %s.", token_of(sent(rig, 0)));
  hear_text(rig, text);
}

static void token_twice(struct rig *rig) {
  answer(rig, 0);
  answer(rig, 0);
}

static void out_of_order(struct rig *rig) {
  answer(rig, 2);
  answer(rig, 0);
  answer(rig, 1);
}

static void middle_first(struct rig *rig) {
  answer(rig, 1);
  answer(rig, 0);
  answer(rig, 2);
}

static void damaged(struct rig *rig) {
  char text[64];
  snprintf(text, sizeof text, "%s", token_of(sent(rig, 0)));
  text[20] = text[20] == 'a' ? 'b' : 'a';
  hear_text(rig, text);
}

static void other_token(struct rig *rig, struct lh_token token) {
  char text[LH_TOKEN_LEN];
  lh_token_write(lh_token_tag(77), token, text);
  rig_hear(rig, text, sizeof text);
}

static void other_client(struct rig *rig) {
  other_token(rig, (struct lh_token){.client = 1, .group = 0, .seq = 0});
}
static void other_group(struct rig *rig) {
  other_token(rig, (struct lh_token){.client = 0, .group = 1, .seq = 0});
}
static void never_sent(struct rig *rig) {
  other_token(rig, (struct lh_token){.client = 0, .group = 0, .seq = 3});
}
static void far_future(struct rig *rig) {
  other_token(rig, (struct lh_token){.client = 0, .group = 0, .seq = 1000000000000});
}
static void unasked(struct rig *rig) {
  hear_text(rig, "news");
}
static void empty(struct rig *rig) {
  hear_text(rig, "");
}

static const struct {
  const char *name;
  void (*play)(struct rig *rig); /* three were sent */
  struct expected expected;
} tokens[] = {
    {"anywhere in the text", token_anywhere, {.replied = 1, .in_flight = 2}},
    {"twice", token_twice, {.replied = 1, .duplicate = 1, .in_flight = 2}},
    {"last first", out_of_order, {.replied = 3, .out_of_order = 2}},
    {"middle first", middle_first, {.replied = 3, .out_of_order = 1}},
    {"damaged", damaged, {.corrupt = 1, .in_flight = 3}},
    {"another client's", other_client, {.incoming = 1, .in_flight = 3}},
    {"another group's", other_group, {.incoming = 1, .in_flight = 3}},
    {"never sent", never_sent, {.incoming = 1, .in_flight = 3}},
    {"far in the future", far_future, {.incoming = 1, .in_flight = 3}},
    {"none", unasked, {.incoming = 1, .in_flight = 3}},
    {"empty", empty, {.incoming = 1, .in_flight = 3}},
};

static void tokens_say_what_a_message_is(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
    static struct rig rig;
    print_message("%s\n", tokens[i].name);
    open_with(&rig, by_token, 3);
    tokens[i].play(&rig);
    expect(&rig, tokens[i].expected);
    rig_free(&rig);
  }
}

/* ---- lost ---- */

static void lost_and_then_replied(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, by_token, 1);
  to(&rig, 69 * SEC);
  expect(&rig, (struct expected){.in_flight = 6});
  to(&rig, 71 * SEC);
  expect(&rig, (struct expected){.lost = 1, .in_flight = 6});
  answer(&rig, 0);
  expect(&rig, (struct expected){.lost = 1, .lost_then_replied = 1, .in_flight = 6});
  answer(&rig, 0); /* once more */
  expect(&rig, (struct expected){.lost = 1, .lost_then_replied = 1, .duplicate = 1, .in_flight = 6});
  answer(&rig, 1);
  answer(&rig, 1);
  expect(&rig, (struct expected){.lost = 1, .lost_then_replied = 1, .duplicate = 2, .replied = 1, .late = 1, .in_flight = 5});
  rig_free(&rig);
}

static void lost_with_the_connection_replied_on_the_next(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, by_token, 3);
  answer(&rig, 1);
  rig_end_with(&rig, LH_REASON_RST, 104);
  expect(&rig, (struct expected){.replied = 1, .lost = 2});
  to(&rig, 35 * SEC);
  rig_open(&rig);
  answer(&rig, 0);
  answer(&rig, 1);
  expect(&rig, (struct expected){.replied = 1, .lost = 2, .lost_then_replied = 1, .duplicate = 1});
  answer(&rig, 2);
  expect(&rig, (struct expected){.replied = 1, .lost = 2, .lost_then_replied = 2, .duplicate = 1});
  to(&rig, 41 * SEC);
  rig_echo(&rig);
  expect(&rig, (struct expected){.replied = 2, .lost = 2, .lost_then_replied = 2, .duplicate = 1});
  rig_free(&rig);
}

/* Beyond the last 32 only whether the client has lost messages unanswered is known. */
static void what_is_too_old_is_judged_by_what_was_lost(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, by_token, 1);
  for (size_t i = 2; i <= 40; i++) {
    rig_echo(&rig);
    to(&rig, i * 10 * SEC + MS);
  }
  answer(&rig, 0);
  expect(&rig, (struct expected){.replied = 39, .duplicate = 1, .in_flight = 1});
  to(&rig, 440 * SEC + MS); /* number 39 sent at 400 s and 4 more wait */
  to(&rig, 461 * SEC);      /* now number 39 is lost */
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), 1);
  answer(&rig, 1); /* before the lost one, and older than 32: taken for lost */
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost_then_replied), 1);
  answer(&rig, 2); /* but not for more than were lost */
  assert_int_equal(rig_counter(&rig, LH_COUNTER_duplicate), 2);
  rig_free(&rig);
}

/* The message of 10 s has no reply in 7 s, and the connection is closed for it. */
static void miss_a_reply(struct rig *rig) {
  struct lh_message message = by_token;
  message.reply.end_when_lost = true;
  message.reply.lost_after_ns = 7 * SEC;
  open_with(rig, message, 1);
  to(rig, 17 * SEC + 100 * MS);
  assert_int_equal(rig_state(rig), LH_CLIENT_CLOSING);
}

static void a_missing_reply_may_end_the_connection(void **state) {
  (void)state;
  static struct rig rig;
  miss_a_reply(&rig);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 1);
  rig_run(&rig, 400 * MS);
  rig_end_with(&rig, LH_REASON_CLOSE_FRAME, 1000);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_REPLY_MISSING);
  assert_int_equal(rig_ending(&rig)->stage, LH_STAGE_OPEN);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), 1);
  rig_run(&rig, 2 * SEC);
  rig_open(&rig);
  assert_in_range(rig_hist(&rig, LH_HIST_outage)->max_us, 2490000, 2510000); /* since we gave it up */
  rig_free(&rig);
}

/* A peer that says nothing is given a second to answer the close, not five. */
static void a_silent_peer_is_not_waited_for(void **state) {
  (void)state;
  static struct rig rig;
  miss_a_reply(&rig);
  rig_run(&rig, 900 * MS);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
  rig_run(&rig, 100 * MS);
  assert_int_equal(rig_state(&rig), LH_CLIENT_WAITING);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_REPLY_MISSING);
  rig_free(&rig);
}

/* Losses in the middle of a long list of messages in flight, then the rest in order. */
static void many_in_flight(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = by_token;
  message.every_ns = 100 * MS;
  message.reply.lost_after_ns = 30 * SEC;
  rig_make(&rig, 1);
  rig_add_message(&rig, message);
  rig_start(&rig);
  rig_open(&rig);
  to(&rig, 20 * SEC + MS);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_in_flight), 200);
  for (size_t i = 0; i < 200; i++)
    if (i % 3) answer(&rig, i);
  expect(&rig, (struct expected){.replied = 133, .in_flight = 67});
  for (size_t i = 200; i-- > 0;)
    if (i % 3 == 0 && i % 2 == 0) answer(&rig, i);
  expect(&rig, (struct expected){.replied = 133 + 34, .out_of_order = 34, .in_flight = 33});
  lh_engine_stop(rig.engine, rig.now);
  rig_run(&rig, 6 * SEC + 10 * MS);
  expect(&rig, (struct expected){.replied = 167, .out_of_order = 34, .lost = 33});
  rig_free(&rig);
}

/* ---- order ---- */

static void replies_in_order(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, by_order, 3);
  rig.now = rig_start_ns + 31 * SEC;
  hear_text(&rig, "a");
  assert_int_equal(rig_hist(&rig, LH_HIST_response)->max_us, 21000000);
  hear_text(&rig, "b");
  hear_text(&rig, "c");
  hear_text(&rig, "d");
  expect(&rig, (struct expected){.replied = 3, .incoming = 1});
  rig_free(&rig);
}

static void tokens_and_order_side_by_side(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, by_order);
  rig_add_message(&rig, by_token);
  rig_add_message(&rig, no_reply);
  rig_start(&rig);
  rig_open(&rig);
  to(&rig, 10 * SEC + MS);
  answer(&rig, 1);       /* the token's */
  answer(&rig, 2);       /* the note comes back: nobody asked for that, but it is not the reply in order either */
  hear_text(&rig, "ok"); /* the one in order */
  expect(&rig, (struct expected){.replied = 2, .out_of_order = 1, .incoming = 1});
  rig_free(&rig);
}

/* ---- pointers ---- */

static const struct {
  const char *pointer, *before, *after; /* the reply is before, token, after */
  struct expected expected;
} pointers[] = {
    {"/id", "{\"id\":\"", "\"}", {.replied = 1}},
    {"/result/0/id", "{\"result\":[{\"id\":\"", "\"}],\"id\":1}", {.replied = 1}},
    {"", "\"", "\"", {.replied = 1}},
    {"/id", "{\"is\":\"", "\"}", {.incoming = 1, .in_flight = 1}},
    {"/id", "{\"id\":1,\"echo\":\"", "\"}", {.incoming = 1, .in_flight = 1}},
    {"/id", "[", "]", {.incoming = 1, .in_flight = 1}},
};

static void tokens_in_the_named_value(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
    static struct rig rig;
    char text[128];
    open_with(&rig, by_pointer(pointers[i].pointer), 1);
    snprintf(text, sizeof text, "%s%s%s", pointers[i].before, token_of(sent(&rig, 0)), pointers[i].after);
    print_message("%s in %s\n", pointers[i].pointer, text);
    hear_text(&rig, text);
    expect(&rig, pointers[i].expected);
    rig_free(&rig);
  }
}

/* Beside messages known by a token anywhere, one that is known by a value is known by that only. */
static void a_token_beside_the_named_value_is_no_reply(void **state) {
  (void)state;
  static struct rig rig;
  char text[128];
  rig_make(&rig, 1);
  rig_add_message(&rig, by_pointer("/id"));
  rig_add_message(&rig, by_token);
  rig_start(&rig);
  rig_open(&rig);
  to(&rig, 10 * SEC + MS);
  snprintf(text, sizeof text, "{\"is\":\"%s\"}", token_of(sent(&rig, 0)));
  hear_text(&rig, text);
  expect(&rig, (struct expected){.incoming = 1, .in_flight = 2});
  answer(&rig, 0);
  answer(&rig, 1);
  expect(&rig, (struct expected){.replied = 2, .incoming = 1});
  rig_free(&rig);
}

/* Nor is one where another message of the group looks for its own. */
static void a_token_at_the_value_of_another_message_is_no_reply(void **state) {
  (void)state;
  static struct rig rig;
  static char other[] = "/n";
  char text[128];
  struct lh_message second = by_pointer("/id");
  second.reply.pointer = other;
  rig_make(&rig, 1);
  rig_add_message(&rig, by_pointer("/id"));
  rig_add_message(&rig, second);
  rig_start(&rig);
  rig_open(&rig);
  to(&rig, 10 * SEC + MS);
  snprintf(text, sizeof text, "{\"n\":\"%s\"}", token_of(sent(&rig, 0)));
  hear_text(&rig, text);
  expect(&rig, (struct expected){.incoming = 1, .in_flight = 2});
  snprintf(text, sizeof text, "{\"id\":\"%s\"}", token_of(sent(&rig, 0)));
  hear_text(&rig, text);
  snprintf(text, sizeof text, "{\"n\":\"%s\"}", token_of(sent(&rig, 1)));
  hear_text(&rig, text);
  expect(&rig, (struct expected){.replied = 2, .incoming = 1});
  rig_free(&rig);
}

/* ---- content ---- */

static void an_echo_must_be_the_same(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, by_echo, 3);
  char text[RIG_BYTES + 1];
  answer(&rig, 0);
  expect(&rig, (struct expected){.replied = 1, .in_flight = 2});
  snprintf(text, sizeof text, "%s", sent(&rig, 1)->bytes);
  text[sent(&rig, 1)->len - 1] = '!';
  hear_text(&rig, text);
  expect(&rig, (struct expected){.replied = 2, .corrupt = 1, .in_flight = 1});
  rig_hear(&rig, sent(&rig, 2)->bytes, sent(&rig, 2)->len - 1);
  expect(&rig, (struct expected){.replied = 3, .corrupt = 2});
  rig_free(&rig);
}

static void an_echo_without_room_for_a_token_goes_by_order(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = by_echo;
  message.payload = (char[]){"ping"};
  message.payload_len = 4;
  open_with(&rig, message, 2);
  hear_text(&rig, "ping");
  hear_text(&rig, "pong");
  expect(&rig, (struct expected){.replied = 2, .corrupt = 1});
  rig_free(&rig);
}

static const struct {
  const char *contains, *reply; /* %s: the token */
  uint64_t corrupt;
} contents[] = {
    {"${token}", "%s", 0},
    {"\"ok\":true", "{\"ok\":true,\"id\":\"%s\"}", 0},
    {"\"ok\":true", "{\"ok\":false,\"id\":\"%s\"}", 1},
    {"n=${seq}", "%s n=0", 0},
    {"n=${seq}", "%s n=1", 1},
    {"id=${token}", "id=%s", 0},
    {"id=${token}", "%s", 1},
};

static void a_reply_must_hold_its_text(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
    static struct rig rig;
    char contains[32], format[64], text[128];
    struct lh_message message = by_token;
    snprintf(contains, sizeof contains, "%s", contents[i].contains);
    message.reply.contains = contains;
    open_with(&rig, message, 1);
    snprintf(format, sizeof format, "%s", contents[i].reply);
    char *at = strstr(format, "%s");
    *at = '\0';
    snprintf(text, sizeof text, "%s%s%s", format, token_of(sent(&rig, 0)), at + 2);
    hear_text(&rig, text);
    expect(&rig, (struct expected){.replied = 1, .corrupt = contents[i].corrupt});
    rig_free(&rig);
  }
}

static void a_reply_in_order_may_have_to_hold_the_token(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = by_token;
  message.reply.match = LH_MATCH_ORDER;
  message.reply.contains = (char[]){"${token}"};
  open_with(&rig, message, 2);
  answer(&rig, 0);
  expect(&rig, (struct expected){.replied = 1, .in_flight = 1});
  answer(&rig, 0); /* in the place of number 1 */
  expect(&rig, (struct expected){.replied = 2, .corrupt = 1});
  rig_free(&rig);
}

/* ---- pieces ---- */

static void in_pieces(struct rig *rig, const char *text, size_t len, size_t piece) {
  for (size_t at = 0; at < len; at += piece) {
    size_t n = len - at < piece ? len - at : piece;
    char *exact = malloc(n);
    memcpy(exact, text + at, n);
    lh_engine_on_message(rig->engine, 0, exact, n, at == 0, at + n == len, false, rig->now);
    free(exact);
  }
}

static void pieces_are_put_together(void **state) {
  (void)state;
  for (size_t piece = 1; piece < 60; piece += 3) {
    static struct rig rig;
    open_with(&rig, by_echo, 1);
    in_pieces(&rig, sent(&rig, 0)->bytes, sent(&rig, 0)->len, piece);
    expect(&rig, (struct expected){.replied = 1});
    assert_int_equal(rig_counter(&rig, LH_COUNTER_bytes_received), sent(&rig, 0)->len);
    rig_free(&rig);
  }
}

static void long_ones_grow(void **state) {
  (void)state;
  static struct rig rig;
  static char text[100000];
  open_with(&rig, by_token, 1);
  memset(text, 'x', sizeof text);
  memcpy(text + sizeof text - LH_TOKEN_LEN, token_of(sent(&rig, 0)), LH_TOKEN_LEN);
  size_t before = lh_engine_bytes(rig.engine);
  lh_engine_on_message(rig.engine, 0, text, 50000, true, false, false, rig.now); /* is held, and counted */
  assert_in_range(lh_engine_bytes(rig.engine) - before, 50000, 100000);
  in_pieces(&rig, text, sizeof text, 4000); /* begins anew */
  assert_int_equal(lh_engine_bytes(rig.engine), before);
  expect(&rig, (struct expected){.replied = 1});
  assert_int_equal(rig_counter(&rig, LH_COUNTER_truncated), 0);
  rig_free(&rig);
}

/* Whole or in pieces, what is longer than message_max is matched on that much. */
static void too_long_ones_are_cut_and_counted(void **state) {
  (void)state;
  for (size_t piece = 10; piece <= 200; piece += 95) {
    static struct rig rig;
    char text[200];
    rig_make(&rig, 1);
    rig_add_message(&rig, by_token);
    rig.group.message_max = 50;
    rig_start(&rig);
    rig_open(&rig);
    to(&rig, 20 * SEC + MS);
    memset(text, 'x', sizeof text);
    memcpy(text + 24, token_of(sent(&rig, 0)), LH_TOKEN_LEN); /* just within */
    in_pieces(&rig, text, sizeof text, piece);
    expect(&rig, (struct expected){.replied = 1, .in_flight = 1});
    memset(text, 'x', sizeof text);
    memcpy(text + 100, token_of(sent(&rig, 1)), LH_TOKEN_LEN); /* beyond */
    in_pieces(&rig, text, sizeof text, piece);
    expect(&rig, (struct expected){.replied = 1, .incoming = 1, .in_flight = 1});
    assert_int_equal(rig_counter(&rig, LH_COUNTER_truncated), 2);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_bytes_received), 400);
    rig_free(&rig);
  }
}

static void an_echo_longer_than_what_is_kept(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = by_echo;
  message.source = LH_PAYLOAD_SIZE;
  message.payload = NULL;
  message.payload_len = 200;
  rig_make(&rig, 1);
  rig_add_message(&rig, message);
  rig.group.message_max = 50;
  rig_start(&rig);
  rig_open(&rig);
  to(&rig, 20 * SEC + MS);
  answer(&rig, 0);
  expect(&rig, (struct expected){.replied = 1, .in_flight = 1});
  rig_hear(&rig, sent(&rig, 1)->bytes, 199); /* the part kept is right, the length is not */
  expect(&rig, (struct expected){.replied = 2, .corrupt = 1});
  assert_int_equal(rig_counter(&rig, LH_COUNTER_truncated), 2);
  rig_free(&rig);
}

static void pieces_end_with_their_connection(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, by_token, 1);
  lh_engine_on_message(rig.engine, 0, "half", 4, true, false, false, rig.now);
  rig_end_with(&rig, LH_REASON_RST, 104);
  to(&rig, 12 * SEC);
  rig_open(&rig);
  lh_engine_on_message(rig.engine, 0, "whole", 5, true, true, false, rig.now);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_incoming), 1);
  lh_engine_on_message(rig.engine, 0, "never ended", 11, true, false, false, rig.now);
  rig_free(&rig); /* a sanitizer sees what is left */
}

/* ---- pushes ---- */

static void pushes_are_counted_with_their_gaps(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  rig_open(&rig);
  for (int i = 0; i < 5; i++) {
    rig.now += 2 * SEC;
    lh_engine_on_message(rig.engine, 0, "ne", 2, true, false, false, rig.now);
    lh_engine_on_message(rig.engine, 0, "ws", 2, false, true, false, rig.now);
  }
  expect(&rig, (struct expected){.incoming = 5});
  assert_int_equal(rig_hist(&rig, LH_HIST_gap)->count, 4);
  assert_int_equal(rig_hist(&rig, LH_HIST_gap)->max_us, 2000000);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_bytes_received), 20);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_reply_is_timed_from_plan_and_from_send),
      cmocka_unit_test(late_is_late_by_the_plan),
      cmocka_unit_test(an_old_reading_of_the_clock_does_no_harm),
      cmocka_unit_test(tokens_say_what_a_message_is),
      cmocka_unit_test(lost_and_then_replied),
      cmocka_unit_test(lost_with_the_connection_replied_on_the_next),
      cmocka_unit_test(what_is_too_old_is_judged_by_what_was_lost),
      cmocka_unit_test(a_missing_reply_may_end_the_connection),
      cmocka_unit_test(a_silent_peer_is_not_waited_for),
      cmocka_unit_test(many_in_flight),
      cmocka_unit_test(replies_in_order),
      cmocka_unit_test(tokens_and_order_side_by_side),
      cmocka_unit_test(tokens_in_the_named_value),
      cmocka_unit_test(a_token_beside_the_named_value_is_no_reply),
      cmocka_unit_test(a_token_at_the_value_of_another_message_is_no_reply),
      cmocka_unit_test(an_echo_must_be_the_same),
      cmocka_unit_test(an_echo_without_room_for_a_token_goes_by_order),
      cmocka_unit_test(a_reply_must_hold_its_text),
      cmocka_unit_test(a_reply_in_order_may_have_to_hold_the_token),
      cmocka_unit_test(pieces_are_put_together),
      cmocka_unit_test(long_ones_grow),
      cmocka_unit_test(too_long_ones_are_cut_and_counted),
      cmocka_unit_test(an_echo_longer_than_what_is_kept),
      cmocka_unit_test(pieces_end_with_their_connection),
      cmocka_unit_test(pushes_are_counted_with_their_gaps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
