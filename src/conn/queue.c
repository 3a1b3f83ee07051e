/* Who may connect now: the rate cap, and a cap on handshakes under way. First come, first served over all groups.
 *
 * A client that stops wanting while it is queued stays linked until its turn comes, so that leaving costs nothing; when it
 * wants again before that, it has kept its place. */
#include "conn/engine_private.h"

static bool has_room(struct lh_engine *e) {
  uint64_t ready_ns;
  if (e->connecting + e->logging_in >= e->connecting_max) return false; /* leaving CONNECTING calls the pump, as a login's end does */
  if (lh_rate_take(&e->rate, e->now_ns, &ready_ns)) return true;
  lh_wheel_set(e->wheel, lh_timer_of_queue(e), ready_ns);
  return false;
}

static void go(struct lh_engine *e, uint32_t slot) {
  if (!lh_login_takes_turn(e, slot)) lh_client_enter(e, slot, LH_CLIENT_CONNECTING);
}

void lh_queue_join(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  if (c->queued) {
    lh_group_of(e, c)->queued++;
    return;
  }
  if (e->queue_first == LH_NONE && has_room(e)) {
    go(e, slot);
    return;
  }
  lh_count(lh_group_of(e, c), LH_COUNTER_rate_waits, 1);
  c->queued = true;
  lh_group_of(e, c)->queued++;
  c->queue_next = LH_NONE;
  if (e->queue_first == LH_NONE)
    e->queue_first = slot;
  else
    e->clients[e->queue_last].queue_next = slot;
  e->queue_last = slot;
}

void lh_queue_pump(struct lh_engine *e) {
  for (int budget = LH_ENGINE_TURN_MAX; e->queue_first != LH_NONE; budget--) {
    if (budget == 0) {
      lh_wheel_set(e->wheel, lh_timer_of_queue(e), e->now_ns);
      return;
    }
    uint32_t slot = e->queue_first;
    struct client *c = &e->clients[slot];
    bool ready = lh_is_queued(c);
    if (ready && !has_room(e)) return;
    e->queue_first = c->queue_next;
    if (ready) go(e, slot);
    if (lh_is_queued(c)) lh_group_of(e, c)->queued--; /* it logs in, and waits for that */
    c->queued = false;
    if (!ready) continue;
    lh_client_arm(e, slot);
  }
}
