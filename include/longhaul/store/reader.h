/* Typed reading of a run file. Opening a newer, damaged, truncated or foreign file gives a sentence, never a crash.
 * Reads also while the run goes on, and what a crash left (WAL recovery needs a writable folder; on a read-only one the
 * file is opened immutable, and that is said).
 */
#ifndef LONGHAUL_STORE_READER_H
#define LONGHAUL_STORE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/store/shard.h"
#include "longhaul/store/store.h"

struct lh_reader;

/* Everything of the run's own row; strings owned by the reader. */
struct lh_run_row {
  const char *id, *name, *version, *command_line, *config_masked, *process;
  uint32_t shard, shards, workers;
  uint64_t seed, duration_ns, interval_ns, warmup_ns, start_ns, end_ns; /* unfinished: the last interval's end */
  int64_t start_wall_us, end_wall_us;
  double connect_rate; /* 0: no cap */
  enum lh_run_end how;
  uint64_t endings_left_out, events_left_out;
  uint32_t group_count, interval_count; /* interval_count: highest stored k + 1 */
};

struct lh_group_row {
  const char *name, *kind, *target, *url; /* target and url "" for null */
  uint32_t connections;
  bool tls, tls_verify;
  uint64_t mass_drop;                   /* drops within a second that are one */
  struct lh_reconnect_config reconnect; /* enabled, first, max, factor and jitter alone */
  const char *incoming; /* what is checked of pushes, in words; NULL: nothing */
};

/* A property or a limit of the host, as it was read. */
struct lh_fact_row {
  uint32_t shard; /* whose host */
  const char *name, *source, *value;
};

/* One limit of the host at the start. */
struct lh_rung_row {
  uint32_t shard; /* whose host */
  const char *name, *value, *detail, *remedy;
  uint64_t clients; /* LH_ANY: no bound */
  bool soft, estimated;
};

/* Times are monotonic, as the writer was given them: subtract start_ns for the time since the start of the run. What a row
 * points to is borrowed for the call. */
struct lh_reader_visits {
  void *context;
  /* Each visit returns 0 to go on; anything else stops the reading and is returned. Rows come in order of time, intervals
   * of one k in order of group. */
  int (*interval)(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot);
  int (*ending)(void *context, const struct lh_ending *ending, uint64_t count);
  /* Ticks in which something happened. */
  int (*second)(void *context, uint32_t group, const struct lh_second *second);
  int (*event)(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text, const char *details);
  int (*worker)(void *context, uint32_t k, uint32_t worker, const struct lh_worker_health *health);
  int (*host)(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample);
  int (*watched)(void *context, const struct lh_watched_row *row); /* of the whole file, whatever the span */
  int (*shard)(void *context, const struct lh_shard_row *shard); /* of a merged file; before all others */
  int (*fact)(void *context, const struct lh_fact_row *fact);
  int (*rung)(void *context, const struct lh_rung_row *rung); /* by shard; what binds first comes first */
  int (*finding)(void *context, const struct lh_finding_row *finding);
};

/* A file that is cut off or damaged is read as far as it holds whole intervals, with a note; EBADMSG when it holds none. */
int lh_reader_open(struct lh_reader **reader, const char *path, struct lh_err *err);
void lh_reader_close(struct lh_reader *reader);
/* A sentence that whoever shows the file must show too (opened immutable, cut off or damaged, and what that leaves out), or NULL. */
const char *lh_reader_note(const struct lh_reader *reader);
const struct lh_run_row *lh_reader_run(const struct lh_reader *reader);
const struct lh_group_row *lh_reader_group(const struct lh_reader *reader, uint32_t group);
/* Visits what has a visit set, intervals in [from_k, until_k), endings and events by their time in the same span (the last
 * interval of the file also takes what came after it), shards, facts, rungs and findings always. All of one call is one moment of the file.
 * Names that this version does not know (reason, stage) come as `unclassified` with the name in the text. */
int lh_reader_visit(struct lh_reader *reader, uint32_t from_k, uint32_t until_k, const struct lh_reader_visits *visits,
                    struct lh_err *err);
/* What lh_store_counted wrote last: free(*cells). NULL and 0 when the run had no message with a count. */
int lh_reader_counted(struct lh_reader *reader, uint64_t **cells, size_t *count, struct lh_err *err);

/* The newest run file of a folder; owned path. -ENOENT with a sentence. */
int lh_store_latest(const char *folder, char **path, struct lh_err *err);
/* The one that `back` newer ones were begun after; 0: the newest. */
int lh_store_nth_latest(const char *folder, size_t back, char **path, struct lh_err *err);

#endif
