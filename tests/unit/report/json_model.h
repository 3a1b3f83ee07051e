/* Models written by hand in tests, and changed at one place. */
#ifndef LONGHAUL_TESTS_REPORT_JSON_MODEL_H
#define LONGHAUL_TESTS_REPORT_JSON_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* JSON with ' for ", which C reads more easily. */
static json_t *model_parse(const char *text) {
  char copy[4096];
  snprintf(copy, sizeof copy, "%s", text);
  for (char *at = copy; *at; at++)
    if (*at == '\'') *at = '"';
  json_error_t why;
  json_t *value = json_loads(copy, JSON_DECODE_ANY, &why);
  if (!value) fail_msg("%s: %s", copy, why.text);
  return value;
}

static void model_change(json_t *at, const char *path, const char *text) {
  if (!path) return;
  for (;;) {
    size_t len = strcspn(path, ".");
    char key[64];
    snprintf(key, sizeof key, "%.*s", (int)len, path);
    if (!path[len]) {
      int failed = json_is_array(at) ? json_array_set_new(at, (size_t)(key[0] - '0'), model_parse(text))
                                     : json_object_set_new(at, key, model_parse(text));
      assert_int_equal(failed, 0);
      return;
    }
    at = json_is_array(at) ? json_array_get(at, (size_t)(key[0] - '0')) : json_object_get(at, key);
    assert_non_null(at);
    path += len + 1;
  }
}

#endif
