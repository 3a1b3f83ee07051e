/* Connects of our own, in one private epoll set that the loop watches: the exact errno of each, the source address and socket
 * options before it, a proxy's tunnel behind it, and no cost in libwebsockets for a connection that does not come up.
 */
#ifndef WORKER_DIAL_H
#define WORKER_DIAL_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/un.h>
#include <uv.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "tunnel.h"

/* A numeric address with its port, or the path of a unix socket. */
struct lh_address {
  socklen_t len;
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
  };
};

/* Fills *address from numeric text ("10.0.0.7", "::1", "fe80::1%eth0"); -EINVAL when it is none. */
int lh_address_parse(const char *text, uint16_t port, struct lh_address *address);
/* The same of a unix socket's path, '@' first for an abstract one. */
void lh_address_unix(const char *path, struct lh_address *address);
/* The local port of a socket, 0 when it has none. */
uint16_t lh_local_port(int fd);
int lh_family_of(int fd); /* AF_INET, ... */

/* What lh_dial gives for an address that the config does not let this target be connected to: past every errno. */
enum { LH_DIAL_DENIED = 4096, LH_DIAL_UNAUTHORIZED };

struct lh_dial {
  const struct lh_config *config; /* whose `deny` and `authorized` are asked for each address, borrowed for the call */
  uint32_t target;                /* number of the target that it is for */
  const struct lh_address *to;   /* borrowed for the call */
  const struct lh_address *from; /* NULL: the kernel chooses */
  uint32_t user_timeout_ms;      /* TCP_USER_TIMEOUT, 0: the kernel's */
  uint32_t send_buffer, receive_buffer; /* 0: the kernel's */
  const char *tunnel;            /* what to ask a proxy for (tunnel.h), NULL: nothing; borrowed until `done` */
  uint32_t slot;                 /* comes back in the events */
};

/* What became of it. error 0: fd is connected, and the receiver's. Else an errno, EPROTO with a refusal of the proxy; fd is
 * closed already and only names the attempt. */
struct lh_dialled {
  int fd, error;
  struct lh_refusal refusal; /* of the proxy; text NULL: none */
};

struct lh_dial_events {
  void (*tunnelling)(void *context, uint32_t slot); /* TCP is up, the proxy's answer is awaited */
  void (*done)(void *context, uint32_t slot, const struct lh_dialled *dialled);
  void *context;
};

/* As many a kind begins, or takes the outcome of, in one turn of the loop: what is due meanwhile waits for no more. */
enum { LH_DIALS_AT_ONCE = 16 };

struct lh_dialler;
/* Lives as long as the worker, which ends when it cannot be made. */
int lh_dialler_new(struct lh_dialler **dialler, uv_loop_t *loop, const struct lh_dial_events *events, struct lh_err *err);
/* Begins to connect. Returns the descriptor (non-blocking, TCP_NODELAY), or a negative errno or LH_DIAL_ code and no `done`.
 * Every connection of a client goes through here, so that none gets past `deny`. */
int lh_dial(struct lh_dialler *dialler, const struct lh_dial *dial);
/* Closes a descriptor that is not connected yet; no `done` follows. */
void lh_dial_cancel(struct lh_dialler *dialler, int fd);

/* Resets a connection at once: the peer gets an RST. The descriptor stays the caller's to close. */
void lh_dial_reset(int fd);

#endif
