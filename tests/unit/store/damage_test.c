/* Files that are not run files, newer ones, older ones, cut and damaged ones: a sentence or the data, never a crash. */
#include "fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "longhaul/base/rng.h"

struct counts {
  uint32_t intervals, endings, unclassified, warnings;
  char text[LH_CLOSE_TEXT_MAX];
  uint64_t drops;
};

static int count_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  struct counts *counts = context;
  (void)k, (void)group;
  counts->intervals++;
  counts->drops += snapshot->counters[LH_COUNTER_drops];
  for (int i = 0; i < LH_HIST_COUNT; i++) lh_hdr_percentile(&snapshot->hists[i], 99);
  return 0;
}

static int count_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  struct counts *counts = context;
  (void)count;
  counts->endings++;
  if (ending->reason == LH_REASON_UNCLASSIFIED) {
    if (counts->unclassified++ == 0) strcpy(counts->text, ending->text);
    assert_true(lh_ending_is_drop(ending->stage, ending->reason));
  }
  return 0;
}

static int count_event(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text,
                       const char *details) {
  struct counts *counts = context;
  (void)at_ns, (void)group, (void)details;
  if (kind == LH_EVENT_WARNING && strstr(text, ": ")) counts->warnings++;
  return 0;
}

static int see_worker(void *context, uint32_t k, uint32_t worker, const struct lh_worker_health *health) {
  (void)context, (void)k, (void)worker, (void)health;
  return 0;
}

static int see_host(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample) {
  (void)context, (void)k, (void)shard, (void)sample;
  return 0;
}

static int see_shard(void *context, const struct lh_shard_row *row) {
  (void)context;
  assert_true(row->version && row->how);
  return 0;
}
static int see_second(void *context, uint32_t group, const struct lh_second *second) {
  (void)context, (void)group, (void)second;
  return 0;
}

static int see_fact(void *context, const struct lh_fact_row *fact) {
  (void)context;
  assert_true(fact->name && fact->source && fact->value);
  return 0;
}

static int see_finding(void *context, const struct lh_finding_row *finding) {
  (void)context, (void)finding;
  return 0;
}

/* Opens and reads everything. 0 or the code; a failure always has a sentence that names the file. */
static int read_whole(const char *path, struct counts *counts, struct lh_err *err) {
  *counts = (struct counts){0};
  *err = (struct lh_err){0};
  struct lh_reader *reader = NULL;
  const struct lh_reader_visits visits = {.context = counts,
                                          .interval = count_interval,
                                          .ending = count_ending,
                                          .event = count_event,
                                          .worker = see_worker,
                                          .host = see_host,
                                          .shard = see_shard,
                                          .second = see_second,
                                          .fact = see_fact,
                                          .finding = see_finding};
  int code = lh_reader_open(&reader, path, err);
  if (code == 0) code = lh_reader_visit(reader, 0, UINT32_MAX, &visits, err);
  lh_reader_close(reader);
  if (code != 0) {
    assert_true(code < 0);
    assert_int_equal(err->code, code);
    assert_non_null(strstr(err->text, path));
  }
  return code;
}

static void make_run(struct fixture *f, char *path, uint32_t intervals) {
  struct lh_err err = {0};
  struct lh_store *store;
  assert_ok(lh_store_create(&store, f->folder, &f->facts, &err), err);
  strcpy(path, lh_store_path(store));
  assert_ok(lh_store_event(store, START_NS, LH_EVENT_MARK, LH_NO_GROUP, "here", NULL, &err), err);
  store_intervals(store, intervals);
  store_finish(store, intervals);
}

static void sql(const char *path, const char *text) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  char *why = NULL;
  if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", text, why);
  sqlite3_close(db);
}

static void write_file(const char *path, const void *bytes, size_t len) {
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes, len), len);
  close(fd);
}

static char *read_file(const char *path, size_t *len) {
  struct stat stat_of;
  assert_int_equal(stat(path, &stat_of), 0);
  *len = (size_t)stat_of.st_size;
  char *bytes = malloc(*len);
  int fd = open(path, O_RDONLY);
  assert_int_equal(read(fd, bytes, *len), *len);
  close(fd);
  return bytes;
}

static void test_other_files(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256];
  snprintf(path, sizeof path, "%s/x.longhaul", f.folder);
  struct counts counts;
  struct lh_err err;
  assert_int_equal(read_whole(path, &counts, &err), -ENOENT);
  assert_int_equal(read_whole(f.folder, &counts, &err), -EINVAL);
  assert_non_null(strstr(err.text, "is a folder"));
  assert_int_equal(read_whole("/dev/null", &counts, &err), -EINVAL);
  write_file(path, "", 0);
  assert_int_equal(read_whole(path, &counts, &err), -EBADMSG);
  assert_non_null(strstr(err.text, "stopped before it had begun"));
  char text[5000];
  memset(text, 'x', sizeof text);
  write_file(path, text, sizeof text);
  assert_int_equal(read_whole(path, &counts, &err), -EBADMSG);
  assert_non_null(strstr(err.text, "not an SQLite database"));
  unlink(path);
  sql(path, "CREATE TABLE people (name)");
  assert_int_equal(read_whole(path, &counts, &err), -EBADMSG);
  assert_non_null(strstr(err.text, "application id"));
  sql(path, "PRAGMA application_id = 0x4c487266");
  assert_int_equal(read_whole(path, &counts, &err), -EBADMSG);
  sql(path, "PRAGMA user_version = 1");
  assert_int_equal(read_whole(path, &counts, &err), -EBADMSG); /* the right marks, none of the tables */
  assert_non_null(strstr(err.text, "run"));
  sql(path, "PRAGMA user_version = 2");
  assert_int_equal(read_whole(path, &counts, &err), -EPROTO);
  assert_non_null(strstr(err.text, "newer longhaul: run file version 2"));
  fixture_remove(&f);
}

/* Rows that contradict each other, each by one statement. */
static void test_damaged_rows(void **state) {
  (void)state;
  static const struct {
    const char *statement, *words;
  } rows[] = {
      {"DELETE FROM run", "table run is empty"},
      {"UPDATE run SET interval_ns = 0", "interval"},
      {"UPDATE run SET interval_ns = -5", "interval"},
      {"UPDATE intervals SET k = -3 WHERE k = 1 AND group_no = 0", "intervals"},
      {"UPDATE intervals SET k = 99999999999 WHERE k = 1", "intervals"},
      {"UPDATE intervals SET group_no = 7 WHERE k = 1 AND group_no = 1", "group"},
      {"UPDATE endings SET group_no = 9", "group"},
      {"UPDATE events SET group_no = 9", "group"},
      {"UPDATE endings SET reason_id = 424242", "reason"},
      {"UPDATE tallies SET reason_id = 424242", "reason"},
      {"DELETE FROM reasons", "reason"},
      {"DELETE FROM groups WHERE group_no = 0", "group"},
      {"DELETE FROM groups", "group"},
      {"DROP TABLE histograms", "histograms"},
      {"UPDATE histograms SET payload = x'00' WHERE rowid = 3", "histogram response of interval 0, group 1"},
      {"UPDATE histograms SET payload = substr(payload, 1, length(payload) - 7)", "histogram"},
      {"UPDATE histograms SET payload = NULL", NULL}, /* NOT NULL holds: the statement itself fails */
      {"UPDATE histograms SET count = count + 1", "payload"},
      {"UPDATE histograms SET overflow = -1", "payload"},
      {"UPDATE run SET name = zeroblob(3), config = 5", NULL},
      {"UPDATE endings SET text = zeroblob(1000), code = 'x'", NULL},
      {"UPDATE endings SET text = printf('%.*c', 5000, 'x')", NULL},
      {"ALTER TABLE endings RENAME TO was; CREATE VIEW endings AS SELECT * FROM was", "view \"endings\" prohibited"},
      {"DROP TABLE facts; CREATE VIEW facts AS WITH RECURSIVE r(name, value) AS (SELECT 'x', 0 UNION ALL SELECT 'x', value + 1 FROM r)"
       " SELECT 0 AS shard, name, value FROM r", "SQLite"}, /* without end */
      {"UPDATE run SET name = zeroblob(100000000)", "too big"},
  };
  struct fixture f;
  fixture_make(&f);
  char path[256], copy[256];
  make_run(&f, path, 4);
  snprintf(copy, sizeof copy, "%s/copy.longhaul", f.folder);
  size_t len;
  char *bytes = read_file(path, &len);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    write_file(copy, bytes, len);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
    sqlite3_exec(db, rows[i].statement, NULL, NULL, NULL);
    sqlite3_close(db);
    struct counts counts;
    struct lh_err err;
    int code = read_whole(copy, &counts, &err);
    if (!rows[i].words) assert_ok(code, err);
    if (rows[i].words && (code != -EBADMSG || !strstr(err.text, rows[i].words)))
      fail_msg("%s: %d: %s", rows[i].statement, code, err.text);
  }
  free(bytes);
  fixture_remove(&f);
}

/* What a newer longhaul of the same schema version may add, and an older one may lack. */
static void test_other_minor_versions(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256];
  make_run(&f, path, 4);
  sql(path, "UPDATE reasons SET reason = 'HTTP/2 GOAWAY' WHERE reason = 'RST';"
            "UPDATE reasons SET stage = 'early data' WHERE stage = 'open' AND reason = 'close frame';"
            "UPDATE events SET kind = 'moon phase';"
            "DROP VIEW v_timeline; DROP VIEW v_workers; DROP VIEW v_host; DROP VIEW v_seconds;"
            "ALTER TABLE intervals ADD COLUMN moons INTEGER NOT NULL DEFAULT 3;"
            "ALTER TABLE intervals DROP COLUMN drops;"
            "ALTER TABLE workers DROP COLUMN turns;"
            "ALTER TABLE host DROP COLUMN net_drops;"
            "ALTER TABLE seconds DROP COLUMN retry_afters;"
            "ALTER TABLE shards DROP COLUMN lost;"
            "UPDATE histograms SET name = 'dream' WHERE name = 'outage'");
  struct counts counts;
  struct lh_err err;
  assert_ok(read_whole(path, &counts, &err), err);
  assert_int_equal(counts.intervals, 4 * GROUPS);
  assert_int_equal(counts.drops, 0);
  assert_int_equal(counts.warnings, 1);
  assert_int_equal(counts.unclassified, counts.endings);
  assert_string_equal(counts.text, "close frame, in stage early data: restart 0");
  fixture_remove(&f);
}

struct cut_text {
  char text[LH_CLOSE_TEXT_MAX];
};

static int keep_text(void *context, const struct lh_ending *ending, uint64_t count) {
  (void)count;
  strcpy(((struct cut_text *)context)->text, ending->text);
  return 0;
}

/* A text longer than this version keeps shows that it was cut. */
static void test_long_text(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256];
  make_run(&f, path, 1);
  sql(path, "UPDATE endings SET text = printf('%.*c', 5000, 'x')");
  struct lh_err err = {0};
  struct lh_reader *reader;
  struct cut_text cut;
  assert_ok(lh_reader_open(&reader, path, &err), err);
  const struct lh_reader_visits visits = {.context = &cut, .ending = keep_text};
  assert_ok(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), err);
  assert_int_equal(strlen(cut.text), LH_CLOSE_TEXT_MAX - 1);
  assert_string_equal(cut.text + LH_CLOSE_TEXT_MAX - 5, "x...");
  lh_reader_close(reader);
  fixture_remove(&f);
}

static int check_responses(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  uint32_t *seen = context;
  (void)k;
  ++*seen;
  assert_int_equal(snapshot->hists[LH_HIST_response].count, group == 0 ? 100 : 50);
  assert_int_equal(snapshot->tally_count, 3);
  return 0;
}

/* Histograms and tallies whose interval has no row of its own go nowhere, not to a neighbour. */
static void test_missing_interval(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256];
  make_run(&f, path, 4);
  sql(path, "DELETE FROM intervals WHERE (k = 1 AND group_no = 0) OR (k = 2)");
  struct lh_err err = {0};
  struct lh_reader *reader;
  uint32_t seen = 0;
  assert_ok(lh_reader_open(&reader, path, &err), err);
  const struct lh_reader_visits visits = {.context = &seen, .interval = check_responses};
  assert_ok(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), err);
  assert_int_equal(seen, 5);
  lh_reader_close(reader);
  fixture_remove(&f);
}

/* Cut at every hundredth byte and around every page. */
static void test_cut_off(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256], cut[256];
  make_run(&f, path, 4);
  snprintf(cut, sizeof cut, "%s/cut.longhaul", f.folder);
  size_t len;
  char *bytes = read_file(path, &len);
  struct counts counts;
  struct lh_err err;
  write_file(cut, bytes, len);
  assert_ok(read_whole(cut, &counts, &err), err);
  assert_int_equal(counts.intervals, 4 * GROUPS);
  for (size_t at = len - 1; at > 0; at = at > 997 ? at - 997 : at - 1) {
    size_t places[] = {at, at & ~(size_t)4095, (at & ~(size_t)4095) + 1};
    for (int i = 0; i < 3; i++) {
      write_file(cut, bytes, places[i]);
      int code = read_whole(cut, &counts, &err);
      assert_true(code == -EBADMSG || counts.intervals <= 4 * GROUPS); /* salvage_test asks what is read then */
      assert_true(code == 0 || strstr(err.text, "cut off") || places[i] < 100);
    }
  }
  free(bytes);
  fixture_remove(&f);
}

/* As above with a header that claims the file is whole, so that SQLite itself meets the missing pages; and with random
 * bytes changed anywhere. */
static void test_damaged_bytes(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256], copy[256];
  make_run(&f, path, 6);
  snprintf(copy, sizeof copy, "%s/copy.longhaul", f.folder);
  size_t len;
  char *bytes = read_file(path, &len);
  uint32_t failures = 0;
  const uint64_t seed = 20261122;
  for (uint64_t round = 0; round < 400; round++) {
    char *damaged = malloc(len);
    memcpy(damaged, bytes, len);
    size_t keep = len;
    if (round % 4 == 0) {
      keep = 4096 + (size_t)lh_rng_below(lh_rng_at(seed, LH_RNG_SIM, round, 0), len - 4096);
      memset(damaged + 92, 0xff, 4); /* the count of pages is not trusted then */
    } else {
      for (uint64_t i = 0; i <= round % 40; i++) {
        uint64_t word = lh_rng_at(seed, LH_RNG_SIM, round, i + 1);
        damaged[100 + lh_rng_below(word, len - 100)] = (char)(word >> 11);
      }
    }
    write_file(copy, damaged, keep);
    free(damaged);
    struct counts counts;
    struct lh_err err;
    failures += read_whole(copy, &counts, &err) != 0;
  }
  assert_true(failures > 100);
  free(bytes);
  fixture_remove(&f);
}

/* Becomes nobody when it is root, since root may write everywhere. */
static int as_nobody(int (*body)(const char *path), const char *path) {
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(99);
    _exit(body(path));
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

#define EXPECT(condition)                                                                                                      \
  do {                                                                                                                         \
    if (!(condition)) {                                                                                                        \
      fprintf(stderr, "%d: %s: %s\n", __LINE__, #condition, err.text);                                                         \
      return 1;                                                                                                                \
    }                                                                                                                          \
  } while (0)

static int read_plain(const char *path) {
  struct counts counts;
  struct lh_err err;
  EXPECT(read_whole(path, &counts, &err) == 0);
  EXPECT(counts.intervals == 3 * GROUPS);
  struct lh_reader *reader;
  EXPECT(lh_reader_open(&reader, path, &err) == 0);
  EXPECT(lh_reader_note(reader) == NULL); /* a finished run is one plain file, with nothing to be said of it */
  lh_reader_close(reader);
  return 0;
}

static int read_without_wal(const char *path) {
  struct lh_err err = {0};
  struct lh_reader *reader;
  EXPECT(lh_reader_open(&reader, path, &err) == 0);
  EXPECT(lh_reader_note(reader) && strstr(lh_reader_note(reader), "is not seen"));
  EXPECT(strcmp(lh_reader_run(reader)->name, "night") == 0);
  lh_reader_close(reader);
  return 0;
}

static int create_refused(const char *path) {
  struct fixture f;
  fixture_make(&f);
  struct lh_store *store;
  struct lh_err err = {0};
  char below[300];
  snprintf(below, sizeof below, "%s/below", path);
  EXPECT(lh_store_create(&store, path, &f.facts, &err) == -EACCES);
  EXPECT(strstr(err.text, path) && strstr(err.text, "--store"));
  EXPECT(lh_store_create(&store, below, &f.facts, &err) == -EACCES);
  EXPECT(strstr(err.text, below) && strstr(err.text, "--store"));
  rmdir(f.folder);
  return 0;
}

static int read_refused(const char *path) {
  struct lh_err err = {0};
  struct lh_reader *reader;
  EXPECT(lh_reader_open(&reader, path, &err) == -EACCES);
  EXPECT(strstr(err.text, path));
  return 0;
}

static void test_read_only_folder(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256], wal[300];
  struct lh_err err = {0};
  make_run(&f, path, 3);
  assert_int_equal(chmod(f.folder, 0555), 0);
  assert_int_equal(as_nobody(read_plain, path), 0);
  assert_int_equal(as_nobody(create_refused, f.folder), 0);
  assert_int_equal(chmod(path, 0), 0);
  if (geteuid() == 0) assert_int_equal(as_nobody(read_refused, path), 0);
  assert_int_equal(chmod(f.folder, 0755), 0);
  unlink(path);
  /* What a crash leaves, on a medium that cannot be written: WAL, but no shared memory file. */
  pid_t child = fork();
  if (child == 0) {
    struct lh_store *store;
    struct lh_snapshot s;
    lh_snapshot_init(&s);
    if (lh_store_create(&store, f.folder, &f.facts, &err) || store_interval(store, 0, &s, &err) || lh_store_commit(store, &err))
      _exit(1);
    _exit(0); /* without closing */
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  snprintf(wal, sizeof wal, "%s-wal", path);
  assert_int_equal(access(wal, F_OK), 0);
  snprintf(wal, sizeof wal, "%s-shm", path);
  assert_int_equal(unlink(wal), 0);
  assert_int_equal(chmod(f.folder, 0555), 0);
  assert_int_equal(as_nobody(read_without_wal, path), 0);
  fixture_remove(&f);
}

static void test_folders_that_cannot_be(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  struct lh_err err = {0};
  struct lh_store *store;
  char path[300];
  snprintf(path, sizeof path, "%s/file", f.folder);
  write_file(path, "x", 1);
  assert_int_equal(lh_store_create(&store, path, &f.facts, &err), -ENOTDIR);
  assert_non_null(strstr(err.text, path));
  strcat(path, "/below/it");
  assert_int_equal(lh_store_create(&store, path, &f.facts, &err), -ENOTDIR);
  assert_non_null(strstr(err.text, "--store"));
  assert_int_equal(lh_store_create(&store, "/proc/nowhere", &f.facts, &err), -ENOENT);
  lh_store_close(NULL);
  lh_reader_close(NULL);
  fixture_remove(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_other_files),
      cmocka_unit_test(test_damaged_rows),
      cmocka_unit_test(test_other_minor_versions),
      cmocka_unit_test(test_long_text),
      cmocka_unit_test(test_missing_interval),
      cmocka_unit_test(test_cut_off),
      cmocka_unit_test(test_damaged_bytes),
      cmocka_unit_test(test_read_only_folder),
      cmocka_unit_test(test_folders_that_cannot_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
