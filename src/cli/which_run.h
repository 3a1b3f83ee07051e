/* Which run file a user means. */
#ifndef LH_CLI_WHICH_RUN_H
#define LH_CLI_WHICH_RUN_H

#include "cli/cli.h"

/* A path, the name of a run in the store folder (--store) with or without its ending, `latest`, or `latest~N` for the N-th
 * before it. 0 and an owned path, or an exit code after a sentence. */
int lh_which_run(const struct lh_cli_args *args, const char *name, char **path);

#endif
