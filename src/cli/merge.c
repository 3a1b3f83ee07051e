#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/which_run.h"
#include "longhaul/report/report.h"
#include "longhaul/store/merge.h"

/* The merged run's headline, so that a wrong set of files is seen at once. */
static int tell(const char *out, const struct lh_merge_notes *notes, size_t count) {
  struct lh_report_args args = {.path = out, .until_ns = UINT64_MAX};
  struct lh_err err = {0};
  json_t *model = NULL;
  for (size_t i = 0; i < notes->count; i++) fprintf(stderr, "longhaul: %s\n", notes->items[i]);
  if (lh_report_model(&args, &model, &err) < 0) return lh_cli_fail(LH_EXIT_TESTER, "%s", err.text);
  struct lh_buf text = LH_BUF_INIT(1 << 16);
  int code = lh_buf_addf(&text, "%zu run files merged into %s\n%s: %s\n", count, out,
                         json_string_value(json_object_get(model, "verdict")), json_string_value(json_object_get(model, "headline")));
  json_decref(model);
  return lh_cli_print(&text, code);
}

static int merge_main(const struct lh_cli_args *args) {
  size_t count = args->operand_count - 1;
  char **paths = calloc(count, sizeof *paths);
  struct lh_merge_notes *notes = calloc(1, sizeof *notes);
  struct lh_err err = {0};
  int exit_code = paths != NULL && notes != NULL ? 0 : lh_cli_fail(LH_EXIT_TESTER, "no memory to merge");
  for (size_t i = 0; i < count && exit_code == 0; i++) exit_code = lh_which_run(args, args->operands[i + 1], &paths[i]);
  struct lh_merge_args merge = {.out = args->operands[0], .paths = (const char *const *)paths, .count = count};
  if (exit_code == 0 && lh_store_merge(&merge, notes, &err) < 0) exit_code = lh_cli_usage_error("%s", err.text);
  if (exit_code == 0) exit_code = tell(merge.out, notes, count);
  for (size_t i = 0; i < count && paths != NULL; i++) free(paths[i]);
  free(paths);
  free(notes);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul merge night.longhaul shard1.longhaul shard2.longhaul", "one run file of two shards, for every report"},
    {"longhaul merge whole.longhaul latest~1 latest", "a run that was stopped, and its rest from `longhaul resume`"},
    {0}};

static const struct lh_cli_option options[] = {
    {.name = "store", .argument = "DIR", .complete = LH_COMPLETE_FOLDER, .help = "folder of run files (default runs/)"}, {0}};

const struct lh_cli_command lh_cli_merge = {
    .name = "merge",
    .summary = "put the shards or resumed parts of one run into one run file",
    .usage = "OUT RUN RUN... [OPTIONS]",
    .description = "The run files must be different shards (--shard 1/2, --shard 2/2 and so on) of one config with one "
                   "seed. They are laid side by side by the time since each one's start. The parts of a run that was "
                   "resumed are laid one after the other; the time between them counts for no objective. What is missing or cut short is "
                   "said, and stands on the timeline of the merged run. The files stay as they are.",
    .examples = examples,
    .options = options,
    .operands_min = 3,
    .operands_max = 1 + LH_MERGE_MAX,
    .operand = "a new file and two run files or more",
    .complete = LH_COMPLETE_RUN,
    .run = merge_main};
