/* The wheel's lists are circular and doubly linked through one array: `count` timers, then one head for each slot, then the
 * heads of `ready` and `late`. A timer's level is that of the highest 6-bit digit in which its tick differs from the wheel's,
 * so an occupied slot always lies ahead of the wheel's own digit and all of a lower level is due before any of a higher. */
#include "longhaul/conn/wheel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "longhaul/base/clock.h"

enum {
  DIGIT_BITS = 6,
  SLOTS = 1 << DIGIT_BITS,
  LEVELS = 8, /* 48 bits of ticks hold every time: 64 - LH_WHEEL_TICK_SHIFT = 47 */
  HEADS = LEVELS * SLOTS + 2
};

struct node {
  uint64_t due_ns; /* LH_NEVER: unarmed */
  uint32_t prev, next;
};

struct lh_wheel {
  uint64_t bits[LEVELS]; /* which slots are occupied */
  uint64_t low_ns[LEVELS * SLOTS]; /* of an occupied slot: the earliest time placed there; its timer may be gone again */
  uint64_t tick;         /* all due ticks up to here have been collected */
  uint64_t late_from_ns; /* the next `now_ns` that may take late timers */
  uint32_t count;
  uint32_t ready, late; /* head nodes: due and collected; armed for a time already past */
  struct node *nodes;   /* owned */
};

static uint64_t tick_up(uint64_t ns) {
  uint64_t fraction = ns & ((UINT64_C(1) << LH_WHEEL_TICK_SHIFT) - 1);
  return (ns >> LH_WHEEL_TICK_SHIFT) + (fraction != 0);
}

static void list_clear(struct lh_wheel *w, uint32_t head) {
  w->nodes[head].prev = w->nodes[head].next = head;
}

static bool list_empty(const struct lh_wheel *w, uint32_t head) {
  return w->nodes[head].next == head;
}

static void list_append(struct lh_wheel *w, uint32_t head, uint32_t n) {
  uint32_t last = w->nodes[head].prev;
  w->nodes[n].prev = last;
  w->nodes[n].next = head;
  w->nodes[last].next = n;
  w->nodes[head].prev = n;
}

/* Moves all of `from` to the end of `to`. */
static void list_splice(struct lh_wheel *w, uint32_t to, uint32_t from) {
  if (list_empty(w, from)) return;
  uint32_t first = w->nodes[from].next, last = w->nodes[from].prev, end = w->nodes[to].prev;
  w->nodes[end].next = first;
  w->nodes[first].prev = end;
  w->nodes[last].next = to;
  w->nodes[to].prev = last;
  list_clear(w, from);
}

int lh_wheel_new(struct lh_wheel **wheel, uint32_t count, uint64_t start_ns, struct lh_err *err) {
  if (count > UINT32_MAX - HEADS - 1)
    return lh_err_set(err, EINVAL, "a timing wheel of %u timers was asked for; at most %u fit", count, UINT32_MAX - HEADS - 1);
  struct lh_wheel *w = calloc(1, sizeof *w);
  struct node *nodes = calloc((size_t)count + HEADS, sizeof *nodes);
  if (!w || !nodes) {
    free(w);
    free(nodes);
    return lh_err_set(err, ENOMEM, "no memory for a timing wheel of %u timers", count);
  }
  w->nodes = nodes;
  w->count = count;
  w->tick = start_ns >> LH_WHEEL_TICK_SHIFT;
  w->ready = count + LEVELS * SLOTS;
  w->late = w->ready + 1;
  for (uint32_t i = 0; i < count; i++) nodes[i].due_ns = LH_NEVER;
  for (uint32_t i = 0; i < HEADS; i++) list_clear(w, count + i);
  *wheel = w;
  return 0;
}

void lh_wheel_free(struct lh_wheel *wheel) {
  if (!wheel) return;
  free(wheel->nodes);
  free(wheel);
}

static void unlink_timer(struct lh_wheel *w, uint32_t timer) {
  struct node *n = &w->nodes[timer];
  w->nodes[n->prev].next = n->next;
  w->nodes[n->next].prev = n->prev;
  if (n->prev == n->next && n->prev >= w->count) {
    uint32_t slot = n->prev - w->count;
    if (slot < LEVELS * SLOTS) w->bits[slot / SLOTS] &= ~(UINT64_C(1) << (slot % SLOTS));
  }
}

/* Puts a timer, due at that tick, which lies ahead, into its slot. */
static void place(struct lh_wheel *w, uint32_t timer, uint64_t due_tick) {
  uint32_t highest = 63 - (uint32_t)__builtin_clzll(due_tick ^ w->tick);
  uint32_t level = highest / DIGIT_BITS;
  uint32_t slot = (uint32_t)(due_tick >> (level * DIGIT_BITS)) & (SLOTS - 1);
  uint64_t bit = UINT64_C(1) << slot, due_ns = w->nodes[timer].due_ns, *low_ns = &w->low_ns[level * SLOTS + slot];
  if (!(w->bits[level] & bit) || due_ns < *low_ns) *low_ns = due_ns;
  w->bits[level] |= bit;
  list_append(w, w->count + level * SLOTS + slot, timer);
}

void lh_wheel_set(struct lh_wheel *wheel, uint32_t timer, uint64_t due_ns) {
  struct node *n = &wheel->nodes[timer];
  if (n->due_ns != LH_NEVER) unlink_timer(wheel, timer);
  n->due_ns = due_ns;
  if (due_ns == LH_NEVER) return;
  uint64_t due_tick = tick_up(due_ns);
  if (due_tick <= wheel->tick)
    list_append(wheel, wheel->late, timer);
  else
    place(wheel, timer, due_tick);
}

/* The first tick of the nearest occupied slot; UINT64_MAX when there is none. */
static uint64_t nearest(const struct lh_wheel *w, uint32_t *level, uint32_t *slot) {
  for (uint32_t l = 0; l < LEVELS; l++) {
    if (!w->bits[l]) continue;
    uint32_t shift = l * DIGIT_BITS;
    *level = l;
    *slot = (uint32_t)__builtin_ctzll(w->bits[l]);
    uint64_t above = w->tick >> shift >> DIGIT_BITS;
    return (above << DIGIT_BITS | *slot) << shift;
  }
  return UINT64_MAX;
}

uint64_t lh_wheel_next_ns(const struct lh_wheel *wheel) {
  uint32_t level, slot;
  if (!list_empty(wheel, wheel->ready)) return wheel->tick << LH_WHEEL_TICK_SHIFT;
  if (!list_empty(wheel, wheel->late)) return wheel->late_from_ns;
  if (nearest(wheel, &level, &slot) == UINT64_MAX) return LH_NEVER;
  return tick_up(wheel->low_ns[level * SLOTS + slot]) << LH_WHEEL_TICK_SHIFT;
}

/* Spreads a slot over the levels below, or hands it over when its time has come. */
static void open_slot(struct lh_wheel *w, uint32_t level, uint32_t slot) {
  uint32_t head = w->count + level * SLOTS + slot;
  w->bits[level] &= ~(UINT64_C(1) << slot);
  if (level == 0) {
    list_splice(w, w->ready, head);
    return;
  }
  uint32_t timer = w->nodes[head].next;
  list_clear(w, head);
  while (timer != head) {
    uint32_t next = w->nodes[timer].next;
    uint64_t due_tick = tick_up(w->nodes[timer].due_ns);
    if (due_tick <= w->tick)
      list_append(w, w->ready, timer);
    else
      place(w, timer, due_tick);
    timer = next;
  }
}

static void collect(struct lh_wheel *w, uint64_t now_ns) {
  uint64_t now_tick = now_ns >> LH_WHEEL_TICK_SHIFT, tick;
  uint32_t level, slot;
  while ((tick = nearest(w, &level, &slot)) <= now_tick) {
    w->tick = tick;
    open_slot(w, level, slot);
  }
  if (now_tick > w->tick) w->tick = now_tick;
  list_splice(w, w->ready, w->late);
  w->late_from_ns = now_ns + 1;
}

uint32_t lh_wheel_pop(struct lh_wheel *wheel, uint64_t now_ns) {
  if (now_ns >= wheel->late_from_ns) collect(wheel, now_ns);
  if (list_empty(wheel, wheel->ready)) return UINT32_MAX;
  uint32_t timer = wheel->nodes[wheel->ready].next;
  unlink_timer(wheel, timer);
  wheel->nodes[timer].due_ns = LH_NEVER;
  return timer;
}

size_t lh_wheel_bytes(const struct lh_wheel *wheel) {
  return sizeof *wheel + ((size_t)wheel->count + HEADS) * sizeof *wheel->nodes;
}
