#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_private.h"
#include "longhaul/base/clock.h"
#include "server.h"
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

bool conn_is_reading(const struct conn *conn) {
  if (conn->state == CONN_HELD || conn->state == CONN_SILENT || conn->stopped_reading) return false;
  return conn->state == CONN_DRAINING || conn_out_pending(conn) < OUT_PENDING_MAX;
}

void conn_update_interest(struct server *server, struct conn *conn) {
  uint32_t interest = conn_is_reading(conn) ? EPOLLIN : EPOLLRDHUP;
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

void conn_peer_is_gone(struct server *server, struct conn *conn, int error) {
  if (error == ECONNRESET || error == EPIPE)
    conn->rst_seen = true;
  else if (error == 0)
    conn->fin_seen = true;
  conn_cause(conn, "peer", error == 0 ? "fin" : error == ETIMEDOUT ? "timeout" : "rst", NULL);
  conn_end(server, conn);
}
