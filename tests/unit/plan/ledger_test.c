/* Cells of the ledger: one for each message of each client, in groups with a count; none stands in two places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

static void cells_follow_each_other(void **state) {
  (void)state;
  struct lh_message plain[2] = {{0}, {0}}, counted[3] = {{0}, {.count = 7}, {0}}, once[1] = {{.count = 1}};
  struct lh_group groups[] = {{.connections = 10, .messages = counted, .message_count = 3},
                              {.connections = 1000, .messages = plain, .message_count = 2},
                              {.connections = 5, .messages = once, .message_count = 1},
                              {.connections = 5}};
  const struct lh_config config = {.groups = groups, .group_count = 4};
  assert_int_equal(lh_plan_ledger_cells(&config), 10 * 3 + 5);
  assert_int_equal(lh_plan_ledger_cell(&config, 0, 0), 0);
  assert_int_equal(lh_plan_ledger_cell(&config, 0, 9), 27);
  assert_true(lh_plan_ledger_cell(&config, 1, 0) == LH_NEVER);
  assert_int_equal(lh_plan_ledger_cell(&config, 2, 0), 30);
  assert_int_equal(lh_plan_ledger_cell(&config, 2, 4), 34);
  assert_true(lh_plan_ledger_cell(&config, 3, 0) == LH_NEVER);
  groups[0].messages = plain;
  groups[0].message_count = 2;
  assert_int_equal(lh_plan_ledger_cells(&config), 5);
  assert_int_equal(lh_plan_ledger_cell(&config, 2, 0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(cells_follow_each_other)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
