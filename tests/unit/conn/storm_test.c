/* A server's restart as 20,000 clients see it, on invented time: all are dropped at once and come back by full jitter, 500 ms
 * to 30 s, under a connect-rate cap. What the cap holds back is counted as waiting, and nobody is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/conn/engine.h"

#include "null_group.h"

enum { CLIENTS = 20000, CALM_S = 40, SECONDS = 90 };

static struct lh_stage_point all[] = {{0, 0}, {10 * LH_NS_PER_S, CLIENTS}};
static char name[] = "herd";

struct herd {
  struct lh_group group;
  struct lh_config config;
  struct lh_engine *engine;
  struct lh_snapshot total;
  uint64_t now_ns;
};

static void make(struct herd *herd, double connect_rate, uint32_t connecting_max) {
  *herd = (struct herd){.group = null_group(name, CLIENTS, (struct lh_ramp){all, 2}),
                        .config = {.groups = &herd->group,
                                   .group_count = 1,
                                   .run = {.seed = 7,
                                           .drain_ns = LH_NS_PER_S,
                                           .connect_rate = connect_rate,
                                           .connecting_max = connecting_max}},
                        .now_ns = LH_NS_PER_S};
  herd->group.null_service_ns = 5 * LH_NS_PER_MS;
  const struct lh_engine_args args = {
      .config = &herd->config, .slice = {0, 1}, .start_ns = herd->now_ns, .start_wall_us = 1800000000000000, .workers = 1};
  struct lh_err err = {0};
  if (lh_engine_new(&herd->engine, &args, &err) < 0) fail_msg("%s", err.text);
  lh_snapshot_init(&herd->total);
}

/* One second; what it added, and the gauges at its end. */
static struct lh_snapshot *go_on(struct herd *herd) {
  uint64_t until_ns = herd->now_ns + LH_NS_PER_S, next = lh_engine_next_ns(herd->engine);
  while (next < until_ns) {
    herd->now_ns = next > herd->now_ns ? next : herd->now_ns + 1;
    next = lh_engine_turn(herd->engine, herd->now_ns);
  }
  herd->now_ns = until_ns;
  struct lh_snapshot *s = lh_engine_snapshot(herd->engine, 0, herd->now_ns);
  struct lh_err err = {0};
  assert_int_equal(lh_snapshot_merge_later(&herd->total, s), 0);
  if (lh_snapshot_check(&herd->total, &err) < 0) fail_msg("%s", err.text);
  return s;
}

static void drop_all(struct herd *herd) {
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_RST, .code = 104};
  for (uint32_t slot = 0; slot < CLIENTS; slot++) lh_engine_on_ended(herd->engine, slot, &seen, herd->now_ns);
}

/* As the clients come, the server refuses them: so many seconds. */
static void refuse_connecting(struct herd *herd) {
  const struct lh_ending seen = {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_REFUSED, .code = 111};
  for (uint32_t slot = 0; slot < CLIENTS; slot++)
    if (lh_engine_state_of(herd->engine, slot) == LH_CLIENT_CONNECTING)
      lh_engine_on_ended(herd->engine, slot, &seen, herd->now_ns);
}

static void play(double connect_rate, uint32_t connecting_max, uint64_t *queued_peak, uint64_t *attempts_peak, uint32_t *all_s) {
  struct herd herd;
  make(&herd, connect_rate, connecting_max);
  for (int s = 0; s < CALM_S; s++) lh_snapshot_next(go_on(&herd));
  struct lh_snapshot *s = lh_engine_snapshot(herd.engine, 0, herd.now_ns);
  assert_int_equal(s->gauges[LH_GAUGE_open], CLIENTS);
  drop_all(&herd);
  *queued_peak = *attempts_peak = 0;
  *all_s = 0;
  for (uint32_t second = 1; second <= SECONDS; second++) {
    s = go_on(&herd);
    const uint64_t *g = s->gauges;
    assert_int_equal(g[LH_GAUGE_waiting] + g[LH_GAUGE_connecting] + g[LH_GAUGE_open], CLIENTS);
    assert_true(g[LH_GAUGE_queued] <= g[LH_GAUGE_waiting]);
    assert_true(connecting_max == 0 || g[LH_GAUGE_connecting] <= connecting_max);
    if (g[LH_GAUGE_queued] > *queued_peak) *queued_peak = g[LH_GAUGE_queued];
    if (s->counters[LH_COUNTER_attempts] > *attempts_peak) *attempts_peak = s->counters[LH_COUNTER_attempts];
    if (g[LH_GAUGE_open] == CLIENTS && *all_s == 0) *all_s = second;
    lh_snapshot_next(s);
  }
  assert_int_equal(herd.total.counters[LH_COUNTER_reconnects], CLIENTS);
  assert_int_equal(herd.total.hists[LH_HIST_outage].count, CLIENTS);
  assert_int_equal(herd.total.gauges[LH_GAUGE_queued], 0);
  lh_engine_free(herd.engine);
  lh_snapshot_free(&herd.total);
}

/* All waits of 0 to 500 ms end within the first second: without a cap all come at once, with one of 2,000/s the others wait. */
static void test_the_cap_holds_and_what_waits_is_counted(void **state) {
  (void)state;
  uint64_t queued, attempts;
  uint32_t all_s;
  play(2000, 0, &queued, &attempts, &all_s);
  assert_true(attempts <= 2000 + 20);
  assert_true(queued >= 17900 && queued <= 18100);
  assert_int_equal(all_s, 10);
  play(1e9, 16000000, &queued, &attempts, &all_s);
  assert_int_equal(attempts, CLIENTS);
  assert_int_equal(queued, 0);
  assert_int_equal(all_s, 1);
  play(1e9, 100, &queued, &attempts, &all_s); /* 100 handshakes at once, 5 ms each, are 20,000/s at most */
  assert_true(attempts <= 20000);
}

/* A server that refuses everybody for 20 s: the queue drains into backoff, and the books still balance. */
static void test_refused_meanwhile(void **state) {
  (void)state;
  struct herd herd;
  make(&herd, 2000, 0);
  for (int s = 0; s < CALM_S; s++) lh_snapshot_next(go_on(&herd));
  drop_all(&herd);
  uint64_t queued = 0;
  for (uint32_t second = 0; second < 120; second++) {
    struct lh_snapshot *s = go_on(&herd);
    if (s->gauges[LH_GAUGE_queued] > queued) queued = s->gauges[LH_GAUGE_queued];
    assert_true(s->counters[LH_COUNTER_attempts] <= 2000 + 20);
    lh_snapshot_next(s);
    if (second < 20) refuse_connecting(&herd);
  }
  assert_true(queued > 15000);
  assert_int_equal(herd.total.gauges[LH_GAUGE_open], CLIENTS);
  assert_int_equal(herd.total.gauges[LH_GAUGE_queued], 0);
  assert_int_equal(herd.total.counters[LH_COUNTER_reconnects], CLIENTS);
  lh_engine_free(herd.engine);
  lh_snapshot_free(&herd.total);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_cap_holds_and_what_waits_is_counted),
      cmocka_unit_test(test_refused_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
