#include "report/tester.h"

#include "longhaul/base/clock.h"

static const char *const words[] = {
#define X(id, text) text,
    LH_LATE_LIST(X)
#undef X
};

const char *lh_late_words(enum lh_late_reason reason) {
  return words[reason];
}

/* Messages that left late say something about the tester only as long as the sockets took what was written: a target that
 * does not read chokes them, and that lateness is its own. */
static bool sends_were_late(const struct lh_gather *g, uint32_t i) {
  const struct lh_lane *run = lh_gather_run(g);
  uint64_t lateness_us = run->latency[i][LH_LANE_send_lateness_p99_us];
  uint64_t choked = run->counters[i][LH_COUNTER_choked], sent = run->counters[i][LH_COUNTER_messages_sent];
  return lateness_us != LH_NEVER && lateness_us > LH_LATE_SEND_US && choked * 100 < sent;
}

void lh_tester_judge(const struct lh_gather *g, struct lh_lateness *out) {
  for (uint32_t i = 0; i < g->count; i++) {
    const struct lh_health_sum *health = &g->health[i];
    out[i].why = g->stored[i] ? 0 : 1u << LH_LATE_AWAY;
    if (out[i].why) continue;
    if (health->lag_max_us > LH_LATE_LAG_US) out[i].why |= 1u << LH_LATE_LAG;
    if (sends_were_late(g, i)) out[i].why |= 1u << LH_LATE_SEND;
    if (health->silent) out[i].why |= 1u << LH_LATE_SILENT;
    if (health->cpu_busiest > LH_LATE_CPU_SHARE) out[i].why |= 1u << LH_LATE_CPU;
    if (health->in_flight_full + health->no_memory > 0) out[i].why |= 1u << LH_LATE_FULL;
  }
  for (size_t n = 0; n < g->event_count; n++) {
    const struct lh_event_item *event = &g->events[n];
    uint64_t i = event->at_ns / g->run->interval_ns - g->from_k;
    if (event->at_ns < g->from_ns || i >= g->count) continue;
    if (event->kind == LH_EVENT_WORKER_LOST) out[i].why |= 1u << LH_LATE_LOST;
    if (event->kind == LH_EVENT_SUSPENDED) out[i].why |= 1u << LH_LATE_CLOCK;
  }
}

bool lh_tester_is_late(struct lh_lateness late) {
  return late.why != 0 && late.why != 1u << LH_LATE_AWAY;
}

uint32_t lh_tester_late_count(const struct lh_gather *g, const struct lh_lateness *late) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < g->count; i++) count += lh_tester_is_late(late[i]);
  return count;
}
