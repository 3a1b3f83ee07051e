/* When the supervisor writes a planned disturbance down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "run/disturb.h"

#define S LH_NS_PER_S

/* The second is one that a resumed run has behind it. */
static struct lh_action actions[] = {{.at_ns = 40 * S, .every_ns = 25 * S}, {.at_ns = LH_NEVER}, {.at_ns = 65 * S}};
static const struct lh_config config = {.actions = actions, .action_count = 3};

static void the_next_is_the_first_of_all(void **state) {
  (void)state;
  static const struct {
    uint64_t from_ns, next_ns;
    size_t happen;
  } rows[] = {{0, 40 * S, 1}, {40 * S, 40 * S, 1}, {40 * S + 1, 65 * S, 2}, {65 * S + 1, 90 * S, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t happen = 0;
    assert_int_equal(lh_disturb_next_ns(&config, rows[i].from_ns), rows[i].next_ns);
    for (size_t a = 0; a < config.action_count; a++) happen += lh_disturb_is_at(&actions[a], rows[i].next_ns);
    assert_int_equal(happen, rows[i].happen);
  }
}

static void what_is_over_does_not_come(void **state) {
  (void)state;
  const struct lh_config over = {.actions = &actions[1], .action_count = 1}, none = {0};
  assert_true(lh_disturb_next_ns(&over, 0) == LH_NEVER);
  assert_true(lh_disturb_next_ns(&none, 0) == LH_NEVER);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_next_is_the_first_of_all), cmocka_unit_test(what_is_over_does_not_come)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
