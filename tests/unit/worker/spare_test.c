/* What new connections leave where the address space is limited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "longhaul/worker/worker.h"
#include "worker/spare.h"

static uint64_t space(void) {
  unsigned long long pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "%llu", &pages), 1);
  fclose(file);
  return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void without_a_limit_all_is_spare(void **state) {
  (void)state;
  struct lh_spare spare;
  lh_spare_begin(&spare);
  assert_true(spare.limit_bytes == UINT64_MAX);
  assert_true(lh_spare_is_left(&spare, LH_SPARE_BYTES));
}

/* Either address space that was not asked for yet, or what is free in the heap. */
static void near_the_limit_it_is_not_left(void **state) {
  (void)state;
  struct lh_spare spare = {.limit_bytes = space() + 2 * LH_SPARE_BYTES};
  assert_true(lh_spare_is_left(&spare, LH_SPARE_BYTES));
  spare.limit_bytes = space() + LH_SPARE_BYTES / 4;
  assert_false(lh_spare_is_left(&spare, LH_SPARE_BYTES));
#if !defined(__SANITIZE_ADDRESS__) /* which has a heap of its own */
  enum { PIECES = 1000, PIECE = 4096 };
  void *pieces[PIECES];
  for (int i = 0; i < PIECES; i++) pieces[i] = malloc(PIECE);
  void *above = malloc(PIECE); /* keeps the heap from giving them back */
  spare.limit_bytes = space();
  assert_false(lh_spare_is_left(&spare, LH_SPARE_BYTES));
  for (int i = 0; i < PIECES; i++) free(pieces[i]);
  assert_true(lh_spare_is_left(&spare, LH_SPARE_BYTES));
  free(above);
#endif
}

static void the_limit_is_read(void **state) {
  (void)state;
  const struct rlimit most = {.rlim_cur = UINT64_C(1) << 46, .rlim_max = RLIM_INFINITY};
  pid_t child = fork();
  if (child == 0) {
    struct lh_spare spare;
    bool set = setrlimit(RLIMIT_AS, &most) == 0;
    lh_spare_begin(&spare);
    _exit(set && spare.limit_bytes == most.rlim_cur && lh_spare_is_left(&spare, LH_SPARE_BYTES) ? 0 : 1);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(without_a_limit_all_is_spare),
                                     cmocka_unit_test(near_the_limit_it_is_not_left), cmocka_unit_test(the_limit_is_read)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
