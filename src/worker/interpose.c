/* Calls of libwebsockets that pass through us on their way to the kernel or to OpenSSL; why, and what was tried instead, is
 * told in src/decisions/0002-interpose.md.
 *
 * The executable's definition of a function takes the place of the C library's for every shared library of the process.
 * So each of these does exactly what the original does for any descriptor that is not a client's connection.
 */
#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "chain.h"
#include "peer.h"
#include "tls.h"

/* ---- a connected socket in place of a new one ---- */

static _Thread_local int handed_fd = LH_NO_FD;
static _Thread_local bool handed_taken;

void lh_hand_over(int fd) {
  handed_fd = fd;
  handed_taken = false;
}

bool lh_hand_over_end(void) {
  handed_fd = LH_NO_FD;
  return handed_taken;
}

int socket(int domain, int type, int protocol) {
  if (handed_fd != LH_NO_FD && !handed_taken) {
    handed_taken = true;
    return handed_fd;
  }
  return (int)syscall(SYS_socket, domain, type, protocol);
}

int connect(int fd, const struct sockaddr *address, socklen_t len) {
  if (handed_taken && fd == handed_fd) return 0;
  return (int)syscall(SYS_connect, fd, address, len);
}

/* A socket that is handed over has its options (dial.c). A unix socket would refuse libwebsockets', which would give up on that. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
  if (handed_taken && fd == handed_fd) return 0;
  return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

/* ---- looking over the shoulder ---- */

/* A bad frame ends the connection: libwebsockets gets what is sound of this read, and an error from the next one, which the
 * shutdown makes certain to come. */
static ssize_t show(struct lh_peer *peer, const void *bytes, ssize_t len) {
  size_t sound = lh_peer_saw(peer, bytes, (size_t)len);
  if (sound == (size_t)len) {
    peer->holds_lf = len > 1 && lh_peer_awaits_body(peer); /* a read of one byte must give it: nothing else means "later" */
    return len - peer->holds_lf;
  }
  if (sound) {
    shutdown(peer->fd, SHUT_RDWR);
    return (ssize_t)sound;
  }
  errno = EPROTO;
  return -1;
}

/* The byte that was held back, and behind it `got` bytes that a read put there. */
static ssize_t release_lf(struct lh_peer *peer, char *bytes, ssize_t got) {
  peer->holds_lf = false;
  if (got > 0) lh_peer_saw(peer, bytes + 1, (size_t)got);
  *bytes = '\n';
  return 1 + (got > 0 ? got : 0);
}

static ssize_t recv_behind_lf(struct lh_peer *peer, int fd, char *bytes, size_t len, int flags) {
  ssize_t got = len > 1 ? syscall(SYS_recvfrom, fd, bytes + 1, len - 1, flags, NULL, NULL) : 0;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return got;
  if (got == 0 && len > 1) lh_peer_saw_eof(peer);
  if (got < 0) lh_peer_saw_error(peer, errno);
  return release_lf(peer, bytes, got);
}

/* What was read ahead and is libwebsockets' all the same. */
static _Thread_local struct {
  int fd; /* LH_NO_FD: nothing */
  const char *bytes;
  size_t left;
  ssize_t result; /* of the read; above 0: `left` bytes are still to be given */
  int error;
} ahead = {.fd = LH_NO_FD};

static ssize_t recv_ahead(void *bytes, size_t len) {
  if (ahead.result <= 0) {
    ahead.fd = LH_NO_FD;
    errno = ahead.error;
    return ahead.result;
  }
  if (len > ahead.left) len = ahead.left;
  memcpy(bytes, ahead.bytes, len);
  ahead.bytes += len;
  ahead.left -= len;
  if (!ahead.left) ahead.fd = LH_NO_FD;
  return (ssize_t)len;
}

ssize_t recv(int fd, void *bytes, size_t len, int flags) {
  struct lh_peer *peer = lh_peer_of(fd);
  if (peer && peer->holds_lf && len) return recv_behind_lf(peer, fd, bytes, len, flags);
  bool is_ahead = fd == ahead.fd && len;
  ssize_t got = is_ahead ? recv_ahead(bytes, len) : syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
  if (!peer) return got;
  if (peer->state == LH_PEER_OPEN) peer->holds_more = false; /* it looks at what it holds before it reads */
  if (got > 0) return show(peer, bytes, got);
  if (got == 0 && len) lh_peer_saw_eof(peer);
  if (got < 0) lh_peer_saw_error(peer, errno);
  return got;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags) {
  ssize_t sent = syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
  if (sent == (ssize_t)len) return sent;
  struct lh_peer *peer = lh_peer_of(fd);
  if (!peer) return sent;
  peer->held_back = true; /* if libwebsockets sent this, it keeps the rest */
  if (sent < 0) lh_peer_saw_error(peer, errno);
  return sent;
}

/* ---- reading before libwebsockets does ---- */

static uv_poll_cb lws_ready;

/* The whole messages that it begins with go straight to the engine; all else to libwebsockets, which reads it from us. */
static void read_ahead(struct lh_peer *peer, uv_poll_t *watch) {
  enum { READ_BYTES = 16384 };
  static _Thread_local char bytes[READ_BYTES];
  const int fd = peer->fd;
  ssize_t got = syscall(SYS_recvfrom, fd, bytes, sizeof bytes, MSG_DONTWAIT, NULL, NULL);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  size_t took = got > 0 ? lh_peer_took_read(peer, bytes, (size_t)got) : 0;
  if (took && took == (size_t)got) return;
  ahead.fd = fd;
  ahead.bytes = bytes + took;
  ahead.left = got > 0 ? (size_t)got - took : 0;
  ahead.result = got;
  ahead.error = errno;
  for (size_t before = SIZE_MAX; ahead.fd == fd && ahead.left < before && lh_peer_of(fd) == peer;) {
    before = ahead.left;
    lws_ready(watch, 0, UV_READABLE);
  }
  /* It would not read on: nothing of the stream may be skipped. */
  if (ahead.fd == fd && lh_peer_of(fd) == peer) {
    lh_peer_saw_error(peer, EIO);
    shutdown(fd, SHUT_RDWR);
  }
  ahead.fd = LH_NO_FD;
}

static lh_between *between;
static void *between_context;

void lh_between_events(lh_between *call, void *context) {
  between = call;
  between_context = context;
}

/* Of one turn of the loop there may be tens of thousands of these. Nothing of libwebsockets is under way before each, so that
 * connections may be closed, this one too. */
static void on_ready(uv_poll_t *watch, int status, int events) {
  uv_os_fd_t fd;
  if (between) between(between_context, false);
  if (uv_is_closing((uv_handle_t *)watch)) return;
  bool plainly = status == 0 && events == UV_READABLE && uv_fileno((uv_handle_t *)watch, &fd) == 0;
  struct lh_peer *peer = plainly ? lh_peer_of(fd) : NULL;
  if (peer && lh_peer_reads_ahead(peer))
    read_ahead(peer, watch);
  else
    lws_ready(watch, status, events);
}

int uv_poll_start(uv_poll_t *watch, int events, uv_poll_cb ready) {
  static int (*original)(uv_poll_t *, int, uv_poll_cb);
  if (!original) *(void **)&original = dlsym(RTLD_NEXT, "uv_poll_start");
  uv_os_fd_t fd;
  bool is_clients = uv_fileno((uv_handle_t *)watch, &fd) == 0 && lh_peer_of(fd);
  if (!is_clients) return original(watch, events, ready);
  lws_ready = ready; /* libwebsockets has one for all */
  return original(watch, events, on_ready);
}

/* The loop makes these calls together, once the events are done with. In each libwebsockets takes its connection apart and
 * closes the descriptor, which takes longer than the event did. */
static uv_close_cb lws_closed;

static void on_closed(uv_handle_t *handle) {
  if (between) between(between_context, true);
  lws_closed(handle);
}

void uv_close(uv_handle_t *handle, uv_close_cb closed) {
  static void (*original)(uv_handle_t *, uv_close_cb);
  if (!original) *(void **)&original = dlsym(RTLD_NEXT, "uv_close");
  bool is_clients = handle->type == UV_POLL && ((uv_poll_t *)handle)->poll_cb == on_ready;
  if (is_clients) lws_closed = closed;
  original(handle, is_clients ? on_closed : closed);
}

static void saw_tls_failure(struct lh_peer *peer, SSL *ssl, int result) {
  int saved = errno;
  switch (SSL_get_error(ssl, result)) {
  case SSL_ERROR_ZERO_RETURN: peer->eof = true; break; /* close_notify */
  case SSL_ERROR_SYSCALL:
    if (saved)
      lh_peer_saw_error(peer, saved);
    else
      lh_peer_saw_eof(peer);
    break;
  case SSL_ERROR_SSL: {
    int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
      lh_peer_saw_eof(peer);
    else
      peer->tls_error = reason;
    break;
  }
  default: break;
  }
  errno = saved;
}

int SSL_connect(SSL *ssl) {
  static int (*original)(SSL *);
  if (!original) *(void **)&original = dlsym(RTLD_NEXT, "SSL_connect");
  ERR_clear_error(); /* the queue is the thread's: what another connection left there would be read as this one's */
  int result = original(ssl);
  struct lh_peer *peer = result <= 0 ? lh_peer_of(SSL_get_fd(ssl)) : NULL;
  if (peer) saw_tls_failure(peer, ssl, result);
  return result;
}

int SSL_read(SSL *ssl, void *bytes, int len) {
  static int (*original)(SSL *, void *, int);
  if (!original) *(void **)&original = dlsym(RTLD_NEXT, "SSL_read");
  ERR_clear_error();
  struct lh_peer *peer = lh_peer_of(SSL_get_fd(ssl));
  if (peer && peer->holds_lf && len > 1) {
    int behind = original(ssl, (char *)bytes + 1, len - 1);
    if (behind <= 0 && SSL_get_error(ssl, behind) == SSL_ERROR_WANT_READ) return behind;
    if (behind <= 0) saw_tls_failure(peer, ssl, behind);
    return (int)release_lf(peer, bytes, behind);
  }
  int got = original(ssl, bytes, len);
  if (!peer) return got;
  if (got <= 0) saw_tls_failure(peer, ssl, got);
  lh_tls_rest(ssl);
  return got > 0 ? (int)show(peer, bytes, got) : got;
}

/* OpenSSL decodes what a server sent into a new certificate: one that is kept takes its place. */
X509 *d2i_X509(X509 **into, const unsigned char **bytes, long len) {
  static X509 *(*original)(X509 **, const unsigned char **, long);
  if (!original) *(void **)&original = dlsym(RTLD_NEXT, "d2i_X509");
  const unsigned char *const from = *bytes;
  X509 *found = into && *into && len > 0 ? lh_chain_find(from, (size_t)len) : NULL;
  if (found && X509_up_ref(found) == 1) {
    X509_free(*into);
    *into = found;
    *bytes += len;
    return found;
  }
  X509 *made = original(into, bytes, len);
  if (made && into && len > 0 && *bytes == from + len) lh_chain_keep(made, from, (size_t)len);
  return made;
}
