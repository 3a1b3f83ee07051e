/* Frames we send: header by length, mask, and that the payload comes back when unmasked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/frame.h"

/* Header and length as RFC 6455, 5.2 has them, read back by hand. */
static void frames_of_every_length_form(void **state) {
  (void)state;
  static const size_t lengths[] = {0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, 70001};
  for (size_t c = 0; c < sizeof lengths / sizeof *lengths; c++) {
    size_t len = lengths[c], at;
    char *room = malloc(LH_FRAME_HEAD_MAX + len), *payload = room + LH_FRAME_HEAD_MAX;
    for (size_t i = 0; i < len; i++) payload[i] = (char)(i * 31 + 5);
    const uint8_t *f = (const uint8_t *)lh_frame_make(LH_OPCODE_BINARY, 0x04030201, payload, len);
    assert_int_equal(f[0], 0x82);
    if (len <= 125) {
      assert_int_equal(f[1], 0x80 | len);
      at = 2;
    } else if (len <= 65535) {
      assert_int_equal(f[1], 0x80 | 126);
      assert_int_equal(f[2] << 8 | f[3], len);
      at = 4;
    } else {
      assert_int_equal(f[1], 0x80 | 127);
      assert_int_equal((size_t)f[6] << 24 | (size_t)f[7] << 16 | (size_t)f[8] << 8 | f[9], len);
      assert_int_equal(f[2] | f[3] | f[4] | f[5], 0);
      at = 10;
    }
    assert_memory_equal(f + at, "\1\2\3\4", 4);
    assert_ptr_equal(f + at + 4, payload);
    for (size_t i = 0; i < len; i++) assert_int_equal((uint8_t)payload[i] ^ (i % 4 + 1), (uint8_t)(i * 31 + 5));
    free(room);
  }
}

/* RFC 6455, 5.7: a masked text "Hello". */
static void the_example_of_the_rfc(void **state) {
  (void)state;
  char room[LH_FRAME_HEAD_MAX + 5];
  memcpy(room + LH_FRAME_HEAD_MAX, "Hello", 5);
  const char *f = lh_frame_make(LH_OPCODE_TEXT, 0x3d21fa37, room + LH_FRAME_HEAD_MAX, 5);
  assert_memory_equal(f, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
}

/* Not a proof of randomness: only that the pool is filled, refilled and not handed out twice. */
static void keys_differ(void **state) {
  (void)state;
  enum { COUNT = 5000 };
  static uint32_t keys[COUNT];
  size_t same = 0, zero = 0;
  for (size_t i = 0; i < COUNT; i++) {
    keys[i] = lh_frame_key();
    zero += keys[i] == 0;
    if (i >= 1024) same += keys[i] == keys[i - 1024];
  }
  assert_true(same < 3 && zero < 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frames_of_every_length_form),
      cmocka_unit_test(the_example_of_the_rfc),
      cmocka_unit_test(keys_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
