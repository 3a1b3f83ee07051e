/* Per-interval arrays for charts: one value an interval and lane; counts are sums of the interval, clients hold at its end,
 * latencies are null where nothing was measured. */
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "report/build.h"

/* X(name in the report, gauge) */
#define LEVELS(X)                                                                                                              \
  X(wanted, wanted)                                                                                                            \
  X(open, open)                                                                                                                \
  X(connecting, connecting)                                                                                                    \
  X(waiting, waiting)

/* X(name in the report, counter) */
#define COUNTS(X)                                                                                                              \
  X(attempts, attempts)                                                                                                        \
  X(failures, connect_failures)                                                                                                \
  X(opened, opened)                                                                                                            \
  X(reconnects, reconnects)                                                                                                    \
  X(planned, messages_planned)                                                                                                 \
  X(sent, messages_sent)                                                                                                       \
  X(replied, replied)                                                                                                          \
  X(lost, lost)                                                                                                                \
  X(late, late)                                                                                                                \
  X(incoming, incoming)                                                                                                        \
  X(incoming_skipped, incoming_skipped)                                                                                        \
  X(incoming_silences, incoming_silences)                                                                                      \
  X(bytes_sent, bytes_sent)                                                                                                    \
  X(bytes_received, bytes_received)

static json_t *lane_series(struct lh_build *b, const struct lh_lane *lane) {
  uint32_t count = b->g->count;
  json_t *out = json_object(), *drops = json_array(), *availability = json_array();
#define X(name, gauge)                                                                                                         \
  json_t *levels_##name = json_array();                                                                                        \
  for (uint32_t i = 0; i < count; i++) lh_push(b, levels_##name, lh_json_count(lane->gauges[i][LH_GAUGE_##gauge]));            \
  lh_put(b, out, #name, levels_##name);
  LEVELS(X)
#undef X
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t *c = lane->counters[i];
    lh_push(b, drops, lh_json_count(lh_target_drops(c)));
    lh_push(b, availability, lh_json_real(lh_availability_percent(c[LH_COUNTER_open_us], c[LH_COUNTER_wanted_us]), 3));
  }
  lh_put(b, out, "availability_percent", availability);
  lh_put(b, out, "drops", drops);
#define X(name, counter)                                                                                                       \
  json_t *counts_##name = json_array();                                                                                        \
  for (uint32_t i = 0; i < count; i++) lh_push(b, counts_##name, lh_json_count(lane->counters[i][LH_COUNTER_##counter]));      \
  lh_put(b, out, #name, counts_##name);
  COUNTS(X)
#undef X
  for (int n = 0; n < LH_LANE_LATENCY_COUNT; n++) {
    json_t *values = json_array();
    for (uint32_t i = 0; i < count; i++)
      lh_push(b, values, lane->latency[i][n] == LH_NEVER ? json_null() : lh_json_count(lane->latency[i][n]));
    lh_put(b, out, lh_lane_latency_name(n), values);
  }
  return out;
}

/* ---- endings by reason over time ---- */

struct reason_row {
  uint8_t stage, reason;
  int32_t code;
  uint64_t total;
  json_t *at; /* [interval, count], only where there were some */
  uint32_t last_at;
};

static struct reason_row *find_row(struct reason_row *rows, size_t *count, size_t room, const struct lh_tally *tally) {
  size_t i = 0;
  while (i < *count && (rows[i].stage != tally->stage || rows[i].reason != tally->reason || rows[i].code != tally->code)) i++;
  if (i == *count && i == room) return NULL;
  if (i == *count)
    rows[(*count)++] = (struct reason_row){
        .stage = tally->stage, .reason = tally->reason, .code = tally->code, .at = json_array(), .last_at = UINT32_MAX};
  return &rows[i];
}

static void add_at(struct lh_build *b, struct reason_row *row, uint32_t i, uint64_t count) {
  row->total += count;
  size_t len = json_array_size(row->at);
  if (row->last_at != i) {
    lh_push(b, row->at, json_pack("[o, o]", lh_json_count(i), lh_json_count(count)));
    row->last_at = i;
    return;
  }
  json_t *pair = json_array_get(row->at, len - 1);
  uint64_t before = (uint64_t)json_integer_value(json_array_get(pair, 1));
  if (!pair || json_array_set_new(pair, 1, lh_json_count(before + count))) b->failed = true;
}

static int by_total(const void *left, const void *right) {
  const struct reason_row *a = left, *b = right;
  if (a->total != b->total) return a->total > b->total ? -1 : 1;
  if (a->stage != b->stage) return (int)a->stage - (int)b->stage;
  if (a->reason != b->reason) return (int)a->reason - (int)b->reason;
  return (a->code > b->code) - (a->code < b->code);
}

/* Rows for one lane: stage, reason and code; the texts are in the endings table. */
static json_t *endings_of(struct lh_build *b, const struct lh_lane *lane) {
  enum { ROOM = LH_TALLY_MAX };
  json_t *out = json_array();
  struct reason_row *rows = calloc(ROOM, sizeof *rows);
  uint64_t left_out = 0;
  size_t count = 0;
  if (!rows) b->failed = true;
  for (size_t n = 0; rows && n < lane->tally_count; n++) {
    struct reason_row *row = find_row(rows, &count, ROOM, &lane->tallies[n]);
    if (row)
      add_at(b, row, lane->tally_at[n], lane->tallies[n].count);
    else
      left_out += lane->tallies[n].count;
  }
  if (rows) qsort(rows, count, sizeof *rows, by_total);
  for (size_t i = 0; i < count; i++) {
    json_t *item = json_object();
    lh_put(b, item, "stage", lh_json_text(lh_stage_name(rows[i].stage)));
    lh_put(b, item, "side", lh_json_text(lh_side_name(lh_reason_side(rows[i].reason))));
    lh_put(b, item, "reason", lh_json_text(lh_reason_name(rows[i].reason)));
    lh_put(b, item, "code", rows[i].code ? json_integer(rows[i].code) : json_null());
    lh_put(b, item, "drop", json_boolean(lh_ending_is_drop(rows[i].stage, rows[i].reason)));
    lh_put(b, item, "at", rows[i].at);
    lh_push(b, out, item);
  }
  if (left_out) /* more kinds than a table can show: their number is not lost */
    lh_push(b, out,
            json_pack("{s:s, s:s, s:s, s:n, s:b, s:o, s:o}", "stage", "", "side", "", "reason", "other kinds", "code", "drop",
                      0, "at", json_array(), "count", lh_json_count(left_out)));
  free(rows);
  return out;
}

/* ---- the tester ---- */

static json_t *tester_series(struct lh_build *b) {
  json_t *out = json_object(), *late = json_array(), *cpu = json_array(), *lag = json_array(), *rss = json_array();
  for (uint32_t i = 0; i < b->g->count; i++) {
    const struct lh_health_sum *h = &b->g->health[i];
    if (b->late[i].why) lh_push(b, late, lh_json_count(i));
    lh_push(b, cpu, h->workers ? lh_json_real(100 * h->cpu_busiest, 1) : json_null());
    lh_push(b, lag, h->workers ? lh_json_count(h->lag_max_us) : json_null());
    lh_push(b, rss, h->workers ? lh_json_count(h->rss_bytes) : json_null());
  }
  lh_put(b, out, "late_intervals", late);
  lh_put(b, out, "cpu_busiest_percent", cpu);
  lh_put(b, out, "loop_lag_max_us", lag);
  lh_put(b, out, "rss_bytes", rss);
  return out;
}

json_t *lh_build_series(struct lh_build *b) {
  json_t *out = json_object(), *t = json_array(), *groups = json_array();
  for (uint32_t i = 0; i < b->g->count; i++)
    lh_push(b, t, lh_json_seconds((b->g->from_k + (uint64_t)i) * b->g->run->interval_ns));
  lh_put(b, out, "interval_s", lh_json_seconds(b->g->run->interval_ns));
  lh_put(b, out, "end_s", lh_json_seconds(b->g->until_ns));
  lh_put(b, out, "t_s", t); /* the start of each interval, since the start of the run */
  lh_put(b, out, "run", lane_series(b, lh_gather_run(b->g)));
  for (uint32_t n = 0; n < b->g->group_count; n++) {
    json_t *group = lane_series(b, &b->g->lanes[n]);
    lh_put(b, group, "name", lh_json_text(b->g->lanes[n].name));
    lh_put(b, group, "endings", endings_of(b, &b->g->lanes[n]));
    lh_push(b, groups, group);
  }
  lh_put(b, out, "groups", groups);
  lh_put(b, out, "tester", tester_series(b));
  lh_put(b, out, "host", lh_build_host_series(b, b->g->sites));
  const struct lh_site *watcher = lh_server_site(b->g);
  if (lh_has_server(watcher)) lh_put(b, out, "server", lh_build_server_series(b, watcher));
  if (b->g->merged) lh_put(b, out, "shards", lh_build_shard_series(b));
  return out;
}
