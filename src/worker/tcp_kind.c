/* Plain TCP or TLS: connect and hold; with messages, what comes back is read line by line (each up to its LF). */
#include <string.h>

#include "longhaul/base/clock.h"
#include "raw_private.h"

static bool up(struct lh_raw *raw, struct lh_line *line) {
  line->state = LH_LINE_OPEN;
  lh_engine_on_open(raw->engine, lh_raw_slot(raw, line), line->local_port, lh_now_ns());
  return true;
}

static bool take(struct lh_raw *raw, struct lh_line *line, const char *bytes, size_t len) {
  const uint32_t slot = lh_raw_slot(raw, line), generation = line->generation;
  const uint64_t now = lh_now_ns();
  if (!lh_raw_track(raw, line)->group->message_count) {
    lh_engine_on_data(raw->engine, slot, len, now);
    return true;
  }
  for (const char *end = bytes + len; bytes < end;) {
    const char *feed = memchr(bytes, '\n', (size_t)(end - bytes));
    size_t part = feed ? (size_t)(feed + 1 - bytes) : (size_t)(end - bytes);
    bool first = !line->mid;
    line->mid = !feed;
    lh_engine_on_message(raw->engine, slot, bytes, part, first, feed != NULL, true, now);
    if (!lh_raw_lives(line, generation)) return false;
    bytes += part;
  }
  return true;
}

static void gone(struct lh_raw *raw, struct lh_line *line, int error) {
  lh_raw_end_gone(raw, line, error, LH_REASON_PEER_FIN);
}

static void drained(struct lh_raw *raw, struct lh_line *line) {
  if (!line->choked) return;
  line->choked = false;
  lh_engine_on_writable(raw->engine, lh_raw_slot(raw, line), lh_now_ns());
}

/* A write that fails is the connection's end, which comes with the next read. */
enum lh_send_result lh_tcp_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  (void)message, (void)binary;
  struct lh_raw *raw = context;
  struct lh_line *line = &raw->lines[slot];
  if (line->out || line->closing || line->error) {
    line->choked = true;
    return LH_SEND_CHOKED;
  }
  return lh_wire_push(raw, line, bytes, len) ? LH_SEND_FAILED : LH_SEND_DONE;
}

const struct lh_raw_kind lh_tcp_kind = {.up = up, .take = take, .gone = gone, .drained = drained};
