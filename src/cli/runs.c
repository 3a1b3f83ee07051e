#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "longhaul/host/host.h"
#include "longhaul/report/report.h"
#include "longhaul/store/reader.h"

enum { RUNS_SHOWN = 20, RUNS_BYTES_MAX = 16 << 20 };

/* What the list says of one run file. */
struct row {
  char *path;
  char *name; /* NULL: the file cannot be read, `state` says why */
  int64_t start_wall_us;
  uint64_t length_ns;
  char state[LH_ERR_TEXT_MAX]; /* verdict, or why there is none */
  double availability;         /* percent; negative: not known */
  uint64_t drops;
};

struct rows {
  struct row *items;
  size_t count;
};

static void free_rows(struct rows *rows) {
  for (size_t i = 0; i < rows->count; i++) {
    free(rows->items[i].path);
    free(rows->items[i].name);
  }
  free(rows->items);
}

/* ---- finding and reading ---- */
static int add_file(struct rows *rows, const char *folder, const char *file) {
  struct row *items = realloc(rows->items, (rows->count + 1) * sizeof *items);
  if (items == NULL) return -ENOMEM;
  rows->items = items;
  items[rows->count] = (struct row){.availability = -1};
  if (asprintf(&items[rows->count].path, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", file) < 0)
    return -ENOMEM;
  rows->count++;
  return 0;
}

static int list_folder(struct rows *rows, const char *folder, struct lh_err *err) {
  static const char ending[] = ".longhaul";
  DIR *dir = opendir(folder);
  if (dir == NULL)
    return lh_err_set(err, errno, "cannot read the store folder %s: %s; give another one with --store", folder,
                      strerror(errno));
  int code = 0;
  for (struct dirent *entry; code == 0 && (entry = readdir(dir)) != NULL;) {
    size_t len = strlen(entry->d_name);
    if (len > sizeof ending - 1 && strcmp(entry->d_name + len - (sizeof ending - 1), ending) == 0)
      code = add_file(rows, folder, entry->d_name);
  }
  closedir(dir);
  return code < 0 ? lh_err_set(err, ENOMEM, "no memory for the list of %s", folder) : 0;
}

/* A run in progress stores an interval every so often: all there is to go by for a file that another machine writes. */
static bool was_stored_lately(const struct lh_run_row *run, uint64_t length_ns) {
  int64_t stored_wall_us = run->start_wall_us + (int64_t)(length_ns / LH_NS_PER_US);
  int64_t patience_us = (int64_t)(2 * run->interval_ns / LH_NS_PER_US) + 5000000;
  return lh_wall_us() - stored_wall_us < patience_us;
}

static void read_facts(struct row *row) {
  struct lh_reader *reader = NULL;
  struct lh_err err = {0};
  if (lh_reader_open(&reader, row->path, &err) < 0) {
    snprintf(row->state, sizeof row->state, "%s", err.text);
    return;
  }
  const struct lh_run_row *run = lh_reader_run(reader);
  row->name = strdup(run->name);
  row->start_wall_us = run->start_wall_us;
  uint64_t end_ns = run->end_ns != 0 ? run->end_ns : run->start_ns + run->interval_count * run->interval_ns;
  row->length_ns = end_ns > run->start_ns ? end_ns - run->start_ns : 0;
  if (run->how == LH_RUN_UNFINISHED) {
    enum lh_process_state process = lh_host_process_state(run->process);
    bool runs = process == LH_PROCESS_UNKNOWN ? was_stored_lately(run, row->length_ns) : process == LH_PROCESS_RUNS;
    snprintf(row->state, sizeof row->state, "%s", runs ? "running" : "cut short");
  }
  lh_reader_close(reader);
}

static void read_verdict(struct row *row) {
  struct lh_report_args args = {.path = row->path, .until_ns = UINT64_MAX};
  json_t *model = NULL;
  struct lh_err err = {0};
  if (row->name == NULL) return;
  if (lh_report_model(&args, &model, &err) < 0) {
    snprintf(row->state, sizeof row->state, "%s", err.text);
    return;
  }
  const json_t *totals = json_object_get(model, "totals");
  const json_t *availability = json_object_get(totals, "availability_percent");
  const char *verdict = json_string_value(json_object_get(model, "verdict"));
  if (json_is_number(availability)) row->availability = json_number_value(availability);
  row->drops = (uint64_t)json_integer_value(json_object_get(totals, "drops"));
  if (row->state[0] == '\0') snprintf(row->state, sizeof row->state, "%s", verdict != NULL ? verdict : "no verdict");
  json_decref(model);
}

static int newest_first(const void *a, const void *b) {
  const struct row *x = a, *y = b;
  if (x->start_wall_us != y->start_wall_us) return x->start_wall_us < y->start_wall_us ? 1 : -1;
  return strcmp(x->path, y->path);
}

/* ---- printing ---- */
static int add_row(struct lh_buf *out, const struct row *row) {
  char when[32], length[32], availability[32] = "-";
  if (row->name == NULL && strstr(row->state, row->path) != NULL) return lh_buf_addf(out, "%s\n", row->state);
  if (row->name == NULL) return lh_buf_addf(out, "%s: %s\n", row->path, row->state);
  lh_format_utc(row->start_wall_us, when, sizeof when);
  if (row->availability >= 0) snprintf(availability, sizeof availability, "%.3f %%", row->availability);
  return lh_buf_addf(out, "%.10s %.8s  %-20s %-14s %-13s %11s %8" PRIu64 "  %s\n", when, when + 11, row->name,
                     lh_format_duration_brief(row->length_ns, length, sizeof length), row->state, availability, row->drops,
                     row->path);
}

static int render_text(struct lh_buf *out, const struct rows *rows, size_t shown) {
  int code = rows->count == 0 ? lh_buf_addstr(out, "no run files\n")
                              : lh_buf_addf(out, "%-20s %-20s %-14s %-13s %11s %8s  %s\n", "start (UTC)", "name", "length",
                                            "verdict", "available", "drops", "file");
  for (size_t i = 0; i < shown && code == 0; i++) code = add_row(out, &rows->items[i]);
  if (code == 0 && shown < rows->count)
    code = lh_buf_addf(out, "%zu older runs are left out: --all shows them\n", rows->count - shown);
  return code;
}

static int add_json_row(struct lh_buf *out, const struct row *row) {
  char when[32];
  int code = lh_buf_addstr(out, "{\"path\": ");
  if (code == 0) code = lh_buf_addjson(out, row->path);
  if (code == 0 && row->name == NULL) code = lh_buf_addstr(out, ", \"error\": ");
  if (code == 0 && row->name != NULL) {
    code = lh_buf_addstr(out, ", \"name\": ");
    if (code == 0) code = lh_buf_addjson(out, row->name);
    if (code == 0)
      code = lh_buf_addf(out, ", \"started\": \"%s\", \"length_s\": %.3f, \"drops\": %" PRIu64 ", \"availability_percent\": ",
                         lh_format_utc(row->start_wall_us, when, sizeof when), (double)row->length_ns / 1e9, row->drops);
    if (code == 0) code = row->availability >= 0 ? lh_buf_addf(out, "%.6f", row->availability) : lh_buf_addstr(out, "null");
    if (code == 0) code = lh_buf_addstr(out, ", \"verdict\": ");
  }
  if (code == 0) code = lh_buf_addjson(out, row->state);
  return code < 0 ? code : lh_buf_addstr(out, "}");
}

static int render_json(struct lh_buf *out, const struct rows *rows, size_t shown) {
  int code = lh_buf_addstr(out, "[");
  for (size_t i = 0; i < shown && code == 0; i++) {
    code = lh_buf_addstr(out, i > 0 ? ",\n " : "\n ");
    if (code == 0) code = add_json_row(out, &rows->items[i]);
  }
  return code < 0 ? code : lh_buf_addstr(out, "\n]\n");
}

/* ---- the command ---- */
static int runs_main(const struct lh_cli_args *args) {
  const char *store = lh_cli_value(args, "store");
  struct rows rows = {0};
  struct lh_err err = {0};
  struct lh_buf out = LH_BUF_INIT(RUNS_BYTES_MAX);
  if (store == NULL) store = "runs";
  if (store[0] == '\0') return lh_cli_usage_error("--store needs the name of a folder");
  if (list_folder(&rows, store, &err) < 0) {
    free_rows(&rows);
    return lh_cli_usage_error("%s", err.text);
  }
  for (size_t i = 0; i < rows.count; i++) read_facts(&rows.items[i]);
  if (rows.count > 0) qsort(rows.items, rows.count, sizeof *rows.items, newest_first);
  bool json = lh_cli_has(args, "json");
  size_t shown = rows.count <= RUNS_SHOWN || json || lh_cli_has(args, "all") ? rows.count : RUNS_SHOWN;
  for (size_t i = 0; i < shown; i++) read_verdict(&rows.items[i]);
  int code = json ? render_json(&out, &rows, shown) : render_text(&out, &rows, shown);
  free_rows(&rows);
  return lh_cli_print(&out, code);
}

static const struct lh_cli_example examples[] = {
    {"longhaul runs", "the last runs, newest first"},
    {"longhaul runs --store /var/lib/longhaul --json", "all runs of a folder, for scripts"},
    {0}};

static const struct lh_cli_option options[] = {
    {.name = "store", .argument = "DIR", .complete = LH_COMPLETE_FOLDER, .help = "folder of run files (default runs/)"},
    {.name = "all", .help = "also older runs than the last 20"},
    {.name = "json", .help = "print JSON, all runs"},
    {0}};

const struct lh_cli_command lh_cli_runs = {
    .name = "runs",
    .summary = "list run files with start, length and verdict",
    .usage = "[OPTIONS]",
    .description = "A run that is still going is `running`; one that a crash ended is `cut short`, and its "
                   "report covers what was stored.",
    .examples = examples,
    .options = options,
    .operands_min = 0,
    .operands_max = 0,
    .operand = "",
    .complete = LH_COMPLETE_NOTHING,
    .run = runs_main};
