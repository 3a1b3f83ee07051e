/* Messages that await a reply: one pool for the worker, one list in order of sending for each client. */
#include <stdlib.h>

#include "conn/engine_private.h"

enum { POOL_FIRST = 64 };

static bool pool_grow(struct lh_engine *e) {
  struct flight_pool *pool = &e->flights;
  if (pool->room == LH_IN_FLIGHT_MAX) {
    e->faults.in_flight_full++;
    return false;
  }
  uint32_t room = pool->room ? pool->room * 2 : POOL_FIRST;
  if (room > LH_IN_FLIGHT_MAX) room = LH_IN_FLIGHT_MAX;
  struct flight *items = realloc(pool->items, room * sizeof *items);
  if (!items) {
    e->faults.no_memory++;
    return false;
  }
  for (uint32_t i = pool->room; i < room; i++) items[i].next = i + 1 < room ? i + 1 : LH_NONE;
  pool->free = pool->room;
  pool->items = items;
  pool->room = room;
  return true;
}

bool lh_flight_ready(struct lh_engine *e) {
  return e->flights.free != LH_NONE || pool_grow(e);
}

static uint64_t deadline_ns(const struct group *g, const struct flight *flight) {
  uint64_t after = g->messages[flight->message].config->reply.lost_after_ns;
  return after ? lh_later(flight->sent_ns, after) : LH_NEVER;
}

void lh_flight_add(struct lh_engine *e, uint32_t slot, const struct flight *flight) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  struct flight *items = e->flights.items;
  uint32_t f = e->flights.free;
  e->flights.free = items[f].next;
  items[f] = *flight;
  items[f].prev = c->flight_last;
  items[f].next = LH_NONE;
  if (c->flight_last == LH_NONE)
    c->flight_first = f;
  else
    items[c->flight_last].next = f;
  c->flight_last = f;
  c->lost_ns = lh_min(c->lost_ns, deadline_ns(g, flight));
  g->in_flight++;
}

void lh_flight_remove(struct lh_engine *e, uint32_t slot, uint32_t f) {
  struct client *c = &e->clients[slot];
  struct flight *items = e->flights.items;
  uint32_t next = items[f].next, prev = items[f].prev;
  *(prev == LH_NONE ? &c->flight_first : &items[prev].next) = next;
  *(next == LH_NONE ? &c->flight_last : &items[next].prev) = prev;
  items[f].next = e->flights.free;
  e->flights.free = f;
  lh_group_of(e, c)->in_flight--;
  if (c->flight_first == LH_NONE) c->lost_ns = LH_NEVER;
}

/* Replies mostly come for the oldest, or, after losses, for one of the latest: so from both ends at once. */
uint32_t lh_flight_find(const struct lh_engine *e, uint32_t slot, uint64_t seq) {
  const struct client *c = &e->clients[slot];
  const struct flight *items = e->flights.items;
  uint32_t old = c->flight_first, new = c->flight_last;
  while (old != LH_NONE) {
    if (items[old].seq == seq) return old;
    if (items[new].seq == seq) return new;
    if (items[old].seq > seq || items[new].seq < seq || old == new || items[old].next == new) return LH_NONE;
    old = items[old].next;
    new = items[new].prev;
  }
  return LH_NONE;
}

uint32_t lh_flight_first_by_order(const struct lh_engine *e, uint32_t slot) {
  const struct client *c = &e->clients[slot];
  const struct group *g = &e->groups[c->group];
  const struct flight *items = e->flights.items;
  for (uint32_t f = c->flight_first; f != LH_NONE; f = items[f].next)
    if (g->messages[items[f].message].match == LH_MATCH_ORDER) return f;
  return LH_NONE;
}

/* Gives up on one; returns its message. */
static uint32_t lose(struct lh_engine *e, uint32_t slot, uint32_t f) {
  struct client *c = &e->clients[slot];
  const struct flight flight = e->flights.items[f];
  uint32_t seq = (uint32_t)flight.seq;
  if (c->lost_unanswered == 0 || (int32_t)(seq - c->lost_seq) > 0) c->lost_seq = seq;
  c->lost_unanswered++;
  lh_count(lh_group_of(e, c), LH_COUNTER_lost, 1);
  lh_flight_remove(e, slot, f);
  return flight.message;
}

/* They stand in order of sending, so that what was sent less than the shortest patience ago ends the search. */
void lh_flight_expire(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  uint64_t next_ns = LH_NEVER;
  bool end = false;
  c->lost_ns = LH_NEVER; /* what a closed loop sends meanwhile sets it anew */
  for (uint32_t f = c->flight_first, next; f != LH_NONE; f = next) {
    const struct flight *flight = &e->flights.items[f];
    next = flight->next;
    uint64_t deadline = deadline_ns(g, flight), earliest = lh_later(flight->sent_ns, g->lost_after_min_ns);
    if (deadline > e->now_ns) next_ns = lh_min(next_ns, earliest > e->now_ns ? earliest : deadline);
    if (earliest > e->now_ns) break;
    if (deadline > e->now_ns) continue;
    uint32_t message = lose(e, slot, f);
    end |= g->messages[message].config->reply.end_when_lost;
    lh_schedule_answered(e, slot, message);
  }
  c->lost_ns = lh_min(next_ns, c->lost_ns);
  if (end && c->state == LH_CLIENT_OPEN) lh_client_close(e, slot, LH_REASON_REPLY_MISSING);
}

void lh_flight_lose_all(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  while (c->flight_first != LH_NONE) lose(e, slot, c->flight_first);
}
