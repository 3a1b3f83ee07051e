/* A server that is pretended: no I/O, on the engine's own time, through the same calls as any other kind.
 *
 * It answers everything (connect, message, ping, close) after the group's null_service, so that what it will say is always
 * said in the order in which it was asked: one queue of bytes and one timer for each group do. Connections drop after a
 * time that is exponentially distributed with the group's null_drop_rate.
 * A message that expects a reply gets it: itself again, or with a pointer a JSON text that has the token there, and after
 * either the text that the reply must hold. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conn/engine_private.h"
#include "longhaul/base/rng.h"

enum { QUEUE_BYTES_MAX = 1 << 30, COMPACT_BYTES = 4096, ANSWER_MAX = 4096 /* rendered at once */ };

enum event_type { EVENT_CONNECTED, EVENT_REPLY, EVENT_PONG, EVENT_CLOSED };

/* Stands before its bytes in the queue. */
struct event {
  uint64_t due_ns;
  uint32_t slot, nth;
  uint32_t len;
  uint8_t type, binary;
};

struct answers {
  struct lh_buf queue; /* owned */
  size_t head;         /* bytes taken already */
  uint32_t group;
};

struct lh_null {
  struct lh_engine *engine; /* borrowed: it owns this */
  struct lh_io io;
  struct answers *answers; /* owned, one for each null group */
  uint32_t count, first_timer;
  struct lh_buf bytes;    /* owned: of the event being told, since the queue may move meanwhile */
  struct lh_buf composed; /* owned: an answer being made up, while that event is still being told */
};

static struct answers *answers_of(struct lh_null *null, uint32_t slot) {
  uint32_t group = null->engine->clients[slot].group;
  for (uint32_t i = 0; i < null->count; i++)
    if (null->answers[i].group == group) return &null->answers[i];
  return NULL;
}

/* ---- asking ---- */

static void arm(struct lh_null *null, const struct answers *answers, uint64_t due_ns) {
  lh_wheel_set(null->engine->wheel, null->first_timer + (uint32_t)(answers - null->answers), due_ns);
}

/* Appends an event; its bytes follow. 0 or a negative errno. */
static int ask(struct lh_null *null, uint32_t slot, struct event event, const void *bytes, size_t len) {
  struct lh_engine *e = null->engine;
  struct answers *answers = answers_of(null, slot);
  event.due_ns = lh_later(e->now_ns, e->groups[answers->group].config->null_service_ns);
  event.slot = slot;
  event.nth = e->clients[slot].nth;
  event.len = (uint32_t)len;
  size_t before = answers->queue.len;
  int rc = lh_buf_add(&answers->queue, &event, sizeof event);
  if (rc == 0) rc = lh_buf_add(&answers->queue, bytes, len);
  if (rc < 0) {
    answers->queue.len = before;
    e->faults.no_memory++;
    return rc;
  }
  if (before == answers->head) arm(null, answers, event.due_ns);
  return 0;
}

static void null_connect(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns) {
  struct lh_null *null = context;
  (void)nth;
  lh_engine_on_stage(null->engine, slot, LH_STAGE_CONNECT, now_ns);
  if (ask(null, slot, (struct event){.type = EVENT_CONNECTED}, "", 0) == 0) return;
  struct lh_ending ending = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_NO_MEMORY, .code = ENOMEM};
  lh_engine_on_ended(null->engine, slot, &ending, now_ns);
}

static int compose(struct lh_null *null, uint32_t slot, const struct message *message, const char *bytes, size_t len) {
  struct lh_engine *e = null->engine;
  struct lh_template_values values = lh_message_values(e, slot, e->clients[slot].seq, e->now_ns);
  const struct lh_template *parts[] = {message->answer, message->contains};
  lh_buf_reset(&null->composed);
  int rc = message->answer ? 0 : lh_buf_add(&null->composed, bytes, len);
  for (size_t i = 0; i < sizeof parts / sizeof *parts && rc == 0; i++) {
    if (!parts[i]) continue;
    char text[ANSWER_MAX]; /* lh_null_compile sees to it that they fit */
    rc = lh_buf_add(&null->composed, text, lh_template_render(parts[i], &values, text));
  }
  return rc;
}

static enum lh_send_result null_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  struct lh_null *null = context;
  const struct message *m = &lh_group_of(null->engine, &null->engine->clients[slot])->messages[message];
  const struct event event = {.type = EVENT_REPLY, .binary = binary};
  if (m->match == LH_MATCH_NONE) return LH_SEND_DONE;
  if (m->config->reply.match == LH_MATCH_ECHO || (!m->answer && !m->contains))
    return ask(null, slot, event, bytes, len) == 0 ? LH_SEND_DONE : LH_SEND_FAILED;
  if (compose(null, slot, m, bytes, len) < 0) return LH_SEND_FAILED;
  return ask(null, slot, event, null->composed.data, null->composed.len) == 0 ? LH_SEND_DONE : LH_SEND_FAILED;
}

static enum lh_send_result null_ping(void *context, uint32_t slot, uint64_t cookie) {
  const struct event event = {.type = EVENT_PONG};
  return ask(context, slot, event, &cookie, sizeof cookie) == 0 ? LH_SEND_DONE : LH_SEND_FAILED;
}

/* Without memory nothing is told, and the engine's closing deadline ends the connection. */
static void null_close(void *context, uint32_t slot, uint16_t code) {
  (void)code;
  (void)ask(context, slot, (struct event){.type = EVENT_CLOSED}, "", 0);
}

/* What was asked before is told to nobody: the client has moved on. */
static void null_abort(void *context, uint32_t slot) {
  (void)context;
  (void)slot;
}

static const struct lh_io null_functions = {
    .connect = null_connect,
    .send = null_send,
    .ping = null_ping,
    .close = null_close,
    .abort = null_abort,
};

/* ---- answering ---- */

static void tell(struct lh_null *null, const struct event *event) {
  struct lh_engine *e = null->engine;
  const struct client *c = &e->clients[event->slot];
  const struct lh_ending closed = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_CLOSE_FRAME, .code = 1000};
  bool up = c->state == LH_CLIENT_OPEN || c->state == LH_CLIENT_CLOSING;
  uint64_t cookie;
  if (c->nth != event->nth) return;
  switch ((enum event_type)event->type) {
  case EVENT_CONNECTED:
    if (c->state == LH_CLIENT_CONNECTING) lh_engine_on_open(e, event->slot, 0, e->now_ns);
    break;
  case EVENT_REPLY:
    if (up) lh_engine_on_message(e, event->slot, null->bytes.data, event->len, true, true, event->binary, e->now_ns);
    break;
  case EVENT_PONG:
    memcpy(&cookie, null->bytes.data, sizeof cookie);
    if (up) lh_engine_on_pong(e, event->slot, cookie, e->now_ns);
    break;
  case EVENT_CLOSED:
    if (c->state == LH_CLIENT_CLOSING) lh_engine_on_ended(e, event->slot, &closed, e->now_ns);
    break;
  }
}

static void compact(struct answers *answers) {
  struct lh_buf *queue = &answers->queue;
  if (answers->head < queue->len && (answers->head < COMPACT_BYTES || answers->head < queue->len / 2)) return;
  queue->len -= answers->head;
  memmove(queue->data, queue->data + answers->head, queue->len);
  answers->head = 0;
}

/* Takes the first event when it is due. */
static bool take(struct lh_null *null, struct answers *answers, struct event *event) {
  if (answers->head == answers->queue.len) return false;
  const char *at = answers->queue.data + answers->head;
  memcpy(event, at, sizeof *event);
  if (event->due_ns > null->engine->now_ns) return false;
  lh_buf_reset(&null->bytes);
  bool kept = event->len == 0 || lh_buf_add(&null->bytes, at + sizeof *event, event->len) == 0;
  answers->head += sizeof *event + event->len;
  if (!kept) null->engine->faults.no_memory++;
  if (!kept) event->nth = 0; /* told to nobody */
  return true;
}

void lh_null_fire(struct lh_engine *e, uint32_t timer) {
  struct lh_null *null = e->null;
  struct answers *answers = &null->answers[timer - null->first_timer];
  struct event event;
  for (int budget = LH_ENGINE_TURN_MAX; budget > 0 && take(null, answers, &event); budget--) tell(null, &event);
  compact(answers);
  if (answers->head == answers->queue.len) return;
  memcpy(&event, answers->queue.data + answers->head, sizeof event);
  arm(null, answers, event.due_ns);
}

/* ---- drops ---- */

uint64_t lh_null_drop_after_ns(const struct lh_engine *e, uint32_t slot) {
  const struct client *c = &e->clients[slot];
  const struct group *g = &e->groups[c->group];
  if (g->config->null_drop_rate <= 0) return LH_NEVER;
  uint64_t who = (uint64_t)g->number << 32 | lh_client_number(e, g, slot);
  double share = lh_rng_unit(lh_rng_at(e->config->run.seed, LH_RNG_SIM, who, c->nth));
  double hours = -log1p(-share) / g->config->null_drop_rate;
  double ns = hours * 3600e9;
  return ns < 1e18 ? (uint64_t)ns : LH_NEVER;
}

void lh_null_drop(struct lh_engine *e, uint32_t slot) {
  struct lh_ending ending = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_FIN, .text = "pretended"};
  lh_engine_on_ended(e, slot, &ending, e->now_ns);
}

/* ---- making ---- */

/* A JSON text that has the token where the pointer points: an object in an object for each of its parts. */
static int nest_token(const char *pointer, struct lh_buf *text) {
  size_t depth = 0;
  int rc = 0;
  for (; *pointer == '/' && rc == 0; depth++) {
    size_t len = strcspn(++pointer, "/"), used = 0;
    char *part = malloc(len + 1);
    if (!part) return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
      bool escape = pointer[i] == '~';
      part[used++] = !escape ? pointer[i] : pointer[++i] == '0' ? '~' : '/';
    }
    part[used] = '\0';
    rc = lh_buf_addstr(text, "{");
    if (rc == 0) rc = lh_buf_addjson(text, part);
    if (rc == 0) rc = lh_buf_addstr(text, ":");
    free(part);
    pointer += len;
  }
  if (rc == 0) rc = lh_buf_addstr(text, "\"${token}\"");
  while (rc == 0 && depth-- > 0) rc = lh_buf_addstr(text, "}");
  return rc;
}

static int too_long(struct lh_err *err) {
  return lh_err_set(err, EINVAL,
                    "the reply that the null kind would make up is longer than %d bytes: shorten `contains` or `pointer`",
                    ANSWER_MAX);
}

int lh_null_compile(struct message *message, struct lh_err *err) {
  if (message->contains && lh_template_size_max(message->contains) > ANSWER_MAX) return too_long(err);
  if (message->match != LH_MATCH_POINTER) return 0;
  struct lh_buf text = LH_BUF_INIT(ANSWER_MAX);
  int rc = nest_token(message->config->reply.pointer, &text);
  if (rc == -ENOMEM) rc = lh_err_set(err, ENOMEM, "no memory for what the null kind answers");
  if (rc == -ENOBUFS) rc = too_long(err);
  if (rc == 0) rc = lh_template_compile(text.data, text.len, &message->answer, err);
  lh_buf_free(&text);
  if (rc == 0 && lh_template_size_max(message->answer) > ANSWER_MAX) rc = too_long(err);
  return rc;
}

int lh_null_new(struct lh_engine *e, uint32_t first_timer, struct lh_err *err) {
  uint32_t count = 0;
  for (uint32_t g = 0; g < e->group_count; g++) count += e->config->groups[g].kind == LH_KIND_NULL;
  if (count == 0) return 0;
  e->null = calloc(1, sizeof *e->null);
  if (e->null) e->null->answers = calloc(count, sizeof *e->null->answers);
  if (!e->null || !e->null->answers) return lh_err_set(err, ENOMEM, "no memory for the null kind");
  *e->null = (struct lh_null){.engine = e, .io = null_functions, .answers = e->null->answers, .first_timer = first_timer};
  e->null->io.context = e->null;
  e->null->bytes = e->null->composed = (struct lh_buf)LH_BUF_INIT(LH_PAYLOAD_BYTES_MAX + (1 << 16));
  for (uint32_t g = 0; g < e->group_count; g++)
    if (e->config->groups[g].kind == LH_KIND_NULL)
      e->null->answers[e->null->count++] = (struct answers){.queue = LH_BUF_INIT(QUEUE_BYTES_MAX), .group = g};
  return 0;
}

void lh_null_free(struct lh_null *null) {
  if (!null) return;
  for (uint32_t i = 0; i < null->count; i++) lh_buf_free(&null->answers[i].queue);
  free(null->answers);
  lh_buf_free(&null->bytes);
  lh_buf_free(&null->composed);
  free(null);
}

const struct lh_io *lh_null_io(const struct lh_null *null) {
  return &null->io;
}

size_t lh_null_bytes(const struct lh_null *null) {
  size_t bytes = 0;
  for (uint32_t i = 0; null && i < null->count; i++) bytes += null->answers[i].queue.room;
  return bytes;
}
