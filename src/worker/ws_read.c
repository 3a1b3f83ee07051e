/* Messages that reach the engine without libwebsockets: reads of an open connection that are nothing but whole messages. */
#include "longhaul/base/clock.h"
#include "ws_private.h"

/* All of it or nothing: libwebsockets must never see the rest of a read whose beginning was taken. */
static bool is_all_messages(const char *bytes, size_t len) {
  struct lh_wire_message message;
  size_t at = 0;
  while (at < len && lh_wire_take(bytes, len, &at, &message)) continue;
  return at == len;
}

bool lh_ws_took(void *context, struct lh_peer *p, const char *bytes, size_t len) {
  struct lh_ws *ws = context;
  if (!is_all_messages(bytes, len)) return false;
  const uint32_t slot = lh_ws_slot(ws, p);
  const uint64_t now_ns = lh_now_ns();
  struct lh_wire_message message;
  for (size_t at = 0; at < len;) {
    lh_wire_take(bytes, len, &at, &message);
    lh_engine_on_message(ws->engine, slot, message.bytes, message.len, true, true, !message.is_text, now_ns);
  }
  return true;
}
