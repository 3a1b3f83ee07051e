/* The frame, in varints: what is zero takes no byte.
 *
 *   u8 form, counters, gauges, histograms, tallies, rests, folded
 *   counters, gauges   number of those not zero; for each: how many numbers are skipped, value
 *   histograms         number of those in use; for each: skipped, count, overflow, lost; when count > 0: min, max - min,
 *                      sum (8 bytes of double), length, counts as in HdrHistogram V2
 *   tallies            number; for each: u8 stage, u8 reason, zigzag code, length, text, count, first, last - first
 *   rests              number; for each: u8 stage, u8 reason, count, first, last - first
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/stats/snapshot.h"
#include "stats/hdr_pages.h"
#include "stats/tally.h"
#include "stats/varint.h"

enum { FORM = 1 };

/* ---- encoding: the first failure is kept, and what follows writes nothing ---- */

struct writer {
  struct lh_buf *out;
  int failed;
};

static void put_u8(struct writer *w, uint8_t value) {
  if (!w->failed) w->failed = lh_buf_addu8(w->out, value);
}

static void put_u64(struct writer *w, uint64_t value) {
  if (!w->failed) w->failed = lh_buf_addu64(w->out, value);
}

static void put(struct writer *w, uint64_t value) {
  if (!w->failed) w->failed = varint_add(w->out, value);
}

static void put_bytes(struct writer *w, const void *bytes, size_t len) {
  put(w, len);
  if (!w->failed) w->failed = lh_buf_add(w->out, bytes, len);
}

static void put_values(struct writer *w, const uint64_t *values, uint32_t count) {
  uint32_t used = 0, next = 0;
  for (uint32_t i = 0; i < count; i++) used += values[i] != 0;
  put(w, used);
  for (uint32_t i = 0; i < count; i++) {
    if (values[i] == 0) continue;
    put(w, i - next);
    put(w, values[i]);
    next = i + 1;
  }
}

static void put_hist(struct writer *w, const struct lh_hdr *h, struct lh_buf *counts) {
  put(w, h->count);
  put(w, h->overflow);
  put(w, h->lost);
  if (h->count == 0) return;
  uint64_t sum_bits;
  memcpy(&sum_bits, &h->sum_us, sizeof sum_bits);
  put(w, h->min_us);
  put(w, h->max_us - h->min_us);
  put_u64(w, sum_bits);
  lh_buf_reset(counts);
  if (!w->failed) w->failed = lh_hdr_counts_encode(h, counts);
  put_bytes(w, counts->data, counts->len);
}

static bool hist_in_use(const struct lh_hdr *h) {
  return h->count || h->lost;
}

static void put_hists(struct writer *w, const struct lh_snapshot *s) {
  struct lh_buf counts = LH_BUF_INIT(HDR_SLOTS * HDR_SLOT_BYTES_MAX);
  uint32_t used = 0, next = 0;
  for (uint32_t i = 0; i < LH_HIST_COUNT; i++) used += hist_in_use(&s->hists[i]);
  put(w, used);
  for (uint32_t i = 0; i < LH_HIST_COUNT; i++) {
    if (!hist_in_use(&s->hists[i])) continue;
    put(w, i - next);
    put_hist(w, &s->hists[i], &counts);
    next = i + 1;
  }
  lh_buf_free(&counts);
}

static void put_span(struct writer *w, uint64_t count, uint64_t first_ns, uint64_t last_ns) {
  put(w, count);
  put(w, first_ns);
  put(w, last_ns - first_ns);
}

static void put_tallies(struct writer *w, const struct lh_snapshot *s) {
  put(w, s->tally_count);
  for (uint32_t i = 0; i < s->tally_count; i++) {
    const struct lh_tally *row = &s->tallies[i];
    put_u8(w, row->stage);
    put_u8(w, row->reason);
    put(w, zigzag(row->code));
    put_bytes(w, row->text, strlen(row->text));
    put_span(w, row->count, row->first_ns, row->last_ns);
  }
}

static void put_rests(struct writer *w, const struct lh_snapshot *s) {
  uint32_t used = 0;
  for (int stage = 0; stage < LH_STAGE_COUNT; stage++)
    for (int reason = 0; reason < LH_REASON_COUNT; reason++) used += s->rest[stage][reason].count > 0;
  put(w, used);
  for (int stage = 0; used && stage < LH_STAGE_COUNT; stage++) {
    for (int reason = 0; reason < LH_REASON_COUNT; reason++) {
      const struct lh_tally_rest *rest = &s->rest[stage][reason];
      if (rest->count == 0) continue;
      put_u8(w, (uint8_t)stage);
      put_u8(w, (uint8_t)reason);
      put_span(w, rest->count, rest->first_ns, rest->last_ns);
    }
  }
}

int lh_snapshot_encode(const struct lh_snapshot *s, struct lh_buf *out) {
  size_t before = out->len;
  struct writer w = {.out = out};
  put_u8(&w, FORM);
  put_values(&w, s->counters, LH_COUNTER_COUNT);
  put_values(&w, s->gauges, LH_GAUGE_COUNT);
  put_hists(&w, s);
  put_tallies(&w, s);
  put_rests(&w, s);
  put(&w, s->tallies_folded);
  if (w.failed) {
    out->len = before;
    if (out->data) out->data[before] = 0;
  }
  return w.failed;
}

/* ---- decoding ---- */

static int cut_short(struct lh_err *err) {
  return lh_err_set(err, -EBADMSG, "the snapshot is cut short");
}

/* A number of things of which there can be at most `most`. */
static int take_number(struct lh_cursor *in, uint64_t most, const char *what, uint32_t *number, struct lh_err *err) {
  uint64_t value = varint_take(in);
  if (in->failed) return cut_short(err);
  if (value > most)
    return lh_err_set(err, -EBADMSG, "the snapshot speaks of %" PRIu64 " %s, but there can be at most %" PRIu64, value, what,
                      most);
  *number = (uint32_t)value;
  return 0;
}

/* The next number of a rising row: *next is the least it can be, and becomes one more than it. */
static int take_id(struct lh_cursor *in, uint32_t count, const char *what, uint32_t *next, struct lh_err *err) {
  uint32_t skipped = 0;
  if (*next >= count)
    return lh_err_set(err, -EBADMSG, "the snapshot has %s after the last one known, %" PRIu32, what, count - 1);
  int failed = take_number(in, count - 1 - *next, what, &skipped, err);
  if (!failed) *next += skipped + 1;
  return failed;
}

static int take_values(struct lh_cursor *in, uint64_t *values, uint32_t count, const char *what, struct lh_err *err) {
  uint32_t used = 0, next = 0;
  int failed = take_number(in, count, what, &used, err);
  for (uint32_t i = 0; !failed && i < used; i++) {
    failed = take_id(in, count, what, &next, err);
    if (!failed) values[next - 1] = varint_take(in);
  }
  return failed;
}

/* What the slots alone say (in `h` after decoding them) must agree with what is sent beside them. */
static int check_hist(const struct lh_hdr *h, const struct lh_hdr *sent, const char *name, struct lh_err *err) {
  double count = (double)sent->count, slack = 1e-6; /* of rounding while the sum grew past 2^53 */
  if (h->overflow) return lh_err_set(err, -EBADMSG, "the snapshot's histogram %s has counts in slots above the highest", name);
  if (sent->count - sent->overflow != h->count || sent->overflow > sent->count)
    return lh_err_set(err, -EBADMSG,
                      "the snapshot's histogram %s says %" PRIu64 " values, %" PRIu64
                      " of them overflow, but its slots hold %" PRIu64,
                      name, sent->count, sent->overflow, h->count);
  uint64_t least = h->count ? lh_hdr_slot_low(lh_hdr_slot(sent->min_us)) : sent->min_us;
  uint64_t most = sent->overflow ? sent->max_us : lh_hdr_slot_high(lh_hdr_slot(sent->max_us));
  bool min_fits = h->count ? least == h->min_us : sent->min_us > LH_HDR_HIGHEST_US;
  bool max_fits = sent->overflow ? most > LH_HDR_HIGHEST_US : most == h->max_us;
  if (!min_fits || !max_fits || sent->max_us < sent->min_us)
    return lh_err_set(err, -EBADMSG,
                      "the snapshot's histogram %s says %" PRIu64 " to %" PRIu64 " us, but its slots go from %" PRIu64
                      " to %" PRIu64,
                      name, sent->min_us, sent->max_us, h->min_us, h->max_us);
  if (!(sent->sum_us >= count * (double)sent->min_us * (1 - slack) &&
        sent->sum_us <= count * (double)sent->max_us * (1 + slack)))
    return lh_err_set(err, -EBADMSG, "the snapshot's histogram %s has a sum of %g us, which its values cannot have", name,
                      sent->sum_us);
  return 0;
}

static int take_hist(struct lh_cursor *in, struct lh_hdr *h, const char *name, struct lh_err *err) {
  struct lh_hdr sent = LH_HDR_INIT;
  sent.count = varint_take(in);
  sent.overflow = varint_take(in);
  h->lost = varint_take(in);
  if (in->failed) return cut_short(err);
  if (sent.count == 0) {
    if (sent.overflow) return lh_err_set(err, -EBADMSG, "the snapshot's histogram %s has overflow but no values", name);
    return 0;
  }
  sent.min_us = varint_take(in);
  sent.max_us = sent.min_us + varint_take(in);
  uint64_t sum_bits = lh_cursor_u64(in), len = varint_take(in);
  memcpy(&sent.sum_us, &sum_bits, sizeof sum_bits);
  const void *counts = lh_cursor_bytes(in, len);
  if (in->failed) return cut_short(err);
  int failed = lh_hdr_counts_decode(h, counts, len, err);
  if (!failed) failed = check_hist(h, &sent, name, err);
  if (failed) return failed;
  h->count = sent.count;
  h->overflow = sent.overflow;
  h->min_us = sent.min_us;
  h->max_us = sent.max_us;
  h->sum_us = sent.sum_us;
  return 0;
}

static int take_hists(struct lh_cursor *in, struct lh_snapshot *s, struct lh_err *err) {
  uint32_t used = 0, next = 0;
  int failed = take_number(in, LH_HIST_COUNT, "histograms", &used, err);
  for (uint32_t i = 0; !failed && i < used; i++) {
    failed = take_id(in, LH_HIST_COUNT, "histograms", &next, err);
    if (!failed) failed = take_hist(in, &s->hists[next - 1], lh_hist_name((enum lh_hist_id)(next - 1)), err);
  }
  return failed;
}

static int take_kind(struct lh_cursor *in, struct lh_tally *row, struct lh_err *err) {
  row->stage = lh_cursor_u8(in);
  row->reason = lh_cursor_u8(in);
  if (row->stage >= LH_STAGE_COUNT || row->reason >= LH_REASON_COUNT)
    return lh_err_set(err, -EBADMSG, "the snapshot has an ending of stage %d and reason %d; they end at %d and %d", row->stage,
                      row->reason, LH_STAGE_COUNT - 1, LH_REASON_COUNT - 1);
  return 0;
}

static int take_text(struct lh_cursor *in, struct lh_tally *row, struct lh_err *err) {
  int64_t code = unzigzag(varint_take(in));
  uint32_t len = 0;
  int failed = take_number(in, sizeof row->text - 1, "bytes in the text of an ending", &len, err);
  if (failed) return failed;
  const void *text = lh_cursor_bytes(in, len);
  if (!text) return cut_short(err);
  if (code < INT32_MIN || code > INT32_MAX)
    return lh_err_set(err, -EBADMSG, "the snapshot has an ending with code %" PRId64 ", which takes more than 32 bits", code);
  if (memchr(text, 0, len)) return lh_err_set(err, -EBADMSG, "the snapshot has an ending with a zero byte in its text");
  row->code = (int32_t)code;
  memcpy(row->text, text, len);
  return 0;
}

static int take_span(struct lh_cursor *in, struct lh_tally *row, struct lh_err *err) {
  row->count = varint_take(in);
  row->first_ns = varint_take(in);
  row->last_ns = row->first_ns + varint_take(in);
  if (in->failed) return cut_short(err);
  if (row->count == 0 || row->last_ns < row->first_ns)
    return lh_err_set(err, -EBADMSG,
                      "the snapshot has %" PRIu64 " endings of one kind, the first at %" PRIu64 " ns and the last at %" PRIu64
                      " ns",
                      row->count, row->first_ns, row->last_ns);
  return 0;
}

static int take_tallies(struct lh_cursor *in, struct lh_snapshot *s, struct lh_err *err) {
  uint32_t count = 0;
  int failed = take_number(in, LH_TALLY_MAX, "kinds of endings", &count, err);
  if (!failed && lh_tally_reserve(s, count)) return lh_err_set(err, -ENOMEM, "no memory for a snapshot's endings");
  for (uint32_t i = 0; !failed && i < count; i++) {
    struct lh_tally row = {0};
    failed = take_kind(in, &row, err);
    if (!failed) failed = take_text(in, &row, err);
    if (!failed) failed = take_span(in, &row, err);
    if (failed) return failed;
    if (i > 0 && lh_tally_compare(&s->tallies[i - 1], &row) >= 0)
      return lh_err_set(err, -EBADMSG, "the snapshot's endings are out of order at number %" PRIu32, i);
    if (lh_tally_is_full_for(s, &row))
      return lh_err_set(err, -EBADMSG, "the snapshot has more texts or codes of endings than a table can hold");
    lh_tally_add(s, row);
  }
  return failed;
}

static int take_rests(struct lh_cursor *in, struct lh_snapshot *s, struct lh_err *err) {
  uint32_t count = 0;
  int failed = take_number(in, TALLY_PLAIN_MAX, "endings without a row", &count, err);
  if (!failed && lh_tally_reserve(s, count)) return lh_err_set(err, -ENOMEM, "no memory for a snapshot's endings");
  for (uint32_t i = 0; !failed && i < count; i++) {
    struct lh_tally row = {0};
    failed = take_kind(in, &row, err);
    if (!failed) failed = take_span(in, &row, err);
    if (!failed) lh_tally_add(s, row);
  }
  return failed;
}

static int take_all(struct lh_cursor *in, struct lh_snapshot *s, struct lh_err *err) {
  uint8_t form = lh_cursor_u8(in);
  if (in->failed) return cut_short(err);
  if (form != FORM) return lh_err_set(err, -EBADMSG, "the snapshot has form %d, expected %d", form, FORM);
  int failed = take_values(in, s->counters, LH_COUNTER_COUNT, "counters", err);
  if (!failed) failed = take_values(in, s->gauges, LH_GAUGE_COUNT, "gauges", err);
  if (!failed) failed = take_hists(in, s, err);
  if (!failed) failed = take_tallies(in, s, err);
  if (!failed) failed = take_rests(in, s, err);
  s->tallies_folded += varint_take(in);
  return !failed && in->failed ? cut_short(err) : failed;
}

int lh_snapshot_decode(struct lh_snapshot *s, struct lh_cursor *in, struct lh_err *err) {
  struct lh_snapshot taken;
  lh_snapshot_init(&taken);
  int failed = take_all(in, &taken, err);
  if (failed) {
    lh_snapshot_free(&taken);
    return failed;
  }
  lh_snapshot_free(s);
  *s = taken;
  return 0;
}
