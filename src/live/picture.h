/* The newest picture of the run, and how to come to it from the ones before.
 *
 * A picture is built by the report room from the run file; that takes milliseconds for a short run and a second or two of
 * CPU for a night of ten groups. So it is built on a thread of its own, and so seldom that it costs 2 % of a core at most.
 */
#ifndef LIVE_PICTURE_H
#define LIVE_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include "longhaul/base/err.h"

/* Text that several viewers send from at once; the last one to let go frees it. Used on the loop's thread alone. */
struct lh_shared {
  uint32_t users;
  size_t len;
  char *text; /* owned */
};

struct lh_shared *lh_shared_new(char *text, size_t len); /* takes over the text; NULL: no memory, and it is freed */
struct lh_shared *lh_shared_keep(struct lh_shared *shared);
void lh_shared_drop(struct lh_shared *shared); /* accepts NULL */

enum { LH_PICTURE_SHARE = 50 /* building may take one part in so many of the time */, LH_PICTURE_CHANGES = 16 };

struct lh_picture;

/* Called on the loop when a picture is there, or when none could be built (err.code is set). */
typedef void lh_picture_built(void *context, const struct lh_err *err);

/* path is copied. NULL when memory is out. */
struct lh_picture *lh_picture_new(uv_loop_t *loop, const char *path, lh_picture_built *built, void *context);
void lh_picture_free(struct lh_picture *picture); /* accepts NULL; not while one is being built */

/* Begins to build when that is due; `at_once` for the last one of a run. Whether building goes on. */
bool lh_picture_update(struct lh_picture *picture, uint32_t intervals, bool at_once);
bool lh_picture_building(const struct lh_picture *picture);

uint32_t lh_picture_revision(const struct lh_picture *picture); /* 0: there is none yet */
/* The message that brings a viewer from that revision to the next known one: a change when it is kept, else the whole.
 * *revision becomes where it leads. NULL when the viewer has the newest. A reference of its own. */
struct lh_shared *lh_picture_message(const struct lh_picture *picture, uint32_t *revision);

#endif
