/* Which known limits lie near a time: of one kind alone, and those that their makers write down first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/timeouts.h"

enum { MOST = 16 };

static void kinds_are_kept_apart(void **state) {
  (void)state;
  const struct lh_timeout *near[MOST];
  static const double seconds[] = {30, 300, 350, 600, 3600, 7200};
  for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
    for (int kind = LH_TIMEOUT_IDLE; kind <= LH_TIMEOUT_LIFETIME; kind++) {
      size_t count = lh_timeouts_near((enum lh_timeout_kind)kind, seconds[i], 0.01, near, MOST);
      for (size_t k = 0; k < count; k++) {
        assert_int_equal(near[k]->kind, kind);
        assert_true(near[k]->seconds * 0.99 <= seconds[i] && seconds[i] <= near[k]->seconds * 1.01);
      }
    }
  assert_int_equal(lh_timeouts_near(LH_TIMEOUT_LIFETIME, 300, 0.01, near, MOST), 1);
  assert_string_equal(near[0]->what, "Cloud Run request timeout");
  assert_int_equal(lh_timeouts_near(LH_TIMEOUT_LIFETIME, 350, 0.01, near, MOST), 0);
}

static void documented_ones_come_first(void **state) {
  (void)state;
  const struct lh_timeout *near[MOST];
  size_t count = lh_timeouts_near(LH_TIMEOUT_IDLE, 500, 0.5, near, MOST), documented = 0;
  assert_true(count > 3);
  while (documented < count && near[documented]->documented) documented++;
  assert_in_range(documented, 1, count - 1);
  for (size_t i = documented; i < count; i++) assert_false(near[i]->documented);
  assert_int_equal(lh_timeouts_near(LH_TIMEOUT_IDLE, 500, 0.5, near, 2), 2); /* room for fewer */
  assert_true(near[0]->documented && near[1]->documented);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_are_kept_apart), cmocka_unit_test(documented_ones_come_first)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
