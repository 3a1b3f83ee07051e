#include "desk.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "desk_private.h"
#include "endings.h"
#include "longhaul/base/clock.h"
#include "tls.h"

/* ---- lists and tickets ---- */

static void push(struct lh_desk *desk, struct lh_visit_list *list, struct lh_visit *visit) {
  visit->next = LH_NO_TICKET;
  if (list->first == LH_NO_TICKET)
    list->first = visit->ticket;
  else
    desk->visits[list->last]->next = visit->ticket;
  list->last = visit->ticket;
}

static struct lh_visit *pop(struct lh_desk *desk, struct lh_visit_list *list) {
  if (list->first == LH_NO_TICKET) return NULL;
  struct lh_visit *visit = desk->visits[list->first];
  list->first = visit->next;
  return visit;
}

static void take_out(struct lh_desk *desk, struct lh_visit_list *list, const struct lh_visit *visit) {
  uint32_t before = LH_NO_TICKET;
  for (uint32_t at = list->first; at != visit->ticket; at = desk->visits[at]->next) before = at;
  *(before == LH_NO_TICKET ? &list->first : &desk->visits[before]->next) = visit->next;
  if (list->last == visit->ticket) list->last = before;
}

static bool make_room(struct lh_desk *desk) {
  uint32_t room = desk->visit_room ? 2 * desk->visit_room : 64;
  struct lh_visit **visits = realloc(desk->visits, room * sizeof(struct lh_visit *));
  if (!visits) return false;
  memset(visits + desk->visit_room, 0, (room - desk->visit_room) * sizeof(struct lh_visit *));
  desk->visits = visits;
  desk->free_hint = desk->visit_room;
  desk->visit_room = room;
  return true;
}

/* LH_NO_TICKET: no memory. The hint is the lowest ticket that may be free. */
static uint32_t free_ticket(struct lh_desk *desk) {
  while (desk->free_hint < desk->visit_room && desk->visits[desk->free_hint]) desk->free_hint++;
  if (desk->free_hint == desk->visit_room && !make_room(desk)) return LH_NO_TICKET;
  return desk->free_hint;
}

/* ---- the end of a visit ---- */

static void on_closed(uv_handle_t *poll) {
  free(poll->data);
}

static void release(struct lh_visit *visit) {
  struct lh_desk *desk = visit->desk;
  desk->visits[visit->ticket] = NULL;
  if (visit->ticket < desk->free_hint) desk->free_hint = visit->ticket;
  if (visit->fd >= 0) desk->sockets--;
  lh_http_free(&visit->reader);
  lh_answer_free(&visit->answer);
  lh_buf_free(&visit->out);
  SSL_free(visit->ssl);
  if (visit->state < LH_VISIT_TLS) { /* the loop knows nothing of it */
    free(visit);
    return;
  }
  uv_close((uv_handle_t *)&visit->poll, on_closed);
  close(visit->fd);
}

void lh_visit_fail(struct lh_visit *visit, const struct lh_ending *ending) {
  struct lh_engine *engine = visit->desk->engine;
  const uint32_t key = visit->key;
  struct lh_ending told = *ending;
  told.retry_after_ns = visit->retry_after_ns;
  release(visit);
  lh_engine_on_login_failed(engine, key, &told, lh_now_ns());
}

void lh_visit_fail_as(struct lh_visit *visit, enum lh_reason reason, int code, const char *text) {
  struct lh_ending ending = {.reason = (uint8_t)reason, .code = code};
  snprintf(ending.text, sizeof ending.text, "%s", text);
  lh_visit_fail(visit, &ending);
}

void lh_visit_fail_tls(struct lh_visit *visit, int reason) {
  struct lh_ending ending = {.stage = LH_STAGE_COUNT};
  long verify = visit->state == LH_VISIT_TLS ? SSL_get_verify_result(visit->ssl) : X509_V_OK;
  const struct lh_tls_trouble trouble = {.alert = visit->alert, .verify = verify, .error = reason};
  if (!lh_ending_from_tls(&trouble, &ending)) ending.reason = LH_REASON_TLS_FAILED;
  lh_visit_fail(visit, &ending);
}

void lh_visit_succeed(struct lh_visit *visit, struct lh_texts *texts) {
  struct lh_engine *engine = visit->desk->engine;
  const uint32_t key = visit->key;
  release(visit);
  lh_engine_on_login(engine, key, texts, lh_now_ns());
}

void lh_desk_abort(void *context, uint32_t ticket) {
  struct lh_desk *desk = context;
  struct lh_visit *visit = desk->visits[ticket];
  if (visit->state == LH_VISIT_QUEUED) take_out(desk, &desk->queued, visit);
  if (visit->state == LH_VISIT_RESOLVING)
    take_out(desk, &desk->awaiting[lh_desk_counter(visit)->group->login.target], visit);
  if (visit->state == LH_VISIT_DIALLING) lh_dial_cancel(desk->dialler, visit->fd);
  release(visit);
}

/* ---- begin: addresses, TCP ---- */

uint32_t lh_desk_begin(void *context, uint32_t key, uint64_t now_ns) {
  struct lh_desk *desk = context;
  (void)now_ns;
  const uint32_t ticket = free_ticket(desk);
  struct lh_visit *visit = ticket == LH_NO_TICKET ? NULL : calloc(1, sizeof *visit);
  if (!visit) return LH_NO_TICKET;
  desk->visits[ticket] = visit;
  visit->desk = desk;
  visit->key = key;
  visit->ticket = ticket;
  visit->fd = -1;
  lh_http_init(&visit->reader);
  lh_answer_init(&visit->answer, &lh_desk_counter(visit)->group->login);
  push(desk, &desk->queued, visit);
  return ticket;
}

static void try_next(struct lh_visit *visit, const struct lh_dialled *dialled);

static void dial(struct lh_visit *visit) {
  struct lh_desk *desk = visit->desk;
  const struct lh_counter *counter = lh_desk_counter(visit);
  const struct lh_login_config *login = &counter->group->login;
  const uint32_t client = lh_engine_login_client(desk->engine, visit->key);
  const struct lh_address *to = lh_book_pick(lh_resolve_book(desk->routes.resolver, login->target), client, visit->tries);
  struct lh_dial d = {.config = desk->args.config,
                      .target = login->target,
                      .to = to,
                      .tunnel = desk->routes.items[login->target].tunnel,
                      .from = lh_source_pick(&counter->sources, client, to->any.sa_family),
                      .slot = visit->ticket};
  int fd = !d.from && counter->sources.count ? -EAFNOSUPPORT : lh_dial(desk->dialler, &d);
  if (fd < 0) {
    try_next(visit, &(struct lh_dialled){.error = -fd});
    return;
  }
  desk->sockets++;
  visit->state = LH_VISIT_DIALLING;
  visit->fd = fd;
}

/* As for the connections themselves: what one family refuses, the other may take. */
static void try_next(struct lh_visit *visit, const struct lh_dialled *dialled) {
  struct lh_desk *desk = visit->desk;
  const uint32_t target = lh_desk_counter(visit)->group->login.target;
  const struct lh_book *book = lh_resolve_book(desk->routes.resolver, target);
  struct lh_ending ending;
  lh_route_ending(&desk->routes.items[target], dialled, &ending);
  bool other_may_do = ending.reason == LH_REASON_REFUSED || ending.reason == LH_REASON_UNREACHABLE;
  visit->tries++;
  if (other_may_do && lh_book_pick(book, lh_engine_login_client(desk->engine, visit->key), visit->tries))
    dial(visit);
  else
    lh_visit_fail(visit, &ending);
}

static void go(struct lh_visit *visit) {
  struct lh_desk *desk = visit->desk;
  uint32_t target = lh_desk_counter(visit)->group->login.target;
  if (lh_resolve_book(desk->routes.resolver, target)) {
    dial(visit);
    return;
  }
  visit->state = LH_VISIT_RESOLVING;
  push(desk, &desk->awaiting[target], visit);
  lh_resolve(desk->routes.resolver, target);
}

bool lh_desk_begin_queued(struct lh_desk *desk) {
  struct lh_visit *visit;
  for (int left = LH_DIALS_AT_ONCE; left > 0 && (visit = pop(desk, &desk->queued)); left--) go(visit);
  return desk->queued.first != LH_NO_TICKET;
}

void lh_desk_settled(void *context, uint32_t target, int error) {
  struct lh_desk *desk = context;
  struct lh_visit_list waiting = desk->awaiting[target];
  desk->awaiting[target] = (struct lh_visit_list)LH_VISIT_LIST_EMPTY;
  struct lh_ending ending = {0};
  if (error) lh_route_not_resolved(&desk->routes.items[target], error, &ending);
  for (struct lh_visit *visit; (visit = pop(desk, &waiting));) {
    if (error)
      lh_visit_fail(visit, &ending);
    else
      go(visit);
  }
}

/* ---- TLS ---- */

static void on_events(uv_poll_t *poll, int status, int events);

void lh_visit_wait(struct lh_visit *visit, int events) {
  if (visit->events == events) return;
  visit->events = events;
  uv_poll_start(&visit->poll, events, on_events);
}

static void shake_hands(struct lh_visit *visit) {
  ERR_clear_error();
  int result = SSL_do_handshake(visit->ssl), saved = errno;
  if (result == 1) {
    lh_visit_ask(visit);
    return;
  }
  switch (SSL_get_error(visit->ssl, result)) {
  case SSL_ERROR_WANT_READ: lh_visit_wait(visit, UV_READABLE); return;
  case SSL_ERROR_WANT_WRITE: lh_visit_wait(visit, UV_WRITABLE); return;
  case SSL_ERROR_SYSCALL: {
    struct lh_ending ending = {.reason = LH_REASON_PEER_FIN};
    if (visit->alert) {
      lh_visit_fail_tls(visit, 0);
      return;
    }
    if (saved) lh_ending_from_socket(saved, &ending);
    lh_visit_fail(visit, &ending);
    return;
  }
  default: {
    int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING && !visit->alert)
      lh_visit_fail_as(visit, LH_REASON_PEER_FIN, 0, "");
    else
      lh_visit_fail_tls(visit, reason);
  }
  }
}

static void on_events(uv_poll_t *poll, int status, int events) {
  struct lh_visit *visit = poll->data;
  (void)status, (void)events; /* an error shows with the next call on the socket */
  if (visit->state == LH_VISIT_TLS)
    shake_hands(visit);
  else
    lh_visit_talk(visit);
}

static int start_tls(struct lh_visit *visit, const struct lh_tls *tls) {
  visit->ssl = SSL_new(lh_tls_context(tls));
  if (!visit->ssl || SSL_set_fd(visit->ssl, visit->fd) != 1) return -ENOMEM;
  SSL_set_app_data(visit->ssl, &visit->alert);
  SSL_set_connect_state(visit->ssl);
  return 0;
}

/* A login's phases are not told apart. */
void lh_desk_tunnelling(void *context, uint32_t slot) {
  (void)context, (void)slot;
}

void lh_desk_dialled(void *context, uint32_t slot, const struct lh_dialled *dialled) {
  struct lh_desk *desk = context;
  struct lh_visit *visit = desk->visits[slot];
  const struct lh_route *route = &desk->routes.items[lh_desk_counter(visit)->group->login.target];
  assert(visit->state == LH_VISIT_DIALLING && visit->fd == dialled->fd);
  if (dialled->error) {
    visit->fd = -1;
    desk->sockets--;
    try_next(visit, dialled);
    return;
  }
  int failed = uv_poll_init(desk->args.loop, &visit->poll, visit->fd);
  if (failed) { /* no handle: nothing but the descriptor is to be closed */
    struct lh_ending ending = {.stage = LH_STAGE_COUNT};
    lh_ending_from_errno(-failed, &ending);
    close(visit->fd);
    lh_visit_fail(visit, &ending);
    return;
  }
  visit->poll.data = visit;
  visit->state = LH_VISIT_TLS;
  if (!route->tls)
    lh_visit_ask(visit);
  else if (start_tls(visit, route->tls))
    lh_visit_fail_as(visit, LH_REASON_NO_MEMORY, ENOMEM, "");
  else
    shake_hands(visit);
}
