/* Who may connect when: rate cap, handshakes under way, and a turn's share. */
#include "rig.h"

static void the_rate_cap_holds_and_is_fair(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 40);
  rig.config.run.connect_rate = 20;
  rig.args.workers = 2; /* 10 a second for this one */
  rig_start(&rig);
  rig_run(&rig, SEC - MS);
  assert_in_range(rig.counts[CALL_CONNECT], 9, 11);
  assert_in_range(rig_counter(&rig, LH_COUNTER_rate_waits), 39, 40);
  assert_in_range(rig_gauge(&rig, LH_GAUGE_waiting), 29, 31);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 40);
  bool seen[40] = {false};
  for (size_t i = 0; i < rig.call_count; i++) {
    assert_false(seen[rig.calls[i].slot]);
    seen[rig.calls[i].slot] = true;
  }
  rig_free(&rig);
}

static void no_more_handshakes_than_asked_at_once(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 10);
  rig.config.run.connecting_max = 5;
  rig.args.workers = 2; /* 3 for this one */
  rig_start(&rig);
  rig_run(&rig, SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 3);
  for (uint32_t done = 0; done < 10; done++) {
    uint32_t slot = rig.calls[done].slot;
    lh_engine_on_open(rig.engine, slot, 0, rig.now);
    if (done < 7) assert_true(lh_engine_next_ns(rig.engine) <= rig.now + MS);
    rig_run(&rig, MS);
    assert_int_equal(rig_gauge(&rig, LH_GAUGE_connecting), done + 4 <= 10 ? 3 : 9 - done);
  }
  assert_int_equal(rig_counter(&rig, LH_COUNTER_rate_waits), 7);
  rig_free(&rig);
}

/* Failing at once from within connect, a whole herd: no recursion, no more than the turn's share, and the queue goes on. */
static void a_herd_that_fails_at_once(void **state) {
  (void)state;
  static struct rig rig;
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_NO_DESCRIPTOR, .code = 24};
  rig_make(&rig, 60);
  rig.config.run.connecting_max = 2;
  rig.fails_at_once = &seen;
  rig_start(&rig);
  rig_run(&rig, 10 * MS);
  assert_int_equal(rig.counts[CALL_CONNECT], 60);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_waiting), 60);
  assert_int_equal(rig_snapshot(&rig)->tallies[0].count, 60);
  rig_free(&rig);
}

static void a_queued_client_may_leave(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 2);
  rig.config.run.connecting_max = 1;
  const struct lh_stage_point points[] = {{0, 2}, {SEC, 2}, {SEC, 1}, {2 * SEC, 1}, {2 * SEC, 2}};
  memcpy(rig.points, points, sizeof points);
  rig.group.ramp.count = 5;
  rig_start(&rig);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_WAITING);
  rig_run(&rig, SEC);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_FINISHED);
  rig_run(&rig, SEC);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_WAITING);
  rig_open(&rig);
  rig_run(&rig, MS);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_CONNECTING);
  assert_int_equal(rig.counts[CALL_CONNECT], 2);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_rate_waits), 1); /* it had kept its place */
  rig_free(&rig);
}

/* There is room, and a client becomes ready before the queue is served: it goes behind those that wait. */
static void nobody_overtakes_the_queue(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 3);
  rig.config.run.connecting_max = 1;
  rig_start(&rig);
  rig_refuse(&rig); /* slot 0, back in a second */
  uint64_t back_ns = rig.now + SEC;
  rig_run(&rig, MS);
  assert_int_equal(rig_last(&rig, CALL_CONNECT)->slot, 1);
  rig.now = back_ns - 1; /* within one tick of the wheel */
  lh_engine_on_open(rig.engine, 1, 0, rig.now);
  rig.now += MS;
  lh_engine_turn(rig.engine, rig.now);
  assert_int_equal(rig_last(&rig, CALL_CONNECT)->slot, 2);
  assert_int_equal(rig_state(&rig), LH_CLIENT_WAITING);
  rig_free(&rig);
}

static void a_turn_leaves_room_for_reading(void **state) {
  (void)state;
  static struct rig rig;
  enum { MANY = 400 };
  rig_make(&rig, MANY);
  rig_start(&rig);
  assert_int_equal(rig.counts[CALL_CONNECT], MANY);
  size_t at_once = 0;
  for (size_t i = 0; i < MANY; i++) at_once += rig.calls[i].at_ns == rig.calls[0].at_ns;
  assert_int_equal(at_once, LH_ENGINE_TURN_MAX);
  rig_free(&rig);
}

/* Two groups, one of them on a target with limits: its clients wait, and the other's do not wait for them. */
static struct lh_target limited[2];

static void limits(struct rig *rig, struct lh_target target) {
  static struct lh_group groups[2];
  rig_make(rig, 20);
  limited[0] = target;
  limited[1] = (struct lh_target){0};
  rig->config.targets = limited;
  rig->config.target_count = 2;
  groups[0] = groups[1] = rig->group;
  groups[0].target = 0;
  groups[1].target = 1;
  rig->config.groups = groups;
  rig->config.group_count = 2;
}

static uint32_t count_in(const struct rig *rig, uint32_t group, enum lh_client_state state) {
  uint32_t count = 0;
  for (uint32_t slot = 0; slot < lh_engine_client_count(rig->engine); slot++)
    count += lh_engine_group_of(rig->engine, slot) == group && lh_engine_state_of(rig->engine, slot) == state;
  return count;
}

static void a_target_takes_so_many_connections(void **state) {
  (void)state;
  static struct rig rig;
  limits(&rig, (struct lh_target){.connections_max = 7});
  rig_start(&rig);
  rig_run(&rig, SEC);
  assert_int_equal(count_in(&rig, 0, LH_CLIENT_CONNECTING), 7);
  assert_int_equal(count_in(&rig, 0, LH_CLIENT_WAITING), 13);
  assert_int_equal(count_in(&rig, 1, LH_CLIENT_CONNECTING), 20);
  for (uint32_t slot = 0; slot < 40; slot++)
    if (lh_engine_state_of(rig.engine, slot) == LH_CLIENT_CONNECTING) lh_engine_on_open(rig.engine, slot, 0, rig.now);
  rig_run(&rig, SEC);
  assert_int_equal(count_in(&rig, 0, LH_CLIENT_OPEN), 7);
  assert_int_equal(count_in(&rig, 0, LH_CLIENT_WAITING), 13);
  for (uint32_t slot = 0, ended = 0; ended < 3; slot++) {
    const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_RST};
    if (lh_engine_group_of(rig.engine, slot) != 0 || lh_engine_state_of(rig.engine, slot) != LH_CLIENT_OPEN) continue;
    lh_engine_on_ended(rig.engine, slot, &seen, rig.now);
    ended++;
  }
  rig_run(&rig, 2 * MS); /* who waited longest goes at once, before any backoff is over */
  assert_int_equal(count_in(&rig, 0, LH_CLIENT_CONNECTING), 3);
  assert_int_equal(count_in(&rig, 0, LH_CLIENT_OPEN), 4);
  rig_free(&rig);
}

static void workers_share_a_targets_connections(void **state) {
  (void)state;
  uint32_t sum = 0;
  for (uint32_t worker = 0; worker < 3; worker++) {
    static struct rig rig;
    limits(&rig, (struct lh_target){.connections_max = 7});
    rig.args.workers = 3;
    rig.args.slice = lh_plan_slice(0, 1, worker, 3);
    rig_start(&rig);
    rig_run(&rig, SEC);
    sum += count_in(&rig, 0, LH_CLIENT_CONNECTING);
    rig_free(&rig);
  }
  assert_int_equal(sum, 7);
}

static void a_target_has_its_own_rate(void **state) {
  (void)state;
  static struct rig rig;
  limits(&rig, (struct lh_target){.connect_rate = 10});
  rig_start(&rig);
  rig_run(&rig, 5 * MS);
  assert_int_equal(count_in(&rig, 1, LH_CLIENT_CONNECTING), 20);
  rig_run(&rig, SEC - 10 * MS);
  assert_in_range(count_in(&rig, 0, LH_CLIENT_CONNECTING), 9, 11);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(count_in(&rig, 0, LH_CLIENT_CONNECTING), 20);
  rig_free(&rig);
}

/* What the run's cap refuses does not use up the target's. */
static void both_rates_hold(void **state) {
  (void)state;
  static struct rig rig;
  limits(&rig, (struct lh_target){.connect_rate = 8});
  rig.config.run.connect_rate = 10;
  rig_start(&rig);
  rig_run(&rig, SEC);
  uint32_t own = count_in(&rig, 0, LH_CLIENT_CONNECTING), all = own + count_in(&rig, 1, LH_CLIENT_CONNECTING);
  assert_in_range(all, 9, 11);
  assert_in_range(own, 4, 8);
  rig_run(&rig, 5 * SEC);
  assert_int_equal(count_in(&rig, 0, LH_CLIENT_CONNECTING) + count_in(&rig, 1, LH_CLIENT_CONNECTING), 40);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_rate_cap_holds_and_is_fair),
      cmocka_unit_test(no_more_handshakes_than_asked_at_once),
      cmocka_unit_test(a_target_takes_so_many_connections),
      cmocka_unit_test(workers_share_a_targets_connections),
      cmocka_unit_test(a_target_has_its_own_rate),
      cmocka_unit_test(both_rates_hold),
      cmocka_unit_test(a_herd_that_fails_at_once),
      cmocka_unit_test(a_queued_client_may_leave),
      cmocka_unit_test(nobody_overtakes_the_queue),
      cmocka_unit_test(a_turn_leaves_room_for_reading),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
