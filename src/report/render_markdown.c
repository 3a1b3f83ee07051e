/* For a pull-request comment or a job's summary: the same tables, each under its heading. */
#include <string.h>

#include "report/brief.h"
#include "report/look.h"
#include "report/prose.h"
#include "report/render.h"
#include "report/table.h"
#include "report/tables.h"

enum { FINDINGS_MAX = 15 }; /* the most serious come first */

static int put_line(const char *before, const char *text, const char *after, struct lh_buf *out) {
  int failed = lh_buf_addstr(out, before);
  if (!failed) failed = lh_text_markdown(text, out);
  return failed ? failed : lh_buf_addstr(out, after);
}

static int put_head(const json_t *model, struct lh_buf *out) {
  const char *verdict = lh_look_text(model, "verdict");
  const char *sign = strcmp(verdict, "passed") == 0 ? "✅" : strcmp(verdict, "failed") == 0 ? "❌" : "⚠️";
  int failed = lh_buf_addf(out, "## %s %s: ", sign, verdict);
  if (!failed) failed = put_line("", lh_look_text(model, "run.name"), "\n\n", out);
  if (!failed) failed = put_line("**", lh_look_text(model, "headline"), "**\n\n", out);
  const json_t *reason;
  size_t i;
  json_array_foreach(lh_look(model, "verdict_reasons"), i, reason) if (!failed) failed =
      put_line("- ", json_string_value(reason), "\n", out);
#define X(name, label) \
  if (!failed) failed = put_line("- **" label ":** ", lh_look_text(model, "brief." #name), "\n", out);
  LH_BRIEF_LIST(X)
#undef X
  return failed;
}

static int put_findings(const json_t *model, struct lh_buf *out) {
  const json_t *findings = lh_look(model, "findings"), *finding;
  if (json_array_size(findings) == 0) return 0;
  int failed = lh_buf_addstr(out, "\n### Findings\n\n");
  size_t i;
  json_array_foreach(findings, i, finding) {
    if (i == FINDINGS_MAX && !failed)
      failed =
          lh_buf_addf(out, "\nand %zu more: the HTML and JSON reports have all\n", json_array_size(findings) - FINDINGS_MAX);
    if (i >= FINDINGS_MAX) break;
    bool serious = strcmp(lh_look_text(finding, "severity"), "serious") == 0;
    if (!failed) failed = put_line(serious ? "- **" : "- ", lh_look_text(finding, "sentence"), serious ? "**" : "", out);
    if (!failed && *lh_look_text(finding, "evidence")) failed = put_line(" ", lh_look_text(finding, "evidence"), "", out);
    if (!failed) failed = lh_buf_addf(out, " (confidence %.0f %%)\n", 100 * lh_look_number(finding, "confidence"));
  }
  return failed;
}

static int put_labelled(const char *label, int (*prose)(const json_t *, struct lh_buf *), const json_t *model,
                        struct lh_buf *out) {
  struct lh_buf text = LH_BUF_INIT(1 << 16);
  int failed = prose(model, &text);
  if (!failed && text.len) failed = put_line(label, text.data, "\n", out);
  lh_buf_free(&text);
  return failed;
}

int lh_render_markdown(const json_t *model, struct lh_buf *out) {
  static lh_table_builder *const builders[] = {
#define X(name) lh_table_##name,
      LH_TABLES_LIST(X)
#undef X
  };
  int failed = put_head(model, out);
  for (size_t i = 0; i < sizeof builders / sizeof *builders && !failed; i++) {
    struct lh_table table = {0};
    builders[i](model, &table);
    failed = lh_table_markdown(&table, out);
    lh_table_free(&table);
  }
  if (!failed) failed = put_findings(model, out);
  if (!failed) failed = lh_buf_addstr(out, "\n### Run\n\n");
  if (!failed) failed = put_labelled("- Run: ", lh_prose_run, model, out);
  if (!failed) failed = put_labelled("- Tester: ", lh_prose_tester, model, out);
  if (!failed) failed = put_labelled("- Network: ", lh_prose_network, model, out);
  if (!failed) failed = put_labelled("- Left out: ", lh_prose_left_out, model, out);
  if (!failed) failed = put_labelled("- Host: ", lh_prose_host, model, out);
  if (!failed) failed = put_labelled("- Limits: ", lh_prose_limits, model, out);
  if (!failed && !lh_look_is_null(model, "run.note")) failed = put_line("- Note: ", lh_look_text(model, "run.note"), "\n", out);
  return failed;
}
