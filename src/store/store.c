/* The life of a run file's writer: made, committed interval by interval, finished, closed. */
#include "longhaul/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "longhaul/base/limits.h"
#include "store/writer.h"

enum {
  NAMES_MOST = 1000,             /* runs of one name begun in one second */
  PAYLOAD_MOST = 1 << 20,        /* one encoded histogram: 23,552 slots of at most 9 bytes, before zlib */
  JOURNAL_KEPT_BYTES = 64 << 20, /* a WAL that a burst made longer is cut back to this */
};

int lh_store_make_folder(const char *folder, struct lh_err *err) {
  char *path = sqlite3_mprintf("%s", folder);
  if (!path) return lh_err_set(err, ENOMEM, "no memory is left to make the folder %s", folder);
  int failed = 0;
  for (char *at = path + 1; !failed && at[-1]; at++) {
    if (*at != '/' && *at != '\0') continue;
    char was = *at;
    *at = '\0';
    if (mkdir(path, 0777) != 0 && errno != EEXIST) failed = errno;
    struct stat stat_of;
    if (!failed && was == '\0' && (stat(path, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode))) failed = ENOTDIR;
    if (failed == EISDIR) failed = 0;
    if (failed) {
      lh_err_set(err, failed, "cannot make the folder for run files %s (at %s): %s. Choose another with --store or run.store",
                 folder, path, strerror(failed));
      break;
    }
    *at = was;
  }
  sqlite3_free(path);
  return -failed;
}

/* NAME-YYYYMMDD-HHMMSS in UTC, and "-2" and so on when that is taken. Bytes that trouble shells become '_'. */
static char *file_name(const char *folder, const char *name, int64_t start_wall_us, int attempt) {
  char safe[LH_NAME_MAX], when[32], again[16] = "";
  size_t len = 0;
  for (; name[len] && len + 1 < sizeof safe; len++) {
    unsigned char c = (unsigned char)name[len];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80 ||
                 (len > 0 && (c == '-' || c == '.'));
    safe[len] = plain ? name[len] : '_';
  }
  safe[len] = '\0';
  time_t seconds = (time_t)(start_wall_us / 1000000);
  struct tm parts;
  gmtime_r(&seconds, &parts);
  strftime(when, sizeof when, "%Y%m%d-%H%M%S", &parts);
  if (attempt > 1) snprintf(again, sizeof again, "-%d", attempt);
  size_t end = strlen(folder);
  return sqlite3_mprintf("%s%s%s-%s%s.longhaul", folder, end && folder[end - 1] == '/' ? "" : "/", *safe ? safe : "run", when,
                         again);
}

/* Takes a name that nobody has, by an empty file that SQLite then fills. */
static int claim_path(const char *folder, const struct lh_run_facts *facts, char **path, struct lh_err *err) {
  for (int attempt = 1; attempt <= NAMES_MOST; attempt++) {
    char *candidate = file_name(folder, facts->config->run.name, facts->start_wall_us, attempt);
    if (!candidate) return lh_err_set(err, ENOMEM, "no memory is left to make a run file in %s", folder);
    int fd = open(candidate, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd >= 0) {
      close(fd);
      *path = candidate;
      return 0;
    }
    int failed = errno;
    if (failed != EEXIST)
      lh_err_set(err, failed, "cannot create the run file %s: %s. Choose another folder with --store or run.store", candidate,
                 strerror(failed));
    sqlite3_free(candidate);
    if (failed != EEXIST) return -failed;
  }
  return lh_err_set(err, EEXIST, "%s already holds %d run files of this name and second; remove some", folder, NAMES_MOST);
}

/* Without allocating, since it cleans up after a lack of memory too. */
static void remove_files(const char *path) {
  static const char *const endings[] = {"", "-journal", "-wal", "-shm"};
  char name[PATH_MAX + 16];
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    int len = snprintf(name, sizeof name, "%s%s", path, endings[i]);
    if (len > 0 && (size_t)len < sizeof name) unlink(name);
  }
}

/* The file is complete from its first commit on; only then does it change to WAL, so that the main file always tells
 * what it is. Where WAL does not work (some network file systems) the slower rollback journal serves. */
static int fill(struct lh_store *store, const struct lh_run_facts *facts) {
  sqlite3 *db = store->db;
  char *start = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; BEGIN IMMEDIATE", LH_APPLICATION_ID,
                                LH_SCHEMA_VERSION);
  int code = start ? lh_sql_exec(db, "PRAGMA synchronous = NORMAL") : SQLITE_NOMEM;
  if (code == SQLITE_OK) code = lh_sql_exec(db, start);
  sqlite3_free(start);
  if (code == SQLITE_OK) code = lh_schema_create(db);
  if (code == SQLITE_OK) code = lh_schema_describe(db, facts);
  if (code == SQLITE_OK) code = lh_sql_exec(db, "COMMIT");
  return code == SQLITE_OK ? lh_store_use_wal(db) : code;
}

/* FULL: each commit is on the disk before the next interval, so that a power cut loses no more than a kill. It is one fdatasync an
 * interval; with NORMAL a quiet run would lose what came since the last checkpoint, an hour of it. */
int lh_store_use_wal(sqlite3 *db) {
  int code = lh_sql_exec(db, "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL");
  if (code == SQLITE_NOMEM || code == SQLITE_FULL) return code;
  char *limits = sqlite3_mprintf("PRAGMA journal_size_limit = %d; PRAGMA wal_autocheckpoint = 1000", JOURNAL_KEPT_BYTES);
  code = limits ? lh_sql_exec(db, limits) : SQLITE_NOMEM;
  sqlite3_free(limits);
  return code;
}

int lh_store_prepare(struct lh_store *store) {
  static const char *const sql[] = {
#define X(id, text) [LH_STATEMENT_##id] = text,
      LH_STATEMENT_LIST(X)
#undef X
  };
  for (unsigned i = 0; i < LH_STATEMENT_COUNT; i++) {
    char *made = i < LH_STATEMENT_INTERVAL ? NULL : lh_schema_insert(i);
    const char *text = i < LH_STATEMENT_INTERVAL ? sql[i] : made;
    int code = text ? lh_sql_prepare(store->db, text, &store->statements[i]) : SQLITE_NOMEM;
    sqlite3_free(made);
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int lh_store_connect(const char *path, sqlite3 **db) {
  int code = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK) code = sqlite3_extended_result_codes(*db, 1);
  if (code == SQLITE_OK) code = sqlite3_busy_timeout(*db, 5000);
  return code;
}

int lh_store_create(struct lh_store **out, const char *folder, const struct lh_run_facts *facts, struct lh_err *err) {
  if (!*folder) folder = ".";
  int failed = lh_store_make_folder(folder, err);
  if (failed) return failed;
  struct lh_store *store = sqlite3_malloc64(sizeof *store);
  if (!store) return lh_err_set(err, ENOMEM, "no memory is left to make a run file in %s", folder);
  *store = (struct lh_store){
      .start_ns = facts->start_ns, .shard = facts->shard, .endings_max = facts->config->run.endings_max, .payload = LH_BUF_INIT(PAYLOAD_MOST)};
  failed = claim_path(folder, facts, &store->path, err);
  if (failed) {
    lh_store_close(store);
    return failed;
  }
  int code = lh_store_connect(store->path, &store->db);
  if (code == SQLITE_OK) code = fill(store, facts);
  if (code == SQLITE_OK) code = lh_store_prepare(store);
  if (code != SQLITE_OK) {
    failed = lh_sql_fail(err, store->db, code, store->path, LH_SQL_WRITING);
    char *path = store->path;
    store->path = NULL;
    lh_store_close(store);
    remove_files(path); /* a half-made file would be taken for the latest run */
    sqlite3_free(path);
    return failed;
  }
  *out = store;
  return 0;
}

int lh_store_open_emptied(struct lh_store **out, const char *path, uint64_t start_ns, struct lh_err *err) {
  struct lh_store *store = sqlite3_malloc64(sizeof *store);
  if (!store) return lh_err_set(err, ENOMEM, "no memory is left to write %s", path);
  *store = (struct lh_store){
      .path = sqlite3_mprintf("%s", path), .start_ns = start_ns, .endings_max = UINT64_MAX, .payload = LH_BUF_INIT(PAYLOAD_MOST)};
  int code = store->path ? lh_store_connect(path, &store->db) : SQLITE_NOMEM;
  if (code == SQLITE_OK)
    code = lh_sql_exec(store->db, "PRAGMA synchronous = NORMAL; DELETE FROM intervals; DELETE FROM histograms; DELETE FROM tallies;"
                                  " DELETE FROM endings; DELETE FROM seconds; DELETE FROM events; DELETE FROM workers;"
                                  " DELETE FROM host; DELETE FROM findings; DELETE FROM counted");
  if (code == SQLITE_OK) code = lh_store_prepare(store);
  if (code == SQLITE_OK) {
    *out = store;
    return 0;
  }
  int failed = lh_sql_fail(err, store->db, code, path, LH_SQL_WRITING);
  lh_store_close(store);
  return failed;
}

const char *lh_store_path(const struct lh_store *store) {
  return store->path;
}

int lh_store_broken(struct lh_store *store, int result, struct lh_err *err) {
  struct lh_err failure;
  lh_sql_fail(&failure, store->db, result, store->path, LH_SQL_WRITING);
  if (!store->failure.code) store->failure = failure;
  if (!sqlite3_get_autocommit(store->db)) lh_sql_exec(store->db, "ROLLBACK");
  return lh_err_set(err, failure.code, "%s", failure.text);
}

int lh_store_begin(struct lh_store *store, struct lh_err *err) {
  if (store->failure.code) return lh_err_set(err, store->failure.code, "%s", store->failure.text);
  if (!sqlite3_get_autocommit(store->db)) return 0;
  int code = lh_sql_run(store->statements[LH_STATEMENT_BEGIN], "");
  return code == SQLITE_OK ? 0 : lh_store_broken(store, code, err);
}

static int commit(struct lh_store *store, struct lh_err *err) {
  uint64_t left_out = store->endings_left_out + store->events_left_out;
  int code = SQLITE_OK;
  if (left_out != store->left_out_stored)
    code = lh_sql_run(store->statements[LH_STATEMENT_LEFT_OUT], "ii", (int64_t)store->endings_left_out,
                      (int64_t)store->events_left_out);
  if (code == SQLITE_OK) code = lh_sql_run(store->statements[LH_STATEMENT_COMMIT], "");
  if (code != SQLITE_OK) return lh_store_broken(store, code, err);
  store->left_out_stored = left_out;
  return 0;
}

int lh_store_commit(struct lh_store *store, struct lh_err *err) {
  if (store->failure.code) return lh_err_set(err, store->failure.code, "%s", store->failure.text);
  if (sqlite3_get_autocommit(store->db) && store->endings_left_out + store->events_left_out == store->left_out_stored) return 0;
  int failed = lh_store_begin(store, err);
  return failed ? failed : commit(store, err);
}

static const char *const end_names[] = {
    [LH_RUN_COMPLETE] = "complete",
    [LH_RUN_INTERRUPTED] = "interrupted",
    [LH_RUN_ABORTED] = "aborted",
    [LH_RUN_FAILED] = "failed",
};

const char *lh_store_end_name(enum lh_run_end how) {
  return how < LH_RUN_UNFINISHED ? end_names[how] : NULL;
}

/* Tried also after a failed write: how the run ended needs no new page, and a full disk may have room again. */
int lh_store_finish(struct lh_store *store, enum lh_run_end how, uint64_t end_ns, int64_t end_wall_us, struct lh_err *err) {
  if (how >= LH_RUN_UNFINISHED) return lh_err_set(err, EINVAL, "a finished run cannot be marked as unfinished");
  store->failure.code = 0;
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  int code = lh_sql_run(store->statements[LH_STATEMENT_FINISH], "tii", end_names[how], (int64_t)(end_ns - store->start_ns),
                        end_wall_us);
  return code == SQLITE_OK ? commit(store, err) : lh_store_broken(store, code, err);
}

/* A closed run file is one plain file: out of WAL, it can be copied and read where nothing may be written. While a reader
 * has it open it stays in WAL, which is as good. */
void lh_store_disconnect(struct lh_store *store) {
  for (unsigned i = 0; i < LH_STATEMENT_COUNT; i++) {
    sqlite3_finalize(store->statements[i]);
    store->statements[i] = NULL;
  }
  if (!store->db) return;
  if (!sqlite3_get_autocommit(store->db)) lh_sql_exec(store->db, "ROLLBACK");
  sqlite3_busy_timeout(store->db, 0);
  lh_sql_exec(store->db, "PRAGMA wal_checkpoint(TRUNCATE)");
  lh_sql_exec(store->db, "PRAGMA journal_mode = DELETE");
  sqlite3_close(store->db);
  store->db = NULL;
}

void lh_store_close(struct lh_store *store) {
  if (!store) return;
  lh_store_disconnect(store);
  lh_buf_free(&store->payload);
  sqlite3_free(store->counted);
  sqlite3_free(store->path);
  sqlite3_free(store);
}
