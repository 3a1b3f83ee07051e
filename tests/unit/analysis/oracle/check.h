/* A number of ours beside the oracle's: they differ by no more than the digits that it stored. */
#ifndef LONGHAUL_TESTS_ANALYSIS_ORACLE_CHECK_H
#define LONGHAUL_TESTS_ANALYSIS_ORACLE_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline void check(const char *name, const char *what, double got, double expected) {
  double allowed = 1e-6 * fabs(expected) + 1e-9;
  if (!(fabs(got - expected) <= allowed)) fail_msg("%s: %s is %.12g, expected %.12g", name, what, got, expected);
}

#endif
