#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/source.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "longhaul/run/fit.h"

enum { CHECK_BYTES_MAX = 4 << 20 };

struct plan {
  const struct lh_config *config;
  const struct lh_source *source;
  struct lh_fit_host host;
  struct lh_fit fit;
};

/* ---- figures of one group ---- */
static uint64_t clients_of(const struct plan *p, const struct lh_group *group) {
  return lh_slice_count(lh_plan_slice(p->source->shard - 1, p->source->shards, 0, 1), group->connections);
}

/* At full load. A message sent after each reply has no rate of its own: *closed_loop tells. */
static double rate_of(const struct plan *p, const struct lh_group *group, bool *closed_loop) {
  double rate = 0;
  *closed_loop = false;
  for (size_t m = 0; m < group->message_count; m++) {
    const struct lh_message *message = &group->messages[m];
    if (message->after == LH_AFTER_REPLY)
      *closed_loop = true;
    else if (message->every_ns > 0)
      rate += (double)LH_NS_PER_S / (double)message->every_ns;
  }
  return rate * (double)clients_of(p, group);
}

static uint64_t ramp_end_ns(const struct lh_group *group) {
  uint64_t end = 0;
  uint32_t highest = 0;
  for (size_t i = 0; i < group->ramp.count; i++) {
    if (group->ramp.points[i].connections <= highest) continue;
    highest = group->ramp.points[i].connections;
    end = group->ramp.points[i].at_ns;
  }
  return end;
}

static const char *target_of(const struct plan *p, const struct lh_group *group) {
  return group->target == LH_NO_TARGET ? "" : p->config->targets[group->target].name;
}

/* ---- as text ---- */
/* "0.5", "99.9", "1,000" */
static char *format_rate(double rate, char *out, size_t size) {
  if (rate >= 99.95) return lh_format_count((uint64_t)(rate + 0.5), out, size);
  snprintf(out, size, "%.1f", rate);
  return out;
}

/* Widths of the columns of names. */
struct widths {
  int group, kind, target;
};

static int longer(int width, const char *text) {
  return (int)strlen(text) > width ? (int)strlen(text) : width;
}

static struct widths widths_of(const struct plan *p) {
  struct widths w = {(int)strlen("group"), (int)strlen("kind"), (int)strlen("target")};
  for (size_t g = 0; g < p->config->group_count; g++) {
    const struct lh_group *group = &p->config->groups[g];
    w = (struct widths){longer(w.group, group->name), longer(w.kind, lh_kind_name(group->kind)), longer(w.target, target_of(p, group))};
  }
  return w;
}

static int add_group(struct lh_buf *out, const struct plan *p, struct widths w, const struct lh_group *group) {
  char clients[32], ramp[32], rate[32];
  bool closed_loop;
  double per_second = rate_of(p, group, &closed_loop);
  return lh_buf_addf(out, "  %-*s  %-*s  %-*s  %10s  %10s  %10s%s\n", w.group, group->name, w.kind, lh_kind_name(group->kind),
                     w.target, target_of(p, group), lh_format_count(clients_of(p, group), clients, sizeof clients),
                     lh_format_duration(ramp_end_ns(group), ramp, sizeof ramp), format_rate(per_second, rate, sizeof rate),
                     closed_loop ? " and replies'" : "");
}

static int add_head(struct lh_buf *out, const struct plan *p) {
  const struct lh_run_config *run = &p->config->run;
  char duration[32], interval[32], intervals[32];
  int code = lh_buf_addf(out, "%s: %s in %s intervals of %s", run->name,
                         lh_format_duration(run->duration_ns, duration, sizeof duration),
                         lh_format_count(p->fit.intervals, intervals, sizeof intervals),
                         lh_format_duration(run->interval_ns, interval, sizeof interval));
  if (code == 0 && p->source->shards > 1) code = lh_buf_addf(out, ", shard %u of %u", p->source->shard, p->source->shards);
  struct widths w = widths_of(p);
  if (code == 0)
    code = lh_buf_addf(out, "\n\n  %-*s  %-*s  %-*s  %10s  %10s  %10s\n", w.group, "group", w.kind, "kind", w.target, "target",
                       "clients", "full after", "messages/s");
  for (size_t g = 0; g < p->config->group_count && code == 0; g++) code = add_group(out, p, w, &p->config->groups[g]);
  return code;
}

static int add_needs(struct lh_buf *out, const struct plan *p) {
  const struct lh_plan_needs *n = &p->fit.needs.plan;
  char clients[32], tls[32], connects[32], messages[32], payload[32], wire[32];
  int code = lh_buf_addf(out, "\n  clients at once    %s", lh_format_count(n->clients, clients, sizeof clients));
  if (code == 0 && n->tls_clients > 0)
    code = lh_buf_addf(out, ", %s with TLS", lh_format_count(n->tls_clients, tls, sizeof tls));
  if (code == 0)
    code = lh_buf_addf(out,
                       "\n  connects a second  at most %s\n  messages a second  %s\n  bandwidth out      %s/s payload, "
                       "about %s/s with headers\n",
                       lh_format_count((uint64_t)(n->connects_per_second + 0.5), connects, sizeof connects),
                       format_rate(n->messages_per_second, messages, sizeof messages),
                       lh_format_size((uint64_t)n->bytes_per_second_out, payload, sizeof payload),
                       lh_format_size((uint64_t)p->fit.wire_bytes_per_second, wire, sizeof wire));
  return code;
}

static int add_path(struct lh_buf *out, const struct plan *p, const struct lh_needs_path *path) {
  char clients[32], ports[32];
  bool v6 = strchr(path->host, ':') != NULL;
  int code = lh_buf_addf(out, "  ports              %s", lh_format_count(path->clients, clients, sizeof clients));
  if (code == 0 && p->fit.ports > 0)
    code = lh_buf_addf(out, " of %s (%.0f %%)", lh_format_count(p->fit.ports, ports, sizeof ports),
                       (double)path->clients / (double)p->fit.ports * 100);
  if (code == 0) code = lh_buf_addf(out, " to %s%s%s:%u", v6 ? "[" : "", path->host, v6 ? "]" : "", path->port);
  if (code == 0 && path->source != NULL) code = lh_buf_addf(out, " from %s", path->source);
  return code < 0 ? code : lh_buf_addstr(out, "\n");
}

static int add_host(struct lh_buf *out, const struct plan *p) {
  char each[32], allowed[32], need[32], there[32], rows[32], disk[32];
  int code = lh_buf_addf(out, "\n  workers            %u on %u cores\n  descriptors        %s in each worker, %s allowed\n",
                         p->fit.workers, p->fit.cores, lh_format_count(p->fit.descriptors_each, each, sizeof each),
                         lh_format_count(p->fit.descriptors, allowed, sizeof allowed));
  for (size_t i = 0; i < p->fit.needs.path_count && code == 0; i++) code = add_path(out, p, &p->fit.needs.paths[i]);
  if (code == 0)
    code = lh_buf_addf(
        out, "  memory             about %s, %s available\n  run file           about %s and 90 B each ending, %s free in %s\n",
        lh_format_size(p->fit.memory_bytes, need, sizeof need),
        lh_format_size(p->fit.memory_available_bytes, there, sizeof there), lh_format_size(p->fit.disk_bytes, rows, sizeof rows),
        p->host.disk_known ? lh_format_size(p->host.disk_free_bytes, disk, sizeof disk) : "unknown space",
        p->config->run.store);
  return code;
}

static int render_text(struct lh_buf *out, const struct plan *p) {
  int code = add_head(out, p);
  if (code == 0) code = add_needs(out, p);
  if (code == 0) code = add_host(out, p);
  if (code == 0) code = lh_buf_addstr(out, "\n");
  for (size_t i = 0; i < p->fit.warnings.count && code == 0; i++)
    code = lh_buf_addf(out, "warning: %s\n", p->fit.warnings.items[i]);
  for (size_t i = 0; i < p->fit.problems.count && code == 0; i++)
    code = lh_buf_addf(out, "does not fit: %s\n", p->fit.problems.items[i]);
  return code == 0 && p->fit.problems.count == 0 ? lh_buf_addstr(out, "The config is valid and the plan fits this host.\n")
                                                 : code;
}

/* ---- as JSON ---- */
static int add_strings(struct lh_buf *out, const char *name, const struct lh_strings *list) {
  int code = lh_buf_addf(out, ",\n  \"%s\": [", name);
  for (size_t i = 0; i < list->count && code == 0; i++) {
    if (i > 0) code = lh_buf_addstr(out, ", ");
    if (code == 0) code = lh_buf_addjson(out, list->items[i]);
  }
  return code < 0 ? code : lh_buf_addstr(out, "]");
}

static int add_json_group(struct lh_buf *out, const struct plan *p, const struct lh_group *group, bool first) {
  bool closed_loop;
  double rate = rate_of(p, group, &closed_loop);
  int code = lh_buf_addstr(out, first ? "\n    {\"name\": " : ",\n    {\"name\": ");
  if (code == 0) code = lh_buf_addjson(out, group->name);
  if (code == 0) code = lh_buf_addf(out, ", \"kind\": \"%s\", \"target\": ", lh_kind_name(group->kind));
  if (code == 0) code = group->target == LH_NO_TARGET ? lh_buf_addstr(out, "null") : lh_buf_addjson(out, target_of(p, group));
  if (code == 0)
    code = lh_buf_addf(
        out, ", \"clients\": %" PRIu64 ", \"full_after_s\": %.3f, \"messages_per_second\": %.3f, \"closed_loop\": %s}",
        clients_of(p, group), (double)ramp_end_ns(group) / 1e9, rate, closed_loop ? "true" : "false");
  return code;
}

static int add_json_paths(struct lh_buf *out, const struct plan *p) {
  int code = lh_buf_addstr(out, ",\n  \"paths\": [");
  for (size_t i = 0; i < p->fit.needs.path_count && code == 0; i++) {
    const struct lh_needs_path *path = &p->fit.needs.paths[i];
    code = lh_buf_addstr(out, i > 0 ? ",\n    {\"host\": " : "\n    {\"host\": ");
    if (code == 0) code = lh_buf_addjson(out, path->host);
    if (code == 0) code = lh_buf_addf(out, ", \"port\": %u, \"source\": ", path->port);
    if (code == 0) code = path->source != NULL ? lh_buf_addjson(out, path->source) : lh_buf_addstr(out, "null");
    if (code == 0) code = lh_buf_addf(out, ", \"clients\": %" PRIu64 ", \"ports\": %" PRIu64 "}", path->clients, p->fit.ports);
  }
  return code < 0 ? code : lh_buf_addstr(out, "]");
}

static int render_json(struct lh_buf *out, const struct plan *p) {
  const struct lh_run_config *run = &p->config->run;
  const struct lh_plan_needs *n = &p->fit.needs.plan;
  int code = lh_buf_addf(out, "{\n  \"fits\": %s,\n  \"name\": ", p->fit.problems.count == 0 ? "true" : "false");
  if (code == 0) code = lh_buf_addjson(out, run->name);
  if (code == 0)
    code = lh_buf_addf(out,
                       ",\n  \"duration_s\": %.3f,\n  \"interval_s\": %.3f,\n  \"intervals\": %" PRIu64
                       ",\n  \"shard\": %u,\n  \"shards\": %u,\n  \"groups\": [",
                       (double)run->duration_ns / 1e9, (double)run->interval_ns / 1e9, p->fit.intervals, p->source->shard,
                       p->source->shards);
  for (size_t g = 0; g < p->config->group_count && code == 0; g++) code = add_json_group(out, p, &p->config->groups[g], g == 0);
  if (code == 0)
    code = lh_buf_addf(
        out,
        "],\n  \"clients\": %" PRIu64 ",\n  \"tls_clients\": %" PRIu64 ",\n  \"connects_per_second\": %.1f,\n"
        "  \"messages_per_second\": %.3f,\n  \"payload_bytes_per_second\": %.0f,\n  \"wire_bytes_per_second\": %.0f",
        n->clients, n->tls_clients, n->connects_per_second, n->messages_per_second, n->bytes_per_second_out,
        p->fit.wire_bytes_per_second);
  if (code == 0)
    code = lh_buf_addf(out,
                       ",\n  \"workers\": %u,\n  \"cores\": %u,\n  \"descriptors_each\": %" PRIu64
                       ",\n  \"descriptors_allowed\": %" PRIu64 ",\n  \"memory_bytes\": %" PRIu64
                       ",\n  \"memory_available_bytes\": %" PRIu64 ",\n  \"run_file_bytes\": %" PRIu64
                       ",\n  \"disk_free_bytes\": %" PRIu64,
                       p->fit.workers, p->fit.cores, p->fit.descriptors_each, p->fit.descriptors, p->fit.memory_bytes,
                       p->fit.memory_available_bytes, p->fit.disk_bytes, p->host.disk_free_bytes);
  if (code == 0) code = add_json_paths(out, p);
  if (code == 0) code = add_strings(out, "warnings", &p->fit.warnings);
  if (code == 0) code = add_strings(out, "problems", &p->fit.problems);
  return code < 0 ? code : lh_buf_addstr(out, "\n}\n");
}

/* ---- the command ---- */
/* The run would make the folder; here its nearest parent is asked, so that nothing is left behind. */
static int judge_store(const char *folder) {
  char path[4096];
  struct stat st;
  if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path)
    errno = ENAMETOOLONG;
  else {
    errno = 0;
    while (path[0] != '\0' && stat(path, &st) < 0 && errno == ENOENT) {
      char *slash = strrchr(path, '/');
      if (slash == path && path[1] != '\0') slash++;
      if (slash != NULL)
        *slash = '\0';
      else
        path[0] = '\0';
      errno = 0;
    }
    if (errno == 0 && access(path[0] != '\0' ? path : ".", W_OK | X_OK) == 0 && (path[0] == '\0' || S_ISDIR(st.st_mode)))
      return 0;
    if (errno == 0) errno = ENOTDIR;
  }
  return lh_cli_fail(LH_EXIT_USAGE, "no run file can be written in %s: %s. Choose another folder with --store or run.store",
                     folder, strerror(errno));
}

static int check_main(const struct lh_cli_args *args) {
  struct lh_source source;
  int exit_code = lh_source_load(args, &source);
  if (exit_code == 0) exit_code = judge_store(source.config->run.store);
  if (exit_code == 0) {
    struct plan p = {.config = source.config, .source = &source};
    struct lh_err err = {0};
    struct lh_buf out = LH_BUF_INIT(CHECK_BYTES_MAX);
    int code = lh_fit_host_read(&p.host, source.config, &err);
    if (code == 0) code = lh_fit_make(&p.fit, p.config, source.shard, source.shards, &p.host, &err);
    if (code == 0) code = lh_cli_has(args, "json") ? render_json(&out, &p) : render_text(&out, &p);
    exit_code = lh_cli_print(&out, code);
    if (exit_code == 0 && p.fit.problems.count > 0) exit_code = LH_EXIT_HOST;
    lh_fit_free(&p.fit);
    lh_fit_host_free(&p.host);
  }
  lh_source_free(&source);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul check soak.yaml", "validate the config and see what the plan takes"},
    {"longhaul check soak.yaml --set run.duration=12h --json", "the same for scripts, with a key changed"},
    {0}};

static const struct lh_cli_option options[] = {LH_SOURCE_OPTIONS, {.name = "json", .help = "print JSON"}, {0}};

const struct lh_cli_command lh_cli_check = {
    .name = "check",
    .summary = "validate a config and print what its plan takes",
    .usage = "CONFIG [OPTIONS]",
    .description = "Opens no connection and looks up no name. Prints clients, message and connect rates, "
                   "descriptors, ports for each source address and target, bandwidth, memory and disk. "
                   "Exit code 2: the config has errors; 3: this host cannot carry the plan.",
    .examples = examples,
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .operand = "a config or a URL",
    .complete = LH_COMPLETE_FILE,
    .run = check_main};
