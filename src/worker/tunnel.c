#include "tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "longhaul/base/buf.h"

enum { REQUEST_BYTES_MAX = 4096, HEAD_BYTES_MAX = 64 << 10 };

int lh_tunnel_request(char **request, const struct lh_target *target, struct lh_err *err) {
  struct lh_buf out = LH_BUF_INIT(REQUEST_BYTES_MAX);
  bool is_v6 = strchr(target->host, ':');
  char host[160];
  int len = snprintf(host, sizeof host, is_v6 ? "[%s]:%u" : "%s:%u", target->host, target->port);
  int failed = len < 0 || (size_t)len >= sizeof host ? -ENOBUFS : 0;
  if (!failed)
    failed = lh_buf_addf(&out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: longhaul/" LH_VERSION "\r\n", host, host);
  if (!failed && target->proxy.authorization)
    failed = lh_buf_addf(&out, "Proxy-Authorization: %s\r\n", target->proxy.authorization);
  if (!failed) failed = lh_buf_addstr(&out, "\r\n");
  if (failed) {
    lh_buf_free(&out);
    return lh_err_set(err, failed, "targets.%s.proxy: the request for a tunnel is longer than the %d bytes that can be sent",
                      target->name, REQUEST_BYTES_MAX);
  }
  *request = out.data;
  return 0;
}

/* True: it is all out. A write that fails is found out by the read behind it. */
static bool write_on(struct lh_tunnel *t, int fd) {
  size_t len = strlen(t->request + t->sent);
  ssize_t sent = len ? send(fd, t->request + t->sent, len, MSG_NOSIGNAL) : 0;
  if (sent < 0) return errno != EAGAIN && errno != EINTR;
  t->sent += (uint32_t)sent;
  return (size_t)sent == len;
}

/* How many of the bytes belong to the head. *ended: it ends with them. */
static size_t take_head(struct lh_tunnel *t, const char *bytes, size_t len, bool *ended) {
  for (size_t i = 0; i < len; i++) {
    char c = bytes[i];
    size_t room = t->head_len - t->line_len == 0 ? sizeof t->first - 1 : 0; /* still in the first line */
    t->head_len++;
    if (c == '\r') continue;
    if (c == '\n') {
      *ended = t->line_len == 0;
      t->line_len = 0;
      if (*ended) return i + 1;
      continue;
    }
    if (t->line_len < room) t->first[t->line_len] = c;
    t->line_len++;
  }
  return len;
}

static unsigned status_of(const struct lh_tunnel *t) {
  static const char begin[] = "HTTP/1.";
  if (strncmp(t->first, begin, sizeof begin - 1) != 0 || strlen(t->first) < 12) return 0;
  return (unsigned)strtoul(t->first + 9, NULL, 10);
}

enum lh_tunnel_step lh_tunnel_go_on(struct lh_tunnel *t, int fd) {
  char bytes[2048];
  if (!write_on(t, fd)) return LH_TUNNEL_WRITE;
  for (;;) {
    ssize_t got = recv(fd, bytes, sizeof bytes, MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return LH_TUNNEL_READ;
    if (got <= 0) return LH_TUNNEL_REFUSED;
    bool ended = false;
    size_t taken = take_head(t, bytes, (size_t)got, &ended);
    if (recv(fd, bytes, taken, 0) != (ssize_t)taken || t->head_len > HEAD_BYTES_MAX) return LH_TUNNEL_REFUSED;
    if (ended) return status_of(t) / 100 == 2 ? LH_TUNNEL_UP : LH_TUNNEL_REFUSED;
  }
}

struct lh_refusal lh_tunnel_refusal(const struct lh_tunnel *t) {
  struct lh_refusal refusal = {.status = (uint16_t)status_of(t), .text = ""};
  if (refusal.status)
    refusal.text = strlen(t->first) > 13 ? t->first + 13 : "";
  else if (t->head_len)
    refusal.text = "the proxy's answer is not HTTP/1";
  else
    refusal.text = "the proxy closed without an answer";
  return refusal;
}
