#include "store/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "longhaul/store/store.h"

/* SQLITE_ERROR on reading means that a table or column is not there: our own statements are right. */
static int errno_of(sqlite3 *db, int result, enum lh_sql_doing doing) {
  int system = db ? sqlite3_system_errno(db) : 0;
  if (result == SQLITE_ERROR && doing == LH_SQL_READING) return -EBADMSG;
  switch (result & 0xff) {
  case SQLITE_FULL: return -ENOSPC;
  case SQLITE_NOMEM: return -ENOMEM;
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return -EBUSY;
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_AUTH: return -EACCES;
  case SQLITE_CANTOPEN: return system ? -system : -EACCES;
  case SQLITE_IOERR: return result == SQLITE_IOERR_NOMEM ? -ENOMEM : system == ENOSPC || system == EDQUOT ? -ENOSPC : -EIO;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_TOOBIG:
  case SQLITE_FORMAT: return -EBADMSG;
  case SQLITE_CONSTRAINT: return -EEXIST;
  default: return -EPROTO;
  }
}

static const char *advice(int code, enum lh_sql_doing doing) {
  if (doing == LH_SQL_READING) {
    switch (code) {
    case -EBADMSG: return "the file is damaged or cut off; try a copy that is whole, or `sqlite3 FILE .recover`";
    case -EBUSY: return "another program keeps it locked; try again";
    case -EACCES: return "check the permissions of the file and its folder";
    case -ENOMEM: return "no memory is left";
    default: return "check the disk";
    }
  }
  switch (code) {
  case -ENOSPC: return "the disk is full; what was committed is kept. Free some space, or choose another folder with --store";
  case -EBUSY: return "another program keeps it locked; close what writes to it";
  case -EACCES: return "check the permissions of the file and its folder, or choose another folder with --store";
  case -ENOMEM: return "no memory is left; what was committed is kept";
  case -EEXIST: return "this row was written before";
  default: return "what was committed is kept; check the disk, and the limit on the size of files (`ulimit -f`)";
  }
}

int lh_sql_fail(struct lh_err *err, sqlite3 *db, int result, const char *path, enum lh_sql_doing doing) {
  int code = errno_of(db, result, doing);
  const char *verb = doing == LH_SQL_READING ? "read" : "write";
  const char *said =
      db && (sqlite3_extended_errcode(db) & 0xff) == (result & 0xff) ? sqlite3_errmsg(db) : sqlite3_errstr(result);
  int system = db && (result & 0xff) == SQLITE_IOERR ? sqlite3_system_errno(db) : 0;
  return lh_err_set(err, code, "cannot %s the run file %s: %s (SQLite: %s%s%s)", verb, path, advice(code, doing), said,
                    system ? "; " : "", system ? strerror(system) : "");
}

int lh_sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement) {
  return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

static int bind_all(sqlite3_stmt *statement, const char *types, va_list args) {
  int code = SQLITE_OK;
  for (int at = 1; *types && code == SQLITE_OK; types++, at++) {
    uint32_t group;
    switch (*types) {
    case 'i': code = sqlite3_bind_int64(statement, at, va_arg(args, int64_t)); break;
    case 'd': code = sqlite3_bind_double(statement, at, va_arg(args, double)); break;
    case 't': code = sqlite3_bind_text(statement, at, va_arg(args, const char *), -1, SQLITE_STATIC); break;
    case 'n':
      group = va_arg(args, uint32_t);
      code = group == LH_NO_GROUP ? sqlite3_bind_null(statement, at) : sqlite3_bind_int64(statement, at, group);
      break;
    default: return SQLITE_MISUSE;
    }
  }
  return code;
}

int lh_sql_bind(sqlite3_stmt *statement, const char *types, ...) {
  va_list args;
  va_start(args, types);
  int code = bind_all(statement, types, args);
  va_end(args);
  return code;
}

/* sqlite3_reset repeats the step's code when that was a failure. */
int lh_sql_run(sqlite3_stmt *statement, const char *types, ...) {
  va_list args;
  va_start(args, types);
  int code = bind_all(statement, types, args);
  va_end(args);
  if (code == SQLITE_OK) {
    do code = sqlite3_step(statement);
    while (code == SQLITE_ROW);
  }
  int reset = sqlite3_reset(statement);
  return code == SQLITE_DONE ? reset : code;
}

int lh_sql_exec(sqlite3 *db, const char *sql) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

void lh_sql_finalize(sqlite3_stmt **statement) {
  sqlite3_finalize(*statement);
}

int lh_sql_distrust(sqlite3 *db) {
  enum { VALUE_BYTES_MAX = 64 << 20 };
  sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
  int code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
  if (code == SQLITE_OK) code = sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  return code == SQLITE_OK ? lh_sql_exec(db, "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF") : code;
}
