/* The null kind: a pretended server that answers everything in its time. */
#include "rig.h"

static void null_group(struct rig *rig, uint32_t clients) {
  rig_make(rig, clients);
  rig->group.kind = LH_KIND_NULL;
  rig->group.null_service_ns = 20 * MS;
}

/* ---- answers ---- */

static const struct {
  const char *name;
  struct lh_reply_config reply;
  const char *payload;
} answers[] = {
    {"token", {.match = LH_MATCH_TOKEN}, "{\"id\":\"${token}\"}"},
    {"token and text", {.match = LH_MATCH_TOKEN, .contains = (char[]){"n is ${seq}"}}, "${token}"},
    {"order", {.match = LH_MATCH_ORDER}, "ask"},
    {"order and text", {.match = LH_MATCH_ORDER, .contains = (char[]){"pong"}}, "ping"},
    {"echo", {.match = LH_MATCH_ECHO}, "${token} at ${time_ms} with ${rand:1..1000}"},
    {"pointer", {.match = LH_MATCH_POINTER, .pointer = (char[]){"/id"}}, "{\"id\":\"${token}\"}"},
    {"pointer deeper than what is sent",
     {.match = LH_MATCH_POINTER, .pointer = (char[]){"/result/0/a~1b/\"q\""}, .contains = (char[]){"ok"}},
     "{\"id\":\"${token}\"}"},
};

static void every_message_gets_the_reply_it_expects(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    static struct rig rig;
    char payload[64];
    print_message("%s\n", answers[i].name);
    snprintf(payload, sizeof payload, "%s", answers[i].payload);
    null_group(&rig, 10);
    struct lh_message message = {.every_ns = SEC,
                                 .source = LH_PAYLOAD_TEXT,
                                 .payload = payload,
                                 .payload_len = strlen(payload),
                                 .reply = answers[i].reply};
    message.reply.within_ns = 25 * MS;
    message.reply.lost_after_ns = 60 * SEC;
    rig_add_message(&rig, message);
    rig_start(&rig);
    rig_run(&rig, 10 * SEC);
    const struct lh_snapshot *s = rig_snapshot(&rig);
    assert_in_range(s->counters[LH_COUNTER_messages_sent], 99, 101);
    assert_in_range(s->counters[LH_COUNTER_replied], 98, 100);
    assert_int_equal(s->counters[LH_COUNTER_corrupt] + s->counters[LH_COUNTER_late] + s->counters[LH_COUNTER_incoming], 0);
    assert_in_range(s->hists[LH_HIST_response].max_us, 20000, 22000);
    rig_free(&rig);
  }
}

static void what_expects_no_reply_gets_none(void **state) {
  (void)state;
  static struct rig rig;
  null_group(&rig, 1);
  rig_add_message(&rig, (struct lh_message){.every_ns = SEC, .source = LH_PAYLOAD_TEXT, PAYLOAD("note")});
  rig_start(&rig);
  rig_run(&rig, 10 * SEC);
  assert_in_range(rig_counter(&rig, LH_COUNTER_one_way), 9, 10);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_incoming), 0);
  rig_free(&rig);
}

static void pings_and_closings_are_answered(void **state) {
  (void)state;
  static struct rig rig;
  null_group(&rig, 5);
  rig.group.ping = (struct lh_ping_config){.every_ns = 10 * SEC, .timeout_ns = SEC};
  rig.group.lifetime_ns = 100 * SEC;
  rig_start(&rig);
  rig_run(&rig, 99 * SEC);
  assert_in_range(rig_counter(&rig, LH_COUNTER_pongs), 45, 50);
  assert_in_range(rig_hist(&rig, LH_HIST_ping)->max_us, 20000, 22000);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_ended), 0);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_ended), 5);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_reconnects), 5);
  rig_free(&rig);
}

/* A reply lets the loop send at once, while what else it sets off is still being looked for in it. */
static void a_reply_outlives_the_next_answer(void **state) {
  (void)state;
  static struct rig rig;
  null_group(&rig, 1);
  rig_add_message(&rig, (struct lh_message){.after = LH_AFTER_REPLY,
                                            .source = LH_PAYLOAD_TEXT,
                                            PAYLOAD("n${seq};"),
                                            .reply = {.match = LH_MATCH_ORDER, .contains = (char[]){"a rather longer text, that makes memory move"}}});
  rig_add_message(&rig, (struct lh_message){.after = LH_AFTER_INCOMING,
                                            .source = LH_PAYLOAD_TEXT,
                                            PAYLOAD("seen"),
                                            .when = {.begins = (char[]){"n0;"}}});
  rig_start(&rig);
  rig_run(&rig, SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_one_way), 1);
  rig_free(&rig);
}

/* A hundred busy closed loops: one queue serves them all, and moves while it is read. */
static void closed_loops_keep_the_queue_busy(void **state) {
  (void)state;
  static struct rig rig;
  null_group(&rig, 100);
  rig_add_message(&rig, (struct lh_message){.after = LH_AFTER_REPLY,
                                            .source = LH_PAYLOAD_SIZE,
                                            .payload_len = 200,
                                            .reply = {.match = LH_MATCH_ECHO, .within_ns = SEC, .lost_after_ns = 60 * SEC}});
  rig_start(&rig);
  rig_run(&rig, 3 * SEC);
  const struct lh_snapshot *s = rig_snapshot(&rig);
  assert_in_range(s->counters[LH_COUNTER_replied], 13000, 15000);
  assert_int_equal(s->counters[LH_COUNTER_corrupt] + s->counters[LH_COUNTER_lost] + s->counters[LH_COUNTER_duplicate], 0);
  lh_engine_stop(rig.engine, rig.now);
  rig_run(&rig, SEC);
  assert_true(lh_engine_done(rig.engine));
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), 0);
  rig_free(&rig);
}

/* ---- drops ---- */

static uint64_t drops_in_1000_hours(uint64_t seed) {
  static struct rig rig;
  null_group(&rig, 10);
  rig.config.run.seed = seed;
  rig.group.null_drop_rate = 1;
  rig_start(&rig);
  rig_run(&rig, 100 * 3600 * SEC);
  uint64_t drops = rig_counter(&rig, LH_COUNTER_drops);
  const struct lh_snapshot *s = rig_snapshot(&rig);
  assert_int_equal(s->tally_count, 1);
  assert_int_equal(s->tallies[0].count, drops);
  rig_free(&rig);
  return drops;
}

/* 1,000 client-hours at one drop an hour: 1,000 of them, with a standard deviation of 32. */
static void drops_come_at_their_rate_and_follow_the_seed(void **state) {
  (void)state;
  uint64_t drops = drops_in_1000_hours(5);
  assert_in_range(drops, 870, 1130);
  assert_int_equal(drops_in_1000_hours(5), drops);
  assert_int_not_equal(drops_in_1000_hours(6), drops);
}

/* Answers that come after the connection is gone are told to nobody. */
static void answers_do_not_outlive_their_connection(void **state) {
  (void)state;
  static struct rig rig;
  null_group(&rig, 20);
  rig.group.null_service_ns = 5 * SEC;
  rig.group.null_drop_rate = 600; /* every 6 s */
  rig.group.reconnect.first_ns = MS;
  rig.group.ping = (struct lh_ping_config){.every_ns = SEC, .timeout_ns = 10 * SEC};
  rig_add_message(&rig,
                  (struct lh_message){.every_ns = SEC,
                                      .source = LH_PAYLOAD_TEXT,
                                      PAYLOAD("${token}"),
                                      .reply = {.match = LH_MATCH_TOKEN, .within_ns = 8 * SEC, .lost_after_ns = 60 * SEC}});
  rig_start(&rig);
  rig_run(&rig, 100 * SEC);
  assert_true(rig_counter(&rig, LH_COUNTER_lost) > 100);
  assert_true(rig_counter(&rig, LH_COUNTER_replied) > 100);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost_then_replied), 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_duplicate), 0);
  rig_free(&rig);
}

static void a_connection_may_time_out(void **state) {
  (void)state;
  static struct rig rig;
  null_group(&rig, 1);
  rig.group.null_service_ns = 60 * SEC; /* longer than the connect timeout */
  rig_start(&rig);
  rig_run(&rig, 100 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_opened), 0);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_CONNECT_TIMEOUT);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_message_gets_the_reply_it_expects),
      cmocka_unit_test(what_expects_no_reply_gets_none),
      cmocka_unit_test(pings_and_closings_are_answered),
      cmocka_unit_test(a_reply_outlives_the_next_answer),
      cmocka_unit_test(closed_loops_keep_the_queue_busy),
      cmocka_unit_test(drops_come_at_their_rate_and_follow_the_seed),
      cmocka_unit_test(answers_do_not_outlive_their_connection),
      cmocka_unit_test(a_connection_may_time_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
