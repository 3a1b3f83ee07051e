#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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
  char *headline;              /* NULL: there is none */
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
    free(rows->items[i].headline);
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
  const char *headline = json_string_value(json_object_get(model, "headline"));
  if (headline != NULL) row->headline = strdup(headline);
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
/* What `report` and the others take as RUN: the file's name without folder and ending. */
static int name_len(const struct row *row, const char **name) {
  const char *slash = strrchr(row->path, '/');
  *name = slash != NULL ? slash + 1 : row->path;
  return (int)(strlen(*name) - strlen(".longhaul"));
}

/* Characters, not bytes: each is taken for one column. */
static size_t columns_of(const char *text, size_t len) {
  size_t columns = 0;
  for (size_t i = 0; i < len; i++) columns += ((unsigned char)text[i] & 0xc0) != 0x80;
  return columns;
}

/* Words filled to the width, each line indented. */
static int add_filled(struct lh_buf *out, const char *text, size_t width) {
  enum { INDENT = 4 };
  size_t at = 0;
  int code = 0;
  while (*text != '\0' && code == 0) {
    size_t len = strcspn(text, " "), columns = columns_of(text, len);
    bool begin = at == 0 || at + 1 + columns > width;
    code = begin ? lh_buf_addf(out, "%s%*s", at > 0 ? "\n" : "", INDENT, "") : lh_buf_addstr(out, " ");
    if (code == 0) code = lh_buf_add(out, text, len);
    at = begin ? INDENT + columns : at + 1 + columns;
    text += len;
    while (*text == ' ') text++;
  }
  return code < 0 || at == 0 ? code : lh_buf_addstr(out, "\n");
}

static int add_unreadable(struct lh_buf *out, const struct row *row, size_t width) {
  char text[LH_ERR_TEXT_MAX + 512];
  bool named = strstr(row->state, row->path) != NULL;
  snprintf(text, sizeof text, "%s%s%s", named ? "" : row->path, named ? "" : ": ", row->state);
  int code = lh_buf_addstr(out, "cannot be read\n");
  return code < 0 ? code : add_filled(out, text, width);
}

static int add_row(struct lh_buf *out, const struct row *row, size_t width) {
  char when[32], length[32];
  const char *name;
  if (row->name == NULL) return add_unreadable(out, row, width);
  int len = name_len(row, &name);
  lh_format_utc(row->start_wall_us, when, sizeof when);
  size_t before = out->len;
  int code = lh_buf_addf(out, "%.10s %.8s  %-13s %-13s ", when, when + 11, row->state,
                         lh_format_duration_brief(row->length_ns, length, sizeof length));
  bool fits = columns_of(out->data + before, out->len - before) + columns_of(name, (size_t)len) <= width;
  if (code == 0 && !fits) code = lh_buf_addf(out, "\n%4s", "");
  if (code == 0) code = lh_buf_addf(out, "%.*s\n", len, name);
  return code < 0 || row->headline == NULL ? code : add_filled(out, row->headline, width);
}

static size_t width_of_stdout(void) {
  struct winsize size;
  enum { COLUMNS = 80 };
  bool known = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known && size.ws_col > COLUMNS ? size.ws_col : COLUMNS;
}

static int render_text(struct lh_buf *out, const struct rows *rows, size_t shown) {
  size_t width = width_of_stdout();
  int code = rows->count == 0 ? lh_buf_addstr(out, "no run files\n")
                              : lh_buf_addf(out, "%-20s %-13s %-13s %s\n", "start (UTC)", "verdict", "length", "run");
  for (size_t i = 0; i < shown && code == 0; i++) code = add_row(out, &rows->items[i], width);
  if (code == 0 && shown < rows->count)
    code = lh_buf_addf(out, "%zu older runs are left out: --all shows them\n", rows->count - shown);
  return code;
}

/* A text of the row, or null. */
static int add_json_text(struct lh_buf *out, const char *key, const char *text) {
  int code = lh_buf_addf(out, ", \"%s\": ", key);
  if (code < 0) return code;
  return text != NULL ? lh_buf_addjson(out, text) : lh_buf_addstr(out, "null");
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
    if (code == 0) code = add_json_text(out, "headline", row->headline);
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
    .summary = "list run files with start, verdict, length and headline",
    .usage = "[OPTIONS]",
    .description = "Each run has its name, which the other commands take, and its headline. A run that is still going is `running`; one that a crash ended is `cut short`, and its "
                   "report covers what was stored.",
    .examples = examples,
    .options = options,
    .operands_min = 0,
    .operands_max = 0,
    .operand = "",
    .complete = LH_COMPLETE_NOTHING,
    .run = runs_main};
