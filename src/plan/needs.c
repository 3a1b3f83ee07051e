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
  bool has_variables =
      m->source == LH_PAYLOAD_TEXT || m->source == LH_PAYLOAD_HEX || (m->source == LH_PAYLOAD_FILE && !m->binary);
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

struct lh_sending lh_plan_sending(const struct lh_group *group) {
  struct lh_sending sending = {0};
  for (size_t i = 0; i < group->message_count; i++) {
    const struct lh_message *m = &group->messages[i];
    if (m->after == LH_AFTER_REPLY) sending.closed_loop = true;
    if (m->after == LH_AFTER_REPLY || m->every_ns == 0) continue;
    double rate = (double)LH_NS_PER_S / (double)m->every_ns;
    sending.messages_per_second += rate;
    sending.bytes_per_second += rate * rendered_len(group, m);
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

/* ---- what targets let in ---- */

/* The part of so many clients on one target that its connections_max lets be connected at once. */
static double part_let_in(const struct lh_target *target, double clients) {
  return target && target->connections_max && clients > target->connections_max ? target->connections_max / clients : 1;
}

static const struct lh_target *target_of(const struct lh_config *config, const struct lh_group *group) {
  return group->kind != LH_KIND_NULL && group->target < config->target_count ? &config->targets[group->target] : NULL;
}

double lh_plan_let_in(const struct lh_config *config, const struct lh_group *group) {
  const struct lh_target *target = target_of(config, group);
  double clients = 0;
  for (size_t g = 0; target && g < config->group_count; g++)
    if (target_of(config, &config->groups[g]) == target) clients += config->groups[g].connections;
  return part_let_in(target, clients);
}

/* All groups on one target at one instant; the last place is for groups without one. */
struct crowd {
  const struct lh_target *target;
  double was, now; /* clients wanted just before it, and at it */
  double rises;    /* clients a second that come from then on, and those that come at once */
};

enum { CROWDS = LH_TARGETS_MAX + 1 };

static struct crowd *crowd_of(struct crowd *crowds, const struct lh_config *config, const struct lh_group *group) {
  struct crowd *crowd = &crowds[target_of(config, group) && group->target < LH_TARGETS_MAX ? group->target : LH_TARGETS_MAX];
  crowd->target = target_of(config, group);
  return crowd;
}

static void gather(struct crowd *crowds, const struct lh_config *config, uint64_t now_ns) {
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_group *group = &config->groups[g];
    struct crowd *crowd = crowd_of(crowds, config, group);
    uint64_t was = wanted_before(group, now_ns), now = lh_plan_wanted(group, now_ns);
    crowd->was += (double)was;
    crowd->now += (double)now;
    crowd->rises += slope_after(&group->ramp, now_ns) + (now > was ? (double)(now - was) : 0);
  }
}

/* A target that is full takes no more, whatever the ramp says. */
static double connects(const struct crowd *crowd) {
  const struct lh_target *target = crowd->target;
  double rate = crowd->rises;
  if (target && target->connections_max) rate = crowd->was >= target->connections_max ? 0 : fmin(rate, target->connections_max);
  return target && target->connect_rate > 0 ? fmin(rate, target->connect_rate) : rate;
}

/* ---- one instant ---- */

struct sums {
  double clients, tls_clients, sockets, closed_loop_clients, messages_per_second, bytes_per_second_out;
  uint64_t wanted;
};

static void add_group(struct sums *sums, const struct lh_config *config, const struct lh_group *group, double clients,
                      const struct lh_sending *sending) {
  sums->clients += clients;
  sums->tls_clients += is_tls(config, group) ? clients : 0;
  sums->sockets += group->kind == LH_KIND_NULL ? 0 : clients;
  sums->sockets += (double)login_sockets(config, group, (uint64_t)llround(clients));
  sums->closed_loop_clients += sending->closed_loop ? clients : 0;
  sums->messages_per_second += sending->messages_per_second * clients;
  sums->bytes_per_second_out += sending->bytes_per_second * clients;
}

static void raise_to(struct lh_plan_needs *needs, const struct sums *sums) {
  raise_u64(&needs->clients, (uint64_t)llround(sums->clients));
  raise_u64(&needs->wanted, sums->wanted);
  raise_u64(&needs->tls_clients, (uint64_t)llround(sums->tls_clients));
  raise_u64(&needs->sockets, (uint64_t)llround(sums->sockets));
  raise_u64(&needs->closed_loop_clients, (uint64_t)llround(sums->closed_loop_clients));
  needs->messages_per_second = fmax(needs->messages_per_second, sums->messages_per_second);
  needs->bytes_per_second_out = fmax(needs->bytes_per_second_out, sums->bytes_per_second_out);
}

/* Takes the sums at one instant into `needs`: just before it, and when `at` as well, at it. */
static void sum_at(const struct lh_config *config, const struct lh_sending *sending, uint64_t now_ns, bool at,
                   struct lh_plan_needs *needs) {
  struct crowd crowds[CROWDS] = {0};
  struct sums before = {0}, then = {0};
  gather(crowds, config, now_ns);
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_group *group = &config->groups[g];
    const struct crowd *crowd = crowd_of(crowds, config, group);
    uint64_t was = wanted_before(group, now_ns), now = lh_plan_wanted(group, now_ns);
    before.wanted += was;
    then.wanted += now;
    add_group(&before, config, group, (double)was * part_let_in(crowd->target, crowd->was), &sending[g]);
    add_group(&then, config, group, (double)now * part_let_in(crowd->target, crowd->now), &sending[g]);
  }
  raise_to(needs, &before);
  if (!at) return;
  raise_to(needs, &then);
  double rate = 0;
  for (size_t i = 0; i < CROWDS; i++) rate += connects(&crowds[i]);
  needs->connects_per_second = fmax(needs->connects_per_second, rate);
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

/* Between two bends every line is straight, and so is their sum: its highest place is at a bend, or just before a step. (The
 * sum of several targets of which one fills up between two bends may be higher at that instant; it is not looked for.) */
struct lh_plan_needs lh_plan_needs(const struct lh_config *config) {
  struct lh_plan_needs needs = {0};
  uint64_t end = config->run.duration_ns ? config->run.duration_ns : LH_NEVER;
  struct lh_sending sending[LH_GROUPS_MAX];
  for (size_t g = 0; g < config->group_count; g++) sending[g] = lh_plan_sending(&config->groups[g]);
  uint64_t at = next_bend(config, 0);
  for (; at < end; at = next_bend(config, at + 1)) sum_at(config, sending, at, true, &needs);
  if (end != LH_NEVER) sum_at(config, sending, end, false, &needs);
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
