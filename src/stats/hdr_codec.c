/* HdrHistogram V2: a header of 40 bytes, big-endian, then the counts; and the same behind 8 bytes, compressed by zlib. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "longhaul/stats/hdr.h"
#include "stats/hdr_pages.h"
#include "stats/varint.h"

#define COOKIE_PLAIN UINT32_C(0x1c849303)
#define COOKIE_ZLIB UINT32_C(0x1c849304)
#define COOKIE_WORD UINT32_C(0x10)      /* written by every V2 encoder */
#define COOKIE_WORD_MASK UINT32_C(0xf0) /* ignored by every V2 decoder */

enum {
  HEADER_BYTES = 40,
  ZLIB_HEADER_BYTES = 8,
  DIGITS = 3,
  PLAIN_BYTES_MAX = HEADER_BYTES + HDR_SLOTS_FOREIGN * HDR_SLOT_BYTES_MAX
};

static int take_back(struct lh_buf *out, size_t len, int failed) {
  out->len = len;
  if (out->data) out->data[len] = 0;
  return failed;
}

/* ---- counts ---- */

static uint64_t count_at(const struct lh_hdr *h, uint32_t slot) {
  const uint64_t *page = h->pages[slot / LH_HDR_PAGE_SLOTS];
  return page ? page[slot % LH_HDR_PAGE_SLOTS] : 0;
}

/* One past the last slot with a count. */
static uint32_t slots_used(const struct lh_hdr *h) {
  for (uint32_t p = LH_HDR_PAGES; p-- > 0;)
    for (uint32_t i = LH_HDR_PAGE_SLOTS; h->pages[p] && i-- > 0;)
      if (h->pages[p][i]) return p * LH_HDR_PAGE_SLOTS + i + 1;
  return 0;
}

static uint32_t zeros_from(const struct lh_hdr *h, uint32_t slot, uint32_t end) {
  uint32_t at = slot;
  while (at < end) {
    if (at % LH_HDR_PAGE_SLOTS == 0 && !h->pages[at / LH_HDR_PAGE_SLOTS])
      at += LH_HDR_PAGE_SLOTS;
    else if (count_at(h, at) == 0)
      at++;
    else
      break;
  }
  return (at < end ? at : end) - slot;
}

int lh_hdr_counts_encode(const struct lh_hdr *h, struct lh_buf *out) {
  size_t before = out->len;
  uint32_t end = slots_used(h);
  int failed = end == 0 ? varint_add(out, 0) : 0;
  for (uint32_t slot = 0; !failed && slot < end;) {
    uint32_t zeros = zeros_from(h, slot, end);
    uint64_t count = zeros ? 0 : count_at(h, slot);
    if (count > INT64_MAX) return take_back(out, before, -EOVERFLOW);
    failed = varint_add(out, zigzag(zeros > 1 ? -(int64_t)zeros : (int64_t)count));
    slot += zeros ? zeros : 1;
  }
  return failed ? take_back(out, before, failed) : 0;
}

/* Walks the body. Returns 1 with the next slot in use and its count, 0 at the end, or -EBADMSG. */
static int next_count(struct lh_cursor *in, uint32_t *slot, uint64_t *count, struct lh_err *err) {
  while (in->at < in->end) {
    int64_t value = unzigzag(varint_take(in));
    if (in->failed)
      return lh_err_set(err, -EBADMSG, "the histogram's counts end in the middle of a number after slot %" PRIu32, *slot);
    uint64_t skip = value < 0 ? -(uint64_t)value : 1;
    if (skip > HDR_SLOTS_FOREIGN - *slot)
      return lh_err_set(err, -EBADMSG, "the histogram has counts past its last possible slot, %d", HDR_SLOTS_FOREIGN - 1);
    *slot += (uint32_t)skip;
    if (value <= 0) continue;
    *count = (uint64_t)value;
    return 1;
  }
  return 0;
}

/* First of two walks: checks the whole body and makes the pages it needs. `total` begins with the count h has. */
static int check_counts(struct lh_hdr *h, struct lh_cursor in, struct lh_err *err) {
  uint64_t total = h->count, count = 0;
  uint32_t slot = 0, highest = lh_hdr_slot(LH_HDR_HIGHEST_US);
  bool pages[LH_HDR_PAGES] = {false};
  int more;
  if (total > INT64_MAX) return lh_err_set(err, -EBADMSG, "the histogram it is added to is full");
  while ((more = next_count(&in, &slot, &count, err)) > 0) {
    if (count > INT64_MAX - total)
      return lh_err_set(err, -EBADMSG, "the histogram's counts add up to more than 2^63 at slot %" PRIu32, slot - 1);
    total += count;
    if (slot - 1 <= highest) pages[(slot - 1) / LH_HDR_PAGE_SLOTS] = true;
  }
  for (uint32_t p = 0; !more && p < LH_HDR_PAGES; p++)
    if (pages[p] && lh_hdr_page_make(h, p)) return lh_err_set(err, -ENOMEM, "no memory for a histogram's counts");
  return more;
}

int lh_hdr_counts_decode(struct lh_hdr *h, const uint8_t *bytes, size_t len, struct lh_err *err) {
  struct lh_cursor in = {.at = bytes, .end = bytes + len};
  int failed = check_counts(h, in, err);
  uint32_t next = 0, highest = lh_hdr_slot(LH_HDR_HIGHEST_US);
  uint64_t count = 0;
  while (!failed && next_count(&in, &next, &count, NULL) > 0) {
    uint32_t slot = next - 1;
    uint64_t low = lh_hdr_slot_low(slot), high = lh_hdr_slot_high(slot);
    if (slot <= highest)
      h->pages[slot / LH_HDR_PAGE_SLOTS][slot % LH_HDR_PAGE_SLOTS] += count;
    else
      h->overflow += count;
    h->count += count;
    if (low < h->min_us) h->min_us = low;
    if (high > h->max_us) h->max_us = high;
    h->sum_us += (double)(low + (high - low + 1) / 2) * (double)count; /* the reference's medianEquivalentValue */
  }
  return failed;
}

/* ---- V2, plain ---- */

static void put_be(uint8_t *at, uint64_t value, unsigned len) {
  for (unsigned i = 0; i < len; i++) at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

static uint64_t get_be(const uint8_t *at, unsigned len) {
  uint64_t value = 0;
  for (unsigned i = 0; i < len; i++) value = value << 8 | at[i];
  return value;
}

int lh_hdr_encode(const struct lh_hdr *h, struct lh_buf *out) {
  const uint64_t one = UINT64_C(0x3ff0000000000000); /* 1.0: the integer to double ratio */
  size_t before = out->len;
  uint8_t header[HEADER_BYTES] = {0}; /* bytes 8 to 11, the normalizing index offset, stay 0 */
  put_be(header, COOKIE_PLAIN | COOKIE_WORD, 4);
  put_be(header + 12, DIGITS, 4);
  put_be(header + 16, 1, 8);
  put_be(header + 24, LH_HDR_HIGHEST_US, 8);
  put_be(header + 32, one, 8);
  int failed = lh_buf_add(out, header, sizeof header);
  if (!failed) failed = lh_hdr_counts_encode(h, out);
  if (failed) return take_back(out, before, failed);
  put_be((uint8_t *)out->data + before + 4, out->len - before - HEADER_BYTES, 4);
  return 0;
}

/* The highest trackable value, the offset and the ratio of the header do not change what a count means; encoders differ in
 * them, and the reference's decoders ignore them for histograms of integers. */
static int decode_plain(struct lh_hdr *h, const uint8_t *bytes, size_t len, struct lh_err *err) {
  if (len < HEADER_BYTES)
    return lh_err_set(err, -EBADMSG, "a histogram's header takes %d bytes, but there are %zu", HEADER_BYTES, len);
  uint64_t payload = get_be(bytes + 4, 4), digits = get_be(bytes + 12, 4), lowest = get_be(bytes + 16, 8);
  if (payload != len - HEADER_BYTES)
    return lh_err_set(err, -EBADMSG, "the histogram says that its counts take %" PRIu64 " bytes, but there are %zu", payload,
                      len - HEADER_BYTES);
  if (digits != DIGITS || lowest != 1)
    return lh_err_set(err, -EBADMSG,
                      "the histogram has %" PRIu64 " significant digits and the lowest value %" PRIu64
                      "; expected %d digits and 1",
                      digits, lowest, DIGITS);
  return lh_hdr_counts_decode(h, bytes + HEADER_BYTES, payload, err);
}

/* ---- V2, zlib ---- */

static int zlib_errno(int code) {
  return code == Z_MEM_ERROR ? -ENOMEM : -EIO;
}

/* Turns until zlib is done, or `out` takes no more: its failure. *code is zlib's last word. */
static int pump(z_stream *z, int (*turn)(z_stream *, int), int flush, struct lh_buf *out, int *code) {
  int failed = 0;
  while (!failed && *code == Z_OK) {
    uint8_t chunk[4096];
    z->next_out = chunk;
    z->avail_out = sizeof chunk;
    *code = turn(z, flush);
    failed = lh_buf_add(out, chunk, sizeof chunk - z->avail_out);
  }
  return failed;
}

static int deflate_to(struct lh_buf *out, const struct lh_buf *plain) {
  z_stream z = {.next_in = (Bytef *)plain->data, .avail_in = (uInt)plain->len};
  int code = deflateInit(&z, Z_DEFAULT_COMPRESSION);
  if (code != Z_OK) return zlib_errno(code);
  int failed = pump(&z, deflate, Z_FINISH, out, &code);
  deflateEnd(&z);
  return failed || code == Z_STREAM_END ? failed : zlib_errno(code);
}

int lh_hdr_encode_compressed(const struct lh_hdr *h, struct lh_buf *out) {
  struct lh_buf plain = LH_BUF_INIT(PLAIN_BYTES_MAX);
  size_t before = out->len;
  const uint8_t header[ZLIB_HEADER_BYTES] = {0};
  int failed = lh_hdr_encode(h, &plain);
  if (!failed) failed = lh_buf_add(out, header, sizeof header);
  if (!failed) failed = deflate_to(out, &plain);
  lh_buf_free(&plain);
  if (failed) return take_back(out, before, failed);
  put_be((uint8_t *)out->data + before, COOKIE_ZLIB | COOKIE_WORD, 4);
  put_be((uint8_t *)out->data + before + 4, out->len - before - ZLIB_HEADER_BYTES, 4);
  return 0;
}

/* The limit of `out` is what keeps a few bytes of zeros from becoming gigabytes. */
static int inflate_to(struct lh_buf *out, const uint8_t *bytes, size_t len, struct lh_err *err) {
  z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len};
  int code = inflateInit(&z);
  if (code != Z_OK) return lh_err_set(err, zlib_errno(code), "zlib could not begin to decompress a histogram");
  int failed = pump(&z, inflate, Z_NO_FLUSH, out, &code);
  size_t left = z.avail_in;
  inflateEnd(&z);
  if (failed == -ENOBUFS)
    return lh_err_set(err, -EBADMSG, "the compressed histogram grows past %d bytes, the most a histogram can take",
                      PLAIN_BYTES_MAX);
  if (failed || code == Z_MEM_ERROR) return lh_err_set(err, -ENOMEM, "no memory to decompress a histogram");
  if (code == Z_BUF_ERROR) return lh_err_set(err, -EBADMSG, "the compressed histogram of %zu bytes is cut short", len);
  if (code != Z_STREAM_END) return lh_err_set(err, -EBADMSG, "the compressed histogram is damaged: zlib error %d", code);
  if (left) return lh_err_set(err, -EBADMSG, "%zu bytes follow the end of the compressed histogram", left);
  return 0;
}

static int decode_compressed(struct lh_hdr *h, const uint8_t *bytes, size_t len, struct lh_err *err) {
  struct lh_buf plain = LH_BUF_INIT(PLAIN_BYTES_MAX);
  uint64_t packed = len < ZLIB_HEADER_BYTES ? 0 : get_be(bytes + 4, 4);
  if (packed + ZLIB_HEADER_BYTES != len)
    return lh_err_set(err, -EBADMSG,
                      "the compressed histogram says that it takes %" PRIu64
                      " bytes after a header of %d, but there are %zu in all",
                      packed, ZLIB_HEADER_BYTES, len);
  int failed = inflate_to(&plain, bytes + ZLIB_HEADER_BYTES, packed, err);
  if (!failed && (plain.len < 4 || (get_be((uint8_t *)plain.data, 4) & ~COOKIE_WORD_MASK) != COOKIE_PLAIN))
    failed = lh_err_set(err, -EBADMSG, "the compressed histogram holds no V2 histogram");
  if (!failed) failed = decode_plain(h, (uint8_t *)plain.data, plain.len, err);
  lh_buf_free(&plain);
  return failed;
}

int lh_hdr_decode(struct lh_hdr *h, const void *bytes, size_t len, struct lh_err *err) {
  if (len < 4) return lh_err_set(err, -EBADMSG, "a histogram takes at least 4 bytes, but there are %zu", len);
  uint32_t cookie = (uint32_t)get_be(bytes, 4);
  switch (cookie & ~COOKIE_WORD_MASK) {
  case COOKIE_PLAIN: return decode_plain(h, bytes, len, err);
  case COOKIE_ZLIB: return decode_compressed(h, bytes, len, err);
  default:
    return lh_err_set(err, -EBADMSG,
                      "the bytes are no HdrHistogram of version 2: they begin with 0x%08" PRIx32 ", expected 0x%08" PRIx32
                      " or 0x%08" PRIx32 " (compressed)",
                      cookie, COOKIE_PLAIN | COOKIE_WORD, COOKIE_ZLIB | COOKIE_WORD);
  }
}
