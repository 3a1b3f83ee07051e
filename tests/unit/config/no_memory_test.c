/* Each allocation of a load made to fail in turn, libyaml's included, until the load succeeds untouched: always -ENOMEM or
 * success, never a crash, and nothing is kept. The sanitizers replace malloc themselves, so it runs without them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/config/load.h"
#include "longhaul/config/options.h"

#if !defined(__SANITIZE_ADDRESS__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);

static long until_failure = -1; /* -1: none fails */
static long balance, asked;

static int fails(void) {
  if (until_failure < 0) return 0;
  asked++;
  return until_failure-- == 0 ? (until_failure = 0, 1) : 0; /* once it has failed, all fail */
}

void *malloc(size_t size) {
  if (fails()) return errno = ENOMEM, NULL;
  balance++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  if (fails()) return errno = ENOMEM, NULL;
  balance++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  if (fails()) return errno = ENOMEM, NULL;
  balance += old == NULL;
  return __libc_realloc(old, size);
}

void free(void *old) {
  balance -= old != NULL;
  __libc_free(old);
}

static const char *test_getenv(const char *name) {
  return strcmp(name, "A") == 0 ? "value" : NULL;
}

static const char good[] = "run: {duration: 8h}\n"
                           "x-a: &a {kind: websocket, connections: 3}\n"
                           "targets:\n"
                           "  t: {url: 'wss://h/${env.A}', headers: {A: '${env.A}', B: x}, addresses: [10.0.0.1]}\n"
                           "groups:\n"
                           "  g:\n    <<: *a\n    path: /x\n    ramp: {stages: [{at: 1s, connections: 5}]}\n"
                           "    messages: [{every: 1s, text: '${token}', reply: {within: 1s}}, {every: 1s, binary: AAAA}]\n"
                           "  h: *a\n"
                           "slo: [{metric: g.response.p99, below: 1s}]\n";
static const char bad[] =
    "run: {duraton: 8h}\ngroups: {g: {kind: sse, conections: 5}}\nslo: [{metric: respnse.p99, below: 1s}]\n";

static void every_allocation_may_fail(const char *text, int expected) {
  static const char *const settings[] = {"run.seed=3", "groups.g.ping={every: 10s}"};
  long failures = 0;
  int failed;
  do {
    struct lh_config *config = NULL;
    struct lh_diagnostics diagnostics = {0};
    struct lh_load_args args = {
        .path = "t.yaml", .text = text, .settings = settings, .setting_count = 2, .getenv = test_getenv};
    long before = balance;
    asked = 0;
    until_failure = failures++;
    failed = lh_config_load(&args, &config, &diagnostics);
    long wanted = asked;
    until_failure = -1;
    lh_config_free(config);
    lh_diagnostics_free(&diagnostics);
    assert_int_equal(balance, before);
    if (wanted < failures) break; /* it asked for less than that: none failed */
    assert_int_equal(failed, -ENOMEM);
    assert_null(config);
  } while (failures < 100000);
  assert_int_equal(failed, expected);
  assert_true(failures > 50);
}

static void loading_survives(void **state) {
  (void)state;
  every_allocation_may_fail(good, 0);
  every_allocation_may_fail(bad, -EINVAL);
}

static void explaining_survives(void **state) {
  (void)state;
  for (long nth = 0, done = 0; !done; nth++) {
    long before = balance;
    struct lh_buf outs[4] = {LH_BUF_INIT(1 << 20), LH_BUF_INIT(1 << 20), LH_BUF_INIT(1 << 20), LH_BUF_INIT(1 << 20)};
    asked = 0;
    until_failure = nth;
    int failed = lh_explain(NULL, &outs[0], NULL);
    if (!failed) failed = lh_explain_schema(&outs[1]);
    if (!failed) failed = lh_explain_reference(&outs[2]);
    if (!failed) failed = lh_explain_man(&outs[3]);
    done = asked <= nth;
    until_failure = -1;
    for (int i = 0; i < 4; i++) lh_buf_free(&outs[i]);
    assert_int_equal(failed, done ? 0 : -ENOMEM);
    assert_int_equal(balance, before);
  }
}
#else
static void loading_survives(void **state) {
  (void)state;
  skip();
}
static void explaining_survives(void **state) {
  (void)state;
  skip();
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(loading_survives), cmocka_unit_test(explaining_survives)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
