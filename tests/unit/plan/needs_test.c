#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

#define S LH_NS_PER_S

static struct lh_stage_point at_once[] = {{0, 5000}};
static struct lh_stage_point over_5m[] = {{0, 0}, {300 * S, 6000}};
static struct lh_stage_point up_and_down[] = {{0, 0}, {100 * S, 1000}, {200 * S, 0}};
static struct lh_stage_point down_and_up[] = {{0, 1000}, {100 * S, 0}, {200 * S, 1000}};
static struct lh_stage_point late[] = {{0, 0}, {100 * S, 0}, {200 * S, 1000}};
static struct lh_stage_point spike[] = {{0, 0}, {100 * S, 100}, {100 * S, 0}};

static char name[] = "g";
static struct lh_target targets[] = {{.name = name}, {.name = name, .tls_scheme = true}}; /* plain, and TLS */

static struct lh_group group_of(uint32_t target, struct lh_stage_point *points, size_t count) {
  struct lh_group group = {.name = name, .target = target, .ramp = {points, count}};
  for (size_t i = 0; i < count; i++)
    if (points[i].connections > group.connections) group.connections = points[i].connections;
  return group;
}

static struct lh_config config_of(struct lh_group *groups, size_t count) {
  return (struct lh_config){
      .run = {.duration_ns = 3600 * S}, .targets = targets, .target_count = 2, .groups = groups, .group_count = count};
}

static void clients_are_those_of_the_highest_moment(void **state) {
  (void)state;
  struct lh_group g[] = {group_of(0, up_and_down, 3), group_of(1, down_and_up, 3)};
  struct lh_config c = config_of(g, 2);
  struct lh_plan_needs needs = lh_plan_needs(&c);
  assert_int_equal(needs.clients, 1000); /* and not 2,000: one goes up while the other goes down */
  assert_int_equal(needs.tls_clients, 1000);
  assert_int_equal(needs.sockets, 1000);
  c.run.duration_ns = 50 * S;
  g[1].ramp.count = 0;
  assert_int_equal(lh_plan_needs(&c).clients, 500); /* the run ends half way up */
  g[0] = group_of(0, spike, 3);
  c.run.duration_ns = 3600 * S;
  assert_int_equal(lh_plan_needs(&c).clients, 100); /* gone again in the instant of the bend */
}

static void null_clients_take_no_socket(void **state) {
  (void)state;
  struct lh_group g[] = {group_of(0, at_once, 1), group_of(LH_NO_TARGET, at_once, 1)};
  g[1].kind = LH_KIND_NULL;
  struct lh_config c = config_of(g, 2);
  struct lh_plan_needs needs = lh_plan_needs(&c);
  assert_int_equal(needs.clients, 10000);
  assert_int_equal(needs.sockets, 5000);
  assert_int_equal(needs.tls_clients, 0);
}

/* Logins that have connections of their own take sockets beside the clients'. */
static void logins_take_sockets(void **state) {
  (void)state;
  static const struct {
    struct lh_login_config login;
    uint64_t sockets;
  } rows[] = {
      {{.enabled = true, .per = LH_LOGIN_PER_GROUP}, 5001},
      {{.enabled = true, .per = LH_LOGIN_PER_CLIENT}, 5000 + 2000}, /* as many as may be connecting */
      {{.enabled = true, .per = LH_LOGIN_PER_CLIENT, .phase = LH_PHASE_TOGETHER}, 10000},
      {{.enabled = true, .per = LH_LOGIN_PER_CLIENT, .shares_connection = true}, 5000},
      {{.enabled = false, .per = LH_LOGIN_PER_CLIENT}, 5000},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lh_group g[] = {group_of(0, at_once, 1)};
    g[0].login = rows[i].login;
    struct lh_config c = config_of(g, 1);
    assert_int_equal(lh_plan_needs(&c).sockets, rows[i].sockets);
  }
}

static void messages_and_bytes_add_up(void **state) {
  (void)state;
  char echo[] = "{\"id\":\"${token}\"}";
  struct lh_message m[] = {
      {.every_ns = 10 * S, .source = LH_PAYLOAD_TEXT, .payload = echo, .payload_len = strlen(echo)},
      {.every_ns = 5 * S, .source = LH_PAYLOAD_SIZE, .payload_len = 1000},
      {.every_ns = 0, .after = LH_AFTER_OPEN, .source = LH_PAYLOAD_SIZE, .payload_len = 1000}, /* once: no rate */
      {.every_ns = 0, .after = LH_AFTER_REPLY, .source = LH_PAYLOAD_SIZE, .payload_len = 1000},
  };
  struct lh_group g = group_of(0, at_once, 1);
  struct lh_config c = config_of(&g, 1);
  g.messages = m;
  g.message_count = 3;
  struct lh_plan_needs needs = lh_plan_needs(&c);
  assert_float_equal(needs.messages_per_second, 1500, 1e-6);
  assert_float_equal(needs.bytes_per_second_out, 500 * (9 + 26) + 1000 * 1000, 1e-3);
  assert_int_equal(needs.closed_loop_clients, 0);
  m[0].source = LH_PAYLOAD_FILE; /* a text from a file has variables too, bytes from one have none */
  assert_float_equal(lh_plan_needs(&c).bytes_per_second_out, needs.bytes_per_second_out, 0);
  m[0].binary = true;
  assert_float_equal(lh_plan_needs(&c).bytes_per_second_out, 500 * 17 + 1000 * 1000, 1e-3);
  g.message_count = 4;
  needs = lh_plan_needs(&c);
  assert_float_equal(needs.messages_per_second, 1500, 1e-6);
  assert_int_equal(needs.closed_loop_clients, 5000);
}

static void connects_are_those_of_the_steepest_part(void **state) {
  (void)state;
  struct lh_group g[] = {group_of(0, over_5m, 2), group_of(0, over_5m, 2)};
  struct lh_config c = config_of(g, 2);
  assert_float_equal(lh_plan_needs(&c).connects_per_second, 40, 1e-6);
  g[0] = group_of(0, up_and_down, 3);
  assert_float_equal(lh_plan_needs(&c).connects_per_second, 30, 1e-6);
  g[0] = group_of(0, late, 3);
  assert_float_equal(lh_plan_needs(&c).connects_per_second, 30, 1e-6); /* 10 a second over its own part, from 100 s to 200 s */
  g[0] = group_of(0, at_once, 1);
  assert_float_equal(lh_plan_needs(&c).connects_per_second, 5000, 1e-6); /* the cap */
  c.run.connect_rate = 25;
  assert_float_equal(lh_plan_needs(&c).connects_per_second, 25, 1e-6);
}

/* What a target's connections_max holds back is wanted, but takes no socket, sends nothing and is no connect. */
static void a_target_lets_no_more_in(void **state) {
  (void)state;
  struct lh_message m = {.every_ns = 10 * S, .source = LH_PAYLOAD_SIZE, .payload_len = 100};
  struct lh_group g[] = {group_of(0, at_once, 1), group_of(0, at_once, 1), group_of(1, at_once, 1)};
  for (size_t i = 0; i < 3; i++) g[i].messages = &m, g[i].message_count = 1;
  struct lh_config c = config_of(g, 3);
  c.run.connect_rate = 1e9;
  targets[0].connections_max = 1000;
  struct lh_plan_needs needs = lh_plan_needs(&c);
  assert_int_equal(needs.wanted, 15000);
  assert_int_equal(needs.clients, 6000);
  assert_int_equal(needs.tls_clients, 5000);
  assert_int_equal(needs.sockets, 6000);
  assert_float_equal(needs.messages_per_second, 600, 1e-6);
  assert_float_equal(needs.bytes_per_second_out, 60000, 1e-3);
  assert_float_equal(needs.connects_per_second, 6000, 1e-6);
  assert_float_equal(lh_plan_let_in(&c, &g[0]), 0.1, 1e-9);
  assert_float_equal(lh_plan_let_in(&c, &g[2]), 1, 0);
  targets[0].connect_rate = 40;
  assert_float_equal(lh_plan_needs(&c).connects_per_second, 5040, 1e-6);
  targets[0].connections_max = 20000; /* more than there are */
  needs = lh_plan_needs(&c);
  assert_int_equal(needs.clients, needs.wanted);
  g[0] = group_of(0, up_and_down, 3); /* 1,000 at 100 s, of which 600 are let in */
  c.group_count = 1;
  targets[0].connect_rate = 0;
  targets[0].connections_max = 600;
  needs = lh_plan_needs(&c);
  assert_int_equal(needs.clients, 600);
  assert_float_equal(needs.connects_per_second, 10, 1e-6);
  targets[0].connections_max = 0;
}

static void caps_are_the_config_s_or_by_kind(void **state) {
  (void)state;
  struct lh_group g[] = {group_of(0, at_once, 1), group_of(1, at_once, 1)};
  struct lh_config c = config_of(g, 1);
  assert_float_equal(lh_plan_connect_rate(&c), 5000, 0);
  c.group_count = 2;
  assert_float_equal(lh_plan_connect_rate(&c), 500, 0);
  c.run.connect_rate = 77.5;
  assert_float_equal(lh_plan_connect_rate(&c), 77.5, 0);
  assert_int_equal(lh_plan_connecting_max(&c), 2000);
  c.run.connecting_max = 9;
  assert_int_equal(lh_plan_connecting_max(&c), 9);
}

static void workers_are_enough_and_not_more_than_useful(void **state) {
  (void)state;
  static const struct {
    uint32_t target, clients;
    double messages_per_second;
    uint32_t cores;
    uint64_t descriptors_each;
    uint32_t workers;
  } cases[] = {
      {0, 1000, 0, 8, 100000, 1},     {0, 18000, 1800, 1, 100000, 1}, {0, 18000, 1800, 2, 100000, 2},
      {0, 60000, 6000, 2, 19900, 4}, /* three would hold 59,700 */
      {0, 60000, 6000, 8, 100000, 6}, {0, 1000, 50000, 8, 100000, 3}, {0, 1000, 5e6, 8, 100000, 8},
      {1, 5000, 500, 8, 100000, 3},   {1, 1000, 100, 8, 100000, 1},   {1, 50000, 0, 4, 100000, 4},
      {0, 100, 10, 0, 100000, 1},     {0, 100, 10, 8, 0, 1},          {0, 100000, 10, 2, 10, LH_WORKERS_MAX},
      {0, 100000, 10, 2, 1000, 100},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_stage_point points[] = {{0, cases[i].clients}};
    struct lh_message m = {
        .every_ns = cases[i].messages_per_second > 0 ? (uint64_t)(1e9 * cases[i].clients / cases[i].messages_per_second) : 0};
    struct lh_group g = group_of(cases[i].target, points, 1);
    g.messages = &m;
    g.message_count = m.every_ns > 0;
    struct lh_config c = config_of(&g, 1);
    uint32_t workers = lh_plan_workers(&c, cases[i].cores, cases[i].descriptors_each);
    if (workers != cases[i].workers) fail_msg("case %zu: %u workers, expected %u", i, workers, cases[i].workers);
    c.run.workers = 7;
    assert_int_equal(lh_plan_workers(&c, cases[i].cores, cases[i].descriptors_each), 7);
  }
}

/* What one worker may get of many groups must fit as well, not only the average. */
static void no_worker_gets_more_than_its_descriptors(void **state) {
  (void)state;
  enum { GROUPS = 20, EACH = 50 };
  struct lh_stage_point points[] = {{0, 5}};
  struct lh_group g[GROUPS];
  for (int i = 0; i < GROUPS; i++) g[i] = group_of(0, points, 1);
  struct lh_config c = config_of(g, GROUPS); /* 100 clients: two workers on average, but three of each group go to one */
  uint32_t workers = lh_plan_workers(&c, 1, EACH), held = 0;
  assert_true(workers > 2);
  for (int i = 0; i < GROUPS; i++) held += lh_slice_count(lh_plan_slice(0, 1, 0, workers), 5);
  assert_true(held <= EACH);
}

static void a_closed_loop_gets_every_core(void **state) {
  (void)state;
  struct lh_stage_point points[] = {{0, 50}};
  struct lh_message m = {.after = LH_AFTER_REPLY};
  struct lh_group g = group_of(0, points, 1);
  g.messages = &m;
  g.message_count = 1;
  struct lh_config c = config_of(&g, 1);
  assert_int_equal(lh_plan_workers(&c, 4, 1000), 4);
  points[0].connections = g.connections = 3; /* a worker without a client is of no use */
  assert_int_equal(lh_plan_workers(&c, 4, 1000), 3);
}

static void an_empty_plan_needs_nothing(void **state) {
  (void)state;
  struct lh_config c = config_of(NULL, 0);
  assert_int_equal(lh_plan_needs(&c).clients, 0);
  assert_int_equal(lh_plan_workers(&c, 4, 1000), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clients_are_those_of_the_highest_moment),
      cmocka_unit_test(null_clients_take_no_socket),
      cmocka_unit_test(logins_take_sockets),
      cmocka_unit_test(messages_and_bytes_add_up),
      cmocka_unit_test(connects_are_those_of_the_steepest_part),
      cmocka_unit_test(a_target_lets_no_more_in),
      cmocka_unit_test(caps_are_the_config_s_or_by_kind),
      cmocka_unit_test(workers_are_enough_and_not_more_than_useful),
      cmocka_unit_test(no_worker_gets_more_than_its_descriptors),
      cmocka_unit_test(a_closed_loop_gets_every_core),
      cmocka_unit_test(an_empty_plan_needs_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
