/* Timers and readiness of one process.
 *
 * Glossary
 *   timer   a call at a time; it cannot be taken back, so what it finds gone it ignores
 *   lag     how much later a turn began than it was to: what this server did or saw late for want of a processor. Moments of its
 *           log are not nearer to the truth than that, so tests that compare them with another clock's add it
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
  uint64_t lag_ns_max;
  void *context; /* first argument of every timer_fn */
};

int loop_init(struct loop *loop, void *context, struct lh_err *err);
void loop_free(struct loop *loop);
/* Copies the timer. Without memory the process ends: a test server that forgets what it was to do is worse than none. */
void loop_at(struct loop *loop, const struct timer *timer);
/* Runs every timer that is due by now_ns. */
void loop_run_timers(struct loop *loop);
/* Waits for events until the next timer is due, LOOP_BEAT_MS at the most; sets now_ns, and lag_ns_max when this was the worst. Returns
 * how many there are, 0 when there are none yet. */
enum { LOOP_BEAT_MS = 20 }; /* without timers a lag would go unseen: the turn is then to begin after so long */
struct epoll_event;
int loop_wait(struct loop *loop, struct epoll_event *events, int most);
/* The same without waiting. */
int loop_look(struct loop *loop, struct epoll_event *events, int most);

#endif
