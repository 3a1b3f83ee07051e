#include "wire.h"

#include <string.h>

enum { FIN = 0x80, RSV1 = 0x40, RSV_REST = 0x30, CONTROL = 0x08, MASKED = 0x80 };
enum { OP_CONTINUE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { CODE_NONE = 1005, CODE_ABNORMAL = 1006, CODE_TLS = 1015, CONTROL_BYTES_MAX = 125 };

static void keep_text(struct lh_wire_seen *seen, const uint8_t *at, size_t len) {
  size_t room = sizeof seen->text - 1 - seen->text_len;
  if (len > room) len = room;
  memcpy(seen->text + seen->text_len, at, len);
  seen->text_len = (uint8_t)(seen->text_len + len);
  seen->text[seen->text_len] = 0;
}

/* ---- UTF-8 ---- */

/* What may come next inside a character (RFC 3629); the second byte of some is narrowed against overlong forms,
 * surrogates and values past U+10FFFF. */
enum { UTF8_DONE, UTF8_LAST, UTF8_TWO, UTF8_THREE, UTF8_E0, UTF8_ED, UTF8_F0, UTF8_F4, UTF8_BAD };

static uint8_t utf8_lead(uint8_t byte) {
  if (byte < 0x80) return UTF8_DONE;
  if (byte < 0xc2 || byte > 0xf4) return UTF8_BAD;
  if (byte < 0xe0) return UTF8_LAST;
  if (byte < 0xf0) return byte == 0xe0 ? UTF8_E0 : byte == 0xed ? UTF8_ED : UTF8_TWO;
  return byte == 0xf0 ? UTF8_F0 : byte == 0xf4 ? UTF8_F4 : UTF8_THREE;
}

static uint8_t utf8_step(uint8_t state, uint8_t byte) {
  static const struct {
    uint8_t low, high, next;
  } steps[] = {[UTF8_LAST] = {0x80, 0xbf, UTF8_DONE}, [UTF8_TWO] = {0x80, 0xbf, UTF8_LAST}, [UTF8_THREE] = {0x80, 0xbf, UTF8_TWO},
               [UTF8_E0] = {0xa0, 0xbf, UTF8_LAST},   [UTF8_ED] = {0x80, 0x9f, UTF8_LAST},  [UTF8_F0] = {0x90, 0xbf, UTF8_TWO},
               [UTF8_F4] = {0x80, 0x8f, UTF8_TWO}};
  if (state == UTF8_DONE) return utf8_lead(byte);
  return byte < steps[state].low || byte > steps[state].high ? UTF8_BAD : steps[state].next;
}

static uint8_t utf8_run(uint8_t state, const uint8_t *at, size_t len) {
  for (size_t i = 0; i < len && state != UTF8_BAD; i++) {
    uint64_t word;
    while (state == UTF8_DONE && i + sizeof word <= len) { /* most text is ASCII */
      memcpy(&word, at + i, sizeof word);
      if (word & UINT64_C(0x8080808080808080)) break;
      i += sizeof word;
    }
    if (i == len) break;
    state = utf8_step(state, at[i]);
  }
  return state;
}

/* ---- the head ---- */

/* The status stands at a fixed place: "HTTP/1.1 101". */
static void read_status(struct lh_wire *w, uint8_t byte) {
  enum { STATUS_AT = 9, STATUS_END = 12 };
  if (w->left >= STATUS_AT && w->left < STATUS_END && byte >= '0' && byte <= '9')
    w->code = (uint16_t)(w->code * 10 + (byte - '0'));
}

static void read_content_length(struct lh_wire *w, uint8_t byte) {
  static const char name[] = "\ncontent-length:";
  uint8_t lower = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
  if (w->in_length) {
    if (byte >= '1' && byte <= '9') w->has_body = true;
    w->in_length = byte != '\n';
  }
  if (lower == (uint8_t)name[w->more])
    w->more++;
  else
    w->more = byte == '\n';
  if (w->more < sizeof name - 1) return;
  w->more = 0;
  w->in_length = true;
}

static size_t feed_head(struct lh_wire *w, const uint8_t *at, size_t len, struct lh_wire_seen *seen) {
  static const char blank[] = "\r\n\r\n", begin[] = "HTTP/1.";
  for (size_t i = 0; i < len; i++) {
    if (w->left < sizeof begin - 1 && at[i] != (uint8_t)begin[w->left]) {
      seen->fault = "response does not begin with HTTP/1";
      return i;
    }
    read_status(w, at[i]);
    read_content_length(w, at[i]);
    w->left++;
    if (at[i] == (uint8_t)blank[w->first])
      w->first++;
    else
      w->first = at[i] == '\r';
    if (w->first < 4) continue;
    seen->status = w->code;
    *w = (struct lh_wire){
        .state = w->code == 101 ? LH_WIRE_FRAME : LH_WIRE_BODY, .deflate = w->deflate, .has_body = w->has_body};
    return i + 1;
  }
  return len;
}

/* ---- frames ---- */

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

/* RFC 6455, 7.4: codes that stand for what was seen without a close frame, and those outside of every range. */
static bool may_be_sent(uint16_t code) {
  return code >= 1000 && code < 5000 && code != CODE_NONE && code != CODE_ABNORMAL && code != CODE_TLS;
}

static void end_close(struct lh_wire *w, struct lh_wire_seen *seen) {
  if (w->close_bytes < 2)
    w->code = CODE_NONE;
  else if (!may_be_sent(w->code))
    seen->fault = "close code that may not be sent";
  if (w->utf8 != UTF8_DONE) seen->fault = "close reason that is not UTF-8";
  seen->closed = !seen->fault;
  seen->code = w->code;
  w->state = LH_WIRE_CLOSED;
}

/* A whole frame went by. */
static void end_frame(struct lh_wire *w, struct lh_wire_seen *seen) {
  uint8_t opcode = w->first & 0x0f;
  w->state = LH_WIRE_FRAME;
  if (opcode == OP_CLOSE) {
    end_close(w, seen);
  } else if (opcode & CONTROL) {
    seen->pings += opcode == OP_PING;
  } else {
    w->in_message = !(w->first & FIN);
    if (w->checks_text && !w->in_message && w->utf8 != UTF8_DONE) seen->fault = "text that ends inside a UTF-8 character";
  }
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
    w->utf8 = utf8_run(w->utf8, at + i, take - i);
  } else if (w->checks_text && !(w->first & CONTROL)) {
    w->utf8 = utf8_run(w->utf8, at, take);
    if (w->utf8 == UTF8_BAD) seen->fault = "text that is not UTF-8";
  }
  w->left -= take;
  if (!w->left && !seen->fault) end_frame(w, seen);
  return take;
}

static void begin_frame(struct lh_wire *w, uint8_t byte) {
  uint8_t opcode = byte & 0x0f;
  w->first = byte;
  w->code = 0;
  w->compressed |= (byte & RSV1) != 0;
  w->state = LH_WIRE_LENGTH;
  if (opcode == OP_TEXT || opcode == OP_BINARY) w->checks_text = opcode == OP_TEXT && !(byte & RSV1);
  /* A close frame ends the message that it may have come into. */
  if (opcode == OP_TEXT || opcode == OP_CLOSE) w->utf8 = UTF8_DONE;
}

/* One byte of a frame's header; returns its fault. */
static const char *feed_header(struct lh_wire *w, uint8_t byte, struct lh_wire_seen *seen) {
  const char *fault = NULL;
  if (w->state == LH_WIRE_FRAME) {
    fault = first_byte_fault(w, byte);
    begin_frame(w, byte);
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

/* One step: part of a head, a header byte, or payload. Returns the bytes it took. */
static size_t feed_some(struct lh_wire *w, const uint8_t *at, size_t len, struct lh_wire_seen *seen) {
  const char *fault;
  switch ((enum lh_wire_state)w->state) {
  case LH_WIRE_HEAD: return feed_head(w, at, len, seen);
  case LH_WIRE_BODY: keep_text(seen, at, len); return len;
  case LH_WIRE_PAYLOAD: return feed_payload(w, at, len, seen);
  case LH_WIRE_FRAME:
  case LH_WIRE_LENGTH:
  case LH_WIRE_EXTENDED:
    fault = feed_header(w, *at, seen);
    if (fault) seen->fault = fault;
    return 1;
  case LH_WIRE_CLOSED: return len; /* RFC 6455, 1.4: bytes behind a close frame are discarded */
  case LH_WIRE_BAD: break;
  }
  return 0;
}

size_t lh_wire_feed(struct lh_wire *wire, const void *bytes, size_t len, struct lh_wire_seen *seen) {
  const uint8_t *at = bytes;
  size_t i = 0, unit_at = 0; /* where the frame, or the rest of one, began that is being read */
  while (i < len && wire->state != LH_WIRE_BAD) {
    if (wire->state == LH_WIRE_FRAME) unit_at = i;
    i += feed_some(wire, at + i, len - i, seen);
    if (seen->fault) wire->state = LH_WIRE_BAD;
  }
  return wire->state == LH_WIRE_BAD ? unit_at : len;
}

/* ---- whole messages ---- */

static size_t big_endian(const uint8_t *at, size_t len) {
  size_t value = 0;
  for (size_t i = 0; i < len; i++) value = value << 8 | at[i];
  return value;
}

bool lh_wire_take(const char *bytes, size_t len, size_t *at, struct lh_wire_message *message) {
  const uint8_t *frame = (const uint8_t *)bytes + *at;
  size_t left = len - *at, head = 2;
  if (left < head || (frame[0] != (FIN | OP_TEXT) && frame[0] != (FIN | OP_BINARY)) || (frame[1] & MASKED)) return false;
  size_t size = frame[1], more = size == 126 ? 2 : size == 127 ? 8 : 0;
  head += more;
  if (left < head) return false;
  if (more) size = big_endian(frame + 2, more);
  if (left - head < size) return false;
  *message = (struct lh_wire_message){(const char *)frame + head, size, frame[0] == (FIN | OP_TEXT)};
  if (message->is_text && utf8_run(UTF8_DONE, frame + head, size) != UTF8_DONE) return false;
  *at += head + size;
  return true;
}
