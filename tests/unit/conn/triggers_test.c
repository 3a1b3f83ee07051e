/* Messages with `after: incoming`: what the server says sets them off. */
#include "rig.h"

#define ONCE(...) {.after = LH_AFTER_INCOMING, .source = LH_PAYLOAD_TEXT, PAYLOAD("3"), .when = {__VA_ARGS__}}

static void open_with(struct rig *rig, struct lh_message message) {
  rig_make(rig, 1);
  rig_add_message(rig, message);
  rig_start(rig);
  rig_open(rig);
}

static void hear(struct rig *rig, const char *text) {
  rig_hear(rig, text, strlen(text));
}

static void what_is_described_is_answered(void **state) {
  (void)state;
  const struct {
    struct lh_message message;
    const char *heard;
    bool answered;
  } cases[] = {
      {ONCE(.equals = (char[]){"2"}), "2", true},
      {ONCE(.equals = (char[]){"2"}), "2probe", false},
      {ONCE(.equals = (char[]){"2"}), "", false},
      {ONCE(.begins = (char[]){"0{"}), "0{\"sid\":1}", true},
      {ONCE(.begins = (char[]){"0{"}), "0", false},
      {ONCE(.begins = (char[]){"0{"}), "40{", false},
      {ONCE(.contains = (char[]){"ready"}), "are you ready?", true},
      {ONCE(.contains = (char[]){"ready"}), "read y", false},
      {ONCE(.pointer = (char[]){"/type"}), "{\"type\":0}", true},
      {ONCE(.pointer = (char[]){"/type"}), "{\"tip\":0}", false},
      {ONCE(.pointer = (char[]){"/type"}), "not JSON", false},
      {ONCE(.pointer = (char[]){"/type"}, .equals = (char[]){"ping"}), "{\"id\":1,\"type\":\"ping\"}", true},
      {ONCE(.pointer = (char[]){"/type"}, .equals = (char[]){"ping"}), "{\"type\":\"pong\"}", false},
      {ONCE(.pointer = (char[]){"/n"}, .equals = (char[]){"12"}), "{\"n\":12}", true},
      {ONCE(.hex = (char[]){"\x20\x02"}, .hex_len = 2), "\x20\x02\x01", true},
      {ONCE(.hex = (char[]){"\x20\x02"}, .hex_len = 2), "\x20", false},
      {ONCE(.begins = (char[]){"4"}, .contains = (char[]){"x"}), "4 x", true},
      {ONCE(.begins = (char[]){"4"}, .contains = (char[]){"x"}), "4 y", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    static struct rig rig;
    open_with(&rig, cases[i].message);
    hear(&rig, cases[i].heard);
    if (rig.counts[CALL_SEND] != cases[i].answered) fail_msg("case %zu: \"%s\"", i, cases[i].heard);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_incoming), 1);
    rig_free(&rig);
  }
}

static void each_one_sets_off_one(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, (struct lh_message)ONCE(.equals = (char[]){"2"}));
  for (int i = 0; i < 5; i++) {
    rig_run(&rig, SEC);
    hear(&rig, "2");
    hear(&rig, "else");
  }
  assert_int_equal(rig.counts[CALL_SEND], 5);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 5);
  assert_int_equal(rig_hist(&rig, LH_HIST_send_lateness)->count, 5);
  rig_end_with(&rig, LH_REASON_RST, 104);
  rig_run(&rig, 2 * SEC);
  rig_open(&rig); /* the next connection begins anew */
  rig_run(&rig, 5 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 5);
  hear(&rig, "2");
  assert_int_equal(rig.counts[CALL_SEND], 6);
  rig_free(&rig);
}

static void the_delay_is_waited_for(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = ONCE(.equals = (char[]){"2"});
  message.delay_ns = SEC;
  open_with(&rig, message);
  hear(&rig, "2");
  rig_run(&rig, 900 * MS);
  assert_int_equal(rig.counts[CALL_SEND], 0);
  hear(&rig, "2"); /* overtakes the first, which is booked as late */
  rig_run(&rig, 900 * MS);
  assert_int_equal(rig.counts[CALL_SEND], 0);
  rig_run(&rig, 200 * MS);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 2);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_late), 1);
  hear(&rig, "2");
  rig_end_with(&rig, LH_REASON_RST, 104); /* before it was due: it never was */
  rig_run(&rig, 3 * SEC);
  rig_open(&rig);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 2);
  rig_free(&rig);
}

static void a_full_socket_holds_one(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, (struct lh_message)ONCE(.equals = (char[]){"2"}));
  rig.send_result = LH_SEND_CHOKED;
  hear(&rig, "2");
  hear(&rig, "2");
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_late), 1);
  rig.send_result = LH_SEND_DONE;
  rig_run(&rig, SEC);
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 0);
  rig_run(&rig, 10 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_free(&rig);
}

static void a_schedule_begins_with_the_first(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = ONCE(.begins = (char[]){"40"});
  message.every_ns = 10 * SEC;
  message.delay_ns = SEC;
  open_with(&rig, message);
  rig_run(&rig, 60 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 0);
  hear(&rig, "40{}");
  rig_run(&rig, 5 * SEC);
  hear(&rig, "40{}"); /* changes nothing */
  rig_run(&rig, 20 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 3); /* after 1, 11 and 21 s */
  rig_end_with(&rig, LH_REASON_RST, 104);
  rig_run(&rig, 2 * SEC);
  rig_open(&rig);
  rig_run(&rig, 30 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 3);
  hear(&rig, "40{}");
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 4);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 4);
  rig_free(&rig);
}

static void its_own_reply_sets_off_nothing(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = ONCE(.begins = (char[]){"0"});
  message.payload = (char[]){"40 ${token}"};
  message.payload_len = strlen(message.payload);
  message.reply = (struct lh_reply_config){.match = LH_MATCH_TOKEN, .within_ns = 5 * SEC, .lost_after_ns = 60 * SEC};
  open_with(&rig, message);
  hear(&rig, "0{}");
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_run(&rig, 10 * MS);
  rig_echo(&rig);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
  rig_free(&rig);
}

static void a_reply_may_set_off_another(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message hello = {.after = LH_AFTER_OPEN,
                             .source = LH_PAYLOAD_TEXT,
                             PAYLOAD("init"),
                             .reply = {.match = LH_MATCH_ORDER, .within_ns = 5 * SEC, .lost_after_ns = 60 * SEC}};
  rig_make(&rig, 1);
  rig_add_message(&rig, hello);
  struct lh_message subscribe = ONCE(.pointer = (char[]){"/type"}, .equals = (char[]){"connection_ack"});
  subscribe.name = (char[]){"subscribe"};
  rig_add_message(&rig, subscribe);
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, SEC);
  hear(&rig, "{\"type\":\"connection_ack\"}");
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
  assert_int_equal(rig.counts[CALL_SEND], 2);
  assert_int_equal(rig_last(&rig, CALL_SEND)->message, 1);
  rig_free(&rig);
}

static void pieces_are_looked_at_as_a_whole(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, (struct lh_message)ONCE(.equals = (char[]){"connection_ack"}));
  lh_engine_on_message(rig.engine, 0, "connection", 10, true, false, false, rig.now);
  assert_int_equal(rig.counts[CALL_SEND], 0);
  lh_engine_on_message(rig.engine, 0, "_ack", 4, false, true, false, rig.now);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_described_is_answered), cmocka_unit_test(each_one_sets_off_one),
      cmocka_unit_test(the_delay_is_waited_for),       cmocka_unit_test(a_full_socket_holds_one),
      cmocka_unit_test(a_schedule_begins_with_the_first), cmocka_unit_test(its_own_reply_sets_off_nothing),
      cmocka_unit_test(a_reply_may_set_off_another),   cmocka_unit_test(pieces_are_looked_at_as_a_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
