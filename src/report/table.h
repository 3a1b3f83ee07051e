/* A table of text, printed for a terminal or as Markdown.
 *
 * Glossary
 *   flexible   the column that gives way when the terminal is too narrow
 *   wide       left out on a terminal: Markdown has the room
 *   narrow     on a terminal alone, where it stands for a wide one
 *   state      an outcome ("worse", "better"): HTML gives it its colour
 *   filled     a flexible last column, which goes on in further lines where others are cut: sentences of ours
 *   verbatim   bytes of a peer: a code span in Markdown, so that they format, link and mention nothing
 */
#ifndef LONGHAUL_REPORT_TABLE_H
#define LONGHAUL_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "longhaul/base/buf.h"

enum { LH_TABLE_COLUMNS_MAX = 24, LH_TEXT_COLUMNS = 80 };

struct lh_column {
  const char *title;
  bool right, flexible, filled, wide, narrow, verbatim, state;
};

struct lh_table {
  const char *title;
  const struct lh_column *columns; /* borrowed */
  size_t column_count;
  char *note;   /* owned; stands below the table; NULL: nothing */
  char **cells; /* row by row; owned */
  size_t rows, room, left_out;
  bool failed; /* no memory for a row */
};

/* Copies column_count cells. NULL reads as "". */
void lh_table_add(struct lh_table *table, const char *const *cells);
void lh_table_free(struct lh_table *table);

int lh_table_text(const struct lh_table *table, bool color, struct lh_buf *out);
int lh_table_markdown(const struct lh_table *table, struct lh_buf *out);

/* Terminal: control characters become \xHH, so that a peer's text cannot steer the terminal. */
int lh_text_plain(const char *text, struct lh_buf *out);
/* Markdown: what would format is written with a backslash; lines become spaces. */
int lh_text_markdown(const char *text, struct lh_buf *out);
/* Words filled to LH_TEXT_COLUMNS; the first line begins with `first`, others with as many spaces. */
int lh_text_filled(const char *first, const char *text, struct lh_buf *out);

#endif
