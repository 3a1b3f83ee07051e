/* Bytes through the socket, or through TLS on it. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "raw_private.h"
#include "tls.h"

/* ---- reading ---- */

/* A TLS connection ends with close_notify, with FIN alone, with an errno or with a fault of TLS itself. */
static enum lh_pull tls_outcome(struct lh_line *line, int result, long *got) {
  int saved = errno;
  switch (SSL_get_error(line->ssl, result)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE: lh_tls_rest(line->ssl); return LH_PULL_AGAIN;
  case SSL_ERROR_ZERO_RETURN: *got = 0; return LH_PULL_GONE;
  case SSL_ERROR_SYSCALL: *got = saved; return LH_PULL_GONE;
  default: {
    int reason = ERR_GET_REASON(ERR_peek_error());
    *got = reason == SSL_R_UNEXPECTED_EOF_WHILE_READING ? 0 : -(long)reason;
    return LH_PULL_GONE;
  }
  }
}

enum lh_pull lh_wire_pull(struct lh_raw *raw, struct lh_line *line, long *got) {
  if (line->ssl) {
    ERR_clear_error();
    int result = SSL_read(line->ssl, raw->bytes, sizeof raw->bytes);
    if (result <= 0) return tls_outcome(line, result, got);
    *got = result;
    return LH_PULL_BYTES;
  }
  *got = recvfrom(line->fd, raw->bytes, sizeof raw->bytes, 0, NULL, NULL); /* past our own recv(), which is for libwebsockets */
  if (*got > 0) return LH_PULL_BYTES;
  if (*got < 0 && (errno == EAGAIN || errno == EINTR)) return LH_PULL_AGAIN;
  *got = *got < 0 ? errno : 0;
  return LH_PULL_GONE;
}

/* ---- writing ---- */

void lh_wire_want_write(struct lh_raw *raw, struct lh_line *line, bool wants) {
  if (line->wants_write == wants) return;
  line->wants_write = wants;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (wants ? EPOLLOUT : 0),
                              .data.u64 = (uint64_t)line->generation << 32 | lh_raw_slot(raw, line)};
  epoll_ctl(raw->epoll, EPOLL_CTL_MOD, line->fd, &event);
}

/* How much of it went; all of it or nothing through TLS. -1: the connection is broken. */
static long write_some(struct lh_line *line, const char *bytes, size_t len) {
  if (line->ssl) {
    ERR_clear_error();
    int result = SSL_write(line->ssl, bytes, (int)len);
    if (result > 0) return result;
    int error = SSL_get_error(line->ssl, result);
    if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return 0;
    line->error = (uint8_t)(error == SSL_ERROR_SYSCALL && errno ? errno : ECONNRESET);
    return -1;
  }
  ssize_t sent = send(line->fd, bytes, len, MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  if (errno == EAGAIN || errno == EINTR) return 0;
  line->error = (uint8_t)errno;
  return -1;
}

void lh_wire_close(struct lh_line *line) {
  if (line->ssl && line->state >= LH_LINE_UPGRADE && !line->error) {
    ERR_clear_error();
    SSL_shutdown(line->ssl);
  }
  shutdown(line->fd, SHUT_RDWR);
}

static int keep(struct lh_raw *raw, struct lh_line *line, const char *bytes, size_t len) {
  struct lh_outgoing *out = malloc(sizeof *out + len);
  if (!out) return -ENOMEM;
  *out = (struct lh_outgoing){.len = len};
  memcpy(out->bytes, bytes, len);
  line->out = out;
  lh_wire_want_write(raw, line, true);
  return 0;
}

int lh_wire_push(struct lh_raw *raw, struct lh_line *line, const char *bytes, size_t len) {
  long sent = write_some(line, bytes, len);
  if (sent < 0) {
    lh_wire_close(line);
    return 0;
  }
  if ((size_t)sent == len) return 0;
  int failed = keep(raw, line, bytes + sent, len - (size_t)sent);
  if (failed) {
    line->error = ENOMEM;
    lh_wire_close(line);
  }
  return failed;
}

bool lh_wire_flush(struct lh_raw *raw, struct lh_line *line) {
  struct lh_outgoing *out = line->out;
  if (!out) return true;
  long sent = write_some(line, out->bytes + out->at, out->len - out->at);
  if (sent < 0) lh_wire_close(line);
  if (sent > 0) out->at += (size_t)sent;
  if (sent >= 0 && out->at < out->len) return false;
  free(out);
  line->out = NULL;
  lh_wire_want_write(raw, line, false);
  return sent >= 0;
}
