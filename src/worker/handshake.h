/* What a group's clients say to open a WebSocket: path, Host, subprotocols and extra headers, made ready once for a group
 * and rendered for each connection.
 */
#ifndef WORKER_HANDSHAKE_H
#define WORKER_HANDSHAKE_H

#include <stddef.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/plan/template.h"

struct lh_handshake;

/* -EINVAL with a sentence when a header, the path or the host cannot be sent. Group and target are borrowed until free. */
int lh_handshake_new(struct lh_handshake **handshake, const struct lh_group *group, const struct lh_target *target,
                     struct lh_err *err);
void lh_handshake_free(struct lh_handshake *handshake); /* accepts NULL */

/* Most bytes of the path, without its NUL; and the path for this client, to room for that. */
size_t lh_handshake_path_max(const struct lh_handshake *h);
void lh_handshake_path(const struct lh_handshake *h, const struct lh_template_values *values, char *out);
const char *lh_handshake_protocols(const struct lh_handshake *h); /* "a, b", or NULL */
size_t lh_handshake_size_max(const struct lh_handshake *h); /* most bytes of a whole request */

enum { LH_HOST_MAX = 120 }; /* of the Host header's value with its NUL: libwebsockets cuts longer ones */
/* Writes the value of the Host header for this client into out. */
void lh_handshake_host(const struct lh_handshake *h, const struct lh_template_values *values, char out[LH_HOST_MAX]);
/* Writes the extra headers at *at, which has `room` bytes, and moves *at behind them. -ENOBUFS when they do not fit. */
int lh_handshake_headers(const struct lh_handshake *h, const struct lh_template_values *values, char **at, size_t room);

#endif
