#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn/engine_private.h"
#include "conn/json_pointer.h"

enum { TAILROOM = 16 };

/* ---- compiling ---- */

static int fault(const struct group *g, const struct message *message, struct lh_err *err) {
  return lh_err_prefix(err, "group '%s', message '%s'", g->config->name, message->config->name);
}

/* Text, text files and hex may hold variables; other bytes are sent as they are. */
static bool is_template(const struct lh_message *config) {
  return config->source == LH_PAYLOAD_TEXT || config->source == LH_PAYLOAD_HEX || (config->source == LH_PAYLOAD_FILE && !config->binary);
}

static int compile_payload(const struct group *g, struct message *message, struct lh_err *err) {
  const struct lh_message *config = message->config;
  if (config->source == LH_PAYLOAD_SIZE) return lh_template_fill(config->payload_len, &message->payload, err);
  if (is_template(config))
    return lh_template_compile_for(g->config, config->payload, config->payload_len, &message->payload, err);
  return 0;
}

/* `contains` that is no more than the token says nothing that finding the token does not. */
static int compile_contains(const struct group *g, struct message *message, struct lh_err *err) {
  const struct lh_reply_config *reply = &message->config->reply;
  bool known = reply->match != LH_MATCH_ORDER && message->has_token;
  if (!reply->contains || (known && strcmp(reply->contains, "${token}") == 0)) return 0;
  return lh_template_compile_for(g->config, reply->contains, strlen(reply->contains), &message->contains, err);
}

/* How replies are known. An echo that has no room for a token is known by its order, its content is compared all the same. */
static int choose_match(struct message *message, struct lh_err *err) {
  const struct lh_reply_config *reply = &message->config->reply;
  message->match = reply->match;
  if (message->config->after == LH_AFTER_REPLY && reply->match == LH_MATCH_NONE)
    return lh_err_set(err, EINVAL,
                      "it is sent after each reply, but no reply is expected: give it `reply:`, or another `after:`");
  if (reply->match == LH_MATCH_NONE || reply->match == LH_MATCH_ORDER || message->has_token) return 0;
  if (reply->match != LH_MATCH_ECHO)
    return lh_err_set(err, EINVAL,
                      "its replies are known by their token, but it sends none: put ${token} into it, or match by order");
  message->match = LH_MATCH_ORDER;
  return 0;
}

/* Of a response's body. */
static int compile_checks(const struct group *g, struct message *message, struct lh_err *err) {
  const struct lh_reply_config *reply = &message->config->reply;
  if (reply->matches) {
    message->matches = calloc(1, sizeof *message->matches);
    if (!message->matches) return lh_err_set(err, ENOMEM, "no memory for a regular expression");
    int failed = regcomp(message->matches, reply->matches, REG_EXTENDED | REG_NOSUB);
    if (failed) {
      char why[128];
      regerror(failed, message->matches, why, sizeof why);
      free(message->matches);
      message->matches = NULL;
      return lh_err_set(err, EINVAL, "'%s' is not an extended regular expression: %s", reply->matches, why);
    }
  }
  return reply->equals ? lh_template_compile_for(g->config, reply->equals, strlen(reply->equals), &message->equals, err) : 0;
}

static int compile_message(const struct group *g, struct message *message, struct lh_err *err) {
  const struct lh_reply_config *reply = &message->config->reply;
  int rc = compile_payload(g, message, err);
  if (rc < 0) return rc;
  message->has_token = message->payload && lh_template_has_token(message->payload);
  if ((rc = choose_match(message, err)) < 0) return rc;
  if (reply->pointer && !lh_json_pointer_valid(reply->pointer))
    return lh_err_set(err, EINVAL,
                      "'%s' is not a JSON pointer: expected \"\" or parts that each begin with /, with ~0 for ~ and ~1 for /",
                      reply->pointer);
  if ((rc = compile_checks(g, message, err)) < 0) return rc;
  return compile_contains(g, message, err);
}

static void note(struct group *g, const struct message *message) {
  uint64_t lost_after_ns = message->config->reply.lost_after_ns;
  if (message->match != LH_MATCH_NONE && lost_after_ns) g->lost_after_min_ns = lh_min(g->lost_after_min_ns, lost_after_ns);
  g->seeks_tokens |= message->match == LH_MATCH_TOKEN || message->match == LH_MATCH_ECHO;
  g->seeks_pointers |= message->match == LH_MATCH_POINTER;
  g->seeks_order |= message->match == LH_MATCH_ORDER;
  g->has_triggers |= message->config->after == LH_AFTER_INCOMING;
  g->has_anchors |= message->config->after == LH_AFTER_INCOMING && message->config->every_ns;
  g->one_way_tokens |= message->match == LH_MATCH_NONE && message->has_token;
}

/* Most bytes that are ever written for it: the message, or the text its reply must hold. */
static size_t largest(const struct message *message) {
  size_t payload = message->payload ? lh_template_size_max(message->payload) : message->config->payload_len;
  size_t contains = message->contains ? lh_template_size_max(message->contains) : 0;
  size_t equals = message->equals ? lh_template_size_max(message->equals) : 0;
  if (equals > contains) contains = equals;
  return payload > contains ? payload : contains;
}

int lh_messages_compile(struct lh_engine *e, struct group *g, struct lh_err *err) {
  g->message_count = (uint32_t)g->config->message_count;
  g->messages = calloc(g->message_count ? g->message_count : 1, sizeof *g->messages);
  if (!g->messages) return lh_err_set(err, ENOMEM, "no memory for the messages of group '%s'", g->config->name);
  g->lost_after_min_ns = LH_NEVER;
  for (uint32_t m = 0; m < g->message_count; m++) {
    struct message *message = &g->messages[m];
    message->config = &g->config->messages[m];
    if (compile_message(g, message, err) < 0) return fault(g, message, err);
    note(g, message);
    if (g->config->kind == LH_KIND_NULL && lh_null_compile(message, err) < 0) return fault(g, message, err);
    size_t size = largest(message) + LH_IO_HEADROOM + TAILROOM;
    if (size > e->scratch_size) e->scratch_size = size;
  }
  return 0;
}

void lh_messages_free(struct group *g) {
  for (uint32_t m = 0; g->messages && m < g->message_count; m++) {
    lh_template_free(g->messages[m].payload);
    lh_template_free(g->messages[m].contains);
    lh_template_free(g->messages[m].answer);
    lh_template_free(g->messages[m].equals);
    if (g->messages[m].matches) regfree(g->messages[m].matches);
    free(g->messages[m].matches);
  }
  free(g->messages);
}

/* ---- sending ---- */

struct lh_template_values lh_message_values(const struct lh_engine *e, uint32_t slot, uint64_t seq, uint64_t now_ns) {
  const struct group *g = &e->groups[e->clients[slot].group];
  uint32_t client = lh_client_number(e, g, slot);
  uint64_t seed = e->config->run.seed;
  int64_t wall_us = e->args.start_wall_us + (int64_t)((now_ns - e->args.start_ns) / LH_NS_PER_US);
  return (struct lh_template_values){
      .tag = e->tag,
      .token = {.client = client, .group = g->number, .seq = seq},
      .group_name = g->config->name,
      .time_ms = (uint64_t)(wall_us / 1000),
      .seed = seed,
      .row = lh_plan_data_row(g->config, seed, g->number, client, seq),
      .login = lh_login_at(e, slot, now_ns),
  };
}

/* FNV-1a's step on eight bytes at a time, with a final mix: told apart are damaged echoes, not adversaries. */
uint64_t lh_message_hash(const struct group *g, const char *bytes, size_t len, uint64_t total) {
  const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t hash = total * prime, word;
  if (len > g->config->message_max) len = g->config->message_max;
  for (; len >= sizeof word; bytes += sizeof word, len -= sizeof word) {
    memcpy(&word, bytes, sizeof word);
    hash = (hash ^ word) * prime;
    hash ^= hash >> 29;
  }
  word = 0;
  memcpy(&word, bytes, len);
  hash = (hash ^ word) * prime;
  return hash ^ hash >> 32;
}

static uint64_t clock_of(const struct lh_engine *e, const struct lh_io *io) {
  uint64_t now = io->now ? io->now(io->context) : 0;
  return now > e->now_ns ? now : e->now_ns;
}

static void count_sent(struct group *g, struct client *c, size_t len, const struct flight *flight, bool one_way) {
  lh_count(g, LH_COUNTER_messages_sent, 1);
  lh_count(g, LH_COUNTER_bytes_sent, len);
  if (one_way) lh_count(g, LH_COUNTER_one_way, 1);
  lh_record_ns(g, LH_HIST_send_lateness, flight->sent_ns - flight->planned_ns);
  lh_replies_sent(c, one_way);
}

/* Renders a message into the scratch buffer and hands it to the kind. */
static enum lh_send_result send_rendered(struct lh_engine *e, uint32_t slot, struct flight *flight, size_t *len) {
  struct group *g = lh_group_of(e, &e->clients[slot]);
  const struct message *message = &g->messages[flight->message];
  char *bytes = e->scratch + LH_IO_HEADROOM;
  *len = message->config->payload_len;
  if (message->payload) {
    struct lh_template_values values = lh_message_values(e, slot, flight->seq, flight->sent_ns);
    *len = lh_template_render(message->payload, &values, bytes);
  } else if (*len > 0) {
    memcpy(bytes, message->config->payload, *len);
  }
  if (message->config->reply.match == LH_MATCH_ECHO) flight->hash = lh_message_hash(g, bytes, *len, *len);
  g->sending_seq = flight->seq;
  g->sending_ns = flight->sent_ns;
  return g->io->send(g->io->context, slot, flight->message, bytes, *len, message->config->binary);
}

int lh_message_send(struct lh_engine *e, uint32_t slot, uint32_t m, uint64_t planned_ns) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  const bool one_way = g->messages[m].match == LH_MATCH_NONE;
  if (lh_login_holds(e, slot) || (!one_way && !lh_flight_ready(e))) return LH_SEND_HELD;

  struct flight flight = {.planned_ns = planned_ns, .sent_ns = clock_of(e, g->io), .seq = c->seq, .message = m, .skipped = lh_states_of(g, slot)[m].skipped};
  size_t len;
  enum lh_send_result result = send_rendered(e, slot, &flight, &len);
  if (result != LH_SEND_DONE) return (int)result;
  count_sent(g, c, len, &flight, one_way);
  lh_states_of(g, slot)[m].skipped = 0;
  if (!one_way) lh_flight_add(e, slot, &flight);
  return LH_SEND_DONE;
}

void lh_message_resend(struct lh_engine *e, uint32_t slot) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  struct flight *flight = &e->flights.items[c->flight_first];
  size_t len;
  flight->sent_ns = clock_of(e, g->io);
  if (!g->io->send || send_rendered(e, slot, flight, &len) != LH_SEND_DONE)
    lh_flight_lose_all(e, slot);
  else
    lh_count(g, LH_COUNTER_bytes_sent, len);
}

struct lh_template_values lh_engine_sending(const struct lh_engine *engine, uint32_t slot) {
  const struct group *g = &engine->groups[engine->clients[slot].group];
  return lh_message_values(engine, slot, g->sending_seq, g->sending_ns);
}

bool lh_engine_asked(const struct lh_engine *engine, uint32_t slot, struct lh_template_values *values) {
  const struct client *c = &engine->clients[slot];
  if (c->flight_first == LH_NONE) return false;
  const struct flight *flight = &engine->flights.items[c->flight_first];
  *values = lh_message_values(engine, slot, flight->seq, flight->sent_ns);
  return true;
}
