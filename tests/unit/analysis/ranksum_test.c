/* Mann-Whitney U, Cliff's delta, the widening and Holm's adjustment against SciPy's stored results (oracle/ranksum.py). */
#include "oracle/check.h"

#include "longhaul/analysis/ranksum.h"

#include "oracle/ranksum_cases.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void test_against_scipy(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(ranksum_cases); i++) {
    const struct ranksum_case *c = &ranksum_cases[i];
    struct lh_ranksum got;
    assert_int_equal(lh_ranksum_find(c->a, c->a_count, c->b, c->b_count, &got), 0);
    check(c->name, "U", got.u, c->expected.u);
    check(c->name, "z", got.z, c->expected.z);
    check(c->name, "p", got.p, c->expected.p);
    check(c->name, "delta", got.delta, c->expected.delta);
    check(c->name, "widening", got.widening, c->expected.widening);
  }
}

/* With the two exchanged the same is found, the other way round. */
static void test_sides(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(ranksum_cases); i++) {
    const struct ranksum_case *c = &ranksum_cases[i];
    struct lh_ranksum there, back;
    assert_int_equal(lh_ranksum_find(c->a, c->a_count, c->b, c->b_count, &there), 0);
    assert_int_equal(lh_ranksum_find(c->b, c->b_count, c->a, c->a_count, &back), 0);
    check(c->name, "z", back.z, -there.z);
    check(c->name, "p", back.p, there.p);
    check(c->name, "delta", back.delta, -there.delta);
    check(c->name, "U", back.u + there.u, (double)(c->a_count * c->b_count));
  }
}

static void test_holm(void **state) {
  (void)state;
  double p[COUNT_OF(holm_before)];
  for (size_t i = 0; i < COUNT_OF(p); i++) p[i] = holm_before[i];
  assert_int_equal(lh_holm_adjust(p, COUNT_OF(p)), 0);
  for (size_t i = 0; i < COUNT_OF(p); i++) check("Holm", "p", p[i], holm_after[i]);
  assert_int_equal(lh_holm_adjust(p, 0), 0);
}

static void test_effects(void **state) {
  (void)state;
  static const struct {
    double delta;
    const char *name;
  } rows[] = {{0, "negligible"}, {-0.146, "negligible"}, {0.147, "small"}, {-0.33, "medium"}, {0.473, "medium"},
              {0.474, "large"},  {-1, "large"}};
  for (size_t i = 0; i < COUNT_OF(rows); i++)
    assert_string_equal(lh_effect_name(lh_effect_of(rows[i].delta)), rows[i].name);
}

static void test_quantile(void **state) {
  (void)state;
  double values[] = {4, 1, 3, 2}, one[] = {7};
  check("quantile", "0", lh_quantile(values, 4, 0), 1);
  check("quantile", "0.25", lh_quantile(values, 4, 0.25), 1.75);
  check("quantile", "0.5", lh_quantile(values, 4, 0.5), 2.5);
  check("quantile", "1", lh_quantile(values, 4, 1), 4);
  check("quantile", "of one", lh_quantile(one, 1, 0.5), 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_scipy), cmocka_unit_test(test_sides),
                                     cmocka_unit_test(test_holm), cmocka_unit_test(test_effects),
                                     cmocka_unit_test(test_quantile)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
