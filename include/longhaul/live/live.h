/* The page and the metrics of a run in progress, served by a process of its own (src/decisions/0030-dashboard.md).
 *
 * Glossary
 *   picture   the model of the report as of the last stored interval, built from the run file as every report is
 *   revision  counts the pictures; a viewer that has one is sent what changed since, or the whole of the newest
 *   board     what stands between two pictures: totals and rates that the supervisor sends each second
 *   viewer    a page open in some browser; it holds a revision and at most one message on its way, so that a slow one
 *             costs nobody anything
 *
 * Descriptors of the process: 0 reads frames, 1 writes frames, 2 is stderr, 3 listens for the dashboard, 4 for metrics alone.
 */
#ifndef LONGHAUL_LIVE_LIVE_H
#define LONGHAUL_LIVE_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"
#include "longhaul/stats/snapshot.h"

enum {
  LH_LIVE_DASHBOARD_FD = 3,
  LH_LIVE_METRICS_FD = 4,
  LH_LIVE_TOKEN_LEAST = 12, /* letters of a token: fewer can be guessed over a network */
  LH_LIVE_TOKEN_MOST = 256,
  LH_LIVE_VIEWERS_MAX = 256, /* connections of all kinds; more are turned away with a sentence */
  LH_LIVE_MARK_MOST = 1024  /* bytes of a mark's text */
};

#define LH_LIVE_DASHBOARD_ADDRESS "127.0.0.1:8700" /* when --dashboard names none */
#define LH_LIVE_METRICS_ADDRESS "127.0.0.1:8701"

/* ---- address.c ---- */

/* HOST:PORT, [IPV6]:PORT, :PORT (loopback) or HOST alone is no address; port 0: the kernel chooses. */
struct lh_live_address {
  char host[64]; /* numeric, without brackets */
  uint16_t port;
  bool loopback;
};

/* Whether a word on the command line looks like an address rather than a file or a URL. */
bool lh_live_is_address(const char *text);
int lh_live_address_parse(const char *text, struct lh_live_address *address, struct lh_err *err);
/* A listening socket; a port of 0 in the address becomes the one chosen. */
int lh_live_listen(struct lh_live_address *address, int *fd, struct lh_err *err);
/* "http://127.0.0.1:8700/"; returns out. */
char *lh_live_url(const struct lh_live_address *address, char *out, size_t size);

/* ---- protocol.c: what the supervisor says ---- */

struct lh_live_start {
  const char *path, *name, *id, *token; /* borrowed; token "": none */
  const char **groups;                  /* decoded: the array is owned by the decoder, free() it */
  uint32_t group_count, workers;
  uint64_t start_ns, duration_ns, interval_ns;
  int64_t start_wall_us;
  bool dashboard, metrics; /* which descriptors are there */
};

/* Followed by one snapshot for each group: counters, histograms and tallies since the tick before, gauges as of now. */
struct lh_live_tick {
  uint64_t now_ns;
  uint8_t phase; /* enum lh_live_phase */
  bool catches_up; /* it carries all since the start, to a process that replaces a lost one: part of no rate */
  uint32_t workers_alive;
  uint32_t intervals;       /* stored so far */
  uint64_t cpu_us;          /* used by all workers since the start */
  uint64_t rss_bytes;       /* of all workers */
  uint64_t loop_lag_max_us; /* since the tick before */
};

/* X(ID, name) */
#define LH_LIVE_PHASE_LIST(X)                                                                                                  \
  X(STARTING, "starting")                                                                                                      \
  X(RUNNING, "running")                                                                                                        \
  X(STOPPING, "stopping")                                                                                                      \
  X(ENDED, "ended")
enum lh_live_phase {
#define X(id, name) LH_LIVE_##id,
  LH_LIVE_PHASE_LIST(X)
#undef X
      LH_LIVE_PHASE_COUNT
};
const char *lh_live_phase_name(enum lh_live_phase phase);

/* Encoding appends and leaves `out` as it was on failure; decoding checks everything: -EBADMSG with a sentence. */
int lh_live_start_encode(const struct lh_live_start *start, struct lh_buf *out);
int lh_live_start_decode(struct lh_live_start *start, struct lh_cursor *in, struct lh_err *err);
int lh_live_tick_encode(const struct lh_live_tick *tick, struct lh_buf *out);
int lh_live_tick_decode(struct lh_live_tick *tick, struct lh_cursor *in, struct lh_err *err);

/* ---- main.c ---- */

/* `longhaul live`, started by the supervisor alone. */
int lh_live_main(void);

#endif
