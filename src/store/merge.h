/* What the files of merging share. */
#ifndef LONGHAUL_SRC_STORE_MERGE_H
#define LONGHAUL_SRC_STORE_MERGE_H

#include "longhaul/store/merge.h"
#include "longhaul/stats/snapshot.h"
#include "store/open.h"

struct lh_merge {
  struct lh_reader **readers; /* [count], by rising shard or by time: the first is what the others are held against */
  bool parts;                 /* of a run that was resumed, not shards */
  size_t count;
  struct lh_merge_notes *notes;
};

void lh_merge_note(struct lh_merge *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether they are different shards of one plan; puts them in order and notes what a reader must know. */
int lh_merge_check(struct lh_merge *m, struct lh_err *err);
/* Copies what file n tells of its host into the merged one: what it watched, this much later, and of a shard its facts and ladder.
 * Not within a transaction. Returns SQLite's code. */
int lh_merge_hosts(const struct lh_merge *m, sqlite3 *db, size_t n, uint64_t later_ns);
/* The row of table shards; `total` is the sum of all that its intervals hold. */
int lh_merge_shard(struct lh_store *store, const struct lh_reader *reader, uint32_t first_worker, const struct lh_snapshot *total,
                   struct lh_err *err);

#endif
