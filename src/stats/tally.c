#include "stats/tally.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(int64_t a, int64_t b) {
  return (a > b) - (a < b);
}

int lh_tally_compare(const struct lh_tally *a, const struct lh_tally *b) {
  int order = compare_numbers(a->stage, b->stage);
  if (!order) order = compare_numbers(a->reason, b->reason);
  if (!order) order = compare_numbers(a->code, b->code);
  return order ? order : strcmp(a->text, b->text);
}

/* The row with this key, or where it belongs. */
static uint32_t find(const struct lh_snapshot *s, const struct lh_tally *row, bool *found) {
  uint32_t low = 0, high = s->tally_count;
  *found = false;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = lh_tally_compare(&s->tallies[middle], row);
    if (order == 0) *found = true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool lh_tally_is_full_for(const struct lh_snapshot *s, const struct lh_tally *row) {
  if (!row->text[0] && row->code == 0) return false;
  uint32_t texts = 0, codes = 0;
  for (uint32_t i = 0; i < s->tally_count; i++) {
    if (s->tallies[i].text[0])
      texts++;
    else if (s->tallies[i].code)
      codes++;
  }
  return row->text[0] ? texts >= TALLY_TEXT_MAX : codes >= TALLY_CODE_MAX;
}

int lh_tally_reserve(struct lh_snapshot *s, uint32_t more) {
  uint32_t need = more > LH_TALLY_MAX - s->tally_count ? LH_TALLY_MAX : s->tally_count + more;
  if (need <= s->tally_room) return 0;
  uint32_t room = s->tally_room ? s->tally_room : 4;
  while (room < need) room *= 2;
  if (room > LH_TALLY_MAX) room = LH_TALLY_MAX;
  struct lh_tally *rows = realloc(s->tallies, room * sizeof *rows);
  if (!rows) return -ENOMEM;
  s->tallies = rows;
  s->tally_room = room;
  return 0;
}

static void add_to(struct lh_tally *into, const struct lh_tally *row) {
  into->count += row->count;
  if (row->first_ns < into->first_ns) into->first_ns = row->first_ns;
  if (row->last_ns > into->last_ns) into->last_ns = row->last_ns;
}

void lh_tally_add(struct lh_snapshot *s, struct lh_tally row) {
  bool found, folded = false;
  uint32_t at = find(s, &row, &found);
  while (!found && lh_tally_is_full_for(s, &row)) {
    if (row.text[0])
      memset(row.text, 0, sizeof row.text);
    else
      row.code = 0;
    folded = true;
    at = find(s, &row, &found);
  }
  if (folded) s->tallies_folded += row.count;
  if (found) {
    add_to(&s->tallies[at], &row);
    return;
  }
  assert(s->tally_count < s->tally_room);
  memmove(&s->tallies[at + 1], &s->tallies[at], (s->tally_count - at) * sizeof row);
  s->tallies[at] = row;
  s->tally_count++;
}

static void rest_add(struct lh_snapshot *s, const struct lh_tally *row) {
  struct lh_tally_rest *rest = &s->rest[row->stage][row->reason];
  if (rest->count == 0 || row->first_ns < rest->first_ns) rest->first_ns = row->first_ns;
  if (row->last_ns > rest->last_ns) rest->last_ns = row->last_ns;
  rest->count += row->count;
  if (row->code || row->text[0]) s->tallies_folded += row->count;
}

void lh_snapshot_tally_n(struct lh_snapshot *s, const struct lh_ending *ending, uint64_t count) {
  if (count == 0) return;
  assert(ending->stage < LH_STAGE_COUNT && ending->reason < LH_REASON_COUNT);
  struct lh_tally row = {.stage = ending->stage,
                         .reason = ending->reason,
                         .code = ending->code,
                         .count = count,
                         .first_ns = ending->at_ns,
                         .last_ns = ending->at_ns};
  memcpy(row.text, ending->text, strnlen(ending->text, sizeof row.text - 1));
  bool found;
  uint32_t at = find(s, &row, &found);
  if (found)
    add_to(&s->tallies[at], &row);
  else if (lh_tally_reserve(s, 1) == 0)
    lh_tally_add(s, row);
  else
    rest_add(s, &row);
}

void lh_snapshot_tally(struct lh_snapshot *s, const struct lh_ending *ending) {
  lh_snapshot_tally_n(s, ending, 1);
}
