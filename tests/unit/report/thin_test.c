/* Series for the page: what thinning keeps, sums and never hides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "report/look.h"
#include "report/thin.h"

/* A series of `count` intervals of one group: `open` dips once, p99 has one spike and a hole, drops come every seventh. */
static json_t *series(size_t count) {
  json_t *t = json_array(), *open = json_array(), *p99 = json_array(), *drops = json_array(), *null = json_array();
  for (size_t i = 0; i < count; i++) {
    json_array_append_new(t, json_real((double)i * 10));
    json_array_append_new(open, json_integer(i == 5001 ? 3 : 1000));
    json_array_append_new(p99,
                          i >= 100 && i < 200 ? json_null() : json_integer(i == 7003 ? 999999 : 2000 + (json_int_t)(i % 5)));
    json_array_append_new(drops, json_integer(i % 7 == 0));
    json_array_append_new(null, json_null());
  }
  json_t *lane = json_pack("{s:o, s:o, s:o, s:o}", "open", open, "response_p99_us", p99, "drops", drops, "ping_p50_us", null);
  json_t *group = json_deep_copy(lane);
  json_object_set_new(group, "name", json_string("chat"));
  json_object_set_new(group, "endings",
                      json_pack("[{s:s, s:[[i,i],[i,i],[i,i]]}]", "reason", "RST", "at", 0, 5, 1, 6, (int)count - 1, 7));
  return json_pack("{s:f, s:f, s:o, s:o, s:[o], s:{}, s:{}}", "interval_s", 10.0, "end_s", (double)count * 10, "t_s", t, "run",
                   lane, "groups", group, "tester", "host");
}

static json_int_t total(const json_t *array) {
  json_int_t sum = 0;
  const json_t *value;
  size_t i;
  json_array_foreach(array, i, value) sum += json_integer_value(value);
  return sum;
}

static bool holds(const json_t *array, json_int_t wanted) {
  const json_t *value;
  size_t i;
  json_array_foreach(array, i, value) if (json_integer_value(value) == wanted) return true;
  return false;
}

static void test_long_series(void **state) {
  (void)state;
  for (size_t count = 14995; count < 15006; count++) { /* ends of every shape */
    json_t *from = series(count), *to = lh_thin_series(from);
    size_t n = (size_t)lh_look_number(to, "thinned"), points = json_array_size(lh_look(to, "t_s"));
    assert_true(n > 1 && points <= 4000);
    assert_int_equal(points, (count + n - 1) / n);
    static const char *const keys[] = {"open", "response_p99_us", "drops"};
    for (size_t i = 0; i < 3; i++) assert_int_equal(json_array_size(json_object_get(lh_look(to, "run"), keys[i])), points);
    assert_int_equal(total(lh_look(to, "run.drops")), total(lh_look(from, "run.drops")));
    assert_true(holds(lh_look(to, "run.open"), 3));
    assert_true(holds(lh_look(to, "run.open"), 1000));
    assert_true(holds(lh_look(to, "run.response_p99_us"), 999999));
    assert_true(json_is_null(json_array_get(lh_look(to, "run.response_p99_us"), 150 / n)));
    assert_true(json_is_null(lh_look(to, "run.ping_p50_us"))); /* one value throughout */
    const json_t *at =
        json_object_get(json_array_get(json_object_get(json_array_get(lh_look(to, "groups"), 0), "endings"), 0), "at");
    assert_int_equal(json_array_size(at), 2);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(at, 0), 1)), 11);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(at, 1), 0)), (count - 1) / n);
    json_decref(to);
    json_decref(from);
  }
}

static void test_short_series_is_left_alone(void **state) {
  (void)state;
  json_t *from = series(300), *to = lh_thin_series(from);
  assert_null(lh_look(to, "thinned"));
  assert_true(json_equal(lh_look(to, "run.response_p99_us"), lh_look(from, "run.response_p99_us")));
  assert_int_equal(json_integer_value(lh_look(to, "run.open")), 1000);
  json_decref(to);
  json_decref(from);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_long_series), cmocka_unit_test(test_short_series_is_left_alone)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
