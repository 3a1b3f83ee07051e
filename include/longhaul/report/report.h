/* One report model, rendered to every format. Renderers see no clock, host or locale: the same run file gives the same bytes.
 *
 * Glossary
 *   model   the JSON report of DESIGN.md as a jansson object; every format renders it and nothing else
 */
#ifndef LONGHAUL_REPORT_REPORT_H
#define LONGHAUL_REPORT_REPORT_H

#include <stdint.h>

#include <jansson.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

#define LH_REPORT_SCHEMA_VERSION 1

struct lh_report_args {
  const char *path;           /* run file */
  uint64_t from_ns, until_ns; /* part of the run, since its start; 0 and LH_NEVER: all of it */
};

int lh_report_model(const struct lh_report_args *args, json_t **model, struct lh_err *err);

enum lh_report_format { LH_REPORT_JSON, LH_REPORT_MARKDOWN, LH_REPORT_HTML, LH_REPORT_TEXT /* the summary after a run */ };
int lh_report_format_parse(const char *name, enum lh_report_format *format); /* json, md, html, text; -EINVAL */
/* color: only for LH_REPORT_TEXT. */
int lh_report_render(const json_t *model, enum lh_report_format format, int color, struct lh_buf *out, struct lh_err *err);
/* Exit code that the model's verdict asks for (DESIGN.md): 0, 1, 4 or 130. */
int lh_report_exit_code(const json_t *model);

#endif
