#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/moment.h"
#include "cli/which_run.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "longhaul/run/mark.h"
#include "longhaul/store/reader.h"

/* What the mark needs to know of its run. */
struct run {
  char *path;
  int64_t start_wall_us;
  uint64_t length_ns;
  bool unfinished;
};

static int read_run(struct run *run) {
  struct lh_reader *reader = NULL;
  struct lh_err err = {0};
  if (lh_reader_open(&reader, run->path, &err) < 0) return lh_cli_usage_error("%s", err.text);
  const struct lh_run_row *row = lh_reader_run(reader);
  run->start_wall_us = row->start_wall_us;
  run->length_ns = row->end_ns > row->start_ns ? row->end_ns - row->start_ns : 0;
  run->unfinished = row->how == LH_RUN_UNFINISHED;
  lh_reader_close(reader);
  return 0;
}

static int write_over(const struct run *run, int64_t at_wall_us, const char *text) {
  struct lh_err err = {0};
  int64_t since_us = at_wall_us - run->start_wall_us;
  if (since_us < 0 || (uint64_t)since_us * LH_NS_PER_US > run->length_ns) {
    char length[32];
    return lh_cli_usage_error("--at lies outside of the run, which lasted %s",
                              lh_format_duration_brief(run->length_ns, length, sizeof length));
  }
  if (lh_store_add_event(run->path, (uint64_t)since_us * LH_NS_PER_US, LH_EVENT_MARK, text, &err) < 0)
    return lh_cli_fail(LH_EXIT_TESTER, "%s", err.text);
  return 0;
}

/* A run without an end is in progress when somebody takes the mark; else a crash left it. */
static int put(const struct run *run, const char *at, int64_t at_wall_us, const char *text) {
  struct lh_err err = {0};
  if (run->unfinished) {
    if (at != NULL && at_wall_us > lh_wall_us()) return lh_cli_usage_error("--at %s lies ahead: the run is not there yet", at);
    int code = lh_mark_send(run->path, at_wall_us, text, &err);
    if (code == 0) return 0;
    if (code != -ETIMEDOUT || at == NULL) return lh_cli_usage_error("%s", err.text);
  } else if (at == NULL) {
    return lh_cli_usage_error("the run of %s is over: say with --at when the mark stands, such as --at 2h10m", run->path);
  }
  return write_over(run, at_wall_us, text);
}

static int mark(const struct lh_cli_args *args, struct run *run) {
  const char *at = lh_cli_value(args, "at"), *text = args->operands[1];
  int64_t at_wall_us = lh_wall_us();
  struct lh_err err = {0};
  if (text[strspn(text, " \t\n")] == '\0') return lh_cli_usage_error("a mark needs a text, such as \"deployed v2\"");
  if (strlen(text) > LH_MARK_TEXT_MAX)
    return lh_cli_usage_error("the text of a mark may have %d bytes, this one has %zu", LH_MARK_TEXT_MAX, strlen(text));
  int exit_code = lh_which_run(args, args->operands[0], &run->path);
  if (exit_code == 0) exit_code = read_run(run);
  if (exit_code == 0 && at != NULL && lh_cli_moment("--at", at, run->start_wall_us, &at_wall_us, &err) < 0)
    exit_code = lh_cli_usage_error("%s", err.text);
  if (exit_code == 0) exit_code = put(run, at, at_wall_us, text);
  if (exit_code != 0) return exit_code;
  char when[32], since[32];
  int64_t since_us = at_wall_us > run->start_wall_us ? at_wall_us - run->start_wall_us : 0;
  lh_format_utc(at_wall_us, when, sizeof when);
  printf("marked at %.10s %.8s UTC, %s into the run\n", when, when + 11,
         lh_format_duration_brief((uint64_t)since_us * LH_NS_PER_US, since, sizeof since));
  return LH_EXIT_PASSED;
}

static int mark_main(const struct lh_cli_args *args) {
  struct run run = {0};
  int exit_code = mark(args, &run);
  free(run.path);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul mark latest \"deployed v2\"", "a note on the timeline of the run in progress"},
    {"longhaul mark latest \"failover test\" --at 2h10m", "two hours and ten minutes after the start, also after the run"},
    {0}};

static const struct lh_cli_option options[] = {
    {.name = "at",
     .argument = "TIME",
     .help = "when: " LH_MOMENT_FORMS "; default: now"},
    {.name = "store", .argument = "DIR", .complete = LH_COMPLETE_FOLDER, .help = "folder of run files (default runs/)"},
    {0}};

const struct lh_cli_command lh_cli_mark = {
    .name = "mark",
    .summary = "put a note on the timeline of a run",
    .usage = "RUN TEXT [OPTIONS]",
    .description = "The note stands on every chart and in every report. RUN is a run file, its name in the store "
                   "folder, or `latest`. A run in progress takes the mark within a second or two; to a run that "
                   "is over it is added at the time given with --at.",
    .examples = examples,
    .options = options,
    .operands_min = 2,
    .operands_max = 2,
    .operand = "a run and a text",
    .complete = LH_COMPLETE_RUN,
    .run = mark_main};
