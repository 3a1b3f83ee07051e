#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/rng.h"
#include "longhaul/stats/hdr.h"

enum { SLOTS = LH_HDR_PAGES * LH_HDR_PAGE_SLOTS, SEED = 20260722 };

static uint64_t random_at(uint64_t i, uint64_t k) {
  return lh_rng_at(SEED, LH_RNG_SIM, i, k);
}

/* Latency-like: every power of two up to 2^31.7 as likely as the next. */
static uint64_t random_value(uint64_t i) {
  return lh_rng_below(random_at(i, 1), UINT64_C(1) << (1 + lh_rng_below(random_at(i, 2), 31)));
}

/* ---- slots ---- */

static void slots_follow_each_other(void **state) {
  (void)state;
  uint64_t next = 0;
  for (uint32_t slot = 0; slot < SLOTS; slot++) {
    assert_int_equal(lh_hdr_slot_low(slot), next);
    assert_int_equal(lh_hdr_slot(lh_hdr_slot_low(slot)), slot);
    assert_int_equal(lh_hdr_slot(lh_hdr_slot_high(slot)), slot);
    next = lh_hdr_slot_high(slot) + 1;
  }
  assert_int_equal(next, UINT64_C(1) << 32);
}

static void slots_are_the_reference_s(void **state) {
  (void)state;
  static const struct {
    uint64_t value;
    uint32_t slot;
    uint64_t low, high;
  } cases[] = {
      {0, 0, 0, 0},
      {1, 1, 1, 1},
      {2047, 2047, 2047, 2047},
      {2048, 2048, 2048, 2049},
      {2049, 2048, 2048, 2049},
      {4095, 3071, 4094, 4095},
      {4096, 3072, 4096, 4099},
      {100000, 7706, 99968, 100031},
      {LH_HDR_HIGHEST_US, 23220, UINT64_C(3598712832), UINT64_C(3600809983)},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(lh_hdr_slot(cases[i].value), cases[i].slot);
    assert_int_equal(lh_hdr_slot_low(cases[i].slot), cases[i].low);
    assert_int_equal(lh_hdr_slot_high(cases[i].slot), cases[i].high);
  }
}

static void values_keep_three_digits(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 100000; i++) {
    uint64_t value = random_value(i);
    uint32_t slot = lh_hdr_slot(value);
    assert_true(lh_hdr_slot_high(slot) - lh_hdr_slot_low(slot) <= value / 1000);
  }
}

/* ---- recording and reading ---- */

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static void percentiles_are_those_of_the_sorted_values(void **state) {
  (void)state;
  static const double percentiles[] = {0.01, 1, 10, 25, 50, 66.6, 75, 90, 95, 99, 99.9, 99.99, 100};
  enum { MOST = 5000 };
  uint64_t *values = calloc(MOST, sizeof *values);
  for (uint64_t round = 0; round < 40; round++) {
    size_t count = 1 + lh_rng_below(random_at(round, 3), MOST);
    struct lh_hdr h = LH_HDR_INIT;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
      values[i] = random_value(round * MOST + i);
      if (values[i] > LH_HDR_HIGHEST_US) values[i] = LH_HDR_HIGHEST_US;
      lh_hdr_record(&h, values[i]);
      sum += (double)values[i];
    }
    qsort(values, count, sizeof *values, by_value);
    assert_int_equal(h.count, count);
    assert_int_equal(h.min_us, values[0]);
    assert_int_equal(h.max_us, values[count - 1]);
    assert_true(lh_hdr_mean(&h) == sum / (double)count);
    assert_int_equal(lh_hdr_percentile(&h, 0), values[0]);
    for (size_t p = 0; p < sizeof percentiles / sizeof *percentiles; p++) {
      size_t rank = (size_t)ceill((long double)percentiles[p] * (long double)count / 100 - 1e-9L);
      uint64_t value = values[rank ? rank - 1 : 0], high = lh_hdr_slot_high(lh_hdr_slot(value));
      assert_int_equal(lh_hdr_percentile(&h, percentiles[p]), high < h.max_us ? high : h.max_us);
    }
    lh_hdr_free(&h);
  }
  free(values);
}

/* 16.1 * 1000 / 100 is a little more than 161 in doubles: the 162nd value must not be taken for the 161st. */
static void percentiles_do_not_slip_by_a_rank(void **state) {
  (void)state;
  static const double percentiles[] = {0.1, 16.1, 29, 32.2, 57, 58, 64.9, 99.9};
  for (size_t p = 0; p < sizeof percentiles / sizeof *percentiles; p++) {
    struct lh_hdr h = LH_HDR_INIT;
    for (uint64_t i = 1; i <= 1000; i++) lh_hdr_record(&h, i);
    assert_int_equal(lh_hdr_percentile(&h, percentiles[p]), (uint64_t)(percentiles[p] * 10 + 0.5));
    lh_hdr_free(&h);
  }
}

static void an_empty_histogram_reads_as_zero(void **state) {
  (void)state;
  struct lh_hdr h;
  lh_hdr_init(&h);
  lh_hdr_record_n(&h, 77, 0);
  assert_int_equal(h.count, 0);
  assert_int_equal(lh_hdr_percentile(&h, 99), 0);
  assert_int_equal(lh_hdr_percentile(&h, 0), 0);
  assert_true(lh_hdr_mean(&h) == 0);
  assert_int_equal(lh_hdr_count_at_or_below(&h, 5), 0);
  assert_int_equal(h.min_us, UINT64_MAX);
  for (int p = 0; p < LH_HDR_PAGES; p++) assert_null(h.pages[p]);
  lh_hdr_free(&h);
  lh_hdr_free(NULL);
}

static void overflow_is_counted_and_never_moved(void **state) {
  (void)state;
  struct lh_hdr h = LH_HDR_INIT;
  lh_hdr_record_n(&h, 10, 98);
  lh_hdr_record(&h, LH_HDR_HIGHEST_US);
  lh_hdr_record(&h, LH_HDR_HIGHEST_US + 1);
  assert_int_equal(h.count, 100);
  assert_int_equal(h.overflow, 1);
  assert_int_equal(h.max_us, LH_HDR_HIGHEST_US + 1);
  assert_int_equal(lh_hdr_percentile(&h, 98), 10);
  assert_int_equal(lh_hdr_percentile(&h, 99), UINT64_C(3600000001)); /* the slot's end, capped by max */
  assert_int_equal(lh_hdr_percentile(&h, 100), LH_HDR_HIGHEST_US + 1);
  assert_int_equal(lh_hdr_count_at_or_below(&h, LH_HDR_HIGHEST_US), 99);
  assert_int_equal(lh_hdr_count_at_or_below(&h, LH_HDR_HIGHEST_US + 1), 100);
  lh_hdr_record(&h, UINT64_MAX);
  assert_int_equal(lh_hdr_count_at_or_below(&h, LH_HDR_HIGHEST_US + 1), 99);
  assert_int_equal(lh_hdr_count_at_or_below(&h, UINT64_MAX), 101);
  assert_int_equal(lh_hdr_percentile(&h, 100), UINT64_MAX);
  lh_hdr_reset(&h);
  lh_hdr_record(&h, UINT64_MAX);
  assert_int_equal(lh_hdr_percentile(&h, 1), UINT64_MAX);
  lh_hdr_free(&h);
}

struct seen {
  uint64_t count, last, visits;
};

static void see(void *context, uint32_t slot, uint64_t count) {
  struct seen *seen = context;
  assert_true(seen->visits == 0 || slot > seen->last);
  seen->last = slot;
  seen->count += count;
  seen->visits++;
}

static void each_visits_what_was_recorded(void **state) {
  (void)state;
  struct lh_hdr h = LH_HDR_INIT;
  lh_hdr_record_n(&h, 5, 3);
  lh_hdr_record_n(&h, 5000, 4);
  lh_hdr_record_n(&h, 5001, 1);
  lh_hdr_record(&h, UINT64_MAX);
  struct seen seen = {0};
  lh_hdr_each(&h, see, &seen);
  assert_int_equal(seen.visits, 2);
  assert_int_equal(seen.count, 8);
  assert_int_equal(seen.last, lh_hdr_slot(5001));
  assert_int_equal(lh_hdr_count_at_or_below(&h, 4), 0);
  assert_int_equal(lh_hdr_count_at_or_below(&h, 5), 3);
  assert_int_equal(lh_hdr_count_at_or_below(&h, 4999), 3);
  assert_int_equal(lh_hdr_count_at_or_below(&h, 5000), 8);
  lh_hdr_free(&h);
}

/* ---- merging ---- */

static void record_some(struct lh_hdr *h, uint64_t from, uint64_t count) {
  for (uint64_t i = from; i < from + count; i++) lh_hdr_record(h, random_value(i));
}

static void assert_same(const struct lh_hdr *a, const struct lh_hdr *b) {
  static const uint64_t zeros[LH_HDR_PAGE_SLOTS];
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->overflow, b->overflow);
  assert_int_equal(a->lost, b->lost);
  assert_int_equal(a->min_us, b->min_us);
  assert_int_equal(a->max_us, b->max_us);
  assert_true(a->sum_us == b->sum_us);
  for (int p = 0; p < LH_HDR_PAGES; p++)
    assert_memory_equal(a->pages[p] ? a->pages[p] : zeros, b->pages[p] ? b->pages[p] : zeros, sizeof zeros);
}

static void merging_equals_recording_all(void **state) {
  (void)state;
  struct lh_hdr a = LH_HDR_INIT, b = LH_HDR_INIT, both = LH_HDR_INIT, reversed = LH_HDR_INIT;
  record_some(&a, 0, 700);
  record_some(&b, 700, 900);
  lh_hdr_record(&b, LH_HDR_HIGHEST_US * 2);
  b.lost = 3;
  record_some(&both, 0, 1600);
  lh_hdr_record(&both, LH_HDR_HIGHEST_US * 2);
  both.lost = 3;
  assert_int_equal(lh_hdr_merge(&reversed, &b), 0);
  assert_int_equal(lh_hdr_merge(&reversed, &a), 0);
  assert_int_equal(lh_hdr_merge(&a, &b), 0);
  assert_same(&a, &both);
  assert_same(&reversed, &both);
  lh_hdr_free(&a);
  lh_hdr_free(&b);
  lh_hdr_free(&both);
  lh_hdr_free(&reversed);
}

static void reset_keeps_pages_and_merging_skips_empty_ones(void **state) {
  (void)state;
  struct lh_hdr a = LH_HDR_INIT, b = LH_HDR_INIT, empty = LH_HDR_INIT;
  lh_hdr_record(&a, 5);
  const uint64_t *page = a.pages[0];
  lh_hdr_reset(&a);
  assert_ptr_equal(a.pages[0], page);
  assert_same(&a, &empty);
  assert_int_equal(lh_hdr_merge(&b, &a), 0);
  assert_null(b.pages[0]);
  lh_hdr_free(&a);
  assert_null(a.pages[0]);
  lh_hdr_record(&a, 5);
  assert_int_equal(a.count, 1);
  lh_hdr_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slots_follow_each_other),
      cmocka_unit_test(slots_are_the_reference_s),
      cmocka_unit_test(values_keep_three_digits),
      cmocka_unit_test(percentiles_are_those_of_the_sorted_values),
      cmocka_unit_test(percentiles_do_not_slip_by_a_rank),
      cmocka_unit_test(an_empty_histogram_reads_as_zero),
      cmocka_unit_test(overflow_is_counted_and_never_moved),
      cmocka_unit_test(each_visits_what_was_recorded),
      cmocka_unit_test(merging_equals_recording_all),
      cmocka_unit_test(reset_keeps_pages_and_merging_skips_empty_ones),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
