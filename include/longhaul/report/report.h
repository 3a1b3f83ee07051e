/* One report model, rendered to every format. Renderers see no clock, host or locale: the same run file gives the same bytes.
 *
 * Glossary
 *   model   the JSON report of DESIGN.md as a jansson object; every format renders it and nothing else
 */
#ifndef LONGHAUL_REPORT_REPORT_H
#define LONGHAUL_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

#define LH_REPORT_SCHEMA_VERSION 1

struct lh_report_args {
  const char *path;           /* run file */
  uint64_t from_ns, until_ns; /* part of the run, since its start; 0 and LH_NEVER: all of it */
  bool in_progress;           /* the run goes on: that it has no end is no doubt, and the verdict is the one so far */
};

int lh_report_model(const struct lh_report_args *args, json_t **model, struct lh_err *err);

enum lh_report_format {
  LH_REPORT_JSON,
  LH_REPORT_MARKDOWN,
  LH_REPORT_HTML,
  LH_REPORT_TEXT,  /* the summary after a run */
  LH_REPORT_CSV,   /* a row for each interval and group */
  LH_REPORT_JUNIT, /* a test case for each objective, and one for the verdict */
  LH_REPORT_HLOG   /* histograms of each interval, from the run file that the model names */
};
/* json, md, html, text, csv, junit, hlog and what files end in; -EINVAL */
int lh_report_format_parse(const char *name, enum lh_report_format *format);
/* color: only for LH_REPORT_TEXT. */
int lh_report_render(const json_t *model, enum lh_report_format format, int color, struct lh_buf *out, struct lh_err *err);
/* The model as the page holds it: series thinned to what a screen can show, the run file without its folders. A new
 * reference, NULL when memory is out. */
json_t *lh_report_page_model(const json_t *model);
/* The page without a run: it fetches the model, and what changes, from the WebSocket of the server that it came from. */
int lh_report_live_page(struct lh_buf *out);
/* A value as JSON in one line, as the page reads it. 0 or a negative errno of lh_buf. */
int lh_report_write_compact(const json_t *value, struct lh_buf *out);
/* Exit code that the model's verdict asks for (DESIGN.md): 0, 1, 4 or 130. */
int lh_report_exit_code(const json_t *model);

/* JSON Schema (2020-12) of the JSON report. */
const char *lh_report_schema(void);

#endif
