#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "run/timewatch.h"

/* How far each clock went on, in ms, and what is to be found. */
static const struct {
  const char *name;
  int64_t ran_ms, boot_ms, wall_ms;
  uint64_t suspended_ms;
  int64_t stepped_ms;
} rows[] = {
    {"an ordinary second", 1000, 1000, 1000, 0, 0},
    {"the clock is disciplined", 1000, 1000, 1499, 0, 0},
    {"just at the limit", 1000, 1000, 1500, 0, 0},
    {"set forward by an hour", 1000, 1000, 3601000, 0, 3600000},
    {"set back by a second", 1000, 1000, 0, 0, -1000},
    {"asleep for a minute", 1000, 61000, 61000, 60000, 0},
    {"asleep for a minute, and the clock did not know", 1000, 61000, 1000, 60000, -60000},
    {"a short nap", 1000, 1400, 1400, 0, 0},
};

static void test_rows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lh_timewatch watch = {.last = {50 * LH_NS_PER_S, 70 * LH_NS_PER_S, 1700000000000000}};
    struct lh_reading next = {watch.last.now_ns + (uint64_t)rows[i].ran_ms * LH_NS_PER_MS,
                              watch.last.boot_ns + (uint64_t)rows[i].boot_ms * LH_NS_PER_MS,
                              watch.last.wall_us + rows[i].wall_ms * 1000};
    struct lh_timechange change = lh_timewatch_look(&watch, next);
    if (change.suspended_ns != rows[i].suspended_ms * LH_NS_PER_MS) print_message("%s\n", rows[i].name);
    assert_int_equal(change.suspended_ns, rows[i].suspended_ms * LH_NS_PER_MS);
    assert_int_equal(change.stepped_ns, rows[i].stepped_ms * (int64_t)LH_NS_PER_MS);
    assert_int_equal(watch.last.now_ns, next.now_ns);
  }
}

/* Slow drift between readings never adds up to a step. */
static void test_drift(void **state) {
  (void)state;
  struct lh_timewatch watch = {.last = {0, 0, 0}};
  for (int i = 1; i <= 1000; i++) {
    struct lh_reading r = {(uint64_t)i * LH_NS_PER_S, (uint64_t)i * LH_NS_PER_S, i * INT64_C(1000500)};
    assert_int_equal(lh_timewatch_look(&watch, r).stepped_ns, 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_drift)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
