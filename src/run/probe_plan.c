#include "run/probe_plan.h"

#include <inttypes.h>
#include <math.h>

#include "longhaul/plan/plan.h"
#include "longhaul/run/probe.h"
#include "longhaul/worker/worker.h"

enum { SECONDS_MAX = 60, HOLD_S = 2, SPARE_S = 10, TIMEOUT_S = 20 };

/* ---- how many, how fast ---- */
static bool has_tls(const struct lh_config *config, const struct lh_group *group) {
  return group->target < config->target_count && config->targets[group->target].tls_scheme;
}

/* Of the null kind none holds a socket. */
static uint64_t clients_of(const struct lh_config *config, const struct lh_group *group) {
  return group->kind == LH_KIND_NULL ? 0 : (uint64_t)ceil(group->connections * lh_plan_let_in(config, group));
}

uint64_t lh_probe_plan_clients(const struct lh_config *config) {
  uint64_t sum = 0;
  for (size_t g = 0; g < config->group_count; g++) sum += clients_of(config, &config->groups[g]);
  return sum;
}

bool lh_probe_plan_has_tls(const struct lh_config *config) {
  for (size_t g = 0; config && g < config->group_count; g++)
    if (config->groups[g].kind != LH_KIND_NULL && has_tls(config, &config->groups[g])) return true;
  return false;
}

unsigned lh_probe_plan_rate(const struct lh_config *config) {
  return lh_probe_plan_has_tls(config) ? LH_PROBE_TLS_RATE : LH_PROBE_RATE;
}

uint64_t lh_probe_plan_most(const struct lh_config *config) {
  return (uint64_t)lh_probe_plan_rate(config) * (SECONDS_MAX - HOLD_S);
}

/* At the latest: a busy host takes longer than its plan, and the run ends by itself when all have come. */
static uint64_t seconds_of(const struct lh_probe_plan *plan) {
  unsigned rate = lh_probe_plan_rate(plan->config);
  uint64_t seconds = 2 * ((plan->wanted + rate - 1) / rate) + SPARE_S;
  return seconds < SECONDS_MAX ? seconds : SECONDS_MAX;
}

/* A group's part of what is wanted, rounded up. */
static uint64_t share_of(const struct lh_probe_plan *plan, const struct lh_group *group) {
  uint64_t all = lh_probe_plan_clients(plan->config);
  return all > 0 ? (clients_of(plan->config, group) * plan->wanted + all - 1) / all : 0;
}

/* ---- towards the listener ---- */
/* Each of these is a target of the probe's config. */
enum way { UPGRADES, HOLDS, UPGRADES_TLS, HOLDS_TLS, WAYS };

static const struct {
  const char *kind, *scheme, *name; /* name: by which TLS knows what the client is about */
} ways[WAYS] = {[UPGRADES] = {"websocket", "ws", NULL},
                [HOLDS] = {"tcp", "tcp", NULL},
                [UPGRADES_TLS] = {"websocket", "wss", LH_LISTENER_UPGRADES},
                [HOLDS_TLS] = {"tcp", "tls", LH_LISTENER_HOLDS}};

static enum way way_of(const struct lh_config *config, const struct lh_group *group) {
  bool upgrades = group->kind == LH_KIND_WEBSOCKET;
  return has_tls(config, group) ? (upgrades ? UPGRADES_TLS : HOLDS_TLS) : upgrades ? UPGRADES : HOLDS;
}

static int add_targets(const struct lh_probe_plan *plan, const struct lh_listener *listener, struct lh_buf *out) {
  bool used[WAYS] = {[UPGRADES] = plan->config == NULL};
  for (size_t g = 0; plan->config && g < plan->config->group_count; g++)
    if (share_of(plan, &plan->config->groups[g]) > 0) used[way_of(plan->config, &plan->config->groups[g])] = true;
  int code = lh_buf_addstr(out, "targets:\n");
  for (int w = 0; w < WAYS && code == 0; w++) {
    if (!used[w]) continue;
    code = lh_buf_addf(out, "  way%d: {url: '%s://127.0.0.1:%u'", w, ways[w].scheme, listener->port);
    if (code == 0 && ways[w].name) code = lh_buf_addf(out, ", tls: {ca: '%s', sni: %s}", listener->ca, ways[w].name);
    if (code == 0) code = lh_buf_addstr(out, "}\n");
  }
  return code;
}

static int add_group(struct lh_buf *out, const struct lh_group *group, enum way way, uint64_t connections) {
  int code =
      lh_buf_addf(out,
                  "  %s: {kind: %s, target: way%d, connections: %" PRIu64
                  ", reconnect: false, connect_timeout: %ds, tls_timeout: %ds, upgrade_timeout: %ds",
                  group ? group->name : "clients", ways[way].kind, (int)way, connections, TIMEOUT_S, TIMEOUT_S, TIMEOUT_S);
  size_t sources = group ? group->source_addresses.count : 0;
  for (size_t i = 0; i < sources && code == 0; i++)
    code = lh_buf_addf(out, "%s\"%s\"", i == 0 ? ", source_addresses: [" : ", ", group->source_addresses.items[i]);
  if (code == 0 && sources > 0) code = lh_buf_addstr(out, "]");
  return code < 0 ? code : lh_buf_addstr(out, "}\n");
}

static int add_groups(const struct lh_probe_plan *plan, struct lh_buf *out) {
  int code = lh_buf_addstr(out, "groups:\n");
  if (code == 0 && !plan->config) return add_group(out, NULL, UPGRADES, plan->wanted);
  for (size_t g = 0; g < plan->config->group_count && code == 0; g++) {
    const struct lh_group *group = &plan->config->groups[g];
    if (share_of(plan, group) > 0) code = add_group(out, group, way_of(plan->config, group), share_of(plan, group));
  }
  return code;
}

int lh_probe_plan_write(const struct lh_probe_plan *plan, const struct lh_listener *listener, struct lh_buf *out) {
  lh_buf_reset(out);
  int code = lh_buf_addf(out,
                         "run: {name: probe, duration: %" PRIu64 "s, interval: 1s, connect_rate: %u/s, connecting_max: 1000,"
                         " drain: 2s, store: '%s'",
                         seconds_of(plan), lh_probe_plan_rate(plan->config), plan->store);
  if (code == 0 && plan->config && plan->config->run.workers > 0)
    code = lh_buf_addf(out, ", workers: %u", plan->config->run.workers);
  if (code == 0) code = lh_buf_addstr(out, "}\n");
  if (code == 0) code = add_targets(plan, listener, out);
  return code < 0 ? code : add_groups(plan, out);
}

/* ---- towards the config's targets ---- */
/* Each group opens its share and keeps quiet; requests and logins stay as they are, since some connections need them. */
static int set_group(const struct lh_probe_plan *plan, const struct lh_group *group, struct lh_strings *settings) {
  uint64_t share = share_of(plan, group);
  int code = lh_strings_addf(settings, "groups.%s.connections=%" PRIu64, group->name, share > 0 ? share : 1);
  if (code == 0) code = lh_strings_addf(settings, "groups.%s.ramp={rate: %u/s}", group->name, lh_probe_plan_rate(plan->config));
  if (code == 0) code = lh_strings_addf(settings, "groups.%s.reconnect=false", group->name);
  if (code == 0 && (group->kind == LH_KIND_WEBSOCKET || group->kind == LH_KIND_TCP))
    code = lh_strings_addf(settings, "groups.%s.messages=[]", group->name);
  return code;
}

int lh_probe_plan_settings(const struct lh_probe_plan *plan, struct lh_strings *settings) {
  static const char *const fixed[] = {"run.name=probe", "run.warmup=0s", "run.interval=1s",
                                      "run.drain=2s",   "slo=[]",        "actions=[]"};
  int code = lh_strings_addf(settings, "run.duration=%" PRIu64 "s", seconds_of(plan));
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed && code == 0; i++) code = lh_strings_addf(settings, "%s", fixed[i]);
  if (code == 0) code = lh_strings_addf(settings, "run.connect_rate=%u/s", lh_probe_plan_rate(plan->config));
  if (code == 0) code = lh_strings_addf(settings, "run.store='%s'", plan->store);
  for (size_t g = 0; g < plan->config->group_count && code == 0; g++)
    if (plan->config->groups[g].kind != LH_KIND_NULL) code = set_group(plan, &plan->config->groups[g], settings);
  return code;
}
