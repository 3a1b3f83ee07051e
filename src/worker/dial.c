#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "longhaul/config/reach.h"
#include "longhaul/worker/worker.h"
#include "spare.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

struct lh_dialler {
  uv_poll_t watch;
  int epoll;
  struct lh_dial_events events;
  struct lh_tunnel **tunnels; /* by descriptor; owned, as each is. NULL where none is asked for */
  uint32_t tunnels_len;
  struct lh_spare spare;
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

void lh_address_unix(const char *path, struct lh_address *address) {
  size_t len = strlen(path), most = sizeof address->local.sun_path - 1;
  memset(address, 0, sizeof *address);
  address->local.sun_family = AF_UNIX;
  memcpy(address->local.sun_path, path, len < most ? len : most);
  bool is_abstract = *path == '@'; /* its name is what the length says, without a NUL at the end */
  if (is_abstract) address->local.sun_path[0] = 0;
  address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !is_abstract);
}

uint16_t lh_local_port(int fd) {
  struct lh_address here = {.len = sizeof here.local};
  if (getsockname(fd, &here.any, &here.len) || here.any.sa_family == AF_UNIX) return 0;
  return ntohs(here.v4.sin_port);
}

int lh_family_of(int fd) {
  struct lh_address here = {.len = sizeof here.local};
  return getsockname(fd, &here.any, &here.len) ? AF_UNSPEC : here.any.sa_family;
}

static int set_int(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) ? -errno : 0;
}

static int set_options(int fd, const struct lh_dial *dial) {
  bool is_tcp = dial->to->any.sa_family != AF_UNIX;
  int failed = is_tcp ? set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1) : 0;
  if (!failed && is_tcp && dial->user_timeout_ms) failed = set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)dial->user_timeout_ms);
  if (!failed && dial->send_buffer) failed = set_int(fd, SOL_SOCKET, SO_SNDBUF, (int)dial->send_buffer);
  if (!failed && dial->receive_buffer) failed = set_int(fd, SOL_SOCKET, SO_RCVBUF, (int)dial->receive_buffer);
  if (failed || !dial->from) return failed;
  /* Without it bind() takes a port at once, one for all targets together; with it connect() takes one for this target. */
  set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  return bind(fd, &dial->from->any, dial->from->len) ? -errno : 0;
}

/* ---- tunnels ---- */

static struct lh_tunnel *tunnel_of(const struct lh_dialler *d, int fd) {
  return (uint32_t)fd < d->tunnels_len ? d->tunnels[fd] : NULL;
}

static int add_tunnel(struct lh_dialler *d, int fd, const char *request) {
  uint32_t len = (uint32_t)fd + 1;
  if (len > d->tunnels_len) {
    len += len / 2;
    struct lh_tunnel **grown = realloc(d->tunnels, len * sizeof *grown);
    if (!grown) return -ENOMEM;
    memset(grown + d->tunnels_len, 0, (len - d->tunnels_len) * sizeof *grown);
    d->tunnels = grown;
    d->tunnels_len = len;
  }
  d->tunnels[fd] = calloc(1, sizeof **d->tunnels);
  if (!d->tunnels[fd]) return -ENOMEM;
  d->tunnels[fd]->request = request;
  return 0;
}

static void remove_tunnel(struct lh_dialler *d, int fd) {
  if (!tunnel_of(d, fd)) return;
  free(d->tunnels[fd]);
  d->tunnels[fd] = NULL;
}

/* ---- beginning ---- */

static int watch_fd(struct lh_dialler *d, int operation, int fd, uint32_t slot, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u64 = (uint64_t)slot << 32 | (uint32_t)fd};
  return epoll_ctl(d->epoll, operation, fd, &event) ? -errno : 0;
}

static int begin(struct lh_dialler *d, int fd, const struct lh_dial *dial) {
  int failed = set_options(fd, dial);
  if (failed) return failed;
  if (connect(fd, &dial->to->any, dial->to->len) && errno != EINPROGRESS) return -errno;
  if (dial->tunnel && (failed = add_tunnel(d, fd, dial->tunnel))) return failed;
  failed = watch_fd(d, EPOLL_CTL_ADD, fd, dial->slot, EPOLLOUT);
  if (failed) remove_tunnel(d, fd);
  return failed;
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
  if (!lh_spare_is_left(&dialler->spare, LH_SPARE_BYTES)) return -ENOMEM;
  int fd = socket(dial->to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int failed = begin(dialler, fd, dial);
  if (!failed) return fd;
  close(fd);
  return failed;
}

void lh_dial_cancel(struct lh_dialler *dialler, int fd) {
  remove_tunnel(dialler, fd);
  close(fd); /* which takes it out of the epoll set */
}

/* ---- the outcome ---- */

/* The spare is asked for again: what TLS takes is taken from here on, by many that began to connect at once. */
static void finish(struct lh_dialler *d, uint32_t slot, const struct lh_dialled *outcome) {
  struct lh_dialled dialled = *outcome;
  if (!dialled.error && !lh_spare_is_left(&d->spare, LH_SPARE_BYTES / 2)) dialled.error = ENOMEM;
  if (dialled.error)
    close(dialled.fd);
  else
    epoll_ctl(d->epoll, EPOLL_CTL_DEL, dialled.fd, NULL);
  d->events.done(d->events.context, slot, &dialled);
}

static void go_on(struct lh_dialler *d, uint32_t slot, int fd, struct lh_tunnel *tunnel) {
  struct lh_dialled dialled = {.fd = fd};
  enum lh_tunnel_step step = lh_tunnel_go_on(tunnel, fd);
  if (step == LH_TUNNEL_WRITE || step == LH_TUNNEL_READ) {
    watch_fd(d, EPOLL_CTL_MOD, fd, slot, step == LH_TUNNEL_WRITE ? EPOLLOUT : EPOLLIN);
    return;
  }
  if (step == LH_TUNNEL_REFUSED) {
    dialled.error = EPROTO;
    dialled.refusal = lh_tunnel_refusal(tunnel);
  }
  d->tunnels[fd] = NULL; /* the descriptor may be another's before `done` is over */
  finish(d, slot, &dialled);
  free(tunnel);
}

static void settle(struct lh_dialler *d, uint32_t slot, int fd) {
  struct lh_tunnel *tunnel = tunnel_of(d, fd);
  struct lh_dialled dialled = {.fd = fd};
  socklen_t len = sizeof dialled.error;
  bool is_asking = tunnel && tunnel->begun;
  if (!is_asking && getsockopt(fd, SOL_SOCKET, SO_ERROR, &dialled.error, &len)) dialled.error = errno;
  if (dialled.error) remove_tunnel(d, fd);
  if (dialled.error || !tunnel) {
    finish(d, slot, &dialled);
    return;
  }
  tunnel->begun = true;
  if (!is_asking) d->events.tunnelling(d->events.context, slot);
  go_on(d, slot, fd, tunnel);
}

static void on_ready(uv_poll_t *watch, int status, int events) {
  struct lh_dialler *d = watch->data;
  (void)status, (void)events;
  struct epoll_event ready[LH_DIALS_AT_ONCE];
  int count = epoll_wait(d->epoll, ready, LH_DIALS_AT_ONCE, 0);
  for (int i = 0; i < count; i++) settle(d, (uint32_t)(ready[i].data.u64 >> 32), (int)(uint32_t)ready[i].data.u64);
}

int lh_dialler_new(struct lh_dialler **dialler, uv_loop_t *loop, const struct lh_dial_events *events, struct lh_err *err) {
  struct lh_dialler *d = calloc(1, sizeof *d);
  if (!d) return lh_err_set(err, ENOMEM, "no memory for the dialler");
  *d = (struct lh_dialler){.events = *events, .epoll = epoll_create1(EPOLL_CLOEXEC)};
  lh_spare_begin(&d->spare);
  int failed = d->epoll < 0 ? -errno : uv_poll_init(loop, &d->watch, d->epoll);
  if (!failed) {
    d->watch.data = d;
    failed = uv_poll_start(&d->watch, UV_READABLE, on_ready);
  }
  if (failed) return lh_err_set(err, failed, "cannot watch connecting sockets: %s", strerror(-failed));
  *dialler = d;
  return 0;
}

/* Connecting to no address dissolves the association, and Linux tells the peer of an established one by RST; closing with
 * SO_LINGER would leave that to libwebsockets, which may shut down, and so send a FIN, first. */
void lh_dial_reset(int fd) {
  const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
  connect(fd, &nowhere, sizeof nowhere);
}
