/* Nights of random numbers: whatever comes, storms keep their order and count, findings are whole, and nothing breaks. */
#include "night.h"

#include <stdlib.h>

static uint64_t number(uint64_t round, uint64_t n, uint64_t below) {
  return lh_rng_below(lh_rng_at(20261122, LH_RNG_SIM, round, n), below);
}

static int by_time(const void *a, const void *b) {
  const struct lh_drop *x = a, *y = b;
  return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

static void fill(struct night *n, uint64_t round, size_t count) {
  uint64_t at = 100;
  static const uint64_t tops[] = {1, 5, 100, 70000, UINT32_MAX};
  uint64_t top = tops[round % 5];
  for (size_t i = 0; i < count; i++) {
    if (number(round, at++, 4) == 0) n->wanted[i] = (uint32_t)number(round, at++, top);
    if (number(round, at++, 4) == 0) n->open[i] = (uint32_t)number(round, at++, top);
    n->attempts[i] = number(round, at++, top);
    n->failures[i] = number(round, at++, top);
    n->p50[i] = number(round, at++, 3) ? number(round, at++, 1000000) : 0;
    n->p99[i] = number(round, at++, round % 7 ? 1000000 : UINT64_MAX);
    n->late[i] = number(round, at++, 10) == 0;
  }
  size_t drops = (size_t)number(round, 1, 3000);
  for (size_t i = 0; i < drops; i++)
    n->drops[i] = (struct lh_drop){.at_ns = number(round, at++, S(1) * (1 + number(round, 2, 5000))),
                                   .open_ns = number(round, at++, round % 3 ? S(100) : UINT64_MAX),
                                   .idle_ns = number(round, at++, round % 4 ? S(100) : UINT64_MAX),
                                   .count = number(round, at++, 20) ? 0 : number(round, at++, 500),
                                   .stage = LH_STAGE_OPEN,
                                   .reason = (uint8_t)number(round, at++, LH_REASON_COUNT),
                                   .code = (int32_t)number(round, at++, 5000)};
  qsort(n->drops, drops, sizeof *n->drops, by_time);
  n->group.drop_count = drops;
  for (size_t i = 0; i < NIGHT_TALLIES_MAX; i++)
    night_tally(n, (double)i, (double)i + (double)number(round, at++, 1000),
                (struct lh_tally){.stage = (uint8_t)number(round, at++, LH_STAGE_COUNT),
                                  .reason = (uint8_t)number(round, at++, LH_REASON_COUNT),
                                  .count = number(round, at++, 100000)});
  for (int i = 0; i < LH_COUNTER_COUNT; i++) n->total.counters[i] = number(round, at++, top);
  n->total.tallies = n->tallies;
  n->total.tally_count = NIGHT_TALLIES_MAX;
  n->group.tls_verify = round % 2;
}

static void check_storms(const struct night *n) {
  for (size_t i = 0; i < n->group.storm_count; i++) {
    const struct lh_storm *storm = &n->storms[i];
    assert_true(storm->from_ns <= storm->until_ns);
    if (i) assert_true(n->storms[i - 1].until_ns < storm->from_ns || n->storms[i - 1].until_ns == storm->from_ns);
    uint64_t drops = 0;
    for (size_t d = 0; d < n->group.drop_count; d++)
      if (n->drops[d].at_ns >= storm->from_ns && n->drops[d].at_ns <= storm->until_ns)
        drops += n->drops[d].count ? n->drops[d].count : 1;
    assert_int_equal(drops, storm->drops);
    assert_true(storm->drops >= 5);
    assert_true(storm->back_50_ns <= storm->back_95_ns && storm->back_95_ns <= storm->back_100_ns);
  }
}

static void test_random_nights(void **state) {
  (void)state;
  for (uint64_t round = 0; round < 150; round++) {
    size_t count = (size_t)number(round, 0, round % 10 ? 400 : NIGHT_INTERVALS_MAX);
    struct night *n = night_begin((uint32_t)number(round, 3, 5000), count, round % 3 ? 10 : 1);
    fill(n, round, count);
    night_find(n);
    check_storms(n);
    for (size_t i = 0; i < n->found.count; i++) {
      const struct lh_finding *finding = &n->found.items[i];
      assert_true(*finding->id && *finding->sentence && *finding->evidence);
      if (!strchr(".?", finding->sentence[strlen(finding->sentence) - 1])) fail_msg("round %zu: %s: %s", (size_t)round, finding->id, finding->sentence);
      assert_true(finding->confidence >= 0 && finding->confidence <= 1);
      assert_true(finding->from_ns <= finding->until_ns);
      if (i) assert_true(finding->severity <= n->found.items[i - 1].severity);
    }
    n->total.tallies = NULL;
    n->total.tally_count = 0;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_nights)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
