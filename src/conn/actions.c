/* Planned disturbances carried out: connections ended by us, so that the way back can be measured. Pauses need nothing here:
 * the schedule and the pings ask the plan. */
#include <errno.h>
#include <stdlib.h>

#include "conn/engine_private.h"

enum { LOOKED_AT_MAX = 8192 }; /* clients in one firing: choosing one costs less than ending one */

/* Time k of an action; none at the end of the run or behind it. */
static uint64_t due_of(const struct lh_engine *e, const struct lh_action *action, uint64_t k) {
  uint64_t at_ns = lh_plan_action_ns(action, k), duration_ns = e->config->run.duration_ns;
  return duration_ns && at_ns >= duration_ns ? LH_NEVER : lh_later(e->args.start_ns, at_ns);
}

static void set_timer(struct lh_engine *e) {
  uint64_t due_ns = LH_NEVER;
  for (size_t a = 0; a < e->config->action_count; a++) due_ns = lh_min(due_ns, e->actions[a].due_ns);
  if (due_ns != LH_NEVER) lh_wheel_set(e->wheel, lh_timer_of_actions(e), due_ns);
}

int lh_actions_new(struct lh_engine *e, struct lh_err *err) {
  size_t count = e->config->action_count;
  if (count == 0) return 0;
  e->actions = calloc(count, sizeof *e->actions);
  if (!e->actions) return lh_err_set(err, ENOMEM, "no memory for %zu actions", count);
  for (size_t a = 0; a < count; a++) {
    bool ends = e->config->actions[a].kind != LH_ACTION_PAUSE;
    e->actions[a].due_ns = ends ? due_of(e, &e->config->actions[a], 0) : LH_NEVER;
  }
  set_timer(e);
  return 0;
}

static void end_one(struct lh_engine *e, uint32_t slot, const struct lh_action *action) {
  struct client *c = &e->clients[slot];
  const struct lh_io *io = lh_group_of(e, c)->io;
  if (action->kind == LH_ACTION_CLOSE) {
    e->close_code = action->close_code;
    lh_client_close(e, slot, LH_REASON_DISTURBANCE);
  } else {
    c->asked = LH_REASON_DISTURBANCE;
    (io->reset ? io->reset : io->abort)(io->context, slot);
    lh_ending_book(e, slot, NULL, "");
  }
  lh_client_arm(e, slot);
}

/* Goes on with one that is due; false when it needs another firing. */
static bool carry_out(struct lh_engine *e, uint32_t number) {
  const struct lh_action *action = &e->config->actions[number];
  struct action_state *state = &e->actions[number];
  /* The worker that was lost did these before. */
  bool done_before = e->args.replacement && state->due_ns < e->first_turn_ns;
  for (int looked_at = 0, ended = 0; !done_before && state->slot < e->client_count; state->slot++) {
    if (looked_at++ == LOOKED_AT_MAX || ended == LH_ENGINE_TURN_MAX) return false;
    const struct client *c = &e->clients[state->slot];
    uint32_t client = lh_client_number(e, &e->groups[c->group], state->slot);
    if (c->state != LH_CLIENT_OPEN || !lh_plan_action_takes(e->config, number, state->k, c->group, client)) continue;
    end_one(e, state->slot, action);
    ended++;
  }
  state->slot = 0;
  state->k++;
  state->due_ns = due_of(e, action, state->k);
  return true;
}

void lh_actions_fire(struct lh_engine *e) {
  if (e->stopping) return;
  for (uint32_t a = 0; a < e->config->action_count; a++)
    while (e->actions[a].due_ns <= e->now_ns)
      if (!carry_out(e, a)) {
        lh_wheel_set(e->wheel, lh_timer_of_actions(e), e->now_ns);
        return;
      }
  set_timer(e);
}
