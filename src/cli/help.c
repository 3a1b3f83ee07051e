#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { OPTION_INDENT = 24 };

static int add_option(struct lh_buf *out, const struct lh_cli_option *o) {
  char names[96];
  int len = snprintf(names, sizeof names, "  %c%c%s--%s%s%s%s", o->letter != 0 ? '-' : ' ', o->letter != 0 ? o->letter : ' ',
                     o->letter != 0 ? ", " : "  ", o->name, o->argument == NULL ? "" : o->fits != NULL ? " [" : " ",
                     o->argument != NULL ? o->argument : "", o->fits != NULL ? "]" : "");
  int code = lh_buf_addf(out, "%-*s", OPTION_INDENT, names);
  if (code == 0 && len >= OPTION_INDENT) code = lh_buf_addf(out, "\n%*s", OPTION_INDENT, "");
  return code < 0 ? code : lh_buf_addwords(out, o->help, OPTION_INDENT, OPTION_INDENT);
}

static int add_examples(struct lh_buf *out, const struct lh_cli_example *examples) {
  int code = lh_buf_addstr(out, "Examples:\n");
  for (const struct lh_cli_example *e = examples; e->command != NULL && code == 0; e++) {
    code = lh_buf_addf(out, "  %s\n      ", e->command);
    if (code == 0) code = lh_buf_addwords(out, e->what, 6, 6);
  }
  return code;
}

int lh_cli_command_help(const struct lh_cli_command *c, struct lh_buf *out) {
  int code = lh_buf_addf(out, "longhaul %s: %s\n\nUsage: longhaul %s %s\n\n", c->name, c->summary, c->name, c->usage);
  if (code == 0) code = add_examples(out, c->examples);
  if (code == 0) code = lh_buf_addstr(out, "\n");
  if (code == 0) code = lh_buf_addwords(out, c->description, 0, 0);
  if (code == 0) code = lh_buf_addstr(out, "\nOptions:\n");
  for (const struct lh_cli_option *o = c->options; o->name != NULL && code == 0; o++) code = add_option(out, o);
  const struct lh_cli_option help = {.name = "help", .letter = 'h', .help = "this text"};
  return code < 0 ? code : add_option(out, &help);
}

int lh_cli_help(struct lh_buf *out) {
  static const struct lh_cli_example examples[] = {
      {"longhaul run ws://127.0.0.1:8080/ws -c 1000 -d 1m", "a quick look: 1,000 clients, one message a second each"},
      {"longhaul run soak.yaml", "a soak from a config; the summary comes at the end"},
      {"longhaul check soak.yaml", "what that soak takes, and whether this host can carry it"},
      {"longhaul report latest -o night.html", "the last run as a page to bring to a meeting"},
      {"longhaul explain 'groups.*.reconnect'", "what can be set, with defaults"},
      {0}};
  int code = lh_buf_addstr(out, "longhaul: a soak tester for WebSocket and other long connections\n\n"
                                "Usage: longhaul COMMAND [ARGUMENTS]\n\n");
  if (code == 0) code = add_examples(out, examples);
  if (code == 0) code = lh_buf_addstr(out, "\nCommands:\n");
  for (size_t i = 0; lh_cli_commands[i] != NULL && code == 0; i++)
    code = lh_buf_addf(out, "  %-10s%s\n", lh_cli_commands[i]->name, lh_cli_commands[i]->summary);
  if (code == 0)
    code = lh_buf_addstr(out, "\nOptions:\n  --help, --version; longhaul help COMMAND tells more\n\nExit codes:\n");
#define X(id, number, meaning)                                                                                                 \
  if (code == 0) code = lh_buf_addf(out, "  %-5d", number);                                                                    \
  if (code == 0) code = lh_buf_addwords(out, meaning, 7, 7);
  LH_EXIT_LIST(X)
#undef X
  return code;
}
