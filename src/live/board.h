/* Totals of the run as of the last second, put together from the supervisor's ticks: what the page shows between two
 * pictures, and what the metrics are. Pure: time comes with the ticks.
 */
#ifndef LIVE_BOARD_H
#define LIVE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/live/live.h"

enum { LH_BOARD_WINDOW = 10 /* ticks that a rate and a recent percentile are taken over */ };

struct lh_board_recent {
  uint64_t counters[LH_COUNTER_COUNT];
  struct lh_hdr response;
};

struct lh_board {
  const struct lh_live_start *start;   /* borrowed */
  struct lh_live_tick tick;            /* the latest; now_ns 0: none came */
  struct lh_snapshot *totals;          /* [group], gauges as of the latest tick */
  struct lh_snapshot *added;           /* [group]: what the latest tick brought */
  struct lh_board_recent *recent;      /* [tick of the window][group] */
  uint64_t at_ns[LH_BOARD_WINDOW + 1]; /* ends of the ticks of the window; the one before it */
  uint64_t cpu_us[LH_BOARD_WINDOW + 1];
  uint64_t lag_max_us[LH_BOARD_WINDOW];
  uint32_t ticks;
};

int lh_board_open(struct lh_board *board, const struct lh_live_start *start, struct lh_err *err);
void lh_board_close(struct lh_board *board);
/* The body of LH_FRAME_LIVE_TICK. */
int lh_board_take(struct lh_board *board, struct lh_cursor *body, struct lh_err *err);
/* The message for viewers: figures of each group and of the run. */
int lh_board_message(const struct lh_board *board, struct lh_buf *out);

#endif
