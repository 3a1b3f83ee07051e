/* The run file: one SQLite database in WAL mode, one writer, one transaction for each interval.
 *
 * Glossary
 *   run file   NAME-YYYYMMDD-HHMMSS.longhaul in the store folder; schema in src/store/schema.sql, described in its README.md
 *   interval   number k covers [k*interval, (k+1)*interval) since the start; the last one may be short
 *
 * The writer keeps a transaction open for the interval in progress; lh_store_commit ends it. A crash loses that much.
 * Full disk and other write errors come back as -ENOSPC and so on with a sentence; what was committed stays readable.
 */
#ifndef LONGHAUL_STORE_STORE_H
#define LONGHAUL_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/host/host.h"
#include "longhaul/host/ladder.h"
#include "longhaul/stats/second.h"
#include "longhaul/stats/snapshot.h"
#include "longhaul/worker/protocol.h"

enum { LH_SCHEMA_VERSION = 1 };

struct lh_store; /* the writer */

struct lh_run_facts {
  const char *id;            /* 16 hex digits */
  const char *version;       /* of longhaul */
  const char *command_line;
  const char *process;       /* who writes it, by lh_host_process; NULL: not told */
  const struct lh_config *config;
  uint32_t shard, shards;    /* shard counted from 1 */
  uint32_t workers;
  uint64_t start_ns;         /* monotonic */
  int64_t start_wall_us;
  const struct lh_facts *host;     /* NULL: read by lh_store_create */
  const struct lh_ladder *ladder;  /* NULL: no rungs are kept */
};

/* Creates folder and file (never over an existing one: a name that is taken gets "-2" and so on), writes facts, groups and
 * host facts, and commits them. */
int lh_store_create(struct lh_store **store, const char *folder, const struct lh_run_facts *facts, struct lh_err *err);
const char *lh_store_path(const struct lh_store *store);

/* Every writing call below: after a failure the transaction in progress is rolled back, and every later call but
 * lh_store_finish returns the same failure: a run file never holds half an interval, nor a hole. Times are monotonic. */
int lh_store_interval(struct lh_store *store, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot, struct lh_err *err);
int lh_store_second(struct lh_store *store, uint32_t group, const struct lh_second *second, struct lh_err *err);
/* Beyond the cap of run.endings_max rows only counts (0 is returned all the same, lh_store_endings_left_out tells how many
 * endings have no row). Event rows likewise, at LH_EVENT_ROWS_MAX. */
int lh_store_ending(struct lh_store *store, const struct lh_ending *ending, uint64_t count, struct lh_err *err);
uint64_t lh_store_endings_left_out(const struct lh_store *store);
int lh_store_worker(struct lh_store *store, uint32_t k, uint32_t worker, const struct lh_worker_health *health, struct lh_err *err);
int lh_store_host(struct lh_store *store, uint32_t k, const struct lh_host_sample *sample, struct lh_err *err);

/* One value of what is watched beside the connections. Rows may lie before the start and after the end of the run. */
struct lh_watched_row {
  uint64_t at_ns;
  uint32_t shard;            /* who looked; the writer's own when it is written */
  const char *source, *name; /* "process", "metrics" or "supervisor"; "descriptors", or a metric's name */
  double value;
};
int lh_store_watched(struct lh_store *store, const struct lh_watched_row *row, struct lh_err *err);
/* For merging alone: a run that is written as it goes has no such row. */
struct lh_shard_row;
int lh_store_shard(struct lh_store *store, const struct lh_shard_row *row, struct lh_err *err);

/* X-macro'd kinds of event rows: what stands on the timeline. */
#define LH_EVENT_LIST(X)           \
  X(RUN_STARTED, "run started")    \
  X(RUN_STOPPING, "run stopping")  \
  X(RUN_ENDED, "run ended")        \
  X(WORKER_LOST, "worker lost")    \
  X(WORKER_STARTED, "worker started") \
  X(MASS_DROP, "mass drop")        \
  X(SLO_BREACH, "SLO breached")    \
  X(MARK, "mark")                  \
  X(ACTION, "action")              \
  X(CLOCK_STEP, "clock step")      \
  X(SUSPENDED, "machine suspended") \
  X(SILENCE, "silence")            \
  X(WARNING, "warning")            \
  X(HOOK, "hook")                  \
  X(RESUMED, "run resumed")        \
  X(LIMIT, "limit near")           \
  X(FORCED, "forced")              \
  X(SCALED, "scaled down")
enum lh_event_kind {
#define X(id, name) LH_EVENT_##id,
  LH_EVENT_LIST(X)
#undef X
      LH_EVENT_COUNT
};
const char *lh_event_name(enum lh_event_kind kind);
/* details: a JSON object as text, or NULL. group: LH_NO_GROUP for the whole run. */
#define LH_NO_GROUP UINT32_MAX
int lh_store_event(struct lh_store *store, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text,
                   const char *details, struct lh_err *err);
/* Adds one event to the file of a run that is over. The time is since the start of the run. */
int lh_store_add_event(const char *path, uint64_t since_start_ns, enum lh_event_kind kind, const char *text, struct lh_err *err);

/* What the analysis found, for those who ask the file with SQL. */
struct lh_finding_row {
  const char *id, *sentence, *evidence, *severity; /* evidence may be NULL */
  double confidence;
  uint32_t group;             /* LH_NO_GROUP for the run */
  uint64_t from_ns, until_ns; /* monotonic */
};
int lh_store_finding(struct lh_store *store, const struct lh_finding_row *finding, struct lh_err *err);

/* How often each client sent each message with a count: the cells of lh_plan_ledger_cell, in which workers count on meanwhile.
 * Written when it has changed. */
int lh_store_counted(struct lh_store *store, const uint64_t *cells, size_t count, struct lh_err *err);

int lh_store_commit(struct lh_store *store, struct lh_err *err);
/* Whether somebody moved or deleted the file, into which SQLite would write on unseen. Then it is written anew at its place,
 * with all that was committed (a moved one ends there), and 1 is returned; else 0. For use after a commit. */
int lh_store_restore(struct lh_store *store, struct lh_err *err);

/* Marks the run complete: how it ended, and when. Commits. */
enum lh_run_end { LH_RUN_COMPLETE, LH_RUN_INTERRUPTED, LH_RUN_ABORTED, LH_RUN_FAILED, LH_RUN_UNFINISHED /* never written: a crash */ };
const char *lh_store_end_name(enum lh_run_end how); /* as table run has it; NULL: without an end */
int lh_store_finish(struct lh_store *store, enum lh_run_end how, uint64_t end_ns, int64_t end_wall_us, struct lh_err *err);
void lh_store_close(struct lh_store *store); /* checkpoints; accepts NULL */

#endif
