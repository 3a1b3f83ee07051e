#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

enum { WORDS_MAX = 10 };

/* What is to come out: "set=a set=b | operand" or the sentence of the error. */
static const struct {
  const char *words[WORDS_MAX];
  const char *expected;
} rows[] = {
    {{"c.yaml"}, "| c.yaml"},
    {{"c.yaml", "--set", "a=1", "--set=b=2"}, "set=a=1 set=b=2 | c.yaml"},
    {{"--set=", "c.yaml"}, "set= | c.yaml"},
    {{"-d", "30s", "c.yaml"}, "duration=30s | c.yaml"},
    {{"-d30s", "c.yaml"}, "duration=30s | c.yaml"},
    {{"-qd", "30s", "c.yaml"}, "quiet duration=30s | c.yaml"},
    {{"--quiet", "-"}, "quiet | -"},
    {{"--", "--odd-name"}, "| --odd-name"},
    {{"--set", "--odd", "c.yaml"}, "set=--odd | c.yaml"},
    {{"c.yaml", "-h"}, "help | c.yaml"},
    {{"--help"}, "help |"},
    {{"--help", "--", "a", "b", "c"}, "help | a b c"},
    {{NULL}, "error run needs a config or a URL; see longhaul run --help"},
    {{"a", "b"}, "error run does not know what to do with \"b\"; see longhaul run --help"},
    {{"--durration", "3s"}, "error run has no option --durration; did you mean --duration?"},
    {{"--dur", "3s"}, "error run has no option --dur; did you mean --duration?"},
    {{"--hepl"}, "error run has no option --hepl; did you mean --help?"},
    {{"--dashbord"}, "error run has no option --dashbord; did you mean --dashboard?"},
    {{"--dashboard", "c.yaml"}, "dashboard | c.yaml"}, /* its address may be left out */
    {{"c.yaml", "--dashboard"}, "dashboard | c.yaml"},
    {{"--dashboard", "0.0.0.0:0", "c.yaml"}, "dashboard=0.0.0.0:0 | c.yaml"},
    {{"--dashboard", "8700", "c.yaml"},
     "error --dashboard 8700 is no address to listen on; expected HOST:PORT, such as 127.0.0.1:8700"},
    {{"--dashboard", ":0", "c.yaml"}, "dashboard=:0 | c.yaml"},
    {{"--dashboard=anything", "c.yaml"}, "dashboard=anything | c.yaml"},
    {{"--dashboard", "ws://127.0.0.1:80"}, "dashboard | ws://127.0.0.1:80"},
    {{"--metrics", "--dashboard", "c.yaml"}, "metrics dashboard | c.yaml"},
    {{"-x"}, "error run has no option -x; see longhaul run --help"},
    {{"--duration"}, "error --duration needs a value: --duration TIME"},
    {{"-d"}, "error --duration needs a value: --duration TIME"},
    {{"--quiet=yes", "c"}, "error --quiet takes no value"},
    {{"-d", "1s", "--duration", "2s", "c"}, "error --duration is given more than once"},
    {{"-qq", "c"}, "error --quiet is given more than once"},
};

static void put(char *text, size_t size, const char *format, const char *a, const char *b) {
  size_t len = strlen(text);
  if (len > 0) len += (size_t)snprintf(text + len, size - len, " ");
  snprintf(text + len, size - len, format[0] == '=' ? "%s=%s" : "%s", a, b);
}

static void describe(const struct lh_cli_args *args, char *text, size_t size) {
  text[0] = '\0';
  if (args->help) put(text, size, " ", "help", "");
  for (size_t i = 0; i < args->given_count; i++)
    put(text, size, args->given[i].value != NULL ? "=" : " ", args->given[i].option->name, args->given[i].value);
  put(text, size, " ", "|", "");
  for (size_t i = 0; i < args->operand_count; i++) put(text, size, " ", args->operands[i], "");
}

static void test_rows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *words[WORDS_MAX], text[2048];
    int count = 0;
    while (count < WORDS_MAX && rows[i].words[count] != NULL) words[count] = strdup(rows[i].words[count]), count++;
    struct lh_cli_args args;
    struct lh_err err = {0};
    int code = lh_cli_parse(&lh_cli_run, count, words, &args, &err);
    if (code == 0)
      describe(&args, text, sizeof text);
    else
      snprintf(text, sizeof text, "error %s", err.text);
    assert_string_equal(text, rows[i].expected);
    lh_cli_args_free(&args);
    for (int w = 0; w < count; w++) free(words[w]);
  }
}

static void test_nearest_command(void **state) {
  (void)state;
  static const struct {
    const char *typed, *nearest;
  } names[] = {{"rnu", "run"},
               {"rum", "run"},
               {"rnus", "runs"},
               {"chekc", "check"},
               {"repotr", "report"},
               {"exp", "explain"},
               {"doktor", "doctor"},
               {"comapre", "compare"},
               {"", NULL},
               {"x", NULL},
               {"reports", "report"},
               {"an-absurdly-long-name-that-nobody-would-ever-type-in-a-terminal-at-all", NULL}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *nearest = lh_cli_nearest_command(names[i].typed);
    if (names[i].nearest == NULL) {
      if (nearest != NULL) print_message("%s: %s\n", names[i].typed, nearest);
      assert_null(nearest);
    } else {
      assert_non_null(nearest);
      assert_string_equal(nearest, names[i].nearest);
    }
  }
}

static void test_values(void **state) {
  (void)state;
  char *words[] = {(char[]){"--set"}, (char[]){"a=1"}, (char[]){"--set"}, (char[]){"a=2"}, (char[]){"c"}};
  struct lh_cli_args args;
  struct lh_err err = {0};
  assert_int_equal(lh_cli_parse(&lh_cli_run, 5, words, &args, &err), 0);
  assert_string_equal(lh_cli_value(&args, "set"), "a=2");
  assert_null(lh_cli_value(&args, "duration"));
  assert_true(lh_cli_has(&args, "set"));
  assert_false(lh_cli_has(&args, "quiet"));
  lh_cli_args_free(&args);
}

/* No line of any help is longer than 80 columns; examples come before options; every option is named. */
static void check_help(const struct lh_buf *out) {
  for (const char *at = out->data; *at != '\0';) {
    size_t len = strcspn(at, "\n");
    if (len > 80) print_message("%.*s\n", (int)len, at);
    assert_true(len <= 80);
    at += len + (at[len] == '\n');
  }
  assert_non_null(strstr(out->data, "Examples:"));
  assert_true(strstr(out->data, "Examples:") < strstr(out->data, "Options:"));
}

static void test_help(void **state) {
  (void)state;
  struct lh_buf out = LH_BUF_INIT(1 << 16);
  assert_int_equal(lh_cli_help(&out), 0);
  check_help(&out);
  for (size_t i = 0; lh_cli_commands[i] != NULL; i++) {
    const struct lh_cli_command *c = lh_cli_commands[i];
    assert_ptr_equal(lh_cli_find(c->name), c);
    assert_non_null(strstr(out.data, c->name));
    struct lh_buf own = LH_BUF_INIT(1 << 16);
    assert_int_equal(lh_cli_command_help(c, &own), 0);
    check_help(&own);
    for (const struct lh_cli_option *o = c->options; o->name != NULL; o++) assert_non_null(strstr(own.data, o->name));
    lh_buf_free(&own);
  }
  assert_null(strstr(out.data, "worker "));
  lh_buf_free(&out);
}

/* The man page and the completion know every command and option as well. */
static void test_manual(void **state) {
  (void)state;
  struct lh_buf man = LH_BUF_INIT(1 << 22), completion = LH_BUF_INIT(1 << 22);
  assert_int_equal(lh_cli_man(&man), 0);
  assert_int_equal(lh_cli_completion(&completion), 0);
  static const char *const sections[] = {".SH NAME",     ".SH SYNOPSIS",      ".SH EXAMPLES",
                                         ".SH COMMANDS", ".SH CONFIGURATION", ".SH EXIT STATUS"};
  const char *before = man.data;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    const char *at = strstr(before, sections[i]);
    if (at == NULL) print_message("%s\n", sections[i]);
    assert_non_null(at);
    before = at;
  }
  for (size_t i = 0; lh_cli_commands[i] != NULL; i++) {
    for (const struct lh_cli_option *o = lh_cli_commands[i]->options; o->name != NULL; o++) {
      char text[128];
      snprintf(text, sizeof text, "--%s", o->name);
      assert_non_null(strstr(completion.data, text));
      size_t len = (size_t)snprintf(text, sizeof text, "\\-\\-");
      for (const char *at = o->name; *at; at++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%c", *at == '-' ? "\\" : "", *at);
      assert_non_null(strstr(man.data, text));
    }
  }
  assert_non_null(strstr(completion.data, "groups.*.ping.every"));
  lh_buf_free(&man);
  lh_buf_free(&completion);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_nearest_command),
                                     cmocka_unit_test(test_values), cmocka_unit_test(test_help), cmocka_unit_test(test_manual)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
