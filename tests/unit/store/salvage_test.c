/* A run file that is cut off at any byte: what is left of it is whole intervals, each as it was written, and it says what is
 * missing. */
#include "fixture.h"

#include <sqlite3.h>

enum { INTERVALS = 600 };

struct seen {
  uint32_t rows, endings, last_k;
  bool in_order;
};

/* Each interval that is there has every number that was written. */
static int check_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  struct seen *seen = context;
  struct lh_snapshot expected;
  lh_snapshot_init(&expected);
  fill_snapshot(&expected, k, group);
  assert_memory_equal(snapshot->counters, expected.counters, sizeof expected.counters);
  assert_memory_equal(snapshot->gauges, expected.gauges, sizeof expected.gauges);
  assert_int_equal(snapshot->tally_count, expected.tally_count);
  for (int i = 0; i < LH_HIST_COUNT; i++) assert_int_equal(snapshot->hists[i].count, expected.hists[i].count);
  assert_int_equal(lh_hdr_percentile(&snapshot->hists[LH_HIST_response], 50), lh_hdr_percentile(&expected.hists[LH_HIST_response], 50));
  lh_snapshot_free(&expected);
  assert_int_equal(group, seen->rows % GROUPS);
  assert_true(seen->rows == 0 || k >= seen->last_k);
  seen->last_k = k;
  seen->rows++;
  return 0;
}

static int count_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  (void)ending, (void)count;
  ((struct seen *)context)->endings++;
  return 0;
}

/* 0 or the code of opening; a file that opens is read to its end. */
static int read_cut(const char *path, struct seen *seen, char note[LH_ERR_TEXT_MAX], enum lh_run_end *how) {
  struct lh_err err = {0};
  struct lh_reader *reader = NULL;
  *seen = (struct seen){0};
  note[0] = '\0';
  int code = lh_reader_open(&reader, path, &err);
  if (code != 0) {
    assert_int_equal(code, -EBADMSG);
    assert_non_null(strstr(err.text, path));
    return code;
  }
  const struct lh_reader_visits visits = {.context = seen, .interval = check_interval, .ending = count_ending};
  assert_ok(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), err);
  assert_int_equal(seen->rows % GROUPS, 0);
  *how = lh_reader_run(reader)->how;
  if (lh_reader_note(reader)) snprintf(note, LH_ERR_TEXT_MAX, "%s", lh_reader_note(reader));
  lh_reader_close(reader);
  return 0;
}

static void make_run(struct fixture *f, char *path) {
  struct lh_err err = {0};
  struct lh_store *store;
  assert_ok(lh_store_create(&store, f->folder, &f->facts, &err), err);
  strcpy(path, lh_store_path(store));
  store_intervals(store, INTERVALS);
  store_finish(store, INTERVALS);
}

static size_t size_of(const char *path) {
  struct stat stat_of;
  assert_int_equal(stat(path, &stat_of), 0);
  return (size_t)stat_of.st_size;
}

/* From the whole file down, a thirteenth less each time and then one byte less: every page boundary and both its sides come up
 * by and by. */
static void test_cut_anywhere(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256], note[LH_ERR_TEXT_MAX];
  make_run(&f, path);
  size_t size = size_of(path);
  struct seen whole, seen;
  enum lh_run_end how;
  assert_int_equal(read_cut(path, &whole, note, &how), 0);
  assert_int_equal(whole.rows, INTERVALS * GROUPS);
  assert_string_equal(note, "");
  uint32_t before = whole.rows, read_at_half = 0, cuts = 0;
  for (size_t at = size - 1; at > 4096; at = at % 4096 == 0 ? at - 1 : cuts % 3 == 0 ? at - at / 13 : at & ~(size_t)4095) {
    cuts++;
    assert_int_equal(truncate(path, (off_t)at), 0);
    if (read_cut(path, &seen, note, &how) != 0) {
      before = 0;
      continue;
    }
    assert_true(seen.rows <= before);
    assert_true(seen.endings <= whole.endings);
    assert_non_null(strstr(note, "cut off"));
    if (seen.rows < whole.rows) {
      assert_int_equal(how, LH_RUN_UNFINISHED);
      assert_non_null(strstr(note, " of 600 intervals are whole; what is missing begins"));
    }
    before = seen.rows;
    if (at > size / 2) read_at_half = seen.rows;
  }
  assert_true(cuts > 80);
  /* The tables grow side by side: half of the bytes hold about half of the intervals. */
  assert_in_range(read_at_half, whole.rows / 4, whole.rows * 3 / 4);
  fixture_remove(&f);
}

/* A copy of a run in progress, without the WAL beside it, cut off as well. */
static void test_cut_in_wal_mode(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256], note[LH_ERR_TEXT_MAX];
  make_run(&f, path);
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
  assert_int_equal(truncate(path, (off_t)(size_of(path) / 8 * 7)), 0);
  struct seen seen;
  enum lh_run_end how;
  assert_int_equal(read_cut(path, &seen, note, &how), 0);
  assert_true(seen.rows > INTERVALS);
  assert_non_null(strstr(note, "cut off"));
  struct lh_err err = {0};
  assert_int_equal(lh_store_add_event(path, 0, LH_EVENT_MARK, "here", &err), -EBADMSG);
  assert_non_null(strstr(err.text, "nothing can be added"));
  fixture_remove(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_cut_in_wal_mode)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
