/* Each tests/golden/NAME.json is a model; beside it stands what every line-based format must make of it. `make golden-update`
 * writes them anew: then read the difference. The page is tested in a browser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/report/compare.h"
#include "longhaul/report/report.h"
#include "report/brief.h"
#include "report/verdict.h"

/* The last is a comparison of two runs. */
static const char *const names[] = {"night", "quiet", "crash", "hostile", "compare"};

static const struct {
  enum lh_report_format format;
  int color;
  const char *ending;
} formats[] = {
    {LH_REPORT_TEXT, 0, "txt"}, {LH_REPORT_TEXT, 1, "ansi"}, {LH_REPORT_MARKDOWN, 0, "md"}, {LH_REPORT_JSON, 0, "json"},
    {LH_REPORT_CSV, 0, "csv"},   {LH_REPORT_JUNIT, 0, "xml"}};

/* The formats that a comparison has are the first ones. */
static size_t format_count(const char *name) {
  return strcmp(name, "compare") == 0 ? 4 : sizeof formats / sizeof *formats;
}

static char *read_whole(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) return NULL;
  char *text = calloc(1, 1 << 20);
  size_t len = fread(text, 1, (1 << 20) - 1, file);
  text[len] = 0;
  fclose(file);
  return text;
}

static void compare(const char *path, const struct lh_buf *out) {
  if (getenv("LH_GOLDEN_UPDATE")) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(out->data, 1, out->len, file);
    fclose(file);
    return;
  }
  char *expected = read_whole(path);
  if (!expected) fail_msg("%s is missing: make golden-update", path);
  size_t same = 0, line = 1;
  while (expected[same] && expected[same] == out->data[same]) line += expected[same++] == '\n';
  if (expected[same] != out->data[same]) fail_msg("%s:%zu differs: make golden-update, then read the difference", path, line);
  free(expected);
}

static int render(const char *name, const json_t *model, enum lh_report_format format, int color, struct lh_buf *out,
                  struct lh_err *err) {
  if (strcmp(name, "compare") == 0) return lh_compare_render(model, format, color, out, err);
  return lh_report_render(model, format, color, out, err);
}

static void test_golden(void **state) {
  (void)state;
  for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
    char path[128];
    snprintf(path, sizeof path, "tests/golden/%s.json", names[n]);
    json_error_t why;
    json_t *model = json_load_file(path, 0, &why);
    if (!model) fail_msg("%s:%d: %s", path, why.line, why.text);
    /* the sentences on top are made of the rest; the JSON has them too, and shows when they change */
    if (json_object_get(model, "brief")) {
      assert_int_equal(lh_verdict_judge(model, NULL), 0);
      assert_int_equal(lh_brief_put(model, NULL), 0);
    }
    for (size_t f = 0; f < format_count(names[n]); f++) {
      struct lh_buf out = LH_BUF_INIT(1 << 20);
      struct lh_err err = {0};
      if (render(names[n], model, formats[f].format, formats[f].color, &out, &err)) fail_msg("%s", err.text);
      snprintf(path, sizeof path, "tests/golden/%s.%s", names[n], formats[f].ending);
      compare(path, &out);
      lh_buf_free(&out);
    }
    json_decref(model);
  }
}

/* No line but a path may be wider than a terminal of 80 columns. */
static void test_width(void **state) {
  (void)state;
  for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
    char path[128];
    snprintf(path, sizeof path, "tests/golden/%s.txt", names[n]);
    char *text = read_whole(path);
    assert_non_null(text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
      size_t columns = 0;
      for (char *at = line; *at; at++) columns += ((unsigned char)*at & 0xc0) != 0x80;
      if (columns > 80 && strncmp(line, "Run file", 8)) fail_msg("%s: %zu columns: %s", path, columns, line);
    }
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_width)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
