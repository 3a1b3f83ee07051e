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

static struct lh_group group_of(struct lh_stage_point *points, size_t count) {
  struct lh_group group = {.ramp = {.points = points, .count = count}};
  for (size_t i = 0; i < count; i++)
    if (points[i].connections > group.connections) group.connections = points[i].connections;
  return group;
}

/* ---- slices ---- */

static void slices_share_out_every_client_once(void **state) {
  (void)state;
  static const uint32_t clients[] = {0, 1, 2, 7, 12, 1000, 1001};
  for (uint32_t shards = 1; shards <= 3; shards++) {
    for (uint32_t workers = 1; workers <= 4; workers++) {
      for (size_t c = 0; c < sizeof clients / sizeof *clients; c++) {
        uint8_t taken[1001] = {0};
        for (uint32_t shard = 0; shard < shards; shard++) {
          for (uint32_t worker = 0; worker < workers; worker++) {
            struct lh_slice slice = lh_plan_slice(shard, shards, worker, workers);
            uint32_t count = lh_slice_count(slice, clients[c]);
            assert_true(count <= clients[c] / (shards * workers) + 1);
            for (uint32_t i = 0; i < count; i++) {
              uint32_t client = lh_slice_client(slice, i);
              assert_true(client < clients[c]);
              assert_int_equal(client % shards, shard); /* a shard keeps its clients whatever its workers */
              taken[client]++;
            }
          }
        }
        for (uint32_t i = 0; i < clients[c]; i++) assert_int_equal(taken[i], 1);
      }
    }
  }
  assert_int_equal(lh_slice_count((struct lh_slice){.first = 0, .stride = 1}, UINT32_MAX), UINT32_MAX);
}

/* ---- lines ---- */

static void releases_are_spread_along_the_line(void **state) {
  (void)state;
  struct lh_stage_point points[] = {{0, 0}, {8 * S, 4}};
  struct lh_group group = group_of(points, 2);
  for (uint32_t i = 0; i < 4; i++) assert_int_equal(lh_plan_release_ns(&group, i), (2 * i + 1) * S);
  assert_true(lh_plan_release_ns(&group, 4) == LH_NEVER);
  static const struct {
    uint64_t at;
    uint32_t wanted;
  } cases[] = {{0, 0}, {S - 1, 0}, {S, 1}, {3 * S - 1, 1}, {3 * S, 2}, {7 * S, 4}, {8 * S, 4}, {LH_NEVER, 4}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(lh_plan_wanted(&group, cases[i].at), cases[i].wanted);
}

static void no_ramp_means_all_at_once(void **state) {
  (void)state;
  struct lh_stage_point points[] = {{0, 1000}};
  struct lh_group group = group_of(points, 1);
  assert_int_equal(lh_plan_wanted(&group, 0), 1000);
  for (uint32_t i = 0; i < 1000; i++) {
    assert_int_equal(lh_plan_release_ns(&group, i), 0);
    struct lh_ramp_turn turn = lh_plan_next_turn(&group, i, 0);
    assert_true(turn.at_ns == LH_NEVER && turn.wanted);
  }
}

static void nobody_is_wanted_before_the_first_point(void **state) {
  (void)state;
  struct lh_stage_point points[] = {{60 * S, 10}, {120 * S, 10}};
  struct lh_group group = group_of(points, 2);
  assert_int_equal(lh_plan_wanted(&group, 0), 0);
  assert_int_equal(lh_plan_wanted(&group, 60 * S - 1), 0);
  assert_int_equal(lh_plan_wanted(&group, 60 * S), 10);
  assert_int_equal(lh_plan_release_ns(&group, 9), 60 * S);
}

static void falling_ends_the_highest_first_and_rising_brings_them_back(void **state) {
  (void)state;
  struct lh_stage_point points[] = {{0, 0}, {10 * S, 10}, {20 * S, 10}, {30 * S, 5}, {40 * S, 10}, {50 * S, 0}};
  struct lh_group group = group_of(points, 6);
  static const struct {
    uint32_t client;
    uint64_t turns[6]; /* in ms: up, down, up, ... */
    int count;
  } cases[] = {
      {0, {500, 49500}, 2},
      {4, {4500, 45500}, 2},
      {5, {5500, 29000, 31000, 44500}, 4},
      {9, {9500, 21000, 39000, 40500}, 4},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(lh_plan_release_ns(&group, cases[i].client), cases[i].turns[0] * LH_NS_PER_MS);
    uint64_t now = 0;
    for (int k = 0; k < cases[i].count; k++) {
      struct lh_ramp_turn turn = lh_plan_next_turn(&group, cases[i].client, now);
      assert_int_equal(turn.at_ns, cases[i].turns[k] * LH_NS_PER_MS);
      assert_int_equal(turn.wanted, k % 2 == 0);
      now = turn.at_ns;
    }
    struct lh_ramp_turn last = lh_plan_next_turn(&group, cases[i].client, now);
    assert_true(last.at_ns == LH_NEVER && !last.wanted);
  }
}

static void steps_happen_at_their_instant(void **state) {
  (void)state;
  struct lh_stage_point points[] = {{0, 10}, {5 * S, 10}, {5 * S, 4}, {9 * S, 4}, {9 * S, 0}, {9 * S, 8}};
  struct lh_group group = group_of(points, 6);
  assert_int_equal(lh_plan_wanted(&group, 5 * S - 1), 10);
  assert_int_equal(lh_plan_wanted(&group, 5 * S), 4);
  assert_int_equal(lh_plan_wanted(&group, 9 * S), 8);
  struct lh_ramp_turn turn = lh_plan_next_turn(&group, 7, 0);
  assert_true(turn.at_ns == 5 * S && !turn.wanted);
  turn = lh_plan_next_turn(&group, 7, 5 * S);
  assert_true(turn.at_ns == 9 * S && turn.wanted);
  turn = lh_plan_next_turn(&group, 2, 0); /* down and up again in one instant is no turn */
  assert_true(turn.at_ns == LH_NEVER && turn.wanted);
  turn = lh_plan_next_turn(&group, 9, 5 * S);
  assert_true(turn.at_ns == LH_NEVER && !turn.wanted);
}

/* The three functions say the same about any line: wanted counts the clients whose last turn was up. */
static void turns_and_wanted_agree(void **state) {
  (void)state;
  enum { CLIENTS = 40 };
  for (uint64_t round = 0; round < 300; round++) {
    struct lh_stage_point points[8];
    uint64_t at = 0;
    size_t count = 1 + lh_rng_below(lh_rng_at(3, LH_RNG_SIM, round, 0), 8);
    for (size_t i = 0; i < count; i++) {
      uint64_t word = lh_rng_at(3, LH_RNG_SIM, round, 10 + i);
      at += word % 4 == 0 ? 0 : lh_rng_below(word, 200); /* some steps, and slopes of less than 1 ns a client */
      points[i] = (struct lh_stage_point){at, (uint32_t)lh_rng_below(lh_rng_at(3, LH_RNG_SIM, round, 30 + i), CLIENTS)};
    }
    struct lh_group group = group_of(points, count);
    bool on[CLIENTS];
    uint64_t next[CLIENTS];
    for (uint32_t i = 0; i < CLIENTS; i++) {
      next[i] = lh_plan_release_ns(&group, i);
      on[i] = false;
    }
    for (uint64_t now = 0; now <= at + 2; now++) {
      uint32_t wanted = 0;
      for (uint32_t i = 0; i < CLIENTS; i++) {
        if (next[i] == now) {
          on[i] = !on[i];
          struct lh_ramp_turn turn = lh_plan_next_turn(&group, i, now);
          assert_true(turn.at_ns == LH_NEVER || (turn.at_ns > now && turn.wanted == !on[i]));
          next[i] = turn.at_ns;
        }
        assert_true(i == 0 || on[i - 1] || !on[i]); /* the lowest numbers stay longest */
        wanted += on[i];
      }
      assert_int_equal(lh_plan_wanted(&group, now), wanted);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) assert_true(next[i] == LH_NEVER);
  }
}

static void large_lines_do_not_overflow(void **state) {
  (void)state;
  struct lh_stage_point points[] = {{0, 0}, {LH_NEVER - 1, 16000000}};
  struct lh_group group = group_of(points, 2);
  uint64_t last = 0;
  for (uint32_t i = 0; i < 16000000; i += 999983) {
    uint64_t at = lh_plan_release_ns(&group, i);
    assert_true(at > last && at < LH_NEVER - 1);
    assert_int_equal(lh_plan_wanted(&group, at), i + 1);
    assert_int_equal(lh_plan_wanted(&group, at - 1), i);
    last = at;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slices_share_out_every_client_once),
      cmocka_unit_test(releases_are_spread_along_the_line),
      cmocka_unit_test(no_ramp_means_all_at_once),
      cmocka_unit_test(nobody_is_wanted_before_the_first_point),
      cmocka_unit_test(falling_ends_the_highest_first_and_rising_brings_them_back),
      cmocka_unit_test(steps_happen_at_their_instant),
      cmocka_unit_test(turns_and_wanted_agree),
      cmocka_unit_test(large_lines_do_not_overflow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
