/* What the server kept after the last client, in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/analysis/analysis.h"
#include "longhaul/base/clock.h"

#define MIB 1048576.0

static void test_back(void **state) {
  (void)state;
  static const struct {
    const char *source, *name;
    double before, now;
    bool back;
  } cases[] = {
      {"process", "descriptors", 10, 12, true},
      {"process", "descriptors", 10, 13, false},
      {"process", "descriptors", 1000, 1020, true},
      {"process", "descriptors", 1000, 1021, false},
      {"process", "descriptors", 1000, 5, true},
      {"process", "rss_bytes", 20 * MIB, 36 * MIB, true},
      {"process", "rss_bytes", 20 * MIB, 37 * MIB, false},
      {"process", "rss_bytes", 1000 * MIB, 1099 * MIB, true},
      {"process", "cpu_us", 10, 1e9, true},
      {"metrics", "requests_total", 10, 1e9, true},
      {"metrics", "requests_total{code=\"x_y\"}", 10, 1e9, true},
      {"metrics", "open_requests", 10, 1e9, false},
      {"metrics", "heap_bytes", 1 * MIB, 2 * MIB, true},
      {"metrics", "x{a=\"_total\"}", 0, 3, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (lh_watched_is_back(cases[i].source, cases[i].name, cases[i].before, cases[i].now) != cases[i].back)
      fail_msg("%s %s %g -> %g", cases[i].source, cases[i].name, cases[i].before, cases[i].now);
}

static void test_sentences(void **state) {
  (void)state;
  const uint64_t end_ns = 60 * LH_NS_PER_S, after_ns = 70 * LH_NS_PER_S;
#define SEEN .has_before = true, .has_after = true, .after_ns = after_ns
  const struct {
    struct lh_watched watched;
    const char *id, *sentence, *evidence; /* NULL: nothing is found */
  } cases[] = {
      {{.source = "process", .name = "descriptors", SEEN, .before = 12, .most = 5012, .end = 5012, .after = 1216},
       "server-kept",
       "The server kept 1,204 descriptors after every client had left.",
       "12 before the first client, 5,012 at the most, 1,216 when last seen, 10.0 s after the last client"},
      {{.source = "process", .name = "descriptors", SEEN, .before = 12, .most = 5012, .end = 5012, .after = 12},
       NULL,
       NULL,
       NULL},
      {{.source = "supervisor", .name = "descriptors", SEEN, .before = 12, .most = 5012, .end = 5012, .after = 900},
       NULL,
       NULL,
       NULL},
      {{.source = "process", .name = "descriptors", .has_before = true, .before = 12, .most = 5012, .end = 5012},
       NULL,
       NULL,
       NULL},
      {{.source = "process",
        .name = "rss_bytes",
        SEEN,
        .before = 20 * MIB,
        .most = 200 * MIB,
        .end = 200 * MIB,
        .after = 120 * MIB},
       "server-kept",
       "The server kept 100 MiB of memory after every client had left.",
       NULL},
      {{.source = "metrics", .name = "queue", SEEN, .before = 1.5, .most = 90, .end = 90, .after = 80},
       "server-kept",
       "The server's queue stayed 78.5 above where it was after every client had left.",
       NULL},
      {{.source = "process", .name = "processes", SEEN, .before = 2, .most = 2, .end = 0, .after = 0},
       "server-ended",
       "All of the watched processes of the server ended during the run.",
       NULL},
      {{.source = "process", .name = "processes", SEEN, .before = 4, .most = 4, .end = 3, .after = 4},
       "server-ended",
       "Some of the watched processes of the server ended during the run.",
       NULL},
      {{.source = "process", .name = "cpu_us", SEEN, .before = 9e6, .most = 9e6, .end = 2e6, .after = 2e6, .fell = true},
       "server-restarted",
       "Watched processes of the server were restarted or replaced during the run.",
       "their processor time fell from one sample to the next"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_find_args args = {.watched = &cases[i].watched, .watched_count = 1, .end_ns = end_ns};
    struct lh_findings found;
    assert_int_equal(lh_find(&args, &found, NULL), 0);
    assert_int_equal(found.count, cases[i].id ? 1 : 0);
    if (cases[i].id) {
      assert_string_equal(found.items[0].id, cases[i].id);
      assert_string_equal(found.items[0].sentence, cases[i].sentence);
      if (cases[i].evidence) assert_string_equal(found.items[0].evidence, cases[i].evidence);
    }
    lh_findings_free(&found);
  }
}

/* What the supervisor watches of itself is no server's, and hides nothing that comes after it. */
static void test_several(void **state) {
  (void)state;
  const uint64_t after_ns = 70 * LH_NS_PER_S;
  const struct lh_watched watched[] = {
      {.source = "supervisor", .name = "descriptors", SEEN, .before = 12, .most = 5012, .end = 5012, .after = 900},
      {.source = "process", .name = "descriptors", SEEN, .before = 12, .most = 5012, .end = 5012, .after = 1216},
      {.source = "process", .name = "processes", SEEN, .before = 2, .most = 2, .end = 2, .after = 2}};
  struct lh_find_args args = {.watched = watched, .watched_count = 3, .end_ns = 60 * LH_NS_PER_S};
  struct lh_findings found;
  assert_int_equal(lh_find(&args, &found, NULL), 0);
  assert_int_equal(found.count, 1); /* and no processes ended: both are there */
  assert_string_equal(found.items[0].id, "server-kept");
  lh_findings_free(&found);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_back), cmocka_unit_test(test_sentences), cmocka_unit_test(test_several)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
