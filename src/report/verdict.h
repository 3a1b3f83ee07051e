#ifndef LONGHAUL_REPORT_VERDICT_H
#define LONGHAUL_REPORT_VERDICT_H

#include <jansson.h>

#include "longhaul/base/err.h"

/* Sets "headline", "verdict" and "verdict_reasons" of a model that has everything else. 0 or -ENOMEM. */
int lh_verdict_judge(json_t *model, struct lh_err *err);

#endif
