/* The tables of a comparison: text, Markdown and HTML print the same ones. */
#ifndef LONGHAUL_SRC_REPORT_COMPARE_TABLES_H
#define LONGHAUL_SRC_REPORT_COMPARE_TABLES_H

#include <jansson.h>

#include "report/show.h"
#include "report/table.h"

/* X(name): each fills an empty table; no row: the table is left out. */
#define LH_COMPARE_TABLES_LIST(X)                                                                                              \
  X(objectives)                                                                                                                \
  X(differences)                                                                                                               \
  X(totals)                                                                                                                    \
  X(latency)                                                                                                                   \
  X(endings)                                                                                                                   \
  X(host)                                                                                                                      \
  X(limits)                                                                                                                    \
  X(config)

typedef void lh_compare_table_builder(const json_t *comparison, struct lh_table *table);
#define X(name) lh_compare_table_builder lh_compare_table_##name;
LH_COMPARE_TABLES_LIST(X)
#undef X

/* A value in words by its unit ("us", "percent", "count", others a rate); "-" for null. */
struct lh_shown lh_compare_show(const char *unit, const json_t *value);

/* Outcomes in the order in which the table of differences has them; NULL ends them. */
extern const char *const lh_compare_outcomes[];

#endif
