#include "live/server.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live/access.h"
#include "live/metrics.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/report/report.h"

enum {
  CHUNK_BYTES = 32768, /* of one write: libwebsockets keeps at most this much for a socket that takes less */
  HEADER_BYTES = 8192,
  METRICS_MOST = 64 << 20,
  /* A viewer that takes nothing for so long, or so long for one message, is let go; its page comes back by itself. */
  PATIENCE_S = 30,
  MESSAGE_S = 120,
  PING_S = 20,
  HANGUP_S = 60
};

struct listener {
  struct lh_server *server;
  struct lws_vhost *vhost;
  uv_poll_t poll;
  int fd;
};

struct lh_server {
  struct lh_server_args args;
  struct lws_context *context;
  struct listener dashboard, metrics;
  uint64_t scraped_ns, scrape_gap_ns; /* when the metrics were read last; how long after the time before, 0: never twice */
  struct lh_shared *page, *now, *bye;
  uint32_t tick; /* counts the messages in `now` */
  uint32_t connections;
  uint32_t viewers;
  uint32_t waiting, answers; /* viewers that lack something, and answers on their way */
  bool ended;
};

/* Per connection, kept by libwebsockets. */
struct answer {
  struct lh_shared *body;
  size_t at;
  struct lh_buf mark;
  bool takes_mark; /* the request may mark: only then is its body looked at, since one comes with a refused request as well */
  bool too_long;
};
struct viewer {
  struct lh_shared *sending; /* at most one */
  size_t at;
  uint64_t begun_ns, moved_ns; /* of the message on its way: its first piece, its last one so far */
  uint32_t revision, tick;
  bool counted; /* it waits for something */
  bool told_end;
};

static struct lh_server *server_of(struct lws *wsi) {
  return lws_context_user(lws_get_context(wsi));
}

/* ---- requests ---- */

enum { HOST, ORIGIN, COOKIE, AUTHORIZATION, TEXTS };

static enum lh_access access_of(struct lws *wsi) {
  static const enum lws_token_indexes tokens[TEXTS] = {[HOST] = WSI_TOKEN_HOST,
                                                       [ORIGIN] = WSI_TOKEN_ORIGIN,
                                                       [COOKIE] = WSI_TOKEN_HTTP_COOKIE,
                                                       [AUTHORIZATION] = WSI_TOKEN_HTTP_AUTHORIZATION};
  static char texts[TEXTS][HEADER_BYTES], query[LH_LIVE_TOKEN_MOST + 8];
  for (int i = 0; i < TEXTS; i++)
    if (lws_hdr_copy(wsi, texts[i], sizeof texts[i], tokens[i]) < 0) texts[i][0] = '\0';
  const char *token = lws_get_urlarg_by_name(wsi, "token=", query, sizeof query);
  struct lh_access_request request = {.host = texts[HOST],
                                      .origin = texts[ORIGIN],
                                      .cookie = texts[COOKIE],
                                      .authorization = texts[AUTHORIZATION],
                                      .query_token = token ? token : ""};
  return lh_access_check(&request, server_of(wsi)->args.start->token);
}

struct reply {
  unsigned status;
  const char *type;
  struct lh_shared *body; /* taken over; NULL: no memory */
  const char *cookie, *location;
};

static bool put_header(struct lws *wsi, const char *name, const char *value, uint8_t **at, uint8_t *end) {
  return lws_add_http_header_by_name(wsi, (const unsigned char *)name, (const unsigned char *)value, (int)strlen(value), at,
                                     end) == 0;
}

static void drop_body(struct lh_server *s, struct answer *answer) {
  if (!answer->body) return;
  lh_shared_drop(answer->body);
  answer->body = NULL;
  s->answers--;
}

static int send_reply(struct lws *wsi, struct answer *answer, const struct reply *reply) {
  static const char *const headers[][2] = {{"cache-control:", "no-store"},
                                           {"x-content-type-options:", "nosniff"},
                                           {"x-frame-options:", "DENY"},
                                           {"referrer-policy:", "no-referrer"},
                                           {"cross-origin-resource-policy:", "same-origin"}};
  uint8_t room[LWS_PRE + 2048], *begin = room + LWS_PRE, *at = begin, *end = room + sizeof room - 1;
  if (!reply->body) return -1;
  drop_body(server_of(wsi), answer);
  server_of(wsi)->answers++;
  answer->body = reply->body;
  answer->at = 0;
  bool made = lws_add_http_common_headers(wsi, reply->status, reply->type, reply->body->len, &at, end) == 0;
  for (size_t i = 0; made && i < sizeof headers / sizeof *headers; i++)
    made = put_header(wsi, headers[i][0], headers[i][1], &at, end);
  if (made && reply->cookie) made = put_header(wsi, "set-cookie:", reply->cookie, &at, end);
  if (made && reply->location) made = put_header(wsi, "location:", reply->location, &at, end);
  if (!made || lws_finalize_write_http_header(wsi, begin, &at, end)) return -1;
  lws_callback_on_writable(wsi);
  return 0;
}

static struct lh_shared *text_of(const char *text) {
  char *copy = strdup(text);
  return copy ? lh_shared_new(copy, strlen(copy)) : NULL;
}

static int send_text(struct lws *wsi, struct answer *answer, unsigned status, const char *text) {
  struct reply reply = {.status = status, .type = "text/plain; charset=utf-8", .body = text_of(text)};
  return send_reply(wsi, answer, &reply);
}

static int send_metrics(struct lws *wsi, struct answer *answer) {
  struct lh_buf out = LH_BUF_INIT(METRICS_MOST);
  char accept[1024];
  if (lws_hdr_copy(wsi, accept, sizeof accept, WSI_TOKEN_HTTP_ACCEPT) < 0) accept[0] = '\0';
  bool open = lh_metrics_wants_open(accept);
  struct lh_server *s = server_of(wsi);
  uint64_t now_ns = lh_now_ns();
  if (s->scraped_ns) s->scrape_gap_ns = now_ns - s->scraped_ns;
  s->scraped_ns = now_ns;
  if (lh_metrics_write(server_of(wsi)->args.board, open, &out) < 0) {
    lh_buf_free(&out);
    return send_text(wsi, answer, 500, "no memory for the metrics\n");
  }
  struct reply reply = {.status = 200, .type = open ? LH_METRICS_OPENMETRICS : LH_METRICS_PROMETHEUS};
  reply.body = lh_shared_new(out.data, out.len);
  return send_reply(wsi, answer, &reply);
}

/* The token leaves the address bar: it would stand in the browser's history. */
static int send_cookie(struct lws *wsi, struct answer *answer) {
  char cookie[LH_LIVE_TOKEN_MOST + 96];
  snprintf(cookie, sizeof cookie, LH_ACCESS_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict", server_of(wsi)->args.start->token);
  struct reply reply = {.status = 303, .type = "text/plain", .body = text_of("see /\n"), .cookie = cookie, .location = "/"};
  return send_reply(wsi, answer, &reply);
}

static int refuse(struct lws *wsi, struct answer *answer, enum lh_access access) {
  if (access == LH_ACCESS_WRONG_HOST)
    return send_text(wsi, answer, 421,
                     "this dashboard is open to this machine alone: ask for it as 127.0.0.1 or localhost, or "
                     "start the run with --dashboard-token\n");
  if (access == LH_ACCESS_WRONG_ORIGIN) return send_text(wsi, answer, 403, "a page of another site may not ask for this\n");
  return send_text(wsi, answer, 401,
                   "this needs the token of --dashboard-token: open /?token=TOKEN in a browser, or send "
                   "Authorization: Bearer TOKEN\n");
}

static int on_request(struct lws *wsi, struct answer *answer, const char *path) {
  struct lh_server *s = server_of(wsi);
  bool post = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0, get = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0;
  bool dashboard = lws_get_vhost(wsi) == s->dashboard.vhost;
  enum lh_access access = access_of(wsi);
  if (access != LH_ACCESS_GRANTED && access != LH_ACCESS_GRANTED_BY_QUERY) return refuse(wsi, answer, access);
  if (get && strcmp(path, "/metrics") == 0) return send_metrics(wsi, answer);
  if (dashboard && post && strcmp(path, "/mark") == 0) {
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) == 0)
      return send_text(wsi, answer, 411, "a mark needs a Content-Length\n");
    answer->takes_mark = true; /* the body follows */
    return 0;
  }
  if (!dashboard || strcmp(path, "/") != 0)
    return send_text(wsi, answer, 404,
                     dashboard ? "there is nothing here; the page is /, the metrics are /metrics\n"
                               : "there is nothing here; the metrics are /metrics\n");
  if (!get) return send_text(wsi, answer, 405, "the page can only be read\n");
  if (access == LH_ACCESS_GRANTED_BY_QUERY) return send_cookie(wsi, answer);
  struct reply reply = {.status = 200, .type = "text/html; charset=utf-8", .body = lh_shared_keep(s->page)};
  return send_reply(wsi, answer, &reply);
}

static void take_body(struct answer *answer, const void *bytes, size_t len) {
  if (!answer->takes_mark) return;
  if (answer->mark.limit == 0) answer->mark.limit = LH_LIVE_MARK_MOST + 1; /* and the NUL */
  if (lh_buf_add(&answer->mark, bytes, len) < 0) answer->too_long = true;
}

static int on_mark(struct lws *wsi, struct answer *answer) {
  struct lh_server *s = server_of(wsi);
  char *text = answer->mark.data;
  size_t len = answer->mark.len;
  if (!answer->takes_mark) return 0; /* it has its answer */
  answer->takes_mark = false;
  while (len > 0 && (unsigned char)text[len - 1] <= ' ') text[--len] = '\0';
  if (answer->too_long || len > LH_LIVE_MARK_MOST)
    return send_text(wsi, answer, 413, "a mark has at most 1,024 bytes of text\n");
  if (len == 0) return send_text(wsi, answer, 400, "a mark needs its text as the body of the request\n");
  if (s->ended) return send_text(wsi, answer, 409, "the run has ended\n");
  s->args.mark(s->args.context, text);
  return send_text(wsi, answer, 200, "marked\n");
}

static int write_body(struct lws *wsi, struct answer *answer) {
  static uint8_t room[LWS_PRE + CHUNK_BYTES];
  struct lh_shared *body = answer->body;
  if (!body) return 0;
  size_t rest = body->len - answer->at, len = rest < CHUNK_BYTES ? rest : CHUNK_BYTES;
  memcpy(room + LWS_PRE, body->text + answer->at, len);
  answer->at += len;
  bool last = answer->at == body->len;
  if (lws_write(wsi, room + LWS_PRE, len, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0) return -1;
  if (!last) {
    lws_callback_on_writable(wsi);
    return 0;
  }
  drop_body(server_of(wsi), answer);
  return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static void let_go(struct lh_server *s, struct answer *answer) {
  if (!answer) return;
  drop_body(s, answer);
  lh_buf_free(&answer->mark);
  *answer = (struct answer){0};
}

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  struct answer *answer = user;
  switch (reason) {
  case LWS_CALLBACK_WSI_CREATE: server_of(wsi)->connections++; return 0;
  case LWS_CALLBACK_WSI_DESTROY: server_of(wsi)->connections--; return 0;
  case LWS_CALLBACK_HTTP: return on_request(wsi, answer, in);
  case LWS_CALLBACK_HTTP_BODY: take_body(answer, in, len); return 0;
  case LWS_CALLBACK_HTTP_BODY_COMPLETION: return on_mark(wsi, answer);
  case LWS_CALLBACK_HTTP_WRITEABLE: return write_body(wsi, answer);
  case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
  case LWS_CALLBACK_CLOSED_HTTP: let_go(server_of(wsi), answer); return 0;
  case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return -1; /* a WebSocket that does not name our protocol */
  default: return 0;
  }
}

/* ---- viewers ---- */

/* What this viewer is to be sent next: pictures before figures, the newest of each. */
static struct lh_shared *next_message(struct lh_server *s, struct viewer *v) {
  struct lh_shared *message = lh_picture_message(s->args.picture, &v->revision);
  if (message) return message;
  if (s->now && v->tick != s->tick) {
    v->tick = s->tick;
    return lh_shared_keep(s->now);
  }
  if (!s->ended || v->told_end) return NULL;
  v->told_end = true;
  return lh_shared_keep(s->bye);
}

static bool lacks(const struct lh_server *s, const struct viewer *v) {
  return v->sending || v->revision != lh_picture_revision(s->args.picture) || (s->now && v->tick != s->tick) ||
         (s->ended && !v->told_end);
}

static void count(struct lh_server *s, struct viewer *v, bool waits) {
  if (v->counted == waits) return;
  v->counted = waits;
  s->waiting += waits ? 1 : -1u;
}

static int write_message(struct lws *wsi, struct viewer *v) {
  static uint8_t room[LWS_PRE + CHUNK_BYTES];
  struct lh_server *s = server_of(wsi);
  if (!v->sending) {
    v->sending = next_message(s, v);
    v->at = 0;
    v->begun_ns = lh_now_ns();
  }
  if (!v->sending) {
    count(s, v, false);
    return 0;
  }
  size_t rest = v->sending->len - v->at, len = rest < CHUNK_BYTES ? rest : CHUNK_BYTES;
  bool first = v->at == 0, last = len == rest;
  int flags = (first ? LWS_WRITE_TEXT : LWS_WRITE_CONTINUATION) | (last ? 0 : LWS_WRITE_NO_FIN);
  memcpy(room + LWS_PRE, v->sending->text + v->at, len);
  if (lws_write(wsi, room + LWS_PRE, len, (enum lws_write_protocol)flags) < 0) return -1;
  v->at += len;
  v->moved_ns = lh_now_ns();
  if (last) {
    lh_shared_drop(v->sending);
    v->sending = NULL;
  }
  count(s, v, lacks(s, v));
  if (v->counted) lws_callback_on_writable(wsi);
  return 0;
}

/* Asked for each second beside the writable callback, which a stuck viewer never gets. */
static int look_at(struct lws *wsi, struct viewer *v) {
  uint64_t now_ns = lh_now_ns();
  if (v->sending && (now_ns - v->moved_ns > PATIENCE_S * LH_NS_PER_S || now_ns - v->begun_ns > MESSAGE_S * LH_NS_PER_S)) {
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    return 0;
  }
  if (lacks(server_of(wsi), v)) {
    count(server_of(wsi), v, true);
    lws_callback_on_writable(wsi);
  }
  return 0;
}

static int may_watch(struct lws *wsi) {
  enum lh_access access = access_of(wsi);
  bool granted = access == LH_ACCESS_GRANTED || access == LH_ACCESS_GRANTED_BY_QUERY;
  return granted && lws_get_vhost(wsi) == server_of(wsi)->dashboard.vhost ? 0 : -1;
}

static int on_viewer(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  struct viewer *v = user;
  (void)in, (void)len; /* a viewer has nothing to say */
  switch (reason) {
  case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return may_watch(wsi);
  case LWS_CALLBACK_ESTABLISHED: server_of(wsi)->viewers++; return look_at(wsi, v);
  case LWS_CALLBACK_USER: return look_at(wsi, v);
  case LWS_CALLBACK_SERVER_WRITEABLE: return write_message(wsi, v);
  case LWS_CALLBACK_CLOSED:
    server_of(wsi)->viewers--;
    count(server_of(wsi), v, false);
    lh_shared_drop(v->sending);
    v->sending = NULL;
    return 0;
  default: return 0;
  }
}

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_http, .per_session_data_size = sizeof(struct answer)},
    {.name = "longhaul-live", .callback = on_viewer, .per_session_data_size = sizeof(struct viewer), .rx_buffer_size = 256},
    {.name = NULL}};

/* ---- listening ---- */

static void turn_away(int fd) {
  static const char text[] = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
                             "too many look at this run already\n";
  if (send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) { /* it is closed either way */
  }
  close(fd);
}

static void on_connection(uv_poll_t *poll, int status, int events) {
  struct listener *l = poll->data;
  (void)events;
  if (status < 0) return;
  for (int fd; (fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    if (l->server->connections >= LH_LIVE_VIEWERS_MAX)
      turn_away(fd);
    else
      lws_adopt_socket_vhost(l->vhost, fd); /* closes it when it fails */
  }
}

static int open_listener(struct lh_server *s, struct listener *l, const char *name, int fd, struct lh_err *err) {
  struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN_SERVER,
                                           .protocols = protocols,
                                           .vhost_name = name,
                                           .keepalive_timeout = 30,
                                           .timeout_secs = 10,
                                           .server_string = "longhaul"};
  *l = (struct listener){.server = s, .fd = fd, .vhost = lws_create_vhost(s->context, &info)};
  if (!l->vhost) return lh_err_set(err, ENOMEM, "libwebsockets cannot make the vhost of the %s", name);
  l->poll.data = l;
  int failed = uv_poll_init(s->args.loop, &l->poll, fd);
  if (!failed) failed = uv_poll_start(&l->poll, UV_READABLE, on_connection);
  return failed ? lh_err_set(err, failed, "cannot wait for visitors of the %s: %s", name, uv_strerror(failed)) : 0;
}

static void on_log(int level, const char *line) {
  (void)level;
  lh_log(LH_LOG_ERROR, "dashboard: libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

static int open_context(struct lh_server *s, struct lh_err *err) {
  static const lws_retry_bo_t policy = {.secs_since_valid_ping = PING_S, .secs_since_valid_hangup = HANGUP_S};
  void *loops[] = {s->args.loop};
  struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                           .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
                                           .foreign_loops = loops,
                                           .user = s,
                                           .gid = (gid_t)-1,
                                           .uid = (uid_t)-1,
                                           .max_http_header_data = HEADER_BYTES,
                                           .max_http_header_pool = LH_LIVE_VIEWERS_MAX,
                                           .retry_and_idle_policy = &policy};
  lws_set_log_level(LLL_ERR, on_log);
  s->context = lws_create_context(&info);
  if (s->context) return 0;
  return lh_err_set(err, ENOENT,
                    "libwebsockets cannot start on libuv; install its event library (apt install libwebsockets-evlib-uv)");
}

static int make_page(struct lh_server *s, struct lh_err *err) {
  struct lh_buf out = LH_BUF_INIT(16 << 20);
  if (lh_report_live_page(&out) < 0) {
    lh_buf_free(&out);
    return lh_err_set(err, ENOMEM, "no memory for the dashboard's page");
  }
  s->page = lh_shared_new(out.data, out.len);
  s->bye = text_of("{\"type\":\"end\"}");
  return s->page && s->bye ? 0 : lh_err_set(err, ENOMEM, "no memory for the dashboard's page");
}

int lh_server_new(struct lh_server **server, const struct lh_server_args *args, struct lh_err *err) {
  struct lh_server *s = calloc(1, sizeof *s);
  if (!s) return lh_err_set(err, ENOMEM, "no memory for the dashboard");
  s->args = *args;
  *server = s; /* on failure the process ends, and what was made with it */
  int failed = make_page(s, err);
  if (!failed) failed = open_context(s, err);
  if (!failed && args->start->dashboard) failed = open_listener(s, &s->dashboard, "dashboard", LH_LIVE_DASHBOARD_FD, err);
  if (!failed && args->start->metrics) failed = open_listener(s, &s->metrics, "metrics", LH_LIVE_METRICS_FD, err);
  return failed;
}

/* ---- what is new ---- */

static void tell_viewers(struct lh_server *s) {
  if (s->dashboard.vhost)
    lws_callback_all_protocol_vhost_args(s->dashboard.vhost, lws_vhost_name_to_protocol(s->dashboard.vhost, protocols[1].name),
                                         LWS_CALLBACK_USER, NULL, 0);
}

void lh_server_update(struct lh_server *s, bool tick) {
  if (!s->dashboard.vhost) return;
  struct lh_buf text = LH_BUF_INIT(16 << 20);
  if (tick && lh_board_message(s->args.board, &text) == 0) {
    lh_shared_drop(s->now);
    s->now = lh_shared_new(text.data, text.len);
    s->tick++;
  } else {
    lh_buf_free(&text);
  }
  tell_viewers(s);
}

void lh_server_end(struct lh_server *s) {
  s->ended = true;
  tell_viewers(s);
}

bool lh_server_watched(const struct lh_server *s) {
  return s->viewers > 0;
}

bool lh_server_scraped_since(const struct lh_server *s, uint64_t ns) {
  return s->scraped_ns >= ns;
}

/* A quarter late, as a scraper under load is, and a second. */
uint64_t lh_server_scrape_due_ns(const struct lh_server *s) {
  if (s->scrape_gap_ns == 0 || s->scrape_gap_ns > LH_SCRAPE_GAP_MAX_S * LH_NS_PER_S) return 0;
  return s->scraped_ns + s->scrape_gap_ns + s->scrape_gap_ns / 4 + LH_NS_PER_S;
}

bool lh_server_busy(const struct lh_server *s) {
  return s->waiting > 0 || s->answers > 0;
}
