/* The timing wheel: cases by table, then long random runs against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/conn/wheel.h"

#define TICK (UINT64_C(1) << LH_WHEEL_TICK_SHIFT)

static struct lh_wheel *wheel_of(uint32_t count, uint64_t start_ns) {
  struct lh_wheel *w = NULL;
  assert_int_equal(lh_wheel_new(&w, count, start_ns, NULL), 0);
  return w;
}

/* One timer armed at `due` on a wheel made at `start`: not there one ns before `fires`, there at `fires`. */
static void fires_at_first_tick_at_or_past_due(void **state) {
  (void)state;
  static const struct {
    uint64_t start, due, fires;
  } cases[] = {
      {0, 1, TICK},
      {0, TICK, TICK},
      {0, TICK + 1, 2 * TICK},
      {0, 63 * TICK, 63 * TICK},
      {0, 64 * TICK, 64 * TICK},
      {0, 65 * TICK, 65 * TICK},
      {0, 4095 * TICK, 4095 * TICK},
      {0, 4096 * TICK + 1, 4097 * TICK},
      {63 * TICK, 64 * TICK, 64 * TICK},
      {TICK / 2, TICK, TICK},
      {1000 * TICK + 5, 1000 * TICK + 6, 1001 * TICK},
      {12345 * TICK, UINT64_C(1) << 60, UINT64_C(1) << 60},
      {12345 * TICK, (UINT64_C(1) << 63) + 1, (UINT64_C(1) << 63) + TICK},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_wheel *w = wheel_of(3, cases[i].start);
    lh_wheel_set(w, 1, cases[i].due);
    assert_int_equal(lh_wheel_next_ns(w), cases[i].fires);
    assert_int_equal(lh_wheel_pop(w, cases[i].fires - 1), UINT32_MAX);
    assert_int_equal(lh_wheel_pop(w, cases[i].fires), 1);
    assert_int_equal(lh_wheel_pop(w, cases[i].fires), UINT32_MAX);
    assert_int_equal(lh_wheel_next_ns(w), LH_NEVER);
    lh_wheel_free(w);
  }
}

static void times_before_the_start_are_due_at_once(void **state) {
  (void)state;
  struct lh_wheel *w = wheel_of(2, 1000 * TICK);
  lh_wheel_set(w, 0, 0);
  lh_wheel_set(w, 1, 999 * TICK);
  assert_true(lh_wheel_next_ns(w) <= 1000 * TICK);
  assert_int_equal(lh_wheel_pop(w, 1000 * TICK), 0);
  assert_int_equal(lh_wheel_pop(w, 1000 * TICK), 1);
  assert_int_equal(lh_wheel_pop(w, 1000 * TICK), UINT32_MAX);
  lh_wheel_free(w);
}

/* A timer armed during a turn for a time already past waits for the next turn, or a turn could last for ever. */
static void late_timers_wait_for_a_later_now(void **state) {
  (void)state;
  const uint64_t now = 500 * TICK;
  struct lh_wheel *w = wheel_of(2, 0);
  lh_wheel_set(w, 0, TICK);
  assert_int_equal(lh_wheel_pop(w, now), 0);
  lh_wheel_set(w, 0, 2 * TICK);
  lh_wheel_set(w, 1, 300 * TICK);
  assert_int_equal(lh_wheel_pop(w, now), UINT32_MAX);
  assert_int_equal(lh_wheel_next_ns(w), now + 1);
  assert_int_equal(lh_wheel_pop(w, now + 1), 0);
  assert_int_equal(lh_wheel_pop(w, now + 1), 1);
  lh_wheel_free(w);
}

static void moving_and_cancelling(void **state) {
  (void)state;
  struct lh_wheel *w = wheel_of(4, 0);
  for (uint32_t t = 0; t < 4; t++) lh_wheel_set(w, t, 10 * TICK);
  lh_wheel_set(w, 0, LH_NEVER);
  lh_wheel_set(w, 0, LH_NEVER);
  lh_wheel_set(w, 1, 5 * TICK);
  lh_wheel_set(w, 2, 100000 * TICK);
  assert_int_equal(lh_wheel_next_ns(w), 5 * TICK);
  assert_int_equal(lh_wheel_pop(w, 20 * TICK), 1);
  lh_wheel_set(w, 2, LH_NEVER);
  assert_int_equal(lh_wheel_pop(w, 20 * TICK), 3);
  assert_int_equal(lh_wheel_pop(w, UINT64_C(1) << 62), UINT32_MAX);
  assert_int_equal(lh_wheel_next_ns(w), LH_NEVER);
  lh_wheel_free(w);
}

/* Far ahead, timers share a slot of a higher level; the next time is that of its earliest, not the slot's beginning. */
static void the_next_time_is_known_far_ahead(void **state) {
  (void)state;
  struct lh_wheel *w = wheel_of(4, 0);
  lh_wheel_set(w, 0, 4103 * TICK);
  lh_wheel_set(w, 1, 4101 * TICK - 1);
  lh_wheel_set(w, 2, 4102 * TICK);
  assert_int_equal(lh_wheel_next_ns(w), 4101 * TICK);
  lh_wheel_set(w, 1, 9000 * TICK); /* moved away: a time too early at worst */
  assert_true(lh_wheel_next_ns(w) >= 4096 * TICK && lh_wheel_next_ns(w) <= 4102 * TICK);
  assert_int_equal(lh_wheel_pop(w, 4101 * TICK), UINT32_MAX);
  assert_int_equal(lh_wheel_next_ns(w), 4102 * TICK);
  lh_wheel_set(w, 0, LH_NEVER);
  lh_wheel_set(w, 2, LH_NEVER);
  assert_int_equal(lh_wheel_next_ns(w), 9000 * TICK);
  lh_wheel_set(w, 2, 8999 * TICK); /* the slot was empty, and what was there before is forgotten */
  assert_int_equal(lh_wheel_next_ns(w), 8999 * TICK);
  lh_wheel_free(w);
}

static void a_collected_timer_can_be_moved_before_it_is_taken(void **state) {
  (void)state;
  struct lh_wheel *w = wheel_of(3, 0);
  for (uint32_t t = 0; t < 3; t++) lh_wheel_set(w, t, TICK);
  assert_int_equal(lh_wheel_pop(w, 2 * TICK), 0);
  lh_wheel_set(w, 1, 9 * TICK);
  assert_int_equal(lh_wheel_pop(w, 2 * TICK), 2);
  assert_int_equal(lh_wheel_pop(w, 2 * TICK), UINT32_MAX);
  assert_int_equal(lh_wheel_pop(w, 9 * TICK), 1);
  lh_wheel_free(w);
}

static void refuses_more_than_fits(void **state) {
  (void)state;
  struct lh_wheel *w = NULL;
  struct lh_err err;
  assert_true(lh_wheel_new(&w, UINT32_MAX, 0, &err) < 0);
  assert_null(w);
  lh_wheel_free(NULL);
}

/* How far ahead a random timer is set: mostly near, sometimes days. */
static uint64_t random_ahead(uint64_t word) {
  uint32_t bits = 10 + (uint32_t)lh_rng_below(word, 40);
  return lh_rng_below(word * UINT64_C(0x9e3779b97f4a7c15), UINT64_C(1) << bits);
}

enum { TIMERS = 200, STEPS = 40000 };

struct model {
  uint64_t due[TIMERS];    /* what was asked */
  uint64_t set_at[TIMERS]; /* the wheel's time when it was asked */
  bool late[TIMERS];       /* set for a tick already past */
};

static uint64_t tick_up(uint64_t ns) {
  return (ns + TICK - 1) / TICK * TICK;
}

/* Takes all that is due at `now` and checks that it is exactly what the model says. */
static void check_pops(struct lh_wheel *w, struct model *m, uint64_t now) {
  uint64_t before = 0;
  for (uint32_t t; (t = lh_wheel_pop(w, now)) != UINT32_MAX;) {
    assert_true(m->due[t] != LH_NEVER);
    assert_true(m->due[t] <= now);
    if (!m->late[t]) {
      assert_true(tick_up(m->due[t]) <= now);
      assert_true(tick_up(m->due[t]) >= before);
      before = tick_up(m->due[t]);
    }
    m->due[t] = LH_NEVER;
  }
  for (uint32_t t = 0; t < TIMERS; t++)
    if (m->due[t] != LH_NEVER && m->set_at[t] < now) assert_true(tick_up(m->due[t]) > now);
}

static void random_runs_agree_with_a_plain_array(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 5; seed++) {
    print_message("seed %llu\n", (unsigned long long)seed);
    uint64_t now = lh_rng_below(lh_rng_at(seed, LH_RNG_SIM, 0, 0), UINT64_C(1) << 55);
    struct lh_wheel *w = wheel_of(TIMERS, now);
    struct model m;
    for (uint32_t t = 0; t < TIMERS; t++) m.due[t] = LH_NEVER;
    uint64_t floor_tick = now / TICK;
    for (uint64_t i = 0; i < STEPS; i++) {
      uint64_t r = lh_rng_at(seed, LH_RNG_SIM, 1, i);
      uint32_t t = (uint32_t)lh_rng_below(r, TIMERS);
      uint64_t kind = r % 16;
      if (kind < 12) {
        m.due[t] = kind == 0 ? now - lh_rng_below(r, now) : now + random_ahead(lh_rng_at(seed, LH_RNG_SIM, 2, i));
        m.set_at[t] = now;
        m.late[t] = tick_up(m.due[t]) / TICK <= floor_tick;
        lh_wheel_set(w, t, m.due[t]);
      } else if (kind == 12) {
        m.due[t] = LH_NEVER;
        lh_wheel_set(w, t, LH_NEVER);
      } else {
        uint64_t next = lh_wheel_next_ns(w);
        for (uint32_t u = 0; u < TIMERS; u++)
          if (m.due[u] != LH_NEVER && !m.late[u]) assert_true(next <= tick_up(m.due[u]));
        bool jump = kind == 13 && next != LH_NEVER && next > now;
        now = jump ? next : now + 1 + random_ahead(lh_rng_at(seed, LH_RNG_SIM, 3, i));
        check_pops(w, &m, now);
        floor_tick = now / TICK;
      }
    }
    lh_wheel_free(w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fires_at_first_tick_at_or_past_due),
      cmocka_unit_test(times_before_the_start_are_due_at_once),
      cmocka_unit_test(late_timers_wait_for_a_later_now),
      cmocka_unit_test(moving_and_cancelling),
      cmocka_unit_test(the_next_time_is_known_far_ahead),
      cmocka_unit_test(a_collected_timer_can_be_moved_before_it_is_taken),
      cmocka_unit_test(refuses_more_than_fits),
      cmocka_unit_test(random_runs_agree_with_a_plain_array),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
