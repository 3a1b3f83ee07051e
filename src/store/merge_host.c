/* What the shards' hosts told, beside their clients: kept row by row, each with its shard's number. */
#include "longhaul/plan/plan.h"
#include "longhaul/stats/snapshot.h"
#include "longhaul/store/shard.h"
#include "store/merge.h"

/* Times of `watched` are each file's own, since its start. A function of its own: an open statement would keep the file attached. */
static int copy_rows(sqlite3 *db, bool parts, int64_t later_ns) {
  LH_SQL_SCOPED *watched = NULL;
  int code = lh_sql_prepare(db, "INSERT INTO watched SELECT at_ns + ?, shard, source, name, value FROM other.watched ORDER BY at_ns, rowid",
                            &watched);
  if (code == SQLITE_OK) code = lh_sql_run(watched, "i", later_ns);
  if (code == SQLITE_OK && !parts)
    code = lh_sql_exec(db, "INSERT INTO facts SELECT * FROM other.facts ORDER BY rowid; INSERT INTO ladder SELECT * FROM other.ladder");
  return code;
}

int lh_merge_hosts(const struct lh_merge *m, sqlite3 *db, size_t n, uint64_t later_ns) {
  LH_SQL_SCOPED *attach = NULL;
  int code = lh_sql_prepare(db, "ATTACH ? AS other", &attach);
  if (code == SQLITE_OK) code = lh_sql_run(attach, "t", m->readers[n]->path);
  if (code == SQLITE_OK) code = copy_rows(db, m->parts, (int64_t)later_ns);
  return code == SQLITE_OK ? lh_sql_exec(db, "DETACH other") : code;
}

static const char *how_name(enum lh_run_end how) {
  const char *name = lh_store_end_name(how);
  return name ? name : "";
}

static uint64_t percentile_of(const struct lh_hdr *hist, double percentile) {
  if (hist->count == 0) return 0;
  return percentile >= 100 ? hist->max_us : lh_hdr_percentile(hist, percentile);
}

int lh_merge_shard(struct lh_store *store, const struct lh_reader *reader, uint32_t first_worker, const struct lh_snapshot *total,
                   struct lh_err *err) {
  const struct lh_run_row *run = &reader->run;
  struct lh_slice slice = {.first = run->shard - 1, .stride = run->shards};
  struct lh_shard_row row = {.shard = run->shard,
                             .first_worker = first_worker,
                             .workers = run->workers,
                             .version = run->version,
                             .how = how_name(run->how),
                             .start_wall_us = run->start_wall_us,
                             .length_ns = run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0,
#define X(name, help) .name = total->counters[LH_COUNTER_##name],
                             LH_SHARD_COUNTER_LIST(X)
#undef X
#define X(name, hist, percentile, help) .name = percentile_of(&total->hists[LH_HIST_##hist], percentile),
                                 LH_SHARD_LATENCY_LIST(X)
#undef X
  };
  for (uint32_t g = 0; g < run->group_count; g++) row.clients += lh_slice_count(slice, reader->groups[g].connections);
  return lh_store_shard(store, &row, err);
}
