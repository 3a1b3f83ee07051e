/* Reports go in, intervals come out: nothing is counted twice or lost, and gauges are those of the interval's end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "run/collect.h"

#define S LH_NS_PER_S
#define START (1000 * S)

static struct lh_group group = {.name = (char[]){"chat"}, .kind = LH_KIND_NULL, .target = LH_NO_TARGET, .connections = 10};
static struct lh_config config = {.groups = &group, .group_count = 1};

static struct lh_collect *make(uint32_t workers, uint64_t interval_ns) {
  struct lh_collect *c = NULL;
  struct lh_err err = {0};
  struct lh_collect_args args = {
      .config = &config, .shard = 1, .shards = 1, .workers = workers, .start_ns = START, .interval_ns = interval_ns};
  assert_int_equal(lh_collect_new(&c, &args, &err), 0);
  return c;
}

/* What a worker of five clients says: all are open and `sent` messages were answered. */
struct said {
  uint32_t worker;
  uint64_t until_ns, opened, sent;
  uint64_t open;
};

static int say(struct lh_collect *c, struct said said, struct lh_collected *added, struct lh_err *err) {
  struct lh_buf frame = LH_BUF_INIT(1 << 20);
  struct lh_worker_health health = {.from_ns = said.until_ns - S,
                                    .until_ns = said.until_ns,
                                    .cpu_user_us = 7,
                                    .rss_bytes = said.until_ns / S,
                                    .loop_lag_max_us = 1000 - said.until_ns / S % 100};
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  s.gauges[LH_GAUGE_clients] = 5;
  s.gauges[LH_GAUGE_open] = said.open;
  s.gauges[LH_GAUGE_waiting] = 5 - said.open;
  s.counters[LH_COUNTER_attempts] = s.counters[LH_COUNTER_opened] = said.opened;
  s.counters[LH_COUNTER_messages_planned] = s.counters[LH_COUNTER_messages_sent] = s.counters[LH_COUNTER_replied] = said.sent;
  lh_hdr_record_n(&s.hists[LH_HIST_response], 100, said.sent);
  assert_int_equal(lh_health_encode(&health, &frame), 0);
  assert_int_equal(lh_buf_addu32(&frame, 1), 0);
  assert_int_equal(lh_snapshot_encode(&s, &frame), 0);
  struct lh_cursor body = {(const uint8_t *)frame.data, (const uint8_t *)frame.data + frame.len, 0};
  int code = lh_collect_report(c, said.worker, &body, said.until_ns, added, err);
  lh_snapshot_free(&s);
  lh_buf_free(&frame);
  return code;
}

static void tell(struct lh_collect *c, struct said said) {
  struct lh_collected added;
  struct lh_err err = {0};
  assert_int_equal(say(c, said, &added, &err), 0);
}

static struct lh_interval *take(struct lh_collect *c, uint32_t k) {
  struct lh_err err = {0};
  struct lh_interval *v = lh_collect_take(c, &err);
  assert_non_null(v);
  assert_int_equal(v->k, k);
  assert_int_equal(lh_snapshot_check(lh_collect_total(c, 0), &err), 0);
  return v;
}

static void test_ticks(void **state) {
  (void)state;
  static const struct {
    uint64_t interval_ns;
    uint32_t ticks;
  } rows[] = {{S, 1}, {10 * S, 10}, {60 * S, 60}, {100 * LH_NS_PER_MS, 1}, {1500 * LH_NS_PER_MS, 2}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_int_equal(lh_ticks_each(rows[i].interval_ns), rows[i].ticks);
}

/* Two workers, intervals of two ticks: counters add up, gauges are the last ones, health sums and takes the worst. */
static void test_intervals(void **state) {
  (void)state;
  struct lh_collect *c = make(2, 2 * S);
  tell(c, (struct said){0, START + S, 3, 10, 3});
  tell(c, (struct said){1, START + S + S / 10, 5, 1, 5});
  tell(c, (struct said){0, START + 2 * S + 900000, 2, 20, 5});
  tell(c, (struct said){0, START + 3 * S, 0, 100, 5}); /* ahead of the other one */
  assert_int_equal(lh_collect_gauge(c, 0, LH_GAUGE_open), 10);
  assert_int_equal(lh_collect_counter(c, 0, LH_COUNTER_messages_sent), 131);
  tell(c, (struct said){1, START + 2 * S, 0, 2, 4 + 1});
  struct lh_interval *v = take(c, 0);
  assert_int_equal(v->groups[0].counters[LH_COUNTER_messages_sent], 33);
  assert_int_equal(v->groups[0].hists[LH_HIST_response].count, 33);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_open], 10);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_clients], 10);
  assert_int_equal(v->health[0].cpu_user_us, 14);
  assert_int_equal(v->health[0].loop_lag_max_us, 999);
  assert_int_equal(v->health[0].from_ns, START);
  assert_int_equal(v->health[0].rss_bytes, 1002);
  v = take(c, 1);
  assert_int_equal(v->groups[0].counters[LH_COUNTER_messages_sent], 100);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_open], 10);
  assert_int_equal(v->health[1].until_ns, 0);
  assert_false(lh_collect_pending(c));
  lh_collect_free(c);
}

/* Ticks of an interval: counters of the tick that a report ends in, levels carried on where a worker says nothing. */
static void test_seconds(void **state) {
  (void)state;
  struct lh_collect *c = make(2, 3 * S);
  tell(c, (struct said){0, START + S, 3, 0, 3});
  tell(c, (struct said){1, START + S + S / 10, 5, 0, 5});
  tell(c, (struct said){0, START + 3 * S, 1, 0, 4}); /* nothing in the second tick: the report covers both */
  tell(c, (struct said){1, START + 4 * S, 0, 0, 5});
  struct lh_interval *v = take(c, 0);
  static const struct {
    uint64_t attempts, open;
  } rows[] = {{8, 8}, {0, 8}, {1, 9}};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(v->seconds[i].from_ns, START + i * S);
    assert_int_equal(v->seconds[i].attempts, rows[i].attempts);
    assert_int_equal(v->seconds[i].opened, rows[i].attempts);
    assert_int_equal(v->seconds[i].open, rows[i].open);
  }
  tell(c, (struct said){0, START + 3 * S, 1, 0, 5}); /* after its interval was taken: the first tick there is */
  v = take(c, 1);
  assert_int_equal(v->seconds[0].from_ns, START + 3 * S);
  assert_int_equal(v->seconds[0].attempts, 1);
  assert_int_equal(v->seconds[0].open, 10);
  assert_int_equal(v->seconds[2].open, 10);
  lh_collect_free(c);
}

/* Before any report all clients stand as never started; a worker that says nothing keeps its last standing. */
static void test_silent_worker(void **state) {
  (void)state;
  struct lh_collect *c = make(2, S);
  tell(c, (struct said){0, START + S, 5, 10, 5});
  struct lh_interval *v = take(c, 0);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_open], 5);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_never_started], 5);
  tell(c, (struct said){0, START + 2 * S, 0, 10, 5});
  take(c, 1);
  /* Its report for three seconds comes at last: the numbers go to the oldest interval still in progress. */
  tell(c, (struct said){1, START + 2 * S, 5, 30, 5});
  v = take(c, 2);
  assert_int_equal(v->groups[0].counters[LH_COUNTER_messages_sent], 30);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_open], 10);
  assert_int_equal(lh_collect_total(c, 0)->counters[LH_COUNTER_messages_sent], 50);
  lh_collect_free(c);
}

struct estate_log {
  uint64_t count[LH_STAGE_COUNT];
  uint32_t calls;
};

static int log_estate(void *context, const struct lh_ending *ending, uint64_t count) {
  struct estate_log *log = context;
  log->count[ending->stage] += count;
  log->calls++;
  assert_int_equal(ending->client, UINT32_MAX);
  return 0;
}

static void test_lost_worker(void **state) {
  (void)state;
  struct lh_collect *c = make(2, S);
  struct estate_log log = {0};
  struct lh_err err = {0};
  tell(c, (struct said){0, START + S, 5, 10, 5});
  tell(c, (struct said){1, START + S, 5, 10, 5});
  take(c, 0);
  /* One drop is already known of; it is no estate. */
  struct lh_ending known = {
      .at_ns = START + S + S / 2, .started_ns = START, .open_ns = S, .stage = LH_STAGE_OPEN, .reason = LH_REASON_RST};
  lh_collect_ending(c, 0, &known);
  assert_int_equal(lh_collect_lose(c, 0, LH_REASON_WORKER_LOST, START + S + 3 * S / 4, log_estate, &log, &err), 0);
  assert_int_equal(log.calls, 1);
  assert_int_equal(log.count[LH_STAGE_OPEN], 4);
  assert_int_equal(lh_collect_gauge(c, 0, LH_GAUGE_open), 5);
  assert_int_equal(lh_collect_counter(c, 0, LH_COUNTER_drops), 5);
  assert_int_equal(lh_collect_counter(c, 0, LH_COUNTER_tester_drops), 4);
  tell(c, (struct said){1, START + 2 * S, 0, 10, 5});
  struct lh_interval *v = take(c, 1);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_open], 5);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_waiting], 5);
  assert_int_equal(v->groups[0].tally_count, 2);

  /* The replacement opens them again. */
  tell(c, (struct said){0, START + 3 * S, 5, 5, 5});
  tell(c, (struct said){1, START + 3 * S, 0, 10, 5});
  v = take(c, 2);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_open], 10);

  /* Lost again, and no replacement will come. */
  assert_int_equal(lh_collect_lose(c, 0, LH_REASON_WORKER_LOST, START + 3 * S + 1, log_estate, &log, &err), 0);
  assert_int_equal(lh_collect_retire(c, 0, START + 3 * S + 2, &err), 0);
  /* The other one is ended by us: no drops. */
  assert_int_equal(lh_collect_lose(c, 1, LH_REASON_SHUTDOWN, START + 3 * S + 3, log_estate, &log, &err), 0);
  v = take(c, 3);
  assert_int_equal(v->groups[0].gauges[LH_GAUGE_finished], 10);
  assert_int_equal(lh_collect_total(c, 0)->counters[LH_COUNTER_drops], 10);
  lh_collect_free(c);
}

static void test_damaged(void **state) {
  (void)state;
  struct lh_collect *c = make(2, S);
  struct lh_collected added;
  struct lh_err err = {0};
  tell(c, (struct said){0, START + 5 * S, 5, 10, 5});
  assert_int_equal(say(c, (struct said){0, START + 4 * S, 5, 10, 5}, &added, &err), -EBADMSG); /* goes back */
  struct lh_cursor nothing = {(const uint8_t *)"", (const uint8_t *)"", 0};
  assert_true(lh_collect_report(c, 0, &nothing, START, &added, &err) < 0);
  assert_int_equal(lh_collect_counter(c, 0, LH_COUNTER_messages_sent), 10);
  lh_collect_free(c);
  lh_collect_free(NULL);
}

/* What an onlooker sees from look to look adds up to the totals, and a lost worker's estate is in it. */
static void test_look(void **state) {
  (void)state;
  struct lh_collect *c = make(2, 10 * S);
  struct lh_collected added;
  struct lh_err err = {0};
  struct estate_log log = {0};
  uint64_t sent = 0, ended = 0;
  assert_null(lh_collect_look(c, 0));
  assert_int_equal(lh_collect_look_begin(c, &err), 0);
  for (uint64_t second = 1; second <= 25; second++) {
    assert_int_equal(say(c, (struct said){0, START + second * S, second == 1 ? 5 : 0, second, 5}, &added, &err), 0);
    assert_int_equal(say(c, (struct said){1, START + second * S, second == 1 ? 5 : 0, 2, 5}, &added, &err), 0);
    if (second % 3) continue; /* an onlooker that skips seconds misses nothing */
    const struct lh_snapshot *look = lh_collect_look(c, 0);
    sent += look->counters[LH_COUNTER_messages_sent];
    ended += look->counters[LH_COUNTER_ended];
    assert_true(look->gauges[LH_GAUGE_open] == 10);
    assert_true(look->hists[LH_HIST_response].count == look->counters[LH_COUNTER_replied]);
    lh_collect_look_next(c);
  }
  assert_int_equal(lh_collect_lose(c, 1, LH_REASON_WORKER_LOST, START + 25 * S, log_estate, &log, &err), 0);
  const struct lh_snapshot *look = lh_collect_look(c, 0);
  sent += look->counters[LH_COUNTER_messages_sent];
  ended += look->counters[LH_COUNTER_ended];
  assert_true(look->gauges[LH_GAUGE_open] == 5);
  assert_true(sent == 25 * 26 / 2 + 50);
  assert_true(sent == lh_collect_counter(c, 0, LH_COUNTER_messages_sent));
  assert_true(ended == 5 && ended == lh_collect_counter(c, 0, LH_COUNTER_ended));
  /* One that comes later is told everything, of intervals taken and not. */
  assert_non_null(lh_collect_take(c, &err));
  assert_int_equal(lh_collect_look_anew(c, &err), 0);
  look = lh_collect_look(c, 0);
  assert_true(look->counters[LH_COUNTER_messages_sent] == sent);
  assert_true(look->counters[LH_COUNTER_ended] == ended);
  assert_true(look->hists[LH_HIST_response].count == look->counters[LH_COUNTER_replied]);
  lh_collect_look_next(c);
  assert_true(lh_collect_look(c, 0)->counters[LH_COUNTER_messages_sent] == 0);
  lh_collect_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_ticks), cmocka_unit_test(test_intervals), cmocka_unit_test(test_seconds),
                                     cmocka_unit_test(test_silent_worker), cmocka_unit_test(test_lost_worker),
                                     cmocka_unit_test(test_damaged), cmocka_unit_test(test_look)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
