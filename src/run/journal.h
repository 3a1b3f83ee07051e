/* The supervisor's writing side: everything that goes to the run file, and the first write that failed.
 *
 * After a failed write nothing more is written, so that the file stays what it was; the supervisor ends the run.
 */
#ifndef LH_RUN_JOURNAL_H
#define LH_RUN_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/store/store.h"
#include "run/collect.h"
#include "run/lookout.h"

/* Sockets by state. The walk over the kernel's table holds up the packets of tens of thousands of connections for a few ms: each 5 s
 * it moved the 99th percentile of send lateness by 0.4 ms. */
enum { LH_STATES_EVERY_MS = 30000 };

struct lh_journal {
  struct lh_store *store; /* owned */
  const struct lh_config *config;
  struct lh_err failed;       /* code 0: every write went well */
  struct lh_second *seconds;  /* owned; [group]: the last one kept */
  bool books_told;            /* books that do not balance are told of once */
  struct lh_host_sample host; /* the latest */
  uint64_t states_ns;         /* when its TCP states were counted */
  double host_cpu_percent;    /* between the last two samples; negative: not known */
  const uint64_t *counted;    /* borrowed: what workers count in (worker/ledger.h); NULL: no message has a count */
  size_t counted_cells;
};

int lh_journal_open(struct lh_journal *journal, const char *folder, const struct lh_run_facts *facts, struct lh_err *err);
void lh_journal_close(struct lh_journal *journal); /* accepts one that was never opened */

void lh_journal_event(struct lh_journal *journal, uint64_t at_ns, enum lh_event_kind kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What a look at the server and at ourselves brought. */
void lh_journal_look(struct lh_journal *journal, const struct lh_look *look);
/* This run goes on from another, which the details name: {"of": ID}. */
void lh_journal_resumed(struct lh_journal *journal, uint64_t at_ns, const char *sentence, const char *details);
/* Fits lh_estate_sink. Returns 0 always: `failed` tells. */
int lh_journal_ending(void *journal, const struct lh_ending *ending, uint64_t count);
/* One interval with its workers' health and a sample of the host; commits. */
void lh_journal_interval(struct lh_journal *journal, const struct lh_collect *collect, const struct lh_interval *interval,
                         uint32_t workers);
void lh_journal_finish(struct lh_journal *journal, enum lh_run_end how, uint64_t end_ns, int64_t end_wall_us);
/* After finish: works out the findings of the run file and puts them into it. */
void lh_journal_findings(struct lh_journal *journal, uint64_t start_ns);

#endif
