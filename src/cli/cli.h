/* What the subcommands share: the command table, parsed arguments, exit codes, small helpers.
 *
 * Glossary
 *   command  one subcommand; its row in the table drives parsing, help, the man page and the completion
 *   operand  an argument that is not an option
 */
#ifndef LH_CLI_CLI_H
#define LH_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

/* X(ID, code, meaning): the help and the man page print this table. */
#define LH_EXIT_LIST(X)                                                                                                        \
  X(PASSED, 0, "passed")                                                                                                       \
  X(SLO_FAILED, 1, "an objective (SLO) failed")                                                                                \
  X(USAGE, 2, "wrong usage, or the config has an error")                                                                       \
  X(HOST, 3, "this host cannot carry the plan")                                                                                \
  X(TESTER, 4, "inconclusive, or the tester itself failed")                                                                    \
  X(INTERRUPTED, 130, "interrupted; the run file is complete up to that point, and a report is still written")

enum lh_exit {
#define X(id, code, meaning) LH_EXIT_##id = code,
  LH_EXIT_LIST(X)
#undef X
};

/* What a shell may offer in the place of a value. */
enum lh_complete {
  LH_COMPLETE_NOTHING,
  LH_COMPLETE_FILE,
  LH_COMPLETE_FOLDER,
  LH_COMPLETE_KEY,
  LH_COMPLETE_SETTING,
  LH_COMPLETE_RUN,
  LH_COMPLETE_WORDS
};

struct lh_cli_option {
  const char *name;     /* without dashes */
  char letter;          /* 0: none */
  const char *argument; /* "FILE"; NULL: a switch */
  bool (*fits)(const char *word); /* not NULL: the argument may be left out; the next word is one only when it fits */
  enum lh_complete complete;
  const char *words; /* LH_COMPLETE_WORDS: "html md json text" */
  bool repeats;
  const char *help;
  bool secret; /* its value is kept out of the command line that run files hold */
};

struct lh_cli_example {
  const char *command, *what;
};

struct lh_cli_args;
struct lh_run_resumed;

struct lh_cli_command {
  const char *name;
  const char *summary;                   /* for the list of commands */
  const char *usage;                     /* after "longhaul NAME" */
  const char *description;               /* one paragraph */
  const struct lh_cli_example *examples; /* ends with {0} */
  const struct lh_cli_option *options;   /* ends with {0} */
  unsigned operands_min, operands_max;
  const char *operand;       /* what is missing when there are too few: "a config or a URL" */
  enum lh_complete complete; /* of operands */
  int (*run)(const struct lh_cli_args *args);
};

/* Each row stands in its command's file. The table ends with NULL and is in the order of a user's day. */
extern const struct lh_cli_command lh_cli_run, lh_cli_check, lh_cli_doctor, lh_cli_explain, lh_cli_report, lh_cli_runs,
    lh_cli_compare, lh_cli_mark, lh_cli_idle, lh_cli_merge, lh_cli_resume;
extern const struct lh_cli_command *const lh_cli_commands[];

struct lh_cli_given {
  const struct lh_cli_option *option;
  const char *value; /* borrowed; NULL for a switch, or when it was left out */
};

struct lh_cli_args {
  const struct lh_cli_command *command;
  struct lh_cli_given *given; /* owned, in order */
  size_t given_count;
  const char **operands; /* owned array, borrowed strings */
  size_t operand_count;
  bool help;                /* --help or -h was among them */
  const char *command_line; /* as typed, for run files */
  const struct lh_run_resumed *resumed; /* of `run`: the run that this one goes on from (longhaul/run/run.h), or NULL */
};

/* ---- parse.c ---- */
/* argv[0] is the first argument after the command. -EINVAL with a sentence that names the nearest known option. */
int lh_cli_parse(const struct lh_cli_command *command, int argc, char **argv, struct lh_cli_args *args, struct lh_err *err);
void lh_cli_args_free(struct lh_cli_args *args);
/* The value given last, or NULL. */
const char *lh_cli_value(const struct lh_cli_args *args, const char *name);
bool lh_cli_has(const struct lh_cli_args *args, const char *name);
const struct lh_cli_command *lh_cli_find(const char *name);
/* The command nearest to a mistyped name, or NULL when none is near. */
const char *lh_cli_nearest_command(const char *name);

/* ---- help.c ---- */
int lh_cli_help(struct lh_buf *out);
int lh_cli_command_help(const struct lh_cli_command *command, struct lh_buf *out);
/* ---- manual.c ---- */
int lh_cli_man(struct lh_buf *out);
int lh_cli_completion(struct lh_buf *out);

/* ---- output.c ---- */
/* "longhaul: SENTENCE" on stderr; returns LH_EXIT_USAGE. */
int lh_cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
int lh_cli_fail(int exit_code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes to a file ("-": stdout), by way of a new file beside it, so that a reader never sees half of it. */
int lh_cli_write(const char *path, const struct lh_buf *text, struct lh_err *err);
/* Exit code for what lh_cli_write returned: a path that cannot be is the user's to mend (LH_EXIT_USAGE), a full disk is not. */
int lh_cli_exit_of_write(int code);
/* Prints to stdout and frees; the exit code: 0, or LH_EXIT_TESTER when it could not be written. */
int lh_cli_print(struct lh_buf *text, int code);
int lh_cli_print_text(const char *text);
enum { LH_COMMAND_LINE_MAX = 1 << 20 };
/* One word of a command line after a blank; quoted when a shell would split or change it. 0 or -errno. */
int lh_cli_add_word(struct lh_buf *line, const char *word);
bool lh_cli_stdout_color(void);
bool lh_cli_stderr_color(void);
bool lh_cli_stderr_live(void); /* a terminal that can redraw in place */

#endif
