#include "run/recent.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"

struct cell { /* one group in one tick */
  uint64_t sent;
  struct lh_hdr response;
};

struct pulse { /* all workers in one tick */
  uint64_t cpu_us, lag_max_us;
};

struct lh_recent {
  uint32_t groups, workers;
  uint64_t tick_ns;
  uint64_t newest;    /* tick; 0: nothing yet */
  struct cell *cells; /* [tick % LH_RECENT_TICKS][group] */
  struct pulse pulses[LH_RECENT_TICKS];
  struct lh_worker_health *last;                      /* [worker] */
  struct lh_hdr sum;                                  /* scratch */
  struct lh_recent_ending endings[LH_RECENT_ENDINGS]; /* tick 0: free */
};

static struct cell *cell_of(struct lh_recent *r, uint64_t tick, uint32_t group) {
  return &r->cells[(size_t)(tick % LH_RECENT_TICKS) * r->groups + group];
}

struct lh_recent *lh_recent_new(uint32_t groups, uint32_t workers, uint64_t tick_ns) {
  struct lh_recent *r = calloc(1, sizeof *r);
  if (r == NULL) return NULL;
  r->groups = groups;
  r->workers = workers;
  r->tick_ns = tick_ns;
  r->cells = calloc((size_t)LH_RECENT_TICKS * groups, sizeof *r->cells);
  r->last = calloc(workers, sizeof *r->last);
  lh_hdr_init(&r->sum);
  if (r->cells == NULL || r->last == NULL) {
    lh_recent_free(r);
    return NULL;
  }
  for (size_t i = 0; i < (size_t)LH_RECENT_TICKS * groups; i++) lh_hdr_init(&r->cells[i].response);
  return r;
}

void lh_recent_free(struct lh_recent *r) {
  if (r == NULL) return;
  for (size_t i = 0; r->cells != NULL && i < (size_t)LH_RECENT_TICKS * r->groups; i++) lh_hdr_free(&r->cells[i].response);
  free(r->cells);
  free(r->last);
  lh_hdr_free(&r->sum);
  free(r);
}

static void open_tick(struct lh_recent *r, uint64_t tick) {
  uint64_t from = r->newest + 1;
  if (tick - r->newest > LH_RECENT_TICKS) from = tick - LH_RECENT_TICKS + 1;
  for (uint64_t t = from; t <= tick; t++) {
    for (uint32_t g = 0; g < r->groups; g++) {
      struct cell *cell = cell_of(r, t, g);
      cell->sent = 0;
      lh_hdr_reset(&cell->response);
    }
    r->pulses[t % LH_RECENT_TICKS] = (struct pulse){0};
  }
  r->newest = tick;
}

static bool same_ending(const struct lh_recent_ending *e, uint32_t group, const struct lh_tally *t) {
  return e->tick != 0 && e->group == group && e->tally.stage == t->stage && e->tally.reason == t->reason &&
         e->tally.code == t->code && strcmp(e->tally.text, t->text) == 0;
}

static void add_ending(struct lh_recent *r, uint64_t tick, uint32_t group, const struct lh_tally *t) {
  if (lh_reason_side(t->reason) == LH_SIDE_US && !lh_ending_is_drop(t->stage, t->reason)) return;
  struct lh_recent_ending *oldest = &r->endings[0];
  for (size_t i = 0; i < LH_RECENT_ENDINGS; i++) {
    struct lh_recent_ending *e = &r->endings[i];
    if (same_ending(e, group, t)) {
      e->tick = tick;
      e->tally.count += t->count;
      return;
    }
    if (e->tick < oldest->tick) oldest = e;
  }
  *oldest = (struct lh_recent_ending){.tick = tick, .group = group, .tally = *t};
}

void lh_recent_add(struct lh_recent *r, uint32_t worker, uint64_t tick, const struct lh_worker_health *health,
                   const struct lh_snapshot *groups) {
  if (tick > r->newest) open_tick(r, tick);
  if (r->newest - tick >= LH_RECENT_TICKS) return;
  r->last[worker] = *health;
  struct pulse *pulse = &r->pulses[tick % LH_RECENT_TICKS];
  pulse->cpu_us += health->cpu_user_us + health->cpu_system_us;
  if (health->loop_lag_max_us > pulse->lag_max_us) pulse->lag_max_us = health->loop_lag_max_us;
  for (uint32_t g = 0; g < r->groups; g++) {
    struct cell *cell = cell_of(r, tick, g);
    cell->sent += groups[g].counters[LH_COUNTER_messages_sent];
    lh_hdr_merge(&cell->response, &groups[g].hists[LH_HIST_response]);
    for (uint32_t i = 0; i < groups[g].tally_count; i++) add_ending(r, tick, g, &groups[g].tallies[i]);
  }
}

void lh_recent_worker_lost(struct lh_recent *r, uint32_t worker) {
  r->last[worker] = (struct lh_worker_health){0};
}

static double window_s(const struct lh_recent *r) {
  uint64_t ticks = r->newest < LH_RECENT_TICKS ? r->newest : LH_RECENT_TICKS;
  return (double)ticks * (double)r->tick_ns / (double)LH_NS_PER_S;
}

struct lh_recent_group lh_recent_of(struct lh_recent *r, uint32_t group) {
  struct lh_recent_group out = {0};
  if (r->newest == 0) return out;
  uint64_t sent = 0;
  lh_hdr_reset(&r->sum);
  for (uint64_t t = 0; t < LH_RECENT_TICKS; t++) {
    struct cell *cell = cell_of(r, t, group);
    sent += cell->sent;
    lh_hdr_merge(&r->sum, &cell->response);
  }
  out.sent_per_s = (double)sent / window_s(r);
  out.replied = r->sum.count;
  out.p50_us = lh_hdr_percentile(&r->sum, 50);
  out.p99_us = lh_hdr_percentile(&r->sum, 99);
  return out;
}

struct lh_recent_health lh_recent_health(const struct lh_recent *r) {
  struct lh_recent_health out = {0};
  if (r->newest == 0) return out;
  uint64_t cpu_us = 0;
  for (size_t t = 0; t < LH_RECENT_TICKS; t++) {
    cpu_us += r->pulses[t].cpu_us;
    if (r->pulses[t].lag_max_us > out.loop_lag_max_us) out.loop_lag_max_us = r->pulses[t].lag_max_us;
  }
  out.cpu_percent = (double)cpu_us / (window_s(r) * 1e6) * 100;
  for (uint32_t w = 0; w < r->workers; w++) {
    out.rss_bytes += r->last[w].rss_bytes;
    out.engine_bytes += r->last[w].engine_bytes;
  }
  return out;
}

static int later_first(const void *a, const void *b) {
  const struct lh_recent_ending *x = a, *y = b;
  return (x->tick < y->tick) - (x->tick > y->tick);
}

uint32_t lh_recent_endings(const struct lh_recent *r, struct lh_recent_ending out[LH_RECENT_ENDINGS]) {
  uint32_t count = 0;
  for (size_t i = 0; i < LH_RECENT_ENDINGS; i++)
    if (r->endings[i].tick != 0) out[count++] = r->endings[i];
  qsort(out, count, sizeof *out, later_first);
  return count;
}
