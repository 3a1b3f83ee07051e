#include "longhaul/run/scale.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

/* ---- a smaller copy of the config ---- */
/* It borrows all of the original but the arrays of targets, groups and points. */
static void free_small(struct lh_config *small) {
  for (size_t g = 0; g < small->group_count; g++) free(small->groups[g].ramp.points);
  free(small->groups);
  free(small->targets);
}

static uint32_t scaled(uint32_t clients, double share) {
  uint32_t part = (uint32_t)(clients * share + 1e-6); /* 2,000 * (1,009 / 2,000) is a little less than 1,009 in doubles */
  return clients > 0 && part == 0 ? 1 : part;
}

static int scale_group(struct lh_group *group, const struct lh_group *from, double share) {
  *group = *from;
  group->ramp.points = calloc(from->ramp.count + 1, sizeof *group->ramp.points);
  if (group->ramp.points == NULL) return -ENOMEM;
  if (from->kind == LH_KIND_NULL) share = 1;
  for (size_t i = 0; i < from->ramp.count; i++) {
    group->ramp.points[i] = from->ramp.points[i];
    group->ramp.points[i].connections = scaled(from->ramp.points[i].connections, share);
  }
  group->connections = scaled(from->connections, share);
  return 0;
}

static int make_small(struct lh_config *small, const struct lh_config *config, double share) {
  int code = 0;
  *small = *config;
  small->groups = calloc(config->group_count + 1, sizeof *small->groups);
  small->targets = calloc(config->target_count + 1, sizeof *small->targets);
  if (small->groups == NULL || small->targets == NULL) code = -ENOMEM;
  small->group_count = 0;
  for (size_t i = 0; i < config->target_count && code == 0; i++) {
    small->targets[i] = config->targets[i];
    small->targets[i].connections_max = scaled(config->targets[i].connections_max, share);
  }
  for (size_t g = 0; g < config->group_count && code == 0; g++) {
    code = scale_group(&small->groups[g], &config->groups[g], share);
    if (code == 0) small->group_count++;
  }
  return code;
}

/* ---- how small ---- */
/* What the ladder leaves of the clients that hold sockets; 1 when it holds them all. */
static double share_held(const struct lh_fit *fit) {
  const struct lh_plan_needs *plan = &fit->needs.plan;
  uint64_t held = fit->ladder->wanted, without = plan->clients > plan->sockets ? plan->clients - plan->sockets : 0;
  for (uint32_t i = 0; i < lh_ladder_short(fit->ladder); i++) {
    const struct lh_rung *rung = &fit->ladder->rungs[i];
    if (!rung->soft && rung->clients < held) held = rung->clients;
  }
  if (held <= without) return 0;
  return (double)(held - without) / (double)(fit->ladder->wanted - without);
}

/* Whether a smaller share would change anything. */
static bool is_least(const struct lh_config *config) {
  for (size_t g = 0; g < config->group_count; g++)
    if (config->groups[g].kind != LH_KIND_NULL && config->groups[g].connections > 1) return false;
  return true;
}

struct search {
  const struct lh_config *config;
  const struct lh_fit_host *host;
  uint32_t shard, shards;
};

/* What the host leaves of the plan at that share: 1 when it fits; *least when there is no smaller one. */
static int try_share(const struct search *s, double share, double *left, bool *least, struct lh_err *err) {
  struct lh_config small;
  struct lh_fit fit = {0};
  int code = make_small(&small, s->config, share);
  if (code < 0)
    lh_err_set(err, ENOMEM, "no memory for a smaller plan");
  else
    code = lh_fit_make(&fit, &small, s->shard, s->shards, s->host, err);
  if (code == 0) {
    *left = share_held(&fit);
    *least = is_least(&small);
  }
  lh_fit_free(&fit);
  free_small(&small);
  return code;
}

/* A limit of one group binds only that group's part, so that one step may leave too much: then it goes on from there. Each
 * step takes at least a thousandth, so that rounding cannot stop it. */
static int search(struct lh_scale *scale, const struct search *s, const struct lh_fit *whole, struct lh_err *err) {
  double left = share_held(whole);
  bool least = false;
  int code = 0;
  for (scale->share = 1; left < 1 && !least && code == 0;) {
    scale->share *= left < 0.999 ? left : 0.999;
    code = try_share(s, scale->share, &left, &least, err);
  }
  scale->fits = code == 0 && left >= 1;
  return code;
}

/* ---- what was decided ---- */
/* Exact: whole milliseconds, or microseconds with their fraction. */
static int add_time(struct lh_buf *out, uint64_t ns) {
  if (ns % LH_NS_PER_MS == 0) return lh_buf_addf(out, "%" PRIu64 "ms", ns / LH_NS_PER_MS);
  return lh_buf_addf(out, "%" PRIu64 ".%03" PRIu64 "us", ns / LH_NS_PER_US, ns % LH_NS_PER_US);
}

/* The point that the loader puts before stages that begin later is left to it. */
static int set_stages(struct lh_strings *settings, const struct lh_group *group, size_t written) {
  enum { SETTING_MAX = 64 * LH_STAGES_MAX };
  struct lh_buf text = LH_BUF_INIT(SETTING_MAX);
  int code = 0;
  for (size_t i = written; i < group->ramp.count && code == 0; i++) {
    code = lh_buf_addstr(&text, i > written ? ", {at: " : "{at: ");
    if (code == 0) code = add_time(&text, group->ramp.points[i].at_ns);
    if (code == 0) code = lh_buf_addf(&text, ", connections: %u}", group->ramp.points[i].connections);
  }
  if (code == 0) code = lh_strings_addf(settings, "groups.%s.ramp.stages=[%s]", group->name, text.data);
  lh_buf_free(&text);
  return code;
}

static int decide_group(struct lh_scale *scale, const struct lh_group *from, const struct lh_group *to) {
  char some[32], all[32], stages[64] = "";
  size_t first = from->ramp.count > LH_STAGES_MAX ? 1 : 0;
  int code = lh_strings_addf(&scale->settings, "groups.%s.connections=%u", from->name, to->connections);
  if (code == 0 && from->is_staged) code = set_stages(&scale->settings, to, first);
  if (from->is_staged) snprintf(stages, sizeof stages, " at its highest, each stage by the same share");
  if (code < 0) return code;
  return lh_strings_addf(&scale->decisions, "group %s: %s of %s clients%s", from->name,
                         lh_format_count(to->connections, some, sizeof some),
                         lh_format_count(from->connections, all, sizeof all), stages);
}

static int decide_target(struct lh_scale *scale, const struct lh_target *from, const struct lh_target *to) {
  char some[32], all[32];
  if (from->connections_max == to->connections_max) return 0;
  int code = lh_strings_addf(&scale->settings, "targets.%s.connections_max=%u", from->name, to->connections_max);
  if (code < 0) return code;
  return lh_strings_addf(&scale->decisions, "target %s: connections_max %s of %s", from->name,
                         lh_format_count(to->connections_max, some, sizeof some),
                         lh_format_count(from->connections_max, all, sizeof all));
}

/* Every client, over all shards: what the groups' sentences add up to. */
static uint64_t clients_of(const struct lh_config *config) {
  uint64_t sum = 0;
  for (size_t g = 0; g < config->group_count; g++) sum += config->groups[g].connections;
  return sum;
}

/* Of those that refuse clients: the one that leaves the fewest. */
static const struct lh_rung *binding(const struct lh_fit *whole) {
  const struct lh_rung *rung = &whole->ladder->rungs[0];
  while (rung->soft) rung++;
  return rung;
}

static int decide(struct lh_scale *scale, const struct lh_config *config, const struct lh_fit *whole) {
  struct lh_config small;
  char some[32], all[32];
  int code = make_small(&small, config, scale->share);
  if (code == 0)
    code = lh_strings_addf(&scale->decisions, "clients: %s of %s (--fit), since %s allows no more (%s)",
                           lh_format_count(clients_of(&small), some, sizeof some),
                           lh_format_count(clients_of(config), all, sizeof all), lh_limit_name(binding(whole)->limit),
                           binding(whole)->value);
  for (size_t g = 0; g < config->group_count && code == 0; g++)
    if (config->groups[g].kind != LH_KIND_NULL) code = decide_group(scale, &config->groups[g], &small.groups[g]);
  for (size_t i = 0; i < config->target_count && code == 0; i++)
    code = decide_target(scale, &config->targets[i], &small.targets[i]);
  free_small(&small);
  return code;
}

int lh_scale_make(struct lh_scale *scale, const struct lh_config *config, uint32_t shard, uint32_t shards,
                  const struct lh_fit_host *host, const struct lh_fit *whole, struct lh_err *err) {
  *scale = (struct lh_scale){0};
  struct lh_fit_host ours = *host;
  ours.servers_root = NULL; /* what the target takes makes no plan smaller, and looking for it takes longest */
  int code = search(scale, &(struct search){config, &ours, shard, shards}, whole, err);
  if (code == 0 && scale->fits && decide(scale, config, whole) < 0)
    code = lh_err_set(err, ENOMEM, "no memory for a smaller plan's settings");
  return code;
}

void lh_scale_free(struct lh_scale *scale) {
  lh_strings_free(&scale->settings);
  lh_strings_free(&scale->decisions);
}
