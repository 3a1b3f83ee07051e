/* Opening the database of a run file for reading, whatever its writer left beside it. */
#include "store/open.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 5000 }; /* a writer that closes locks the file for an instant */

/* Percent-encodes what a URI gives a meaning to. */
static char *uri_of(const char *path) {
  sqlite3_str *uri = sqlite3_str_new(NULL);
  sqlite3_str_appendall(uri, "file:");
  for (; *path; path++) {
    if (strchr("%?#", *path))
      sqlite3_str_appendf(uri, "%%%02X", *path);
    else
      sqlite3_str_appendchar(uri, 1, *path);
  }
  sqlite3_str_appendall(uri, "?immutable=1");
  return sqlite3_str_finish(uri);
}

/* Whether files may be made beside the run file. Where they may, a failure to open has another cause (no descriptor is left,
 * say), and opening regardless of a writer at work would be wrong. */
static bool folder_is_writable(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = sqlite3_mprintf("%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
  bool writable = folder && access(folder, W_OK) == 0;
  sqlite3_free(folder);
  return writable;
}

/* Opens without SQLite's help files. What a WAL beside it holds is then not seen, and that must be said. */
static int open_immutable(struct lh_reader *reader) {
  sqlite3_close(reader->db);
  reader->db = NULL;
  char *uri = uri_of(reader->path);
  char *wal = sqlite3_mprintf("%s-wal", reader->path);
  int code = uri && wal ? sqlite3_open_v2(uri, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL)
                        : SQLITE_NOMEM;
  struct stat stat_of;
  uint64_t unseen = wal && stat(wal, &stat_of) == 0 ? (uint64_t)stat_of.st_size : 0;
  if (code == SQLITE_OK && unseen)
    reader->note = sqlite3_mprintf("%s was opened as it stands, since its folder cannot be written: the last part of the run, "
                                   "%" PRIu64 " bytes in %s, is not seen. Copy both files to a folder of your own to see it",
                                   reader->path, unseen, wal);
  else if (code == SQLITE_OK)
    reader->note = sqlite3_mprintf("%s was opened as it stands, since its folder cannot be written", reader->path);
  if (code == SQLITE_OK && !reader->note) code = SQLITE_NOMEM;
  sqlite3_free(uri);
  sqlite3_free(wal);
  if (code == SQLITE_OK) code = sqlite3_extended_result_codes(reader->db, 1);
  return code == SQLITE_OK ? lh_sql_exec(reader->db, "SELECT 1 FROM sqlite_master LIMIT 1") : code;
}

/* Opens and reads the schema, which is when SQLite first needs its locks and the shared memory of the WAL. */
static int open_as(struct lh_reader *reader, int flags) {
  int code = sqlite3_open_v2(reader->path, &reader->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK) code = sqlite3_extended_result_codes(reader->db, 1);
  if (code == SQLITE_OK) code = sqlite3_busy_timeout(reader->db, BUSY_MS);
  return code == SQLITE_OK ? lh_sql_exec(reader->db, "SELECT 1 FROM sqlite_master LIMIT 1") : code;
}

/* A run that ended in good order is one plain file, and is looked through once: 0.1 s for the 30 MB of a night. What has a
 * WAL beside it may be in progress, and could not be salvaged without it. */
static int check_pages(const struct lh_reader *reader) {
  LH_SQL_SCOPED *check = NULL;
  if (lh_reader_has_wal(reader->path)) return SQLITE_OK;
  int code = lh_sql_prepare(reader->db, "PRAGMA quick_check(1)", &check);
  if (code == SQLITE_OK) code = sqlite3_step(check);
  if (code != SQLITE_ROW) return code;
  const char *said = (const char *)sqlite3_column_text(check, 0);
  return said && strcmp(said, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
}

/* Reading alone suffices but for one thing: a rollback journal (of a file whose making was cut short, or from where WAL does
 * not work) must be played back before the file makes sense, and that is a write. */
int lh_reader_open_database(struct lh_reader *reader) {
  int code = open_as(reader, SQLITE_OPEN_READONLY);
  int kind = code & 0xff;
  if (kind == SQLITE_CANTOPEN || kind == SQLITE_READONLY) {
    if (!folder_is_writable(reader->path)) {
      code = open_immutable(reader);
    } else if (kind == SQLITE_READONLY) {
      sqlite3_close(reader->db);
      code = open_as(reader, SQLITE_OPEN_READWRITE);
    }
  }
  if (code == SQLITE_OK) code = lh_sql_distrust(reader->db);
  if (code == SQLITE_OK) code = lh_sql_exec(reader->db, "PRAGMA temp_store = MEMORY");
  return code == SQLITE_OK ? check_pages(reader) : code;
}
