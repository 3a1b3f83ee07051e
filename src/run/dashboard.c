#include "run/dashboard.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/live/live.h"
#include "longhaul/run/mark.h"
#include "run/supervisor.h"

struct lh_dashboard {
  struct lh_supervisor *sv;
  struct lh_child child;
  struct lh_child_events events;
  uv_timer_t patience;
  uv_signal_t signals[2]; /* while we wait for the last picture */
  uint64_t due_ns;        /* of the next tick */
  uint64_t cpu_us, loop_lag_max_us;
  uint64_t *rss_bytes; /* [worker] */
  bool ending;
  bool catches_up; /* the next tick carries everything: this life has had none */
};

static bool is_alive(const struct lh_dashboard *d) {
  return d != NULL && d->child.alive && !d->child.exited;
}

/* ---- what it says ---- */

static void take_mark(struct lh_dashboard *d, const struct lh_cursor *body) {
  _Static_assert((int)LH_LIVE_MARK_MOST <= (int)LH_MARK_TEXT_MAX, "a mark that was accepted must not be cut");
  char text[LH_MARK_TEXT_MAX + 1];
  size_t len = (size_t)(body->end - body->at);
  if (d->ending || len > LH_MARK_TEXT_MAX) return; /* the run file is finished */
  memcpy(text, body->at, len);
  text[len] = '\0';
  lh_supervisor_mark(d->sv, text, 0);
}

static void close_listeners(struct lh_dashboard *d) {
  for (size_t i = 0; i < LH_CHILD_EXTRA; i++) {
    if (d->child.extra[i] > 0) close(d->child.extra[i]);
    d->child.extra[i] = 0;
  }
}

static int on_frame(void *context, struct lh_child *child, enum lh_frame_type type, struct lh_cursor *body) {
  struct lh_dashboard *d = context;
  const char *text = (const char *)body->at;
  int len = (int)(body->end - body->at);
  (void)child;
  switch (type) {
  case LH_FRAME_LIVE_MARK: take_mark(d, body); return 0;
  case LH_FRAME_LOG:
    if (len > 1) lh_log(text[0] <= LH_LOG_DEBUG ? (enum lh_log_level)text[0] : LH_LOG_WARNING, "%.*s", len - 1, text + 1);
    return 0;
  case LH_FRAME_FAILED: lh_log(LH_LOG_ERROR, "the dashboard cannot go on: %.*s", len, text); return 0;
  case LH_FRAME_DONE: return 0;
  default: lh_log(LH_LOG_ERROR, "the dashboard sent a frame of unknown type %d", (int)type); return -EPROTO;
  }
}

static void on_gone(void *context, struct lh_child *child, const char *how) {
  struct lh_dashboard *d = context;
  uint64_t now_ns = lh_now_ns();
  d->due_ns = LH_NEVER;
  if (d->ending) uv_stop(&d->sv->loop);
  if (child->done || child->killed) return;
  if (now_ns - child->started_ns >= LH_SETTLED_AFTER_MS * LH_NS_PER_MS) child->deaths_in_row = 0;
  bool over = d->ending || d->sv->phase == LH_RUN_OVER;
  bool again = ++child->deaths_in_row < LH_DEATHS_IN_ROW_MAX && !over;
  if (again) d->due_ns = now_ns + LH_RESTART_AFTER_MS * LH_NS_PER_MS;
  if (!again) close_listeners(d); /* who looks on is refused, and does not wait for ever */
  const char *then = again ? "it is started again" : over ? "the run is over" : "the run goes on without it";
  lh_log(LH_LOG_WARNING, "the dashboard is lost (%s); %s", how, then);
  if (!over) lh_journal_event(&d->sv->journal, now_ns, LH_EVENT_WARNING, "the dashboard was lost (%s); %s", how, then);
}

/* ---- what it is told ---- */

static int send_frame(struct lh_dashboard *d, struct lh_buf *frame, size_t begin, int code) {
  struct lh_err err = {0};
  if (code == 0) code = lh_frame_end(frame, begin, &err);
  if (code == 0) code = lh_child_send(&d->child, frame, &err);
  lh_buf_free(frame);
  if (code < 0) lh_log(LH_LOG_WARNING, "the dashboard was not told of the last second: %s", err.text);
  return code;
}

static int send_start(struct lh_dashboard *d, struct lh_err *err) {
  const struct lh_supervisor *sv = d->sv;
  const struct lh_config *config = sv->args->config;
  const struct lh_run_live *live = &sv->args->live;
  char id[17];
  snprintf(id, sizeof id, "%016" PRIx64, sv->run_id);
  struct lh_live_start start = {.path = lh_store_path(sv->journal.store),
                                .name = config->run.name,
                                .id = id,
                                .token = live->token != NULL ? live->token : "",
                                .groups = calloc(config->group_count, sizeof *start.groups),
                                .group_count = (uint32_t)config->group_count,
                                .workers = sv->workers,
                                .start_ns = sv->start_ns,
                                .duration_ns = config->run.duration_ns,
                                .interval_ns = config->run.interval_ns,
                                .start_wall_us = sv->start_wall_us,
                                .dashboard = live->dashboard_fd > 0,
                                .metrics = live->metrics_fd > 0};
  if (start.groups == NULL) return lh_err_set(err, ENOMEM, "no memory for the dashboard");
  for (size_t g = 0; g < config->group_count; g++) start.groups[g] = config->groups[g].name;
  struct lh_buf frame = LH_BUF_INIT(LH_FRAME_BYTES_MAX);
  size_t begin = lh_frame_begin(&frame, LH_FRAME_LIVE_START);
  int code = send_frame(d, &frame, begin, lh_live_start_encode(&start, &frame));
  free(start.groups);
  return code < 0 ? lh_err_set(err, code, "the dashboard could not be told of the run") : 0;
}

static enum lh_live_phase phase_of(const struct lh_supervisor *sv, uint64_t now_ns) {
  if (sv->phase == LH_RUN_RUNNING) return now_ns < sv->start_ns ? LH_LIVE_STARTING : LH_LIVE_RUNNING;
  return sv->phase == LH_RUN_OVER ? LH_LIVE_ENDED : LH_LIVE_STOPPING;
}

static void send_tick(struct lh_dashboard *d, uint64_t now_ns) {
  struct lh_supervisor *sv = d->sv;
  struct lh_live_tick tick = {.now_ns = now_ns,
                              .phase = (uint8_t)phase_of(sv, now_ns),
                              .catches_up = d->catches_up,
                              .workers_alive = lh_crew_alive(sv),
                              .intervals = lh_collect_taken(sv->collect),
                              .cpu_us = d->cpu_us,
                              .loop_lag_max_us = d->loop_lag_max_us};
  for (uint32_t w = 0; w < sv->workers; w++)
    if (sv->children[w].alive) tick.rss_bytes += d->rss_bytes[w];
  struct lh_buf frame = LH_BUF_INIT(LH_FRAME_BYTES_MAX);
  size_t begin = lh_frame_begin(&frame, LH_FRAME_LIVE_TICK);
  int code = lh_live_tick_encode(&tick, &frame);
  for (uint32_t g = 0; code == 0 && g < sv->args->config->group_count; g++)
    code = lh_snapshot_encode(lh_collect_look(sv->collect, g), &frame);
  if (send_frame(d, &frame, begin, code) < 0) return; /* what was not sent goes with the next */
  lh_collect_look_next(sv->collect);
  d->catches_up = false;
  d->loop_lag_max_us = 0;
}

void lh_dashboard_heard(struct lh_dashboard *d, uint32_t worker, const struct lh_worker_health *health) {
  if (d == NULL) return;
  d->cpu_us += health->cpu_user_us + health->cpu_system_us;
  d->rss_bytes[worker] = health->rss_bytes;
  if (health->loop_lag_max_us > d->loop_lag_max_us) d->loop_lag_max_us = health->loop_lag_max_us;
}

uint64_t lh_dashboard_due_ns(const struct lh_dashboard *d) {
  return d == NULL ? LH_NEVER : d->due_ns;
}

/* ---- its life ---- */

/* The loop of a run ends with its workers, whether anybody looks on or not. */
static void unref(struct lh_dashboard *d) {
  uv_unref((uv_handle_t *)&d->child.process);
  uv_unref((uv_handle_t *)&d->child.in);
  uv_unref((uv_handle_t *)&d->child.out);
}

static void ref(struct lh_dashboard *d) {
  uv_ref((uv_handle_t *)&d->child.process);
  uv_ref((uv_handle_t *)&d->child.in);
  uv_ref((uv_handle_t *)&d->child.out);
}

static int start_life(struct lh_dashboard *d, struct lh_err *err) {
  d->child.started_ns = lh_now_ns();
  d->due_ns = d->child.started_ns;
  int code = lh_child_spawn(&d->child, &d->sv->loop, d->sv->args->program, err);
  unref(d);
  return code < 0 ? code : send_start(d, err);
}

/* The listening sockets are ours, so that addresses stay as they were said, and who knocks meanwhile is answered later. */
static void replace(struct lh_dashboard *d, uint64_t now_ns) {
  struct lh_err err = {0};
  int code = lh_collect_look_anew(d->sv->collect, &err);
  d->catches_up = true;
  if (code == 0) code = start_life(d, &err);
  if (code < 0) {
    lh_log(LH_LOG_ERROR, "the dashboard could not be started again: %s", err.text);
    if (d->child.alive) return; /* it counts as one more death */
    d->due_ns = LH_NEVER;
    close_listeners(d);
    return;
  }
  lh_log(LH_LOG_INFO, "the dashboard is there again");
  lh_journal_event(&d->sv->journal, now_ns, LH_EVENT_WARNING, "a new process took over from the dashboard");
}

void lh_dashboard_tick(struct lh_dashboard *d, uint64_t now_ns) {
  if (d == NULL || now_ns < d->due_ns) return;
  if (!d->child.alive) {
    replace(d, now_ns);
    return;
  }
  if (!is_alive(d)) return;
  d->due_ns += (1 + (now_ns - d->due_ns) / LH_NS_PER_S) * LH_NS_PER_S;
  if (lh_child_idle(&d->child)) send_tick(d, now_ns);
}

int lh_dashboard_open(struct lh_supervisor *sv, struct lh_err *err) {
  const struct lh_run_live *live = &sv->args->live;
  if (live->dashboard_fd <= 0 && live->metrics_fd <= 0) return 0;
  struct lh_dashboard *d = calloc(1, sizeof *d);
  if (d == NULL || (d->rss_bytes = calloc(sv->workers, sizeof *d->rss_bytes)) == NULL) {
    free(d);
    return lh_err_set(err, ENOMEM, "no memory for the dashboard");
  }
  sv->dashboard = d;
  d->sv = sv;
  d->events = (struct lh_child_events){.context = d, .frame = on_frame, .gone = on_gone};
  d->child = (struct lh_child){.role = "live", .events = &d->events, .extra = {live->dashboard_fd, live->metrics_fd}};
  int code = lh_collect_look_begin(sv->collect, err);
  return code < 0 ? code : start_life(d, err);
}

/* Who presses Ctrl-C now wants the report, not the last picture. */
static void on_signal(uv_signal_t *handle, int number) {
  struct lh_dashboard *d = handle->data;
  (void)number;
  lh_child_kill(&d->child);
}

static void watch_signals(struct lh_dashboard *d) {
  static const int numbers[] = {SIGINT, SIGTERM};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    uv_signal_init(&d->sv->loop, &d->signals[i]);
    d->signals[i].data = d;
    uv_signal_start(&d->signals[i], on_signal, numbers[i]);
  }
}

static void on_patience(uv_timer_t *timer) {
  struct lh_dashboard *d = timer->data;
  lh_log(LH_LOG_WARNING, "the dashboard did not end in time");
  lh_child_kill(&d->child);
}

void lh_dashboard_end(struct lh_dashboard *d, uint64_t end_ns) {
  if (d == NULL || !d->child.alive) return;
  struct lh_buf frame = LH_BUF_INIT(64);
  d->ending = true;
  send_tick(d, end_ns);
  send_frame(d, &frame, lh_frame_begin(&frame, LH_FRAME_LIVE_END), 0);
  ref(d);
  uv_timer_init(&d->sv->loop, &d->patience);
  d->patience.data = d;
  uv_timer_start(&d->patience, on_patience, LH_DASHBOARD_PATIENCE_MS, 0);
  watch_signals(d);
  uv_run(&d->sv->loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&d->patience, NULL);
  for (size_t i = 0; i < sizeof d->signals / sizeof *d->signals; i++) uv_close((uv_handle_t *)&d->signals[i], NULL);
}

void lh_dashboard_close(struct lh_dashboard *d) {
  if (d == NULL) return;
  if (d->child.alive) { /* the run could not begin, or ended without its last words */
    d->ending = true;
    lh_child_kill(&d->child);
    ref(d);
    uv_run(&d->sv->loop, UV_RUN_DEFAULT);
  }
  uv_run(&d->sv->loop, UV_RUN_NOWAIT); /* libuv lets go of the handles in here */
  close_listeners(d);
  lh_child_free(&d->child);
  free(d->rss_bytes);
  free(d);
}
