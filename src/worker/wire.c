#include "wire.h"

#include <string.h>

enum { FIN = 0x80, RSV1 = 0x40, RSV_REST = 0x30, CONTROL = 0x08, MASKED = 0x80 };
enum { OP_CONTINUE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { CODE_NONE = 1005, CONTROL_BYTES_MAX = 125 };

static void keep_text(struct lh_wire_seen *seen, const uint8_t *at, size_t len) {
  size_t room = sizeof seen->text - 1 - seen->text_len;
  if (len > room) len = room;
  memcpy(seen->text + seen->text_len, at, len);
  seen->text_len = (uint8_t)(seen->text_len + len);
  seen->text[seen->text_len] = 0;
}

/* The status stands at a fixed place: "HTTP/1.1 101". */
static void read_status(struct lh_wire *w, uint8_t byte) {
  enum { STATUS_AT = 9, STATUS_END = 12 };
  if (w->left >= STATUS_AT && w->left < STATUS_END && byte >= '0' && byte <= '9')
    w->code = (uint16_t)(w->code * 10 + (byte - '0'));
}

static size_t feed_head(struct lh_wire *w, const uint8_t *at, size_t len, struct lh_wire_seen *seen) {
  static const char blank[] = "\r\n\r\n";
  for (size_t i = 0; i < len; i++) {
    read_status(w, at[i]);
    w->left++;
    if (at[i] == (uint8_t)blank[w->first])
      w->first++;
    else
      w->first = at[i] == '\r';
    if (w->first < 4) continue;
    seen->status = w->code;
    bool deflate = w->deflate;
    *w = (struct lh_wire){.state = w->code == 101 ? LH_WIRE_FRAME : LH_WIRE_BODY, .deflate = deflate};
    return i + 1;
  }
  return len;
}

static const char *first_byte_fault(const struct lh_wire *w, uint8_t byte) {
  uint8_t opcode = byte & 0x0f;
  bool control = opcode & CONTROL;
  if ((byte & RSV_REST) || ((byte & RSV1) && (!w->deflate || control || opcode == OP_CONTINUE))) return "reserved bits set";
  if ((opcode > OP_BINARY && !control) || opcode > OP_PONG) return "reserved opcode";
  if (control && !(byte & FIN)) return "fragmented control frame";
  if (opcode == OP_CONTINUE && !w->in_message) return "continuation without a message";
  if (!control && opcode != OP_CONTINUE && w->in_message) return "new message inside a fragmented one";
  return NULL;
}

static const char *length_fault(const struct lh_wire *w, uint8_t byte) {
  if (byte & MASKED) return "masked frame from the server";
  if ((w->first & CONTROL) && (byte & 0x7f) > CONTROL_BYTES_MAX) return "control frame longer than 125 bytes";
  if ((w->first & 0x0f) == OP_CLOSE && (byte & 0x7f) == 1) return "close frame with half a code";
  return NULL;
}

/* A whole frame went by. */
static void end_frame(struct lh_wire *w, struct lh_wire_seen *seen) {
  uint8_t opcode = w->first & 0x0f;
  w->state = LH_WIRE_FRAME;
  if (!(opcode & CONTROL)) w->in_message = !(w->first & FIN);
  if (opcode == OP_PING) seen->pings++;
  if (opcode != OP_CLOSE) return;
  if (w->close_bytes < 2) w->code = CODE_NONE;
  seen->closed = true;
  seen->code = w->code;
  w->state = LH_WIRE_CLOSED;
}

static void end_length(struct lh_wire *w, struct lh_wire_seen *seen) {
  w->close_bytes = 0;
  w->state = LH_WIRE_PAYLOAD;
  if (!w->left) end_frame(w, seen);
}

static size_t feed_payload(struct lh_wire *w, const uint8_t *at, size_t len, struct lh_wire_seen *seen) {
  size_t take = w->left < len ? (size_t)w->left : len;
  if ((w->first & 0x0f) == OP_CLOSE) {
    size_t i = 0;
    for (; i < take && w->close_bytes < 2; i++, w->close_bytes++) w->code = (uint16_t)((w->code << 8) | at[i]);
    keep_text(seen, at + i, take - i);
  }
  w->left -= take;
  if (!w->left) end_frame(w, seen);
  return take;
}

/* One byte of a frame's header; returns its fault. */
static const char *feed_header(struct lh_wire *w, uint8_t byte, struct lh_wire_seen *seen) {
  const char *fault = NULL;
  if (w->state == LH_WIRE_FRAME) {
    fault = first_byte_fault(w, byte);
    w->first = byte;
    w->code = 0;
    w->state = LH_WIRE_LENGTH;
  } else if (w->state == LH_WIRE_LENGTH) {
    fault = length_fault(w, byte);
    w->left = byte & 0x7f;
    w->more = w->left == 126 ? 2 : w->left == 127 ? 8 : 0;
    if (w->more) {
      w->left = 0;
      w->state = LH_WIRE_EXTENDED;
    } else if (!fault) {
      end_length(w, seen);
    }
  } else {
    if (w->more == 8 && (byte & 0x80)) fault = "length of 2^63 or more";
    w->left = w->left << 8 | byte;
    if (!--w->more && !fault) end_length(w, seen);
  }
  return fault;
}

size_t lh_wire_feed(struct lh_wire *wire, const void *bytes, size_t len, struct lh_wire_seen *seen) {
  const uint8_t *at = bytes;
  size_t i = 0, frame_at = 0;
  while (i < len) {
    switch ((enum lh_wire_state)wire->state) {
    case LH_WIRE_HEAD:
      i += feed_head(wire, at + i, len - i, seen);
      break;
    case LH_WIRE_BODY:
      keep_text(seen, at + i, len - i);
      return len;
    case LH_WIRE_CLOSED:
      return len; /* RFC 6455, 1.4: bytes behind a close frame are discarded */
    case LH_WIRE_PAYLOAD:
      i += feed_payload(wire, at + i, len - i, seen);
      break;
    case LH_WIRE_BAD:
      return i;
    case LH_WIRE_FRAME:
      frame_at = i;
      /* fallthrough */
    case LH_WIRE_LENGTH:
    case LH_WIRE_EXTENDED:
      seen->fault = feed_header(wire, at[i++], seen);
      if (seen->fault) {
        wire->state = LH_WIRE_BAD;
        return frame_at;
      }
    }
  }
  return len;
}
