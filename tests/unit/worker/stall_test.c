/* When a loop that stood still is told of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "worker/stall.h"

enum { ENGINE_BYTES = 1 << 16 }; /* more than it has: two of its fields are set, and nothing is read */

static void a_wait_that_took_too_long_is_one(void **state) {
  (void)state;
  struct lh_engine *engine = calloc(1, ENGINE_BYTES);
  struct lh_stall stall = {.is_told = false};
  const uint64_t now_ns = lh_now_ns();
  lh_stall_begin(&stall, engine);
  lh_stall_look(&stall, now_ns); /* an ending before the first wait: the time since the machine's start is none */
  assert_false(stall.is_told);
  lh_stall_wait(&stall, now_ns, now_ns + LH_NS_PER_S);
  lh_stall_look(&stall, now_ns + 2 * LH_NS_PER_S);
  assert_false(stall.is_told);
  lh_stall_look(&stall, now_ns + 4 * LH_NS_PER_S);
  assert_true(stall.is_told);
  free(engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_wait_that_took_too_long_is_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
