#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "longhaul/base/rng.h"
#include "longhaul/stats/hdr.h"

enum { SEED = 4711, ROOM = 1 << 20 };

static uint64_t random_at(uint64_t i, uint64_t k) {
  return lh_rng_at(SEED, LH_RNG_SIM, i, k);
}

static void record_some(struct lh_hdr *h, uint64_t from, uint64_t count) {
  for (uint64_t i = from; i < from + count; i++) {
    uint64_t value = lh_rng_below(random_at(i, 1), UINT64_C(1) << (1 + lh_rng_below(random_at(i, 2), 31)));
    lh_hdr_record_n(h, value, 1 + lh_rng_below(random_at(i, 3), UINT64_C(1) << lh_rng_below(random_at(i, 4), 40)));
  }
}

static void assert_same_slots(const struct lh_hdr *a, const struct lh_hdr *b) {
  static const uint64_t zeros[LH_HDR_PAGE_SLOTS];
  for (int p = 0; p < LH_HDR_PAGES; p++)
    assert_memory_equal(a->pages[p] ? a->pages[p] : zeros, b->pages[p] ? b->pages[p] : zeros, sizeof zeros);
}

/* The 40 bytes that every one of our payloads begins with, less their length field. */
static const uint8_t header[40] = {0x1c, 0x84, 0x93, 0x13, 0, 0, 0, 0, 0,    0,    0,    0, 0,    0,    0, 3, 0, 0, 0, 0,
                                   0,    0,    0,    1,    0, 0, 0, 0, 0xd6, 0x93, 0xa4, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0};

static void the_bytes_are_the_format_s(void **state) {
  (void)state;
  /* zero; two at 1; a run of three zeros; one at 5; 300 at 6 (zigzag 600: 0xd8 0x04) */
  static const uint8_t counts[] = {0x00, 0x04, 0x05, 0x02, 0xd8, 0x04};
  struct lh_hdr h = LH_HDR_INIT;
  lh_hdr_record_n(&h, 1, 2);
  lh_hdr_record(&h, 5);
  lh_hdr_record_n(&h, 6, 300);
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_buf_addstr(&out, "before"), 0);
  assert_int_equal(lh_hdr_encode(&h, &out), 0);
  assert_int_equal(out.len, 6 + sizeof header + sizeof counts);
  uint8_t expected[sizeof header];
  memcpy(expected, header, sizeof header);
  expected[7] = sizeof counts;
  assert_memory_equal(out.data + 6, expected, sizeof header);
  assert_memory_equal(out.data + 6 + sizeof header, counts, sizeof counts);
  lh_buf_free(&out);
  lh_hdr_free(&h);
}

/* The reference writes the count of slot 0 even when there is nothing to say. */
static void an_empty_histogram_is_one_zero(void **state) {
  (void)state;
  struct lh_hdr h = LH_HDR_INIT, back = LH_HDR_INIT;
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_hdr_encode(&h, &out), 0);
  assert_int_equal(out.len, 41);
  assert_int_equal(out.data[40], 0);
  assert_int_equal(lh_hdr_decode(&back, out.data, out.len, NULL), 0);
  assert_int_equal(back.count, 0);
  assert_int_equal(back.min_us, UINT64_MAX);
  lh_buf_free(&out);
}

static void both_forms_come_back(void **state) {
  (void)state;
  for (uint64_t round = 0; round < 60; round++) {
    struct lh_hdr h = LH_HDR_INIT, plain = LH_HDR_INIT, packed = LH_HDR_INIT;
    record_some(&h, round * 1000, lh_rng_below(random_at(round, 9), 1000));
    if (round == 59) /* every slot: the largest there is */
      for (uint32_t slot = 0; slot <= lh_hdr_slot(LH_HDR_HIGHEST_US); slot++) lh_hdr_record_n(&h, lh_hdr_slot_low(slot), slot);
    struct lh_buf out = LH_BUF_INIT(ROOM);
    assert_int_equal(lh_hdr_encode(&h, &out), 0);
    assert_int_equal(lh_hdr_decode(&plain, out.data, out.len, NULL), 0);
    lh_buf_reset(&out);
    assert_int_equal(lh_hdr_encode_compressed(&h, &out), 0);
    assert_int_equal(lh_hdr_decode(&packed, out.data, out.len, NULL), 0);
    assert_same_slots(&h, &plain);
    assert_same_slots(&h, &packed);
    assert_int_equal(packed.count, h.count - h.overflow);
    if (packed.count) {
      assert_int_equal(packed.min_us, lh_hdr_slot_low(lh_hdr_slot(h.min_us)));
      if (!h.overflow) assert_int_equal(packed.max_us, lh_hdr_slot_high(lh_hdr_slot(h.max_us)));
      if (!h.overflow) assert_float_equal(lh_hdr_mean(&packed), lh_hdr_mean(&h), lh_hdr_mean(&h) / 1000);
    }
    lh_buf_free(&out);
    lh_hdr_free(&h);
    lh_hdr_free(&plain);
    lh_hdr_free(&packed);
  }
}

/* Written by hdr-histogram-js 3.0.1: 0 three times, 1, 7 twice, 2047, 2048 five times, 2049, 100000 a thousand times,
 * 3599999999. */
static const uint8_t foreign[] = {0x1c, 0x84, 0x93, 0x14, 0x00, 0x00, 0x00, 0x34, 0x78, 0x9c, 0x93, 0x69, 0x99, 0x2c, 0xcc,
                                  0xc0, 0xc0, 0x20, 0xc0, 0xc0, 0xc0, 0xc0, 0xc8, 0xc0, 0xc0, 0xc0, 0xcc, 0x00, 0x01, 0x20,
                                  0x36, 0xc3, 0xb5, 0xc9, 0x4b, 0x18, 0x60, 0x7c, 0x36, 0x26, 0x4e, 0x96, 0xb7, 0xf2, 0x4c,
                                  0x3c, 0x1b, 0x23, 0x2e, 0xf0, 0x6f, 0xfc, 0xc4, 0xc8, 0x04, 0x00, 0xa1, 0xfa, 0x08, 0x27};

static void another_encoder_s_bytes_are_read(void **state) {
  (void)state;
  struct lh_hdr h = LH_HDR_INIT;
  lh_hdr_record(&h, 3); /* decoding adds */
  struct lh_err err = {0};
  assert_int_equal(lh_hdr_decode(&h, foreign, sizeof foreign, &err), 0);
  assert_int_equal(h.count, 1015);
  assert_int_equal(h.min_us, 0);
  assert_int_equal(h.max_us, UINT64_C(3600809983));
  assert_int_equal(lh_hdr_count_at_or_below(&h, 2), 4);
  assert_int_equal(lh_hdr_count_at_or_below(&h, 3), 5);
  assert_int_equal(lh_hdr_count_at_or_below(&h, 2047), 8);
  assert_int_equal(lh_hdr_count_at_or_below(&h, 2048), 14);
  assert_int_equal(lh_hdr_percentile(&h, 50), 100031);
  const double mean = (h.sum_us - 3) / 1014; /* assert_float_equal has the precision of a float: it would pass a microsecond */
  assert_true(mean > 3648694.0473372 && mean < 3648694.0473373);
  lh_hdr_free(&h);
}

/* A plain payload with this body, in `out`. */
static size_t payload(uint8_t *out, const uint8_t *body, size_t len) {
  memcpy(out, header, sizeof header);
  out[6] = (uint8_t)(len >> 8);
  out[7] = (uint8_t)len;
  memcpy(out + sizeof header, body, len);
  return sizeof header + len;
}

static void values_above_an_hour_become_overflow(void **state) {
  (void)state;
  /* Zeros up to the slot after the highest of ours, then 3 there; and another run to the last slot below 2^63, then 2. */
  uint32_t first = lh_hdr_slot(LH_HDR_HIGHEST_US) + 1, last = lh_hdr_slot(INT64_MAX);
  uint8_t body[16], bytes[64];
  size_t len = 0;
  const uint64_t words[] = {2 * (uint64_t)first - 1, 6, 2 * (uint64_t)(last - first - 1) - 1, 4};
  for (size_t i = 0; i < 4; i++) {
    uint64_t word = words[i];
    for (; word >= 0x80; word >>= 7) body[len++] = (uint8_t)(word | 0x80);
    body[len++] = (uint8_t)word;
  }
  struct lh_hdr h = LH_HDR_INIT;
  assert_int_equal(lh_hdr_decode(&h, bytes, payload(bytes, body, len), NULL), 0);
  assert_int_equal(h.count, 5);
  assert_int_equal(h.overflow, 5);
  assert_int_equal(h.min_us, UINT64_C(3600809984));
  assert_int_equal(h.max_us, INT64_MAX);
  lh_hdr_free(&h);
}

static void bad_bytes_give_a_sentence(void **state) {
  (void)state;
  static const struct {
    uint8_t at, value; /* one byte of the header changed */
    uint8_t body[20];
    uint8_t len;
    const char *says;
  } cases[] = {
      {0, 0x1d, {2}, 1, "0x1d849313"},
      {3, 0x11, {2}, 1, "0x1c849311"},
      {7, 2, {2}, 1, "take 2 bytes, but there are 1"},
      {7, 0, {2}, 1, "take 0 bytes, but there are 1"},
      {4, 0x80, {2}, 1, "2147483649 bytes"},
      {15, 2, {2}, 1, "2 significant digits"},
      {23, 2, {2}, 1, "the lowest value 2"},
      {0, 0x1c, {2, 0x80}, 2, "the middle of a number"},
      {0, 0x1c, {2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9, "the middle of a number"},
      {0, 0x1c, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9, "past its last possible slot"}, /* -2^63 */
      {0, 0x1c, {0x81, 0xe0, 0x06}, 3, "past its last possible slot"},                                     /* -55297 */
      {0, 0x1c, {0xff, 0xdf, 0x06, 2}, 4, "past its last possible slot"},                         /* 55296 zeros, then one */
      {0, 0x1c, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}, 10, "more than 2^63"}, /* 2^63 - 1, then 1 */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t bytes[64];
    size_t len = payload(bytes, cases[i].body, cases[i].len);
    bytes[cases[i].at] = cases[i].value;
    struct lh_hdr h = LH_HDR_INIT;
    lh_hdr_record(&h, 9);
    struct lh_err err = {0};
    assert_int_equal(lh_hdr_decode(&h, bytes, len, &err), -EBADMSG);
    if (!strstr(err.text, cases[i].says)) fail_msg("case %zu: %s", i, err.text);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.max_us, 9);
    assert_true(h.sum_us == 9);
    lh_hdr_free(&h);
  }
}

/* The largest run that fits, and the largest count, are no errors. */
static void the_limits_themselves_are_read(void **state) {
  (void)state;
  static const uint8_t zeros[] = {0xff, 0xdf, 0x06};
  static const uint8_t most[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  struct lh_hdr h = LH_HDR_INIT;
  uint8_t bytes[64];
  assert_int_equal(lh_hdr_decode(&h, bytes, payload(bytes, zeros, sizeof zeros), NULL), 0);
  assert_int_equal(h.count, 0);
  assert_int_equal(lh_hdr_decode(&h, bytes, payload(bytes, most, sizeof most), NULL), 0);
  assert_int_equal(h.count, INT64_MAX);
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_hdr_encode(&h, &out), 0);
  assert_memory_equal(out.data + sizeof header, most, sizeof most);
  lh_hdr_record(&h, 0);
  lh_buf_reset(&out);
  assert_int_equal(lh_hdr_encode(&h, &out), -EOVERFLOW);
  assert_int_equal(out.len, 0);
  lh_buf_free(&out);
  lh_hdr_free(&h);
}

static void every_shorter_payload_is_refused(void **state) {
  (void)state;
  struct lh_hdr h = LH_HDR_INIT;
  record_some(&h, 5, 40);
  for (int packed = 0; packed < 2; packed++) {
    struct lh_buf out = LH_BUF_INIT(ROOM);
    assert_int_equal(packed ? lh_hdr_encode_compressed(&h, &out) : lh_hdr_encode(&h, &out), 0);
    for (size_t len = 0; len <= out.len + 1; len++) {
      if (len == out.len) continue;
      uint8_t *bytes = calloc(1, len ? len : 1); /* of its own, so that reading past it is seen */
      memcpy(bytes, out.data, len < out.len ? len : out.len);
      struct lh_hdr back = LH_HDR_INIT;
      struct lh_err err = {0};
      assert_int_equal(lh_hdr_decode(&back, bytes, len, &err), -EBADMSG);
      assert_true(err.text[0]);
      assert_int_equal(back.count, 0);
      lh_hdr_free(&back);
      free(bytes);
    }
    lh_buf_free(&out);
  }
  lh_hdr_free(&h);
}

/* What is read must be consistent in itself, and what is refused must change nothing. */
static void changed_bytes_never_break_a_histogram(void **state) {
  (void)state;
  struct lh_hdr h = LH_HDR_INIT;
  struct lh_buf out[2] = {LH_BUF_INIT(ROOM), LH_BUF_INIT(ROOM)};
  record_some(&h, 99, 60);
  assert_int_equal(lh_hdr_encode(&h, &out[0]), 0);
  assert_int_equal(lh_hdr_encode_compressed(&h, &out[1]), 0);
  unsigned read = 0;
  for (uint64_t round = 0; round < 20000; round++) {
    const struct lh_buf *from = &out[round % 2];
    uint8_t *bytes = malloc(from->len);
    memcpy(bytes, from->data, from->len);
    for (uint64_t i = 0; i <= lh_rng_below(random_at(round, 20), 4); i++)
      bytes[lh_rng_below(random_at(round, 30 + i), from->len)] = (uint8_t)random_at(round, 40 + i);
    struct lh_hdr back = LH_HDR_INIT;
    struct lh_err err = {0};
    int result = lh_hdr_decode(&back, bytes, from->len, &err);
    assert_true(result == 0 || result == -EBADMSG);
    if (result)
      assert_int_equal(back.count, 0);
    else
      assert_int_equal(lh_hdr_count_at_or_below(&back, UINT64_MAX), back.count);
    read += result == 0;
    lh_hdr_free(&back);
    free(bytes);
  }
  assert_true(read > 100); /* the test would prove little if nothing came through */
  lh_buf_free(&out[0]);
  lh_buf_free(&out[1]);
  lh_hdr_free(&h);
}

static void what_follows_the_compressed_stream_is_refused(void **state) {
  (void)state;
  uint8_t bytes[sizeof foreign + 3] = {0};
  memcpy(bytes, foreign, sizeof foreign);
  bytes[7] = (uint8_t)(bytes[7] + 3);
  struct lh_hdr h = LH_HDR_INIT;
  struct lh_err err = {0};
  assert_int_equal(lh_hdr_decode(&h, bytes, sizeof bytes, &err), -EBADMSG);
  assert_non_null(strstr(err.text, "3 bytes follow the end"));
  assert_int_equal(h.count, 0);
}

static void a_bomb_is_refused(void **state) {
  (void)state;
  enum { BIG = 16 << 20 };
  uint8_t *zeros = calloc(1, BIG), *packed = malloc(compressBound(BIG) + 8);
  uLongf len = compressBound(BIG);
  assert_int_equal(compress(packed + 8, &len, zeros, BIG), Z_OK);
  const uint8_t head[8] = {0x1c,        0x84, 0x93, 0x14, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                           (uint8_t)len};
  memcpy(packed, head, sizeof head);
  struct lh_hdr h = LH_HDR_INIT;
  struct lh_err err = {0};
  assert_int_equal(lh_hdr_decode(&h, packed, len + 8, &err), -EBADMSG);
  assert_non_null(strstr(err.text, "grows past"));
  free(zeros);
  free(packed);
}

static void a_full_buffer_is_left_as_it_was(void **state) {
  (void)state;
  struct lh_hdr h = LH_HDR_INIT;
  record_some(&h, 7, 500);
  for (int packed = 0; packed < 2; packed++) {
    struct lh_buf whole = LH_BUF_INIT(ROOM);
    assert_int_equal(packed ? lh_hdr_encode_compressed(&h, &whole) : lh_hdr_encode(&h, &whole), 0);
    for (size_t limit = 2; limit < whole.len + 2; limit += 7) {
      struct lh_buf out = LH_BUF_INIT(limit);
      assert_int_equal(lh_buf_addstr(&out, "ab"), 0);
      assert_int_equal(packed ? lh_hdr_encode_compressed(&h, &out) : lh_hdr_encode(&h, &out), -ENOBUFS);
      assert_string_equal(out.data, "ab");
      assert_int_equal(out.len, 2);
      lh_buf_free(&out);
    }
    lh_buf_free(&whole);
  }
  lh_hdr_free(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_bytes_are_the_format_s),
      cmocka_unit_test(an_empty_histogram_is_one_zero),
      cmocka_unit_test(both_forms_come_back),
      cmocka_unit_test(another_encoder_s_bytes_are_read),
      cmocka_unit_test(values_above_an_hour_become_overflow),
      cmocka_unit_test(bad_bytes_give_a_sentence),
      cmocka_unit_test(the_limits_themselves_are_read),
      cmocka_unit_test(every_shorter_payload_is_refused),
      cmocka_unit_test(changed_bytes_never_break_a_histogram),
      cmocka_unit_test(what_follows_the_compressed_stream_is_refused),
      cmocka_unit_test(a_bomb_is_refused),
      cmocka_unit_test(a_full_buffer_is_left_as_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
