/* Storms read from ticks of a second, in runs whose intervals are ten times as long; and whether attempts were spread. */
#include "night.h"

#include "longhaul/plan/plan.h"

static const struct lh_drop by_rst = {.reason = LH_REASON_RST};
static const struct lh_reconnect_config policy = {
    .enabled = true, .first_ns = LH_NS_PER_S / 2, .max_ns = 30 * LH_NS_PER_S, .factor = 2, .jitter = LH_BACKOFF_FULL};

#define assert_ns(value, seconds)                                                                                              \
  do {                                                                                                                         \
    uint64_t value_ = (value), expected_ = (seconds) < 0 ? LH_NEVER : S(seconds);                                              \
    if (value_ != expected_) fail_msg("%s: %.3f s, expected %.3f s", #value, (double)value_ / 1e9, (double)expected_ / 1e9);   \
  } while (0)

/* 1,000 clients, intervals of 10 s, a storm of 800 at 25.2 s; what is open at the end of each second from 25 s on. */
static void test_recovery(void **state) {
  (void)state;
  static const uint64_t open[] = {200, 200, 500, 600, 900, 959, 960, 999, 1000};
  struct night *n = night_begin(1000, 30, 10);
  night_ticks(n, policy);
  night_second(n, 3, (struct lh_second){.attempts = 1000, .opened = 1000, .open = 1000});
  night_drops(n, 25.2, 0.3, 800, by_rst);
  for (size_t i = 0; i < sizeof open / sizeof *open; i++)
    night_second(n, 25 + (double)i,
                 (struct lh_second){.drops = i ? 0 : 800,
                                    .attempts = 100 * (9 - i),
                                    .failed = 10,
                                    .open = open[i],
                                    .queued = i == 2 ? 300 : i,
                                    .retry_afters = 1});
  night_second(n, 60, (struct lh_second){.attempts = 5000, .failed = 5000, .open = 1000});
  n->open[2] = 250; /* intervals know less */
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  const struct lh_storm *storm = n->storms;
  assert_ns(storm->resolution_ns, 1);
  assert_int_equal(storm->open_before, 1000);
  assert_ns(storm->back_50_ns, 28.0 + 1 - 25.2); /* 600 of 1,000 open: half of the 800 are back */
  assert_ns(storm->back_95_ns, 31.0 + 1 - 25.2);
  assert_ns(storm->back_100_ns, 33.0 + 1 - 25.2);
  assert_true(storm->attempts_peak_per_s == 900);
  assert_int_equal(storm->failed_attempts, 90);
  assert_int_equal(storm->queued_peak, 300);
  assert_int_equal(storm->retry_afters, 9);
  assert_false(storm->overtaken);
  struct lh_storm_curve curve;
  lh_storm_draw(&n->group.series, storm, &curve);
  assert_ns(curve.from_ns, 24);
  assert_ns(curve.step_ns, 1);
  assert_int_equal(curve.count, 10);
  assert_int_equal(curve.points[0].open, 1000);
  assert_int_equal(curve.points[1].drops, 800);
  assert_int_equal(curve.points[9].open, 1000);
}

/* Nothing is known before the first interval, or the report begins there: the drops themselves were open. */
static void test_first_interval(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 30, 10);
  night_ticks(n, policy);
  night_drops(n, 0.5, 0.2, 600, by_rst);
  night_second(n, 0, (struct lh_second){.attempts = 600, .opened = 600, .drops = 600, .open = 0});
  night_second(n, 1, (struct lh_second){.attempts = 600, .opened = 600, .open = 600});
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  assert_int_equal(n->storms->open_before, 600);
  assert_ns(n->storms->back_100_ns, 1.5);
  /* With a second before it in the same interval the level is known. */
  n = night_begin(1000, 30, 10);
  night_ticks(n, policy);
  night_drops(n, 5.5, 0.2, 600, by_rst);
  night_second(n, 0, (struct lh_second){.attempts = 900, .opened = 900, .open = 900});
  night_second(n, 5, (struct lh_second){.drops = 600, .open = 300});
  night_second(n, 6, (struct lh_second){.attempts = 600, .opened = 600, .open = 900});
  night_storms(n);
  assert_int_equal(n->storms->open_before, 900);
  assert_ns(n->storms->back_100_ns, 1.5);
}

/* Still dropping when the run ends, and those that drop in its last second. */
static void test_at_the_end(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 10, 10);
  night_ticks(n, policy);
  night_second(n, 0, (struct lh_second){.attempts = 1000, .opened = 1000, .open = 1000});
  night_drops(n, 95, 4.9, 1000, by_rst);
  for (int i = 0; i < 5; i++)
    night_second(n, 95 + i, (struct lh_second){.drops = 200, .attempts = 150, .failed = 150, .open = 800 - 200 * (uint64_t)i});
  night_storms(n);
  assert_int_equal(n->group.storm_count, 1);
  assert_int_equal(n->storms->drops, 1000);
  assert_ns(n->storms->back_50_ns, -1);
  assert_int_equal(n->storms->failed_attempts, 750);
  /* The end of the run takes the last ones down: nobody is back. */
  n->wanted[9] = 0;
  n->open[9] = 0;
  night_storms(n);
  assert_ns(n->storms->back_50_ns, -1);
  struct lh_storm_curve curve;
  lh_storm_draw(&n->group.series, n->storms, &curve);
  assert_int_equal(curve.count, 6);
}

/* 600 of 1,000 drop at 20 s; at 25 s, with 800 open, 400 drop; all are back at the end of second 31. */
static void test_overlapping(void **state) {
  (void)state;
  static const uint64_t open[] = {400, 500, 600, 700, 800, 400, 600, 800, 900, 960, 999, 1000};
  struct night *n = night_begin(1000, 10, 10);
  night_ticks(n, policy);
  night_second(n, 0, (struct lh_second){.attempts = 1000, .opened = 1000, .open = 1000});
  night_drops(n, 20.0, 0.5, 600, by_rst);
  night_drops(n, 25.0, 0.5, 400, by_rst);
  for (size_t i = 0; i < sizeof open / sizeof *open; i++)
    night_second(n, 20 + (double)i, (struct lh_second){.attempts = i < 5 ? 200 : 100 + i, .failed = 1, .open = open[i]});
  night_find(n);
  assert_int_equal(n->group.storm_count, 2);
  const struct lh_storm *a = &n->storms[0], *b = &n->storms[1];
  assert_true(a->overtaken);
  assert_false(b->overtaken);
  assert_int_equal(a->full, 1000);
  assert_ns(a->back_50_ns, 4);
  assert_ns(a->back_95_ns, -1);
  assert_int_equal(a->failed_attempts, 5);
  assert_int_equal(b->open_before, 800);
  assert_int_equal(b->full, 1000);
  assert_ns(b->back_50_ns, 3);  /* 600 are out after it: back when 700 are open */
  assert_ns(b->back_95_ns, 6);  /* 970: 999 */
  assert_ns(b->back_100_ns, 7);
  assert_true(a->attempts_peak_per_s == 200 && b->attempts_peak_per_s == 111);
  assert_non_null(strstr(n->found.items[0].sentence, "half were back within 4.00 s, the others not before the next mass drop."));
  /* Where all were back before the second storm it stands for itself. */
  n->seconds[5].open = 1000;
  night_storms(n);
  assert_false(n->storms[0].overtaken);
  assert_int_equal(n->storms[1].open_before, 1000);
  assert_ns(n->storms[0].back_100_ns, 5);
}

/* Long recoveries are drawn in steps of several ticks, and without ticks by intervals. */
static void test_curve(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 100, 10);
  night_drops(n, 100, 0.5, 1000, by_rst);
  for (size_t i = 10; i < 100; i++) n->open[i] = 0;
  night_storms(n);
  struct lh_storm_curve curve;
  lh_storm_draw(&n->group.series, n->storms, &curve);
  assert_ns(curve.step_ns, 10);
  assert_int_equal(curve.count, 61); /* ten minutes, and what was before */
  night_ticks(n, policy);
  night_second(n, 0, (struct lh_second){.attempts = 1000, .opened = 1000, .open = 1000});
  night_second(n, 100, (struct lh_second){.drops = 1000, .open = 0});
  for (int i = 1; i < 500; i++) night_second(n, 100 + i, (struct lh_second){.attempts = 2, .opened = 2, .open = 2 * (uint64_t)i});
  night_storms(n);
  lh_storm_draw(&n->group.series, n->storms, &curve);
  assert_ns(curve.step_ns, 6);
  assert_int_equal(curve.count, 101);
  uint64_t attempts = 0;
  for (size_t i = 0; i < curve.count; i++) attempts += curve.points[i].attempts;
  assert_int_equal(attempts, 998);
}

/* run.mass_drop is the report's rule too. */
static void test_enough(void **state) {
  (void)state;
  static const struct {
    uint64_t enough;
    size_t drops, storms;
  } rows[] = {{0, 10, 0}, {0, 11, 1}, {7, 6, 0}, {7, 7, 1}, {200, 199, 0}, {200, 200, 1}, {1, 1, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct night *n = night_begin(1000, 30, 10);
    n->group.series.enough = rows[i].enough;
    night_drops(n, 100, 0.5, rows[i].drops, by_rst);
    night_storms(n);
    assert_int_equal(n->group.storm_count, rows[i].storms);
  }
}

/* ---- spread ---- */

/* The worked example of spread.c. */
static void test_even_peak(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 30, 10);
  night_ticks(n, policy);
  n->reconnect.first_ns = 2 * LH_NS_PER_S;
  night_drops(n, 100, 1, 1000, by_rst);
  night_second(n, 0, (struct lh_second){.attempts = 1000, .opened = 1000, .open = 1000});
  night_second(n, 100, (struct lh_second){.drops = 1000});
  night_second(n, 102, (struct lh_second){.attempts = 1000, .opened = 1000, .open = 1000});
  night_storms(n);
  assert_true(n->storms->even_peak_per_s > 470 && n->storms->even_peak_per_s < 530);
  assert_int_equal(lh_storm_spread(&n->group.series, n->storms), LH_SPREAD_BUNCHED);
  n->seconds[2].retry_afters = 500; /* not the policy's waits: nothing to compare with */
  n->seconds[2].failed = 500;
  night_storms(n);
  assert_int_equal(lh_storm_spread(&n->group.series, n->storms), LH_SPREAD_UNKNOWN);
}

struct trial {
  enum lh_backoff_jitter jitter;
  uint64_t first_ms, max_ms;
  uint32_t down_s;  /* every attempt fails for so long */
  uint32_t per_s;   /* rate cap; 0: none */
  enum lh_spread expected;
};

/* 5,000 clients dropped within 0.3 s, each with its own backoff; what they do is counted second by second. */
static void play(struct night *n, const struct trial *trial) {
  enum { CLIENTS = 5000, SECONDS = 300, BEGIN = 100 };
  static uint32_t attempts[SECONDS], failed[SECONDS], asked[SECONDS];
  memset(attempts, 0, sizeof attempts);
  memset(failed, 0, sizeof failed);
  memset(asked, 0, sizeof asked);
  for (uint32_t client = 0; client < CLIENTS; client++) {
    uint64_t at_ns = (uint64_t)client * 300 * LH_NS_PER_MS / CLIENTS;
    for (uint32_t attempt = 1;; attempt++) {
      at_ns += lh_plan_backoff_ns(&n->reconnect, 42, 0, client, attempt + 1, attempt);
      uint64_t second = at_ns / LH_NS_PER_S;
      if (second >= SECONDS) break;
      asked[second]++;
      attempts[second]++;
      if (second >= trial->down_s) break;
      failed[second]++;
    }
  }
  uint64_t open = 0, queue = 0;
  night_second(n, 0, (struct lh_second){.attempts = CLIENTS, .opened = CLIENTS, .open = CLIENTS});
  for (uint32_t i = 0; i < SECONDS; i++) {
    queue += asked[i];
    uint64_t begun = trial->per_s && queue > trial->per_s ? trial->per_s : queue;
    queue -= begun;
    uint64_t lost = failed[i] < begun ? failed[i] : begun;
    open += begun - lost;
    night_second(n, BEGIN + i,
                 (struct lh_second){.drops = i ? 0 : CLIENTS,
                                    .attempts = begun,
                                    .failed = lost,
                                    .opened = begun - lost,
                                    .open = open,
                                    .queued = queue});
  }
}

static void test_spread(void **state) {
  (void)state;
  static const struct trial trials[] = {
      {LH_BACKOFF_FULL, 500, 30000, 20, 0, LH_SPREAD_EVEN},     {LH_BACKOFF_FULL, 500, 30000, 60, 0, LH_SPREAD_EVEN},
      {LH_BACKOFF_FULL, 5000, 30000, 0, 0, LH_SPREAD_EVEN},     {LH_BACKOFF_FULL, 10000, 10000, 60, 0, LH_SPREAD_EVEN},
      {LH_BACKOFF_NONE, 5000, 30000, 0, 0, LH_SPREAD_BUNCHED},  {LH_BACKOFF_NONE, 10000, 10000, 60, 0, LH_SPREAD_BUNCHED},
      {LH_BACKOFF_EQUAL, 5000, 30000, 0, 0, LH_SPREAD_BUNCHED}, {LH_BACKOFF_FULL, 500, 30000, 0, 1000, LH_SPREAD_CAPPED},
  };
  for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
    const struct trial *trial = &trials[i];
    struct night *n = night_begin(5000, 60, 10);
    night_ticks(n, policy);
    n->reconnect.jitter = trial->jitter;
    n->reconnect.first_ns = trial->first_ms * LH_NS_PER_MS;
    n->reconnect.max_ns = trial->max_ms * LH_NS_PER_MS;
    n->group.series.connect_rate = trial->per_s;
    night_drops(n, 100, 0.3, 5000, by_rst);
    play(n, trial);
    night_storms(n);
    const struct lh_storm *storm = n->storms;
    double ratio = storm->attempts_peak_per_s / storm->even_peak_per_s;
    enum lh_spread spread = lh_storm_spread(&n->group.series, storm);
    if (spread != trial->expected)
      fail_msg("trial %zu: %s, peak %.0f, even %.0f", i, lh_spread_name(spread), storm->attempts_peak_per_s,
               storm->even_peak_per_s);
    if (trial->expected == LH_SPREAD_EVEN && (ratio < 0.7 || ratio > 1.4)) fail_msg("trial %zu: ratio %.2f", i, ratio);
  }
}

static void test_sentences(void **state) {
  (void)state;
  static const struct {
    struct trial trial;
    const char *words;
  } rows[] = {
      {{LH_BACKOFF_FULL, 5000, 30000, 0, 0, LH_SPREAD_EVEN}, "/s: the backoff spread them well."},
      {{LH_BACKOFF_NONE, 5000, 30000, 0, 0, LH_SPREAD_BUNCHED},
       " Attempts peaked at 5,000/s; waits drawn evenly would give 1,000/s: they came in bunches (reconnect.jitter is none; full "
       "spreads them)."},
      {{LH_BACKOFF_FULL, 500, 30000, 0, 1000, LH_SPREAD_CAPPED},
       "/s: the connect-rate cap of 1,000/s held them down, and at most 4,"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct night *n = night_begin(5000, 60, 10);
    night_ticks(n, policy);
    n->reconnect.jitter = rows[i].trial.jitter;
    n->reconnect.first_ns = rows[i].trial.first_ms * LH_NS_PER_MS;
    n->group.series.connect_rate = rows[i].trial.per_s;
    night_drops(n, 100, 0.3, 5000, by_rst);
    play(n, &rows[i].trial);
    night_find(n);
    const struct lh_finding *found = night_finding(n, "outage");
    assert_non_null(found);
    if (!strstr(found->sentence, rows[i].words)) fail_msg("%s\ndoes not say\n%s", found->sentence, rows[i].words);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_recovery),  cmocka_unit_test(test_first_interval), cmocka_unit_test(test_at_the_end),
      cmocka_unit_test(test_overlapping), cmocka_unit_test(test_curve),        cmocka_unit_test(test_enough),
      cmocka_unit_test(test_even_peak), cmocka_unit_test(test_spread),         cmocka_unit_test(test_sentences),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
