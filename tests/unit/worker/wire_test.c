/* What a server's bytes say: each case is fed whole, byte by byte and in every pair of pieces, and must say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/rng.h"
#include "worker/wire.h"

#define HEAD "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
#define BYTES(text) (text), sizeof(text) - 1

struct verdict {
  uint32_t pings;
  bool closed;
  uint16_t code, status;
  const char *fault;
  size_t sound;
  char text[2 * LH_CLOSE_TEXT_MAX];
};

/* Feeds one piece and adds what it showed, as the worker does from read to read. */
static bool feed(struct lh_wire *wire, const char *bytes, size_t len, struct verdict *v) {
  struct lh_wire_seen seen = {0};
  size_t sound = lh_wire_feed(wire, bytes, len, &seen);
  v->pings += seen.pings;
  v->closed |= seen.closed;
  if (seen.closed) v->code = seen.code;
  if (seen.status) v->status = seen.status;
  if (seen.fault) v->fault = seen.fault;
  v->sound += sound;
  strcat(v->text, seen.text);
  assert_true(sound <= len);
  assert_true((sound < len) == (wire->state == LH_WIRE_BAD));
  return sound == len;
}

static struct verdict feed_pieces(const char *bytes, size_t len, size_t cut, bool deflate) {
  struct lh_wire wire = {.deflate = deflate};
  struct verdict v = {0};
  if (feed(&wire, bytes, cut, &v) && cut < len) feed(&wire, bytes + cut, len - cut, &v);
  return v;
}

static struct verdict feed_singly(const char *bytes, size_t len, bool deflate) {
  struct lh_wire wire = {.deflate = deflate};
  struct verdict v = {0};
  for (size_t i = 0; i < len && feed(&wire, bytes + i, 1, &v); i++) continue;
  return v;
}

static const struct row {
  const char *what, *bytes;
  size_t len;
  bool deflate;
  const char *fault;
  uint32_t pings;
  uint16_t status, code; /* code 0: not closed */
  const char *text;
} rows[] = {
    {.what = "head only", BYTES(HEAD), .status = 101},
    {.what = "HTTP/1.0", BYTES("HTTP/1.0 101 x\r\n\r\n"), .status = 101},
    {.what = "blank line after extra CR", BYTES("HTTP/1.1 101 x\r\r\n\r\n"), .status = 101},
    {.what = "refusal with body", BYTES("HTTP/1.1 503 Busy\r\nA: b\r\n\r\ntry later"), .status = 503, .text = "try later"},
    {.what = "not HTTP", BYTES("SSH-2.0-x\r\n"), .fault = "response does not begin with HTTP/1"},
    {.what = "HTTP/2", BYTES("HTTP/2 101\r\n\r\n"), .fault = "response does not begin with HTTP/1"},
    {.what = "text", BYTES(HEAD "\x81\x03" "abc"), .status = 101},
    {.what = "empty text", BYTES(HEAD "\x81\x00" "\x89\x00"), .status = 101, .pings = 1},
    {.what = "16-bit length", BYTES(HEAD "\x82\x7e\x00\x04" "abcd" "\x89\x00"), .status = 101, .pings = 1},
    {.what = "high bits in lengths", BYTES(HEAD "\x82\x7e\x80\x00" "ab"), .status = 101},
    {.what = "64-bit length", BYTES(HEAD "\x82\x7f\0\0\0\0\0\0\0\x02" "ab" "\x89\x00"), .status = 101, .pings = 1},
    {.what = "pings between fragments", BYTES(HEAD "\x01\x01" "a" "\x89\x01" "p" "\x00\x01" "b" "\x89\x00" "\x80\x00"),
     .status = 101, .pings = 2},
    {.what = "pong is no ping", BYTES(HEAD "\x8a\x01" "p"), .status = 101},
    {.what = "close 1012 with text", BYTES(HEAD "\x88\x06\x03\xf4" "gone"), .status = 101, .code = 1012, .text = "gone"},
    {.what = "close behind data", BYTES(HEAD "\x81\x02" "hi" "\x88\x02\x03\xf5"), .status = 101, .code = 1013},
    {.what = "close without code", BYTES(HEAD "\x88\x00"), .status = 101, .code = 1005},
    {.what = "close with UTF-8", BYTES(HEAD "\x88\x07\x0f\xa0" "\xe2\x82\xac\xc3\xa9"), .status = 101, .code = 4000, .text = "\xe2\x82\xac\xc3\xa9"},
    {.what = "close inside a text", BYTES(HEAD "\x01\x01\xe2" "\x88\x03\x03\xe8" "x"), .status = 101, .code = 1000, .text = "x"},
    {.what = "close reason not UTF-8", BYTES(HEAD "\x88\x03\x03\xe8" "\xff"), .status = 101, .fault = "close reason that is not UTF-8", .text = "\xff"},
    {.what = "close reason cut", BYTES(HEAD "\x88\x03\x03\xe8" "\xe2"), .status = 101, .fault = "close reason that is not UTF-8", .text = "\xe2"},
    {.what = "bytes behind a close", BYTES(HEAD "\x88\x02\x0f\xa1" "\xff\xff\xff"), .status = 101, .code = 4001},
    {.what = "compressed", BYTES(HEAD "\xc1\x02" "\xff\xfe"), .deflate = true, .status = 101},
    {.what = "compressed, not agreed", BYTES(HEAD "\xc1\x01" "x"), .status = 101, .fault = "reserved bits set"},
    {.what = "RSV1 on a continuation", BYTES(HEAD "\x41\x01" "x" "\xc0\x00"), .deflate = true, .status = 101, .fault = "reserved bits set"},
    {.what = "RSV2", BYTES(HEAD "\xa1\x00"), .deflate = true, .status = 101, .fault = "reserved bits set"},
    {.what = "RSV1 on a ping", BYTES(HEAD "\xc9\x00"), .deflate = true, .status = 101, .fault = "reserved bits set"},
    {.what = "opcode 3", BYTES(HEAD "\x83\x00"), .status = 101, .fault = "reserved opcode"},
    {.what = "opcode 11", BYTES(HEAD "\x8b\x00"), .status = 101, .fault = "reserved opcode"},
    {.what = "fragmented ping", BYTES(HEAD "\x09\x00"), .status = 101, .fault = "fragmented control frame"},
    {.what = "stray continuation", BYTES(HEAD "\x80\x00"), .status = 101, .fault = "continuation without a message"},
    {.what = "continuation behind a whole message", BYTES(HEAD "\x81\x00\x80\x00"), .status = 101, .fault = "continuation without a message"},
    {.what = "interleaved", BYTES(HEAD "\x01\x00\x81\x00"), .status = 101, .fault = "new message inside a fragmented one"},
    {.what = "masked", BYTES(HEAD "\x81\x81"), .status = 101, .fault = "masked frame from the server"},
    {.what = "long ping", BYTES(HEAD "\x89\x7e"), .status = 101, .fault = "control frame longer than 125 bytes"},
    {.what = "half a code", BYTES(HEAD "\x88\x01"), .status = 101, .fault = "close frame with half a code"},
    {.what = "length 2^63", BYTES(HEAD "\x82\x7f\x80"), .status = 101, .fault = "length of 2^63 or more"},
    {.what = "ping before a fault counts", BYTES(HEAD "\x89\x00\x83\x00"), .status = 101, .pings = 1, .fault = "reserved opcode"},
    {.what = "UTF-8 of every length", BYTES(HEAD "\x81\x0a" "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), .status = 101},
    {.what = "UTF-8 over fragments", BYTES(HEAD "\x01\x01\xe2" "\x00\x01\x82" "\x80\x01\xac"), .status = 101},
    {.what = "edges of UTF-8", BYTES(HEAD "\x81\x0e" "\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), .status = 101},
    {.what = "overlong", BYTES(HEAD "\x81\x02\xc0\x80"), .status = 101, .fault = "text that is not UTF-8"},
    {.what = "overlong of three", BYTES(HEAD "\x81\x03\xe0\x9f\xbf"), .status = 101, .fault = "text that is not UTF-8"},
    {.what = "overlong of four", BYTES(HEAD "\x81\x04\xf0\x8f\xbf\xbf"), .status = 101, .fault = "text that is not UTF-8"},
    {.what = "surrogate", BYTES(HEAD "\x81\x03\xed\xa0\x80"), .status = 101, .fault = "text that is not UTF-8"},
    {.what = "past U+10FFFF", BYTES(HEAD "\x81\x04\xf4\x90\x80\x80"), .status = 101, .fault = "text that is not UTF-8"},
    {.what = "bad behind ASCII", BYTES(HEAD "\x81\x0a" "abcdefghi\xff"), .status = 101, .fault = "text that is not UTF-8"},
    {.what = "cut character", BYTES(HEAD "\x81\x01\xc3"), .status = 101, .fault = "text that ends inside a UTF-8 character"},
    {.what = "code 1005 on the wire", BYTES(HEAD "\x88\x02\x03\xed"), .status = 101, .fault = "close code that may not be sent"},
    {.what = "code 1015 on the wire", BYTES(HEAD "\x88\x02\x03\xf7"), .status = 101, .fault = "close code that may not be sent"},
    {.what = "code 999", BYTES(HEAD "\x88\x02\x03\xe7"), .status = 101, .fault = "close code that may not be sent"},
    {.what = "code 5000", BYTES(HEAD "\x88\x02\x13\x88"), .status = 101, .fault = "close code that may not be sent"},
    {.what = "binary may be anything", BYTES(HEAD "\x82\x02\xff\xc0"), .status = 101},
};

static void check(const struct row *r, const char *how, size_t cut, const struct verdict *v) {
  if (r->fault ? !v->fault || strcmp(r->fault, v->fault) : v->fault != NULL)
    fail_msg("%s, %s %zu: fault %s", r->what, how, cut, v->fault ? v->fault : "none");
  if (v->pings != r->pings || v->status != r->status || v->closed != (r->code != 0) || (r->code && v->code != r->code))
    fail_msg("%s, %s %zu: pings %u status %u closed %d code %u", r->what, how, cut, v->pings, v->status, v->closed, v->code);
  if (strcmp(r->text ? r->text : "", v->text)) fail_msg("%s, %s %zu: text '%s'", r->what, how, cut, v->text);
  if (!r->fault) assert_int_equal(v->sound, r->len);
}

static void says_the_same_however_it_is_cut(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct row *r = &rows[i];
    struct verdict v = feed_singly(r->bytes, r->len, r->deflate);
    check(r, "singly", 0, &v);
    for (size_t cut = 0; cut <= r->len; cut++) {
      v = feed_pieces(r->bytes, r->len, cut, r->deflate);
      check(r, "cut at", cut, &v);
    }
  }
}

/* What comes before a bad frame in the same read may be used. */
static void sound_bytes_end_where_the_bad_frame_begins(void **state) {
  (void)state;
  struct lh_wire wire = {.state = LH_WIRE_FRAME};
  struct lh_wire_seen seen = {0};
  assert_int_equal(lh_wire_feed(&wire, "\x81\x02hi\x81\x03" "a\xff" "b", 9, &seen), 4);
  assert_string_equal(seen.fault, "text that is not UTF-8");
  assert_int_equal(lh_wire_feed(&wire, "\x81\x00", 2, &seen), 0);
}

/* A reason longer than a close frame may be cannot come; a body can, and is cut to what fits. */
static void long_body_is_cut(void **state) {
  (void)state;
  char bytes[1000] = "HTTP/1.1 500 x\r\n\r\n";
  memset(bytes + 18, 'b', 900);
  struct lh_wire wire = {0};
  struct lh_wire_seen seen = {0};
  assert_int_equal(lh_wire_feed(&wire, bytes, 918, &seen), 918);
  assert_int_equal(strlen(seen.text), LH_CLOSE_TEXT_MAX - 1);
}

/* Random bytes never read past their end (the sanitizers watch) and never leave a state behind that loops. */
static void a_body_is_announced_by_its_length(void **state) {
  (void)state;
  static const struct {
    const char *headers;
    bool has_body;
  } heads[] = {{"Content-Length: 12\r\n", true},    {"content-length:07\r\n", true}, {"Content-Length: 0\r\n", false},
              {"X: Content-Length: 5\r\n", false}, {"", false},                     {"Content-Length: 0\r\nX: 9\r\n", false},
              {"Server: x\r\nCONTENT-LENGTH: 10\r\n", true}};
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    char head[128];
    struct lh_wire wire = {0};
    struct lh_wire_seen seen = {0};
    int len = snprintf(head, sizeof head, "HTTP/1.1 503 No\r\n%s\r\n", heads[i].headers);
    assert_int_equal(lh_wire_feed(&wire, head, (size_t)len, &seen), len);
    assert_int_equal(seen.status, 503);
    assert_int_equal(wire.state, LH_WIRE_BODY);
    if (wire.has_body != heads[i].has_body) fail_msg("%s", heads[i].headers);
  }
}

static void random_bytes_do_no_harm(void **state) {
  (void)state;
  for (uint64_t round = 0; round < 20000; round++) {
    size_t len = lh_rng_below(lh_rng_at(7, LH_RNG_SIM, round, 0), 64) + 1;
    char *bytes = malloc(len);
    struct lh_wire wire = {.state = (uint8_t)(round % 2 ? LH_WIRE_FRAME : LH_WIRE_HEAD)};
    for (int reads = 0; reads < 4; reads++) {
      for (size_t i = 0; i < len; i++) bytes[i] = (char)lh_rng_at(7, LH_RNG_SIM, round, i + 100 * (uint64_t)(reads + 1));
      if (round % 3) bytes[0] = (char)(0x80 | (bytes[0] & 0xf)); /* else nearly all are reserved bits */
      struct lh_wire_seen seen = {0};
      size_t sound = lh_wire_feed(&wire, bytes, len, &seen);
      assert_true(sound <= len && wire.state <= LH_WIRE_BAD);
    }
    free(bytes);
  }
}

/* What may be taken past libwebsockets: whole messages in one frame each. `taken` is how many from the beginning. */
static void whole_messages_are_taken(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t len, taken, end;
  } cases[] = {
      {"nothing", BYTES(""), 0, 0},
      {"one text", BYTES("\x81\x02hi"), 1, 4},
      {"one binary", BYTES("\x82\x03\0\xff\x80"), 1, 5},
      {"an empty one", BYTES("\x81\0"), 1, 2},
      {"two and an empty one", BYTES("\x81\x01\x61\x82\x02xy\x81\0"), 3, 9},
      {"a text with all widths", BYTES("\x81\x09\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 1, 11},
      {"half a header", BYTES("\x81"), 0, 0},
      {"half a payload", BYTES("\x81\x03hi"), 0, 0},
      {"one, then half a header", BYTES("\x81\x01\x61\x81"), 1, 3},
      {"16 bits of length cut", BYTES("\x82\x7e\0"), 0, 0},
      {"64 bits of length cut", BYTES("\x82\x7f\0\0\0\0\0\0\0"), 0, 0},
      {"a length past all memory", BYTES("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" "x"), 0, 0},
      {"a ping", BYTES("\x89\0"), 0, 0},
      {"one, then a close", BYTES("\x81\x01\x61\x88\x02\x03\xe8"), 1, 3},
      {"the beginning of a message in pieces", BYTES("\x01\x01\x61"), 0, 0},
      {"the end of one", BYTES("\x80\x01\x61"), 0, 0},
      {"compressed", BYTES("\xc1\x01\x61"), 0, 0},
      {"masked", BYTES("\x81\x81\0\0\0\0\x61"), 0, 0},
      {"a text that is not UTF-8", BYTES("\x81\x01\xff"), 0, 0},
      {"a text cut inside a character", BYTES("\x81\x01\xc3"), 0, 0},
      {"a reserved opcode", BYTES("\x83\x01\x61"), 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *bytes = malloc(cases[i].len + 1); /* its end is watched */
    memcpy(bytes, cases[i].bytes, cases[i].len);
    bytes = realloc(bytes, cases[i].len ? cases[i].len : 1);
    struct lh_wire_message message;
    size_t at = 0, taken = 0;
    while (lh_wire_take(bytes, cases[i].len, &at, &message)) taken++;
    if (taken != cases[i].taken || at != cases[i].end) fail_msg("%s: %zu taken, up to %zu", cases[i].what, taken, at);
    free(bytes);
  }
}

static void long_messages_are_taken(void **state) {
  (void)state;
  static const size_t sizes[] = {125, 126, 65535, 65536, 70000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t head = sizes[i] < 126 ? 2 : sizes[i] < 65536 ? 4 : 10, at = 0;
    uint8_t *bytes = calloc(1, head + sizes[i]);
    bytes[0] = 0x82;
    bytes[1] = (uint8_t)(head == 2 ? sizes[i] : head == 4 ? 126 : 127);
    for (size_t b = 2; b < head; b++) bytes[b] = (uint8_t)(sizes[i] >> 8 * (head - 1 - b));
    struct lh_wire_message message;
    assert_true(lh_wire_take((const char *)bytes, head + sizes[i], &at, &message));
    assert_int_equal(message.len, sizes[i]);
    assert_false(message.is_text);
    assert_int_equal(at, head + sizes[i]);
    at = 0;
    assert_false(lh_wire_take((const char *)bytes, head + sizes[i] - 1, &at, &message));
    free(bytes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_the_same_however_it_is_cut),
      cmocka_unit_test(sound_bytes_end_where_the_bad_frame_begins),
      cmocka_unit_test(long_body_is_cut),
      cmocka_unit_test(a_body_is_announced_by_its_length),
      cmocka_unit_test(random_bytes_do_no_harm),
      cmocka_unit_test(whole_messages_are_taken),
      cmocka_unit_test(long_messages_are_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
