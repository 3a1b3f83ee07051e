#include "raw.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endings.h"
#include "longhaul/base/clock.h"
#include "raw_private.h"

enum {
  EVENTS_MAX = 64, /* of one wake-up: what falls due meanwhile waits for no more; of a mass drop each takes 20 us */
  SHAKES_MAX = 4,  /* of them TLS handshakes, which take half a millisecond each; the others stay ready */
  READS_MAX = 4    /* of one client for each wake-up, so that a flood starves nobody */
};

/* ---- lists ---- */

static void push(struct lh_raw *raw, struct lh_line_list *list, struct lh_line *line) {
  uint32_t slot = lh_raw_slot(raw, line);
  line->next = LH_NO_LINE;
  if (list->first == LH_NO_LINE)
    list->first = slot;
  else
    raw->lines[list->last].next = slot;
  list->last = slot;
}

static struct lh_line *pop(struct lh_raw *raw, struct lh_line_list *list) {
  if (list->first == LH_NO_LINE) return NULL;
  struct lh_line *line = &raw->lines[list->first];
  list->first = line->next;
  return line;
}

static void take_out(struct lh_raw *raw, struct lh_line_list *list, const struct lh_line *line) {
  uint32_t slot = lh_raw_slot(raw, line), before = LH_NO_LINE;
  for (uint32_t at = list->first; at != slot; at = raw->lines[at].next) before = at;
  *(before == LH_NO_LINE ? &list->first : &raw->lines[before].next) = line->next;
  if (list->last == slot) list->last = before;
}

/* ---- the end of a connection ---- */

/* Back to nothing; `own` stays. */
static void clear(struct lh_raw *raw, struct lh_line *line) {
  if (line->fd >= 0) {
    raw->sockets--;
    if (line->state != LH_LINE_DIALLING) close(line->fd); /* that also takes it out of the set */
  }
  if (line->logging_in) lh_http_forget_login(line);
  if (line->reader) lh_http_free(line->reader);
  free(line->reader);
  SSL_free(line->ssl);
  free(line->out);
  *line = (struct lh_line){.fd = -1, .next = LH_NO_LINE, .generation = line->generation + 1, .own = line->own};
}

void lh_raw_hear_header(struct lh_line *line, const char *name, size_t name_len, const char *value, size_t value_len) {
  static const char wanted[] = "Retry-After";
  char text[64];
  if (name_len != sizeof wanted - 1 || strncasecmp(name, wanted, name_len) || value_len >= sizeof text) return;
  memcpy(text, value, value_len);
  text[value_len] = 0;
  uint64_t asked_s = (lh_http_retry_after_ns(text, lh_wall_us()) + LH_NS_PER_S - 1) / LH_NS_PER_S;
  line->away_s = asked_s < UINT32_MAX ? (uint32_t)asked_s : UINT32_MAX;
}

void lh_raw_hear_status(struct lh_line *line, unsigned status) {
  if (status < 400) line->away_s = 0;
}

void lh_raw_end(struct lh_raw *raw, struct lh_line *line, const struct lh_ending *ending) {
  struct lh_ending told = *ending;
  uint32_t slot = lh_raw_slot(raw, line);
  uint64_t now_ns = lh_now_ns();
  lh_stall_look(raw->args.stall, now_ns);
  if (!told.retry_after_ns) told.retry_after_ns = line->away_s * LH_NS_PER_S;
  clear(raw, line);
  lh_engine_on_ended(raw->engine, slot, &told, now_ns);
}

void lh_raw_end_as(struct lh_raw *raw, struct lh_line *line, enum lh_reason reason, int code, const char *text) {
  struct lh_ending ending = {.stage = LH_STAGE_COUNT, .reason = (uint8_t)reason, .code = code};
  snprintf(ending.text, sizeof ending.text, "%s", text);
  lh_raw_end(raw, line, &ending);
}

void lh_raw_end_gone(struct lh_raw *raw, struct lh_line *line, int error, enum lh_reason fin) {
  struct lh_ending ending = {.stage = LH_STAGE_COUNT, .reason = (uint8_t)fin};
  if (error) lh_ending_from_socket(error, &ending);
  lh_raw_end(raw, line, &ending);
}

/* TLS itself found fault with the connection, or the peer said that it did. */
static void end_tls(struct lh_raw *raw, struct lh_line *line, int reason) {
  struct lh_ending ending = {.stage = LH_STAGE_COUNT};
  long verify = line->state == LH_LINE_TLS ? SSL_get_verify_result(line->ssl) : X509_V_OK;
  const struct lh_tls_trouble trouble = {.alert = line->alert, .verify = verify, .error = reason};
  if (!lh_ending_from_tls(&trouble, &ending)) ending.reason = LH_REASON_TLS_FAILED;
  lh_raw_end(raw, line, &ending);
}

/* `got` as lh_wire_pull gives it. What a write saw first is the cause, what the read saw is our own shutdown. */
static void gone(struct lh_raw *raw, struct lh_line *line, long got) {
  int error = line->error ? line->error : got > 0 ? (int)got : 0;
  if (line->alert || got < 0)
    end_tls(raw, line, (int)-got);
  else if (line->state == LH_LINE_TLS)
    lh_raw_end_gone(raw, line, error, LH_REASON_PEER_FIN);
  else
    lh_raw_track(raw, line)->kind->gone(raw, line, error);
}

/* ---- reading and writing ---- */

static void read_on(struct lh_raw *raw, struct lh_line *line) {
  const struct lh_raw_kind *kind = lh_raw_track(raw, line)->kind;
  const uint32_t generation = line->generation;
  for (int reads = 0; reads < READS_MAX || (line->ssl && SSL_pending(line->ssl) > 0); reads++) {
    long got;
    enum lh_pull pull = lh_wire_pull(raw, line, &got);
    if (pull == LH_PULL_GONE) gone(raw, line, got);
    if (pull != LH_PULL_BYTES) return;
    if (!kind->take(raw, line, raw->bytes, (size_t)got) || !lh_raw_lives(line, generation)) return;
    if (!line->ssl && (size_t)got < sizeof raw->bytes) return;
  }
}

static void shake_hands(struct lh_raw *raw, struct lh_line *line) {
  ERR_clear_error();
  int result = SSL_do_handshake(line->ssl), saved = errno, error = SSL_get_error(line->ssl, result);
  lh_wire_want_write(raw, line, error == SSL_ERROR_WANT_WRITE); /* a client's certificates may be more than the socket takes */
  if (error == SSL_ERROR_NONE) {
    const uint32_t generation = line->generation;
    if (lh_raw_track(raw, line)->kind->up(raw, line) && lh_raw_lives(line, generation)) read_on(raw, line);
    return;
  }
  switch (error) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE: return;
  case SSL_ERROR_SYSCALL: gone(raw, line, saved); return;
  default: {
    int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
      gone(raw, line, 0);
    else
      end_tls(raw, line, reason);
  }
  }
}

static void write_on(struct lh_raw *raw, struct lh_line *line) {
  const struct lh_raw_kind *kind = lh_raw_track(raw, line)->kind;
  if (line->out && lh_wire_flush(raw, line) && kind->drained) kind->drained(raw, line);
}

static void handle(struct lh_raw *raw, struct lh_line *line, uint32_t events) {
  const uint32_t generation = line->generation;
  if (line->state == LH_LINE_TLS) {
    shake_hands(raw, line);
    return;
  }
  if (events & EPOLLOUT) write_on(raw, line);
  if (lh_raw_lives(line, generation) && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) read_on(raw, line);
}

void lh_raw_ready(uv_poll_t *watch, int status, int events) {
  struct lh_raw *raw = watch->data;
  (void)status, (void)events;
  struct epoll_event ready[EVENTS_MAX];
  int count = epoll_wait(raw->epoll, ready, EVENTS_MAX, 0), shakes = 0;
  for (int i = 0; i < count && shakes < SHAKES_MAX; i++) {
    struct lh_line *line = &raw->lines[(uint32_t)ready[i].data.u64];
    if (!lh_raw_lives(line, (uint32_t)(ready[i].data.u64 >> 32))) continue;
    shakes += line->state == LH_LINE_TLS;
    handle(raw, line, ready[i].events);
  }
}

/* ---- begin: addresses, TCP, TLS ---- */

static void try_next(struct lh_raw *raw, struct lh_line *line, const struct lh_dialled *dialled);

static void dial(struct lh_raw *raw, struct lh_line *line) {
  uint32_t slot = lh_raw_slot(raw, line), client = lh_engine_client_of(raw->engine, slot);
  const struct lh_track *track = lh_raw_track(raw, line);
  const struct lh_book *book = lh_resolve_book(raw->routes.resolver, lh_raw_route(raw, line));
  const struct lh_address *to = lh_book_pick(book, client, line->tries);
  struct lh_dial d = {.config = raw->args.config,
                      .target = track->group->target,
                      .to = to,
                      .from = lh_source_pick(&track->sources, client, to->any.sa_family),
                      .user_timeout_ms = (uint32_t)(track->group->user_timeout_ns / LH_NS_PER_MS),
                      .send_buffer = track->group->send_buffer,
                      .receive_buffer = track->group->receive_buffer,
                      .tunnel = raw->routes.items[lh_raw_route(raw, line)].tunnel,
                      .slot = slot};
  struct lh_ending ending = {.stage = LH_STAGE_COUNT};
  if (!d.from && track->sources.count) {
    lh_ending_from_errno(EAFNOSUPPORT, &ending);
    lh_raw_end(raw, line, &ending);
    return;
  }
  int fd = lh_dial(raw->dialler, &d);
  if (fd < 0) {
    try_next(raw, line, &(struct lh_dialled){.error = -fd});
    return;
  }
  raw->sockets++;
  line->state = LH_LINE_DIALLING;
  line->fd = fd;
}

/* A name with addresses of both families is one way to reach one server: what one family refuses, the other may take. */
static void try_next(struct lh_raw *raw, struct lh_line *line, const struct lh_dialled *dialled) {
  uint32_t route = lh_raw_route(raw, line);
  const struct lh_book *book = lh_resolve_book(raw->routes.resolver, route);
  struct lh_ending ending;
  lh_route_ending(&raw->routes.items[route], dialled, &ending);
  bool other_may_do = ending.reason == LH_REASON_REFUSED || ending.reason == LH_REASON_UNREACHABLE;
  line->tries++;
  if (other_may_do && lh_book_pick(book, lh_engine_client_of(raw->engine, lh_raw_slot(raw, line)), line->tries))
    dial(raw, line);
  else
    lh_raw_end(raw, line, &ending);
}

static void begin(struct lh_raw *raw, struct lh_line *line) {
  uint32_t route = lh_raw_route(raw, line);
  if (!lh_resolve_book(raw->routes.resolver, route)) {
    line->state = LH_LINE_RESOLVING;
    push(raw, &raw->awaiting[route], line);
    lh_resolve(raw->routes.resolver, route);
    return;
  }
  lh_engine_on_stage(raw->engine, lh_raw_slot(raw, line), LH_STAGE_CONNECT, lh_now_ns());
  dial(raw, line);
}

bool lh_raw_begin_queued(struct lh_raw *raw) {
  struct lh_line *line;
  for (int left = LH_DIALS_AT_ONCE; left > 0 && (line = pop(raw, &raw->queued)); left--) begin(raw, line);
  return raw->queued.first != LH_NO_LINE;
}

void lh_raw_settled(void *context, uint32_t target, int error) {
  struct lh_raw *raw = context;
  struct lh_line_list waiting = raw->awaiting[target];
  raw->awaiting[target] = (struct lh_line_list)LH_LINE_LIST_EMPTY;
  struct lh_ending ending = {0};
  if (error) lh_route_not_resolved(&raw->routes.items[target], error, &ending);
  for (struct lh_line *line; (line = pop(raw, &waiting));) {
    if (error)
      lh_raw_end(raw, line, &ending);
    else
      begin(raw, line);
  }
}

static int start_tls(struct lh_raw *raw, struct lh_line *line) {
  const struct lh_tls *tls = raw->routes.items[lh_raw_route(raw, line)].tls;
  line->ssl = SSL_new(lh_tls_context(tls));
  if (!line->ssl || SSL_set_fd(line->ssl, line->fd) != 1) return -ENOMEM;
  SSL_set_app_data(line->ssl, &line->alert);
  SSL_set_connect_state(line->ssl);
  return 0;
}

static int watch_line(struct lh_raw *raw, const struct lh_line *line) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
                              .data.u64 = (uint64_t)line->generation << 32 | lh_raw_slot(raw, line)};
  return epoll_ctl(raw->epoll, EPOLL_CTL_ADD, line->fd, &event) ? -errno : 0;
}

void lh_raw_tunnelling(void *context, uint32_t slot) {
  struct lh_raw *raw = context;
  lh_engine_on_port(raw->engine, slot, lh_local_port(raw->lines[slot].fd));
  lh_engine_on_tunnel(raw->engine, slot, lh_now_ns());
}

void lh_raw_dialled(void *context, uint32_t slot, const struct lh_dialled *dialled) {
  struct lh_raw *raw = context;
  struct lh_line *line = &raw->lines[slot];
  const struct lh_track *track = lh_raw_track(raw, line);
  assert(line->state == LH_LINE_DIALLING && line->fd == dialled->fd);
  if (dialled->error) {
    line->fd = -1;
    raw->sockets--;
    try_next(raw, line, dialled);
    return;
  }
  line->local_port = lh_local_port(dialled->fd);
  lh_engine_on_port(raw->engine, slot, line->local_port);
  if (line->tries) lh_resolve_prefer(raw->routes.resolver, lh_raw_route(raw, line), lh_family_of(dialled->fd));
  line->state = raw->routes.items[lh_raw_route(raw, line)].target->tls_scheme ? LH_LINE_TLS : LH_LINE_UPGRADE;
  int failed = watch_line(raw, line);
  if (!failed && line->state == LH_LINE_TLS) failed = start_tls(raw, line);
  if (failed) {
    struct lh_ending ending = {.stage = LH_STAGE_COUNT};
    lh_ending_from_errno(-failed, &ending);
    lh_raw_end(raw, line, &ending);
  } else if (line->state == LH_LINE_TLS) {
    lh_engine_on_stage(raw->engine, slot, LH_STAGE_TLS, lh_now_ns());
    shake_hands(raw, line);
  } else {
    track->kind->up(raw, line);
  }
}

/* ---- the engine's actions ---- */

static void io_connect(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns) {
  (void)nth, (void)now_ns;
  struct lh_raw *raw = context;
  struct lh_line *line = &raw->lines[slot];
  assert(line->state == LH_LINE_IDLE);
  lh_detour_begin(&raw->detours, slot);
  line->state = LH_LINE_QUEUED;
  push(raw, &raw->queued, line);
}

static void io_close(void *context, uint32_t slot, uint16_t code) {
  (void)code;
  struct lh_raw *raw = context;
  struct lh_line *line = &raw->lines[slot];
  const struct lh_raw_kind *kind = lh_raw_track(raw, line)->kind;
  line->closing = true;
  if (!kind->may_close || kind->may_close(line)) lh_wire_close(line);
}

static void io_abort(void *context, uint32_t slot) {
  struct lh_raw *raw = context;
  struct lh_line *line = &raw->lines[slot];
  if (line->state == LH_LINE_QUEUED) take_out(raw, &raw->queued, line);
  if (line->state == LH_LINE_RESOLVING) take_out(raw, &raw->awaiting[lh_raw_route(raw, line)], line);
  if (line->state == LH_LINE_DIALLING) {
    lh_engine_on_port(raw->engine, slot, lh_local_port(line->fd));
    lh_dial_cancel(raw->dialler, line->fd);
  }
  clear(raw, line);
}

static uint64_t io_now(void *context) {
  (void)context;
  return lh_now_ns();
}

static void io_reset(void *context, uint32_t slot) {
  const struct lh_raw *raw = context;
  lh_dial_reset(raw->lines[slot].fd);
  io_abort(context, slot);
}

const struct lh_io lh_raw_actions = {.connect = io_connect, .close = io_close, .abort = io_abort,
                                     .reset = io_reset, .now = io_now};
