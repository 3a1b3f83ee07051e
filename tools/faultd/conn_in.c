/* What arrives at a connection: events, reads, bytes handed to the reader of its state. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "conn.h"
#include "conn_private.h"
#include "http.h"
#include "server.h"
#include "tls.h"
#include "ws.h"

/* Returns bytes read, 0 at the end of the stream, -EAGAIN when there is nothing, or another negative errno. */
static ssize_t receive(struct conn *conn, void *bytes, size_t room) {
  if (!conn->ssl) {
    ssize_t n = recv(conn->fd, bytes, room, 0);
    return n >= 0 ? n : -errno;
  }
  size_t n = 0;
  ERR_clear_error(); /* see transmit() */
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
    conn_peer_is_gone(server, conn, (int)-n);
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
  return conn && conn->ssl && conn_is_reading(conn);
}

/* ---- events ---- */

static void tls_handshake(struct server *server, struct conn *conn) {
  conn->tls_wants_write = false;
  ERR_clear_error();
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
    conn_peer_is_gone(server, conn, saved == ECONNRESET ? ECONNRESET : 0);
    return;
  }
  conn->error = strdup(tls_error_text());
  conn_cause(conn, "peer", "tls", NULL);
  conn_fin(server, conn);
}

/* A connection that is not read from shows its end by a hang-up. */
static bool hung_up(struct server *server, struct conn *conn, uint32_t events) {
  if (conn_is_reading(conn) || !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return false;
  int error = 0;
  socklen_t len = sizeof error;
  getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len);
  conn_peer_is_gone(server, conn, error);
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
  if ((events & EPOLLOUT) && conn_out_pending(conn) && !conn->pacing) conn_write_pending(server, conn, SIZE_MAX);
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
    for (conn = conn_find(server, id); conn && conn_is_reading(conn); conn = conn_find(server, id))
      if (!read_once(server, conn)) break;
  conn_settle(server, id);
}
