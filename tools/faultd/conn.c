#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "http.h"
#include "longhaul/base/clock.h"
#include "server.h"
#include "tls.h"
#include "ws.h"

bool bytes_append(uint8_t **data, size_t *len, size_t *room, const void *more, size_t more_len) {
  if (*len + more_len > *room) {
    size_t wanted = *room ? *room : 512;
    while (wanted < *len + more_len) wanted *= 2;
    uint8_t *grown = realloc(*data, wanted);
    if (!grown) return false;
    *data = grown;
    *room = wanted;
  }
  if (more_len) memcpy(*data + *len, more, more_len);
  *len += more_len;
  return true;
}

struct conn_times conn_times_now(void) {
  return (struct conn_times){.wall_us = lh_wall_us(), .mono_ns = lh_now_ns()};
}

/* ---- life ---- */

static void set_peer(struct conn *conn, const struct sockaddr_storage *peer) {
  if (peer->ss_family == AF_INET6) {
    memcpy(&conn->peer, peer, sizeof conn->peer);
    return;
  }
  const struct sockaddr_in *in = (const struct sockaddr_in *)peer;
  conn->peer.sin6_family = AF_INET6;
  conn->peer.sin6_port = in->sin_port;
  conn->peer.sin6_addr.s6_addr[10] = conn->peer.sin6_addr.s6_addr[11] = 0xff;
  memcpy(conn->peer.sin6_addr.s6_addr + 12, &in->sin_addr, 4);
}

static bool make_place(struct server *server, int fd) {
  size_t need = (size_t)fd + 1;
  if (need <= server->conn_room) return true;
  size_t room = server->conn_room ? server->conn_room : 1024;
  while (room < need) room *= 2;
  struct conn **conns = realloc(server->conns, room * sizeof(*conns));
  if (!conns) return false;
  memset(conns + server->conn_room, 0, (room - server->conn_room) * sizeof(*conns));
  server->conns = conns;
  server->conn_room = room;
  return true;
}

struct conn *conn_new(struct server *server, int fd, const struct sockaddr_storage *peer) {
  struct conn *conn = make_place(server, fd) ? calloc(1, sizeof *conn) : NULL;
  if (!conn) {
    close(fd);
    return NULL;
  }
  conn->fd = fd;
  conn->generation = ++server->generation ? server->generation : ++server->generation;
  conn->number = server->accepted++ * server->processes + server->process + 1;
  conn->state = server->tls ? CONN_TLS : CONN_HTTP;
  conn->rules = script_rules_for(server->script, conn->number, NULL);
  conn->accepted = conn_times_now();
  conn->last_in_ns = server->loop.now_ns;
  set_peer(conn, peer);
  server->conns[fd] = conn;
  server->totals->connections++;
  server->pulse.accepted++;
  server->totals->alive++;
  conn->interest = EPOLLIN;
  struct epoll_event event = {.events = conn->interest, .data.u64 = conn_id(conn)};
  epoll_ctl(server->loop.epoll, EPOLL_CTL_ADD, fd, &event);
  return conn;
}

struct conn *conn_find(struct server *server, uint64_t id) {
  uint32_t fd = (uint32_t)id;
  struct conn *conn = fd < server->conn_room ? server->conns[fd] : NULL;
  return conn && conn->generation == id >> 32 ? conn : NULL;
}

static void free_conn(struct conn *conn) {
  if (conn->ssl) SSL_free(conn->ssl);
  ws_free_held(conn->reordered_reply);
  free(conn->in);
  free(conn->out);
  free(conn->parts);
  free(conn->path);
  free(conn->protocol);
  free(conn->error);
  free(conn);
}

static void add_to_totals(struct totals *totals, const struct conn *conn) {
  totals->alive--;
  if (conn->cause_by && strcmp(conn->cause_by, "us") == 0)
    totals->ended_by_us++;
  else if (conn->cause_by)
    totals->ended_by_peer++;
  else
    totals->alive++;
  totals->messages_in += conn->count.messages_in;
  totals->messages_out += conn->count.messages_out;
  totals->bytes_in += conn->count.bytes_in;
  totals->bytes_out += conn->count.bytes_out;
}

void conn_end(struct server *server, struct conn *conn) {
  if (server->cork_conn == conn) {
    server->cork_conn = NULL;
    lh_buf_reset(&server->cork);
  }
  if (conn->reordered_reply) conn->count.lost++;
  conn->ended = conn_times_now();
  log_conn(&server->log, conn, server->process);
  add_to_totals(server->totals, conn);
  server->conns[conn->fd] = NULL;
  close(conn->fd);
  free_conn(conn);
}

void conn_cause(struct conn *conn, const char *by, const char *how, const struct rule *rule) {
  if (conn->cause_how) return;
  conn->cause_by = by;
  conn->cause_how = how;
  conn->cause_rule = rule;
  conn->caused = conn_times_now();
}

void conn_wrong(struct conn *conn, const char *what) {
  conn_cause(conn, "peer", "protocol", NULL);
  if (!conn->error) conn->error = strdup(what);
}

/* ---- state ---- */

/* The one place where the state changes: only forwards, but for the answers that a connection waits for. */
void conn_set_state(struct server *server, struct conn *conn, enum conn_state state) {
  conn->state = state;
  conn_update_interest(server, conn);
}

static bool is_reading(const struct conn *conn) {
  if (conn->state == CONN_HELD || conn->state == CONN_SILENT || conn->stopped_reading) return false;
  return conn->state == CONN_DRAINING || conn_out_pending(conn) < OUT_PENDING_MAX;
}

void conn_update_interest(struct server *server, struct conn *conn) {
  uint32_t interest = is_reading(conn) ? EPOLLIN : EPOLLRDHUP;
  bool writing = conn_out_pending(conn) > 0 && !conn->pacing && conn->state != CONN_SILENT;
  if (writing || conn->tls_wants_write) interest |= EPOLLOUT;
  if (interest == conn->interest) return;
  conn->interest = interest;
  struct epoll_event event = {.events = interest, .data.u64 = conn_id(conn)};
  epoll_ctl(server->loop.epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

static void closing_timer(void *context, const struct timer *timer, bool fired) {
  struct conn *conn = fired ? conn_find(context, timer->id) : NULL;
  if (conn) conn_end(context, conn);
}

void conn_limit_closing(struct server *server, struct conn *conn) {
  loop_at(&server->loop,
          &(struct timer){.due_ns = server->loop.now_ns + LINGER_MS * LH_NS_PER_MS, .fn = closing_timer, .id = conn_id(conn)});
}

void conn_end_after_flush(struct server *server, struct conn *conn) {
  conn->end_after_flush = true;
  conn_set_state(server, conn, CONN_DRAINING);
  conn_limit_closing(server, conn);
}

void conn_fin(struct server *server, struct conn *conn) {
  if (conn->state == CONN_SILENT || conn->fin_after_flush || conn->fin_sent) return;
  conn->fin_after_flush = true;
  conn_limit_closing(server, conn);
  conn_set_state(server, conn, CONN_DRAINING);
}

void conn_rst(struct server *server, struct conn *conn) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  conn_end(server, conn);
}

void conn_silence(struct server *server, struct conn *conn) {
  if (server->cork_conn == conn) {
    server->cork_conn = NULL;
    lh_buf_reset(&server->cork);
  }
  conn->tls_wants_write = false;
  conn_set_state(server, conn, CONN_SILENT);
}

/* ---- writing ---- */

static void peer_is_gone(struct server *server, struct conn *conn, int error) {
  if (error == ECONNRESET || error == EPIPE)
    conn->rst_seen = true;
  else if (error == 0)
    conn->fin_seen = true;
  conn_cause(conn, "peer", error == 0 ? "fin" : error == ETIMEDOUT ? "timeout" : "rst", NULL);
  conn_end(server, conn);
}

/* Returns bytes written, 0 when the socket is full, or a negative errno. */
static ssize_t transmit(struct conn *conn, const void *bytes, size_t len) {
  conn->tls_wants_write = false;
  if (!conn->ssl) {
    ssize_t n = send(conn->fd, bytes, len, MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN ? 0 : -errno;
  }
  size_t written = 0;
  if (SSL_write_ex(conn->ssl, bytes, len, &written) == 1) return (ssize_t)written;
  int why = SSL_get_error(conn->ssl, 0);
  int saved = errno;
  tls_error_text();
  if (why == SSL_ERROR_WANT_WRITE) conn->tls_wants_write = true;
  if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ) return 0;
  return why == SSL_ERROR_SYSCALL && saved ? -saved : -EPIPE;
}

/* Writes until all is gone or the socket is full. Returns the bytes written or a negative errno. */
static ssize_t transmit_all(struct conn *conn, const uint8_t *bytes, size_t len) {
  size_t done = 0;
  while (done < len) {
    ssize_t n = transmit(conn, bytes + done, len - done);
    if (n < 0) return n;
    if (n == 0) break;
    conn->count.bytes_out += (uint64_t)n;
    done += (size_t)n;
    if (!conn->ssl && done < len) break; /* the socket buffer took what it had room for */
  }
  return (ssize_t)done;
}

/* Everything is written: what waited for that happens. */
static void after_flush(struct server *server, struct conn *conn) {
  free(conn->out);
  conn->out = NULL;
  conn->out_at = conn->out_len = conn->out_room = 0;
  if (conn->ssl && !conn->bare_fin && (conn->end_after_flush || conn->fin_after_flush)) SSL_shutdown(conn->ssl);
  if (conn->end_after_flush) {
    conn_end(server, conn);
    return;
  }
  if (conn->fin_after_flush && !conn->fin_sent) {
    conn->fin_sent = true;
    shutdown(conn->fd, SHUT_WR);
    if (conn->fin_seen) {
      conn_end(server, conn);
      return;
    }
  }
  conn_update_interest(server, conn);
}

static void write_pending(struct server *server, struct conn *conn, size_t most) {
  size_t len = conn_out_pending(conn);
  ssize_t n = transmit_all(conn, conn->out + conn->out_at, len < most ? len : most);
  if (n < 0) {
    peer_is_gone(server, conn, (int)-n);
    return;
  }
  conn->out_at += (size_t)n;
  if (conn_out_pending(conn) == 0)
    after_flush(server, conn);
  else
    conn_update_interest(server, conn);
}

/* ---- bytes that leave a few at a time ---- */

static void pace_timer(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  struct conn *conn = fired ? conn_find(server, timer->id) : NULL;
  if (!conn || conn->state == CONN_SILENT) return;
  const struct rule *rule = &server->script->rules[timer->rule];
  struct timer next = *timer;
  next.due_ns = server->loop.now_ns + rule->time_ns;
  conn->pacing = conn_out_pending(conn) > rule->size;
  if (conn->pacing) loop_at(&server->loop, &next);
  write_pending(server, conn, rule->size);
}

static const struct rule *split_rule(const struct server *server, const struct conn *conn) {
  uint64_t mask = server_in_force(server, conn->rules & server->script->of_action[ACTION_SPLIT]);
  return mask ? &server->script->rules[__builtin_ctzll(mask)] : NULL;
}

static void start_pacing(struct server *server, struct conn *conn, const struct rule *rule) {
  struct timer timer = {
      .due_ns = server->loop.now_ns, .fn = pace_timer, .id = conn_id(conn), .rule = (uint32_t)(rule - server->script->rules)};
  conn->pacing = true;
  loop_at(&server->loop, &timer);
}

/* ---- queueing ---- */

static bool out_append(struct server *server, struct conn *conn, const void *bytes, size_t len) {
  if (bytes_append(&conn->out, &conn->out_len, &conn->out_room, bytes, len)) return true;
  conn_cause(conn, "us", "no memory", NULL);
  conn_end(server, conn);
  return false;
}

bool conn_send(struct server *server, struct conn *conn, const void *bytes, size_t len) {
  if (conn->state == CONN_SILENT || conn->fin_after_flush || conn->end_after_flush) return true;
  if (conn_out_pending(conn) || conn->pacing) return out_append(server, conn, bytes, len);
  if (server->cork_conn != conn) {
    conn_flush(server);
    server->cork_conn = conn;
  }
  if (lh_buf_add(&server->cork, bytes, len) == 0) return true;
  server->cork_conn = NULL;
  bool queued = out_append(server, conn, server->cork.data, server->cork.len) && out_append(server, conn, bytes, len);
  lh_buf_reset(&server->cork);
  return queued;
}

void conn_flush(struct server *server) {
  struct conn *conn = server->cork_conn;
  if (!conn) return;
  server->cork_conn = NULL;
  size_t len = server->cork.len;
  const uint8_t *bytes = (const uint8_t *)server->cork.data;
  const struct rule *split = server->script->of_action[ACTION_SPLIT] ? split_rule(server, conn) : NULL;
  ssize_t done = split ? 0 : transmit_all(conn, bytes, len);
  if (done < 0) {
    lh_buf_reset(&server->cork);
    peer_is_gone(server, conn, (int)-done);
    return;
  }
  bool queued = (size_t)done == len || out_append(server, conn, bytes + done, len - (size_t)done);
  lh_buf_reset(&server->cork);
  if (!queued) return;
  if (split) start_pacing(server, conn, split);
  if (conn_out_pending(conn)) conn_update_interest(server, conn);
}

/* Ends of the handling of one connection: bytes leave, and FIN or close once they are gone. */
void conn_settle(struct server *server, uint64_t id) {
  conn_flush(server);
  struct conn *conn = conn_find(server, id);
  if (conn && (conn->fin_after_flush || conn->end_after_flush) && conn_out_pending(conn) == 0) after_flush(server, conn);
}

/* ---- reading ---- */

/* Returns bytes read, 0 at the end of the stream, -EAGAIN when there is nothing, or another negative errno. */
static ssize_t receive(struct conn *conn, void *bytes, size_t room) {
  if (!conn->ssl) {
    ssize_t n = recv(conn->fd, bytes, room, 0);
    return n >= 0 ? n : -errno;
  }
  size_t n = 0;
  if (SSL_read_ex(conn->ssl, bytes, room, &n) == 1) return (ssize_t)n;
  int why = SSL_get_error(conn->ssl, 0);
  int saved = errno;
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return -EAGAIN;
  if (why == SSL_ERROR_ZERO_RETURN) return 0;
  if (why == SSL_ERROR_SYSCALL && saved) return -saved;
  if (why == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    if (!conn->error) conn->error = strdup(tls_error_text());
    return -EPROTO;
  }
  ERR_clear_error();
  return 0;
}

/* Lets the state's reader use bytes; returns how many it used. The connection may be gone. */
static size_t consume(struct server *server, uint64_t id, uint8_t *bytes, size_t len) {
  size_t used = 0;
  while (used < len) {
    struct conn *conn = conn_find(server, id);
    size_t n = 0;
    if (!conn) return len;
    switch (conn->state) {
    case CONN_HTTP: n = http_on_bytes(server, conn, bytes + used, len - used); break;
    case CONN_WS:
    case CONN_CLOSING: n = ws_on_bytes(server, conn, bytes + used, len - used); break;
    case CONN_STREAM:
    case CONN_DRAINING: n = len - used; break;
    case CONN_TLS:
    case CONN_HELD:
    case CONN_SILENT: break;
    }
    if (n == 0) break;
    used += n;
  }
  return used;
}

/* Keeps a copy of what was not used. */
static void keep_rest(struct server *server, struct conn *conn, const uint8_t *bytes, size_t len) {
  if (bytes_append(&conn->in, &conn->in_len, &conn->in_room, bytes, len)) return;
  conn_cause(conn, "us", "no memory", NULL);
  conn_end(server, conn);
}

/* Room at the end of conn->in for the rest of a frame that is known to be long. */
static bool make_room(struct conn *conn) {
  size_t wanted = conn->state == CONN_WS || conn->state == CONN_CLOSING ? ws_bytes_wanted(conn->in, conn->in_len) : 0;
  if (wanted < conn->in_len + 4096) wanted = conn->in_len + 4096;
  if (wanted <= conn->in_room) return true;
  uint8_t *grown = realloc(conn->in, wanted);
  if (!grown) return false;
  conn->in = grown;
  conn->in_room = wanted;
  return true;
}

void conn_use_kept(struct server *server, struct conn *conn) {
  uint64_t id = conn_id(conn);
  size_t len = conn->in_len, room = conn->in_room;
  if (len == 0) return;
  /* Taken out of the connection, since a reader may end it and free its buffers. */
  uint8_t *bytes = conn->in;
  conn->in = NULL;
  conn->in_len = conn->in_room = 0;
  size_t used = consume(server, id, bytes, len);
  conn = conn_find(server, id);
  if (!conn || used == len) {
    free(bytes);
    return;
  }
  if (used) memmove(bytes, bytes + used, len - used);
  conn->in = bytes;
  conn->in_len = len - used;
  conn->in_room = room;
}

static void stream_ended(struct server *server, struct conn *conn, ssize_t n) {
  if (n == -EPROTO) {
    conn_cause(conn, "peer", "tls", NULL);
    conn_end(server, conn);
  } else if (n == 0 && conn_out_pending(conn) && !conn->fin_sent) {
    /* The client may only have shut down its side: what it asked for still goes out. */
    conn->fin_seen = true;
    conn_cause(conn, "peer", "fin", NULL);
    conn_end_after_flush(server, conn);
    conn->stopped_reading = true;
    conn_update_interest(server, conn);
  } else {
    peer_is_gone(server, conn, (int)-n);
  }
}

/* One read. Returns whether there may be more that epoll will not tell of (inside OpenSSL). */
static bool read_once(struct server *server, struct conn *conn) {
  uint64_t id = conn_id(conn);
  bool kept = conn->in_len > 0;
  if (kept && !make_room(conn)) {
    conn_cause(conn, "us", "no memory", NULL);
    conn_end(server, conn);
    return false;
  }
  ssize_t n =
      kept ? receive(conn, conn->in + conn->in_len, conn->in_room - conn->in_len) : receive(conn, server->read, READ_BYTES);
  if (n == -EAGAIN) return false;
  if (n <= 0) {
    stream_ended(server, conn, n);
    return false;
  }
  conn->count.bytes_in += (uint64_t)n;
  conn->last_in_ns = server->loop.now_ns;
  if (kept) {
    conn->in_len += (size_t)n;
    conn_use_kept(server, conn);
  } else {
    size_t used = consume(server, id, server->read, (size_t)n);
    conn = conn_find(server, id);
    if (conn && used < (size_t)n) keep_rest(server, conn, server->read + used, (size_t)n - used);
  }
  conn = conn_find(server, id);
  return conn && conn->ssl && is_reading(conn);
}

/* ---- events ---- */

static void tls_handshake(struct server *server, struct conn *conn) {
  conn->tls_wants_write = false;
  int done = SSL_accept(conn->ssl);
  int saved = errno;
  if (done == 1) {
    conn_set_state(server, conn, CONN_HTTP);
    while (conn && read_once(server, conn)) continue;
    return;
  }
  int why = SSL_get_error(conn->ssl, done);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
    conn->tls_wants_write = why == SSL_ERROR_WANT_WRITE;
    conn_update_interest(server, conn);
    return;
  }
  bool refused_by_us = SSL_get_app_data(conn->ssl) != NULL;
  if (refused_by_us) {
    tls_error_text();
    conn_cause(conn, "us", action_word(ACTION_TLS_ALERT), NULL);
    conn_fin(server, conn);
    return;
  }
  if (why == SSL_ERROR_SYSCALL || ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    peer_is_gone(server, conn, saved == ECONNRESET ? ECONNRESET : 0);
    return;
  }
  conn->error = strdup(tls_error_text());
  conn_cause(conn, "peer", "tls", NULL);
  conn_fin(server, conn);
}

/* A connection that is not read from shows its end by a hang-up. */
static bool hung_up(struct server *server, struct conn *conn, uint32_t events) {
  if (is_reading(conn) || !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return false;
  int error = 0;
  socklen_t len = sizeof error;
  getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len);
  peer_is_gone(server, conn, error);
  return true;
}

void conn_on_event(struct server *server, struct conn *conn, uint32_t events) {
  uint64_t id = conn_id(conn);
  if (hung_up(server, conn, events)) return;
  if (conn->state == CONN_TLS) {
    tls_handshake(server, conn);
    conn_settle(server, id);
    return;
  }
  if ((events & EPOLLOUT) && conn_out_pending(conn) && !conn->pacing) write_pending(server, conn, SIZE_MAX);
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
    for (conn = conn_find(server, id); conn && is_reading(conn); conn = conn_find(server, id))
      if (!read_once(server, conn)) break;
  conn_settle(server, id);
}
