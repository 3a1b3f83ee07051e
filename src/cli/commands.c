#include "cli/cli.h"

const struct lh_cli_command *const lh_cli_commands[] = {&lh_cli_run,     &lh_cli_check, &lh_cli_doctor, &lh_cli_idle,   &lh_cli_explain, &lh_cli_report,
                                                        &lh_cli_compare, &lh_cli_mark,  &lh_cli_merge,  &lh_cli_runs, &lh_cli_resume,  NULL};
