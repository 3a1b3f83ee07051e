#include "frame.h"

#include <string.h>

int frame_read(const uint8_t *bytes, size_t len, struct frame *frame) {
  if (len < 2) return 0;
  uint64_t payload = bytes[1] & 0x7f;
  size_t at = 2;
  size_t more = payload == 126 ? 2 : payload == 127 ? 8 : 0;
  bool masked = bytes[1] & 0x80;
  if (len < at + more + (masked ? 4 : 0)) return 0;
  if (more) {
    payload = 0;
    while (more--) payload = payload << 8 | bytes[at++];
  }
  *frame = (struct frame){
      .opcode = bytes[0] & 15, .rsv = bytes[0] >> 4 & 7, .fin = bytes[0] & FRAME_FIN, .masked = masked, .len = payload};
  if (masked) {
    memcpy(frame->key, bytes + at, 4);
    at += 4;
  }
  frame->header_len = at;
  return 1;
}

const char *frame_wrong_from_client(const struct frame *frame) {
  bool control = frame->opcode >= OP_CLOSE;
  if (!frame->masked) return "unmasked frame";
  if (frame->rsv) return "reserved bit set";
  if ((frame->opcode > OP_BINARY && !control) || frame->opcode > OP_PONG) return "reserved opcode";
  if (control && !frame->fin) return "fragmented control frame";
  if (control && frame->len > FRAME_CONTROL_MAX) return "control frame too long";
  if (frame->len >> 63) return "length with its highest bit set";
  return NULL;
}

void frame_unmask(uint8_t *bytes, size_t len, const uint8_t key[4]) {
  uint64_t wide;
  memcpy(&wide, key, 4);
  memcpy((uint8_t *)&wide + 4, key, 4);
  size_t i = 0;
  for (; i + 8 <= len; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    word ^= wide;
    memcpy(bytes + i, &word, 8);
  }
  for (; i < len; i++) bytes[i] ^= key[i & 3];
}

size_t frame_write_header(uint8_t *out, uint8_t first, uint64_t len) {
  out[0] = first;
  if (len < 126) {
    out[1] = (uint8_t)len;
    return 2;
  }
  size_t bytes = len <= 0xffff ? 2 : 8;
  out[1] = bytes == 2 ? 126 : 127;
  for (size_t i = 0; i < bytes; i++) out[2 + i] = (uint8_t)(len >> (8 * (bytes - 1 - i)));
  return 2 + bytes;
}
