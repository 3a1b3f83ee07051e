/* What the files of the writer share. */
#ifndef LONGHAUL_SRC_STORE_WRITER_H
#define LONGHAUL_SRC_STORE_WRITER_H

#include "longhaul/store/store.h"
#include "store/sql.h"

/* Every statement of the writer, prepared once. X(ID, sql); those of wide tables are made by schema.c from their lists. */
#define LH_STATEMENT_LIST(X)                                                                                                   \
  X(BEGIN, "BEGIN IMMEDIATE")                                                                                                  \
  X(COMMIT, "COMMIT")                                                                                                          \
  X(HISTOGRAM, "INSERT INTO histograms VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)")                                                  \
  X(TALLY, "INSERT INTO tallies VALUES (?,?,?,?,?,?,?,?)")                                                                     \
  X(ENDING, "INSERT INTO endings VALUES (?,?,?,?,?,?,?,?,?,?,?,?)")                                                            \
  X(WATCHED, "INSERT INTO watched VALUES (?,?,?,?,?)")                                                                           \
  X(COUNTED, "INSERT OR REPLACE INTO counted VALUES (?,?,?)")                                                                  \
  X(EVENT, "INSERT INTO events VALUES (?,?,?,?,?)")                                                                            \
  X(FINDING, "INSERT INTO findings VALUES (?,?,?,?,?,?,?,?)")                                                                  \
  X(LEFT_OUT, "UPDATE run SET endings_left_out = ?, events_left_out = ?")                                                      \
  X(FINISH, "UPDATE run SET how = ?, end_ns = ?, end_wall_us = ?")

enum lh_statement {
#define X(id, sql) LH_STATEMENT_##id,
  LH_STATEMENT_LIST(X)
#undef X
      LH_STATEMENT_INTERVAL, /* k, group_no, tallies_folded, counters, gauges */
  LH_STATEMENT_WORKER,       /* k, worker, columns of columns.h */
  LH_STATEMENT_HOST,         /* k, shard, columns of columns.h */
  LH_STATEMENT_SHARD,        /* its struct but the lists, columns of store/shard.h */
  LH_STATEMENT_SECOND,       /* from_ns, group_no, columns of stats/second.h */
  LH_STATEMENT_COUNT
};

struct lh_store {
  sqlite3 *db;
  char *path; /* by sqlite3_malloc, as all memory of this room that tests make fail */
  sqlite3_stmt *statements[LH_STATEMENT_COUNT];
  uint64_t start_ns;
  uint32_t shard; /* whose host the rows that name one are of */
  uint64_t ending_rows, endings_max, endings_left_out;
  uint64_t event_rows, events_left_out;
  uint64_t left_out_stored; /* sum of both as last written */
  struct lh_buf payload;    /* scratch for encoded histograms */
  uint8_t *counted;         /* table counted's numbers as last written; by sqlite3_malloc */
  size_t counted_len;
  struct lh_err failure;    /* the first failed write; code 0: none */
};

/* Makes all tables and views in an empty database and fills meta, glossary and reasons. Returns SQLite's code. */
int lh_schema_create(sqlite3 *db);
/* Fills run, groups and facts. */
int lh_schema_describe(sqlite3 *db, const struct lh_run_facts *facts);
/* The INSERT for one of the wide statements; NULL when memory is short. For sqlite3_free. */
char *lh_schema_insert(enum lh_statement statement);
/* Number of a stage and reason in table reasons. */
int64_t lh_schema_reason_id(unsigned stage, unsigned reason);

/* Makes the folder and what lies above it. */
int lh_store_make_folder(const char *folder, struct lh_err *err);
/* A connection as the writer wants it, to a file that is there. Returns SQLite's code; *db may need closing even on failure. */
int lh_store_connect(const char *path, sqlite3 **db);
int lh_store_use_wal(sqlite3 *db);
int lh_store_prepare(struct lh_store *store);
/* Ends the statements and the connection. */
void lh_store_disconnect(struct lh_store *store);

/* A writer of a file that holds another run's rows, which it removes: intervals, endings, events and the like. No cap on
 * endings: those of the run were capped when they came. */
int lh_store_open_emptied(struct lh_store **store, const char *path, uint64_t start_ns, struct lh_err *err);
/* Begins the transaction of the interval when none is open. 0, or the failure that stopped this writer. */
int lh_store_begin(struct lh_store *store, struct lh_err *err);
/* Records the failure, rolls back and gives the sentence. */
int lh_store_broken(struct lh_store *store, int result, struct lh_err *err);

#endif
