/* Who may connect now: the rate cap and the cap on handshakes under way, of the run; rate and number of connections, of a target
 * that limits them. First come, first served at each gate: over all groups whose targets have no limits of their own, and for
 * each limited target. Gates with clients that may go take turns, so that no target's limit holds up the others.
 *
 * A client that stops wanting while it is queued stays linked until its turn comes, so that leaving costs nothing; when it
 * wants again before that, it has kept its place. */
#include <errno.h>
#include <stdlib.h>

#include "conn/engine_private.h"

/* ---- gates ---- */

/* A worker's part of a number for the whole run, so that all parts add up to it. */
static uint32_t part_of(struct lh_slice slice, uint32_t all) {
  return lh_slice_count(slice, all);
}

static bool is_limited(const struct lh_target *target) {
  return target->connections_max || target->connect_rate > 0;
}

int lh_gates_new(struct lh_engine *e, struct lh_err *err) {
  const struct lh_config *config = e->config;
  uint32_t count = 1;
  for (size_t i = 0; i < config->target_count; i++) count += is_limited(&config->targets[i]);
  e->gates = calloc(count, sizeof *e->gates);
  e->gate_of_target = calloc(config->target_count + 1, sizeof *e->gate_of_target);
  if (!e->gates || !e->gate_of_target) return lh_err_set(err, ENOMEM, "no memory for the limits of %zu targets", config->target_count);
  e->queue_due_ns = LH_NEVER;
  e->gates[e->gate_count++] = (struct gate){.held_max = UINT32_MAX, .first = LH_NONE};
  for (size_t i = 0; i < config->target_count; i++) {
    const struct lh_target *target = &config->targets[i];
    if (!is_limited(target)) continue;
    e->gate_of_target[i] = (uint16_t)e->gate_count;
    struct gate *gate = &e->gates[e->gate_count++];
    *gate = (struct gate){.held_max = UINT32_MAX, .first = LH_NONE, .rate = lh_rate_make(target->connect_rate / e->args.workers)};
    if (target->connections_max) gate->held_max = part_of(e->args.slice, target->connections_max);
  }
  return 0;
}

void lh_gates_free(struct lh_engine *e) {
  free(e->gates);
  free(e->gate_of_target);
}

static struct gate *gate_of(struct lh_engine *e, const struct client *c) {
  uint32_t target = lh_group_of(e, c)->config->target;
  return &e->gates[target < e->config->target_count ? e->gate_of_target[target] : 0];
}

/* ---- the timer ---- */

static void wake_at(struct lh_engine *e, uint64_t at_ns) {
  if (at_ns >= e->queue_due_ns) return;
  e->queue_due_ns = at_ns;
  lh_wheel_set(e->wheel, lh_timer_of_queue(e), at_ns);
}

void lh_queue_wake(struct lh_engine *e) {
  if (e->queued) wake_at(e, e->now_ns);
}

void lh_queue_connected(struct lh_engine *e, const struct client *c, int change) {
  struct gate *gate = gate_of(e, c);
  gate->held += (uint32_t)change;
  if (change < 0 && gate->first != LH_NONE) wake_at(e, e->now_ns);
}

/* ---- the queue ---- */

/* Takes one of each rate, or of none. */
static bool has_room(struct lh_engine *e, struct gate *gate) {
  uint64_t ready_ns;
  const struct lh_rate before = gate->rate;
  if (gate->held >= gate->held_max) return false;                       /* the end of a connection calls the pump */
  if (e->connecting + e->logging_in >= e->connecting_max) return false; /* leaving CONNECTING does, as a login's end */
  if (!lh_rate_take(&gate->rate, e->now_ns, &ready_ns)) {
    wake_at(e, ready_ns);
    return false;
  }
  if (lh_rate_take(&e->rate, e->now_ns, &ready_ns)) return true;
  gate->rate = before;
  wake_at(e, ready_ns);
  return false;
}

static void go(struct lh_engine *e, uint32_t slot) {
  if (!lh_login_takes_turn(e, slot)) lh_client_enter(e, slot, LH_CLIENT_CONNECTING);
}

void lh_queue_join(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct gate *gate = gate_of(e, c);
  if (c->queued) {
    lh_group_of(e, c)->queued++;
    return;
  }
  if (gate->first == LH_NONE && has_room(e, gate)) {
    go(e, slot);
    return;
  }
  lh_count(lh_group_of(e, c), LH_COUNTER_rate_waits, 1);
  c->queued = true;
  e->queued++;
  lh_group_of(e, c)->queued++;
  c->queue_next = LH_NONE;
  if (gate->first == LH_NONE)
    gate->first = slot;
  else
    e->clients[gate->last].queue_next = slot;
  gate->last = slot;
}

/* The gate's first one goes, if it may; those before it that want no more leave. */
static bool let_one_go(struct lh_engine *e, struct gate *gate) {
  while (gate->first != LH_NONE) {
    uint32_t slot = gate->first;
    struct client *c = &e->clients[slot];
    bool ready = lh_is_queued(c);
    if (ready && !has_room(e, gate)) return false;
    gate->first = c->queue_next;
    e->queued--;
    if (ready) go(e, slot);
    if (lh_is_queued(c)) lh_group_of(e, c)->queued--; /* it logs in, and waits for that */
    c->queued = false;
    if (!ready) continue;
    lh_client_arm(e, slot);
    return true;
  }
  return false;
}

void lh_queue_pump(struct lh_engine *e) {
  e->queue_due_ns = LH_NEVER;
  for (uint32_t idle = 0, budget = LH_ENGINE_TURN_MAX; idle < e->gate_count; e->gate_next = (e->gate_next + 1) % e->gate_count) {
    if (!let_one_go(e, &e->gates[e->gate_next])) {
      idle++;
      continue;
    }
    idle = 0;
    if (--budget) continue;
    wake_at(e, e->now_ns);
    return;
  }
}
