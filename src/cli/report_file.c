#include "cli/report_file.h"

#include <errno.h>
#include <string.h>

int lh_report_file_format(const char *path, enum lh_report_format *format, struct lh_err *err) {
  const char *dot = strrchr(path, '.');
  const char *name = dot == NULL || strchr(dot, '/') != NULL ? "" : strcmp(dot, ".txt") == 0 ? "text" : dot + 1;
  if (lh_report_format_parse(name, format) == 0) return 0;
  return lh_err_set(err, EINVAL, "the name %s does not tell the format of the report: end it in .html, .md, .json, "
                    ".csv, .xml (JUnit), .hlog or .txt",
                    path);
}

int lh_report_file_choose(const struct lh_cli_args *args, const char *output, const char *known, enum lh_report_format *format) {
  const char *name = lh_cli_value(args, "format");
  struct lh_err err = {0};
  *format = LH_REPORT_TEXT;
  if (lh_cli_has(args, "json")) {
    if (name != NULL && strcmp(name, "json") != 0) return lh_cli_usage_error("--json and --format %s are two formats; give one", name);
    name = "json";
  }
  if (name != NULL) {
    if (lh_report_format_parse(name, format) == 0) return 0;
    return lh_cli_usage_error("there is no format \"%s\": it is one of %s", name, known);
  }
  if (strcmp(output, "-") == 0 || lh_report_file_format(output, format, &err) == 0) return 0;
  return lh_cli_usage_error("%s, or give --format", err.text);
}

bool lh_report_file_color(const char *path, enum lh_report_format format) {
  return format == LH_REPORT_TEXT && strcmp(path, "-") == 0 && lh_cli_stdout_color();
}

int lh_report_file_write(const json_t *model, enum lh_report_format format, const char *path, struct lh_err *err) {
  struct lh_buf out = LH_BUF_INIT(LH_REPORT_FILE_BYTES_MAX);
  int code = lh_report_render(model, format, lh_report_file_color(path, format), &out, err);
  if (code == 0) code = lh_cli_write(path, &out, err);
  lh_buf_free(&out);
  return code;
}
