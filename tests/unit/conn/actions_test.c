/* Planned disturbances: who is ended how, what is counted of it, and what a pause leaves out. */
#include "rig.h"

static void rig_act(struct rig *rig, struct lh_action *action) {
  action->at_ns = 5 * SEC;
  action->group = LH_ALL_GROUPS;
  if (action->share <= 0) action->share = 1;
  rig->config.actions = action;
  rig->config.action_count = 1;
}

static void a_drop_is_no_drop_and_its_outage_stands_apart(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_action action = {.kind = LH_ACTION_DROP};
  rig_make(&rig, 1);
  rig_act(&rig, &action);
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 5 * SEC);
  assert_int_equal(rig.counts[CALL_ABORT], 1);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_DISTURBANCE);
  assert_int_equal(rig_ending(&rig)->stage, LH_STAGE_CLOSING);
  assert_int_equal(rig_state(&rig), LH_CLIENT_WAITING); /* by its policy: 1 s */
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 0);
  rig_run(&rig, SEC + MS);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 1);
  rig_refuse(&rig); /* the server's doing */
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 1);
  rig_run(&rig, 2 * SEC + MS);
  rig_open(&rig);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_reconnects), 1);
  assert_int_equal(rig_hist(&rig, LH_HIST_outage)->count, 0);
  assert_int_equal(rig_hist(&rig, LH_HIST_planned_outage)->count, 1);
  assert_in_range(rig_hist(&rig, LH_HIST_planned_outage)->max_us, 2999000, 3010000);
  rig_run(&rig, 20 * SEC);
  rig_reset(&rig); /* a real one afterwards is one */
  rig_run(&rig, SEC + MS);
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_outage)->count, 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 1);
  rig_free(&rig);
}

static void a_close_has_its_code_and_comes_again(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_action action = {.kind = LH_ACTION_CLOSE, .close_code = 4001, .every_ns = 10 * SEC};
  rig_make(&rig, 1);
  rig_act(&rig, &action);
  rig_start(&rig);
  rig_open(&rig);
  for (size_t n = 1; n <= 3; n++) {
    rig_run(&rig, 5 * SEC);
    assert_int_equal(rig.counts[CALL_CLOSE], n);
    assert_int_equal(rig_last(&rig, CALL_CLOSE)->code, 4001);
    rig_end_with(&rig, LH_REASON_CLOSE_FRAME, 4001);
    assert_int_equal(rig_ending(&rig)->reason, LH_REASON_DISTURBANCE);
    rig_run(&rig, SEC + MS);
    rig_open(&rig);
    rig_run(&rig, 4 * SEC);
  }
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  rig_free(&rig);
}

static void a_pause_plans_nothing(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_action action = {.kind = LH_ACTION_PAUSE, .pause_ns = 5 * SEC};
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){.every_ns = SEC, .timeout_ns = 100 * SEC};
  rig_add_message(&rig, (struct lh_message){.every_ns = SEC, .phase = LH_PHASE_TOGETHER, PAYLOAD("x")});
  rig_act(&rig, &action);
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 5 * SEC - 10 * MS);
  size_t sends = rig.counts[CALL_SEND];
  assert_in_range(sends, 4, 5);
  rig_run(&rig, 5 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], sends);
  size_t pings = rig.counts[CALL_PING];
  rig_run(&rig, 5 * SEC);
  assert_in_range(rig.counts[CALL_SEND], sends + 5, sends + 6);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), rig.counts[CALL_SEND]);
  (void)pings;
  rig_free(&rig);
}

static void a_loop_goes_on_behind_the_pause(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_action action = {.kind = LH_ACTION_PAUSE, .pause_ns = 5 * SEC};
  rig_make(&rig, 1);
  rig_add_message(&rig, (struct lh_message){.after = LH_AFTER_REPLY,
                                            PAYLOAD("${token}"),
                                            .reply = {.match = LH_MATCH_TOKEN, .within_ns = SEC, .lost_after_ns = 60 * SEC}});
  rig_act(&rig, &action);
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 6 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_echo(&rig); /* in the pause: no next one */
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 2);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_drop_is_no_drop_and_its_outage_stands_apart),
      cmocka_unit_test(a_close_has_its_code_and_comes_again),
      cmocka_unit_test(a_pause_plans_nothing),
      cmocka_unit_test(a_loop_goes_on_behind_the_pause),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
