/* HTML written here, not by a page's script: text escaped, tables with the page's classes. */
#ifndef LONGHAUL_SRC_REPORT_HTML_H
#define LONGHAUL_SRC_REPORT_HTML_H

#include <jansson.h>

#include "longhaul/base/buf.h"
#include "report/table.h"

/* Text for an element or an attribute's value in quotes; bytes that are not UTF-8 become U+FFFD. */
int lh_html_text(const char *text, struct lh_buf *out);
/* The page that reports and comparisons share: what differs is put into its holes. `model` goes to each. A hole without a function
 * stays empty. */
struct lh_page_holes {
  int (*connect)(const json_t *model, struct lh_buf *out); /* into the policy: what the page may connect to */
  int (*title)(const json_t *model, struct lh_buf *out);
  int (*style)(const json_t *model, struct lh_buf *out);   /* after that of every page */
  int (*kind)(const json_t *model, struct lh_buf *out);
  int (*main)(const json_t *model, struct lh_buf *out);
  int (*end)(const json_t *model, struct lh_buf *out);     /* scripts */
};
int lh_html_page(const struct lh_page_holes *holes, const json_t *model, struct lh_buf *out);

/* A section with the table's title as its heading; nothing when it has no row. `raw` (may be NULL) is one more column of
 * markup, a string for each row. */
int lh_html_table(const struct lh_table *table, const char *raw_title, char *const *raw, struct lh_buf *out);

#endif
