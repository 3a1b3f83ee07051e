/* The sentences of a report that are the same in text and Markdown. */
#ifndef LONGHAUL_REPORT_PROSE_H
#define LONGHAUL_REPORT_PROSE_H

#include <jansson.h>

#include "longhaul/base/buf.h"

int lh_prose_run(const json_t *model, struct lh_buf *out);      /* name, when, how long, version */
int lh_prose_tester(const json_t *model, struct lh_buf *out);   /* how the tester fared */
int lh_prose_network(const json_t *model, struct lh_buf *out);  /* what TCP_INFO said; nothing when it was not read */
int lh_prose_left_out(const json_t *model, struct lh_buf *out); /* what limits left out; nothing when there was none */
int lh_prose_limits(const json_t *model, struct lh_buf *out);   /* what bound first; nothing when no ladder was kept */
int lh_prose_host(const json_t *model, struct lh_buf *out);     /* the machine; nothing when no fact is known */

#endif
