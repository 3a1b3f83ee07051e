/* Any bytes as a CSV file: refused with a sentence, or an image whose cells, written out as CSV again, give the same cells. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"
#include "longhaul/config/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds) {
  if (!holds) abort();
}

static struct lh_cell cell_of(const struct lh_data *rows, uint32_t row, uint32_t column) {
  return row ? lh_data_cell(rows, row - 1, column) : lh_data_column_name(rows, column);
}

/* Every field in quotes. */
static void write_csv(const struct lh_data *rows, struct lh_buf *out) {
  for (uint32_t row = 0; row <= lh_data_rows(rows); row++)
    for (uint32_t c = 0; c < lh_data_columns(rows); c++) {
      struct lh_cell cell = cell_of(rows, row, c);
      check(lh_buf_addstr(out, c ? ",\"" : "\"") == 0);
      for (size_t i = 0; i < cell.len; i++) check(lh_buf_add(out, cell.at[i] == '"' ? "\"\"" : &cell.at[i], cell.at[i] == '"' ? 2 : 1) == 0);
      check(lh_buf_addstr(out, c + 1 == lh_data_columns(rows) ? "\"\r\n" : "\"") == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct lh_data *rows = NULL, *again = NULL;
  struct lh_err err = {0};
  int failed = lh_data_new(&rows, (const char *)data, size, &err);
  check(failed ? !rows && *err.text : rows && lh_data_rows(rows) > 0);
  if (failed) return 0;
  struct lh_buf text = LH_BUF_INIT(64 << 20);
  write_csv(rows, &text);
  check(lh_data_new(&again, text.data, text.len, &err) == 0);
  check(lh_data_rows(again) == lh_data_rows(rows) && lh_data_columns(again) == lh_data_columns(rows));
  for (uint32_t row = 0; row <= lh_data_rows(rows); row++)
    for (uint32_t c = 0; c < lh_data_columns(rows); c++) {
      struct lh_cell a = cell_of(rows, row, c), b = cell_of(again, row, c);
      check(a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
      if (row) check(a.len <= lh_data_longest(rows, c));
    }
  lh_data_free(rows);
  lh_data_free(again);
  lh_buf_free(&text);
  return 0;
}
