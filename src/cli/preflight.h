/* Whether the plan fits this host, asked before a run: it goes on, is made smaller, or stops. */
#ifndef LH_CLI_PREFLIGHT_H
#define LH_CLI_PREFLIGHT_H

#include "cli/source.h"
#include "longhaul/run/fit.h"
#include "longhaul/run/scale.h"

struct lh_preflight {
  struct lh_fit_host host; /* what it allowed before the run: the run file keeps it */
  struct lh_fit fit;       /* of the plan that is begun */
  struct lh_scale scale;   /* --fit: how that came of the config's */
  char *command_line;      /* owned: with what --fit has set, so that `resume` finds the same plan; NULL: as it was typed */
};

/* Says on stderr what does not fit, and what was decided. With --fit the source becomes the smaller plan. Returns 0 or an exit
 * code. */
int lh_preflight_make(struct lh_preflight *preflight, struct lh_source *source, const struct lh_cli_args *args);
void lh_preflight_free(struct lh_preflight *preflight); /* accepts a half-built one, and one that is all 0 */

#endif
