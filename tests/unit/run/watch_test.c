/* Objectives judged while a run goes on, over a file that has all of it: windows with `for`. */
#include "../report/synthetic.h"

#include "run/watch.h"

/* The storm takes 200 clients in one interval and the slow spell lasts two, right after ten minutes. */
static struct synthetic run_of(void **state, const char *slo) {
  struct synthetic_place *p = *state;
  return (struct synthetic){.folder = p->folder,
                            .slo = slo,
                            .groups = 2,
                            .intervals = 120,
                            .clients = 100,
                            .interval_ns = 10 * LH_NS_PER_S,
                            .storm_at = 90,
                            .slow_from = 60,
                            .slow_until = 62,
                            .how = LH_RUN_COMPLETE,
                            .finish = true};
}

static size_t breaches_of(void **state, const char *slo) {
  struct synthetic s = run_of(state, slo);
  struct lh_watch *watch;
  size_t begun = 0;
  synthetic_write(&s);
  struct lh_config *config = synthetic_config(&s);
  assert_int_equal(lh_watch_new(&watch, config), 0);
  for (uint64_t i = 1; i <= s.intervals; i++) begun += lh_watch_interval(watch, s.path, i * s.interval_ns).begun_count;
  lh_watch_free(watch);
  lh_config_free(config);
  synthetic_free(&s);
  return begun;
}

/* Windows overlap: what one has counted is not counted again with the next. */
static void test_counts(void **state) {
  assert_int_equal(breaches_of(state, "slo:\n  - {metric: drops, below: 300, for: 5m, abort_after: 1h}\n"), 0);
  assert_int_equal(breaches_of(state, "slo:\n  - {metric: drops, below: 150, for: 5m, abort_after: 1h}\n"), 1);
  assert_int_equal(breaches_of(state, "slo:\n  - {metric: drops, below: 150, abort_after: 1h}\n"), 1);
}

/* A slow moment right after the grace is no slow minute. */
static void test_grace(void **state) {
  assert_int_equal(breaches_of(state, "slo:\n  - {metric: chat.response.p50, below: 100ms, for: 1m, after: 10m, abort_after: 1h}\n"), 0);
  assert_int_equal(breaches_of(state, "slo:\n  - {metric: chat.response.p50, below: 100ms, after: 10m, abort_after: 1h}\n"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {SYNTHETIC_TEST(test_counts), SYNTHETIC_TEST(test_grace)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
