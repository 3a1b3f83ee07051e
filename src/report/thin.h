/* Shorter series for the HTML page, which must stay small for a night of many groups; the JSON report has all. */
#ifndef LONGHAUL_REPORT_THIN_H
#define LONGHAUL_REPORT_THIN_H

#include <jansson.h>

/* A new series object for `series` of a model, n intervals a point. Counts are summed; latencies and loads keep their highest
 * value, so that no spike is lost and p50 stays below p99; of clients each two points keep the lowest and the highest of their
 * 2 n intervals, in the order in which they came. n is 1 (nothing is thinned) as long as the page has room; else it stands in
 * `thinned`. An array of one value throughout becomes that value. NULL when there is no memory. */
json_t *lh_thin_series(const json_t *series);

#endif
