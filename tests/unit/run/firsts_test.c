/* Which endings the log tells of: the first of each kind, and none that the plan asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "longhaul/base/ending.h"
#include "run/firsts.h"

static void the_first_of_each_kind_is_told(void **state) {
  (void)state;
  static const struct {
    uint32_t group;
    struct lh_tally tally;
    enum lh_first first;
  } rows[] = {
      {0, {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_REFUSED, .code = 111}, LH_FIRST_YES},
      {0, {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_REFUSED, .code = 111, .text = "another text"}, LH_FIRST_NOT},
      {1, {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_REFUSED, .code = 111}, LH_FIRST_YES},
      {0, {.stage = LH_STAGE_OPEN, .reason = LH_REASON_CLOSE_FRAME, .code = 1012}, LH_FIRST_YES},
      {0, {.stage = LH_STAGE_OPEN, .reason = LH_REASON_CLOSE_FRAME, .code = 1013}, LH_FIRST_YES},
      {0, {.stage = LH_STAGE_CLOSING, .reason = LH_REASON_CLOSE_FRAME, .code = 1000}, LH_FIRST_NOT},
      {0, {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_DENIED}, LH_FIRST_YES},
      {0, {.stage = LH_STAGE_OPEN, .reason = LH_REASON_REPLY_MISSING}, LH_FIRST_YES},
      {0, {.stage = LH_STAGE_OPEN, .reason = LH_REASON_LIFETIME}, LH_FIRST_NOT},
      {0, {.stage = LH_STAGE_TLS, .reason = LH_REASON_SHUTDOWN}, LH_FIRST_NOT},
      {0, {.stage = LH_STAGE_OPEN, .reason = LH_REASON_DISTURBANCE}, LH_FIRST_NOT},
      {0, {.stage = LH_STAGE_OPEN, .reason = LH_REASON_STALE_KEEPALIVE}, LH_FIRST_NOT},
  };
  struct lh_firsts firsts = {0};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (lh_firsts_add(&firsts, rows[i].group, &rows[i].tally) != rows[i].first) fail_msg("row %zu", i);
}

static void there_is_a_last_kind(void **state) {
  (void)state;
  struct lh_firsts firsts = {0};
  for (int code = 1; code <= LH_FIRSTS_MAX + 5; code++) {
    const struct lh_tally tally = {.stage = LH_STAGE_OPEN, .reason = LH_REASON_CLOSE_FRAME, .code = code};
    enum lh_first expected = code < LH_FIRSTS_MAX ? LH_FIRST_YES : code == LH_FIRSTS_MAX ? LH_FIRST_LAST : LH_FIRST_NOT;
    assert_int_equal(lh_firsts_add(&firsts, 0, &tally), expected);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_of_each_kind_is_told),
      cmocka_unit_test(there_is_a_last_kind),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
