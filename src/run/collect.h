/* What the workers report, put together: intervals in progress, running totals, and what a lost worker leaves. Pure.
 *
 * Glossary
 *   tick      one report of each worker; its number counts from 1, as the report's until_ns lies on the grid of tick_ns
 *   interval  what is stored: lh_ticks_each ticks; number k as in store.h
 *   standing  a worker's gauges of one group as of its latest report
 *   estate    what a worker held when it was lost: every connection of it gets an ending here, so that the books balance
 *
 * Counters, histograms and tallies of a report are added to the interval that its end lies in, or to the oldest one still
 * in progress when that was taken already: late numbers move to a later interval, they are never left out.
 * An interval's gauges are the sum over the workers of the last standing that each had by the interval's end.
 */
#ifndef LH_RUN_COLLECT_H
#define LH_RUN_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/config/config.h"
#include "longhaul/stats/second.h"
#include "longhaul/stats/snapshot.h"
#include "longhaul/worker/protocol.h"

struct lh_collect;

struct lh_collect_args {
  const struct lh_config *config; /* borrowed until free */
  uint32_t shard, shards;         /* from 1 */
  uint32_t workers;
  uint64_t start_ns, interval_ns;
};

/* An interval in progress or taken. */
struct lh_interval {
  struct lh_interval *next;
  uint32_t k;
  uint64_t end_ns;
  struct lh_snapshot *groups;      /* by group; gauges are filled in when it is taken */
  struct lh_second *seconds;       /* [tick of the interval][group]; gauges are filled in when it is taken */
  uint64_t *standing;              /* [worker][group][gauge], valid where `reported` says so */
  struct lh_level *levels;         /* [tick][worker][group]: the gauges of `seconds` */
  bool *reported;                  /* [worker] */
  struct lh_worker_health *health; /* [worker]; until_ns 0: no report in this interval */
};

/* What a tick keeps of a worker's standing. */
struct lh_level {
  bool is_told;
#define X(name, source, help) uint64_t name;
  LH_SECOND_GAUGE_LIST(X)
#undef X
};

/* What one report added, for the view; borrowed until the next call. */
struct lh_collected {
  uint64_t tick;
  struct lh_worker_health health;
  const struct lh_snapshot *groups;
};

/* Called for each kind of connection that a lost worker held; count connections like `ending`. */
typedef int lh_estate_sink(void *context, const struct lh_ending *ending, uint64_t count);

int lh_collect_new(struct lh_collect **collect, const struct lh_collect_args *args, struct lh_err *err);
void lh_collect_free(struct lh_collect *collect); /* accepts NULL and half-built ones */

/* Takes the body of LH_FRAME_REPORT. -EBADMSG with a sentence when it is damaged, or ends after now_ns. */
int lh_collect_report(struct lh_collect *collect, uint32_t worker, struct lh_cursor *body, uint64_t now_ns,
                      struct lh_collected *added, struct lh_err *err);
/* Remembers an ending that is not yet part of a report: should the worker be lost now, it keeps its true reason. */
void lh_collect_ending(struct lh_collect *collect, uint32_t worker, const struct lh_ending *ending);
/* The worker is gone. What it held ends with `reason` (WORKER_LOST, or SHUTDOWN when we ended it): connections, messages in
 * flight, messages held back. The clients wait for the replacement, or are finished after a shutdown. */
int lh_collect_lose(struct lh_collect *collect, uint32_t worker, enum lh_reason reason, uint64_t now_ns, lh_estate_sink *sink,
                    void *context, struct lh_err *err);
/* No replacement will come: the worker's waiting clients are finished. */
int lh_collect_retire(struct lh_collect *collect, uint32_t worker, uint64_t now_ns, struct lh_err *err);

/* End of the oldest interval not yet taken. */
uint64_t lh_collect_end_ns(const struct lh_collect *collect);
/* How many intervals were taken. */
uint32_t lh_collect_taken(const struct lh_collect *collect);
/* Up to where the worker has reported. */
uint64_t lh_collect_until_ns(const struct lh_collect *collect, uint32_t worker);
/* Takes the oldest interval, complete with gauges, and adds it to the totals; owned by collect until the next take.
 * NULL with a sentence when memory is out. */
struct lh_interval *lh_collect_take(struct lh_collect *collect, struct lh_err *err);
/* Whether any report or estate is in an interval not yet taken. */
bool lh_collect_pending(const struct lh_collect *collect);

/* All taken intervals of a group. */
const struct lh_snapshot *lh_collect_total(const struct lh_collect *collect, uint32_t group);
/* Counters of everything reported so far, taken or not. */
uint64_t lh_collect_counter(const struct lh_collect *collect, uint32_t group, enum lh_counter_id id);
/* Sum of the workers' latest standings. */
uint64_t lh_collect_gauge(const struct lh_collect *collect, uint32_t group, enum lh_gauge_id id);

/* ---- for an onlooker: what came since the last look ---- */

/* From now on keeps what is added to any interval, in a second place. */
int lh_collect_look_begin(struct lh_collect *collect, struct lh_err *err);
/* Everything of a group since lh_collect_look_next, with the gauges as of now; NULL when nobody looks. */
const struct lh_snapshot *lh_collect_look(struct lh_collect *collect, uint32_t group);
void lh_collect_look_next(struct lh_collect *collect);
/* For an onlooker that knows nothing, in place of one that is gone: its first look is at everything since the start. */
int lh_collect_look_anew(struct lh_collect *collect, struct lh_err *err);

#endif
