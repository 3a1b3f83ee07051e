#include "deflate.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "frame.h"

struct lh_deflate {
  z_stream stream;
  char *room; /* owned */
  size_t size;
};

enum { WINDOW_BITS = 15, MEMORY_LEVEL = 8, TAIL_BYTES = 4 };

int lh_deflate_new(struct lh_deflate **deflate, struct lh_err *err) {
  struct lh_deflate *d = calloc(1, sizeof *d);
  /* A negative number of bits: no zlib header. */
  if (!d || deflateInit2(&d->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY)) {
    free(d);
    return lh_err_set(err, ENOMEM, "no memory for compression");
  }
  *deflate = d;
  return 0;
}

static int make_room(struct lh_deflate *d, size_t len) {
  enum { FLUSH_BYTES = 16 }; /* what a flush adds to the bound of a stream that ends */
  size_t need = LH_FRAME_HEAD_MAX + deflateBound(&d->stream, len) + FLUSH_BYTES;
  if (need <= d->size) return 0;
  char *room = realloc(d->room, need);
  if (!room) return -ENOMEM;
  d->room = room;
  d->size = need;
  return 0;
}

int lh_deflate_message(struct lh_deflate *d, const char *bytes, size_t len, char **out, size_t *out_len) {
  z_stream *s = &d->stream;
  assert(len <= UINT_MAX / 2);
  if (make_room(d, len)) return -ENOMEM;
  s->next_in = (Bytef *)bytes;
  s->avail_in = (uInt)len;
  s->next_out = (Bytef *)d->room + LH_FRAME_HEAD_MAX;
  s->avail_out = (uInt)(d->size - LH_FRAME_HEAD_MAX);
  deflate(s, Z_SYNC_FLUSH);
  assert(!s->avail_in && s->avail_out);
  *out = d->room + LH_FRAME_HEAD_MAX;
  *out_len = (size_t)((char *)s->next_out - *out) - TAIL_BYTES; /* the receiver puts 00 00 ff ff back (7.2.1) */
  deflateReset(s);
  return 0;
}
