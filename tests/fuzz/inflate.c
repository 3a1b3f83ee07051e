/* Any bytes as compressed messages, whole and in pieces: both ways tell the same bytes, and what zlib made of the bytes inflates to
 * them. And as the answer to the offer of compression. The first byte says how long the pieces are, the second what was agreed. */
#include "worker/inflate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "longhaul/base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOLD_MAX = 1 << 22, TAIL = 4 };

static void check(int holds) {
  if (!holds) abort();
}

struct told {
  uint64_t bytes, hash;
  unsigned firsts, finals;
};

static void on_piece(void *context, const struct lh_piece *piece) {
  struct told *told = context;
  check(piece->first == (told->firsts == told->finals)); /* one message after the other */
  for (size_t i = 0; i < piece->len; i++) told->hash = (told->hash ^ (uint8_t)piece->bytes[i]) * UINT64_C(1099511628211);
  told->bytes += piece->len;
  told->firsts += piece->first;
  told->finals += piece->final;
}

/* Both messages are the same bytes, so that the second points into the first where that is agreed. */
static int feed(const struct lh_deflate_terms *terms, const uint8_t *data, size_t size, size_t piece_len, struct told *told) {
  struct lh_inflate *inflate = lh_inflate_new(terms);
  int failed = 0;
  memset(told, 0, sizeof *told);
  check(inflate != NULL);
  for (int message = 0; message < 2 && !failed; message++)
    for (size_t at = 0; at < size && !failed && told->bytes < TOLD_MAX; at += piece_len) {
      const struct lh_piece piece = {.bytes = (const char *)data + at,
                                     .len = size - at < piece_len ? size - at : piece_len,
                                     .first = at == 0,
                                     .final = size - at <= piece_len};
      failed = lh_inflate_feed(inflate, &piece, on_piece, told);
    }
  lh_inflate_free(inflate);
  check(failed == 0 || failed == -EBADMSG);
  return failed;
}

static void both_ways(const struct lh_deflate_terms *terms, const uint8_t *data, size_t size, size_t piece_len) {
  struct told whole, pieces;
  int one = feed(terms, data, size, size, &whole), many = feed(terms, data, size, piece_len, &pieces);
  if (whole.bytes >= TOLD_MAX || pieces.bytes >= TOLD_MAX) return;
  if (terms->window_bits < MAX_WBITS && one != many) return; /* it points further back than agreed: zlib may not notice */
  check(one == many);
  if (!one) check(whole.bytes == pieces.bytes && whole.hash == pieces.hash && whole.finals == 2 && pieces.finals == 2);
}

static void there_and_back(const struct lh_deflate_terms *terms, const uint8_t *data, size_t size, size_t piece_len) {
  z_stream stream = {0};
  struct told told, plain = {0};
  int bits = terms->window_bits < 9 ? 9 : terms->window_bits; /* zlib writes no smaller window */
  struct lh_deflate_terms wide = {.window_bits = (uint8_t)bits, .forgets = terms->forgets};
  check(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  size_t room = deflateBound(&stream, size) + 64;
  uint8_t *made = malloc(room);
  stream.next_in = (Bytef *)(uintptr_t)data;
  stream.avail_in = (uInt)size;
  stream.next_out = made;
  stream.avail_out = (uInt)room;
  check(deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0 && stream.avail_out > 0);
  size_t len = room - stream.avail_out - TAIL;
  deflateEnd(&stream);
  check(feed(&wide, made, len, piece_len, &told) == 0);
  for (int message = 0; message < 2; message++)
    on_piece(&plain, &(struct lh_piece){.bytes = (const char *)data, .len = size, .first = true, .final = true});
  check(told.bytes == plain.bytes && told.hash == plain.hash);
  free(made);
}

static void agree(const uint8_t *data, size_t size) {
  char *answer = malloc(size + 1);
  struct lh_deflate_terms terms;
  memcpy(answer, data, size);
  answer[size] = 0;
  if (!lh_deflate_agree(answer, &terms)) check(terms.window_bits >= 8 && terms.window_bits <= 15);
  free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3) return 0;
  const struct lh_deflate_terms terms = {.window_bits = 8 + (data[1] & 7), .forgets = (data[1] & 8) != 0};
  both_ways(&terms, data + 2, size - 2, 1 + data[0]);
  there_and_back(&terms, data + 2, size - 2, 1 + data[0]);
  agree(data + 2, size - 2);
  return 0;
}
