/* JSON pointers: the examples of RFC 6901 section 5, then what peers may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "conn/json_pointer.h"

static const char rfc[] = "{\n"
                          "  \"foo\": [\"bar\", \"baz\"],\n"
                          "  \"\": 0,\n"
                          "  \"a/b\": 1,\n"
                          "  \"c%d\": 2,\n"
                          "  \"e^f\": 3,\n"
                          "  \"g|h\": 4,\n"
                          "  \"i\\\\j\": 5,\n"
                          "  \"k\\\"l\": 6,\n"
                          "  \" \": 7,\n"
                          "  \"m~n\": 8\n"
                          "}";

struct find_case {
  const char *json, *pointer, *value; /* value NULL: not found */
};

static const struct find_case finds[] = {
    {rfc, "", rfc},
    {rfc, "/foo", "[\"bar\", \"baz\"]"},
    {rfc, "/foo/0", "\"bar\""},
    {rfc, "/foo/1", "\"baz\""},
    {rfc, "/", "0"},
    {rfc, "/a~1b", "1"},
    {rfc, "/c%d", "2"},
    {rfc, "/e^f", "3"},
    {rfc, "/g|h", "4"},
    {rfc, "/i\\j", "5"},
    {rfc, "/k\"l", "6"},
    {rfc, "/ ", "7"},
    {rfc, "/m~0n", "8"},
    {rfc, "/foo/2", NULL},
    {rfc, "/foo/-", NULL},
    {rfc, "/foo/01", NULL},
    {rfc, "/foo/", NULL},
    {rfc, "/foo/bar", NULL},
    {rfc, "/foo/0/x", NULL},
    {rfc, "/fo", NULL},
    {rfc, "/fooo", NULL},
    {"{\"a\":{\"b\":{\"c\":[1,{\"d\":true}]}}}", "/a/b/c/1/d", "true"},
    {"{\"a\":{\"b\":1},\"b\":2}", "/b", "2"},
    {"{\"~1\":1}", "/~01", "1"},
    {"[[],[[]],{}]", "/1/0", "[]"},
    {"[]", "/0", NULL},
    {"[0,1,2,3,4,5,6,7,8,9,10]", "/10", "10"},
    {"[1]", "/99999999999999999999999999", NULL},
    {"{\"x\":\"}]\\\"{\",\"y\":-1.5e3}", "/y", "-1.5e3"},
    {"{\"\\u0061\":1}", "/a", "1"},
    {"{\"\\u00e9\":1}", "/\xc3\xa9", "1"},
    {"{\"\\u00AF\":1}", "/\xc2\xaf", "1"},
    {"{\"\\u20ac\":1}", "/\xe2\x82\xac", "1"},
    {"{\"\\ud83d\\ude00\":1}", "/\xf0\x9f\x98\x80", "1"},
    {"{\"\\ud83d\":1,\"b\":2}", "/b", "2"},
    {"{\"\\n\\/\":1}", "/\n~1", "1"},
    {"{\"a\":1,\"a\":2}", "/a", "1"},
    {"  [ 1 , { \"id\" : \"t\" } ] ", "/1/id", "\"t\""},
    {"\"just text\"", "", "\"just text\""},
    {"7", "", "7"},
    {"7", "/a", NULL},
    {"", "", NULL},
    {"", "/a", NULL},
    {"{", "/a", NULL},
    {"{\"a", "/a", NULL},
    {"{\"a\"", "/a", NULL},
    {"{\"a\":", "/a", NULL},
    {"{\"a\":}", "/a", NULL},
    {"{\"a\" 1}", "/a", NULL},
    {"{\"a\":\"never closed", "/a", NULL},
    {"{\"a\":\"\\", "/a", NULL},
    {"{\"b\":[1,2,\"a\":1}", "/a", NULL},
    {"{\"\\u12\":1}", "/a", NULL},
    {"{\"\\q\":1}", "/q", NULL},
    {"[1 2]", "/1", NULL},
    {"[1,]", "/1", NULL},
    {"]", "", NULL},
    {"not json", "/a", NULL},
};

/* Each case is tried in an allocation of its exact size, so that a sanitizer sees any read past the end. */
static void finds_values(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof finds / sizeof *finds; i++) {
    const struct find_case *c = &finds[i];
    size_t len = strlen(c->json);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, c->json, len);
    struct lh_json_span value = {0};
    bool found = lh_json_pointer_find(c->pointer, exact, len, &value);
    bool right = c->value ? found && value.len == strlen(c->value) && memcmp(value.at, c->value, value.len) == 0 : !found;
    free(exact);
    if (!right) fail_msg("case %zu: pointer \"%s\" in %s", i, c->pointer, c->json);
  }
}

static void survives_every_cut(void **state) {
  (void)state;
  static const char json[] = "{\"\\u0061\\ud83d\\ude00\":[\"\\\"\",{\"b\":null}],\"c\":{\"d\":[1,2,3]}}";
  static const char *const pointers[] = {"", "/c/d/2", "/a\xf0\x9f\x98\x80/1/b", "/x/y"};
  for (size_t len = 0; len < sizeof json; len++) {
    char *exact = malloc(len ? len : 1);
    memcpy(exact, json, len);
    for (size_t p = 0; p < sizeof pointers / sizeof *pointers; p++) {
      struct lh_json_span value;
      if (lh_json_pointer_find(pointers[p], exact, len, &value)) assert_true(value.at + value.len <= exact + len);
    }
    free(exact);
  }
}

/* A log in a string, line by line: what is skipped takes time in step with its length. */
static void skips_a_string_full_of_escapes(void **state) {
  (void)state;
  enum { ESCAPES = 500000 };
  static char json[2 * ESCAPES + 32];
  char *at = stpcpy(json, "{\"log\":\"");
  for (int i = 1; i < ESCAPES; i++) at = stpcpy(at, "\\n");
  at = stpcpy(at, "\\\"");
  at = stpcpy(at, "\",\"id\":7}");
  struct lh_json_span value;
  const clock_t begun = clock();
  assert_true(lh_json_pointer_find("/id", json, (size_t)(at - json), &value));
  assert_true(value.len == 1 && *value.at == '7');
  assert_true(clock() - begun < 2 * CLOCKS_PER_SEC);
}

static void tells_valid_pointers(void **state) {
  (void)state;
  static const struct {
    const char *pointer;
    bool valid;
  } cases[] = {{"", true},   {"/", true},   {"/a/b", true},  {"/~0~1", true}, {"a", false},
               {"#", false}, {"/~", false}, {"/a~2", false}, {"/~0", true},   {"/a~/b", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(lh_json_pointer_valid(cases[i].pointer), cases[i].valid);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_values),
      cmocka_unit_test(survives_every_cut),
      cmocka_unit_test(skips_a_string_full_of_escapes),
      cmocka_unit_test(tells_valid_pointers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
