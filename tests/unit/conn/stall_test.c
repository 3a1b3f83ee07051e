/* What ended while our own loop stood still is the tester's, and only that. */
#include "rig.h"

static void ended(struct rig *rig, uint32_t slot, enum lh_reason reason, int code) {
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = (uint8_t)reason, .code = code};
  lh_engine_on_ended(rig->engine, slot, &seen, rig->now);
}

/* The loop stood still for so long, until now. */
static void stall(struct rig *rig, uint64_t lasted_ns) {
  uint64_t from_ns = rig->now;
  rig->now += lasted_ns;
  lh_engine_on_stall(rig->engine, from_ns, rig->now);
}

static void what_ended_meanwhile(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 4);
  rig_start(&rig);
  for (uint32_t slot = 0; slot < 3; slot++) lh_engine_on_open(rig.engine, slot, 0, rig.now);
  rig_run(&rig, SEC);
  stall(&rig, 3 * SEC);
  ended(&rig, 0, LH_REASON_RST, 104);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LOOP_STALLED);
  assert_int_equal(rig_ending(&rig)->stage, LH_STAGE_OPEN);
  assert_int_equal(rig_ending(&rig)->code, 0);
  assert_string_equal(rig_ending(&rig)->text, "RST 104, seen after 3.00 s without our own loop");
  ended(&rig, 3, LH_REASON_FIN, 0); /* still connecting */
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LOOP_STALLED);
  rig.now += 40 * MS;
  ended(&rig, 1, LH_REASON_FIN, 0);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LOOP_STALLED);
  rig.now += 20 * MS; /* seen too late to have come meanwhile */
  ended(&rig, 2, LH_REASON_FIN, 0);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_FIN);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 3);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_tester_drops), 2);
  rig_free(&rig);
}

/* A deadline of connecting that passed meanwhile says nothing of the target; one that passed before does. */
static void deadlines_of_connecting(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.connect_timeout_ns = 2 * SEC;
  rig_start(&rig);
  rig_run(&rig, SEC);
  stall(&rig, 5 * SEC);
  lh_engine_turn(rig.engine, rig.now);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LOOP_STALLED);
  assert_string_equal(rig_ending(&rig)->text, "resolve timeout"); /* how far it had come */
  rig_run(&rig, 60 * SEC); /* the next attempts time out by themselves */
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_RESOLVE_TIMEOUT);
  rig_free(&rig);
}

/* What a connection of before a suspension comes to is the tester's until it was heard of again, or for 15 minutes. */
static void what_did_not_outlive_a_suspension(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 6);
  rig.group.ping.every_ns = 30 * SEC;
  rig.group.ping.timeout_ns = 10 * SEC;
  rig_start(&rig);
  for (uint32_t slot = 0; slot < 5; slot++) lh_engine_on_open(rig.engine, slot, 0, rig.now);
  rig_run(&rig, SEC);
  rig.now += MS;
  lh_engine_on_suspension(rig.engine, 600 * SEC, rig.now);
  rig.now += 200 * MS;
  ended(&rig, 0, LH_REASON_RST, 104);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LOOP_STALLED);
  assert_string_equal(rig_ending(&rig)->text, "RST 104, seen after the machine was suspended for 10 min 0 s");
  ended(&rig, 5, LH_REASON_FIN, 0); /* still connecting */
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LOOP_STALLED);
  lh_engine_on_data(rig.engine, 1, 2, rig.now); /* alive */
  ended(&rig, 1, LH_REASON_RST, 104);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_RST);
  rig_run(&rig, 60 * SEC); /* nobody answers the pings */
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 5);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_tester_drops), 4);
  rig_free(&rig);
}

/* Long after it an end is what it seems. */
static void long_after_a_suspension(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  rig_open(&rig);
  lh_engine_on_suspension(rig.engine, 600 * SEC, rig.now += SEC);
  rig_run(&rig, 901 * SEC);
  ended(&rig, 0, LH_REASON_FIN, 0);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_FIN);
  rig_free(&rig);
}

/* CLOCK_MONOTONIC stood still, the wall clock did not. */
static void the_wall_clock_goes_on_in_a_suspension(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, (struct lh_message){.every_ns = SEC, .source = LH_PAYLOAD_TEXT, PAYLOAD("${time_ms}")});
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, SEC);
  const long long before = strtoll(rig_last(&rig, CALL_SEND)->bytes, NULL, 10);
  lh_engine_on_suspension(rig.engine, 600 * SEC, rig.now);
  rig_run(&rig, SEC);
  assert_int_equal(strtoll(rig_last(&rig, CALL_SEND)->bytes, NULL, 10), before + 601000);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_ended_meanwhile),
      cmocka_unit_test(deadlines_of_connecting),
      cmocka_unit_test(what_did_not_outlive_a_suspension),
      cmocka_unit_test(long_after_a_suspension),
      cmocka_unit_test(the_wall_clock_goes_on_in_a_suspension),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
