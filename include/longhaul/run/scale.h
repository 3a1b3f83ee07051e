/* A plan that does not fit made smaller, every group by the same share: what `run --fit` begins in its place.
 *
 * Glossary
 *   share     part of each group's clients that is kept; groups of the null kind, which take nothing of the host, keep all
 *   setting   KEY=VALUE as for --set: the config loaded again with all of them is the smaller plan
 *   decision  a sentence of what was changed, for the log, the run file and the report
 *
 * Numbers are rounded down, but never to 0: a group keeps one client, a stage that wants somebody wants at least one. A
 * target's connections_max goes down with its groups, so that as large a part of them waits.
 */
#ifndef LONGHAUL_RUN_SCALE_H
#define LONGHAUL_RUN_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/run/fit.h"

struct lh_scale {
  bool fits;                             /* the smaller plan does; else not even one client of each group does */
  double share;                          /* above 0, below 1 */
  struct lh_strings settings, decisions; /* owned; empty unless it fits */
};

/* The largest such plan that this host holds; `whole` is the fit of the config as it is, whose ladder does not fit. Pure when
 * the host's ports_root is NULL. shard counts from 1. 0 or -ENOMEM. */
int lh_scale_make(struct lh_scale *scale, const struct lh_config *config, uint32_t shard, uint32_t shards,
                  const struct lh_fit_host *host, const struct lh_fit *whole, struct lh_err *err);
void lh_scale_free(struct lh_scale *scale); /* accepts a half-built one */

#endif
