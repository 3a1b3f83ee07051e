/* What a plan asks of the host. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/ip.h"
#include "longhaul/host/ladder.h"

enum { POOL_THREADS = 4 }; /* libuv's, once a name is looked up or processes are watched */

static uint64_t shard_clients(const struct lh_group *group, uint32_t shard, uint32_t shards) {
  return lh_slice_count(lh_plan_slice(shard - 1, shards, 0, 1), group->connections);
}

static const struct lh_target *target_of(const struct lh_config *config, const struct lh_group *group) {
  return group->target == LH_NO_TARGET || group->kind == LH_KIND_NULL ? NULL : &config->targets[group->target];
}

/* ---- addresses ---- */
static bool is_loopback(const char *host) {
  struct lh_ip ip;
  return lh_ip_parse(host, &ip) ? lh_ip_is_loopback(&ip) : strcmp(host, "localhost") == 0;
}

/* Whom sockets connect to: a proxy is what ports are taken for, whatever lies behind it. */
static const char *host_of(const struct lh_target *target) {
  return target->proxy.host ? target->proxy.host : target->host;
}

static uint16_t port_of(const struct lh_target *target) {
  return target->proxy.host ? target->proxy.port : target->port;
}

/* Pinned addresses say where a target is; else its name does, as far as it goes. */
static bool is_local(const struct lh_target *target) {
  if (target->unix_path) return true;
  for (size_t i = 0; i < target->addresses.count; i++)
    if (!is_loopback(target->addresses.items[i])) return false;
  return target->addresses.count > 0 || is_loopback(host_of(target));
}

static bool is_looked_up(const struct lh_target *target) {
  struct lh_ip ip;
  return target->addresses.count == 0 && !target->unix_path && !lh_ip_parse(host_of(target), &ip);
}

/* ---- paths ---- */
static struct lh_needs_path *find_path(struct lh_needs *needs, const struct lh_target *target, const char *source) {
  for (size_t i = 0; i < needs->path_count; i++) {
    struct lh_needs_path *p = &needs->paths[i];
    bool same_source = source == NULL ? p->source == NULL : p->source != NULL && strcmp(p->source, source) == 0;
    if (same_source && p->port == port_of(target) && strcmp(p->host, host_of(target)) == 0) return p;
  }
  struct lh_needs_path *paths = realloc(needs->paths, (needs->path_count + 1) * sizeof *paths);
  if (paths == NULL) return NULL;
  needs->paths = paths;
  paths[needs->path_count] =
      (struct lh_needs_path){.host = host_of(target), .source = source, .port = port_of(target), .local = is_local(target)};
  return &paths[needs->path_count++];
}

/* Clients take the source addresses in turn, and the addresses of a target likewise. */
static int add_paths(struct lh_needs *needs, const struct lh_target *target, const struct lh_group *group, uint64_t clients) {
  if (target->unix_path) return 0;
  size_t sources = group->source_addresses.count > 0 ? group->source_addresses.count : 1;
  size_t addresses = target->addresses.count > 0 && target->spread == LH_TARGET_SPREAD_ALL ? target->addresses.count : 1;
  for (size_t i = 0; i < sources; i++) {
    struct lh_needs_path *path =
        find_path(needs, target, group->source_addresses.count > 0 ? group->source_addresses.items[i] : NULL);
    if (path == NULL) return -ENOMEM;
    uint64_t share = clients / sources + (i < clients % sources ? 1 : 0);
    path->clients += (share + addresses - 1) / addresses;
  }
  return 0;
}

/* ---- descriptors ---- */
/* Three for the supervisor and the log, four pipes of libuv's and one /dev/null, its epoll set and eventfd, the timer, and
 * /proc/self/statm; libwebsockets' eventfd and /dev/urandom; a dialler has an epoll set, and so have the kinds on sockets of our
 * own. test_probe.py has limits so low that one more or less would show. */
enum { OWN = 12, OWN_WEBSOCKET = 3, OWN_OTHERS = 2, OWN_LOGIN = 2, OWN_LOOKUPS = 4 /* files and sockets of the C library's */ };

uint32_t lh_needs_reserve(const struct lh_config *config) {
  bool websocket = false, others = false, login = false, names = false;
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_group *group = &config->groups[g];
    const struct lh_target *target = target_of(config, group);
    websocket = websocket || group->kind == LH_KIND_WEBSOCKET;
    others = others || (target && group->kind != LH_KIND_WEBSOCKET);
    login = login || group->login.enabled;
    names = names || (target && is_looked_up(target)) || (group->login.enabled && is_looked_up(&config->targets[group->login.target]));
  }
  return OWN + (websocket ? OWN_WEBSOCKET : 0) + (others ? OWN_OTHERS : 0) + (login ? OWN_LOGIN : 0) + (names ? OWN_LOOKUPS : 0);
}

/* ---- sums ---- */
static void scale_plan(struct lh_needs *needs, const struct lh_config *config, uint32_t shard, uint32_t shards) {
  uint64_t all = 0, ours = 0;
  for (size_t g = 0; g < config->group_count; g++) {
    all += config->groups[g].connections;
    ours += shard_clients(&config->groups[g], shard, shards);
  }
  needs->plan = lh_plan_needs(config);
  if (all == 0 || ours == all) return;
  double share = (double)ours / (double)all;
  struct lh_plan_needs *plan = &needs->plan;
  plan->clients = (uint64_t)((double)plan->clients * share + 0.999);
  plan->wanted = (uint64_t)((double)plan->wanted * share + 0.999);
  plan->sockets = (uint64_t)((double)plan->sockets * share + 0.999);
  plan->tls_clients = (uint64_t)((double)plan->tls_clients * share + 0.999);
  plan->closed_loop_clients = (uint64_t)((double)plan->closed_loop_clients * share + 0.999);
  plan->messages_per_second *= share;
  plan->bytes_per_second_out *= share;
  plan->connects_per_second *= share;
}

static uint64_t client_bytes(const struct lh_config *config, const struct lh_group *group) {
  static const uint64_t kinds[] = {[LH_KIND_WEBSOCKET] = LH_WEBSOCKET_BYTES, [LH_KIND_HTTP] = LH_HTTP_BYTES,
                                   [LH_KIND_SSE] = LH_SSE_BYTES,             [LH_KIND_STREAM] = LH_STREAM_BYTES,
                                   [LH_KIND_TCP] = LH_TCP_BYTES,             [LH_KIND_NULL] = LH_TCP_BYTES};
  const struct lh_target *target = target_of(config, group);
  return kinds[group->kind] + group->message_count * LH_MESSAGE_BYTES + (target && target->tls_scheme ? LH_TLS_BYTES : 0);
}

static uint64_t slot_bytes(const struct lh_group *group) {
  uint64_t bytes = group->kind == LH_KIND_WEBSOCKET ? LH_WEBSOCKET_SLOT_BYTES : LH_SLOT_BYTES;
  return bytes + group->message_count * LH_MESSAGE_BYTES;
}

/* Measured in workers: a loop and the loaded config; the histograms of a group; libwebsockets; OpenSSL, the handshakes under way, and the
 * authorities of each target that trusts those of the system (142 on Debian 12). */
enum {
  DATA_BYTES = 706000,
  DATA_GROUP_BYTES = 30000,
  DATA_WEBSOCKET_BYTES = 200000,
  DATA_TLS_BYTES = 580000,
  DATA_STORE_BYTES = 905000
};

static bool is_used(const struct lh_config *config, size_t target) {
  for (size_t g = 0; g < config->group_count; g++)
    if (target_of(config, &config->groups[g]) == &config->targets[target]) return true;
  return false;
}

static uint64_t worker_bytes(const struct lh_config *config) {
  uint64_t stores = 0;
  bool websocket = false, tls = false;
  for (size_t g = 0; g < config->group_count; g++) websocket = websocket || config->groups[g].kind == LH_KIND_WEBSOCKET;
  for (size_t t = 0; t < config->target_count; t++) {
    bool speaks = config->targets[t].tls_scheme && is_used(config, t);
    tls = tls || speaks;
    stores += speaks && !config->targets[t].tls.ca;
  }
  return DATA_BYTES + config->group_count * DATA_GROUP_BYTES + (websocket ? DATA_WEBSOCKET_BYTES : 0) +
         (tls ? DATA_TLS_BYTES : 0) + stores * DATA_STORE_BYTES;
}

static int add_groups(struct lh_needs *needs, const struct lh_config *config, uint32_t shard, uint32_t shards) {
  uint64_t clients = 0, bytes = 0, slots = 0, planned = 0, websockets = 0;
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_group *group = &config->groups[g];
    const struct lh_target *target = target_of(config, group);
    uint64_t all = shard_clients(group, shard, shards);
    uint64_t count = (uint64_t)ceil((double)all * lh_plan_let_in(config, group)); /* the others wait and hold no socket */
    planned += all;
    websockets += group->kind == LH_KIND_WEBSOCKET ? all : 0;
    clients += count;
    bytes += count * client_bytes(config, group);
    slots += count * slot_bytes(group);
    if (target == NULL || count == 0) continue;
    if (is_local(target)) needs->local_sockets += count;
    if (is_looked_up(target)) needs->tasks_each = 1 + POOL_THREADS;
    int code = add_paths(needs, target, group, count);
    if (code < 0) return code;
  }
  needs->client_bytes = clients > 0 ? (bytes + clients - 1) / clients : LH_WEBSOCKET_BYTES;
  needs->slot_bytes = clients > 0 ? slots / clients : LH_WEBSOCKET_SLOT_BYTES;
  needs->websockets = planned > 0 ? (double)websockets / (double)planned : 0;
  if (needs->local_sockets > needs->plan.sockets) needs->local_sockets = needs->plan.sockets; /* groups at different times */
  return 0;
}

/* One looks up names before the run. */
static uint32_t supervisor_threads(const struct lh_config *config) {
  const struct lh_watch_config *watch = &config->watch;
  bool watches = watch->pid || watch->name || watch->cgroup || watch->metrics.host, names = false;
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_target *target = target_of(config, &config->groups[g]);
    names = names || (target && is_looked_up(target));
  }
  return (names ? 1 : 0) + (watches ? POOL_THREADS : 0);
}

int lh_needs_make(struct lh_needs *needs, const struct lh_config *config, uint32_t shard, uint32_t shards, struct lh_err *err) {
  *needs = (struct lh_needs){.workers = config->run.workers,
                             .supervisor_threads = supervisor_threads(config),
                             .tasks_each = 1,
                             .reserve = lh_needs_reserve(config),
                             .worker_bytes = worker_bytes(config),
                             .connecting_max = lh_plan_connecting_max(config)};
  scale_plan(needs, config, shard, shards);
  if (add_groups(needs, config, shard, shards) < 0) return lh_err_set(err, ENOMEM, "no memory to work out the plan's needs");
  return 0;
}

int lh_needs_plain(struct lh_needs *needs, bool local, struct lh_err *err) {
  enum { CONNECTING_MAX = 2000 }; /* what a config without connecting_max has */
  *needs = (struct lh_needs){.tasks_each = 1,
                             .reserve = OWN + OWN_WEBSOCKET,
                             .connecting_max = CONNECTING_MAX,
                             .client_bytes = LH_WEBSOCKET_BYTES,
                             .slot_bytes = LH_WEBSOCKET_SLOT_BYTES,
                             .worker_bytes = DATA_BYTES + DATA_GROUP_BYTES + DATA_WEBSOCKET_BYTES,
                             .websockets = 1};
  needs->paths = calloc(1, sizeof *needs->paths);
  if (needs->paths == NULL) return lh_err_set(err, ENOMEM, "no memory to work out the plan's needs");
  needs->paths[0].local = local;
  needs->path_count = 1;
  return 0;
}

int lh_needs_look_around(struct lh_needs *needs, struct lh_roots roots, const struct lh_facts *facts,
                         struct lh_strings *missed) {
  struct lh_err err = {0};
  int code = 0;
  if (roots.ports && lh_needs_count_taken(needs, roots.ports, facts, &err) < 0) code = lh_strings_addf(missed, "%s", err.text);
  if (code == 0 && roots.servers && lh_needs_find_servers(needs, roots.servers, &err) < 0)
    code = lh_strings_addf(missed, "%s", err.text);
  return code;
}

void lh_needs_free(struct lh_needs *needs) {
  free(needs->paths);
  free(needs->servers);
  *needs = (struct lh_needs){0};
}
