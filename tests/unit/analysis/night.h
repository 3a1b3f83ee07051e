/* A made-up night, put together interval by interval, for the tests of storms and findings. */
#ifndef LONGHAUL_TESTS_ANALYSIS_NIGHT_H
#define LONGHAUL_TESTS_ANALYSIS_NIGHT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/analysis/analysis.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"

#define NIGHT_WALL_US INT64_C(1795377600000000) /* 2026-11-22T20:00:00Z */
#define S(seconds) ((uint64_t)((seconds)*1e9))

enum { NIGHT_INTERVALS_MAX = 4000, NIGHT_DROPS_MAX = 60000, NIGHT_TALLIES_MAX = 64, NIGHT_STORMS_MAX = 300, NIGHT_SECONDS_MAX = 4000 };

struct night {
  uint32_t wanted[NIGHT_INTERVALS_MAX], open[NIGHT_INTERVALS_MAX];
  uint64_t drops_in[NIGHT_INTERVALS_MAX], reconnects[NIGHT_INTERVALS_MAX], attempts[NIGHT_INTERVALS_MAX],
      failures[NIGHT_INTERVALS_MAX], p50[NIGHT_INTERVALS_MAX], p99[NIGHT_INTERVALS_MAX], lost[NIGHT_INTERVALS_MAX];
  bool late[NIGHT_INTERVALS_MAX];
  struct lh_drop drops[NIGHT_DROPS_MAX];
  struct lh_tally tallies[NIGHT_TALLIES_MAX];
  struct lh_storm storms[NIGHT_STORMS_MAX];
  struct lh_second seconds[NIGHT_SECONDS_MAX];
  struct lh_reconnect_config reconnect;
  struct lh_snapshot total;
  struct lh_find_group group;
  struct lh_findings found;
};

/* `count` intervals with `clients` wanted and open, and nothing happening. One night at a time. */
static inline struct night *night_begin(uint32_t clients, size_t count, double interval_s) {
  static struct night n;
  lh_findings_free(&n.found);
  memset(&n, 0, sizeof n);
  lh_snapshot_init(&n.total);
  assert_true(count <= NIGHT_INTERVALS_MAX);
  for (size_t i = 0; i < count; i++) n.wanted[i] = n.open[i] = clients;
  n.total.counters[LH_COUNTER_attempts] = n.total.counters[LH_COUNTER_opened] = clients;
  n.group = (struct lh_find_group){.series = {.name = "chat",
                                              .interval_ns = S(interval_s),
                                              .count = count,
                                              .wanted = n.wanted,
                                              .open = n.open,
                                              .drops = n.drops_in,
                                              .reconnects = n.reconnects,
                                              .attempts = n.attempts,
                                              .failures = n.failures,
                                              .response_p50_us = n.p50,
                                              .response_p99_us = n.p99,
                                              .lost = n.lost,
                                              .tester_late = n.late},
                                   .total = &n.total,
                                   .drops = n.drops,
                                   .storms = n.storms,
                                   .tallies = n.tallies,
                                   .connections = clients,
                                   .tls = true,
                                   .tls_verify = true};
  return &n;
}

/* `count` drops spread evenly from from_s over length_s. Kept in order of time by the caller's order. */
static inline void night_drops(struct night *n, double from_s, double length_s, size_t count, struct lh_drop like) {
  assert_true(n->group.drop_count + count <= NIGHT_DROPS_MAX);
  for (size_t i = 0; i < count; i++) {
    like.at_ns = S(from_s) + (count > 1 ? S(length_s) * i / (count - 1) : 0);
    like.stage = LH_STAGE_OPEN;
    n->drops[n->group.drop_count++] = like;
  }
}

static inline void night_tally(struct night *n, double from_s, double until_s, struct lh_tally like) {
  assert_true(n->group.tally_count < NIGHT_TALLIES_MAX);
  like.first_ns = S(from_s);
  like.last_ns = S(until_s);
  n->tallies[n->group.tally_count++] = like;
}

/* Makes the group known by ticks of a second, and its policy. */
static inline void night_ticks(struct night *n, struct lh_reconnect_config reconnect) {
  n->reconnect = reconnect;
  n->group.series.seconds = n->seconds;
  n->group.series.second_ns = LH_NS_PER_S;
  n->group.series.reconnect = &n->reconnect;
}

/* What happened in the second that begins at at_s. In order of time. */
static inline void night_second(struct night *n, double at_s, struct lh_second like) {
  assert_true(n->group.series.second_count < NIGHT_SECONDS_MAX);
  like.from_ns = S(at_s);
  n->seconds[n->group.series.second_count++] = like;
}

static inline void night_storms(struct night *n) {
  n->group.storm_count = lh_find_storms(&n->group.series, n->drops, n->group.drop_count, n->storms, NIGHT_STORMS_MAX);
}

static inline void night_find(struct night *n) {
  struct lh_err err = {0};
  night_storms(n);
  struct lh_find_args args = {.groups = &n->group, .group_count = 1, .start_wall_us = NIGHT_WALL_US};
  lh_findings_free(&n->found);
  assert_int_equal(lh_find(&args, &n->found, &err), 0);
}

/* The one finding of this name; NULL when there is none. */
static inline const struct lh_finding *night_finding(const struct night *n, const char *id) {
  const struct lh_finding *finding = NULL;
  for (size_t i = 0; i < n->found.count; i++) {
    if (strcmp(n->found.items[i].id, id) != 0) continue;
    if (finding) fail_msg("two findings named %s: %s / %s", id, finding->sentence, n->found.items[i].sentence);
    finding = &n->found.items[i];
  }
  return finding;
}

static inline void night_print(const struct night *n) {
  for (size_t i = 0; i < n->found.count; i++)
    print_message("%s [%s %.2f] %s\n    %s\n", n->found.items[i].id, lh_severity_name(n->found.items[i].severity),
                  n->found.items[i].confidence, n->found.items[i].sentence, n->found.items[i].evidence);
}

#endif
