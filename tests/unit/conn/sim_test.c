/* A simulated day of 100,000 clients of the null kind: ramps, messages, pings, drops, planned lifetimes and two storms. The
 * books balance exactly at every interval.
 *
 * LH_SIM_CLIENTS and LH_SIM_HOURS change the scale; under a sanitizer it is small by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/conn/engine.h"

#include "null_group.h"

#if defined(__SANITIZE_ADDRESS__)
enum { CLIENTS_PRESET = 2000, HOURS_PRESET = 24 };
#else
enum { CLIENTS_PRESET = 100000, HOURS_PRESET = 24 };
#endif

enum { GROUPS = 3, INTERVAL_S = 60 };
static const uint64_t minute = 60 * LH_NS_PER_S, hour = 3600 * LH_NS_PER_S;

static uint64_t scale(const char *name, uint64_t preset) {
  const char *text = getenv(name);
  return text ? strtoull(text, NULL, 10) : preset;
}

/* ---- the plan of the day ---- */

/* The config's strings are not const. */
#define NAME(text)                                                                                                             \
  (char[]) {                                                                                                                   \
    text                                                                                                                       \
  }
#define PAYLOAD(text) .payload = (char[]){text}, .payload_len = sizeof(text) - 1

static struct lh_message messages[] = {
    {.name = NAME("report"),
     .every_ns = 600 * LH_NS_PER_S,
     .jitter = 0.2,
     .until_ns = LH_NEVER,
     .source = LH_PAYLOAD_TEXT,
     PAYLOAD("{\"op\":\"report\",\"id\":\"${token}\",\"n\":${seq}}"),
     .reply = {.match = LH_MATCH_TOKEN, .within_ns = 5 * LH_NS_PER_S, .lost_after_ns = 60 * LH_NS_PER_S}},
    {.name = NAME("hello"),
     .after = LH_AFTER_OPEN,
     .until_ns = LH_NEVER,
     .source = LH_PAYLOAD_TEXT,
     PAYLOAD("hello"),
     .reply = {.match = LH_MATCH_NONE}},
};

static struct lh_message loop[] = {
    {.name = NAME("loop"),
     .after = LH_AFTER_REPLY,
     .delay_ns = 120 * LH_NS_PER_S,
     .until_ns = LH_NEVER,
     .source = LH_PAYLOAD_SIZE,
     .payload_len = 100,
     .binary = true,
     .reply = {.match = LH_MATCH_ECHO, .within_ns = 5 * LH_NS_PER_S, .lost_after_ns = 60 * LH_NS_PER_S}},
};

static char names[GROUPS][8] = {"chat", "idle", "loop"};

struct day {
  struct lh_stage_point up_down_up[6], flat[1];
  struct lh_group groups[GROUPS];
  struct lh_config config;
};

static void plan_day(struct day *day, uint64_t clients) {
  const uint32_t chat = (uint32_t)(clients * 7 / 10);
  const struct lh_stage_point points[6] = {{0, 0},
                                           {minute * 30, chat},
                                           {hour * 18, chat},
                                           {hour * 19, chat / 3},
                                           {hour * 20, chat / 3},
                                           {hour * 20 + minute * 10, chat}};
  for (int i = 0; i < 6; i++) day->up_down_up[i] = points[i];
  day->flat[0] = (struct lh_stage_point){0, (uint32_t)(clients * 3 / 10)};
  day->groups[0] = null_group(names[0], chat, (struct lh_ramp){day->up_down_up, 6});
  day->groups[0].messages = messages;
  day->groups[0].message_count = 2;
  day->groups[0].ping = (struct lh_ping_config){.every_ns = 30 * minute, .timeout_ns = 10 * LH_NS_PER_S};
  day->groups[0].null_drop_rate = 0.05;
  day->groups[1] = null_group(names[1], (uint32_t)(clients * 3 / 10 - 10), (struct lh_ramp){day->flat, 1});
  day->groups[1].ping = (struct lh_ping_config){.every_ns = 30 * minute, .timeout_ns = 10 * LH_NS_PER_S};
  day->groups[1].lifetime_ns = 6 * hour;
  day->groups[1].lifetime_jitter = 0.5;
  day->groups[1].null_drop_rate = 0.01;
  day->groups[2] = null_group(names[2], 10, (struct lh_ramp){day->flat, 1});
  day->groups[2].messages = loop;
  day->groups[2].message_count = 1;
  day->config = (struct lh_config){.groups = day->groups, .group_count = GROUPS};
  day->config.run = (struct lh_run_config){.seed = 7, .drain_ns = 5 * LH_NS_PER_S, .connect_rate = 2000, .connecting_max = 500};
}

/* ---- the day ---- */

struct sim {
  struct lh_engine *engine;
  struct lh_snapshot totals[GROUPS];
  uint64_t start_ns, now_ns;
  uint64_t endings; /* told to the sink */
  uint64_t storm_drops;
};

static void count_ending(void *context, const struct lh_ending *ending) {
  (void)ending;
  ++*(uint64_t *)context;
}

static void run_until(struct sim *sim, uint64_t until_ns) {
  uint64_t next = lh_engine_next_ns(sim->engine);
  while (next < until_ns) {
    sim->now_ns = next > sim->now_ns ? next : sim->now_ns + 1;
    next = lh_engine_turn(sim->engine, sim->now_ns);
  }
  sim->now_ns = until_ns;
}

/* Every open connection of one group ends at once. */
static void storm(struct sim *sim, uint32_t group) {
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_RST, .code = 104};
  for (uint32_t slot = 0; slot < lh_engine_client_count(sim->engine); slot++) {
    if (lh_engine_group_of(sim->engine, slot) != group || lh_engine_state_of(sim->engine, slot) != LH_CLIENT_OPEN) continue;
    lh_engine_on_ended(sim->engine, slot, &seen, sim->now_ns);
    sim->storm_drops++;
  }
}

static void check_books(const struct lh_snapshot *total, const char *whose) {
  struct lh_err err = {0};
  if (lh_snapshot_check(total, &err) < 0) fail_msg("%s: %s", whose, err.text);
}

static void close_interval(struct sim *sim, const struct day *day) {
  for (uint32_t g = 0; g < GROUPS; g++) {
    struct lh_snapshot *slice = lh_engine_snapshot(sim->engine, g, sim->now_ns);
    assert_int_equal(lh_snapshot_merge_later(&sim->totals[g], slice), 0);
    lh_snapshot_next(slice);
    check_books(&sim->totals[g], day->groups[g].name);
  }
}

static uint64_t counted(const struct sim *sim, uint32_t group, enum lh_counter_id id) {
  return sim->totals[group].counters[id];
}

static void check_day(const struct sim *sim, uint64_t hours) {
  struct lh_snapshot run;
  lh_snapshot_init(&run);
  for (uint32_t g = 0; g < GROUPS; g++) assert_int_equal(lh_snapshot_merge_beside(&run, &sim->totals[g]), 0);
  check_books(&run, "run");
  const uint64_t *c = run.counters;
  assert_int_equal(c[LH_COUNTER_ended], sim->endings);
  assert_int_equal(c[LH_COUNTER_attempts], sim->endings);
  assert_int_equal(c[LH_COUNTER_late] + c[LH_COUNTER_duplicate] + c[LH_COUNTER_corrupt] + c[LH_COUNTER_incoming], 0);
  assert_int_equal(run.hists[LH_HIST_response].count, c[LH_COUNTER_replied] + c[LH_COUNTER_skipped_charged]);
  assert_int_equal(run.hists[LH_HIST_lifetime].count, c[LH_COUNTER_ended_open]);
  assert_int_equal(run.hists[LH_HIST_idle_at_drop].count, c[LH_COUNTER_drops]);
  assert_true(c[LH_COUNTER_open_us] < c[LH_COUNTER_wanted_us]);
  assert_true((double)c[LH_COUNTER_open_us] > 0.99 * (double)c[LH_COUNTER_wanted_us]);
  /* The pretended drop rate comes out of the drops that were no storm. */
  double chat_hours = (double)counted(sim, 0, LH_COUNTER_open_us) / 3600e6;
  double drops = (double)(counted(sim, 0, LH_COUNTER_drops) - sim->storm_drops);
  if (hours >= 24) assert_true(drops / chat_hours > 0.045 && drops / chat_hours < 0.055);
  lh_snapshot_free(&run);
}

static void print_day(const struct sim *sim, double wall_s) {
  for (uint32_t g = 0; g < GROUPS; g++)
    print_message(
        "group %u: %llu attempts, %llu drops, %llu planned, %llu sent, %llu replied, %llu lost, %llu not open, %llu late\n", g,
        (unsigned long long)counted(sim, g, LH_COUNTER_attempts), (unsigned long long)counted(sim, g, LH_COUNTER_drops),
        (unsigned long long)counted(sim, g, LH_COUNTER_messages_planned),
        (unsigned long long)counted(sim, g, LH_COUNTER_messages_sent), (unsigned long long)counted(sim, g, LH_COUNTER_replied),
        (unsigned long long)counted(sim, g, LH_COUNTER_lost), (unsigned long long)counted(sim, g, LH_COUNTER_skipped_not_open),
        (unsigned long long)counted(sim, g, LH_COUNTER_skipped_late));
  print_message("%.1f s, %zu KiB\n", wall_s, lh_engine_bytes(sim->engine) / 1024);
}

static double wall_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void a_day_balances(void **state) {
  (void)state;
  const uint64_t hours = scale("LH_SIM_HOURS", HOURS_PRESET), start = 1000 * hour;
  static struct day day;
  plan_day(&day, scale("LH_SIM_CLIENTS", CLIENTS_PRESET));
  struct sim sim = {.start_ns = start, .now_ns = start};
  const struct lh_engine_args args = {.config = &day.config,
                                      .slice = {0, 1},
                                      .run_id = 99,
                                      .start_ns = start,
                                      .start_wall_us = 1800000000000000,
                                      .workers = 1,
                                      .ending_sink = count_ending,
                                      .ending_context = &sim.endings};
  struct lh_err err = {0};
  if (lh_engine_new(&sim.engine, &args, &err) < 0) fail_msg("%s", err.text);
  for (int g = 0; g < GROUPS; g++) lh_snapshot_init(&sim.totals[g]);

  double began = wall_s();
  for (uint64_t s = INTERVAL_S; s <= hours * 3600; s += INTERVAL_S) {
    run_until(&sim, start + s * LH_NS_PER_S);
    if (s == 6 * 3600 || s == 12 * 3600) storm(&sim, 0);
    close_interval(&sim, &day);
  }
  lh_engine_stop(sim.engine, sim.now_ns);
  while (!lh_engine_done(sim.engine)) run_until(&sim, sim.now_ns + LH_NS_PER_MS);
  close_interval(&sim, &day);
  print_day(&sim, wall_s() - began);
  check_day(&sim, hours);
  run_until(&sim, sim.now_ns + hour); /* timers that were left to come for nothing */
  assert_int_equal(lh_engine_next_ns(sim.engine), LH_NEVER);

  for (int g = 0; g < GROUPS; g++) lh_snapshot_free(&sim.totals[g]);
  lh_engine_free(sim.engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_day_balances),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
