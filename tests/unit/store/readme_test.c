/* src/store/README.md: its queries run, and it names every table and view. */
#include "fixture.h"

#include "longhaul/store/shard.h"

#include <fcntl.h>
#include <sqlite3.h>

static char *read_readme(void) {
  static char text[1 << 16];
  FILE *file = fopen("src/store/README.md", "r");
  if (!file) fail_msg("src/store/README.md: run this from the top of the source tree");
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

static sqlite3 *open_a_run(struct fixture *f) {
  struct lh_err err = {0};
  struct lh_store *store;
  struct lh_snapshot s;
  sqlite3 *db;
  lh_snapshot_init(&s);
  assert_ok(lh_store_create(&store, f->folder, &f->facts, &err), err);
  for (uint32_t k = 0; k < 20; k++) {
    assert_ok(store_interval(store, k, &s, &err), err);
    struct lh_watched_row watched = {.at_ns = START_NS + k * LH_NS_PER_S, .source = "process", .name = "threads", .value = k};
    assert_ok(lh_store_watched(store, &watched, &err), err);
    assert_ok(lh_store_commit(store, &err), err);
  }
  struct lh_shard_row shard = {.shard = 1, .workers = 1, .version = "9.9", .how = "complete", .clients = 150, .wanted_us = 1};
  assert_ok(lh_store_shard(store, &shard, &err), err);
  assert_ok(lh_store_commit(store, &err), err);
  assert_int_equal(sqlite3_open(lh_store_path(store), &db), SQLITE_OK);
  lh_store_close(store);
  lh_snapshot_free(&s);
  return db;
}

static int run_query(sqlite3 *db, const char *sql, const char *name) {
  sqlite3_stmt *statement;
  int rows = 0;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) fail_msg("%s: %s", name, sqlite3_errmsg(db));
  while (sqlite3_step(statement) == SQLITE_ROW) rows++;
  if (sqlite3_finalize(statement) != SQLITE_OK) fail_msg("%s: %s", name, sqlite3_errmsg(db));
  return rows;
}

static void test_queries(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  sqlite3 *db = open_a_run(&f);
  int queries = 0;
  for (char *at = read_readme(); (at = strstr(at, "```sql\n")); queries++) {
    at += 7;
    char *end = strstr(at, "```");
    *end = '\0';
    int rows = run_query(db, at, at);
    if (rows == 0 && !strstr(at, "rtt")) fail_msg("no rows: %s", at);
    at = end + 1;
  }
  assert_true(queries >= 10);
  sqlite3_close(db);
  fixture_remove(&f);
}

/* Views that are not in an example answer too, and say what the rows say. */
static void test_views(void **state) {
  (void)state;
  static const struct {
    const char *view, *check;
  } rows[] = {
      {"v_timeline", "SELECT count(*) = 40 AND min(utc) = '2026-11-22T20:03:28.123Z' AND min(availability_percent) = 100 AND"
                     " min(responses) = 50 AND sum(drops) = 120 AND min(response_p50_us) > 1000 FROM v_timeline"},
      {"v_latency", "SELECT count(*) = 80 AND max(overflow) = 1 FROM v_latency"},
      {"v_endings", "SELECT count(*) = 120 AND sum(count) = 120 AND min(is_drop) = 1 AND max(utc) = '2026-11-22T20:03:47.123Z' "
                    "FROM v_endings"},
      {"v_reasons", "SELECT count(*) = 6 AND sum(count) = 120 FROM v_reasons"},
      {"v_seconds", "SELECT count(*) = 20 AND sum(attempts) = 80 AND max(queued) = 26 AND min(group_name) = 'self' AND"
                    " max(utc) = '2026-11-22T20:03:47.123Z' AND max(t_s) = 19 FROM v_seconds"},
      {"v_workers", "SELECT count(*) = 20 AND max(cpu_percent) = 0.15 FROM v_workers"},
      {"v_watched", "SELECT count(*) = 20 AND max(value) = 19 AND min(t_s) = 0 AND min(utc) = '2026-11-22T20:03:28.123Z'"
                    " FROM v_watched"},
      {"v_host",
       "SELECT count(*) = 20 AND count(cpu_percent) = 19 AND max(cpu_percent) = 10 AND max(context_switches) = 10 FROM v_host"},
      {"reasons", "SELECT count(*) = count(DISTINCT stage) * count(DISTINCT reason) AND sum(is_drop) > 20 FROM reasons"},
  };
  struct fixture f;
  fixture_make(&f);
  sqlite3 *db = open_a_run(&f);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, rows[i].check, -1, &statement, NULL) != SQLITE_OK)
      fail_msg("%s: %s", rows[i].view, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    if (sqlite3_column_int(statement, 0) != 1) fail_msg("%s: not so: %s", rows[i].view, rows[i].check);
    sqlite3_finalize(statement);
  }
  sqlite3_close(db);
  fixture_remove(&f);
}

/* Every table and view has its line in the description, and every column of a list its line in the glossary. */
static void test_all_described(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  sqlite3 *db = open_a_run(&f);
  const char *readme = read_readme();
  sqlite3_stmt *names;
  int count = 0;
  sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'", -1,
                     &names, NULL);
  for (; sqlite3_step(names) == SQLITE_ROW; count++) {
    char row[100];
    snprintf(row, sizeof row, "| `%s` |", sqlite3_column_text(names, 0));
    if (!strstr(readme, row)) fail_msg("src/store/README.md has no line for %s", sqlite3_column_text(names, 0));
  }
  sqlite3_finalize(names);
  assert_int_equal(count, 28);
  assert_int_equal(run_query(db, "SELECT * FROM glossary WHERE table_name = 'intervals'", "glossary"),
                   LH_COUNTER_COUNT + LH_GAUGE_COUNT);
  assert_int_equal(run_query(db, "SELECT * FROM pragma_table_info('intervals')", "columns"),
                   LH_COUNTER_COUNT + LH_GAUGE_COUNT + 3);
  assert_int_equal(run_query(db, "SELECT * FROM glossary WHERE table_name = 'histograms'", "glossary"), LH_HIST_COUNT);
  sqlite3_close(db);
  fixture_remove(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_queries), cmocka_unit_test(test_views),
                                     cmocka_unit_test(test_all_described)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
