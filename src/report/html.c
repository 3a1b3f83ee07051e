#include "report/html.h"

#include <errno.h>
#include <string.h>

#include "report/utf8.h"

extern const unsigned char lh_embed_page_html[], lh_embed_page_css[];

int lh_html_text(const char *text, struct lh_buf *out) {
  int failed = 0;
  while (*text && !failed) {
    size_t len = lh_utf8_len(text);
    if (len == 0)
      failed = lh_buf_addstr(out, "\xef\xbf\xbd");
    else if (len == 1 && strchr("<>&\"'", *text))
      failed = lh_buf_addf(out, "&#%d;", *text);
    else
      failed = lh_buf_add(out, text, len);
    text += len ? len : 1;
  }
  return failed;
}

static const struct {
  const char *word, *class;
} states[] = {{"worse", "state no"}, {"better", "state ok"}, {"unknown", "state unknown"}, {"unclear", "state unknown"}, {"differs", "state"}, {"same", "zero"}};

static const char *state_class(const char *word) {
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (strcmp(states[i].word, word) == 0) return states[i].class;
  return "";
}

static int put_cell(const struct lh_column *column, const char *text, bool heads, struct lh_buf *out) {
  const char *class = column->right ? "n" : column->verbatim ? "text" : column->flexible ? "" : "keep";
  int failed = lh_buf_addf(out, "<%s class=\"%s\">", heads ? "th scope=\"row\"" : "td", class);
  if (!failed && column->state) failed = lh_buf_addf(out, "<span class=\"%s\">", state_class(text));
  if (!failed && column->verbatim) failed = lh_buf_addstr(out, "<code>");
  if (!failed) failed = lh_html_text(text, out);
  if (!failed && column->verbatim) failed = lh_buf_addstr(out, "</code>");
  if (!failed && column->state) failed = lh_buf_addstr(out, "</span>");
  return failed ? failed : lh_buf_addf(out, "</%s>", heads ? "th" : "td");
}

static int put_head(const struct lh_table *t, const char *raw_title, struct lh_buf *out) {
  int failed = lh_buf_addstr(out, "<thead><tr>");
  for (size_t c = 0; c < t->column_count && !failed; c++) {
    if (t->columns[c].narrow) continue;
    failed = lh_buf_addf(out, "<th scope=\"col\"%s>", t->columns[c].right ? " class=\"n\"" : "");
    if (!failed) failed = lh_html_text(t->columns[c].title, out);
    if (!failed) failed = lh_buf_addstr(out, "</th>");
  }
  if (!failed && raw_title) failed = lh_buf_addf(out, "<th scope=\"col\">%s</th>", raw_title);
  return failed ? failed : lh_buf_addstr(out, "</tr></thead>\n<tbody>\n");
}

int lh_html_table(const struct lh_table *t, const char *raw_title, char *const *raw, struct lh_buf *out) {
  if (t->failed) return -ENOMEM;
  if (t->rows == 0) return 0;
  int failed = lh_buf_addstr(out, "<section><h2>");
  if (!failed) failed = lh_html_text(t->title, out);
  if (!failed) failed = lh_buf_addstr(out, "</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
  if (!failed) failed = lh_html_text(t->title, out);
  if (!failed) failed = lh_buf_addstr(out, "\"><table>\n");
  if (!failed) failed = put_head(t, raw ? raw_title : NULL, out);
  for (size_t r = 0; r < t->rows && !failed; r++) {
    bool first = true;
    failed = lh_buf_addstr(out, "<tr>");
    for (size_t c = 0; c < t->column_count && !failed; c++) {
      if (t->columns[c].narrow) continue;
      failed = put_cell(&t->columns[c], t->cells[r * t->column_count + c], first, out);
      first = false;
    }
    if (!failed && raw) failed = lh_buf_addf(out, "<td>%s</td>", raw[r] ? raw[r] : "");
    if (!failed) failed = lh_buf_addstr(out, "</tr>\n");
  }
  if (!failed) failed = lh_buf_addstr(out, "</tbody></table></div>\n");
  if (!failed && t->left_out) failed = lh_buf_addf(out, "<p class=\"about after\">and %zu more: the JSON has all</p>\n", t->left_out);
  return failed ? failed : lh_buf_addstr(out, "</section>\n");
}

/* ---- whole pages ---- */

static int put_style(const json_t *model, struct lh_buf *out) {
  (void)model;
  return lh_buf_addstr(out, (const char *)lh_embed_page_css);
}

int lh_html_page(const struct lh_page_holes *holes, const json_t *model, struct lh_buf *out) {
  const struct {
    const char *name;
    int (*put)(const json_t *model, struct lh_buf *out);
  } list[] = {{"{{connect}}", holes->connect}, {"{{title}}", holes->title}, {"{{css}}", put_style}, {"{{more}}", holes->style},
              {"{{kind}}", holes->kind},       {"{{main}}", holes->main},   {"{{end}}", holes->end}};
  const char *at = (const char *)lh_embed_page_html;
  int failed = 0;
  for (size_t i = 0; i < sizeof list / sizeof *list && !failed; i++) {
    const char *hole = strstr(at, list[i].name); /* the template holds each once, in this order */
    if (!hole) return -EINVAL;
    failed = lh_buf_add(out, at, (size_t)(hole - at));
    if (!failed && list[i].put) failed = list[i].put(model, out);
    at = hole + strlen(list[i].name);
  }
  return failed ? failed : lh_buf_addstr(out, at);
}
