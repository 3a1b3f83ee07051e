/* Frames between a child process and its supervisor, over descriptors 0 and 1 (protocol.h). */
#ifndef LONGHAUL_WORKER_LINK_H
#define LONGHAUL_WORKER_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"
#include "longhaul/worker/protocol.h"

struct lh_link;

/* A whole frame came. Its body is valid for the call. */
typedef void lh_link_frame(void *context, enum lh_frame_type type, struct lh_cursor *body);
/* What came is no frame, and no more will be read: a sentence that says so. */
typedef void lh_link_broken(void *context, const char *text);

struct lh_link_events {
  lh_link_frame *frame;
  lh_link_broken *broken;
  void *context;
};

/* When descriptor 0 closes the supervisor is gone, and the process exits from within the loop. */
int lh_link_new(struct lh_link **link, uv_loop_t *loop, const struct lh_link_events *events, struct lh_err *err);

/* Whether everything sent so far has left: a sender that can wait should. */
bool lh_link_idle(const struct lh_link *link);
/* Sends whole frames and takes over their memory (the buffer is empty afterwards). Queued when the pipe is full. */
void lh_link_send(struct lh_link *link, struct lh_buf *frames);
/* A frame that holds only text: LOG (with its level), FAILED. */
void lh_link_text(struct lh_link *link, enum lh_frame_type type, int level, const char *text);
/* Runs the loop until all is written; for the last words before an exit, and never from within the loop. */
void lh_link_flush(struct lh_link *link);

/* Sends the process's log lines as LOG frames from now on: at most 10 a second, the others counted in the next line. */
void lh_link_take_log(struct lh_link *link);

#endif
