/* One self-contained page: template, style, script, Chart.js and the model in one file that needs no network. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "longhaul/report/report.h"
#include "report/html.h"
#include "report/look.h"
#include "report/render.h"
#include "report/thin.h"

extern const unsigned char lh_embed_chart_min_js[];
/* X(file): in the order in which they build on each other. */
#define PAGE_SCRIPTS(X)                                                                                                        \
  X(page_format)                                                                                                               \
  X(page_dom)                                                                                                                  \
  X(page_thin)                                                                                                                 \
  X(page_series)                                                                                                               \
  X(page_view)                                                                                                                 \
  X(page_charts)                                                                                                               \
  X(page_percentiles)                                                                                                          \
  X(page_first)                                                                                                                \
  X(page_tables)                                                                                                               \
  X(page_about)                                                                                                                \
  X(page_specs)                                                                                                                \
  X(page_live)                                                                                                                 \
  X(page)
#define X(file) extern const unsigned char lh_embed_##file##_js[];
PAGE_SCRIPTS(X)
#undef X

static int put_connect(const json_t *model, struct lh_buf *out) {
  return model ? 0 : lh_buf_addstr(out, " connect-src 'self';");
}

static int put_kind(const json_t *model, struct lh_buf *out) {
  return lh_buf_addstr(out, model ? "soak report" : "run in progress");
}

static int put_title(const json_t *model, struct lh_buf *out) {
  if (!model) return lh_buf_addstr(out, "longhaul: run in progress");
  int failed = lh_html_text(lh_look_text(model, "run.name"), out);
  if (!failed) failed = lh_buf_addstr(out, ": ");
  if (!failed) failed = lh_html_text(lh_look_text(model, "verdict"), out);
  return failed ? failed : lh_buf_addstr(out, " - longhaul");
}

/* The whole text report stands in for the page where scripts are off. */
static int put_plain(const json_t *model, struct lh_buf *out) {
  struct lh_buf text = LH_BUF_INIT(1 << 24);
  int failed = model ? lh_render_text(model, false, &text) : lh_buf_addstr(&text, "This page needs scripts to follow the run.");
  if (!failed) failed = lh_buf_addstr(out, "<noscript><pre>\n");
  if (!failed) failed = lh_html_text(text.data, out);
  if (!failed) failed = lh_buf_addstr(out, "\n</pre></noscript>");
  lh_buf_free(&text);
  return failed;
}

/* The page is handed on: it names the run file, not the folders of whoever made it. */
json_t *lh_report_page_model(const json_t *model) {
  json_t *copy = json_copy((json_t *)(uintptr_t)model), *run = json_copy(json_object_get(model, "run"));
  const char *file = lh_look_text(model, "run.file"), *slash = strrchr(file, '/');
  json_t *series = lh_thin_series(json_object_get(model, "series"));
  int failed = !copy || !run || !series;
  if (!failed) failed = json_object_set_new(run, "file", json_string(slash ? slash + 1 : file));
  if (!failed) failed = json_object_set(copy, "run", run) || json_object_set(copy, "series", series);
  json_decref(run);
  json_decref(series);
  if (!failed) return copy;
  json_decref(copy);
  return NULL;
}

static int put_model(const json_t *model, struct lh_buf *out) {
  return model ? lh_json_write_compact(model, true, out) : lh_buf_addstr(out, "null");
}

static int put_script(struct lh_buf *out) {
  static const unsigned char *const parts[] = {
#define X(file) lh_embed_##file##_js,
      PAGE_SCRIPTS(X)
#undef X
  };
  int failed = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts && !failed; i++) failed = lh_buf_addstr(out, (const char *)parts[i]);
  return failed;
}

/* The model, Chart.js and the page's own script. */
static int put_end(const json_t *model, struct lh_buf *out) {
  int failed = lh_buf_addstr(out, "<script type=\"application/json\" id=\"model\">");
  if (!failed) failed = put_model(model, out);
  if (!failed) failed = lh_buf_addf(out, "</script>\n<script>\n%s\n</script>\n<script>\n", (const char *)lh_embed_chart_min_js);
  if (!failed) failed = put_script(out);
  return failed ? failed : lh_buf_addstr(out, "\n</script>");
}

/* model NULL: the page of a run in progress. */
static int fill_page(const json_t *model, struct lh_buf *out) {
  static const struct lh_page_holes holes = {
      .connect = put_connect, .title = put_title, .kind = put_kind, .main = put_plain, .end = put_end};
  return lh_html_page(&holes, model, out);
}

int lh_render_html(const json_t *model, struct lh_buf *out) {
  json_t *copy = lh_report_page_model(model);
  int failed = copy ? fill_page(copy, out) : -ENOMEM;
  json_decref(copy);
  return failed;
}

int lh_report_live_page(struct lh_buf *out) {
  return fill_page(NULL, out);
}

int lh_report_write_compact(const json_t *value, struct lh_buf *out) {
  return lh_json_write_compact(value, false, out);
}
