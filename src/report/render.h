/* The renderers of each format: a model in, bytes out. They see nothing else. */
#ifndef LONGHAUL_REPORT_RENDER_H
#define LONGHAUL_REPORT_RENDER_H

#include <stdbool.h>

#include <jansson.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

/* 0 or a negative errno of lh_buf; the caller has the words. */
int lh_render_json(const json_t *model, struct lh_buf *out);
int lh_render_text(const json_t *model, bool color, struct lh_buf *out);
int lh_render_markdown(const json_t *model, struct lh_buf *out);
int lh_render_html(const json_t *model, struct lh_buf *out);
int lh_render_csv(const json_t *model, struct lh_buf *out);
int lh_render_junit(const json_t *model, struct lh_buf *out);
/* The one that reads more than the model: the histograms of the run file that it names. A sentence when that fails. */
int lh_render_hlog(const json_t *model, struct lh_buf *out, struct lh_err *err);

/* One JSON value without spaces. in_script: `<`, `>` and `&` are written as \u003c and so on, so that no text can end the
 * <script> that holds it. */
int lh_json_write_compact(const json_t *value, bool in_script, struct lh_buf *out);

#endif
