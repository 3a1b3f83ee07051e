/* Mann-Kendall, Sen's slope and the widening against SciPy's stored results (oracle/trend.py). */
#include "oracle/check.h"

#include "analysis/trend.h"

#include "oracle/trend_cases.h"

static void test_against_scipy(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof trend_cases / sizeof trend_cases[0]; i++) {
    const struct trend_case *c = &trend_cases[i];
    struct lh_trend got;
    assert_int_equal(lh_trend_find(c->y, c->count, &got), 0);
    check(c->name, "S", got.s, c->expected.s);
    check(c->name, "z", got.z, c->expected.z);
    check(c->name, "p", got.p, c->expected.p);
    check(c->name, "slope", got.slope, c->expected.slope);
    check(c->name, "low slope", got.slope_low, c->expected.slope_low);
    check(c->name, "high slope", got.slope_high, c->expected.slope_high);
    check(c->name, "level", got.level, c->expected.level);
    check(c->name, "widening", got.widening, c->expected.widening);
  }
}

/* Of many series without a trend about one in a hundred passes at 1 %: white noise, and noise with memory, on which the
 * plain test would cry wolf far more often. */
static void test_false_alarms(void **state) {
  (void)state;
  for (int with_memory = 0; with_memory < 2; with_memory++) {
    int alarms = 0, rounds = 400;
    uint64_t word = 42;
    for (int round = 0; round < rounds; round++) {
      double y[120], rest = 0;
      for (int i = 0; i < 120; i++) {
        double sum = 0;
        for (int n = 0; n < 4; n++) {
          word = word * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
          sum += (double)(word >> 11) / 9007199254740992.0 - 0.5;
        }
        rest = (with_memory ? 0.5 : 0) * rest + sum;
        y[i] = 100 + rest;
      }
      struct lh_trend trend;
      assert_int_equal(lh_trend_find(y, 120, &trend), 0);
      alarms += trend.p < 0.01;
    }
    assert_true(alarms <= rounds * 3 / 100);
    assert_true(alarms > 0); /* else the test would never find anything */
  }
}

static void test_median(void **state) {
  (void)state;
  double odd[] = {5, 1, 3}, even[] = {4, 1, 3, 2}, one[] = {7};
  assert_true(lh_median(odd, 3) == 3);
  assert_true(lh_median(even, 4) == 2.5);
  assert_true(lh_median(one, 1) == 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_scipy), cmocka_unit_test(test_false_alarms),
                                     cmocka_unit_test(test_median)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
