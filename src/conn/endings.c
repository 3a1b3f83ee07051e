#include <stdio.h>
#include <string.h>

#include "conn/engine_private.h"
#include "longhaul/base/units.h"

static bool was_open(const struct client *c) {
  return c->state == LH_CLIENT_OPEN || c->state == LH_CLIENT_CLOSING;
}

/* For how long; a connection that is being closed stopped being open when that began. */
static uint64_t open_for_ns(const struct lh_engine *e, const struct client *c) {
  if (!was_open(c)) return 0;
  return (c->state == LH_CLIENT_CLOSING ? c->mark_ns : e->now_ns) - c->opened_ns;
}

/* What the engine asked for counts over what the adapter saw of it. Ends of open connections that the plan asked for have
 * the stage closing, also where the kind knows no closing; those that the target caused are ends of an open connection.
 * The adapter may know better how far connecting had come, not whether the connection was open. */
static enum lh_stage stage_of(const struct client *c, const struct lh_ending *seen) {
  bool asked = c->asked != LH_NOT_ASKED;
  if (!was_open(c)) return (enum lh_stage)(!asked && seen->stage < LH_STAGE_OPEN ? seen->stage : c->stage);
  if (!asked) return LH_STAGE_OPEN;
  return lh_ending_is_drop(LH_STAGE_OPEN, c->asked) ? LH_STAGE_OPEN : LH_STAGE_CLOSING;
}

static const uint64_t stall_echo_ns = 50 * LH_NS_PER_MS; /* until everything that was ready is read */

/* The last that a peer may have sent meanwhile is sent again for about so long (925 s with Linux' tcp_retries2). */
static const uint64_t sleep_echo_ns = 15 * 60 * LH_NS_PER_S;

bool lh_ending_is_of_sleep(const struct lh_engine *e, const struct client *c) {
  return e->woke_ns && e->now_ns - e->woke_ns <= sleep_echo_ns && c->begun_ns < e->woke_ns &&
         (!was_open(c) || c->heard_ns < e->woke_ns);
}

bool lh_ending_is_of_stall(const struct lh_engine *e, const struct client *c) {
  return lh_ending_is_of_sleep(e, c) || (e->stall_until_ns && e->now_ns - e->stall_until_ns <= stall_echo_ns && c->begun_ns < e->stall_from_ns);
}

/* "RST, seen after 3.5 s without our own loop", "RST, seen after the machine was suspended for 10 min" */
static void lay_at_our_door(const struct lh_engine *e, const struct client *c, const struct lh_ending *seen, struct lh_ending *out) {
  bool slept = lh_ending_is_of_sleep(e, c);
  char code[16] = "", lasted[32];
  if (seen->code) snprintf(code, sizeof code, " %d", seen->code);
  lh_format_duration_brief(slept ? e->slept_ns : e->stall_until_ns - e->stall_from_ns, lasted, sizeof lasted);
  snprintf(out->text, sizeof out->text, slept ? "%s%s, seen after the machine was suspended for %s" : "%s%s, seen after %s without our own loop",
           lh_reason_name(seen->reason), code, lasted);
  out->reason = LH_REASON_LOOP_STALLED;
  out->code = 0;
}

static struct lh_ending ending_of(struct lh_engine *e, uint32_t slot, const struct lh_ending *seen, const char *text) {
  const struct client *c = &e->clients[slot];
  const struct group *g = lh_group_of(e, c);
  struct lh_ending ending = {
      .at_ns = e->now_ns,
      .started_ns = c->begun_ns,
      .open_ns = open_for_ns(e, c),
      .idle_ns = was_open(c) ? e->now_ns - c->heard_ns : 0,
      .client = lh_client_number(e, g, slot),
      .nth = c->nth,
      .group = (uint16_t)g->number,
      .local_port = c->local_port,
      .stage = (uint8_t)stage_of(c, seen),
      .reason = c->asked,
  };
  if (c->asked == LH_NOT_ASKED) {
    ending.reason = seen->reason;
    ending.code = seen->code;
    memcpy(ending.text, seen->text, sizeof ending.text);
    if (ending.local_port == 0) ending.local_port = seen->local_port;
    if (lh_ending_is_of_stall(e, c)) lay_at_our_door(e, c, seen, &ending);
  } else if (text) {
    snprintf(ending.text, sizeof ending.text, "%s", text);
  }
  ending.text[sizeof ending.text - 1] = '\0';
  lh_login_scrub(e, slot, ending.text);
  lh_scrub_all(ending.text, e->config->secrets);
  lh_scrub_rows(ending.text, e, g, ending.client, c->seq);
  return ending;
}

static void count(struct lh_engine *e, struct group *g, struct client *c, const struct lh_ending *ending) {
  enum lh_side side = lh_reason_side(ending->reason);
  lh_count(g, LH_COUNTER_ended, 1);
  if (!was_open(c)) {
    if (side != LH_SIDE_US) lh_count(g, LH_COUNTER_connect_failures, 1);
    return;
  }
  lh_count(g, LH_COUNTER_ended_open, 1);
  lh_record_ns(g, LH_HIST_lifetime, ending->open_ns);
  if (ending->reason == LH_REASON_DISTURBANCE && c->ramp_wants && !e->stopping) {
    c->outage_ns = c->opened_ns + ending->open_ns;
    c->outage_planned = 1;
  }
  if (!lh_ending_is_drop(ending->stage, ending->reason)) return;
  lh_count(g, LH_COUNTER_drops, 1);
  if (side == LH_SIDE_TESTER) lh_count(g, LH_COUNTER_tester_drops, 1);
  lh_record_ns(g, LH_HIST_idle_at_drop, ending->idle_ns);
  c->outage_planned = 0;
  if (c->ramp_wants && !e->stopping) c->outage_ns = c->opened_ns + ending->open_ns;
}

/* Attempts in a row: one that stayed open for long enough, or ended by plan, begins a new row. What we cut ourselves comes back by
 * its policy, as after a drop. */
static enum lh_client_state next_state(struct lh_engine *e, struct group *g, struct client *c, const struct lh_ending *ending,
                                       bool owes) {
  const struct lh_reconnect_config *reconnect = &g->config->reconnect;
  bool by_plan = ending->reason == LH_REASON_LIFETIME || ending->reason == LH_REASON_PLANNED_END ||
                 ending->reason == LH_REASON_STALE_KEEPALIVE;
  const bool is_over = !c->ramp_wants || e->stopping, awaited = owes && !(e->stopping && e->now_ns >= e->drain_ns);
  if (is_over && !awaited) return LH_CLIENT_FINISHED;
  if (ending->reason == LH_REASON_REDIRECT_FOLLOWED) return LH_CLIENT_WAITING; /* one way on, whatever comes of it */
  if (!reconnect->enabled && ending->reason != LH_REASON_PLANNED_END) return LH_CLIENT_FINISHED;
  if (by_plan || ending->reason == LH_REASON_DISTURBANCE || (was_open(c) && ending->open_ns >= reconnect->reset_after_ns)) c->attempt = 0;
  if (by_plan) return LH_CLIENT_WAITING;
  c->attempt++;
  if (reconnect->limit == 0 || c->attempt <= reconnect->limit) return LH_CLIENT_WAITING;
  lh_count(g, LH_COUNTER_gave_up, 1);
  return LH_CLIENT_FINISHED;
}

/* What is in flight goes out again on the client's next connection: a redirect leads there, or the server was closing already. */
static bool owes_request(const struct client *c, const struct lh_ending *seen, const struct lh_ending *ending) {
  bool ours = c->asked != LH_NOT_ASKED && c->asked != LH_REASON_LIFETIME && c->asked != LH_REASON_PLANNED_END;
  if (!seen || ours || c->flight_first == LH_NONE || ending->reason == LH_REASON_LOOP_STALLED) return false;
  return seen->reason == LH_REASON_STALE_KEEPALIVE || seen->reason == LH_REASON_REDIRECT_FOLLOWED;
}

static void stay_away(struct lh_engine *e, struct group *g, struct client *c, const struct lh_ending *seen) {
  if (seen && c->state == LH_CLIENT_WAITING && seen->reason == LH_REASON_REDIRECT_FOLLOWED) {
    c->due_ns = e->now_ns; /* it is expected at once, and only the caps hold it up */
    return;
  }
  if (!seen || seen->retry_after_ns == 0 || c->state != LH_CLIENT_WAITING || !g->config->reconnect.retry_after) return;
  uint64_t until_ns =
      lh_later(e->now_ns, lh_plan_wait_ns(&g->config->reconnect, c->due_ns - e->now_ns, seen->retry_after_ns));
  if (until_ns == c->due_ns) return;
  c->due_ns = until_ns;
  lh_count(g, LH_COUNTER_retry_afters, 1);
}

void lh_ending_book(struct lh_engine *e, uint32_t slot, const struct lh_ending *seen, const char *text) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  assert(c->state == LH_CLIENT_CONNECTING || was_open(c));
  struct lh_ending ending = ending_of(e, slot, seen, text);
  count(e, g, c, &ending);
  lh_snapshot_tally(&g->snapshot, &ending);
  if (e->args.ending_sink) e->args.ending_sink(e->args.ending_context, &ending);

  bool is_unauthorised = ending.reason == LH_REASON_UPGRADE_REFUSED || ending.reason == LH_REASON_STATUS_REFUSED;
  if (is_unauthorised && ending.code == 401) lh_login_refused(e, slot, c->begun_ns);
  const bool is_over = seen && seen->retry_after_ns == LH_NEVER && c->asked == LH_NOT_ASKED;
  const bool owes = owes_request(c, seen, &ending);
  const enum lh_client_state next = is_over ? LH_CLIENT_FINISHED : next_state(e, g, c, &ending, owes);
  const bool goes_on = owes && next == LH_CLIENT_WAITING;
  if (!goes_on) lh_flight_lose_all(e, slot);
  if (goes_on && seen->reason == LH_REASON_STALE_KEEPALIVE) lh_count(g, LH_COUNTER_stale_keepalive, 1);
  if (ending.reason == LH_REASON_REDIRECT_FOLLOWED || (goes_on && seen->reason == LH_REASON_REDIRECT_FOLLOWED))
    lh_count(g, LH_COUNTER_redirects_followed, 1);
  lh_replies_forget_pieces(e, c);
  if (e->stopping && !goes_on) c->ramp_wants = false;
  if (c->ramp_wants && c->origin_ns == LH_NEVER && !was_open(c)) lh_schedule_begin(e, slot);
  lh_login_cut(e, slot, &ending);
  lh_client_enter(e, slot, next);
  stay_away(e, g, c, seen);
  lh_client_arm(e, slot);
}
