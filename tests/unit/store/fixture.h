/* A small config and snapshots for the tests of the store. */
#ifndef LONGHAUL_TESTS_STORE_FIXTURE_H
#define LONGHAUL_TESTS_STORE_FIXTURE_H

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/config/config.h"
#include "longhaul/store/reader.h"
#include "longhaul/store/store.h"

#define START_NS (UINT64_C(77) * LH_NS_PER_S)
#define START_WALL_US INT64_C(1795377808123456) /* 2026-11-22T20:03:28.123456Z */

enum { GROUPS = 2 };

struct fixture {
  char folder[64];
  struct lh_config config;
  struct lh_group groups[GROUPS];
  struct lh_target target;
  struct lh_run_facts facts;
};

/* Two rungs: one that binds, one that does not. */
static const struct lh_ladder fixture_ladder = {
    .count = 2,
    .rungs = {{.limit = LH_LIMIT_NOFILE,
               .clients = 1000,
               .value = "1,024 a process",
               .detail = "1,000 clients in each worker",
               .remedies = {{.kind = LH_REMEDY_ULIMIT, .text = "ulimit -n 4096"}},
               .remedy_count = 1},
              {.limit = LH_LIMIT_CPU, .clients = LH_ANY, .value = "2", .soft = true, .estimated = true}}};

static inline void fixture_make(struct fixture *f) {
  *f = (struct fixture){.folder = "/tmp/longhaul-store-XXXXXX"};
  if (access("/dev/shm", W_OK) == 0) strcpy(f->folder, "/dev/shm/longhaul-store-XXXXXX"); /* no disk to wait for */
  assert_non_null(mkdtemp(f->folder));
  f->target = (struct lh_target){.name = (char *)"gateway",
                                 .url = (char *)"wss://ann:word@gateway.example.test/ws?token=abc&v&w=2#x",
                                 .tls_scheme = true,
                                 .tls = {.verify = true}};
  f->groups[0] = (struct lh_group){.name = (char *)"chat", .kind = LH_KIND_WEBSOCKET, .target = 0, .connections = 100,
                                    .reconnect = {.enabled = true,
                                                  .first_ns = LH_NS_PER_S / 2,
                                                  .max_ns = 30 * LH_NS_PER_S,
                                                  .factor = 2,
                                                  .jitter = LH_BACKOFF_EQUAL}};
  f->groups[1] = (struct lh_group){.name = (char *)"self", .kind = LH_KIND_NULL, .target = LH_NO_TARGET, .connections = 50};
  f->config = (struct lh_config){.masked = (char *)"run:\n  name: night\n",
                                 .run = {.name = (char *)"night",
                                         .duration_ns = 60 * LH_NS_PER_S,
                                         .seed = UINT64_MAX - 1,
                                         .interval_ns = LH_NS_PER_S,
                                         .warmup_ns = 5,
                                         .endings_max = LH_ENDING_ROWS_MAX},
                                 .targets = &f->target,
                                 .target_count = 1,
                                 .groups = f->groups,
                                 .group_count = GROUPS};
  f->facts = (struct lh_run_facts){.id = "0123456789abcdef",
                                   .version = "0.1.0",
                                   .command_line = "longhaul run night.yaml",
                                   .config = &f->config,
                                   .shard = 1,
                                   .shards = 1,
                                   .workers = 2,
                                   .start_ns = START_NS,
                                   .start_wall_us = START_WALL_US,
                                   .ladder = &fixture_ladder};
}

static inline int fixture_remove_one(const char *path, const struct stat *stat_of, int kind, struct FTW *walk) {
  (void)stat_of, (void)kind, (void)walk;
  return remove(path);
}

static inline void fixture_remove(struct fixture *f) {
  chmod(f->folder, 0755);
  assert_int_equal(nftw(f->folder, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#define assert_ok(call, err)                                                                                                   \
  do {                                                                                                                         \
    int code_ = (call);                                                                                                        \
    if (code_ != 0) fail_msg("%s: %d: %s", #call, code_, (err).text);                                                          \
  } while (0)

/* Numbers of interval k that balance: every client is open or never started, and each ending has its tally. */
static inline void fill_snapshot(struct lh_snapshot *s, uint32_t k, uint32_t group) {
  lh_snapshot_next(s);
  uint32_t clients = group == 0 ? 100 : 50;
  s->counters[LH_COUNTER_attempts] = k == 0 ? clients + 3 : 3;
  s->counters[LH_COUNTER_opened] = s->counters[LH_COUNTER_attempts];
  s->counters[LH_COUNTER_ended] = s->counters[LH_COUNTER_ended_open] = s->counters[LH_COUNTER_drops] = 3;
  s->counters[LH_COUNTER_reconnects] = 3;
  s->counters[LH_COUNTER_messages_planned] = s->counters[LH_COUNTER_messages_sent] = s->counters[LH_COUNTER_replied] = clients;
  s->counters[LH_COUNTER_open_us] = s->counters[LH_COUNTER_wanted_us] = clients * (LH_NS_PER_S / LH_NS_PER_US);
  s->gauges[LH_GAUGE_clients] = s->gauges[LH_GAUGE_open] = s->gauges[LH_GAUGE_wanted] = clients;
  for (uint32_t i = 0; i < clients; i++) lh_hdr_record(&s->hists[LH_HIST_response], 1000 + 37 * i + k);
  lh_hdr_record(&s->hists[LH_HIST_outage], UINT64_C(7200) * 1000000);
  for (uint32_t i = 0; i < 3; i++) {
    struct lh_ending ending = {.at_ns = START_NS + k * LH_NS_PER_S + i * 1000,
                               .started_ns = START_NS,
                               .open_ns = k * LH_NS_PER_S,
                               .idle_ns = 5 * i,
                               .client = i,
                               .nth = k + 1,
                               .group = (uint16_t)group,
                               .local_port = 40000,
                               .stage = LH_STAGE_OPEN,
                               .reason = i == 2 ? LH_REASON_RST : LH_REASON_CLOSE_FRAME,
                               .code = i == 2 ? 0 : 1012};
    if (i < 2) snprintf(ending.text, sizeof ending.text, "restart %u", i);
    lh_snapshot_tally(s, &ending);
  }
}

static inline struct lh_second fill_second(uint32_t k) {
  return (struct lh_second){.from_ns = START_NS + k * LH_NS_PER_S,
                            .attempts = 4,
                            .opened = 3,
                            .drops = 2,
                            .failed = 1,
                            .retry_afters = k,
                            .open = 49,
                            .queued = 7 + k};
}

/* One interval of both groups with all that goes with it, not committed. */
static inline int store_interval(struct lh_store *store, uint32_t k, struct lh_snapshot *s, struct lh_err *err) {
  int failed = 0;
  for (uint32_t group = 0; group < GROUPS && !failed; group++) {
    fill_snapshot(s, k, group);
    failed = lh_store_interval(store, k, group, s, err);
    for (uint32_t i = 0; i < s->tally_count && !failed; i++) {
      struct lh_ending ending = {.at_ns = s->tallies[i].first_ns,
                                 .started_ns = START_NS,
                                 .open_ns = k * LH_NS_PER_S,
                                 .group = (uint16_t)group,
                                 .client = i,
                                 .nth = k + 1,
                                 .stage = s->tallies[i].stage,
                                 .reason = s->tallies[i].reason,
                                 .code = s->tallies[i].code};
      memcpy(ending.text, s->tallies[i].text, sizeof ending.text);
      failed = lh_store_ending(store, &ending, s->tallies[i].count, err);
    }
  }
  struct lh_worker_health health = {.from_ns = START_NS + k * LH_NS_PER_S,
                                    .until_ns = START_NS + (k + 1) * LH_NS_PER_S,
                                    .cpu_user_us = 1000,
                                    .cpu_system_us = 500,
                                    .rss_bytes = 1 << 20,
                                    .engine_bytes = 4096,
                                    .loop_lag_max_us = 77 + k,
                                    .turns = 9,
                                    .descriptors = 105,
                                    .clients = 150};
  struct lh_host_sample sample = {.cpu_busy_us = 100 * (k + 1),
                                  .cpu_total_us = 1000 * (k + 1),
                                  .mem_available_bytes = 5,
                                  .mem_total_bytes = 6,
                                  .context_switches = 10 * k};
  struct lh_second second = fill_second(k);
  if (!failed) failed = lh_store_second(store, 1, &second, err);
  if (!failed) failed = lh_store_worker(store, k, 1, &health, err);
  return failed ? failed : lh_store_host(store, k, &sample, err);
}

/* The first intervals, each committed. */
static inline void store_intervals(struct lh_store *store, uint32_t count) {
  struct lh_err err = {0};
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  for (uint32_t k = 0; k < count; k++) {
    assert_ok(store_interval(store, k, &s, &err), err);
    assert_ok(lh_store_commit(store, &err), err);
  }
  lh_snapshot_free(&s);
}

/* A run of so many intervals is complete. */
static inline void store_finish(struct lh_store *store, uint32_t intervals) {
  struct lh_err err = {0};
  assert_ok(lh_store_finish(store, LH_RUN_COMPLETE, START_NS + intervals * LH_NS_PER_S, 0, &err), err);
  lh_store_close(store);
}

#endif
