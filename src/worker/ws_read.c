/* Messages that reach the engine without libwebsockets: the whole messages that a read of an open connection begins with. */
#include "longhaul/base/clock.h"
#include "ws_private.h"

/* What is left begins a frame, so that libwebsockets finds itself where it stood: between two messages. */
size_t lh_ws_took(void *context, struct lh_peer *p, const char *bytes, size_t len) {
  struct lh_ws *ws = context;
  const uint32_t slot = lh_ws_slot(ws, p);
  struct lh_wire_message message;
  size_t at = 0;
  if (!lh_wire_take(bytes, len, &at, &message)) return 0;
  const uint64_t now_ns = lh_now_ns();
  do {
    lh_engine_on_message(ws->engine, slot, message.bytes, message.len, true, true, !message.is_text, now_ns);
  } while (lh_wire_take(bytes, len, &at, &message));
  return at;
}
