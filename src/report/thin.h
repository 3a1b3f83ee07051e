/* Shorter series for the HTML page, which must stay small for a night of many groups; the JSON report has all. */
#ifndef LONGHAUL_REPORT_THIN_H
#define LONGHAUL_REPORT_THIN_H

#include <jansson.h>

/* A new series object for `series` of a model. Of each 2 n intervals two points are kept: counts are summed over n intervals
 * each, everything else gives its lowest and its highest value, in the order in which they came, so that no spike is lost.
 * n is 1 (nothing is thinned) as long as the page has room; else it stands in `thinned`. An array of one value throughout
 * becomes that value. NULL when there is no memory. */
json_t *lh_thin_series(const json_t *series);

#endif
