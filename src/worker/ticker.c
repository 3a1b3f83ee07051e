#include "ticker.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "longhaul/base/clock.h"

struct lh_ticker {
  uv_poll_t watch;
  int fd;
  uint64_t armed_ns; /* LH_NEVER: not armed */
  bool has_fired;    /* the descriptor is readable until it is set again */
  lh_ticker_due *due;
  void *context;
};

static void set(struct lh_ticker *t, uint64_t due_ns) {
  /* A due time of 0 would disarm. Setting it also takes back readiness, which saves the read. */
  uint64_t at = due_ns == LH_NEVER ? 0 : due_ns ? due_ns : 1;
  struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(at / LH_NS_PER_S), .tv_nsec = (long)(at % LH_NS_PER_S)}};
  timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &spec, NULL);
  t->armed_ns = due_ns;
  t->has_fired = false;
}

void lh_ticker_arm(struct lh_ticker *ticker, uint64_t due_ns) {
  if (due_ns != ticker->armed_ns || ticker->has_fired) set(ticker, due_ns);
}

static void on_readable(uv_poll_t *watch, int status, int events) {
  struct lh_ticker *t = watch->data;
  (void)status, (void)events;
  uint64_t now = lh_now_ns();
  if (t->has_fired || now < t->armed_ns) return; /* armed anew since the loop saw it */
  t->has_fired = true;
  t->due(t->context, now, now - t->armed_ns);
}

int lh_ticker_new(struct lh_ticker **ticker, uv_loop_t *loop, lh_ticker_due *due, void *context, struct lh_err *err) {
  struct lh_ticker *t = calloc(1, sizeof *t);
  if (!t) return lh_err_set(err, ENOMEM, "no memory for the timer");
  *t = (struct lh_ticker){.due = due, .context = context, .armed_ns = LH_NEVER};
  t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  int failed = t->fd < 0 ? -errno : uv_poll_init(loop, &t->watch, t->fd);
  if (!failed) {
    t->watch.data = t;
    failed = uv_poll_start(&t->watch, UV_READABLE, on_readable);
  }
  if (failed) {
    if (t->fd >= 0) close(t->fd);
    free(t);
    return lh_err_set(err, failed, "cannot make the worker's timer: %s", strerror(-failed));
  }
  *ticker = t;
  return 0;
}
