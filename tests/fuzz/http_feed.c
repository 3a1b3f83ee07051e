/* Any bytes as a server's responses, whole and in pieces: both ways tell the same, and the reader never runs wild. The first
 * byte says whether the request was HEAD and how long the pieces are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/conn/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was told, so that two ways can be compared. */
struct told {
  uint64_t headers, body, hash;
  unsigned status, done;
  int result;
};

static void mix(struct told *told, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) told->hash = (told->hash ^ (uint8_t)bytes[i]) * UINT64_C(1099511628211);
}

static void on_header(void *context, const char *name, size_t name_len, const char *value, size_t value_len) {
  struct told *told = context;
  told->headers++;
  mix(told, name, name_len);
  mix(told, value, value_len);
}

static void on_head(void *context, unsigned status) {
  ((struct told *)context)->status = status;
}

static void on_body(void *context, const char *bytes, size_t len) {
  struct told *told = context;
  told->body += len;
  mix(told, bytes, len);
}

static void on_done(void *context, bool keep_alive) {
  ((struct told *)context)->done += 1 + keep_alive;
}

static const struct lh_http_events events = {on_header, on_head, on_body, on_done};

static struct told feed(const uint8_t *data, size_t size, size_t piece, bool head_request) {
  struct told told = {0};
  struct lh_http_reader reader;
  struct lh_err err;
  lh_http_init(&reader);
  lh_http_expect(&reader, head_request);
  for (size_t at = 0; at < size && told.result == 0; at += piece) {
    size_t len = size - at < piece ? size - at : piece;
    told.result = lh_http_feed(&reader, &events, &told, data + at, len, &err);
  }
  if (told.result == 0) told.result = lh_http_eof(&reader, &events, &told, &err);
  lh_http_free(&reader);
  return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  bool head_request = data[0] & 1;
  size_t piece = 1 + (data[0] >> 1);
  struct told whole = feed(data + 1, size - 1, size, head_request), pieces = feed(data + 1, size - 1, piece, head_request);
  /* After a fault the pieces before it were told already. */
  if (whole.result == 0 && memcmp(&whole, &pieces, sizeof whole) != 0) abort();
  return 0;
}
