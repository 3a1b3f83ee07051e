/* Compressed messages on the way out (RFC 7692), each for itself: one compressor serves every client of the worker.
 *
 * libwebsockets compresses too, but keeps pointing into the caller's buffer between writes, and holds a compressor for each
 * connection. What comes in: inflate.h.
 */
#ifndef WORKER_DEFLATE_H
#define WORKER_DEFLATE_H

#include <stddef.h>

#include "longhaul/base/err.h"

struct lh_deflate;

/* What the client offers: it compresses without memory of earlier messages, whatever the server says to that. */
#define LH_DEFLATE_OFFER "permessage-deflate; client_no_context_takeover"

/* Lives as long as the worker. */
int lh_deflate_new(struct lh_deflate **deflate, struct lh_err *err);

/* Compresses one message. *out has LH_FRAME_HEAD_MAX writable bytes before it and is valid until the next call.
 * 0, or -ENOMEM. */
int lh_deflate_message(struct lh_deflate *deflate, const char *bytes, size_t len, char **out, size_t *out_len);

#endif
