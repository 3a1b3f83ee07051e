/* What the files of merging share. */
#ifndef LONGHAUL_SRC_STORE_MERGE_H
#define LONGHAUL_SRC_STORE_MERGE_H

#include "longhaul/store/merge.h"
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

#endif
