#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/check.h"
#include "longhaul/base/units.h"
#include "longhaul/run/care.h"

enum { CHECK_BYTES_MAX = 4 << 20, VALUE_AT = 21 };

/* ---- figures of one group ---- */
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

struct lh_check_group lh_check_group(const struct lh_check *p, const struct lh_group *group) {
  struct lh_sending sending = lh_plan_sending(group);
  uint64_t clients = lh_slice_count(lh_plan_slice(p->source->shard - 1, p->source->shards, 0, 1), group->connections);
  return (struct lh_check_group){.target = group->target == LH_NO_TARGET ? NULL : p->config->targets[group->target].name,
                                 .clients = clients,
                                 .full_after_ns = ramp_end_ns(group),
                                 .messages_per_second =
                                     sending.messages_per_second * (double)clients * lh_plan_let_in(p->config, group),
                                 .closed_loop = sending.closed_loop};
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
  return text != NULL && (int)strlen(text) > width ? (int)strlen(text) : width;
}

static struct widths widths_of(const struct lh_check *p) {
  struct widths w = {(int)strlen("group"), (int)strlen("kind"), (int)strlen("target")};
  for (size_t g = 0; g < p->config->group_count; g++) {
    const struct lh_group *group = &p->config->groups[g];
    w = (struct widths){longer(w.group, group->name), longer(w.kind, lh_kind_name(group->kind)),
                        longer(w.target, lh_check_group(p, group).target)};
  }
  return w;
}

static int add_group(struct lh_buf *out, const struct lh_check *p, struct widths w, const struct lh_group *group) {
  char clients[32], ramp[32], rate[32];
  struct lh_check_group g = lh_check_group(p, group);
  return lh_buf_addf(out, "  %-*s  %-*s  %-*s  %10s  %10s  %10s%s\n", w.group, group->name, w.kind, lh_kind_name(group->kind),
                     w.target, g.target != NULL ? g.target : "", lh_format_count(g.clients, clients, sizeof clients),
                     lh_format_duration(g.full_after_ns, ramp, sizeof ramp),
                     format_rate(g.messages_per_second, rate, sizeof rate), g.closed_loop ? " and replies'" : "");
}

static int add_head(struct lh_buf *out, const struct lh_check *p) {
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

static int add_needs(struct lh_buf *out, const struct lh_check *p) {
  const struct lh_plan_needs *n = &p->fit.needs.plan;
  char clients[32], wanted[32], tls[32], connects[32], messages[32], payload[32], wire[32];
  int code = lh_buf_addf(out, "\n  clients at once    %s", lh_format_count(n->clients, clients, sizeof clients));
  if (code == 0 && n->wanted > n->clients)
    code = lh_buf_addf(out, " of %s (connections_max)", lh_format_count(n->wanted, wanted, sizeof wanted));
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

static int add_path(struct lh_buf *out, const struct lh_check *p, const struct lh_needs_path *path) {
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

static int add_host(struct lh_buf *out, const struct lh_check *p) {
  char each[32], allowed[32], need[32], there[32], rows[32], disk[32];
  int code = lh_buf_addf(out, "\n  workers            %u on %u cores\n  descriptors        %s in each worker, %s allowed\n",
                         p->fit.workers, p->fit.cores, lh_format_count(p->fit.descriptors_each, each, sizeof each),
                         lh_format_count(p->fit.descriptors, allowed, sizeof allowed));
  for (size_t i = 0; i < p->fit.needs.path_count && code == 0; i++) code = add_path(out, p, &p->fit.needs.paths[i]);
  if (code == 0)
    code = lh_buf_addf(
        out, "  memory             about %s, %s available\n  run file           about %s and 90 B each ending, %s free in %s\n",
        lh_format_size(p->fit.memory_bytes, need, sizeof need),
        lh_format_size(p->fit.memory_available_bytes, there, sizeof there),
        lh_format_size(p->fit.disk_bytes, rows, sizeof rows),
        p->host.disk_known ? lh_format_size(p->host.disk_free_bytes, disk, sizeof disk) : "unknown space",
        p->config->run.store);
  return code;
}

/* ---- care with targets ---- */
static const char *outlook_words(enum lh_outlook outlook) {
  static const char *const words[] = {
      [LH_OUTLOOK_AUTHORIZED] = "authorized",
      [LH_OUTLOOK_DENIED] = "denied: it is never connected to",
      [LH_OUTLOOK_ASKED] = "not authorized: `run` asks for `authorized: true` or --yes",
      [LH_OUTLOOK_NAMED] =
          "looked up by `run`, which asks for `authorized: true` or --yes where it leads outside of private networks"};
  return words[outlook];
}

/* Private targets need no word. */
static int add_outlook(struct lh_buf *out, const struct lh_check *p, uint32_t number, bool *any) {
  const struct lh_target *target = &p->config->targets[number];
  char address[LH_ADDRESS_TEXT_MAX], line[512];
  enum lh_outlook outlook = lh_care_outlook(p->config, number, address);
  if (outlook == LH_OUTLOOK_PRIVATE || !lh_care_is_used(p->config, number)) return 0;
  snprintf(line, sizeof line, "%s (%s): %s", target->name, address[0] != '\0' ? address : target->host, outlook_words(outlook));
  int code = lh_buf_addf(out, "  %-*s", VALUE_AT - 2, *any ? "" : "outside targets");
  *any = true;
  return code < 0 ? code : lh_buf_addwords(out, line, VALUE_AT, VALUE_AT);
}

static int add_outlooks(struct lh_buf *out, const struct lh_check *p) {
  bool any = false;
  int code = 0;
  for (uint32_t i = 0; i < p->config->target_count && code == 0; i++) code = add_outlook(out, p, i, &any);
  return code;
}

/* Further lines stand under the words, not under what they begin with. */
static int add_sentences(struct lh_buf *out, const char *begin, const struct lh_strings *list) {
  enum { INDENT = 2 };
  int code = 0;
  for (size_t i = 0; i < list->count && code == 0; i++) {
    code = lh_buf_addstr(out, begin);
    if (code == 0) code = lh_buf_addwords(out, list->items[i], strlen(begin), INDENT);
  }
  return code;
}

static int render_text(struct lh_buf *out, const struct lh_check *p) {
  int code = add_head(out, p);
  if (code == 0) code = add_needs(out, p);
  if (code == 0) code = add_host(out, p);
  if (code == 0) code = add_outlooks(out, p);
  if (code == 0) code = lh_buf_addstr(out, "\n");
  if (code == 0) code = add_sentences(out, "warning:", &p->fit.warnings);
  if (code == 0) code = add_sentences(out, "does not fit:", &p->fit.problems);
  if (code < 0) return code;
  return lh_buf_addstr(out, p->fit.problems.count == 0 ? "The config is valid and the plan fits this host.\n"
                                                       : "`longhaul doctor` with this config says how to raise each limit.\n");
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
    struct lh_check p = {.config = source.config, .source = &source};
    struct lh_err err = {0};
    struct lh_buf out = LH_BUF_INIT(CHECK_BYTES_MAX);
    int code = lh_fit_host_read(&p.host, source.config, &err);
    if (code == 0) code = lh_fit_make(&p.fit, p.config, source.shard, source.shards, &p.host, &err);
    if (code == 0) code = lh_cli_has(args, "json") ? lh_check_json(&p, &out) : render_text(&out, &p);
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
