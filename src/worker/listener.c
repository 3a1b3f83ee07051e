/* What the probe connects to when it brings its own listener: accepts everything, answers a WebSocket upgrade, holds what it
 * has accepted and nothing else. It keeps no memory for a connection, so that it reaches no limit before the tester does:
 * several processes share the listening socket, and each leaves it when its descriptors run out.
 *
 * On the same port it speaks TLS with who begins with a handshake. Once that client has what it came for (the answer to its
 * upgrade, or with the name LH_LISTENER_HOLDS the handshake alone) the session is forgotten: nothing is ever said on it again,
 * and what the client says at its end needs no understanding. */
#include "longhaul/worker/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
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

#include "worker/certificate.h"

enum {
  EVENTS_MAX = 256,
  REQUEST_MAX = 4096,
  RESPONSE_MAX = 256,
  SPARE_DESCRIPTORS = 16,
  PROCESSES_MAX = 1024,
  DESCRIPTORS_MOST = 1 << 20
};

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

/* The length of the answer to a request. */
static int write_answer(const char *request, char *out, size_t size) {
  char key[32];
  if (accept_key(request, key))
    return snprintf(
        out, size,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
        key);
  return snprintf(out, size, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

/* A request comes in one piece: it is the first thing on its connection and shorter than a segment. What else comes is a close
 * frame, which closing answers well enough, or the end. */
static bool is_request(char *bytes, ssize_t got) {
  if (got < 4 || strncmp(bytes, "GET ", 4) != 0) return false;
  bytes[got] = '\0';
  return true;
}

static bool serve_plain(int fd) {
  char bytes[REQUEST_MAX + 1], response[RESPONSE_MAX];
  ssize_t got = recv(fd, bytes, REQUEST_MAX, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (!is_request(bytes, got)) return false;
  int len = write_answer(bytes, response, sizeof response);
  return send(fd, response, (size_t)len, MSG_NOSIGNAL) == len;
}

/* ---- TLS ---- */
struct tls {
  SSL_CTX *context;
  SSL **sessions;     /* by descriptor; NULL: none, or forgotten */
  size_t session_max; /* 0: plain only */
};

static SSL *session_of(const struct tls *tls, int fd) {
  return (size_t)fd < tls->session_max ? tls->sessions[fd] : NULL;
}

static void forget(struct tls *tls, int fd) {
  SSL *session = session_of(tls, fd);
  if (session == NULL) return;
  SSL_set_quiet_shutdown(session, 1);
  SSL_free(session); /* leaves the descriptor open */
  tls->sessions[fd] = NULL;
}

/* The first byte of a handshake (RFC 8446, 5.1), which begins no request. */
static bool begins_handshake(const struct tls *tls, int fd) {
  enum { HANDSHAKE = 22 };
  unsigned char first;
  return (size_t)fd < tls->session_max && recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first == HANDSHAKE;
}

static bool waits(const SSL *session, int result) {
  int error = SSL_get_error(session, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* False: it has ended. */
static bool serve_tls(struct tls *tls, int fd) {
  char bytes[REQUEST_MAX + 1], response[RESPONSE_MAX];
  SSL *session = tls->sessions[fd];
  ERR_clear_error();
  int done = SSL_do_handshake(session);
  if (done != 1) return waits(session, done);
  const char *name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  if (name == NULL || strcmp(name, LH_LISTENER_HOLDS) != 0) {
    int got = SSL_read(session, bytes, REQUEST_MAX);
    if (got <= 0) return waits(session, got);
    if (!is_request(bytes, got)) return false;
    int len = write_answer(bytes, response, sizeof response);
    if (SSL_write(session, response, len) != len) return false;
  }
  forget(tls, fd);
  return true;
}

static bool serve(struct tls *tls, int fd) {
  if (session_of(tls, fd) != NULL) return serve_tls(tls, fd);
  if (!begins_handshake(tls, fd)) return serve_plain(fd);
  SSL *session = tls->sessions[fd] = SSL_new(tls->context);
  if (session == NULL || SSL_set_fd(session, fd) != 1) return false;
  SSL_set_accept_state(session);
  return serve_tls(tls, fd);
}

/* ---- holding ---- */
struct holder {
  int epoll, listener;
  unsigned held, most;
  bool listens;
  struct tls tls;
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
  forget(&h->tls, fd);
  close(fd);
  h->held--;
  listen_on(h, true);
}

/* The table's pages are there only as descriptors are. */
static bool prepare_tls(struct tls *tls, SSL_CTX *context, size_t descriptors) {
  if (context == NULL) return true;
  *tls = (struct tls){.context = context, .sessions = calloc(descriptors, sizeof(SSL *)), .session_max = descriptors};
  return tls->sessions != NULL;
}

static void hold(int listener, SSL_CTX *context) {
  struct rlimit limit;
  struct holder h = {.epoll = epoll_create1(EPOLL_CLOEXEC), .listener = listener};
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > DESCRIPTORS_MOST) limit.rlim_cur = DESCRIPTORS_MOST;
  h.most = limit.rlim_cur > 2 * SPARE_DESCRIPTORS ? (unsigned)(limit.rlim_cur - SPARE_DESCRIPTORS) : SPARE_DESCRIPTORS;
  if (!prepare_tls(&h.tls, context, (size_t)limit.rlim_cur)) return;
  listen_on(&h, true);
  for (;;) {
    struct epoll_event ready[EVENTS_MAX];
    int count = epoll_wait(h.epoll, ready, EVENTS_MAX, -1);
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; i++) {
      if (ready[i].data.fd == listener)
        take_all(&h);
      else if (!serve(&h.tls, ready[i].data.fd))
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
  SSL_CTX *context = NULL;
  struct rlimit limit;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (argc > 3 && (context = lh_certificate_server("DNS:" LH_LISTENER_HOLDS ",DNS:" LH_LISTENER_UPGRADES, argv[3])) == NULL)
    return EXIT_FAILURE;
  int listener = open_listener(&port);
  if (listener < 0 || processes < 1 || processes > PROCESSES_MAX) return EXIT_FAILURE;
  for (unsigned long i = 1; i < processes; i++) {
    pid_t child = fork();
    if (child < 0) return EXIT_FAILURE;
    if (child > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    hold(listener, context);
    _exit(EXIT_FAILURE);
  }
  if (printf("LISTEN 127.0.0.1:%u\n", port) < 0 || fflush(stdout) != 0) return EXIT_FAILURE;
  hold(listener, context);
  return EXIT_FAILURE;
}
