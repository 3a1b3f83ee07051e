/* Metrics out of a page in Prometheus' text format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run/exposition.h"

static const char page[] = "# HELP http_requests_total The total.\n"
                           "# TYPE http_requests_total counter\n"
                           "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
                           "http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n"
                           "http_requests_total_more 9\n"
                           "msdos_file{path=\"C:\\\\DIR\\\\F.TXT\",error=\"a \\\"quoted\\\" }\"} 1.458255915e9\n"
                           "open_fds 12.5\r\n"
                           "  indented 4\n"
                           "negative -3\n"
                           "weird{le=\"+Inf\"} +Inf\n"
                           "nothing NaN\n"
                           "mixed{a=\"1\"} NaN\n"
                           "mixed{a=\"2\"} 5\n"
                           "spaced { a = \"1\" , b=\"2\" , } 7\n"
                           "broken{a=\"1\" 5\n"
                           "bare\n"
                           "last 8";

static void test_sums(void **state) {
  (void)state;
  static const struct {
    const char *metric;
    bool found;
    double sum;
  } cases[] = {
      {"http_requests_total", true, 1030},
      {"http_requests_total{code=\"200\"}", true, 1027},
      {"http_requests_total{code=\"400\",method=\"post\"}", true, 3},
      {"http_requests_total{code=\"404\"}", false, 0},
      {"http_requests_tot", false, 0},
      {"msdos_file", true, 1.458255915e9},
      {"msdos_file{error=\"a \\\"quoted\\\" }\"}", true, 1.458255915e9},
      {"open_fds", true, 12.5},
      {"open_fds{a=\"1\"}", false, 0},
      {"negative", true, -3},
      {"nothing", false, 0},
      {"mixed", true, 5},
      {"spaced{b=\"2\"}", true, 7},
      {"broken", false, 0},
      {"bare", false, 0},
      {"last", true, 8},
      {"HELP", false, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double sum = 0;
    bool found = lh_exposition_sum(page, cases[i].metric, &sum);
    if (found != cases[i].found || sum != cases[i].sum) fail_msg("%s: %d %g", cases[i].metric, found, sum);
  }
  double sum = 1;
  assert_false(lh_exposition_sum("", "x", &sum));
  assert_true(sum == 1);
}

/* Every prefix of the page is read without going past its end (sanitizers see it). */
static void test_cut_pages(void **state) {
  (void)state;
  for (size_t len = 0; len < sizeof page; len++) {
    char cut[sizeof page];
    double sum;
    memcpy(cut, page, len);
    cut[len] = '\0';
    lh_exposition_sum(cut, "msdos_file{error=\"x\"}", &sum);
    lh_exposition_sum(cut, "spaced", &sum);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums), cmocka_unit_test(test_cut_pages)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
