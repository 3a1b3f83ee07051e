/* WebSocket frames (RFC 6455, section 5): reading headers, unmasking, writing headers. Pure.
 *
 * Glossary
 *   opcode   0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong
 */
#ifndef FAULTD_FRAME_H
#define FAULTD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opcode { OP_CONTINUATION = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

enum { FRAME_HEADER_MAX = 14, FRAME_CONTROL_MAX = 125 };

struct frame {
  uint8_t opcode;
  uint8_t rsv; /* 0..7 */
  bool fin, masked;
  uint8_t key[4];
  uint64_t len; /* of the payload */
  size_t header_len;
};

/* Reads a header. Returns 1, 0 when more bytes are needed. Judges nothing. */
int frame_read(const uint8_t *bytes, size_t len, struct frame *frame);

/* What a client may not send, as a word, or NULL. */
const char *frame_wrong_from_client(const struct frame *frame);

/* XORs len bytes in place with the key; the first byte meets key[0]. */
void frame_unmask(uint8_t *bytes, size_t len, const uint8_t key[4]);

/* Writes an unmasked header into out (FRAME_HEADER_MAX bytes); returns its length. first: fin, rsv and opcode in one byte. */
size_t frame_write_header(uint8_t *out, uint8_t first, uint64_t len);

enum { FRAME_FIN = 0x80 };

#endif
