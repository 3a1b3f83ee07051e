/* Limits of silence, from made-up connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/analysis/idle.h"

#define S UINT64_C(1000000000)
#define HELD(rung) {(rung) * S, LH_IDLE_HELD, 0, 0, 0}
#define SILENT(rung) {(rung) * S, LH_IDLE_SILENT, 0, 0, 0}
#define UNTRIED(rung) {(rung) * S, LH_IDLE_UNTRIED, 0, 0, 0}
#define CUT(rung, ms) {(rung) * S, LH_IDLE_DROPPED, (ms) * S / 1000, LH_REASON_FIN, 0}
#define CLOSED(rung, ms) {(rung) * S, LH_IDLE_DROPPED, (ms) * S / 1000, LH_REASON_CLOSE_FRAME, 1001}

static void limits_are_found(void **state) {
  (void)state;
  struct {
    const char *what;
    struct lh_idle_probe probes[8];
    size_t count;
    enum lh_idle_kind kind;
    double low_s, high_s;
    size_t went, of;
    const char *says;
  } cases[] = {
      {"nobody was asked", {{0}}, 0, LH_IDLE_NOTHING, 0, 0, 0, 0, "Nothing can be said"},
      {"none was open for long enough", {UNTRIED(10), UNTRIED(20)}, 2, LH_IDLE_NOTHING, 0, 0, 0, 0, "Nothing can be said"},
      {"all held", {HELD(20), HELD(10), HELD(60)}, 3, LH_IDLE_NONE, 0, 60, 3, 3, "No idle limit up to 1 min 0 s: all 3"},
      {"closed after a minute",
       {CUT(62, 60010), HELD(58), CUT(70, 60000), CUT(120, 60020), UNTRIED(58)},
       5,
       LH_IDLE_CUT,
       60,
       60.02,
       3,
       3,
       "closed after 1 min 0 s"},
      {"with a close code", {CLOSED(20, 10000), CLOSED(30, 10000), CUT(40, 10000)}, 3, LH_IDLE_CUT, 10, 10, 3, 3, "close frame 1001; each"},
      {"some live longer", {CUT(20, 10000), HELD(30)}, 2, LH_IDLE_UNEVEN, 10, 10, 1, 2, "different times"},
      {"no common time", {CUT(20, 3000), CUT(30, 9000), CUT(40, 17000)}, 3, LH_IDLE_UNEVEN, 3, 17, 3, 3, "no plain idle limit"},
      {"forgotten", {HELD(180), HELD(230), SILENT(250), SILENT(290), UNTRIED(345)}, 5, LH_IDLE_FORGOT, 230, 250, 2, 2, "NATs and firewalls"},
      {"forgotten by some", {HELD(30), SILENT(30), SILENT(45), HELD(20)}, 4, LH_IDLE_FORGOT, 20, 30, 2, 3, "(2 of 3)"},
      {"forgotten at once", {SILENT(2), SILENT(4)}, 2, LH_IDLE_FORGOT, 0, 2, 2, 2, "at most 2.00 s"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_idle_limit limit = lh_idle_find(cases[i].probes, cases[i].count);
    struct lh_buf out = LH_BUF_INIT(4096);
    print_message("%s\n", cases[i].what);
    assert_int_equal(limit.kind, cases[i].kind);
    assert_int_equal(limit.low_ns / (S / 1000), (uint64_t)(cases[i].low_s * 1000));
    assert_int_equal(limit.high_ns / (S / 1000), (uint64_t)(cases[i].high_s * 1000));
    assert_int_equal(limit.count, cases[i].went);
    assert_int_equal(limit.of, cases[i].of);
    assert_int_equal(lh_idle_say(&limit, &out), 0);
    if (!strstr(out.data, cases[i].says)) fail_msg("%s", out.data);
    lh_buf_free(&out);
  }
}

static void devices_are_named_and_an_interval_is_advised(void **state) {
  (void)state;
  struct lh_idle_probe probes[] = {CUT(62, 60010), CUT(70, 60000)};
  struct lh_idle_limit limit = lh_idle_find(probes, 2);
  struct lh_buf out = LH_BUF_INIT(4096);
  assert_int_equal(lh_idle_say(&limit, &out), 0);
  assert_non_null(strstr(out.data, "nginx proxy_read_timeout"));
  assert_non_null(strstr(out.data, "ping: {every: 30s}"));
  lh_buf_free(&out);
}

static void rungs_rise_to_the_last(void **state) {
  (void)state;
  uint64_t rungs[LH_IDLE_RUNGS_MAX];
  static const uint64_t ends_s[] = {2, 3, 60, 660, 86400, 200000};
  for (size_t i = 0; i < sizeof ends_s / sizeof *ends_s; i++) {
    size_t count = lh_idle_rungs(ends_s[i] * S, rungs, LH_IDLE_RUNGS_MAX);
    assert_in_range(count, 1, LH_IDLE_RUNGS_MAX);
    assert_int_equal(rungs[count - 1], ends_s[i] * S);
    for (size_t r = 1; r < count; r++) assert_true(rungs[r - 1] < rungs[r]);
  }
  assert_int_equal(lh_idle_rungs(660 * S, rungs, 4), 4); /* room for fewer */
  assert_int_equal(rungs[3], 660 * S);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(limits_are_found),
      cmocka_unit_test(devices_are_named_and_an_interval_is_advised),
      cmocka_unit_test(rungs_rise_to_the_last),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
