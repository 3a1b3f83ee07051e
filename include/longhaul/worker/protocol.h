/* Messages between the supervisor and its workers, over pipes.
 *
 * Glossary
 *   frame   u32 length of what follows, u8 type, body; little-endian
 *   report  a worker's numbers of one tick: one snapshot for each group, and the worker's own health
 *
 * Descriptors of a worker: 0 reads commands, 1 writes frames, 2 is stderr. Both ends are the same binary; LH_PROTOCOL is
 * in HELLO all the same, and a mismatch is an error with both versions.
 * A worker whose pipe is full does not drop a report: it lets the slice grow and sends it when the pipe drains.
 */
#ifndef LONGHAUL_WORKER_PROTOCOL_H
#define LONGHAUL_WORKER_PROTOCOL_H

#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/base/log.h"
#include "longhaul/base/texts.h"
#include "longhaul/plan/plan.h"

enum { LH_PROTOCOL = 1 };

/* X(ID, value): to a worker 1.., from a worker 64..; those of logins go both ways */
enum lh_frame_type {
  LH_FRAME_START = 1,   /* struct lh_start: config and slice */
  LH_FRAME_STOP = 2,    /* drain and finish: no body */
  LH_FRAME_LOGIN = 3,   /* struct lh_shared_login: from the worker that leads a group's logins, and on to the others */
  LH_FRAME_LOGIN_WANTED = 4, /* u32 group, u32 serial: from any worker, and on to the one that leads */
  LH_FRAME_LIVE_START = 32, /* to the dashboard's process, see live/live.h */
  LH_FRAME_LIVE_TICK = 33,
  LH_FRAME_LIVE_END = 34,
  LH_FRAME_HELLO = 64,  /* u32 LH_PROTOCOL, u32 pid */
  LH_FRAME_REPORT = 65, /* struct lh_worker_health, u32 groups, then that many snapshots */
  LH_FRAME_ENDINGS = 66, /* u32 count, then that many endings */
  LH_FRAME_LOG = 67,    /* u8 level, text */
  LH_FRAME_FAILED = 68, /* text: the worker cannot go on */
  LH_FRAME_DONE = 69,   /* all clients are finished; the last report came before */
  LH_FRAME_LIVE_MARK = 96 /* from the dashboard's process: text for the timeline */
};

/* What a worker needs to begin. It parses the config again itself, from the same text and settings. */
struct lh_start {
  const char *path, *text;       /* borrowed; decoded: borrowed from the frame */
  const char **settings;         /* decoded: the array is owned by the decoder, free() it */
  uint32_t setting_count;
  struct lh_slice slice;
  uint32_t worker, workers;
  uint64_t run_id, start_ns, report_every_ns;
  uint64_t held_ns; /* of the plan, by the earlier parts of a resumed run; 0: none */
  int64_t start_wall_us;
  uint8_t replacement;
  uint32_t data_fd_count;            /* descriptors of the groups' rows, by group number, which the worker inherits; -1: none */
  int32_t data_fds[LH_GROUPS_MAX];
  int32_t ledger_fd;                 /* inherited, ledger.h; -1: no message has a count */
};

/* How the worker itself fared in the slice: the tester never lies about itself. */
struct lh_worker_health {
  uint64_t from_ns, until_ns;     /* the slice */
  uint64_t cpu_user_us, cpu_system_us; /* used in the slice */
  uint64_t rss_bytes;             /* at its end */
  uint64_t engine_bytes;          /* held by the engine for its clients */
  uint64_t loop_lag_max_us;       /* longest delay from a timer's due time to its turn */
  uint64_t turns;                 /* loop turns */
  uint32_t descriptors;           /* open at its end */
  uint32_t clients;               /* of its slice */
  uint64_t context_switches;      /* in the slice, voluntary or not */
  uint64_t in_flight_full, no_memory; /* struct lh_engine_faults, in the slice */
};

/* What a group's login gave. Secret: it is kept in memory alone. */
struct lh_shared_login {
  uint32_t group, serial;
  struct lh_texts *texts; /* owned */
};

int lh_login_encode(const struct lh_shared_login *login, const struct lh_texts *texts, struct lh_buf *out);
int lh_login_decode(struct lh_shared_login *login, struct lh_cursor *in, struct lh_err *err);
int lh_start_encode(const struct lh_start *start, struct lh_buf *out);
int lh_start_decode(struct lh_start *start, struct lh_cursor *in, struct lh_err *err);
int lh_health_encode(const struct lh_worker_health *health, struct lh_buf *out);
int lh_health_decode(struct lh_worker_health *health, struct lh_cursor *in, struct lh_err *err);
int lh_ending_encode(const struct lh_ending *ending, struct lh_buf *out);
int lh_ending_decode(struct lh_ending *ending, struct lh_cursor *in, struct lh_err *err);

/* Begins a frame of this type in out; returns where, for lh_frame_end, which fills in the length. */
size_t lh_frame_begin(struct lh_buf *out, enum lh_frame_type type);
int lh_frame_end(struct lh_buf *out, size_t begin, struct lh_err *err);
/* Takes the first whole frame from `bytes`: its type and body, and *used, what to skip. Returns 1, 0 when more bytes are
 * needed, or -EBADMSG (longer than LH_FRAME_BYTES_MAX). */
int lh_frame_next(const void *bytes, size_t len, enum lh_frame_type *type, struct lh_cursor *body, size_t *used,
                  struct lh_err *err);

#endif
