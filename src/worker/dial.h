/* TCP connects of our own, in one private epoll set that the loop watches: the exact errno of each, the source address and
 * socket options before it, and no cost in libwebsockets for a connection that does not come up.
 */
#ifndef WORKER_DIAL_H
#define WORKER_DIAL_H

#include <netinet/in.h>
#include <stdint.h>
#include <uv.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

/* A numeric address with its port. */
struct lh_address {
  socklen_t len;
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  };
};

/* Fills *address from numeric text ("10.0.0.7", "::1", "fe80::1%eth0"); -EINVAL when it is none. */
int lh_address_parse(const char *text, uint16_t port, struct lh_address *address);

/* What lh_dial gives for an address that the config does not let this target be connected to: past every errno. */
enum { LH_DIAL_DENIED = 4096, LH_DIAL_UNAUTHORIZED };

struct lh_dial {
  const struct lh_config *config; /* whose `deny` and `authorized` are asked for each address, borrowed for the call */
  uint32_t target;                /* number of the target that it is for */
  const struct lh_address *to;   /* borrowed for the call */
  const struct lh_address *from; /* NULL: the kernel chooses */
  uint32_t user_timeout_ms;      /* TCP_USER_TIMEOUT, 0: the kernel's */
  uint32_t send_buffer, receive_buffer; /* 0: the kernel's */
  uint32_t slot;                 /* comes back in `done` */
};

/* error 0: fd is connected and the receiver's. Else an errno; fd is closed already and only names the attempt. */
typedef void lh_dial_done(void *context, uint32_t slot, int fd, int error);

struct lh_dialler;
int lh_dialler_new(struct lh_dialler **dialler, uv_loop_t *loop, lh_dial_done *done, void *context, struct lh_err *err);
/* Begins to connect. Returns the descriptor (non-blocking, TCP_NODELAY), or a negative errno or LH_DIAL_ code and no `done`.
 * Every connection of a client goes through here, so that none gets past `deny`. */
int lh_dial(struct lh_dialler *dialler, const struct lh_dial *dial);
/* Closes a descriptor that is not connected yet; no `done` follows. */
void lh_dial_cancel(struct lh_dialler *dialler, int fd);
/* Accepts NULL. Needs one more turn of the loop before the loop may be closed. */
void lh_dialler_free(struct lh_dialler *dialler);

/* Resets a connection at once: the peer gets an RST. The descriptor stays the caller's to close. */
void lh_dial_reset(int fd);

#endif
