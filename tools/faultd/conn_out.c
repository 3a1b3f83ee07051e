/* What leaves a connection: queued bytes, writes, bytes that leave a few at a time. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conn.h"
#include "conn_private.h"
#include "longhaul/base/clock.h"
#include "server.h"
#include "tls.h"

/* Returns bytes written, 0 when the socket is full, or a negative errno. */
static ssize_t transmit(struct conn *conn, const void *bytes, size_t len) {
  conn->tls_wants_write = false;
  if (!conn->ssl) {
    ssize_t n = send(conn->fd, bytes, len, MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN ? 0 : -errno;
  }
  size_t written = 0;
  ERR_clear_error(); /* the queue is the thread's: what another connection left there would be read as this one's */
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
  bool says_bye = conn->ssl && !SSL_in_init(conn->ssl) && !conn->bare_fin;
  if (says_bye && (conn->end_after_flush || conn->fin_after_flush)) SSL_shutdown(conn->ssl);
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

void conn_write_pending(struct server *server, struct conn *conn, size_t most) {
  size_t len = conn_out_pending(conn);
  ssize_t n = transmit_all(conn, conn->out + conn->out_at, len < most ? len : most);
  if (n < 0) {
    conn_peer_is_gone(server, conn, (int)-n);
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
  conn_write_pending(server, conn, rule->size);
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
    conn_peer_is_gone(server, conn, (int)-done);
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
