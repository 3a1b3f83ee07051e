/* One group's numbers over one slice of time: what a worker reports, what an interval stores, what a report sums up.
 *
 * Glossary
 *   snapshot  counters are what was added in the slice, gauges what held at its end, histograms what was recorded in it
 *   tally     endings of one kind (stage, reason, code, text) with their number
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

struct lh_snapshot {
  uint64_t counters[LH_COUNTER_COUNT];
  uint64_t gauges[LH_GAUGE_COUNT];
  struct lh_hdr hists[LH_HIST_COUNT];
  struct lh_tally *tallies; /* owned; at most LH_TALLY_MAX */
  uint32_t tally_count, tally_room;
  uint64_t tallies_folded;  /* endings whose text was replaced by "" since the table was full; still counted */
};

void lh_snapshot_init(struct lh_snapshot *s);
void lh_snapshot_free(struct lh_snapshot *s);
/* Zeroes counters, histograms and tallies, keeps gauges and memory: the start of the next slice. */
void lh_snapshot_next(struct lh_snapshot *s);

/* Adds one ending to the tallies (not to the counters: those are the engine's). With no memory or a full table the text is
 * folded, so that the count is never lost (one slot for each (stage, reason) is always there). */
void lh_snapshot_tally(struct lh_snapshot *s, const struct lh_ending *ending);

int lh_snapshot_merge_later(struct lh_snapshot *into, const struct lh_snapshot *later);     /* same clients */
int lh_snapshot_merge_beside(struct lh_snapshot *into, const struct lh_snapshot *beside);   /* other clients */

/* A compact frame for another process of the same version; zero counters and empty histograms cost almost nothing.
 * Decoding checks everything: -EBADMSG with a sentence. */
int lh_snapshot_encode(const struct lh_snapshot *s, struct lh_buf *out);
int lh_snapshot_decode(struct lh_snapshot *s, struct lh_cursor *in, struct lh_err *err);

/* Whether the books of counters.h balance, given the totals of all slices so far merged with merge_later.
 * 0, or -EPROTO with the first equation that does not hold and both sides. */
int lh_snapshot_check(const struct lh_snapshot *total, struct lh_err *err);

#endif
