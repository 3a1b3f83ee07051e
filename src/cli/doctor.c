#include "cli/doctor.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/source.h"
#include "cli/which_run.h"
#include "longhaul/base/log.h"
#include "longhaul/run/probe.h"

enum { DOCTOR_BYTES_MAX = 4 << 20 };

/* ---- reading the host ---- */
/* What cannot be counted is said and left out of the judgement. */
static int examine(struct lh_doctor *d, const struct lh_source *source) {
  struct lh_err err = {0};
  struct lh_strings missed = {0};
  int code = source->config ? lh_needs_make(&d->needs, source->config, source->shard, source->shards, &err)
                            : lh_needs_plain(&d->needs, false, &err);
  if (code == 0) code = lh_ladder_read(&d->ladder, &d->facts, &d->needs, &missed, &err);
  for (size_t i = 0; i < missed.count; i++) lh_log(LH_LOG_WARNING, "%s", missed.items[i]);
  lh_strings_free(&missed);
  return code < 0 ? lh_cli_fail(LH_EXIT_TESTER, "%s", err.text) : 0;
}

static void free_doctor(struct lh_doctor *d) {
  for (size_t i = 0; i < d->change_count; i++) {
    free(d->changes[i].name);
    free(d->changes[i].was);
    free(d->changes[i].now);
  }
  free(d->changes);
  free(d->compared);
  free(d->compared_at);
  lh_ladder_free(d->ladder);
  lh_needs_free(&d->needs);
  lh_facts_free(&d->facts);
}

/* ---- the command ---- */
static int print(const struct lh_doctor *d, const struct lh_cli_args *args) {
  struct lh_buf out = LH_BUF_INIT(DOCTOR_BYTES_MAX);
  int code;
  if (lh_cli_has(args, "json"))
    code = lh_doctor_json(d, &out);
  else if (lh_cli_has(args, "fix-script"))
    code = lh_doctor_script(d, &out);
  else
    code = lh_doctor_text(d, lh_cli_stdout_color(), &out);
  int exit_code = lh_cli_print(&out, code);
  return exit_code == 0 && !lh_ladder_fits(d->ladder) ? LH_EXIT_HOST : exit_code;
}

static int compare(struct lh_doctor *d, const struct lh_cli_args *args) {
  const char *name = lh_cli_value(args, "compare");
  char *path = NULL;
  struct lh_err err = {0};
  if (name == NULL) return 0;
  int exit_code = lh_which_run(args, name, &path);
  if (exit_code == 0 && lh_doctor_compare(d, path, &err) < 0) exit_code = lh_cli_usage_error("%s", err.text);
  free(path);
  return exit_code;
}

/* ---- the probe ---- */
static int parse_most(const struct lh_cli_args *args, uint64_t *most) {
  const char *text = lh_cli_value(args, "most");
  *most = LH_PROBE_MOST;
  if (text == NULL) return 0;
  char *end;
  errno = 0;
  unsigned long n = strtoul(text, &end, 10);
  if (errno != 0 || *end != '\0' || text[0] == '-' || n < 1 || n > LH_CLIENTS_MAX)
    return lh_cli_usage_error("--most %s is not a whole number from 1 to %d", text, LH_CLIENTS_MAX);
  *most = n;
  return 0;
}

static int probe(struct lh_doctor *d, const struct lh_cli_args *args, struct lh_source *source, struct lh_probe *out) {
  struct lh_probe_args probe_args = {
      .config = d->config, .targets = lh_cli_has(args, "targets"), .needs = &d->needs, .program = "/proc/self/exe"};
  struct lh_err err = {0};
  if (!lh_cli_has(args, "probe"))
    return probe_args.targets ? lh_cli_usage_error("--targets says where --probe connects to: give --probe as well") : 0;
  int exit_code = parse_most(args, &probe_args.most);
  if (exit_code == 0 && probe_args.targets) exit_code = lh_source_care(source, lh_cli_has(args, "yes"));
  probe_args.settings = (const char *const *)source->settings.items;
  probe_args.setting_count = (uint32_t)source->settings.count;
  if (exit_code != 0) return exit_code;
  int code = lh_probe_make(out, &probe_args, &err);
  if (code < 0)
    return lh_cli_fail(code == -EINVAL  ? LH_EXIT_USAGE
                       : code == -EINTR ? LH_EXIT_INTERRUPTED
                                        : LH_EXIT_TESTER,
                       "%s", err.text);
  d->probe = out;
  if (isnan(out->target_each)) return 0;
  lh_ladder_free(d->ladder); /* what was assumed of the target is known now */
  d->ladder = NULL;
  return lh_ladder_make(&d->ladder, &d->facts, &d->needs, &err) < 0 ? lh_cli_fail(LH_EXIT_TESTER, "%s", err.text) : 0;
}

/* Options that say something about a config's plan mean nothing without one. */
static int refuse_without_config(const struct lh_cli_args *args) {
  for (size_t i = 0; i < args->given_count; i++) {
    const char *name = args->given[i].option->name;
    static const char *const without[] = {"json", "fix-script", "compare", "store", "probe", "most"};
    bool known = false;
    for (size_t n = 0; n < sizeof without / sizeof *without; n++) known = known || strcmp(name, without[n]) == 0;
    if (!known)
      return lh_cli_usage_error("--%s is about a plan: give a config or a URL as well", name);
  }
  return 0;
}

static int doctor_main(const struct lh_cli_args *args) {
  struct lh_source source = {.shard = 1, .shards = 1};
  if (lh_cli_has(args, "fix-script") && (lh_cli_has(args, "json") || lh_cli_has(args, "compare")))
    return lh_cli_usage_error("--fix-script prints a script alone: leave out --json and --compare");
  int exit_code = args->operand_count > 0 ? lh_source_load(args, &source) : refuse_without_config(args);
  if (exit_code == 0) {
    struct lh_doctor d = {.config = source.config};
    exit_code = examine(&d, &source);
    if (exit_code == 0) exit_code = compare(&d, args);
    struct lh_probe made;
    if (exit_code == 0) exit_code = probe(&d, args, &source, &made);
    if (exit_code == 0) exit_code = print(&d, args);
    free_doctor(&d);
  }
  lh_source_free(&source);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul doctor", "how many clients this host can hold, what binds first, how to raise it"},
    {"longhaul doctor soak.yaml", "the same for a plan"},
    {"longhaul doctor soak.yaml --fix-script > fix.sh", "the commands as a script, to be read and run"},
    {"longhaul doctor --compare latest", "what changed on this host since the last run"},
    {"longhaul doctor soak.yaml --probe", "and whether it is so: opens the connections for a moment, on this host"},
    {"longhaul doctor soak.yaml --probe --targets --most 2000", "the same towards the plan's own targets, 2,000 at most"},
    {0}};

static const struct lh_cli_option options[] = {
    LH_SOURCE_OPTIONS,
    {.name = "probe",
     .help = "prove it: open connections to a listener of its own until the plan is met or something refuses, then close them"},
    {.name = "targets", .help = "with --probe: connect to the config's own targets in place of a listener of its own"},
    {.name = "yes", .help = "with --targets: also to targets outside of loopback and private networks (authorized: true)"},
    {.name = "most", .argument = "N", .help = "with --probe: open at most N connections (default 10000)"},
    {.name = "json", .help = "print JSON"},
    {.name = "compare",
     .argument = "RUN",
     .complete = LH_COMPLETE_RUN,
     .help = "show as well what changed on this host since that run: a run file, its name, or latest"},
    {.name = "fix-script", .help = "print a commented shell script that raises what is short; it is not run"},
    {0}};

const struct lh_cli_command lh_cli_doctor = {
    .name = "doctor",
    .summary = "which limit of this host binds first, and how to raise it",
    .usage = "[CONFIG] [OPTIONS]",
    .description = "Reads every limit that caps held connections and turns each into the clients it allows, "
                   "for the plan of a config or else for one plain target: what binds first stands first, "
                   "with the commands that raise it now and for good. Changes nothing, and opens no "
                   "connection without --probe. Exit code 3: the plan does not fit.",
    .examples = examples,
    .options = options,
    .operands_max = 1,
    .operand = "a config or a URL",
    .complete = LH_COMPLETE_FILE,
    .run = doctor_main};
