/* A run file that somebody moved or deleted while it is written: SQLite would go on in a file without this name, or without
 * any, and hours of a run would be gone without a word. What was committed can still be read, so it is written again. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/writer.h"

static bool is_gone(struct lh_store *store) {
  int moved = 0; /* where SQLite cannot tell (no file system of its own) it stays 0 */
  sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

static int not_restored(struct lh_store *store, struct lh_err *err, int code, const char *why) {
  lh_err_set(&store->failure, code, "the run file %s was moved or deleted while the run wrote it, and cannot be written anew: %s",
             store->path, why);
  return lh_err_set(err, code, "%s", store->failure.text);
}

static int make_folder_of(const struct lh_store *store, struct lh_err *err) {
  char *path = sqlite3_mprintf("%s", store->path);
  int failed = path ? lh_store_make_folder(dirname(path), err) : lh_err_set(err, ENOMEM, "no memory is left");
  sqlite3_free(path);
  return failed;
}

/* A whole copy under another name first: at no moment does half a file stand at the run file's place. */
static int copy_to(struct lh_store *store, const char *copy, struct lh_err *err) {
  struct lh_err why;
  if (make_folder_of(store, &why)) return not_restored(store, err, why.code, why.text);
  if (access(store->path, F_OK) == 0) return not_restored(store, err, EEXIST, "another file stands in its place");
  unlink(copy);
  char *sql = sqlite3_mprintf("VACUUM INTO %Q", copy);
  int code = sql ? lh_sql_exec(store->db, sql) : SQLITE_NOMEM;
  sqlite3_free(sql);
  if (code != SQLITE_OK) {
    lh_sql_fail(&why, store->db, code, copy, LH_SQL_WRITING);
    unlink(copy);
    return not_restored(store, err, why.code, why.text);
  }
  if (rename(copy, store->path) == 0) return 0;
  int failed = errno;
  unlink(copy);
  return not_restored(store, err, failed, strerror(failed));
}

/* The old connection is closed before the new one first looks at its file: both call their WAL by the same name. */
static int change_over(struct lh_store *store, struct lh_err *err) {
  sqlite3 *fresh = NULL;
  int code = lh_store_connect(store->path, &fresh);
  if (code == SQLITE_OK) {
    lh_store_disconnect(store);
    store->db = fresh;
    code = lh_store_use_wal(store->db);
    if (code == SQLITE_OK) code = lh_store_prepare(store);
  } else {
    sqlite3_close(fresh);
  }
  return code == SQLITE_OK ? 1 : lh_store_broken(store, code, err);
}

int lh_store_restore(struct lh_store *store, struct lh_err *err) {
  if (store->failure.code || !sqlite3_get_autocommit(store->db) || !is_gone(store)) return 0;
  char *copy = sqlite3_mprintf("%s.anew", store->path);
  int failed = copy ? copy_to(store, copy, err) : not_restored(store, err, ENOMEM, "no memory is left");
  sqlite3_free(copy);
  return failed ? failed : change_over(store, err);
}
