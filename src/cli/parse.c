#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* ---- the nearest name ---- */
enum { NAME_LEN_MAX = 63 };

static unsigned least(unsigned a, unsigned b) {
  return a < b ? a : b;
}

/* Edits from a to b: insert, delete, replace, swap neighbours (optimal string alignment). */
static unsigned distance(const char *a, const char *b) {
  unsigned rows[3][NAME_LEN_MAX + 1];
  size_t a_len = strlen(a), b_len = strlen(b);
  if (a_len > NAME_LEN_MAX || b_len > NAME_LEN_MAX) return UINT32_MAX;
  for (unsigned j = 0; j <= b_len; j++) rows[0][j] = j;
  for (unsigned i = 1; i <= a_len; i++) {
    const unsigned *before = rows[(i + 1) % 3], *above = rows[(i - 1) % 3];
    unsigned *row = rows[i % 3];
    row[0] = i;
    for (unsigned j = 1; j <= b_len; j++) {
      row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = least(row[j], before[j - 2] + 1);
    }
  }
  return rows[a_len % 3][b_len];
}

struct nearest {
  const char *name;
  unsigned distance;
};

/* Near is: at most a third of the letters differ, or the typed word begins the name. */
static void consider(struct nearest *best, const char *typed, const char *name) {
  size_t len = strlen(typed);
  unsigned d = len >= 2 && strncmp(name, typed, len) == 0 ? 1 : distance(typed, name);
  if (d <= (strlen(name) + 2) / 3 && d < best->distance) *best = (struct nearest){name, d};
}

const char *lh_cli_nearest_command(const char *name) {
  struct nearest best = {NULL, UINT32_MAX};
  for (size_t i = 0; lh_cli_commands[i] != NULL; i++) consider(&best, name, lh_cli_commands[i]->name);
  return best.name;
}

const struct lh_cli_command *lh_cli_find(const char *name) {
  for (size_t i = 0; lh_cli_commands[i] != NULL; i++)
    if (strcmp(lh_cli_commands[i]->name, name) == 0) return lh_cli_commands[i];
  return NULL;
}

static int unknown_option(const struct lh_cli_command *command, const char *name, struct lh_err *err) {
  struct nearest best = {NULL, UINT32_MAX};
  for (const struct lh_cli_option *o = command->options; o->name != NULL; o++) consider(&best, name, o->name);
  consider(&best, name, "help");
  if (best.name != NULL)
    return lh_err_set(err, EINVAL, "%s has no option --%s; did you mean --%s?", command->name, name, best.name);
  return lh_err_set(err, EINVAL, "%s has no option --%s; see longhaul %s --help", command->name, name, command->name);
}

/* ---- parsing ---- */
struct parser {
  const struct lh_cli_command *command;
  int argc, at;
  char **argv;
  struct lh_cli_args *args;
};

static int take(struct parser *p, const struct lh_cli_option *option, const char *value, struct lh_err *err) {
  for (size_t i = 0; i < p->args->given_count && !option->repeats; i++)
    if (p->args->given[i].option == option) return lh_err_set(err, EINVAL, "--%s is given more than once", option->name);
  p->args->given[p->args->given_count++] = (struct lh_cli_given){option, value};
  return 0;
}

/* 8700 after --dashboard: an address was meant, and no word of its own. */
static bool is_number(const char *word) {
  return word[0] != '\0' && word[strspn(word, "0123456789")] == '\0';
}

static int next_value(struct parser *p, const struct lh_cli_option *option, const char **value, struct lh_err *err) {
  const char *next = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;
  if (option->fits != NULL && (next == NULL || !option->fits(next))) {
    if (next == NULL || !is_number(next)) return 0;
    return lh_err_set(err, EINVAL, "--%s %s is no address to listen on; expected HOST:PORT, such as 127.0.0.1:%s", option->name,
                      next, next);
  }
  if (p->at + 1 >= p->argc)
    return lh_err_set(err, EINVAL, "--%s needs a value: --%s %s", option->name, option->name, option->argument);
  *value = p->argv[++p->at];
  return 0;
}

static int take_long(struct parser *p, const char *text, struct lh_err *err) {
  char name[NAME_LEN_MAX + 1];
  const char *equals = strchr(text, '=');
  size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
  if (len > NAME_LEN_MAX) return lh_err_set(err, EINVAL, "no option has a name as long as --%s", text);
  memcpy(name, text, len);
  name[len] = '\0';
  if (strcmp(name, "help") == 0) {
    p->args->help = true;
    return 0;
  }
  const struct lh_cli_option *o = p->command->options;
  while (o->name != NULL && strcmp(o->name, name) != 0) o++;
  if (o->name == NULL) return unknown_option(p->command, name, err);
  if (o->argument == NULL && equals != NULL) return lh_err_set(err, EINVAL, "--%s takes no value", name);
  const char *value = equals != NULL ? equals + 1 : NULL;
  if (o->argument != NULL && equals == NULL) {
    int code = next_value(p, o, &value, err);
    if (code < 0) return code;
  }
  return take(p, o, value, err);
}

/* -c 1000, -c1000, or several switches in one word. */
static int take_letters(struct parser *p, const char *text, struct lh_err *err) {
  for (; *text != '\0'; text++) {
    if (*text == 'h') {
      p->args->help = true;
      continue;
    }
    const struct lh_cli_option *o = p->command->options;
    while (o->name != NULL && o->letter != *text) o++;
    if (o->name == NULL)
      return lh_err_set(err, EINVAL, "%s has no option -%c; see longhaul %s --help", p->command->name, *text, p->command->name);
    const char *value = NULL;
    if (o->argument != NULL) {
      value = text + 1;
      int code = *value != '\0' ? 0 : next_value(p, o, &value, err);
      if (code < 0) return code;
    }
    int code = take(p, o, value, err);
    if (code < 0 || o->argument != NULL) return code;
  }
  return 0;
}

static int check_operands(const struct lh_cli_args *args, struct lh_err *err) {
  const struct lh_cli_command *c = args->command;
  if (args->operand_count < c->operands_min)
    return lh_err_set(err, EINVAL, "%s needs %s; see longhaul %s --help", c->name, c->operand, c->name);
  if (args->operand_count > c->operands_max)
    return lh_err_set(err, EINVAL, "%s does not know what to do with \"%s\"; see longhaul %s --help", c->name,
                      args->operands[c->operands_max], c->name);
  return 0;
}

int lh_cli_parse(const struct lh_cli_command *command, int argc, char **argv, struct lh_cli_args *args, struct lh_err *err) {
  struct parser p = {.command = command, .argc = argc, .argv = argv, .args = args};
  bool options_over = false;
  *args = (struct lh_cli_args){.command = command};
  size_t letters = 0; /* one word may hold several switches */
  for (int i = 0; i < argc; i++) letters += strlen(argv[i]);
  args->given = calloc(letters + 1, sizeof *args->given);
  args->operands = calloc((size_t)argc + 1, sizeof *args->operands);
  if (args->given == NULL || args->operands == NULL) return lh_err_set(err, ENOMEM, "no memory for the arguments");
  for (; p.at < argc; p.at++) {
    const char *text = argv[p.at];
    int code = 0;
    if (options_over || text[0] != '-' || text[1] == '\0')
      args->operands[args->operand_count++] = text;
    else if (strcmp(text, "--") == 0)
      options_over = true;
    else if (text[1] == '-')
      code = take_long(&p, text + 2, err);
    else
      code = take_letters(&p, text + 1, err);
    if (code < 0) return code;
  }
  return args->help ? 0 : check_operands(args, err);
}

void lh_cli_args_free(struct lh_cli_args *args) {
  free(args->given);
  free(args->operands);
  *args = (struct lh_cli_args){0};
}

const char *lh_cli_value(const struct lh_cli_args *args, const char *name) {
  for (size_t i = args->given_count; i-- > 0;)
    if (strcmp(args->given[i].option->name, name) == 0) return args->given[i].value;
  return NULL;
}

bool lh_cli_has(const struct lh_cli_args *args, const char *name) {
  for (size_t i = 0; i < args->given_count; i++)
    if (strcmp(args->given[i].option->name, name) == 0) return true;
  return false;
}
