/* What a server may answer to the offer of compression, and messages inflated in every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <zlib.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/rng.h"
#include "worker/inflate.h"

/* ---- the agreement ---- */

static void what_is_agreed(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    uint8_t bits; /* 0: it is refused */
    bool forgets;
  } cases[] = {
      {"permessage-deflate", 15, false},
      {" permessage-deflate ; client_no_context_takeover", 15, false},
      {"permessage-deflate;server_no_context_takeover;client_no_context_takeover", 15, true},
      {"permessage-deflate; server_max_window_bits=8", 8, false},
      {"permessage-deflate; server_max_window_bits=\"12\"; server_no_context_takeover", 12, true},
      {"permessage-deflate; server_max_window_bits = 15", 15, false},
      {"", 0, false},
      {"permessage", 0, false},
      {"permessage-deflated", 0, false},
      {"x-webkit-deflate-frame", 0, false},
      {"permessage-deflate, permessage-deflate", 0, false},
      {"permessage-deflate,", 0, false},
      {"permessage-deflate;", 0, false},
      {"permessage-deflate;;", 0, false},
      {"permessage-deflate; nonsense", 0, false},
      {"permessage-deflate nonsense", 0, false},
      {"permessage-deflate; rx_buf_size=1", 0, false},
      {"permessage-deflate; client_max_window_bits", 0, false},
      {"permessage-deflate; client_max_window_bits=15", 0, false},
      {"permessage-deflate; server_no_context_takeover=1", 0, false},
      {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", 0, false},
      {"permessage-deflate; server_max_window_bits", 0, false},
      {"permessage-deflate; server_max_window_bits=", 0, false},
      {"permessage-deflate; server_max_window_bits=7", 0, false},
      {"permessage-deflate; server_max_window_bits=16", 0, false},
      {"permessage-deflate; server_max_window_bits=20", 0, false},
      {"permessage-deflate; server_max_window_bits=08", 0, false},
      {"permessage-deflate; server_max_window_bits=150", 0, false},
      {"permessage-deflate; server_max_window_bits=-9", 0, false},
      {"permessage-deflate; server_max_window_bits=\"9", 0, false},
      {"permessage-deflate; server_max_window_bits=9\"", 0, false},
      {"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", 0, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_deflate_terms terms = {.window_bits = 99};
    const char *fault = lh_deflate_agree(cases[i].answer, &terms);
    if (!fault != !!cases[i].bits) fail_msg("%s: %s", cases[i].answer, fault ? fault : "taken");
    assert_int_equal(terms.window_bits, fault ? 99 : cases[i].bits); /* untouched on failure */
    if (!fault) assert_int_equal(terms.forgets, cases[i].forgets);
  }
}

/* ---- inflating ---- */

struct heard {
  struct lh_buf text;
  int begun, ended;
  size_t longest;
};

static void hear(void *context, const struct lh_piece *piece) {
  struct heard *h = context;
  assert_int_equal(piece->first, h->begun == h->ended); /* a message begins where the one before has ended */
  h->begun += piece->first;
  h->ended += piece->final;
  if (piece->len > h->longest) h->longest = piece->len;
  assert_int_equal(lh_buf_add(&h->text, piece->bytes, piece->len), 0);
}

#define HEARD {.text = LH_BUF_INIT(1 << 20)}

static const struct lh_deflate_terms plain = {.window_bits = 15};

/* Where it stands it has to stay: zlib remembers that. */
static void begin_packing(z_stream *s, int bits) {
  memset(s, 0, sizeof *s);
  assert_int_equal(deflateInit2(s, 9, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
}

/* One message without its tail; the caller frees it. */
static char *pack(z_stream *s, const char *bytes, size_t len, size_t *out_len) {
  size_t room = deflateBound(s, len) + 64;
  char *out = malloc(room);
  s->next_in = (Bytef *)bytes;
  s->avail_in = (uInt)len;
  s->next_out = (Bytef *)out;
  s->avail_out = (uInt)room;
  assert_int_equal(deflate(s, Z_SYNC_FLUSH), Z_OK);
  *out_len = room - s->avail_out - 4;
  return out;
}

/* Zeros of every length: the case in which a message's last match is still being copied when all its bytes are read. */
static void runs_of_every_length(void **state) {
  (void)state;
  enum { LONGEST = 40000 };
  static const char zeros[LONGEST];
  struct lh_inflate *in = lh_inflate_new(&plain);
  z_stream s;
  begin_packing(&s, 15);
  struct heard h = HEARD;
  int messages = 0;
  for (size_t len = 0; len <= LONGEST; len += len < 2000 || len % 16384 > 16000 ? 1 : 97) {
    size_t packed_len;
    char *packed = pack(&s, zeros, len, &packed_len);
    lh_buf_reset(&h.text);
    const struct lh_piece piece = {.bytes = packed, .len = packed_len, .first = true, .final = true};
    assert_int_equal(lh_inflate_feed(in, &piece, hear, &h), 0);
    assert_int_equal(h.text.len, len);
    assert_int_equal(h.ended, ++messages);
    free(packed);
  }
  deflateEnd(&s);
  lh_inflate_free(in);
  lh_buf_free(&h.text);
}

/* Messages that resemble each other and themselves, in pieces of any size; with and without memory of earlier ones. */
static void every_cut(void **state) {
  (void)state;
  enum { MESSAGES = 200 };
  for (int bits = 9; bits <= 15; bits += 3) {
    for (int forgets = 0; forgets <= 1; forgets++) {
      const struct lh_deflate_terms terms = {.window_bits = (uint8_t)bits, .forgets = forgets};
      struct lh_inflate *in = lh_inflate_new(&terms);
      z_stream s;
      begin_packing(&s, bits);
      struct heard h = HEARD;
      uint64_t draw = 0;
      for (int n = 0; n < MESSAGES; n++) {
        char text[3000];
        size_t len = lh_rng_at(7, LH_RNG_SIM, 1, draw++) % sizeof text, packed_len;
        for (size_t i = 0; i < len; i++) text[i] = (char)('a' + lh_rng_at(7, LH_RNG_SIM, 2, (uint64_t)n * i / 9) % 20);
        char *packed = pack(&s, text, len, &packed_len);
        if (forgets) deflateReset(&s);
        lh_buf_reset(&h.text);
        bool first = true;
        for (size_t at = 0, part; h.ended == n; at += part, first = false) {
          part = lh_rng_at(7, LH_RNG_SIM, 3, draw++) % (packed_len - at + 1);
          const struct lh_piece piece = {.bytes = packed + at, .len = part, .first = first, .final = at + part == packed_len};
          assert_int_equal(lh_inflate_feed(in, &piece, hear, &h), 0);
        }
        assert_int_equal(h.text.len, len);
        if (len) assert_memory_equal(h.text.data, text, len);
        assert_int_equal(h.ended, n + 1);
        free(packed);
      }
      deflateEnd(&s);
      lh_inflate_free(in);
      lh_buf_free(&h.text);
    }
  }
}

/* The examples of RFC 7692, 7.2.3: "Hello" in one block, again by a look back, in a stored block, in one that says it is the last,
 * and in two. */
static void the_examples_of_the_rfc(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t len;
  } messages[] = {{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7},
                  {"\xf2\x00\x11\x00\x00", 5},
                  {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11},
                  {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8},
                  {"\xf2\x00\x11\x00\x00", 5}, /* behind the end of a stream, which no message is */
                  {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13}};
  struct lh_inflate *in = lh_inflate_new(&plain);
  struct heard h = HEARD;
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
    lh_buf_reset(&h.text);
    const struct lh_piece piece = {.bytes = messages[i].bytes, .len = messages[i].len, .first = true, .final = true};
    assert_int_equal(lh_inflate_feed(in, &piece, hear, &h), 0);
    assert_string_equal(h.text.data, "Hello");
  }
  lh_inflate_free(in);
  lh_buf_free(&h.text);
}

static void what_does_not_inflate(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t len;
  } messages[] = {{"\x07", 1}, {"\xf2\x00\x11\x00\x00", 5} /* looks back behind the first message */, {"\x00\x05\x00\xff\xff", 5}};
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
    struct lh_inflate *in = lh_inflate_new(&plain);
    struct heard h = HEARD;
    const struct lh_piece piece = {.bytes = messages[i].bytes, .len = messages[i].len, .first = true, .final = true};
    assert_int_equal(lh_inflate_feed(in, &piece, hear, &h), -EBADMSG);
    assert_int_equal(h.ended, 0);
    lh_inflate_free(in);
    lh_buf_free(&h.text);
  }
}

static void count(void *context, const struct lh_piece *piece) {
  struct heard *h = context;
  h->ended += piece->final;
  if (piece->len > h->longest) h->longest = piece->len;
  h->begun += (int)(piece->len / 1024);
}

/* 256 MiB out of 256 KiB: handed on in small pieces, so that nobody has to hold them. */
static void a_bomb(void **state) {
  (void)state;
  enum { MIB = 1 << 20, TIMES = 256 };
  char *zeros = calloc(1, MIB);
  struct lh_inflate *in = lh_inflate_new(&plain);
  struct heard h = {.ended = 0};
  z_stream s;
  begin_packing(&s, 15);
  for (int i = 0; i < TIMES; i++) {
    size_t len;
    char *packed = pack(&s, zeros, MIB, &len);
    memcpy(packed + len, "\0\0\xff\xff", 4); /* inside of a message it stays */
    const struct lh_piece piece = {.bytes = packed, .len = len + 4, .first = i == 0, .final = i == TIMES - 1};
    assert_int_equal(lh_inflate_feed(in, &piece, count, &h), 0);
    free(packed);
  }
  assert_int_equal(h.begun, TIMES * 1024);
  assert_int_equal(h.ended, 1);
  assert_true(h.longest <= 16 * 1024);
  deflateEnd(&s);
  lh_inflate_free(in);
  free(zeros);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_agreed), cmocka_unit_test(runs_of_every_length),  cmocka_unit_test(every_cut),
      cmocka_unit_test(the_examples_of_the_rfc), cmocka_unit_test(what_does_not_inflate), cmocka_unit_test(a_bomb),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
