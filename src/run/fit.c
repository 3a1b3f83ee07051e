#include "longhaul/run/fit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "longhaul/config/data.h"
#include "longhaul/host/host.h"

/* Measured on Debian 12 over loopback (src/decisions): user space of one held client, and of a process without clients. */
enum {
  PLAIN_CLIENT_BYTES = 2 * 1024,
  TLS_CLIENT_BYTES = 20 * 1024,
  WORKER_BYTES = 16 << 20,
  SUPERVISOR_BYTES = 24 << 20,
  INTERVAL_ROW_BYTES = 200,    /* one interval: host sample and index entries */
  INTERVAL_GROUP_BYTES = 2048, /* one group in one interval: counters and histograms */
  INTERVAL_WORKER_BYTES = 100,
  RUN_FILE_BYTES = 192 * 1024,  /* schema, facts, config, findings */
  MESSAGE_HEADER_BYTES = 8 + 66 /* masked WebSocket frame of a small message, TCP with timestamps, IPv4, Ethernet */
};

/* ---- what the host allows ---- */
static bool read_disk_free(const char *folder, uint64_t *bytes) {
  struct statvfs fs;
  char path[4096];
  snprintf(path, sizeof path, "%s", folder);
  /* The folder may not be there yet: its nearest parent is on the same disk. */
  for (;;) {
    if (statvfs(path[0] != '\0' ? path : ".", &fs) == 0) {
      *bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
      return fs.f_blocks > 0; /* /proc and the like have no size */
    }
    char *slash = strrchr(path, '/');
    if (path[0] == '\0') return false;
    if (slash == path && path[1] != '\0')
      path[1] = '\0';
    else if (slash != NULL && slash != path)
      *slash = '\0';
    else
      path[0] = '\0';
  }
}

struct lh_fit_host lh_fit_host_read(const struct lh_config *config) {
  struct lh_fit_host host = {0};
  struct lh_host_sample sample;
  uint32_t unread;
  long descriptors = lh_host_raise_descriptors(NULL);
  if (descriptors > 0) host.descriptors = (uint64_t)descriptors;
  host.cores = lh_host_cores();
  if (!lh_host_ports(&host.first_port, &host.last_port)) host.first_port = host.last_port = 0;
  if (lh_host_sample_read(&sample, &unread) == 0) {
    host.mem_available_bytes = sample.mem_available_bytes;
    host.mem_total_bytes = sample.mem_total_bytes;
  }
  host.disk_known = read_disk_free(config->run.store, &host.disk_free_bytes);
  return host;
}

static uint64_t usable(uint64_t descriptors) {
  return descriptors > LH_FIT_RESERVE ? descriptors - LH_FIT_RESERVE : 1;
}

uint32_t lh_fit_workers(const struct lh_config *config, uint32_t shard, uint32_t shards, uint64_t descriptors) {
  (void)shard;
  if (config->run.workers > 0) return config->run.workers;
  /* A shard carries 1/shards of the clients, so one process of it carries `shards` times as much of the whole plan. */
  uint64_t each = usable(descriptors) <= UINT64_MAX / shards ? usable(descriptors) * shards : UINT64_MAX;
  return lh_plan_workers(config, lh_host_cores(), each);
}

/* ---- sentences ---- */
__attribute__((format(printf, 2, 3))) static int say(struct lh_strings *list, const char *format, ...) {
  char *text;
  va_list args;
  va_start(args, format);
  int len = vasprintf(&text, format, args);
  va_end(args);
  if (len < 0) return -ENOMEM;
  char **items = realloc(list->items, (list->count + 1) * sizeof *items);
  if (items == NULL) {
    free(text);
    return -ENOMEM;
  }
  list->items = items;
  list->items[list->count++] = text;
  return 0;
}

static uint64_t shard_clients(const struct lh_group *group, uint32_t shard, uint32_t shards) {
  return lh_slice_count(lh_plan_slice(shard - 1, shards, 0, 1), group->connections);
}

/* ---- descriptors ---- */
static int fit_descriptors(struct lh_fit *fit, const struct lh_fit_host *host) {
  uint64_t clients_each = (fit->needs.sockets + fit->workers - 1) / fit->workers;
  char need[32], each[32];
  fit->descriptors_each = clients_each + LH_FIT_RESERVE;
  if (host->descriptors == 0 || fit->descriptors_each <= host->descriptors) return 0;
  uint64_t needed_workers = (fit->needs.sockets + usable(host->descriptors) - 1) / usable(host->descriptors);
  lh_format_count(fit->descriptors_each, need, sizeof need);
  lh_format_count(host->descriptors, each, sizeof each);
  return say(&fit->problems,
             "each of %u workers needs %s descriptors and may open %s: raise the limit with `ulimit -n %" PRIu64
             "` (as root), or set run.workers to auto or to at least %" PRIu64,
             fit->workers, need, each, fit->descriptors_each, needed_workers);
}

/* ---- ports ---- */
static struct lh_fit_path *find_path(struct lh_fit *fit, const struct lh_target *target, const char *source) {
  for (size_t i = 0; i < fit->path_count; i++) {
    struct lh_fit_path *p = &fit->paths[i];
    bool same_source = source == NULL ? p->source == NULL : p->source != NULL && strcmp(p->source, source) == 0;
    if (same_source && p->port == target->port && strcmp(p->host, target->host) == 0) return p;
  }
  struct lh_fit_path *paths = realloc(fit->paths, (fit->path_count + 1) * sizeof *paths);
  if (paths == NULL) return NULL;
  fit->paths = paths;
  paths[fit->path_count] = (struct lh_fit_path){.host = target->host, .source = source, .port = target->port};
  return &paths[fit->path_count++];
}

static int add_paths(struct lh_fit *fit, const struct lh_config *config, const struct lh_group *group, uint64_t clients) {
  if (group->target == LH_NO_TARGET || group->kind == LH_KIND_NULL || clients == 0) return 0;
  const struct lh_target *target = &config->targets[group->target];
  size_t sources = group->source_addresses.count > 0 ? group->source_addresses.count : 1;
  size_t addresses = target->addresses.count > 0 ? target->addresses.count : 1;
  for (size_t i = 0; i < sources; i++) {
    struct lh_fit_path *path =
        find_path(fit, target, group->source_addresses.count > 0 ? group->source_addresses.items[i] : NULL);
    if (path == NULL) return -ENOMEM;
    uint64_t share = clients / sources + (i < clients % sources ? 1 : 0);
    path->clients += (share + addresses - 1) / addresses;
  }
  return 0;
}

/* All paths to one destination. */
struct destination {
  uint64_t clients, busiest;
  size_t sources;
};

static struct destination sum_destination(const struct lh_fit *fit, const struct lh_fit_path *to) {
  struct destination d = {0};
  for (size_t i = 0; i < fit->path_count; i++) {
    const struct lh_fit_path *p = &fit->paths[i];
    if (p->port != to->port || strcmp(p->host, to->host) != 0) continue;
    d.clients += p->clients;
    d.sources++;
    if (p->clients > d.busiest) d.busiest = p->clients;
  }
  return d;
}

static bool is_first_of(const struct lh_fit *fit, size_t at) {
  for (size_t i = 0; i < at; i++)
    if (fit->paths[i].port == fit->paths[at].port && strcmp(fit->paths[i].host, fit->paths[at].host) == 0) return false;
  return true;
}

static int judge_destination(struct lh_fit *fit, const struct lh_fit_path *path) {
  char clients[32], busiest[32], ports[32], from[96] = "one source address";
  struct destination d = sum_destination(fit, path);
  lh_format_count(d.clients, clients, sizeof clients);
  lh_format_count(d.busiest, busiest, sizeof busiest);
  lh_format_count(fit->ports, ports, sizeof ports);
  if (d.sources > 1) snprintf(from, sizeof from, "%zu source addresses, %s from one of them,", d.sources, busiest);
  uint64_t needed = (d.clients * 2 + fit->ports - 1) / fit->ports;
  if (d.busiest > fit->ports)
    return say(&fit->problems,
               "%s connections to %s:%u from %s do not fit into %s ephemeral ports: give the group at least %" PRIu64
               " source_addresses, or widen net.ipv4.ip_local_port_range",
               clients, path->host, path->port, from, ports, needed);
  if (d.busiest * 2 > fit->ports)
    return say(&fit->warnings,
               "%s connections to %s:%u from %s take more than half of %s ephemeral ports: past half the kernel searches "
               "long for each free one, and connecting slows down; at least %" PRIu64 " source_addresses avoid it",
               clients, path->host, path->port, from, ports, needed);
  return 0;
}

static int fit_ports(struct lh_fit *fit, const struct lh_config *config, uint32_t shard, uint32_t shards,
                     const struct lh_fit_host *host) {
  for (size_t g = 0; g < config->group_count; g++) {
    int code = add_paths(fit, config, &config->groups[g], shard_clients(&config->groups[g], shard, shards));
    if (code < 0) return code;
  }
  if (host->last_port < host->first_port || host->last_port == 0) return 0;
  fit->ports = host->last_port - host->first_port + 1;
  for (size_t i = 0; i < fit->path_count; i++) {
    int code = is_first_of(fit, i) ? judge_destination(fit, &fit->paths[i]) : 0;
    if (code < 0) return code;
  }
  return 0;
}

/* ---- rows of data ---- */
static int fit_rows(struct lh_fit *fit, const struct lh_config *config) {
  int code = 0;
  for (size_t g = 0; g < config->group_count && code == 0; g++) {
    const struct lh_group *group = &config->groups[g];
    char rows[32], clients[32];
    if (!group->data.rows || lh_data_rows(group->data.rows) >= group->connections) continue;
    code = say(&fit->warnings, "group %s: %s has %s row%s for %s clients: clients share rows", group->name, group->data.file,
               lh_format_count(lh_data_rows(group->data.rows), rows, sizeof rows),
               lh_data_rows(group->data.rows) == 1 ? "" : "s", lh_format_count(group->connections, clients, sizeof clients));
  }
  return code;
}

/* ---- memory, disk, bandwidth ---- */
static int fit_bytes(struct lh_fit *fit, const struct lh_config *config, const struct lh_fit_host *host) {
  uint64_t plain = fit->needs.clients - fit->needs.tls_clients;
  char need[32], there[32];
  fit->memory_bytes = plain * PLAIN_CLIENT_BYTES + fit->needs.tls_clients * TLS_CLIENT_BYTES +
                      (uint64_t)fit->workers * WORKER_BYTES + SUPERVISOR_BYTES;
  fit->intervals = (config->run.duration_ns + config->run.interval_ns - 1) / config->run.interval_ns;
  fit->disk_bytes = RUN_FILE_BYTES + fit->intervals * (INTERVAL_ROW_BYTES + config->group_count * INTERVAL_GROUP_BYTES +
                                                       (uint64_t)fit->workers * INTERVAL_WORKER_BYTES);
  fit->wire_bytes_per_second = fit->needs.bytes_per_second_out + fit->needs.messages_per_second * MESSAGE_HEADER_BYTES;
  int code = 0;
  lh_format_size(fit->memory_bytes, need, sizeof need);
  if (host->mem_total_bytes > 0 && fit->memory_bytes > host->mem_total_bytes)
    code = say(&fit->problems, "the clients need about %s of memory, the host has %s: fewer clients, or split with --shard",
               need, lh_format_size(host->mem_total_bytes, there, sizeof there));
  else if (host->mem_available_bytes > 0 && fit->memory_bytes > host->mem_available_bytes)
    code = say(&fit->warnings, "the clients need about %s of memory, %s is available now", need,
               lh_format_size(host->mem_available_bytes, there, sizeof there));
  if (code == 0 && host->disk_known && fit->disk_bytes > host->disk_free_bytes)
    code = say(&fit->problems, "the run file needs about %s, %s has %s left: use another run.store or a longer run.interval",
               lh_format_size(fit->disk_bytes, need, sizeof need), config->run.store,
               lh_format_size(host->disk_free_bytes, there, sizeof there));
  return code;
}

/* ---- the whole ---- */
static void scale_needs(struct lh_fit *fit, const struct lh_config *config, uint32_t shard, uint32_t shards) {
  uint64_t all = 0, ours = 0;
  for (size_t g = 0; g < config->group_count; g++) {
    all += config->groups[g].connections;
    ours += shard_clients(&config->groups[g], shard, shards);
  }
  fit->needs = lh_plan_needs(config);
  if (all == 0 || ours == all) return;
  double share = (double)ours / (double)all;
  fit->needs.clients = (uint64_t)((double)fit->needs.clients * share + 0.999);
  fit->needs.sockets = (uint64_t)((double)fit->needs.sockets * share + 0.999);
  fit->needs.tls_clients = (uint64_t)((double)fit->needs.tls_clients * share + 0.999);
  fit->needs.messages_per_second *= share;
  fit->needs.bytes_per_second_out *= share;
  fit->needs.connects_per_second *= share;
}

int lh_fit_make(struct lh_fit *fit, const struct lh_config *config, uint32_t shard, uint32_t shards,
                const struct lh_fit_host *host, struct lh_err *err) {
  *fit = (struct lh_fit){0};
  scale_needs(fit, config, shard, shards);
  fit->workers = lh_fit_workers(config, shard, shards, host->descriptors);
  int code = fit_descriptors(fit, host);
  if (code == 0) code = fit_ports(fit, config, shard, shards, host);
  if (code == 0) code = fit_rows(fit, config);
  if (code == 0) code = fit_bytes(fit, config, host);
  if (code < 0) return lh_err_set(err, ENOMEM, "no memory to work out the plan's needs");
  return 0;
}

static void free_strings(struct lh_strings *list) {
  for (size_t i = 0; i < list->count; i++) free(list->items[i]);
  free(list->items);
}

void lh_fit_free(struct lh_fit *fit) {
  free(fit->paths);
  free_strings(&fit->problems);
  free_strings(&fit->warnings);
  *fit = (struct lh_fit){0};
}
