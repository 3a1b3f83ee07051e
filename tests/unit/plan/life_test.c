/* Reconnect waits, lifetimes, pings, and the connect-rate cap. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/plan/plan.h"

#define S LH_NS_PER_S
#define MS LH_NS_PER_MS

static void backoff_grows_to_its_limit(void **state) {
  (void)state;
  static const struct {
    uint64_t first, max;
    double factor;
    uint32_t attempt;
    uint64_t wait;
  } cases[] = {
      {500 * MS, 30 * S, 2, 1, 500 * MS},
      {500 * MS, 30 * S, 2, 2, S},
      {500 * MS, 30 * S, 2, 6, 16 * S},
      {500 * MS, 30 * S, 2, 7, 30 * S},
      {500 * MS, 30 * S, 2, UINT32_MAX, 30 * S},
      {500 * MS, 30 * S, 1, UINT32_MAX, 500 * MS},
      {100 * MS, 30 * S, 1.5, 3, 225 * MS},
      {60 * S, 30 * S, 2, 1, 30 * S},
      {0, 30 * S, 2, 9, 0},
      {0, 30 * S, 2, 5000, 0},
      {500 * MS, 0, 2, 8, 64 * S}, /* no limit */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_reconnect_config r = {
        .first_ns = cases[i].first, .max_ns = cases[i].max, .factor = cases[i].factor, .jitter = LH_BACKOFF_NONE};
    assert_int_equal(lh_plan_backoff_ns(&r, 1, 2, 3, 4, cases[i].attempt), cases[i].wait);
  }
}

static void backoff_jitter_fills_its_range(void **state) {
  (void)state;
  struct lh_reconnect_config r = {.first_ns = 8 * S, .max_ns = 30 * S, .factor = 2};
  for (int full = 0; full < 2; full++) {
    r.jitter = full ? LH_BACKOFF_FULL : LH_BACKOFF_EQUAL;
    uint64_t low = full ? 0 : 4 * S, least = UINT64_MAX, most = 0;
    unsigned bins[10] = {0};
    for (uint32_t client = 0; client < 10000; client++) {
      uint64_t wait = lh_plan_backoff_ns(&r, 5, 0, client, 1, 1);
      assert_in_range(wait, low, 8 * S);
      if (wait < least) least = wait;
      if (wait > most) most = wait;
      bins[(wait - low) * 10 / (8 * S - low + 1)]++;
    }
    assert_true(least < low + 20 * MS && most > 8 * S - 20 * MS);
    for (int i = 0; i < 10; i++) assert_in_range(bins[i], 850, 1150);
  }
  uint64_t wait = lh_plan_backoff_ns(&r, 5, 0, 1, 1, 1);
  assert_int_equal(lh_plan_backoff_ns(&r, 5, 0, 1, 1, 1), wait);
  assert_true(lh_plan_backoff_ns(&r, 6, 0, 1, 1, 1) != wait); /* another seed, group, client, connection */
  assert_true(lh_plan_backoff_ns(&r, 5, 1, 1, 1, 1) != wait);
  assert_true(lh_plan_backoff_ns(&r, 5, 0, 2, 1, 1) != wait);
  assert_true(lh_plan_backoff_ns(&r, 5, 0, 1, 2, 1) != wait);
}

static void lifetimes_vary_by_their_jitter(void **state) {
  (void)state;
  struct lh_group group = {0};
  assert_true(lh_plan_lifetime_ns(&group, 1, 0, 0, 1) == LH_NEVER);
  group.lifetime_ns = 600 * S;
  assert_int_equal(lh_plan_lifetime_ns(&group, 1, 0, 0, 1), 600 * S);
  group.lifetime_jitter = 0.2;
  double sum = 0;
  uint64_t least = LH_NEVER, most = 0;
  for (uint32_t i = 0; i < 10000; i++) {
    uint64_t lifetime = lh_plan_lifetime_ns(&group, 1, 0, i / 2, 1 + i % 2);
    assert_in_range(lifetime, 540 * S, 660 * S);
    if (lifetime < least) least = lifetime;
    if (lifetime > most) most = lifetime;
    sum += (double)lifetime / 1e9;
  }
  assert_float_equal(sum / 10000, 600, 1.5);
  assert_true(least < 541 * S && most > 659 * S);
  group.lifetime_jitter = 1;
  for (uint32_t i = 0; i < 10000; i++) assert_in_range(lh_plan_lifetime_ns(&group, 1, 0, i, 1), 300 * S, 900 * S);
}

static void pings_are_spread_over_their_period(void **state) {
  (void)state;
  struct lh_group group = {0};
  assert_true(lh_plan_ping_offset_ns(&group, 1, 0, 0, 1) == LH_NEVER);
  group.ping.every_ns = 30 * S;
  group.ping.phase = LH_PING_OPEN;
  assert_int_equal(lh_plan_ping_offset_ns(&group, 1, 0, 7, 1), 30 * S);
  group.ping.phase = LH_PING_SPREAD;
  unsigned bins[30] = {0};
  for (uint32_t i = 0; i < 30000; i++) {
    uint64_t offset = lh_plan_ping_offset_ns(&group, 1, 0, i, 1);
    assert_true(offset < 30 * S);
    bins[offset / S]++;
  }
  for (int i = 0; i < 30; i++) assert_in_range(bins[i], 850, 1150);
}

/* ---- the connect-rate cap ---- */

/* What the cap lets through when it is asked whenever it says so, over `span`. */
static uint64_t taken_in(struct lh_rate *rate, uint64_t from, uint64_t span) {
  uint64_t count = 0, ready = 0;
  for (uint64_t now = from; now < from + span; now = ready) {
    while (lh_rate_take(rate, now, &ready)) count++;
    assert_true(ready > now);
  }
  return count;
}

static void a_rate_is_exact_over_long_times(void **state) {
  (void)state;
  static const struct {
    double per_second;
    uint64_t seconds;
  } cases[] = {{1, 100000}, {3, 100000}, {7.3, 50000}, {0.01, 1000000}, {4999, 200}, {30000.0 / 7, 200}, {333333, 5}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_rate rate = lh_rate_make(cases[i].per_second);
    uint64_t start = 5 * S, burst = (uint64_t)(cases[i].per_second / 100),
             exact = (uint64_t)(cases[i].per_second * (double)cases[i].seconds);
    uint64_t count = taken_in(&rate, start, cases[i].seconds * S);
    assert_in_range(count, exact - 1, exact + (burst ? burst : 1));
  }
}

/* A timing wheel asks at its ticks and not when it was told to: that must not slow the cap down. */
static void ticks_do_not_slow_a_rate(void **state) {
  (void)state;
  static const double rates[] = {1, 30, 62.5, 100, 150, 199, 200, 500, 1234.5, 5000, 20000};
  const uint64_t tick = UINT64_C(1) << 19, seconds = 60;
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    struct lh_rate rate = lh_rate_make(rates[i]);
    uint64_t count = 0, ready = 0, exact = (uint64_t)(rates[i] * (double)seconds), burst = (uint64_t)(rates[i] / 100);
    for (uint64_t now = 0; now < seconds * S; now += tick)
      while (now >= ready && lh_rate_take(&rate, now, &ready)) count++;
    assert_in_range(count, exact - 1 - burst, exact + (burst ? burst : 1));
  }
}

static void no_burst_is_longer_than_ten_ms(void **state) {
  (void)state;
  static const struct {
    double per_second;
    uint64_t burst;
  } cases[] = {{1, 1}, {50, 1}, {100, 1}, {199, 1}, {200, 2}, {5000, 50}, {100000, 1000}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_rate rate = lh_rate_make(cases[i].per_second);
    uint64_t ready, count = 0, now = 1000 * S;
    while (lh_rate_take(&rate, now, &ready)) count++;
    assert_int_equal(count, cases[i].burst);
    assert_in_range(ready, now + 1, now + (uint64_t)(1e9 / cases[i].per_second) + 1);
    now += 3600 * S; /* an hour of rest earns no more */
    for (count = 0; lh_rate_take(&rate, now, &ready); count++) {
    }
    assert_int_equal(count, cases[i].burst);
  }
}

/* However it is asked, no window holds more than its rate and one burst. */
static void no_window_exceeds_the_rate(void **state) {
  (void)state;
  enum { MOST = 200000 };
  uint64_t *taken = calloc(MOST, sizeof *taken);
  for (uint64_t round = 0; round < 20; round++) {
    double per_second = 1 + (double)lh_rng_below(lh_rng_at(1, LH_RNG_SIM, round, 0), round % 2 ? 20000 : 300);
    struct lh_rate rate = lh_rate_make(per_second);
    uint64_t now = 0, ready;
    size_t count = 0;
    for (uint64_t i = 0; i < 20000 && count + 1000 < MOST; i++) {
      uint64_t word = lh_rng_at(1, LH_RNG_SIM, round, 1 + i);
      now += lh_rng_below(word, word % 50 ? 2 * MS : 300 * MS);
      for (uint64_t tries = word % 40; tries > 0 && lh_rate_take(&rate, now, &ready); tries--) taken[count++] = now;
    }
    double burst = per_second / 100 < 2 ? 1 + per_second / 1000 : per_second / 100; /* 1 ms made good */
    for (size_t i = 0; i < count; i++)
      for (size_t k = i; k < count && k < i + 3000; k += 37)
        assert_true((double)(k - i + 1) <= per_second * (double)(taken[k] - taken[i]) / 1e9 + burst + 1e-6);
  }
  free(taken);
}

static void no_rate_is_no_cap(void **state) {
  (void)state;
  static const double rates[] = {0, -1, 2e9, 1e300};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    struct lh_rate rate = lh_rate_make(rates[i]);
    uint64_t ready = 7;
    for (int k = 0; k < 1000; k++) assert_true(lh_rate_take(&rate, 0, &ready));
    assert_int_equal(ready, 7);
  }
  struct lh_rate slow = lh_rate_make(1e-300);
  uint64_t ready = 0;
  assert_true(lh_rate_take(&slow, 0, &ready));
  assert_false(lh_rate_take(&slow, UINT64_C(1) << 61, &ready));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(backoff_grows_to_its_limit),
      cmocka_unit_test(backoff_jitter_fills_its_range),
      cmocka_unit_test(lifetimes_vary_by_their_jitter),
      cmocka_unit_test(pings_are_spread_over_their_period),
      cmocka_unit_test(a_rate_is_exact_over_long_times),
      cmocka_unit_test(ticks_do_not_slow_a_rate),
      cmocka_unit_test(no_burst_is_longer_than_ten_ms),
      cmocka_unit_test(no_window_exceeds_the_rate),
      cmocka_unit_test(no_rate_is_no_cap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
