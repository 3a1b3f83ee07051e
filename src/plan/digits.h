/* Numbers as digits, for what is rendered on every send: printf takes ten times as long. */
#ifndef PLAN_DIGITS_H
#define PLAN_DIGITS_H

#include <stddef.h>
#include <stdint.h>

enum { DIGITS_MAX = 20 }; /* of a uint64_t in decimal */

/* Writes value in decimal; returns the number of digits. */
static inline size_t write_decimal(char *out, uint64_t value) {
  char digits[DIGITS_MAX];
  size_t at = DIGITS_MAX;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  for (size_t i = at; i < DIGITS_MAX; i++) out[i - at] = digits[i];
  return DIGITS_MAX - at;
}

/* Writes value in base 36 with exactly `len` digits. */
static inline void write_base36(char *out, uint64_t value, int len) {
  while (len-- > 0) {
    uint64_t rest = value % 36;
    out[len] = (char)(rest < 10 ? '0' + rest : 'a' + rest - 10);
    value /= 36;
  }
}

/* Reads `len` digits of base 36; UINT64_MAX when one is none. len at most 12. */
static inline uint64_t read_base36(const char *text, int len) {
  uint64_t value = 0;
  for (int i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c >= '0' && c <= '9')
      value = value * 36 + (c - '0');
    else if (c >= 'a' && c <= 'z')
      value = value * 36 + (c - 'a' + 10);
    else
      return UINT64_MAX;
  }
  return value;
}

#endif
