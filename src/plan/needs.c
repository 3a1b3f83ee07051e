/* What the whole plan needs.
 *
 * Figures (measured on two cores with libwebsockets 4.1.6 over loopback, server beside us):
 *   a message costs a worker about 12 us, so 20,000/s is a quarter of a core, and lateness stays far below 1 ms
 *   18,000 plain clients are opened in 7 s; 10,000 a worker leave room for all of them to come back at once
 *   TLS: a handshake costs five to ten times a plain connect, so a TLS client counts as five; 1,000 handshakes/s overload
 *   two cores shared with the server, so with any TLS 500/s is the cap, else 5,000/s
 * The caps keep the tester from measuring itself; a config that knows better says `connect_rate`. */
#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"
#include "longhaul/plan/template.h"
#include "plan/ramp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_CONNECT_RATE 5000.0
#define TLS_CONNECT_RATE 500.0
#define WORKER_MESSAGE_RATE 20000.0

enum { CONNECTING_MAX = 2000, WORKER_CLIENTS = 10000, TLS_WEIGHT = 5 };

static bool is_tls(const struct lh_config *config, const struct lh_group *group) {
  return group->target < config->target_count && config->targets[group->target].tls_scheme;
}

/* ---- messages ---- */

/* Length of a text once its variables are filled in, with a client and a number of middling size. */
static double rendered_len(const struct lh_group *group, const struct lh_message *m) {
  bool has_variables = m->source == LH_PAYLOAD_TEXT || m->source == LH_PAYLOAD_HEX || (m->source == LH_PAYLOAD_FILE && !m->binary);
  struct lh_template *t;
  if (!has_variables || lh_template_compile_for(group, m->payload, m->payload_len, &t, NULL)) return (double)m->payload_len;
  struct lh_template_values values = {.tag = lh_token_tag(0),
                                      .token = {.client = group->connections / 2, .seq = 1000},
                                      .group_name = group->name,
                                      .time_ms = UINT64_C(1800000000000)};
  char *out = malloc(lh_template_size_max(t) + 1);
  double len = out ? (double)lh_template_render(t, &values, out) : (double)m->payload_len;
  free(out);
  lh_template_free(t);
  return len;
}

/* What one open client of the group sends, in messages and bytes a second. */
struct sending {
  double messages, bytes;
  bool closed_loop;
};

static struct sending group_sending(const struct lh_group *group) {
  struct sending sending = {0};
  for (size_t i = 0; i < group->message_count; i++) {
    const struct lh_message *m = &group->messages[i];
    if (m->after == LH_AFTER_REPLY) sending.closed_loop = true;
    if (m->after == LH_AFTER_REPLY || m->every_ns == 0) continue;
    double rate = (double)LH_NS_PER_S / (double)m->every_ns;
    sending.messages += rate;
    sending.bytes += rate * rendered_len(group, m);
  }
  return sending;
}

/* ---- the sum of all lines ---- */

/* Slope of a rising line just after now_ns, in clients a second. */
static double slope_after(const struct lh_ramp *ramp, uint64_t now_ns) {
  size_t next = lh_ramp_point_after(ramp, now_ns);
  if (next == 0 || next == ramp->count) return 0;
  const struct lh_stage_point *from = &ramp->points[next - 1], *to = &ramp->points[next];
  if (to->connections <= from->connections) return 0;
  return (double)(to->connections - from->connections) / ((double)(to->at_ns - from->at_ns) / (double)LH_NS_PER_S);
}

static uint64_t wanted_before(const struct lh_group *group, uint64_t now_ns) {
  return now_ns ? lh_plan_wanted(group, now_ns - 1) : 0;
}

static void raise_u64(uint64_t *most, uint64_t value) {
  if (value > *most) *most = value;
}

/* A login that does not go over the client's connection has one of its own, beside the client's when it is made again. */
static uint64_t login_sockets(const struct lh_config *config, const struct lh_group *group, uint64_t clients) {
  const struct lh_login_config *login = &group->login;
  if (!login->enabled || login->shares_connection) return 0;
  if (login->per == LH_LOGIN_PER_GROUP) return 1;
  uint64_t most = lh_plan_connecting_max(config);
  return login->phase == LH_PHASE_TOGETHER || clients < most ? clients : most;
}

/* Takes the sums at one instant into `needs`: just before it (`before`) or at it. */
static void sum_at(const struct lh_config *config, const struct sending *sending, uint64_t now_ns, bool before,
                   struct lh_plan_needs *needs) {
  struct lh_plan_needs sum = {0};
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_group *group = &config->groups[g];
    uint64_t was = wanted_before(group, now_ns), now = lh_plan_wanted(group, now_ns), clients = before ? was : now;
    sum.clients += clients;
    sum.tls_clients += is_tls(config, group) ? clients : 0;
    sum.sockets += group->kind == LH_KIND_NULL ? 0 : clients;
    sum.sockets += login_sockets(config, group, clients);
    sum.closed_loop_clients += sending[g].closed_loop ? clients : 0;
    sum.messages_per_second += sending[g].messages * (double)clients;
    sum.bytes_per_second_out += sending[g].bytes * (double)clients;
    if (before) continue;
    sum.connects_per_second += slope_after(&group->ramp, now_ns) + (now > was ? (double)(now - was) : 0);
  }
  raise_u64(&needs->clients, sum.clients);
  raise_u64(&needs->tls_clients, sum.tls_clients);
  raise_u64(&needs->sockets, sum.sockets);
  raise_u64(&needs->closed_loop_clients, sum.closed_loop_clients);
  needs->messages_per_second = fmax(needs->messages_per_second, sum.messages_per_second);
  needs->bytes_per_second_out = fmax(needs->bytes_per_second_out, sum.bytes_per_second_out);
  needs->connects_per_second = fmax(needs->connects_per_second, sum.connects_per_second);
}

/* The first bend of any line at or after from_ns. */
static uint64_t next_bend(const struct lh_config *config, uint64_t from_ns) {
  uint64_t next = LH_NEVER;
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_ramp *ramp = &config->groups[g].ramp;
    size_t i = from_ns ? lh_ramp_point_after(ramp, from_ns - 1) : 0;
    if (i < ramp->count && ramp->points[i].at_ns < next) next = ramp->points[i].at_ns;
  }
  return next;
}

/* Between two bends every line is straight, and so is their sum: its highest place is at a bend, or just before a step. */
struct lh_plan_needs lh_plan_needs(const struct lh_config *config) {
  struct lh_plan_needs needs = {0};
  uint64_t end = config->run.duration_ns ? config->run.duration_ns : LH_NEVER;
  struct sending sending[LH_GROUPS_MAX];
  for (size_t g = 0; g < config->group_count; g++) sending[g] = group_sending(&config->groups[g]);
  uint64_t at = next_bend(config, 0);
  for (; at < end; at = next_bend(config, at + 1)) {
    sum_at(config, sending, at, true, &needs);
    sum_at(config, sending, at, false, &needs);
  }
  if (end != LH_NEVER) sum_at(config, sending, end, true, &needs);
  needs.connects_per_second = fmin(needs.connects_per_second, lh_plan_connect_rate(config));
  return needs;
}

/* ---- what follows from it ---- */

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t most_of(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* How many workers the load makes useful, before descriptors are asked. */
static uint64_t useful_workers(const struct lh_plan_needs *needs, uint64_t cores) {
  if (needs->closed_loop_clients) return least(needs->closed_loop_clients, cores); /* as fast as the server answers */
  uint64_t weight = needs->clients + (TLS_WEIGHT - 1) * needs->tls_clients;
  double by_messages = fmin(ceil(needs->messages_per_second / WORKER_MESSAGE_RATE), (double)cores);
  return least(most_of((weight + WORKER_CLIENTS - 1) / WORKER_CLIENTS, (uint64_t)by_messages), cores);
}

/* Each group is dealt out from the first worker on, so that one may hold a client more of each group than another. */
static uint64_t workers_for_sockets(const struct lh_config *config, uint64_t sockets, uint64_t descriptors_each) {
  uint64_t uneven = 0;
  for (size_t g = 0; g < config->group_count; g++) uneven += config->groups[g].kind != LH_KIND_NULL;
  if (uneven) uneven--;
  uint64_t each = descriptors_each > uneven ? descriptors_each - uneven : 1;
  return (sockets + each - 1) / each;
}

uint32_t lh_plan_workers(const struct lh_config *config, uint32_t cores, uint64_t descriptors_each) {
  if (config->run.workers) return config->run.workers;
  struct lh_plan_needs needs = lh_plan_needs(config);
  uint64_t by_descriptors = descriptors_each ? workers_for_sockets(config, needs.sockets, descriptors_each) : 1;
  uint64_t workers = most_of(by_descriptors, useful_workers(&needs, cores ? cores : 1));
  return (uint32_t)least(most_of(workers, 1), LH_WORKERS_MAX);
}

double lh_plan_connect_rate(const struct lh_config *config) {
  if (config->run.connect_rate > 0) return config->run.connect_rate;
  for (size_t g = 0; g < config->group_count; g++)
    if (is_tls(config, &config->groups[g])) return TLS_CONNECT_RATE;
  return PLAIN_CONNECT_RATE;
}

uint32_t lh_plan_connecting_max(const struct lh_config *config) {
  return config->run.connecting_max ? config->run.connecting_max : CONNECTING_MAX;
}

uint64_t lh_plan_mass_drop(uint64_t configured, uint64_t clients) {
  enum { LEAST = 5, ENOUGH = 50 };
  if (configured) return configured;
  uint64_t enough = clients / 100 + 1;
  if (enough > ENOUGH) enough = ENOUGH;
  return enough < LEAST ? LEAST : enough;
}
