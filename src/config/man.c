/* The CONFIGURATION section of the man page. */
#include <stdio.h>
#include <string.h>

#include "row.h"

int lh_explain_roff(struct lh_buf *out, const char *text) {
  static const char *const escapes[][2] = {{"\\", "\\e"}, {"-", "\\-"}, {"'", "\\(aq"}, {"`", "\\(ga"}};
  bool line_begins = true;
  int failed = 0;
  for (; *text && !failed; text++) {
    const char *escape = NULL;
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
      if (*text == *escapes[i][0]) escape = escapes[i][1];
    if (line_begins && (*text == '.' || *text == '\'')) failed = lh_buf_addstr(out, "\\&");
    line_begins = *text == '\n';
    if (!failed) failed = escape ? lh_buf_addstr(out, escape) : lh_buf_add(out, text, 1);
  }
  return failed;
}

static int add_facts(struct lh_buf *out, const struct lh_option *row) {
  char facts[512], choices[256];
  const char *dots = row->range ? strstr(row->range, "..") : NULL;
  int len = snprintf(facts, sizeof facts, " (%s", type_name(row->type));
  if (dots)
    len += snprintf(facts + len, sizeof facts - (size_t)len, ", %.*s to %s", (int)(dots - row->range), row->range, dots + 2);
  if (row->choices)
    len += snprintf(facts + len, sizeof facts - (size_t)len, "%s%s", row->type == LH_OPTION_CHOICE ? ": " : ", or ",
                    choices_text(row->choices, choices, sizeof choices));
  if (row_is_required(row))
    len += snprintf(facts + len, sizeof facts - (size_t)len, "; required");
  else if (*row->preset && row->type != LH_OPTION_MAP)
    len += snprintf(facts + len, sizeof facts - (size_t)len, "; default %s", row->preset);
  snprintf(facts + len, sizeof facts - (size_t)len, ")");
  return lh_explain_roff(out, facts);
}

static int add_row(struct lh_buf *out, const struct lh_option *row) {
  bool is_section = !strpbrk(row->key, ".[");
  int failed = lh_buf_addstr(out, is_section ? ".SS " : ".TP\n.B ");
  if (!failed) failed = lh_explain_roff(out, row->key);
  if (!failed) failed = lh_buf_addstr(out, "\n");
  if (!failed) failed = lh_explain_roff(out, row->help);
  if (!failed && row->type != LH_OPTION_MAP) failed = add_facts(out, row);
  return failed ? failed : lh_buf_addstr(out, "\n");
}

int lh_explain_man(struct lh_buf *out) {
  size_t count;
  const struct lh_option *rows = lh_options(&count);
  int failed =
      lh_buf_addstr(out, ".SH CONFIGURATION\n"
                         "A config is a YAML file. In the keys below, * stands for a name of your choice and [] for an "
                         "item of a list. Durations take us, ms, s, m, h, d; sizes B, KiB, MiB, GiB; rates /s, /m, /h.\n");
  for (size_t i = 0; i < count && !failed; i++)
    if (!row_is_item(&rows[i])) failed = add_row(out, &rows[i]);
  return failed;
}
