/* Numbers as people read them: tables of value and text. page_format.js is held to the same tables by
 * tests/integration/report_show.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/show.h"
#include "report/utf8.h"

struct row {
  const char *how;
  double value;
  const char *text;
};

static const struct row rows[] = {
#define X(how, value, text) {#how, value, text},
#include "show_rows.h"
#undef X
};

static struct lh_shown show(const char *how, double value) {
  if (strcmp(how, "count") == 0) return lh_show_count(value);
  if (strcmp(how, "us") == 0) return lh_show_us(value);
  if (strcmp(how, "seconds") == 0) return lh_show_seconds(value);
  if (strcmp(how, "percent") == 0) return lh_show_percent(value);
  if (strcmp(how, "rate") == 0) return lh_show_rate(value);
  if (strcmp(how, "bytes") == 0) return lh_show_bytes(value);
  fail_msg("no such format: %s", how);
  return (struct lh_shown){""};
}

static void check_rows(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lh_shown shown = show(rows[i].how, rows[i].value);
    if (strcmp(shown.text, rows[i].text))
      fail_msg("%s(%.12g) is \"%s\", expected \"%s\"", rows[i].how, rows[i].value, shown.text, rows[i].text);
  }
}

static void test_rows(void **state) {
  (void)state;
  check_rows();
}

/* A locale with a decimal comma changes nothing. Where none is installed the test proves nothing, and passes. */
static void test_locale(void **state) {
  (void)state;
  if (setlocale(LC_ALL, "de_DE.UTF-8")) check_rows();
  setlocale(LC_ALL, "C");
}

static void test_times(void **state) {
  (void)state;
  assert_string_equal(lh_show_time("2026-11-22T20:03:28.123Z").text, "2026-11-22 20:03:28");
  assert_string_equal(lh_show_clock("2026-11-22T20:03:28.123Z").text, "20:03:28");
  assert_string_equal(lh_show_clock("").text, "");
  assert_string_equal(lh_show_plural(0, "drop", "drops").text, "no drops");
  assert_string_equal(lh_show_plural(1, "drop", "drops").text, "1 drop");
  assert_string_equal(lh_show_plural(5000, "drop", "drops").text, "5,000 drops");
}

static void test_utf8(void **state) {
  (void)state;
  static const struct {
    const char *bytes, *clean;
  } cases[] = {
      {"plain", "plain"},
      {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
      {"\xff", "\xef\xbf\xbd"},
      {"a\xc3", "a\xef\xbf\xbd"},                                               /* cut short */
      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                                 /* overlong */
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                 /* a surrogate */
      {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* above U+10FFFF */
      {"\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *clean = lh_utf8_clean(cases[i].bytes);
    assert_string_equal(clean, cases[i].clean);
    free(clean);
  }
  assert_int_equal(lh_utf8_columns("gr\xc3\xbc\xc3\x9f"), 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_locale), cmocka_unit_test(test_times),
                                     cmocka_unit_test(test_utf8)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
