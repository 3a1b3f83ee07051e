/* When drops are a mass drop, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"
#include "run/massdrop.h"

#define MS LH_NS_PER_MS
#define S LH_NS_PER_S

static void drop(struct lh_massdrop *m, uint64_t at_ns, uint64_t count) {
  const struct lh_ending ending = {.at_ns = at_ns, .stage = LH_STAGE_OPEN, .reason = LH_REASON_CLOSE_FRAME, .code = 1012};
  lh_massdrop_add(m, &ending, count);
}

static void enough_is_one_percent_or_fifty(void **state) {
  (void)state;
  static const uint64_t rows[][3] = {{0, 1, 5}, {0, 400, 5}, {0, 500, 6}, {0, 1000, 11}, {0, 4900, 50}, {0, 1000000, 50}, {7, 1000, 7}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_int_equal(lh_plan_mass_drop(rows[i][0], rows[i][1]), rows[i][2]);
}

static void drops_within_a_second_count(void **state) {
  (void)state;
  static const struct {
    uint64_t at_ms[4], count; /* of each */
    bool found;
  } rows[] = {
      {{100, 300, 500, 900}, 3, true},        /* 12 */
      {{100, 1000, 2000, 3000}, 5, true},     /* 10 in the first second */
      {{100, 1200, 2300, 3400}, 9, false},    /* nine each second */
      {{100, 5000, 10000, 15000}, 9, false},
      {{100, 5000, 5100, 15000}, 5, true},
      {{900, 100, 800, 200}, 3, true},        /* out of order */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lh_massdrop m = {.enough = 10};
    char text[LH_MASSDROP_TEXT_MAX];
    uint64_t from;
    bool found = false;
    for (int d = 0; d < 4; d++) {
      drop(&m, 100 * S + rows[i].at_ms[d] * MS, rows[i].count);
      found = found || lh_massdrop_over(&m, 0, true, text, &from);
    }
    if (found != rows[i].found) fail_msg("row %zu: %d", i, found);
  }
}

static void it_is_told_when_it_is_over(void **state) {
  (void)state;
  struct lh_massdrop m = {.enough = 10};
  char text[LH_MASSDROP_TEXT_MAX];
  uint64_t from;
  drop(&m, 50 * S, 1); /* long before */
  for (uint64_t i = 0; i < 20; i++) drop(&m, 100 * S + i * 20 * MS, 2);
  assert_false(lh_massdrop_over(&m, 101 * S, false, text, &from));
  assert_true(lh_massdrop_over(&m, 103 * S, false, text, &from));
  assert_int_equal(from, 100 * S);
  assert_string_equal(text, "40 drops within 381 ms, peer: close frame 1012");
  assert_false(lh_massdrop_over(&m, 200 * S, true, text, &from));
  const struct lh_ending reset = {.at_ns = 300 * S, .stage = LH_STAGE_OPEN, .reason = LH_REASON_RST};
  lh_massdrop_add(&m, &reset, 12);
  drop(&m, 300 * S, 1);
  assert_true(lh_massdrop_over(&m, 0, true, text, &from));
  assert_string_equal(text, "13 drops within 1.00 ms, mostly peer: RST");
}

static void single_drops_before_it_are_not_part_of_it(void **state) {
  (void)state;
  struct lh_massdrop m = {.enough = 10};
  char text[LH_MASSDROP_TEXT_MAX];
  uint64_t from;
  for (uint64_t t = 0; t < 600; t++) drop(&m, 100 * S + t * 500 * MS, 1); /* two a second for five minutes */
  drop(&m, 400 * S, 10);
  drop(&m, 400 * S + 250 * MS, 10);
  assert_true(lh_massdrop_over(&m, 403 * S, false, text, &from));
  assert_int_equal(from, 399 * S + 500 * MS);
  assert_string_equal(text, "21 drops within 751 ms, peer: close frame 1012");
}

static void one_without_end_is_told_of_each_minute(void **state) {
  (void)state;
  struct lh_massdrop m = {.enough = 10};
  char text[LH_MASSDROP_TEXT_MAX];
  uint64_t from, told = 0;
  for (uint64_t t = 0; t < 1800; t++) {
    drop(&m, 100 * S + t * 100 * MS, 2);
    told += lh_massdrop_over(&m, 100 * S + t * 100 * MS, false, text, &from);
  }
  assert_in_range(told, 2, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(enough_is_one_percent_or_fifty),
      cmocka_unit_test(drops_within_a_second_count),
      cmocka_unit_test(it_is_told_when_it_is_over),
      cmocka_unit_test(single_drops_before_it_are_not_part_of_it),
      cmocka_unit_test(one_without_end_is_told_of_each_minute),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
