/* The parts of a comparison that need no interval values: each a new array (or object), from the two reports. */
#ifndef LONGHAUL_SRC_REPORT_COMPARE_PARTS_H
#define LONGHAUL_SRC_REPORT_COMPARE_PARTS_H

#include <jansson.h>

#include "report/build.h"

struct lh_pair {
  struct lh_build *b; /* its `failed` alone */
  const json_t *a_model, *b_model;
};

json_t *lh_compare_side(const struct lh_pair *p, const json_t *model); /* what stands at the head of a column */
json_t *lh_compare_objectives(const struct lh_pair *p);
json_t *lh_compare_totals(const struct lh_pair *p);
json_t *lh_compare_latency(const struct lh_pair *p);
json_t *lh_compare_endings(const struct lh_pair *p);
/* list: "host.facts" or "limits" of a report. */
json_t *lh_compare_facts(const struct lh_pair *p, const char *list);
/* Keys of the config whose values differ; null where a run does not have the key. */
json_t *lh_compare_config(const struct lh_pair *p);

/* The group of this name in a report, NULL when there is none. */
const json_t *lh_compare_group(const json_t *model, const char *name);

#endif
