/* What hdr.c and its codec share: pages, and the counts as a run of integers. */
#ifndef STATS_HDR_PAGES_H
#define STATS_HDR_PAGES_H

#include "longhaul/stats/hdr.h"

enum {
  HDR_SUB_BITS = 10, /* half of the 2048 sub-buckets, as a power of 2 */
  HDR_SLOTS = LH_HDR_PAGES * LH_HDR_PAGE_SLOTS,
  HDR_SLOTS_FOREIGN = (52 + 2) * 1024, /* slots of the widest histogram of this precision: values below 2^63 */
  HDR_SLOT_BYTES_MAX = 9
};

/* Makes the page; 0 or -ENOMEM. */
int lh_hdr_page_make(struct lh_hdr *h, uint32_t page);
/* Makes every page that merging `from` will touch, so that the merge cannot fail; 0 or -ENOMEM. */
int lh_hdr_reserve(struct lh_hdr *into, const struct lh_hdr *from);

/* The counts from slot 0 to the last used one as zigzag varints, a negative number standing for that many zeros: the body
 * of a V2 payload. A histogram with no slot in use gives one zero, as the reference does. `out` is unchanged on failure. */
int lh_hdr_counts_encode(const struct lh_hdr *h, struct lh_buf *out);
/* Adds such a body to h. min, max and sum follow from the slots; slots above LH_HDR_HIGHEST_US count as overflow. */
int lh_hdr_counts_decode(struct lh_hdr *h, const uint8_t *bytes, size_t len, struct lh_err *err);

#endif
