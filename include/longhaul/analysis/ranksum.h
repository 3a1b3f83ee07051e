/* Whether two samples differ by more than their own spread: the Mann-Whitney U test, with Cliff's delta as the size of the
 * difference. Pure.
 *
 * Glossary
 *   U         pairs (one value of A, one of B) in which B is the higher, a tie counting one half
 *   z         U - n m / 2, corrected for continuity, over its standard deviation; ties and autocorrelation change the latter
 *   p         chance of so large a |z| where both samples come from one distribution, two-sided, by the normal approximation
 *             (good from about 8 values a side on: LH_RANKSUM_LEAST)
 *   delta     Cliff's delta = 2 U / (n m) - 1: -1 when every value of B is below every one of A, 1 when all are above
 *   widening  what the memory of the values (memory.h) multiplied the variance of U by, at least 1
 *
 * Neither asks for a distribution, and a spike counts as one high value, whatever its height, which suits latencies.
 * Sources: Mann and Whitney 1947; ties: Lehmann, Nonparametrics (1975), 1.4; delta: Cliff 1993; names of its sizes: Romano
 * et al. 2006 (0.147, 0.33, 0.474).
 *
 * Worked example: A = 1 2 2 3, B = 2 4 5. Pairs with B higher: 2 beats 1 and ties twice: 2; 4 and 5 beat all four: 8. U = 10
 * of 12 pairs, delta = 0.667. The value 2 stands three times: Var(U) = 12/12 * (8 - 24/42) = 7.4286,
 * z = (10 - 6 - 0.5) / 2.7255 = 1.284, p = 0.199.
 */
#ifndef LONGHAUL_ANALYSIS_RANKSUM_H
#define LONGHAUL_ANALYSIS_RANKSUM_H

#include <stddef.h>

enum { LH_RANKSUM_LEAST = 8 };

struct lh_ranksum {
  double u, z, p, delta, widening;
};

/* At least one value a side, in order of time. 0 or -ENOMEM. */
int lh_ranksum_find(const double *a, size_t a_count, const double *b, size_t b_count, struct lh_ranksum *out);

enum lh_effect { LH_EFFECT_NEGLIGIBLE, LH_EFFECT_SMALL, LH_EFFECT_MEDIUM, LH_EFFECT_LARGE };
enum lh_effect lh_effect_of(double delta);
const char *lh_effect_name(enum lh_effect effect); /* "negligible", "small", "medium", "large" */

/* Turns the p values of many tests into ones that may be held against one threshold together (Holm 1979): the chance that any
 * difference is found where there is none then stays below the threshold. 0 or -ENOMEM. */
int lh_holm_adjust(double *p, size_t count);

/* The value below which the share q (0..1) of n > 0 values lies, between the two nearest in proportion (type 7 of Hyndman and
 * Fan 1996, as NumPy and R have it). Puts the values in order. */
double lh_quantile(double *values, size_t n, double q);

#endif
