/* Every allocation of SQLite and of the store's own, and every write, fails once, in turn: a code with a sentence, what was
 * committed stays readable, nothing leaks and nothing half-done is kept.
 */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

/* ---- an allocator that fails at call number fail_at ---- */

static sqlite3_mem_methods real;
static int calls, fail_at; /* 0: never */
static bool goes_on;       /* and at every call after it */

static bool fails(void) {
  calls++;
  return fail_at && (calls == fail_at || (goes_on && calls > fail_at));
}
static void *failing_malloc(int size) {
  return fails() ? NULL : real.xMalloc(size);
}
static void *failing_realloc(void *old, int size) {
  return fails() ? NULL : real.xRealloc(old, size);
}

/* ---- a file system whose write, sync, truncate or open number disk_fail_at fails ---- */

static int disk_calls, disk_fail_at, disk_code;
static bool disk_goes_on;
static sqlite3_vfs shim;

struct shim_file {
  sqlite3_file base;
  sqlite3_file *inner;
};

static bool disk_fails(void) {
  disk_calls++;
  return disk_fail_at && (disk_calls == disk_fail_at || (disk_goes_on && disk_calls > disk_fail_at));
}

#define INNER(file) (((struct shim_file *)(file))->inner)
#define CALL(file, method, ...) INNER(file)->pMethods->method(INNER(file), ##__VA_ARGS__)

static int shim_close(sqlite3_file *f) {
  return CALL(f, xClose);
}
static int shim_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
  return CALL(f, xRead, to, n, at);
}
static int shim_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  return disk_fails() ? disk_code : CALL(f, xWrite, from, n, at);
}
static int shim_truncate(sqlite3_file *f, sqlite3_int64 n) {
  return disk_fails() ? SQLITE_IOERR_TRUNCATE : CALL(f, xTruncate, n);
}
static int shim_sync(sqlite3_file *f, int flags) {
  return disk_fails() ? SQLITE_IOERR_FSYNC : CALL(f, xSync, flags);
}
static int shim_size(sqlite3_file *f, sqlite3_int64 *n) {
  return CALL(f, xFileSize, n);
}
static int shim_lock(sqlite3_file *f, int lock) {
  return CALL(f, xLock, lock);
}
static int shim_unlock(sqlite3_file *f, int lock) {
  return CALL(f, xUnlock, lock);
}
static int shim_reserved(sqlite3_file *f, int *out) {
  return CALL(f, xCheckReservedLock, out);
}
static int shim_control(sqlite3_file *f, int op, void *arg) {
  return CALL(f, xFileControl, op, arg);
}
static int shim_sector(sqlite3_file *f) {
  return CALL(f, xSectorSize);
}
static int shim_device(sqlite3_file *f) {
  return CALL(f, xDeviceCharacteristics);
}
static int shim_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
  return CALL(f, xShmMap, page, size, extend, out);
}
static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags) {
  return CALL(f, xShmLock, at, n, flags);
}
static void shim_shm_barrier(sqlite3_file *f) {
  CALL(f, xShmBarrier);
}
static int shim_shm_unmap(sqlite3_file *f, int remove) {
  return CALL(f, xShmUnmap, remove);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_device,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
  sqlite3_vfs *inner = vfs->pAppData;
  struct shim_file *f = (struct shim_file *)file;
  f->base.pMethods = NULL;
  if (disk_fails()) return SQLITE_CANTOPEN;
  f->inner = (sqlite3_file *)(f + 1);
  int code = inner->xOpen(inner, name, f->inner, flags, out_flags);
  if (code == SQLITE_OK) f->base.pMethods = &shim_methods;
  return code;
}

static void install(void) {
  sqlite3_vfs *inner = sqlite3_vfs_find(NULL);
  shim = *inner;
  shim.zName = "shim";
  shim.pAppData = inner;
  shim.szOsFile = (int)sizeof(struct shim_file) + inner->szOsFile;
  shim.xOpen = shim_open;
  assert_int_equal(sqlite3_vfs_register(&shim, 1), SQLITE_OK);
}

/* ---- the run under test ---- */

enum { INTERVALS = 3 };

/* Writes a run; how many intervals were committed goes to *committed. Returns the first code that was not 0. */
static int write_run(const struct fixture *f, uint32_t *committed, char *path, struct lh_err *err) {
  struct lh_store *store = NULL;
  struct lh_snapshot s;
  *committed = 0;
  *path = '\0';
  *err = (struct lh_err){0};
  int code = lh_store_create(&store, f->folder, &f->facts, err);
  if (code != 0) {
    assert_null(store);
    return code;
  }
  strcpy(path, lh_store_path(store));
  lh_snapshot_init(&s);
  for (uint32_t k = 0; k < INTERVALS && code == 0; k++) {
    code = store_interval(store, k, &s, err);
    if (code == 0) code = lh_store_commit(store, err);
    if (code == 0) *committed = k + 1;
  }
  if (code != 0) { /* every later call says the same, and writes nothing */
    struct lh_err again = {0};
    assert_int_equal(store_interval(store, INTERVALS + 5, &s, &again), code);
    assert_int_equal(lh_store_commit(store, &again), code);
    assert_string_equal(again.text, err->text);
  }
  int finished = lh_store_finish(store, code ? LH_RUN_FAILED : LH_RUN_COMPLETE, START_NS + 9, 9, code ? NULL : err);
  lh_store_close(store);
  lh_snapshot_free(&s);
  return code ? code : finished;
}

static int count_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  (void)k, (void)group, (void)snapshot;
  ++*(uint32_t *)context;
  return 0;
}

/* Reads it all; failures are allowed (allocations), false numbers are not. */
static int read_run(const char *path, uint32_t *intervals, struct lh_err *err) {
  struct lh_reader *reader = NULL;
  *err = (struct lh_err){0};
  int code = lh_reader_open(&reader, path, err);
  uint32_t seen = 0;
  const struct lh_reader_visits visits = {.context = &seen, .interval = count_interval};
  if (code == 0) code = lh_reader_visit(reader, 0, UINT32_MAX, &visits, err);
  lh_reader_close(reader);
  if (code == 0) *intervals = seen;
  return code;
}

static int files_in(const char *folder) {
  DIR *dir = opendir(folder);
  int count = 0;
  while (readdir(dir)) count++;
  closedir(dir);
  return count - 2;
}

static void check_sentence(int code, const struct lh_err *err) {
  assert_true(code < 0);
  assert_int_equal(err->code, code);
  assert_true(strlen(err->text) > 20);
}

/* What the failed writer left: nothing when it never began, else what it had committed, or an interval more (its commit was
 * in the file when the failure was reported) and never a part of one. */
static void check_left(const struct fixture *f, const char *path, uint32_t committed) {
  struct lh_err err;
  uint32_t intervals;
  if (!*path) {
    assert_int_equal(files_in(f->folder), 0);
    return;
  }
  assert_ok(read_run(path, &intervals, &err), err);
  assert_true(intervals == committed * GROUPS || intervals == (committed + 1) * GROUPS);
}

static void test_allocations_of_the_writer(void **state) {
  (void)state;
  for (int often = 0; often < 2; often++) {
    goes_on = often;
    int code = -1;
    /* Most of the first thousand calls make the schema; from there a stride keeps the test short. */
    for (int at = 1; code != 0; at += at < 300 ? 7 : 61) {
      struct fixture f;
      fixture_make(&f);
      struct lh_err err;
      uint32_t committed;
      char path[256];
      calls = 0;
      fail_at = at;
      code = write_run(&f, &committed, path, &err);
      bool reached = calls >= at;
      fail_at = 0;
      if (code != 0) check_sentence(code, &err);
      check_left(&f, path, committed);
      fixture_remove(&f);
      if (!reached) assert_int_equal(code, 0);
      if (code == 0 && reached) code = -1; /* SQLite did without */
    }
  }
}

static void test_allocations_of_the_reader(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  struct lh_err err;
  uint32_t committed, intervals = 0;
  char path[256];
  assert_ok(write_run(&f, &committed, path, &err), err);
  bool reached = true;
  for (int at = 1; reached; at += 3) {
    calls = 0;
    fail_at = at;
    int code = read_run(path, &intervals, &err);
    reached = calls >= at;
    fail_at = 0;
    if (code != 0)
      check_sentence(code, &err);
    else
      assert_int_equal(intervals, INTERVALS * GROUPS);
  }
  fixture_remove(&f);
}

static void test_writes(void **state) {
  (void)state;
  static const struct {
    int code;
    bool goes_on;
    int expected;
  } kinds[] = {{SQLITE_FULL, true, -ENOSPC}, {SQLITE_FULL, false, -ENOSPC}, {SQLITE_IOERR_WRITE, false, -EIO}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    disk_code = kinds[i].code;
    disk_goes_on = kinds[i].goes_on;
    bool reached = true;
    int as_expected = 0;
    for (int at = 1; reached; at++) {
      struct fixture f;
      fixture_make(&f);
      struct lh_err err;
      uint32_t committed;
      char path[256];
      disk_calls = 0;
      disk_fail_at = at;
      int code = write_run(&f, &committed, path, &err);
      reached = disk_calls >= at;
      disk_fail_at = 0;
      if (code != 0) {
        check_sentence(code, &err);
        assert_non_null(strstr(err.text, f.folder));
        if (code == kinds[i].expected) as_expected++;
      }
      check_left(&f, path, committed);
      fixture_remove(&f);
    }
    assert_true(as_expected > 3);
  }
}

/* Writes one interval, loses its file, and restores it while a call of the disk fails. Returns what lh_store_restore did. */
static int restore_run(const struct fixture *f, int at, char *path, struct lh_err *err) {
  struct lh_store *store;
  struct lh_snapshot s;
  assert_ok(lh_store_create(&store, f->folder, &f->facts, err), *err);
  strcpy(path, lh_store_path(store));
  lh_snapshot_init(&s);
  assert_ok(store_interval(store, 0, &s, err), *err);
  assert_ok(lh_store_commit(store, err), *err);
  lh_snapshot_free(&s);
  unlink(path);
  disk_calls = 0;
  disk_fail_at = at;
  int code = lh_store_restore(store, err);
  disk_fail_at = 0;
  struct lh_err ignored;
  lh_store_finish(store, LH_RUN_FAILED, START_NS + 9, 9, &ignored);
  lh_store_close(store);
  return code;
}

/* A file that cannot be restored is not there at all, or whole. */
static void test_restoring(void **state) {
  (void)state;
  disk_code = SQLITE_FULL;
  disk_goes_on = false;
  bool reached = true;
  int failures = 0;
  for (int at = 1; reached; at++) {
    struct fixture f;
    fixture_make(&f);
    struct lh_err err;
    char path[256];
    int code = restore_run(&f, at, path, &err);
    reached = disk_calls >= at;
    uint32_t intervals;
    if (code < 0) {
      failures++;
      check_sentence(code, &err);
      assert_non_null(strstr(err.text, f.folder));
    }
    if (access(path, F_OK) == 0) {
      assert_ok(read_run(path, &intervals, &err), err);
      assert_int_equal(intervals, GROUPS);
    } else {
      assert_true(code < 0);
      assert_int_equal(files_in(f.folder), 0);
    }
    fixture_remove(&f);
  }
  assert_true(failures > 3);
}

/* The sentence for the one everybody meets. */
static void test_full_disk_sentence(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  struct lh_err err = {0};
  struct lh_store *store;
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  assert_ok(lh_store_create(&store, f.folder, &f.facts, &err), err);
  assert_ok(store_interval(store, 0, &s, &err), err);
  disk_code = SQLITE_FULL;
  disk_goes_on = true;
  disk_calls = 0;
  disk_fail_at = 1;
  assert_int_equal(lh_store_commit(store, &err), -ENOSPC);
  disk_fail_at = 0;
  assert_non_null(strstr(err.text, lh_store_path(store)));
  assert_non_null(strstr(err.text, "the disk is full; what was committed is kept. Free some space"));
  assert_int_equal(store_interval(store, 1, &s, &err), -ENOSPC);
  /* With room again the end can still be noted. */
  assert_ok(lh_store_finish(store, LH_RUN_FAILED, START_NS + 7, 0, &err), err);
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, lh_store_path(store), &err), err);
  assert_int_equal(lh_reader_run(reader)->how, LH_RUN_FAILED);
  assert_int_equal(lh_reader_run(reader)->interval_count, 0);
  lh_reader_close(reader);
  lh_store_close(store);
  lh_snapshot_free(&s);
  fixture_remove(&f);
}

int main(void) {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
  sqlite3_mem_methods failing = real;
  failing.xMalloc = failing_malloc;
  failing.xRealloc = failing_realloc;
  sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0); /* else small allocations never come to us */
  sqlite3_initialize();
  install();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocations_of_the_writer),
                                     cmocka_unit_test(test_allocations_of_the_reader),
                                     cmocka_unit_test(test_writes),
                                     cmocka_unit_test(test_restoring),
                                     cmocka_unit_test(test_full_disk_sentence)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
