/* The run as Prometheus and OpenMetrics read it: the same families in both, with the small differences of their texts.
 *
 * Labels are bounded: `group` by LH_METRICS_GROUPS_MAX (the groups beyond it are summed as "others", and
 * longhaul_groups_folded says how many), `stage`, `side` and `reason` by the table of endings; close codes and texts, which
 * a peer chooses, are no labels. Pure.
 */
#ifndef LIVE_METRICS_H
#define LIVE_METRICS_H

#include <stdbool.h>

#include "live/board.h"

enum { LH_METRICS_GROUPS_MAX = 64 };

#define LH_METRICS_PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"
#define LH_METRICS_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Whether an Accept header asks for OpenMetrics. */
bool lh_metrics_wants_open(const char *accept);
int lh_metrics_write(const struct lh_board *board, bool open, struct lh_buf *out);

#endif
