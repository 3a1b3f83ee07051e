#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "run/screen.h"

enum { GROUPS = 40, ROWS_MAX = 300 };

static struct lh_screen_group groups[GROUPS];
static struct lh_screen_ending endings[6];
static char names[GROUPS][32];

static struct lh_screen_facts facts(uint32_t group_count, uint32_t ending_count) {
  for (uint32_t g = 0; g < GROUPS; g++) {
    snprintf(names[g], sizeof names[g], "group-number-%u", g);
    groups[g] = (struct lh_screen_group){.name = names[g],
                                         .open = 17950 + g,
                                         .wanted = 18000,
                                         .connecting = 20,
                                         .waiting = 30,
                                         .drops = g,
                                         .reconnects = g,
                                         .recent = {.sent_per_s = 1800, .replied = 5, .p50_us = 63, .p99_us = 1020}};
  }
  for (int i = 0; i < 6; i++) {
    endings[i] = (struct lh_screen_ending){
        .when = "20:03:28",
        .group = names[0],
        .tally = {.stage = LH_STAGE_OPEN, .reason = LH_REASON_CLOSE_FRAME, .code = 1012, .count = 412}};
    snprintf(endings[i].tally.text, sizeof endings[i].tally.text, "bye \x1b[31m%c red", 7);
  }
  struct lh_screen_facts f = {.name = "overnight",
                              .phase = "running",
                              .elapsed_ns = 3723 * LH_NS_PER_S,
                              .duration_ns = 8 * 3600 * LH_NS_PER_S,
                              .groups = groups,
                              .group_count = group_count,
                              .endings = endings,
                              .ending_count = ending_count,
                              .workers = 2,
                              .workers_alive = 2,
                              .health = {.cpu_percent = 12.3, .loop_lag_max_us = 640, .rss_bytes = 30 << 20},
                              .host_cpu_percent = 31};
  return f;
}

/* Lines fit, whatever the terminal; the reported widths are true. */
static void check_size(uint32_t columns, uint32_t rows, uint32_t group_count, uint32_t ending_count) {
  struct lh_screen_facts f = facts(group_count, ending_count);
  f.warning = rows % 2 ? "tracked connections: 900 of 1,000 are in use (90 %)" : "";
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  uint32_t cells[ROWS_MAX] = {0};
  int lines = lh_screen_render(&f, (struct lh_screen_size){columns, rows, false}, &out, cells);
  assert_true(lines >= 1);
  assert_true((uint32_t)lines < (rows < 2 ? 2 : rows));
  int seen = 0;
  for (const char *at = out.data; *at != '\0'; seen++) {
    size_t len = strcspn(at, "\n");
    assert_true(len <= columns);
    assert_int_equal(len, cells[seen]);
    for (size_t i = 0; i < len; i++) assert_true(at[i] >= ' ' && at[i] <= '~');
    at += len + 1;
  }
  assert_int_equal(seen, lines);
  lh_buf_free(&out);
}

static void test_sizes(void **state) {
  (void)state;
  static const uint32_t widths[] = {1, 10, 39, 40, 60, 79, 80, 81, 120, 250}, heights[] = {1, 2, 3, 5, 10, 24, 40, 100};
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    for (size_t h = 0; h < sizeof heights / sizeof *heights; h++)
      for (uint32_t g = 1; g <= GROUPS; g += 13) check_size(widths[w], heights[h], g, g % 6);
}

static bool holds(const struct lh_buf *out, const char *text) {
  return strstr(out->data, text) != NULL;
}

static void test_standard(void **state) {
  (void)state;
  struct lh_screen_facts f = facts(2, 1);
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  assert_int_equal(lh_screen_render(&f, (struct lh_screen_size){80, 24, false}, &out, NULL), 7);
  static const char *const expected[] = {"overnight  running  01:02:03 of 08:00:00",
                                         "06:57:57 left",
                                         "open/wanted  conn  wait drops  back  msg/s     p50     p99",
                                         "17950/18000    20    30     0     0   1800 63.0 us 1.02 ms",
                                         "35901/36000    40    60     1     1   3600       -       -",
                                         "20:03:28 group-number-0  412 x  peer: close frame 1012 'bye ?[31m? red' (open)",
                                         "tester 2 workers  cpu 12.3 %  host 31 %  lag 640 us  rss 30 MiB (876 B/client)\n"};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    if (!holds(&out, expected[i])) print_message("missing: %s\nin:\n%s", expected[i], out.data);
    assert_true(holds(&out, expected[i]));
  }
  lh_buf_free(&out);
}

/* A limit that fills up has its line above the tester's, also when there are more groups than rows. */
static void test_warning(void **state) {
  (void)state;
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  for (uint32_t count = 2; count <= GROUPS; count += GROUPS - 2) {
    struct lh_screen_facts f = facts(count, 1);
    f.warning = "tracked connections: 900 of 1,000 are in use (90 %)";
    lh_buf_reset(&out);
    assert_true(lh_screen_render(&f, (struct lh_screen_size){80, 24, false}, &out, NULL) <= 23);
    assert_true(holds(&out, "\nwarning tracked connections: 900 of 1,000 are in use (90 %)\ntester 2 workers"));
  }
  lh_buf_free(&out);
}

/* Groups that do not fit are counted; the run's sum and the tester's line stay. */
static void test_many_groups(void **state) {
  (void)state;
  struct lh_screen_facts f = facts(GROUPS, 3);
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  assert_int_equal(lh_screen_render(&f, (struct lh_screen_size){80, 24, false}, &out, NULL), 23);
  assert_true(holds(&out, "... and 22 more groups"));
  assert_true(holds(&out, "\nall  "));
  assert_true(holds(&out, "\ntester "));
  assert_false(holds(&out, "20:03:28"));
  lh_buf_free(&out);
}

static void test_color(void **state) {
  (void)state;
  struct lh_screen_facts f = facts(2, 1);
  struct lh_buf plain = LH_BUF_INIT(1 << 20), color = LH_BUF_INIT(1 << 20);
  f.workers_alive = 1;
  lh_screen_render(&f, (struct lh_screen_size){80, 24, false}, &plain, NULL);
  lh_screen_render(&f, (struct lh_screen_size){80, 24, true}, &color, NULL);
  assert_null(strchr(plain.data, '\x1b'));
  assert_true(holds(&color, "\x1b[31m1 of 2 workers\x1b[0m"));
  lh_buf_free(&plain);
  lh_buf_free(&color);
}

static void test_line(void **state) {
  (void)state;
  struct lh_screen_facts f = facts(1, 0);
  struct lh_buf out = LH_BUF_INIT(4096);
  assert_int_equal(lh_screen_line(&f, &out), 0);
  assert_string_equal(
      out.data,
      "01:02:03 open 17,950/18,000 connecting 20 waiting 30 drops 0 back 0 sent 1800.0/s response p50 63.0 us p99 1.02 ms");
  lh_buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes), cmocka_unit_test(test_standard),
                                     cmocka_unit_test(test_many_groups), cmocka_unit_test(test_color),
                                     cmocka_unit_test(test_line), cmocka_unit_test(test_warning)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
