/* Pings, pongs, and doing nothing when nothing is due. */
#include "rig.h"

/* ---- pings ---- */

static void pongs_answer_pings(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){.every_ns = 20 * SEC, .timeout_ns = 10 * SEC};
  rig_start(&rig);
  rig_open(&rig);
  for (int i = 0; i < 5; i++) {
    size_t before = rig.counts[CALL_PING];
    while (rig.counts[CALL_PING] == before) rig_run(&rig, 100 * MS);
    const struct call *ping = rig_last(&rig, CALL_PING);
    lh_engine_on_pong(rig.engine, 0, ping->cookie + 1, rig.now); /* another's: counts nothing */
    assert_int_equal(rig_counter(&rig, LH_COUNTER_pongs), i);
    rig_run(&rig, 3 * SEC);
    lh_engine_on_pong(rig.engine, 0, ping->cookie, rig.now);
    lh_engine_on_pong(rig.engine, 0, ping->cookie, rig.now); /* once more: counts nothing */
    assert_int_equal(rig_counter(&rig, LH_COUNTER_pongs), i + 1);
  }
  assert_int_equal(rig_counter(&rig, LH_COUNTER_pings_sent), 5);
  assert_in_range(rig_hist(&rig, LH_HIST_ping)->max_us, 3000000, 3100000);
  const struct call *first = NULL, *last = rig_last(&rig, CALL_PING);
  for (size_t i = 0; i < rig.call_count && !first; i++)
    if (rig.calls[i].kind == CALL_PING) first = &rig.calls[i];
  assert_in_range(last->at_ns - first->at_ns, 80 * SEC - MS, 80 * SEC + MS);
  rig_free(&rig);
}

/* The time to detect counts from the last byte of whatever kind, not from the ping. */
static void silence_counts_from_the_last_sign_of_life(void **state) {
  (void)state;
  static const struct {
    enum { NOTHING, MESSAGE, PEER_PING, PONG_OF_BEFORE } last;
    uint64_t heard_after_ms; /* its opening */
  } rows[] = {{NOTHING, 0}, {MESSAGE, 4000}, {PEER_PING, 7500}, {PONG_OF_BEFORE, 21000}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    static struct rig rig;
    rig_make(&rig, 1);
    rig.group.ping = (struct lh_ping_config){.every_ns = 20 * SEC, .timeout_ns = 10 * SEC};
    rig_start(&rig);
    rig_open(&rig);
    const uint64_t opened_ns = rig.now;
    rig_run(&rig, rows[i].heard_after_ms * MS);
    if (rows[i].last == MESSAGE) rig_hear(&rig, "hello", 5);
    if (rows[i].last == PEER_PING) lh_engine_on_peer_ping(rig.engine, 0, rig.now);
    if (rows[i].last == PONG_OF_BEFORE) lh_engine_on_pong(rig.engine, 0, rig_last(&rig, CALL_PING)->cookie, rig.now);
    while (rig.ending_count == 0) rig_run(&rig, 100 * MS);
    assert_int_equal(rig_ending(&rig)->reason, LH_REASON_SILENT_PEER);
    uint64_t silent_us = (rig_ending(&rig)->at_ns - opened_ns) / 1000 - rows[i].heard_after_ms * 1000;
    assert_int_equal(rig_hist(&rig, LH_HIST_detect)->count, 1);
    assert_in_range(rig_hist(&rig, LH_HIST_detect)->max_us, silent_us, silent_us + 1);
    assert_int_equal(rig_ending(&rig)->idle_ns / 1000, silent_us);
    rig_free(&rig);
  }
}

static void a_full_socket_does_not_hide_a_dead_peer(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){.every_ns = 20 * SEC, .timeout_ns = 10 * SEC};
  rig.ping_result = LH_SEND_CHOKED;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 31 * SEC);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_SILENT_PEER);
  assert_string_equal(rig_ending(&rig)->text, "socket full");
  assert_int_equal(rig_counter(&rig, LH_COUNTER_pings_sent), 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_choked), 1);
  rig_free(&rig);
}

static void a_held_ping_goes_out_when_there_is_room(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){.every_ns = 20 * SEC, .timeout_ns = 10 * SEC};
  rig.ping_result = LH_SEND_CHOKED;
  rig_start(&rig);
  rig_open(&rig);
  while (rig_counter(&rig, LH_COUNTER_choked) == 0) rig_run(&rig, 100 * MS);
  rig_run(&rig, 8 * SEC);
  rig.ping_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig.counts[CALL_PING], 1);
  rig_run(&rig, 8 * SEC); /* the deadline counts from there */
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  lh_engine_on_pong(rig.engine, 0, rig_last(&rig, CALL_PING)->cookie, rig.now);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  rig_free(&rig);
}

static void a_full_socket_is_not_offered_a_ping(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){.every_ns = 20 * SEC, .timeout_ns = 10 * SEC};
  rig_add_message(&rig, (struct lh_message){.after = LH_AFTER_OPEN, .source = LH_PAYLOAD_TEXT, PAYLOAD("x")});
  rig.send_result = LH_SEND_CHOKED;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 20 * SEC);
  assert_int_equal(rig.counts[CALL_PING], 0);
  rig.send_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  rig_run(&rig, 20 * SEC);
  assert_true(rig.counts[CALL_PING] > 0);
  rig_free(&rig);
}

/* Pings more often than their timeout: each goes out when it is due, as long as the one before was answered. */
static void pings_may_be_close(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){.every_ns = 2 * SEC, .timeout_ns = 10 * SEC};
  rig_start(&rig);
  rig_open(&rig);
  for (size_t answered = 0, steps = 0; steps < 300; steps++) {
    rig_run(&rig, 100 * MS);
    if (rig.counts[CALL_PING] == answered) continue;
    answered++;
    lh_engine_on_pong(rig.engine, 0, rig_last(&rig, CALL_PING)->cookie, rig.now);
  }
  assert_int_equal(rig.counts[CALL_PING], 15);
  rig_run(&rig, 7 * SEC); /* unanswered: one, and those that fall due meanwhile are left out */
  assert_int_equal(rig.counts[CALL_PING], 16);
  rig_free(&rig);
}

static void kinds_without_pings_or_closing(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){.every_ns = 20 * SEC, .timeout_ns = 10 * SEC};
  rig.group.lifetime_ns = 60 * SEC;
  rig.io.ping = NULL;
  rig.io.close = NULL;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 61 * SEC);
  assert_int_equal(rig.counts[CALL_ABORT], 1);
  assert_int_equal(rig_ending(&rig)->stage, LH_STAGE_CLOSING);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LIFETIME);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  rig_free(&rig);
}

/* ---- nothing due, nothing done ---- */

static void idle_clients_need_no_turn(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 100);
  rig_start(&rig);
  for (uint32_t slot = 0; slot < 100; slot++) lh_engine_on_open(rig.engine, slot, 0, rig.now);
  rig_run(&rig, 11 * SEC); /* the connect timeouts that were armed come to nothing */
  assert_int_equal(lh_engine_next_ns(rig.engine), LH_NEVER);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_open), 100);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pongs_answer_pings),
      cmocka_unit_test(silence_counts_from_the_last_sign_of_life),
      cmocka_unit_test(a_full_socket_does_not_hide_a_dead_peer),
      cmocka_unit_test(a_held_ping_goes_out_when_there_is_room),
      cmocka_unit_test(a_full_socket_is_not_offered_a_ping),
      cmocka_unit_test(pings_may_be_close),
      cmocka_unit_test(kinds_without_pings_or_closing),
      cmocka_unit_test(idle_clients_need_no_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
