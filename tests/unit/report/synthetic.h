/* A synthetic run file, written with the store's own calls: groups that ramp up, drop a few clients an hour, lose all of them
 * in one storm, get slower in one spell, and end by plan. Its books balance; the sums are kept to compare a report with. */
#ifndef LONGHAUL_TESTS_REPORT_SYNTHETIC_H
#define LONGHAUL_TESTS_REPORT_SYNTHETIC_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/config/load.h"
#include "longhaul/store/store.h"

#define SYNTHETIC_START_NS (UINT64_C(1000) * LH_NS_PER_S)
#define SYNTHETIC_WALL_US INT64_C(1795377808000000) /* 2026-11-22T20:03:28Z */

struct synthetic {
  /* set by the caller */
  const char *folder;
  const char *slo;                     /* YAML of the slo section, or NULL */
  uint32_t groups, intervals, clients; /* clients of each group */
  uint64_t interval_ns;
  uint32_t storm_at;              /* interval; 0: none */
  uint32_t slow_from, slow_until; /* intervals in which replies take 400 ms more */
  uint64_t endings_max;           /* 0: the default */
  uint32_t held_at;               /* an interval in which a worker held messages back; 0: none */
  uint32_t late_at;               /* an interval in which the tester was late; 0: none */
  const char *close_text;         /* of the close frames that drop clients */
  enum lh_run_end how;
  bool finish; /* false: as a crash leaves it */
  /* filled in */
  char path[512];
  struct lh_snapshot *totals; /* by group; synthetic_free */
};

struct synthetic_group {
  uint32_t never_started, open, waiting, finished;
};

static const char *const synthetic_names[] = {"chat", "feed",   "presence", "ticker", "rooms",
                                              "api",  "mobile", "kiosk",    "audit",  "video"};

/* A new folder for a test, in memory where that is possible: thousands of commits wait for a disk. */
static void synthetic_folder(char *out, size_t size) {
  snprintf(out, size, "%s/longhaul-report-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  assert_non_null(mkdtemp(out));
}

/* The state of tests that write runs: a folder that goes away with them. */
struct synthetic_place {
  char folder[64];
};

static inline int synthetic_set_up(void **state) {
  struct synthetic_place *p = calloc(1, sizeof *p);
  assert_non_null(p);
  synthetic_folder(p->folder, sizeof p->folder);
  *state = p;
  return 0;
}

static inline int synthetic_tear_down(void **state) {
  struct synthetic_place *p = *state;
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
  int failed = system(command);
  free(p);
  return failed ? -1 : 0;
}

#define SYNTHETIC_TEST(body) cmocka_unit_test_setup_teardown(body, synthetic_set_up, synthetic_tear_down)

static uint64_t synthetic_random(uint32_t k, uint32_t g, uint32_t salt) {
  return lh_rng_at(7, LH_RNG_SIM, ((uint64_t)k << 16) | g, salt);
}

static struct lh_config *synthetic_config(const struct synthetic *s) {
  struct lh_buf text = LH_BUF_INIT(1 << 20);
  lh_buf_addf(&text, "run: {name: gateway-overnight, duration: %llums, interval: %llums, seed: 42, endings_max: %llu}\n",
              (unsigned long long)(s->intervals * s->interval_ns / LH_NS_PER_MS),
              (unsigned long long)(s->interval_ns / LH_NS_PER_MS),
              (unsigned long long)(s->endings_max ? s->endings_max : LH_ENDING_ROWS_MAX));
  lh_buf_addstr(&text, "targets:\n  gateway:\n    url: wss://gateway.example.test/ws\n    headers: {Authorization: \"Bearer "
                       "secret-token\"}\ngroups:\n");
  for (uint32_t g = 0; g < s->groups; g++)
    lh_buf_addf(&text, "  %s: {kind: websocket, target: gateway, connections: %u, ramp: {over: 5m}}\n", synthetic_names[g],
                s->clients);
  if (s->slo) lh_buf_addstr(&text, s->slo);
  struct lh_config *config = NULL;
  struct lh_diagnostics diagnostics = {0};
  struct lh_load_args args = {.path = "night.yaml", .text = text.data};
  if (lh_config_load(&args, &config, &diagnostics)) fail_msg("%s", diagnostics.count ? diagnostics.items[0] : "config");
  lh_diagnostics_free(&diagnostics);
  lh_buf_free(&text);
  return config;
}

static void synthetic_end(struct lh_store *store, struct lh_snapshot *now, const struct lh_ending *ending, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) lh_snapshot_tally(now, ending);
  if (count) assert_int_equal(lh_store_ending(store, ending, count, NULL), 0);
}

/* Drops of one interval: single ones by close frame, the storm by RST within 0.4 s. */
static uint32_t synthetic_drops(const struct synthetic *s, struct lh_store *store, struct lh_snapshot *now, uint32_t k,
                                uint32_t g, struct synthetic_group *state, uint64_t at_ns) {
  struct lh_ending e = {.stage = LH_STAGE_OPEN, .group = (uint16_t)g, .nth = 1};
  e.open_ns = lh_rng_below(synthetic_random(k, g, 3), 7200) * LH_NS_PER_S;
  e.idle_ns = lh_rng_below(synthetic_random(k, g, 4), 10000) * LH_NS_PER_MS;
  if (s->storm_at && k == s->storm_at && state->open) {
    uint32_t all = state->open, each = all / 4 + 1;
    e.reason = LH_REASON_RST;
    for (uint32_t done = 0; done < all; done += each) {
      e.at_ns = at_ns + (done / each) * 100 * LH_NS_PER_MS;
      synthetic_end(store, now, &e, all - done < each ? all - done : each);
    }
    return all;
  }
  uint64_t word = synthetic_random(k, g, 1);
  if (state->open < s->clients || word % 97 != 0) return 0;
  e.reason = word % 2 ? LH_REASON_CLOSE_FRAME : LH_REASON_FIN;
  e.code = e.reason == LH_REASON_CLOSE_FRAME ? 1012 : 0;
  e.at_ns = at_ns;
  if (e.code && s->close_text) snprintf(e.text, sizeof e.text, "%s", s->close_text);
  synthetic_end(store, now, &e, 1);
  return 1;
}

static void synthetic_messages(const struct synthetic *s, struct lh_snapshot *now, uint32_t k, uint32_t g, uint64_t open,
                               uint64_t down) {
  uint64_t *c = now->counters, seconds = s->interval_ns / LH_NS_PER_S ? s->interval_ns / LH_NS_PER_S : 1;
  uint64_t sent = open * seconds / 10, lost = synthetic_random(k, g, 2) % 500 == 0 && sent ? 1 : 0;
  c[LH_COUNTER_messages_planned] += sent + down;
  c[LH_COUNTER_messages_sent] += sent;
  c[LH_COUNTER_skipped_not_open] += down;
  c[LH_COUNTER_replied] += sent - lost;
  c[LH_COUNTER_lost] += lost;
  c[LH_COUNTER_bytes_sent] += sent * 48;
  c[LH_COUNTER_bytes_received] += (sent - lost) * 48;
  enum { SAMPLES = 24 };
  for (uint32_t i = 0; i < SAMPLES && sent; i++) {
    uint64_t n = (sent - lost) / SAMPLES + (i < (sent - lost) % SAMPLES);
    double u = lh_rng_unit(synthetic_random(k, g, 10 + i)), wave = 1 + 0.25 * sin((double)k / 300);
    uint64_t service = (uint64_t)(wave * 18000 * exp(1.1 * u * u * u * u) + 4000 * u + (u > 0.99 ? 150000 : 0));
    if (k >= s->slow_from && k < s->slow_until) service += 400000;
    if (!n) continue;
    lh_hdr_record_n(&now->hists[LH_HIST_service], service, n);
    lh_hdr_record_n(&now->hists[LH_HIST_send_lateness], 90 + i * 4, n);
    lh_hdr_record_n(&now->hists[LH_HIST_response], service + 90 + i * 4, n);
    lh_hdr_record(&now->hists[LH_HIST_rtt], 900 + i * 30);
  }
}

static void synthetic_open(struct lh_snapshot *now, uint32_t count, bool again, uint64_t outage_us) {
  uint64_t *c = now->counters;
  c[LH_COUNTER_attempts] += count;
  c[LH_COUNTER_opened] += count;
  if (again) c[LH_COUNTER_reconnects] += count;
  for (uint32_t i = 0; i < count; i++) {
    lh_hdr_record(&now->hists[LH_HIST_tcp], 700 + i % 50);
    lh_hdr_record(&now->hists[LH_HIST_tls], 9000 + i % 900);
    lh_hdr_record(&now->hists[LH_HIST_upgrade], 2000 + i % 100);
    lh_hdr_record(&now->hists[LH_HIST_connect_total], 11700 + i % 1000);
    if (again) lh_hdr_record(&now->hists[LH_HIST_outage], outage_us + i % 1000 * 1000);
  }
}

static void synthetic_interval(const struct synthetic *s, struct lh_store *store, struct lh_snapshot *now, uint32_t k,
                               uint32_t g, struct synthetic_group *state) {
  uint64_t *c = now->counters, at_ns = SYNTHETIC_START_NS + k * s->interval_ns + s->interval_ns / 3;
  bool last = k + 1 == s->intervals;
  uint64_t ramp_ns =
      300 * LH_NS_PER_S < s->intervals * s->interval_ns / 4 ? 300 * LH_NS_PER_S : s->intervals * s->interval_ns / 4;
  uint64_t target = (k + 1) * s->interval_ns >= ramp_ns ? s->clients : s->clients * ((k + 1) * s->interval_ns) / ramp_ns;
  uint32_t released = s->clients - state->never_started, fresh = target > released ? (uint32_t)target - released : 0;
  synthetic_open(now, fresh, false, 0);
  state->never_started -= fresh;
  state->open += fresh;
  uint32_t back = state->waiting > s->clients / 3 ? s->clients / 3 : state->waiting, refused = state->waiting - back;
  struct lh_ending e = {
      .stage = LH_STAGE_CONNECT, .reason = LH_REASON_REFUSED, .code = 111, .group = (uint16_t)g, .at_ns = at_ns, .nth = 2};
  synthetic_end(store, now, &e, refused);
  c[LH_COUNTER_attempts] += refused;
  c[LH_COUNTER_connect_failures] += refused;
  c[LH_COUNTER_ended] += refused;
  synthetic_open(now, back, true, (state->waiting > back ? 1500 : 4100) * 1000);
  state->waiting -= back;
  state->open += back;
  uint64_t wanted = s->clients - state->never_started;
  uint32_t drops = last ? 0 : synthetic_drops(s, store, now, k, g, state, at_ns);
  state->open -= drops;
  state->waiting += drops;
  c[LH_COUNTER_drops] += drops;
  c[LH_COUNTER_ended] += drops;
  c[LH_COUNTER_ended_open] += drops;
  const uint64_t interval_us = s->interval_ns / LH_NS_PER_US;
  c[LH_COUNTER_wanted_us] += wanted * interval_us;
  c[LH_COUNTER_open_us] += state->open * interval_us + drops * (interval_us / 3);
  synthetic_messages(s, now, k, g, state->open, state->waiting);
  if (last && s->finish) {
    struct lh_ending end = {
        .stage = LH_STAGE_CLOSING, .reason = LH_REASON_SHUTDOWN, .group = (uint16_t)g, .at_ns = at_ns, .nth = 1};
    synthetic_end(store, now, &end, state->open);
    c[LH_COUNTER_ended] += state->open;
    c[LH_COUNTER_ended_open] += state->open;
    state->finished = state->open + state->waiting;
    state->open = state->waiting = 0;
  }
  uint64_t *gauges = now->gauges;
  gauges[LH_GAUGE_clients] = s->clients;
  gauges[LH_GAUGE_never_started] = state->never_started;
  gauges[LH_GAUGE_open] = state->open;
  gauges[LH_GAUGE_waiting] = state->waiting;
  gauges[LH_GAUGE_finished] = state->finished;
  gauges[LH_GAUGE_wanted] = state->finished ? 0 : wanted;
}

static uint64_t synthetic_share(uint64_t n, uint32_t tick, uint32_t ticks) {
  return n * (tick + 1) / ticks - n * tick / ticks;
}

/* What the interval holds, spread evenly over its ticks; its drops all fall into the one that is a third into it. */
static void synthetic_seconds(const struct synthetic *s, struct lh_store *store, const struct lh_snapshot *now, uint32_t k,
                              uint32_t g, uint64_t open) {
  const uint64_t *c = now->counters;
  uint32_t ticks = lh_ticks_each(s->interval_ns);
  if (c[LH_COUNTER_attempts] == 0 && c[LH_COUNTER_drops] == 0) return;
  for (uint32_t tick = 0; tick < ticks; tick++) {
    struct lh_second second = {.from_ns = SYNTHETIC_START_NS + k * s->interval_ns + tick * (s->interval_ns / ticks),
                               .attempts = synthetic_share(c[LH_COUNTER_attempts], tick, ticks),
                               .opened = synthetic_share(c[LH_COUNTER_opened], tick, ticks),
                               .failed = synthetic_share(c[LH_COUNTER_connect_failures], tick, ticks),
                               .drops = tick == ticks / 3 ? c[LH_COUNTER_drops] : 0};
    open += second.opened - second.drops;
    second.open = open;
    assert_int_equal(lh_store_second(store, g, &second, NULL), 0);
  }
}

static void synthetic_health(const struct synthetic *s, struct lh_store *store, uint32_t k) {
  uint64_t from_ns = SYNTHETIC_START_NS + k * s->interval_ns;
  struct lh_worker_health health = {.from_ns = from_ns,
                                    .until_ns = from_ns + s->interval_ns,
                                    .rss_bytes = 40000000 + k * 16,
                                    .engine_bytes = 9000000,
                                    .cpu_user_us = s->interval_ns / 8000,
                                    .cpu_system_us = s->interval_ns / 9000 + k % 7 * s->interval_ns / 100000,
                                    .loop_lag_max_us = 400 + synthetic_random(k, 0, 5) % 2500,
                                    .turns = 1000,
                                    .descriptors = s->clients * s->groups + 20,
                                    .clients = s->clients * s->groups};
  if (s->late_at && k == s->late_at) health.loop_lag_max_us = 350000;
  if (s->held_at && k == s->held_at) health.in_flight_full = 7, health.no_memory = 2;
  struct lh_host_sample host = {.cpu_busy_us = 1000000 + k * (s->interval_ns / 2500),
                                .cpu_total_us = 9000000 + k * (s->interval_ns / 500),
                                .cpu_steal_us = k * 100,
                                .mem_available_bytes = UINT64_C(5000000000) - k * 1000,
                                .mem_total_bytes = UINT64_C(8000000000),
                                .sockets_used = 900,
                                .tcp_in_use = s->clients * s->groups,
                                .tcp_time_wait = k % 50,
                                .files_open = 9000,
                                .tcp_retransmits = 10 + k / 3,
                                .tcp_out_segments = 1000 + k * 500,
                                .net_bytes_in = k * 100000,
                                .net_bytes_out = k * 90000};
  assert_int_equal(lh_store_worker(store, k, 0, &health, NULL), 0);
  assert_int_equal(lh_store_host(store, k, &host, NULL), 0);
}

static void synthetic_event(const struct synthetic *s, struct lh_store *store, uint32_t k, enum lh_event_kind kind,
                            const char *text) {
  assert_int_equal(lh_store_event(store, SYNTHETIC_START_NS + k * s->interval_ns, kind, LH_NO_GROUP, text, NULL, NULL), 0);
}

static const struct lh_ladder synthetic_ladder = {
    .count = 4,
    .rungs = {{.limit = LH_LIMIT_PORT_RANGE,
               .clients = 28232,
               .value = "32768 to 60999, 28,232 ports",
               .detail = "from one source address to one destination",
               .remedies = {{.kind = LH_REMEDY_SYSCTL, .text = "sysctl -w \"net.ipv4.ip_local_port_range=1024 65535\""}},
               .remedy_count = 1},
              {.limit = LH_LIMIT_MEMORY, .clients = 400000, .value = "4 GiB available", .estimated = true},
              {.limit = LH_LIMIT_NOFILE, .clients = 1048552, .value = "1,048,576 a process"},
              {.limit = LH_LIMIT_CPU, .clients = LH_ANY, .value = "2", .soft = true, .estimated = true}}};

static void synthetic_write(struct synthetic *s) {
  struct lh_config *config = synthetic_config(s);
  struct lh_run_facts facts = {.id = "00c0ffee00c0ffee",
                               .version = "0.1.0",
                               .command_line = "longhaul run night.yaml",
                               .config = config,
                               .shard = 1,
                               .shards = 1,
                               .workers = 1,
                               .start_ns = SYNTHETIC_START_NS,
                               .start_wall_us = SYNTHETIC_WALL_US,
                               .ladder = &synthetic_ladder};
  struct lh_store *store = NULL;
  struct lh_err err = {0};
  if (lh_store_create(&store, s->folder, &facts, &err)) fail_msg("%s", err.text);
  snprintf(s->path, sizeof s->path, "%s", lh_store_path(store));
  s->totals = calloc(s->groups, sizeof *s->totals);
  struct lh_snapshot *now = calloc(s->groups, sizeof *now);
  struct synthetic_group *state = calloc(s->groups, sizeof *state);
  for (uint32_t g = 0; g < s->groups; g++) {
    lh_snapshot_init(&s->totals[g]);
    lh_snapshot_init(&now[g]);
    state[g].never_started = s->clients;
  }
  synthetic_event(s, store, 0, LH_EVENT_RUN_STARTED, "the run started");
  for (uint32_t k = 0; k < s->intervals; k++) {
    for (uint32_t g = 0; g < s->groups; g++) {
      lh_snapshot_next(&now[g]);
      uint64_t open = state[g].open;
      synthetic_interval(s, store, &now[g], k, g, &state[g]);
      synthetic_seconds(s, store, &now[g], k, g, open);
      if (lh_store_interval(store, k, g, &now[g], &err)) fail_msg("%s", err.text);
      assert_int_equal(lh_snapshot_merge_later(&s->totals[g], &now[g]), 0);
    }
    synthetic_health(s, store, k);
    if (k == s->intervals / 2) synthetic_event(s, store, k, LH_EVENT_MARK, "deployed v2 <b>bold</b>");
    assert_int_equal(lh_store_commit(store, &err), 0);
  }
  uint64_t end_ns = SYNTHETIC_START_NS + s->intervals * s->interval_ns;
  if (s->finish &&
      lh_store_finish(store, s->how, end_ns, SYNTHETIC_WALL_US + (int64_t)(s->intervals * s->interval_ns / 1000), &err))
    fail_msg("%s", err.text);
  lh_store_close(store);
  for (uint32_t g = 0; g < s->groups; g++) lh_snapshot_free(&now[g]);
  free(now);
  free(state);
  lh_config_free(config);
}

static void synthetic_free(struct synthetic *s) {
  for (uint32_t g = 0; s->totals && g < s->groups; g++) lh_snapshot_free(&s->totals[g]);
  free(s->totals);
  s->totals = NULL;
}

#endif
