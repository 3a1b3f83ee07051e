/* Who may look on while a run goes on: --dashboard, --metrics and --dashboard-token. */
#ifndef LH_CLI_LOOKERS_H
#define LH_CLI_LOOKERS_H

#include "cli/cli.h"
#include "longhaul/live/live.h"
#include "longhaul/run/run.h"

struct lh_lookers {
  struct lh_run_live live;
  char url[96];
  char *token; /* owned; NULL: none */
};

#define LH_LOOKERS_OPTIONS                                                                                                     \
  {.name = "dashboard",                                                                                                        \
   .argument = "ADDR",                                                                                                         \
   .fits = lh_live_is_address,                                                                                                 \
   .help = "serve the report as a live page while the run goes on, at " LH_LIVE_DASHBOARD_ADDRESS                              \
           " or the HOST:PORT given, with /metrics beside it; any address but loopback needs a token, and is not encrypted"},                        \
      {.name = "dashboard-token",                                                                                              \
       .argument = "TOKEN",                                                                                                    \
       .secret = true,                                                                                                         \
       .help = "what visitors must know, 12 letters at least; @FILE reads it from a file, which a list of processes does "     \
               "not show"},                                                                                                    \
  {                                                                                                                            \
    .name = "metrics", .argument = "ADDR", .fits = lh_live_is_address,                                                         \
    .help = "serve /metrics for Prometheus alone, at " LH_LIVE_METRICS_ADDRESS " or the HOST:PORT given; it ends once the last figures of the run were scraped"                       \
  }

/* Checks the options and listens; says what is wrong on stderr. Returns 0 or an exit code. */
int lh_lookers_open(const struct lh_cli_args *args, struct lh_lookers *lookers);
void lh_lookers_close(struct lh_lookers *lookers);

#endif
