#include "server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "longhaul/base/clock.h"
#include "tls.h"

enum { EVENTS_MAX = 256, ACCEPTS_MAX = 256, CORK_BYTES_MAX = 64 << 20, ACCEPT_PAUSE_MS = 100, LAST_WORDS_MS = 200 };

/* Ids with generation 0 are no connections. */
#define SIGNALS_ID UINT64_C(0xffffffff)

uint64_t server_in_force(const struct server *server, uint64_t mask) {
  uint64_t result = 0, since = server_elapsed_ns(server);
  for (; mask; mask &= mask - 1) {
    int i = __builtin_ctzll(mask);
    if (rule_in_force(&server->script->rules[i], since)) result |= UINT64_C(1) << i;
  }
  return result;
}

/* ---- listening ---- */

static int bind_socket(const struct addrinfo *info, bool shared) {
  int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (info->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
  if (bind(fd, info->ai_addr, info->ai_addrlen) == 0) return fd;
  int failed = -errno;
  close(fd);
  return failed;
}

static uint16_t port_of(int fd) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &len)) return 0;
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                             : ((struct sockaddr_in *)&address)->sin_port);
}

int server_listen(struct listener *listener, int backlog, bool shared, struct lh_err *err) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE}, *info = NULL;
  char port[8];
  snprintf(port, sizeof port, "%u", listener->port);
  int why = getaddrinfo(listener->address, port, &hints, &info);
  if (why)
    return lh_err_set(err, EINVAL, "--listen %s: %s (expected a numeric address and a port)", listener->address,
                      gai_strerror(why));
  int fd = bind_socket(info, shared);
  freeaddrinfo(info);
  if (fd < 0) return lh_err_set(err, -fd, "cannot bind %s port %u: %s", listener->address, listener->port, strerror(-fd));
  if (listen(fd, backlog)) {
    int failed = lh_err_set(err, errno, "cannot listen on %s: %s", listener->address, strerror(errno));
    close(fd);
    return failed;
  }
  listener->fd = fd;
  listener->port = port_of(fd);
  return 0;
}

void server_accept(struct server *server, bool accepting) {
  server->accepting = accepting;
  for (unsigned i = 0; i < server->listener_count; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    if (server->listeners[i].fd >= 0)
      epoll_ctl(server->loop.epoll, accepting ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, server->listeners[i].fd, &event);
  }
}

void server_set_listening(struct server *server, bool listening) {
  if (!listening) server_accept(server, false);
  for (unsigned i = 0; i < server->listener_count; i++) {
    struct listener *listener = &server->listeners[i];
    struct lh_err err;
    if (listening && listener->fd < 0 && server_listen(listener, server->options->backlog, server->processes > 1, &err))
      fprintf(stderr, "faultd: cannot listen again: %s\n", err.text);
    if (listening || listener->fd < 0) continue;
    close(listener->fd);
    listener->fd = -1;
  }
  if (listening) server_accept(server, true);
}

/* ---- accepting ---- */

static void accept_again(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  (void)timer;
  if (fired && !server->accepting) server_accept(server, true);
}

/* Out of descriptors or memory: says so once, and tries again a little later. */
static void pause_accepting(struct server *server, int error) {
  if (server->totals->accept_failures++ == 0) fprintf(stderr, "faultd: cannot accept: %s\n", strerror(error));
  server_accept(server, false);
  loop_at(&server->loop, &(struct timer){.due_ns = server->loop.now_ns + ACCEPT_PAUSE_MS * LH_NS_PER_MS, .fn = accept_again});
}

/* ACCEPT rules. Returns false when nothing more is to be done to the connection. */
static bool apply_accept_rules(struct server *server, struct conn *conn, bool *alert) {
  uint64_t mask = server_in_force(server, conn->rules & server->script->of_class[CLASS_ACCEPT]);
  if (!mask) return true;
  const struct rule *rule = &server->script->rules[__builtin_ctzll(mask)];
  *alert = rule->action == ACTION_TLS_ALERT;
  if (*alert) return true;
  conn_cause(conn, "us", action_word(rule->action), rule);
  switch (rule->action) {
  case ACTION_ACCEPT_RST: conn_rst(server, conn); break;
  case ACTION_ACCEPT_FIN: conn_fin(server, conn); break;
  default: conn_silence(server, conn); break; /* never-read, tls-never */
  }
  return false;
}

static void accept_one(struct server *server, int fd, const struct sockaddr_storage *peer) {
  struct conn *conn = conn_new(server, fd, peer);
  bool alert = false;
  if (!conn) {
    server->totals->accept_failures++;
    return;
  }
  uint64_t id = conn_id(conn);
  if (apply_accept_rules(server, conn, &alert) && server->tls && tls_begin(server->tls, conn, alert)) {
    conn_cause(conn, "us", "no memory", NULL);
    conn_end(server, conn);
  }
  conn_settle(server, id);
}

static void accept_many(struct server *server, struct listener *listener) {
  for (int i = 0; i < ACCEPTS_MAX; i++) {
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    int fd = accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accept_one(server, fd, &peer);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) pause_accepting(server, errno);
    if (errno != ECONNABORTED && errno != EINTR) return;
  }
}

/* ---- the loop ---- */

static void stop_timer(void *context, const struct timer *timer, bool fired) {
  struct server *server = context;
  (void)timer;
  if (fired) server->stopping = true;
}

/* main blocked them. */
static int watch_signals(struct server *server, struct lh_err *err) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  server->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = SIGNALS_ID};
  if (server->signals < 0 || epoll_ctl(server->loop.epoll, EPOLL_CTL_ADD, server->signals, &event))
    return lh_err_set(err, errno, "signalfd: %s", strerror(errno));
  return 0;
}

static void dispatch(struct server *server, const struct epoll_event *event) {
  uint64_t id = event->data.u64;
  if (id == SIGNALS_ID) {
    server->stopping = true;
  } else if (id < server->listener_count) {
    if (server->accepting) accept_many(server, &server->listeners[id]);
  } else {
    struct conn *conn = conn_find(server, id);
    if (conn) conn_on_event(server, conn, event->events);
  }
}

/* What clients did before the stop is in the log however late this process got to run; who goes on sending is not heard to an end. */
static void hear_the_last(struct server *server, struct epoll_event *events) {
  uint64_t until_ns = server->loop.now_ns + LAST_WORDS_MS * LH_NS_PER_MS;
  epoll_ctl(server->loop.epoll, EPOLL_CTL_DEL, server->signals, NULL);
  for (int n; server->loop.now_ns < until_ns && (n = loop_look(&server->loop, events, EVENTS_MAX)) > 0;)
    for (int i = 0; i < n; i++) dispatch(server, &events[i]);
}

/* Connections that live on at the end are written as alive; the kernel ends them. */
static void end_all(struct server *server) {
  for (size_t fd = 0; fd < server->conn_room; fd++)
    if (server->conns[fd]) conn_end(server, server->conns[fd]);
  free(server->conns);
  server->conns = NULL;
  server->conn_room = 0;
}

int server_run(struct server *server, struct lh_err *err) {
  struct epoll_event events[EVENTS_MAX];
  server->cork = (struct lh_buf)LH_BUF_INIT(CORK_BYTES_MAX);
  int failed = loop_init(&server->loop, server, err);
  if (!failed) failed = watch_signals(server, err);
  if (!failed) failed = log_open(&server->log, server->options->log, err);
  if (!failed) failed = pulse_open(&server->pulse, server->options->pulse, server->process, err);
  if (failed) return failed;
  fault_start(server);
  if (server->options->for_ns)
    loop_at(&server->loop, &(struct timer){.due_ns = server->start_ns + server->options->for_ns, .fn = stop_timer});
  server_accept(server, true);
  /* Timers first: a rule that is in force from the start takes the first connection too. */
  loop_run_timers(&server->loop);
  while (!server->stopping) {
    int n = loop_wait(&server->loop, events, EVENTS_MAX);
    pulse_turn(&server->pulse, server->loop.now_ns);
    for (int i = 0; i < n; i++) dispatch(server, &events[i]);
    loop_run_timers(&server->loop);
    if (server->log.lines.len) log_flush(&server->log);
  }
  hear_the_last(server, events);
  server->totals->lag_us_max = server->loop.lag_ns_max / LH_NS_PER_US;
  end_all(server);
  log_close(&server->log);
  pulse_close(&server->pulse);
  loop_free(&server->loop);
  lh_buf_free(&server->cork);
  close(server->signals);
  return 0;
}
