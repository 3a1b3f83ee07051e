/* Fails the first allocation, then the second, and so on, until a step passes untouched; after each failure what was there
 * before must be as it was, and no count may be lost. For tests/integration/test_no_memory.py, which compiles the rooms so
 * that their malloc, calloc and realloc are the ones below. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/plan/template.h"
#include "longhaul/stats/snapshot.h"

void *scarce_malloc(size_t size);
void *scarce_calloc(size_t count, size_t size);
void *scarce_realloc(void *old, size_t size);

static long left = -1; /* allocations until the failing one; -1: none fails */
static int from_then_on, failed_one;

static int fails(void) {
  if (left < 0) return 0;
  if (left > 0) {
    left--;
    return 0;
  }
  failed_one = 1;
  if (!from_then_on) left = -1;
  return 1;
}

void *scarce_malloc(size_t size) {
  return fails() ? NULL : malloc(size);
}

void *scarce_calloc(size_t count, size_t size) {
  return fails() ? NULL : calloc(count, size);
}

void *scarce_realloc(void *old, size_t size) {
  return fails() ? NULL : realloc(old, size);
}

#define CHECK(holds)                                                                                                           \
  do {                                                                                                                         \
    if (!(holds)) {                                                                                                            \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                                               \
      exit(1);                                                                                                                 \
    }                                                                                                                          \
  } while (0)

static uint64_t hdr_total(const struct lh_hdr *h) {
  uint64_t total = h->overflow;
  for (int p = 0; p < LH_HDR_PAGES; p++)
    for (int i = 0; h->pages[p] && i < LH_HDR_PAGE_SLOTS; i++) total += h->pages[p][i];
  return total;
}

static void fill_hdr(struct lh_hdr *h) {
  for (uint64_t value = 1; value < LH_HDR_HIGHEST_US; value *= 3) lh_hdr_record(h, value);
}

static uint64_t tally_total(const struct lh_snapshot *s) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < s->tally_count; i++) total += s->tallies[i].count;
  for (int stage = 0; stage < LH_STAGE_COUNT; stage++)
    for (int reason = 0; reason < LH_REASON_COUNT; reason++) total += s->rest[stage][reason].count;
  return total;
}

static void fill_tallies(struct lh_snapshot *s, int endings) {
  for (int i = 0; i < endings; i++) {
    struct lh_ending e = {.stage = (uint8_t)(i % 3 + 2), .reason = (uint8_t)(i % 5), .code = i % 7, .at_ns = 1 + (uint64_t)i};
    snprintf(e.text, sizeof e.text, "text %d", i % 11);
    lh_snapshot_tally(s, &e);
  }
}

/* ---- steps: each runs with a failing allocation in force, and checks what must hold ---- */

static void recording(void) {
  struct lh_hdr h = LH_HDR_INIT, whole = LH_HDR_INIT;
  fill_hdr(&h);
  left = -1;
  fill_hdr(&whole);
  CHECK(h.count + h.lost == whole.count);
  CHECK(hdr_total(&h) == h.count);
  CHECK((h.lost > 0) == failed_one);
  lh_hdr_free(&h);
  lh_hdr_free(&whole);
}

static void merging(void) {
  long kept = left;
  left = -1;
  struct lh_hdr from = LH_HDR_INIT, into = LH_HDR_INIT;
  fill_hdr(&from);
  lh_hdr_record(&into, 7);
  left = kept;
  int result = lh_hdr_merge(&into, &from);
  left = -1;
  CHECK(result == (failed_one ? -ENOMEM : 0));
  CHECK(hdr_total(&into) == into.count && into.count == (failed_one ? 1 : 1 + from.count));
  lh_hdr_free(&from);
  lh_hdr_free(&into);
}

static void coding(int compressed) {
  long kept = left;
  left = -1;
  struct lh_hdr h = LH_HDR_INIT, back = LH_HDR_INIT;
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  struct lh_err err = {0};
  fill_hdr(&h);
  left = kept;
  int result = compressed ? lh_hdr_encode_compressed(&h, &out) : lh_hdr_encode(&h, &out);
  CHECK(result == (failed_one ? -ENOMEM : 0));
  CHECK(!failed_one || out.len == 0);
  if (result == 0) {
    result = lh_hdr_decode(&back, out.data, out.len, &err);
    CHECK(result == (failed_one ? -ENOMEM : 0));
    CHECK(back.count == (failed_one ? 0 : h.count) && hdr_total(&back) == back.count);
    CHECK(!failed_one || strstr(err.text, "no memory"));
  }
  left = -1;
  lh_hdr_free(&h);
  lh_hdr_free(&back);
  lh_buf_free(&out);
}

static void coding_plain(void) {
  coding(0);
}

static void coding_compressed(void) {
  coding(1);
}

static void tallying(void) {
  struct lh_snapshot s, back, sum;
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  lh_snapshot_init(&s);
  lh_snapshot_init(&back);
  lh_snapshot_init(&sum);
  fill_tallies(&s, 200);
  left = -1;
  CHECK(tally_total(&s) == 200);
  CHECK(lh_snapshot_encode(&s, &out) == 0);
  struct lh_cursor in = {.at = (uint8_t *)out.data, .end = (uint8_t *)out.data + out.len};
  CHECK(lh_snapshot_decode(&back, &in, NULL) == 0);
  CHECK(lh_snapshot_merge_later(&sum, &s) == 0);
  uint64_t rows = 0, summed = 0;
  for (uint32_t i = 0; i < back.tally_count; i++) rows += back.tallies[i].count;
  for (uint32_t i = 0; i < sum.tally_count; i++) summed += sum.tallies[i].count;
  CHECK(rows == 200 && summed == 200); /* what had no row has one now */
  CHECK(back.tallies_folded == s.tallies_folded && sum.tallies_folded == s.tallies_folded);
  lh_snapshot_free(&s);
  lh_snapshot_free(&back);
  lh_snapshot_free(&sum);
  lh_buf_free(&out);
}

static void merging_snapshots(void) {
  long kept = left;
  left = -1;
  struct lh_snapshot into, from;
  lh_snapshot_init(&into);
  lh_snapshot_init(&from);
  fill_tallies(&into, 10);
  fill_tallies(&from, 300);
  fill_hdr(&from.hists[LH_HIST_response]);
  fill_hdr(&from.hists[LH_HIST_rtt]);
  from.counters[LH_COUNTER_ended] = 300;
  from.gauges[LH_GAUGE_open] = 5;
  left = kept;
  int result = lh_snapshot_merge_beside(&into, &from);
  left = -1;
  CHECK(result == (failed_one ? -ENOMEM : 0));
  CHECK(tally_total(&into) == (failed_one ? 10 : 310));
  CHECK(into.counters[LH_COUNTER_ended] == (failed_one ? 0 : 300) && into.gauges[LH_GAUGE_open] == (failed_one ? 0 : 5));
  CHECK(into.hists[LH_HIST_response].count == (failed_one ? 0 : from.hists[LH_HIST_response].count));
  lh_snapshot_free(&into);
  lh_snapshot_free(&from);
}

static void coding_snapshots(void) {
  long kept = left;
  left = -1;
  struct lh_snapshot s, back;
  struct lh_buf out = LH_BUF_INIT(1 << 20);
  struct lh_err err = {0};
  lh_snapshot_init(&s);
  lh_snapshot_init(&back);
  fill_tallies(&s, 300);
  fill_tallies(&back, 4);
  fill_hdr(&s.hists[LH_HIST_response]);
  left = kept;
  int result = lh_snapshot_encode(&s, &out);
  CHECK(result == (failed_one ? -ENOMEM : 0) && (!failed_one || out.len == 0));
  if (result == 0) {
    struct lh_cursor in = {.at = (uint8_t *)out.data, .end = (uint8_t *)out.data + out.len};
    result = lh_snapshot_decode(&back, &in, &err);
    CHECK(result == (failed_one ? -ENOMEM : 0));
    CHECK(tally_total(&back) == (failed_one ? 4 : 300));
  }
  left = -1;
  lh_snapshot_free(&s);
  lh_snapshot_free(&back);
  lh_buf_free(&out);
}

static void compiling(void) {
  static const char text[] = "a ${token} ${seq} ${seq} ${seq} ${uuid} b ${rand:1..2} c ${client} d ${group}";
  struct lh_template *t = NULL;
  struct lh_err err = {0};
  int result = lh_template_compile(text, strlen(text), &t, &err);
  CHECK(result == (failed_one ? -ENOMEM : 0) && (t == NULL) == failed_one);
  lh_template_free(t);
  t = NULL;
  int before = failed_one;
  result = lh_template_fill(100, &t, &err);
  CHECK((result == -ENOMEM) == (failed_one && (!before || from_then_on)) && (t == NULL) == (result != 0));
  left = -1;
  lh_template_free(t);
}

/* Every allocation of the step once alone, and once with all that follow it. Returns how many there were. */
static long torture(void (*step)(void)) {
  for (from_then_on = 0; from_then_on < 2; from_then_on++) {
    for (long n = 0;; n++) {
      left = n;
      failed_one = 0;
      step();
      left = -1;
      if (failed_one) continue;
      if (from_then_on) return n;
      break;
    }
  }
  return 0;
}

int main(void) {
  static const struct {
    const char *name;
    void (*step)(void);
  } steps[] = {
      {"recording", recording},
      {"merging", merging},
      {"coding_plain", coding_plain},
      {"coding_compressed", coding_compressed},
      {"tallying", tallying},
      {"merging_snapshots", merging_snapshots},
      {"coding_snapshots", coding_snapshots},
      {"compiling", compiling},
  };
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) printf("%s %ld\n", steps[i].name, torture(steps[i].step));
  return 0;
}
