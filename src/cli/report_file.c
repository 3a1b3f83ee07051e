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

int lh_report_file_write(const json_t *model, enum lh_report_format format, const char *path, struct lh_err *err) {
  struct lh_buf out = LH_BUF_INIT(LH_REPORT_FILE_BYTES_MAX);
  bool color = format == LH_REPORT_TEXT && strcmp(path, "-") == 0 && lh_cli_stdout_color();
  int code = lh_report_render(model, format, color, &out, err);
  if (code == 0) code = lh_cli_write(path, &out, err);
  lh_buf_free(&out);
  return code;
}
