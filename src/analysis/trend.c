#include "analysis/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 1.959964: the normal quantile for a two-sided 95 %. */
static const double z_95 = 1.959963984540054;

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median_of_sorted(const double *values, size_t n) {
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double lh_median(double *values, size_t n) {
  qsort(values, n, sizeof *values, compare_doubles);
  return median_of_sorted(values, n);
}

static double sum_of_signs(const double *y, size_t n) {
  double s = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) s += (y[j] > y[i]) - (y[j] < y[i]);
  return s;
}

/* n(n-1)(2n+5)/18, less t(t-1)(2t+5)/18 for each set of t equal values. `sorted` is scratch of n values. */
static double variance_of_s(const double *y, size_t n, double *sorted) {
  memcpy(sorted, y, n * sizeof *y);
  qsort(sorted, n, sizeof *sorted, compare_doubles);
  double count = (double)n, sum = count * (count - 1) * (2 * count + 5);
  for (size_t i = 0, j; i < n; i = j) {
    for (j = i; j < n && sorted[j] == sorted[i]; j++) {
    }
    double ties = (double)(j - i);
    sum -= ties * (ties - 1) * (2 * ties + 5);
  }
  return sum / 18;
}

/* Ranks of the values, ties sharing their mean rank. */
static void rank(const double *values, size_t n, double *sorted, double *ranks) {
  memcpy(sorted, values, n * sizeof *values);
  qsort(sorted, n, sizeof *sorted, compare_doubles);
  for (size_t i = 0; i < n; i++) {
    size_t below = 0, equal = 0;
    for (size_t j = 0; j < n; j++) {
      below += sorted[j] < values[i];
      equal += sorted[j] == values[i];
    }
    ranks[i] = (double)below + ((double)equal + 1) / 2;
  }
}

/* Hamed and Rao: neighbours that resemble each other carry less news than their number suggests. Ranks of the values
 * without their trend; only autocorrelations outside the 95 % band of white noise count, up to a quarter of the series,
 * past which they are estimated from too few pairs. A factor below 1 would make the test bolder than the plain one, and
 * is not used. */
static double widening(const double *y, size_t n, double slope, double *rest, double *sorted, double *ranks) {
  for (size_t i = 0; i < n; i++) rest[i] = y[i] - slope * (double)i;
  rank(rest, n, sorted, ranks);
  double count = (double)n, mean = (count + 1) / 2, spread = 0, sum = 0;
  for (size_t i = 0; i < n; i++) spread += (ranks[i] - mean) * (ranks[i] - mean);
  if (spread <= 0) return 1;
  for (size_t lag = 1; lag <= n / 4; lag++) {
    double r = 0, left = count - (double)lag;
    for (size_t i = 0; i + lag < n; i++) r += (ranks[i] - mean) * (ranks[i + lag] - mean);
    r /= spread;
    if (fabs(r) > z_95 / sqrt(count)) sum += left * (left - 1) * (left - 2) * r;
  }
  double factor = 1 + 2 / (count * (count - 1) * (count - 2)) * sum;
  return factor > 1 ? factor : 1;
}

int lh_trend_find(const double *y, size_t n, struct lh_trend *trend) {
  size_t pairs = n * (n - 1) / 2, at = 0;
  double *slopes = malloc((pairs + 3 * n) * sizeof *slopes);
  if (!slopes) return -ENOMEM;
  double *a = slopes + pairs, *b = a + n, *c = b + n;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) slopes[at++] = (y[j] - y[i]) / (double)(j - i);
  struct lh_trend t = {.s = sum_of_signs(y, n), .slope = lh_median(slopes, pairs)};
  t.widening = widening(y, n, t.slope, a, b, c);
  double deviation = sqrt(variance_of_s(y, n, a) * t.widening);
  t.z = deviation > 0 ? (t.s - (t.s > 0) + (t.s < 0)) / deviation : 0;
  t.p = erfc(fabs(t.z) / sqrt(2));
  double reach = z_95 * deviation / 2, middle = (double)pairs / 2;
  double low = floor(middle - reach), high = ceil(middle + reach);
  t.slope_low = slopes[low < 0 ? 0 : (size_t)low];
  t.slope_high = slopes[high > (double)(pairs - 1) ? pairs - 1 : (size_t)high];
  for (size_t i = 0; i < n; i++) a[i] = y[i] - t.slope * (double)i;
  t.level = lh_median(a, n);
  free(slopes);
  *trend = t;
  return 0;
}
