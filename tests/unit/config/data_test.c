#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "longhaul/base/sha256.h"
#include "longhaul/config/data.h"
#include "longhaul/config/load.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* FIPS 180-4's own examples, and lengths around a block's end as sha256sum gives them. */
static void digests_are_those_of_sha256sum(void **state) {
  (void)state;
  static char a[119];
  memset(a, 'a', sizeof a);
  const struct {
    const char *bytes;
    size_t len;
    const char *digest;
  } cases[] = {
      {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {a, 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
      {a, 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
      {a, 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
      {a, 119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char hex[LH_SHA256_HEX + 1];
    lh_sha256_hex(cases[i].bytes, cases[i].len, hex);
    assert_string_equal(hex, cases[i].digest);
  }
}

/* All rows as "a|b;c|d;", names first. */
static const char *shown(const struct lh_data *data) {
  static char out[1024];
  size_t at = 0;
  for (uint32_t row = 0; row <= lh_data_rows(data); row++)
    for (uint32_t c = 0; c < lh_data_columns(data); c++) {
      struct lh_cell cell = row ? lh_data_cell(data, row - 1, c) : lh_data_column_name(data, c);
      at += (size_t)snprintf(out + at, sizeof out - at, "%.*s%c", (int)cell.len, cell.at,
                             c + 1 == lh_data_columns(data) ? ';' : '|');
    }
  return out;
}

static void cells_are_as_rfc_4180_says(void **state) {
  (void)state;
  const struct {
    const char *text, *rows;
  } cases[] = {
      {"a,b\n1,2\n", "a|b;1|2;"},
      {"a,b\r\n1,2\r\n3,4", "a|b;1|2;3|4;"},
      {"\xef\xbb\xbf" "a\n1\n", "a;1;"},
      {"a,b\n,\n", "a|b;|;"},
      {"a,b\n1,", "a|b;1|;"},
      {"a\n\n1\n", "a;;1;"},
      {"a,b\n1,2\n\n\r\n\n", "a|b;1|2;"},
      {"a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", "a|b;x,y|say \"hi\";"},
      {"a,b\n\"two\nlines\",\"with\r\nCRLF\"\r\n", "a|b;two\nlines|with\r\nCRLF;"},
      {"\"a b\",\"\"\"\"\n1,\"\"\n", "a b|\";1|;"},
      {"a,b\n 1 ,2\r3\n", "a|b; 1 |2\r3;"},
      {"a\n\"\"\n", "a;;"},
      {"n\xc3\xa4me\nJos\xc3\xa9\n", "n\xc3\xa4me;Jos\xc3\xa9;"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct lh_data *data = NULL;
    struct lh_err err = {0};
    int failed = lh_data_new(&data, cases[i].text, strlen(cases[i].text), &err);
    if (failed) fail_msg("case %zu: %s", i, err.text);
    assert_string_equal(shown(data), cases[i].rows);
    lh_data_free(data);
  }
}

static void what_is_wrong_is_said_with_its_line(void **state) {
  (void)state;
  const struct {
    const char *text, *says;
  } cases[] = {
      {"", "the file is empty"},
      {"a,b\n", "no rows below"},
      {"a,b\n1,2\n3\n", "line 3: 1 field; expected 2"},
      {"a,b\n1,2,3\n", "line 2: 3 fields; expected 2"},
      {"a,b\n\"1\n2\",x\n3,4,5\n", "line 4: 3 fields"},
      {"a,b\n\n1,2\n", "line 2: 1 field"},
      {"a\n\"1", "line 2: a quoted field is begun and not ended"},
      {"a\n\"1\"x\n", "line 2: text follows the closing \""},
      {"a\nx\"1\"\n", "line 2: a quote stands inside"},
      {"a,a\n1,2\n", "two columns are called 'a'"},
      {"a,\n1,2\n", "column 2 has no name"},
      {"a\nok\ncaf\xe9\n", "line 3: not UTF-8"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct lh_data *data = NULL;
    struct lh_err err = {0};
    assert_true(lh_data_new(&data, cases[i].text, strlen(cases[i].text), &err) < 0);
    assert_null(data);
    if (!strstr(err.text, cases[i].says)) fail_msg("case %zu: '%s' does not say '%s'", i, err.text, cases[i].says);
  }
  struct lh_data *data;
  struct lh_err err = {0};
  assert_int_equal(lh_data_new(&data, "a\n1\0" "2\n", 6, &err), -EINVAL);
  assert_non_null(strstr(err.text, "line 2: a zero byte"));
}

static void an_image_is_shared_by_its_descriptor(void **state) {
  (void)state;
  static const char text[] = "user,password\nann,secret one\nbob,x\n";
  struct lh_data *data, *other;
  struct lh_err err = {0};
  assert_int_equal(lh_data_new(&data, text, sizeof text - 1, &err), 0);
  assert_int_equal(lh_data_attach(&other, lh_data_fd(data), &err), 0);
  assert_string_equal(shown(other), "user|password;ann|secret one;bob|x;");
  assert_string_equal(lh_data_digest(other), lh_data_digest(data));
  assert_int_equal(lh_data_longest(other, 1), 10);
  assert_int_equal(lh_data_column(other, "password", 8), 1);
  assert_int_equal(lh_data_column(other, "pass", 4), UINT32_MAX);
  assert_int_equal(write(lh_data_fd(data), "x", 1), -1); /* sealed */
  lh_data_free(other);
  assert_string_equal(shown(data), "user|password;ann|secret one;bob|x;");
  lh_data_free(data);
  int pipes[2];
  assert_int_equal(pipe(pipes), 0);
  assert_true(lh_data_attach(&other, pipes[0], &err) < 0);
  close(pipes[0]);
  close(pipes[1]);
}

/* ---- in a config ---- */

static char folder[] = "/tmp/longhaul-data-XXXXXX";

static int make_folder(void **state) {
  (void)state;
  static const char text[] = "user,pass word,note\nann,p1,\"two\nlines\"\nbob smith,p2,x\n";
  char path[64];
  if (!mkdtemp(folder)) return -1;
  snprintf(path, sizeof path, "%s/users.csv", folder);
  FILE *file = fopen(path, "w");
  if (!file) return -1;
  fputs(text, file);
  return fclose(file);
}

static int drop_folder(void **state) {
  (void)state;
  char path[64];
  snprintf(path, sizeof path, "%s/users.csv", folder);
  unlink(path);
  return rmdir(folder);
}

static struct lh_config *load(const char *groups, struct lh_diagnostics *diagnostics, const int32_t *fds) {
  char text[2048], path[64];
  struct lh_config *config = NULL;
  snprintf(text, sizeof text, "run: {duration: 1m}\ntargets: {t: {url: 'http://h/', headers: {X-User: '${data.user}'}}, w: {url: 'ws://h/'}}\ngroups:\n%s", groups);
  snprintf(path, sizeof path, "%s/t.yaml", folder);
  struct lh_load_args args = {.path = path, .text = text, .data_fds = fds, .data_fd_count = fds ? 1 : 0};
  lh_config_load(&args, &config, diagnostics);
  return config;
}

#define WS "  g: {kind: websocket, target: w, connections: 3, "
#define HTTP "  g: {kind: http, target: t, connections: 3, "
#define DATA "data: {file: users.csv}"

static void a_use_of_a_column_is_checked_where_it_stands(void **state) {
  (void)state;
  static const struct {
    const char *groups, *says; /* NULL: nothing but that the target t or w is not used */
  } cases[] = {
      {WS DATA ", messages: [{every: 1s, text: '${data.user} ${data.pass word} ${data.note}'}]}\n", NULL},
      {WS DATA ", headers: {X: '${data.user} ${data.pass word}'}}\n", NULL},
      {WS DATA ", messages: [{every: 1s, text: '${data.usr}'}]}\n",
       "4:105: groups.g.messages[0].text: users.csv has no column \"usr\"; did you mean ${data.user}?"},
      {WS DATA ", messages: [{every: 1s, text: '${data.zzzzzz}'}]}\n", "expected one of its columns: user, pass word, note"},
      {WS "messages: [{every: 1s, text: '${data.user}'}]}\n", "${data.user} needs rows, and group g has none"},
      {WS DATA ", path: '/${data.user}'}\n", "row 2 of ${data.user} holds a space"},
      {WS DATA ", headers: {X: '${data.note}'}}\n", "row 1 of ${data.note} holds a line break"},
      {HTTP "messages: [{every: 1s, get: /}]}\n", "targets.t.headers.X-User: ${data.user} needs rows, and group g has none"},
      {WS "data: {file: none.csv}, messages: [{every: 1s, text: '${data.user}'}]}\n", "cannot read"},
      {WS "data: {file: users.csv, sha256: 0000000000000000000000000000000000000000000000000000000000000000}}\n",
       "users.csv has another SHA-256"},
      {WS "data: {file: users.csv, sha256: 12}}\n", "as sha256sum prints them"},
      {WS "data: {file: users.csv, order: forwards}}\n", "expected sequential, random or per-client"},
      {WS "data: {order: random}}\n", "groups.g.data.file: missing"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct lh_diagnostics diagnostics = {0};
    struct lh_config *config = load(cases[i].groups, &diagnostics, NULL);
    bool said = !cases[i].says;
    for (size_t d = 0; d < diagnostics.count; d++) {
      if (cases[i].says) said |= strstr(diagnostics.items[d], cases[i].says) != NULL;
      if (!cases[i].says && strncmp(diagnostics.items[d], "warning: ", 9) != 0) said = false;
    }
    if (!said || (cases[i].says == NULL) != (config != NULL))
      fail_msg("case %zu: %s", i, diagnostics.count ? diagnostics.items[diagnostics.count - 1] : "no diagnostic");
    lh_config_free(config);
    lh_diagnostics_free(&diagnostics);
  }
}

static void a_config_keeps_the_digest_and_not_the_rows(void **state) {
  (void)state;
  struct lh_diagnostics diagnostics = {0};
  struct lh_config *config = load(WS DATA "}\n", &diagnostics, NULL);
  assert_non_null(config);
  const struct lh_data *rows = config->groups[0].data.rows;
  assert_int_equal(lh_data_rows(rows), 2);
  assert_non_null(strstr(config->masked, lh_data_digest(rows)));
  assert_null(strstr(config->masked, "bob"));
  lh_diagnostics_free(&diagnostics);

  /* A worker has them by descriptor, also when the file is there no more. */
  char from[64], to[64];
  snprintf(from, sizeof from, "%s/users.csv", folder);
  snprintf(to, sizeof to, "%s/moved.csv", folder);
  assert_int_equal(rename(from, to), 0);
  int32_t fds[] = {lh_data_fd(rows)};
  struct lh_config *other = load(WS DATA "}\n", &diagnostics, fds);
  assert_int_equal(rename(to, from), 0);
  assert_non_null(other);
  assert_string_equal(lh_data_digest(other->groups[0].data.rows), lh_data_digest(rows));
  lh_config_free(other);
  lh_config_free(config);
  lh_diagnostics_free(&diagnostics);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(digests_are_those_of_sha256sum),
      cmocka_unit_test(cells_are_as_rfc_4180_says),
      cmocka_unit_test(what_is_wrong_is_said_with_its_line),
      cmocka_unit_test(an_image_is_shared_by_its_descriptor),
      cmocka_unit_test(a_use_of_a_column_is_checked_where_it_stands),
      cmocka_unit_test(a_config_keeps_the_digest_and_not_the_rows),
  };
  return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
