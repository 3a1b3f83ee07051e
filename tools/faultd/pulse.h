/* How much arrived when: messages and accepted connections of each 10 ms, to tell a smooth schedule from a herd.
 *
 * One JSON line for each 10 ms in which something came: {"slot":N,"process":P,"messages":N,"accepted":N}; slot N covers
 * [N, N + 1) * 10 ms of CLOCK_MONOTONIC. What one turn of the loop read counts at the turn's begin.
 */
#ifndef FAULTD_PULSE_H
#define FAULTD_PULSE_H

#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

struct pulse {
  int fd; /* -1: off */
  uint64_t slot;
  uint64_t messages, accepted; /* of this slot so far; counted whether on or off */
  unsigned process;
  struct lh_buf lines;
};

enum { PULSE_SLOT_MS = 10 };

int pulse_open(struct pulse *pulse, const char *path, unsigned process, struct lh_err *err);
/* Begins a turn: ends the slot before when its time is over. */
void pulse_turn(struct pulse *pulse, uint64_t now_ns);
void pulse_close(struct pulse *pulse);

#endif
