/* What the probe connects to when it brings its own listener: accepts everything, answers a WebSocket upgrade, holds what it
 * has accepted and nothing else. It keeps no memory for a connection, so that it reaches no limit before the tester does:
 * several processes share the listening socket, and each leaves it when its descriptors run out. */
#include "longhaul/worker/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, REQUEST_MAX = 4096, SPARE_DESCRIPTORS = 16, PROCESSES_MAX = 1024 };

static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 */

/* The answer to the key of a request; false when it has none. */
static bool accept_key(const char *request, char out[32]) {
  static const char header[] = "\r\nSec-WebSocket-Key:";
  char text[128];
  unsigned char digest[SHA_DIGEST_LENGTH];
  const char *at = strcasestr(request, header);
  if (!at) return false;
  at += sizeof header - 1;
  at += strspn(at, " \t");
  size_t len = strcspn(at, "\r\n");
  if (len + sizeof magic > sizeof text) return false;
  int whole = snprintf(text, sizeof text, "%.*s%s", (int)len, at, magic);
  SHA1((const unsigned char *)text, (size_t)whole, digest);
  EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
  return true;
}

static void answer(int fd, char *request) {
  char key[32], response[256];
  int len;
  if (accept_key(request, key))
    len = snprintf(
        response, sizeof response,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
        key);
  else
    len = snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  if (send(fd, response, (size_t)len, MSG_NOSIGNAL) < 0) return; /* its end is seen at the next read */
}

/* A request comes in one piece: it is the first thing on its connection and shorter than a segment. What else comes is a close
 * frame, which closing answers well enough, or the end. */
static bool serve(int fd) {
  char bytes[REQUEST_MAX + 1];
  ssize_t got = recv(fd, bytes, REQUEST_MAX, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got < 4 || strncmp(bytes, "GET ", 4) != 0) return false;
  bytes[got] = '\0';
  answer(fd, bytes);
  return true;
}

struct holder {
  int epoll, listener;
  unsigned held, most;
  bool listens;
};

static void listen_on(struct holder *h, bool on) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = h->listener};
  if (h->listens == on) return;
  epoll_ctl(h->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, h->listener, &event);
  h->listens = on;
}

static void take_all(struct holder *h) {
  for (int fd; h->held < h->most && (fd = accept4(h->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
      close(fd);
    else
      h->held++;
  }
  if (h->held >= h->most) listen_on(h, false);
}

static void let_go(struct holder *h, int fd) {
  close(fd);
  h->held--;
  listen_on(h, true);
}

static void hold(int listener) {
  struct rlimit limit;
  struct holder h = {.epoll = epoll_create1(EPOLL_CLOEXEC), .listener = listener};
  h.most = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 2 * SPARE_DESCRIPTORS
               ? (unsigned)(limit.rlim_cur - SPARE_DESCRIPTORS)
               : SPARE_DESCRIPTORS;
  listen_on(&h, true);
  for (;;) {
    struct epoll_event ready[EVENTS_MAX];
    int count = epoll_wait(h.epoll, ready, EVENTS_MAX, -1);
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; i++) {
      if (ready[i].data.fd == listener)
        take_all(&h);
      else if (!serve(ready[i].data.fd))
        let_go(&h, ready[i].data.fd);
    }
  }
}

static int open_listener(uint16_t *port) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  socklen_t len = sizeof here;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || listen(fd, 65535) < 0 ||
      getsockname(fd, (struct sockaddr *)&here, &len) < 0)
    return -errno;
  *port = ntohs(here.sin_port);
  return fd;
}

int lh_listener_main(int argc, char **argv) {
  uint16_t port = 0;
  unsigned long processes = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
  struct rlimit limit;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  int listener = open_listener(&port);
  if (listener < 0 || processes < 1 || processes > PROCESSES_MAX) return EXIT_FAILURE;
  for (unsigned long i = 1; i < processes; i++) {
    pid_t child = fork();
    if (child < 0) return EXIT_FAILURE;
    if (child > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    hold(listener);
    _exit(EXIT_FAILURE);
  }
  if (printf("LISTEN 127.0.0.1:%u\n", port) < 0 || fflush(stdout) != 0) return EXIT_FAILURE;
  hold(listener);
  return EXIT_FAILURE;
}
