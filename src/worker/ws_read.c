/* Messages on their way to the engine: the whole messages that a read of an open connection begins with, which do without
 * libwebsockets, and what comes through it, inflated by us where it is compressed. */
#include <errno.h>

#include "frame.h"
#include "inflate.h"
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

/* ---- through libwebsockets ---- */

struct receiving {
  struct lh_ws *ws;
  uint32_t slot;
  bool is_binary;
  uint64_t now_ns;
};

static void tell(void *context, const struct lh_piece *piece) {
  const struct receiving *r = context;
  lh_engine_on_message(r->ws->engine, r->slot, piece->bytes, piece->len, piece->first, piece->final, r->is_binary, r->now_ns);
}

int lh_ws_receive(struct lh_ws *ws, struct lh_peer *p, const char *bytes, size_t len) {
  const uint32_t slot = lh_ws_slot(ws, p);
  struct receiving r = {.ws = ws, .slot = slot, .is_binary = lws_frame_is_binary(p->wsi), .now_ns = lh_now_ns()};
  const struct lh_piece piece = {
      .bytes = bytes, .len = len, .first = lws_is_first_fragment(p->wsi), .final = lws_is_final_fragment(p->wsi)};
  struct lh_inflate *inflate = ws->inflaters ? ws->inflaters[slot] : NULL;
  /* Said by a message's first frame alone; what comes between two of its frames has bits of its own. */
  if (piece.first) p->compressed = inflate && (lws_get_reserved_bits(p->wsi) & LH_FRAME_COMPRESSED);
  if (!p->compressed) {
    tell(&r, &piece);
    return 0;
  }
  int failed = lh_inflate_feed(inflate, &piece, tell, &r);
  if (failed == -ENOMEM) lh_peer_saw_error(p, ENOMEM);
  if (failed == -EBADMSG) p->fault = "compressed message that does not inflate";
  return failed ? -1 : 0;
}
