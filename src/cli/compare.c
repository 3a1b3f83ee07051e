#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report_file.h"
#include "cli/which_run.h"
#include "longhaul/base/units.h"
#include "longhaul/report/compare.h"

static int choose_least(const struct lh_cli_args *args, double *least) {
  const char *text = lh_cli_value(args, "least");
  *least = 0;
  if (text == NULL || lh_parse_share(text, least) == 0) return 0;
  return lh_cli_usage_error("--least %s is not a share, such as 5%%", text);
}

static int render(const json_t *comparison, enum lh_report_format format, const char *output) {
  struct lh_buf out = LH_BUF_INIT(LH_REPORT_FILE_BYTES_MAX);
  struct lh_err err = {0};
  int code = lh_compare_render(comparison, format, lh_report_file_color(output, format), &out, &err);
  if (code == 0) code = lh_cli_write(output, &out, &err);
  lh_buf_free(&out);
  if (code == -EINVAL) return lh_cli_usage_error("%s", err.text);
  return code < 0 ? lh_cli_fail(lh_cli_exit_of_write(code), "%s", err.text) : LH_EXIT_PASSED;
}

static int compare(const struct lh_compare_args *compare, enum lh_report_format format, const char *output, bool fail_worse) {
  struct lh_err err = {0};
  json_t *comparison = NULL;
  if (lh_compare_model(compare, &comparison, &err) < 0) return lh_cli_usage_error("%s", err.text);
  int exit_code = render(comparison, format, output);
  if (exit_code == 0 && fail_worse && lh_compare_is_worse(comparison)) exit_code = LH_EXIT_SLO_FAILED;
  json_decref(comparison);
  return exit_code;
}

static int compare_main(const struct lh_cli_args *args) {
  const char *output = lh_cli_value(args, "output"), *fail_on = lh_cli_value(args, "fail-on");
  struct lh_compare_args pair = {0};
  enum lh_report_format format;
  char *a = NULL, *b = NULL;
  if (lh_cli_has(args, "schema")) return lh_cli_print_text(lh_compare_schema());
  if (args->operand_count != 2) return lh_cli_usage_error("compare needs two runs, not %zu; see longhaul compare --help", args->operand_count);
  if (output == NULL) output = "-";
  if (fail_on != NULL && strcmp(fail_on, "worse") != 0)
    return lh_cli_usage_error("--fail-on takes the word worse, not \"%s\"", fail_on);
  int exit_code = lh_report_file_choose(args, output, "html, md, json and text", &format);
  if (exit_code == 0) exit_code = choose_least(args, &pair.least);
  if (exit_code == 0) exit_code = lh_which_run(args, args->operands[0], &a);
  if (exit_code == 0) exit_code = lh_which_run(args, args->operands[1], &b);
  pair.a = a;
  pair.b = b;
  if (exit_code == 0) exit_code = compare(&pair, format, output, fail_on != NULL);
  free(a);
  free(b);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul compare latest~1 latest", "the last run against the one before it"},
    {"longhaul compare laptop.longhaul cloud.longhaul -o both.html", "the same config on two hosts, as a page"},
    {"longhaul compare runs/main.longhaul latest --fail-on worse --least 5%", "a gate for CI"},
    {0}};

static const struct lh_cli_option options[] = {
    LH_REPORT_FILE_OPTIONS("html md json text",
                           "html, md, json or text (default: by the ending of the output file, else text)"),
    {.name = "fail-on",
     .argument = "WHAT",
     .complete = LH_COMPLETE_WORDS,
     .words = "worse",
     .help = "worse: exit with 1 when anything is worse, or an objective that A held fails in B"},
    {.name = "least", .argument = "SHARE", .help = "latencies that changed by less than this are the same (default 0%)"},
    {.name = "schema", .help = "print the JSON Schema of the JSON comparison; no runs are needed"},
    {.name = "store", .argument = "DIR", .complete = LH_COMPLETE_FOLDER, .help = "folder of run files (default runs/)"},
    {0}};

const struct lh_cli_command lh_cli_compare = {
    .name = "compare",
    .summary = "two runs side by side: what is worse by more than noise",
    .usage = "A B [OPTIONS]",
    .description = "Shows objectives, interval values, totals, latencies, endings, host, limits and config of two "
                   "runs side by side. A difference counts as worse or better when it is more than the "
                   "runs' own spread from interval to interval (a Mann-Whitney U test with Cliff's delta); "
                   "warm-up, ramps and intervals in which the tester was late are left out of that. A and B "
                   "are run files, their names in the store folder, `latest`, or `latest~1` for the one before it.",
    .examples = examples,
    .options = options,
    .operands_min = 0,
    .operands_max = 2,
    .operand = "two runs: files, names, `latest` or `latest~1`",
    .complete = LH_COMPLETE_RUN,
    .run = compare_main};
