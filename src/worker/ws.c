#include "ws.h"

#include <assert.h>
#include <errno.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deflate.h"
#include "dial.h"
#include "endings.h"
#include "frame.h"
#include "handshake.h"
#include "inflate.h"
#include "longhaul/base/clock.h"
#include "longhaul/conn/cookies.h"
#include "longhaul/conn/http.h"
#include "peer.h"
#include "route.h"
#include "tls.h"
#include "ws_private.h"

static void try_next(struct lh_ws *ws, struct lh_peer *p, const struct lh_dialled *dialled);

/* ---- the straight way, or a redirect's ---- */

static uint32_t route_of(const struct lh_ws *ws, uint32_t slot) {
  const struct lh_detour *detour = lh_detour_of(&ws->detours, slot);
  return detour ? detour->route : lh_ws_lane(ws, slot)->group->target;
}

static bool goes_by_tls(const struct lh_ws *ws, uint32_t slot) {
  return ws->routes.items[route_of(ws, slot)].target->tls_scheme;
}

static const struct lh_handshake *handshake_of(const struct lh_ws *ws, uint32_t slot) {
  const struct lh_detour *detour = lh_detour_of(&ws->detours, slot);
  return detour ? detour->handshake : lh_ws_lane(ws, slot)->handshake;
}

/* ---- the end of a connection ---- */

static void drop_inflater(struct lh_ws *ws, const struct lh_peer *p) {
  struct lh_inflate **inflater = &ws->inflaters[lh_ws_slot(ws, p)];
  lh_inflate_free(*inflater);
  *inflater = NULL;
}

static void forget(struct lh_ws *ws, struct lh_peer *p) {
  if (ws->inflaters) drop_inflater(ws, p);
  lh_peer_unbind(p);
  p->wsi = NULL;
  lh_peer_reset(p);
  ws->sockets--;
}

static void tell_end(struct lh_ws *ws, const struct lh_peer *p, const struct lh_ending *ending) {
  uint64_t now_ns = lh_now_ns();
  lh_stall_look(ws->args.stall, now_ns);
  lh_engine_on_ended(ws->engine, lh_ws_slot(ws, p), ending, now_ns);
}

/* Tells the engine, once: afterwards the peer is idle and libwebsockets' later callbacks for it find nobody. */
static void finish(struct lh_ws *ws, struct lh_peer *p, const char *words) {
  static const enum lh_stage stages[] = {[LH_PEER_TLS] = LH_STAGE_TLS,
                                         [LH_PEER_UPGRADE] = LH_STAGE_UPGRADE,
                                         [LH_PEER_OPEN] = LH_STAGE_OPEN};
  struct lh_ending ending;
  struct lh_demise demise = {.peer = p, .stage = stages[p->state], .fd = p->fd, .words = words};
  if (p->wsi) demise.ssl = lws_get_ssl(p->wsi);
  lh_ending_find(&demise, &ending);
  ending.stage = LH_STAGE_COUNT; /* the engine was told of each */
  ending.local_port = p->local_port;
  forget(ws, p);
  if (ws->handed == p) ws->handed = NULL;
  tell_end(ws, p, &ending);
}

/* A connection that never came to libwebsockets. */
static void fail(struct lh_ws *ws, struct lh_peer *p, const struct lh_ending *ending) {
  lh_peer_reset(p);
  tell_end(ws, p, ending);
}

static void fail_errno(struct lh_ws *ws, struct lh_peer *p, int error) {
  struct lh_ending ending = {.stage = LH_STAGE_COUNT};
  lh_ending_from_errno(error, &ending);
  fail(ws, p, &ending);
}

/* ---- libwebsockets' events ---- */

/* The peer of a callback; NULL when the connection was given up by us and libwebsockets is still burying it. */
static struct lh_peer *peer_of(struct lh_ws *ws, struct lws *wsi) {
  struct lh_peer *p = lws_get_opaque_user_data(wsi);
  if (!p) return NULL;
  if (p == ws->handed && !p->wsi) p->wsi = wsi; /* from within lws_client_connect_via_info */
  return p->wsi == wsi ? p : NULL;
}

static int on_pong(struct lh_ws *ws, struct lh_peer *p, const void *bytes, size_t len) {
  uint64_t cookie;
  if (len != sizeof cookie) return 0; /* not the answer to a ping of ours */
  memcpy(&cookie, bytes, sizeof cookie);
  lh_engine_on_pong(ws->engine, lh_ws_slot(ws, p), cookie, lh_now_ns());
  return 0;
}

/* ---- cookies ---- */

/* Host and path stand in `host` and ws->path. */
static struct lh_cookie_site site_of(const struct lh_ws *ws, uint32_t slot, const struct lh_template_values *values, char host[LH_HOST_MAX]) {
  lh_handshake_path(handshake_of(ws, slot), values, ws->path);
  lh_handshake_host(handshake_of(ws, slot), values, host);
  return (struct lh_cookie_site){
      .tls = goes_by_tls(ws, slot), .host = {host, strlen(host)}, .path = {ws->path, strlen(ws->path)}};
}

static int add_cookies(struct lh_ws *ws, uint32_t slot, const struct lh_template_values *values, char **at, size_t room) {
  char host[LH_HOST_MAX], line[LH_COOKIE_LINE_MAX];
  if (!lh_ws_lane(ws, slot)->group->keeps_cookies) return 0;
  const struct lh_cookie_site to = site_of(ws, slot, values, host);
  size_t len = lh_engine_cookies(ws->engine, slot, &to, line);
  if (len > room) return -1;
  *at = mempcpy(*at, line, len);
  return 0;
}

/* Each Set-Cookie header of a head that is in. */
static void take_cookies(struct lh_ws *ws, struct lh_peer *p) {
  const uint32_t slot = lh_ws_slot(ws, p);
  char host[LH_HOST_MAX];
  if (!lh_ws_lane(ws, slot)->group->keeps_cookies) return;
  struct lh_template_values values = lh_ws_values(ws, slot);
  const struct lh_cookie_site from = site_of(ws, slot, &values, host);
  for (int n = 0, len; (len = lws_hdr_fragment_length(p->wsi, WSI_TOKEN_HTTP_SET_COOKIE, n)) > 0; n++) {
    char *value = malloc((size_t)len + 1);
    if (value && lws_hdr_copy_fragment(p->wsi, value, len + 1, WSI_TOKEN_HTTP_SET_COOKIE, n) >= 0)
      lh_engine_on_cookie(ws->engine, slot, &from, (struct lh_text){value, (size_t)len});
    free(value);
  }
}

static int on_request(struct lh_ws *ws, struct lh_peer *p, char **at, size_t room) {
  uint32_t slot = lh_ws_slot(ws, p);
  uint64_t now = lh_now_ns();
  if (p->state == LH_PEER_TLS) {
    p->state = LH_PEER_UPGRADE;
    lh_engine_on_stage(ws->engine, slot, LH_STAGE_UPGRADE, now);
  }
  struct lh_template_values values = lh_ws_values(ws, slot);
  char *begin = *at;
  if (lh_handshake_headers(handshake_of(ws, slot), &values, at, room)) return -1;
  return add_cookies(ws, slot, &values, at, room - (size_t)(*at - begin));
}

/* Goes where a redirect leads when the group asks for that, or tells in the ending's text why not. */
static void redirect(struct lh_ws *ws, struct lh_peer *p, unsigned status) {
  char location[LH_LOCATION_PATH_MAX + LH_LOCATION_HOST_MAX];
  const uint32_t slot = lh_ws_slot(ws, p);
  const struct lh_group *group = lh_ws_lane(ws, slot)->group;
  int len = lws_hdr_copy(p->wsi, location, sizeof location, WSI_TOKEN_HTTP_LOCATION);
  if (len < 0) len = 0;
  location[len] = 0;
  p->is_redirect = true;
  lws_strncpy(p->seen->text, location, sizeof p->seen->text);
  if (!group->redirects || !lh_is_redirect(status)) return;
  struct lh_template_values values = lh_ws_values(ws, slot);
  lh_handshake_path(handshake_of(ws, slot), &values, ws->path);
  lh_detour_note(&ws->detours, slot, location, (size_t)len);
  const struct lh_detour_args args = {.slot = slot, .group = group, .path = ws->path, .status = status};
  const char *why = lh_detour_take(&ws->detours, &args);
  p->follows = !why;
  if (why) snprintf(p->seen->text, sizeof p->seen->text, "%.60s: %.60s", why, location);
}

/* libwebsockets must not see what is wrong with the answer: it writes beyond an array when an extension is named twice, and
 * leaks when parameters are bad. */
static int agree_on_deflate(struct lh_ws *ws, struct lh_peer *p) {
  char answer[256];
  struct lh_deflate_terms terms;
  const bool was_offered = p->wire.deflate;
  p->wire.deflate = was_offered && lws_hdr_total_length(p->wsi, WSI_TOKEN_EXTENSIONS) > 0;
  if (!p->wire.deflate) return 0;
  bool is_short = lws_hdr_copy(p->wsi, answer, sizeof answer, WSI_TOKEN_EXTENSIONS) > 0;
  const char *fault = is_short ? lh_deflate_agree(answer, &terms) : "extension parameters of more than 255 bytes";
  if (fault) {
    p->fault = fault;
    return -1;
  }
  struct lh_inflate **inflater = &ws->inflaters[lh_ws_slot(ws, p)];
  *inflater = lh_inflate_new(&terms);
  if (!*inflater) lh_peer_saw_error(p, ENOMEM);
  return *inflater ? 0 : -1;
}

/* The response's head is in. libwebsockets would log what is not a 101 and say no more about it. */
static int on_response(struct lh_ws *ws, struct lh_peer *p) {
  unsigned status = lws_http_client_http_response(p->wsi);
  take_cookies(ws, p);
  /* libwebsockets takes heads that are not quite HTTP, and what it makes of them may be what no one meant. */
  if (p->wire.state == LH_WIRE_HEAD || (status == 101) != (p->wire.state != LH_WIRE_BODY)) {
    free(p->seen);
    p->seen = NULL;
    p->fault = "response head that is not HTTP";
    return -1;
  }
  if (status == 101) return agree_on_deflate(ws, p);
  if (!p->seen) {
    lh_peer_saw_error(p, ENOMEM);
    return -1;
  }
  char retry_after[64];
  if (lws_hdr_copy(p->wsi, retry_after, sizeof retry_after, WSI_TOKEN_HTTP_RETRY_AFTER) > 0)
    p->seen->retry_after_ns = lh_http_retry_after_ns(retry_after, lh_wall_us());
  if (status >= 300 && status < 400)
    redirect(ws, p, status);
  else if (!p->seen->text[0] && lws_hdr_copy(p->wsi, p->seen->text, sizeof p->seen->text, WSI_TOKEN_HTTP) > 4)
    memmove(p->seen->text, p->seen->text + 4, strlen(p->seen->text + 4) + 1);
  return -1;
}

static int on_open(struct lh_ws *ws, struct lh_peer *p) {
  p->state = LH_PEER_OPEN;
  lh_detour_drop(&ws->detours, lh_ws_slot(ws, p));
  lh_engine_on_open(ws->engine, lh_ws_slot(ws, p), p->local_port, lh_now_ns());
  /* In one read with the head, when it was not known yet what that agrees to. */
  if (!p->wire.compressed || p->wire.deflate) return 0;
  p->fault = "reserved bits set";
  return -1;
}

static void write_close(struct lh_peer *p, uint16_t code);

/* The code is known from the wire already; the text may have come in more than one read. The answer is ours, with the code
 * that came, and the end follows at once. libwebsockets' own way answers with the code it made of it, and sets a timer for
 * each connection in a list that is sorted by walking: 18,000 clients closed together by their server kept the loop from
 * everything else for 5 s of CPU. */
static int on_close_frame(struct lh_peer *p, const char *bytes, size_t len) {
  if (p->seen && p->seen->reason == LH_REASON_CLOSE_FRAME && len >= 2 && len - 2 < sizeof p->seen->text) {
    memcpy(p->seen->text, bytes + 2, len - 2);
    p->seen->text[len - 2] = 0;
  }
  if (!p->closing) write_close(p, p->wire.code);
  return -1;
}

static int on_writable(struct lh_ws *ws, struct lh_peer *p) {
  if (!p->wants_write) return 0;
  p->wants_write = false;
  lh_engine_on_writable(ws->engine, lh_ws_slot(ws, p), lh_now_ns());
  return 0;
}

static int dispatch(struct lh_ws *ws, struct lh_peer *p, enum lws_callback_reasons what, void *in, size_t len) {
  switch (what) {
  case LWS_CALLBACK_CLIENT_RECEIVE: return lh_ws_receive(ws, p, in, len);
  case LWS_CALLBACK_CLIENT_RECEIVE_PONG: return on_pong(ws, p, in, len);
  case LWS_CALLBACK_CLIENT_WRITEABLE: return on_writable(ws, p);
  case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: return on_request(ws, p, in, len);
  case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: return on_response(ws, p);
  case LWS_CALLBACK_CLIENT_ESTABLISHED: return on_open(ws, p);
  case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: return on_close_frame(p, in, len);
  case LWS_CALLBACK_WSI_DESTROY: /* none of the others came; the descriptor is closed by now */
    lh_peer_unbind(p);
    p->wsi = NULL;
    finish(ws, p, "");
    return 0;
  default: finish(ws, p, what == LWS_CALLBACK_CLIENT_CONNECTION_ERROR && in ? in : ""); return 0;
  }
}

int lh_ws_event(struct lws *wsi, enum lws_callback_reasons what, void *user, void *in, size_t len) {
  (void)user;
  switch (what) {
  case LWS_CALLBACK_CLIENT_RECEIVE:
  case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
  case LWS_CALLBACK_CLIENT_WRITEABLE:
  case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
  case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
  case LWS_CALLBACK_CLIENT_ESTABLISHED:
  case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
  case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
  case LWS_CALLBACK_CLIENT_CLOSED:
  case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
  case LWS_CALLBACK_WSI_DESTROY: break;
  default: return 0;
  }
  struct lh_ws *ws = lws_context_user(lws_get_context(wsi));
  struct lh_peer *p = peer_of(ws, wsi);
  if (!p) return -1;
  /* An abort of this very connection from within must wait until libwebsockets can bear it. */
  struct lh_peer *outer = ws->current;
  ws->current = p;
  int result = dispatch(ws, p, what, in, len);
  ws->current = outer;
  return p->wsi == wsi ? result : -1;
}

/* ---- begin: addresses, TCP ---- */

static void dial(struct lh_ws *ws, struct lh_peer *p) {
  uint32_t slot = lh_ws_slot(ws, p);
  const struct lh_lane *lane = lh_ws_lane(ws, slot);
  const struct lh_book *book = lh_resolve_book(ws->routes.resolver, route_of(ws, slot));
  uint32_t client = lh_engine_client_of(ws->engine, slot);
  const struct lh_address *to = lh_book_pick(book, client, p->tries);
  struct lh_dial d = {.config = ws->args.config,
                      .target = lane->group->target,
                      .to = to,
                      .from = lh_source_pick(&lane->sources, client, to->any.sa_family),
                      .user_timeout_ms = (uint32_t)(lane->group->user_timeout_ns / LH_NS_PER_MS),
                      .send_buffer = lane->group->send_buffer,
                      .receive_buffer = lane->group->receive_buffer,
                      .tunnel = ws->routes.items[route_of(ws, slot)].tunnel,
                      .slot = slot};
  if (!d.from && lane->sources.count) {
    fail_errno(ws, p, EAFNOSUPPORT);
    return;
  }
  int fd = lh_dial(ws->dialler, &d);
  if (fd < 0) {
    try_next(ws, p, &(struct lh_dialled){.error = -fd});
    return;
  }
  ws->sockets++;
  p->state = LH_PEER_DIALLING;
  p->fd = fd; /* not in the table yet: nothing is read or written */
}

/* A name with addresses of both families is one way to reach one server: what one family refuses, the other may take. */
static void try_next(struct lh_ws *ws, struct lh_peer *p, const struct lh_dialled *dialled) {
  uint32_t slot = lh_ws_slot(ws, p), route = route_of(ws, slot);
  const struct lh_book *book = lh_resolve_book(ws->routes.resolver, route);
  struct lh_ending ending;
  lh_route_ending(&ws->routes.items[route], dialled, &ending);
  bool other_may_do = ending.reason == LH_REASON_REFUSED || ending.reason == LH_REASON_UNREACHABLE;
  p->tries++;
  if (other_may_do && lh_book_pick(book, lh_engine_client_of(ws->engine, slot), p->tries))
    dial(ws, p);
  else
    fail(ws, p, &ending);
}

static void begin(struct lh_ws *ws, struct lh_peer *p) {
  uint32_t slot = lh_ws_slot(ws, p), route = route_of(ws, slot);
  if (!lh_resolve_book(ws->routes.resolver, route)) {
    p->state = LH_PEER_RESOLVING;
    lh_peer_list_push(ws, &ws->awaiting[route], slot);
    lh_resolve(ws->routes.resolver, route);
    return;
  }
  lh_engine_on_stage(ws->engine, slot, LH_STAGE_CONNECT, lh_now_ns());
  dial(ws, p);
}

bool lh_ws_before_wait(struct lh_ws *ws) {
  for (uint32_t slot, left = LH_DIALS_AT_ONCE; left > 0 && (slot = lh_peer_list_pop(ws, &ws->queued)) != LH_NO_PEER; left--)
    begin(ws, &ws->peers[slot]);
  return ws->queued.first != LH_NO_PEER;
}

void lh_ws_settled(void *context, uint32_t target, int error) {
  struct lh_ws *ws = context;
  struct lh_peer_list waiting = ws->awaiting[target];
  ws->awaiting[target] = (struct lh_peer_list)LH_PEER_LIST_EMPTY;
  struct lh_ending ending = {0};
  if (error) lh_route_not_resolved(&ws->routes.items[target], error, &ending);
  for (uint32_t slot; (slot = lh_peer_list_pop(ws, &waiting)) != LH_NO_PEER;) {
    struct lh_peer *p = &ws->peers[slot];
    if (error)
      fail(ws, p, &ending);
    else
      begin(ws, p);
  }
}

/* ---- handing over to libwebsockets ---- */

static void enter_lws(struct lh_ws *ws, struct lh_peer *p) {
  uint32_t slot = lh_ws_slot(ws, p);
  const struct lh_lane *lane = lh_ws_lane(ws, slot);
  struct lh_template_values values = lh_ws_values(ws, slot);
  char host[LH_HOST_MAX];
  const struct lh_handshake *handshake = handshake_of(ws, slot);
  lh_handshake_path(handshake, &values, ws->path);
  lh_handshake_host(handshake, &values, host);
  struct lws_client_connect_info info = {
      .context = ws->contexts[slot % ws->context_count],
      .vhost = lh_ws_vhost(ws, lane, route_of(ws, slot), slot % ws->context_count),
      .address = "127.0.0.1", /* looked at but never dialled: the socket is connected */
      .port = ws->routes.items[route_of(ws, slot)].target->port,
      .path = ws->path,
      .host = host,
      .protocol = lh_handshake_protocols(handshake),
      .local_protocol_name = lane->local_protocol,
      /* verify: false and names are seen to by tls.c; the flags only keep libwebsockets from its own opinion */
      .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT |
                        (p->is_tls ? LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0),
      .ietf_version_or_minus_one = -1,
      .opaque_user_data = p,
      .retry_and_idle_policy = &lh_no_idle_policy,
  };
  ws->handed = p;
  lh_hand_over(p->fd);
  struct lws *wsi = info.vhost ? lws_client_connect_via_info(&info) : NULL;
  bool taken = lh_hand_over_end();
  bool begun = ws->handed == p; /* else a callback told of its end already */
  ws->handed = NULL;
  if (wsi) {
    if (begun) p->wsi = wsi;
    /* Every stage has a deadline in the engine; libwebsockets' own timers are one sorted list that costs O(n). */
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
  } else if (begun) {
    int fd = p->fd;
    if (taken) lh_peer_unbind(p); /* closed by libwebsockets */
    finish(ws, p, LH_COULD_NOT_BEGIN);
    if (!taken) close(fd);
  }
}

void lh_ws_tunnelling(void *context, uint32_t slot) {
  struct lh_ws *ws = context;
  struct lh_peer *p = &ws->peers[slot];
  p->local_port = lh_local_port(p->fd);
  lh_engine_on_port(ws->engine, slot, p->local_port);
  lh_engine_on_tunnel(ws->engine, slot, lh_now_ns());
}

void lh_ws_dialled(void *context, uint32_t slot, const struct lh_dialled *dialled) {
  struct lh_ws *ws = context;
  struct lh_peer *p = &ws->peers[slot];
  assert(p->state == LH_PEER_DIALLING && p->fd == dialled->fd);
  if (dialled->error) {
    p->fd = LH_NO_FD;
    ws->sockets--;
    try_next(ws, p, dialled);
    return;
  }
  const struct lh_lane *lane = lh_ws_lane(ws, slot);
  p->local_port = lh_local_port(dialled->fd);
  lh_engine_on_port(ws->engine, slot, p->local_port);
  if (p->tries) lh_resolve_prefer(ws->routes.resolver, route_of(ws, slot), lh_family_of(dialled->fd));
  lh_peer_bind(p, dialled->fd);
  p->wire.deflate = lane->group->deflate;
  p->is_tls = goes_by_tls(ws, slot);
  p->state = p->is_tls ? LH_PEER_TLS : LH_PEER_UPGRADE;
  lh_engine_on_stage(ws->engine, slot, p->is_tls ? LH_STAGE_TLS : LH_STAGE_UPGRADE, lh_now_ns());
  enter_lws(ws, p);
}

/* ---- the engine's actions ---- */

static void io_connect(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns) {
  (void)nth, (void)now_ns;
  struct lh_ws *ws = context;
  struct lh_peer *p = &ws->peers[slot];
  assert(p->state == LH_PEER_IDLE);
  lh_detour_begin(&ws->detours, slot);
  p->state = LH_PEER_QUEUED;
  lh_peer_list_push(ws, &ws->queued, slot);
}

/* A write failed. The end must reach the engine from the loop, not from inside its own call. */
static enum lh_send_result broke(struct lh_peer *p) {
  shutdown(p->fd, SHUT_RDWR);
  return LH_SEND_FAILED;
}

static enum lh_send_result choke(struct lh_peer *p) {
  p->wants_write = true;
  lws_callback_on_writable(p->wsi);
  return LH_SEND_CHOKED;
}

/* Whether libwebsockets still holds bytes that must go first. Asking it costs a look into cold memory, so that it is asked
 * only when something may be held; under TLS our eyes on send() see nothing. */
static bool holds_back(struct lh_peer *p) {
  p->held_back = (p->held_back || p->is_tls) && lws_partial_buffered(p->wsi);
  return p->held_back;
}

static bool is_choked(struct lh_peer *p) {
  if (p->closing || p->seen) return true; /* nothing may follow a close frame; the end is near, no one need wait for it */
  if (!holds_back(p)) return false;
  choke(p);
  return true;
}

/* Bytes for the wire as they are, through libwebsockets: under TLS, and for what a full socket leaves over. It keeps what
 * cannot go now and sends it first. LWS_WRITE_HTTP is its name for "as they are". */
static enum lh_send_result write_through_lws(struct lh_peer *p, char *bytes, size_t len) {
  p->held_back = true;
  return lws_write(p->wsi, (unsigned char *)bytes, len, LWS_WRITE_HTTP) < 0 ? broke(p) : LH_SEND_DONE;
}

static enum lh_send_result write_frame(struct lh_peer *p, char *frame, size_t len) {
  if (p->is_tls) return write_through_lws(p, frame, len);
  ssize_t sent = send(p->fd, frame, len, MSG_NOSIGNAL);
  if (sent == (ssize_t)len) return LH_SEND_DONE;
  if (sent > 0) return write_through_lws(p, frame + sent, len - (size_t)sent);
  return errno == EAGAIN ? choke(p) : broke(p);
}

static enum lh_send_result write_message(struct lh_peer *p, unsigned opcode, char *payload, size_t len) {
  char *frame = lh_frame_make(opcode, lh_frame_key(), payload, len);
  return write_frame(p, frame, len + (size_t)(payload - frame));
}

static enum lh_send_result io_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  (void)message;
  struct lh_ws *ws = context;
  struct lh_peer *p = &ws->peers[slot];
  unsigned opcode = binary ? LH_OPCODE_BINARY : LH_OPCODE_TEXT;
  if (is_choked(p)) return LH_SEND_CHOKED;
  /* Without memory for it the message goes as it is, which the protocol allows. */
  if (p->wire.deflate && !lh_deflate_message(ws->deflate, bytes, len, &bytes, &len)) opcode |= LH_FRAME_COMPRESSED;
  return write_message(p, opcode, bytes, len);
}

static enum lh_send_result io_ping(void *context, uint32_t slot, uint64_t cookie) {
  struct lh_ws *ws = context;
  struct lh_peer *p = &ws->peers[slot];
  char frame[LH_FRAME_HEAD_MAX + sizeof cookie];
  if (is_choked(p)) return LH_SEND_CHOKED;
  memcpy(frame + LH_FRAME_HEAD_MAX, &cookie, sizeof cookie);
  return write_message(p, LH_OPCODE_PING, frame + LH_FRAME_HEAD_MAX, sizeof cookie);
}

/* 1005 stands for a close frame without a code, and is answered with one. */
static void write_close(struct lh_peer *p, uint16_t code) {
  enum { NO_CODE = 1005 };
  char frame[LH_FRAME_HEAD_MAX + 2];
  size_t payload = code == NO_CODE ? 0 : 2;
  frame[LH_FRAME_HEAD_MAX] = (char)(code >> 8);
  frame[LH_FRAME_HEAD_MAX + 1] = (char)code;
  p->closing = true;
  char *begin = lh_frame_make(LH_OPCODE_CLOSE, lh_frame_key(), frame + LH_FRAME_HEAD_MAX, payload);
  size_t len = (size_t)(frame + LH_FRAME_HEAD_MAX - begin) + payload;
  if (holds_back(p) || write_frame(p, begin, len) == LH_SEND_CHOKED) write_through_lws(p, begin, len);
}

static void io_close(void *context, uint32_t slot, uint16_t code) {
  struct lh_ws *ws = context;
  struct lh_peer *p = &ws->peers[slot];
  if (!p->closing && !p->seen) write_close(p, code);
}

static void io_abort(void *context, uint32_t slot) {
  struct lh_ws *ws = context;
  struct lh_peer *p = &ws->peers[slot];
  struct lws *wsi = p->wsi;
  switch ((enum lh_peer_state)p->state) {
  case LH_PEER_IDLE: return;
  case LH_PEER_QUEUED: lh_peer_list_remove(ws, &ws->queued, slot); break;
  case LH_PEER_RESOLVING: lh_peer_list_remove(ws, &ws->awaiting[route_of(ws, slot)], slot); break;
  case LH_PEER_DIALLING:
    lh_engine_on_port(ws->engine, slot, lh_local_port(p->fd));
    lh_dial_cancel(ws->dialler, p->fd);
    p->fd = LH_NO_FD;
    ws->sockets--;
    break;
  case LH_PEER_TLS:
  case LH_PEER_UPGRADE:
  case LH_PEER_OPEN:
    /* What is still buffered would keep libwebsockets from closing for seconds; and from within its own callback it
     * cannot close at all, but sees the end of the connection next. */
    if (ws->current == p || lws_partial_buffered(wsi)) shutdown(p->fd, SHUT_RDWR);
    forget(ws, p);
    if (ws->current != p) lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
    return;
  }
  lh_peer_reset(p);
}

static enum lh_taken io_taken(void *context, uint32_t slot, uint64_t since_ns) {
  const struct lh_ws *ws = context;
  return lh_peer_taken(&ws->peers[slot], since_ns, lh_now_ns());
}

static uint64_t io_now(void *context) {
  (void)context;
  return lh_now_ns();
}

static void io_reset(void *context, uint32_t slot) {
  const struct lh_ws *ws = context;
  lh_dial_reset(ws->peers[slot].fd);
  io_abort(context, slot);
}

const struct lh_io lh_ws_actions = {
    .connect = io_connect, .send = io_send, .ping = io_ping, .close = io_close, .abort = io_abort,
    .reset = io_reset, .taken = io_taken, .now = io_now};
