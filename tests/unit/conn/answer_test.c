#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/conn/login.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct lh_extract extract = {.name = (char[]){"token"}};
static struct lh_login_config config = {.extracts = &extract, .extract_count = 1, .status = {2, 302}};

/* "Name: value\n" lines, then the body; texts as "cookies|token", or the sentence. */
static const char *read_answer(const char *headers, const char *body, size_t piece) {
  static char out[4096];
  struct lh_answer answer;
  struct lh_err err = {0};
  struct lh_texts *texts = NULL;
  lh_answer_init(&answer, &config);
  for (const char *at = headers; *at; at = strchr(at, '\n') + 1) {
    const char *colon = strchr(at, ':'), *end = strchr(at, '\n');
    lh_answer_header(&answer, at, (size_t)(colon - at), colon + 2, (size_t)(end - colon - 2));
  }
  for (size_t at = 0, len = strlen(body); at < len; at += piece)
    lh_answer_body(&answer, body + at, len - at < piece ? len - at : piece);
  int failed = lh_answer_texts(&answer, &texts, &err);
  if (failed) {
    snprintf(out, sizeof out, "%s", err.text);
  } else {
    struct lh_text cookies = lh_texts_at(texts, 0), token = lh_texts_at(texts, 1);
    snprintf(out, sizeof out, "%.*s|%.*s", (int)cookies.len, cookies.at, (int)token.len, token.at);
  }
  free(texts);
  lh_answer_free(&answer);
  return out;
}

static void json_values_are_read_as_what_they_say(void **state) {
  (void)state;
  extract = (struct lh_extract){.name = extract.name, .source = LH_EXTRACT_JSON, .json = (char[]){"/a/t"}};
  static const struct {
    const char *body, *texts;
  } cases[] = {
      {"{\"a\":{\"t\":\"abc\"}}", "|abc"},
      {"{\"a\":{\"t\":\"a\\/b\\\\c\\\"d\"}}", "|a/b\\c\"d"},
      {"{\"a\":{\"t\":\"\\u00e9\\u20ac\\ud83d\\ude00\"}}", "|\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"{\"a\":{\"t\":12.50}}", "|12.50"},
      {"{\"a\":{\"t\":true}}", "|true"},
      {"{\"a\":{\"t\":\"\"}}", "|"},
      {"{\"a\":{\"t\":null}}", "token: the answer has nothing at JSON pointer /a/t"},
      {"{\"a\":{}}", "token: the answer has nothing at JSON pointer /a/t"},
      {"", "token: the answer has nothing at JSON pointer /a/t"},
      {"<html>", "token: the answer has nothing at JSON pointer /a/t"},
      {"{\"a\":{\"t\":\"a\\nb\"}}", "token: a control character in it"},
      {"{\"a\":{\"t\":\"\\ud83d\"}}", "token: the JSON string at /a/t is damaged"},
      {"{\"a\":{\"t\":\"\\uzzzz\"}}", "token: the JSON string at /a/t is damaged"},
      {"{\"a\":{\"t\":\"\\q\"}}", "token: the JSON string at /a/t is damaged"},
  };
  for (size_t i = 0; i < COUNT(cases); i++)
    for (size_t piece = 1; piece < 100; piece += 33) assert_string_equal(read_answer("", cases[i].body, piece), cases[i].texts);
}

static void headers_and_cookies_are_found(void **state) {
  (void)state;
  static const struct {
    enum lh_extract_source source;
    bool keeps;
    const char *headers, *texts;
  } cases[] = {
      {LH_EXTRACT_HEADER, false, "x-token: abc\n", "|abc"},
      {LH_EXTRACT_HEADER, false, "X-TOKEN: one\nX-Token: two\n", "|one"},
      {LH_EXTRACT_HEADER, false, "X-Other: abc\n", "token: the answer has no header X-Token"},
      {LH_EXTRACT_HEADER, true, "X-Token: t\nSet-Cookie: a=1; Path=/\nset-cookie:  b = 2 \n", "a=1; Path=/\n b = 2 |t"},
      {LH_EXTRACT_COOKIE, false, "Set-Cookie: sid=v=1; HttpOnly\n", "|v=1"},
      {LH_EXTRACT_COOKIE, true, "Set-Cookie: sid=old\nSet-Cookie: b=2\nSet-Cookie: sid=new; Secure\n", "sid=old\nb=2\nsid=new; Secure|new"},
      {LH_EXTRACT_COOKIE, true, "Set-Cookie: sid=x\nSet-Cookie: gone=1\nSet-Cookie: gone=; Max-Age=0\nSet-Cookie: =v\nSet-Cookie: flag\n", "sid=x\ngone=1\ngone=; Max-Age=0|x"},
      {LH_EXTRACT_COOKIE, false, "Set-Cookie: SID=x\n", "token: the answer has no cookie sid"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    extract = (struct lh_extract){.name = extract.name, .source = cases[i].source, .header = (char[]){"X-Token"}, .cookie = (char[]){"sid"}};
    config.keeps_cookies = cases[i].keeps;
    assert_string_equal(read_answer(cases[i].headers, "", 1), cases[i].texts);
  }
  config.keeps_cookies = false;
}

static void what_is_too_long_is_no_answer(void **state) {
  (void)state;
  static char headers[LH_LOGIN_VALUE_MAX + 64], body[LH_LOGIN_BODY_MAX + 2];
  extract = (struct lh_extract){.name = extract.name, .source = LH_EXTRACT_HEADER, .header = (char[]){"X-Token"}};
  int at = snprintf(headers, sizeof headers, "X-Token: ");
  memset(headers + at, 'x', LH_LOGIN_VALUE_MAX + 1);
  headers[at + LH_LOGIN_VALUE_MAX + 1] = '\n';
  assert_string_equal(read_answer(headers, "", 1), "token: longer than 16384 bytes");
  extract = (struct lh_extract){.name = extract.name, .source = LH_EXTRACT_JSON, .json = (char[]){"/t"}};
  memset(body, ' ', sizeof body - 1);
  assert_string_equal(read_answer("", body, sizeof body), "the answer is longer than what is looked into");
}

static void statuses_are_accepted_as_the_config_says(void **state) {
  (void)state;
  struct lh_answer answer;
  lh_answer_init(&answer, &config);
  assert_true(lh_answer_accepts(&answer, 204) && lh_answer_accepts(&answer, 302));
  assert_false(lh_answer_accepts(&answer, 301) || lh_answer_accepts(&answer, 401) || lh_answer_accepts(&answer, 0));
  lh_answer_free(&answer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_values_are_read_as_what_they_say),
      cmocka_unit_test(headers_and_cookies_are_found),
      cmocka_unit_test(what_is_too_long_is_no_answer),
      cmocka_unit_test(statuses_are_accepted_as_the_config_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
