#include "longhaul/worker/worker.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "desk.h"
#include "longhaul/worker/ledger.h"
#include "longhaul/worker/link.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/config/load.h"
#include "longhaul/conn/engine.h"
#include "peer.h"
#include "raw.h"
#include "reports.h"
#include "stall.h"
#include "ticker.h"
#include "ws.h"

enum { EVENTS_A_LOOK = 4 }; /* a TLS handshake is one, and takes half a millisecond */
static const uint64_t turn_spacing_ns = LH_NS_PER_MS;
static const uint64_t late_ns = 100 * LH_NS_PER_MS; /* a pong may have come, and stand unread, since a deadline passed */

struct worker {
  uv_loop_t loop;
  uv_prepare_t prepare;
  struct lh_link *link;
  struct lh_ticker *ticker;
  struct lh_ws *ws;
  struct lh_raw *raw;
  struct lh_desk *desk;
  struct lh_config *config;
  struct lh_engine *engine; /* NULL until START */
  struct lh_reports reports;
  struct lh_stall stall;
  uint64_t start_ns, turn_ns; /* of the run; of the engine's last turn */
  uint32_t events;            /* of libwebsockets, since the loop waited */
  bool woke_late;             /* these waited for us; what is due waits for their end */
  bool has_more;              /* that turn left some of what was due to the next */
  bool reads_first;           /* the timer was late: deadlines are judged once what came meanwhile is read */
  bool stopping;
  bool done;
  int exit_code;
};

static void fail(void *context, const char *text) {
  struct worker *w = context;
  lh_link_text(w->link, LH_FRAME_FAILED, 0, text);
  w->exit_code = EXIT_FAILURE;
  uv_stop(&w->loop);
}

/* The loop runs on only to get the last words out. */
static bool is_over(const struct worker *w) {
  return w->done || w->exit_code;
}

/* ---- the turn ---- */

static void turn(struct worker *w, uint64_t now_ns) {
  w->has_more = lh_engine_turn(w->engine, now_ns) <= now_ns;
  w->turn_ns = now_ns;
}

static void run_due(struct worker *w, uint64_t now_ns, uint64_t lag_ns) {
  if (lag_ns > w->reports.vitals.lag_max_ns) w->reports.vitals.lag_max_ns = lag_ns;
  turn(w, now_ns);
  lh_reports_turn(&w->reports, now_ns);
}

static void on_due(void *context, uint64_t now_ns, uint64_t lag_ns) {
  struct worker *w = context;
  if (is_over(w) || now_ns < w->start_ns) return;
  lh_stall_look(&w->stall, now_ns);
  if (lag_ns > late_ns && !w->reads_first) {
    w->reads_first = true;
    if (lag_ns > w->reports.vitals.lag_max_ns) w->reports.vitals.lag_max_ns = lag_ns;
    return;
  }
  w->reads_first = false;
  run_due(w, now_ns, lag_ns);
}

/* Waking up costs more than all that is done for a message, so the timer leaves some time between two turns: at 1,800
 * messages a second this halves the wake-ups and moves a send by half a millisecond at most, which send lateness shows. */
static uint64_t next_ns(const struct worker *w) {
  uint64_t engine = lh_engine_next_ns(w->engine), reports = lh_reports_next_ns(&w->reports);
  if (!w->has_more && engine < w->turn_ns + turn_spacing_ns) engine = w->turn_ns + turn_spacing_ns;
  uint64_t next = engine < reports ? engine : reports;
  return next > w->start_ns ? next : w->start_ns;
}

/* The loop is awake for something else: what is due meanwhile needs no wake-up of its own. */
static void turn_if_due(struct worker *w, uint64_t now_ns) {
  if (now_ns >= w->start_ns && lh_engine_next_ns(w->engine) <= now_ns) turn(w, now_ns);
}

/* One wake-up may bring tens of thousands of events, such as a herd's resets: what falls due meanwhile does not wait for their
 * end. Looking at the clock for some of them is enough. */
static void between_events(void *context, bool all_read) {
  struct worker *w = context;
  bool is_first = w->events == 0; /* since the loop waited */
  if (w->events++ % EVENTS_A_LOOK || !w->engine || is_over(w)) return;
  uint64_t now = lh_now_ns(), due = next_ns(w);
  if (is_first || all_read) w->woke_late = !all_read && now > due && now - due > late_ns;
  if (w->woke_late || now < w->start_ns || now < due + turn_spacing_ns) return; /* woken late: reading goes first */
  run_due(w, now, now - due);
  lh_ticker_arm(w->ticker, next_ns(w));
}

/* Once in each turn of the loop, just before it waits. */
static void before_wait(uv_prepare_t *prepare) {
  struct worker *w = prepare->data;
  if (!w->engine || is_over(w)) return;
  const uint64_t now_ns = lh_now_ns();
  w->reports.vitals.turns++;
  turn_if_due(w, now_ns);
  bool busy = lh_ws_before_wait(w->ws);
  busy |= lh_raw_begin_queued(w->raw);
  busy |= lh_desk_begin_queued(w->desk);
  uint64_t next = busy ? now_ns : next_ns(w);
  lh_ticker_arm(w->ticker, next);
  w->events = 0;
  lh_stall_wait(&w->stall, now_ns, next);
  w->done = w->stopping && lh_engine_done(w->engine);
  if (w->done) uv_stop(&w->loop);
}

/* ---- START ---- */

static void load_failed(struct worker *w, const struct lh_diagnostics *diagnostics) {
  struct lh_buf text = LH_BUF_INIT(LH_FRAME_BYTES_MAX / 2);
  for (size_t i = 0; i < diagnostics->count; i++)
    if (lh_buf_addf(&text, "%s%s", i ? "\n" : "", diagnostics->items[i])) break;
  fail(w, text.data ? text.data : "the config cannot be loaded");
  lh_buf_free(&text);
}

static bool load(struct worker *w, const struct lh_start *start) {
  struct lh_diagnostics diagnostics = {0};
  struct lh_load_args args = {
      .path = start->path, .text = start->text, .settings = start->settings, .setting_count = start->setting_count,
      .data_fds = start->data_fds, .data_fd_count = start->data_fd_count};
  int failed = lh_config_load(&args, &w->config, &diagnostics);
  if (failed) load_failed(w, &diagnostics);
  lh_diagnostics_free(&diagnostics);
  if (failed || start->held_ns == 0 || lh_plan_resume(w->config, start->held_ns) == 0) return !failed;
  fail(w, "no memory for the rest of the plan");
  return false;
}

/* A client is one of the websocket kind or of the raw kinds. */
static int open_fd(void *context, uint32_t slot, uint16_t *local_port) {
  const struct worker *w = context;
  int fd = lh_ws_open_fd(w->ws, slot, local_port);
  return fd >= 0 ? fd : lh_raw_open_fd(w->raw, slot, local_port);
}

/* ---- logins of groups: through the supervisor, to the other workers ---- */

static void share_login(void *context, uint32_t group, uint32_t serial, const struct lh_texts *texts) {
  struct worker *w = context;
  struct lh_buf out = LH_BUF_INIT(LH_FRAME_BYTES_MAX);
  size_t begin = lh_frame_begin(&out, LH_FRAME_LOGIN);
  int failed = lh_login_encode(&(struct lh_shared_login){group, serial, NULL}, texts, &out);
  if (!failed) failed = lh_frame_end(&out, begin, NULL);
  if (!failed) lh_link_send(w->link, &out);
  lh_buf_free(&out);
}

static void want_login(void *context, uint32_t group, uint32_t serial) {
  struct worker *w = context;
  struct lh_buf out = LH_BUF_INIT(64);
  size_t begin = lh_frame_begin(&out, LH_FRAME_LOGIN_WANTED);
  int failed = lh_buf_addu32(&out, group);
  if (!failed) failed = lh_buf_addu32(&out, serial);
  if (!failed) failed = lh_frame_end(&out, begin, NULL);
  if (!failed) lh_link_send(w->link, &out);
  lh_buf_free(&out);
}

static void on_shared(struct worker *w, struct lh_cursor *body) {
  struct lh_shared_login login;
  struct lh_err err;
  if (!w->engine) return fail(w, "LOGIN came before START");
  if (lh_login_decode(&login, body, &err)) return fail(w, err.text);
  if (login.group >= w->config->group_count) {
    free(login.texts);
    return fail(w, "LOGIN names a group that there is not");
  }
  lh_engine_on_login_shared(w->engine, login.group, login.serial, login.texts, lh_now_ns());
}

static void on_wanted(struct worker *w, struct lh_cursor *body) {
  uint32_t group = lh_cursor_u32(body), serial = lh_cursor_u32(body);
  if (!w->engine) return fail(w, "LOGIN_WANTED came before START");
  if (body->failed || group >= w->config->group_count) return fail(w, "LOGIN_WANTED names a group that there is not");
  lh_engine_on_login_wanted(w->engine, group, serial, lh_now_ns());
}

static int open_engine(struct worker *w, const struct lh_start *start, struct lh_err *err) {
  struct lh_ws_args ws_args = {.loop = &w->loop, .config = w->config, .slice = start->slice, .run_id = start->run_id, .stall = &w->stall};
  struct lh_raw_args raw_args = {.loop = &w->loop, .config = w->config, .slice = start->slice, .run_id = start->run_id, .stall = &w->stall};
  struct lh_desk_args desk_args = {.loop = &w->loop, .config = w->config, .run_id = start->run_id, .context = w,
                                   .share = share_login, .want = want_login};
  int failed = lh_ws_new(&w->ws, &ws_args, err);
  if (!failed) failed = lh_raw_new(&w->raw, &raw_args, err);
  if (!failed) failed = lh_desk_new(&w->desk, &desk_args, err);
  if (failed) return failed;
  struct lh_engine_args args = {.config = w->config,
                                .slice = start->slice,
                                .run_id = start->run_id,
                                .start_ns = start->start_ns,
                                .start_wall_us = start->start_wall_us,
                                .workers = start->workers,
                                .replacement = start->replacement,
                                .io = {[LH_KIND_WEBSOCKET] = lh_ws_io(w->ws),
                                       [LH_KIND_HTTP] = lh_raw_io(w->raw, LH_KIND_HTTP),
                                       [LH_KIND_SSE] = lh_raw_io(w->raw, LH_KIND_SSE),
                                       [LH_KIND_STREAM] = lh_raw_io(w->raw, LH_KIND_STREAM),
                                       [LH_KIND_TCP] = lh_raw_io(w->raw, LH_KIND_TCP)},
                                .logins = lh_desk_io(w->desk),
                                .leads_logins = start->worker == 0,
                                .ending_sink = lh_reports_ending,
                                .ending_context = &w->reports};
  const uint64_t cells = lh_plan_ledger_cells(w->config);
  if (start->ledger_fd >= 0 && cells && !(args.ledger = lh_ledger_map(start->ledger_fd, cells, err))) return err->code;
  struct lh_engine *engine;
  failed = lh_engine_new(&engine, &args, err);
  if (!failed) failed = lh_ws_attach(w->ws, engine, err);
  if (!failed) failed = lh_raw_attach(w->raw, engine, err);
  if (!failed) lh_desk_attach(w->desk, engine);
  if (!failed) failed = lh_ticker_new(&w->ticker, &w->loop, on_due, w, err);
  if (failed) return failed;
  struct lh_panels *panels = lh_panels_new(engine, (uint32_t)w->config->group_count, open_fd, w);
  if (!panels) return lh_err_set(err, ENOMEM, "no memory for the readings of TCP_INFO");
  w->reports = (struct lh_reports){.link = w->link,
                                   .engine = engine,
                                   .ws = w->ws,
                                   .panels = panels,
                                   .raw = w->raw,
                                   .desk = w->desk,
                                   .group_count = (uint32_t)w->config->group_count,
                                   .start_ns = start->start_ns,
                                   .every_ns = start->report_every_ns};
  lh_reports_begin(&w->reports, lh_now_ns());
  w->start_ns = start->start_ns;
  w->engine = engine;
  lh_stall_begin(&w->stall, engine);
  lh_between_events(between_events, w);
  return 0;
}

static void on_start(struct worker *w, struct lh_cursor *body) {
  struct lh_err err;
  struct lh_start start;
  if (w->engine) return fail(w, "START came twice; a worker is started once");
  if (lh_start_decode(&start, body, &err)) return fail(w, err.text);
  if (load(w, &start) && open_engine(w, &start, &err)) fail(w, err.text);
  free(start.settings);
}

static void on_stop(struct worker *w) {
  if (!w->engine) return fail(w, "STOP came before START");
  if (w->stopping) return;
  w->stopping = true;
  lh_engine_stop(w->engine, lh_now_ns());
}

static void on_frame(void *context, enum lh_frame_type type, struct lh_cursor *body) {
  struct worker *w = context;
  char text[96];
  if (is_over(w)) return;
  switch (type) {
  case LH_FRAME_START: on_start(w, body); return;
  case LH_FRAME_STOP: on_stop(w); return;
  case LH_FRAME_LOGIN: on_shared(w, body); return;
  case LH_FRAME_LOGIN_WANTED: on_wanted(w, body); return;
  default:
    snprintf(text, sizeof text, "frame type %d is not known to protocol %d", (int)type, LH_PROTOCOL);
    fail(w, text);
  }
}

/* ---- the process ---- */

static void say_hello(struct worker *w) {
  struct lh_buf out = LH_BUF_INIT(64);
  size_t begin = lh_frame_begin(&out, LH_FRAME_HELLO);
  int failed = lh_buf_addu32(&out, LH_PROTOCOL);
  if (!failed) failed = lh_buf_addu32(&out, (uint32_t)getpid());
  if (!failed) failed = lh_frame_end(&out, begin, NULL);
  if (!failed) lh_link_send(w->link, &out);
  lh_buf_free(&out);
}

/* What is left to say, however long the supervisor takes to hear it. The timer is off: no one would set it again. */
static void say_last(struct worker *w) {
  struct lh_buf out = LH_BUF_INIT(64);
  if (w->ticker) lh_ticker_arm(w->ticker, LH_NEVER);
  if (w->done) {
    lh_reports_last(&w->reports, lh_now_ns());
    if (!lh_frame_end(&out, lh_frame_begin(&out, LH_FRAME_DONE), NULL)) lh_link_send(w->link, &out);
  }
  lh_link_flush(w->link);
  lh_buf_free(&out);
}

static void raise_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* ^C goes to the whole process group, but when to stop is the supervisor's to say. */
static void ignore_signals(void) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_IGN);
}

int lh_worker_main(void) {
  static struct worker worker; /* libwebsockets and libuv point into it until the process ends */
  struct worker *w = &worker;
  struct lh_err err;
  const struct lh_link_events events = {.frame = on_frame, .broken = fail, .context = w};
  ignore_signals();
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* descriptor 0 tells it too, but not to a worker that never comes back to its loop */
  raise_descriptors();
  mallopt(M_ARENA_MAX, 1); /* one thread allocates; an arena for the resolver's threads would only cost memory */
  uv_loop_init(&w->loop);
  uv_prepare_init(&w->loop, &w->prepare);
  w->prepare.data = w;
  uv_prepare_start(&w->prepare, before_wait);
  if (lh_link_new(&w->link, &w->loop, &events, &err)) {
    lh_log(LH_LOG_ERROR, "%s", err.text);
    return EXIT_FAILURE;
  }
  lh_link_take_log(w->link);
  say_hello(w);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  say_last(w);
  /* What the loop and libwebsockets hold goes with the process: taking 18,000 connections apart one by one helps nobody. */
  return w->exit_code;
}
