/* Neighbours in time resemble each other, and then carry less news than their number suggests. */
#ifndef LONGHAUL_SRC_ANALYSIS_MEMORY_H
#define LONGHAUL_SRC_ANALYSIS_MEMORY_H

#include <stddef.h>

/* Lag-1 autocorrelation of the ranks of the values, as it comes out: biased towards 0 in short series, which the callers mend.
 * `sorted` and `ranks` are scratch of n values each. 0 when all are equal. */
double lh_memory_of(const double *values, size_t n, double *sorted, double *ranks);
/* n points with lag-1 autocorrelation r tell as much as n (1 - r) / (1 + r) of them (Bayley and Hammersley 1946): returns
 * (1 + r) / (1 - r), at least 1 (less would make a test bolder than the plain one), with r at most 0.99. */
double lh_memory_widening(double r);

#endif
