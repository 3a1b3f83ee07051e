/* A run file that is moved or deleted while it is written stands at its place again, with all that was committed. */
#include "fixture.h"

#include <fcntl.h>

struct seen {
  uint32_t intervals, endings, last_k;
};

static int see_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  struct seen *seen = context;
  (void)group, (void)snapshot;
  seen->intervals++;
  seen->last_k = k;
  return 0;
}

static int see_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  (void)ending;
  ((struct seen *)context)->endings += (uint32_t)count;
  return 0;
}

static struct seen read_back(const char *path, enum lh_run_end how) {
  struct lh_reader *reader;
  struct lh_err err;
  struct seen seen = {0};
  const struct lh_reader_visits visits = {.context = &seen, .interval = see_interval, .ending = see_ending};
  assert_ok(lh_reader_open(&reader, path, &err), err);
  assert_int_equal(lh_reader_run(reader)->how, how);
  assert_ok(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), err);
  lh_reader_close(reader);
  return seen;
}

static void write_interval(struct lh_store *store, uint32_t k) {
  struct lh_snapshot s;
  struct lh_err err;
  lh_snapshot_init(&s);
  assert_ok(store_interval(store, k, &s, &err), err);
  assert_ok(lh_store_commit(store, &err), err);
  lh_snapshot_free(&s);
}

static struct lh_store *begin(struct fixture *f, char path[256]) {
  struct lh_store *store;
  struct lh_err err;
  fixture_make(f);
  assert_ok(lh_store_create(&store, f->folder, &f->facts, &err), err);
  snprintf(path, 256, "%s", lh_store_path(store));
  write_interval(store, 0);
  assert_int_equal(lh_store_restore(store, &err), 0); /* nothing has happened to it */
  return store;
}

static void end(struct fixture *f, struct lh_store *store) {
  struct lh_err err;
  assert_ok(lh_store_finish(store, LH_RUN_COMPLETE, START_NS + 3 * LH_NS_PER_S, 9, &err), err);
  lh_store_close(store);
  fixture_remove(f);
}

/* What is done to it; its journal (-wal) stays, or goes too. */
static void leave(const char *path, const char *moved) {
  (void)moved;
  assert_int_equal(unlink(path), 0);
}
static void leave_none(const char *path, const char *moved) {
  char wal[300];
  snprintf(wal, sizeof wal, "%s-wal", path);
  unlink(wal);
  leave(path, moved);
}
static void rename_it(const char *path, const char *moved) {
  assert_int_equal(rename(path, moved), 0);
}

static void test_restored(void **state) {
  (void)state;
  static void (*const acts[])(const char *path, const char *moved) = {leave, leave_none, rename_it};
  for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
    struct fixture f;
    struct lh_err err;
    char path[256], moved[300], copy[300];
    struct lh_store *store = begin(&f, path);
    snprintf(moved, sizeof moved, "%s-moved", path);
    snprintf(copy, sizeof copy, "%s.anew", path);
    acts[i](path, moved);
    assert_int_equal(lh_store_restore(store, &err), 1);
    assert_string_equal(lh_store_path(store), path);
    assert_int_not_equal(access(copy, F_OK), 0);
    assert_int_equal(read_back(path, LH_RUN_UNFINISHED).intervals, GROUPS);
    write_interval(store, 1);
    assert_int_equal(lh_store_restore(store, &err), 0);
    assert_ok(lh_store_finish(store, LH_RUN_COMPLETE, START_NS + 2 * LH_NS_PER_S, 9, &err), err);
    struct seen seen = read_back(path, LH_RUN_COMPLETE);
    assert_int_equal(seen.intervals, 2 * GROUPS);
    assert_int_equal(seen.endings, 2 * GROUPS * 3);
    assert_int_equal(seen.last_k, 1);
    if (acts[i] == rename_it) assert_int_equal(read_back(moved, LH_RUN_UNFINISHED).intervals, GROUPS);
    end(&f, store);
  }
}

/* With its folder. */
static void test_the_folder_too(void **state) {
  (void)state;
  struct fixture f;
  struct lh_err err;
  char path[256], aside[128];
  struct lh_store *store = begin(&f, path);
  snprintf(aside, sizeof aside, "%s-aside", f.folder);
  assert_int_equal(rename(f.folder, aside), 0);
  assert_int_equal(lh_store_restore(store, &err), 1);
  assert_int_equal(read_back(path, LH_RUN_UNFINISHED).intervals, GROUPS);
  end(&f, store);
  assert_int_equal(nftw(aside, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* What is not ours is not written over, and every later call says why. */
static void test_another_file_in_its_place(void **state) {
  (void)state;
  struct fixture f;
  struct lh_err err = {0}, again = {0};
  struct lh_snapshot s;
  char path[256], text[8] = "";
  struct lh_store *store = begin(&f, path);
  unlink(path);
  int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
  assert_true(fd >= 0 && write(fd, "theirs", 6) == 6);
  assert_int_equal(lh_store_restore(store, &err), -EEXIST);
  assert_non_null(strstr(err.text, path));
  assert_non_null(strstr(err.text, "another file stands in its place"));
  lh_snapshot_init(&s);
  assert_int_equal(store_interval(store, 1, &s, &again), -EEXIST);
  assert_string_equal(again.text, err.text);
  lh_snapshot_free(&s);
  lh_store_close(store);
  assert_int_equal(pread(fd, text, sizeof text - 1, 0), 6);
  assert_string_equal(text, "theirs");
  close(fd);
  fixture_remove(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_restored), cmocka_unit_test(test_the_folder_too),
                                     cmocka_unit_test(test_another_file_in_its_place)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
