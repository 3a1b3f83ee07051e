#include <stdio.h>

#include "conn/engine_private.h"
#include "longhaul/base/units.h"

enum { CLOSE_NORMAL = 1000, CLOSE_GOING_AWAY = 1001 };

static const uint64_t closing_ns = 5 * LH_NS_PER_S;      /* for a closing handshake */
static const uint64_t closing_last_ns = 1 * LH_NS_PER_S; /* the same once the drain is over, or with a peer that does not answer */

#define BIT(state) (1u << LH_CLIENT_##state)
static const unsigned legal[LH_CLIENT_STATE_COUNT] = {
    [LH_CLIENT_IDLE] = BIT(WAITING),
    [LH_CLIENT_WAITING] = BIT(CONNECTING) | BIT(FINISHED),
    [LH_CLIENT_CONNECTING] = BIT(OPEN) | BIT(WAITING) | BIT(FINISHED),
    [LH_CLIENT_OPEN] = BIT(CLOSING) | BIT(WAITING) | BIT(FINISHED),
    [LH_CLIENT_CLOSING] = BIT(WAITING) | BIT(FINISHED),
    [LH_CLIENT_FINISHED] = BIT(WAITING),
};

static bool is_live(unsigned state) {
  return state != LH_CLIENT_IDLE && state != LH_CLIENT_FINISHED;
}

static bool has_connection(unsigned state) {
  return state == LH_CLIENT_CONNECTING || state == LH_CLIENT_OPEN || state == LH_CLIENT_CLOSING;
}

/* Nanoseconds of a million clients would fill 64 bits in five hours, so whole microseconds are counted and the rest is kept. */
static void add_client_time(struct group *g, enum lh_counter_id us, uint64_t ns, uint64_t *rest_ns) {
  ns += *rest_ns;
  lh_count(g, us, ns / LH_NS_PER_US);
  *rest_ns = ns % LH_NS_PER_US;
}

void lh_group_integrate(struct group *g, uint64_t now_ns) {
  uint64_t passed = now_ns - g->integrated_ns;
  add_client_time(g, LH_COUNTER_open_us, passed * g->in_state[LH_CLIENT_OPEN], &g->open_rest_ns);
  add_client_time(g, LH_COUNTER_wanted_us, passed * g->wanted, &g->wanted_rest_ns);
  g->integrated_ns = now_ns;
}

/* Brings the group's `wanted` in line with the client. Call after integrating. */
static void count_wanted(struct group *g, struct client *c) {
  bool closed_by_plan = c->state == LH_CLIENT_CLOSING && c->asked != LH_REASON_REPLY_MISSING;
  /* The wait after a disturbance of ours is our own doing; the attempt that follows it is the server's again. */
  bool sent_away = c->outage_planned && c->attempt <= 1 && (c->state == LH_CLIENT_WAITING || c->state == LH_CLIENT_FINISHED);
  bool wanted = c->ramp_wants && !closed_by_plan && !sent_away;
  if (wanted == c->wanted) return;
  c->wanted = wanted;
  if (wanted)
    g->wanted++;
  else
    g->wanted--;
}

/* ---- on entering a state ---- */

static void enter_waiting(struct lh_engine *e, struct group *g, struct client *c, uint32_t slot) {
  c->due_ns = e->now_ns;
  c->stage = LH_STAGE_COUNT;
  if (c->attempt == 0) return;
  uint64_t asked = g->io->retry_after ? g->io->retry_after(g->io->context, slot) : 0;
  struct lh_reconnect_config policy = g->config->reconnect;
  if (asked) policy.first_ns = asked;
  if (policy.max_ns < policy.first_ns) policy.max_ns = policy.first_ns;
  uint64_t wait = lh_plan_backoff_ns(&policy, e->config->run.seed, g->number, lh_client_number(e, g, slot), c->nth, c->attempt);
  c->due_ns = lh_later(e->now_ns, lh_plan_wait_ns(&policy, wait, asked));
}

static void enter_connecting(struct lh_engine *e, struct group *g, struct client *c, uint32_t slot) {
  c->nth++;
  c->stage = LH_STAGE_RESOLVE;
  c->asked = LH_NOT_ASKED;
  c->local_port = 0;
  c->tunnelling = 0;
  c->begun_ns = c->mark_ns = e->now_ns;
  c->due_ns = lh_later(e->now_ns, g->config->connect_timeout_ns);
  lh_count(g, LH_COUNTER_attempts, 1);
  g->io->connect(g->io->context, slot, c->nth, e->now_ns);
}

static void enter_open(struct lh_engine *e, struct group *g, struct client *c, uint32_t slot) {
  const uint64_t now = e->now_ns, seed = e->config->run.seed;
  uint32_t number = lh_client_number(e, g, slot);
  const bool logged_in = c->stage == LH_STAGE_UPGRADE && g->config->kind == LH_KIND_HTTP;
  lh_record_ns(g, LH_HIST_connect_total, (logged_in ? c->mark_ns : now) - c->begun_ns); /* a login has a time of its own */
  c->stage = LH_STAGE_OPEN;
  c->opened_ns = c->heard_ns = now;
  c->mark_ns = LH_NEVER;
  lh_count(g, LH_COUNTER_opened, 1);
  if (c->been_open) lh_count(g, LH_COUNTER_reconnects, 1);
  c->been_open = true;
  if (c->outage_ns != LH_NEVER) lh_record_ns(g, c->outage_planned ? LH_HIST_planned_outage : LH_HIST_outage, now - c->outage_ns);
  c->outage_ns = LH_NEVER;
  c->outage_planned = 0;
  c->due_ns = lh_later(now, lh_plan_lifetime_ns(g->config, seed, g->number, number, c->nth));
  c->due_is_drop = false;
  if (g->config->kind == LH_KIND_NULL) {
    uint64_t drop_ns = lh_later(now, lh_null_drop_after_ns(e, slot));
    c->due_is_drop = drop_ns < c->due_ns;
    c->due_ns = lh_min(c->due_ns, drop_ns);
  }
  if (g->config->ping.every_ns && g->io->ping)
    c->ping_due_ns = lh_later(now, lh_plan_ping_offset_ns(g->config, seed, g->number, number, c->nth));
  if (c->origin_ns == LH_NEVER) lh_schedule_begin(e, slot);
  lh_schedule_opened(e, slot);
  lh_pushes_opened(e, slot);
  if (g->config->kind != LH_KIND_HTTP) lh_login_proved(e, slot);
  if (c->flight_first != LH_NONE) lh_message_resend(e, slot);
}

/* The end of the run waits for a closing handshake as long as for replies, or a moment where that is longer. */
static void hurry_closing(const struct lh_engine *e, struct client *c) {
  uint64_t last_ns = e->now_ns + closing_last_ns;
  c->due_ns = lh_min(c->due_ns, e->drain_ns > last_ns ? e->drain_ns : last_ns);
}

static void enter_closing(struct lh_engine *e, struct group *g, struct client *c, uint32_t slot) {
  c->stage = LH_STAGE_CLOSING;
  c->mark_ns = e->now_ns;
  c->due_ns = e->now_ns + (c->asked == LH_REASON_REPLY_MISSING ? closing_last_ns : closing_ns);
  if (e->stopping) hurry_closing(e, c);
  uint16_t code = c->asked == LH_REASON_SHUTDOWN      ? CLOSE_GOING_AWAY
                  : c->asked == LH_REASON_DISTURBANCE ? e->close_code
                                                      : CLOSE_NORMAL;
  g->io->close(g->io->context, slot, code);
}

static void leave_open(struct lh_engine *e, struct client *c, uint32_t slot) {
  c->ping_due_ns = c->ping_sent_ns = LH_NEVER;
  c->choked = c->ping_unsent = false;
  lh_schedule_closed(e, slot);
  lh_pushes_closed(e, slot);
}

void lh_client_enter(struct lh_engine *e, uint32_t slot, enum lh_client_state next) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  const unsigned from = c->state;
  assert(legal[from] & 1u << next);
  if (lh_is_queued(c)) g->queued--;

  lh_group_integrate(g, e->now_ns);
  g->in_state[from]--;
  g->in_state[next]++;
  e->live += is_live(next);
  e->live -= is_live(from);
  e->connecting += next == LH_CLIENT_CONNECTING;
  e->connecting -= from == LH_CLIENT_CONNECTING;
  c->state = (uint8_t)next;
  if (from == LH_CLIENT_OPEN) leave_open(e, c, slot);
  count_wanted(g, c);
  if (has_connection(next) != has_connection(from)) lh_queue_connected(e, c, has_connection(next) ? 1 : -1);
  if (from == LH_CLIENT_CONNECTING) lh_queue_wake(e);

  switch (next) {
  case LH_CLIENT_WAITING: enter_waiting(e, g, c, slot); break;
  case LH_CLIENT_CONNECTING: enter_connecting(e, g, c, slot); break;
  case LH_CLIENT_OPEN: enter_open(e, g, c, slot); break;
  case LH_CLIENT_CLOSING: enter_closing(e, g, c, slot); break;
  case LH_CLIENT_FINISHED:
    lh_login_leave(e, slot);
    lh_flight_lose_all(e, slot); /* one that waited to be sent once more */
    c->due_ns = LH_NEVER;
    c->stage = LH_STAGE_COUNT;
    break;
  case LH_CLIENT_IDLE:
  case LH_CLIENT_STATE_COUNT: break;
  }
}

void lh_client_close(struct lh_engine *e, uint32_t slot, enum lh_reason reason) {
  struct client *c = &e->clients[slot];
  assert(e->in_turn);
  if (!lh_group_of(e, c)->io->close) {
    lh_client_abort(e, slot, reason, "");
    return;
  }
  c->asked = (uint8_t)reason;
  lh_client_enter(e, slot, LH_CLIENT_CLOSING);
}

void lh_client_abort(struct lh_engine *e, uint32_t slot, enum lh_reason reason, const char *text) {
  struct client *c = &e->clients[slot];
  const struct lh_io *io = lh_group_of(e, c)->io;
  assert(e->in_turn);
  c->asked = (uint8_t)reason;
  io->abort(io->context, slot);
  lh_ending_book(e, slot, NULL, text);
}

/* ---- the ramp ---- */

static void start_client(struct lh_engine *e, struct client *c, uint32_t slot) {
  /* A worker that was lost had opened these before; its replacement knows no more than that. */
  if (e->args.replacement && c->turn_ns < e->first_turn_ns) c->been_open = true;
  c->attempt = 0;
  if (c->state == LH_CLIENT_IDLE || c->state == LH_CLIENT_FINISHED) lh_client_enter(e, slot, LH_CLIENT_WAITING);
}

/* Between two connections, with a request that goes out again on the next one. */
static bool owes_request(const struct client *c) {
  bool between = c->state == LH_CLIENT_WAITING || c->state == LH_CLIENT_CONNECTING;
  return between && c->flight_first != LH_NONE;
}

/* The line does not cover it any more: it goes, once what it asked for has found its way to a connection, which closes when the
 * answer is there. */
static void leave(struct lh_engine *e, const struct client *c, uint32_t slot) {
  if (c->ramp_wants || e->stopping || owes_request(c)) return;
  if (c->state == LH_CLIENT_WAITING)
    lh_client_enter(e, slot, LH_CLIENT_FINISHED);
  else if (c->state == LH_CLIENT_CONNECTING)
    lh_client_abort(e, slot, LH_REASON_PLANNED_END, "");
  else if (c->state == LH_CLIENT_OPEN)
    lh_client_close(e, slot, LH_REASON_PLANNED_END);
}

static void end_client(struct lh_engine *e, struct client *c, uint32_t slot) {
  c->outage_ns = LH_NEVER;
  c->outage_planned = 0;
  lh_schedule_pause(e, slot);
  leave(e, c, slot);
}

static void take_turns(struct lh_engine *e, struct group *g, struct client *c, uint32_t slot) {
  while (c->turn_ns <= e->now_ns) {
    const uint64_t start = e->args.start_ns, at_ns = c->turn_ns - start;
    if (c->turn_wants != c->ramp_wants) {
      lh_group_integrate(g, e->now_ns);
      c->ramp_wants = c->turn_wants;
      count_wanted(g, c);
      if (c->ramp_wants)
        start_client(e, c, slot);
      else
        end_client(e, c, slot);
    }
    struct lh_ramp_turn turn = lh_plan_next_turn(g->config, lh_client_number(e, g, slot), at_ns);
    c->turn_ns = lh_later(start, turn.at_ns);
    c->turn_wants = turn.wanted;
  }
}

/* ---- pings ---- */

uint64_t lh_client_pause_end_ns(const struct lh_engine *e, uint32_t slot, uint64_t at_ns) {
  const struct group *g = &e->groups[e->clients[slot].group];
  if (!g->has_pauses) return 0;
  uint64_t end_ns = lh_plan_pause_end_ns(e->config, g->number, lh_client_number(e, g, slot), at_ns - e->args.start_ns);
  return end_ns ? lh_later(e->args.start_ns, end_ns) : 0;
}

void lh_client_ping(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  /* The deadline runs even when the socket takes nothing: a peer that is gone fills it up. */
  c->ping_sent_ns = e->now_ns;
  c->ping_unsent = true;
  if (c->choked) return;
  switch (g->io->ping(g->io->context, slot, c->ping_sent_ns)) {
  case LH_SEND_DONE:
    c->ping_unsent = false;
    lh_count(g, LH_COUNTER_pings_sent, 1);
    break;
  case LH_SEND_CHOKED:
    c->choked = true;
    lh_count(g, LH_COUNTER_choked, 1);
    break;
  case LH_SEND_FAILED: break;
  }
}

static uint64_t pong_deadline_ns(const struct group *g, const struct client *c) {
  return c->ping_sent_ns == LH_NEVER ? LH_NEVER : lh_later(c->ping_sent_ns, g->config->ping.timeout_ns);
}

/* One ping is on its way at a time: those that fall due meanwhile are left out. */
static uint64_t next_ping_ns(const struct lh_engine *e, const struct group *g, const struct client *c) {
  uint64_t deadline = pong_deadline_ns(g, c);
  return deadline != LH_NEVER || e->stopping ? deadline : c->ping_due_ns;
}

/* Nothing comes from the peer; after a suspension of this machine that is no fault of its. */
static void end_silent(struct lh_engine *e, struct group *g, const struct client *c, uint32_t slot, enum lh_reason reason, const char *text) {
  char said[LH_CLOSE_TEXT_MAX], slept[32];
  if (!lh_ending_is_of_sleep(e, c)) {
    lh_record_ns(g, LH_HIST_detect, e->now_ns - c->heard_ns);
  } else {
    snprintf(said, sizeof said, "%s, after the machine was suspended for %s", lh_reason_name(reason),
             lh_format_duration_brief(e->slept_ns, slept, sizeof slept));
    text = said;
    reason = LH_REASON_LOOP_STALLED;
  }
  lh_client_abort(e, slot, reason, text);
}

/* What tells a process that stands still from a way that is cut. */
static const char *why_no_pong(const struct group *g, const struct client *c, uint32_t slot) {
  static const char *const words[] = {
      [LH_TAKEN_UNKNOWN] = "", [LH_TAKEN] = "TCP acknowledged the ping", [LH_NOT_TAKEN] = "TCP acknowledged no ping"};
  if (c->ping_unsent) return "socket full";
  if (c->heard_ns > c->ping_sent_ns) return "no pong, though data came";
  return words[g->io->taken ? g->io->taken(g->io->context, slot, c->ping_sent_ns) : LH_TAKEN_UNKNOWN];
}

static void tend_pings(struct lh_engine *e, struct group *g, struct client *c, uint32_t slot) {
  if (pong_deadline_ns(g, c) <= e->now_ns) {
    end_silent(e, g, c, slot, LH_REASON_SILENT_PEER, why_no_pong(g, c, slot));
    return;
  }
  uint64_t every = g->config->ping.every_ns, late = e->now_ns - c->ping_due_ns;
  bool paused = lh_client_pause_end_ns(e, slot, c->ping_due_ns) != 0;
  c->ping_due_ns += every * (late / every + 1);
  if (!paused) lh_client_ping(e, slot);
}

/* ---- the timer ---- */

/* Nothing is armed anew for each byte: the timer fires when the silence could be over at the earliest, and looks again. */
static uint64_t stall_ns(const struct group *g, const struct client *c) {
  uint64_t timeout = g->config->stall_timeout_ns;
  return timeout && c->state == LH_CLIENT_OPEN ? lh_later(c->heard_ns, timeout) : LH_NEVER;
}

static void stalled(struct lh_engine *e, struct group *g, struct client *c, uint32_t slot) {
  end_silent(e, g, c, slot, LH_REASON_STALLED, "");
}

static uint64_t next_due_ns(const struct lh_engine *e, const struct group *g, const struct client *c, uint32_t slot) {
  uint64_t due = lh_min(c->due_ns, c->turn_ns);
  due = lh_min(due, c->lost_ns);
  due = lh_min(due, next_ping_ns(e, g, c));
  due = lh_min(due, stall_ns(g, c));
  due = lh_min(due, lh_login_next_ns(e, g, c, slot));
  due = lh_min(due, lh_pushes_silence_ns(e, slot));
  bool drains = c->state == LH_CLIENT_WAITING || c->state == LH_CLIENT_CONNECTING || c->state == LH_CLIENT_OPEN;
  if (e->stopping && drains) due = lh_min(due, e->drain_ns);
  return lh_min(due, lh_schedule_next_ns(e, slot));
}

void lh_client_arm_by(struct lh_engine *e, uint32_t slot, uint64_t due_ns) {
  struct client *c = &e->clients[slot];
  if (due_ns >= c->armed_ns) return;
  c->armed_ns = due_ns;
  lh_wheel_set(e->wheel, slot, due_ns);
}

void lh_client_arm(struct lh_engine *e, uint32_t slot) {
  const struct client *c = &e->clients[slot];
  lh_client_arm_by(e, slot, next_due_ns(e, lh_group_of(e, c), c, slot));
}

void lh_client_arm_anew(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  uint64_t due_ns = next_due_ns(e, lh_group_of(e, c), c, slot);
  if (due_ns == c->armed_ns) return;
  c->armed_ns = due_ns;
  lh_wheel_set(e->wheel, slot, due_ns);
}

static void time_out(struct lh_engine *e, const struct client *c, uint32_t slot) {
  enum lh_reason reason = c->stage == LH_STAGE_TLS       ? LH_REASON_TLS_TIMEOUT
                          : c->stage == LH_STAGE_UPGRADE ? LH_REASON_UPGRADE_TIMEOUT
                          : c->stage == LH_STAGE_RESOLVE ? LH_REASON_RESOLVE_TIMEOUT
                                                         : LH_REASON_CONNECT_TIMEOUT;
  const char *text = c->tunnelling ? "the proxy did not answer" : "";
  if (lh_ending_is_of_stall(e, c) && c->due_ns >= e->stall_from_ns) {
    text = lh_reason_name(reason);
    reason = LH_REASON_LOOP_STALLED;
  }
  lh_client_abort(e, slot, reason, text);
}

static void open_over(struct lh_engine *e, const struct client *c, uint32_t slot) {
  if (c->due_is_drop)
    lh_null_drop(e, slot);
  else
    lh_client_close(e, slot, LH_REASON_LIFETIME);
}

static void state_due(struct lh_engine *e, struct client *c, uint32_t slot) {
  switch ((enum lh_client_state)c->state) {
  case LH_CLIENT_WAITING:
    c->due_ns = LH_NEVER;
    if (lh_login_lets_queue(e, slot)) lh_queue_join(e, slot);
    break;
  case LH_CLIENT_CONNECTING: time_out(e, c, slot); break;
  case LH_CLIENT_OPEN: open_over(e, c, slot); break;
  case LH_CLIENT_CLOSING: lh_client_abort(e, slot, c->asked, "closing handshake not answered"); break;
  case LH_CLIENT_IDLE:
  case LH_CLIENT_FINISHED:
  case LH_CLIENT_STATE_COUNT: c->due_ns = LH_NEVER; break;
  }
}

/* The run is over: a client stays only while replies may still come. */
static void wind_down(struct lh_engine *e, struct client *c, uint32_t slot) {
  if (owes_request(c) && e->now_ns < e->drain_ns) return;
  if (c->state == LH_CLIENT_WAITING)
    lh_client_enter(e, slot, LH_CLIENT_FINISHED);
  else if (c->state == LH_CLIENT_CONNECTING)
    lh_client_abort(e, slot, LH_REASON_SHUTDOWN, "");
  else if (c->state == LH_CLIENT_CLOSING)
    hurry_closing(e, c);
  if (c->state != LH_CLIENT_OPEN) return;
  c->due_ns = e->drain_ns;
  bool answered = c->flight_first == LH_NONE && !lh_schedule_holds(e, slot);
  if (answered || e->now_ns >= e->drain_ns) lh_client_close(e, slot, LH_REASON_SHUTDOWN);
}

void lh_client_stop(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  c->turn_ns = LH_NEVER;
  if (c->state != LH_CLIENT_OPEN && !(owes_request(c) && e->now_ns < e->drain_ns)) {
    lh_group_integrate(g, e->now_ns);
    c->ramp_wants = false;
    count_wanted(g, c);
  }
  if (is_live(c->state))
    lh_client_arm_by(e, slot, e->now_ns);
  else
    lh_login_leave(e, slot);
}

void lh_client_fire(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  c->armed_ns = LH_NEVER;
  if (e->stopping) wind_down(e, c, slot);
  if (c->turn_ns <= e->now_ns) take_turns(e, g, c, slot);
  if (c->due_ns <= e->now_ns) state_due(e, c, slot);
  if (next_ping_ns(e, g, c) <= e->now_ns) tend_pings(e, g, c, slot);
  if (c->lost_ns <= e->now_ns) lh_flight_expire(e, slot);
  leave(e, c, slot);
  if (stall_ns(g, c) <= e->now_ns) stalled(e, g, c, slot);
  if (lh_pushes_silence_ns(e, slot) <= e->now_ns) lh_pushes_fell_silent(e, slot);
  if (lh_login_next_ns(e, g, c, slot) <= e->now_ns) lh_login_tend(e, slot);
  lh_schedule_run(e, slot);
  lh_client_arm(e, slot);
}
