/* Text from anywhere in tables and lines: terminals, Markdown and pages must show it, never obey it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "report/render.h"
#include "report/table.h"

static void test_plain(void **state) {
  (void)state;
  static const struct {
    const char *text, *plain;
  } cases[] = {{"service restart", "service restart"},
               {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
               {"a\nb\tc", "a\\x0ab\\x09c"},
               {"caf\xc3\xa9", "caf\xc3\xa9"},
               {"\xc2\x9b"
                "31m",
                "\\x9b31m"}, /* CSI as one C1 character */
               {"a\xe2\x80\xae"
                "b",
                "a\\u202eb"}, /* right-to-left override */
               {"\xff\xfe", "\\xff\\xfe"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_buf out = LH_BUF_INIT(1000);
    assert_int_equal(lh_text_plain(cases[i].text, &out), 0);
    assert_string_equal(out.data, cases[i].plain);
    lh_buf_free(&out);
  }
}

/* A sentence of ours goes on below, at a space where it has one. */
static void test_filled_column(void **state) {
  (void)state;
  static const struct lh_column columns[] = {
      {.title = "at"}, {.title = "hidden", .wide = true}, {.title = "what", .flexible = true, .filled = true}};
  struct lh_table table = {.title = "Events", .columns = columns, .column_count = 3};
  lh_table_add(&table, (const char *[]){"05:48:28", "x", "short"});
  lh_table_add(&table, (const char *[]){"05:48:30", "x",
                                        "no process is there that `watch` names: none has the process id 13510; caf\xc3\xa9, and so "
                                        "on until a third line is needed, after all of these words"});
  lh_table_add(&table, (const char *[]){"05:48:31", "x",
                                        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"});
  lh_table_add(&table, (const char *[]){"05:48:32", "x", ""});
  struct lh_buf out = LH_BUF_INIT(10000);
  assert_int_equal(lh_table_text(&table, false, &out), 0);
  assert_string_equal(out.data, "\nEvents\n"
                                "at        what\n"
                                "05:48:28  short\n"
                                "05:48:30  no process is there that `watch` names: none has the process id 13510;\n"
                                "          caf\xc3\xa9, and so on until a third line is needed, after all of these words\n"
                                "05:48:31  0123456789012345678901234567890123456789012345678901234567890123456789\n"
                                "          012345678901234567890\n"
                                "05:48:32  \n");
  lh_buf_free(&out);
  lh_table_free(&table);
}

static void test_text_table(void **state) {
  (void)state;
  static const struct lh_column columns[] = {{.title = "name"},
                                             {.title = "text", .flexible = true},
                                             {.title = "hidden", .wide = true},
                                             {.title = "count", .right = true}};
  struct lh_table table = {.title = "Things", .columns = columns, .column_count = 4, .left_out = 3};
  lh_table_add(&table, (const char *[]){"a", "short", "x", "1"});
  lh_table_add(&table,
               (const char *[]){"bb", "a text that is far too long for a terminal of eighty columns, so that it has to be cut",
                                "x", "12,345"});
  lh_table_add(&table, (const char *[]){"c", NULL, NULL, NULL});
  struct lh_buf out = LH_BUF_INIT(10000);
  assert_int_equal(lh_table_text(&table, false, &out), 0);
  assert_string_equal(out.data, "\nThings\n"
                                "name  text                                                                 count\n"
                                "a     short                                                                    1\n"
                                "bb    a text that is far too long for a terminal of eighty columns, so …  12,345\n"
                                "c                                                                               \n"
                                "and 3 more: the JSON report has all\n");
  lh_buf_free(&out);
  struct lh_buf tight = LH_BUF_INIT(20);
  assert_int_equal(lh_table_text(&table, false, &tight), -ENOBUFS);
  lh_buf_free(&tight);
  lh_table_free(&table);
  lh_table_free(NULL);
}

static void test_markdown(void **state) {
  (void)state;
  static const struct lh_column columns[] = {{.title = "text", .verbatim = true}, {.title = "words"}};
  struct lh_table table = {.title = "Things", .columns = columns, .column_count = 2};
  lh_table_add(&table, (const char *[]){"a|b `c` @you <b>\n", "*not* <i>_it_</i> | #1"});
  struct lh_buf out = LH_BUF_INIT(10000);
  assert_int_equal(lh_table_markdown(&table, &out), 0);
  assert_string_equal(out.data, "\n### Things\n\n| text | words |\n| --- | --- |\n"
                                "| `a\\|b 'c' @you <b>\\x0a` | \\*not\\* \\<i\\>\\_it\\_\\</i\\> \\| \\#1 |\n");
  lh_buf_free(&out);
  lh_table_free(&table);
}

static void test_filled(void **state) {
  (void)state;
  struct lh_buf out = LH_BUF_INIT(10000);
  assert_int_equal(
      lh_text_filled("  - ", "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen", &out),
      0);
  assert_string_equal(out.data, "  - one two three four five six seven eight nine ten eleven twelve thirteen\n"
                                "    fourteen fifteen\n");
  lh_buf_reset(&out);
  assert_int_equal(lh_text_filled("", "", &out), 0);
  assert_string_equal(out.data, "\n");
  lh_buf_free(&out);
}

static void test_json_in_a_script(void **state) {
  (void)state;
  json_t *value = json_pack("{s:s, s:[f, i, n, b]}", "a<b", "</script>&\x7f", "list", 0.1, 12, 1);
  struct lh_buf out = LH_BUF_INIT(1000);
  assert_int_equal(lh_json_write_compact(value, true, &out), 0);
  assert_null(strpbrk(out.data, "<>&"));
  json_t *back = json_loads(out.data, 0, NULL);
  assert_true(json_equal(value, back));
  json_decref(back);
  json_decref(value);
  lh_buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_filled_column), cmocka_unit_test(test_text_table),
                                     cmocka_unit_test(test_markdown), cmocka_unit_test(test_filled),
                                     cmocka_unit_test(test_json_in_a_script)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
