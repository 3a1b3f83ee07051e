/* Whether a series rises or falls, and how fast: Mann-Kendall test with Sen's slope.
 *
 * Glossary
 *   S      pairs that rise minus pairs that fall, over all pairs (i < j)
 *   z      S, corrected for continuity, over its standard deviation; ties and autocorrelation widen the latter
 *   p      chance of so large a |z| where there is no trend, two-sided
 *   slope  median of the slopes of all pairs (Sen 1968), per step of one point
 *
 * Neither asks for a distribution, and single spikes do not move them, which suits latencies. Sources: Mann 1945, Kendall
 * 1975 (ties), Sen 1968; for autocorrelation see `widening` in trend.c.
 *
 * Worked example: 3 1 4 1 5 9 2 6. Of the 28 pairs 19 rise, 8 fall and one is tied: S = 11. Var(S) = (8*7*21 - 2*1*9)/18
 * = 64.333, z = (11 - 1)/sqrt(64.333) = 1.247, p = 0.212: no trend to speak of. Slope: the median of the 28 slopes, 0.464.
 */
#ifndef LONGHAUL_SRC_ANALYSIS_TREND_H
#define LONGHAUL_SRC_ANALYSIS_TREND_H

#include <stddef.h>

enum { LH_TREND_POINTS_MAX = 400 }; /* 79,800 pairs; callers take medians of blocks above that */

struct lh_trend {
  double s, z, p;
  double slope, slope_low, slope_high; /* per point, with its 95 % confidence interval (Gilbert 1987) */
  double level;                        /* of the line at point 0: median of y - slope * i */
  double widening;                     /* what autocorrelation multiplied the variance of S by, at least 1 */
};

/* 3 <= count <= LH_TREND_POINTS_MAX. 0 or -ENOMEM. */
int lh_trend_find(const double *y, size_t count, struct lh_trend *trend);

/* Median of n > 0 values, which it puts in order. */
double lh_median(double *values, size_t n);

#endif
