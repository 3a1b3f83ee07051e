#include "report/render.h"

#include <errno.h>
#include <string.h>

#include "longhaul/report/report.h"

static const struct {
  const char *name;
  enum lh_report_format format;
} names[] = {
    {"json", LH_REPORT_JSON}, {"md", LH_REPORT_MARKDOWN}, {"markdown", LH_REPORT_MARKDOWN},
    {"html", LH_REPORT_HTML}, {"text", LH_REPORT_TEXT},   {"txt", LH_REPORT_TEXT},          {"csv", LH_REPORT_CSV},
    {"junit", LH_REPORT_JUNIT}, {"xml", LH_REPORT_JUNIT}, {"hlog", LH_REPORT_HLOG},
};

int lh_report_format_parse(const char *name, enum lh_report_format *format) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(name, names[i].name)) continue;
    *format = names[i].format;
    return 0;
  }
  return -EINVAL;
}

int lh_report_render(const json_t *model, enum lh_report_format format, int color, struct lh_buf *out, struct lh_err *err) {
  int failed = -EINVAL;
  struct lh_err why = {0};
  switch (format) {
  case LH_REPORT_JSON: failed = lh_render_json(model, out); break;
  case LH_REPORT_MARKDOWN: failed = lh_render_markdown(model, out); break;
  case LH_REPORT_HTML: failed = lh_render_html(model, out); break;
  case LH_REPORT_TEXT: failed = lh_render_text(model, color != 0, out); break;
  case LH_REPORT_CSV: failed = lh_render_csv(model, out); break;
  case LH_REPORT_JUNIT: failed = lh_render_junit(model, out); break;
  case LH_REPORT_HLOG: failed = lh_render_hlog(model, out, &why); break;
  }
  if (failed == -ENOBUFS)
    return lh_err_set(err, failed,
                      "the report is longer than the %zu bytes it was given: report a part of the run with --from and --until",
                      out->limit);
  if (failed && why.text[0]) return lh_err_set(err, failed, "%s", why.text);
  if (failed == -ENOMEM) return lh_err_set(err, failed, "no memory for the report");
  return failed ? lh_err_set(err, failed, "this format of report is not known") : 0;
}

extern const unsigned char lh_embed_report_schema_json[];

const char *lh_report_schema(void) {
  return (const char *)lh_embed_report_schema_json;
}
