#include "longhaul/run/fit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "longhaul/config/data.h"
#include "longhaul/host/host.h"

enum {
  INTERVAL_ROW_BYTES = 450,    /* one interval: host sample, the supervisor, index entries */
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

int lh_fit_host_read(struct lh_fit_host *host, const struct lh_config *config, struct lh_err *err) {
  *host = (struct lh_fit_host){.ports_root = "", .servers_root = ""};
  if (lh_facts_read(&host->facts, "") < 0) return lh_err_set(err, ENOMEM, "no memory for the host's facts");
  lh_host_raise_descriptors(NULL); /* after the reading: the run file keeps what stood before */
  host->disk_known = read_disk_free(config->run.store, &host->disk_free_bytes);
  return 0;
}

void lh_fit_host_free(struct lh_fit_host *host) {
  lh_facts_free(&host->facts);
}

/* 0: not known. */
static uint64_t fact_number(const struct lh_fit_host *host, const char *name) {
  uint64_t value;
  return lh_facts_number(&host->facts, name, 0, &value) == 0 ? value : 0;
}

uint32_t lh_fit_workers(const struct lh_config *config, uint32_t shard, uint32_t shards, uint64_t descriptors) {
  (void)shard;
  if (config->run.workers > 0) return config->run.workers;
  /* A shard carries 1/shards of the clients, so one process of it carries `shards` times as much of the whole plan. */
  uint32_t reserve = lh_needs_reserve(config);
  uint64_t usable = descriptors > reserve ? descriptors - reserve : 1;
  return lh_plan_workers(config, lh_host_cores(), usable <= UINT64_MAX / shards ? usable * shards : UINT64_MAX);
}

/* ---- limits ---- */
/* A rung that refuses clients is a problem, a soft one a warning. */
static int judge_rungs(struct lh_fit *fit) {
  int code = 0;
  for (uint32_t i = 0; i < lh_ladder_short(fit->ladder) && code == 0; i++) {
    const struct lh_rung *rung = &fit->ladder->rungs[i];
    char sentence[1024];
    code = lh_strings_addf(rung->soft ? &fit->warnings : &fit->problems, "%s",
                           lh_rung_sentence(rung, fit->ladder->wanted, sentence, sizeof sentence));
  }
  return code;
}

static void size_workers(struct lh_fit *fit) {
  uint64_t clients_each = (fit->needs.plan.sockets + fit->workers - 1) / fit->workers;
  fit->descriptors_each = clients_each + fit->needs.reserve;
}

/* ---- ports ---- */
/* All paths to one destination. */
struct destination {
  uint64_t clients, busiest;
  size_t sources;
};

static bool is_same_destination(const struct lh_needs_path *a, const struct lh_needs_path *b) {
  return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static struct destination sum_destination(const struct lh_needs *needs, const struct lh_needs_path *to) {
  struct destination d = {0};
  for (size_t i = 0; i < needs->path_count; i++) {
    const struct lh_needs_path *p = &needs->paths[i];
    if (!is_same_destination(p, to)) continue;
    d.clients += p->clients;
    d.sources++;
    if (p->clients > d.busiest) d.busiest = p->clients;
  }
  return d;
}

static bool is_first_of(const struct lh_needs *needs, size_t at) {
  for (size_t i = 0; i < at; i++)
    if (is_same_destination(&needs->paths[i], &needs->paths[at])) return false;
  return true;
}

/* Past the range the ladder says so; here is the knee before it. */
static int warn_of_knee(struct lh_fit *fit, const struct lh_needs_path *path) {
  char clients[32], busiest[32], ports[32], from[96] = "one source address";
  struct destination d = sum_destination(&fit->needs, path);
  if (d.busiest > fit->ports || d.busiest * 2 <= fit->ports) return 0;
  lh_format_count(d.clients, clients, sizeof clients);
  lh_format_count(d.busiest, busiest, sizeof busiest);
  lh_format_count(fit->ports, ports, sizeof ports);
  if (d.sources > 1) snprintf(from, sizeof from, "%zu source addresses, %s from one of them,", d.sources, busiest);
  uint64_t needed = (d.clients * 2 + fit->ports - 1) / fit->ports;
  return lh_strings_addf(
      &fit->warnings,
      "%s connections to %s:%u from %s take more than half of %s ephemeral ports: past half the kernel searches "
      "long for each free one, and connecting slows down; at least %" PRIu64 " source_addresses avoid it",
      clients, path->host, path->port, from, ports, needed);
}

static int judge_ports(struct lh_fit *fit) {
  for (size_t i = 0; fit->ports > 0 && i < fit->needs.path_count; i++) {
    int code = is_first_of(&fit->needs, i) ? warn_of_knee(fit, &fit->needs.paths[i]) : 0;
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
    code = lh_strings_addf(&fit->warnings, "group %s: %s has %s row%s for %s clients: clients share rows", group->name,
                           group->data.file, lh_format_count(lh_data_rows(group->data.rows), rows, sizeof rows),
                           lh_data_rows(group->data.rows) == 1 ? "" : "s",
                           lh_format_count(group->connections, clients, sizeof clients));
  }
  return code;
}

/* ---- memory, disk, bandwidth ---- */
static int fit_bytes(struct lh_fit *fit, const struct lh_config *config, const struct lh_fit_host *host) {
  const struct lh_plan_needs *plan = &fit->needs.plan;
  char need[32], there[32];
  fit->memory_bytes = plan->clients * fit->needs.client_bytes + (plan->wanted - plan->clients) * fit->needs.slot_bytes + (uint64_t)fit->workers * LH_WORKER_BYTES + LH_SUPERVISOR_BYTES;
  fit->intervals = (config->run.duration_ns + config->run.interval_ns - 1) / config->run.interval_ns;
  fit->disk_bytes = RUN_FILE_BYTES + fit->intervals * (INTERVAL_ROW_BYTES + config->group_count * INTERVAL_GROUP_BYTES +
                                                       (uint64_t)fit->workers * INTERVAL_WORKER_BYTES);
  fit->wire_bytes_per_second = plan->bytes_per_second_out + plan->messages_per_second * MESSAGE_HEADER_BYTES;
  if (!host->disk_known || fit->disk_bytes <= host->disk_free_bytes) return 0;
  return lh_strings_addf(&fit->problems,
                         "the run file needs about %s, %s has %s left: use another run.store or a longer run.interval",
                         lh_format_size(fit->disk_bytes, need, sizeof need), config->run.store,
                         lh_format_size(host->disk_free_bytes, there, sizeof there));
}

/* ---- the whole ---- */
static void take_facts(struct lh_fit *fit, const struct lh_fit_host *host) {
  enum { KIB = 1024 };
  uint64_t first = fact_number(host, "net.ipv4.ip_local_port_range"), last;
  uint64_t descriptors = fact_number(host, "nofile.hard");
  fit->cores = (uint32_t)fact_number(host, "cpus.usable");
  fit->descriptors = descriptors < LH_DESCRIPTORS_MOST ? descriptors : LH_DESCRIPTORS_MOST;
  fit->memory_available_bytes = fact_number(host, "memory.available") * KIB;
  if (lh_facts_number(&host->facts, "net.ipv4.ip_local_port_range", 1, &last) == 0 && first <= last)
    fit->ports = last - first + 1;
}

int lh_fit_make(struct lh_fit *fit, const struct lh_config *config, uint32_t shard, uint32_t shards,
                const struct lh_fit_host *host, struct lh_err *err) {
  *fit = (struct lh_fit){0};
  take_facts(fit, host);
  int code = lh_needs_make(&fit->needs, config, shard, shards, err);
  if (code < 0) return code;
  fit->workers = lh_fit_workers(config, shard, shards, fit->descriptors);
  size_workers(fit);
  code =
      lh_needs_look_around(&fit->needs, (struct lh_roots){host->ports_root, host->servers_root}, &host->facts, &fit->warnings);
  if (code == 0) code = lh_ladder_make(&fit->ladder, &host->facts, &fit->needs, err);
  if (code == 0) code = judge_rungs(fit);
  if (code == 0) code = judge_ports(fit);
  if (code == 0) code = fit_rows(fit, config);
  if (code == 0) code = fit_bytes(fit, config, host);
  return code < 0 ? lh_err_set(err, ENOMEM, "no memory to work out the plan's needs") : 0;
}

void lh_fit_free(struct lh_fit *fit) {
  lh_ladder_free(fit->ladder);
  lh_needs_free(&fit->needs);
  lh_strings_free(&fit->problems);
  lh_strings_free(&fit->warnings);
  *fit = (struct lh_fit){0};
}
