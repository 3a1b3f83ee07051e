/* Ticks in, figures and metrics out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "live/board.h"
#include "live/metrics.h"
#include "longhaul/base/clock.h"

#define S LH_NS_PER_S

enum { GROUPS = 2, MANY = LH_METRICS_GROUPS_MAX + 3 };

static const char *two[] = {"chat", "odd \"name\\"};
static const struct lh_live_start start = {.path = "runs/x.longhaul",
                                           .name = "night",
                                           .id = "00ff",
                                           .token = "",
                                           .groups = two,
                                           .group_count = GROUPS,
                                           .workers = 2,
                                           .start_ns = 100 * S,
                                           .duration_ns = 60 * S,
                                           .interval_ns = 10 * S,
                                           .start_wall_us = 1700000000000000,
                                           .dashboard = true};

/* One second of a group: `sent` messages, all answered after 2 ms, and one drop with the peer's text. */
static void fill(struct lh_snapshot *s, uint64_t sent, const char *text) {
  lh_snapshot_init(s);
  s->gauges[LH_GAUGE_clients] = 10;
  s->gauges[LH_GAUGE_wanted] = 10;
  s->gauges[LH_GAUGE_open] = 9;
  s->gauges[LH_GAUGE_waiting] = 1;
  s->counters[LH_COUNTER_messages_sent] = s->counters[LH_COUNTER_replied] = sent;
  s->counters[LH_COUNTER_drops] = s->counters[LH_COUNTER_ended] = 1;
  s->counters[LH_COUNTER_open_us] = (9 * S + S / 2) / LH_NS_PER_US;
  lh_hdr_record_n(&s->hists[LH_HIST_response], 2000, sent);
  struct lh_ending ending = {.stage = LH_STAGE_OPEN, .reason = LH_REASON_CLOSE_FRAME, .code = 1012};
  snprintf(ending.text, sizeof ending.text, "%s", text);
  lh_snapshot_tally(s, &ending);
}

static void take_tick(struct lh_board *board, uint64_t second, uint64_t sent, bool catches_up) {
  struct lh_buf frame = LH_BUF_INIT(1 << 20);
  struct lh_err err = {0};
  char text[16];
  struct lh_live_tick tick = {.now_ns = board->start->start_ns + second * S,
                              .phase = LH_LIVE_RUNNING,
                              .catches_up = catches_up,
                              .workers_alive = 2,
                              .intervals = (uint32_t)(second / 10),
                              .cpu_us = second * 50000,
                              .rss_bytes = 4096,
                              .loop_lag_max_us = second};
  assert_int_equal(lh_live_tick_encode(&tick, &frame), 0);
  for (uint32_t g = 0; g < board->start->group_count; g++) {
    struct lh_snapshot s;
    snprintf(text, sizeof text, "text %d", (int)second);
    fill(&s, sent, text);
    assert_int_equal(lh_snapshot_encode(&s, &frame), 0);
    lh_snapshot_free(&s);
  }
  struct lh_cursor body = {(const uint8_t *)frame.data, (const uint8_t *)frame.data + frame.len, 0};
  if (lh_board_take(board, &body, &err) < 0) fail_msg("%s", err.text);
  lh_buf_free(&frame);
}

static void take(struct lh_board *board, uint64_t second, uint64_t sent) {
  take_tick(board, second, sent, false);
}

static json_t *message(const struct lh_board *board) {
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  json_error_t error;
  assert_int_equal(lh_board_message(board, &out), 0);
  json_t *value = json_loadb(out.data, out.len, 0, &error);
  if (!value) fail_msg("%s in %s", error.text, out.data);
  lh_buf_free(&out);
  return value;
}

static double number(const json_t *value, const char *a, const char *b) {
  return json_number_value(json_object_get(json_object_get(value, a), b));
}

/* A board that comes late is given an hour at once: it is in the totals, and in no rate. */
static void test_catching_up(void **state) {
  (void)state;
  struct lh_board board;
  assert_int_equal(lh_board_open(&board, &start, NULL), 0);
  take_tick(&board, 3600, 72000, true);
  json_t *m = message(&board);
  assert_true(number(m, "run", "sent") == 2 * 72000 && number(m, "run", "open") == 18);
  assert_true(number(m, "run", "sent_per_s") == 0 && number(m, "tester", "cpu_percent") == 0);
  json_decref(m);
  for (uint64_t second = 3601; second <= 3604; second++) take(&board, second, 20);
  m = message(&board);
  assert_true(number(m, "run", "sent") == 2 * 72080);
  assert_true(number(m, "run", "sent_per_s") == 40);
  assert_true(number(m, "tester", "cpu_percent") == 5);
  assert_true(json_number_value(json_object_get(m, "window_s")) == 4);
  json_decref(m);
  lh_board_close(&board);
}

static void test_message_before_any_tick(void **state) {
  (void)state;
  struct lh_board board;
  assert_int_equal(lh_board_open(&board, &start, NULL), 0);
  json_t *m = message(&board);
  assert_true(json_is_null(json_object_get(json_object_get(m, "run"), "p99_us")));
  assert_int_equal(json_array_size(json_object_get(m, "groups")), GROUPS);
  json_decref(m);
  lh_board_close(&board);
}

/* 20 messages a second for 15 s, then none for 5: totals are of all, rates of the last ten seconds. */
static void test_totals_and_rates(void **state) {
  (void)state;
  struct lh_board board;
  assert_int_equal(lh_board_open(&board, &start, NULL), 0);
  for (uint64_t second = 1; second <= 20; second++) take(&board, second, second <= 15 ? 20 : 0);
  json_t *m = message(&board);
  assert_true(number(m, "run", "sent") == 2 * 15 * 20);
  assert_true(number(m, "run", "sent_per_s") == 2 * 5 * 20 / 10.0);
  assert_true(number(m, "run", "drops") == 2 * 20);
  assert_true(number(m, "run", "open") == 18); /* a gauge: as of now */
  assert_true(number(m, "run", "p99_us") == 2000);
  assert_true(number(m, "tester", "cpu_percent") == 5);
  assert_true(number(m, "tester", "loop_lag_max_us") == 20);
  assert_true(json_number_value(json_object_get(m, "window_s")) == 10);
  assert_true(json_number_value(json_object_get(json_array_get(json_object_get(m, "groups"), 1), "sent")) == 300);
  json_decref(m);
  lh_board_close(&board);
}

static void test_damaged_ticks(void **state) {
  (void)state;
  struct lh_board board;
  struct lh_err err = {0};
  uint8_t bytes[64] = {LH_LIVE_PHASE_COUNT};
  assert_int_equal(lh_board_open(&board, &start, NULL), 0);
  for (size_t len = 0; len <= sizeof bytes; len++) {
    struct lh_cursor body = {bytes, bytes + len, 0};
    assert_int_equal(lh_board_take(&board, &body, &err), -EBADMSG);
  }
  assert_int_equal(board.ticks, 0);
  lh_board_close(&board);
}

static void test_start_travels(void **state) {
  (void)state;
  struct lh_buf frame = LH_BUF_INIT(1 << 16);
  struct lh_live_start got;
  struct lh_err err = {0};
  assert_int_equal(lh_live_start_encode(&start, &frame), 0);
  struct lh_cursor body = {(const uint8_t *)frame.data, (const uint8_t *)frame.data + frame.len, 0};
  assert_int_equal(lh_live_start_decode(&got, &body, &err), 0);
  assert_string_equal(got.groups[1], two[1]);
  assert_string_equal(got.path, start.path);
  assert_true(got.start_wall_us == start.start_wall_us && got.interval_ns == start.interval_ns && got.dashboard &&
              !got.metrics);
  free(got.groups);
  for (size_t len = 0; len < frame.len; len++) {
    struct lh_cursor cut = {(const uint8_t *)frame.data, (const uint8_t *)frame.data + len, 0};
    assert_int_equal(lh_live_start_decode(&got, &cut, &err), -EBADMSG);
  }
  lh_buf_free(&frame);
}

/* ---- metrics ---- */

static char *metrics(const struct lh_board *board, bool open) {
  struct lh_buf out = LH_BUF_INIT(16 << 20);
  assert_int_equal(lh_metrics_write(board, open, &out), 0);
  return out.data;
}

static void has(const char *text, const char *line) {
  if (!strstr(text, line)) fail_msg("no \"%s\" in\n%s", line, text);
}

static void test_metrics(void **state) {
  (void)state;
  struct lh_board board;
  assert_int_equal(lh_board_open(&board, &start, NULL), 0);
  for (uint64_t second = 1; second <= 3; second++) take(&board, second, 5);
  char *plain = metrics(&board, false), *open = metrics(&board, true);
  has(plain, "# TYPE longhaul_messages_sent_total counter\nlonghaul_messages_sent_total{group=\"chat\"} 15\n");
  has(plain, "longhaul_messages_sent_total{group=\"odd \\\"name\\\\\"} 15\n");
  has(plain, "longhaul_open_seconds_total{group=\"chat\"} 28.500\n");
  has(plain, "longhaul_clients_open{group=\"chat\"} 9\n");
  has(plain, "longhaul_response_seconds_bucket{group=\"chat\",le=\"0.001\"} 0\n");
  has(plain, "longhaul_response_seconds_bucket{group=\"chat\",le=\"0.0025\"} 15\n");
  has(plain, "longhaul_response_seconds_bucket{group=\"chat\",le=\"1\"} 15\n");
  has(plain, "longhaul_response_seconds_sum{group=\"chat\"} 0.030000\n");
  /* three texts of the peer are one line: their number is not the peer's to choose */
  has(plain, "longhaul_endings_total{group=\"chat\",stage=\"open\",side=\"peer\",reason=\"close frame\"} 3\n");
  has(plain, "longhaul_run_phase{phase=\"running\"} 1\n");
  has(open, "# TYPE longhaul_messages_sent counter\nlonghaul_messages_sent_total{group=\"chat\"} 15\n");
  has(open, "# TYPE longhaul_run info\nlonghaul_run_info{");
  has(open, "le=\"1.0\"} 15\n");
  assert_string_equal(open + strlen(open) - 6, "# EOF\n");
  assert_null(strstr(plain, "# EOF"));
  assert_null(strstr(plain, "longhaul_ttfb_seconds")); /* nothing was measured */
  free(plain);
  free(open);
  lh_board_close(&board);
}

static void test_groups_are_bounded(void **state) {
  (void)state;
  static char names[MANY][16];
  const char *groups[MANY];
  for (int g = 0; g < MANY; g++) {
    snprintf(names[g], sizeof names[g], "g%d", g);
    groups[g] = names[g];
  }
  struct lh_live_start many = start;
  many.groups = groups;
  many.group_count = MANY;
  struct lh_board board;
  assert_int_equal(lh_board_open(&board, &many, NULL), 0);
  take(&board, 1, 5);
  char *text = metrics(&board, false);
  has(text, "longhaul_messages_sent_total{group=\"g63\"} 5\nlonghaul_messages_sent_total{group=\"others\"} 15\n");
  has(text, "longhaul_clients_open{group=\"others\"} 27\n");
  has(text, "longhaul_groups_folded 3\n");
  assert_null(strstr(text, "\"g64\""));
  free(text);
  lh_board_close(&board);
}

static void test_accept(void **state) {
  (void)state;
  assert_true(lh_metrics_wants_open("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4"));
  assert_false(lh_metrics_wants_open("text/plain;version=0.0.4"));
  assert_false(lh_metrics_wants_open(""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_message_before_any_tick),
      cmocka_unit_test(test_totals_and_rates), cmocka_unit_test(test_catching_up),
      cmocka_unit_test(test_damaged_ticks),
      cmocka_unit_test(test_start_travels),
      cmocka_unit_test(test_metrics),
      cmocka_unit_test(test_groups_are_bounded),
      cmocka_unit_test(test_accept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
