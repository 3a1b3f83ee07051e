#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/moment.h"
#include "cli/report_file.h"
#include "cli/which_run.h"
#include "longhaul/base/clock.h"
#include "longhaul/store/reader.h"

/* What --from and --until say, since the start of the run: reports hold the clock in UTC, so that is what people have at hand. */
static int choose_span(const struct lh_cli_args *args, struct lh_report_args *report) {
  const struct {
    const char *option, *text;
    uint64_t *ns;
  } ends[] = {{"--from", lh_cli_value(args, "from"), &report->from_ns}, {"--until", lh_cli_value(args, "until"), &report->until_ns}};
  struct lh_reader *reader = NULL;
  struct lh_err err = {0};
  report->from_ns = 0;
  report->until_ns = UINT64_MAX;
  if (ends[0].text == NULL && ends[1].text == NULL) return 0;
  if (lh_reader_open(&reader, report->path, &err) < 0) return lh_cli_usage_error("%s", err.text);
  int64_t start_us = lh_reader_run(reader)->start_wall_us, from_us = start_us;
  lh_reader_close(reader);
  for (int i = 0; i < 2; i++) {
    int64_t at_us;
    if (ends[i].text == NULL) continue;
    if (lh_cli_moment(ends[i].option, ends[i].text, start_us, &at_us, &err) < 0) return lh_cli_usage_error("%s", err.text);
    if (at_us < start_us) return lh_cli_usage_error("%s %s is before the start of the run", ends[i].option, ends[i].text);
    if (i == 0) from_us = at_us;
    *ends[i].ns = (uint64_t)(at_us - start_us) * LH_NS_PER_US;
    if (i == 1 && at_us <= from_us)
      return lh_cli_usage_error("--from %s is not before --until %s", ends[0].text ? ends[0].text : "0s", ends[1].text);
  }
  return 0;
}

static int render(const struct lh_report_args *report, enum lh_report_format format, const char *output) {
  struct lh_err err = {0};
  json_t *model = NULL;
  int code = lh_report_model(report, &model, &err);
  if (code < 0) return lh_cli_usage_error("%s", err.text);
  code = lh_report_file_write(model, format, output, &err);
  json_decref(model);
  return code < 0 ? lh_cli_fail(lh_cli_exit_of_write(code), "%s", err.text) : LH_EXIT_PASSED;
}

static int report_main(const struct lh_cli_args *args) {
  const char *output = lh_cli_value(args, "output");
  struct lh_report_args report = {0};
  enum lh_report_format format;
  char *path = NULL;
  if (lh_cli_has(args, "schema")) return lh_cli_print_text(lh_report_schema());
  if (args->operand_count == 0) return lh_cli_usage_error("report needs a run file, or `latest`; see longhaul report --help");
  if (output == NULL) output = "-";
  int exit_code = lh_report_file_choose(args, output, "html, md, json, text, csv, junit and hlog", &format);
  if (exit_code == 0) exit_code = lh_which_run(args, args->operands[0], &path);
  report.path = path;
  if (exit_code == 0) exit_code = choose_span(args, &report);
  if (exit_code == 0) exit_code = render(&report, format, output);
  free(path);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul report latest", "the summary of the last run"},
    {"longhaul report latest -o night.html", "a page with charts in one file, for a browser, with no network"},
    {"longhaul report runs/chat-20261122-200328.longhaul --format json", "every number, for scripts"},
    {"longhaul report latest -o intervals.csv", "a row for each interval and group; .xml is JUnit, .hlog HdrHistogram's log"},
    {"longhaul report latest --format md --from 02:10 --until 02:30", "a part of the night, by the clock in UTC or as 2h10m since the start"},
    {0}};

static const struct lh_cli_option options[] = {
    LH_REPORT_FILE_OPTIONS("html md json text csv junit hlog",
                           "html, md, json, text, csv (a row for each interval and group), junit or hlog (HdrHistogram log); default: by the ending of the output file, else text"),
    {.name = "from", .argument = "TIME", .help = "begin at: " LH_MOMENT_FORMS},
    {.name = "until", .argument = "TIME", .help = "end there; written in the same ways"},
    {.name = "schema", .help = "print the JSON Schema of the JSON report; no RUN is needed"},
    {.name = "store", .argument = "DIR", .complete = LH_COMPLETE_FOLDER, .help = "folder of run files (default runs/)"},
    {0}};

const struct lh_cli_command lh_cli_report = {
    .name = "report",
    .summary = "render a run file: html, md, json, csv, junit, hlog, text",
    .usage = "RUN [OPTIONS]",
    .description = "RUN is a run file, its name in the store folder, `latest`, or `latest~1` for the one before it. The run may still be in "
                   "progress or have been cut short: the report covers what was stored. The exit code "
                   "tells whether the report was written, not the run's verdict.",
    .examples = examples,
    .options = options,
    .operands_min = 0,
    .operands_max = 1,
    .operand = "a run file, or `latest`",
    .complete = LH_COMPLETE_RUN,
    .run = report_main};
