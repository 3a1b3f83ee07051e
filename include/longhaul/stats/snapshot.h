/* One group's numbers over one slice of time: what a worker reports, what an interval stores, what a report sums up.
 *
 * Glossary
 *   snapshot  counters are what was added in the slice, gauges what held at its end, histograms what was recorded in it
 *   tally     endings of one kind (stage, reason, code, text) with their number
 *   folded    when the table of tallies is full, an ending goes under its code with the text "", and when its codes are too
 *             many as well, under code 0: texts and codes are the peer's to choose, stages and reasons are ours
 *
 * Merging two slices of the same clients one after the other: counters and histograms add, gauges take the later.
 * Merging the same slice of different clients (workers, shards): all add.
 */
#ifndef LONGHAUL_STATS_SNAPSHOT_H
#define LONGHAUL_STATS_SNAPSHOT_H

#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/stats/counters.h"
#include "longhaul/stats/hdr.h"

struct lh_tally {
  uint8_t stage, reason;
  int32_t code;
  char text[LH_CLOSE_TEXT_MAX];
  uint64_t count;
  uint64_t first_ns, last_ns; /* monotonic */
};

/* Endings that found no memory for a row; encoding and merging turn them into rows with code 0 and text "". */
struct lh_tally_rest {
  uint64_t count, first_ns, last_ns;
};

struct lh_snapshot {
  uint64_t counters[LH_COUNTER_COUNT];
  uint64_t gauges[LH_GAUGE_COUNT];
  struct lh_hdr hists[LH_HIST_COUNT];
  struct lh_tally *tallies; /* owned; at most LH_TALLY_MAX, by rising stage, reason, code, text */
  uint32_t tally_count, tally_room;
  uint64_t tallies_folded;  /* endings whose text or code was left out for want of room; still counted */
  struct lh_tally_rest rest[LH_STAGE_COUNT][LH_REASON_COUNT];
};

void lh_snapshot_init(struct lh_snapshot *s);
void lh_snapshot_free(struct lh_snapshot *s); /* accepts NULL; the snapshot may be used again */
/* Zeroes counters, histograms and tallies, keeps gauges and memory: the start of the next slice. */
void lh_snapshot_next(struct lh_snapshot *s);

/* Adds one ending to the tallies (not to the counters: those are the engine's). With no memory or a full table the text is
 * folded, so that the count is never lost (one slot for each (stage, reason) is always there). */
void lh_snapshot_tally(struct lh_snapshot *s, const struct lh_ending *ending);
/* The same for `count` endings like this one; none when it is 0. */
void lh_snapshot_tally_n(struct lh_snapshot *s, const struct lh_ending *ending, uint64_t count);

/* 0 or -ENOMEM, and then the numbers of `into` are unchanged. */
int lh_snapshot_merge_later(struct lh_snapshot *into, const struct lh_snapshot *later);     /* same clients */
int lh_snapshot_merge_beside(struct lh_snapshot *into, const struct lh_snapshot *beside);   /* other clients */

/* A compact frame for another process of the same version; zero counters and empty histograms cost almost nothing.
 * Encoding appends to `out` and leaves it unchanged on failure (-ENOBUFS, -ENOMEM). Decoding replaces what the initialised
 * `s` held and checks everything: -EBADMSG with a sentence, `s` unchanged. */
int lh_snapshot_encode(const struct lh_snapshot *s, struct lh_buf *out);
int lh_snapshot_decode(struct lh_snapshot *s, struct lh_cursor *in, struct lh_err *err);

/* Whether the books of counters.h balance, subsets included, given the totals of all slices so far merged with merge_later.
 * 0, or -EPROTO with the first equation that does not hold and both sides. */
int lh_snapshot_check(const struct lh_snapshot *total, struct lh_err *err);

#endif
