/* How long a path leaves a silent connection alone, from connections that were left alone for different times. Pure.
 *
 * Glossary
 *   rung    how long a connection is left alone before it is asked for a sign of life
 *   fate    what became of it: held (it answered after its rung), dropped (somebody closed it before), silent (nobody did, and it
 *           answered no more: a NAT or firewall forgot it), untried (it ended before its rung was over, by us or unopened)
 *   limit   the longest silence that the path allows
 */
#ifndef LONGHAUL_ANALYSIS_IDLE_H
#define LONGHAUL_ANALYSIS_IDLE_H

#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/ending.h"

enum lh_idle_fate { LH_IDLE_UNTRIED, LH_IDLE_HELD, LH_IDLE_DROPPED, LH_IDLE_SILENT, LH_IDLE_FATE_COUNT };

struct lh_idle_probe {
  uint64_t rung_ns;
  enum lh_idle_fate fate;
  uint64_t idle_ns;       /* DROPPED: its silence until then */
  enum lh_reason reason;  /* DROPPED */
  int32_t code;
};

enum lh_idle_kind {
  LH_IDLE_NOTHING, /* no connection was tried long enough to tell anything */
  LH_IDLE_NONE,    /* every rung held: the limit, if there is one, is longer than high_ns */
  LH_IDLE_CUT,     /* somebody closes after low_ns .. high_ns of silence, which lie close together */
  LH_IDLE_UNEVEN,  /* somebody closes, after different times */
  LH_IDLE_FORGOT   /* silent between low_ns, which held, and high_ns, which did not */
};

struct lh_idle_limit {
  enum lh_idle_kind kind;
  uint64_t low_ns, high_ns, middle_ns; /* middle: median of the silences before the cuts */
  enum lh_reason reason;               /* CUT, UNEVEN: the most frequent */
  int32_t code;
  size_t count, of; /* how many went so, of those tried for at least as long */
};

/* Sorts the probes by fate, then by silence. */
struct lh_idle_limit lh_idle_find(struct lh_idle_probe *probes, size_t count);
/* Sentences for people: the limit, what sets such limits, and what to do about it, wrapped by the caller. 0 or -ENOBUFS. */
int lh_idle_say(const struct lh_idle_limit *limit, struct lh_buf *out);
/* The times worth trying, up to and with up_to_ns: just before and just after the limits of common devices. Returns how many
 * were written; `most` is enough at LH_IDLE_RUNGS_MAX. */
enum { LH_IDLE_RUNGS_MAX = 48 };
size_t lh_idle_rungs(uint64_t up_to_ns, uint64_t *rungs, size_t most);

#endif
