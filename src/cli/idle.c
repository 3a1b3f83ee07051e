/* `longhaul idle URL`: connections that are left alone for different times, as a run of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/source.h"
#include "longhaul/analysis/idle.h"
#include "longhaul/base/log.h"
#include "longhaul/base/units.h"
#include "longhaul/run/run.h"
#include "longhaul/store/reader.h"

enum { CONFIG_BYTES_MAX = 1 << 16, CLIENTS_MOST = 100 };
static const uint64_t second_ns = 1000000000, least_ns = 2000000000, answer_most_ns = 10000000000;

struct look {
  const char *url;
  bool is_http;
  uint64_t up_to_ns;
  unsigned clients; /* for each rung */
  uint64_t rungs[LH_IDLE_RUNGS_MAX];
  size_t rung_count;
  struct lh_idle_probe *probes; /* owned; in the order of their endings */
  size_t probe_count, opened;
  struct lh_ending failed; /* the first that was never open; started_ns 0: none */
  uint64_t spoke; /* messages and pings of the server's own */
};

/* How long a sign of life is waited for. */
static uint64_t answer_ns(uint64_t rung_ns) {
  return rung_ns < answer_most_ns ? rung_ns : answer_most_ns;
}

/* ---- arguments ---- */

static int read_args(const struct lh_cli_args *args, struct look *look) {
  const char *up_to = lh_cli_value(args, "up-to"), *clients = lh_cli_value(args, "clients");
  look->url = args->operands[0];
  look->up_to_ns = 11 * 60 * second_ns;
  look->clients = 3;
  bool is_ws = strncmp(look->url, "ws://", 5) == 0 || strncmp(look->url, "wss://", 6) == 0;
  look->is_http = strncmp(look->url, "http://", 7) == 0 || strncmp(look->url, "https://", 8) == 0;
  if (!is_ws && !look->is_http)
    return lh_cli_usage_error("%s is not a URL that can be asked for a sign of life; expected ws, wss, http or https", look->url);
  if (up_to != NULL && (lh_parse_duration(up_to, &look->up_to_ns) < 0 || look->up_to_ns < least_ns))
    return lh_cli_usage_error("--up-to %s is not a time of at least 2s, such as 11m or 1h", up_to);
  if (clients != NULL) {
    char *end;
    unsigned long n = strtoul(clients, &end, 10);
    if (*end != '\0' || n < 1 || n > CLIENTS_MOST)
      return lh_cli_usage_error("--clients %s is not a whole number from 1 to %d", clients, CLIENTS_MOST);
    look->clients = (unsigned)n;
  }
  look->rung_count = lh_idle_rungs(look->up_to_ns, look->rungs, LH_IDLE_RUNGS_MAX);
  return 0;
}

/* ---- the config ---- */

/* What a request asks for: the URL's path with its query. */
static int add_path(const char *url, struct lh_buf *yaml) {
  const char *host = strstr(url, "://") + 3, *path = host + strcspn(host, "/?");
  struct lh_buf whole = LH_BUF_INIT(CONFIG_BYTES_MAX);
  int code = lh_buf_addf(&whole, "%s%s", *path == '/' ? "" : "/", path);
  if (code == 0) code = lh_buf_addjson(yaml, whole.data);
  lh_buf_free(&whole);
  return code;
}

/* A whole period after the opening, so that nothing but silence lies before the first ping or the second request. */
static int add_group(const struct look *look, size_t rung, struct lh_buf *yaml) {
  char ns[32], within[32];
  lh_format_duration(answer_ns(look->rungs[rung]), within, sizeof within);
  const char *after = lh_format_duration(look->rungs[rung], ns, sizeof ns);
  int code = lh_buf_addf(yaml, "  rung_%s: {kind: %s, target: path, connections: %u, reconnect: false, ", after,
                         look->is_http ? "http" : "websocket", look->clients);
  if (code == 0 && !look->is_http) return lh_buf_addf(yaml, "ping: {every: %s, timeout: %s, phase: open}}\n", after, within);
  for (int again = 0; again < 2 && code == 0; again++) {
    code = lh_buf_addf(yaml, "%s{name: %s, after: open, %s%s%sreply: {status: [2xx, 3xx, 4xx, 5xx], within: %s, lost_after: %s}, get: ",
                       again ? ", " : "messages: [", again ? "again" : "first", again ? "delay: " : "", again ? after : "",
                       again ? ", " : "", within, within);
    if (code == 0) code = add_path(look->url, yaml);
    if (code == 0) code = lh_buf_addstr(yaml, "}");
  }
  return code == 0 ? lh_buf_addstr(yaml, "]}\n") : code;
}

/* The run ends as soon as a rung lost all its clients: then the limit is known, and the shorter rungs have answered. Or as soon
 * as none of a rung comes up: then nothing will be known. */
static int make_config(const struct look *look, struct lh_buf *yaml) {
  char text[32];
  int code = lh_buf_addf(yaml, "run: {name: idle, workers: 1, duration: %s}\ntargets:\n  path:\n    url: ",
                         lh_format_duration(look->up_to_ns + answer_ns(look->up_to_ns) + 2 * second_ns, text, sizeof text));
  if (code == 0) code = lh_buf_addjson(yaml, look->url);
  if (code == 0) code = lh_buf_addstr(yaml, "\ngroups:\n");
  for (size_t i = 0; i < look->rung_count && code == 0; i++) code = add_group(look, i, yaml);
  if (code == 0) code = lh_buf_addstr(yaml, "slo:\n");
  for (size_t i = 0; i < look->rung_count && code == 0; i++)
    for (int failed = 0; failed < 2 && code == 0; failed++)
      code = lh_buf_addf(yaml, "  - {metric: rung_%s.%s, below: %u, abort_after: 2s}\n",
                         lh_format_duration(look->rungs[i], text, sizeof text), failed ? "connect_failures" : "drops", look->clients);
  return code;
}

/* ---- what the run file says ---- */

static enum lh_idle_fate fate_of(const struct lh_ending *ending, uint64_t rung_ns) {
  if (ending->open_ns == 0) return LH_IDLE_UNTRIED;
  const bool has_answered = ending->open_ns > rung_ns + answer_ns(rung_ns) + second_ns;
  const bool is_silent = ending->reason == LH_REASON_SILENT_PEER || ending->reason == LH_REASON_REPLY_MISSING;
  if (is_silent) return has_answered ? LH_IDLE_HELD : LH_IDLE_SILENT; /* what came over it later is another story */
  if (lh_reason_side((enum lh_reason)ending->reason) != LH_SIDE_US) return LH_IDLE_DROPPED;
  return has_answered ? LH_IDLE_HELD : LH_IDLE_UNTRIED;
}

static int take_ending(void *context, const struct lh_ending *ending, uint64_t count) {
  struct look *look = context;
  if (ending->open_ns == 0 && look->failed.started_ns == 0) look->failed = *ending;
  for (; count > 0 && look->probe_count < look->rung_count * look->clients; count--) {
    uint64_t rung_ns = look->rungs[ending->group];
    look->opened += ending->open_ns > 0;
    look->probes[look->probe_count++] = (struct lh_idle_probe){.rung_ns = rung_ns,
                                                               .fate = fate_of(ending, rung_ns),
                                                               .idle_ns = ending->idle_ns,
                                                               .reason = (enum lh_reason)ending->reason,
                                                               .code = ending->code};
  }
  return 0;
}

static int take_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *snapshot) {
  (void)k, (void)group;
  struct look *look = context;
  look->spoke += snapshot->counters[LH_COUNTER_incoming] + snapshot->counters[LH_COUNTER_peer_pings];
  return 0;
}

static int read_run(struct look *look, const char *path) {
  struct lh_reader *reader = NULL;
  struct lh_err err = {0};
  const struct lh_reader_visits visits = {.context = look, .ending = take_ending, .interval = take_interval};
  look->probes = calloc(look->rung_count * look->clients, sizeof *look->probes);
  if (look->probes == NULL) return lh_cli_fail(LH_EXIT_TESTER, "no memory for %zu connections", look->rung_count * look->clients);
  int code = lh_reader_open(&reader, path, &err);
  if (code == 0) code = lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err);
  lh_reader_close(reader);
  return code < 0 ? lh_cli_fail(LH_EXIT_TESTER, "%s", err.text) : 0;
}

/* ---- words ---- */

static int print(struct lh_buf *out, int exit_code) {
  int failed = lh_cli_print(out, 0);
  return failed ? failed : exit_code;
}

static int say_why_not(const struct look *look, struct lh_buf *said) {
  const struct lh_ending *failed = &look->failed;
  if (failed->started_ns == 0) return lh_buf_addstr(said, "None was opened.\n");
  return lh_buf_addf(said, "None was opened: %s in stage %s%s%s%s.\n", lh_reason_name((enum lh_reason)failed->reason),
                     lh_stage_name((enum lh_stage)failed->stage), *failed->text ? " (" : "", failed->text, *failed->text ? ")" : "");
}

/* In sentences of one line each; wrapped for a terminal. */
static int print_text(const struct look *look, const struct lh_idle_limit *limit, const char *path, int exit_code) {
  struct lh_buf said = LH_BUF_INIT(CONFIG_BYTES_MAX), out = LH_BUF_INIT(CONFIG_BYTES_MAX);
  int code = lh_idle_say(limit, &said);
  if (code == 0 && limit->kind == LH_IDLE_NOTHING && look->opened == 0)
    code = say_why_not(look, &said);
  if (code == 0 && look->spoke > 0)
    code = lh_buf_addf(&said, "The server spoke by itself %llu times, so that the silences were shorter than meant.\n",
                       (unsigned long long)look->spoke);
  if (code == 0) code = lh_buf_addf(&said, "Each connection and its ending: longhaul report %s\n", path);
  for (char *line = said.data, *end; code == 0 && line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = '\0';
    code = lh_buf_addwords(&out, line, 0, 0);
  }
  lh_buf_free(&said);
  if (code < 0) {
    lh_buf_free(&out);
    return lh_cli_fail(LH_EXIT_TESTER, "no memory for the result");
  }
  return print(&out, exit_code);
}

static int add_code(struct lh_buf *out, int32_t code) {
  return code ? lh_buf_addf(out, ", \"code\": %d", (int)code) : lh_buf_addstr(out, ", \"code\": null");
}

static double seconds(uint64_t ns) {
  return (double)ns / 1e9;
}

static int add_probe(struct lh_buf *out, const struct lh_idle_probe *probe) {
  static const char *const fates[] = {"untried", "held", "dropped", "silent"};
  int code = lh_buf_addf(out, "    {\"left_alone_s\": %.9g, \"fate\": \"%s\"", seconds(probe->rung_ns), fates[probe->fate]);
  if (code == 0 && probe->fate == LH_IDLE_DROPPED) {
    code = lh_buf_addf(out, ", \"silence_s\": %.9g, \"reason\": ", seconds(probe->idle_ns));
    if (code == 0) code = lh_buf_addjson(out, lh_reason_name(probe->reason));
    if (code == 0) code = add_code(out, probe->code);
  }
  return code == 0 ? lh_buf_addstr(out, "}") : code;
}

static int add_limit(struct lh_buf *out, const struct lh_idle_limit *limit) {
  static const char *const kinds[] = {"nothing", "none", "closed", "uneven", "forgotten"};
  int code = lh_buf_addf(out, "  \"limit\": \"%s\", \"low_s\": %.9g, \"high_s\": %.9g, \"count\": %zu, \"of\": %zu", kinds[limit->kind],
                         seconds(limit->low_ns), seconds(limit->high_ns), limit->count, limit->of);
  if (code == 0 && (limit->kind == LH_IDLE_CUT || limit->kind == LH_IDLE_UNEVEN)) {
    code = lh_buf_addf(out, ", \"median_s\": %.9g, \"reason\": ", seconds(limit->middle_ns));
    if (code == 0) code = lh_buf_addjson(out, lh_reason_name(limit->reason));
    if (code == 0) code = add_code(out, limit->code);
  }
  return code == 0 ? lh_buf_addstr(out, ",\n") : code;
}

static int print_json(const struct look *look, const struct lh_idle_limit *limit, const char *path, int exit_code) {
  struct lh_buf out = LH_BUF_INIT(1 << 22);
  int code = lh_buf_addstr(&out, "{\n");
  if (code == 0) code = add_limit(&out, limit);
  if (code == 0) code = lh_buf_addstr(&out, "  \"run_file\": ");
  if (code == 0) code = lh_buf_addjson(&out, path);
  if (code == 0) code = lh_buf_addf(&out, ",\n  \"server_spoke\": %llu,\n  \"connections\": [\n", (unsigned long long)look->spoke);
  for (size_t i = 0; i < look->probe_count && code == 0; i++) {
    code = add_probe(&out, &look->probes[i]);
    if (code == 0) code = lh_buf_addstr(&out, i + 1 < look->probe_count ? ",\n" : "\n");
  }
  if (code == 0) code = lh_buf_addstr(&out, "  ]\n}\n");
  if (code == 0) return print(&out, exit_code);
  lh_buf_free(&out);
  return lh_cli_fail(LH_EXIT_TESTER, "no memory for the result");
}

/* ---- the command ---- */

static int look_at(const struct lh_cli_args *args, struct look *look, const struct lh_source *source) {
  char up_to[32];
  struct lh_run_args run = {.config = source->config,
                            .settings = (const char *const *)source->settings.items,
                            .setting_count = (uint32_t)source->settings.count,
                            .shard = 1,
                            .shards = 1,
                            .program = "/proc/self/exe",
                            .command_line = args->command_line,
                            .quiet = true};
  struct lh_run_result result;
  struct lh_err err = {0};
  fprintf(stderr, "leaving %zu connections alone, for up to %s; it ends as soon as the limit shows (Ctrl-C: tells what is known)\n",
          look->rung_count * look->clients, lh_format_duration_brief(look->up_to_ns, up_to, sizeof up_to));
  lh_log_set_level(LH_LOG_ERROR); /* that connections end is what is looked for: no warning each */
  int code = lh_run(&run, &result, &err), exit_code = 0;
  if (code < 0) exit_code = lh_cli_fail(LH_EXIT_TESTER, "%s", err.text);
  if (result.path != NULL && exit_code == 0) exit_code = read_run(look, result.path);
  if (result.path != NULL && exit_code == 0) {
    struct lh_idle_limit limit = lh_idle_find(look->probes, look->probe_count);
    if (limit.kind == LH_IDLE_NOTHING) exit_code = LH_EXIT_TESTER;
    if (result.interrupted) exit_code = LH_EXIT_INTERRUPTED;
    exit_code = lh_cli_has(args, "json") ? print_json(look, &limit, result.path, exit_code)
                                         : print_text(look, &limit, result.path, exit_code);
  }
  free(result.path);
  return exit_code;
}

static int idle_main(const struct lh_cli_args *args) {
  struct look look = {0};
  struct lh_source source = {0};
  struct lh_buf yaml = LH_BUF_INIT(CONFIG_BYTES_MAX);
  int exit_code = read_args(args, &look);
  if (exit_code == 0 && make_config(&look, &yaml) < 0) exit_code = lh_cli_usage_error("%s is too long a URL", look.url);
  if (exit_code == 0) exit_code = lh_source_load_text(args, yaml.data, &source);
  if (exit_code == 0) exit_code = lh_source_care(&source, lh_cli_has(args, "yes"));
  if (exit_code == 0) exit_code = look_at(args, &look, &source);
  free(look.probes);
  lh_buf_free(&yaml);
  lh_source_free(&source);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul idle wss://gateway.example.test/ws", "how long may a WebSocket be silent on this path?"},
    {"longhaul idle https://www.example.test/healthz --up-to 2m", "the same for keep-alive requests, up to two minutes"},
    {"longhaul idle wss://gateway.example.test/ws --set targets.path.tls.ca=ca.pem", "with a setting of the target"},
    {0}};

static const struct lh_cli_option options[] = {
    {.name = "up-to", .argument = "TIME", .help = "the longest silence that is tried (default 11m)"},
    {.name = "clients", .letter = 'c', .argument = "N", .help = "connections for each time that is tried (default 3)"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .complete = LH_COMPLETE_SETTING,
     .repeats = true,
     .help = "set a key, such as targets.path.headers.Authorization='Bearer x'; may be repeated"},
    {.name = "store", .argument = "DIR", .complete = LH_COMPLETE_FOLDER, .help = "folder of run files (default runs/)"},
    {.name = "yes", .help = "try targets outside of loopback and private networks without asking (authorized: true)"},
    {.name = "json", .help = "print JSON"},
    {0}};

const struct lh_cli_command lh_cli_idle = {
    .name = "idle",
    .summary = "find the idle timeout of a path",
    .usage = "URL [OPTIONS]",
    .description = "Opens some connections, leaves each alone for another time, then asks it for a sign of life: a WebSocket ping, or "
                   "a second request. Tells after which silence connections are closed, and by whom, or forgotten by a NAT or firewall that "
                   "tells nobody; and which devices have such a limit by default.",
    .examples = examples,
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .operand = "a URL",
    .run = idle_main};
