/* Any bytes as an event stream, whole and in pieces: both ways tell the same events. The first byte says how long the pieces
 * are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/conn/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENT_MAX = 64 };

struct told {
  uint64_t events, hash, truncated, comments, retry_ms;
};

static void mix(struct told *told, const char *bytes, size_t len) {
  for (size_t i = 0; i <= len; i++) told->hash = (told->hash ^ (uint8_t)bytes[i]) * UINT64_C(1099511628211); /* with its NUL */
}

static void on_event(void *context, const struct lh_sse_event *event) {
  struct told *told = context;
  if (event->data_len > EVENT_MAX || event->data[event->data_len] != 0) abort();
  told->events++;
  told->truncated += event->truncated;
  mix(told, event->type, strlen(event->type));
  mix(told, event->data, event->data_len);
  mix(told, event->id, strlen(event->id));
}

static struct told feed(const uint8_t *data, size_t size, size_t piece) {
  struct told told = {0};
  struct lh_sse sse;
  lh_sse_init(&sse, EVENT_MAX);
  for (size_t at = 0; at < size; at += piece) {
    if (lh_sse_feed(&sse, data + at, size - at < piece ? size - at : piece, on_event, &told) != 0) abort();
  }
  told.comments = sse.comments;
  told.retry_ms = sse.retry_ms;
  lh_sse_free(&sse);
  return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  struct told whole = feed(data + 1, size - 1, size), pieces = feed(data + 1, size - 1, 1 + data[0]);
  if (memcmp(&whole, &pieces, sizeof whole) != 0) abort();
  return 0;
}
