#ifndef LONGHAUL_REPORT_MODEL_ENDINGS_H
#define LONGHAUL_REPORT_MODEL_ENDINGS_H

#include "report/build.h"

/* Rows sorted by count, most first. */
json_t *lh_build_endings(struct lh_build *b, const struct lh_snapshot *total);

#endif
