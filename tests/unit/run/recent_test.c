#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "run/recent.h"

static struct lh_snapshot snapshot(uint64_t sent, uint64_t response_us) {
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  s.counters[LH_COUNTER_messages_sent] = sent;
  if (response_us > 0) lh_hdr_record_n(&s.hists[LH_HIST_response], response_us, sent);
  return s;
}

static void add(struct lh_recent *r, uint32_t worker, uint64_t tick, uint64_t sent, uint64_t response_us) {
  struct lh_snapshot s = snapshot(sent, response_us);
  struct lh_worker_health health = {.cpu_user_us = 100000, .rss_bytes = 1000, .loop_lag_max_us = tick};
  lh_recent_add(r, worker, tick, &health, &s);
  lh_snapshot_free(&s);
}

static void test_window(void **state) {
  (void)state;
  struct lh_recent *r = lh_recent_new(1, 2, LH_NS_PER_S);
  assert_non_null(r);
  assert_int_equal(lh_recent_of(r, 0).replied, 0);
  for (uint64_t tick = 1; tick <= 4; tick++)
    for (uint32_t w = 0; w < 2; w++) add(r, w, tick, 50, 1000);
  struct lh_recent_group g = lh_recent_of(r, 0);
  assert_true(g.sent_per_s > 99.9 && g.sent_per_s < 100.1);
  assert_int_equal(g.replied, 400);
  assert_int_equal(g.p99_us, 1000);
  struct lh_recent_health health = lh_recent_health(r);
  assert_true(health.cpu_percent > 19.9 && health.cpu_percent < 20.1);
  assert_int_equal(health.rss_bytes, 2000);
  assert_int_equal(health.loop_lag_max_us, 4);

  /* A gap longer than the window leaves nothing of what was before; a tick from before the window is left out. */
  add(r, 0, 30, 10, 2000);
  add(r, 1, 20, 99, 9000);
  g = lh_recent_of(r, 0);
  assert_int_equal(g.replied, 10);
  assert_int_equal(g.p50_us, 2000);
  assert_true(g.sent_per_s > 0.99 && g.sent_per_s < 1.01);
  assert_true(lh_recent_health(r).cpu_percent > 0.99 && lh_recent_health(r).cpu_percent < 1.01);
  lh_recent_worker_lost(r, 1);
  assert_int_equal(lh_recent_health(r).rss_bytes, 1000);
  lh_recent_free(r);
}

static void add_endings(struct lh_recent *r, uint64_t tick, enum lh_reason reason, int32_t code, uint64_t count) {
  struct lh_snapshot s = snapshot(0, 0);
  struct lh_worker_health health = {0};
  struct lh_ending e = {.stage = LH_STAGE_OPEN, .reason = (uint8_t)reason, .code = code};
  for (uint64_t i = 0; i < count; i++) lh_snapshot_tally(&s, &e);
  lh_recent_add(r, 0, tick, &health, &s);
  lh_snapshot_free(&s);
}

static void test_endings(void **state) {
  (void)state;
  struct lh_recent *r = lh_recent_new(1, 1, LH_NS_PER_S);
  struct lh_recent_ending out[LH_RECENT_ENDINGS];
  assert_non_null(r);
  add_endings(r, 1, LH_REASON_CLOSE_FRAME, 1012, 3);
  add_endings(r, 2, LH_REASON_RST, 0, 1);
  add_endings(r, 3, LH_REASON_CLOSE_FRAME, 1012, 4);
  add_endings(r, 4, LH_REASON_LIFETIME, 0, 9); /* by plan: not shown */
  assert_int_equal(lh_recent_endings(r, out), 2);
  assert_int_equal(out[0].tick, 3);
  assert_int_equal(out[0].tally.count, 7);
  assert_int_equal(out[1].tally.reason, LH_REASON_RST);

  /* The list is full: what was seen longest ago makes room. */
  for (int i = 0; i < LH_RECENT_ENDINGS; i++) add_endings(r, 10 + (uint64_t)i, LH_REASON_CLOSE_FRAME, 4000 + i, 1);
  assert_int_equal(lh_recent_endings(r, out), LH_RECENT_ENDINGS);
  assert_int_equal(out[0].tally.code, 4000 + LH_RECENT_ENDINGS - 1);
  assert_int_equal(out[LH_RECENT_ENDINGS - 1].tally.code, 4000);
  lh_recent_free(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_window), cmocka_unit_test(test_endings)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
