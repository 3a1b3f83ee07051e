#include "fault.h"

#include <string.h>

#include "frame.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "server.h"
#include "ws.h"

static uint32_t number_of(const struct server *server, const struct rule *rule) {
  return (uint32_t)(rule - server->script->rules);
}

static const struct rule *rule_of(const struct server *server, const struct timer *timer) {
  return &server->script->rules[timer->rule];
}

static void begin_close(struct server *server, struct conn *conn, const struct rule *rule) {
  conn_cause(conn, "us", action_word(ACTION_CLOSE), rule);
  ws_send_close(server, conn, (uint16_t)rule->code, rule->text, rule->text_len);
  conn_set_state(server, conn, CONN_CLOSING);
  conn_limit_closing(server, conn);
}

static void do_to_websocket(struct server *server, struct conn *conn, const struct rule *rule) {
  const char *text = rule->text ? rule->text : "";
  switch (rule->action) {
  case ACTION_CLOSE: begin_close(server, conn, rule); break;
  case ACTION_PING: ws_send_control(server, conn, OP_PING, text, rule->text_len); break;
  case ACTION_PONG: ws_send_control(server, conn, OP_PONG, text, rule->text_len); break;
  case ACTION_SEND: ws_send_message(server, conn, OP_TEXT, text, rule->text_len); break;
  case ACTION_BAD_FRAME: ws_send_bad_frame(server, conn, rule); break;
  default: break;
  }
}

void fault_do(struct server *server, struct conn *conn, const struct rule *rule) {
  bool is_ending = conn->state == CONN_DRAINING || conn->state == CONN_CLOSING || conn->state == CONN_SILENT;
  switch (rule->action) {
  case ACTION_RST:
  case ACTION_DROP:
    conn_cause(conn, "us", action_word(ACTION_RST), rule);
    conn_rst(server, conn);
    return;
  case ACTION_FIN:
    if (is_ending) return;
    conn_cause(conn, "us", action_word(ACTION_FIN), rule);
    conn->bare_fin = true;
    conn_fin(server, conn);
    return;
  case ACTION_SILENT:
    conn_cause(conn, "us", action_word(ACTION_SILENT), rule);
    conn_silence(server, conn);
    return;
  case ACTION_STOP_READING:
    conn->stopped_reading = true;
    conn_update_interest(server, conn);
    return;
  default: break;
  }
  if (conn->state == CONN_WS) {
    do_to_websocket(server, conn, rule);
  } else if (rule->action == ACTION_CLOSE && !is_ending) {
    conn_cause(conn, "us", action_word(ACTION_CLOSE), rule);
    conn_fin(server, conn); /* no close frame before the upgrade */
  }
}

/* ---- at and every ---- */

static bool takes(const struct server *server, const struct rule *rule, const struct conn *conn, uint32_t round) {
  if (!(conn->rules & UINT64_C(1) << number_of(server, rule))) return false;
  if (rule->trigger != TRIGGER_EVERY || rule->share >= 1) return true;
  return lh_rng_unit(script_random(server->script, rule, conn->number, round)) < rule->share;
}

static void moment_timer(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  const struct rule *rule = fired ? rule_of(server, timer) : NULL;
  if (!rule) return;
  if (rule->trigger == TRIGGER_EVERY) {
    struct timer next = *timer;
    next.due_ns += rule->when_ns;
    next.n++;
    loop_at(&server->loop, &next);
  }
  if (!rule_in_force(rule, server_elapsed_ns(server))) return;
  for (size_t fd = 0; fd < server->conn_room; fd++) {
    struct conn *conn = server->conns[fd];
    if (!conn || !takes(server, rule, conn, timer->n)) continue;
    uint64_t id = conn_id(conn);
    fault_do(server, conn, rule);
    conn_settle(server, id);
  }
}

/* ---- listeners ---- */

static void listener_timer(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  if (!fired) return;
  bool begins = timer->n == 0;
  if (rule_of(server, timer)->action == ACTION_STOP_ACCEPTING)
    server_accept(server, !begins);
  else
    server_set_listening(server, !begins);
}

void fault_start(struct server *server) {
  for (unsigned i = 0; i < server->script->count; i++) {
    const struct rule *rule = &server->script->rules[i];
    struct timer timer = {.due_ns = server->start_ns + rule->when_ns, .fn = moment_timer, .rule = i};
    if (rule->trigger == TRIGGER_AT || rule->trigger == TRIGGER_EVERY) loop_at(&server->loop, &timer);
    if (action_class(rule->action) != CLASS_LISTENER) continue;
    timer.fn = listener_timer;
    timer.due_ns = server->start_ns + rule->from_ns;
    loop_at(&server->loop, &timer);
    timer.due_ns = server->start_ns + rule->to_ns;
    timer.n = 1;
    loop_at(&server->loop, &timer);
  }
}

/* ---- after and idle ---- */

static bool is_over(const struct conn *conn) {
  return conn->state == CONN_DRAINING || conn->state == CONN_CLOSING || conn->state == CONN_SILENT;
}

static void conn_timer(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  struct conn *conn = fired ? conn_find(server, timer->id) : NULL;
  if (!conn || is_over(conn)) return;
  const struct rule *rule = rule_of(server, timer);
  struct timer next = *timer;
  bool is_idle = rule->trigger == TRIGGER_IDLE;
  next.due_ns = (is_idle ? conn->last_in_ns : server->loop.now_ns) + rule->when_ns;
  if (is_idle && next.due_ns > server->loop.now_ns) {
    loop_at(&server->loop, &next);
    return;
  }
  if (rule_in_force(rule, server_elapsed_ns(server))) fault_do(server, conn, rule);
  conn_settle(server, timer->id);
  if (!is_idle || !conn_find(server, timer->id) || is_over(conn)) return;
  next.due_ns = server->loop.now_ns + (rule->when_ns ? rule->when_ns : LH_NS_PER_MS);
  loop_at(&server->loop, &next);
}

void fault_conn_opened(struct server *server, struct conn *conn) {
  const struct script *script = server->script;
  uint64_t mask = conn->rules & (script->of_trigger[TRIGGER_AFTER] | script->of_trigger[TRIGGER_IDLE]);
  for (; mask; mask &= mask - 1) {
    uint32_t number = (uint32_t)__builtin_ctzll(mask);
    const struct rule *rule = &script->rules[number];
    double unit = lh_rng_unit(script_random(script, rule, conn->number, 1));
    double move = (double)rule->when_ns * rule->jitter * (unit - 0.5);
    uint64_t wait_ns = (uint64_t)((double)rule->when_ns + move);
    loop_at(&server->loop,
            &(struct timer){.due_ns = server->loop.now_ns + wait_ns, .fn = conn_timer, .id = conn_id(conn), .rule = number});
  }
}
