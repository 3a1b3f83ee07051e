/* Two runs side by side: what differs, and whether by more than the runs' own spread from interval to interval.
 *
 * Glossary
 *   A, B      the two runs; A is what B is held against
 *   like      an interval that counts: past the warm-up, its group wanted all its clients from beginning to end (no ramp, no
 *             draining), and the tester was in time
 *   block     so many intervals put together that both runs are cut into the same length; histograms are merged, never averaged
 *   outcome   worse, better, differs (where neither way is good or bad), unclear (an effect that the test does not prove, or a
 *             rate that changed by half in few intervals), same, or unknown (fewer than LH_RANKSUM_LEAST values a side)
 *   event     what is unclear in that last way, and more than chance gives: a mass drop that one run had and the other not
 */
#ifndef LONGHAUL_REPORT_COMPARE_H
#define LONGHAUL_REPORT_COMPARE_H

#include <stdbool.h>

#include <jansson.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"
#include "longhaul/report/report.h"

struct lh_compare_args {
  const char *a, *b; /* run files */
  double least;      /* share by which a latency must have changed to count, 0: any */
};

int lh_compare_model(const struct lh_compare_args *args, json_t **comparison, struct lh_err *err);

/* -EINVAL with a sentence for a format that a comparison does not have. color: only for LH_REPORT_TEXT. */
int lh_compare_render(const json_t *comparison, enum lh_report_format format, int color, struct lh_buf *out,
                      struct lh_err *err);
const char *lh_compare_schema(void); /* JSON Schema of the JSON format */
/* Whether anything measured is worse, or an objective that A held is failed by B. */
bool lh_compare_is_worse(const json_t *comparison);

#endif
