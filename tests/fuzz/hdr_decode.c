/* Any bytes as a histogram: refused with a sentence and nothing changed, or read as something consistent that comes back
 * from its own encoding. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/stats/hdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds) {
  if (!holds) abort();
}

static void check_same_slots(const struct lh_hdr *a, const struct lh_hdr *b) {
  static const uint64_t zeros[LH_HDR_PAGE_SLOTS];
  for (int p = 0; p < LH_HDR_PAGES; p++)
    check(memcmp(a->pages[p] ? a->pages[p] : zeros, b->pages[p] ? b->pages[p] : zeros, sizeof zeros) == 0);
}

static void check_round_trip(const struct lh_hdr *h) {
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  struct lh_hdr again = LH_HDR_INIT;
  check(lh_hdr_encode(h, &out) == 0);
  check(lh_hdr_decode(&again, out.data, out.len, NULL) == 0);
  check_same_slots(h, &again);
  lh_hdr_free(&again);
  lh_buf_free(&out);
}

/* The input behind a header that is well but for its length, which is filled in. */
static int decode_behind(const uint8_t *header, size_t header_len, const uint8_t *data, size_t size, struct lh_hdr *h) {
  struct lh_buf whole = LH_BUF_INIT(1 << 20);
  if (lh_buf_add(&whole, header, header_len) || lh_buf_add(&whole, data, size)) abort();
  for (int i = 0; i < 4; i++) whole.data[7 - i] = (char)(size >> (8 * i));
  int result = lh_hdr_decode(h, whole.data, whole.len, NULL);
  lh_buf_free(&whole);
  return result;
}

enum way { AS_IS, AS_COUNTS, AS_ZLIB, WAYS };

static int decode(enum way way, const uint8_t *data, size_t size, struct lh_hdr *h) {
  static const uint8_t plain[40] = {0x1c, 0x84, 0x93, 0x13, [15] = 3, [23] = 1, [28] = 0xd6, [29] = 0x93, [30] = 0xa4};
  static const uint8_t zlib[8] = {0x1c, 0x84, 0x93, 0x14};
  struct lh_err err = {0};
  if (way == AS_COUNTS) return decode_behind(plain, sizeof plain, data, size, h);
  if (way == AS_ZLIB) return decode_behind(zlib, sizeof zlib, data, size, h);
  int result = lh_hdr_decode(h, data, size, &err);
  check(result == 0 || err.text[0]);
  return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (int way = AS_IS; way < WAYS; way++) {
    struct lh_hdr h = LH_HDR_INIT;
    if (decode((enum way)way, data, size, &h)) {
      check(h.count == 0 && h.max_us == 0);
    } else {
      check(lh_hdr_count_at_or_below(&h, UINT64_MAX) == h.count);
      check(h.count == 0 || (h.min_us <= lh_hdr_percentile(&h, 50) && lh_hdr_percentile(&h, 50) <= h.max_us));
      check_round_trip(&h);
    }
    lh_hdr_free(&h);
  }
  return 0;
}
