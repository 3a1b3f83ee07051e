#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/lookers.h"
#include "cli/preflight.h"
#include "cli/report_file.h"
#include "cli/source.h"
#include "longhaul/base/log.h"
#include "longhaul/plan/plan.h"
#include "longhaul/run/run.h"

/* ---- before ---- */
static int check_reports(const struct lh_cli_args *args) {
  for (size_t i = 0; i < args->given_count; i++) {
    enum lh_report_format format;
    struct lh_err err = {0};
    if (strcmp(args->given[i].option->name, "report") != 0) continue;
    if (lh_report_file_format(args->given[i].value, &format, &err) < 0) return lh_cli_usage_error("%s", err.text);
  }
  return 0;
}

/* Whether the reports' folders are there, asked before the night rather than after it. The store is made by the run. */
static int check_folders(const struct lh_cli_args *args, const char *store) {
  size_t store_len = strlen(store);
  while (store_len > 1 && store[store_len - 1] == '/') store_len--;
  for (size_t i = 0; i < args->given_count; i++) {
    const char *path = args->given[i].value;
    if (strcmp(args->given[i].option->name, "report") != 0) continue;
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    if (len == store_len && strncmp(path, store, len) == 0) continue;
    char folder[4096];
    snprintf(folder, sizeof folder, "%.*s", (int)len, slash == NULL ? "." : path);
    if (access(folder, W_OK | X_OK) < 0)
      return lh_cli_usage_error("--report %s could not be written after the run: %s: %s", path, folder, strerror(errno));
  }
  return 0;
}

/* ---- after ---- */
static int write_reports(const struct lh_cli_args *args, const json_t *model) {
  int exit_code = 0;
  for (size_t i = 0; i < args->given_count; i++) {
    if (strcmp(args->given[i].option->name, "report") != 0) continue;
    const char *path = args->given[i].value;
    enum lh_report_format format;
    struct lh_err err = {0};
    if (lh_report_file_format(path, &format, &err) < 0 || lh_report_file_write(model, format, path, &err) < 0)
      exit_code = lh_cli_fail(LH_EXIT_TESTER, "%s", err.text);
    else
      lh_log(LH_LOG_INFO, "report written to %s", path);
  }
  return exit_code;
}

/* The first report that was asked for; with a hook and none asked for, a page beside the run file. Owned; NULL: none. */
static char *first_report(const struct lh_cli_args *args, const char *run_file, const json_t *model) {
  const char *dot = strrchr(run_file, '.');
  char *path = NULL;
  struct lh_err err = {0};
  for (size_t i = 0; i < args->given_count; i++)
    if (strcmp(args->given[i].option->name, "report") == 0) return strdup(args->given[i].value);
  if (asprintf(&path, "%.*s.html", dot != NULL ? (int)(dot - run_file) : (int)strlen(run_file), run_file) < 0) return NULL;
  if (lh_report_file_write(model, LH_REPORT_HTML, path, &err) == 0) return path;
  lh_log(LH_LOG_WARNING, "on_end gets no report: %s", err.text);
  free(path);
  return NULL;
}

static void end_hook(const struct lh_cli_args *args, const struct lh_config *config, const char *run_file, const json_t *model,
                     int exit_code) {
  const json_t *run = json_object_get(model, "run");
  if (config->hooks.on_end.count == 0) return;
  char *report = model != NULL ? first_report(args, run_file, model) : NULL;
  struct lh_end_hook_args end = {.config = config,
                                 .run_file = run_file,
                                 .run_id = json_string_value(json_object_get(run, "id")),
                                 .verdict = json_string_value(json_object_get(model, "verdict")),
                                 .headline = json_string_value(json_object_get(model, "headline")),
                                 .report = report,
                                 .length_ns = (uint64_t)(json_number_value(json_object_get(run, "duration_s")) * 1e9),
                                 .exit_code = exit_code};
  lh_run_end_hook(&end);
  free(report);
}

static int report_run(const struct lh_cli_args *args, const struct lh_config *config, const struct lh_run_result *result) {
  struct lh_report_args report = {.path = result->path, .until_ns = UINT64_MAX};
  struct lh_err err = {0};
  json_t *model = NULL;
  if (lh_report_model(&report, &model, &err) < 0) {
    end_hook(args, config, result->path, NULL, LH_EXIT_TESTER);
    return lh_cli_fail(LH_EXIT_TESTER, "no report: %s", err.text);
  }
  int exit_code = lh_report_exit_code(model);
  if (lh_report_file_write(model, LH_REPORT_TEXT, "-", &err) < 0) exit_code = lh_cli_fail(LH_EXIT_TESTER, "%s", err.text);
  int failed = write_reports(args, model);
  if (failed != 0) exit_code = failed;
  if (result->interrupted) {
    exit_code = LH_EXIT_INTERRUPTED;
    lh_log(LH_LOG_INFO, "to run the rest: longhaul resume %s", result->path);
  }
  end_hook(args, config, result->path, model, exit_code);
  json_decref(model);
  return exit_code;
}

/* Before there is a run file, a folder that cannot be written is the user's to mend. */
static int exit_of_failure(const struct lh_run_result *result, int code) {
  bool folder = code == -EACCES || code == -EPERM || code == -EROFS || code == -ENOTDIR || code == -ENOENT || code == -EISDIR;
  return result->path == NULL && folder ? LH_EXIT_USAGE : LH_EXIT_TESTER;
}

static int run_source(const struct lh_cli_args *args, const struct lh_source *source, const struct lh_preflight *preflight,
                      const struct lh_lookers *lookers) {
  struct lh_run_args run = {.config = source->config,
                            .settings = (const char *const *)source->settings.items,
                            .setting_count = (uint32_t)source->settings.count,
                            .shard = source->shard,
                            .shards = source->shards,
                            .program = "/proc/self/exe",
                            .command_line = preflight->command_line ? preflight->command_line : args->command_line,
                            .resumed = args->resumed,
                            .host = &preflight->host.facts,
                            .ladder = preflight->fit.ladder,
                            .live = lookers->live,
                            .scaled = &preflight->scale.decisions,
                            .forced = &preflight->fit.problems,
                            .quiet = lh_cli_has(args, "quiet"),
                            .view = lh_cli_stderr_live(),
                            .color = lh_cli_stderr_color() ? LH_COLOR_AUTO : LH_COLOR_NEVER};
  struct lh_run_result result;
  struct lh_err err = {0};
  if (run.quiet) lh_log_set_level(LH_LOG_WARNING);
  int code = lh_run(&run, &result, &err);
  int exit_code = 0;
  if (code < 0) exit_code = lh_cli_fail(exit_of_failure(&result, code), "%s", err.text);
  if (result.path != NULL) {
    int reported = report_run(args, source->config, &result);
    if (exit_code == 0) exit_code = reported;
  }
  free(result.path);
  return exit_code;
}

static int run_main(const struct lh_cli_args *args) {
  struct lh_source source;
  struct lh_preflight preflight = {0};
  int exit_code = check_reports(args);
  if (exit_code != 0) return exit_code;
  exit_code = lh_source_load(args, &source);
  if (exit_code == 0) exit_code = check_folders(args, source.config->run.store);
  if (exit_code == 0) exit_code = lh_source_care(&source, lh_cli_has(args, "yes"));
  if (exit_code == 0) exit_code = lh_preflight_make(&preflight, &source, args);
  if (exit_code == 0 && args->resumed != NULL && lh_plan_resume(source.config, args->resumed->held_ns) < 0)
    exit_code = lh_cli_fail(LH_EXIT_TESTER, "no memory for the rest of the plan");
  struct lh_lookers lookers;
  if (exit_code == 0) exit_code = lh_lookers_open(args, &lookers);
  if (exit_code == 0) {
    exit_code = run_source(args, &source, &preflight, &lookers);
    lh_lookers_close(&lookers);
  }
  lh_preflight_free(&preflight);
  lh_source_free(&source);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul run soak.yaml", "run a soak; the summary comes at the end on standard output"},
    {"longhaul run soak.yaml --duration 10m --set groups.chat.connections=100", "the same, shorter and smaller"},
    {"longhaul run soak.yaml --report night.html --report night.md", "write reports as well"},
    {"longhaul run --dashboard soak.yaml", "with a live page at http://127.0.0.1:8700/, and /metrics for Prometheus"},
    {"longhaul run soak.yaml --shard 2/8", "the second of eight hosts"},
    {"longhaul run ws://127.0.0.1:8080/ws -c 1000 -d 1m", "a quick look, with no file"},
    {"longhaul run http://127.0.0.1:8080/healthz -c 1000", "the same for keep-alive requests"},
    {0}};

static const struct lh_cli_option options[] = {
    LH_SOURCE_OPTIONS,
    {.name = "report",
     .argument = "FILE",
     .complete = LH_COMPLETE_FILE,
     .repeats = true,
     .help = "write a report after the run; the ending tells the format: .html, .md, .json, .csv, .xml (JUnit), .hlog, .txt; may be repeated"},
    {.name = "quiet", .letter = 'q', .help = "no live view and no progress lines; warnings, errors and the summary stay"},
    {.name = "yes", .help = "load targets outside of loopback and private networks without asking (authorized: true)"},
    LH_LOOKERS_OPTIONS,
    {.name = "fit", .help = "when the plan does not fit this host, begin it with as many clients of each group as do"},
    {.name = "force", .help = "begin although the plan does not fit this host"},
    {0}};

const struct lh_cli_command lh_cli_run = {
    .name = "run",
    .summary = "run a soak from a config, or a quick look at a URL",
    .usage = "CONFIG [OPTIONS]\n       longhaul run URL -c N -d TIME [OPTIONS]",
    .description = "Opens the connections of the config, holds them for the duration, and writes one run "
                   "file. CONFIG may be - for standard input. On a terminal a live view is shown, "
                   "elsewhere one line for each interval. Ctrl-C ends the run in order and still "
                   "reports; a second Ctrl-C ends it at once.",
    .examples = examples,
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .operand = "a config or a URL",
    .complete = LH_COMPLETE_FILE,
    .run = run_main};
