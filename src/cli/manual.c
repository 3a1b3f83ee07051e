/* The man page and the bash completion, from the same tables as the help. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "longhaul/config/options.h"

/* ---- roff ---- */
static int add_roff_option(struct lh_buf *out, const struct lh_cli_option *o) {
  int code = lh_buf_addstr(out, ".TP\n");
  if (code == 0 && o->letter != 0) code = lh_buf_addf(out, "\\fB\\-%c\\fR, ", o->letter);
  if (code == 0) code = lh_buf_addstr(out, "\\fB\\-\\-");
  if (code == 0) code = lh_explain_roff(out, o->name);
  if (code == 0) code = lh_buf_addstr(out, "\\fR");
  if (code == 0 && o->argument != NULL) {
    code = lh_buf_addstr(out, o->fits != NULL ? " [\\fI" : " \\fI");
    if (code == 0) code = lh_explain_roff(out, o->argument);
    if (code == 0) code = lh_buf_addstr(out, o->fits != NULL ? "\\fR]" : "\\fR");
  }
  if (code == 0) code = lh_buf_addstr(out, "\n");
  if (code == 0) code = lh_explain_roff(out, o->help);
  return code < 0 ? code : lh_buf_addstr(out, "\n");
}

static int add_roff_command(struct lh_buf *out, const struct lh_cli_command *c) {
  int code = lh_buf_addf(out, ".SS %s\n", c->name);
  if (code == 0) code = lh_explain_roff(out, c->summary);
  if (code == 0) code = lh_buf_addstr(out, ".\n.PP\n.nf\nlonghaul ");
  if (code == 0) code = lh_buf_addf(out, "%s ", c->name);
  if (code == 0) code = lh_explain_roff(out, c->usage);
  if (code == 0) code = lh_buf_addstr(out, "\n.fi\n.PP\n");
  if (code == 0) code = lh_explain_roff(out, c->description);
  if (code == 0) code = lh_buf_addstr(out, "\n");
  for (const struct lh_cli_option *o = c->options; o->name != NULL && code == 0; o++) code = add_roff_option(out, o);
  return code;
}

static int add_roff_examples(struct lh_buf *out) {
  int code = lh_buf_addstr(out, ".SH EXAMPLES\n");
  for (size_t i = 0; lh_cli_commands[i] != NULL && code == 0; i++) {
    for (const struct lh_cli_example *e = lh_cli_commands[i]->examples; e->command != NULL && code == 0; e++) {
      code = lh_buf_addstr(out, ".TP\n\\fB");
      if (code == 0) code = lh_explain_roff(out, e->command);
      if (code == 0) code = lh_buf_addstr(out, "\\fR\n");
      if (code == 0) code = lh_explain_roff(out, e->what);
      if (code == 0) code = lh_buf_addstr(out, "\n");
    }
  }
  return code;
}

static int add_roff_exits(struct lh_buf *out) {
  int code = lh_buf_addstr(out, ".SH EXIT STATUS\n");
#define X(id, number, meaning)                                                                                                 \
  if (code == 0) code = lh_buf_addf(out, ".TP\n.B %d\n%s\n", number, meaning);
  LH_EXIT_LIST(X)
#undef X
  return code;
}

int lh_cli_man(struct lh_buf *out) {
  int code = lh_buf_addf(out, ".TH LONGHAUL 1 \"\" \"longhaul %s\" \"User Commands\"\n", LH_VERSION);
  if (code == 0)
    code = lh_buf_addstr(
        out,
        ".SH NAME\nlonghaul \\- soak tester for WebSocket and other long connections\n"
        ".SH SYNOPSIS\n.B longhaul\n.I COMMAND\n.RI [ ARGUMENTS ]\n"
        ".SH DESCRIPTION\nOpens thousands of long connections, holds them for hours, sends messages on a schedule, and says "
        "what dropped, when, why, how fast it came back, and whether it got slower. One YAML file in, one run file (SQLite) "
        "out, one report to read.\n.PP\nResults go to standard output, progress and log lines to standard error.\n");
  if (code == 0) code = add_roff_examples(out);
  if (code == 0) code = lh_buf_addstr(out, ".SH COMMANDS\n");
  for (size_t i = 0; lh_cli_commands[i] != NULL && code == 0; i++) code = add_roff_command(out, lh_cli_commands[i]);
  if (code == 0) code = lh_explain_man(out);
  if (code == 0)
    code = lh_buf_addstr(out, ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nwhen set, no colour is used\n.TP\n.B TERM\n"
                              "when it is \"dumb\" or not set, log lines take the place of the live view\n"
                              ".PP\nA config reads variables of its own with ${env.NAME}.\n"
                              ".SH FILES\n.TP\n.I runs/\nrun files, unless run.store or \\-\\-store says otherwise\n");
  return code < 0 ? code : add_roff_exits(out);
}

/* ---- completion ---- */
static int add_option_names(struct lh_buf *out, const struct lh_cli_command *c) {
  int code = lh_buf_addf(out, "  %s) options='", c->name);
  for (const struct lh_cli_option *o = c->options; o->name != NULL && code == 0; o++) code = lh_buf_addf(out, "--%s ", o->name);
  return code < 0 ? code : lh_buf_addstr(out, "--help' ;;\n");
}

static const char *reply_of(enum lh_complete complete) {
  switch (complete) {
  case LH_COMPLETE_FILE: return "COMPREPLY=($(compgen -f -- \"$word\"))";
  case LH_COMPLETE_FOLDER: return "COMPREPLY=($(compgen -d -- \"$word\"))";
  case LH_COMPLETE_KEY: return "COMPREPLY=($(compgen -W \"$keys\" -- \"$word\"))";
  case LH_COMPLETE_SETTING: return "COMPREPLY=($(compgen -S = -W \"$keys\" -- \"$word\")); compopt -o nospace";
  case LH_COMPLETE_RUN:
    return "COMPREPLY=($(compgen -W latest -- \"$word\") $(compgen -f -X '!*.longhaul' -- \"$word\") $(compgen -d -- "
           "\"$word\"))";
  default: return "COMPREPLY=()";
  }
}

static int add_values(struct lh_buf *out, const struct lh_cli_command *c) {
  int code = 0;
  for (const struct lh_cli_option *o = c->options; o->name != NULL && code == 0; o++) {
    if (o->argument == NULL || o->fits != NULL) continue; /* what follows need not be its value */
    code = lh_buf_addf(out, "  %s:--%s", c->name, o->name);
    if (code == 0 && o->letter != 0) code = lh_buf_addf(out, " | %s:-%c", c->name, o->letter);
    if (code == 0)
      code = o->complete == LH_COMPLETE_WORDS ? lh_buf_addf(out, ") COMPREPLY=($(compgen -W '%s' -- \"$word\"))", o->words)
                                              : lh_buf_addf(out, ") %s", reply_of(o->complete));
    if (code == 0) code = lh_buf_addstr(out, "; return ;;\n");
  }
  return code;
}

/* List items cannot be set by a path, and a name of the user's own cannot be guessed: its star stands for itself. */
static int add_keys(struct lh_buf *out) {
  size_t count;
  const struct lh_option *options = lh_options(&count);
  int code = lh_buf_addstr(out, "  local keys='");
  for (size_t i = 0; i < count && code == 0; i++)
    if (strstr(options[i].key, "[]") == NULL) code = lh_buf_addf(out, "%s ", options[i].key);
  return code < 0 ? code : lh_buf_addstr(out, "'\n");
}

int lh_cli_completion(struct lh_buf *out) {
  int code = lh_buf_addstr(
      out,
      "# bash completion of longhaul\n_longhaul() {\n  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} "
      "command=${COMP_WORDS[1]} options= commands='");
  for (size_t i = 0; lh_cli_commands[i] != NULL && code == 0; i++) code = lh_buf_addf(out, "%s ", lh_cli_commands[i]->name);
  if (code == 0) code = lh_buf_addstr(out, "'\n");
  if (code == 0) code = add_keys(out);
  if (code == 0)
    code = lh_buf_addstr(out, "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
                              "    COMPREPLY=($(compgen -W \"$commands help --help --version\" -- \"$word\")); return\n  fi\n"
                              "  case $command:$before in\n");
  for (size_t i = 0; lh_cli_commands[i] != NULL && code == 0; i++) code = add_values(out, lh_cli_commands[i]);
  if (code == 0) code = lh_buf_addstr(out, "  esac\n  case $command in\n");
  for (size_t i = 0; lh_cli_commands[i] != NULL && code == 0; i++) code = add_option_names(out, lh_cli_commands[i]);
  if (code == 0)
    code = lh_buf_addstr(out, "  esac\n  if [[ $word == -* ]]; then\n    COMPREPLY=($(compgen -W \"$options\" -- \"$word\")); "
                              "return\n  fi\n  case $command in\n");
  for (size_t i = 0; lh_cli_commands[i] != NULL && code == 0; i++)
    code = lh_buf_addf(out, "  %s) %s ;;\n", lh_cli_commands[i]->name, reply_of(lh_cli_commands[i]->complete));
  if (code == 0) code = lh_buf_addstr(out, "  help) COMPREPLY=($(compgen -W \"$commands\" -- \"$word\")) ;;\n");
  return code < 0 ? code : lh_buf_addstr(out, "  esac\n}\ncomplete -o filenames -F _longhaul longhaul\n");
}
