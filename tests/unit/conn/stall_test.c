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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_ended_meanwhile),
      cmocka_unit_test(deadlines_of_connecting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
