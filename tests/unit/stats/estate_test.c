/* What a lost worker leaves: whatever it held and whatever it still said, the books balance afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/stats/estate.h"

#define S LH_NS_PER_S

/* 10 clients: 1 not started, 2 waiting, 3 connecting, 3 open, 1 closing; 9 attempts before, 2 ended. */
static void fill(struct lh_snapshot *total) {
  lh_snapshot_init(total);
  uint64_t *c = total->counters, *g = total->gauges;
  g[LH_GAUGE_clients] = 10;
  g[LH_GAUGE_never_started] = 1;
  g[LH_GAUGE_waiting] = 2;
  g[LH_GAUGE_connecting] = 3;
  g[LH_GAUGE_open] = 3;
  g[LH_GAUGE_closing] = 1;
  c[LH_COUNTER_attempts] = 9;
  c[LH_COUNTER_ended] = 2;
  c[LH_COUNTER_ended_open] = 2;
  c[LH_COUNTER_opened] = 6;
  c[LH_COUNTER_drops] = 2;
  c[LH_COUNTER_messages_planned] = 20;
  c[LH_COUNTER_messages_sent] = 18;
  c[LH_COUNTER_replied] = 14;
  g[LH_GAUGE_in_flight] = 4;
  g[LH_GAUGE_pending] = 2;
  g[LH_GAUGE_tcp_seats] = g[LH_GAUGE_unacked] = 3;
  struct lh_ending e = {.stage = LH_STAGE_OPEN, .reason = LH_REASON_RST};
  lh_snapshot_tally(total, &e);
  lh_snapshot_tally(total, &e);
}

struct row {
  const char *name;
  enum lh_reason reason;
  struct lh_ending since[3];
  size_t since_count;
  uint64_t ended, opened, attempts, drops, tester_drops, failures; /* added */
  uint64_t left_connecting, left_open, left_closing;
};

#define UNTIL (100 * S)
/* An ending at 100.5 s of a connection begun at `began` that was open for `open`. */
#define SEEN(began, open, at_stage, why)                                                                                       \
  { .at_ns = UNTIL + S / 2, .started_ns = (began), .open_ns = (open), .stage = LH_STAGE_##at_stage, .reason = LH_REASON_##why }

static const struct row rows[] = {
    {"nothing said since", LH_REASON_WORKER_LOST, {{0}}, 0, 7, 0, 0, 3, 3, 3, 3, 3, 1},
    {"ended by us", LH_REASON_SHUTDOWN, {{0}}, 0, 7, 0, 0, 0, 0, 0, 3, 3, 1},
    {"an open one had been dropped by the peer",
     LH_REASON_WORKER_LOST,
     {SEEN(10 * S, 80 * S, OPEN, RST)},
     1,
     7,
     0,
     0,
     3,
     2,
     3,
     3,
     2,
     1},
    {"a connecting one had been refused",
     LH_REASON_WORKER_LOST,
     {SEEN(99 * S, 0, CONNECT, REFUSED)},
     1,
     7,
     0,
     0,
     3,
     3,
     3,
     2,
     3,
     1},
    {"a connecting one had opened and dropped",
     LH_REASON_WORKER_LOST,
     {SEEN(99 * S, S / 4, OPEN, FIN)},
     1,
     7,
     1,
     0,
     4,
     3,
     2,
     2,
     3,
     1},
    {"one was begun and refused", LH_REASON_WORKER_LOST, {SEEN(UNTIL + 1, 0, CONNECT, REFUSED)}, 1, 8, 0, 1, 3, 3, 4, 3, 3, 1},
    {"one was begun, opened and dropped",
     LH_REASON_WORKER_LOST,
     {SEEN(UNTIL + 1, S / 4, OPEN, FIN)},
     1,
     8,
     1,
     1,
     4,
     3,
     3,
     3,
     3,
     1},
    {"a closing one had closed",
     LH_REASON_WORKER_LOST,
     {SEEN(10 * S, 80 * S, CLOSING, LIFETIME)},
     1,
     7,
     0,
     0,
     3,
     3,
     3,
     3,
     3,
     0},
    {"three of those",
     LH_REASON_WORKER_LOST,
     {SEEN(10 * S, 80 * S, OPEN, RST), SEEN(99 * S, 0, CONNECT, REFUSED), SEEN(UNTIL + 1, 0, TLS, TLS_TIMEOUT)},
     3,
     8,
     0,
     1,
     3,
     2,
     4,
     2,
     2,
     1},
};

static void check_row(const struct row *row) {
  struct lh_snapshot total, added;
  struct lh_err err = {0};
  fill(&total);
  assert_int_equal(lh_snapshot_check(&total, &err), 0);
  lh_snapshot_init(&added);
  struct lh_estate_args args = {
      .reason = row->reason, .until_ns = UNTIL, .now_ns = UNTIL + S, .since = row->since, .since_count = row->since_count};
  uint64_t standing[LH_GAUGE_COUNT];
  for (int i = 0; i < LH_GAUGE_COUNT; i++) standing[i] = total.gauges[i];
  struct lh_estate left = lh_estate_settle(&args, standing, &added);

  assert_int_equal(left.connecting, row->left_connecting);
  assert_int_equal(left.open, row->left_open);
  assert_int_equal(left.closing, row->left_closing);
  assert_int_equal(added.counters[LH_COUNTER_ended], row->ended);
  assert_int_equal(added.counters[LH_COUNTER_opened], row->opened);
  assert_int_equal(added.counters[LH_COUNTER_attempts], row->attempts);
  assert_int_equal(added.counters[LH_COUNTER_drops], row->drops);
  assert_int_equal(added.counters[LH_COUNTER_tester_drops], row->tester_drops);
  assert_int_equal(added.counters[LH_COUNTER_connect_failures], row->failures);
  assert_int_equal(added.counters[LH_COUNTER_lost], 4);
  assert_int_equal(standing[LH_GAUGE_open] + standing[LH_GAUGE_connecting] + standing[LH_GAUGE_closing], 0);
  assert_int_equal(standing[LH_GAUGE_tcp_seats] + standing[LH_GAUGE_unacked], 0);

  uint64_t tallied = 0;
  for (uint32_t i = 0; i < added.tally_count; i++) tallied += added.tallies[i].count;
  assert_int_equal(tallied, row->ended);

  for (int i = 0; i < LH_GAUGE_COUNT; i++) added.gauges[i] = standing[i];
  assert_int_equal(lh_snapshot_merge_later(&total, &added), 0);
  int code = lh_snapshot_check(&total, &err);
  if (code != 0) print_message("%s: %s\n", row->name, err.text);
  assert_int_equal(code, 0);
  lh_snapshot_free(&total);
  lh_snapshot_free(&added);
}

static void test_rows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_row(&rows[i]);
}

/* Endings of another group, or ones that the last report held already, change nothing. */
static void test_others(void **state) {
  (void)state;
  struct lh_ending since[] = {SEEN(10 * S, 80 * S, OPEN, RST), SEEN(10 * S, 80 * S, OPEN, RST)};
  since[0].group = 1;
  since[1].at_ns = UNTIL;
  struct lh_snapshot added;
  uint64_t standing[LH_GAUGE_COUNT] = {[LH_GAUGE_open] = 5};
  struct lh_estate_args args = {
      .reason = LH_REASON_WORKER_LOST, .until_ns = UNTIL, .now_ns = UNTIL + S, .since = since, .since_count = 2};
  lh_snapshot_init(&added);
  assert_int_equal(lh_estate_settle(&args, standing, &added).open, 5);
  assert_int_equal(added.counters[LH_COUNTER_ended], 5);
  assert_int_equal(added.tally_count, 1);
  assert_int_equal(added.tallies[0].reason, LH_REASON_WORKER_LOST);
  lh_snapshot_free(&added);
}

/* A login under way at the last report is known; one begun later counts as begun, and as ended, even while others are held. */
static void test_logins(void **state) {
  (void)state;
  struct lh_ending since[] = {SEEN(90 * S, 0, LOGIN, UPGRADE_REFUSED), SEEN(UNTIL + 1, 0, LOGIN, UPGRADE_REFUSED),
                              SEEN(UNTIL + 1, 0, LOGIN, SHUTDOWN)};
  struct lh_snapshot added;
  uint64_t standing[LH_GAUGE_COUNT] = {[LH_GAUGE_logins_under_way] = 3};
  struct lh_estate_args args = {
      .reason = LH_REASON_WORKER_LOST, .until_ns = UNTIL, .now_ns = UNTIL + S, .since = since, .since_count = 3};
  lh_snapshot_init(&added);
  assert_int_equal(lh_estate_settle(&args, standing, &added).logins, 2);
  assert_int_equal(added.counters[LH_COUNTER_logins], 2);
  assert_int_equal(added.counters[LH_COUNTER_logins_failed] + added.counters[LH_COUNTER_logins_dropped], 3 + 2);
  assert_int_equal(standing[LH_GAUGE_logins_under_way], 0);
  lh_snapshot_free(&added);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_others), cmocka_unit_test(test_logins)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
