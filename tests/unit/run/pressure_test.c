/* When a limit that fills up is worth a warning, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run/pressure.h"

static void test_once_each_time(void **state) {
  (void)state;
  static const struct {
    double value;
    bool told;
  } course[] = {{799, false}, {800, true}, {900, false}, {790, false}, {805, false},
                {719, false}, {801, true}, {0, false},   {1000, true}};
  struct lh_pressure pressure = {0};
  char text[LH_PRESSURE_TEXT_MAX];
  for (size_t i = 0; i < sizeof course / sizeof *course; i++) {
    struct lh_pressure_reading reading = {LH_PRESSURE_CONNTRACK, course[i].value, 1000, 0.8};
    if (lh_pressure_take(&pressure, &reading, text) != course[i].told) fail_msg("step %zu", i);
  }
}

static void test_words(void **state) {
  (void)state;
  static const struct {
    struct lh_pressure_reading reading;
    const char *text; /* NULL: no warning */
  } cases[] = {
      {{LH_PRESSURE_WORKER_DESCRIPTORS, 890, 1024, 0.8}, "descriptors of one worker: 890 of 1,024 are in use (87 %)"},
      {{LH_PRESSURE_HOST_MEMORY, 9 * 1073741824.0, 10 * 1073741824.0, 0.8},
       "memory of the host: 9 GiB of 10 GiB are in use (90 %)"},
      {{LH_PRESSURE_SERVER_THREADS, 501, 500, 1}, "threads of the watched processes: 501, the config's maximum is 500"},
      {{LH_PRESSURE_HOST_CPU, 0.95, 0.9, 1}, "processor time of the host: 95 %, the config's maximum is 90 %"},
      {{LH_PRESSURE_SERVER_THREADS, 499, 500, 1}, NULL},
      {{LH_PRESSURE_CONNTRACK, 5000, 0, 0.8}, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_pressure pressure = {0};
    char text[LH_PRESSURE_TEXT_MAX] = "";
    assert_int_equal(lh_pressure_take(&pressure, &cases[i].reading, text), cases[i].text != NULL);
    if (cases[i].text) assert_string_equal(text, cases[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_once_each_time), cmocka_unit_test(test_words)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
