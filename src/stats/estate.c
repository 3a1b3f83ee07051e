#include "longhaul/stats/estate.h"

static bool take_one(uint64_t *gauge) {
  if (*gauge == 0) return false;
  --*gauge;
  return true;
}

/* Which gauge the connection was part of at until_ns; false: it was begun later. */
static bool was_known(const struct lh_estate_args *args, const struct lh_ending *e, bool opened_since, bool was_open,
                      uint64_t standing[LH_GAUGE_COUNT]) {
  if (e->started_ns > args->until_ns) return false;
  if (!was_open || opened_since) return take_one(&standing[LH_GAUGE_connecting]);
  if (e->stage == LH_STAGE_CLOSING && take_one(&standing[LH_GAUGE_closing])) return true;
  return take_one(&standing[LH_GAUGE_open]) || take_one(&standing[LH_GAUGE_closing]);
}

/* A login's ending is no connection's. */
static void settle_login(const struct lh_estate_args *args, const struct lh_ending *e, uint64_t standing[LH_GAUGE_COUNT],
                         struct lh_snapshot *into) {
  bool dropped = e->reason == LH_REASON_PLANNED_END || e->reason == LH_REASON_SHUTDOWN;
  bool known = e->started_ns <= args->until_ns && take_one(&standing[LH_GAUGE_logins_under_way]);
  if (!known) into->counters[LH_COUNTER_logins]++;
  into->counters[dropped ? LH_COUNTER_logins_dropped : LH_COUNTER_logins_failed]++;
  lh_snapshot_tally(into, e);
}

static void settle_ending(const struct lh_estate_args *args, const struct lh_ending *e, uint64_t standing[LH_GAUGE_COUNT],
                          struct lh_snapshot *into) {
  if (e->stage == LH_STAGE_LOGIN) {
    settle_login(args, e, standing, into);
    return;
  }
  enum lh_side side = lh_reason_side(e->reason);
  bool was_open = e->open_ns > 0 || e->stage >= LH_STAGE_OPEN;
  bool opened_since = was_open && e->at_ns - e->open_ns > args->until_ns;
  if (was_known(args, e, opened_since, was_open, standing)) {
    standing[LH_GAUGE_waiting]++;
    if (opened_since) into->counters[LH_COUNTER_opened]++;
  } else {
    into->counters[LH_COUNTER_attempts]++;
    if (was_open) into->counters[LH_COUNTER_opened]++;
  }
  into->counters[LH_COUNTER_ended]++;
  if (was_open) into->counters[LH_COUNTER_ended_open]++;
  if (lh_ending_is_drop(e->stage, e->reason)) {
    into->counters[LH_COUNTER_drops]++;
    if (side == LH_SIDE_TESTER) into->counters[LH_COUNTER_tester_drops]++;
  } else if (!was_open && side != LH_SIDE_US) {
    into->counters[LH_COUNTER_connect_failures]++;
  }
  lh_snapshot_tally(into, e);
}

struct lh_ending lh_estate_ending(const struct lh_estate_args *args, enum lh_stage stage) {
  struct lh_ending e = {.at_ns = args->now_ns,
                        .started_ns = args->now_ns,
                        .client = UINT32_MAX,
                        .group = args->group,
                        .stage = (uint8_t)stage,
                        .reason = (uint8_t)args->reason};
  return e;
}

struct lh_estate lh_estate_settle(const struct lh_estate_args *args, uint64_t standing[LH_GAUGE_COUNT],
                                  struct lh_snapshot *into) {
  for (size_t i = 0; i < args->since_count; i++)
    if (args->since[i].group == args->group && args->since[i].at_ns > args->until_ns)
      settle_ending(args, &args->since[i], standing, into);

  struct lh_estate left = {standing[LH_GAUGE_connecting], standing[LH_GAUGE_open], standing[LH_GAUGE_closing],
                           standing[LH_GAUGE_logins_under_way]};
  uint64_t all = left.connecting + left.open + left.closing;
  uint64_t *counters = into->counters;
  counters[LH_COUNTER_ended] += all;
  counters[LH_COUNTER_ended_open] += left.open + left.closing;
  if (args->reason == LH_REASON_WORKER_LOST) {
    counters[LH_COUNTER_drops] += left.open;
    counters[LH_COUNTER_tester_drops] += left.open;
    counters[LH_COUNTER_connect_failures] += left.connecting;
  }
  counters[LH_COUNTER_lost] += standing[LH_GAUGE_in_flight];
  counters[LH_COUNTER_skipped_not_open] += standing[LH_GAUGE_pending];

  const uint64_t logins = left.logins;
  counters[args->reason == LH_REASON_WORKER_LOST ? LH_COUNTER_logins_failed : LH_COUNTER_logins_dropped] += logins;
  standing[LH_GAUGE_logins_under_way] = 0;

  standing[LH_GAUGE_waiting] += all;
  standing[LH_GAUGE_connecting] = standing[LH_GAUGE_open] = standing[LH_GAUGE_closing] = 0;
  standing[LH_GAUGE_in_flight] = standing[LH_GAUGE_pending] = standing[LH_GAUGE_queued] = 0;
  standing[LH_GAUGE_tcp_seats] = standing[LH_GAUGE_unacked] = 0;

  struct lh_ending e = lh_estate_ending(args, LH_STAGE_LOGIN);
  lh_snapshot_tally_n(into, &e, logins);
  e.stage = LH_STAGE_CONNECT;
  lh_snapshot_tally_n(into, &e, left.connecting);
  e.stage = LH_STAGE_OPEN;
  lh_snapshot_tally_n(into, &e, left.open);
  e.stage = LH_STAGE_CLOSING;
  lh_snapshot_tally_n(into, &e, left.closing);
  return left;
}
