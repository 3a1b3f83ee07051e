/* Server-sent events: bytes in, events out, by the rules of WHATWG HTML "Server-sent events", 9.2.6. Pure.
 *
 * Glossary
 *   event   what a blank line dispatches: type, data, and the last id seen so far
 *   stream  one response body; a reconnect begins a new stream and keeps `id` and `retry_ms`
 *
 * Feeding any split of the same bytes gives the same events. Memory is held only while a line or an event straddles reads.
 * An event longer than event_max is cut there, flagged and still dispatched: it is counted, never lost. An id that does not fit
 * is not kept, and its event flagged likewise: with half of it a server would go on from the wrong place.
 */
#ifndef LONGHAUL_CONN_SSE_H
#define LONGHAUL_CONN_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/buf.h"

enum { LH_SSE_ID_MAX = 256, LH_SSE_TYPE_MAX = 64 };

struct lh_sse {
  struct lh_buf line;  /* a line's beginning, when its end has not come yet */
  struct lh_buf data;  /* data lines of the event, each with a closing LF */
  char type[LH_SSE_TYPE_MAX];
  char id[LH_SSE_ID_MAX];     /* for Last-Event-ID; survives lh_sse_restart */
  uint64_t retry_ms;          /* reconnection time the server asked for, a 0 of its as 1; 0: none; survives lh_sse_restart */
  uint64_t comments;          /* comment lines, the usual heartbeat */
  uint8_t bom_seen;           /* bytes of a byte order mark matched at the stream's start; 255: past the start */
  bool id_given;              /* the event in progress has an id of its own */
  bool after_cr;              /* the last byte was CR: a LF right after it belongs to it */
  bool line_cut;              /* the line in progress was cut */
  bool truncated;             /* the event in progress was cut */
};

struct lh_sse_event {
  const char *type;    /* "message" when the server named none */
  const char *data;    /* without the final LF; not NUL-terminated beyond data_len bytes of content, but followed by a NUL */
  size_t data_len;
  const char *id;      /* the last one sent, by this event or one before; "" when none ever was */
  bool id_given;       /* by this event */
  bool truncated;
};

/* Borrowed for the call. */
typedef void lh_sse_sink(void *context, const struct lh_sse_event *event);

void lh_sse_init(struct lh_sse *sse, size_t event_max);
/* Returns 0, or -ENOMEM: the stream cannot be followed any more. */
int lh_sse_feed(struct lh_sse *sse, const void *bytes, size_t len, lh_sse_sink *sink, void *context);
/* The next bytes begin a new stream; an unfinished event is discarded, as the standard says. */
void lh_sse_restart(struct lh_sse *sse);
void lh_sse_free(struct lh_sse *sse);

#endif
