/* A comparison as text, Markdown and one HTML page: the same words and tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/report/compare.h"
#include "report/compare_tables.h"
#include "report/html.h"
#include "report/look.h"
#include "report/render.h"
#include "report/show.h"
#include "report/table.h"

extern const unsigned char lh_embed_page_compare_css[], lh_embed_page_compare_js[];

static lh_compare_table_builder *const builders[] = {
#define X(name) lh_compare_table_##name,
    LH_COMPARE_TABLES_LIST(X)
#undef X
};
enum { BUILDERS = sizeof builders / sizeof *builders };

static const struct {
  const char *outcome, *word, *color, *sign;
} outcomes[] = {{"same", "SAME", "\x1b[1m", "🟰"},
                {"better", "BETTER", "\x1b[1m\x1b[32m", "✅"},
                {"worse", "WORSE", "\x1b[1m\x1b[31m", "❌"},
                {"mixed", "MIXED", "\x1b[1m\x1b[33m", "⚠️"},
                {"unclear", "UNCLEAR", "\x1b[1m\x1b[33m", "⚠️"},
                {"unknown", "UNKNOWN", "\x1b[1m\x1b[33m", "⚠️"}};

static size_t outcome_of(const json_t *comparison) {
  size_t i = 0, last = sizeof outcomes / sizeof *outcomes - 1;
  while (i < last && strcmp(outcomes[i].outcome, lh_look_text(comparison, "outcome"))) i++;
  return i;
}

/* "A  gateway, 2026-11-22 20:03:28 UTC, 30 min, failed" */
static int describe(const json_t *side, struct lh_buf *out) {
  int failed = lh_buf_addstr(out, lh_look_text(side, "name"));
  if (!failed)
    failed = lh_buf_addf(out, ", %s UTC, %s, %s", lh_show_time(lh_look_text(side, "started")).text,
                         lh_show_seconds(lh_look_number(side, "duration_s")).text, lh_look_text(side, "verdict"));
  if (!failed && lh_look_number(side, "shards") > 1)
    failed = lh_buf_addf(out, ", shard %.0f of %.0f", lh_look_number(side, "shard"), lh_look_number(side, "shards"));
  return failed;
}

typedef int put_text(const char *text, struct lh_buf *out);

static int put_side(const json_t *side, put_text *put, struct lh_buf *out) {
  struct lh_buf text = LH_BUF_INIT(1 << 16);
  int failed = describe(side, &text);
  if (!failed) failed = put(text.data, out);
  lh_buf_free(&text);
  return failed;
}

static const char *file_of(const json_t *side) {
  const char *file = lh_look_text(side, "file"), *slash = strrchr(file, '/');
  return slash ? slash + 1 : file;
}

/* ---- text ---- */

static int text_side(const json_t *comparison, const char *side, const char *label, struct lh_buf *out) {
  struct lh_buf text = LH_BUF_INIT(1 << 16);
  int failed = describe(lh_look(comparison, side), &text);
  if (!failed) failed = lh_text_filled(label, text.data, out);
  lh_buf_free(&text);
  return failed ? failed : lh_text_filled("     ", lh_look_text(lh_look(comparison, side), "headline"), out);
}

static int render_text(const json_t *comparison, bool color, struct lh_buf *out) {
  size_t n = outcome_of(comparison);
  int failed = lh_buf_addf(out, "%s%s%s\n", color ? outcomes[n].color : "", outcomes[n].word, color ? "\x1b[0m" : "");
  if (!failed) failed = lh_text_filled("", lh_look_text(comparison, "headline"), out);
  if (!failed) failed = lh_buf_addstr(out, "\n");
  if (!failed) failed = text_side(comparison, "a", "  A  ", out);
  if (!failed) failed = text_side(comparison, "b", "  B  ", out);
  for (size_t i = 0; i < BUILDERS && !failed; i++) {
    struct lh_table table = {0};
    builders[i](comparison, &table);
    failed = lh_table_text(&table, color, out);
    lh_table_free(&table);
  }
  const json_t *note;
  size_t i;
  if (!failed) failed = lh_buf_addstr(out, "\n");
  json_array_foreach(lh_look(comparison, "notes"), i, note) if (!failed) failed =
      lh_text_filled(i ? "          " : "Notes     ", json_string_value(note), out);
  return failed ? failed : lh_text_filled("Method    ", lh_look_text(comparison, "method.text"), out);
}

/* ---- Markdown ---- */

static int markdown_line(const char *before, const char *text, const char *after, struct lh_buf *out) {
  int failed = lh_buf_addstr(out, before);
  if (!failed) failed = lh_text_markdown(text, out);
  return failed ? failed : lh_buf_addstr(out, after);
}

static int markdown_side(const json_t *comparison, const char *side, const char *label, struct lh_buf *out) {
  const json_t *run = lh_look(comparison, side);
  int failed = lh_buf_addstr(out, label);
  if (!failed) failed = put_side(run, lh_text_markdown, out);
  return failed ? failed : markdown_line(": ", lh_look_text(run, "headline"), "\n", out);
}

static int render_markdown(const json_t *comparison, struct lh_buf *out) {
  size_t n = outcome_of(comparison);
  int failed = lh_buf_addf(out, "## %s %s: ", outcomes[n].sign, outcomes[n].outcome);
  if (!failed) failed = markdown_line("", lh_look_text(comparison, "b.name"), " against ", out);
  if (!failed) failed = markdown_line("", lh_look_text(comparison, "a.name"), "\n\n", out);
  if (!failed) failed = markdown_line("**", lh_look_text(comparison, "headline"), "**\n\n", out);
  if (!failed) failed = markdown_side(comparison, "a", "- A: ", out);
  if (!failed) failed = markdown_side(comparison, "b", "- B: ", out);
  for (size_t i = 0; i < BUILDERS && !failed; i++) {
    struct lh_table table = {0};
    builders[i](comparison, &table);
    failed = lh_table_markdown(&table, out);
    lh_table_free(&table);
  }
  const json_t *note;
  size_t i;
  if (!failed) failed = lh_buf_addstr(out, "\n### Notes\n\n");
  json_array_foreach(lh_look(comparison, "notes"), i, note) if (!failed) failed =
      markdown_line("- ", json_string_value(note), "\n", out);
  return failed ? failed : markdown_line("- ", lh_look_text(comparison, "method.text"), "\n", out);
}

/* ---- HTML ---- */

static int html_element(const char *tag, const char *class, const char *text, struct lh_buf *out) {
  int failed = lh_buf_addf(out, "<%s%s%s%s>", tag, *class ? " class=\"" : "", class, *class ? "\"" : "");
  if (!failed) failed = lh_html_text(text, out);
  return failed ? failed : lh_buf_addf(out, "</%s>\n", tag);
}

static int html_side(const json_t *comparison, const char *side, const char *label, struct lh_buf *out) {
  const json_t *run = lh_look(comparison, side);
  int failed = lh_buf_addf(out, "<div><h2>%s</h2>\n<p>", label);
  if (!failed) failed = put_side(run, lh_html_text, out);
  if (!failed) failed = lh_buf_addstr(out, "</p>\n");
  if (!failed) failed = html_element("p", "", lh_look_text(run, "headline"), out);
  if (!failed) failed = html_element("p", "soft", file_of(run), out);
  return failed ? failed : lh_buf_addstr(out, "</div>\n");
}

/* Where half of the values lie (box) and their median (line), A above B, on one scale from 0. */
static char *range_picture(const json_t *item) {
  double most = lh_look_number(item, "a.q3"), scale;
  if (lh_look_number(item, "b.q3") > most) most = lh_look_number(item, "b.q3");
  if (most <= 0) return strdup("");
  scale = 146 / most;
  struct lh_buf out = LH_BUF_INIT(1 << 12);
  int failed = lh_buf_addstr(&out, "<svg class=\"range\" viewBox=\"0 0 150 26\" aria-hidden=\"true\"><line x1=\"1\" y1=\"0\" x2=\"1\" y2=\"26\"/>");
  for (int n = 0; n < 2 && !failed; n++) {
    const json_t *side = lh_look(item, n ? "b" : "a");
    double low = 1 + scale * lh_look_number(side, "q1"), high = 1 + scale * lh_look_number(side, "q3");
    if (lh_look_is_null(side, "q1")) continue;
    failed = lh_buf_addf(&out, "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"9\"/>", n ? "b" : "a", low, n ? 14 : 3,
                         high - low < 2 ? 2 : high - low);
  }
  if (!failed) failed = lh_buf_addstr(&out, "</svg>");
  if (!failed) return out.data;
  lh_buf_free(&out);
  return NULL;
}

/* In the order of lh_compare_table_differences. */
static char **pictures(const json_t *comparison, size_t rows) {
  char **out = calloc(rows + 1, sizeof *out);
  size_t at = 0;
  for (size_t n = 0; out && lh_compare_outcomes[n]; n++) {
    const json_t *item;
    size_t i;
    json_array_foreach(lh_look(comparison, "differences"), i, item) {
      if (at < rows && strcmp(lh_look_text(item, "outcome"), lh_compare_outcomes[n]) == 0) out[at++] = range_picture(item);
    }
  }
  return out;
}

static int html_tables(const json_t *comparison, struct lh_buf *out) {
  int failed = 0;
  for (size_t i = 0; i < BUILDERS && !failed; i++) {
    struct lh_table table = {0};
    char **raw = NULL;
    builders[i](comparison, &table);
    if (builders[i] == lh_compare_table_differences) raw = pictures(comparison, table.rows);
    failed = lh_html_table(&table, "middle half of the values, A over B", raw, out);
    for (size_t r = 0; raw && r < table.rows; r++) free(raw[r]);
    free(raw);
    lh_table_free(&table);
  }
  return failed;
}

static int put_body(const json_t *comparison, struct lh_buf *out) {
  const char *outcome = lh_look_text(comparison, "outcome");
  char word[16];
  snprintf(word, sizeof word, "%.1s%s", outcomes[outcome_of(comparison)].word, *outcome ? outcome + 1 : "");
  int failed = lh_buf_addf(out, "<div class=\"lead\"><p class=\"verdict %s\">%s</p>\n<h1>", outcomes[outcome_of(comparison)].outcome, word);
  if (!failed) failed = lh_html_text(lh_look_text(comparison, "b.name"), out);
  if (!failed) failed = lh_buf_addstr(out, " against ");
  if (!failed) failed = lh_html_text(lh_look_text(comparison, "a.name"), out);
  if (!failed) failed = lh_buf_addstr(out, "</h1>\n");
  if (!failed) failed = html_element("p", "headline", lh_look_text(comparison, "headline"), out);
  if (!failed) failed = lh_buf_addstr(out, "<div class=\"sides\">\n");
  if (!failed) failed = html_side(comparison, "a", "A", out);
  if (!failed) failed = html_side(comparison, "b", "B", out);
  if (!failed) failed = lh_buf_addstr(out, "</div></div>\n");
  if (!failed) failed = html_tables(comparison, out);
  if (!failed) failed = lh_buf_addstr(out, "<section><h2>How this was compared</h2>\n<ul class=\"reasons\">\n");
  const json_t *note;
  size_t i;
  json_array_foreach(lh_look(comparison, "notes"), i, note) if (!failed) failed =
      html_element("li", "", json_string_value(note), out);
  if (!failed) failed = html_element("li", "", lh_look_text(comparison, "method.text"), out);
  return failed ? failed : lh_buf_addstr(out, "</ul></section>\n");
}

static int put_title(const json_t *comparison, struct lh_buf *out) {
  int failed = lh_html_text(lh_look_text(comparison, "b.name"), out);
  if (!failed) failed = lh_buf_addstr(out, " against ");
  if (!failed) failed = lh_html_text(lh_look_text(comparison, "a.name"), out);
  return failed ? failed : lh_buf_addstr(out, " - longhaul");
}

static int put_style(const json_t *comparison, struct lh_buf *out) {
  (void)comparison;
  return lh_buf_addstr(out, (const char *)lh_embed_page_compare_css);
}

static int put_kind(const json_t *comparison, struct lh_buf *out) {
  (void)comparison;
  return lh_buf_addstr(out, "comparison");
}

static int put_end(const json_t *comparison, struct lh_buf *out) {
  (void)comparison;
  return lh_buf_addf(out, "<footer><p>One file, no network: everything above comes from the two run files.</p></footer>\n<script>\n%s</script>",
                     (const char *)lh_embed_page_compare_js);
}

static int render_html(const json_t *comparison, struct lh_buf *out) {
  static const struct lh_page_holes holes = {.title = put_title, .style = put_style, .kind = put_kind, .main = put_body, .end = put_end};
  return lh_html_page(&holes, comparison, out);
}

int lh_compare_render(const json_t *comparison, enum lh_report_format format, int color, struct lh_buf *out,
                      struct lh_err *err) {
  int failed = -EINVAL;
  switch (format) {
  case LH_REPORT_JSON: failed = lh_render_json(comparison, out); break;
  case LH_REPORT_MARKDOWN: failed = render_markdown(comparison, out); break;
  case LH_REPORT_HTML: failed = render_html(comparison, out); break;
  case LH_REPORT_TEXT: failed = render_text(comparison, color != 0, out); break;
  default: return lh_err_set(err, EINVAL, "a comparison is written as html, md, json or text, not in this format");
  }
  if (failed == -ENOBUFS)
    return lh_err_set(err, failed, "the comparison is longer than the %zu bytes it was given", out->limit);
  return failed ? lh_err_set(err, failed, "no memory for the comparison") : 0;
}
