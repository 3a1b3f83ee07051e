/* The tables of a report, from the model: text and Markdown print the same ones. */
#ifndef LONGHAUL_REPORT_TABLES_H
#define LONGHAUL_REPORT_TABLES_H

#include <jansson.h>

#include "report/table.h"

/* X(name): in the order in which a reader would ask. Each fills an empty table; no row: the table is left out. */
#define LH_TABLES_LIST(X)                                                                                                      \
  X(objectives)                                                                                                                \
  X(groups)                                                                                                                    \
  X(shards)                                                                                                                    \
  X(storms)                                                                                                                    \
  X(endings)                                                                                                                   \
  X(logins)                                                                                                                    \
  X(messages)                                                                                                                  \
  X(pushes)                                                                                                                  \
  X(server)                                                                                                                    \
  X(latencies)                                                                                                                 \
  X(events)

typedef void lh_table_builder(const json_t *model, struct lh_table *table);
#define X(name) lh_table_builder lh_table_##name;
LH_TABLES_LIST(X)
#undef X

/* The words for a value of the watched processes: "rss_bytes" is "memory". */
const char *lh_table_server_words(const char *name);
/* The words for a histogram: "send_lateness" is "send lateness". */
const char *lh_table_histogram_words(const char *name);

#endif
