/* The option table for people at a terminal of 80 columns, and the same rows as JSON. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "nearest.h"
#include "row.h"
#include "rules.h"
#include "yaml_text.h"

enum { COLUMNS = 80, LABEL_COLUMNS = 12 };

struct page {
  struct lh_buf *out;
  int failed;
};

static void add(struct page *page, const char *text, size_t len) {
  if (!page->failed) page->failed = lh_buf_add(page->out, text, len);
}

/* Breaks at spaces so that no line passes COLUMNS; the first begins at `column`, the others at `indent`. A word that is too
 * long for a line stands on one of its own. */
static void add_wrapped(struct page *page, const char *text, size_t column, size_t indent) {
  static const char spaces[] = "                    ";
  bool line_begins = true;
  while (*text) {
    size_t word = strcspn(text, " ");
    if (!line_begins && column + 1 + word > COLUMNS) {
      add(page, "\n", 1);
      add(page, spaces, indent);
      column = indent;
      line_begins = true;
    }
    if (!line_begins) add(page, " ", 1);
    add(page, text, word);
    column += word + !line_begins;
    line_begins = false;
    text += word;
    while (*text == ' ') text++;
  }
  add(page, "\n", 1);
}

static void add_labelled(struct page *page, const char *label, const char *text) {
  char start[LABEL_COLUMNS + 1];
  int len = snprintf(start, sizeof start, "  %-10s", label);
  add(page, start, (size_t)len);
  add_wrapped(page, text, LABEL_COLUMNS, LABEL_COLUMNS);
}

/* "duration, default 10s" */
static const char *summary(const struct lh_option *row, char *out, size_t size) {
  bool has_default = row->preset && *row->preset && row->type != LH_OPTION_MAP;
  snprintf(out, size, "%s%s%s", type_name(row->type),
           row_is_required(row) ? ", required"
           : has_default        ? ", default "
                                : "",
           has_default ? row->preset : "");
  return out;
}

static const char *range_text(const struct lh_option *row, char *out, size_t size) {
  const char *dots = strstr(row->range, "..");
  snprintf(out, size, "%.*s to %s", (int)(dots - row->range), row->range, dots + 2);
  return out;
}

static void add_rules(struct page *page, const struct lh_option *row) {
  size_t count;
  const struct rule *all = rules(&count);
  const char *label = "rules";
  for (size_t i = 0; i < count; i++) {
    char key[128];
    snprintf(key, sizeof key, "%s%s%s", all[i].scope, *all[i].scope && *all[i].at ? "." : "", all[i].at);
    if (strcmp(key, row->key) != 0 || all[i].warning) continue;
    add_labelled(page, label, all[i].sentence);
    label = "";
  }
}

static void add_example(struct page *page, const struct lh_option *row) {
  bool is_text = row->type == LH_OPTION_STRING || row->type == LH_OPTION_TEMPLATE || row->type == LH_OPTION_FILE;
  struct lh_buf line = LH_BUF_INIT(1024);
  int failed = lh_buf_addf(&line, "%s: ", row_name(row));
  if (!failed) failed = is_text ? yaml_text_add(&line, row->example) : lh_buf_addstr(&line, row->example);
  if (!failed)
    add_labelled(page, "example", line.data);
  else if (!page->failed)
    page->failed = failed;
  lh_buf_free(&line);
}

static void add_row_in_full(struct page *page, const struct lh_option *row) {
  char text[512];
  add_wrapped(page, row->key, 0, 0);
  add(page, "  ", 2);
  add_wrapped(page, row->help, 2, 2);
  snprintf(text, sizeof text, "%s: %s", type_name(row->type), type_expected(row->type));
  bool is_plain = row->type == LH_OPTION_CHOICE || row->type == LH_OPTION_MAP || row->type == LH_OPTION_STRING;
  if (is_plain) snprintf(text, sizeof text, "%s", type_name(row->type));
  add_labelled(page, "type", text);
  if (row->type != LH_OPTION_MAP)
    add_labelled(page, "default", row_is_required(row) ? "none: it is required" : *row->preset ? row->preset : "none");
  if (row->range) add_labelled(page, "range", range_text(row, text, sizeof text));
  if (row->choices)
    add_labelled(page, row->type == LH_OPTION_CHOICE ? "choices" : "or", choices_text(row->choices, text, sizeof text));
  if (row->example && !row_is_item(row)) {
    add_example(page, row);
  }
  add_rules(page, row);
}

static void add_row_in_brief(struct page *page, const struct lh_option *row) {
  char line[256], brief[128];
  snprintf(line, sizeof line, "%s  (%s)", row->key, summary(row, brief, sizeof brief));
  add_wrapped(page, line, 0, 4);
  add(page, "    ", 4);
  add_wrapped(page, row->help, 4, 4);
}

/* ---- finding ---- */
/* The pattern that a concrete key has: "groups.chat.pin" is compared as "groups.*.pin". */
static void to_pattern(const char *key, char *out, size_t size) {
  size_t len = 0;
  int part = 0;
  bool named = strncmp(key, "groups.", 7) == 0 || strncmp(key, "targets.", 8) == 0;
  for (const char *at = key; *at && len + 3 < size;) {
    if (*at == '[') {
      len += (size_t)snprintf(out + len, size - len, "[]");
      at += strcspn(at, "]");
      at += *at == ']';
    } else if (part == 1 && named && at[-1] == '.') {
      out[len++] = '*';
      at += strcspn(at, ".[");
    } else {
      part += *at == '.';
      out[len++] = *at++;
    }
  }
  out[len] = 0;
}

static int unknown(const char *key, struct lh_err *err) {
  size_t count;
  const struct lh_option *rows = lh_options(&count);
  char pattern[256];
  struct nearest nearest = {0};
  const char *found = NULL;
  to_pattern(key, pattern, sizeof pattern);
  for (size_t i = 0; i < count; i++) nearest_try(&nearest, pattern, rows[i].key);
  found = nearest.word;
  if (!strpbrk(key, ".[")) { /* the last part alone */
    for (size_t i = 0; i < count; i++) {
      if (row_is_item(&rows[i])) continue;
      const char *before = nearest.word;
      nearest_try(&nearest, key, row_name(&rows[i]));
      if (nearest.word != before) found = rows[i].key;
    }
  }
  return lh_err_set(err, ENOENT, "unknown key \"%s\"; %s%s%s", key, found ? "did you mean " : "longhaul explain lists all keys",
                    found ? found : "", found ? "?" : "");
}

/* The rows at and below `key`: their first, and how many. */
static const struct lh_option *rows_at(const char *key, size_t *count, struct lh_err *err) {
  size_t all;
  const struct lh_option *rows = lh_options(&all), *row = key ? lh_option_find(key) : rows;
  if (!row) {
    unknown(key, err);
    return NULL;
  }
  *count = 1;
  size_t len = strlen(row->key);
  while (row + *count < rows + all &&
         (!key || (strncmp(row[*count].key, row->key, len) == 0 && strchr(".[", row[*count].key[len]))))
    ++*count;
  return row;
}

int lh_explain(const char *key, struct lh_buf *out, struct lh_err *err) {
  size_t count;
  const struct lh_option *rows = rows_at(key, &count, err);
  if (!rows) return -ENOENT;
  struct page page = {.out = out};
  if (key) add_row_in_full(&page, rows);
  if (key && count > 1) add(&page, "\n", 1);
  for (size_t i = key ? 1 : 0; i < count; i++)
    if (!row_is_item(&rows[i])) add_row_in_brief(&page, &rows[i]);
  return page.failed ? lh_err_set(err, page.failed, "out of memory while explaining") : 0;
}

static void add_json_row(struct json *json, const struct lh_option *row) {
  jtext_open(json, NULL, '{');
  jtext_string(json, "key", row->key);
  jtext_string(json, "type", type_name(row->type));
  jtext_raw(json, "required", row_is_required(row) ? "true" : "false");
  if (row->preset)
    jtext_string(json, "default", row->preset);
  else
    jtext_raw(json, "default", "null");
  if (row->range) jtext_string(json, "range", row->range);
  if (row->choices) {
    char word[256];
    snprintf(word, sizeof word, "%s", row->choices);
    jtext_open(json, "choices", '[');
    for (char *save = NULL, *at = strtok_r(word, "|", &save); at; at = strtok_r(NULL, "|", &save)) jtext_string(json, NULL, at);
    jtext_close(json, ']');
  }
  jtext_string(json, "help", row->help);
  if (row->example) jtext_string(json, "example", row->example);
  jtext_raw(json, "secret", row->secret ? "true" : "false");
  jtext_close(json, '}');
}

int lh_explain_json(const char *key, struct lh_buf *out, struct lh_err *err) {
  size_t count;
  const struct lh_option *rows = rows_at(key, &count, err);
  if (!rows) return -ENOENT;
  struct json json = {.out = out};
  jtext_open(&json, NULL, '[');
  for (size_t i = 0; i < count; i++) add_json_row(&json, &rows[i]);
  jtext_close(&json, ']');
  return json.failed ? lh_err_set(err, json.failed, "out of memory while explaining") : 0;
}
