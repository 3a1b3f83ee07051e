/* Shards of one run, or the parts of a run that was resumed, put together in a run file of their own.
 *
 * The shards' intervals are laid side by side by the time since each shard's own start, which is what the plan goes by:
 * counters and histograms add, gauges too (a shard that has ended keeps its last ones), endings, events and seconds come in order.
 * Host samples, what was watched, the ladder and facts are kept of every shard, each row with its number, and table shards tells how
 * each one's clients fared.
 *
 * Parts are laid one after the other by their hosts' clocks. No row stands for the time between them. What was open when a part
 * crashed is settled as `worker lost`, so that the books balance.
 */
#ifndef LONGHAUL_STORE_MERGE_H
#define LONGHAUL_STORE_MERGE_H

#include <stddef.h>

#include "longhaul/base/err.h"

enum { LH_MERGE_MAX = 1024, LH_MERGE_NOTES_MAX = 64, LH_MERGE_NOTE_BYTES = 256 };

struct lh_merge_args {
  const char *out;          /* a new file */
  const char *const *paths; /* run files of shards, in any order */
  size_t count;             /* at most LH_MERGE_MAX */
};

/* What a reader of the merged file must know; each is an event of it too. */
struct lh_merge_notes {
  char items[LH_MERGE_NOTES_MAX][LH_MERGE_NOTE_BYTES];
  size_t count;
};

/* -EINVAL with a sentence when the files are neither different shards of one plan nor parts of one run. On failure `out` is
 * not left behind. */
int lh_store_merge(const struct lh_merge_args *args, struct lh_merge_notes *notes, struct lh_err *err);

#endif
