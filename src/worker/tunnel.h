/* Asking an HTTP proxy for a tunnel (CONNECT): what is said, and what it answers, byte for byte, so that whatever follows the
 * answer stays in the socket for TLS or the kind.
 */
#ifndef WORKER_TUNNEL_H
#define WORKER_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

/* The request for a target behind a proxy; *request is the caller's. */
int lh_tunnel_request(char **request, const struct lh_target *target, struct lh_err *err);

/* One tunnel being asked for; all zero but `request` at its start. */
struct lh_tunnel {
  const char *request; /* borrowed */
  bool begun;          /* the caller's: TCP is up */
  uint32_t sent;
  uint32_t head_len;   /* bytes of the answer so far */
  uint32_t line_len;   /* of its current line, without its end */
  char first[100];     /* its first line, cut; NUL-terminated */
};

enum lh_tunnel_step { LH_TUNNEL_WRITE, LH_TUNNEL_READ, LH_TUNNEL_UP, LH_TUNNEL_REFUSED };
/* Goes on as far as the socket lets it; WRITE or READ: call again when it is ready for that. */
enum lh_tunnel_step lh_tunnel_go_on(struct lh_tunnel *tunnel, int fd);

/* Why there is no tunnel: the answer's status, 0 when there was none, and words for it. */
struct lh_refusal {
  uint16_t status;
  const char *text; /* lives as long as the tunnel */
};
struct lh_refusal lh_tunnel_refusal(const struct lh_tunnel *tunnel);

#endif
