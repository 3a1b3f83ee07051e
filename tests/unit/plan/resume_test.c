/* The rest of a plan: ramps against both lines computed second by second, messages and actions at the times they would have had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

#define S LH_NS_PER_S

static struct lh_ramp ramp_of(const struct lh_stage_point *points) {
  size_t count = 1;
  while (points[count].at_ns || points[count].connections) count++;
  struct lh_ramp ramp = {.points = calloc(count, sizeof *points), .count = count};
  memcpy(ramp.points, points, count * sizeof *points);
  return ramp;
}

static const struct {
  struct lh_stage_point points[6]; /* in seconds */
  uint64_t held_s;
  uint32_t wanted[6]; /* clients at 0, 5, 10, 20, 30 and 60 s of the rest */
} ramps[] = {
    {{{0, 0}, {10, 100}}, 5, {0, 50, 100, 100, 100, 100}},    /* within the ramp: never meets before the top */
    {{{0, 0}, {10, 100}}, 3600, {0, 50, 100, 100, 100, 100}}, /* long after it */
    {{{0, 100}}, 50, {100, 100, 100, 100, 100, 100}},         /* without a ramp: at once */
    {{{0, 40}, {10, 100}}, 50, {40, 70, 100, 100, 100, 100}}, /* a step first: that at once, the rest by the slope */
    {{{0, 0}, {10, 100}, {100, 100}, {110, 40}}, 95, {0, 50, 70, 40, 40, 40}}, /* falls while they come back: met at 7.5 s */
    {{{0, 0}, {10, 100}, {100, 100}, {110, 40}}, 200, {0, 40, 40, 40, 40, 40}}, /* after the fall: only 40 */
    {{{0, 0}, {10, 100}, {60, 100}, {80, 200}}, 40, {0, 50, 100, 100, 150, 200}}, /* meets the line, then goes on with it */
    {{{0, 0}, {10, 100}, {100, 100}, {100, 40}}, 95, {0, 40, 40, 40, 40, 40}}, /* steps down while they come back */
    {{{0, 0}, {10, 100}, {100, 100}, {100, 40}}, 88, {0, 50, 100, 40, 40, 40}},
    {{{0, 0}, {10, 100}, {60, 0}}, 60, {0, 0, 0, 0, 0, 0}},   /* nobody is wanted any more */
};

static void test_ramps(void **state) {
  (void)state;
  static const uint64_t at_s[] = {0, 5, 10, 20, 30, 60};
  for (size_t i = 0; i < sizeof ramps / sizeof *ramps; i++) {
    struct lh_group group = {.name = (char[]){"g"}, .connections = 200, .ramp = ramp_of(ramps[i].points)};
    for (size_t p = 0; p < group.ramp.count; p++) group.ramp.points[p].at_ns *= S;
    struct lh_config config = {.groups = &group, .group_count = 1, .run = {.duration_ns = 4000 * S}};
    assert_int_equal(lh_plan_resume(&config, ramps[i].held_s * S), 0);
    assert_true(config.run.duration_ns == (4000 - ramps[i].held_s) * S);
    for (size_t n = 0; n < sizeof at_s / sizeof *at_s; n++) {
      uint32_t wanted = lh_plan_wanted(&group, at_s[n] * S);
      if (wanted + 1 < ramps[i].wanted[n] || wanted > ramps[i].wanted[n] + 1)
        fail_msg("ramp %zu at %d s: %u, expected %u", i, (int)at_s[n], wanted, ramps[i].wanted[n]);
    }
    for (size_t p = 1; p < group.ramp.count; p++) assert_true(group.ramp.points[p].at_ns >= group.ramp.points[p - 1].at_ns);
    free(group.ramp.points);
  }
}

/* For any client the due times of the rest are those of the whole plan, as much earlier. */
static void test_grids(void **state) {
  (void)state;
  for (enum lh_phase phase = LH_PHASE_SPREAD; phase <= LH_PHASE_TOGETHER; phase++) {
    const uint64_t held_ns = 100 * S + 123456789;
    struct lh_message whole = {.every_ns = 7 * S, .phase = phase, .after = LH_AFTER_RUN, .from_ns = 50 * S, .until_ns = 200 * S};
    struct lh_message rest = whole;
    struct lh_stage_point point = {0, 9}, *points = calloc(1, sizeof point);
    points[0] = point;
    struct lh_group group = {.name = (char[]){"g"}, .connections = 9, .messages = &whole, .message_count = 1, .ramp = {&point, 1}};
    struct lh_group later = {.name = (char[]){"g"}, .connections = 9, .messages = &rest, .message_count = 1, .ramp = {points, 1}};
    struct lh_config config = {.groups = &later, .group_count = 1, .run = {.duration_ns = 300 * S}};
    assert_int_equal(lh_plan_resume(&config, held_ns), 0);
    for (uint32_t client = 0; client < 9; client++)
      for (uint64_t k = 0; k < 20; k++) {
        uint64_t was = lh_plan_due_ns(&group, 0, client, 1, held_ns, k), is = lh_plan_due_ns(&later, 0, client, 1, 0, k);
        assert_true(was == LH_NEVER ? is == LH_NEVER : is + held_ns == was);
      }
    free(later.ramp.points);
  }
}

static void test_messages_and_actions(void **state) {
  (void)state;
  struct lh_message messages[] = {{.every_ns = 10 * S, .from_ns = 30 * S, .until_ns = LH_NEVER},
                                  {.every_ns = 10 * S, .from_ns = 500 * S, .until_ns = 600 * S},
                                  {.every_ns = 10 * S, .until_ns = 90 * S},
                                  {.after = LH_AFTER_OPEN, .until_ns = 90 * S}};
  struct lh_stage_point *points = calloc(1, sizeof *points);
  points[0].connections = 5;
  struct lh_group group = {.name = (char[]){"g"}, .connections = 5, .messages = messages, .message_count = 4, .ramp = {points, 1}};
  const struct lh_action before[] = {{.kind = LH_ACTION_DROP, .at_ns = 40 * S},
                                {.kind = LH_ACTION_DROP, .at_ns = 40 * S, .every_ns = 25 * S},
                                {.kind = LH_ACTION_DROP, .at_ns = 400 * S},
                                {.kind = LH_ACTION_PAUSE, .at_ns = 90 * S, .pause_ns = 30 * S},
                                {.kind = LH_ACTION_PAUSE, .at_ns = 90 * S, .pause_ns = 5 * S},
                                {.kind = LH_ACTION_PAUSE, .at_ns = 90 * S, .pause_ns = LH_NEVER},
                                {.kind = LH_ACTION_PAUSE, .at_ns = 20 * S, .every_ns = 35 * S, .pause_ns = 12 * S},
                                {.kind = LH_ACTION_PAUSE, .at_ns = 20 * S, .every_ns = 35 * S, .pause_ns = 10 * S}};
  enum { COUNT = sizeof before / sizeof *before };
  struct lh_action *actions = malloc(sizeof before);
  memcpy(actions, before, sizeof before);
  struct lh_config config = {.groups = &group, .group_count = 1, .actions = actions, .action_count = COUNT, .run = {.duration_ns = 1000 * S}};
  assert_int_equal(lh_plan_resume(&config, 100 * S), 0);
  actions = config.actions;
  assert_true(messages[0].from_ns == 0 && messages[0].until_ns == LH_NEVER);
  assert_true(messages[1].from_ns == 400 * S && messages[1].until_ns == 500 * S);
  assert_true(lh_plan_due_ns(&group, 2, 0, 1, 0, 0) == LH_NEVER && lh_plan_due_ns(&group, 3, 0, 1, 0, 0) == LH_NEVER);
  assert_true(actions[0].at_ns == LH_NEVER);
  assert_true(actions[1].at_ns == 15 * S && actions[1].every_ns == 25 * S); /* 40, 65, 90, 115 */
  assert_true(actions[2].at_ns == 300 * S);
  assert_true(actions[3].at_ns == 0 && actions[3].pause_ns == 20 * S);
  assert_true(actions[4].at_ns == LH_NEVER);
  assert_true(actions[5].at_ns == 0 && actions[5].pause_ns == LH_NEVER);
  assert_true(actions[6].at_ns == 25 * S && actions[6].pause_ns == 12 * S); /* 20, 55, 90, 125 */
  assert_true(actions[7].at_ns == 25 * S && actions[7].pause_ns == 10 * S);
  assert_int_equal(config.action_count, COUNT + 1);
  assert_true(actions[COUNT].at_ns == 0 && actions[COUNT].every_ns == 0 && actions[COUNT].pause_ns == 2 * S);
  free(actions);
  free(group.ramp.points);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ramps), cmocka_unit_test(test_grids),
                                     cmocka_unit_test(test_messages_and_actions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
