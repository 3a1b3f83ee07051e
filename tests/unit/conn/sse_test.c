/* The SSE parser against cases/sse.txt, each stream fed whole, byte by byte, and in two parts at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/conn/sse.h"

static int hex(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

static int unescape(struct lh_buf *out, const char *text) {
  for (; *text && *text != '\n'; text++) {
    char byte = *text;
    if (byte == '\\') {
      byte = *++text;
      if (byte == 'n') byte = '\n';
      else if (byte == 'r') byte = '\r';
      else if (byte == 'p') byte = '|';
      else if (byte == 'x') {
        byte = (char)(hex(text[1]) * 16 + hex(text[2]));
        text += 2;
      }
    }
    if (lh_buf_add(out, &byte, 1)) return -1;
  }
  return 0;
}

static void collect(void *context, const struct lh_sse_event *event) {
  struct lh_buf *out = context;
  lh_buf_addf(out, "%s|%s|", event->type, event->id);
  lh_buf_add(out, event->data, event->data_len);
  lh_buf_addstr(out, "\x1e");
}

static void check(const char *name, const struct lh_buf *in, const struct lh_buf *want) {
  for (size_t cut = 0; cut <= in->len + 1; cut++) { /* cut len+1: byte by byte */
    struct lh_sse sse;
    struct lh_buf got = LH_BUF_INIT(1 << 16);
    lh_sse_init(&sse, 1 << 16);
    if (cut <= in->len) {
      assert_int_equal(lh_sse_feed(&sse, in->data, cut, collect, &got), 0);
      if (cut < in->len) assert_int_equal(lh_sse_feed(&sse, in->data + cut, in->len - cut, collect, &got), 0);
    } else {
      for (size_t i = 0; i < in->len; i++) assert_int_equal(lh_sse_feed(&sse, in->data + i, 1, collect, &got), 0);
    }
    if (got.len != want->len || (got.len && memcmp(got.data, want->data, got.len) != 0))
      fail_msg("%s (cut at %zu): got %s, want %s", name, cut, got.len ? got.data : "", want->len ? want->data : "");
    lh_buf_free(&got);
    lh_sse_free(&sse);
  }
}

static void cases_hold_at_every_split(void **state) {
  (void)state;
  FILE *file = fopen("tests/unit/conn/cases/sse.txt", "r");
  assert_non_null(file);
  char line[1024], name[128] = "";
  struct lh_buf in = LH_BUF_INIT(1 << 16), want = LH_BUF_INIT(1 << 16);
  unsigned count = 0;
  for (;;) {
    bool more = fgets(line, sizeof line, file) != NULL;
    if (!more || line[0] == '=') {
      if (name[0]) {
        check(name, &in, &want);
        count++;
      }
      lh_buf_reset(&in);
      lh_buf_reset(&want);
      if (!more) break;
      snprintf(name, sizeof name, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
    } else if (line[0] == '<' && line[1] == ' ') {
      assert_int_equal(unescape(&in, line + 2), 0);
    } else if (line[0] == '>') {
      assert_int_equal(unescape(&want, line + 2), 0);
      lh_buf_addstr(&want, "\x1e");
    }
  }
  fclose(file);
  lh_buf_free(&in);
  lh_buf_free(&want);
  assert_true(count >= 24);
}

static void count_event(void *context, const struct lh_sse_event *event) {
  unsigned *seen = context;
  seen[0]++;
  seen[1] += event->truncated;
  seen[2] = (unsigned)event->data_len;
}

static void long_events_are_cut_and_counted(void **state) {
  (void)state;
  struct lh_sse sse;
  unsigned seen[3] = {0};
  lh_sse_init(&sse, 100);
  char data[300];
  memset(data, 'x', sizeof data);
  lh_sse_feed(&sse, "data: ", 6, count_event, seen);
  lh_sse_feed(&sse, data, sizeof data, count_event, seen);
  lh_sse_feed(&sse, "\n\n", 2, count_event, seen);
  assert_int_equal(seen[0], 1);
  assert_int_equal(seen[1], 1);
  assert_in_range(seen[2], 90, 101);
  /* A long comment in pieces cuts no event. */
  lh_sse_feed(&sse, ": ", 2, count_event, seen);
  lh_sse_feed(&sse, data, sizeof data, count_event, seen);
  lh_sse_feed(&sse, "\ndata: y\n\n", 10, count_event, seen);
  assert_int_equal(seen[0], 2);
  assert_int_equal(seen[1], 1);
  lh_sse_free(&sse);
}

static void a_restart_keeps_id_and_retry(void **state) {
  (void)state;
  struct lh_sse sse;
  unsigned seen[3] = {0};
  lh_sse_init(&sse, 100);
  static const char text[] = "id: 5\nretry: 1500\ndata: a\n\nevent: half\ndata: never";
  lh_sse_feed(&sse, text, sizeof text - 1, count_event, seen);
  lh_sse_restart(&sse);
  lh_sse_feed(&sse, "\n\ndata: b\n\n", 11, count_event, seen);
  assert_int_equal(seen[0], 2);
  assert_string_equal(sse.id, "5");
  assert_int_equal(sse.retry_ms, 1500);
  static const char bad[] = "retry: 15x\nretry: -1\nretry:\nretry: 99999999999999999999999\n";
  lh_sse_feed(&sse, bad, 28, count_event, seen);
  assert_int_equal(sse.retry_ms, 1500);
  lh_sse_feed(&sse, bad + 28, sizeof bad - 29, count_event, seen);
  assert_int_equal(sse.retry_ms, 24 * 3600 * 1000);
  lh_sse_feed(&sse, "retry: 0\n", 9, count_event, seen); /* at once, which is not the same as nothing */
  assert_int_equal(sse.retry_ms, 1);
  lh_sse_free(&sse);
}

static void note(void *context, const struct lh_sse_event *event) {
  *(struct lh_sse_event *)context = (struct lh_sse_event){
      .data_len = event->data_len, .truncated = event->truncated, .id_given = event->id_given, .id = event->id};
}

static void ids_are_whole_or_not_there(void **state) {
  (void)state;
  for (size_t len = LH_SSE_ID_MAX - 2; len <= LH_SSE_ID_MAX + 1; len++) {
    struct lh_sse sse;
    struct lh_sse_event event = {0};
    char text[LH_SSE_ID_MAX + 64] = "id: ";
    memset(text + 4, '7', len);
    strcpy(text + 4 + len, "\ndata: x\n\n");
    lh_sse_init(&sse, 1 << 16);
    assert_int_equal(lh_sse_feed(&sse, text, strlen(text), note, &event), 0);
    const bool fits = len < LH_SSE_ID_MAX;
    assert_int_equal(strlen(sse.id), fits ? len : 0);
    assert_int_equal(event.id_given, fits);
    assert_int_equal(event.truncated, !fits);
    assert_int_equal(lh_sse_feed(&sse, "data: y\n\n", 9, note, &event), 0); /* the next one has none of its own */
    assert_true(!event.id_given && !event.truncated);
    assert_int_equal(strlen(event.id), fits ? len : 0);
    lh_sse_free(&sse);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ids_are_whole_or_not_there),
      cmocka_unit_test(cases_hold_at_every_split),
      cmocka_unit_test(long_events_are_cut_and_counted),
      cmocka_unit_test(a_restart_keeps_id_and_retry),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
