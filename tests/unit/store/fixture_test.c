/* One run file of every schema version ever shipped, as SQL text, opened and read.
 *
 * fixtures/make writes the newest one (by LH_FIXTURE=FOLDER below); facts of the host that made it are left out.
 */
#include "fixture.h"

#include <sqlite3.h>

struct counts {
  uint32_t intervals, seconds, workers, samples, events, facts, findings, watched;
  uint64_t endings, drops, responses, overflow;
};

static int see_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  struct counts *counts = context;
  (void)k, (void)group;
  counts->intervals++;
  counts->drops += snapshot->counters[LH_COUNTER_drops];
  counts->responses += snapshot->hists[LH_HIST_response].count;
  counts->overflow += snapshot->hists[LH_HIST_outage].overflow;
  uint64_t tallied = 0;
  for (uint32_t i = 0; i < snapshot->tally_count; i++) tallied += snapshot->tallies[i].count;
  assert_int_equal(tallied, snapshot->counters[LH_COUNTER_ended]);
  return 0;
}

static int see_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  ((struct counts *)context)->endings += count;
  assert_true(ending->reason == LH_REASON_RST || (ending->reason == LH_REASON_CLOSE_FRAME && ending->code == 1012));
  return 0;
}

static int see_second(void *context, uint32_t group, const struct lh_second *second) {
  ((struct counts *)context)->seconds++;
  assert_int_equal(group, 1);
  assert_int_equal(second->open, 49);
  return 0;
}

static int see_event(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text,
                     const char *details) {
  (void)at_ns, (void)group, (void)text, (void)details;
  ((struct counts *)context)->events++;
  assert_int_equal(kind, LH_EVENT_MARK);
  return 0;
}

static int see_worker(void *context, uint32_t k, uint32_t worker, const struct lh_worker_health *health) {
  (void)k, (void)worker;
  ((struct counts *)context)->workers++;
  assert_int_equal(health->descriptors, 105);
  return 0;
}

static int see_watched(void *context, const struct lh_watched_row *row) {
  ((struct counts *)context)->watched++;
  assert_int_equal(row->at_ns, START_NS - 1000);
  assert_string_equal(row->source, "process");
  assert_string_equal(row->name, "descriptors");
  assert_true(row->value == 12.5);
  return 0;
}

static int see_host(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample) {
  ((struct counts *)context)->samples++;
  assert_int_equal(shard, 1);
  assert_int_equal(sample->cpu_total_us, 1000 * (k + 1));
  return 0;
}

static int see_fact(void *context, const struct lh_fact_row *fact) {
  ((struct counts *)context)->facts++;
  assert_int_equal(fact->shard, 1);
  assert_string_equal(fact->name, "cpus");
  assert_string_equal(fact->value, "4");
  return 0;
}

static int see_finding(void *context, const struct lh_finding_row *finding) {
  ((struct counts *)context)->findings++;
  assert_string_equal(finding->id, "mass-drop");
  return 0;
}

static void load(const char *dump, const char *path) {
  FILE *file = fopen(dump, "r");
  if (!file) fail_msg("%s: run this from the top of the source tree", dump);
  static char text[1 << 20];
  size_t len = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[len] = '\0';
  sqlite3 *db;
  char *why = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", dump, why);
  sqlite3_close(db);
}

static void test_version_1(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256];
  snprintf(path, sizeof path, "%s/v1.longhaul", f.folder);
  load("tests/unit/store/fixtures/v1.longhaul.sql", path);
  struct lh_err err = {0};
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, path, &err), err);
  const struct lh_run_row *run = lh_reader_run(reader);
  assert_string_equal(run->name, "night");
  assert_int_equal(run->how, LH_RUN_COMPLETE);
  assert_int_equal(run->interval_count, 3);
  assert_int_equal(run->group_count, 2);
  assert_string_equal(lh_reader_group(reader, 0)->url, "wss://***@gateway.example.test/ws?token=***&v&w=***#x");
  struct counts counts = {0};
  const struct lh_reader_visits visits = {.context = &counts,
                                          .interval = see_interval,
                                          .ending = see_ending,
                                          .second = see_second,
                                          .event = see_event,
                                          .worker = see_worker,
                                          .watched = see_watched, .host = see_host,
                                          .fact = see_fact,
                                          .finding = see_finding};
  assert_ok(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), err);
  lh_reader_close(reader);
  assert_int_equal(counts.intervals, 6);
  assert_int_equal(counts.drops, 18);
  assert_int_equal(counts.endings, 18);
  assert_int_equal(counts.responses, 450);
  assert_int_equal(counts.overflow, 6);
  assert_int_equal(counts.seconds, 3);
  assert_int_equal(counts.events, 1);
  assert_int_equal(counts.workers, 3);
  assert_int_equal(counts.samples, 3);
  assert_int_equal(counts.facts, 1);
  assert_int_equal(counts.watched, 1);
  assert_int_equal(counts.findings, 1);
  fixture_remove(&f);
}

/* Writes the run that the newest fixture holds, when asked to. */
static void test_make(void **state) {
  (void)state;
  const char *folder = getenv("LH_FIXTURE");
  if (!folder) return;
  struct fixture f;
  fixture_make(&f);
  struct lh_err err = {0};
  struct lh_store *store;
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  assert_ok(lh_store_create(&store, folder, &f.facts, &err), err);
  for (uint32_t k = 0; k < 3; k++) {
    assert_ok(store_interval(store, k, &s, &err), err);
    assert_ok(lh_store_commit(store, &err), err);
  }
  struct lh_finding_row finding = {.id = "mass-drop",
                                   .sentence = "Three dropped.",
                                   .evidence = "3 drops",
                                   .severity = "notice",
                                   .confidence = 1,
                                   .group = 1,
                                   .from_ns = START_NS,
                                   .until_ns = START_NS + 1};
  assert_ok(lh_store_finding(store, &finding, &err), err);
  struct lh_watched_row watched = {.at_ns = START_NS - 1000, .source = "process", .name = "descriptors", .value = 12.5};
  assert_ok(lh_store_watched(store, &watched, &err), err);
  assert_ok(lh_store_event(store, START_NS + 1, LH_EVENT_MARK, LH_NO_GROUP, "deployed", "{\"by\":\"ann\"}", &err), err);
  assert_ok(lh_store_finish(store, LH_RUN_COMPLETE, START_NS + 3 * LH_NS_PER_S, START_WALL_US + 3000000, &err), err);
  char path[512];
  strcpy(path, lh_store_path(store));
  lh_store_close(store);
  lh_snapshot_free(&s);
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "DELETE FROM facts; INSERT INTO facts VALUES (1, 'cpus', '/sys/devices/system/cpu/online', '4')",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(db);
  fixture_remove(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_make), cmocka_unit_test(test_version_1)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
