/* What a response to a request is: its time, its size, and whether it is what the config asks for. Kind http.
 *
 * There is one request in flight at most, the client's first; a body is kept only when a check reads it. */
#include <stdlib.h>
#include <string.h>

#include "conn/engine_private.h"
#include "conn/json_pointer.h"

static const struct message *awaited(struct lh_engine *e, const struct client *c) {
  if (c->flight_first == LH_NONE) return NULL; /* given up meanwhile */
  return &lh_group_of(e, c)->messages[e->flights.items[c->flight_first].message];
}

static bool reads_body(const struct message *message) {
  return message->contains || message->matches || message->config->reply.pointer;
}

static struct client *heard(struct lh_engine *e, uint32_t slot, uint64_t now_ns) {
  struct client *c = &e->clients[slot];
  assert(c->state == LH_CLIENT_OPEN || c->state == LH_CLIENT_CLOSING);
  if (now_ns > e->now_ns) e->now_ns = now_ns;
  c->heard_ns = e->now_ns;
  return c;
}

void lh_engine_on_first_byte(struct lh_engine *engine, uint32_t slot, uint64_t now_ns) {
  struct client *c = heard(engine, slot, now_ns);
  lh_replies_forget_pieces(engine, c);
  if (c->flight_first == LH_NONE) return;
  uint64_t sent_ns = engine->flights.items[c->flight_first].sent_ns;
  lh_record_ns(lh_group_of(engine, c), LH_HIST_ttfb, engine->now_ns - sent_ns);
}

static void keep(struct lh_engine *e, struct client *c, const char *bytes, size_t len) {
  const struct message *message = awaited(e, c);
  if (!message) return;
  if (reads_body(message))
    lh_gather_add(e, c, bytes, len, lh_group_of(e, c)->config->message_max);
  else if (message->config->reply.body_max)
    lh_gather_add(e, c, bytes, len, 0); /* its length alone */
}

void lh_engine_on_body(struct lh_engine *engine, uint32_t slot, const void *bytes, size_t len, uint64_t now_ns) {
  struct client *c = heard(engine, slot, now_ns);
  lh_count(lh_group_of(engine, c), LH_COUNTER_bytes_received, len);
  keep(engine, c, bytes, len);
}

/* ---- checks ---- */

struct body {
  const char *bytes;
  size_t len;     /* kept */
  uint64_t total; /* received */
};

static bool is_accepted(const struct lh_reply_config *reply, unsigned status) {
  for (size_t i = 0; i < LH_STATUSES_MAX && reply->status[i]; i++)
    if (reply->status[i] == status || reply->status[i] == status / 100) return true;
  return false;
}

/* Renders into the scratch buffer. */
static size_t render(struct lh_engine *e, uint32_t slot, const struct lh_template *template) {
  const struct flight *flight = &e->flights.items[e->clients[slot].flight_first];
  struct lh_template_values values = lh_message_values(e, slot, flight->seq, flight->sent_ns);
  return lh_template_render(template, &values, e->scratch + LH_IO_HEADROOM);
}

static bool has_content(struct lh_engine *e, uint32_t slot, const struct message *message, const struct body *body) {
  if (message->contains) {
    size_t len = render(e, slot, message->contains);
    if (!memmem(body->bytes, body->len, e->scratch + LH_IO_HEADROOM, len)) return false;
  }
  if (!message->matches) return true;
  /* Not regexec: its text ends with a NUL, and AddressSanitizer's stand-in looks for one even with REG_STARTEND. */
  return re_search(message->matches, body->bytes, (regoff_t)body->len, 0, (regoff_t)body->len, NULL) >= 0;
}

static bool has_value(struct lh_engine *e, uint32_t slot, const struct message *message, const struct body *body) {
  struct lh_json_span value;
  if (!message->config->reply.pointer) return true;
  if (!lh_json_pointer_find(message->config->reply.pointer, body->bytes, body->len, &value)) return false;
  if (!message->equals) return true;
  size_t len = render(e, slot, message->equals);
  return lh_json_span_is(value, e->scratch + LH_IO_HEADROOM, len);
}

static void check(struct lh_engine *e, uint32_t slot, const struct lh_response *response, const struct body *body) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  const struct message *message = awaited(e, c);
  const struct lh_reply_config *reply = &message->config->reply;
  const struct {
    enum lh_counter_id counter;
    bool failed;
  } checks[] = {
      {LH_COUNTER_wrong_status, !is_accepted(reply, response->status)},
      {LH_COUNTER_too_large, reply->body_max && body->total > reply->body_max},
      {LH_COUNTER_wrong_content, !has_content(e, slot, message, body)},
      {LH_COUNTER_wrong_value, !has_value(e, slot, message, body)},
  };
  bool failed = false;
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    failed |= checks[i].failed;
    lh_count(g, checks[i].counter, checks[i].failed);
  }
  lh_count(g, LH_COUNTER_failed, failed);
  if (reads_body(message) && body->total > body->len) lh_count(g, LH_COUNTER_truncated, 1);
}

void lh_engine_on_response(struct lh_engine *engine, uint32_t slot, const struct lh_response *response, uint64_t now_ns) {
  struct client *c = heard(engine, slot, now_ns);
  lh_count(lh_group_of(engine, c), LH_COUNTER_bytes_received, response->len);
  struct body body = {response->bytes, response->len, response->len};
  if (c->gather) {
    keep(engine, c, response->bytes, response->len);
    body = (struct body){c->gather->bytes, c->gather->len, c->gather->total};
  }
  if (awaited(engine, c)) {
    check(engine, slot, response, &body);
    if (response->status == 401)
      lh_login_refused(engine, slot, engine->flights.items[c->flight_first].sent_ns);
    else
      lh_login_proved(engine, slot);
    lh_replies_book(engine, slot, c->flight_first, !response->closes);
  }
  lh_replies_forget_pieces(engine, c);
  if (lh_group_of(engine, c)->logins) lh_client_arm(engine, slot); /* one may have waited for this */
  if (engine->stopping && c->flight_first == LH_NONE) lh_client_arm_by(engine, slot, engine->now_ns);
}
