/* What the server pushes unasked: counted, timed, and checked where the group asks for it. */
#include <errno.h>
#include <stdlib.h>

#include "conn/engine_private.h"

int lh_pushes_new(struct group *g, struct lh_err *err) {
  if (!g->config->incoming.enabled) return 0;
  int failed = lh_incoming_rules_new(&g->rules, &g->config->incoming, err);
  if (failed) return lh_err_prefix(err, "group '%s'", g->config->name);
  g->incoming = calloc(g->client_count ? g->client_count : 1, sizeof *g->incoming);
  return g->incoming ? 0 : lh_err_set(err, ENOMEM, "no memory for the sequences of group '%s'", g->config->name);
}

void lh_pushes_free(struct group *g) {
  lh_incoming_rules_free(g->rules);
  free(g->incoming);
}

size_t lh_pushes_bytes(const struct group *g) {
  return g->incoming ? g->client_count * sizeof *g->incoming : 0;
}

static struct lh_incoming *state_of(const struct group *g, uint32_t slot) {
  return g->incoming ? &g->incoming[slot - g->first_slot] : NULL;
}

/* ---- silence ---- */

/* Since when nothing was pushed to an open client. */
static uint64_t quiet_since_ns(const struct client *c) {
  return c->mark_ns == LH_NEVER ? c->opened_ns : c->mark_ns;
}

uint64_t lh_pushes_silence_ns(const struct lh_engine *e, uint32_t slot) {
  const struct client *c = &e->clients[slot];
  const struct group *g = &e->groups[c->group];
  const struct lh_incoming *state = state_of(g, slot);
  if (!state || !g->config->incoming.gap_max_ns || state->silent || c->state != LH_CLIENT_OPEN) return LH_NEVER;
  return lh_later(quiet_since_ns(c), g->config->incoming.gap_max_ns + 1);
}

void lh_pushes_fell_silent(struct lh_engine *e, uint32_t slot) {
  struct group *g = lh_group_of(e, &e->clients[slot]);
  state_of(g, slot)->silent = true;
  lh_count(g, LH_COUNTER_incoming_silences, 1);
}

static bool end_silence(struct lh_engine *e, struct group *g, const struct client *c, struct lh_incoming *state) {
  if (!state || !state->silent) return false;
  state->silent = false;
  lh_record_ns(g, LH_HIST_silence, e->now_ns - quiet_since_ns(c));
  return true;
}

void lh_pushes_opened(struct lh_engine *e, uint32_t slot) {
  const struct group *g = lh_group_of(e, &e->clients[slot]);
  struct lh_incoming *state = state_of(g, slot);
  if (state) lh_incoming_opened(state, &g->config->incoming);
}

void lh_pushes_closed(struct lh_engine *e, uint32_t slot) {
  const struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  end_silence(e, g, c, state_of(g, slot));
}

/* ---- one push ---- */

static void count_verdict(struct group *g, const struct lh_incoming_verdict *verdict) {
  static const enum lh_counter_id counters[] = {
      [LH_INCOMING_SKIPPED] = LH_COUNTER_incoming_gaps,         [LH_INCOMING_OUT_OF_ORDER] = LH_COUNTER_incoming_out_of_order,
      [LH_INCOMING_CAUGHT_UP] = LH_COUNTER_incoming_caught_up,  [LH_INCOMING_DUPLICATE] = LH_COUNTER_incoming_duplicate,
      [LH_INCOMING_UNDECIDED] = LH_COUNTER_incoming_undecided,  [LH_INCOMING_RESTART] = LH_COUNTER_incoming_restarts,
  };
  const enum lh_incoming_what what = verdict->what;
  lh_count(g, LH_COUNTER_incoming_numbered, 1);
  if (what == LH_INCOMING_MISSED_AWAY) {
    lh_count(g, LH_COUNTER_incoming_missed_away, verdict->left_out);
    return;
  }
  if (what == LH_INCOMING_NEXT) return;
  lh_count(g, counters[what], 1);
  lh_count(g, LH_COUNTER_incoming_skipped, verdict->left_out);
  if (what == LH_INCOMING_OUT_OF_ORDER && verdict->left_out) lh_count(g, LH_COUNTER_incoming_gaps, 1);
}

static void check_number(struct group *g, struct lh_incoming *state, const struct lh_push *push) {
  uint64_t number;
  if (!lh_incoming_number(g->rules, push, &number)) {
    lh_count(g, LH_COUNTER_incoming_unreadable, 1);
    return;
  }
  struct lh_incoming_verdict verdict = lh_incoming_take(state, &g->config->incoming, number);
  count_verdict(g, &verdict);
}

/* A time ahead of ours is no delay: the clocks differ by more than the way takes. */
static void check_time(struct lh_engine *e, struct group *g, const struct lh_push *push) {
  int64_t sent_us, now_us = e->args.start_wall_us + (int64_t)((e->now_ns - e->args.start_ns) / LH_NS_PER_US);
  if (!lh_incoming_time(g->rules, push, &sent_us))
    lh_count(g, LH_COUNTER_incoming_untimed, 1);
  else if (sent_us > now_us)
    lh_hdr_record(&g->snapshot.hists[LH_HIST_delay_ahead], (uint64_t)(sent_us - now_us));
  else
    lh_hdr_record(&g->snapshot.hists[LH_HIST_delay], (uint64_t)(now_us - sent_us));
}

bool lh_pushes_numbers(const struct group *g, const struct lh_push *push) {
  uint64_t number;
  return g->rules && lh_incoming_number(g->rules, push, &number);
}

void lh_pushes_take(struct lh_engine *e, uint32_t slot, const struct lh_push *push) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  struct lh_incoming *state = state_of(g, slot);
  lh_count(g, LH_COUNTER_incoming, 1);
  if (state && g->config->incoming.sequence.kind != LH_LOCATOR_NONE) check_number(g, state, push);
  if (state && g->config->incoming.timestamp.kind != LH_LOCATOR_NONE) check_time(e, g, push);
  if (c->state != LH_CLIENT_OPEN) return;
  const bool was_silent = end_silence(e, g, c, state);
  if (c->mark_ns != LH_NEVER) lh_record_ns(g, LH_HIST_gap, e->now_ns - c->mark_ns);
  c->mark_ns = e->now_ns;
  if (was_silent) lh_client_arm_by(e, slot, lh_pushes_silence_ns(e, slot)); /* else the timer is on its way, and looks again */
}

void lh_engine_on_push(struct lh_engine *engine, uint32_t slot, const struct lh_push *push, bool cut, uint64_t now_ns) {
  struct client *c = &engine->clients[slot];
  struct group *g = lh_group_of(engine, c);
  assert(c->state == LH_CLIENT_OPEN || c->state == LH_CLIENT_CLOSING);
  if (now_ns > engine->now_ns) engine->now_ns = now_ns;
  c->heard_ns = engine->now_ns;
  lh_count(g, LH_COUNTER_bytes_received, push->len);
  if (cut) lh_count(g, LH_COUNTER_truncated, 1);
  lh_pushes_take(engine, slot, push);
}
