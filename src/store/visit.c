/* Visiting the rows of a run file in order of time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/columns.h"
#include "store/open.h"

/* One call of lh_reader_visit. A visit's own result other than 0 goes through as it is, so it is told from failures by
 * `stopped`. */
struct visit {
  struct lh_reader *reader;
  const struct lh_reader_visits *visits;
  uint32_t from_k, until_k;
  int64_t from_ns, until_ns; /* since the start of the run */
  struct lh_err *err;
};

static int sql_failed(struct visit *v, int result) {
  return lh_sql_fail(v->err, v->reader->db, result, v->reader->path, LH_SQL_READING);
}

static int damaged(struct visit *v, const char *table, const char *what) {
  return lh_err_set(v->err, EBADMSG, "the run file %s is damaged: table %s %s", v->reader->path, table, what);
}

static uint64_t monotonic(const struct visit *v, int64_t since_start_ns) {
  return v->reader->run.start_ns + (uint64_t)since_start_ns;
}

static const char *text_or_empty(sqlite3_stmt *row, int column) {
  const char *text = (const char *)sqlite3_column_text(row, column);
  return text ? text : "";
}

static const struct lh_reason_row *reason_of(const struct visit *v, int64_t id) {
  size_t low = 0, high = v->reader->reason_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (v->reader->reasons[middle].id == id) return &v->reader->reasons[middle];
    if (v->reader->reasons[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* The text of an ending, after the names this version does not know, if any; marked where it had to be cut. */
static void take_text(char out[LH_CLOSE_TEXT_MAX], const struct lh_reason_row *reason, const char *text) {
  const char *between = *reason->unknown && *text ? ": " : "";
  int len = snprintf(out, LH_CLOSE_TEXT_MAX, "%s%s%s", reason->unknown, between, text);
  if (len >= LH_CLOSE_TEXT_MAX) memcpy(out + LH_CLOSE_TEXT_MAX - 4, "...", 4);
}

/* ---- statements over tables whose columns follow a list ---- */

enum { WIDE_MOST = LH_COUNTER_COUNT + LH_GAUGE_COUNT + 64 };

/* A table whose columns follow a list of the program. */
struct wide_table {
  const char *name, *first; /* first: columns before the list */
  const char *rest;         /* what comes after the table's name: rows and order */
  const char *const *names;
  size_t count;
};

/* Which of the names are columns of the table. */
static int find_columns(struct visit *v, const struct wide_table *wide, bool *found) {
  LH_SQL_SCOPED *select = NULL;
  int code = lh_sql_prepare(v->reader->db, "SELECT name FROM pragma_table_info(?)", &select);
  if (code == SQLITE_OK) code = lh_sql_bind(select, "t", wide->name);
  if (code == SQLITE_OK) code = sqlite3_step(select);
  for (; code == SQLITE_ROW; code = sqlite3_step(select)) {
    const char *name = text_or_empty(select, 0);
    for (size_t i = 0; i < wide->count; i++) found[i] = found[i] || strcmp(wide->names[i], name) == 0;
  }
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* SELECT first, then each name, or 0 where an older file has no such column. Columns that only a newer one has are not
 * asked for. What `rest` asks for is the caller's to bind. */
static int prepare_wide(struct visit *v, const struct wide_table *wide, sqlite3_stmt **statement) {
  bool found[WIDE_MOST] = {false};
  int code = find_columns(v, wide, found);
  if (code != SQLITE_OK) return code;
  sqlite3_str *sql = sqlite3_str_new(v->reader->db);
  sqlite3_str_appendf(sql, "SELECT %s", wide->first);
  for (size_t i = 0; i < wide->count; i++) sqlite3_str_appendf(sql, found[i] ? ", \"%w\"" : ", 0", wide->names[i]);
  sqlite3_str_appendf(sql, " FROM %s %s", wide->name, wide->rest);
  char *text = sqlite3_str_finish(sql);
  code = text ? lh_sql_prepare(v->reader->db, text, statement) : SQLITE_NOMEM;
  sqlite3_free(text);
  return code;
}

#define BY_INTERVAL "WHERE k >= ? AND k < ? ORDER BY k, "
static int bind_intervals(const struct visit *v, int code, sqlite3_stmt *statement) {
  return code == SQLITE_OK ? lh_sql_bind(statement, "ii", (int64_t)v->from_k, (int64_t)v->until_k) : code;
}

/* ---- intervals ---- */

/* Three statements in the same order, walked side by side. */
struct interval_walk {
  sqlite3_stmt *intervals, *histograms, *tallies;
  int histograms_at, tallies_at; /* SQLITE_ROW while they stand on a row */
  struct lh_snapshot snapshot;
  struct lh_snapshot one; /* holds one tally at a time on its way into snapshot */
};

static bool stands_before(sqlite3_stmt *row, int64_t k, int64_t group) {
  int64_t row_k = sqlite3_column_int64(row, 0);
  return row_k < k || (row_k == k && sqlite3_column_int64(row, 1) < group);
}

static bool stands_at(sqlite3_stmt *row, int64_t k, int64_t group) {
  return sqlite3_column_int64(row, 0) == k && sqlite3_column_int64(row, 1) == group;
}

static int hist_of(const char *name) {
  for (int i = 0; i < LH_HIST_COUNT; i++)
    if (strcmp(lh_hist_name(i), name) == 0) return i;
  return -1;
}

/* Rows are merged rather than appended: names that map to one reason may now be of one kind. */
static int take_tally(struct visit *v, sqlite3_stmt *row, struct interval_walk *walk) {
  const struct lh_reason_row *reason = reason_of(v, sqlite3_column_int64(row, 2));
  if (!reason) return damaged(v, "tallies", "has a row whose reason is not in table reasons");
  struct lh_tally tally = {.stage = reason->stage,
                           .reason = reason->reason,
                           .code = (int32_t)sqlite3_column_int64(row, 3),
                           .count = (uint64_t)sqlite3_column_int64(row, 5),
                           .first_ns = monotonic(v, sqlite3_column_int64(row, 6)),
                           .last_ns = monotonic(v, sqlite3_column_int64(row, 7))};
  take_text(tally.text, reason, text_or_empty(row, 4));
  walk->one.tallies = &tally;
  walk->one.tally_count = walk->one.tally_room = 1;
  int failed = lh_snapshot_merge_beside(&walk->snapshot, &walk->one);
  walk->one.tallies = NULL;
  walk->one.tally_count = walk->one.tally_room = 0;
  return failed ? sql_failed(v, SQLITE_NOMEM) : 0;
}

/* Payload, then the columns that say more than a payload can; they must agree with it. */
static int take_histogram(struct visit *v, sqlite3_stmt *row, struct interval_walk *walk) {
  const char *name = text_or_empty(row, 2);
  int id = hist_of(name);
  if (id < 0) return 0; /* of a newer longhaul */
  struct lh_hdr *hist = &walk->snapshot.hists[id];
  struct lh_err why;
  const void *payload = sqlite3_column_blob(row, 9);
  int failed = lh_hdr_decode(hist, payload ? payload : "", (size_t)sqlite3_column_bytes(row, 9), &why);
  uint64_t count = (uint64_t)sqlite3_column_int64(row, 3), overflow = (uint64_t)sqlite3_column_int64(row, 4);
  uint64_t decoded = hist->count - hist->overflow;
  if (!failed && decoded != count - overflow)
    failed = lh_err_set(&why, EBADMSG, "its payload has %" PRIu64 " values, its row says %" PRIu64, decoded, count - overflow);
  if (failed)
    return lh_err_set(v->err, failed, "the run file %s is damaged: histogram %s of interval %" PRId64 ", group %" PRId64 ": %s",
                      v->reader->path, name, (int64_t)sqlite3_column_int64(row, 0), (int64_t)sqlite3_column_int64(row, 1),
                      why.text);
  hist->count = count;
  hist->overflow = overflow;
  hist->lost = (uint64_t)sqlite3_column_int64(row, 5);
  hist->min_us = count ? (uint64_t)sqlite3_column_int64(row, 6) : UINT64_MAX;
  hist->max_us = (uint64_t)sqlite3_column_int64(row, 7);
  hist->sum_us = sqlite3_column_double(row, 8);
  return 0;
}

typedef int row_taker(struct visit *v, sqlite3_stmt *row, struct interval_walk *walk);

/* Takes the rows of this interval and group; those of intervals that have no row of their own are passed over. */
static int take_side_rows(struct visit *v, sqlite3_stmt *rows, int *at, row_taker *take, struct interval_walk *walk) {
  int64_t k = sqlite3_column_int64(walk->intervals, 0), group = sqlite3_column_int64(walk->intervals, 1);
  while (*at == SQLITE_ROW && stands_before(rows, k, group)) *at = sqlite3_step(rows);
  while (*at == SQLITE_ROW && stands_at(rows, k, group)) {
    int failed = take(v, rows, walk);
    if (failed) return failed;
    *at = sqlite3_step(rows);
  }
  return *at == SQLITE_ROW || *at == SQLITE_DONE ? 0 : sql_failed(v, *at);
}

static int take_interval(struct visit *v, struct interval_walk *walk) {
  sqlite3_stmt *row = walk->intervals;
  int64_t k = sqlite3_column_int64(row, 0), group = sqlite3_column_int64(row, 1);
  if (group < 0 || group >= v->reader->run.group_count)
    return damaged(v, "intervals", "names a group that is not in table groups");
  struct lh_snapshot *snapshot = &walk->snapshot;
  lh_snapshot_next(snapshot);
  snapshot->tallies_folded = (uint64_t)sqlite3_column_int64(row, 2);
  for (int i = 0; i < LH_COUNTER_COUNT; i++) snapshot->counters[i] = (uint64_t)sqlite3_column_int64(row, 3 + i);
  for (int i = 0; i < LH_GAUGE_COUNT; i++) snapshot->gauges[i] = (uint64_t)sqlite3_column_int64(row, 3 + LH_COUNTER_COUNT + i);
  int failed = take_side_rows(v, walk->histograms, &walk->histograms_at, take_histogram, walk);
  if (!failed) failed = take_side_rows(v, walk->tallies, &walk->tallies_at, take_tally, walk);
  return failed ? failed : v->visits->interval(v->visits->context, (uint32_t)k, (uint32_t)group, snapshot);
}

static int prepare_walk(struct visit *v, struct interval_walk *walk) {
  static const char *const names[] = {
#define X(name, help) #name,
      LH_COUNTER_LIST(X) LH_GAUGE_LIST(X)
#undef X
  };
  int code = prepare_wide(
      v, &(struct wide_table){"intervals", "k, group_no, tallies_folded", BY_INTERVAL "group_no", names, sizeof names / sizeof names[0]},
      &walk->intervals);
  code = bind_intervals(v, code, walk->intervals);
  if (code == SQLITE_OK)
    code = lh_sql_prepare(v->reader->db,
                          "SELECT k, group_no, name, count, overflow, lost, min_us, max_us, sum_us, payload FROM histograms"
                          " WHERE k >= ? AND k < ? ORDER BY k, group_no",
                          &walk->histograms);
  if (code == SQLITE_OK)
    code = lh_sql_prepare(v->reader->db,
                          "SELECT k, group_no, reason_id, code, text, count, first_ns, last_ns FROM tallies"
                          " WHERE k >= ? AND k < ? ORDER BY k, group_no, rowid",
                          &walk->tallies);
  code = bind_intervals(v, code, walk->histograms);
  return bind_intervals(v, code, walk->tallies);
}

static int visit_intervals(struct visit *v) {
  struct interval_walk walk = {0};
  lh_snapshot_init(&walk.snapshot);
  lh_snapshot_init(&walk.one);
  int code = prepare_walk(v, &walk);
  int failed = code == SQLITE_OK ? 0 : sql_failed(v, code);
  if (!failed) {
    walk.histograms_at = sqlite3_step(walk.histograms);
    walk.tallies_at = sqlite3_step(walk.tallies);
    while (!failed && (code = sqlite3_step(walk.intervals)) == SQLITE_ROW) failed = take_interval(v, &walk);
    if (!failed && code != SQLITE_DONE) failed = sql_failed(v, code);
  }
  sqlite3_finalize(walk.intervals);
  sqlite3_finalize(walk.histograms);
  sqlite3_finalize(walk.tallies);
  lh_snapshot_free(&walk.snapshot);
  lh_snapshot_free(&walk.one);
  return failed;
}

/* ---- plain rows ---- */

typedef int row_visitor(struct visit *v, sqlite3_stmt *row);

/* Steps through a prepared statement; `code` is what preparing gave. */
static int walk_rows(struct visit *v, int code, sqlite3_stmt *rows, row_visitor *visit_row) {
  int failed = 0;
  if (code == SQLITE_OK) code = sqlite3_step(rows);
  for (; code == SQLITE_ROW && !failed; code = failed ? SQLITE_DONE : sqlite3_step(rows)) failed = visit_row(v, rows);
  if (!failed && code != SQLITE_DONE) failed = sql_failed(v, code);
  return failed;
}

static int visit_ending(struct visit *v, sqlite3_stmt *row) {
  const struct lh_reason_row *reason = reason_of(v, sqlite3_column_int64(row, 4));
  int64_t group = sqlite3_column_int64(row, 1);
  if (!reason) return damaged(v, "endings", "has a row whose reason is not in table reasons");
  if (group < 0 || group >= v->reader->run.group_count)
    return damaged(v, "endings", "names a group that is not in table groups");
  struct lh_ending ending = {.at_ns = monotonic(v, sqlite3_column_int64(row, 0)),
                             .group = (uint16_t)group,
                             .client = (uint32_t)sqlite3_column_int64(row, 2),
                             .nth = (uint32_t)sqlite3_column_int64(row, 3),
                             .stage = reason->stage,
                             .reason = reason->reason,
                             .code = (int32_t)sqlite3_column_int64(row, 5),
                             .started_ns = monotonic(v, sqlite3_column_int64(row, 7)),
                             .open_ns = (uint64_t)sqlite3_column_int64(row, 8),
                             .idle_ns = (uint64_t)sqlite3_column_int64(row, 9),
                             .local_port = (uint16_t)sqlite3_column_int64(row, 10)};
  take_text(ending.text, reason, text_or_empty(row, 6));
  return v->visits->ending(v->visits->context, &ending, (uint64_t)sqlite3_column_int64(row, 11));
}

static int visit_endings(struct visit *v) {
  LH_SQL_SCOPED *rows = NULL;
  int code =
      lh_sql_prepare(v->reader->db,
                     "SELECT at_ns, group_no, client, nth, reason_id, code, text, started_ns, open_ns, idle_ns, local_port,"
                     " count FROM endings WHERE at_ns >= ? AND at_ns < ? ORDER BY at_ns, rowid",
                     &rows);
  if (code == SQLITE_OK) code = lh_sql_bind(rows, "ii", v->from_ns, v->until_ns);
  return walk_rows(v, code, rows, visit_ending);
}

static int visit_second(struct visit *v, sqlite3_stmt *row) {
  int64_t group = sqlite3_column_int64(row, 1);
  if (group < 0 || group >= v->reader->run.group_count)
    return damaged(v, "seconds", "names a group that is not in table groups");
  struct lh_second second = {.from_ns = monotonic(v, sqlite3_column_int64(row, 0))};
  int column = 2;
#define X(name, source, help) second.name = (uint64_t)sqlite3_column_int64(row, column++);
  LH_SECOND_COUNTER_LIST(X) LH_SECOND_GAUGE_LIST(X)
#undef X
  return v->visits->second(v->visits->context, (uint32_t)group, &second);
}

static int visit_seconds(struct visit *v) {
  static const char *const names[] = {
#define X(name, source, help) #name,
      LH_SECOND_COUNTER_LIST(X) LH_SECOND_GAUGE_LIST(X)
#undef X
  };
  LH_SQL_SCOPED *rows = NULL;
  int code = prepare_wide(v, &(struct wide_table){"seconds", "from_ns, group_no", "WHERE from_ns >= ? AND from_ns < ? ORDER BY from_ns, group_no", names,
                                                  sizeof names / sizeof names[0]}, &rows);
  if (code == SQLITE_OK) code = lh_sql_bind(rows, "ii", v->from_ns, v->until_ns);
  return walk_rows(v, code, rows, visit_second);
}

static uint32_t group_or_none(sqlite3_stmt *row, int column) {
  return sqlite3_column_type(row, column) == SQLITE_NULL ? LH_NO_GROUP : (uint32_t)sqlite3_column_int64(row, column);
}

static int visit_event(struct visit *v, sqlite3_stmt *row) {
  const char *name = text_or_empty(row, 1);
  unsigned kind = 0;
  while (kind < LH_EVENT_COUNT && strcmp(lh_event_name(kind), name) != 0) kind++;
  uint32_t group = group_or_none(row, 2);
  if (group != LH_NO_GROUP && group >= v->reader->run.group_count)
    return damaged(v, "events", "names a group that is not in table groups");
  const char *text = text_or_empty(row, 3), *details = (const char *)sqlite3_column_text(row, 4);
  uint64_t at_ns = monotonic(v, sqlite3_column_int64(row, 0));
  if (kind < LH_EVENT_COUNT) return v->visits->event(v->visits->context, at_ns, kind, group, text, details);
  char *named = sqlite3_mprintf("%s: %s", name, text); /* a kind of a newer longhaul stays on the timeline as a warning */
  if (!named) return sql_failed(v, SQLITE_NOMEM);
  int result = v->visits->event(v->visits->context, at_ns, LH_EVENT_WARNING, group, named, details);
  sqlite3_free(named);
  return result;
}

static int visit_events(struct visit *v) {
  LH_SQL_SCOPED *rows = NULL;
  int code = lh_sql_prepare(v->reader->db,
                            "SELECT at_ns, kind, group_no, text, details FROM events WHERE at_ns >= ? AND at_ns < ?"
                            " ORDER BY at_ns, rowid",
                            &rows);
  if (code == SQLITE_OK) code = lh_sql_bind(rows, "ii", v->from_ns, v->until_ns);
  return walk_rows(v, code, rows, visit_event);
}

static int visit_worker(struct visit *v, sqlite3_stmt *row) {
  struct lh_worker_health health = {0};
  int column = 2;
#define X(name, sort, help) health.name = monotonic(v, sqlite3_column_int64(row, column++));
  LH_HEALTH_TIME_LIST(X)
#undef X
#define X(name, sort, help) health.name = (__typeof__(health.name))sqlite3_column_int64(row, column++);
  LH_HEALTH_LIST(X)
#undef X
  return v->visits->worker(v->visits->context, (uint32_t)sqlite3_column_int64(row, 0), (uint32_t)sqlite3_column_int64(row, 1),
                           &health);
}

static int visit_workers(struct visit *v) {
  static const char *const names[] = {
#define X(name, sort, help) #name,
      LH_HEALTH_TIME_LIST(X) LH_HEALTH_LIST(X)
#undef X
  };
  LH_SQL_SCOPED *rows = NULL;
  int code = prepare_wide(
      v, &(struct wide_table){"workers", "k, worker", BY_INTERVAL "worker, rowid", names, sizeof names / sizeof names[0]}, &rows);
  return walk_rows(v, bind_intervals(v, code, rows), rows, visit_worker);
}

static int visit_sample(struct visit *v, sqlite3_stmt *row) {
  struct lh_host_sample sample = {0};
  int column = 2;
#define X(name, sort, help) sample.name = (uint64_t)sqlite3_column_int64(row, column++);
  LH_SAMPLE_LIST(X)
#undef X
  return v->visits->host(v->visits->context, (uint32_t)sqlite3_column_int64(row, 0), (uint32_t)sqlite3_column_int64(row, 1), &sample);
}

static int visit_host(struct visit *v) {
  static const char *const names[] = {
#define X(name, sort, help) #name,
      LH_SAMPLE_LIST(X)
#undef X
  };
  LH_SQL_SCOPED *rows = NULL;
  int code = prepare_wide(v, &(struct wide_table){"host", "k, shard", BY_INTERVAL "rowid", names, sizeof names / sizeof names[0]}, &rows);
  return walk_rows(v, bind_intervals(v, code, rows), rows, visit_sample);
}

static int visit_one_watched(struct visit *v, sqlite3_stmt *row) {
  struct lh_watched_row watched = {.at_ns = monotonic(v, sqlite3_column_int64(row, 0)),
                                   .shard = (uint32_t)sqlite3_column_int64(row, 1),
                                   .source = text_or_empty(row, 2),
                                   .name = text_or_empty(row, 3),
                                   .value = sqlite3_column_double(row, 4)};
  return v->visits->watched(v->visits->context, &watched);
}

static int visit_watched(struct visit *v) {
  LH_SQL_SCOPED *rows = NULL;
  int code = lh_sql_prepare(v->reader->db, "SELECT at_ns, shard, source, name, value FROM watched ORDER BY at_ns, rowid", &rows);
  return walk_rows(v, code, rows, visit_one_watched);
}

static int visit_fact(struct visit *v, sqlite3_stmt *row) {
  const struct lh_fact_row fact = {.shard = (uint32_t)sqlite3_column_int64(row, 0),
                                   .name = text_or_empty(row, 1),
                                   .source = text_or_empty(row, 2),
                                   .value = text_or_empty(row, 3)};
  return v->visits->fact(v->visits->context, &fact);
}

static int visit_facts(struct visit *v) {
  LH_SQL_SCOPED *rows = NULL;
  int code = lh_sql_prepare(v->reader->db, "SELECT shard, name, source, value FROM facts ORDER BY rowid", &rows);
  return walk_rows(v, code, rows, visit_fact);
}

static int visit_rung(struct visit *v, sqlite3_stmt *row) {
  bool any = sqlite3_column_type(row, 3) == SQLITE_NULL;
  const struct lh_rung_row rung = {.name = text_or_empty(row, 0),
                                   .value = text_or_empty(row, 1),
                                   .detail = text_or_empty(row, 2),
                                   .clients = any ? LH_ANY : (uint64_t)sqlite3_column_int64(row, 3),
                                   .soft = sqlite3_column_int(row, 4) != 0,
                                   .estimated = sqlite3_column_int(row, 5) != 0,
                                   .remedy = text_or_empty(row, 6),
                                   .shard = (uint32_t)sqlite3_column_int64(row, 7)};
  return v->visits->rung(v->visits->context, &rung);
}

static int visit_ladder(struct visit *v) {
  LH_SQL_SCOPED *rows = NULL;
  int code = lh_sql_prepare(v->reader->db,
                            "SELECT name, value, detail, clients, soft, estimated, remedy, shard FROM ladder ORDER BY shard, rung", &rows);
  return walk_rows(v, code, rows, visit_rung);
}

static int visit_shard(struct visit *v, sqlite3_stmt *row) {
  struct lh_shard_row shard = {.shard = (uint32_t)sqlite3_column_int64(row, 0),
                               .first_worker = (uint32_t)sqlite3_column_int64(row, 1),
                               .workers = (uint32_t)sqlite3_column_int64(row, 2),
                               .version = text_or_empty(row, 3),
                               .how = text_or_empty(row, 4),
                               .clients = (uint64_t)sqlite3_column_int64(row, 5),
                               .start_wall_us = sqlite3_column_int64(row, 6),
                               .length_ns = (uint64_t)sqlite3_column_int64(row, 7)};
  int column = 8;
#define X(name, help) shard.name = (uint64_t)sqlite3_column_int64(row, column++);
  LH_SHARD_COUNTER_LIST(X)
#undef X
#define X(name, hist, percentile, help) shard.name = (uint64_t)sqlite3_column_int64(row, column++);
  LH_SHARD_LATENCY_LIST(X)
#undef X
  return v->visits->shard(v->visits->context, &shard);
}

static int visit_shards(struct visit *v) {
  static const char *const names[] = {
#define X(name, ...) #name,
      LH_SHARD_COUNTER_LIST(X) LH_SHARD_LATENCY_LIST(X)
#undef X
  };
  static const struct wide_table shards = {"shards", "shard, first_worker, workers, version, how, clients, start_wall_us, length_ns",
                                           "ORDER BY shard", names, sizeof names / sizeof names[0]};
  LH_SQL_SCOPED *rows = NULL;
  int code = prepare_wide(v, &shards, &rows);
  return walk_rows(v, code, rows, visit_shard);
}

static int visit_finding(struct visit *v, sqlite3_stmt *row) {
  struct lh_finding_row finding = {.id = text_or_empty(row, 0),
                                   .severity = text_or_empty(row, 1),
                                   .confidence = sqlite3_column_double(row, 2),
                                   .group = group_or_none(row, 3),
                                   .from_ns = monotonic(v, sqlite3_column_int64(row, 4)),
                                   .until_ns = monotonic(v, sqlite3_column_int64(row, 5)),
                                   .sentence = text_or_empty(row, 6),
                                   .evidence = (const char *)sqlite3_column_text(row, 7)};
  if (finding.group != LH_NO_GROUP && finding.group >= v->reader->run.group_count)
    return damaged(v, "findings", "names a group that is not in table groups");
  return v->visits->finding(v->visits->context, &finding);
}

static int visit_findings(struct visit *v) {
  LH_SQL_SCOPED *rows = NULL;
  int code = lh_sql_prepare(v->reader->db,
                            "SELECT id, severity, confidence, group_no, from_ns, until_ns, sentence, evidence FROM findings"
                            " ORDER BY from_ns, rowid",
                            &rows);
  return walk_rows(v, code, rows, visit_finding);
}

int lh_reader_visit(struct lh_reader *reader, uint32_t from_k, uint32_t until_k, const struct lh_reader_visits *visits,
                    struct lh_err *err) {
  const struct lh_run_row *run = &reader->run;
  bool to_the_end = until_k >= run->interval_count;
  struct visit v = {.reader = reader,
                    .visits = visits,
                    .from_k = from_k,
                    .until_k = until_k,
                    .from_ns = from_k == 0                     ? INT64_MIN
                               : from_k >= run->interval_count ? INT64_MAX
                                                               : (int64_t)(from_k * run->interval_ns),
                    .until_ns = to_the_end ? INT64_MAX : (int64_t)(until_k * run->interval_ns),
                    .err = err};
  int code = lh_sql_exec(reader->db, "BEGIN");
  if (code != SQLITE_OK) return sql_failed(&v, code);
  int result = visits->shard ? visit_shards(&v) : 0;
  if (!result && visits->fact) result = visit_facts(&v);
  if (!result && visits->interval) result = visit_intervals(&v);
  if (!result && visits->ending) result = visit_endings(&v);
  if (!result && visits->second) result = visit_seconds(&v);
  if (!result && visits->event) result = visit_events(&v);
  if (!result && visits->worker) result = visit_workers(&v);
  if (!result && visits->host) result = visit_host(&v);
  if (!result && visits->rung) result = visit_ladder(&v);
  if (!result && visits->watched) result = visit_watched(&v);
  if (!result && visits->finding) result = visit_findings(&v);
  lh_sql_exec(reader->db, "ROLLBACK");
  return result;
}
