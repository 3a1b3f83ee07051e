#include "ws.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "frame.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "push.h"
#include "server.h"

/* A message or control frame that waits for its time. */
struct held {
  uint8_t opcode;
  size_t len;
  uint8_t bytes[];
};

void ws_free_held(struct held *held) {
  free(held);
}

static struct held *hold(uint8_t opcode, const void *bytes, size_t len) {
  struct held *held = malloc(sizeof *held + len);
  if (!held) return NULL;
  held->opcode = opcode;
  held->len = len;
  if (len) memcpy(held->bytes, bytes, len);
  return held;
}

/* The first rule of that action that is in force on this connection, or NULL. */
static const struct rule *mode(const struct server *server, const struct conn *conn, enum action action) {
  uint64_t mask = conn->rules & server->script->of_action[action];
  if (mask) mask = server_in_force(server, mask);
  return mask ? &server->script->rules[__builtin_ctzll(mask)] : NULL;
}

/* ---- sending ---- */

static void send_frame(struct server *server, struct conn *conn, uint8_t first, const void *payload, size_t len) {
  uint8_t header[FRAME_HEADER_MAX];
  size_t header_len = frame_write_header(header, first, len);
  if (conn_send(server, conn, header, header_len)) conn_send(server, conn, payload, len);
}

void ws_send_message(struct server *server, struct conn *conn, uint8_t opcode, const void *payload, size_t len) {
  const struct rule *fragment = mode(server, conn, ACTION_FRAGMENT);
  conn->count.messages_out++;
  if (!fragment || len <= fragment->size) {
    send_frame(server, conn, FRAME_FIN | opcode, payload, len);
    return;
  }
  uint64_t id = conn_id(conn);
  for (size_t at = 0; at < len; at += fragment->size) {
    size_t part = len - at < fragment->size ? len - at : fragment->size;
    uint8_t first = (uint8_t)((at == 0 ? opcode : OP_CONTINUATION) | (at + part == len ? FRAME_FIN : 0));
    send_frame(server, conn, first, (const uint8_t *)payload + at, part);
    if (!conn_find(server, id)) return;
  }
}

void ws_send_control(struct server *server, struct conn *conn, uint8_t opcode, const void *payload, size_t len) {
  if (opcode == OP_PING) conn->count.pings_out++;
  if (opcode == OP_PONG) conn->count.pongs_out++;
  send_frame(server, conn, FRAME_FIN | opcode, payload, len < FRAME_CONTROL_MAX ? len : FRAME_CONTROL_MAX);
}

void ws_send_close(struct server *server, struct conn *conn, uint16_t code, const char *text, size_t len) {
  uint8_t payload[FRAME_CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
  if (len > sizeof payload - 2) len = sizeof payload - 2;
  if (len) memcpy(payload + 2, text, len);
  conn->close_sent = code;
  send_frame(server, conn, FRAME_FIN | OP_CLOSE, payload, code == 1005 ? 0 : 2 + len);
}

void ws_send_bad_frame(struct server *server, struct conn *conn, const struct rule *rule) {
  static const uint8_t long_ping[4 + 126] = {0x89, 126, 0, 126};
#define FRAME(...)                                                                                                             \
  {                                                                                                                            \
    sizeof((const uint8_t[]){__VA_ARGS__}), (const uint8_t[]) {                                                                \
      __VA_ARGS__                                                                                                              \
    }                                                                                                                          \
  }
  const struct {
    size_t len;
    const uint8_t *bytes;
  } frames[BAD_COUNT] = {
      [BAD_OPCODE] = FRAME(0x83, 2, 'h', 'i'),
      [BAD_CONTROL_OPCODE] = FRAME(0x8b, 0),
      [BAD_RSV] = FRAME(0xc1, 2, 'h', 'i'),
      [BAD_MASKED] = FRAME(0x81, 0x82, 1, 2, 3, 4, 'h' ^ 1, 'i' ^ 2),
      [BAD_OVERSIZED] = FRAME(0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0, 'h', 'i'),
      [BAD_LENGTH] = FRAME(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 2, 'h', 'i'),
      [BAD_LONG_PING] = {sizeof long_ping, long_ping},
      [BAD_FRAGMENTED_PING] = FRAME(0x09, 2, 'h', 'i'),
      [BAD_CONTINUATION] = FRAME(0x80, 2, 'h', 'i'),
      [BAD_INTERLEAVED] = FRAME(0x01, 2, 'h', 'i', 0x81, 2, 'h', 'o'),
      [BAD_UTF8] = FRAME(0x81, 3, 'h', 0xc3, 0x28),
      [BAD_CLOSE_SHORT] = FRAME(0x88, 1, 3),
      [BAD_CLOSE_CODE] = FRAME(0x88, 2, 0x03, 0xed),
      [BAD_TRUNCATED] = FRAME(0x81, 100, 'h', 'a', 'l', 'f'),
  };
#undef FRAME
  conn->count.bad_frames++;
  conn_cause(conn, "us", action_word(ACTION_BAD_FRAME), rule);
  if (conn_send(server, conn, frames[rule->code].bytes, frames[rule->code].len) && rule->code == BAD_TRUNCATED)
    conn_fin(server, conn);
}

/* ---- replies and the rules that spoil them ---- */

/* Sends a reply, and after it one that was held back to be overtaken. */
static void send_reply(struct server *server, struct conn *conn, uint8_t opcode, const void *payload, size_t len) {
  uint64_t id = conn_id(conn);
  ws_send_message(server, conn, opcode, payload, len);
  struct held *held = conn_find(server, id) ? conn->reordered_reply : NULL;
  if (!held) return;
  conn->reordered_reply = NULL;
  ws_send_message(server, conn, held->opcode, held->bytes, held->len);
  ws_free_held(held);
}

static void delayed_reply(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  struct held *held = timer->data;
  struct conn *conn = fired ? conn_find(server, timer->id) : NULL;
  if (conn && conn->state == CONN_WS) {
    if (held->opcode < OP_CLOSE)
      send_reply(server, conn, held->opcode, held->bytes, held->len);
    else
      ws_send_control(server, conn, held->opcode, held->bytes, held->len);
    conn_settle(server, timer->id);
  }
  ws_free_held(held);
}

static void send_later(struct server *server, struct conn *conn, uint8_t opcode, const void *payload, size_t len,
                       uint64_t wait_ns) {
  struct held *held = hold(opcode, payload, len);
  conn->count.delayed++;
  if (held)
    loop_at(&server->loop,
            &(struct timer){.due_ns = server->loop.now_ns + wait_ns, .fn = delayed_reply, .id = conn_id(conn), .data = held});
}

struct fate {
  bool silent; /* no echo at all */
  bool lose, duplicate, reorder, corrupt, delay;
  uint64_t delay_ns;
};

static bool takes_message(const struct server *server, const struct conn *conn, const struct rule *rule) {
  uint64_t n = conn->count.messages_in;
  if (rule->trigger == TRIGGER_MESSAGE) return n == rule->message;
  if (rule->trigger == TRIGGER_EACH) return lh_rng_unit(script_random(server->script, rule, conn->number, n)) < rule->chance;
  return true;
}

static void add_fate(const struct server *server, const struct conn *conn, const struct rule *rule, struct fate *fate) {
  switch (rule->action) {
  case ACTION_LOSE: fate->lose = true; break;
  case ACTION_DUPLICATE: fate->duplicate = true; break;
  case ACTION_REORDER: fate->reorder = true; break;
  case ACTION_CORRUPT: fate->corrupt = true; break;
  case ACTION_NO_ECHO: fate->silent = true; break;
  case ACTION_DELAY:
    fate->delay = true;
    fate->delay_ns += script_span_ns(server->script, rule, conn->number, conn->count.messages_in);
    break;
  default: break;
  }
}

/* Changes one byte so that ASCII stays ASCII: a corrupt text is still a text. */
static void corrupt(uint8_t *payload, size_t len, uint64_t random) {
  size_t at = (size_t)lh_rng_below(random, len);
  for (size_t i = 0; i < len && payload[at] >= 0x80; i++) at = (at + 1) % len;
  payload[at] ^= 1;
}

/* What the rules make of this message; false when the connection can no longer answer. */
static bool decide(struct server *server, struct conn *conn, uint64_t mask, struct fate *fate) {
  uint64_t id = conn_id(conn);
  for (mask = server_in_force(server, mask); mask; mask &= mask - 1) {
    const struct rule *rule = &server->script->rules[__builtin_ctzll(mask)];
    if (!takes_message(server, conn, rule)) continue;
    if (action_class(rule->action) != CLASS_MOMENT) {
      add_fate(server, conn, rule, fate);
      continue;
    }
    fault_do(server, conn, rule);
    if (!conn_find(server, id) || conn->state != CONN_WS) return false;
  }
  return true;
}

static void answer_by_rules(struct server *server, struct conn *conn, uint8_t opcode, uint8_t *payload, size_t len,
                            uint64_t mask) {
  struct fate fate = {0};
  if (!decide(server, conn, mask, &fate) || fate.silent) return;
  if (fate.lose) {
    conn->count.lost++;
    return;
  }
  if (fate.corrupt && len) {
    conn->count.corrupted++;
    corrupt(payload, len, lh_rng_at(server->script->seed, LH_RNG_PAYLOAD, conn->number, conn->count.messages_in));
  }
  if (fate.reorder && !conn->reordered_reply) {
    conn->reordered_reply = hold(opcode, payload, len);
    conn->count.reordered++;
    return;
  }
  uint64_t id = conn_id(conn);
  if (fate.duplicate) conn->count.duplicated++;
  for (int i = 0; i <= (fate.duplicate ? 1 : 0) && conn_find(server, id); i++) {
    if (fate.delay)
      send_later(server, conn, opcode, payload, len, fate.delay_ns);
    else
      send_reply(server, conn, opcode, payload, len);
  }
}

static void on_message(struct server *server, struct conn *conn, uint8_t opcode, uint8_t *payload, size_t len) {
  if (conn->count.messages_in++ == 0) conn->first_message = conn_times_now();
  server->pulse.messages++;
  if (conn->state != CONN_WS) return;
  uint64_t mask = conn->rules & server->script->per_message;
  if (mask)
    answer_by_rules(server, conn, opcode, payload, len, mask);
  else
    ws_send_message(server, conn, opcode, payload, len);
}

/* ---- reading ---- */

static void refuse_frame(struct server *server, struct conn *conn, const char *what, uint16_t code) {
  conn_wrong(conn, what);
  if (conn->state == CONN_WS) ws_send_close(server, conn, code, what, strlen(what));
  conn_fin(server, conn);
}

static void on_ping(struct server *server, struct conn *conn, const uint8_t *payload, size_t len) {
  conn->count.pings_in++;
  if (conn->state != CONN_WS || mode(server, conn, ACTION_NO_PONG)) return;
  const struct rule *delay = mode(server, conn, ACTION_PONG_DELAY);
  if (mode(server, conn, ACTION_WRONG_PONG)) {
    payload = (const uint8_t *)"not what was asked";
    len = 18;
  }
  if (delay)
    send_later(server, conn, OP_PONG, payload, len, script_span_ns(server->script, delay, conn->number, conn->count.pings_in));
  else
    ws_send_control(server, conn, OP_PONG, payload, len);
}

static bool may_be_sent(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void on_close(struct server *server, struct conn *conn, const uint8_t *payload, size_t len) {
  uint16_t code = (uint16_t)(len >= 2 ? payload[0] << 8 | payload[1] : 1005);
  if (len == 1 || (len >= 2 && !may_be_sent(code))) {
    refuse_frame(server, conn, "close code that may not be sent", 1002);
    return;
  }
  conn->close_received = code;
  if (len > 2) memcpy(conn->close_text, payload + 2, len - 2);
  if (conn->state == CONN_WS) {
    conn_cause(conn, "peer", "close", NULL);
    ws_send_close(server, conn, code, NULL, 0);
  }
  conn_end_after_flush(server, conn);
}

/* A fragment of a message: gathers them and answers the whole. */
static void on_part(struct server *server, struct conn *conn, const struct frame *frame, const uint8_t *payload) {
  if (conn->parts_len + frame->len > server->options->message_max) {
    refuse_frame(server, conn, "message too big", 1009);
    return;
  }
  if (frame->opcode) conn->parts_opcode = frame->opcode;
  if (!bytes_append(&conn->parts, &conn->parts_len, &conn->parts_room, payload, (size_t)frame->len)) {
    conn_cause(conn, "us", "no memory", NULL);
    conn_end(server, conn);
    return;
  }
  if (!frame->fin) return;
  uint8_t *whole = conn->parts, opcode = conn->parts_opcode;
  size_t len = conn->parts_len;
  conn->parts = NULL;
  conn->parts_len = conn->parts_room = 0;
  conn->parts_opcode = 0;
  on_message(server, conn, opcode, whole, len);
  free(whole);
}

static void on_frame(struct server *server, struct conn *conn, const struct frame *frame, uint8_t *payload) {
  size_t len = (size_t)frame->len;
  switch (frame->opcode) {
  case OP_PING: on_ping(server, conn, payload, len); return;
  case OP_PONG: conn->count.pongs_in++; return;
  case OP_CLOSE: on_close(server, conn, payload, len); return;
  default: break;
  }
  if ((frame->opcode == OP_CONTINUATION) != (conn->parts_opcode != 0))
    refuse_frame(server, conn, frame->opcode ? "message inside a message" : "continuation of nothing", 1002);
  else if (frame->fin && frame->opcode)
    on_message(server, conn, frame->opcode, payload, len);
  else
    on_part(server, conn, frame, payload);
}

size_t ws_on_bytes(struct server *server, struct conn *conn, uint8_t *bytes, size_t len) {
  uint64_t id = conn_id(conn);
  size_t used = 0;
  struct frame frame;
  while (used < len && frame_read(bytes + used, len - used, &frame)) {
    const char *wrong = frame_wrong_from_client(&frame);
    bool too_big = frame.len > server->options->message_max;
    if (wrong || too_big) {
      refuse_frame(server, conn, wrong ? wrong : "message too big", wrong ? 1002 : 1009);
      return len;
    }
    size_t whole = frame.header_len + (size_t)frame.len;
    if (len - used < whole) break;
    uint8_t *payload = bytes + used + frame.header_len;
    used += whole;
    frame_unmask(payload, (size_t)frame.len, frame.key);
    on_frame(server, conn, &frame, payload);
    conn = conn_find(server, id);
    if (!conn || (conn->state != CONN_WS && conn->state != CONN_CLOSING)) break;
  }
  return used;
}

size_t ws_bytes_wanted(const uint8_t *bytes, size_t len) {
  struct frame frame;
  return frame_read(bytes, len, &frame) ? frame.header_len + (size_t)frame.len : 0;
}

/* ---- pushes and pings ---- */

static void push_one(struct server *server, struct conn *conn, const struct rule *rule, const struct push *push) {
  char head[128];
  int len = snprintf(head, sizeof head, "{\"seq\":%" PRIu64 ",\"time_us\":%" PRId64 ",\"conn\":%" PRIu64, push->seq,
                     push->time_us, conn->number);
  size_t plain = (size_t)len + 1, pad_quotes = 9; /* ,"pad":"" */
  size_t pad = rule->size > plain + pad_quotes ? rule->size - plain - pad_quotes : 0;
  if (pad == 0) {
    head[len++] = '}';
    ws_send_message(server, conn, OP_TEXT, head, (size_t)len);
    return;
  }
  char *whole = malloc(rule->size + 1);
  if (!whole) return;
  memcpy(whole, head, (size_t)len);
  char *at = whole + len;
  memcpy(at, ",\"pad\":\"", 8);
  memset(at + 8, 'x', pad);
  memcpy(at + 8 + pad, "\"}", 2);
  ws_send_message(server, conn, OP_TEXT, whole, (size_t)len + 10 + pad);
  free(whole);
}

static void push_message(struct server *server, struct conn *conn, const struct rule *rule) {
  struct push pushes[PUSHES_MAX];
  if (conn_out_pending(conn) > OUT_PENDING_MAX) {
    conn->count.push_skipped++;
    return;
  }
  unsigned count = push_next(server, conn, pushes);
  for (unsigned i = 0; i < count; i++) push_one(server, conn, rule, &pushes[i]);
}

static uint64_t tick_period_ns(const struct rule *rule) {
  return rule->action == ACTION_PUSH ? (uint64_t)(1e9 / rule->rate) : rule->time_ns;
}

static void tick_timer(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  struct conn *conn = fired ? conn_find(server, timer->id) : NULL;
  const struct rule *rule = &server->script->rules[timer->rule];
  if (!conn || conn->state != CONN_WS || server_elapsed_ns(server) >= rule->to_ns) return;
  struct timer next = *timer;
  next.due_ns += tick_period_ns(rule);
  loop_at(&server->loop, &next);
  if (!rule_in_force(rule, server_elapsed_ns(server))) return;
  if (rule->action == ACTION_PUSH)
    push_message(server, conn, rule);
  else
    ws_send_control(server, conn, OP_PING, "faultd", 6);
  conn_settle(server, timer->id);
}

void ws_start(struct server *server, struct conn *conn) {
  const struct script *script = server->script;
  uint64_t mask = conn->rules & (script->of_action[ACTION_PUSH] | script->of_action[ACTION_PING_EVERY]);
  for (; mask; mask &= mask - 1) {
    uint32_t number = (uint32_t)__builtin_ctzll(mask);
    const struct rule *rule = &script->rules[number];
    /* Spread over the first period, so that connections of one moment do not push together. */
    uint64_t offset = (uint64_t)((double)tick_period_ns(rule) * lh_rng_unit(script_random(script, rule, conn->number, 0)));
    loop_at(&server->loop,
            &(struct timer){.due_ns = server->loop.now_ns + offset, .fn = tick_timer, .id = conn_id(conn), .rule = number});
  }
}
