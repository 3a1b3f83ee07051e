/* Frames and their bodies: there and back, and every damage refused with a sentence. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/rng.h"
#include "longhaul/worker/protocol.h"

static const char *settings[] = {"groups.chat.connections=100", "", "run.duration=8h"};
static const struct lh_start start = {.path = "configs/night.yaml",
                                      .text = "run: {duration: 1h}\n",
                                      .settings = settings,
                                      .setting_count = 3,
                                      .slice = {3, 8},
                                      .worker = 2,
                                      .workers = 4,
                                      .run_id = UINT64_C(0xfedcba9876543210),
                                      .start_ns = 1,
                                      .report_every_ns = 1000000000,
                                      .start_wall_us = -5,
                                      .held_ns = 7200000000001,
                                      .replacement = 1,
                                      .data_fd_count = 3,
                                      .data_fds = {-1, 7, 1000},
                                      .ledger_fd = -1};
static const struct lh_worker_health health = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
static const struct lh_ending ending = {.at_ns = UINT64_MAX,
                                        .started_ns = 2,
                                        .open_ns = 3,
                                        .idle_ns = 4,
                                        .client = 5,
                                        .nth = 6,
                                        .group = 65535,
                                        .local_port = 65535,
                                        .stage = LH_STAGE_OPEN,
                                        .reason = LH_REASON_CLOSE_FRAME,
                                        .code = -1012,
                                        .text = "going away"};

static struct lh_cursor over(const void *bytes, size_t len) {
  return (struct lh_cursor){.at = bytes, .end = (const uint8_t *)bytes + len};
}

static void start_there_and_back(void **state) {
  (void)state;
  struct lh_buf buf = LH_BUF_INIT(4096);
  struct lh_start got;
  assert_int_equal(lh_start_encode(&start, &buf), 0);
  struct lh_cursor in = over(buf.data, buf.len);
  assert_int_equal(lh_start_decode(&got, &in, NULL), 0);
  assert_string_equal(got.path, start.path);
  assert_string_equal(got.text, start.text);
  assert_int_equal(got.setting_count, 3);
  for (size_t i = 0; i < 3; i++) assert_string_equal(got.settings[i], settings[i]);
  assert_true(got.slice.first == 3 && got.slice.stride == 8 && got.worker == 2 && got.workers == 4);
  assert_true(got.run_id == start.run_id && got.start_ns == 1 && got.report_every_ns == 1000000000);
  assert_true(got.held_ns == start.held_ns);
  assert_true(got.start_wall_us == -5 && got.replacement == 1);
  assert_true(got.data_fd_count == 3 && got.data_fds[0] == -1 && got.data_fds[1] == 7 && got.data_fds[2] == 1000);
  assert_int_equal(got.ledger_fd, -1);
  free(got.settings);
  lh_buf_free(&buf);
}

static void health_and_ending_there_and_back(void **state) {
  (void)state;
  struct lh_buf buf = LH_BUF_INIT(4096);
  struct lh_worker_health h;
  struct lh_ending e;
  assert_int_equal(lh_health_encode(&health, &buf), 0);
  assert_int_equal(lh_ending_encode(&ending, &buf), 0);
  struct lh_cursor in = over(buf.data, buf.len);
  assert_int_equal(lh_health_decode(&h, &in, NULL), 0);
  assert_int_equal(lh_ending_decode(&e, &in, NULL), 0);
  assert_ptr_equal(in.at, in.end);
  assert_true(h.from_ns == 1 && h.until_ns == 2 && h.cpu_user_us == 3 && h.cpu_system_us == 4 && h.rss_bytes == 5);
  assert_true(h.engine_bytes == 6 && h.loop_lag_max_us == 7 && h.turns == 8 && h.descriptors == 9 && h.clients == 10);
  assert_int_equal(h.context_switches, 11);
  assert_true(h.in_flight_full == 12 && h.no_memory == 13);
  assert_true(e.at_ns == UINT64_MAX && e.started_ns == 2 && e.open_ns == 3 && e.idle_ns == 4 && e.client == 5 && e.nth == 6);
  assert_true(e.group == 65535 && e.local_port == 65535 && e.stage == LH_STAGE_OPEN && e.code == -1012);
  assert_int_equal(e.reason, LH_REASON_CLOSE_FRAME);
  assert_string_equal(e.text, "going away");
  lh_buf_free(&buf);
}

/* The longest text, and one that was never ended: both come out whole and ended. */
static void ending_texts(void **state) {
  (void)state;
  struct lh_ending e = {0}, got;
  memset(e.text, 'x', sizeof e.text);
  struct lh_buf buf = LH_BUF_INIT(4096);
  assert_int_equal(lh_ending_encode(&e, &buf), 0);
  struct lh_cursor in = over(buf.data, buf.len);
  assert_int_equal(lh_ending_decode(&got, &in, NULL), 0);
  assert_int_equal(strlen(got.text), LH_CLOSE_TEXT_MAX - 1);
  lh_buf_free(&buf);
}

typedef int encode_any(struct lh_buf *out);
typedef int decode_any(struct lh_cursor *in, struct lh_err *err);
static int encode_start(struct lh_buf *out) { return lh_start_encode(&start, out); }
static int encode_health(struct lh_buf *out) { return lh_health_encode(&health, out); }
static int encode_ending(struct lh_buf *out) { return lh_ending_encode(&ending, out); }
static int decode_start(struct lh_cursor *in, struct lh_err *err) {
  struct lh_start got;
  int failed = lh_start_decode(&got, in, err);
  if (!failed) free(got.settings);
  return failed;
}
static int decode_health(struct lh_cursor *in, struct lh_err *err) {
  struct lh_worker_health got;
  return lh_health_decode(&got, in, err);
}
static int decode_ending(struct lh_cursor *in, struct lh_err *err) {
  struct lh_ending got;
  return lh_ending_decode(&got, in, err);
}
static const struct body {
  encode_any *encode;
  decode_any *decode;
} bodies[] = {{encode_start, decode_start}, {encode_health, decode_health}, {encode_ending, decode_ending}};

static void every_shorter_body_is_refused(void **state) {
  (void)state;
  for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
    struct lh_buf buf = LH_BUF_INIT(4096);
    assert_int_equal(bodies[b].encode(&buf), 0);
    for (size_t len = 0; len < buf.len; len++) {
      char *copy = malloc(len + 1); /* exact, so that a read past the end is seen */
      memcpy(copy, buf.data, len);
      struct lh_err err = {0};
      struct lh_cursor in = over(copy, len);
      assert_int_equal(bodies[b].decode(&in, &err), -EBADMSG);
      assert_non_null(strstr(err.text, "cut short or damaged"));
      free(copy);
    }
    lh_buf_free(&buf);
  }
}

/* Any one byte changed: refused or read as something else, never a read past the end or a large allocation. */
static void changed_bytes_do_no_harm(void **state) {
  (void)state;
  for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
    struct lh_buf buf = LH_BUF_INIT(4096);
    assert_int_equal(bodies[b].encode(&buf), 0);
    for (uint64_t round = 0; round < 4000; round++) {
      char *copy = malloc(buf.len);
      memcpy(copy, buf.data, buf.len);
      uint64_t word = lh_rng_at(3, LH_RNG_SIM, b, round);
      copy[word % buf.len] = (char)(word >> 32);
      struct lh_cursor in = over(copy, buf.len);
      bodies[b].decode(&in, NULL);
      free(copy);
    }
    lh_buf_free(&buf);
  }
}

/* Every allocation limit in turn: a refusal leaves what was there before. */
static void a_full_buffer_is_untouched(void **state) {
  (void)state;
  for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
    struct lh_buf whole = LH_BUF_INIT(4096);
    assert_int_equal(bodies[b].encode(&whole), 0);
    for (size_t limit = 3; limit < 3 + whole.len; limit++) {
      struct lh_buf buf = LH_BUF_INIT(limit);
      lh_buf_addstr(&buf, "abc");
      assert_int_equal(bodies[b].encode(&buf), -ENOBUFS);
      assert_string_equal(buf.data, "abc");
      assert_int_equal(buf.len, 3);
      lh_buf_free(&buf);
    }
    lh_buf_free(&whole);
  }
}

static void frames_come_out_one_by_one(void **state) {
  (void)state;
  struct lh_buf buf = LH_BUF_INIT(4096);
  size_t begin = lh_frame_begin(&buf, LH_FRAME_HELLO);
  lh_buf_addu32(&buf, LH_PROTOCOL);
  assert_int_equal(lh_frame_end(&buf, begin, NULL), 0);
  size_t first = buf.len;
  begin = lh_frame_begin(&buf, LH_FRAME_DONE);
  assert_int_equal(lh_frame_end(&buf, begin, NULL), 0);

  enum lh_frame_type type;
  struct lh_cursor body;
  size_t used;
  for (size_t len = 0; len < first; len++) assert_int_equal(lh_frame_next(buf.data, len, &type, &body, &used, NULL), 0);
  assert_int_equal(lh_frame_next(buf.data, buf.len, &type, &body, &used, NULL), 1);
  assert_true(type == LH_FRAME_HELLO && used == first && lh_cursor_u32(&body) == LH_PROTOCOL && body.at == body.end);
  assert_int_equal(lh_frame_next(buf.data + first, buf.len - first, &type, &body, &used, NULL), 1);
  assert_true(type == LH_FRAME_DONE && used == 5 && body.at == body.end);
  lh_buf_free(&buf);
}

static void impossible_lengths_are_refused(void **state) {
  (void)state;
  static const char *const heads[] = {"\0\0\0\0", "\xff\xff\xff\xff", "\1\0\0\4"};
  for (size_t i = 0; i < 3; i++) {
    enum lh_frame_type type;
    struct lh_cursor body;
    size_t used;
    struct lh_err err = {0};
    assert_int_equal(lh_frame_next(heads[i], 4, &type, &body, &used, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "damaged"));
  }
}

static void no_memory_for_a_frame_is_told_at_its_end(void **state) {
  (void)state;
  struct lh_buf buf = LH_BUF_INIT(2);
  assert_int_equal(lh_frame_end(&buf, lh_frame_begin(&buf, LH_FRAME_DONE), NULL), -ENOMEM);
  assert_int_equal(buf.len, 0);
  lh_buf_free(&buf);
}

static void logins_there_and_back(void **state) {
  (void)state;
  static const struct lh_text items[] = {{"", 0}, {"a=1; b=2", 8}, {"tok\0en", 6}};
  struct lh_texts *texts = lh_texts_new(items, 3);
  struct lh_buf buf = LH_BUF_INIT(4096);
  struct lh_shared_login got;
  assert_int_equal(lh_login_encode(&(struct lh_shared_login){5, 77, NULL}, texts, &buf), 0);
  struct lh_cursor in = over(buf.data, buf.len);
  assert_int_equal(lh_login_decode(&got, &in, NULL), 0);
  assert_true(got.group == 5 && got.serial == 77 && got.texts->count == 3);
  assert_int_equal(lh_texts_bytes(got.texts), lh_texts_bytes(texts));
  assert_memory_equal(got.texts, texts, lh_texts_bytes(texts));
  free(got.texts);
  for (size_t len = 0; len < buf.len; len++) {
    char *exact = malloc(len ? len : 1); /* so that a sanitizer sees each byte too many */
    memcpy(exact, buf.data, len);
    in = over(exact, len);
    assert_int_equal(lh_login_decode(&got, &in, NULL), -EBADMSG);
    free(exact);
  }
  free(texts);
  lh_buf_free(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(start_there_and_back),
      cmocka_unit_test(health_and_ending_there_and_back),
      cmocka_unit_test(logins_there_and_back),
      cmocka_unit_test(ending_texts),
      cmocka_unit_test(every_shorter_body_is_refused),
      cmocka_unit_test(changed_bytes_do_no_harm),
      cmocka_unit_test(a_full_buffer_is_untouched),
      cmocka_unit_test(frames_come_out_one_by_one),
      cmocka_unit_test(impossible_lengths_are_refused),
      cmocka_unit_test(no_memory_for_a_frame_is_told_at_its_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
