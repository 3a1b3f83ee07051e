/* Addresses of targets, and whose turn each is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/resolve.h"

static void nobody_waits(void *context, uint32_t target, int error) {
  (void)context, (void)target, (void)error;
}

/* A target with pinned addresses, which need no looking up. */
static struct lh_resolver *resolver_of(uv_loop_t *loop, struct lh_target *target, char **addresses, size_t count) {
  static char name[] = "t";
  struct lh_resolver *resolver;
  struct lh_err err = {0};
  *target = (struct lh_target){.name = name, .port = 80, .addresses = {addresses, count}, .spread = LH_TARGET_SPREAD_ALL};
  uv_loop_init(loop);
  assert_int_equal(lh_resolver_new(&resolver, loop, 1, nobody_waits, NULL, &err), 0);
  assert_int_equal(lh_resolver_add(resolver, target, &err), 0);
  return resolver;
}

static int family_of(const struct lh_book *book, uint32_t client, uint32_t nth) {
  const struct lh_address *address = lh_book_pick(book, client, nth);
  return address ? address->any.sa_family : AF_UNSPEC;
}

/* The worker's end takes a resolver with it, so that there is nothing that frees one. */
static void the_family_that_worked_comes_first(void **state) {
  (void)state;
  static uv_loop_t loop;
  static struct lh_target target;
  char *addresses[] = {(char[]){"192.0.2.1"}, (char[]){"2001:db8::1"}, (char[]){"192.0.2.2"}};
  static struct lh_resolver *resolver;
  resolver = resolver_of(&loop, &target, addresses, 3);
  const struct lh_book *book = lh_resolve_book(resolver, 0);
  for (uint32_t client = 0; client < 5; client++) {
    assert_int_equal(family_of(book, client, 0), AF_INET);
    assert_int_equal(family_of(book, client, 1), AF_INET6);
    assert_int_equal(family_of(book, client, 2), AF_UNSPEC);
  }
  lh_resolve_prefer(resolver, 0, AF_INET6);
  for (uint32_t client = 0; client < 5; client++) {
    assert_int_equal(family_of(book, client, 0), AF_INET6);
    assert_int_equal(family_of(book, client, 1), AF_INET);
  }
  assert_ptr_not_equal(lh_book_pick(book, 0, 1), lh_book_pick(book, 1, 1));
}

/* A connection came up over a family, and meanwhile the name has lost its addresses of it. */
static void a_family_that_is_gone_is_no_preference(void **state) {
  (void)state;
  static uv_loop_t loop;
  static struct lh_target target;
  char *addresses[] = {(char[]){"192.0.2.1"}};
  static struct lh_resolver *resolver;
  resolver = resolver_of(&loop, &target, addresses, 1);
  lh_resolve_prefer(resolver, 0, AF_INET6);
  assert_int_equal(family_of(lh_resolve_book(resolver, 0), 7, 0), AF_INET);
  assert_int_equal(family_of(lh_resolve_book(resolver, 0), 7, 1), AF_UNSPEC);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_family_that_worked_comes_first),
      cmocka_unit_test(a_family_that_is_gone_is_no_preference),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
