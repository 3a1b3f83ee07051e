/* Any bytes as what a WebSocket server says, whole and in pieces: both ways show the same. And every message that is taken out of
 * them at once is one whole frame to the reader of frames. The first byte says how long the pieces are, and whether compression
 * was agreed on and the head is over. */
#include "worker/wire.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECE = 0x3f, DEFLATE = 0x40, HEAD_IS_OVER = 0x80 };

static void check(int holds) {
  if (!holds) abort();
}

static struct lh_wire begin(uint8_t how) {
  return (struct lh_wire){.deflate = (how & DEFLATE) != 0, .state = how & HEAD_IS_OVER ? LH_WIRE_FRAME : LH_WIRE_HEAD};
}

static struct lh_wire_seen feed(struct lh_wire *wire, const uint8_t *data, size_t size, size_t piece) {
  struct lh_wire_seen seen;
  memset(&seen, 0, sizeof seen);
  for (size_t at = 0; at < size && wire->state != LH_WIRE_BAD; at += piece) {
    size_t len = size - at < piece ? size - at : piece, sound = lh_wire_feed(wire, data + at, len, &seen);
    check(sound <= len && (sound == len || seen.fault));
    check((wire->state == LH_WIRE_BAD) == (seen.fault != NULL));
  }
  check(seen.text_len < sizeof seen.text && seen.text[seen.text_len] == 0);
  return seen;
}

static void take_messages(const uint8_t *data, size_t size) {
  struct lh_wire_message message;
  size_t at = 0, from = 0;
  while (lh_wire_take((const char *)data, size, &at, &message)) {
    struct lh_wire wire = begin(HEAD_IS_OVER);
    check(at > from && at <= size && (const uint8_t *)message.bytes + message.len == data + at);
    struct lh_wire_seen seen = feed(&wire, data + from, at - from, at - from);
    check(!seen.fault && !seen.pings && !seen.closed && wire.state == LH_WIRE_FRAME && !wire.in_message);
    from = at;
  }
  check(at == from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  struct lh_wire whole = begin(data[0]), pieces = begin(data[0]);
  struct lh_wire_seen one = feed(&whole, data + 1, size - 1, size), many = feed(&pieces, data + 1, size - 1, 1 + (data[0] & PIECE));
  check(one.fault == many.fault && one.pings == many.pings && one.closed == many.closed && one.status == many.status);
  check(one.code == many.code && one.text_len == many.text_len && memcmp(one.text, many.text, one.text_len) == 0);
  check(whole.state == pieces.state);
  take_messages(data + 1, size - 1);
  return 0;
}
