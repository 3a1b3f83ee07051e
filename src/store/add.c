/* What is added to a run file after its run. */
#include <errno.h>
#include <string.h>

#include "longhaul/store/reader.h"
#include "store/open.h"
#include "store/writer.h"

/* One short transaction. The file stays in the journal mode that it has. */
static int insert(sqlite3 *db, uint64_t since_start_ns, enum lh_event_kind kind, const char *text) {
  LH_SQL_SCOPED *statement = NULL;
  int code = lh_sql_exec(db, "BEGIN IMMEDIATE");
  if (code == SQLITE_OK) code = lh_sql_prepare(db, "INSERT INTO events (at_ns, kind, group_no, text, details) VALUES (?,?,?,?,?)", &statement);
  if (code == SQLITE_OK)
    code = lh_sql_run(statement, "itntt", (int64_t)since_start_ns, lh_event_name(kind), (uint32_t)LH_NO_GROUP, text, NULL);
  return code == SQLITE_OK ? lh_sql_exec(db, "COMMIT") : code;
}

int lh_store_add_event(const char *path, uint64_t since_start_ns, enum lh_event_kind kind, const char *text, struct lh_err *err) {
  struct lh_reader *reader = NULL;
  int failed = lh_reader_open(&reader, path, err); /* whether it is a run file that this version may write to */
  if (!failed && reader->is_salvaged)
    failed = lh_err_set(err, EBADMSG, "the run file %s is cut off or damaged: it can be read, but nothing can be added to it", path);
  lh_reader_close(reader);
  if (failed) return failed;
  sqlite3 *db = NULL;
  int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK) code = sqlite3_extended_result_codes(db, 1);
  if (code == SQLITE_OK) code = sqlite3_busy_timeout(db, 5000);
  if (code == SQLITE_OK) code = lh_sql_distrust(db);
  if (code == SQLITE_OK) code = insert(db, since_start_ns, kind, text);
  if (code != SQLITE_OK) failed = lh_sql_fail(err, db, code, path, LH_SQL_WRITING);
  sqlite3_close(db);
  return failed;
}
