#include "run/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/base/units.h"
#include "longhaul/config/data.h"
#include "longhaul/host/host.h"
#include "longhaul/run/fit.h"
#include "run/dashboard.h"
#include "run/disturb.h"
#include "run/hook.h"
#include "run/relay.h"

/* ---- intervals ---- */
static void note_clocks(struct lh_supervisor *sv) {
  struct lh_reading reading = {lh_now_ns(), lh_boot_ns(), lh_wall_us()};
  struct lh_timechange change = lh_timewatch_look(&sv->timewatch, reading);
  char text[32];
  if (change.suspended_ns > 0) {
    lh_format_duration_brief(change.suspended_ns, text, sizeof text);
    lh_log(LH_LOG_WARNING, "the machine was suspended for %s", text);
    lh_journal_event(&sv->journal, reading.now_ns, LH_EVENT_SUSPENDED, "the machine was suspended for %s", text);
  }
  if (change.stepped_ns != 0) {
    const char *way = change.stepped_ns > 0 ? "forward" : "back";
    lh_format_duration_brief((uint64_t)llabs(change.stepped_ns), text, sizeof text);
    lh_log(LH_LOG_WARNING, "the wall clock was set %s by %s", way, text);
    lh_journal_event(&sv->journal, reading.now_ns, LH_EVENT_CLOCK_STEP, "the wall clock was set %s by %s", way, text);
  }
}

static uint64_t late_commit_ns(const struct lh_supervisor *sv) {
  uint64_t end_ns = lh_collect_end_ns(sv->collect);
  return (end_ns > sv->awake_ns ? end_ns : sv->awake_ns) + LH_LATE_COMMIT_MS * LH_NS_PER_MS;
}

/* Objectives with abort_after may end the run. */
static void watch_objectives(struct lh_supervisor *sv, uint64_t end_ns) {
  if (sv->watch == NULL || sv->phase != LH_RUN_RUNNING || sv->journal.failed.code != 0) return;
  struct lh_watch_verdict verdict = lh_watch_interval(sv->watch, lh_store_path(sv->journal.store), end_ns - sv->start_ns);
  for (size_t i = 0; i < verdict.begun_count; i++) {
    const struct lh_slo_config *slo = verdict.begun[i];
    const char *side = slo->is_below ? "below" : "above";
    lh_log(LH_LOG_WARNING, "%s is not %s %s", slo->metric, side, slo->threshold_text);
    lh_journal_event(&sv->journal, end_ns, LH_EVENT_SLO_BREACH, "%s is not %s %s", slo->metric, side, slo->threshold_text);
    lh_hook_breach(sv, slo, end_ns);
  }
  if (verdict.abort == NULL) return;
  char why[256], length[32];
  snprintf(why, sizeof why, "%s was breached for %s (abort_after)", verdict.abort->metric,
           lh_format_duration(verdict.abort->abort_after_ns, length, sizeof length));
  sv->aborted = true;
  lh_supervisor_stop(sv, why);
}

/* Clients that hear no push for longer than the config allows: told once, where a row of such intervals begins. */
static void note_silences(struct lh_supervisor *sv, const struct lh_interval *v) {
  const struct lh_config *config = sv->args->config;
  for (size_t g = 0; g < config->group_count; g++) {
    const uint64_t silences = v->groups[g].counters[LH_COUNTER_incoming_silences];
    if (silences > 0 && !sv->silent[g]) {
      char count[32], length[32], words[128];
      lh_format_count(silences, count, sizeof count);
      lh_format_duration(config->groups[g].incoming.gap_max_ns, length, sizeof length);
      snprintf(words, sizeof words, "%s time%s an open client heard no push for longer than %s", count, silences == 1 ? "" : "s", length);
      lh_log(LH_LOG_WARNING, "silence: group %s: %s", config->groups[g].name, words);
      lh_journal_event(&sv->journal, v->end_ns, LH_EVENT_SILENCE, "group %s: %s", config->groups[g].name, words);
    }
    sv->silent[g] = silences > 0;
  }
}

/* Every client is open, or is done: nothing more can come. Or nothing more does come: who is left gets no answer. */
static void watch_settling(struct lh_supervisor *sv, const struct lh_interval *v) {
  enum { SETTLED = 2, STUCK = 4 };
  uint64_t known = 0, open = 0, on_their_way = 0;
  for (size_t g = 0; g < sv->args->config->group_count; g++) {
    const uint64_t *gauges = v->groups[g].gauges;
    known += gauges[LH_GAUGE_clients];
    open += gauges[LH_GAUGE_open];
    on_their_way += gauges[LH_GAUGE_never_started] + gauges[LH_GAUGE_waiting] + gauges[LH_GAUGE_connecting];
  }
  bool same = known > 0 && open == sv->settling_open;
  sv->settling_open = open;
  sv->still_intervals = same ? sv->still_intervals + 1 : 0;
  if (sv->still_intervals >= (on_their_way == 0 ? SETTLED - 1 : STUCK - 1))
    lh_supervisor_stop(sv, on_their_way == 0 ? "every client has connected or given up" : "no further client gets through");
}

static void commit_oldest(struct lh_supervisor *sv) {
  struct lh_err err = {0};
  struct lh_interval *v = lh_collect_take(sv->collect, &err);
  if (v == NULL) {
    lh_supervisor_fail(sv, &err);
    return;
  }
  note_silences(sv, v);
  lh_journal_interval(&sv->journal, sv->collect, v, sv->workers);
  lh_guard_interval(sv, v);
  lh_present_line(sv, v->end_ns);
  watch_objectives(sv, v->end_ns);
  if (sv->args->ends_settled) watch_settling(sv, v);
}

static void commit_complete(struct lh_supervisor *sv, uint64_t now_ns) {
  while (sv->failed.code != -ENOMEM) {
    uint64_t end_ns = lh_collect_end_ns(sv->collect);
    bool complete = lh_crew_reported(sv, end_ns);
    if (!complete && late_commit_ns(sv) > now_ns) return;
    if (!complete) lh_crew_note_silent(sv, end_ns);
    commit_oldest(sv);
  }
}

/* ---- phases ---- */
static void close_handles(struct lh_supervisor *sv) {
  if (!uv_is_closing((uv_handle_t *)&sv->timer)) uv_close((uv_handle_t *)&sv->timer, NULL);
  lh_guard_close(sv);
}

void lh_supervisor_stop(struct lh_supervisor *sv, const char *why) {
  if (sv->phase != LH_RUN_RUNNING) return;
  uint64_t now_ns = lh_now_ns(), drain_ns = sv->args->config->run.drain_ns;
  sv->phase = LH_RUN_DRAINING;
  sv->kill_ns = now_ns + drain_ns + LH_DRAIN_EXTRA_MS * LH_NS_PER_MS;
  char drain[32];
  lh_log(LH_LOG_INFO, "stopping: %s; waiting up to %s for replies and closing handshakes%s", why,
         lh_format_duration(drain_ns, drain, sizeof drain), sv->interrupted ? "; once more ends it at once" : "");
  lh_present_hold(sv);
  lh_journal_event(&sv->journal, now_ns, LH_EVENT_RUN_STOPPING, "%s", why);
  lh_crew_stop(sv);
}

static void kill_crew(struct lh_supervisor *sv, const char *why) {
  if (sv->phase >= LH_RUN_KILLING) return;
  lh_supervisor_stop(sv, why);
  sv->phase = LH_RUN_KILLING;
  lh_log(LH_LOG_WARNING, "ending the workers at once: %s", why);
  lh_crew_kill(sv);
}

void lh_supervisor_fail(struct lh_supervisor *sv, const struct lh_err *err) {
  if (sv->failed.code == 0) {
    sv->failed = *err;
    lh_log(LH_LOG_ERROR, "%s", err->text);
  }
  lh_supervisor_stop(sv, "the run cannot go on");
}

/* ---- mass drops ---- */
static int open_watches(struct lh_supervisor *sv, struct lh_err *err) {
  const struct lh_config *config = sv->args->config;
  sv->massdrops = calloc(config->group_count, sizeof *sv->massdrops);
  sv->silent = calloc(config->group_count, sizeof *sv->silent);
  if (sv->massdrops == NULL || sv->silent == NULL) return lh_err_set(err, ENOMEM, "no memory to watch for mass drops and silences");
  for (size_t g = 0; g < config->group_count; g++)
    sv->massdrops[g].enough =
        lh_plan_mass_drop(config->run.mass_drop, config->groups[g].connections / (sv->args->shards ? sv->args->shards : 1));
  return 0;
}

static void note_massdrops(struct lh_supervisor *sv, uint64_t now_ns, bool flush) {
  for (size_t g = 0; g < sv->args->config->group_count; g++) {
    char text[LH_MASSDROP_TEXT_MAX];
    uint64_t from_ns;
    if (!lh_massdrop_over(&sv->massdrops[g], now_ns, flush, text, &from_ns)) continue;
    const char *name = sv->args->config->groups[g].name;
    lh_log(LH_LOG_WARNING, "mass drop: group %s: %s", name, text);
    lh_journal_event(&sv->journal, from_ns, LH_EVENT_MASS_DROP, "group %s: %s", name, text);
  }
}

/* ---- planned disturbances ---- */
/* The next one at or past that time of the run; one that the earlier parts of a resumed run have had comes no more. */
static void await_action(struct lh_supervisor *sv, uint64_t from_ns) {
  uint64_t next_ns = lh_disturb_next_ns(sv->args->config, from_ns);
  sv->action_ns = next_ns == LH_NEVER ? LH_NEVER : sv->start_ns + next_ns;
}

static void note_actions(struct lh_supervisor *sv, uint64_t now_ns) {
  const struct lh_config *config = sv->args->config;
  while (sv->phase == LH_RUN_RUNNING && sv->action_ns <= now_ns && sv->action_ns < sv->stop_ns) {
    uint64_t at_ns = sv->action_ns - sv->start_ns;
    for (size_t a = 0; a < config->action_count; a++) {
      char words[256];
      if (!lh_disturb_is_at(&config->actions[a], at_ns)) continue;
      lh_disturb_words(config, &config->actions[a], words, sizeof words);
      lh_log(LH_LOG_INFO, "planned disturbance: %s", words);
      lh_journal_event(&sv->journal, sv->action_ns, LH_EVENT_ACTION, "%s", words);
    }
    await_action(sv, at_ns + 1);
  }
}

/* ---- the timer ---- */
static uint64_t next_due_ns(const struct lh_supervisor *sv) {
  uint64_t due = sv->phase == LH_RUN_SETTLING ? LH_NEVER : late_commit_ns(sv);
  uint64_t phase_end = sv->phase == LH_RUN_RUNNING ? sv->stop_ns : sv->phase == LH_RUN_DRAINING ? sv->kill_ns : LH_NEVER;
  uint64_t replace = lh_crew_replace_due_ns(sv);
  if (phase_end < due) due = phase_end;
  if (replace < due) due = replace;
  if (sv->phase == LH_RUN_RUNNING && sv->action_ns < sv->stop_ns && sv->action_ns < due) due = sv->action_ns;
  if (sv->view != NULL && sv->draw_ns < due) due = sv->draw_ns;
  if (lh_dashboard_due_ns(sv->dashboard) < due) due = lh_dashboard_due_ns(sv->dashboard);
  if (sv->phase == LH_RUN_SETTLING && lh_guard_due_ns(sv) < due) due = lh_guard_due_ns(sv);
  return due;
}

static void on_timer(uv_timer_t *timer) {
  struct lh_supervisor *sv = timer->data;
  uint64_t now_ns = lh_now_ns();
  uint64_t late_ns = now_ns > sv->timer_due_ns ? now_ns - sv->timer_due_ns : 0;
  if (late_ns > LH_NS_PER_S) { /* we were stopped ourselves: the workers' reports still stand in the pipes */
    char text[32];
    lh_log(LH_LOG_WARNING, "the supervisor did not run for %s", lh_format_duration_brief(late_ns, text, sizeof text));
    lh_journal_event(&sv->journal, now_ns, LH_EVENT_WARNING, "the supervisor did not run for %s", text);
    sv->awake_ns = now_ns;
  }
  note_actions(sv, now_ns);
  if (sv->phase == LH_RUN_RUNNING && now_ns >= sv->stop_ns) lh_supervisor_stop(sv, "the duration is over");
  if (sv->phase == LH_RUN_DRAINING && now_ns >= sv->kill_ns) kill_crew(sv, "they did not drain in time");
  if (sv->phase == LH_RUN_SETTLING) lh_guard_tick(sv, now_ns);
  lh_crew_replace(sv, now_ns);
  if (sv->view != NULL && now_ns >= sv->draw_ns) {
    lh_present_draw(sv, now_ns);
    sv->draw_ns += (1 + (now_ns - sv->draw_ns) / LH_NS_PER_S) * LH_NS_PER_S;
  }
  lh_dashboard_tick(sv->dashboard, now_ns);
  sv->timer_due_ns = 0;
  lh_supervisor_settle(sv);
}

static void set_timer(struct lh_supervisor *sv) {
  uint64_t due = next_due_ns(sv);
  if (due == sv->timer_due_ns) return;
  sv->timer_due_ns = due;
  uint64_t now_ns = lh_now_ns();
  uint64_t wait_ms = due > now_ns ? (due - now_ns + LH_NS_PER_MS - 1) / LH_NS_PER_MS : 0;
  uv_update_time(&sv->loop);
  uv_timer_start(&sv->timer, on_timer, wait_ms, 0);
}

/* The last worker is gone: the server may still be given time. */
static bool is_settling(struct lh_supervisor *sv, uint64_t now_ns) {
  if (sv->gone_ns == 0) sv->gone_ns = now_ns;
  if (sv->phase == LH_RUN_SETTLING) return lh_guard_due_ns(sv) != LH_NEVER;
  if (!lh_guard_settle(sv, now_ns)) return false;
  sv->phase = LH_RUN_SETTLING;
  return true;
}

void lh_supervisor_settle(struct lh_supervisor *sv) {
  uint64_t now_ns = lh_now_ns();
  if (sv->phase == LH_RUN_OVER) return;
  note_clocks(sv);
  note_massdrops(sv, now_ns, false);
  lh_marks_look(sv, now_ns);
  if (sv->phase != LH_RUN_SETTLING) commit_complete(sv, now_ns); /* what is left then is taken at the end */
  if (sv->journal.failed.code != 0 && sv->failed.code == 0) {
    struct lh_err err = sv->journal.failed;
    lh_err_prefix(&err, "the run file cannot be written, what stands in it stays");
    lh_supervisor_fail(sv, &err);
  }
  if (sv->phase != LH_RUN_RUNNING && lh_crew_alive(sv) == 0 && !is_settling(sv, now_ns)) {
    sv->phase = LH_RUN_OVER;
    if (sv->hooks_running > 0)
      lh_log(LH_LOG_INFO, "waiting for %u hook%s; Ctrl-C ends %s", sv->hooks_running, sv->hooks_running == 1 ? "" : "s",
             sv->hooks_running == 1 ? "it" : "them");
    close_handles(sv);
    return;
  }
  set_timer(sv);
}

/* ---- signals ---- */
static void on_signal(uv_signal_t *handle, int number) {
  struct lh_supervisor *sv = handle->data;
  if (number == SIGWINCH) {
    lh_view_resized(sv->view);
    return;
  }
  const char *name = number == SIGINT ? "SIGINT" : number == SIGHUP ? "SIGHUP" : "SIGTERM";
  bool is_over = sv->phase >= LH_RUN_SETTLING; /* the server, hooks or the dashboard are waited for: the run has had its end */
  if (!is_over) sv->interrupted = true;
  if (sv->phase == LH_RUN_RUNNING)
    lh_supervisor_stop(sv, name);
  else if (sv->phase == LH_RUN_SETTLING)
    lh_guard_stop_settling(sv);
  else if (sv->phase == LH_RUN_OVER)
    lh_hooks_interrupt(&sv->loop);
  else
    kill_crew(sv, name);
  lh_supervisor_settle(sv);
}

static void watch_signal(struct lh_supervisor *sv, int number) {
  uv_signal_t *handle = &sv->signals[sv->signal_count];
  if (uv_signal_init(&sv->loop, handle) < 0) return;
  handle->data = sv;
  sv->signal_count++;
  uv_signal_start(handle, on_signal, number);
  uv_unref((uv_handle_t *)handle); /* it ends with the run, and keeps no loop going */
}

/* From before the run file is made until it is closed: whatever the moment, a signal leaves no file half made or half ended. */
static void watch_signals(struct lh_supervisor *sv) {
  struct sigaction hangup;
  signal(SIGPIPE, SIG_IGN);
  watch_signal(sv, SIGINT);
  watch_signal(sv, SIGTERM);
  /* nohup ignores it, and that is respected; else the terminal is gone and the run ends in order. */
  if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) watch_signal(sv, SIGHUP);
}

static void leave_signals(struct lh_supervisor *sv) {
  for (uint32_t i = 0; i < sv->signal_count; i++) uv_close((uv_handle_t *)&sv->signals[i], NULL);
}

/* ---- beginning ---- */
void lh_run_id_text(uint64_t run_id, char out[17]) {
  snprintf(out, 17, "%016" PRIx64, run_id);
}

static int open_journal(struct lh_supervisor *sv, struct lh_err *err) {
  char id[17], process[LH_PROCESS_MAX];
  lh_host_process(process);
  lh_run_id_text(sv->run_id, id);
  struct lh_run_facts facts = {.id = id,
                               .version = LH_VERSION,
                               .command_line = sv->args->command_line,
                               .process = process,
                               .config = sv->args->config,
                               .shard = sv->args->shard,
                               .shards = sv->args->shards,
                               .workers = sv->workers,
                               .start_ns = sv->start_ns,
                               .start_wall_us = sv->start_wall_us,
                               .host = sv->args->host,
                               .ladder = sv->args->ladder};
  return lh_journal_open(&sv->journal, sv->args->config->run.store, &facts, err);
}

static int open_collection(struct lh_supervisor *sv, struct lh_err *err) {
  struct lh_collect_args args = {.config = sv->args->config,
                                 .shard = sv->args->shard,
                                 .shards = sv->args->shards,
                                 .workers = sv->workers,
                                 .start_ns = sv->start_ns,
                                 .interval_ns = sv->args->config->run.interval_ns};
  return lh_collect_new(&sv->collect, &args, err);
}

/* All workers begin the plan at start_ns: late enough for the last of them to be up, soon enough not to be felt. */
static void set_times(struct lh_supervisor *sv) {
  uint64_t lead_ns = (300 + 10 * (uint64_t)sv->workers) * LH_NS_PER_MS;
  sv->timewatch.last = (struct lh_reading){lh_now_ns(), lh_boot_ns(), lh_wall_us()};
  sv->start_ns = sv->timewatch.last.now_ns + lead_ns;
  sv->start_wall_us = sv->timewatch.last.wall_us + (int64_t)(lead_ns / LH_NS_PER_US);
  sv->stop_ns = sv->start_ns + sv->args->config->run.duration_ns;
  await_action(sv, 0);
  sv->draw_ns = sv->start_ns + LH_NS_PER_S / 5; /* a little after the ticks, when the reports are in */
}

/* For the report, which says what check and the start of the run say. */
static void note_rows(struct lh_supervisor *sv) {
  const struct lh_config *config = sv->args->config;
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_group *group = &config->groups[g];
    if (!group->data.rows || lh_data_rows(group->data.rows) >= group->connections) continue;
    lh_journal_event(&sv->journal, sv->start_ns, LH_EVENT_WARNING, "group %s: %s has %u rows for %u clients: clients share rows",
                     group->name, group->data.file, lh_data_rows(group->data.rows), group->connections);
  }
}

/* Both files say that they belong together. */
static void note_resumed(struct lh_supervisor *sv) {
  const struct lh_run_resumed *resumed = sv->args->resumed;
  if (resumed == NULL) return;
  char text[1024];
  struct lh_err err = {0};
  snprintf(text, sizeof text, "{\"of\": \"%s\", \"held_ns\": %" PRIu64 "}", resumed->id, resumed->held_ns);
  lh_journal_resumed(&sv->journal, sv->start_ns, resumed->sentence, text);
  snprintf(text, sizeof text, "the rest of this run is in %s", lh_store_path(sv->journal.store));
  if (lh_store_add_event(resumed->file, resumed->length_ns, LH_EVENT_RESUMED, text, &err) < 0)
    lh_log(LH_LOG_WARNING, "%s does not tell where its rest is: %s", resumed->file, err.text);
}

static void note_sentences(struct lh_supervisor *sv, enum lh_event_kind kind, const struct lh_strings *list) {
  for (size_t i = 0; list != NULL && i < list->count; i++)
    lh_journal_event(&sv->journal, sv->start_ns, kind, "%s", list->items[i]);
}

static int begin(struct lh_supervisor *sv, struct lh_err *err) {
  const struct lh_run_args *args = sv->args;
  long descriptors = lh_host_raise_descriptors(err);
  if (descriptors < 0) return (int)descriptors;
  sv->workers = lh_fit_workers(args->config, args->shard, args->shards, (uint64_t)descriptors);
  if (getrandom(&sv->run_id, sizeof sv->run_id, 0) != sizeof sv->run_id)
    return lh_err_set(err, errno, "no random number for the run's id");
  watch_signals(sv);
  set_times(sv);
  int code = open_journal(sv, err);
  if (code == 0) code = open_collection(sv, err);
  if (code == 0) code = open_watches(sv, err);
  if (code == 0) code = lh_crew_open(sv, err);
  if (code == 0 && lh_watch_new(&sv->watch, args->config) < 0)
    code = lh_err_set(err, ENOMEM, "no memory to watch the objectives");
  if (code < 0) return code;
  code = lh_guard_open(sv, err);
  if (code < 0) return code;
  lh_present_open(sv);
  uv_timer_init(&sv->loop, &sv->timer);
  sv->timer.data = sv;
  if (sv->view != NULL) watch_signal(sv, SIGWINCH);
  lh_log(LH_LOG_INFO, "run %s: %u worker%s, run file %s", args->config->run.name, sv->workers, sv->workers == 1 ? "" : "s",
         lh_store_path(sv->journal.store));
  note_sentences(sv, LH_EVENT_SCALED, args->scaled);
  note_sentences(sv, LH_EVENT_FORCED, args->forced);
  lh_journal_event(&sv->journal, sv->start_ns, LH_EVENT_RUN_STARTED, "%u worker%s", sv->workers, sv->workers == 1 ? "" : "s");
  note_rows(sv);
  note_resumed(sv);
  code = lh_dashboard_open(sv, err);
  if (code == 0) code = lh_crew_start(sv, err);
  if (code < 0) lh_supervisor_fail(sv, err);
  lh_supervisor_settle(sv);
  return 0;
}

/* ---- the end ---- */
static void finish(struct lh_supervisor *sv) {
  note_massdrops(sv, lh_now_ns(), true);
  while (lh_collect_pending(sv->collect) && sv->failed.code != -ENOMEM) commit_oldest(sv);
  enum lh_run_end how = LH_RUN_COMPLETE;
  if (sv->failed.code != 0 || sv->journal.failed.code != 0)
    how = LH_RUN_FAILED;
  else if (sv->interrupted)
    how = LH_RUN_INTERRUPTED;
  else if (sv->aborted)
    how = LH_RUN_ABORTED;
  lh_marks_close(sv);
  uint64_t end_ns = sv->gone_ns != 0 ? sv->gone_ns : lh_now_ns();
  lh_present_draw(sv, end_ns);
  lh_journal_event(&sv->journal, end_ns, LH_EVENT_RUN_ENDED, "%s", sv->failed.code != 0 ? sv->failed.text : "in order");
  lh_journal_finish(&sv->journal, how, end_ns, lh_wall_us());
  lh_journal_findings(&sv->journal, sv->start_ns);
  lh_dashboard_end(sv->dashboard, end_ns);
  if (sv->failed.code == 0 && sv->journal.failed.code != 0) sv->failed = sv->journal.failed;
}

static int supervise(struct lh_supervisor *sv, struct lh_run_result *result, struct lh_err *err) {
  int code = begin(sv, err);
  if (code < 0) return code;
  uv_run(&sv->loop, UV_RUN_DEFAULT);
  finish(sv);
  result->interrupted = sv->interrupted;
  result->path = strdup(lh_store_path(sv->journal.store));
  if (result->path == NULL) return lh_err_set(err, ENOMEM, "no memory for the run file's name");
  if (sv->failed.code != 0) return lh_err_set(err, sv->failed.code, "%s", sv->failed.text);
  return 0;
}

int lh_run(const struct lh_run_args *args, struct lh_run_result *result, struct lh_err *err) {
  struct lh_supervisor *sv = calloc(1, sizeof *sv);
  *result = (struct lh_run_result){0};
  if (sv == NULL) return lh_err_set(err, ENOMEM, "no memory for the supervisor");
  sv->args = args;
  sv->ledger_fd = -1;
  uv_loop_init(&sv->loop);
  int code = supervise(sv, result, err);
  lh_present_close(sv);
  lh_dashboard_close(sv->dashboard);
  lh_guard_close(sv);
  lh_journal_close(&sv->journal);
  leave_signals(sv);
  uv_run(&sv->loop, UV_RUN_NOWAIT); /* close callbacks of a run that could not begin */
  uv_loop_close(&sv->loop);
  lh_collect_free(sv->collect);
  lh_crew_free(sv);
  lh_watch_free(sv->watch);
  lh_guard_free(sv);
  lh_relay_free(sv);
  free(sv->massdrops);
  free(sv->silent);
  free(sv);
  return code;
}
