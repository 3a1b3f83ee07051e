#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/source.h"
#include "cli/which_run.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "longhaul/plan/plan.h"
#include "longhaul/run/run.h"
#include "longhaul/store/reader.h"

enum { WORDS_MAX = 2048, EXTRA_WORDS = 6, ANEW_BYTES = 160 };

/* The run that goes on, as its file tells it. */
struct before {
  char *path, *name, *id, *command_line, *config; /* owned */
  uint64_t seed, interval_ns, planned_ns, held_ns;
  uint64_t earlier_ns; /* of the plan, held by parts before it: it is itself the rest of a run */
  int64_t end_wall_us;
  bool unfinished, complete;
  uint64_t *counted; /* owned; how often messages with a count were sent; NULL: the file does not tell */
  size_t counted_cells;
};

static void free_before(struct before *b) {
  free(b->path);
  free(b->name);
  free(b->id);
  free(b->command_line);
  free(b->config);
  free(b->counted);
}

/* The event that a resumed run begins with tells how much of the plan was held before it. */
static int on_event(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text, const char *details) {
  static const char key[] = "\"held_ns\": ";
  struct before *b = context;
  (void)at_ns, (void)group, (void)text;
  const char *held = kind == LH_EVENT_RESUMED && details != NULL ? strstr(details, key) : NULL;
  if (held != NULL) b->earlier_ns = strtoull(held + strlen(key), NULL, 10);
  return 0;
}

static int read_before(struct before *b) {
  struct lh_reader *reader = NULL;
  struct lh_err err = {0};
  if (lh_reader_open(&reader, b->path, &err) < 0) return lh_cli_usage_error("%s", err.text);
  const struct lh_run_row *run = lh_reader_run(reader);
  b->name = strdup(run->name);
  b->id = strdup(run->id);
  b->command_line = strdup(run->command_line);
  b->config = strdup(run->config_masked);
  b->seed = run->seed;
  b->interval_ns = run->interval_ns;
  b->planned_ns = run->duration_ns;
  b->held_ns = run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0;
  b->end_wall_us = run->end_wall_us;
  b->unfinished = run->how == LH_RUN_UNFINISHED;
  b->complete = run->how == LH_RUN_COMPLETE;
  struct lh_reader_visits visits = {.context = b, .event = on_event};
  int failed = lh_reader_visit(reader, 0, UINT32_MAX, &visits, &err);
  if (failed == 0) failed = lh_reader_counted(reader, &b->counted, &b->counted_cells, &err);
  lh_reader_close(reader);
  if (failed < 0) return lh_cli_usage_error("%s", err.text);
  bool all = b->name != NULL && b->id != NULL && b->command_line != NULL && b->config != NULL;
  return all ? 0 : lh_cli_fail(LH_EXIT_TESTER, "no memory for what %s holds", b->path);
}

/* Whether there is a rest to run. A run in progress stores an interval every so often: one that did lately is not taken for
 * crashed, unless --force says so. */
static int check_rest(const struct before *b, bool force) {
  char held[32], planned[32];
  lh_format_duration_brief(b->held_ns, held, sizeof held);
  lh_format_duration_brief(b->planned_ns, planned, sizeof planned);
  if (b->complete) return lh_cli_usage_error("the run of %s is complete: there is no rest of it to run", b->path);
  if (b->held_ns + b->interval_ns > b->planned_ns)
    return lh_cli_usage_error("the run of %s held %s of %s: less than one interval is left", b->path, held, planned);
  int64_t quiet_us = lh_wall_us() - b->end_wall_us, patience_us = (int64_t)(2 * b->interval_ns / LH_NS_PER_US) + 5000000;
  if (b->unfinished && !force && quiet_us < patience_us)
    return lh_cli_usage_error("the run of %s seems to go on: its last interval was stored %.0f s ago. If it does not, wait %.0f s or "
                              "use --force",
                              b->path, (double)(quiet_us > 0 ? quiet_us : 0) / 1e6, (double)(patience_us - quiet_us) / 1e6);
  return 0;
}

/* ---- the command line of before ---- */

/* Splits what main.c joined: words apart by spaces, '...' around what a shell would change, '\'' for a quote within. In place;
 * the number of words, or -1 when there are too many. */
static int split(char *line, char **words, int most) {
  int count = 0;
  char *to = line;
  for (char *at = line; *at != '\0';) {
    while (*at == ' ') at++;
    if (*at == '\0') break;
    if (count == most) return -1;
    words[count++] = to;
    bool quoted = false;
    for (; *at != '\0' && (quoted || *at != ' '); at++) {
      if (!quoted && at[0] == '\\' && at[1] != '\0')
        *to++ = *++at;
      else if (*at == '\'')
        quoted = !quoted;
      else
        *to++ = *at;
    }
    bool last = *at == '\0';
    *to++ = '\0';
    if (last) break;
    at++;
  }
  return count;
}

static int check_words(char *const *words, int count, const struct before *b) {
  if (count < 3 || strcmp(words[1], "run") != 0)
    return lh_cli_usage_error("%s does not tell how its run was started; give the config: longhaul resume RUN CONFIG", b->path);
  for (int i = 2; i < count; i++) {
    if (strstr(words[i], "***") != NULL)
      return lh_cli_usage_error("the run of %s was started with a secret on its command line, which is not kept; give the config and "
                                "its options anew: longhaul resume RUN CONFIG [OPTIONS]",
                                b->path);
    if (strcmp(words[i], "-") == 0)
      return lh_cli_usage_error("the run of %s got its config from standard input, which is not kept; give it anew: longhaul resume "
                                "RUN CONFIG",
                                b->path);
  }
  return 0;
}

/* ---- the config of now ---- */

/* What the rest must have in another way, or may. */
static bool may_differ(const char *line) {
  static const char *const keys[] = {"  duration:", "  interval:", "  seed:", "  store:", "  workers:"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strncmp(line, keys[i], strlen(keys[i])) == 0) return true;
  return false;
}

static const char *next_line(const char *text, size_t *len) {
  for (;; text += *len + (text[*len] == '\n')) {
    *len = strcspn(text, "\n");
    if (*text == '\0' || !may_differ(text)) return text;
  }
}

static int check_config(const char *was, const char *is, const struct before *b) {
  for (;;) {
    size_t was_len, is_len;
    was = next_line(was, &was_len);
    is = next_line(is, &is_len);
    if (was_len != is_len || memcmp(was, is, was_len) != 0)
      return lh_cli_usage_error("the config is not the one of %s any more: \"%.*s\" stood where \"%.*s\" stands. Start a run of its own",
                                b->path, (int)was_len, was, (int)is_len, is);
    if (*was == '\0') return 0;
    was += was_len + (was[was_len] == '\n');
    is += is_len + (is[is_len] == '\n');
  }
}

/* ---- going on ---- */

/* What is in no run file (secrets that a login gave), or belongs to one connection. "; logins and rows of data begin anew" */
static void say_anew(const struct lh_config *config, const struct before *b, char out[ANEW_BYTES]) {
  bool lifetimes = false, logins = false, cookies = false, rows = false;
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_group *group = &config->groups[g];
    lifetimes = lifetimes || group->lifetime_ns;
    logins = logins || group->login.enabled;
    cookies = cookies || group->keeps_cookies;
    rows = rows || (group->data.rows && group->data.order != LH_DATA_PER_CLIENT);
  }
  const struct {
    bool there;
    const char *words;
  } all[] = {{config->run.warmup_ns > 0, "the warm-up"}, {lifetimes, "lifetimes"}, {logins, "logins"}, {cookies, "cookies"},
             {rows, "rows of data"}, {lh_plan_ledger_cells(config) != b->counted_cells, "counts of messages"}};
  size_t count = 0, said = 0, len = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) count += all[i].there;
  out[0] = '\0';
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (!all[i].there) continue;
    const char *before = said == 0 ? "; " : said + 1 == count ? " and " : ", ";
    len += (size_t)snprintf(out + len, ANEW_BYTES - len, "%s%s%s", before, all[i].words, ++said == count ? " begin anew" : "");
  }
}

static int go_on(const struct before *b, struct lh_cli_args *run) {
  struct lh_source source;
  char held[32], planned[32], away[32], anew[ANEW_BYTES] = "", sentence[1024];
  int exit_code = lh_source_load(run, &source);
  if (exit_code == 0) exit_code = check_config(b->config, source.config->masked, b);
  if (exit_code == 0) say_anew(source.config, b, anew);
  lh_source_free(&source);
  if (exit_code != 0) return exit_code;
  int64_t gap_us = lh_wall_us() - b->end_wall_us;
  lh_format_duration_brief(b->held_ns, held, sizeof held);
  lh_format_duration_brief(b->planned_ns, planned, sizeof planned);
  lh_format_duration_brief(gap_us > 0 ? (uint64_t)gap_us * LH_NS_PER_US : 0, away, sizeof away);
  snprintf(sentence, sizeof sentence,
           "this is the rest of a run that held %s of %s, in %s (%s); the %s between them are in neither file, and this verdict is for "
           "the rest alone%s",
           held, planned, b->path, b->id, away, anew);
  struct lh_run_resumed resumed = {.file = b->path,
                                   .id = b->id,
                                   .length_ns = b->held_ns,
                                   .held_ns = b->earlier_ns + b->held_ns,
                                   .sentence = sentence,
                                   .counted = b->counted,
                                   .counted_cells = b->counted_cells};
  run->resumed = &resumed;
  return run->command->run(run);
}

/* The parser borrows the words and changes none. */
static void add_word(char **words, int *count, const char *word) {
  words[(*count)++] = (char *)(uintptr_t)word;
}

/* `words`: "longhaul run CONFIG OPTIONS", to which what makes it the rest is added. */
static int resume_with(const struct before *b, char **words, int count, const char *line) {
  char duration[48], seed[48], interval[48];
  snprintf(duration, sizeof duration, "run.duration=%" PRIu64 "ms", (b->earlier_ns + b->planned_ns) / LH_NS_PER_MS);
  snprintf(seed, sizeof seed, "run.seed=%" PRIu64, b->seed);
  snprintf(interval, sizeof interval, "run.interval=%" PRIu64 "ms", b->interval_ns / LH_NS_PER_MS);
  const char *const more[] = {"--set", duration, "--set", seed, "--set", interval};
  for (size_t i = 0; i < sizeof more / sizeof *more; i++) add_word(words, &count, more[i]);
  struct lh_cli_args run;
  struct lh_err err = {0};
  int exit_code = 0;
  if (lh_cli_parse(&lh_cli_run, count - 2, words + 2, &run, &err) < 0) exit_code = lh_cli_usage_error("%s", err.text);
  run.command_line = line;
  if (exit_code == 0) exit_code = go_on(b, &run);
  lh_cli_args_free(&run);
  return exit_code;
}

/* From the file's own command line, or the config given now with the options given now. */
static int resume(const struct lh_cli_args *args, const struct before *b) {
  char *words[WORDS_MAX + EXTRA_WORDS], *line = strdup(b->command_line);
  int count = 0, exit_code = line != NULL ? 0 : lh_cli_fail(LH_EXIT_TESTER, "no memory for a command line");
  if (exit_code == 0) count = split(line, words, WORDS_MAX);
  if (exit_code == 0 && args->operand_count > 1) {
    count = 0;
    const char *const given[] = {"longhaul", "run", args->operands[1]};
    for (size_t i = 0; i < 3; i++) add_word(words, &count, given[i]);
    for (size_t i = 0; i < args->given_count; i++) {
      if (strcmp(args->given[i].option->name, "set") != 0) continue;
      if (count + 2 > WORDS_MAX) {
        exit_code = lh_cli_usage_error("more than %d settings are too many to resume with", WORDS_MAX / 2);
        break;
      }
      add_word(words, &count, "--set");
      add_word(words, &count, args->given[i].value);
    }
  } else if (exit_code == 0) {
    exit_code = check_words(words, count, b);
  }
  bool as_before = args->operand_count == 1;
  if (exit_code == 0) exit_code = resume_with(b, words, count, as_before ? b->command_line : args->command_line);
  free(line);
  return exit_code;
}

static int resume_main(const struct lh_cli_args *args) {
  struct before before = {0};
  if (args->operand_count == 1 && lh_cli_has(args, "set"))
    return lh_cli_usage_error("--set goes with a config: without one the run is resumed with the settings it was started with. Give "
                              "both anew: longhaul resume %s CONFIG --set KEY=VALUE",
                              args->operands[0]);
  int exit_code = lh_which_run(args, args->operands[0], &before.path);
  if (exit_code == 0) exit_code = read_before(&before);
  if (exit_code == 0) exit_code = check_rest(&before, lh_cli_has(args, "force"));
  if (exit_code == 0) exit_code = resume(args, &before);
  free_before(&before);
  return exit_code;
}

static const struct lh_cli_example examples[] = {
    {"longhaul resume latest", "the rest of a run that was stopped or crashed, as it was started"},
    {"longhaul resume latest soak.yaml", "the same with the config at another place"},
    {0}};

static const struct lh_cli_option options[] = {
    {.name = "set",
     .argument = "KEY=VALUE",
     .complete = LH_COMPLETE_SETTING,
     .repeats = true,
     .help = "with CONFIG: the settings that the run was started with; may be repeated"},
    {.name = "store", .argument = "DIR", .complete = LH_COMPLETE_FOLDER, .help = "folder in which RUN is (default runs/)"},
    {.name = "force", .help = "go on although the run seems to be in progress"},
    {0}};

const struct lh_cli_command lh_cli_resume = {
    .name = "resume",
    .summary = "run the rest of a run that was stopped or crashed",
    .usage = "RUN [CONFIG] [OPTIONS]",
    .description = "Runs the planned time that is left, with the same config, seed and options, into a run file of its own; each "
                   "file names the other. The plan goes on where it stood: ramp stages, `from` and `until` of messages, and "
                   "actions keep their times, and `count` of messages goes on. Clients that were open come back as fast as the ramp opened them at its steepest (at once "
                   "without a ramp, as far as run.connect_rate allows); warm-up, lifetimes, logins, cookies and rows of `data` that are not per client begin anew. The time between the two is in neither file, so it counts for no "
                   "verdict; `longhaul merge` makes one file of both. Without CONFIG the command line of the first part is used again, from this "
                   "folder: a file that its --report names is written anew, for the rest.",
    .examples = examples,
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
    .operand = "a run file, or `latest`",
    .complete = LH_COMPLETE_RUN,
    .run = resume_main};
