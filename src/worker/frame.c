#include "frame.h"

#include <string.h>
#include <sys/random.h>

#include "longhaul/conn/engine.h"

_Static_assert((int)LH_FRAME_HEAD_MAX <= (int)LH_IO_HEADROOM, "a header must fit before the engine's messages");

enum { FIN = 0x80, MASKED = 0x80, SHORT_MAX = 125, EXTENDED_16 = 126, EXTENDED_64 = 127, KEYS_AT_ONCE = 1024 };

uint32_t lh_frame_key(void) {
  static uint32_t keys[KEYS_AT_ONCE];
  static size_t left;
  if (!left) {
    /* Only a signal could cut this short, and the worker handles none. */
    for (size_t got = 0; got < sizeof keys;) {
      ssize_t n = getrandom((char *)keys + got, sizeof keys - got, 0);
      if (n > 0) got += (size_t)n;
    }
    left = KEYS_AT_ONCE;
  }
  return keys[--left];
}

static void mask(char *payload, size_t len, uint32_t key) {
  uint64_t wide = (uint64_t)key << 32 | key, word;
  size_t i = 0;
  for (; i + sizeof word <= len; i += sizeof word) {
    memcpy(&word, payload + i, sizeof word);
    word ^= wide;
    memcpy(payload + i, &word, sizeof word);
  }
  char bytes[sizeof key];
  memcpy(bytes, &key, sizeof bytes);
  for (; i < len; i++) payload[i] = (char)(payload[i] ^ bytes[i & 3]);
}

static char *put_big_endian(char *before, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++, value >>= 8) *--before = (char)(uint8_t)value;
  return before;
}

char *lh_frame_make(unsigned opcode, uint32_t key, char *payload, size_t len) {
  mask(payload, len, key);
  char *at = payload - sizeof key;
  memcpy(at, &key, sizeof key);
  if (len <= SHORT_MAX) {
    *--at = (char)(MASKED | (uint8_t)len);
  } else if (len <= UINT16_MAX) {
    at = put_big_endian(at, len, 2);
    *--at = (char)(MASKED | EXTENDED_16);
  } else {
    at = put_big_endian(at, len, 8);
    *--at = (char)(MASKED | EXTENDED_64);
  }
  *--at = (char)(FIN | opcode);
  return at;
}
