#include "analysis/memory.h"

#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* How many of the sorted values are below `value`, or at or below it. */
static size_t count_below(const double *sorted, size_t n, double value, int or_equal) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (sorted[middle] < value || (or_equal && sorted[middle] == value))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Ranks of the values, ties sharing their mean rank. */
static void rank(const double *values, size_t n, double *sorted, double *ranks) {
  memcpy(sorted, values, n * sizeof *values);
  qsort(sorted, n, sizeof *sorted, compare_doubles);
  for (size_t i = 0; i < n; i++) {
    size_t below = count_below(sorted, n, values[i], 0), up_to = count_below(sorted, n, values[i], 1);
    ranks[i] = (double)below + ((double)(up_to - below) + 1) / 2;
  }
}

double lh_memory_of(const double *values, size_t n, double *sorted, double *ranks) {
  rank(values, n, sorted, ranks);
  double mean = ((double)n + 1) / 2, spread = 0, with_next = 0;
  for (size_t i = 0; i < n; i++) spread += (ranks[i] - mean) * (ranks[i] - mean);
  for (size_t i = 0; i + 1 < n; i++) with_next += (ranks[i] - mean) * (ranks[i + 1] - mean);
  return spread > 0 ? with_next / spread : 0;
}

double lh_memory_widening(double r) {
  if (r <= 0) return 1;
  if (r > 0.99) r = 0.99;
  return (1 + r) / (1 - r);
}
