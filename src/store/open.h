/* What the files of the reader share. */
#ifndef LONGHAUL_SRC_STORE_OPEN_H
#define LONGHAUL_SRC_STORE_OPEN_H

#include "longhaul/store/reader.h"
#include "store/salvage.h"
#include "store/sql.h"

/* What table reasons says, by the file's own numbers. */
struct lh_reason_row {
  int64_t id;
  uint8_t stage, reason;
  char unknown[LH_CLOSE_TEXT_MAX]; /* names that this version does not know; "" when it knows both */
};

struct lh_reader {
  sqlite3 *db;
  char *path;
  char *note;
  bool is_salvaged; /* db holds what could be read of the file */
  struct lh_run_row run;
  struct lh_group_row *groups; /* run.group_count of them */
  char **texts;                /* owns the strings of run and groups */
  size_t text_count, text_room;
  struct lh_reason_row *reasons; /* rising id */
  size_t reason_count;
};

/* Looks at the first bytes of the file, without SQLite: its size, its kind, its schema version. `path` may be anything. */
int lh_reader_check(const char *path, struct lh_file_cut *cut, struct lh_err *err);
/* Fills db, and note where there is something to say. Returns SQLite's code; SQLITE_CORRUPT as well when pages are damaged
 * of which nobody would know before they are read. */
int lh_reader_open_database(struct lh_reader *reader);
/* A WAL stands beside the file: it may hold pages that the file itself lacks. */
bool lh_reader_has_wal(const char *path);

#endif
