/* Worlds in which anything that an adapter may report happens, in any order, at any time: what the tests of such worlds share.
 *
 * A world's own part is its plan, its adapter and what only it can check; it keeps its own state beside struct chaos.
 * LH_CHAOS_SEED replays one run. */
#ifndef LH_TESTS_UNIT_CONN_CHAOS_H
#define LH_TESTS_UNIT_CONN_CHAOS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/conn/engine.h"

#define SEC LH_NS_PER_S
#define PAYLOAD(text) .payload = (char[]){text}, .payload_len = sizeof(text) - 1

enum { GROUPS = 3 };
static char name[] = "chaos";

struct chaos {
  const struct chaos_world *world;
  uint64_t seed, drawn, now, stopped_ns;
  struct lh_engine *engine;
  struct lh_snapshot totals[GROUPS];
  uint64_t connects, sends, endings, endings_expected; /* the adapter's own counts */
};

struct chaos_world {
  struct lh_group (*group_of)(uint32_t n);
  struct lh_run_config run; /* but for the seed */
  enum lh_kind_id kind;
  struct lh_io io;                  /* its context is the chaos */
  const struct lh_login_io *logins; /* may be NULL */
  lh_ending_sink *sink;             /* its context, too */
  uint32_t clients, steps, seeds;   /* clients of each group; seeds tried, from 1 */
  uint64_t pause_ns_max;
  bool has_old_readings;          /* of the clock, now and then */
  void (*clear)(void);            /* its own state, before a run */
  void (*act)(struct chaos *c);   /* one event, or none */
  void (*check)(struct chaos *c); /* beyond the books of connections */
  void (*check_end)(struct chaos *c);
};

static inline uint64_t draw(struct chaos *c, uint64_t n) {
  return lh_rng_below(lh_rng_at(c->seed, LH_RNG_SIM, 1, c->drawn++), n);
}

/* Of all groups. */
static inline uint64_t sum(const struct chaos *c, enum lh_counter_id id) {
  uint64_t all = 0;
  for (int g = 0; g < GROUPS; g++) all += c->totals[g].counters[id];
  return all;
}

/* What both worlds' groups have in common; the rest is the world's. */
static inline struct lh_group chaos_group(uint32_t clients, struct lh_stage_point *all_at_once) {
  return (struct lh_group){
      .name = name,
      .connections = clients,
      .ramp = {all_at_once, 1},
      .connect_timeout_ns = 4 * SEC,
      .tls_timeout_ns = 2 * SEC,
      .upgrade_timeout_ns = 3 * SEC,
      .message_max = LH_REPLY_BYTES_MAX,
  };
}

static inline void chaos_pass_time(struct chaos *c) {
  const uint64_t next = lh_engine_next_ns(c->engine);
  const bool exact = draw(c, 2) && next != LH_NEVER && next > c->now;
  c->now = exact ? next : c->now + draw(c, draw(c, 500) == 0 ? c->world->pause_ns_max : SEC / 50);
  const bool is_old = c->world->has_old_readings && draw(c, 16) == 0;
  lh_engine_turn(c->engine, is_old ? c->now - draw(c, SEC) : c->now); /* an old reading must do no harm */
}

static inline void chaos_check(struct chaos *c) {
  struct lh_err err = {0};
  for (uint32_t g = 0; g < GROUPS; g++) {
    struct lh_snapshot *slice = lh_engine_snapshot(c->engine, g, c->now);
    assert_int_equal(lh_snapshot_merge_later(&c->totals[g], slice), 0);
    lh_snapshot_next(slice);
    if (lh_snapshot_check(&c->totals[g], &err) < 0) fail_msg("group %u: %s", g, err.text);
    assert_true(c->totals[g].gauges[LH_GAUGE_wanted] <= c->world->clients);
  }
  assert_int_equal(c->endings, c->endings_expected);
  assert_int_equal(sum(c, LH_COUNTER_ended), c->endings);
  assert_int_equal(sum(c, LH_COUNTER_attempts), c->connects);
  const uint64_t sent = sum(c, LH_COUNTER_messages_sent); /* what went out twice is counted once */
  assert_in_range(c->sends, sent, sent + sum(c, LH_COUNTER_stale_keepalive) + sum(c, LH_COUNTER_redirects_followed));
  c->world->check(c);
}

static inline void chaos_wind_down(struct chaos *c) {
  c->stopped_ns = c->now;
  lh_engine_stop(c->engine, c->now);
  for (int i = 0; i < 100000 && !lh_engine_done(c->engine); i++) {
    c->world->act(c);
    chaos_pass_time(c);
    chaos_check(c);
  }
  assert_true(lh_engine_done(c->engine));
  for (uint32_t g = 0; g < GROUPS; g++)
    assert_int_equal(c->totals[g].gauges[LH_GAUGE_in_flight] + c->totals[g].gauges[LH_GAUGE_pending], 0);
  if (c->world->check_end) c->world->check_end(c);
}

static inline void chaos_run(const struct chaos_world *world, uint64_t seed) {
  static struct chaos c;
  c = (struct chaos){.world = world, .seed = seed, .now = 777 * SEC};
  world->clear();
  struct lh_group groups[GROUPS] = {world->group_of(0), world->group_of(1), world->group_of(2)};
  struct lh_config config = {.groups = groups, .group_count = GROUPS, .run = world->run};
  config.run.seed = seed;
  struct lh_io io = world->io;
  io.context = &c;
  struct lh_engine_args args = {.config = &config,
                                .slice = {0, 1},
                                .run_id = seed,
                                .start_ns = c.now,
                                .workers = 1,
                                .logins = world->logins,
                                .ending_sink = world->sink,
                                .ending_context = &c};
  args.io[world->kind] = &io;
  struct lh_err err = {0};
  if (lh_engine_new(&c.engine, &args, &err) < 0) fail_msg("%s", err.text);
  for (int g = 0; g < GROUPS; g++) lh_snapshot_init(&c.totals[g]);
  for (uint32_t i = 0; i < world->steps; i++) {
    world->act(&c);
    if (draw(&c, 4) == 0) chaos_pass_time(&c);
    if (draw(&c, 16) == 0) chaos_check(&c);
  }
  chaos_wind_down(&c);
  for (int g = 0; g < GROUPS; g++) lh_snapshot_free(&c.totals[g]);
  lh_engine_free(c.engine);
}

static inline void anything_may_come(void **state) {
  const struct chaos_world *world = *state;
  const char *replay = getenv("LH_CHAOS_SEED");
  const uint64_t first = replay ? strtoull(replay, NULL, 10) : 1, last = replay ? first : world->seeds;
  for (uint64_t seed = first; seed <= last; seed++) {
    print_message("seed %llu\n", (unsigned long long)seed);
    chaos_run(world, seed);
  }
}

/* The whole of a test program. */
static inline int chaos_test(struct chaos_world *world) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(anything_may_come, world)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
