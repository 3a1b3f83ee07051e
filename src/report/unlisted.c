/* Drops that have no row in the table of endings, since it had reached its cap: mass drops must be found all the same.
 *
 * Their number is known for each tick, their reasons for each interval. A tick's drops become a row at its beginning and one at
 * its end, under the commonest reason of the interval; the tick that the last row of the table falls into is left out, since
 * some of its drops have rows. */
#include <errno.h>
#include <stdlib.h>

#include "report/gather.h"

/* The commonest kind of drop of interval i; tallies stand in order of intervals, and *at goes along with them. */
static struct lh_drop kind_of(const struct lh_lane *lane, uint32_t i, size_t *at) {
  struct lh_drop kind = {.stage = LH_STAGE_OPEN, .reason = LH_REASON_UNCLASSIFIED, .is_unlisted = true};
  uint64_t most = 0;
  while (*at < lane->tally_count && lane->tally_at[*at] < i) ++*at;
  for (size_t n = *at; n < lane->tally_count && lane->tally_at[n] == i; n++) {
    const struct lh_tally *tally = &lane->tallies[n];
    if (!lh_ending_is_drop(tally->stage, tally->reason) || tally->count <= most) continue;
    most = tally->count;
    kind.reason = tally->reason;
    kind.code = tally->code;
  }
  return kind;
}

static bool is_unlisted(const struct lh_gather *g, const struct lh_second *second) {
  return second->drops > 0 && (g->listed_until_ns == 0 || second->from_ns > g->listed_until_ns);
}

static int add_drops(const struct lh_gather *g, struct lh_lane *lane, uint64_t tick_ns) {
  size_t more = 0, at = 0;
  for (size_t n = 0; n < lane->second_count; n++) more += 2 * is_unlisted(g, &lane->seconds[n]);
  if (more == 0) return 0;
  struct lh_drop *drops = realloc(lane->drops, (lane->drop_count + more) * sizeof *drops);
  if (!drops) return -ENOMEM;
  lane->drops = drops;
  lane->drop_room = lane->drop_count + more;
  for (size_t n = 0; n < lane->second_count; n++) {
    const struct lh_second *second = &lane->seconds[n];
    if (!is_unlisted(g, second)) continue;
    struct lh_drop drop = kind_of(lane, (uint32_t)(second->from_ns / g->run->interval_ns - g->from_k), &at);
    drop.at_ns = second->from_ns;
    drop.count = (second->drops + 1) / 2;
    lane->drops[lane->drop_count++] = drop;
    if (second->drops == 1) continue;
    drop.at_ns = second->from_ns + tick_ns - 1;
    drop.count = second->drops / 2;
    lane->drops[lane->drop_count++] = drop;
  }
  return 0;
}

int lh_gather_unlisted(struct lh_gather *g) {
  if (g->run->endings_left_out == 0) return 0;
  uint64_t tick_ns = g->run->interval_ns / lh_ticks_each(g->run->interval_ns);
  for (uint32_t n = 0; n < g->group_count; n++)
    if (add_drops(g, &g->lanes[n], tick_ns)) return -ENOMEM;
  return 0;
}
