#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/moment.h"

#define START_US INT64_C(1795377808123456) /* 2026-11-22T20:03:28.123456Z */
#define MINUTE_US INT64_C(60000000)
#define NONE INT64_MIN

/* After the start, or that it is no moment. */
static const struct {
  const char *text;
  int64_t since_us;
} rows[] = {
    {"0s", 0},
    {"2h10m", 130 * MINUTE_US},
    {"250ms", 250000},
    {"20:04:00", 31876544},
    {"20:04", 31876544},
    {"20:03", 0}, /* the minute in which it began */
    {"20:02", 1439 * MINUTE_US - 28123456},
    {"20:03:28", 1440 * MINUTE_US - 123456}, /* just before it: that of the next day */
    {"00:00", 237 * MINUTE_US - 28123456},
    {"2026-11-22T20:03:28Z", -123456},
    {"2026-11-22T20:03:28.123Z", -456},
    {"2026-11-22T20:03:28.123456Z", 0},
    {"2026-11-23T20:03:28Z", 1440 * MINUTE_US - 123456},
    {"", NONE},
    {"soon", NONE},
    {"-5s", NONE},
    {"5", NONE},
    {"2:10", NONE},
    {"24:00", NONE},
    {"20:61", NONE},
    {"20:04:", NONE},
    {"20:04:5", NONE},
    {"20:04 ", NONE},
    {"2026-11-22T20:03:28", NONE},
    {"2026-11-22T20:03:28.Z5", NONE},
    {"2026-11-22T20:03:28+01:00", NONE},
    {"2026-13-22T20:03:28Z", NONE},
    {"2026-11-22", NONE},
};

static void test_rows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t wall_us = 0;
    struct lh_err err = {0};
    int code = lh_cli_moment("--from", rows[i].text, START_US, &wall_us, &err);
    if (code != (rows[i].since_us == NONE ? -EINVAL : 0) || (code == 0 && wall_us - START_US != rows[i].since_us))
      fail_msg("\"%s\": %d, %lld us after the start", rows[i].text, code, (long long)(wall_us - START_US));
    if (code != 0) assert_non_null(strstr(err.text, "--from"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
