/* Compressed messages on the way in (RFC 7692), and what a server may answer to the offer of them.
 *
 * A connection that agreed to it has one inflater, which holds nothing until the first compressed message comes (then some
 * 40 KiB), and never more than that, whatever a message inflates to.
 */
#ifndef WORKER_INFLATE_H
#define WORKER_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lh_inflate;

/* What was agreed. */
struct lh_deflate_terms {
  uint8_t window_bits; /* 8 to 15: how far back the server's messages may point; further is noticed only across reads */
  bool forgets;        /* not into earlier messages */
};

/* Reads the value of Sec-WebSocket-Extensions that answers LH_DEFLATE_OFFER. NULL, or what is wrong with it in static words. */
const char *lh_deflate_agree(const char *answer, struct lh_deflate_terms *terms);

struct lh_inflate *lh_inflate_new(const struct lh_deflate_terms *terms); /* NULL: no memory */
void lh_inflate_free(struct lh_inflate *inflate);                       /* accepts NULL */

struct lh_piece {
  const char *bytes; /* borrowed */
  size_t len;
  bool first, final; /* of its message; a final piece may be empty */
};

/* Inflates one piece of a compressed message and gives what comes of it to `sink`, in pieces of up to 16 KiB. 0; -EBADMSG: it
 * does not inflate; -ENOMEM. After a failure the inflater is of no use. */
typedef void lh_inflate_sink(void *context, const struct lh_piece *piece);
int lh_inflate_feed(struct lh_inflate *inflate, const struct lh_piece *piece, lh_inflate_sink *sink, void *context);

#endif
