#include "longhaul/analysis/ranksum.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/memory.h"

struct item {
  double value;
  int of_b;
};

static int compare_items(const void *a, const void *b) {
  double x = ((const struct item *)a)->value, y = ((const struct item *)b)->value;
  return (x > y) - (x < y);
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* U of B, and the sum of t^3 - t over each set of t equal values. */
static double count_pairs(struct item *items, size_t count, double *ties) {
  double u = 0, a_below = 0;
  qsort(items, count, sizeof *items, compare_items);
  *ties = 0;
  for (size_t i = 0, j; i < count; i = j) {
    double a_equal = 0, b_equal = 0;
    for (j = i; j < count && items[j].value == items[i].value; j++) {
      if (items[j].of_b)
        b_equal++;
      else
        a_equal++;
    }
    u += b_equal * (a_below + a_equal / 2);
    a_below += a_equal;
    double t = a_equal + b_equal;
    *ties += t * t * t - t;
  }
  return u;
}

/* r freed of its bias towards 0 to the first order: its expectation is r - (1 + 3 r) / n (Kendall 1954). */
static double widening_of(const double *values, size_t n, double *sorted, double *ranks) {
  double r = lh_memory_of(values, n, sorted, ranks);
  return r > 0 ? lh_memory_widening(r + (1 + 3 * r) / (double)n) : 1;
}

/* The two samples' shares of the variance, 1/n and 1/m, each widened by its own memory.
 *
 * False alarms at p < 0.01 in 1,500 pairs of series without a difference, autoregressive with 0, 0.3, 0.5 and 0.8
 * (tests/unit/analysis/oracle/ranksum.py --alarms):
 *                   11 values a side         25                       120
 *   plain test      0.5  3.5  10.6  35.3     0.5  4.4  11.0  35.5     1.1  5.3  12.9  37.3 %
 *   this            0.3  1.2   2.3   3.5     0.2  0.5   0.9   1.9     0.9  1.1   1.3   1.3 %  */
static double widening(const double *a, size_t n, const double *b, size_t m, double *sorted, double *ranks) {
  double of_a = widening_of(a, n, sorted, ranks), of_b = widening_of(b, m, sorted, ranks);
  double share_a = 1 / (double)n, share_b = 1 / (double)m;
  return (of_a * share_a + of_b * share_b) / (share_a + share_b);
}

int lh_ranksum_find(const double *a, size_t n, const double *b, size_t m, struct lh_ranksum *out) {
  size_t count = n + m, most = n > m ? n : m;
  struct item *items = malloc(count * sizeof *items);
  double *scratch = malloc(2 * most * sizeof *scratch);
  if (!items || !scratch) {
    free(items);
    free(scratch);
    return -ENOMEM;
  }
  for (size_t i = 0; i < n; i++) items[i] = (struct item){a[i], 0};
  for (size_t i = 0; i < m; i++) items[n + i] = (struct item){b[i], 1};
  double ties, pairs = (double)n * (double)m, all = (double)count;
  struct lh_ranksum r = {.u = count_pairs(items, count, &ties)};
  r.delta = 2 * r.u / pairs - 1;
  r.widening = widening(a, n, b, m, scratch, scratch + most);
  double variance = pairs / 12 * (all + 1 - ties / (all * (all - 1))) * r.widening;
  double off = fabs(r.u - pairs / 2) - 0.5;
  if (variance > 0 && off > 0) r.z = copysign(off / sqrt(variance), r.u - pairs / 2);
  r.p = erfc(fabs(r.z) / sqrt(2));
  free(items);
  free(scratch);
  *out = r;
  return 0;
}

static const char *const effects[] = {"negligible", "small", "medium", "large"};

enum lh_effect lh_effect_of(double delta) {
  double size = fabs(delta);
  return size < 0.147  ? LH_EFFECT_NEGLIGIBLE
         : size < 0.33 ? LH_EFFECT_SMALL
         : size < 0.474 ? LH_EFFECT_MEDIUM
                        : LH_EFFECT_LARGE;
}

const char *lh_effect_name(enum lh_effect effect) {
  return effects[effect];
}

static int compare_pointed(const void *a, const void *b) {
  return compare_doubles(*(double *const *)a, *(double *const *)b);
}

int lh_holm_adjust(double *p, size_t count) {
  double **order = malloc((count + 1) * sizeof *order), least = 0;
  if (!order) return -ENOMEM;
  for (size_t i = 0; i < count; i++) order[i] = &p[i];
  qsort(order, count, sizeof *order, compare_pointed);
  for (size_t i = 0; i < count; i++) {
    double adjusted = *order[i] * (double)(count - i);
    if (adjusted > 1) adjusted = 1;
    if (adjusted < least) adjusted = least;
    *order[i] = least = adjusted;
  }
  free(order);
  return 0;
}

double lh_quantile(double *values, size_t n, double q) {
  qsort(values, n, sizeof *values, compare_doubles);
  double at = q * (double)(n - 1);
  size_t below = (size_t)at;
  if (below + 1 >= n) return values[n - 1];
  return values[below] + (at - (double)below) * (values[below + 1] - values[below]);
}
