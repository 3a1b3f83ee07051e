/* A patch applied to the old value gives the new one, for tables of small values and for random ones; tails are short. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "live/patch.h"
#include "longhaul/base/rng.h"

/* The same as patched() of page_live.js; the browser test runs that one. */
static json_t *patched(const json_t *old, const json_t *patch) {
  const char *key;
  json_t *value;
  size_t i;
  if (json_object_get(patch, "v")) return json_deep_copy(json_object_get(patch, "v"));
  if (json_object_get(patch, "a")) {
    json_t *items = json_array();
    for (i = 0; i < (size_t)json_integer_value(json_object_get(patch, "a")); i++)
      json_array_append_new(items, json_deep_copy(json_array_get(old, i)));
    json_object_foreach(json_object_get(patch, "i"), key, value)
        json_array_set_new(items, (size_t)atoi(key), patched(json_array_get(old, (size_t)atoi(key)), value));
    json_array_foreach(json_object_get(patch, "t"), i, value) json_array_append_new(items, json_deep_copy(value));
    return items;
  }
  json_t *object = json_deep_copy(old);
  json_array_foreach(json_object_get(patch, "d"), i, value) json_object_del(object, json_string_value(value));
  json_object_foreach(json_object_get(patch, "o"), key, value)
      json_object_set_new(object, key, patched(json_object_get(old, key), value));
  return object;
}

static json_t *parse(const char *text) {
  json_error_t error;
  json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
  if (!value) fail_msg("%s: %s", text, error.text);
  return value;
}

static void check(const json_t *from, const json_t *to, const char *expected) {
  json_t *patch = lh_patch_make(from, to);
  assert_non_null(patch);
  if (expected) {
    char *text = json_dumps(patch, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(text, expected);
    free(text);
  }
  if (!json_is_null(patch)) {
    json_t *result = patched(from, patch);
    if (!json_equal(result, to)) fail_msg("%s", json_dumps(patch, 0));
    json_decref(result);
  } else
    assert_true(json_equal(from, to));
  json_decref(patch);
}

static const struct {
  const char *from, *to, *patch;
} rows[] = {
    {"1", "1", "null"},
    {"1", "2", "{\"v\":2}"},
    {"{\"a\":1}", "{\"a\":1}", "null"},
    {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", "{\"o\":{\"b\":{\"v\":3}}}"},
    {"{\"a\":1}", "{\"b\":null}", "{\"o\":{\"b\":{\"v\":null}},\"d\":[\"a\"]}"},
    {"[1,2]", "[1,2,3,4]", "{\"a\":2,\"t\":[3,4]}"},
    {"[1,2,5]", "[1,2,3,4]", "{\"a\":2,\"t\":[3,4]}"},
    {"[1,2,3]", "[1,2]", "{\"a\":2}"},
    {"[]", "[1]", "{\"a\":0,\"t\":[1]}"},
    {"[[0,1],[2,1]]", "[[0,1],[2,4],[3,1]]", "{\"a\":1,\"t\":[[2,4],[3,1]]}"},
    {"[{\"n\":\"a\",\"t\":[1]},{\"n\":\"b\"}]", "[{\"n\":\"a\",\"t\":[1,2]},{\"n\":\"b\"}]",
     "{\"a\":2,\"i\":{\"0\":{\"o\":{\"t\":{\"a\":1,\"t\":[2]}}}}}"},
    {"[{\"n\":1},2]", "[{\"n\":2},{\"n\":2}]", "{\"a\":1,\"i\":{\"0\":{\"o\":{\"n\":{\"v\":2}}}},\"t\":[{\"n\":2}]}"},
    {"5", "[5,6]", "{\"v\":[5,6]}"}, /* a series that was one value throughout */
    {"{\"v\":1}", "{\"v\":2}", "{\"o\":{\"v\":{\"v\":2}}}"},
};

static void test_rows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    json_t *from = parse(rows[i].from), *to = parse(rows[i].to);
    check(from, to, rows[i].patch);
    json_decref(from);
    json_decref(to);
  }
}

static uint64_t draw(uint64_t *count, uint64_t below) {
  return lh_rng_below(lh_rng_at(20261122, LH_RNG_SIM, 0, (*count)++), below);
}

static json_t *random_value(uint64_t *count, int depth) {
  static const char *const keys[] = {"a", "b", "c", "v", "o", "t"};
  uint64_t kind = draw(count, depth > 0 ? 6 : 3);
  if (kind == 0) return json_null();
  if (kind < 3) return json_integer((json_int_t)draw(count, 3));
  bool object = kind < 5;
  json_t *out = object ? json_object() : json_array();
  for (uint64_t n = draw(count, 5); n > 0; n--) {
    json_t *item = random_value(count, depth - 1);
    if (object)
      json_object_set_new(out, keys[draw(count, 6)], item);
    else
      json_array_append_new(out, item);
  }
  return out;
}

static void test_random_values(void **state) {
  (void)state;
  uint64_t count = 0;
  for (int i = 0; i < 3000; i++) {
    json_t *from = random_value(&count, 4), *to = random_value(&count, 4);
    check(from, to, NULL);
    json_decref(from);
    json_decref(to);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_random_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
