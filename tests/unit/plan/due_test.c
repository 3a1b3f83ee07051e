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

static char hello[] = "hello", chat[] = "chat";

static struct lh_message every(uint64_t ns) {
  return (struct lh_message){.name = hello, .every_ns = ns, .until_ns = LH_NEVER};
}

static struct lh_group group_of(struct lh_message *messages, size_t count, uint32_t clients) {
  return (struct lh_group){.name = chat, .connections = clients, .messages = messages, .message_count = count};
}

static uint64_t random_below(uint64_t i, uint64_t k, uint64_t n) {
  return lh_rng_below(lh_rng_at(17, LH_RNG_SIM, i, k), n);
}

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Most of the times in any window of this length; sorts them. */
static size_t most_in_window(uint64_t *times, size_t count, uint64_t window) {
  size_t most = 0, from = 0;
  qsort(times, count, sizeof *times, by_value);
  for (size_t i = 0; i < count; i++) {
    while (times[i] - times[from] >= window) from++;
    if (i + 1 - from > most) most = i + 1 - from;
  }
  return most;
}

/* ---- spreading ---- */

static void a_group_is_spaced_evenly(void **state) {
  (void)state;
  static const uint32_t clients[] = {1, 2, 3, 10, 100, 1000, 4096, 5000, 65537};
  for (size_t c = 0; c < sizeof clients / sizeof *clients; c++) {
    struct lh_message m = every(10 * S);
    struct lh_group group = group_of(&m, 1, clients[c]);
    uint64_t *due = calloc(clients[c], sizeof *due);
    for (uint32_t i = 0; i < clients[c]; i++) {
      due[i] = lh_plan_due_ns(&group, 0, i, 1, 0, 0);
      assert_true(due[i] < 10 * S);
    }
    qsort(due, clients[c], sizeof *due, by_value);
    for (uint32_t i = 1; i < clients[c]; i++)
      assert_in_range(due[i] - due[i - 1], 10 * S / clients[c] - 1, 10 * S / clients[c] + 1);
    free(due);
  }
}

/* 5,000 clients every 10 s: 50 in 100 ms on average. */
/* Each nanosecond of a period of eight is one client's: none falls on the period's end, which is the next one's begin. */
static void a_period_s_end_is_the_next_one_s(void **state) {
  (void)state;
  struct lh_message m = every(8);
  struct lh_group group = group_of(&m, 1, 8);
  for (uint64_t seed = 1; seed < 20; seed++) {
    uint64_t seen = 0;
    for (uint32_t i = 0; i < 8; i++) seen |= UINT64_C(1) << lh_plan_due_ns(&group, 0, i, seed, 0, 0);
    assert_int_equal(seen, 0xff);
  }
}

static void no_window_has_more_than_its_share(void **state) {
  (void)state;
  enum { CLIENTS = 5000, PERIODS = 4 };
  struct lh_message m = every(10 * S);
  struct lh_group group = group_of(&m, 1, CLIENTS);
  uint64_t *due = calloc(CLIENTS * PERIODS, sizeof *due);
  for (uint32_t i = 0; i < CLIENTS; i++)
    for (uint32_t k = 0; k < PERIODS; k++) due[i * PERIODS + k] = lh_plan_due_ns(&group, 0, i, 1, 0, k);
  assert_in_range(most_in_window(due, CLIENTS * PERIODS, 100 * MS), 50, 51);
  free(due);
}

/* While the ramp goes up, and at every number of clients on the way, the load is as even as it is at the top. */
static void a_part_of_the_group_is_even_too(void **state) {
  (void)state;
  enum { CLIENTS = 5000, PERIODS = 40 };
  struct lh_message m = every(10 * S);
  struct lh_group group = group_of(&m, 1, CLIENTS);
  struct lh_stage_point points[] = {{0, 0}, {300 * S, CLIENTS}};
  group.ramp = (struct lh_ramp){.points = points, .count = 2};
  uint64_t *due = calloc(CLIENTS * PERIODS, sizeof *due);
  for (uint32_t i = 0; i < CLIENTS; i++)
    for (uint32_t k = 0; k < PERIODS; k++)
      due[i * PERIODS + k] = lh_plan_due_ns(&group, 0, i, 1, lh_plan_release_ns(&group, i), k);
  assert_in_range(most_in_window(due, CLIENTS * PERIODS, 100 * MS), 50, 60);
  static const uint32_t parts[] = {100, 500, 1000, 1024, 1025, 2500, 3333, 4999};
  for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
    for (uint32_t i = 0; i < parts[p]; i++) due[i] = lh_plan_due_ns(&group, 0, i, 1, 0, 0);
    size_t mean = parts[p] / 20; /* of a window of 500 ms */
    assert_in_range(most_in_window(due, parts[p], 500 * MS), mean, mean + 2 + mean / 4);
  }
  free(due);
}

static void messages_and_groups_keep_apart(void **state) {
  (void)state;
  struct lh_message m[] = {every(10 * S), every(10 * S), every(10 * S)};
  struct lh_group group = group_of(m, 3, 5000);
  for (uint32_t i = 0; i < 5000; i += 7) {
    uint64_t due[3];
    for (uint32_t k = 0; k < 3; k++) due[k] = lh_plan_due_ns(&group, k, i, 1, 0, 0);
    qsort(due, 3, sizeof *due, by_value);
    assert_true(due[1] - due[0] > S && due[2] - due[1] > S && due[0] + 10 * S - due[2] > S);
  }
  uint64_t first[200];
  for (int g = 0; g < 200; g++) { /* many groups of one client do not send as one */
    char name[32];
    snprintf(name, sizeof name, "group-%d", g);
    group = group_of(m, 1, 1);
    group.name = name;
    first[g] = lh_plan_due_ns(&group, 0, 0, 1, 0, 0);
  }
  assert_in_range(most_in_window(first, 200, S), 20, 35);
}

static void together_makes_the_herd(void **state) {
  (void)state;
  struct lh_message m[] = {every(10 * S), every(10 * S)};
  m[0].phase = m[1].phase = LH_PHASE_TOGETHER;
  struct lh_group group = group_of(m, 2, 5000);
  for (uint32_t i = 0; i < 5000; i += 11) {
    assert_int_equal(lh_plan_due_ns(&group, i % 2, i, 1, 0, 0), 0);
    assert_int_equal(lh_plan_due_ns(&group, i % 2, i, 1, 1, 0), 10 * S);
    assert_int_equal(lh_plan_due_ns(&group, i % 2, i, 1, 20 * S, 3), 50 * S);
  }
}

/* ---- the grid, its origin, and jitter ---- */

static void each_period_after_the_origin_has_one(void **state) {
  (void)state;
  static const double jitters[] = {0, 0.01, 0.2, 0.5, 1};
  for (uint64_t i = 0; i < 4000; i++) {
    struct lh_message m = every(1 + random_below(i, 1, 20 * S));
    m.jitter = jitters[i % 5];
    m.from_ns = random_below(i, 2, 2) ? random_below(i, 3, 3600 * S) : 0;
    struct lh_group group = group_of(&m, 1, 1 + (uint32_t)random_below(i, 4, 100000));
    uint64_t origin = random_below(i, 5, 7200 * S), base = origin > m.from_ns ? origin : m.from_ns;
    uint32_t client = (uint32_t)random_below(i, 6, group.connections);
    for (uint64_t k = 0; k < 20; k++) {
      uint64_t due = lh_plan_due_ns(&group, 0, client, i, origin, k);
      assert_in_range(due, base + k * m.every_ns, base + (k + 1) * m.every_ns - 1);
    }
  }
}

static void jitter_moves_without_drift_and_keeps_the_order(void **state) {
  (void)state;
  struct lh_message plain = every(10 * S), jittered = every(10 * S);
  struct lh_group straight = group_of(&plain, 1, 1000), moved = group_of(&jittered, 1, 1000);
  static const double jitters[] = {0.1, 0.2, 1};
  for (size_t j = 0; j < 3; j++) {
    jittered.jitter = jitters[j];
    int64_t half = (int64_t)(jitters[j] * 5 * S), furthest = 0;
    double sum = 0;
    for (uint32_t client = 0; client < 50; client++) {
      uint64_t origin = client % 2 * 3600 * S, last = 0;
      for (uint64_t k = 0; k < 8640; k += k < 200 ? 1 : 97) { /* a day */
        uint64_t due = lh_plan_due_ns(&moved, 0, client, 9, origin, k);
        int64_t off = (int64_t)(due - lh_plan_due_ns(&straight, 0, client, 9, origin, k));
        assert_true(off >= -half && off <= half);
        assert_true(k == 0 || due >= last);
        if (llabs(off) > furthest) furthest = llabs(off);
        sum += (double)off / (double)half;
        last = due;
      }
    }
    assert_true(furthest > half * 9 / 10);
    assert_float_equal(sum / (50 * 288), 0, 0.02); /* on average over an even group, nowhere */
  }
}

/* Jitter must neither heap sends up nor thin them out anywhere in the period, least of all at its edges. */
static void jitter_leaves_the_load_even(void **state) {
  (void)state;
  enum { CLIENTS = 5000, BINS = 300, PERIODS = 3, SEEDS = 20 };
  static const double jitters[] = {0.2, 1};
  for (size_t j = 0; j < 2; j++) {
    struct lh_message m = every(10 * S);
    m.jitter = jitters[j];
    struct lh_group group = group_of(&m, 1, CLIENTS);
    unsigned bins[BINS] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++)
      for (uint32_t i = 0; i < CLIENTS; i++)
        for (uint64_t k = 0; k < PERIODS; k++) bins[lh_plan_due_ns(&group, 0, i, seed, 0, k) / (100 * MS)]++;
    for (int b = 0; b < BINS; b++) assert_in_range(bins[b], SEEDS * 50 * 85 / 100, SEEDS * 50 * 115 / 100); /* 5 sigma */
  }
}

static void two_origins_share_one_grid(void **state) {
  (void)state;
  struct lh_message m = every(10 * S);
  struct lh_group group = group_of(&m, 1, 100);
  for (int jittered = 0; jittered < 2; jittered++) {
    m.jitter = jittered * 0.3;
    for (uint32_t client = 0; client < 100; client++)
      for (uint64_t k = 0; k < 5; k++)
        assert_int_equal(lh_plan_due_ns(&group, 0, client, 1, 70 * S, k), lh_plan_due_ns(&group, 0, client, 1, 0, k + 7));
  }
}

static void the_seed_decides_and_nothing_else(void **state) {
  (void)state;
  struct lh_message m = every(10 * S);
  m.jitter = 0.5;
  struct lh_group group = group_of(&m, 1, 100);
  uint64_t a = lh_plan_due_ns(&group, 0, 5, 1, 0, 3);
  assert_int_equal(lh_plan_due_ns(&group, 0, 5, 1, 0, 3), a);
  assert_true(lh_plan_due_ns(&group, 0, 5, 2, 0, 3) != a);
}

static void until_is_where_it_ends(void **state) {
  (void)state;
  struct lh_message m = every(10 * S);
  m.phase = LH_PHASE_TOGETHER;
  m.from_ns = 30 * S;
  m.until_ns = 60 * S;
  struct lh_group group = group_of(&m, 1, 1);
  assert_int_equal(lh_plan_due_ns(&group, 0, 0, 1, 0, 0), 30 * S);
  assert_int_equal(lh_plan_due_ns(&group, 0, 0, 1, 0, 2), 50 * S);
  assert_true(lh_plan_due_ns(&group, 0, 0, 1, 0, 3) == LH_NEVER);
  assert_true(lh_plan_due_ns(&group, 0, 0, 1, 51 * S, 0) == LH_NEVER);
}

static void far_times_are_never(void **state) {
  (void)state;
  static const double jitters[] = {0, 1};
  for (int j = 0; j < 2; j++) {
    struct lh_message m = every(10 * S);
    m.jitter = jitters[j];
    struct lh_group group = group_of(&m, 1, 7);
    for (uint32_t i = 0; i < 7; i++) {
      assert_true(lh_plan_due_ns(&group, 0, i, 1, 0, UINT64_MAX) == LH_NEVER);
      assert_true(lh_plan_due_ns(&group, 0, i, 1, 0, UINT64_MAX / (10 * S) + 1) == LH_NEVER);
      assert_true(lh_plan_due_ns(&group, 0, i, 1, LH_NEVER - 1, 1) == LH_NEVER);
      assert_true(lh_plan_due_ns(&group, 0, i, 1, LH_NEVER, 0) == LH_NEVER);
    }
  }
}

/* ---- after open, after reply ---- */

static void openings_are_counted_from(void **state) {
  (void)state;
  struct lh_message m[] = {every(0), every(5 * S), every(0)};
  m[0].after = m[1].after = LH_AFTER_OPEN;
  m[2].after = LH_AFTER_REPLY;
  m[0].delay_ns = 200 * MS;
  m[1].delay_ns = S;
  m[2].delay_ns = 3 * MS;
  struct lh_group group = group_of(m, 3, 10);
  assert_int_equal(lh_plan_due_ns(&group, 0, 4, 1, 77 * S, 0), 77 * S + 200 * MS);
  assert_true(lh_plan_due_ns(&group, 0, 4, 1, 77 * S, 1) == LH_NEVER);
  for (uint64_t k = 0; k < 5; k++) assert_int_equal(lh_plan_due_ns(&group, 1, 4, 1, 77 * S, k), (78 + 5 * k) * S);
  assert_int_equal(lh_plan_due_ns(&group, 2, 4, 1, 12345, 0), 12345 + 3 * MS);
  assert_true(lh_plan_due_ns(&group, 2, 4, 1, 12345, 1) == LH_NEVER);
}

static void openings_keep_from_and_until(void **state) {
  (void)state;
  struct lh_message m[] = {every(5 * S), every(0)};
  m[0].after = m[1].after = LH_AFTER_OPEN;
  m[0].from_ns = m[1].from_ns = 100 * S;
  m[0].until_ns = m[1].until_ns = 120 * S;
  struct lh_group group = group_of(m, 2, 10);
  assert_int_equal(lh_plan_due_ns(&group, 0, 0, 1, 77 * S, 0), 102 * S);
  assert_int_equal(lh_plan_due_ns(&group, 0, 0, 1, 75 * S, 0), 100 * S);
  assert_int_equal(lh_plan_due_ns(&group, 0, 0, 1, 77 * S, 3), 117 * S);
  assert_true(lh_plan_due_ns(&group, 0, 0, 1, 77 * S, 4) == LH_NEVER);
  assert_true(lh_plan_due_ns(&group, 1, 0, 1, 77 * S, 0) == LH_NEVER);
  assert_int_equal(lh_plan_due_ns(&group, 1, 0, 1, 101 * S, 0), 101 * S);
}

static void jitter_after_an_opening_stays_after_it(void **state) {
  (void)state;
  struct lh_message m = every(4 * S);
  m.after = LH_AFTER_OPEN;
  m.delay_ns = S;
  m.jitter = 1;
  struct lh_group group = group_of(&m, 1, 500);
  for (uint32_t client = 0; client < 500; client++) {
    uint64_t last = 0;
    for (uint64_t k = 0; k < 10; k++) {
      uint64_t due = lh_plan_due_ns(&group, 0, client, 1, 50 * S, k), grid = (51 + 4 * k) * S;
      assert_in_range(due, k ? grid - 2 * S : grid, grid + 2 * S);
      assert_true(due >= last);
      last = due;
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_group_is_spaced_evenly),
      cmocka_unit_test(a_period_s_end_is_the_next_one_s),
      cmocka_unit_test(no_window_has_more_than_its_share),
      cmocka_unit_test(a_part_of_the_group_is_even_too),
      cmocka_unit_test(messages_and_groups_keep_apart),
      cmocka_unit_test(together_makes_the_herd),
      cmocka_unit_test(each_period_after_the_origin_has_one),
      cmocka_unit_test(jitter_moves_without_drift_and_keeps_the_order),
      cmocka_unit_test(jitter_leaves_the_load_even),
      cmocka_unit_test(two_origins_share_one_grid),
      cmocka_unit_test(the_seed_decides_and_nothing_else),
      cmocka_unit_test(until_is_where_it_ends),
      cmocka_unit_test(far_times_are_never),
      cmocka_unit_test(openings_are_counted_from),
      cmocka_unit_test(openings_keep_from_and_until),
      cmocka_unit_test(jitter_after_an_opening_stays_after_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
