/* Checks of what a server pushes unasked: numbers that should rise by one, and times of sending. Pure.
 *
 * Glossary
 *   push      an incoming message that answers nothing we sent
 *   number    a push's place in the sequence
 *   hole      numbers that a jump left out and that have not come since
 *   away      between two connections of one client; only where the sequence goes on over them (scope: client)
 *
 * A client remembers the lowest and the highest number of its sequence and its last holes: whatever else lies between the two
 * came before. So a number below the highest is told for sure: in a hole it is out of order, else a duplicate. Only numbers
 * below a hole that had to be forgotten are undecided.
 *
 * Worked example, one connection: 5 6 9 8 8 10 is one jump that leaves out 7 and 8; 8 comes out of order, then once more as a
 * duplicate; 7 stays missing.
 *
 * A sequence begins anew when a number lies more than LH_INCOMING_JUMP_MAX away, or when a new connection of scope client
 * begins at or below the first number that the client ever saw: a server that was started again. A server that begins anew
 * while the client is connected, or is met further on, repeats numbers, and these count as duplicates.
 */
#ifndef LONGHAUL_CONN_INCOMING_H
#define LONGHAUL_CONN_INCOMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

enum { LH_INCOMING_HOLES_MAX = 4 };
#define LH_INCOMING_JUMP_MAX UINT32_MAX

struct lh_push {
  const char *bytes; /* borrowed */
  size_t len;
  const char *id;    /* sse: the event's own id; NULL: it has none */
};

/* ---- reading ---- */
struct lh_incoming_rules; /* of one group: the places of number and time, compiled */

int lh_incoming_rules_new(struct lh_incoming_rules **rules, const struct lh_incoming_config *config, struct lh_err *err);
void lh_incoming_rules_free(struct lh_incoming_rules *rules); /* accepts NULL */
/* Whether a push's bytes are looked at, so that one in pieces must be put together. */
bool lh_incoming_reads_bytes(const struct lh_incoming_rules *rules);
/* False: there is none, or it is no whole number from 0 to 2^64-1. */
bool lh_incoming_number(const struct lh_incoming_rules *rules, const struct lh_push *push, uint64_t *number);
/* In microseconds since 1970 UTC; false: there is none, or it is none. */
bool lh_incoming_time(const struct lh_incoming_rules *rules, const struct lh_push *push, int64_t *wall_us);

/* ---- following ---- */
struct lh_incoming_hole {
  uint64_t first;
  uint32_t count; /* at least 1 */
  bool away;
};

/* One client's sequence; all zero before its first number. */
struct lh_incoming {
  uint64_t low, high;
  uint64_t forgotten; /* 0, or the highest number of the holes that had no room */
  struct lh_incoming_hole holes[LH_INCOMING_HOLES_MAX]; /* rising */
  uint8_t hole_count;
  bool begun;
  bool fresh;  /* no number came on this connection */
  bool away;   /* the next jump was made while the client was away */
  bool silent; /* for the engine: gap_max is over, and was counted */
};

enum lh_incoming_what {
  LH_INCOMING_NEXT,         /* the next one, or the first */
  LH_INCOMING_SKIPPED,      /* after a jump over `left_out` numbers */
  LH_INCOMING_MISSED_AWAY,  /* the same, while the client was away */
  LH_INCOMING_OUT_OF_ORDER, /* out of a hole; or before the first number seen, and then `left_out` are known to be left out */
  LH_INCOMING_CAUGHT_UP,    /* out of a hole made while away */
  LH_INCOMING_DUPLICATE,
  LH_INCOMING_UNDECIDED,
  LH_INCOMING_RESTART
};

struct lh_incoming_verdict {
  enum lh_incoming_what what;
  uint64_t left_out;
};

/* A connection of the client opened. */
void lh_incoming_opened(struct lh_incoming *incoming, const struct lh_incoming_config *config);
struct lh_incoming_verdict lh_incoming_take(struct lh_incoming *incoming, const struct lh_incoming_config *config,
                                            uint64_t number);

#endif
