/* The whole config as commented YAML: every row with its default or an example. Keys that exclude another, and files, which
 * would have to exist, are commented out, so that it loads as it is. */
#include <stdio.h>
#include <string.h>

#include "row.h"
#include "yaml_text.h"

enum { COLUMNS = 100 };

struct writer {
  struct lh_buf *out;
  int failed;
  unsigned level;
  unsigned off_level; /* from this column on lines are commented out; 0: they are not */
};

static void add(struct writer *writer, const char *text, size_t len) {
  if (!writer->failed) writer->failed = lh_buf_add(writer->out, text, len);
}

static void add_str(struct writer *writer, const char *text) {
  add(writer, text, strlen(text));
}

static void begin_line(struct writer *writer) {
  unsigned outer = writer->off_level ? writer->off_level - 1 : writer->level;
  if (!writer->failed) writer->failed = yaml_text_indent(writer->out, outer);
  if (!writer->off_level) return;
  add_str(writer, "# ");
  if (!writer->failed) writer->failed = yaml_text_indent(writer->out, writer->level - outer);
}

static void add_comment(struct writer *writer, const char *text) {
  size_t width = COLUMNS - 2 * writer->level - 2 - (writer->off_level ? 2 : 0);
  while (*text) {
    size_t len = strlen(text);
    if (len > width) {
      for (len = width; len && text[len] != ' ';) len--;
      if (!len) len = strcspn(text, " ");
    }
    begin_line(writer);
    add_str(writer, "# ");
    add(writer, text, len);
    add_str(writer, "\n");
    text += len;
    while (*text == ' ') text++;
  }
}

/* "Duration, 1ms to 1h; default 5s." */
static void add_facts(struct writer *writer, const struct lh_option *row) {
  char facts[512], choices[256];
  const char *dots = row->range ? strstr(row->range, "..") : NULL;
  bool is_choice = row->type == LH_OPTION_CHOICE;
  int len = snprintf(facts, sizeof facts, "%s",
                     is_choice ? choices_text(row->choices, choices, sizeof choices) : type_name(row->type));
  if (dots)
    len += snprintf(facts + len, sizeof facts - (size_t)len, ", %.*s to %s", (int)(dots - row->range), row->range, dots + 2);
  if (row->choices && !is_choice)
    len += snprintf(facts + len, sizeof facts - (size_t)len, ", or %s", choices_text(row->choices, choices, sizeof choices));
  if (row_is_required(row))
    snprintf(facts + len, sizeof facts - (size_t)len, "; required");
  else if (*row->preset && row->type != LH_OPTION_MAP)
    snprintf(facts + len, sizeof facts - (size_t)len, "; default %s", row->preset);
  add_comment(writer, facts);
}

static void write_rows(struct writer *writer, const struct lh_option *parent);

static void write_container(struct writer *writer, const struct lh_option *row) {
  begin_line(writer);
  add_str(writer, row_name(row));
  add_str(writer, ":\n");
  writer->level++;
  if (row->type == LH_OPTION_MAP) {
    write_rows(writer, row);
  } else {
    const struct lh_option *item = row_next_child(row, NULL);
    begin_line(writer);
    if (row->type == LH_OPTION_NAMED) add_str(writer, item->example);
    add_str(writer, row->type == LH_OPTION_NAMED ? ":\n" : "-\n");
    writer->level++;
    write_rows(writer, item);
    writer->level--;
  }
  writer->level--;
}

static void write_scalar(struct writer *writer, const struct lh_option *row) {
  const char *value = row->example ? row->example : row->preset;
  begin_line(writer);
  add_str(writer, row_name(row));
  add_str(writer, ": ");
  bool is_text = row->type == LH_OPTION_STRING || row->type == LH_OPTION_TEMPLATE || row->type == LH_OPTION_URL ||
                 row->type == LH_OPTION_FILE;
  if (!is_text)
    add_str(writer, value);
  else if (!writer->failed)
    writer->failed = yaml_text_add(writer->out, value);
  add_str(writer, "\n");
}

static void write_row(struct writer *writer, const struct lh_option *row) {
  bool is_container = row->type == LH_OPTION_MAP || row->type == LH_OPTION_NAMED || row->type == LH_OPTION_LIST;
  bool turns_off = !writer->off_level && (row->landing->alternative || row->type == LH_OPTION_FILE);
  if (is_container && !writer->off_level) add_str(writer, "\n");
  add_comment(writer, row->help);
  if (!is_container || row->choices) add_facts(writer, row);
  if (turns_off) writer->off_level = writer->level + 1;
  if (is_container)
    write_container(writer, row);
  else
    write_scalar(writer, row);
  if (turns_off) writer->off_level = 0;
}

static void write_rows(struct writer *writer, const struct lh_option *parent) {
  for (const struct lh_option *row = NULL; (row = row_next_child(parent, row));) write_row(writer, row);
}

int lh_explain_reference(struct lh_buf *out) {
  struct writer writer = {.out = out};
  add_str(&writer, "# Every key of a longhaul config, each with its default or an example. What excludes another key is\n"
                   "# commented out. Any text may hold ${env.NAME} or ${env.NAME:-default}; keys at the top that begin\n"
                   "# with x- are left alone, for anchors.\n");
  write_rows(&writer, NULL);
  return writer.failed;
}
