#include "store/merge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/plan/plan.h"
#include "longhaul/stats/estate.h"
#include "store/writer.h"

enum { COMMIT_EVERY = 64 };

/* What is known of one shard while its intervals are laid beside the others'. */
struct side {
  struct lh_reader *reader;
  uint64_t (*gauges)[LH_GAUGE_COUNT]; /* [group]: the last ones stored */
  bool *seen;                         /* [group]: it has a row in this interval */
  struct lh_second *seconds;          /* [group]: the last one stored */
  uint32_t first_worker;              /* its workers are numbered from here */
  uint32_t first_k;                   /* its intervals are numbered from here: 0 for shards */
  struct lh_snapshot total;           /* of all its groups and intervals */
};

struct tick {
  uint32_t group;
  size_t side;
  struct lh_second second;
};

struct merging {
  struct lh_merge *plan;
  struct lh_store *store;
  struct side *sides;
  size_t at; /* the side being read */
  struct lh_snapshot *sums; /* [group] */
  struct tick *ticks;       /* of this interval */
  size_t tick_count, tick_room;
  uint32_t group_count;
  struct lh_err *err;
};

static const struct lh_run_row *run_of(const struct merging *m) {
  return &m->sides[m->at].reader->run;
}

/* A monotonic time of the side being read as one of the first file. */
static uint64_t moved(const struct merging *m, uint64_t ns) {
  uint64_t start_ns = run_of(m)->start_ns, first_ns = m->sides[m->at].first_k * run_of(m)->interval_ns;
  return m->plan->readers[0]->run.start_ns + first_ns + (ns > start_ns ? ns - start_ns : 0);
}

/* The last interval of a part that crashed, with others after it: what it held was lost with it. */
static int settle(struct merging *m, uint32_t k, uint32_t group, struct lh_snapshot *s) {
  const struct lh_run_row *run = run_of(m);
  bool crashed = m->plan->parts && m->at + 1 < m->plan->count && run->how == LH_RUN_UNFINISHED;
  if (!crashed || k + 1 != run->interval_count) return 0;
  uint64_t end_ns = moved(m, run->end_ns);
  struct lh_estate_args args = {
      .group = (uint16_t)group, .reason = LH_REASON_WORKER_LOST, .until_ns = end_ns - 1, .now_ns = end_ns - 1};
  struct lh_estate left = lh_estate_settle(&args, s->gauges, s);
  const uint64_t counts[] = {left.connecting, left.open, left.closing};
  const enum lh_stage stages[] = {LH_STAGE_CONNECT, LH_STAGE_OPEN, LH_STAGE_CLOSING};
  int failed = 0;
  for (size_t i = 0; i < sizeof counts / sizeof *counts && !failed; i++) {
    struct lh_ending ending = lh_estate_ending(&args, stages[i]);
    if (counts[i]) failed = lh_store_ending(m->store, &ending, counts[i], m->err);
  }
  return failed;
}

/* ---- rows of one shard ---- */

static int on_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *s) {
  struct merging *m = context;
  struct side *side = &m->sides[m->at];
  struct lh_snapshot copy;
  lh_snapshot_init(&copy);
  int failed = lh_snapshot_merge_beside(&copy, s);
  for (uint32_t i = 0; i < copy.tally_count && !failed; i++) {
    copy.tallies[i].first_ns = moved(m, copy.tallies[i].first_ns);
    copy.tallies[i].last_ns = moved(m, copy.tallies[i].last_ns);
  }
  if (!failed) failed = settle(m, k, group, &copy);
  memcpy(side->gauges[group], copy.gauges, sizeof copy.gauges);
  side->seen[group] = true;
  if (!failed) failed = lh_snapshot_merge_beside(&m->sums[group], &copy);
  if (!failed) failed = lh_snapshot_merge_beside(&side->total, &copy);
  lh_snapshot_free(&copy);
  return failed ? lh_err_set(m->err, ENOMEM, "no memory is left to merge an interval") : 0;
}

static int on_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  struct merging *m = context;
  struct lh_ending copy = *ending;
  copy.at_ns = moved(m, ending->at_ns);
  copy.started_ns = moved(m, ending->started_ns);
  return lh_store_ending(m->store, &copy, count, m->err);
}

static int on_second(void *context, uint32_t group, const struct lh_second *second) {
  struct merging *m = context;
  if (m->tick_count == m->tick_room) {
    size_t room = m->tick_room ? 2 * m->tick_room : 256;
    struct tick *grown = realloc(m->ticks, room * sizeof *grown);
    if (!grown) return lh_err_set(m->err, ENOMEM, "no memory is left to merge the seconds of an interval");
    m->ticks = grown;
    m->tick_room = room;
  }
  struct tick *tick = &m->ticks[m->tick_count++];
  *tick = (struct tick){group, m->at, *second};
  tick->second.from_ns = moved(m, second->from_ns);
  return 0;
}

static int on_event(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text, const char *details) {
  struct merging *m = context;
  char prefixed[2048];
  bool last = m->at + 1 == m->plan->count, resumed = kind == LH_EVENT_RESUMED && m->plan->parts;
  if (resumed && (details ? m->at > 0 : !last)) return 0; /* told of the other part, which is here */
  unsigned number = m->plan->parts ? (unsigned)m->at + 1 : run_of(m)->shard;
  snprintf(prefixed, sizeof prefixed, "%s %u: %s", m->plan->parts ? "part" : "shard", number, text);
  return lh_store_event(m->store, moved(m, at_ns), kind, group, prefixed, details, m->err);
}

static int on_worker(void *context, uint32_t k, uint32_t worker, const struct lh_worker_health *health) {
  struct merging *m = context;
  struct lh_worker_health copy = *health;
  copy.from_ns = moved(m, health->from_ns);
  copy.until_ns = moved(m, health->until_ns);
  return lh_store_worker(m->store, k + m->sides[m->at].first_k, m->sides[m->at].first_worker + worker, &copy, m->err);
}

static int on_host(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample) {
  struct merging *m = context;
  m->store->shard = shard;
  return lh_store_host(m->store, k + m->sides[m->at].first_k, sample, m->err);
}

/* ---- one interval of all ---- */

static int by_time(const void *a, const void *b) {
  const struct tick *x = a, *y = b;
  if (x->second.from_ns != y->second.from_ns) return x->second.from_ns < y->second.from_ns ? -1 : 1;
  return (x->group > y->group) - (x->group < y->group);
}

/* Counters of one tick add; a shard that has no row for it still has as many clients open as it had last. A part has no other
 * beside it. */
static int put_seconds(struct merging *m) {
  if (m->tick_count) qsort(m->ticks, m->tick_count, sizeof *m->ticks, by_time);
  for (size_t i = 0, j; i < m->tick_count; i = j) {
    struct lh_second sum = {.from_ns = m->ticks[i].second.from_ns};
    uint32_t group = m->ticks[i].group;
    for (j = i; j < m->tick_count && by_time(&m->ticks[i], &m->ticks[j]) == 0; j++) {
      const struct lh_second *one = &m->ticks[j].second;
#define X(name, source, help) sum.name += one->name;
      LH_SECOND_COUNTER_LIST(X)
#undef X
      if (m->plan->parts)
        for (size_t n = 0; n < m->plan->count; n++) m->sides[n].seconds[group] = (struct lh_second){0};
      m->sides[m->ticks[j].side].seconds[group] = *one;
    }
    for (size_t n = 0; n < m->plan->count; n++) {
#define X(name, source, help) sum.name += m->sides[n].seconds[group].name;
      LH_SECOND_GAUGE_LIST(X)
#undef X
    }
    int failed = lh_store_second(m->store, group, &sum, m->err);
    if (failed) return failed;
  }
  m->tick_count = 0;
  return 0;
}

static bool has_rows(const struct merging *m, uint32_t group) {
  for (size_t n = 0; n < m->plan->count; n++)
    if (m->sides[n].seen[group]) return true;
  return false;
}

static int put_interval(struct merging *m, uint32_t k) {
  for (uint32_t g = 0; g < m->group_count; g++) {
    if (m->plan->parts && !has_rows(m, g)) continue; /* between two parts */
    for (size_t n = 0; n < m->plan->count && !m->plan->parts; n++)
      for (int i = 0; i < LH_GAUGE_COUNT && !m->sides[n].seen[g]; i++) m->sums[g].gauges[i] += m->sides[n].gauges[g][i];
    int failed = lh_store_interval(m->store, k, g, &m->sums[g], m->err);
    if (failed) return failed;
  }
  return put_seconds(m);
}

static int merge_interval(struct merging *m, uint32_t k) {
  struct lh_reader_visits visits = {
      .context = m, .interval = on_interval, .ending = on_ending, .second = on_second, .event = on_event, .worker = on_worker, .host = on_host};
  for (uint32_t g = 0; g < m->group_count; g++) {
    lh_snapshot_next(&m->sums[g]);
    memset(m->sums[g].gauges, 0, sizeof m->sums[g].gauges);
  }
  for (m->at = 0; m->at < m->plan->count; m->at++) {
    memset(m->sides[m->at].seen, 0, m->group_count * sizeof(bool));
    const struct side *side = &m->sides[m->at];
    if (k < side->first_k) continue;
    int failed = lh_reader_visit(side->reader, k - side->first_k, k - side->first_k + 1, &visits, m->err);
    if (failed) return failed;
  }
  int failed = put_interval(m, k);
  return failed || k % COMMIT_EVERY ? failed : lh_store_commit(m->store, m->err);
}

/* ---- the run's own row, its groups and facts ---- */

static int put_hosts(struct merging *m) {
  int code = SQLITE_OK;
  for (size_t n = 1; n < m->plan->count && code == SQLITE_OK; n++)
    code = lh_merge_hosts(m->plan, m->store->db, n, m->sides[n].first_k * m->sides[n].reader->run.interval_ns);
  return code;
}

static int put_shards(struct merging *m) {
  int failed = 0;
  for (size_t n = 0; n < m->plan->count && !failed && !m->plan->parts; n++)
    failed = lh_merge_shard(m->store, m->sides[n].reader, m->sides[n].first_worker, &m->sides[n].total, m->err);
  return failed;
}

/* What run.mass_drop says of all clients of a group together. A number that the config set holds for the whole as it does for a
 * shard; one that a shard has because of its own clients is worked out anew, since neither the least nor the most of `auto` adds up. */
static uint64_t mass_drop_of(const struct merging *m, uint32_t g) {
  const struct lh_run_row *run = &m->plan->readers[0]->run;
  const struct lh_group_row *group = &m->plan->readers[0]->groups[g];
  bool is_auto = group->mass_drop == lh_plan_mass_drop(0, group->connections / (run->shards ? run->shards : 1));
  return is_auto ? lh_plan_mass_drop(0, group->connections) : group->mass_drop;
}

static int put_groups(struct merging *m) {
  LH_SQL_SCOPED *update = NULL;
  int code = lh_sql_prepare(m->store->db, "UPDATE groups SET mass_drop = ? WHERE group_no = ?", &update);
  for (uint32_t g = 0; g < m->group_count && code == SQLITE_OK && !m->plan->parts; g++)
    code = lh_sql_run(update, "ii", (int64_t)mass_drop_of(m, g), (int64_t)g);
  return code;
}

static int put_run(struct merging *m) {
  LH_SQL_SCOPED *update = NULL;
  uint32_t workers = 0;
  int64_t start_wall_us = INT64_MAX;
  for (size_t n = 0; n < m->plan->count; n++) {
    const struct lh_run_row *run = &m->sides[n].reader->run;
    workers = m->plan->parts ? (run->workers > workers ? run->workers : workers) : workers + run->workers;
    if (run->start_wall_us < start_wall_us) start_wall_us = run->start_wall_us;
    m->store->endings_left_out += run->endings_left_out;
    m->store->events_left_out += run->events_left_out;
  }
  int code = lh_sql_prepare(m->store->db,
                            "UPDATE run SET shard = ?, shards = ?, workers = ?, start_wall_us = ?, how = NULL, end_ns = NULL, "
                            "end_wall_us = NULL, endings_left_out = 0, events_left_out = 0",
                            &update);
  const struct lh_run_row *first = &m->plan->readers[0]->run;
  int64_t shard = m->plan->parts ? first->shard : 1, shards = m->plan->parts ? first->shards : 1;
  return code == SQLITE_OK ? lh_sql_run(update, "iiii", shard, shards, (int64_t)workers, start_wall_us) : code;
}

static int put_notes(struct merging *m) {
  int failed = 0;
  for (size_t i = 0; i < m->plan->notes->count && !failed; i++)
    failed = lh_store_event(m->store, m->plan->readers[0]->run.start_ns, LH_EVENT_WARNING, LH_NO_GROUP, m->plan->notes->items[i], NULL,
                            m->err);
  return failed;
}

/* The worst end of all shards is the end of the whole; without an end of one there is none. Of parts the last one's counts. */
static int put_end(struct merging *m) {
  enum lh_run_end how = LH_RUN_COMPLETE;
  uint64_t longest_ns = 0;
  for (size_t n = 0; n < m->plan->count; n++) {
    const struct lh_run_row *run = &m->sides[n].reader->run;
    uint64_t until_ns = m->sides[n].first_k * run->interval_ns + (run->end_ns - run->start_ns);
    if (run->how > how || m->plan->parts) how = run->how;
    if (until_ns > longest_ns) longest_ns = until_ns;
  }
  const struct lh_run_row *first = &m->plan->readers[0]->run;
  if (how == LH_RUN_UNFINISHED) return lh_store_commit(m->store, m->err);
  return lh_store_finish(m->store, how, first->start_ns + longest_ns, first->start_wall_us + (int64_t)(longest_ns / 1000), m->err);
}

/* ---- all of it ---- */

/* Where part n begins, in whole intervals: by the clock, and after what came before it. */
static uint32_t place_of(const struct merging *m, size_t n) {
  const struct lh_run_row *first = &m->plan->readers[0]->run, *run = &m->plan->readers[n]->run;
  uint32_t least = m->sides[n - 1].first_k + m->plan->readers[n - 1]->run.interval_count;
  uint64_t away_ns = run->start_wall_us > first->start_wall_us ? (uint64_t)(run->start_wall_us - first->start_wall_us) * 1000 : 0;
  uint64_t k = (away_ns + first->interval_ns - 1) / first->interval_ns;
  return k > least && k < UINT32_MAX / 2 ? (uint32_t)k : least;
}

static int make_sides(struct merging *m) {
  uint32_t workers = 0;
  m->group_count = m->plan->readers[0]->run.group_count;
  m->sides = calloc(m->plan->count, sizeof *m->sides);
  m->sums = calloc(m->group_count + 1u, sizeof *m->sums);
  if (!m->sides || !m->sums) return -ENOMEM;
  for (uint32_t g = 0; g < m->group_count; g++) lh_snapshot_init(&m->sums[g]);
  for (size_t n = 0; n < m->plan->count; n++) lh_snapshot_init(&m->sides[n].total);
  for (size_t n = 0; n < m->plan->count; n++) {
    struct side *side = &m->sides[n];
    side->reader = m->plan->readers[n];
    side->gauges = calloc(m->group_count + 1u, sizeof *side->gauges);
    side->seen = calloc(m->group_count + 1u, sizeof *side->seen);
    side->seconds = calloc(m->group_count + 1u, sizeof *side->seconds);
    side->first_worker = workers;
    side->first_k = m->plan->parts && n ? place_of(m, n) : 0;
    workers += side->reader->run.workers;
    if (!side->gauges || !side->seen || !side->seconds) return -ENOMEM;
  }
  return 0;
}

static void free_sides(struct merging *m) {
  for (size_t n = 0; m->sides && n < m->plan->count; n++) {
    free(m->sides[n].gauges);
    free(m->sides[n].seen);
    free(m->sides[n].seconds);
    lh_snapshot_free(&m->sides[n].total);
  }
  for (uint32_t g = 0; m->sums && g < m->group_count; g++) lh_snapshot_free(&m->sums[g]);
  free(m->sides);
  free(m->sums);
  free(m->ticks);
}

static int fill(struct merging *m) {
  uint32_t intervals = 0;
  int code = put_hosts(m);
  if (code == SQLITE_OK) code = put_groups(m);
  if (code == SQLITE_OK) code = put_run(m);
  if (code != SQLITE_OK) return lh_store_broken(m->store, code, m->err);
  for (size_t n = 0; n < m->plan->count; n++)
    if (m->sides[n].first_k + m->sides[n].reader->run.interval_count > intervals)
      intervals = m->sides[n].first_k + m->sides[n].reader->run.interval_count;
  int failed = put_notes(m);
  for (uint32_t k = 0; k < intervals && !failed; k++) failed = merge_interval(m, k);
  if (!failed) failed = put_shards(m);
  return failed ? failed : put_end(m);
}

/* The new file begins as a copy of the first shard's, without what intervals bring. */
static int merge_into(struct lh_merge *plan, const char *out, struct lh_err *err) {
  struct merging m = {.plan = plan, .err = err};
  char *copy = sqlite3_mprintf("VACUUM INTO %Q", out);
  int code = copy ? lh_sql_exec(plan->readers[0]->db, copy) : SQLITE_NOMEM;
  sqlite3_free(copy);
  if (code != SQLITE_OK) return lh_sql_fail(err, plan->readers[0]->db, code, out, LH_SQL_WRITING);
  int failed = lh_store_open_emptied(&m.store, out, plan->readers[0]->run.start_ns, err);
  if (!failed && make_sides(&m)) failed = lh_err_set(err, ENOMEM, "no memory is left to merge into %s", out);
  if (!failed) failed = fill(&m);
  free_sides(&m);
  lh_store_close(m.store);
  if (failed) unlink(out);
  return failed;
}

int lh_store_merge(const struct lh_merge_args *args, struct lh_merge_notes *notes, struct lh_err *err) {
  struct lh_merge plan = {.readers = calloc(args->count + 1, sizeof *plan.readers), .notes = notes};
  notes->count = 0;
  if (!plan.readers) return lh_err_set(err, ENOMEM, "no memory is left to merge into %s", args->out);
  int failed = access(args->out, F_OK) == 0 ? lh_err_set(err, EEXIST, "%s is already there: merge into a new file", args->out) : 0;
  for (; plan.count < args->count && !failed; plan.count += !failed)
    failed = lh_reader_open(&plan.readers[plan.count], args->paths[plan.count], err);
  if (!failed) failed = lh_merge_check(&plan, err);
  if (!failed) failed = merge_into(&plan, args->out, err);
  for (size_t i = 0; i < plan.count; i++) lh_reader_close(plan.readers[i]);
  free(plan.readers);
  return failed;
}
