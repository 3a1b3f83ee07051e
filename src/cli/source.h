/* Where a command gets its config from: a file, standard input, or a URL with a few options. */
#ifndef LH_CLI_SOURCE_H
#define LH_CLI_SOURCE_H

#include <stdint.h>

#include "cli/cli.h"
#include "longhaul/config/load.h"

struct lh_source {
  struct lh_config *config; /* owned */
  struct lh_strings settings; /* owned: --set, --duration and --store as KEY=VALUE, in the order of the load */
  uint32_t shard, shards; /* from 1 */
};

/* The options that these commands share, for their tables. */
#define LH_SOURCE_OPTIONS                                                                                                      \
  {.name = "set",                                                                                                              \
   .argument = "KEY=VALUE",                                                                                                    \
   .complete = LH_COMPLETE_SETTING,                                                                                            \
   .repeats = true,                                                                                                            \
   .help = "set a key of the config, such as groups.chat.connections=100; with a URL, which is target `target` and group "      \
           "`clients`, such as targets.target.tls.ca=ca.pem; may be repeated"},                                                \
      {.name = "duration", .letter = 'd', .argument = "TIME",                                                                  \
       .help = "how long the run lasts: 30s, 10m, 8h (with a URL default 30s)"},                                               \
      {.name = "store", .argument = "DIR", .complete = LH_COMPLETE_FOLDER, .help = "folder of run files (default runs/)"},     \
      {.name = "shard", .argument = "I/N", .help = "run part I of N of the clients; the same config on each host"},            \
      {.name = "connections", .letter = 'c', .argument = "N", .help = "with a URL: clients (default 1)"},                      \
      {.name = "every", .argument = "TIME", .help = "with a URL: message period of each client (default 1s; 0: none)"},        \
      {.name = "sse", .help = "with an http URL: hold event streams in place of sending requests"}, {                          \
    .name = "text", .argument = "TEXT", .help = "with a URL: what is sent; ${token} and ${seq} are filled in"                  \
  }

/* Says what is wrong on stderr. Returns 0 or an exit code. */
int lh_source_load(const struct lh_cli_args *args, struct lh_source *source);
/* As if every target said `authorized: true`, in the config and in what workers are told. Returns 0 or an exit code. */
int lh_source_authorize(struct lh_source *source);
/* A config that the command itself has written. */
int lh_source_load_text(const struct lh_cli_args *args, const char *text, struct lh_source *source);
/* Nothing is connected to that is denied, nor to what is public and not known to be meant: says so, with what the plan would do to
 * it. `yes` authorizes every target of this run; workers hear of it as a setting. Returns 0 or an exit code. */
int lh_source_care(struct lh_source *source, bool yes);
/* The config is loaded anew, with these after the settings that it has. Returns 0 or an exit code. */
int lh_source_set(struct lh_source *source, const struct lh_strings *settings);
void lh_source_free(struct lh_source *source);

#endif
