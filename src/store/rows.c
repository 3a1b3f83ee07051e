/* What the writer puts into the transaction of the interval. */
#include <errno.h>

#include "longhaul/base/limits.h"
#include "longhaul/store/shard.h"
#include "store/columns.h"
#include "store/writer.h"

static const char *const event_names[] = {
#define X(id, name) [LH_EVENT_##id] = name,
    LH_EVENT_LIST(X)
#undef X
};

const char *lh_event_name(enum lh_event_kind kind) {
  return (unsigned)kind < LH_EVENT_COUNT ? event_names[kind] : "unknown event";
}

static int64_t since_start(const struct lh_store *store, uint64_t at_ns) {
  return (int64_t)(at_ns - store->start_ns);
}

static int run_or_break(struct lh_store *store, int code, struct lh_err *err) {
  return code == SQLITE_OK ? 0 : lh_store_broken(store, code, err);
}

static int insert_counters(struct lh_store *store, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  sqlite3_stmt *insert = store->statements[LH_STATEMENT_INTERVAL];
  int code = lh_sql_bind(insert, "iii", (int64_t)k, (int64_t)group, (int64_t)snapshot->tallies_folded);
  int at = 4;
  for (int i = 0; i < LH_COUNTER_COUNT && code == SQLITE_OK; i++)
    code = sqlite3_bind_int64(insert, at++, (int64_t)snapshot->counters[i]);
  for (int i = 0; i < LH_GAUGE_COUNT && code == SQLITE_OK; i++)
    code = sqlite3_bind_int64(insert, at++, (int64_t)snapshot->gauges[i]);
  return code == SQLITE_OK ? lh_sql_run(insert, "") : code;
}

static int insert_histogram(struct lh_store *store, uint32_t k, uint32_t group, enum lh_hist_id id, const struct lh_hdr *hist) {
  sqlite3_stmt *insert = store->statements[LH_STATEMENT_HISTOGRAM];
  lh_buf_reset(&store->payload);
  if (lh_hdr_encode_compressed(hist, &store->payload) < 0) return SQLITE_NOMEM;
  int code = lh_sql_bind(insert, "iitiiiiidiiii", (int64_t)k, (int64_t)group, lh_hist_name(id), (int64_t)hist->count,
                         (int64_t)hist->overflow, (int64_t)hist->lost, (int64_t)(hist->count ? hist->min_us : 0),
                         (int64_t)hist->max_us, hist->sum_us, (int64_t)lh_hdr_percentile(hist, 50),
                         (int64_t)lh_hdr_percentile(hist, 90), (int64_t)lh_hdr_percentile(hist, 99),
                         (int64_t)lh_hdr_percentile(hist, 99.9));
  if (code == SQLITE_OK) code = sqlite3_bind_blob64(insert, 14, store->payload.data, store->payload.len, SQLITE_STATIC);
  return code == SQLITE_OK ? lh_sql_run(insert, "") : code;
}

static int insert_tally(struct lh_store *store, uint32_t k, uint32_t group, const struct lh_tally *tally) {
  return lh_sql_run(store->statements[LH_STATEMENT_TALLY], "iiiitiii", (int64_t)k, (int64_t)group,
                    lh_schema_reason_id(tally->stage, tally->reason), (int64_t)tally->code, tally->text, (int64_t)tally->count,
                    since_start(store, tally->first_ns), since_start(store, tally->last_ns));
}

/* Rows, and what found no memory for a row. */
static int insert_tallies(struct lh_store *store, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  int code = SQLITE_OK;
  for (uint32_t i = 0; i < snapshot->tally_count && code == SQLITE_OK; i++)
    code = insert_tally(store, k, group, &snapshot->tallies[i]);
  for (int cell = 0; cell < LH_STAGE_COUNT * LH_REASON_COUNT && code == SQLITE_OK; cell++) {
    int stage = cell / LH_REASON_COUNT, reason = cell % LH_REASON_COUNT;
    const struct lh_tally_rest *rest = &snapshot->rest[stage][reason];
    if (rest->count == 0) continue;
    struct lh_tally tally = {.stage = (uint8_t)stage,
                             .reason = (uint8_t)reason,
                             .count = rest->count,
                             .first_ns = rest->first_ns,
                             .last_ns = rest->last_ns};
    code = insert_tally(store, k, group, &tally);
  }
  return code;
}

int lh_store_interval(struct lh_store *store, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot,
                      struct lh_err *err) {
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  int code = insert_counters(store, k, group, snapshot);
  for (int i = 0; i < LH_HIST_COUNT && code == SQLITE_OK; i++)
    if (snapshot->hists[i].count || snapshot->hists[i].lost) code = insert_histogram(store, k, group, i, &snapshot->hists[i]);
  if (code == SQLITE_OK) code = insert_tallies(store, k, group, snapshot);
  return run_or_break(store, code, err);
}

int lh_store_ending(struct lh_store *store, const struct lh_ending *ending, uint64_t count, struct lh_err *err) {
  if (ending->stage >= LH_STAGE_COUNT || ending->reason >= LH_REASON_COUNT)
    return lh_err_set(err, EINVAL, "an ending with stage %u and reason %u cannot be stored: there are %d and %d of them",
                      ending->stage, ending->reason, LH_STAGE_COUNT, LH_REASON_COUNT);
  if (store->ending_rows >= store->endings_max) {
    store->endings_left_out += count;
    return store->failure.code ? lh_err_set(err, store->failure.code, "%s", store->failure.text) : 0;
  }
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  int code = lh_sql_run(store->statements[LH_STATEMENT_ENDING], "iiiiiitiiiii", since_start(store, ending->at_ns),
                        (int64_t)ending->group, (int64_t)ending->client, (int64_t)ending->nth,
                        lh_schema_reason_id(ending->stage, ending->reason), (int64_t)ending->code, ending->text,
                        since_start(store, ending->started_ns), (int64_t)ending->open_ns, (int64_t)ending->idle_ns,
                        (int64_t)ending->local_port, (int64_t)count);
  if (code == SQLITE_OK) store->ending_rows++;
  return run_or_break(store, code, err);
}

int lh_store_second(struct lh_store *store, uint32_t group, const struct lh_second *second, struct lh_err *err) {
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  sqlite3_stmt *insert = store->statements[LH_STATEMENT_SECOND];
  const uint64_t values[] = {
#define X(name, source, help) second->name,
      LH_SECOND_COUNTER_LIST(X) LH_SECOND_GAUGE_LIST(X)
#undef X
  };
  int code = lh_sql_bind(insert, "ii", since_start(store, second->from_ns), (int64_t)group);
  for (size_t i = 0; i < sizeof values / sizeof values[0] && code == SQLITE_OK; i++)
    code = sqlite3_bind_int64(insert, (int)i + 3, (int64_t)values[i]);
  return run_or_break(store, code == SQLITE_OK ? lh_sql_run(insert, "") : code, err);
}

uint64_t lh_store_endings_left_out(const struct lh_store *store) {
  return store->endings_left_out;
}

int lh_store_worker(struct lh_store *store, uint32_t k, uint32_t worker, const struct lh_worker_health *health,
                    struct lh_err *err) {
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  sqlite3_stmt *insert = store->statements[LH_STATEMENT_WORKER];
  const int64_t values[] = {
#define X(name, sort, help) since_start(store, health->name),
      LH_HEALTH_TIME_LIST(X)
#undef X
#define X(name, sort, help) (int64_t) health->name,
          LH_HEALTH_LIST(X)
#undef X
  };
  int code = lh_sql_bind(insert, "ii", (int64_t)k, (int64_t)worker);
  for (size_t i = 0; i < sizeof values / sizeof values[0] && code == SQLITE_OK; i++)
    code = sqlite3_bind_int64(insert, (int)i + 3, values[i]);
  return run_or_break(store, code == SQLITE_OK ? lh_sql_run(insert, "") : code, err);
}

int lh_store_host(struct lh_store *store, uint32_t k, const struct lh_host_sample *sample, struct lh_err *err) {
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  sqlite3_stmt *insert = store->statements[LH_STATEMENT_HOST];
  const int64_t values[] = {
#define X(name, sort, help) (int64_t) sample->name,
      LH_SAMPLE_LIST(X)
#undef X
  };
  int code = lh_sql_bind(insert, "ii", (int64_t)k, (int64_t)store->shard);
  for (size_t i = 0; i < sizeof values / sizeof values[0] && code == SQLITE_OK; i++)
    code = sqlite3_bind_int64(insert, (int)i + 3, values[i]);
  return run_or_break(store, code == SQLITE_OK ? lh_sql_run(insert, "") : code, err);
}

int lh_store_event(struct lh_store *store, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text,
                   const char *details, struct lh_err *err) {
  if (store->event_rows >= LH_EVENT_ROWS_MAX) {
    store->events_left_out++;
    return store->failure.code ? lh_err_set(err, store->failure.code, "%s", store->failure.text) : 0;
  }
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  int code = lh_sql_run(store->statements[LH_STATEMENT_EVENT], "itntt", since_start(store, at_ns), lh_event_name(kind), group,
                        text, details);
  if (code == SQLITE_OK) store->event_rows++;
  return run_or_break(store, code, err);
}

int lh_store_watched(struct lh_store *store, const struct lh_watched_row *row, struct lh_err *err) {
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  int code = lh_sql_run(store->statements[LH_STATEMENT_WATCHED], "iittd", since_start(store, row->at_ns), (int64_t)store->shard, row->source, row->name,
                        row->value);
  return run_or_break(store, code, err);
}

int lh_store_shard(struct lh_store *store, const struct lh_shard_row *row, struct lh_err *err) {
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  sqlite3_stmt *insert = store->statements[LH_STATEMENT_SHARD];
  const uint64_t values[] = {
#define X(name, help) row->name,
      LH_SHARD_COUNTER_LIST(X)
#undef X
#define X(name, hist, percentile, help) row->name,
          LH_SHARD_LATENCY_LIST(X)
#undef X
  };
  int code = lh_sql_bind(insert, "iiittiii", (int64_t)row->shard, (int64_t)row->first_worker, (int64_t)row->workers, row->version,
                         *row->how ? row->how : NULL, (int64_t)row->clients, row->start_wall_us, (int64_t)row->length_ns);
  for (size_t i = 0; i < sizeof values / sizeof values[0] && code == SQLITE_OK; i++)
    code = sqlite3_bind_int64(insert, (int)i + 9, (int64_t)values[i]);
  return run_or_break(store, code == SQLITE_OK ? lh_sql_run(insert, "") : code, err);
}

int lh_store_finding(struct lh_store *store, const struct lh_finding_row *finding, struct lh_err *err) {
  int failed = lh_store_begin(store, err);
  if (failed) return failed;
  int code = lh_sql_run(store->statements[LH_STATEMENT_FINDING], "ttdniitt", finding->id, finding->severity,
                        finding->confidence, finding->group, since_start(store, finding->from_ns),
                        since_start(store, finding->until_ns), finding->sentence, finding->evidence);
  return run_or_break(store, code, err);
}
