/* The table of endings within a snapshot: sorted rows, folded when there are too many. */
#ifndef STATS_TALLY_H
#define STATS_TALLY_H

#include "longhaul/stats/snapshot.h"

/* A row for each (stage, reason) with code 0 and no text is always to be had: that many rows are kept free for them. Of the
 * others, two thirds may carry a text, and one third a code alone, where the endings of folded texts go. */
enum {
  TALLY_PLAIN_MAX = (int)LH_STAGE_COUNT * (int)LH_REASON_COUNT,
  TALLY_TEXT_MAX = ((int)LH_TALLY_MAX - TALLY_PLAIN_MAX) * 2 / 3,
  TALLY_CODE_MAX = (int)LH_TALLY_MAX - TALLY_PLAIN_MAX - TALLY_TEXT_MAX
};
_Static_assert((int)LH_TALLY_MAX > TALLY_PLAIN_MAX, "the tallies need a row for each stage and reason, and some for texts");

/* Room for `more` rows, or for the whole table when that is less; 0 or -ENOMEM. */
int lh_tally_reserve(struct lh_snapshot *s, uint32_t more);
/* Adds the row under its own key, or folded; there must be room (lh_tally_reserve). */
void lh_tally_add(struct lh_snapshot *s, struct lh_tally row);
/* Rows by key: negative, 0 or positive, as strcmp. */
int lh_tally_compare(const struct lh_tally *a, const struct lh_tally *b);
/* Whether a new row with this key would be folded. */
bool lh_tally_is_full_for(const struct lh_snapshot *s, const struct lh_tally *row);

#endif
