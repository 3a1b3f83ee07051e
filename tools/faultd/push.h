/* The numbers and times that pushed messages carry, and the rules that spoil them: the same for WebSocket and event streams. */
#ifndef FAULTD_PUSH_H
#define FAULTD_PUSH_H

#include <stdint.h>

struct conn;
struct server;

struct push {
  uint64_t seq;
  int64_t time_us; /* since 1970 */
};

enum { PUSHES_MAX = 2 };

/* What leaves now: one push, two (repeated, or swapped with the one before), or none (left out, or held for the next). The
 * first push of a connection always leaves as it is. */
unsigned push_next(struct server *server, struct conn *conn, struct push out[PUSHES_MAX]);

#endif
