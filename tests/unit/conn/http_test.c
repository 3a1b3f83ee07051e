/* The response reader against cases/http.txt, each fed whole, byte by byte, and in two parts at every place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/conn/http.h"

struct seen {
  struct lh_buf text;
  bool in_body;
};

static void say(struct seen *seen, const char *format, ...) {
  va_list args;
  if (seen->in_body) lh_buf_addstr(&seen->text, "\n");
  seen->in_body = false;
  va_start(args, format);
  lh_buf_vaddf(&seen->text, format, args);
  va_end(args);
}

static void on_header(void *context, const char *name, size_t name_len, const char *value, size_t value_len) {
  say(context, "header %.*s: %.*s\n", (int)name_len, name, (int)value_len, value);
}

static void on_head(void *context, unsigned status) {
  say(context, "status %u\n", status);
}

static void on_body(void *context, const char *bytes, size_t len) {
  struct seen *seen = context;
  if (!seen->in_body) lh_buf_addstr(&seen->text, "body ");
  seen->in_body = true;
  lh_buf_add(&seen->text, bytes, len);
}

static void on_done(void *context, bool keep_alive) {
  say(context, "done %s\n", keep_alive ? "keep" : "close");
}

static const struct lh_http_events events = {on_header, on_head, on_body, on_done};

static int hex(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void unescape(struct lh_buf *out, const char *text) {
  for (; *text && *text != '\n'; text++) {
    char byte = *text;
    if (byte == '\\') {
      byte = *++text;
      if (byte == 'e') {
        lh_buf_addstr(out, "\r");
        byte = '\n';
      } else if (byte == 'r') byte = '\r';
      else if (byte == 'n') byte = '\n';
      else if (byte == 'x') {
        byte = (char)(hex(text[1]) * 16 + hex(text[2]));
        text += 2;
      }
    }
    lh_buf_add(out, &byte, 1);
  }
}

struct http_case {
  char name[128];
  struct lh_buf in, want;
  bool closed;
};

static void feed(struct lh_http_reader *reader, struct seen *seen, const char *bytes, size_t len, bool *failed) {
  struct lh_err err = {0};
  if (*failed || !len) return;
  int result = lh_http_feed(reader, &events, seen, bytes, len, &err);
  if (!result) return;
  assert_true(err.text[0] != 0);
  say(seen, "error %s\n", result == -EPROTO ? "extra" : "bad");
  *failed = true;
}

static void check(const struct http_case *c) {
  for (size_t cut = 0; cut <= c->in.len + 1; cut++) {
    struct lh_http_reader reader;
    struct seen seen = {LH_BUF_INIT(1 << 16), false};
    bool failed = false;
    lh_http_init(&reader);
    lh_http_expect(&reader, strncmp(c->name, " HEAD", 5) == 0);
    size_t first = cut <= c->in.len ? cut : 0;
    feed(&reader, &seen, c->in.data, first, &failed);
    if (cut <= c->in.len) feed(&reader, &seen, c->in.data + first, c->in.len - first, &failed);
    else
      for (size_t i = 0; i < c->in.len; i++) feed(&reader, &seen, c->in.data + i, 1, &failed);
    if (c->closed) say(&seen, "eof %s\n", lh_http_eof(&reader, &events, &seen, NULL) ? "cut" : "ok");
    if (seen.in_body) lh_buf_addstr(&seen.text, "\n");
    const char *got = seen.text.data ? seen.text.data : "", *want = c->want.data ? c->want.data : "";
    if (seen.text.len != c->want.len || memcmp(got, want, seen.text.len) != 0)
      fail_msg("%s (cut at %zu): got\n%s\nwant\n%s", c->name, cut, got, want);
    lh_buf_free(&seen.text);
    lh_http_free(&reader);
  }
}

static void cases_hold_at_every_split(void **state) {
  (void)state;
  FILE *file = fopen("tests/unit/conn/cases/http.txt", "r");
  assert_non_null(file);
  struct http_case c = {.in = LH_BUF_INIT(1 << 16), .want = LH_BUF_INIT(1 << 16)};
  char line[1024];
  unsigned count = 0;
  for (;;) {
    bool more = fgets(line, sizeof line, file) != NULL;
    if (!more || line[0] == '=') {
      if (c.name[0]) {
        check(&c);
        count++;
      }
      if (!more) break;
      lh_buf_reset(&c.in);
      lh_buf_reset(&c.want);
      c.closed = false;
      snprintf(c.name, sizeof c.name, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
    } else if (line[0] == '<' && line[1] == ' ') {
      unescape(&c.in, line + 2);
    } else if (line[0] == '$') {
      c.closed = true;
    } else if (line[0] == '>') {
      unescape(&c.want, line + 2);
      lh_buf_addstr(&c.want, "\n");
    }
  }
  fclose(file);
  lh_buf_free(&c.in);
  lh_buf_free(&c.want);
  assert_true(count >= 26);
}

static void a_connection_carries_many_responses(void **state) {
  (void)state;
  struct lh_http_reader reader;
  struct seen seen = {LH_BUF_INIT(1 << 20), false};
  struct lh_err err = {0};
  static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  lh_http_init(&reader);
  for (int i = 0; i < 1000; i++) {
    lh_http_expect(&reader, false);
    assert_false(lh_http_begun(&reader));
    assert_int_equal(lh_http_feed(&reader, &events, &seen, response, sizeof response - 1, &err), 0);
  }
  assert_int_equal(lh_http_feed(&reader, &events, &seen, "x", 1, &err), -EPROTO);
  assert_string_equal(err.text, "1 bytes came that no request asked for");
  lh_buf_free(&seen.text);
  lh_http_free(&reader);
}

/* Any byte counts, and each response for itself: what came before the last one is no beginning of this one. */
static void a_response_has_begun_with_its_first_byte(void **state) {
  (void)state;
  struct lh_http_reader reader;
  struct seen seen = {LH_BUF_INIT(1 << 20), false};
  struct lh_err err = {0};
  static const char hinted[] = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
  lh_http_init(&reader);
  lh_http_expect(&reader, false);
  assert_int_equal(lh_http_feed(&reader, &events, &seen, hinted, sizeof hinted - 1, &err), 0);
  lh_http_expect(&reader, false);
  assert_false(lh_http_begun(&reader));
  assert_int_equal(lh_http_eof(&reader, &events, &seen, &err), 0);
  assert_int_equal(lh_http_feed(&reader, &events, &seen, "HTTP/1.1 2", 10, &err), 0);
  assert_true(lh_http_begun(&reader));
  assert_int_equal(lh_http_eof(&reader, &events, &seen, &err), -EPROTO);
  assert_string_equal(err.text, "the connection was closed in the middle of a response's head");
  lh_buf_free(&seen.text);
  lh_http_free(&reader);
}

static void a_head_without_end_is_refused(void **state) {
  (void)state;
  struct lh_http_reader reader;
  struct seen seen = {LH_BUF_INIT(1 << 20), false};
  struct lh_err err = {0};
  char block[1024];
  memset(block, 'a', sizeof block);
  lh_http_init(&reader);
  lh_http_expect(&reader, false);
  static const char start[] = "HTTP/1.1 200 OK\r\nX: ";
  int result = lh_http_feed(&reader, &events, &seen, start, sizeof start - 1, &err);
  for (int i = 0; i < 100 && !result; i++) result = lh_http_feed(&reader, &events, &seen, block, sizeof block, &err);
  assert_int_equal(result, -EBADMSG);
  assert_non_null(strstr(err.text, "head longer than 64 KiB"));
  lh_buf_free(&seen.text);
  lh_http_free(&reader);
}

static void retry_after_is_read_in_both_forms(void **state) {
  (void)state;
  static const int64_t now_us = INT64_C(784111777) * 1000000; /* Sun, 06 Nov 1994 08:49:37 GMT */
  static const struct {
    const char *value;
    uint64_t seconds;
  } rows[] = {
      {"0", 0},
      {"120", 120},
      {" 5 ", 5},
      {"Sun, 06 Nov 1994 08:49:47 GMT", 10},
      {"Mon, 07 Nov 1994 08:49:37 GMT", 86400},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
      {"Sat, 05 Nov 1994 08:49:37 GMT", 0},
      {"", 0},
      {"-5", 0},
      {"5s", 0},
      {"soon", 0},
      {"Sun, 06 Nov 1994 08:49:47 CET", 0},
      {"99999999999999999999999999", UINT64_C(315360000)},
      {"Sun, 06 Nov 9994 08:49:47 GMT", UINT64_C(315360000)},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (lh_http_retry_after_ns(rows[i].value, now_us) != rows[i].seconds * 1000000000)
      fail_msg("\"%s\" gives %llu ns, expected %llu s", rows[i].value,
               (unsigned long long)lh_http_retry_after_ns(rows[i].value, now_us), (unsigned long long)rows[i].seconds);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cases_hold_at_every_split),
      cmocka_unit_test(a_connection_carries_many_responses),
      cmocka_unit_test(a_response_has_begun_with_its_first_byte),
      cmocka_unit_test(a_head_without_end_is_refused),
      cmocka_unit_test(retry_after_is_read_in_both_forms),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
