#include "report/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/utf8.h"

enum { GAP = 2, FLEXIBLE_LEAST = 8 };

void lh_table_add(struct lh_table *t, const char *const *cells) {
  if (t->rows == t->room) {
    size_t room = t->room ? t->room * 2 : 16;
    char **grown = realloc(t->cells, room * t->column_count * sizeof *grown);
    if (!grown) {
      t->failed = true;
      return;
    }
    t->cells = grown;
    t->room = room;
  }
  char **row = t->cells + t->rows++ * t->column_count;
  for (size_t c = 0; c < t->column_count; c++) {
    row[c] = strdup(cells[c] ? cells[c] : "");
    if (!row[c]) t->failed = true;
  }
}

void lh_table_free(struct lh_table *t) {
  if (!t) return;
  for (size_t i = 0; i < t->rows * t->column_count; i++) free(t->cells[i]);
  free(t->cells);
  free(t->note);
  t->cells = NULL;
  t->note = NULL;
  t->rows = t->room = 0;
}

/* ---- a terminal ---- */

/* Whether the character of `len` bytes would steer a terminal: C0, DEL, C1, and what turns the direction of writing. */
static bool is_control(const unsigned char *at, size_t len) {
  if (len == 1) return at[0] < 0x20 || at[0] == 0x7f;
  if (len == 2) return at[0] == 0xc2 && at[1] < 0xa0;
  if (len != 3 || at[0] != 0xe2) return false;
  return (at[1] == 0x80 && ((at[2] >= 0x8e && at[2] <= 0x8f) || (at[2] >= 0xaa && at[2] <= 0xae))) ||
         (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

int lh_text_plain(const char *text, struct lh_buf *out) {
  int failed = 0;
  while (*text && !failed) {
    const unsigned char *at = (const unsigned char *)text;
    size_t len = lh_utf8_len(text);
    if (len && !is_control(at, len))
      failed = lh_buf_add(out, text, len);
    else if (len == 3)
      failed = lh_buf_addf(out, "\\u%x", 0x2000u | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu));
    else
      failed = lh_buf_addf(out, "\\x%02x", len == 2 ? at[1] : at[0]);
    text += len ? len : 1;
  }
  return failed;
}

static int spaces(struct lh_buf *out, size_t count) {
  int failed = 0;
  while (count-- && !failed) failed = lh_buf_add(out, " ", 1);
  return failed;
}

/* Bytes of so many columns of text, or of all of it. */
static size_t bytes_of(const char *text, size_t columns) {
  size_t bytes = 0;
  while (columns-- && text[bytes]) {
    size_t len = lh_utf8_len(text + bytes);
    bytes += len ? len : 1;
  }
  return bytes;
}

/* One cell in its width: cut with an ellipsis, padded to the side that its alignment asks for. */
static int put_cell(struct lh_buf *out, const char *text, size_t width, bool right, bool last) {
  size_t columns = lh_utf8_columns(text);
  if (columns > width) {
    int failed = lh_buf_add(out, text, bytes_of(text, width ? width - 1 : 0));
    return failed ? failed : lh_buf_addstr(out, "…");
  }
  int failed = right ? spaces(out, width - columns) : 0;
  if (!failed) failed = lh_buf_addstr(out, text);
  return failed || right || last ? failed : spaces(out, width - columns);
}

/* Cells as they will stand on the terminal; the caller frees each. */
static char **plain_cells(const struct lh_table *t) {
  char **plain = calloc(t->rows * t->column_count + 1, sizeof *plain);
  for (size_t i = 0; plain && i < t->rows * t->column_count; i++) {
    struct lh_buf buf = LH_BUF_INIT(1 << 20);
    if (!lh_text_plain(t->cells[i], &buf))
      plain[i] = buf.data ? buf.data : strdup("");
    else
      lh_buf_free(&buf);
  }
  return plain;
}

static void measure(const struct lh_table *t, char *const *cells, size_t *width) {
  size_t total = 0;
  for (size_t c = 0; c < t->column_count; c++) {
    width[c] = 0;
    if (t->columns[c].wide) continue;
    width[c] = lh_utf8_columns(t->columns[c].title);
    for (size_t r = 0; r < t->rows; r++) {
      size_t columns = lh_utf8_columns(cells[r * t->column_count + c]);
      if (columns > width[c]) width[c] = columns;
    }
    total += width[c] + (total ? GAP : 0);
  }
  for (size_t c = 0; c < t->column_count && total > LH_TEXT_COLUMNS; c++) {
    if (!t->columns[c].flexible || t->columns[c].wide) continue;
    size_t over = total - LH_TEXT_COLUMNS;
    size_t fit = width[c] > over + FLEXIBLE_LEAST ? width[c] - over : FLEXIBLE_LEAST;
    if (fit >= width[c]) continue;
    total -= width[c] - fit;
    width[c] = fit;
  }
}

/* Bytes of text that fit into width columns: all of it, or up to a space, or as many as there is room for. */
static size_t fitting(const char *text, size_t width) {
  size_t bytes = bytes_of(text, width), space = bytes;
  if (!text[bytes] || text[bytes] == ' ') return bytes;
  while (space > 0 && text[space] != ' ') space--;
  return space > 0 ? space : bytes;
}

static int put_filled(struct lh_buf *out, const char *text, size_t at_column, size_t width) {
  size_t bytes = fitting(text, width);
  int failed = lh_buf_add(out, text, bytes);
  for (text += bytes; *text && !failed; text += bytes) {
    text += strspn(text, " ");
    bytes = fitting(text, width);
    failed = lh_buf_addstr(out, "\n");
    if (!failed) failed = spaces(out, at_column);
    if (!failed) failed = lh_buf_add(out, text, bytes);
  }
  return failed;
}

static int put_row(const struct lh_table *t, char *const *row, const size_t *width, struct lh_buf *out) {
  size_t last = 0, at_column = 0;
  for (size_t c = 0; c < t->column_count; c++)
    if (!t->columns[c].wide) last = c;
  int failed = 0;
  for (size_t c = 0; c <= last && !failed; c++) {
    if (t->columns[c].wide) continue;
    if (row && t->columns[c].filled && c == last) {
      failed = put_filled(out, row[c], at_column, width[c]);
      continue;
    }
    failed = put_cell(out, row ? row[c] : t->columns[c].title, width[c], t->columns[c].right, c == last);
    if (!failed && c < last) failed = spaces(out, GAP);
    at_column += width[c] + GAP;
  }
  return failed ? failed : lh_buf_addstr(out, "\n");
}

int lh_table_text(const struct lh_table *t, bool color, struct lh_buf *out) {
  size_t width[LH_TABLE_COLUMNS_MAX];
  assert(t->column_count <= LH_TABLE_COLUMNS_MAX);
  if (t->failed) return -ENOMEM;
  if (t->rows == 0) return 0;
  char **cells = plain_cells(t);
  int failed = cells ? 0 : -ENOMEM;
  for (size_t i = 0; cells && i < t->rows * t->column_count; i++)
    if (!cells[i]) failed = -ENOMEM;
  if (!failed) {
    measure(t, cells, width);
    failed = lh_buf_addf(out, "\n%s%s%s\n%s", color ? "\x1b[1m" : "", t->title, color ? "\x1b[0m" : "", color ? "\x1b[2m" : "");
    if (!failed) failed = put_row(t, NULL, width, out);
    if (!failed && color) failed = lh_buf_addstr(out, "\x1b[0m");
    for (size_t r = 0; r < t->rows && !failed; r++) failed = put_row(t, cells + r * t->column_count, width, out);
    if (!failed && t->left_out) failed = lh_buf_addf(out, "and %zu more: the JSON report has all\n", t->left_out);
    if (!failed && t->note) failed = lh_text_filled("  ", t->note, out);
  }
  for (size_t i = 0; cells && i < t->rows * t->column_count; i++) free(cells[i]);
  free(cells);
  return failed;
}

/* Bytes up to the next space at which a line may end: a number and its unit stay together. */
static size_t word_len(const char *at) {
  static const char *const units[] = {"%", "us", "ms", "s", "min", "h", "d", "B", "KiB", "MiB", "GiB"};
  size_t len = strcspn(at, " ");
  if (len == 0 || at[len] != ' ' || at[len - 1] < '0' || at[len - 1] > '9') return len;
  const char *next = at + len + 1;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    size_t unit = strlen(units[i]), end = strcspn(next, " ,;.:)");
    if (end == unit && memcmp(next, units[i], unit) == 0) return len + 1 + strcspn(next, " ");
  }
  return len;
}

int lh_text_filled(const char *first, const char *text, struct lh_buf *out) {
  struct lh_buf plain = LH_BUF_INIT(1 << 20);
  size_t indent = lh_utf8_columns(first), at_column = indent;
  int failed = lh_text_plain(text, &plain);
  if (!failed) failed = lh_buf_addstr(out, first);
  const char *at = plain.data ? plain.data : "";
  for (bool begun = false; *at && !failed; begun = true) {
    at += strspn(at, " ");
    size_t bytes = word_len(at);
    char word[256];
    if (bytes >= sizeof word) bytes = sizeof word - 1;
    memcpy(word, at, bytes);
    word[bytes] = 0;
    size_t columns = lh_utf8_columns(word);
    if (begun && at_column + 1 + columns > LH_TEXT_COLUMNS) {
      failed = lh_buf_addstr(out, "\n");
      if (!failed) failed = spaces(out, indent);
      at_column = indent;
    } else if (begun) {
      failed = lh_buf_addstr(out, " ");
      at_column++;
    }
    if (!failed) failed = lh_buf_addstr(out, word);
    at_column += columns;
    at += bytes;
  }
  lh_buf_free(&plain);
  return failed ? failed : lh_buf_addstr(out, "\n");
}

/* ---- Markdown ---- */

int lh_text_markdown(const char *text, struct lh_buf *out) {
  int failed = 0;
  for (; *text && !failed; text++) {
    if (strchr("\\`*_{}[]<>#|~&", *text))
      failed = lh_buf_addf(out, "\\%c", *text);
    else if ((unsigned char)*text < 0x20 || *text == 0x7f)
      failed = lh_buf_addstr(out, " ");
    else
      failed = lh_buf_add(out, text, 1);
  }
  return failed;
}

/* GFM splits a row at `|` even within a code span, unless it has its backslash. */
static int put_code(const char *text, struct lh_buf *out) {
  int failed = *text ? lh_buf_addstr(out, "`") : 0;
  for (const char *at = text; *at && !failed; at++) {
    if (*at == '|')
      failed = lh_buf_addstr(out, "\\|");
    else if (*at == '`')
      failed = lh_buf_addstr(out, "'");
    else if ((unsigned char)*at < 0x20 || *at == 0x7f)
      failed = lh_buf_addf(out, "\\x%02x", (unsigned char)*at);
    else
      failed = lh_buf_add(out, at, 1);
  }
  return failed || !*text ? failed : lh_buf_addstr(out, "`");
}

int lh_table_markdown(const struct lh_table *t, struct lh_buf *out) {
  if (t->failed) return -ENOMEM;
  if (t->rows == 0) return 0;
  int failed = lh_buf_addf(out, "\n### %s\n\n|", t->title);
  for (size_t c = 0; c < t->column_count && !failed; c++)
    if (!t->columns[c].narrow) failed = lh_buf_addf(out, " %s |", t->columns[c].title);
  if (!failed) failed = lh_buf_addstr(out, "\n|");
  for (size_t c = 0; c < t->column_count && !failed; c++)
    if (!t->columns[c].narrow) failed = lh_buf_addstr(out, t->columns[c].right ? " ---: |" : " --- |");
  if (!failed) failed = lh_buf_addstr(out, "\n");
  for (size_t r = 0; r < t->rows && !failed; r++) {
    failed = lh_buf_addstr(out, "|");
    for (size_t c = 0; c < t->column_count && !failed; c++) {
      const char *text = t->cells[r * t->column_count + c];
      if (t->columns[c].narrow) continue;
      failed = lh_buf_addstr(out, " ");
      if (!failed) failed = t->columns[c].verbatim ? put_code(text, out) : lh_text_markdown(text, out);
      if (!failed) failed = lh_buf_addstr(out, " |");
    }
    if (!failed) failed = lh_buf_addstr(out, "\n");
  }
  if (!failed && t->left_out) failed = lh_buf_addf(out, "\nand %zu more: the JSON report has all\n", t->left_out);
  if (!failed && t->note) failed = lh_buf_addstr(out, "\n");
  if (!failed && t->note) failed = lh_text_markdown(t->note, out);
  if (!failed && t->note) failed = lh_buf_addstr(out, "\n");
  return failed;
}
