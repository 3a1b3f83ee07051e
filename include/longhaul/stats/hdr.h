/* HDR histograms: 1 us to 1 h at 3 significant digits, values in microseconds, counts that never clamp.
 *
 * Glossary
 *   value     microseconds; 0 is counted at 0
 *   overflow  values above LH_HDR_HIGHEST_US: counted apart, still part of count and max, never moved into a bucket
 *   page      the unit of sparse storage; a histogram that was never recorded into owns no page
 *
 * Layout: Tene's log-linear HdrHistogram with lowest discernible value 1, highest 3,600,000,000, 3 digits: 2048
 * sub-buckets, so that indices agree with every other implementation. The encoding is HdrHistogram V2 (cookie 0x1c849303,
 * and 0x1c849304 around zlib), readable by the standard tools.
 */
#ifndef LONGHAUL_STATS_HDR_H
#define LONGHAUL_STATS_HDR_H

#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

#define LH_HDR_HIGHEST_US UINT64_C(3600000000)

enum { LH_HDR_PAGE_SLOTS = 256, LH_HDR_PAGES = 92 }; /* 92 * 256 = 23,552 slots = (22 + 1) * 1024 */

struct lh_hdr {
  uint64_t *pages[LH_HDR_PAGES]; /* owned; NULL: all zero */
  uint64_t count;                /* everything recorded, overflow included */
  uint64_t overflow;             /* subset of count */
  uint64_t min_us, max_us;       /* exact; min UINT64_MAX and max 0 when count is 0; max covers overflow */
  uint64_t lost;                 /* records that found no memory for their page, not part of count; a tester fault */
  double sum_us;                 /* sum of the values themselves, for the mean (exact up to 2^53); covers overflow */
};

#define LH_HDR_INIT {.min_us = UINT64_MAX}

void lh_hdr_init(struct lh_hdr *h);
void lh_hdr_record(struct lh_hdr *h, uint64_t value_us);
void lh_hdr_record_n(struct lh_hdr *h, uint64_t value_us, uint64_t n);
/* Adds every count of `from`. 0 or -ENOMEM (then the counts of `into` are unchanged). */
int lh_hdr_merge(struct lh_hdr *into, const struct lh_hdr *from);
/* Zeroes the counts and keeps touched pages for the next interval. */
void lh_hdr_reset(struct lh_hdr *h);
void lh_hdr_free(struct lh_hdr *h);

/* Smallest value such that at least percentile % of the count is at or below it; the highest value equivalent to the slot,
 * as HdrHistogram's getValueAtPercentile, capped by max_us. percentile 0..100; 0 gives min_us. 0 when empty. Overflow
 * counts as max_us. */
uint64_t lh_hdr_percentile(const struct lh_hdr *h, double percentile);
double lh_hdr_mean(const struct lh_hdr *h);
/* How many values were at or below value_us's slot. Overflow is below no value but max_us and those above it. */
uint64_t lh_hdr_count_at_or_below(const struct lh_hdr *h, uint64_t value_us);
/* Slot arithmetic, public for tests and for exports. */
uint32_t lh_hdr_slot(uint64_t value_us);
uint64_t lh_hdr_slot_low(uint32_t slot);  /* smallest value of the slot */
uint64_t lh_hdr_slot_high(uint32_t slot); /* largest value of the slot */
/* Calls visit(context, slot, count) for each slot with a count, rising. Overflow has no slot. */
void lh_hdr_each(const struct lh_hdr *h, void (*visit)(void *context, uint32_t slot, uint64_t count), void *context);

/* V2 payloads. Overflow, exact sum and exact min and max are not part of the standard payload; callers that need them keep
 * them in columns beside it. Encoding appends to `out` and leaves it unchanged on failure (-ENOBUFS, -ENOMEM).
 * Decoding adds to `h`: min, max and sum then follow from the slots, and slots above LH_HDR_HIGHEST_US (another tool's
 * histogram may have them) count as overflow. Untrusted bytes: -EBADMSG with a sentence, h unchanged. */
int lh_hdr_encode(const struct lh_hdr *h, struct lh_buf *out);            /* V2, plain */
int lh_hdr_encode_compressed(const struct lh_hdr *h, struct lh_buf *out); /* V2, zlib */
int lh_hdr_decode(struct lh_hdr *h, const void *bytes, size_t len, struct lh_err *err); /* either */

#endif
