/* Where storms begin and end, how many drops they need, and when all are back. */
#include "night.h"

static const struct lh_drop by_rst = {.reason = LH_REASON_RST};
static const struct lh_drop by_close = {.reason = LH_REASON_CLOSE_FRAME, .code = 1012};

static void test_how_many_make_a_storm(void **state) {
  (void)state;
  static const struct {
    uint32_t clients;
    size_t drops;
    double within_s;
    size_t storms;
  } rows[] = {
      {3, 3, 0.1, 0},     {10, 4, 0.1, 0},      {10, 5, 0.1, 1},      {400, 4, 0.5, 0},     {400, 5, 0.5, 1},
      {1000, 10, 0.5, 0}, {1000, 11, 0.5, 1},   {1000, 11, 1.0, 1},   {1000, 11, 1.01, 0},  {5000, 49, 0.5, 0},
      {5000, 50, 0.5, 1}, {100000, 49, 0.5, 0}, {100000, 50, 0.5, 1}, {100000, 50, 1.2, 0}, {5000, 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct night *n = night_begin(rows[i].clients, 100, 1);
    night_drops(n, 50.2, rows[i].within_s, rows[i].drops, by_rst);
    night_storms(n);
    if (n->group.storm_count != rows[i].storms)
      fail_msg("%u clients, %zu drops within %g s: %zu storms", rows[i].clients, rows[i].drops, rows[i].within_s,
               n->group.storm_count);
  }
}

/* The worked example of storms.c. */
static void test_merging(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 100, 1);
  night_drops(n, 10.0, 0, 6, by_rst);
  night_drops(n, 10.9, 0, 6, by_rst);
  night_drops(n, 11.8, 0, 6, by_rst);
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  assert_int_equal(n->storms[0].drops, 18);
  assert_int_equal(n->storms[0].from_ns, S(10.0));
  assert_int_equal(n->storms[0].until_ns, S(11.8));
  n = night_begin(1000, 100, 1);
  night_drops(n, 10.0, 0, 6, by_rst);
  night_drops(n, 10.9, 0, 6, by_rst);
  night_drops(n, 12.0, 0, 6, by_rst);
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  assert_int_equal(n->storms[0].drops, 12);
  assert_int_equal(n->storms[0].until_ns, S(10.9));
}

static void test_two_storms_and_single_drops(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 100, 1);
  night_drops(n, 1, 8, 9, by_rst); /* one a second: no storm */
  night_drops(n, 20, 0.5, 600, by_rst);
  night_drops(n, 20.6, 0.1, 100, by_close);
  night_drops(n, 30, 5, 6, by_rst);
  night_drops(n, 60, 0.9, 30, by_close);
  night_storms(n);
  assert_int_equal(n->group.storm_count, 2);
  assert_int_equal(n->storms[0].drops, 700);
  assert_int_equal(n->storms[0].reason, LH_REASON_RST);
  assert_int_equal(n->storms[0].code, 0);
  assert_int_equal(n->storms[1].drops, 30);
  assert_int_equal(n->storms[1].reason, LH_REASON_CLOSE_FRAME);
  assert_int_equal(n->storms[1].code, 1012);
  /* Room for one: the first. */
  struct lh_storm one[1];
  assert_int_equal(lh_find_storms(&n->group.series, n->drops, n->group.drop_count, one, 1), 1);
  assert_int_equal(one[0].drops, 700);
  assert_int_equal(lh_find_storms(&n->group.series, n->drops, n->group.drop_count, NULL, 0), 2);
}

/* Silent peers are found one after the other as their pings fall due: one storm, however long. */
static void test_long_storm(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 100, 1);
  night_drops(n, 20, 30, 5000, (struct lh_drop){.reason = LH_REASON_SILENT_PEER});
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  assert_int_equal(n->storms[0].drops, 5000);
  assert_int_equal(n->storms[0].until_ns, S(50));
  /* While it lasts, those not yet dropped are not taken for those back. */
  for (uint32_t i = 20; i < 100; i++) n->open[i] = i < 50 ? 5000 - (i - 19) * 150 : 500 + (i - 49) * 100;
  night_storms(n);
  assert_int_equal(n->storms[0].back_50_ns, S(50)); /* 2,500 open at 70 s */
  assert_int_equal(n->storms[0].back_95_ns, S(73));
}

static void test_rows_that_stand_for_many(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 100, 1);
  night_drops(n, 20, 0, 1, (struct lh_drop){.reason = LH_REASON_WORKER_LOST, .count = 500});
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  assert_int_equal(n->storms[0].drops, 500);
}

/* Commonest code within the commonest reason, not of all. */
static void test_commonest(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 100, 1);
  night_drops(n, 20.0, 0.1, 30, (struct lh_drop){.reason = LH_REASON_RST, .code = 104});
  night_drops(n, 20.2, 0.1, 10, (struct lh_drop){.reason = LH_REASON_CLOSE_FRAME, .code = 1001});
  night_drops(n, 20.4, 0.1, 25, (struct lh_drop){.reason = LH_REASON_CLOSE_FRAME, .code = 1012});
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  assert_int_equal(n->storms[0].reason, LH_REASON_CLOSE_FRAME);
  assert_int_equal(n->storms[0].code, 1012);
}

static void test_recovery(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 100, 1);
  night_drops(n, 20.5, 0.3, 800, by_rst);
  static const uint32_t open[] = {200, 300, 600, 600, 950, 960, 999, 1000};
  for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
    n->open[20 + i] = open[i];
    n->attempts[20 + i] = 1000 - 100 * i;
    n->failures[20 + i] = 7;
  }
  n->failures[50] = 1000; /* of another time */
  night_storms(n);
  const struct lh_storm *storm = &n->storms[0];
  assert_int_equal(storm->open_before, 1000);
  assert_int_equal(storm->back_50_ns, S(2.5)); /* 600 of 1,000: 400 of 800 are back, at the end of interval 22 */
  assert_int_equal(storm->back_95_ns, S(5.5)); /* 960 */
  assert_int_equal(storm->back_100_ns, S(7.5));
  assert_true(storm->attempts_peak_per_s == 1000);
  assert_int_equal(storm->failed_attempts, 8 * 7);
}

static void test_recovery_never_seen(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 30, 10);
  night_drops(n, 205, 0.5, 1000, by_rst);
  for (size_t i = 20; i < 30; i++) n->open[i] = i < 25 ? 0 : 600;
  n->attempts[22] = 1500;
  night_storms(n);
  assert_true(n->storms[0].attempts_peak_per_s == 150); /* 1,500 in an interval of 10 s */
  assert_int_equal(n->storms[0].back_50_ns, S(55));
  assert_true(n->storms[0].back_95_ns == LH_NEVER);
  assert_true(n->storms[0].back_100_ns == LH_NEVER);
  /* The end of the run, which wants nobody, is no recovery. */
  n->wanted[29] = 0;
  n->open[29] = 0;
  night_storms(n);
  assert_true(n->storms[0].back_100_ns == LH_NEVER);
  night_find(n);
  const struct lh_finding *outage = night_finding(n, "outage");
  assert_non_null(outage);
  assert_non_null(strstr(outage->evidence, "counted as back: 50 % within 55.0 s, 95 % not seen, all not seen"));
}

/* A ramp that goes down in the meantime asks for fewer; one that goes up does not make the storm end sooner. */
static void test_recovery_on_a_ramp(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 40, 1);
  night_drops(n, 20.5, 0.3, 1000, by_rst);
  n->open[20] = 0;
  for (size_t i = 21; i < 40; i++) n->wanted[i] = n->open[i] = 500;
  night_storms(n);
  assert_int_equal(n->storms[0].back_100_ns, S(1.5));
  n = night_begin(1000, 40, 1);
  for (size_t i = 0; i < 40; i++) n->wanted[i] = n->open[i] = (uint32_t)(i * 50);
  night_drops(n, 20.5, 0.3, 500, by_rst);
  n->open[20] = 500;
  n->open[21] = 600;
  n->open[22] = 940;
  night_storms(n);
  assert_int_equal(n->storms[0].open_before, 950);
  assert_int_equal(n->storms[0].back_100_ns, S(3.5));
}

/* In the first interval there is no interval before. */
static void test_storm_at_the_start(void **state) {
  (void)state;
  struct night *n = night_begin(100, 5, 10);
  night_drops(n, 3, 0.5, 100, by_rst);
  night_storms(n);
  assert_int_equal(n->storms[0].open_before, 100);
  assert_int_equal(n->storms[0].back_100_ns, S(7));
  n = night_begin(100, 0, 10);
  night_drops(n, 3, 0.5, 100, by_rst);
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1); /* no interval at all: drops alone */
  assert_true(n->storms[0].back_50_ns == LH_NEVER);
}

/* A part of a run begins later than its first drop may. */
static void test_part_of_a_run(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 50, 1);
  n->group.series.first_ns = S(3600);
  night_drops(n, 3610.5, 0.3, 500, by_rst);
  for (int i = 10; i < 15; i++) n->open[i] = 500;
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  assert_int_equal(n->storms[0].back_100_ns, S(5.5));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_how_many_make_a_storm),
                                     cmocka_unit_test(test_merging),
                                     cmocka_unit_test(test_two_storms_and_single_drops),
                                     cmocka_unit_test(test_long_storm),
                                     cmocka_unit_test(test_rows_that_stand_for_many),
                                     cmocka_unit_test(test_commonest),
                                     cmocka_unit_test(test_recovery),
                                     cmocka_unit_test(test_recovery_never_seen),
                                     cmocka_unit_test(test_recovery_on_a_ramp),
                                     cmocka_unit_test(test_storm_at_the_start),
                                     cmocka_unit_test(test_part_of_a_run)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
