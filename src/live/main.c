#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <uv.h>

#include "live/board.h"
#include "live/picture.h"
#include "live/server.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/live/live.h"
#include "longhaul/worker/link.h"

enum {
  NICENESS = 10, /* the workers go first */
  DESCRIPTORS = LH_LIVE_VIEWERS_MAX + 64,
  FAREWELL_MS = 3000, /* for viewers to take the last picture */
  LOOK_MS = 50        /* between looks whether they have */
};

struct live {
  uv_loop_t loop;
  uv_timer_t farewell;
  struct lh_link *link;
  struct lh_live_start start;
  char *start_bytes; /* owned: what the texts of `start` point into */
  struct lh_board board;
  struct lh_picture *picture;
  struct lh_server *server; /* NULL until START */
  uint64_t leave_ns;        /* when to go although a viewer waits */
  uint64_t ended_ns;        /* when the last figures had come */
  uint64_t scrape_due_ns;   /* until when one more scrape is waited for; 0: not at all */
  bool ending, last_asked, told_trouble;
  int exit_code;
};

static void fail(void *context, const char *text) {
  struct live *l = context;
  lh_link_text(l->link, LH_FRAME_FAILED, 0, text);
  l->exit_code = EXIT_FAILURE;
  uv_stop(&l->loop);
}

/* ---- pictures ---- */

static void update_picture(struct live *l) {
  if (!l->start.dashboard) return;
  bool last = l->ending && !l->last_asked && !lh_picture_building(l->picture);
  if (last) l->last_asked = true;
  lh_picture_update(l->picture, l->board.tick.intervals, last);
}

/* A run file without an interval has no picture; that is no trouble, unless it stays so. */
static void on_picture(void *context, const struct lh_err *err) {
  struct live *l = context;
  if (err->code && l->board.tick.intervals > 0 && !l->told_trouble) {
    l->told_trouble = true;
    lh_log(LH_LOG_WARNING, "dashboard: the page stands still: %s", err->text);
  }
  if (!err->code) l->told_trouble = false;
  lh_server_update(l->server, false);
  if (l->ending) update_picture(l);
}

/* ---- frames ---- */

static void on_mark(void *context, const char *text) {
  struct live *l = context;
  lh_link_text(l->link, LH_FRAME_LIVE_MARK, 0, text);
}

/* The texts outlive the frame that brought them. */
static int keep_start(struct live *l, const struct lh_cursor *body, struct lh_err *err) {
  size_t len = (size_t)(body->end - body->at);
  l->start_bytes = malloc(len + 1);
  if (!l->start_bytes) return lh_err_set(err, ENOMEM, "no memory for the dashboard");
  memcpy(l->start_bytes, body->at, len);
  struct lh_cursor kept = {.at = (const uint8_t *)l->start_bytes, .end = (const uint8_t *)l->start_bytes + len};
  return lh_live_start_decode(&l->start, &kept, err);
}

static void on_start(struct live *l, const struct lh_cursor *body) {
  struct lh_err err;
  if (l->server) return fail(l, "LIVE_START came twice; the dashboard is started once");
  int failed = keep_start(l, body, &err);
  if (!failed) failed = lh_board_open(&l->board, &l->start, &err);
  if (!failed) {
    l->picture = lh_picture_new(&l->loop, l->start.path, on_picture, l);
    if (!l->picture) failed = lh_err_set(&err, ENOMEM, "no memory for the dashboard");
  }
  struct lh_server_args args = {
      .loop = &l->loop, .start = &l->start, .board = &l->board, .picture = l->picture, .mark = on_mark, .context = l};
  if (!failed) failed = lh_server_new(&l->server, &args, &err);
  if (failed) fail(l, err.text);
}

static void on_tick(struct live *l, struct lh_cursor *body) {
  struct lh_err err;
  if (!l->server) return fail(l, "LIVE_TICK came before LIVE_START");
  if (lh_board_take(&l->board, body, &err) < 0) return fail(l, err.text);
  update_picture(l);
  lh_server_update(l->server, true);
}

/* Done once every viewer has the last picture, or has had its time, and whoever scrapes the metrics has the last figures. */
static void on_farewell(uv_timer_t *timer) {
  struct live *l = timer->data;
  uint64_t now_ns = lh_now_ns();
  bool complete = l->last_asked && !lh_picture_building(l->picture);
  if (!complete) l->leave_ns = now_ns + FAREWELL_MS * LH_NS_PER_MS;
  if (complete) lh_server_end(l->server);
  bool scraper = now_ns < l->scrape_due_ns && !lh_server_scraped_since(l->server, l->ended_ns);
  if (complete && !scraper && (!lh_server_busy(l->server) || now_ns >= l->leave_ns)) uv_stop(&l->loop);
}

static void on_end(struct live *l) {
  if (!l->server) return fail(l, "LIVE_END came before LIVE_START");
  l->ending = true;
  if (!lh_server_watched(l->server)) l->last_asked = true; /* nobody is there for a last picture */
  update_picture(l);
  l->ended_ns = lh_now_ns();
  l->scrape_due_ns = lh_server_scrape_due_ns(l->server);
  if (l->scrape_due_ns > l->ended_ns + 2 * LH_NS_PER_S)
    lh_log(LH_LOG_INFO, "metrics: up to %.0f s for one more scrape, so that the last figures are read; Ctrl-C ends that",
           (double)(l->scrape_due_ns - l->ended_ns) / 1e9);
  l->farewell.data = l;
  uv_timer_init(&l->loop, &l->farewell);
  uv_timer_start(&l->farewell, on_farewell, 0, LOOK_MS);
}

static void on_frame(void *context, enum lh_frame_type type, struct lh_cursor *body) {
  struct live *l = context;
  if (l->exit_code) return;
  switch (type) {
  case LH_FRAME_LIVE_START: on_start(l, body); return;
  case LH_FRAME_LIVE_TICK: on_tick(l, body); return;
  case LH_FRAME_LIVE_END: on_end(l); return;
  default: fail(l, "a frame came that the dashboard does not know; it must be the same build as its supervisor");
  }
}

/* ---- the process ---- */

/* libwebsockets keeps a table of every descriptor that it may see, and the supervisor's limit is that of a million clients. */
static void lower_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= DESCRIPTORS) return;
  limit.rlim_cur = DESCRIPTORS;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) lh_log(LH_LOG_DEBUG, "the dashboard keeps its limit of descriptors");
}

static void say_done(struct live *l) {
  struct lh_buf out = LH_BUF_INIT(64);
  if (!l->exit_code && !lh_frame_end(&out, lh_frame_begin(&out, LH_FRAME_DONE), NULL)) lh_link_send(l->link, &out);
  lh_link_flush(l->link);
  lh_buf_free(&out);
}

int lh_live_main(void) {
  static struct live live; /* libwebsockets and libuv point into it until the process ends */
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  const struct lh_link_events events = {.frame = on_frame, .broken = fail, .context = &live};
  struct lh_err err;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (setpriority(PRIO_PROCESS, 0, NICENESS) < 0) lh_log(LH_LOG_DEBUG, "the dashboard keeps its priority");
  lower_descriptors();
  uv_loop_init(&live.loop);
  if (lh_link_new(&live.link, &live.loop, &events, &err) < 0) {
    lh_log(LH_LOG_ERROR, "%s", err.text);
    return EXIT_FAILURE;
  }
  lh_link_take_log(live.link);
  uv_run(&live.loop, UV_RUN_DEFAULT);
  say_done(&live);
  return live.exit_code;
}
