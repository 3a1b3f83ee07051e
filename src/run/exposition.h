/* Prometheus' text format: the values of a few metrics out of a page of many. Pure. */
#ifndef LH_RUN_EXPOSITION_H
#define LH_RUN_EXPOSITION_H

#include <stdbool.h>

/* `metric` is a name, or a name with labels in braces: then only samples that carry all of those labels count. The sum over
 * all samples that count, NaN ones left out; false when there is none. */
bool lh_exposition_sum(const char *page, const char *metric, double *sum);

#endif
