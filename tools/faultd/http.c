#include "http.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fault.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "push.h"
#include "request.h"
#include "server.h"
#include "ws.h"

enum { REPLY_HEAD_MAX = 2048, BYTES_MAX = 1 << 30 };

/* ---- answering ---- */

static const char *status_text(int status) {
  static const struct {
    int status;
    const char *text;
  } texts[] = {{101, "Switching Protocols"},
               {200, "OK"},
               {204, "No Content"},
               {302, "Found"},
               {304, "Not Modified"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {403, "Forbidden"},
               {404, "Not Found"},
               {408, "Request Timeout"},
               {426, "Upgrade Required"},
               {429, "Too Many Requests"},
               {431, "Request Header Fields Too Large"},
               {500, "Internal Server Error"},
               {502, "Bad Gateway"},
               {503, "Service Unavailable"},
               {504, "Gateway Timeout"}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i].status == status) return texts[i].text;
  return "Status";
}

struct response {
  int status;
  const char *extra; /* whole header lines, or NULL */
  const void *body;
  size_t body_len;
  bool close; /* says Connection: close; the caller ends the connection */
  bool head_only;
};

static void send_response(struct server *server, struct conn *conn, const struct response *response) {
  char head[REPLY_HEAD_MAX];
  bool has_body = response->status >= 200 && response->status != 204 && response->status != 304;
  char length[64] = "";
  if (has_body) snprintf(length, sizeof length, "Content-Length: %zu\r\n", response->body_len);
  int len = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nServer: faultd\r\n%s%s%s\r\n", response->status,
                     status_text(response->status), length, response->extra ? response->extra : "",
                     response->close ? "Connection: close\r\n" : "");
  if (len >= (int)sizeof head) len = (int)sizeof head - 1;
  conn->status = (uint16_t)response->status;
  conn->count.messages_out++;
  if (conn_send(server, conn, head, (size_t)len) && has_body && !response->head_only)
    conn_send(server, conn, response->body, response->body_len);
}

static void send_text(struct server *server, struct conn *conn, const char *text) {
  conn_send(server, conn, text, strlen(text));
}

static void refuse_request(struct server *server, struct conn *conn, int status, const char *what) {
  conn_wrong(conn, what);
  send_response(server, conn, &(struct response){.status = status, .body = what, .body_len = strlen(what), .close = true});
  conn_fin(server, conn);
}

/* ---- the upgrade ---- */

enum { ACCEPT_LEN = 28 };

/* RFC 6455, 4.2.2: base64 of SHA-1 of the key and this GUID. */
static void accept_value(struct view key, char out[ACCEPT_LEN + 1]) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[24 + sizeof guid];
  uint8_t digest[SHA_DIGEST_LENGTH];
  memcpy(text, key.at, 24);
  memcpy(text + 24, guid, sizeof guid);
  SHA1((const uint8_t *)text, 24 + sizeof guid - 1, digest);
  EVP_EncodeBlock((uint8_t *)out, digest, sizeof digest);
}

/* What is wrong with an upgrade request, or NULL. */
static const char *upgrade_wrong(const struct request *request) {
  struct view key = request_header(request, "Sec-WebSocket-Key");
  if (!view_is(request->method, "GET") || request->version.at[7] != '1') return "an upgrade that is not GET with HTTP/1.1";
  if (!view_has_token(request_header(request, "Upgrade"), "websocket")) return "an upgrade to something else than websocket";
  if (key.len != 24) return "a Sec-WebSocket-Key that is not 16 bytes in base64";
  if (!request_header(request, "Host").at) return "an upgrade without Host";
  return NULL;
}

/* The rule of that action that is in force on this connection, or NULL. */
static const struct rule *in_force(const struct server *server, const struct conn *conn, enum action action) {
  uint64_t mask = server_in_force(server, conn->rules & server->script->of_action[action]);
  return mask ? &server->script->rules[__builtin_ctzll(mask)] : NULL;
}

static void select_protocol(const struct server *server, struct conn *conn, const struct request *request) {
  struct view offered = request_header(request, "Sec-WebSocket-Protocol");
  if (!offered.at || in_force(server, conn, ACTION_NO_PROTOCOL)) return;
  const char *comma = memchr(offered.at, ',', offered.len);
  struct view first = view_trimmed(offered.at, comma ? comma : offered.at + offered.len);
  if (first.len < 256) conn->protocol = strndup(first.at, first.len);
}

static void become_websocket(struct server *server, struct conn *conn) {
  conn->is_websocket = true;
  conn->upgraded = conn_times_now();
  server->totals->upgraded++;
  conn_set_state(server, conn, CONN_WS);
  ws_start(server, conn);
  fault_conn_opened(server, conn);
}

static void answer_upgrade(struct server *server, struct conn *conn, const struct request *request) {
  const char *wrong = upgrade_wrong(request);
  if (!view_is(request_header(request, "Sec-WebSocket-Version"), "13")) {
    conn_wrong(conn, "a Sec-WebSocket-Version other than 13");
    send_response(server, conn, &(struct response){.status = 426, .extra = "Sec-WebSocket-Version: 13\r\n", .close = true});
    conn_fin(server, conn);
    return;
  }
  if (wrong) {
    refuse_request(server, conn, 400, wrong);
    return;
  }
  char accept[ACCEPT_LEN + 1], extra[512];
  const struct rule *bad = in_force(server, conn, ACTION_BAD_ACCEPT), *half = in_force(server, conn, ACTION_UPGRADE_HALF);
  accept_value(request_header(request, "Sec-WebSocket-Key"), accept);
  if (bad) accept[0] = accept[0] == 'A' ? 'B' : 'A';
  select_protocol(server, conn, request);
  snprintf(extra, sizeof extra, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s", accept,
           conn->protocol ? "Sec-WebSocket-Protocol: " : "", conn->protocol ? conn->protocol : "",
           conn->protocol ? "\r\n" : "");
  if (half) {
    conn_cause(conn, "us", action_word(ACTION_UPGRADE_HALF), half);
    send_text(server, conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs");
    conn_fin(server, conn);
    return;
  }
  if (bad) conn_cause(conn, "us", action_word(ACTION_BAD_ACCEPT), bad);
  send_response(server, conn, &(struct response){.status = 101, .extra = extra});
  conn->count.messages_out--; /* the answer to an upgrade is no message */
  become_websocket(server, conn);
}

/* ---- plain requests ---- */

static void send_event(struct server *server, struct conn *conn, const struct push *push) {
  char event[160], chunk[192];
  int len = snprintf(event, sizeof event, "id: %llu\ndata: {\"seq\":%llu,\"time_us\":%lld}\n\n", (unsigned long long)push->seq,
                     (unsigned long long)push->seq, (long long)push->time_us);
  len = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", (unsigned)len, event);
  conn->count.messages_out++;
  conn_send(server, conn, chunk, (size_t)len);
}

static void sse_timer(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  struct conn *conn = fired ? conn_find(server, timer->id) : NULL;
  if (!conn || conn->state != CONN_STREAM) return;
  struct timer next = *timer;
  next.due_ns += (uint64_t)(uintptr_t)timer->data;
  next.n++;
  loop_at(&server->loop, &next);
  if (conn_out_pending(conn) > OUT_PENDING_MAX) {
    conn->count.push_skipped++;
    return;
  }
  struct push pushes[PUSHES_MAX];
  unsigned count = push_next(server, conn, pushes);
  for (unsigned i = 0; i < count; i++) send_event(server, conn, &pushes[i]);
  conn_settle(server, timer->id);
}

/* /sse or /sse/EVERY: an endless stream of events, numbered from the one after Last-Event-ID on. */
static void answer_sse(struct server *server, struct conn *conn, const struct request *request) {
  static const char head[] =
      "HTTP/1.1 200 OK\r\nServer: faultd\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  uint64_t every_ns = LH_NS_PER_S;
  const char *rest = conn->path + 4;
  struct view last_id = request_header(request, "Last-Event-ID");
  if (last_id.at) conn->push_seq = view_number(last_id);
  if (*rest == '/' && (lh_parse_duration(rest + 1, &every_ns) || every_ns == 0)) every_ns = LH_NS_PER_S;
  conn->status = 200;
  conn_send(server, conn, head, sizeof head - 1);
  conn_set_state(server, conn, CONN_STREAM);
  loop_at(&server->loop, &(struct timer){.due_ns = server->loop.now_ns + every_ns,
                                         .fn = sse_timer,
                                         .id = conn_id(conn),
                                         .data = (void *)(uintptr_t)every_ns});
}

static void answer_chunked(struct server *server, struct conn *conn, bool head_only) {
  static const char head[] =
      "HTTP/1.1 200 OK\r\nServer: faultd\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
  static const char body[] = "4\r\none \r\n4\r\ntwo \r\n6\r\nthree\n\r\n0\r\n\r\n";
  conn->status = 200;
  conn->count.messages_out++;
  conn_send(server, conn, head, sizeof head - 1);
  if (!head_only) conn_send(server, conn, body, sizeof body - 1);
}

static void answer_bytes(struct server *server, struct conn *conn, size_t len, bool head_only) {
  char *body = len < BYTES_MAX ? malloc(len + 1) : NULL;
  if (!body) {
    refuse_request(server, conn, 400, "more bytes than there are");
    return;
  }
  for (size_t i = 0; i < len; i++) body[i] = (char)('a' + i % 26);
  send_response(server, conn, &(struct response){.status = 200, .body = body, .body_len = len, .head_only = head_only});
  free(body);
}

static void answer_plain(struct server *server, struct conn *conn, const struct request *request) {
  const char *path = conn->path;
  bool head_only = view_is(request->method, "HEAD");
  struct response response = {.status = 200,
                              .extra = "Content-Type: text/plain\r\n",
                              .body = "ok\n",
                              .body_len = 3,
                              .close = !request->keep_alive,
                              .head_only = head_only};
  bool is_asked_to_close = strncmp(path, "/close", 6) == 0;
  if (strncmp(path, "/sse", 4) == 0 && !head_only) {
    answer_sse(server, conn, request);
    return;
  }
  if (strncmp(path, "/chunked", 8) == 0) {
    answer_chunked(server, conn, head_only);
  } else if (strncmp(path, "/bytes/", 7) == 0) {
    answer_bytes(server, conn, (size_t)view_number((struct view){path + 7, strlen(path + 7)}), head_only);
  } else {
    if (strncmp(path, "/status/", 8) == 0) response.status = (int)view_number((struct view){path + 8, strlen(path + 8)});
    if (response.status < 200 || response.status > 999) response.status = 400;
    if (strncmp(path, "/echo", 5) == 0) {
      response.body = request->body;
      response.body_len = request->body_len;
    }
    response.close |= is_asked_to_close;
    send_response(server, conn, &response);
  }
  if (request->keep_alive && !is_asked_to_close) return;
  conn_cause(conn, is_asked_to_close ? "us" : "peer", "http close", NULL);
  conn_fin(server, conn);
}

/* ---- rules ---- */

static void refuse_by_rule(struct server *server, struct conn *conn, const struct rule *rule) {
  char extra[1024] = "";
  bool is_redirect = rule->action == ACTION_REDIRECT;
  const char *body = !is_redirect && rule->text ? rule->text : "refused\n";
  if (is_redirect)
    snprintf(extra, sizeof extra, "Location: %s\r\n", rule->text);
  else if (rule->time_ns != LH_NEVER)
    snprintf(extra, sizeof extra, "Retry-After: %llu\r\n",
             (unsigned long long)((rule->time_ns + LH_NS_PER_S - 1) / LH_NS_PER_S));
  conn_cause(conn, "us", action_word(rule->action), rule);
  send_response(server, conn,
                &(struct response){.status = is_redirect ? 302 : rule->code,
                                   .extra = extra,
                                   .body = body,
                                   .body_len = !is_redirect && rule->text ? rule->text_len : strlen(body),
                                   .close = true});
  conn_fin(server, conn);
}

/* Carries out the first REQUEST rule that takes the answer's place; false when there is none. */
static bool spoil(struct server *server, struct conn *conn) {
  uint64_t mask = server_in_force(server, conn->rules & server->script->of_class[CLASS_REQUEST]);
  for (; mask; mask &= mask - 1) {
    const struct rule *rule = &server->script->rules[__builtin_ctzll(mask)];
    const char *word = action_word(rule->action);
    switch (rule->action) {
    case ACTION_REFUSE:
    case ACTION_REDIRECT: refuse_by_rule(server, conn, rule); return true;
    case ACTION_UPGRADE_NEVER:
      conn_cause(conn, "us", word, rule);
      conn_set_state(server, conn, CONN_HELD);
      return true;
    case ACTION_UPGRADE_RST:
      conn_cause(conn, "us", word, rule);
      conn_rst(server, conn);
      return true;
    case ACTION_UPGRADE_FIN:
    case ACTION_BAD_HTTP:
      conn_cause(conn, "us", word, rule);
      if (rule->action == ACTION_BAD_HTTP) send_text(server, conn, "\x01\x02 this is not HTTP\r\n\r\n");
      conn_fin(server, conn);
      return true;
    default: break; /* done elsewhere */
    }
  }
  return false;
}

static void answer(struct server *server, struct conn *conn, const struct request *request) {
  if (spoil(server, conn)) return;
  if (request->is_upgrade)
    answer_upgrade(server, conn, request);
  else
    answer_plain(server, conn, request);
}

/* ---- answers that wait ---- */

struct waiting {
  size_t len;
  char bytes[];
};

static void waited(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  struct waiting *waiting = timer->data;
  struct conn *conn = fired ? conn_find(server, timer->id) : NULL;
  if (conn && conn->state == CONN_HELD) {
    struct request request;
    const char *wrong;
    conn_set_state(server, conn, CONN_HTTP);
    if (request_read(waiting->bytes, waiting->len, &request, &wrong) == 1) answer(server, conn, &request);
    conn = conn_find(server, timer->id);
    if (conn) conn_use_kept(server, conn);
    conn_settle(server, timer->id);
  }
  free(waiting);
}

/* Holds the connection when a rule asks for a wait before the answer. */
static bool wait_first(struct server *server, struct conn *conn, const char *bytes, size_t len) {
  const struct rule *rule = in_force(server, conn, ACTION_UPGRADE_DELAY);
  struct waiting *waiting = rule ? malloc(sizeof *waiting + len) : NULL;
  if (!waiting) return false;
  waiting->len = len;
  memcpy(waiting->bytes, bytes, len);
  uint64_t wait_ns = script_span_ns(server->script, rule, conn->number, conn->count.requests);
  conn_set_state(server, conn, CONN_HELD);
  loop_at(&server->loop,
          &(struct timer){.due_ns = server->loop.now_ns + wait_ns, .fn = waited, .id = conn_id(conn), .data = waiting});
  return true;
}

size_t http_on_bytes(struct server *server, struct conn *conn, uint8_t *bytes, size_t len) {
  struct request request;
  const char *wrong;
  int result = request_read((const char *)bytes, len, &request, &wrong);
  if (result == 0) return 0;
  if (result < 0) {
    refuse_request(server, conn, 400, wrong);
    return len;
  }
  char *path = strndup(request.target.at, request.target.len);
  if (!path) {
    refuse_request(server, conn, 500, "out of memory");
    return len;
  }
  free(conn->path);
  conn->path = path;
  conn->rules = script_rules_for(server->script, conn->number, path);
  conn->count.requests++;
  if (!request.is_upgrade) conn->count.messages_in++;
  server->totals->requests++;
  uint64_t id = conn_id(conn);
  if (!wait_first(server, conn, (const char *)bytes, request.len)) answer(server, conn, &request);
  conn = conn_find(server, id);
  if (conn && !request.is_upgrade && conn->count.requests == 1) fault_conn_opened(server, conn);
  return request.len;
}
