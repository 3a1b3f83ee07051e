/* HTML written here, not by a page's script: text escaped, tables with the page's classes. */
#ifndef LONGHAUL_SRC_REPORT_HTML_H
#define LONGHAUL_SRC_REPORT_HTML_H

#include "longhaul/base/buf.h"
#include "report/table.h"

/* Text for an element or an attribute's value in quotes; bytes that are not UTF-8 become U+FFFD. */
int lh_html_text(const char *text, struct lh_buf *out);
/* A section with the table's title as its heading; nothing when it has no row. `raw` (may be NULL) is one more column of
 * markup, a string for each row. */
int lh_html_table(const struct lh_table *table, const char *raw_title, char *const *raw, struct lh_buf *out);

#endif
