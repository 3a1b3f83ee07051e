/* Timers and readiness of one process.
 *
 * Glossary
 *   timer   a call at a time; it cannot be taken back, so what it finds gone it ignores
 */
#ifndef FAULTD_LOOP_H
#define FAULTD_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"

/* Called when a timer is due; owns data. fired is false when the loop is torn down: it then only frees. */
struct timer;
typedef void timer_fn(void *context, const struct timer *timer, bool fired);

struct timer {
  uint64_t due_ns;
  timer_fn *fn;
  uint64_t id;    /* connection, or 0 */
  uint32_t rule;  /* number of the rule that asked for it */
  uint32_t n;     /* how often it came round already */
  void *data;     /* owned by fn */
  uint64_t order; /* set by loop_at: timers of the same time fire in the order they were made */
};

struct loop {
  int epoll;
  uint64_t now_ns; /* read once a turn */
  struct timer *heap;
  size_t count, room;
  uint64_t made; /* timers so far */
  void *context; /* first argument of every timer_fn */
};

int loop_init(struct loop *loop, void *context, struct lh_err *err);
void loop_free(struct loop *loop);
/* Copies the timer. Without memory the process ends: a test server that forgets what it was to do is worse than none. */
void loop_at(struct loop *loop, const struct timer *timer);
/* Runs every timer that is due by now_ns. */
void loop_run_timers(struct loop *loop);
/* Waits for events until the next timer is due; sets now_ns. Returns how many there are, 0 when a timer is due or a signal
 * came. */
struct epoll_event;
int loop_wait(struct loop *loop, struct epoll_event *events, int most);

#endif
