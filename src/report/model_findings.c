/* Storms and findings: the one place that calls the analysis room. */
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "report/build.h"

/* The arrays of one group in the form that the analysis takes; they live as long as the call. */
struct arrays {
  uint32_t *wanted, *open;
  uint64_t *numbers; /* COLUMNS arrays of `count` each */
  bool *late;
  struct lh_storm *storms;
};

enum { DROPS, RECONNECTS, ATTEMPTS, FAILURES, P50, P99, REPLIED, LOST, SKIPPED, SILENCES, COLUMNS };

static void arrays_free(struct arrays *a) {
  free(a->wanted);
  free(a->open);
  free(a->numbers);
  free(a->late);
  free(a->storms);
}

static bool arrays_make(struct arrays *a, const struct lh_build *b, const struct lh_lane *lane) {
  size_t count = b->g->count;
  a->wanted = calloc(count, sizeof *a->wanted);
  a->open = calloc(count, sizeof *a->open);
  a->numbers = calloc(count * COLUMNS, sizeof *a->numbers);
  a->late = calloc(count, sizeof *a->late);
  if (!a->wanted || !a->open || !a->numbers || !a->late) return false;
  for (size_t i = 0; i < count; i++) {
    const uint64_t *c = lane->counters[i], *latency = lane->latency[i];
    a->wanted[i] = (uint32_t)lane->gauges[i][LH_GAUGE_wanted];
    a->open[i] = (uint32_t)lane->gauges[i][LH_GAUGE_open];
    a->late[i] = lh_tester_is_late(b->late[i]);
    a->numbers[DROPS * count + i] = lh_target_drops(c);
    a->numbers[RECONNECTS * count + i] = c[LH_COUNTER_reconnects];
    a->numbers[ATTEMPTS * count + i] = c[LH_COUNTER_attempts];
    a->numbers[FAILURES * count + i] = c[LH_COUNTER_connect_failures];
    a->numbers[P50 * count + i] = latency[LH_LANE_response_p50_us] == LH_NEVER ? 0 : latency[LH_LANE_response_p50_us];
    a->numbers[P99 * count + i] = latency[LH_LANE_response_p99_us] == LH_NEVER ? 0 : latency[LH_LANE_response_p99_us];
    a->numbers[REPLIED * count + i] = c[LH_COUNTER_replied];
    a->numbers[LOST * count + i] = c[LH_COUNTER_lost];
    a->numbers[SKIPPED * count + i] = c[LH_COUNTER_incoming_skipped];
    a->numbers[SILENCES * count + i] = c[LH_COUNTER_incoming_silences];
  }
  return true;
}

static struct lh_find_group describe(const struct lh_build *b, const struct arrays *a, uint32_t n) {
  const struct lh_lane *lane = &b->g->lanes[n];
  size_t count = b->g->count;
  return (struct lh_find_group){
      .series = {.group = n,
                 .name = lane->name,
                 .first_ns = b->g->from_ns,
                 .interval_ns = b->g->run->interval_ns,
                 .count = count,
                 .wanted = a->wanted,
                 .open = a->open,
                 .drops = a->numbers + DROPS * count,
                 .reconnects = a->numbers + RECONNECTS * count,
                 .attempts = a->numbers + ATTEMPTS * count,
                 .failures = a->numbers + FAILURES * count,
                 .response_p50_us = a->numbers + P50 * count,
                 .response_p99_us = a->numbers + P99 * count,
                 .replied = a->numbers + REPLIED * count,
                 .lost = a->numbers + LOST * count,
                 .pushes_skipped = a->numbers + SKIPPED * count,
                 .push_silences = a->numbers + SILENCES * count,
                 .tester_late = a->late,
                 .seconds = lane->seconds,
                 .second_count = lane->second_count,
                 .second_ns = b->g->run->interval_ns / lh_ticks_each(b->g->run->interval_ns),
                 .enough = lane->row->mass_drop,
                 .reconnect = &lane->row->reconnect,
                 .connect_rate = b->g->run->connect_rate},
      .total = &lane->total,
      .drops = lane->drops,
      .drop_count = lane->drop_count,
      .tallies = lane->tallies,
      .tally_count = lane->tally_count,
      .connections = lane->row->connections,
      .tls = lane->row->tls,
      .tls_verify = lane->row->tls_verify,
      .checks_pushes = lane->row->incoming != NULL,
  };
}

static json_t *seconds_or_null(uint64_t ns) {
  return ns == LH_NEVER ? json_null() : lh_json_seconds(ns);
}

enum { CURVES_MAX = 20 }; /* so many of a group's storms are drawn */

/* X(name, member of struct lh_storm_point) */
#define POINTS(X)                                                                                                              \
  X(open)                                                                                                                      \
  X(queued)                                                                                                                    \
  X(attempts)                                                                                                                  \
  X(opened)                                                                                                                    \
  X(failed)                                                                                                                    \
  X(drops)

static json_t *curve_json(struct lh_build *b, const struct lh_series *series, const struct lh_storm *storm) {
  struct lh_storm_curve curve;
  lh_storm_draw(series, storm, &curve);
  json_t *out = json_object();
  lh_put(b, out, "from_s", lh_json_seconds(curve.from_ns));
  lh_put(b, out, "step_s", lh_json_seconds(curve.step_ns));
#define X(name)                                                                                                                \
  json_t *list_##name = json_array();                                                                                          \
  for (size_t i = 0; i < curve.count; i++) lh_push(b, list_##name, lh_json_count(curve.points[i].name));                       \
  lh_put(b, out, #name, list_##name);
  POINTS(X)
#undef X
  return out;
}

static json_t *storm_json(struct lh_build *b, const struct lh_series *series, const struct lh_storm *storm, bool is_drawn) {
  uint32_t group = series->group;
  json_t *out = json_object();
  lh_put(b, out, "group", lh_json_group(b, group));
  lh_put(b, out, "from_s", lh_json_seconds(storm->from_ns));
  lh_put(b, out, "until_s", lh_json_seconds(storm->until_ns));
  lh_put(b, out, "at", lh_json_utc(b, storm->from_ns));
  lh_put(b, out, "drops", lh_json_count(storm->drops));
  lh_put(b, out, "open_before", lh_json_count(storm->open_before));
  lh_put(b, out, "side", lh_json_text(lh_side_name(lh_reason_side(storm->reason))));
  lh_put(b, out, "reason", lh_json_text(lh_reason_name(storm->reason)));
  lh_put(b, out, "code", storm->code ? json_integer(storm->code) : json_null());
  json_t *reasons = json_array();
  for (size_t i = 0; i < LH_STORM_REASONS_MAX && storm->reasons[i].drops; i++) {
    json_t *reason = json_object();
    lh_put(b, reason, "side", lh_json_text(lh_side_name(lh_reason_side(storm->reasons[i].reason))));
    lh_put(b, reason, "reason", lh_json_text(lh_reason_name(storm->reasons[i].reason)));
    lh_put(b, reason, "drops", lh_json_count(storm->reasons[i].drops));
    lh_push(b, reasons, reason);
  }
  lh_put(b, out, "reasons", reasons);
  lh_put(b, out, "overtaken", json_boolean(storm->overtaken));
  lh_put(b, out, "resolution_s", lh_json_seconds(storm->resolution_ns));
  lh_put(b, out, "back_50_s", seconds_or_null(storm->back_50_ns));
  lh_put(b, out, "back_95_s", seconds_or_null(storm->back_95_ns));
  lh_put(b, out, "back_100_s", seconds_or_null(storm->back_100_ns));
  lh_put(b, out, "attempts_peak_per_s", lh_json_real(storm->attempts_peak_per_s, 1));
  lh_put(b, out, "even_peak_per_s", storm->even_peak_per_s > 0 ? lh_json_real(storm->even_peak_per_s, 1) : json_null());
  lh_put(b, out, "spread", lh_json_text(lh_spread_name(lh_storm_spread(series, storm))));
  lh_put(b, out, "failed_attempts", lh_json_count(storm->failed_attempts));
  lh_put(b, out, "queued_peak", lh_json_count(storm->queued_peak));
  lh_put(b, out, "retry_afters", lh_json_count(storm->retry_afters));
  lh_put(b, out, "curve", is_drawn ? curve_json(b, series, storm) : json_null());
  return out;
}

static json_t *finding_json(struct lh_build *b, const struct lh_finding *finding) {
  json_t *out = json_object();
  lh_put(b, out, "id", lh_json_text(finding->id));
  lh_put(b, out, "severity", lh_json_text(lh_severity_name(finding->severity)));
  lh_put(b, out, "sentence", lh_json_text(finding->sentence));
  lh_put(b, out, "evidence", lh_json_text(finding->evidence));
  lh_put(b, out, "confidence", lh_json_real(finding->confidence, 2));
  lh_put(b, out, "group", lh_json_group(b, finding->group));
  lh_put(b, out, "from_s", lh_json_seconds(finding->from_ns));
  lh_put(b, out, "until_s", lh_json_seconds(finding->until_ns));
  lh_put(b, out, "from", lh_json_utc(b, finding->from_ns));
  lh_put(b, out, "until", lh_json_utc(b, finding->until_ns));
  return out;
}

static bool find_storms(struct arrays *a, struct lh_find_group *group) {
  size_t most = lh_find_storms(&group->series, group->drops, group->drop_count, NULL, 0);
  a->storms = calloc(most + 1, sizeof *a->storms);
  if (!a->storms) return false;
  group->storm_count = lh_find_storms(&group->series, group->drops, group->drop_count, a->storms, most);
  group->storms = a->storms;
  return true;
}

struct place {
  uint64_t from_ns;
  uint32_t group;
  size_t nth; /* of its group */
};

static int by_time(const void *left, const void *right) {
  const struct place *a = left, *b = right;
  if (a->from_ns != b->from_ns) return a->from_ns < b->from_ns ? -1 : 1;
  if (a->group != b->group) return a->group < b->group ? -1 : 1;
  return (a->nth > b->nth) - (a->nth < b->nth);
}

/* In order of time, over all groups: a table that ends early then leaves out what came last, not the last groups. */
static void put_storms(struct lh_build *b, const struct lh_find_group *groups, json_t *out) {
  size_t count = 0, at = 0;
  for (uint32_t n = 0; n < b->g->group_count; n++) count += groups[n].storm_count;
  struct place *places = calloc(count + 1, sizeof *places);
  if (!places) b->failed = true;
  for (uint32_t n = 0; places && n < b->g->group_count; n++)
    for (size_t i = 0; i < groups[n].storm_count; i++) places[at++] = (struct place){groups[n].storms[i].from_ns, n, i};
  if (places) qsort(places, count, sizeof *places, by_time);
  for (size_t i = 0; places && i < count; i++) {
    const struct lh_find_group *group = &groups[places[i].group];
    lh_push(b, out, storm_json(b, &group->series, &group->storms[places[i].nth], places[i].nth < CURVES_MAX));
  }
  free(places);
}

void lh_build_findings(struct lh_build *b, json_t *model) {
  json_t *storms = json_array(), *findings = json_array();
  struct arrays *arrays = calloc(b->g->group_count + 1u, sizeof *arrays);
  struct lh_find_group *groups = calloc(b->g->group_count + 1u, sizeof *groups);
  if (!arrays || !groups) b->failed = true;
  for (uint32_t n = 0; n < b->g->group_count && !b->failed; n++) {
    struct arrays *a = &arrays[n];
    if (!arrays_make(a, b, &b->g->lanes[n])) b->failed = true;
    if (b->failed) break;
    struct lh_find_group *group = &groups[n];
    *group = describe(b, a, n);
    if (!find_storms(a, group)) b->failed = true;
  }
  if (!b->failed) put_storms(b, groups, storms);
  struct lh_findings found = {0};
  const struct lh_site *watcher = lh_server_site(b->g);
  struct lh_find_args args = {.groups = groups, .group_count = b->g->group_count, .start_wall_us = b->g->run->start_wall_us,
                              .watched = watcher->watched, .watched_count = watcher->watched_count,
                              .end_ns = b->g->run->end_ns > b->g->run->start_ns ? b->g->run->end_ns - b->g->run->start_ns : 0};
  if (!b->failed && lh_find(&args, &found, NULL)) b->failed = true;
  for (size_t i = 0; i < found.count; i++) lh_push(b, findings, finding_json(b, &found.items[i]));
  lh_findings_free(&found);
  for (uint32_t n = 0; arrays && n < b->g->group_count; n++) arrays_free(&arrays[n]);
  free(arrays);
  free(groups);
  lh_put(b, model, "storms", storms);
  lh_put(b, model, "findings", findings);
}
