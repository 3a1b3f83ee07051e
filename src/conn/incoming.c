/* Following a sequence: which numbers came, and which are missing. */
#include "longhaul/conn/incoming.h"

#include <string.h>

/* ---- holes ---- */

static void remove_hole(struct lh_incoming *in, unsigned at) {
  memmove(&in->holes[at], &in->holes[at + 1], (in->hole_count - at - 1u) * sizeof *in->holes);
  in->hole_count--;
}

/* The lowest one makes room. */
static void forget_lowest(struct lh_incoming *in) {
  uint64_t last = in->holes[0].first + in->holes[0].count - 1;
  if (last > in->forgotten) in->forgotten = last;
  remove_hole(in, 0);
}

static void insert_hole(struct lh_incoming *in, unsigned at, struct lh_incoming_hole hole) {
  if (in->hole_count == LH_INCOMING_HOLES_MAX) {
    uint64_t last = hole.first + hole.count - 1;
    if (at == 0) { /* it is the lowest itself */
      if (last > in->forgotten) in->forgotten = last;
      return;
    }
    forget_lowest(in);
    at--;
  }
  memmove(&in->holes[at + 1], &in->holes[at], (in->hole_count - at) * sizeof *in->holes);
  in->holes[at] = hole;
  in->hole_count++;
}

/* The number came after all: its hole shrinks, goes away or is parted in two. */
static void fill(struct lh_incoming *in, unsigned at, uint64_t number) {
  struct lh_incoming_hole *hole = &in->holes[at];
  const struct lh_incoming_hole was = *hole;
  uint32_t before = (uint32_t)(number - was.first), behind = was.count - before - 1;
  if (!before && !behind) {
    remove_hole(in, at);
  } else if (!before) {
    hole->first++;
    hole->count--;
  } else {
    hole->count = before;
    if (behind) insert_hole(in, at + 1, (struct lh_incoming_hole){number + 1, behind, was.away});
  }
}

/* ---- numbers ---- */

static struct lh_incoming_verdict begin(struct lh_incoming *in, uint64_t number, enum lh_incoming_what what) {
  *in = (struct lh_incoming){.low = number, .high = number, .begun = true, .silent = in->silent};
  return (struct lh_incoming_verdict){.what = what};
}

static struct lh_incoming_verdict take_higher(struct lh_incoming *in, uint64_t number) {
  const uint64_t left_out = number - in->high - 1;
  const bool away = in->away;
  if (left_out > LH_INCOMING_JUMP_MAX) return begin(in, number, LH_INCOMING_RESTART);
  if (left_out) insert_hole(in, in->hole_count, (struct lh_incoming_hole){in->high + 1, (uint32_t)left_out, away});
  in->high = number;
  in->away = false;
  if (!left_out) return (struct lh_incoming_verdict){.what = LH_INCOMING_NEXT};
  return (struct lh_incoming_verdict){away ? LH_INCOMING_MISSED_AWAY : LH_INCOMING_SKIPPED, left_out};
}

/* The sequence began before what was thought its first number: those from here on were left out, this one among them. */
static struct lh_incoming_verdict take_before_first(struct lh_incoming *in, uint64_t number) {
  const uint64_t left_out = in->low - number;
  if (left_out > LH_INCOMING_JUMP_MAX) return begin(in, number, LH_INCOMING_RESTART);
  if (left_out > 1) insert_hole(in, 0, (struct lh_incoming_hole){.first = number + 1, .count = (uint32_t)left_out - 1});
  in->low = number;
  return (struct lh_incoming_verdict){LH_INCOMING_OUT_OF_ORDER, left_out};
}

static struct lh_incoming_verdict take_between(struct lh_incoming *in, uint64_t number) {
  for (unsigned i = 0; i < in->hole_count; i++) {
    const struct lh_incoming_hole hole = in->holes[i];
    if (number < hole.first || number - hole.first >= hole.count) continue;
    fill(in, i, number);
    return (struct lh_incoming_verdict){.what = hole.away ? LH_INCOMING_CAUGHT_UP : LH_INCOMING_OUT_OF_ORDER};
  }
  return (struct lh_incoming_verdict){.what = number <= in->forgotten ? LH_INCOMING_UNDECIDED : LH_INCOMING_DUPLICATE};
}

/* A number of few bytes begins anew at 0 when these are used up (serial numbers, RFC 1982): it is taken for the one nearest
 * to the highest so far. The first is placed one round up, so that there is room below it. */
static uint64_t unwrap(const struct lh_incoming *in, const struct lh_locator *place, uint64_t number) {
  if (place->kind != LH_LOCATOR_BYTES || place->width >= sizeof number) return number;
  const uint64_t round = UINT64_C(1) << 8 * place->width;
  if (!in->begun) return number + round;
  uint64_t ahead = (number - in->high) & (round - 1);
  return ahead < round / 2 || in->high < round - ahead ? in->high + ahead : in->high - (round - ahead);
}

void lh_incoming_opened(struct lh_incoming *in, const struct lh_incoming_config *config) {
  if (config->by_client)
    in->away = in->fresh = in->begun;
  else
    *in = (struct lh_incoming){0};
  in->silent = false;
}

struct lh_incoming_verdict lh_incoming_take(struct lh_incoming *in, const struct lh_incoming_config *config, uint64_t number) {
  const bool fresh = in->fresh;
  number = unwrap(in, &config->sequence, number);
  in->fresh = false;
  if (!in->begun) return begin(in, number, LH_INCOMING_NEXT);
  if (number > in->high) return take_higher(in, number);
  if (fresh && number <= in->low && number < in->high) return begin(in, number, LH_INCOMING_RESTART);
  return number < in->low ? take_before_first(in, number) : take_between(in, number);
}
