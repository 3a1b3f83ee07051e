#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/config/data.h"
#include "longhaul/worker/ledger.h"
#include "run/dashboard.h"
#include "run/relay.h"
#include "run/supervisor.h"

/* ---- what workers say ---- */
static int take_hello(struct lh_child *child, struct lh_cursor *body) {
  uint32_t protocol = lh_cursor_u32(body);
  if (!body->failed && protocol == LH_PROTOCOL) return 0;
  lh_log(LH_LOG_ERROR, "worker %u speaks protocol %u, expected %d: the program was replaced while it ran", child->number + 1,
         protocol, LH_PROTOCOL);
  return -EPROTO;
}

static int take_report(struct lh_supervisor *sv, struct lh_child *child, struct lh_cursor *body) {
  struct lh_collected added;
  struct lh_err err = {0};
  int code = lh_collect_report(sv->collect, child->number, body, lh_now_ns(), &added, &err);
  if (code == -ENOMEM) {
    lh_supervisor_fail(sv, &err);
    return code;
  }
  if (code < 0) {
    lh_log(LH_LOG_ERROR, "worker %u sent a report that cannot be read: %s", child->number + 1, err.text);
    return code;
  }
  child->reports++;
  child->silent = false;
  lh_dashboard_heard(sv->dashboard, child->number, &added.health);
  if (sv->recent != NULL) lh_recent_add(sv->recent, child->number, added.tick, &added.health, added.groups);
  lh_present_firsts(sv, added.groups);
  lh_supervisor_settle(sv);
  return 0;
}

static int take_endings(struct lh_supervisor *sv, struct lh_child *child, struct lh_cursor *body) {
  uint32_t count = lh_cursor_u32(body);
  for (uint32_t i = 0; i < count; i++) {
    struct lh_ending ending;
    struct lh_err err = {0};
    int code = lh_ending_decode(&ending, body, &err);
    if (code == 0 && ending.group >= sv->args->config->group_count) code = lh_err_set(&err, EBADMSG, "no such group");
    if (code < 0) {
      lh_log(LH_LOG_ERROR, "worker %u sent an ending that cannot be read: %s", child->number + 1, err.text);
      return code;
    }
    lh_collect_ending(sv->collect, child->number, &ending);
    bool drop = lh_ending_is_drop(ending.stage, ending.reason) && lh_reason_side(ending.reason) != LH_SIDE_TESTER;
    if (drop) lh_massdrop_add(&sv->massdrops[ending.group], &ending, 1);
    lh_journal_ending(&sv->journal, &ending, 1);
  }
  if (sv->journal.failed.code != 0) lh_supervisor_settle(sv);
  return 0;
}

static void take_log(struct lh_child *child, struct lh_cursor *body) {
  uint8_t level = lh_cursor_u8(body);
  if (body->failed || level > LH_LOG_DEBUG) return;
  lh_log((enum lh_log_level)level, "worker %u: %.*s", child->number + 1, (int)(body->end - body->at), (const char *)body->at);
}

/* A worker that cannot even begin will not do better a second time. */
static void take_failed(struct lh_supervisor *sv, struct lh_child *child, struct lh_cursor *body) {
  struct lh_err err;
  lh_err_set(&err, ECHILD, "worker %u cannot go on: %.*s", child->number + 1, (int)(body->end - body->at),
             (const char *)body->at);
  if (child->reports == 0)
    lh_supervisor_fail(sv, &err);
  else
    lh_log(LH_LOG_ERROR, "%s", err.text);
}

static int on_frame(void *context, struct lh_child *child, enum lh_frame_type type, struct lh_cursor *body) {
  struct lh_supervisor *sv = context;
  switch (type) {
  case LH_FRAME_HELLO: return take_hello(child, body);
  case LH_FRAME_REPORT: return take_report(sv, child, body);
  case LH_FRAME_ENDINGS: return take_endings(sv, child, body);
  case LH_FRAME_LOG: take_log(child, body); return 0;
  case LH_FRAME_FAILED: take_failed(sv, child, body); return 0;
  case LH_FRAME_LOGIN: return lh_relay_login(sv, child, body);
  case LH_FRAME_LOGIN_WANTED: return lh_relay_wanted(sv, child, body);
  case LH_FRAME_DONE: return 0;
  default: lh_log(LH_LOG_ERROR, "worker %u sent a frame of unknown type %d", child->number + 1, (int)type); return -EPROTO;
  }
}

/* ---- their loss ---- */
static void plan_replacement(struct lh_supervisor *sv, struct lh_child *child, uint64_t now_ns, const char *how) {
  if (now_ns - child->started_ns >= LH_SETTLED_AFTER_MS * LH_NS_PER_MS) child->deaths_in_row = 0;
  child->deaths_in_row++;
  if (child->deaths_in_row < LH_DEATHS_IN_ROW_MAX) {
    child->restart_ns = now_ns + LH_RESTART_AFTER_MS * LH_NS_PER_MS;
    return;
  }
  struct lh_err err;
  lh_err_set(&err, ECHILD, "worker %u ended %d times in a row, the last time with %s: the run cannot go on", child->number + 1,
             LH_DEATHS_IN_ROW_MAX, how);
  lh_supervisor_fail(sv, &err);
}

static void settle_estate(struct lh_supervisor *sv, struct lh_child *child, uint64_t now_ns) {
  struct lh_err err = {0};
  enum lh_reason reason = child->killed ? LH_REASON_SHUTDOWN : LH_REASON_WORKER_LOST;
  int code = lh_collect_lose(sv->collect, child->number, reason, now_ns, lh_journal_ending, &sv->journal, &err);
  if (code < 0) lh_supervisor_fail(sv, &err);
}

static uint64_t held_by(const struct lh_supervisor *sv, enum lh_gauge_id id) {
  uint64_t sum = 0;
  for (uint32_t g = 0; g < sv->args->config->group_count; g++) sum += lh_collect_gauge(sv->collect, g, id);
  return sum;
}

/* A host at a limit of its tasks starts no more processes: the run goes on with the workers there are, and tries again. */
static bool put_off(struct lh_supervisor *sv, struct lh_child *child, uint64_t now_ns, const char *how) {
  bool unstarted = child->exit_code < 0;
  if (!unstarted || sv->phase != LH_RUN_RUNNING || lh_crew_alive(sv) == 0) return false;
  if (!child->put_off) {
    lh_log(LH_LOG_ERROR, "worker %u is %s; its clients wait, and it is tried again each second", child->number + 1, how);
    lh_journal_event(&sv->journal, now_ns, LH_EVENT_WORKER_LOST, "worker %u is %s; its clients wait", child->number + 1, how);
  }
  child->put_off = true;
  child->restart_ns = now_ns + LH_RESTART_AFTER_MS * LH_NS_PER_MS;
  return true;
}

static void on_gone(void *context, struct lh_child *child, const char *how) {
  struct lh_supervisor *sv = context;
  uint64_t now_ns = lh_now_ns();
  if (sv->recent != NULL && sv->phase == LH_RUN_RUNNING) lh_recent_worker_lost(sv->recent, child->number);
  if (child->done) {
    if (child->exit_code != 0 || child->signal != 0)
      lh_log(LH_LOG_WARNING, "worker %u had done its work and then ended with %s", child->number + 1, how);
    if (sv->phase == LH_RUN_RUNNING && lh_crew_alive(sv) == 0 && lh_crew_replace_due_ns(sv) == LH_NEVER)
      lh_supervisor_stop(sv, "every client is finished");
    lh_supervisor_settle(sv);
    return;
  }
  if (put_off(sv, child, now_ns, how)) {
    lh_supervisor_settle(sv);
    return;
  }
  uint64_t open = held_by(sv, LH_GAUGE_open);
  settle_estate(sv, child, now_ns);
  open -= held_by(sv, LH_GAUGE_open);
  if (!child->killed) {
    lh_log(LH_LOG_ERROR, "worker %u is lost (%s) with %llu open connections", child->number + 1, how, (unsigned long long)open);
    lh_journal_event(&sv->journal, now_ns, LH_EVENT_WORKER_LOST, "worker %u ended with %s; %llu open connections went with it",
                     child->number + 1, how, (unsigned long long)open);
  }
  if (sv->phase == LH_RUN_RUNNING) plan_replacement(sv, child, now_ns, how);
  lh_supervisor_settle(sv);
}

/* ---- their life ---- */
static int send_plain(struct lh_child *child, enum lh_frame_type type, struct lh_err *err) {
  struct lh_buf frame = LH_BUF_INIT(64);
  size_t begin = lh_frame_begin(&frame, type);
  int code = lh_frame_end(&frame, begin, err);
  if (code == 0) code = lh_child_send(child, &frame, err);
  lh_buf_free(&frame);
  return code;
}

/* Whether a process that is started now has them: workers do, hooks and the dashboard do not. */
static void lend(const struct lh_supervisor *sv, bool lent) {
  const struct lh_config *config = sv->args->config;
  for (size_t g = 0; g < config->group_count; g++)
    if (config->groups[g].data.rows) fcntl(lh_data_fd(config->groups[g].data.rows), F_SETFD, lent ? 0 : FD_CLOEXEC);
  if (sv->ledger_fd >= 0) fcntl(sv->ledger_fd, F_SETFD, lent ? 0 : FD_CLOEXEC);
}

/* Their descriptors have the same numbers in every worker. */
static void name_rows(const struct lh_config *config, struct lh_start *start) {
  start->data_fd_count = (uint32_t)config->group_count;
  for (size_t g = 0; g < config->group_count; g++)
    start->data_fds[g] = config->groups[g].data.rows ? lh_data_fd(config->groups[g].data.rows) : -1;
}

static int send_start(struct lh_supervisor *sv, struct lh_child *child, bool replacement, struct lh_err *err) {
  const struct lh_run_args *args = sv->args;
  struct lh_start start = {.path = args->config->path,
                           .text = args->config->text,
                           .settings = (const char **)args->settings,
                           .setting_count = args->setting_count,
                           .slice = lh_plan_slice(args->shard - 1, args->shards, child->number, sv->workers),
                           .worker = child->number,
                           .workers = sv->workers * args->shards, /* the rate cap is the whole run's: every shard's */
                           .run_id = sv->run_id,
                           .start_ns = sv->start_ns,
                           .start_wall_us = sv->start_wall_us,
                           .held_ns = args->resumed != NULL ? args->resumed->held_ns : 0,
                           .report_every_ns =
                               args->config->run.interval_ns / lh_ticks_each(args->config->run.interval_ns),
                           .replacement = replacement,
                           .ledger_fd = sv->ledger_fd};
  name_rows(args->config, &start);
  struct lh_buf frame = LH_BUF_INIT(LH_FRAME_BYTES_MAX);
  size_t begin = lh_frame_begin(&frame, LH_FRAME_START);
  int code = lh_start_encode(&start, &frame);
  if (code < 0) lh_err_set(err, code, "no memory for the message that starts worker %u", child->number + 1);
  if (code == 0) code = lh_frame_end(&frame, begin, err);
  if (code == 0) code = lh_child_send(child, &frame, err);
  lh_buf_free(&frame);
  return code;
}

static int start_child(struct lh_supervisor *sv, struct lh_child *child, bool replacement, struct lh_err *err) {
  child->started_ns = lh_now_ns();
  child->reports = 0;
  child->silent = false;
  child->restart_ns = LH_NEVER;
  lend(sv, true);
  int code = lh_child_spawn(child, &sv->loop, sv->args->program, err);
  lend(sv, false);
  if (code == 0) code = send_start(sv, child, replacement, err);
  return code < 0 ? code : lh_relay_tell(sv, child, err);
}

int lh_crew_open(struct lh_supervisor *sv, struct lh_err *err) {
  sv->child_events = (struct lh_child_events){.context = sv, .frame = on_frame, .gone = on_gone};
  sv->children = calloc(sv->workers, sizeof *sv->children);
  if (sv->children == NULL) return lh_err_set(err, ENOMEM, "no memory for %u workers", sv->workers);
  for (uint32_t w = 0; w < sv->workers; w++) {
    sv->children[w].role = "worker";
    sv->children[w].number = w;
    sv->children[w].events = &sv->child_events;
    sv->children[w].restart_ns = LH_NEVER;
  }
  return 0;
}

/* What workers count in is kept in the run file, and taken from that of the part before. */
static int open_ledger(struct lh_supervisor *sv, struct lh_err *err) {
  const struct lh_run_resumed *resumed = sv->args->resumed;
  const uint64_t cells = lh_plan_ledger_cells(sv->args->config);
  if (cells == 0) return 0;
  if ((sv->ledger_fd = lh_ledger_make(cells, err)) < 0) return sv->ledger_fd;
  uint64_t *ledger = lh_ledger_map(sv->ledger_fd, cells, err);
  if (ledger == NULL) return err->code;
  if (resumed != NULL && resumed->counted != NULL && resumed->counted_cells == cells)
    memcpy(ledger, resumed->counted, cells * sizeof *ledger);
  sv->journal.counted = ledger;
  sv->journal.counted_cells = cells;
  return 0;
}

int lh_crew_start(struct lh_supervisor *sv, struct lh_err *err) {
  if (open_ledger(sv, err) < 0) return err->code;
  for (uint32_t w = 0; w < sv->workers; w++) {
    int code = start_child(sv, &sv->children[w], false, err);
    if (code < 0 && w == 0) return code; /* else put_off sees to it */
  }
  *err = (struct lh_err){0};
  return 0;
}

void lh_crew_replace(struct lh_supervisor *sv, uint64_t now_ns) {
  for (uint32_t w = 0; w < sv->workers; w++) {
    struct lh_child *child = &sv->children[w];
    if (child->alive || child->restart_ns > now_ns) continue;
    struct lh_err err = {0};
    if (start_child(sv, child, true, &err) < 0) {
      if (!child->put_off) lh_log(LH_LOG_ERROR, "%s", err.text); /* counted as one more death */
      continue;
    }
    child->put_off = false;
    lh_log(LH_LOG_INFO, "worker %u is replaced", w + 1);
    lh_journal_event(&sv->journal, now_ns, LH_EVENT_WORKER_STARTED, "a new process took over from worker %u", w + 1);
  }
}

uint64_t lh_crew_replace_due_ns(const struct lh_supervisor *sv) {
  uint64_t due = LH_NEVER;
  for (uint32_t w = 0; w < sv->workers; w++)
    if (!sv->children[w].alive && sv->children[w].restart_ns < due) due = sv->children[w].restart_ns;
  return due;
}

void lh_crew_stop(struct lh_supervisor *sv) {
  for (uint32_t w = 0; w < sv->workers; w++) {
    struct lh_child *child = &sv->children[w];
    struct lh_err err = {0};
    int code = 0;
    if (child->alive)
      code = send_plain(child, LH_FRAME_STOP, &err);
    else if (!child->done)
      code = lh_collect_retire(sv->collect, w, lh_now_ns(), &err);
    child->restart_ns = LH_NEVER;
    if (code < 0) lh_log(LH_LOG_ERROR, "%s", err.text);
  }
}

void lh_crew_kill(struct lh_supervisor *sv) {
  for (uint32_t w = 0; w < sv->workers; w++) lh_child_kill(&sv->children[w]);
}

uint32_t lh_crew_alive(const struct lh_supervisor *sv) {
  uint32_t alive = 0;
  for (uint32_t w = 0; w < sv->workers; w++) alive += sv->children[w].alive;
  return alive;
}

/* A report counts for a boundary when it ends within a quarter of a tick of it (see collect.c). */
static bool has_reported(const struct lh_supervisor *sv, uint32_t worker, uint64_t end_ns) {
  uint64_t interval_ns = sv->args->config->run.interval_ns;
  uint64_t slack_ns = interval_ns / lh_ticks_each(interval_ns) / 4;
  return lh_collect_until_ns(sv->collect, worker) + slack_ns >= end_ns;
}

static bool may_report(const struct lh_child *child) {
  return child->alive && !child->done;
}

bool lh_crew_reported(const struct lh_supervisor *sv, uint64_t end_ns) {
  uint32_t reporting = 0;
  for (uint32_t w = 0; w < sv->workers; w++) {
    if (!may_report(&sv->children[w])) continue;
    if (!has_reported(sv, w, end_ns)) return false;
    reporting++;
  }
  return reporting > 0;
}

void lh_crew_note_silent(struct lh_supervisor *sv, uint64_t end_ns) {
  for (uint32_t w = 0; w < sv->workers; w++) {
    struct lh_child *child = &sv->children[w];
    if (!may_report(child) || child->silent || child->reports == 0 || has_reported(sv, w, end_ns)) continue;
    child->silent = true;
    lh_log(LH_LOG_WARNING, "worker %u does not report; its numbers go into a later interval", w + 1);
    lh_journal_event(&sv->journal, end_ns, LH_EVENT_WARNING,
                     "worker %u did not report in time; its numbers stand in a later interval", w + 1);
  }
}

void lh_crew_free(struct lh_supervisor *sv) {
  for (uint32_t w = 0; sv->children != NULL && w < sv->workers; w++) lh_child_free(&sv->children[w]);
  free(sv->children);
  if (sv->ledger_fd >= 0) close(sv->ledger_fd);
}
