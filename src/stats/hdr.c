#include "longhaul/stats/hdr.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/hdr_pages.h"

void lh_hdr_init(struct lh_hdr *h) {
  *h = (struct lh_hdr)LH_HDR_INIT;
}

/* ---- slots ---- */

/* Values below 2048 have a slot each; above, each doubling shares 1024 slots. The bucket says how often the value is halved
 * until it fits the 2048 sub-buckets, and its upper half starts where the bucket before it ended:
 * slot = (bucket + 1) * 1024 + (value >> bucket) - 1024. */
uint32_t lh_hdr_slot(uint64_t value_us) {
  uint32_t bucket = (uint32_t)(63 - HDR_SUB_BITS - __builtin_clzll(value_us | 2047));
  return (bucket << HDR_SUB_BITS) + (uint32_t)(value_us >> bucket);
}

static uint32_t slot_bucket(uint32_t slot) {
  return slot < 2048 ? 0 : (slot >> HDR_SUB_BITS) - 1;
}

uint64_t lh_hdr_slot_low(uint32_t slot) {
  uint32_t bucket = slot_bucket(slot);
  return (uint64_t)(slot - (bucket << HDR_SUB_BITS)) << bucket;
}

uint64_t lh_hdr_slot_high(uint32_t slot) {
  return lh_hdr_slot_low(slot) + ((UINT64_C(1) << slot_bucket(slot)) - 1);
}

/* ---- recording ---- */

int lh_hdr_page_make(struct lh_hdr *h, uint32_t page) {
  if (!h->pages[page]) h->pages[page] = calloc(LH_HDR_PAGE_SLOTS, sizeof *h->pages[page]);
  return h->pages[page] ? 0 : -ENOMEM;
}

void lh_hdr_record_n(struct lh_hdr *h, uint64_t value_us, uint64_t n) {
  if (n == 0) return;
  if (value_us <= LH_HDR_HIGHEST_US) {
    uint32_t slot = lh_hdr_slot(value_us);
    uint32_t page = slot / LH_HDR_PAGE_SLOTS;
    if (__builtin_expect(!h->pages[page], 0) && lh_hdr_page_make(h, page)) {
      h->lost += n;
      return;
    }
    h->pages[page][slot % LH_HDR_PAGE_SLOTS] += n;
  } else {
    h->overflow += n;
  }
  h->count += n;
  if (value_us < h->min_us) h->min_us = value_us;
  if (value_us > h->max_us) h->max_us = value_us;
  h->sum_us += (double)value_us * (double)n;
}

void lh_hdr_record(struct lh_hdr *h, uint64_t value_us) {
  lh_hdr_record_n(h, value_us, 1);
}

/* ---- merging ---- */

static uint64_t page_sum(const uint64_t *page) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < LH_HDR_PAGE_SLOTS; i++) sum += page[i];
  return sum;
}

int lh_hdr_reserve(struct lh_hdr *into, const struct lh_hdr *from) {
  for (uint32_t p = 0; p < LH_HDR_PAGES; p++)
    if (from->pages[p] && !into->pages[p] && page_sum(from->pages[p]) && lh_hdr_page_make(into, p)) return -ENOMEM;
  return 0;
}

int lh_hdr_merge(struct lh_hdr *into, const struct lh_hdr *from) {
  int failed = lh_hdr_reserve(into, from);
  if (failed) return failed;
  for (uint32_t p = 0; p < LH_HDR_PAGES; p++) {
    if (!from->pages[p] || !into->pages[p]) continue; /* reserve left out only pages of zeros */
    for (uint32_t i = 0; i < LH_HDR_PAGE_SLOTS; i++) into->pages[p][i] += from->pages[p][i];
  }
  into->count += from->count;
  into->overflow += from->overflow;
  into->lost += from->lost;
  into->sum_us += from->sum_us;
  if (from->min_us < into->min_us) into->min_us = from->min_us;
  if (from->max_us > into->max_us) into->max_us = from->max_us;
  return 0;
}

void lh_hdr_reset(struct lh_hdr *h) {
  for (uint32_t p = 0; h->count && p < LH_HDR_PAGES; p++)
    if (h->pages[p]) memset(h->pages[p], 0, LH_HDR_PAGE_SLOTS * sizeof *h->pages[p]);
  h->count = h->overflow = h->lost = h->max_us = 0;
  h->min_us = UINT64_MAX;
  h->sum_us = 0;
}

void lh_hdr_free(struct lh_hdr *h) {
  if (!h) return;
  for (uint32_t p = 0; p < LH_HDR_PAGES; p++) free(h->pages[p]);
  lh_hdr_init(h);
}

/* ---- reading ---- */

/* The rank (1 ..) of the value that stands for the percentile. One step towards zero first, as the reference takes it: the
 * product of 16.1 and 1,000 is a little more than 16,100 in doubles, and must not become rank 162. */
static uint64_t rank_at(double percentile, uint64_t count) {
  if (percentile >= 100) return count;
  double wanted = ceil(nextafter(percentile, 0) * (double)count / 100);
  return wanted < 1 ? 1 : (uint64_t)wanted;
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

uint64_t lh_hdr_percentile(const struct lh_hdr *h, double percentile) {
  if (h->count == 0) return 0;
  if (!(percentile > 0)) return h->min_us;
  uint64_t rank = rank_at(percentile, h->count), below = 0;
  for (uint32_t p = 0; p < LH_HDR_PAGES; p++) {
    if (!h->pages[p]) continue;
    uint64_t here = page_sum(h->pages[p]);
    if (here < rank - below) {
      below += here;
      continue;
    }
    uint32_t i = 0;
    while ((below += h->pages[p][i]) < rank) i++;
    return least(lh_hdr_slot_high(p * LH_HDR_PAGE_SLOTS + i), h->max_us);
  }
  return h->max_us;
}

double lh_hdr_mean(const struct lh_hdr *h) {
  return h->count ? h->sum_us / (double)h->count : 0;
}

uint64_t lh_hdr_count_at_or_below(const struct lh_hdr *h, uint64_t value_us) {
  if (value_us >= h->max_us) return h->count;
  if (value_us > LH_HDR_HIGHEST_US) return h->count - h->overflow;
  uint32_t slot = lh_hdr_slot(value_us);
  uint64_t total = 0;
  for (uint32_t p = 0; p <= slot / LH_HDR_PAGE_SLOTS; p++) {
    if (!h->pages[p]) continue;
    uint32_t end = p == slot / LH_HDR_PAGE_SLOTS ? slot % LH_HDR_PAGE_SLOTS + 1 : LH_HDR_PAGE_SLOTS;
    for (uint32_t i = 0; i < end; i++) total += h->pages[p][i];
  }
  return total;
}

void lh_hdr_each(const struct lh_hdr *h, void (*visit)(void *context, uint32_t slot, uint64_t count), void *context) {
  for (uint32_t p = 0; p < LH_HDR_PAGES; p++)
    for (uint32_t i = 0; h->pages[p] && i < LH_HDR_PAGE_SLOTS; i++)
      if (h->pages[p][i]) visit(context, p * LH_HDR_PAGE_SLOTS + i, h->pages[p][i]);
}
