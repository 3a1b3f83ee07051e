/* The summary after a run: 80 columns, readable without colour. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report/brief.h"
#include "report/look.h"
#include "report/prose.h"
#include "report/render.h"
#include "report/table.h"
#include "report/tables.h"

enum { FINDINGS_MAX = 10 }; /* the most serious come first */

#define BOLD "\x1b[1m"
#define RED "\x1b[31m"
#define GREEN "\x1b[32m"
#define YELLOW "\x1b[33m"
#define PLAIN "\x1b[0m"

static const struct {
  const char *verdict, *word, *color;
} words[] = {{"passed", "PASSED", BOLD GREEN}, {"failed", "FAILED", BOLD RED}, {"inconclusive", "INCONCLUSIVE", BOLD YELLOW}};

static int put_brief(const json_t *model, struct lh_buf *out) {
  static const struct {
    const char *key, *label;
  } parts[] = {
#define X(name, label) {#name, label},
      LH_BRIEF_LIST(X)
#undef X
  };
  int failed = lh_buf_addstr(out, "\n");
  for (size_t i = 0; i < sizeof parts / sizeof *parts && !failed; i++) {
    char label[16];
    snprintf(label, sizeof label, "%-10s", parts[i].label);
    failed = lh_text_filled(label, lh_look_text(lh_look(model, "brief"), parts[i].key), out);
  }
  return failed;
}

static int put_verdict(const json_t *model, bool color, struct lh_buf *out) {
  size_t i = 0;
  while (i + 1 < sizeof words / sizeof *words && strcmp(words[i].verdict, lh_look_text(model, "verdict"))) i++;
  int failed = lh_buf_addf(out, "%s%s%s  ", color ? words[i].color : "", words[i].word, color ? PLAIN : "");
  if (!failed) failed = lh_text_plain(lh_look_text(model, "run.name"), out);
  if (!failed) failed = lh_buf_addstr(out, "\n");
  struct lh_buf run = LH_BUF_INIT(1 << 16);
  if (!failed) failed = lh_prose_run(model, &run);
  if (!failed) failed = lh_text_filled("", run.data, out);
  lh_buf_free(&run);
  if (!failed) failed = lh_buf_addstr(out, "\n");
  if (!failed) failed = lh_text_filled("", lh_look_text(model, "headline"), out);
  const json_t *reason;
  size_t n;
  json_array_foreach(lh_look(model, "verdict_reasons"), n, reason) if (!failed) failed =
      lh_text_filled("  - ", json_string_value(reason), out);
  return failed ? failed : put_brief(model, out);
}

static int put_findings(const json_t *model, bool color, struct lh_buf *out) {
  const json_t *findings = lh_look(model, "findings"), *finding;
  if (json_array_size(findings) == 0) return 0;
  int failed = lh_buf_addf(out, "\n%sFindings%s\n", color ? BOLD : "", color ? PLAIN : "");
  size_t i;
  json_array_foreach(findings, i, finding) {
    if (i == FINDINGS_MAX && !failed)
      failed =
          lh_buf_addf(out, "  and %zu more: the HTML and JSON reports have all\n", json_array_size(findings) - FINDINGS_MAX);
    if (i >= FINDINGS_MAX) break;
    bool serious = strcmp(lh_look_text(finding, "severity"), "serious") == 0;
    if (!failed) failed = lh_text_filled(serious ? "  ! " : "  - ", lh_look_text(finding, "sentence"), out);
    if (!failed && *lh_look_text(finding, "evidence")) failed = lh_text_filled("    ", lh_look_text(finding, "evidence"), out);
  }
  return failed;
}

/* "Tester  ..." with the prose filled beside it; nothing when there is none. */
static int put_labelled(const char *label, int (*prose)(const json_t *, struct lh_buf *), const json_t *model,
                        struct lh_buf *out) {
  struct lh_buf text = LH_BUF_INIT(1 << 16);
  int failed = prose(model, &text);
  if (!failed && text.len) failed = lh_text_filled(label, text.data, out);
  lh_buf_free(&text);
  return failed;
}

int lh_render_text(const json_t *model, bool color, struct lh_buf *out) {
  static lh_table_builder *const builders[] = {
#define X(name) lh_table_##name,
      LH_TABLES_LIST(X)
#undef X
  };
  int failed = put_verdict(model, color, out);
  for (size_t i = 0; i < sizeof builders / sizeof *builders && !failed; i++) {
    struct lh_table table = {0};
    builders[i](model, &table);
    failed = lh_table_text(&table, color, out);
    lh_table_free(&table);
  }
  if (!failed) failed = put_findings(model, color, out);
  if (!failed) failed = lh_buf_addstr(out, "\n");
  if (!failed) failed = put_labelled("Tester    ", lh_prose_tester, model, out);
  if (!failed) failed = put_labelled("Network   ", lh_prose_network, model, out);
  if (!failed) failed = put_labelled("Left out  ", lh_prose_left_out, model, out);
  if (!failed) failed = put_labelled("Host      ", lh_prose_host, model, out);
  if (!failed) failed = put_labelled("Limits    ", lh_prose_limits, model, out);
  if (!failed && !lh_look_is_null(model, "run.note"))
    failed = lh_text_filled("Note      ", lh_look_text(model, "run.note"), out);
  if (!failed) failed = lh_buf_addstr(out, "Run file  ");
  if (!failed) failed = lh_text_plain(lh_look_text(model, "run.file"), out); /* never wrapped: people copy it */
  return failed ? failed : lh_buf_addstr(out, "\n");
}
