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

static char *read_bytes(const char *path, size_t len) {
  char *bytes = malloc(len);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_int_equal(fread(bytes, 1, len, file), len);
  fclose(file);
  return bytes;
}

static void write_at(const char *path, size_t at, const char *bytes, size_t len) {
  FILE *file = fopen(path, "r+");
  assert_non_null(file);
  assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
  assert_int_equal(fwrite(bytes, 1, len, file), len);
  fclose(file);
}

/* Each page in turn, zeroed or overwritten: what is read is whole intervals still, nearly all of them, and the file says so. */
static void test_damaged_in_the_middle(void **state) {
  (void)state;
  enum { PAGE = 4096, STEP = 7 };
  struct fixture f;
  fixture_make(&f);
  char path[256], note[LH_ERR_TEXT_MAX], damage[PAGE];
  make_run(&f, path);
  size_t size = size_of(path), read = 0, holed = 0, refused = 0;
  char *whole = read_bytes(path, size);
  for (size_t page = 1; page < size / PAGE; page += STEP) {
    memset(damage, page % 2 ? 0 : 0xa5, sizeof damage);
    write_at(path, page * PAGE, damage, PAGE);
    struct seen seen;
    enum lh_run_end how;
    if (read_cut(path, &seen, note, &how) != 0) {
      refused++;
    } else {
      read++;
      assert_non_null(strstr(note, "is damaged in the middle"));
      bool holes = strstr(note, " of 600 intervals are whole; missing are ") != NULL;
      assert_true(holes != (strstr(note, "all 600 intervals are whole") != NULL));
      assert_int_equal(how, holes ? LH_RUN_UNFINISHED : LH_RUN_COMPLETE);
      assert_true(holes == (seen.rows < INTERVALS * GROUPS));
      holed += holes;
    }
    write_at(path, page * PAGE, whole + page * PAGE, PAGE);
  }
  /* Refused are those that hold the schema, the groups and reasons, and the roots of tables. */
  assert_true(read > 10 * refused);
  assert_true(holed > 10);
  struct seen seen;
  enum lh_run_end how;
  assert_int_equal(read_cut(path, &seen, note, &how), 0);
  assert_string_equal(note, "");
  free(whole);
  fixture_remove(&f);
}

static void sql(const char *path, const char *text) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static uint32_t page_of(const char *path, const char *table) {
  sqlite3 *db;
  sqlite3_stmt *select;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_master WHERE name = ?", -1, &select, NULL), SQLITE_OK);
  sqlite3_bind_text(select, 1, table, -1, SQLITE_STATIC);
  assert_int_equal(sqlite3_step(select), SQLITE_ROW);
  uint32_t page = (uint32_t)sqlite3_column_int(select, 0);
  sqlite3_finalize(select);
  sqlite3_close(db);
  return page;
}

/* A histogram that lost its contents takes its interval with it, and what is missing is said in the run's own time. */
static void test_words_of_damage(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256], note[LH_ERR_TEXT_MAX], zeros[4096] = "", expected[LH_ERR_TEXT_MAX];
  make_run(&f, path);
  sql(path, "UPDATE histograms SET payload = zeroblob(20) WHERE k IN (30, 31, 90)");
  write_at(path, (page_of(path, "tallies_at") - 1) * sizeof zeros, zeros, sizeof zeros); /* an index: nothing is lost by it */
  struct seen seen;
  enum lh_run_end how;
  assert_int_equal(read_cut(path, &seen, note, &how), 0);
  assert_int_equal(seen.rows, 597 * GROUPS);
  snprintf(expected, sizeof expected,
           "%s is damaged in the middle: 597 of 600 intervals are whole; missing are 30s to 32s, 1m30s to 1m31s, from its "
           "start. Copy it again from where it was written, if that is still there",
           path);
  assert_string_equal(note, expected);
  struct lh_err err = {0};
  assert_int_equal(lh_store_add_event(path, 0, LH_EVENT_MARK, "here", &err), -EBADMSG);
  assert_non_null(strstr(err.text, "nothing can be added"));
  fixture_remove(&f);
}

/* What a damaged file says of its tables is run to make them anew; what its sender put behind that must not be. */
static void test_words_of_an_enemy(void **state) {
  (void)state;
  static const struct {
    const char *before, *after; /* of the folder's path */
  } tails[] = {{"; ATTACH '", "/taken' AS t; CREATE TABLE t.x (y)"},
               {"; SELECT '", "'"},
               {"; PRAGMA journal_mode = '", "'"},
               {"; CREATE TRIGGER z AFTER INSERT ON facts BEGIN SELECT '", "'; END"}};
  struct fixture f;
  fixture_make(&f);
  for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
    char path[256], taken[300], text[800];
    make_run(&f, path);
    snprintf(taken, sizeof taken, "%s/taken", f.folder);
    snprintf(text, sizeof text, "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = sql || \"%s%s%s\" WHERE name = 'facts'",
             tails[i].before, f.folder, tails[i].after);
    sql(path, text);
    assert_int_equal(truncate(path, (off_t)size_of(path) / 2), 0);
    struct lh_reader *reader = NULL;
    struct lh_err err = {0};
    assert_int_equal(lh_reader_open(&reader, path, &err), -EBADMSG);
    assert_int_equal(access(taken, F_OK), -1);
    assert_int_equal(unlink(path), 0);
  }
  fixture_remove(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_words_of_an_enemy), cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_cut_in_wal_mode),
                                     cmocka_unit_test(test_damaged_in_the_middle), cmocka_unit_test(test_words_of_damage)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
