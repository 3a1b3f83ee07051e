#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "longhaul/base/clock.h"

int loop_init(struct loop *loop, void *context, struct lh_err *err) {
  *loop = (struct loop){.context = context, .now_ns = lh_now_ns()};
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  return loop->epoll < 0 ? lh_err_set(err, errno, "epoll_create1: %s", strerror(errno)) : 0;
}

void loop_free(struct loop *loop) {
  for (size_t i = 0; i < loop->count; i++) loop->heap[i].fn(loop->context, &loop->heap[i], false);
  free(loop->heap);
  loop->heap = NULL;
  loop->count = loop->room = 0;
  if (loop->epoll >= 0) close(loop->epoll);
  loop->epoll = -1;
}

static bool is_before(const struct timer *a, const struct timer *b) {
  return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->order < b->order);
}

void loop_at(struct loop *loop, const struct timer *timer) {
  if (loop->count == loop->room) {
    size_t room = loop->room ? loop->room * 2 : 64;
    struct timer *heap = realloc(loop->heap, room * sizeof *heap);
    if (!heap) {
      fputs("faultd: out of memory for timers\n", stderr);
      abort();
    }
    loop->heap = heap;
    loop->room = room;
  }
  struct timer fresh = *timer;
  fresh.order = loop->made++;
  size_t i = loop->count++;
  while (i > 0) {
    size_t parent = (i - 1) / 2;
    if (!is_before(&fresh, &loop->heap[parent])) break;
    loop->heap[i] = loop->heap[parent];
    i = parent;
  }
  loop->heap[i] = fresh;
}

static struct timer take_first(struct loop *loop) {
  struct timer first = loop->heap[0];
  struct timer last = loop->heap[--loop->count];
  size_t i = 0;
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= loop->count) break;
    if (child + 1 < loop->count && is_before(&loop->heap[child + 1], &loop->heap[child])) child++;
    if (!is_before(&loop->heap[child], &last)) break;
    loop->heap[i] = loop->heap[child];
    i = child;
  }
  if (loop->count) loop->heap[i] = last;
  return first;
}

void loop_run_timers(struct loop *loop) {
  while (loop->count && loop->heap[0].due_ns <= loop->now_ns) {
    struct timer timer = take_first(loop);
    timer.fn(loop->context, &timer, true);
  }
}

static int take_events(struct loop *loop, struct epoll_event *events, int most, uint64_t wait_ns) {
  struct timespec wait = {.tv_sec = (time_t)(wait_ns / LH_NS_PER_S), .tv_nsec = (long)(wait_ns % LH_NS_PER_S)};
  int n = epoll_pwait2(loop->epoll, events, most, &wait, NULL);
  loop->now_ns = lh_now_ns();
  return n < 0 ? 0 : n;
}

int loop_wait(struct loop *loop, struct epoll_event *events, int most) {
  /* Counted from the turn before, so that a long one counts too. */
  uint64_t due = loop->now_ns + LOOP_BEAT_MS * LH_NS_PER_MS, begun = lh_now_ns();
  if (loop->count && loop->heap[0].due_ns < due) due = loop->heap[0].due_ns;
  int n = take_events(loop, events, most, due > begun ? due - begun : 0);
  if (loop->now_ns > due && loop->now_ns - due > loop->lag_ns_max) loop->lag_ns_max = loop->now_ns - due;
  return n;
}

int loop_look(struct loop *loop, struct epoll_event *events, int most) {
  return take_events(loop, events, most, 0);
}
