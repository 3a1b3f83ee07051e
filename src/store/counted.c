/* How often each client has sent each message that has a `count`: one row with the cells of the workers' ledger, for a later run
 * that goes on from this one. Each is written in 7 bits a byte, the lowest first (LEB128): mostly one byte. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/open.h"
#include "store/writer.h"

enum { CELL_BYTES_MAX = 10 };

static size_t write_cell(uint8_t *out, uint64_t value) {
  size_t len = 0;
  for (; value >= 0x80; value >>= 7) out[len++] = (uint8_t)(value | 0x80);
  out[len++] = (uint8_t)value;
  return len;
}

/* Bytes taken; 0: they end within the number, or make none. */
static size_t read_cell(const uint8_t *at, size_t len, uint64_t *value) {
  *value = 0;
  for (size_t i = 0; i < len && i < CELL_BYTES_MAX; i++) {
    *value |= (uint64_t)(at[i] & 0x7f) << (7 * i);
    if (!(at[i] & 0x80)) return i + 1;
  }
  return 0;
}

/* ---- writing ---- */

int lh_store_counted(struct lh_store *store, const uint64_t *cells, size_t count, struct lh_err *err) {
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  uint8_t *bytes = sqlite3_malloc64(count * CELL_BYTES_MAX);
  if (!bytes) return lh_store_broken(store, SQLITE_NOMEM, err);
  size_t len = 0;
  for (size_t i = 0; i < count; i++) len += write_cell(bytes + len, __atomic_load_n(&cells[i], __ATOMIC_RELAXED));
  if (len == store->counted_len && len > 0 && memcmp(bytes, store->counted, len) == 0) {
    sqlite3_free(bytes);
    return 0;
  }
  sqlite3_free(store->counted);
  store->counted = bytes;
  store->counted_len = len;
  sqlite3_stmt *insert = store->statements[LH_STATEMENT_COUNTED];
  int code = lh_sql_bind(insert, "ii", (int64_t)1, (int64_t)count);
  if (code == SQLITE_OK) code = sqlite3_bind_blob64(insert, 3, bytes, len, SQLITE_STATIC);
  if (code == SQLITE_OK) code = lh_sql_run(insert, "");
  return code == SQLITE_OK ? 0 : lh_store_broken(store, code, err);
}

/* ---- reading ---- */

static int take(const struct lh_reader *reader, sqlite3_stmt *row, uint64_t **cells, size_t *count, struct lh_err *err) {
  const uint8_t *at = sqlite3_column_blob(row, 1);
  size_t len = (size_t)sqlite3_column_bytes(row, 1), most = (size_t)sqlite3_column_int64(row, 0), n = 0;
  uint64_t *out = most <= len ? calloc(most ? most : 1, sizeof *out) : NULL;
  if (most <= len && !out) return lh_err_set(err, ENOMEM, "no memory for the counts of %s", reader->path);
  for (size_t used; out && n < most && (used = read_cell(at, len, &out[n])) > 0; n++) {
    at += used;
    len -= used;
  }
  if (!out || n < most || len > 0) {
    free(out);
    return lh_err_set(err, EBADMSG, "the run file %s is damaged: the counts of table counted make no sense", reader->path);
  }
  *cells = out;
  *count = most;
  return 0;
}

int lh_reader_counted(struct lh_reader *reader, uint64_t **cells, size_t *count, struct lh_err *err) {
  LH_SQL_SCOPED *select = NULL;
  int code = lh_sql_prepare(reader->db, "SELECT cells, sent FROM counted", &select);
  if (code == SQLITE_OK) code = sqlite3_step(select);
  *cells = NULL;
  *count = 0;
  if (code == SQLITE_ROW) return take(reader, select, cells, count, err);
  return code == SQLITE_DONE ? 0 : lh_sql_fail(err, reader->db, code, reader->path, LH_SQL_READING);
}
