/* One child process as the supervisor sees it, a worker or the dashboard: spawned, spoken to over two pipes, and gone.
 *
 * Glossary
 *   gone   the process has ended and its pipe is read to the end, so that nothing it said is lost
 *   life   one process; a child that is replaced has several
 */
#ifndef LH_RUN_CHILD_H
#define LH_RUN_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"
#include "longhaul/worker/protocol.h"

struct lh_child;

struct lh_child_events {
  void *context;
  /* A whole frame; the body is borrowed for the call. A negative return ends the child: it is then lost. */
  int (*frame)(void *context, struct lh_child *child, enum lh_frame_type type, struct lh_cursor *body);
  /* The end of a life. `how` says it in words: "exit code 3", "signal 9 (Killed)". */
  void (*gone)(void *context, struct lh_child *child, const char *how);
};

enum { LH_CHILD_EXTRA = 2 };

struct lh_child {
  const char *role; /* the hidden command that it runs: "worker" or "live" */
  uint32_t number;
  int extra[LH_CHILD_EXTRA]; /* its descriptors 3 and 4, borrowed; 0: it gets none */
  const struct lh_child_events *events; /* borrowed */
  uv_process_t process;
  uv_pipe_t in, out; /* its descriptors 0 and 1 */
  struct lh_buf received;
  bool alive;           /* from spawn to gone */
  bool exited, drained; /* process ended; pipe read to its end */
  bool done;            /* it said LH_FRAME_DONE */
  bool killed;          /* by us */
  uint8_t handles;      /* still to be closed */
  int64_t exit_code;
  int signal;
  /* The supervisor's own notes on it. */
  uint32_t deaths_in_row;
  uint32_t reports;    /* of this life */
  bool put_off;        /* it could not be started, and that was told */
  bool silent;         /* it was told of that this one does not report */
  uint64_t started_ns; /* of this life */
  uint64_t restart_ns; /* when to start the next life; LH_NEVER: not planned */
};

/* Starts `program ROLE`. Its descriptor 2 is ours; it gets a session of its own, so that Ctrl-C reaches the supervisor
 * alone. On failure gone follows as well, from the loop. */
int lh_child_spawn(struct lh_child *child, uv_loop_t *loop, const char *program, struct lh_err *err);
/* Sends one frame; takes over the buffer's bytes and leaves it empty. A broken pipe is not an error here: gone follows. */
int lh_child_send(struct lh_child *child, struct lh_buf *frame, struct lh_err *err);
/* Whether it has taken everything sent so far. */
bool lh_child_idle(const struct lh_child *child);
/* Ends it at once; gone follows. */
void lh_child_kill(struct lh_child *child);
/* Frees what it holds; it must be gone, or never have been alive. */
void lh_child_free(struct lh_child *child);

#endif
