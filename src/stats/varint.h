/* Integers of 1 to 9 bytes: LEB128-64b9B, the form of HdrHistogram V2, where a ninth byte carries eight bits.
 *
 * Glossary
 *   zigzag  signed as unsigned: 0, -1, 1, -2 become 0, 1, 2, 3
 */
#ifndef STATS_VARINT_H
#define STATS_VARINT_H

#include <stdint.h>

#include "longhaul/base/buf.h"

enum { VARINT_BYTES_MAX = 9 };

static inline uint64_t zigzag(int64_t value) {
  return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t value) {
  return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline int varint_add(struct lh_buf *out, uint64_t value) {
  uint8_t bytes[VARINT_BYTES_MAX];
  unsigned len = 0;
  while (value >= 0x80 && len < VARINT_BYTES_MAX - 1) {
    bytes[len++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  bytes[len++] = (uint8_t)value;
  return lh_buf_add(out, bytes, len);
}

/* 0 and in->failed when the bytes end within the integer. */
static inline uint64_t varint_take(struct lh_cursor *in) {
  uint64_t value = 0;
  for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
    if (in->failed || in->at == in->end) {
      in->failed = 1;
      return 0;
    }
    uint8_t byte = *in->at++;
    if (i == VARINT_BYTES_MAX - 1) return value | (uint64_t)byte << 56;
    value |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) break;
  }
  return value;
}

#endif
