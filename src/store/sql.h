/* The few SQLite calls the room shares, and its errors as sentences.
 *
 * Glossary
 *   types  one letter for each bound value: i int64_t, d double, t const char * (NULL binds NULL), n uint32_t group with
 *          LH_NO_GROUP as NULL
 */
#ifndef LONGHAUL_SRC_STORE_SQL_H
#define LONGHAUL_SRC_STORE_SQL_H

#include <sqlite3.h>

#include "longhaul/base/err.h"

/* "LHrf": tells a run file from any other database. */
enum { LH_APPLICATION_ID = 0x4c487266 };

enum lh_sql_doing { LH_SQL_READING, LH_SQL_WRITING };

/* Turns the result code of the last call on db into an errno and a sentence that names the file. db may be NULL. */
int lh_sql_fail(struct lh_err *err, sqlite3 *db, int result, const char *path, enum lh_sql_doing doing);

int lh_sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement);
/* Binds, runs to the end and resets. Texts are borrowed for the call. Returns SQLite's code. */
int lh_sql_run(sqlite3_stmt *statement, const char *types, ...);
int lh_sql_bind(sqlite3_stmt *statement, const char *types, ...);
/* The same with text prepared for this one call. */
int lh_sql_exec(sqlite3 *db, const char *sql);

/* For a file that may come from anyone: only tables are read (a view in a table's place may be without end), no trigger runs,
 * and no value is longer than anything that a run writes. */
int lh_sql_distrust(sqlite3 *db);

/* A name for the scope cleanup of statements. */
void lh_sql_finalize(sqlite3_stmt **statement);
#define LH_SQL_SCOPED __attribute__((cleanup(lh_sql_finalize))) sqlite3_stmt

#endif
