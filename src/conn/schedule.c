/* Which messages are due. A client's next due time of each message is kept; the one after it is asked of the plan. */
#include "conn/engine_private.h"

enum { SKIPPED_MOST = (1 << 24) - 1 }; /* as many as message_state.skipped holds */

/* What happens says when it is due, not a number on a grid: a closed loop, or a message of the server. */
static bool is_prompted(const struct message *message) {
  const struct lh_message *config = message->config;
  return config->after == LH_AFTER_REPLY || (config->after == LH_AFTER_INCOMING && config->every_ns == 0);
}

static uint64_t *anchor_of(const struct group *g, uint32_t slot, uint32_t m) {
  return g->anchors + (size_t)(slot - g->first_slot) * g->message_count + m;
}

/* Due time number k by the plan. */
static uint64_t plan_due_ns(const struct lh_engine *e, uint32_t slot, uint32_t m, uint64_t k) {
  const struct client *c = &e->clients[slot];
  const struct group *g = &e->groups[c->group];
  uint64_t origin_ns = c->origin_ns;
  if (g->messages[m].config->after == LH_AFTER_OPEN) origin_ns = c->opened_ns - e->args.start_ns;
  if (g->messages[m].config->after == LH_AFTER_INCOMING) origin_ns = *anchor_of(g, slot, m);
  uint64_t due = lh_plan_due_ns(g->config, m, lh_client_number(e, g, slot), e->config->run.seed, origin_ns, k);
  return lh_later(e->args.start_ns, due);
}

static bool used_up(const struct message *message, const struct message_state *state) {
  return message->config->count && state->sent >= message->config->count;
}

/* Due times from number k on. */
static void plan_from(const struct lh_engine *e, uint32_t slot, uint32_t m, uint64_t k) {
  const struct group *g = &e->groups[e->clients[slot].group];
  struct message_state *state = &lh_states_of(g, slot)[m];
  state->k = k & INT64_MAX;
  state->due_ns = used_up(&g->messages[m], state) ? LH_NEVER : plan_due_ns(e, slot, m, k);
}

/* The next one that is prompted is due `delay` from now, within the message's `from` and `until`. */
static void plan_prompted(const struct lh_engine *e, uint32_t slot, uint32_t m) {
  const struct group *g = &e->groups[e->clients[slot].group];
  const struct lh_message *config = g->messages[m].config;
  struct message_state *state = &lh_states_of(g, slot)[m];
  uint64_t due = lh_later(e->now_ns, config->delay_ns);
  uint64_t from = lh_later(e->args.start_ns, config->from_ns), until = lh_later(e->args.start_ns, config->until_ns);
  if (due < from) due = from;
  state->due_ns = due < until && !used_up(&g->messages[m], state) ? due : LH_NEVER;
}

/* The one that was due is done with: sent, skipped or held. */
static void move_on(const struct lh_engine *e, uint32_t slot, uint32_t m) {
  const struct group *g = &e->groups[e->clients[slot].group];
  struct message_state *state = &lh_states_of(g, slot)[m];
  if (is_prompted(&g->messages[m]))
    state->due_ns = LH_NEVER;
  else
    plan_from(e, slot, m, state->k + 1);
}

/* ---- held messages ---- */

static void hold(const struct lh_engine *e, uint32_t slot, uint32_t m) {
  struct group *g = &e->groups[e->clients[slot].group];
  struct message_state *state = &lh_states_of(g, slot)[m];
  state->held = 1;
  g->pending++;
  if (!is_prompted(&g->messages[m])) plan_from(e, slot, m, state->k + 1);
}

static void drop_held(const struct lh_engine *e, uint32_t slot, uint32_t m, enum lh_counter_id as) {
  struct group *g = &e->groups[e->clients[slot].group];
  struct message_state *state = &lh_states_of(g, slot)[m];
  state->held = 0;
  g->pending--;
  lh_count(g, as, 1);
  if (is_prompted(&g->messages[m])) state->due_ns = LH_NEVER;
}

/* What is held longer than this for want of memory rather than of room in the socket is tried again. */
static const uint64_t retry_ns = 100 * LH_NS_PER_MS;

/* Sends one; false: the socket, or memory, took nothing. */
static bool send_one(struct lh_engine *e, uint32_t slot, uint32_t m, uint64_t planned_ns) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  uint64_t *ledger = lh_ledger_of(e, g, slot), sent = lh_states_of(g, slot)[m].sent;
  /* Before it is: a worker may be killed behind the write, and who takes over must not send one more than `count`. */
  if (ledger) ledger[m] = sent + 1;
  int outcome = lh_message_send(e, slot, m, planned_ns);
  if (outcome != LH_SEND_DONE && ledger) ledger[m] = sent;
  switch (outcome) {
  case LH_SEND_DONE: lh_states_of(g, slot)[m].sent = (sent + 1) & LH_SENT_MAX; return true;
  case LH_SEND_CHOKED:
    c->choked = true;
    lh_count(g, LH_COUNTER_choked, 1);
    return false;
  case LH_SEND_HELD: return false;
  default: lh_count(g, LH_COUNTER_skipped_not_open, 1); return true;
  }
}

static uint64_t held_since_ns(const struct lh_engine *e, uint32_t slot, uint32_t m) {
  const struct group *g = &e->groups[e->clients[slot].group];
  const struct message_state *state = &lh_states_of(g, slot)[m];
  return is_prompted(&g->messages[m]) ? state->due_ns : plan_due_ns(e, slot, m, state->k - 1);
}

static void send_held(struct lh_engine *e, uint32_t slot, uint32_t m) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  struct message_state *state = &lh_states_of(g, slot)[m];
  bool loop = is_prompted(&g->messages[m]);
  if (!send_one(e, slot, m, held_since_ns(e, slot, m))) return;
  state->held = 0;
  g->pending--;
  if (loop || used_up(&g->messages[m], state)) state->due_ns = LH_NEVER;
}

void lh_schedule_send_held(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  struct message_state *states = lh_states_of(g, slot);
  /* A request waits for each response before it, so that one that always went first would starve the others. */
  for (uint32_t left = g->message_count; left > 0 && !c->choked; left--) {
    uint32_t oldest = LH_NONE;
    uint64_t oldest_ns = LH_NEVER;
    for (uint32_t m = 0; m < g->message_count; m++) {
      uint64_t since_ns = states[m].held ? held_since_ns(e, slot, m) : LH_NEVER;
      if (since_ns >= oldest_ns) continue;
      oldest = m;
      oldest_ns = since_ns;
    }
    if (oldest == LH_NONE) return;
    send_held(e, slot, oldest);
  }
}

bool lh_schedule_holds(const struct lh_engine *e, uint32_t slot) {
  const struct group *g = &e->groups[e->clients[slot].group];
  const struct message_state *states = lh_states_of(g, slot);
  for (uint32_t m = 0; m < g->message_count; m++)
    if (states[m].held) return true;
  return false;
}

/* ---- what is due ---- */

/* What a row longer than the field leaves out is not charged, and the difference of the two counters shows it. */
static void lengthen(struct message_state *state) {
  if (state->skipped < SKIPPED_MOST) state->skipped++;
}

/* The next one is due while this one is still held. What it waited for is not over, so that it counts with the reply to the
 * one that goes out at last. */
static void overtake_held(const struct lh_engine *e, uint32_t slot, uint32_t m) {
  struct message_state *state = &lh_states_of(&e->groups[e->clients[slot].group], slot)[m];
  drop_held(e, slot, m, LH_COUNTER_skipped_late);
  lengthen(state);
}

/* One due message: sent, held or skipped. */
static void take_due(struct lh_engine *e, uint32_t slot, uint32_t m) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  const struct lh_message *config = g->messages[m].config;
  struct message_state *state = &lh_states_of(g, slot)[m];
  if (state->held) overtake_held(e, slot, m);
  const uint64_t planned_ns = state->due_ns, pause_end_ns = lh_client_pause_end_ns(e, slot, planned_ns);
  const bool is_late = config->every_ns && !is_prompted(&g->messages[m]) && e->now_ns - planned_ns >= config->every_ns;
  if (pause_end_ns || (is_late && !c->choked)) state->skipped = 0; /* the row is broken; or our own loop was late */
  if (pause_end_ns) { /* not planned: a loop goes on behind the pause, a schedule leaves out what falls into it */
    if (is_prompted(&g->messages[m]))
      state->due_ns = pause_end_ns;
    else
      plan_from(e, slot, m, state->k + 1);
    return;
  }
  lh_count(g, LH_COUNTER_messages_planned, 1);
  if (c->state != LH_CLIENT_OPEN || !g->io->send) {
    lh_count(g, LH_COUNTER_skipped_not_open, 1);
  } else if (is_late) {
    lh_count(g, LH_COUNTER_skipped_late, 1);
    if (c->choked) lengthen(state);
  } else if (c->choked || !send_one(e, slot, m, planned_ns)) {
    hold(e, slot, m);
    return;
  }
  move_on(e, slot, m);
}

static bool held_prompted(const struct message *message, const struct message_state *state) {
  return state->held && is_prompted(message);
}

void lh_schedule_run(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  struct message_state *states = lh_states_of(g, slot);
  for (uint32_t m = 0; m < g->message_count; m++) {
    if (states[m].held && !c->choked) send_held(e, slot, m);
    while (states[m].due_ns <= e->now_ns && !e->stopping && !held_prompted(&g->messages[m], &states[m])) take_due(e, slot, m);
  }
}

uint64_t lh_schedule_next_ns(const struct lh_engine *e, uint32_t slot) {
  const struct client *c = &e->clients[slot];
  const struct group *g = &e->groups[c->group];
  const struct message_state *states = lh_states_of(g, slot);
  uint64_t next = LH_NEVER;
  for (uint32_t m = 0; m < g->message_count; m++) {
    if (states[m].held && !c->choked) next = lh_min(next, e->now_ns + retry_ns);
    if (!e->stopping && !held_prompted(&g->messages[m], &states[m])) next = lh_min(next, states[m].due_ns);
  }
  return next;
}

/* ---- beginnings and ends ---- */

void lh_schedule_begin(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  c->origin_ns = e->now_ns - e->args.start_ns;
  for (uint32_t m = 0; m < g->message_count; m++)
    if (g->messages[m].config->after == LH_AFTER_RUN) plan_from(e, slot, m, 0);
}

void lh_schedule_pause(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  lh_schedule_run(e, slot); /* what was due until now */
  c->origin_ns = LH_NEVER;
  for (uint32_t m = 0; m < g->message_count; m++) lh_states_of(g, slot)[m].due_ns = LH_NEVER;
}

void lh_schedule_opened(struct lh_engine *e, uint32_t slot) {
  struct group *g = lh_group_of(e, &e->clients[slot]);
  for (uint32_t m = 0; m < g->message_count; m++) {
    if (g->messages[m].config->after == LH_AFTER_OPEN) plan_from(e, slot, m, 0);
    if (g->messages[m].config->after == LH_AFTER_REPLY) plan_prompted(e, slot, m);
  }
}

void lh_schedule_closed(struct lh_engine *e, uint32_t slot) {
  struct group *g = lh_group_of(e, &e->clients[slot]);
  struct message_state *states = lh_states_of(g, slot);
  for (uint32_t m = 0; m < g->message_count; m++) {
    if (states[m].held) drop_held(e, slot, m, LH_COUNTER_skipped_not_open);
    states[m].skipped = 0;
    if (g->messages[m].config->after != LH_AFTER_RUN) states[m].due_ns = LH_NEVER;
    if (g->anchors) *anchor_of(g, slot, m) = LH_NEVER;
  }
}

/* A prompted one has got its due time: sent now, or when it is due. */
static void prompt(struct lh_engine *e, uint32_t slot, uint32_t message) {
  const struct client *c = &e->clients[slot];
  if (lh_states_of(&e->groups[c->group], slot)[message].due_ns <= e->now_ns && !e->stopping) take_due(e, slot, message);
  lh_client_arm_by(e, slot, lh_min(c->lost_ns, lh_schedule_next_ns(e, slot)));
}

void lh_schedule_answered(struct lh_engine *e, uint32_t slot, uint32_t message) {
  const struct client *c = &e->clients[slot];
  bool is_loop = lh_group_of(e, c)->messages[message].config->after == LH_AFTER_REPLY;
  if (!is_loop || c->state != LH_CLIENT_OPEN) return;
  plan_prompted(e, slot, message);
  prompt(e, slot, message);
}

void lh_schedule_triggered(struct lh_engine *e, uint32_t slot, uint32_t message) {
  struct group *g = lh_group_of(e, &e->clients[slot]);
  struct message_state *state = &lh_states_of(g, slot)[message];
  if (g->messages[message].config->every_ns) {
    uint64_t *anchor = anchor_of(g, slot, message);
    if (*anchor != LH_NEVER) return; /* under way already */
    *anchor = e->now_ns - e->args.start_ns;
    plan_from(e, slot, message, 0);
  } else if (state->held) {
    drop_held(e, slot, message, LH_COUNTER_skipped_late);
    plan_prompted(e, slot, message);
  } else {
    if (state->due_ns != LH_NEVER) { /* the one before still waits for its delay */
      lh_count(g, LH_COUNTER_messages_planned, 1);
      lh_count(g, LH_COUNTER_skipped_late, 1);
    }
    plan_prompted(e, slot, message);
  }
  prompt(e, slot, message);
}
