/* When the commands of `hooks` run, and what becomes of their results. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "run/hook.h"
#include "run/supervisor.h"

/* ---- on_breach ---- */

static void on_breach_done(void *context, const char *what, const char *how, bool good) {
  struct lh_supervisor *sv = context;
  sv->hooks_running--;
  lh_log(good ? LH_LOG_INFO : LH_LOG_WARNING, "hook %s: %s", what, how);
  lh_journal_event(&sv->journal, lh_now_ns(), LH_EVENT_HOOK, "%s: %s", what, how);
}

void lh_hook_breach(struct lh_supervisor *sv, const struct lh_slo_config *slo, uint64_t at_ns) {
  const struct lh_config *config = sv->args->config;
  char what[160], objective[256], at_s[32], id[17];
  struct lh_err err = {0};
  if (config->hooks.on_breach.count == 0) return;
  snprintf(what, sizeof what, "on_breach (%s)", slo->metric);
  snprintf(objective, sizeof objective, "%s %s %s", slo->metric, slo->is_below ? "below" : "above", slo->threshold_text);
  snprintf(at_s, sizeof at_s, "%.3f", (double)(at_ns > sv->start_ns ? at_ns - sv->start_ns : 0) / 1e9);
  lh_run_id_text(sv->run_id, id);
  struct lh_hook_args args = {.command = &config->hooks.on_breach,
                              .facts = {{"EVENT", "breach"},
                                        {"RUN", config->run.name},
                                        {"RUN_ID", id},
                                        {"RUN_FILE", lh_store_path(sv->journal.store)},
                                        {"METRIC", slo->metric},
                                        {"OBJECTIVE", objective},
                                        {"AT_S", at_s}},
                              .timeout_ns = config->hooks.timeout_ns,
                              .what = what,
                              .context = sv,
                              .done = on_breach_done};
  if (sv->hooks_running >= LH_HOOKS_AT_ONCE_MAX)
    lh_err_set(&err, EAGAIN, "%s was not run: %d others still are", what, LH_HOOKS_AT_ONCE_MAX);
  else if (lh_hook_start(&sv->loop, &args, &err) == 0) {
    sv->hooks_running++;
    return;
  }
  lh_log(LH_LOG_WARNING, "hook %s", err.text);
  lh_journal_event(&sv->journal, lh_now_ns(), LH_EVENT_HOOK, "%s", err.text);
}

/* ---- on_end ---- */

static void add_event(const struct lh_end_hook_args *args, const char *text) {
  struct lh_err err = {0};
  if (lh_store_add_event(args->run_file, args->length_ns, LH_EVENT_HOOK, text, &err) < 0)
    lh_log(LH_LOG_WARNING, "what became of on_end is not in the run file: %s", err.text);
}

static void on_end_done(void *context, const char *what, const char *how, bool good) {
  char text[512];
  lh_log(good ? LH_LOG_INFO : LH_LOG_WARNING, "hook %s: %s", what, how);
  snprintf(text, sizeof text, "%s: %s", what, how);
  add_event(context, text);
}

/* The hook is in a group of its own, which the terminal's Ctrl-C does not reach. */
static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  lh_hooks_interrupt(handle->loop);
}

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { END_SIGNALS = sizeof end_signals / sizeof *end_signals };

/* Before the hook is started: a signal that came between would end us and leave it running. */
static void watch_for_signals(uv_loop_t *loop, uv_signal_t signals[END_SIGNALS]) {
  for (size_t i = 0; i < END_SIGNALS; i++) {
    struct sigaction now;
    uv_signal_init(loop, &signals[i]);
    if (sigaction(end_signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN) uv_signal_start(&signals[i], on_signal, end_signals[i]);
    uv_unref((uv_handle_t *)&signals[i]);
  }
}

static void wait_for(uv_loop_t *loop, uv_signal_t signals[END_SIGNALS]) {
  uv_run(loop, UV_RUN_DEFAULT);
  for (size_t i = 0; i < END_SIGNALS; i++) uv_close((uv_handle_t *)&signals[i], NULL);
  uv_run(loop, UV_RUN_DEFAULT); /* they close */
}

void lh_run_end_hook(const struct lh_end_hook_args *end) {
  const struct lh_hooks_config *hooks = &end->config->hooks;
  char exit_code[16];
  struct lh_err err = {0};
  uv_loop_t loop;
  if (hooks->on_end.count == 0) return;
  snprintf(exit_code, sizeof exit_code, "%d", end->exit_code);
  struct lh_hook_args args = {.command = &hooks->on_end,
                              .facts = {{"EVENT", "end"},
                                        {"RUN", end->config->run.name},
                                        {"RUN_ID", end->run_id},
                                        {"RUN_FILE", end->run_file},
                                        {"REPORT", end->report},
                                        {"VERDICT", end->verdict},
                                        {"HEADLINE", end->headline},
                                        {"EXIT_CODE", exit_code}},
                              .timeout_ns = hooks->timeout_ns,
                              .what = "on_end",
                              .context = (void *)(uintptr_t)end,
                              .done = on_end_done};
  uv_signal_t signals[END_SIGNALS];
  uv_loop_init(&loop);
  watch_for_signals(&loop, signals);
  if (lh_hook_start(&loop, &args, &err) < 0) {
    lh_log(LH_LOG_WARNING, "hook %s", err.text);
    add_event(end, err.text);
  }
  wait_for(&loop, signals);
  uv_loop_close(&loop);
}
