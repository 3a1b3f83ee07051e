/* Whom a planned disturbance takes, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

#define S LH_NS_PER_S

static struct lh_group groups[2];

static struct lh_config config_of(struct lh_action *action, uint32_t clients) {
  groups[0] = groups[1] = (struct lh_group){.name = (char[]){"g"}, .connections = clients};
  return (struct lh_config){.run = {.seed = 7}, .groups = groups, .group_count = 2, .actions = action, .action_count = 1};
}

static uint32_t taken(const struct lh_config *config, uint64_t k, uint32_t group, uint32_t first, uint32_t step) {
  uint32_t n = 0;
  for (uint32_t client = first; client < config->groups[group].connections; client += step)
    n += lh_plan_action_takes(config, 0, k, group, client);
  return n;
}

static void exactly_the_share_is_taken(void **state) {
  (void)state;
  static const struct {
    double share;
    uint32_t clients, expected;
  } rows[] = {{0.2, 5000, 1000}, {0.2, 7, 1}, {0.5, 1, 1},   {0, 100, 0},       {1, 100, 100},
              {0.01, 20, 0},     {1, 1, 1},   {0.333, 3, 1}, {0.5, 65537, 32769}, {0.001, 100000, 100}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lh_action action = {.group = LH_ALL_GROUPS, .share = rows[i].share};
    struct lh_config config = config_of(&action, rows[i].clients);
    for (uint64_t k = 0; k < 3; k++) assert_int_equal(taken(&config, k, 0, 0, 1), rows[i].expected);
    assert_false(lh_plan_action_takes(&config, 0, 0, 0, rows[i].clients)); /* there is no such client */
  }
}

/* Half of the clients may not be all of one worker's, nor the same ones each time, nor those of another group. */
static void the_choice_is_a_shuffle(void **state) {
  (void)state;
  struct lh_action action = {.group = LH_ALL_GROUPS, .share = 0.5};
  struct lh_config config = config_of(&action, 10000);
  assert_in_range(taken(&config, 0, 0, 0, 2), 2350, 2650);
  assert_in_range(taken(&config, 0, 0, 0, 10), 420, 580);
  uint32_t again = 0, elsewhere = 0;
  for (uint32_t c = 0; c < 10000; c++) {
    bool now = lh_plan_action_takes(&config, 0, 0, 0, c);
    again += now && lh_plan_action_takes(&config, 0, 1, 0, c);
    elsewhere += now && lh_plan_action_takes(&config, 0, 0, 1, c);
  }
  assert_in_range(again, 2300, 2700);
  assert_in_range(elsewhere, 2300, 2700);
}

static void times_and_numbers_agree(void **state) {
  (void)state;
  const struct lh_action often = {.at_ns = 10 * S, .every_ns = 4 * S}, once = {.at_ns = 10 * S};
  assert_int_equal(lh_plan_action_ns(&often, 3), 22 * S);
  assert_int_equal(lh_plan_action_ns(&often, UINT64_MAX), LH_NEVER);
  assert_int_equal(lh_plan_action_ns(&once, 1), LH_NEVER);
  static const struct {
    uint64_t at, often, once;
  } rows[] = {{0, 0, 0}, {10 * S, 0, 0}, {10 * S + 1, 1, 1}, {14 * S, 1, 1}, {14 * S + 1, 2, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_int_equal(lh_plan_action_after(&often, rows[i].at), rows[i].often);
    assert_int_equal(lh_plan_action_after(&once, rows[i].at), rows[i].once);
  }
}

static void pauses_end(void **state) {
  (void)state;
  struct lh_action action = {
      .kind = LH_ACTION_PAUSE, .at_ns = 10 * S, .every_ns = 60 * S, .group = 1, .share = 1, .pause_ns = 5 * S};
  struct lh_config config = config_of(&action, 10);
  static const struct {
    uint64_t at, end;
  } rows[] = {{0, 0}, {10 * S - 1, 0}, {10 * S, 15 * S}, {15 * S - 1, 15 * S}, {15 * S, 0}, {70 * S, 75 * S}, {75 * S, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_int_equal(lh_plan_pause_end_ns(&config, 1, 3, rows[i].at), rows[i].end);
    assert_int_equal(lh_plan_pause_end_ns(&config, 0, 3, rows[i].at), 0);
  }
  assert_true(lh_plan_has_pauses(&config, 1));
  assert_false(lh_plan_has_pauses(&config, 0));
  action.every_ns = 0;
  action.pause_ns = LH_NEVER;
  assert_int_equal(lh_plan_pause_end_ns(&config, 1, 3, 1000 * S), LH_NEVER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exactly_the_share_is_taken),
      cmocka_unit_test(the_choice_is_a_shuffle),
      cmocka_unit_test(times_and_numbers_agree),
      cmocka_unit_test(pauses_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
