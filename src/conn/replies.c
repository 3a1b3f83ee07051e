/* What an incoming message is: the reply to one in flight, one more to an earlier one, or something unasked.
 *
 * Tokens say whose message they answer, so that nothing but the messages in flight and two bits for each of a client's last
 * 32 need be remembered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn/engine_private.h"
#include "conn/json_pointer.h"

enum { FATE_BITS = 2, FATES = 64 / FATE_BITS, GATHER_FIRST = 1024 };

/* ---- fates ---- */

void lh_replies_sent(struct client *c, bool one_way) {
  c->recent = c->recent << FATE_BITS | (one_way ? FATE_ONE_WAY : FATE_UNANSWERED);
  c->seq++;
}

static void set_answered(struct client *c, uint64_t seq) {
  uint64_t back = c->seq - 1 - seq;
  if (back >= FATES) return;
  c->recent &= ~(UINT64_C(3) << back * FATE_BITS);
  c->recent |= (uint64_t)FATE_ANSWERED << back * FATE_BITS;
}

/* Whether message seq is the one whose low 32 bits are mark, or before it; both lie within 2^31 of each other. */
static bool seen_at_or_before(uint64_t seq, uint32_t mark) {
  return (int32_t)((uint32_t)seq - mark) <= 0;
}

/* A token of this client that is in flight no longer (or never was). */
static enum lh_counter_id class_of_earlier(const struct lh_engine *e, const struct client *c, uint64_t seq) {
  const struct group *g = &e->groups[c->group];
  if (seq >= c->seq || seq < e->first_seq) return LH_COUNTER_incoming; /* another worker's, before this one took over */
  uint64_t back = c->seq - 1 - seq;
  bool may_be_lost = c->lost_unanswered > 0 && seen_at_or_before(seq, c->lost_seq);
  if (back >= FATES) {
    if (may_be_lost) return LH_COUNTER_lost_then_replied;
    return g->one_way_tokens ? LH_COUNTER_incoming : LH_COUNTER_duplicate;
  }
  enum fate fate = (enum fate)(c->recent >> back * FATE_BITS & 3);
  if (fate == FATE_ONE_WAY) return LH_COUNTER_incoming;
  return fate == FATE_UNANSWERED && may_be_lost ? LH_COUNTER_lost_then_replied : LH_COUNTER_duplicate;
}

struct incoming {
  const char *bytes;
  size_t len;     /* kept */
  uint64_t total; /* received */
};

static void take_push(struct lh_engine *e, uint32_t slot, const struct incoming *in) {
  lh_pushes_take(e, slot, &(struct lh_push){.bytes = in->bytes, .len = in->len});
}

static void count_earlier(struct lh_engine *e, uint32_t slot, uint64_t seq, const struct incoming *in) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  enum lh_counter_id class = class_of_earlier(e, c, seq);
  if (class == LH_COUNTER_incoming) {
    take_push(e, slot, in);
    return;
  }
  lh_count(g, class, 1);
  if (class != LH_COUNTER_lost_then_replied) return;
  c->lost_unanswered--;
  set_answered(c, seq);
}

/* ---- matching ---- */

static bool holds_text(struct lh_engine *e, uint32_t slot, const struct flight *flight, const struct incoming *in) {
  const struct message *message = &lh_group_of(e, &e->clients[slot])->messages[flight->message];
  if (!message->contains) return true;
  struct lh_template_values values = lh_message_values(e, slot, flight->seq, flight->sent_ns);
  char *text = e->scratch + LH_IO_HEADROOM;
  size_t len = lh_template_render(message->contains, &values, text);
  return memmem(in->bytes, in->len, text, len) != NULL;
}

static bool is_right(struct lh_engine *e, uint32_t slot, const struct flight *flight, const struct incoming *in) {
  const struct group *g = lh_group_of(e, &e->clients[slot]);
  bool echo = g->messages[flight->message].config->reply.match == LH_MATCH_ECHO;
  if (echo && flight->hash != lh_message_hash(g, in->bytes, in->len, in->total)) return false;
  return holds_text(e, slot, flight, in);
}

/* Messages skipped since the one before was not answered, or the socket was full, would have been answered now at the
 * earliest: left out of the histogram, a server that stands still would be measured by the few that got through (coordinated
 * omission). Their due times are taken as whole periods apart: jitter is within a period, and they waited at least one. */
static void charge_skipped(const struct lh_engine *e, struct group *g, const struct flight *flight) {
  const uint64_t every_ns = g->messages[flight->message].config->every_ns;
  uint64_t response = e->now_ns - flight->planned_ns;
  for (uint32_t i = 0; i < flight->skipped; i++) lh_record_ns(g, LH_HIST_response, response += every_ns);
  lh_count(g, LH_COUNTER_skipped_charged, flight->skipped);
}

void lh_replies_book(struct lh_engine *e, uint32_t slot, uint32_t f, bool goes_on) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  const struct flight flight = e->flights.items[f];
  const struct lh_reply_config *reply = &g->messages[flight.message].config->reply;
  uint64_t response = e->now_ns - flight.planned_ns;
  lh_count(g, LH_COUNTER_replied, 1);
  lh_record_ns(g, LH_HIST_response, response);
  if (flight.skipped > 0) charge_skipped(e, g, &flight);
  lh_record_ns(g, LH_HIST_service, e->now_ns - flight.sent_ns);
  if (reply->within_ns && response > reply->within_ns) lh_count(g, LH_COUNTER_late, 1);
  if (seen_at_or_before(flight.seq, c->replied_seq))
    lh_count(g, LH_COUNTER_out_of_order, 1);
  else
    c->replied_seq = (uint32_t)flight.seq;
  set_answered(c, flight.seq);
  lh_flight_remove(e, slot, f);
  if (goes_on) lh_schedule_answered(e, slot, flight.message);
}

static void settle(struct lh_engine *e, uint32_t slot, uint32_t f, const struct incoming *in) {
  if (!is_right(e, slot, &e->flights.items[f], in)) lh_count(lh_group_of(e, &e->clients[slot]), LH_COUNTER_corrupt, 1);
  lh_replies_book(e, slot, f, true);
}

/* Whether a token of the group and client of this slot. */
static bool is_ours(const struct lh_engine *e, uint32_t slot, const struct lh_token *token) {
  const struct group *g = &e->groups[e->clients[slot].group];
  return token->group == g->number && token->client == lh_client_number(e, g, slot);
}

/* A token answers where its own message looks for it: at its JSON pointer, or anywhere (pointer is NULL). */
static bool is_looked_for(const struct message *m, const char *pointer) {
  if (m->match == LH_MATCH_ORDER || (m->match == LH_MATCH_POINTER) != (pointer != NULL)) return false;
  return pointer == NULL || strcmp(m->config->reply.pointer, pointer) == 0;
}

/* What a token found at `pointer` or anywhere says. True when it tells what the message is. */
static bool take_token(struct lh_engine *e, uint32_t slot, const struct lh_token *token, const char *pointer,
                       const struct incoming *in) {
  const struct group *g = lh_group_of(e, &e->clients[slot]);
  if (!is_ours(e, slot, token)) return false;
  uint32_t f = lh_flight_find(e, slot, token->seq);
  if (f == LH_NONE) {
    count_earlier(e, slot, token->seq, in);
    return true;
  }
  if (!is_looked_for(&g->messages[e->flights.items[f].message], pointer)) return false;
  settle(e, slot, f, in);
  return true;
}

enum found { FOUND_NOTHING, FOUND, FOUND_DAMAGED };

static enum found seek_token(struct lh_engine *e, uint32_t slot, const struct incoming *in) {
  struct lh_token token;
  long at = lh_token_find(e->tag, in->bytes, in->len, &token);
  if (at >= 0) return take_token(e, slot, &token, NULL, in) ? FOUND : FOUND_NOTHING;
  return at == -EBADMSG ? FOUND_DAMAGED : FOUND_NOTHING;
}

static enum found seek_pointers(struct lh_engine *e, uint32_t slot, const struct incoming *in) {
  const struct group *g = lh_group_of(e, &e->clients[slot]);
  enum found found = FOUND_NOTHING;
  for (uint32_t m = 0; m < g->message_count; m++) {
    struct lh_json_span value;
    struct lh_token token;
    if (g->messages[m].match != LH_MATCH_POINTER) continue;
    const char *pointer = g->messages[m].config->reply.pointer;
    if (!lh_json_pointer_find(pointer, in->bytes, in->len, &value)) continue;
    long at = lh_token_find(e->tag, value.at, value.len, &token);
    if (at >= 0 && take_token(e, slot, &token, pointer, in)) return FOUND;
    if (at == -EBADMSG) found = FOUND_DAMAGED;
  }
  return found;
}

static void classify(struct lh_engine *e, uint32_t slot, const char *bytes, size_t len, uint64_t total) {
  struct group *g = lh_group_of(e, &e->clients[slot]);
  const struct incoming in = {bytes, len, total};
  if (total > len) lh_count(g, LH_COUNTER_truncated, 1);
  enum found found = g->seeks_tokens ? seek_token(e, slot, &in) : FOUND_NOTHING;
  if (found == FOUND_NOTHING && g->seeks_pointers) found = seek_pointers(e, slot, &in);
  if (found == FOUND) return;
  if (found == FOUND_DAMAGED) {
    lh_count(g, LH_COUNTER_corrupt, 1);
    return;
  }
  bool is_push = lh_pushes_numbers(g, &(struct lh_push){.bytes = bytes, .len = len});
  uint32_t f = g->seeks_order && !is_push ? lh_flight_first_by_order(e, slot) : LH_NONE;
  if (f != LH_NONE)
    settle(e, slot, f, &in);
  else
    take_push(e, slot, &in);
}

void lh_replies_take(struct lh_engine *e, uint32_t slot, const char *bytes, size_t len, uint64_t total) {
  classify(e, slot, bytes, len, total);
  if (lh_group_of(e, &e->clients[slot])->has_triggers) lh_triggers_look(e, slot, bytes, len, total);
}

/* ---- messages in pieces ---- */

static struct gather *gather_more(struct lh_engine *e, struct gather *gather, size_t want, size_t max) {
  size_t room = gather ? gather->room : GATHER_FIRST;
  while (room < want) room *= 2;
  if (room > max) room = max;
  struct gather *more = realloc(gather, sizeof *more + room);
  if (!more) {
    e->faults.no_memory++;
    return gather;
  }
  if (!gather) *more = (struct gather){0};
  e->gathered_bytes += room - more->room;
  more->room = room;
  return more;
}

static void gather_free(struct lh_engine *e, struct gather *gather) {
  if (gather) e->gathered_bytes -= gather->room;
  free(gather);
}

void lh_replies_forget_pieces(struct lh_engine *e, struct client *c) {
  gather_free(e, c->gather);
  c->gather = NULL;
}

void lh_gather_add(struct lh_engine *e, struct client *c, const char *bytes, size_t len, size_t max) {
  size_t kept = c->gather ? c->gather->len : 0;
  size_t want = len < max - kept ? kept + len : max;
  if (!c->gather || want > c->gather->room) c->gather = gather_more(e, c->gather, want, max);
  struct gather *gather = c->gather;
  if (!gather) return;
  size_t take = (want < gather->room ? want : gather->room) - gather->len;
  /* A hole would join what was not together. */
  if (gather->total == gather->len && take > 0) {
    memcpy(gather->bytes + gather->len, bytes, take);
    gather->len += take;
  }
  gather->total += len;
}

void lh_replies_gather(struct lh_engine *e, uint32_t slot, const char *bytes, size_t len, bool first, bool last) {
  struct client *c = &e->clients[slot];
  struct group *g = lh_group_of(e, c);
  bool reads = g->has_triggers || (g->rules && lh_incoming_reads_bytes(g->rules));
  if (!g->seeks_tokens && !g->seeks_pointers && !g->seeks_order && !reads) { /* nothing to find in it */
    if (last) lh_pushes_take(e, slot, &(struct lh_push){.bytes = ""});
    return;
  }
  if (first) lh_replies_forget_pieces(e, c);
  lh_gather_add(e, c, bytes, len, g->config->message_max);
  if (!last) return;
  struct gather *gather = c->gather;
  c->gather = NULL;
  if (gather)
    lh_replies_take(e, slot, gather->bytes, gather->len, gather->total);
  else
    lh_replies_take(e, slot, "", 0, len);
  gather_free(e, gather);
}
