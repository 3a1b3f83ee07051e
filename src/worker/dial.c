#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "longhaul/config/reach.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { EVENTS_MAX = 256 };

struct lh_dialler {
  uv_poll_t watch;
  int epoll;
  lh_dial_done *done;
  void *context;
};

int lh_address_parse(const char *text, uint16_t port, struct lh_address *address) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
  if (getaddrinfo(text, NULL, &hints, &found)) return -EINVAL;
  bool fits = found->ai_addrlen <= sizeof address->v6 && (found->ai_family == AF_INET || found->ai_family == AF_INET6);
  if (fits) {
    address->len = found->ai_addrlen;
    memcpy(&address->any, found->ai_addr, found->ai_addrlen);
    /* The port stands at the same place in both families. */
    address->v4.sin_port = htons(port);
  }
  freeaddrinfo(found);
  return fits ? 0 : -EINVAL;
}

static int set_int(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) ? -errno : 0;
}

static int set_options(int fd, const struct lh_dial *dial) {
  int failed = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!failed && dial->user_timeout_ms) failed = set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)dial->user_timeout_ms);
  if (!failed && dial->send_buffer) failed = set_int(fd, SOL_SOCKET, SO_SNDBUF, (int)dial->send_buffer);
  if (!failed && dial->receive_buffer) failed = set_int(fd, SOL_SOCKET, SO_RCVBUF, (int)dial->receive_buffer);
  if (failed || !dial->from) return failed;
  /* Without it bind() takes a port at once, one for all targets together; with it connect() takes one for this target. */
  set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bind(fd, &dial->from->any, dial->from->len) ? -errno : 0;
}

static int begin(struct lh_dialler *d, int fd, const struct lh_dial *dial) {
  int failed = set_options(fd, dial);
  if (failed) return failed;
  if (connect(fd, &dial->to->any, dial->to->len) && errno != EINPROGRESS) return -errno;
  struct epoll_event event = {.events = EPOLLOUT, .data.u64 = (uint64_t)dial->slot << 32 | (uint32_t)fd};
  return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int judge(const struct lh_dial *dial) {
  switch (lh_reach_judge(dial->config, dial->target, &dial->to->any)) {
  case LH_REACH_DENIED: return -LH_DIAL_DENIED;
  case LH_REACH_UNAUTHORIZED: return -LH_DIAL_UNAUTHORIZED;
  default: return 0;
  }
}

int lh_dial(struct lh_dialler *dialler, const struct lh_dial *dial) {
  int refused = judge(dial);
  if (refused) return refused;
  int fd = socket(dial->to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int failed = begin(dialler, fd, dial);
  if (!failed) return fd;
  close(fd);
  return failed;
}

void lh_dial_cancel(struct lh_dialler *dialler, int fd) {
  (void)dialler; /* closing takes it out of the epoll set */
  close(fd);
}

static void settle(struct lh_dialler *d, uint32_t slot, int fd) {
  int error = 0;
  socklen_t len = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len)) error = errno;
  if (error)
    close(fd);
  else
    epoll_ctl(d->epoll, EPOLL_CTL_DEL, fd, NULL);
  d->done(d->context, slot, fd, error);
}

static void on_ready(uv_poll_t *watch, int status, int events) {
  struct lh_dialler *d = watch->data;
  (void)status, (void)events;
  struct epoll_event ready[EVENTS_MAX];
  int count = epoll_wait(d->epoll, ready, EVENTS_MAX, 0);
  for (int i = 0; i < count; i++) settle(d, (uint32_t)(ready[i].data.u64 >> 32), (int)(uint32_t)ready[i].data.u64);
}

int lh_dialler_new(struct lh_dialler **dialler, uv_loop_t *loop, lh_dial_done *done, void *context, struct lh_err *err) {
  struct lh_dialler *d = calloc(1, sizeof *d);
  if (!d) return lh_err_set(err, ENOMEM, "no memory for the dialler");
  *d = (struct lh_dialler){.done = done, .context = context, .epoll = epoll_create1(EPOLL_CLOEXEC)};
  int failed = d->epoll < 0 ? -errno : uv_poll_init(loop, &d->watch, d->epoll);
  if (!failed) {
    d->watch.data = d;
    failed = uv_poll_start(&d->watch, UV_READABLE, on_ready);
    if (!failed) {
      *dialler = d;
      return 0;
    }
    lh_dialler_free(d);
  } else {
    if (d->epoll >= 0) close(d->epoll);
    free(d);
  }
  return lh_err_set(err, failed, "cannot watch connecting sockets: %s", strerror(-failed));
}

static void on_closed(uv_handle_t *handle) {
  struct lh_dialler *d = handle->data;
  close(d->epoll);
  free(d);
}

void lh_dialler_free(struct lh_dialler *dialler) {
  if (dialler) uv_close((uv_handle_t *)&dialler->watch, on_closed);
}

/* Connecting to no address dissolves the association, and Linux tells the peer of an established one by RST; closing with
 * SO_LINGER would leave that to libwebsockets, which may shut down, and so send a FIN, first. */
void lh_dial_reset(int fd) {
  const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
  connect(fd, &nowhere, sizeof nowhere);
}
