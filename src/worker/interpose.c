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
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peer.h"

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

/* What libwebsockets sets on every socket of its own is refused by a unix socket, and it would give up on that. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
  int result = (int)syscall(SYS_setsockopt, fd, level, name, value, len);
  return result && handed_taken && fd == handed_fd ? 0 : result;
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

ssize_t recv(int fd, void *bytes, size_t len, int flags) {
  struct lh_peer *peer = lh_peer_of(fd);
  if (peer && peer->holds_lf && len) return recv_behind_lf(peer, fd, bytes, len, flags);
  ssize_t got = syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
  if (!peer) return got;
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
  if (got > 0) return (int)show(peer, bytes, got);
  saw_tls_failure(peer, ssl, got);
  return got;
}
