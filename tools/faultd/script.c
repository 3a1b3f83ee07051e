#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/base/units.h"
#include "words.h"

enum arguments {
  ARG_NONE,
  ARG_CODE,
  ARG_TEXT,
  ARG_BAD,
  ARG_SPAN,
  ARG_TIME,
  ARG_STATUS,
  ARG_URL,
  ARG_RATE,
  ARG_SIZE,
  ARG_SIZE_TIME,
  ARG_CHANCE
};

static const struct {
  const char *word;
  enum action_class class;
  enum arguments arguments;
  const char *help;
} actions[ACTION_COUNT] = {
#define X(id, word, class, arguments, help) {word, CLASS_##class, ARG_##arguments, help},
    ACTION_LIST(X)
#undef X
};

static const struct {
  const char *word, *help;
} bad_frames[BAD_COUNT] = {
#define X(id, word, help) {word, help},
    BAD_FRAME_LIST(X)
#undef X
};

const char *action_word(enum action action) {
  return actions[action].word;
}

enum action_class action_class(enum action action) {
  return actions[action].class;
}

/* ---- arguments ---- */

static int read_time(struct words *words, const char *what, uint64_t *ns, struct lh_err *err) {
  struct word *word = words_next(words);
  if (!word) return lh_err_set(err, EINVAL, "%s needs a time, like 500ms or 20s", what);
  if (lh_parse_duration(word->text, ns))
    return lh_err_set(err, EINVAL, "%s needs a time, like 500ms or 20s, not '%s'", what, word->text);
  return 0;
}

static int read_span(struct words *words, const char *what, struct rule *rule, struct lh_err *err) {
  struct word *word = words_peek(words);
  char *dots = word ? strstr(word->text, "..") : NULL;
  if (!dots) {
    int failed = read_time(words, what, &rule->time_ns, err);
    rule->time2_ns = rule->time_ns;
    return failed;
  }
  words_next(words);
  *dots = 0;
  if (lh_parse_duration(word->text, &rule->time_ns) || lh_parse_duration(dots + 2, &rule->time2_ns) ||
      rule->time2_ns < rule->time_ns)
    return lh_err_set(err, EINVAL, "%s needs a time or a span like 100ms..300ms", what);
  return 0;
}

static int read_whole(struct words *words, const char *what, uint64_t least, uint64_t most, uint64_t *value,
                      struct lh_err *err) {
  struct word *word = words_next(words);
  char *end = NULL;
  errno = 0;
  unsigned long long n = word ? strtoull(word->text, &end, 10) : 0;
  if (!word || word->text[0] < '0' || word->text[0] > '9' || *end || errno || n < least || n > most)
    return lh_err_set(err, EINVAL, "%s needs a whole number from %llu to %llu%s%s", what, (unsigned long long)least,
                      (unsigned long long)most, word ? ", not " : "", word ? word->text : "");
  *value = n;
  return 0;
}

/* Takes the next word when it is in quotes. */
static int read_text(struct words *words, struct rule *rule, struct lh_err *err) {
  struct word *word = words_peek(words);
  if (!word || !word->quoted) return 0;
  words_next(words);
  rule->text = malloc(word->len + 1);
  if (!rule->text) return lh_err_set(err, ENOMEM, "out of memory");
  memcpy(rule->text, word->text, word->len + 1);
  rule->text_len = word->len;
  return 0;
}

static int read_code(struct words *words, struct rule *rule, struct lh_err *err) {
  uint64_t code;
  int failed = read_whole(words, "close", 0, 65535, &code, err);
  if (!failed) failed = read_text(words, rule, err);
  if (failed) return failed;
  if (rule->text_len > 123) return lh_err_set(err, EINVAL, "the text of a close frame is at most 123 bytes");
  rule->code = (int)code;
  return 0;
}

static int read_status(struct words *words, struct rule *rule, struct lh_err *err) {
  uint64_t status;
  int failed = read_whole(words, "refuse", 100, 999, &status, err);
  if (!failed) failed = read_text(words, rule, err);
  if (failed) return failed;
  rule->code = (int)status;
  rule->time_ns = LH_NEVER;
  struct word *word = words_peek(words);
  if (!word || strcmp(word->text, "retry-after") != 0) return 0;
  words_next(words);
  return read_time(words, "retry-after", &rule->time_ns, err);
}

static int read_bad_frame(struct words *words, struct rule *rule, struct lh_err *err) {
  struct word *word = words_next(words);
  for (int i = 0; word && i < BAD_COUNT; i++) {
    if (strcmp(word->text, bad_frames[i].word) != 0) continue;
    rule->code = i;
    return 0;
  }
  return lh_err_set(err, EINVAL, "bad-frame needs a kind, '%s' is none (see faultd --help)", word ? word->text : "");
}

static int read_rate(struct words *words, struct rule *rule, struct lh_err *err) {
  struct word *word = words_next(words);
  if (!word || lh_parse_rate(word->text, &rule->rate) || !(rule->rate > 0))
    return lh_err_set(err, EINVAL, "push needs a rate above 0, like 10/s");
  word = words_next(words);
  if (word && lh_parse_size(word->text, &rule->size))
    return lh_err_set(err, EINVAL, "push RATE needs a size, like 200 or 1KiB, not '%s'", word->text);
  return 0;
}

static int read_share(struct words *words, const char *what, double *share, struct lh_err *err) {
  struct word *word = words_next(words);
  if (!word || lh_parse_share(word->text, share) || *share > 1)
    return lh_err_set(err, EINVAL, "%s needs a share, like 10%%", what);
  return 0;
}

static int read_arguments(struct words *words, struct rule *rule, struct lh_err *err) {
  const char *word = action_word(rule->action);
  switch (actions[rule->action].arguments) {
  case ARG_NONE: return 0;
  case ARG_CODE: return read_code(words, rule, err);
  case ARG_TEXT: return read_text(words, rule, err);
  case ARG_BAD: return read_bad_frame(words, rule, err);
  case ARG_SPAN: return read_span(words, word, rule, err);
  case ARG_TIME: return read_time(words, word, &rule->time_ns, err);
  case ARG_STATUS: return read_status(words, rule, err);
  case ARG_RATE: return read_rate(words, rule, err);
  case ARG_CHANCE: return read_share(words, word, &rule->chance, err);
  case ARG_SIZE: return read_whole(words, word, 1, UINT32_MAX, &rule->size, err);
  case ARG_SIZE_TIME:
    rule->time_ns = LH_NS_PER_MS;
    if (read_whole(words, word, 1, UINT32_MAX, &rule->size, err)) return -EINVAL;
    return words_peek(words) ? read_time(words, word, &rule->time_ns, err) : 0;
  case ARG_URL: break;
  }
  struct word *url = words_next(words);
  if (!url) return lh_err_set(err, EINVAL, "redirect needs a URL");
  rule->text = strdup(url->text);
  return rule->text ? 0 : lh_err_set(err, ENOMEM, "out of memory");
}

/* ---- who and when ---- */

static int set_trigger(struct rule *rule, enum trigger trigger, struct lh_err *err) {
  if (rule->trigger != TRIGGER_NONE) return lh_err_set(err, EINVAL, "a rule has one of at, every, after, idle, each, message");
  rule->trigger = trigger;
  return 0;
}

static int read_timed_trigger(struct words *words, const char *word, enum trigger trigger, struct rule *rule,
                              struct lh_err *err) {
  int failed = set_trigger(rule, trigger, err);
  if (!failed) failed = read_time(words, word, &rule->when_ns, err);
  if (!failed && trigger == TRIGGER_EVERY && rule->when_ns == 0) failed = lh_err_set(err, EINVAL, "every needs a time above 0");
  return failed;
}

/* Reads one condition. Returns 1 when the next word is none, 0, or a negative errno. */
static int read_condition(struct words *words, struct rule *rule, struct lh_err *err) {
  struct word *word = words_peek(words);
  if (!word || word->quoted) return 1;
  const char *text = word->text;
  double share;
  static const struct {
    const char *word;
    enum trigger trigger;
  } timed[] = {{"at", TRIGGER_AT}, {"every", TRIGGER_EVERY}, {"after", TRIGGER_AFTER}, {"idle", TRIGGER_IDLE}};
  words_next(words);
  for (size_t i = 0; i < sizeof timed / sizeof *timed; i++)
    if (strcmp(text, timed[i].word) == 0) return read_timed_trigger(words, text, timed[i].trigger, rule, err);
  if (strcmp(text, "all") == 0) return 0;
  if (strcmp(text, "from") == 0) return read_time(words, text, &rule->from_ns, err);
  if (strcmp(text, "to") == 0) return read_time(words, text, &rule->to_ns, err);
  if (strcmp(text, "jitter") == 0) return read_share(words, text, &rule->jitter, err);
  if (strcmp(text, "first") == 0) return read_whole(words, text, 0, UINT64_MAX - 1, &rule->first, err);
  if (strcmp(text, "each") == 0) {
    int failed = set_trigger(rule, TRIGGER_EACH, err);
    return failed ? failed : read_share(words, text, &rule->chance, err);
  }
  if (strcmp(text, "message") == 0) {
    int failed = set_trigger(rule, TRIGGER_MESSAGE, err);
    return failed ? failed : read_whole(words, text, 1, UINT64_MAX - 1, &rule->message, err);
  }
  if (strcmp(text, "path") == 0) {
    struct word *path = words_next(words);
    if (!path || rule->path) return lh_err_set(err, EINVAL, "path needs one prefix of request paths, like /slow");
    rule->path = strdup(path->text);
    return rule->path ? 0 : lh_err_set(err, ENOMEM, "out of memory");
  }
  if (word->len > 1 && text[word->len - 1] == '%' && lh_parse_share(text, &share) == 0 && share <= 1) {
    rule->share = share;
    return 0;
  }
  words->at--;
  return 1;
}

/* What an action may be combined with: see ACTION_CLASS_LIST. */
static int check_rule(const struct rule *rule, struct lh_err *err) {
  const char *word = action_word(rule->action);
  bool message = rule->trigger == TRIGGER_EACH || rule->trigger == TRIGGER_MESSAGE;
  if (rule->to_ns <= rule->from_ns) return lh_err_set(err, EINVAL, "`to` must be later than `from`");
  if (rule->jitter > 0 && rule->trigger != TRIGGER_AFTER) return lh_err_set(err, EINVAL, "jitter belongs to after");
  switch (action_class(rule->action)) {
  case CLASS_MOMENT:
    if (rule->trigger == TRIGGER_NONE)
      return lh_err_set(err, EINVAL, "%s happens at one moment: say at, every, after, idle, each or message", word);
    if (rule->action == ACTION_SEND && !rule->text) return lh_err_set(err, EINVAL, "send needs a text in quotes");
    return 0;
  case CLASS_REPLY:
    return rule->trigger == TRIGGER_NONE || message
               ? 0
               : lh_err_set(err, EINVAL, "%s is done to replies: say each, message or nothing", word);
  case CLASS_ACCEPT:
    if (rule->path) return lh_err_set(err, EINVAL, "%s is done before a request came: it cannot have a path", word);
    break;
  case CLASS_LISTENER:
    if (rule->to_ns == LH_NEVER || rule->share < 1 || rule->path || rule->first != UINT64_MAX)
      return lh_err_set(err, EINVAL, "%s is done to the listening sockets: say from T to T and nothing else", word);
    break;
  case CLASS_REQUEST:
  case CLASS_MODE: break;
  }
  return rule->trigger == TRIGGER_NONE
             ? 0
             : lh_err_set(err, EINVAL, "%s holds as long as it is in force: say from T to T or nothing", word);
}

/* ---- rules ---- */

static void free_rule(struct rule *rule) {
  free(rule->path);
  free(rule->text);
  free(rule->source);
}

static int read_rule(struct words *words, struct rule *rule, struct lh_err *err) {
  int result;
  while ((result = read_condition(words, rule, err)) == 0) continue;
  if (result < 0) return result;
  struct word *word = words_next(words);
  if (!word) return lh_err_set(err, EINVAL, "an action is missing (see faultd --help)");
  int found = 0;
  while (found < ACTION_COUNT && strcmp(actions[found].word, word->text) != 0) found++;
  if (found == ACTION_COUNT)
    return lh_err_set(err, EINVAL, "'%s' is no condition and no action (see faultd --help)", word->text);
  rule->action = (enum action)found;
  result = read_arguments(words, rule, err);
  if (result) return result;
  /* "drop all" and "rst 10%" read better to some than "all drop". */
  while ((result = read_condition(words, rule, err)) == 0) continue;
  if (result < 0) return result;
  if (words_peek(words)) return lh_err_set(err, EINVAL, "'%s' is one word too many", words_peek(words)->text);
  return check_rule(rule, err);
}

static void index_rule(struct script *script, unsigned number) {
  const struct rule *rule = &script->rules[number];
  uint64_t bit = UINT64_C(1) << number;
  script->of_trigger[rule->trigger] |= bit;
  script->of_class[action_class(rule->action)] |= bit;
  script->of_action[rule->action] |= bit;
  if (rule->trigger == TRIGGER_EACH || rule->trigger == TRIGGER_MESSAGE || action_class(rule->action) == CLASS_REPLY ||
      rule->action == ACTION_NO_ECHO || rule->action == ACTION_FRAGMENT)
    script->per_message |= bit;
}

static int add_line(struct script *script, const char *line, size_t len, struct lh_err *err) {
  struct words words;
  int failed = words_cut(&words, line, len, err);
  if (failed || words.count == 0) return failed;
  if (script->count == SCRIPT_RULES_MAX) return lh_err_set(err, EINVAL, "a script has at most %d rules", SCRIPT_RULES_MAX);
  struct rule *rule = &script->rules[script->count];
  *rule = (struct rule){.share = 1, .first = UINT64_MAX, .to_ns = LH_NEVER};
  rule->source = strndup(line, len);
  failed = rule->source ? read_rule(&words, rule, err) : lh_err_set(err, ENOMEM, "out of memory");
  if (failed) {
    free_rule(rule);
    return failed;
  }
  index_rule(script, script->count++);
  return 0;
}

int script_add(struct script *script, const char *name, const char *text, struct lh_err *err) {
  for (unsigned line = 1; *text; line++) {
    size_t len = strcspn(text, "\n");
    int failed = add_line(script, text, len, err);
    if (failed) {
      lh_err_prefix(err, "%s:%u: %.*s", name, line, (int)len, text);
      return failed;
    }
    text += len + (text[len] == '\n');
  }
  return 0;
}

void script_free(struct script *script) {
  if (!script) return;
  for (unsigned i = 0; i < script->count; i++) free_rule(&script->rules[i]);
  script->count = 0;
}

uint64_t script_random(const struct script *script, const struct rule *rule, uint64_t number, uint64_t n) {
  uint64_t place = (uint64_t)(rule - script->rules);
  return lh_rng_at(script->seed, LH_RNG_SIM, number, n * SCRIPT_RULES_MAX + place);
}

uint64_t script_span_ns(const struct script *script, const struct rule *rule, uint64_t number, uint64_t n) {
  uint64_t span = rule->time2_ns - rule->time_ns;
  return span == 0 ? rule->time_ns : rule->time_ns + lh_rng_below(script_random(script, rule, number, n), span + 1);
}

uint64_t script_rules_for(const struct script *script, uint64_t number, const char *path) {
  uint64_t mask = 0;
  for (unsigned i = 0; i < script->count; i++) {
    const struct rule *rule = &script->rules[i];
    if (number > rule->first) continue;
    if (rule->path && (!path || strncmp(path, rule->path, strlen(rule->path)) != 0)) continue;
    /* Rules of `every` draw a fresh share each time they come round. */
    if (rule->share < 1 && rule->trigger != TRIGGER_EVERY && lh_rng_unit(script_random(script, rule, number, 0)) >= rule->share)
      continue;
    mask |= UINT64_C(1) << i;
  }
  return mask;
}

void script_print_words(void) {
  static const char *const classes[] = {"At a moment (at, every, after, idle, each, message):",
                                        "To replies (each, message, or every one):",
                                        "To requests and upgrades:",
                                        "When a connection is accepted:",
                                        "How connections are served:",
                                        "To the listening sockets (from T to T):"};
  for (int class = 0; class <= CLASS_LISTENER; class ++) {
    printf("\n%s\n", classes[class]);
    for (int i = 0; i < ACTION_COUNT; i++)
      if ((int)actions[i].class == class) printf("  %-15s %s\n", actions[i].word, actions[i].help);
  }
  printf("\nKinds of bad-frame:\n");
  for (int i = 0; i < BAD_COUNT; i++) printf("  %-15s %s\n", bad_frames[i].word, bad_frames[i].help);
}
