/* What is written is what is read. */
#include "fixture.h"

#include <sqlite3.h>

struct seen {
  uint32_t intervals, seconds, events, workers, samples, facts, rungs, findings;
  uint64_t endings, ending_rows, last_at_ns;
  uint32_t last_k, last_group;
  struct lh_snapshot total[GROUPS];
  struct lh_snapshot expected;
};

static void assert_hist_equal(const struct lh_hdr *a, const struct lh_hdr *b) {
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->overflow, b->overflow);
  assert_int_equal(a->min_us, b->min_us);
  assert_int_equal(a->max_us, b->max_us);
  assert_true(a->sum_us == b->sum_us);
  for (int p = 0; p <= 100; p += 5) assert_int_equal(lh_hdr_percentile(a, p), lh_hdr_percentile(b, p));
}

static int see_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  struct seen *seen = context;
  if (seen->intervals++) assert_true(k > seen->last_k || (k == seen->last_k && group > seen->last_group));
  seen->last_k = k;
  seen->last_group = group;
  fill_snapshot(&seen->expected, k, group);
  assert_memory_equal(snapshot->counters, seen->expected.counters, sizeof snapshot->counters);
  assert_memory_equal(snapshot->gauges, seen->expected.gauges, sizeof snapshot->gauges);
  for (int i = 0; i < LH_HIST_COUNT; i++) assert_hist_equal(&snapshot->hists[i], &seen->expected.hists[i]);
  assert_int_equal(snapshot->tally_count, seen->expected.tally_count);
  for (uint32_t i = 0; i < snapshot->tally_count; i++) {
    const struct lh_tally *a = &snapshot->tallies[i], *b = &seen->expected.tallies[i];
    assert_int_equal(a->stage, b->stage);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->code, b->code);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->first_ns, b->first_ns);
    assert_int_equal(a->last_ns, b->last_ns);
  }
  assert_int_equal(lh_snapshot_merge_later(&seen->total[group], snapshot), 0);
  return 0;
}

static int see_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  struct seen *seen = context;
  assert_true(ending->at_ns >= seen->last_at_ns);
  seen->last_at_ns = ending->at_ns;
  assert_int_equal(ending->started_ns, START_NS);
  assert_true(ending->group < GROUPS);
  if (ending->reason == LH_REASON_CLOSE_FRAME) assert_memory_equal(ending->text, "restart ", 8);
  seen->endings += count;
  seen->ending_rows++;
  return 0;
}

static int see_second(void *context, uint32_t group, const struct lh_second *second) {
  struct seen *seen = context;
  struct lh_second expected = fill_second((uint32_t)((second->from_ns - START_NS) / LH_NS_PER_S));
  assert_int_equal(group, 1);
  assert_memory_equal(second, &expected, sizeof expected);
  seen->seconds++;
  return 0;
}

static int see_event(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text,
                     const char *details) {
  struct seen *seen = context;
  seen->events++;
  if (kind == LH_EVENT_RUN_STARTED) {
    assert_int_equal(at_ns, START_NS - 5); /* before the start: kept as it is */
    assert_int_equal(group, LH_NO_GROUP);
    assert_null(details);
  } else {
    assert_int_equal(kind, LH_EVENT_MARK);
    assert_int_equal(group, 1);
    assert_string_equal(text, "deployed <v2>");
    assert_string_equal(details, "{\"by\":\"ann\"}");
  }
  return 0;
}

static int see_worker(void *context, uint32_t k, uint32_t worker, const struct lh_worker_health *health) {
  struct seen *seen = context;
  seen->workers++;
  assert_int_equal(worker, 1);
  assert_int_equal(health->from_ns, START_NS + k * LH_NS_PER_S);
  assert_int_equal(health->loop_lag_max_us, 77 + k);
  assert_int_equal(health->clients, 150);
  return 0;
}

static int see_host(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample) {
  struct seen *seen = context;
  seen->samples++;
  assert_int_equal(shard, 1);
  assert_int_equal(sample->cpu_total_us, 1000 * (k + 1));
  assert_int_equal(sample->context_switches, 10 * k);
  return 0;
}

static int see_fact(void *context, const struct lh_fact_row *fact) {
  struct seen *seen = context;
  assert_int_equal(fact->shard, 1);
  assert_true(*fact->name && *fact->source && *fact->value);
  seen->facts++;
  return 0;
}

static int see_rung(void *context, const struct lh_rung_row *rung) {
  struct seen *seen = context;
  const struct lh_rung *kept = &fixture_ladder.rungs[seen->rungs++];
  assert_int_equal(rung->shard, 1);
  assert_string_equal(rung->name, lh_limit_name(kept->limit));
  assert_string_equal(rung->value, kept->value);
  assert_string_equal(rung->detail, kept->detail);
  assert_string_equal(rung->remedy, kept->remedy_count > 0 ? kept->remedies[0].text : "");
  assert_true(rung->clients == kept->clients && rung->soft == kept->soft && rung->estimated == kept->estimated);
  return 0;
}

static int see_finding(void *context, const struct lh_finding_row *finding) {
  struct seen *seen = context;
  seen->findings++;
  assert_string_equal(finding->id, "outage");
  assert_string_equal(finding->severity, "serious");
  assert_true(finding->confidence == 0.99);
  assert_int_equal(finding->group, 0);
  assert_int_equal(finding->from_ns, START_NS + 1);
  assert_int_equal(finding->until_ns, START_NS + 2);
  assert_null(finding->evidence);
  return 0;
}

static const struct lh_reader_visits all_visits = {.interval = see_interval,
                                                   .ending = see_ending,
                                                   .second = see_second,
                                                   .event = see_event,
                                                   .worker = see_worker,
                                                   .host = see_host,
                                                   .fact = see_fact,
                                                   .rung = see_rung,
                                                   .finding = see_finding};

static void seen_init(struct seen *seen) {
  *seen = (struct seen){0};
  for (int i = 0; i < GROUPS; i++) lh_snapshot_init(&seen->total[i]);
  lh_snapshot_init(&seen->expected);
}

static void seen_free(struct seen *seen) {
  for (int i = 0; i < GROUPS; i++) lh_snapshot_free(&seen->total[i]);
  lh_snapshot_free(&seen->expected);
}

static void read_all(const char *path, uint32_t from_k, uint32_t until_k, struct seen *seen) {
  struct lh_err err = {0};
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, path, &err), err);
  assert_null(lh_reader_note(reader));
  struct lh_reader_visits visits = all_visits;
  visits.context = seen;
  assert_ok(lh_reader_visit(reader, from_k, until_k, &visits, &err), err);
  lh_reader_close(reader);
}

static void write_run(struct fixture *f, uint32_t intervals, struct lh_store **store, char *path) {
  struct lh_err err = {0};
  fixture_make(f);
  assert_ok(lh_store_create(store, f->folder, &f->facts, &err), err);
  strcpy(path, lh_store_path(*store));
  assert_ok(lh_store_event(*store, START_NS - 5, LH_EVENT_RUN_STARTED, LH_NO_GROUP, "begun", NULL, &err), err);
  store_intervals(*store, intervals);
  struct lh_finding_row finding = {.id = "outage",
                                   .sentence = "All dropped.",
                                   .severity = "serious",
                                   .confidence = 0.99,
                                   .group = 0,
                                   .from_ns = START_NS + 1,
                                   .until_ns = START_NS + 2};
  assert_ok(lh_store_finding(*store, &finding, &err), err);
  assert_ok(lh_store_event(*store, START_NS + intervals * LH_NS_PER_S + 1, LH_EVENT_MARK, 1, "deployed <v2>",
                           "{\"by\":\"ann\"}", &err),
            err);
}

static struct lh_store *committed_run(struct fixture *f, uint32_t intervals, char *path) {
  struct lh_store *store;
  struct lh_err err = {0};
  write_run(f, intervals, &store, path);
  assert_ok(lh_store_commit(store, &err), err);
  return store;
}

static void test_roundtrip(void **state) {
  (void)state;
  struct fixture f;
  struct lh_store *store;
  struct lh_err err = {0};
  char path[256];
  write_run(&f, 10, &store, path);
  assert_string_equal(strrchr(path, '/'), "/night-20261122-200328.longhaul");
  assert_ok(lh_store_finish(store, LH_RUN_INTERRUPTED, START_NS + 10 * LH_NS_PER_S + 7, START_WALL_US + 10000000, &err), err);
  lh_store_close(store);
  char wal[300];
  snprintf(wal, sizeof wal, "%s-wal", path);
  assert_int_not_equal(access(wal, F_OK), 0);

  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, path, &err), err);
  const struct lh_run_row *run = lh_reader_run(reader);
  assert_string_equal(run->id, "0123456789abcdef");
  assert_string_equal(run->name, "night");
  assert_string_equal(run->version, "0.1.0");
  assert_string_equal(run->command_line, "longhaul run night.yaml");
  assert_string_equal(run->config_masked, "run:\n  name: night\n");
  assert_true(run->seed == UINT64_MAX - 1);
  assert_int_equal(run->workers, 2);
  assert_int_equal(run->interval_ns, LH_NS_PER_S);
  assert_int_equal(run->start_ns, START_NS);
  assert_int_equal(run->start_wall_us, START_WALL_US);
  assert_int_equal(run->how, LH_RUN_INTERRUPTED);
  assert_int_equal(run->end_ns, START_NS + 10 * LH_NS_PER_S + 7);
  assert_int_equal(run->end_wall_us, START_WALL_US + 10000000);
  assert_int_equal(run->group_count, GROUPS);
  assert_int_equal(run->interval_count, 10);
  assert_string_equal(lh_reader_group(reader, 0)->name, "chat");
  assert_string_equal(lh_reader_group(reader, 0)->kind, "websocket");
  assert_string_equal(lh_reader_group(reader, 0)->url, "wss://***@gateway.example.test/ws?token=***&v&w=***#x");
  assert_true(lh_reader_group(reader, 0)->tls && lh_reader_group(reader, 0)->tls_verify);
  const struct lh_group_row *chat = lh_reader_group(reader, 0);
  assert_int_equal(chat->mass_drop, 5);
  assert_true(chat->reconnect.enabled && chat->reconnect.jitter == LH_BACKOFF_EQUAL && chat->reconnect.factor == 2);
  assert_int_equal(chat->reconnect.first_ns, LH_NS_PER_S / 2);
  assert_int_equal(chat->reconnect.max_ns, 30 * LH_NS_PER_S);
  assert_true(run->connect_rate > 0);
  assert_string_equal(lh_reader_group(reader, 1)->url, "");
  assert_false(lh_reader_group(reader, 1)->tls);
  assert_null(lh_reader_group(reader, 2));
  lh_reader_close(reader);

  struct seen seen;
  seen_init(&seen);
  read_all(path, 0, UINT32_MAX, &seen);
  assert_int_equal(seen.intervals, 10 * GROUPS);
  assert_int_equal(seen.endings, 10 * GROUPS * 3);
  assert_int_equal(seen.seconds, 10);
  assert_int_equal(seen.events, 2);
  assert_int_equal(seen.workers, 10);
  assert_int_equal(seen.samples, 10);
  assert_int_equal(seen.findings, 1);
  assert_true(seen.facts > 30);
  assert_int_equal(seen.rungs, 2);
  for (int i = 0; i < GROUPS; i++) assert_ok(lh_snapshot_check(&seen.total[i], &err), err);
  seen_free(&seen);
  fixture_remove(&f);
}

static void test_part_of_a_run(void **state) {
  (void)state;
  struct fixture f;
  char path[256];
  struct lh_store *store = committed_run(&f, 10, path);
  static const struct {
    uint32_t from, until, intervals, events;
  } rows[] = {{0, 3, 3, 1}, {3, 7, 4, 0}, {9, 10, 1, 1}, {9, 99, 1, 1}, {10, 20, 0, 0}, {5, 5, 0, 0}, {7, 2, 0, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct seen seen;
    seen_init(&seen);
    read_all(path, rows[i].from, rows[i].until, &seen); /* while the writer is at work */
    assert_int_equal(seen.intervals, rows[i].intervals * GROUPS);
    assert_int_equal(seen.endings, rows[i].intervals * GROUPS * 3);
    assert_int_equal(seen.workers, rows[i].intervals);
    assert_int_equal(seen.samples, rows[i].intervals);
    assert_int_equal(seen.events, rows[i].events);
    seen_free(&seen);
  }
  lh_store_close(store);
  fixture_remove(&f);
}

/* A run that never finished ends with its last interval. */
static void test_unfinished(void **state) {
  (void)state;
  struct fixture f;
  struct lh_err err = {0};
  char path[256];
  struct lh_store *store = committed_run(&f, 4, path);
  lh_store_close(store);
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, path, &err), err);
  assert_int_equal(lh_reader_run(reader)->how, LH_RUN_UNFINISHED);
  assert_int_equal(lh_reader_run(reader)->end_ns, START_NS + 4 * LH_NS_PER_S);
  assert_int_equal(lh_reader_run(reader)->end_wall_us, START_WALL_US + 4000000);
  lh_reader_close(reader);
  fixture_remove(&f);
}

/* Nothing of the interval in progress is seen before its commit. */
static void test_nothing_before_commit(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  struct lh_store *store;
  struct lh_err err = {0};
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  assert_ok(lh_store_create(&store, f.folder, &f.facts, &err), err);
  assert_ok(store_interval(store, 0, &s, &err), err);
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, lh_store_path(store), &err), err);
  assert_int_equal(lh_reader_run(reader)->interval_count, 0);
  assert_int_equal(lh_reader_run(reader)->end_ns, START_NS);
  lh_reader_close(reader);
  assert_ok(lh_store_commit(store, &err), err);
  assert_ok(lh_reader_open(&reader, lh_store_path(store), &err), err);
  assert_int_equal(lh_reader_run(reader)->interval_count, 1);
  lh_reader_close(reader);
  lh_store_close(store);
  lh_snapshot_free(&s);
  fixture_remove(&f);
}

/* As a reader that comes now is told. */
static void check_left_out(struct lh_store *store, uint64_t endings, uint64_t events) {
  struct lh_err err = {0};
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, lh_store_path(store), &err), err);
  assert_int_equal(lh_reader_run(reader)->endings_left_out, endings);
  assert_int_equal(lh_reader_run(reader)->events_left_out, events);
  lh_reader_close(reader);
}

static void test_caps(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  f.config.run.endings_max = 5;
  struct lh_store *store;
  struct lh_err err = {0};
  assert_ok(lh_store_create(&store, f.folder, &f.facts, &err), err);
  for (int i = 0; i < 8; i++) {
    struct lh_ending ending = {.at_ns = START_NS + 1, .stage = LH_STAGE_OPEN, .reason = LH_REASON_FIN};
    assert_ok(lh_store_ending(store, &ending, i == 7 ? 10 : 1, &err), err);
  }
  assert_int_equal(lh_store_endings_left_out(store), 12);
  for (int i = 0; i < LH_EVENT_ROWS_MAX + 3; i++)
    assert_ok(lh_store_event(store, START_NS, LH_EVENT_WARNING, LH_NO_GROUP, "w", NULL, &err), err);
  assert_ok(lh_store_commit(store, &err), err);
  check_left_out(store, 12, 3);
  /* The counts are written even when nothing else is. */
  struct lh_ending ending = {.at_ns = START_NS + 1, .stage = LH_STAGE_OPEN, .reason = LH_REASON_FIN};
  assert_ok(lh_store_ending(store, &ending, 1, &err), err);
  assert_ok(lh_store_commit(store, &err), err);
  check_left_out(store, 13, 3);
  lh_store_close(store);
  fixture_remove(&f);
}

static void test_names_that_are_taken(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  struct lh_store *store;
  struct lh_err err = {0};
  char folder[128], path[256];
  snprintf(folder, sizeof folder, "%s/a/b//c/", f.folder);
  f.config.run.name = (char *)".../we ird:$name";
  static const char *const names[] = {"_.._we_ird__name-20261122-200328.longhaul",
                                      "_.._we_ird__name-20261122-200328-2.longhaul",
                                      "_.._we_ird__name-20261122-200328-3.longhaul"};
  for (int i = 0; i < 3; i++) {
    assert_ok(lh_store_create(&store, folder, &f.facts, &err), err);
    snprintf(path, sizeof path, "%s%s", folder, names[i]);
    assert_string_equal(lh_store_path(store), path);
    lh_store_close(store);
    char *latest;
    assert_ok(lh_store_latest(folder, &latest, &err), err);
    assert_string_equal(latest, path);
    free(latest);
  }
  fixture_remove(&f);
}

static void test_latest(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  struct lh_err err = {0};
  char *latest, command[600];
  assert_int_equal(lh_store_latest(f.folder, &latest, &err), -ENOENT);
  assert_non_null(strstr(err.text, "holds no run file"));
  assert_int_equal(lh_store_latest("/nowhere/at/all", &latest, &err), -ENOENT);
  assert_non_null(strstr(err.text, "/nowhere/at/all"));
  /* Begun later counts, not written to later; other files and folders do not count. */
  static const char *const names[] = {"b-20260102-000000-2.longhaul",   "b-20260102-000000.longhaul",
                                      "a-20260101-000000.longhaul",     "c-20260102-000000-wal",
                                      "z-1-20251231-235959-9.longhaul", "d-20270101-000000.longhaul/x"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    snprintf(command, sizeof command, "mkdir -p $(dirname %s/%s) && : > %s/%s", f.folder, names[i], f.folder, names[i]);
    assert_int_equal(system(command), 0);
  }
  assert_ok(lh_store_latest(f.folder, &latest, &err), err);
  assert_string_equal(latest + strlen(f.folder), "/b-20260102-000000-2.longhaul");
  free(latest);
  /* A name without a time goes by its time of change, which is now. */
  snprintf(command, sizeof command, ": > %s/copy.longhaul", f.folder);
  assert_int_equal(system(command), 0);
  assert_ok(lh_store_latest(f.folder, &latest, &err), err);
  assert_string_equal(latest + strlen(f.folder), "/copy.longhaul");
  free(latest);
  fixture_remove(&f);
}

/* A reader that is there when the writer closes goes on reading, and so does one that comes after. */
static void test_closing_under_a_reader(void **state) {
  (void)state;
  struct fixture f;
  struct lh_err err = {0};
  char path[256];
  struct lh_store *store = committed_run(&f, 5, path);
  struct lh_reader *early;
  assert_ok(lh_reader_open(&early, path, &err), err);
  assert_ok(lh_store_finish(store, LH_RUN_COMPLETE, START_NS + 5 * LH_NS_PER_S, 0, &err), err);
  lh_store_close(store);
  struct seen seen;
  seen_init(&seen);
  struct lh_reader_visits visits = all_visits;
  visits.context = &seen;
  assert_ok(lh_reader_visit(early, 0, UINT32_MAX, &visits, &err), err);
  assert_int_equal(seen.intervals, 5 * GROUPS);
  seen_free(&seen);
  lh_reader_close(early);
  seen_init(&seen);
  read_all(path, 0, UINT32_MAX, &seen);
  assert_int_equal(seen.intervals, 5 * GROUPS);
  seen_free(&seen);
  fixture_remove(&f);
}

static int see_rest(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  (void)context, (void)k, (void)group;
  assert_int_equal(snapshot->tally_count, 2);
  assert_int_equal(snapshot->tallies[0].reason, LH_REASON_FIN);
  assert_int_equal(snapshot->tallies[0].count, 9);
  assert_int_equal(snapshot->tallies[0].code, 0);
  assert_int_equal(snapshot->tallies[0].first_ns, START_NS + 3);
  assert_int_equal(snapshot->tallies[0].last_ns, START_NS + 8);
  assert_int_equal(snapshot->tallies[1].reason, LH_REASON_RST);
  assert_int_equal(snapshot->tallies_folded, 4);
  assert_int_equal(snapshot->hists[LH_HIST_ping].count, 0);
  assert_int_equal(snapshot->hists[LH_HIST_ping].lost, 6);
  return 0;
}

/* What found no memory in a worker: endings without a row of their own, values without a page. */
static void test_what_found_no_memory(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  struct lh_store *store;
  struct lh_err err = {0};
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  struct lh_ending rst = {.at_ns = START_NS + 5, .stage = LH_STAGE_OPEN, .reason = LH_REASON_RST};
  lh_snapshot_tally(&s, &rst);
  s.rest[LH_STAGE_OPEN][LH_REASON_FIN] = (struct lh_tally_rest){.count = 9, .first_ns = START_NS + 3, .last_ns = START_NS + 8};
  s.tallies_folded = 4;
  s.hists[LH_HIST_ping].lost = 6;
  assert_ok(lh_store_create(&store, f.folder, &f.facts, &err), err);
  assert_ok(lh_store_interval(store, 0, 0, &s, &err), err);
  assert_ok(lh_store_commit(store, &err), err);
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, lh_store_path(store), &err), err);
  const struct lh_reader_visits visits = {.interval = see_rest};
  assert_ok(lh_reader_visit(reader, 0, 1, &visits, &err), err);
  lh_reader_close(reader);
  lh_store_close(store);
  lh_snapshot_free(&s);
  fixture_remove(&f);
}

/* A visit that says stop is obeyed, and its word comes back. */
static int stop_at_three(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  (void)k, (void)group, (void)snapshot;
  return ++*(int *)context == 3 ? 42 : 0;
}

static void test_stop(void **state) {
  (void)state;
  struct fixture f;
  struct lh_store *store;
  struct lh_err err = {0};
  char path[256];
  write_run(&f, 5, &store, path);
  lh_store_close(store); /* not committed: the finding and the mark are gone, the intervals are there */
  struct lh_reader *reader;
  assert_ok(lh_reader_open(&reader, path, &err), err);
  for (int again = 0; again < 2; again++) {
    int visited = 0;
    struct lh_reader_visits visits = {.context = &visited, .interval = stop_at_three};
    assert_int_equal(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), 42);
    assert_int_equal(visited, 3);
  }
  lh_reader_close(reader);
  fixture_remove(&f);
}

static int see_shard(void *context, const struct lh_shard_row *row) {
  unsigned *seen = context;
  assert_int_equal(row->shard, 2 + *seen);
  assert_int_equal(row->first_worker, 4);
  assert_int_equal(row->workers, 3);
  assert_string_equal(row->version, "9.9");
  assert_string_equal(row->how, *seen ? "" : "interrupted");
  assert_int_equal(row->clients, 1500);
  assert_true(row->start_wall_us == START_WALL_US + 7 && row->length_ns == 11);
  uint64_t n = 100;
#define X(name, ...) assert_int_equal(row->name, n++);
  LH_SHARD_COUNTER_LIST(X) LH_SHARD_LATENCY_LIST(X)
#undef X
  ++*seen;
  return 0;
}

/* Rows of a merged file; one shard was interrupted, of the other there is no end. */
static void test_shards(void **state) {
  (void)state;
  struct fixture f;
  struct lh_store *store;
  struct lh_reader *reader;
  struct lh_err err = {0};
  uint64_t n = 100;
  unsigned seen = 0;
  fixture_make(&f);
  assert_ok(lh_store_create(&store, f.folder, &f.facts, &err), err);
  struct lh_shard_row row = {.shard = 2, .first_worker = 4, .workers = 3, .version = "9.9", .how = "interrupted", .clients = 1500,
                             .start_wall_us = START_WALL_US + 7, .length_ns = 11};
#define X(name, ...) row.name = n++;
  LH_SHARD_COUNTER_LIST(X) LH_SHARD_LATENCY_LIST(X)
#undef X
  assert_ok(lh_store_shard(store, &row, &err), err);
  row.shard = 3;
  row.how = "";
  assert_ok(lh_store_shard(store, &row, &err), err);
  assert_ok(lh_store_commit(store, &err), err);
  assert_ok(lh_reader_open(&reader, lh_store_path(store), &err), err);
  const struct lh_reader_visits visits = {.context = &seen, .shard = see_shard};
  assert_ok(lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err), err);
  assert_int_equal(seen, 2);
  lh_reader_close(reader);
  lh_store_close(store);
  fixture_remove(&f);
}

/* Numbers of one byte to ten; the last that were written are those that are read. A damaged row is a sentence. */
static void test_counted(void **state) {
  (void)state;
  struct fixture f;
  fixture_make(&f);
  char path[256];
  struct lh_err err = {0};
  struct lh_store *store;
  struct lh_reader *reader;
  uint64_t cells[] = {0, 1, 127, 128, 16384, UINT64_C(1) << 40, UINT64_MAX}, *read;
  const size_t count = sizeof cells / sizeof *cells;
  size_t got;
  write_run(&f, 1, &store, path);
  assert_ok(lh_reader_open(&reader, path, &err), err);
  assert_ok(lh_reader_counted(reader, &read, &got, &err), err);
  assert_true(read == NULL && got == 0);
  lh_reader_close(reader);
  for (int round = 0; round < 3; round++) { /* the last one changes nothing */
    cells[1] += round < 2;
    assert_ok(lh_store_counted(store, cells, count, &err), err);
    assert_ok(lh_store_commit(store, &err), err);
  }
  lh_store_close(store);
  assert_ok(lh_reader_open(&reader, path, &err), err);
  assert_ok(lh_reader_counted(reader, &read, &got, &err), err);
  assert_int_equal(got, count);
  assert_memory_equal(read, cells, sizeof cells);
  free(read);
  lh_reader_close(reader);
  static const char *const damages[] = {"cells = 8", "cells = 6", "cells = -1", "cells = 1 << 60", "cells = 7, sent = x'8080'", "sent = x''"};
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    sqlite3 *db;
    char sql[64];
    snprintf(sql, sizeof sql, "UPDATE counted SET %s", damages[i]);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_ok(lh_reader_open(&reader, path, &err), err);
    assert_int_equal(lh_reader_counted(reader, &read, &got, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "table counted"));
    assert_null(read);
    lh_reader_close(reader);
  }
  fixture_remove(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_counted),
      cmocka_unit_test(test_roundtrip),
      cmocka_unit_test(test_part_of_a_run),
      cmocka_unit_test(test_unfinished),
      cmocka_unit_test(test_nothing_before_commit),
      cmocka_unit_test(test_caps),
      cmocka_unit_test(test_names_that_are_taken),
      cmocka_unit_test(test_latest),
      cmocka_unit_test(test_stop),
      cmocka_unit_test(test_what_found_no_memory),
      cmocka_unit_test(test_closing_under_a_reader),
      cmocka_unit_test(test_shards),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
