/* Comparisons of small synthetic runs: the same twice, one slower, one in other intervals, one cut short, other groups. */
#include "synthetic.h"

#include "longhaul/report/compare.h"
#include "report/look.h"

static struct synthetic small_run(void **state) {
  struct synthetic_place *p = *state;
  return (struct synthetic){.folder = p->folder,
                            .slo = "slo:\n  - {metric: chat.response.p99, below: 350ms}\n  - {metric: availability, above: 50%}\n",
                            .groups = 2,
                            .intervals = 90,
                            .clients = 100,
                            .interval_ns = 10 * LH_NS_PER_S,
                            .how = LH_RUN_COMPLETE,
                            .finish = true};
}

static json_t *compare(struct synthetic *a, struct synthetic *b, double least) {
  struct lh_err err = {0};
  json_t *out = NULL;
  synthetic_write(a);
  synthetic_write(b);
  if (lh_compare_model(&(struct lh_compare_args){a->path, b->path, least}, &out, &err)) fail_msg("%s", err.text);
  synthetic_free(a);
  synthetic_free(b);
  return out;
}

static const json_t *difference(const json_t *comparison, const char *group, const char *measure) {
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(comparison, "differences"), i, item) {
    if (strcmp(lh_look_text(item, "group"), group) == 0 && strcmp(lh_look_text(item, "measure"), measure) == 0) return item;
  }
  fail_msg("no difference for %s %s", group, measure);
  return NULL;
}

static bool has_note(const json_t *comparison, const char *words) {
  const json_t *note;
  size_t i;
  json_array_foreach(lh_look(comparison, "notes"), i, note) if (strstr(json_string_value(note), words)) return true;
  return false;
}

static void test_same_twice(void **state) {
  struct synthetic a = small_run(state), b = a;
  json_t *c = compare(&a, &b, 0);
  assert_string_equal(lh_look_text(c, "outcome"), "same");
  assert_false(lh_compare_is_worse(c));
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(c, "differences"), i, item) {
    const char *outcome = lh_look_text(item, "outcome");
    if (strcmp(outcome, "same") && strcmp(outcome, "unknown")) fail_msg("%s is %s", lh_look_text(item, "measure"), outcome);
  }
  assert_int_equal(json_array_size(lh_look(c, "config")), 0);
  assert_true(has_note(c, "the same run")); /* the same id */
  /* a ramp of 225 s, and the end: of 90 intervals 22 and the first whole one, and the last */
  const json_t *chat = json_array_get(lh_look(c, "intervals.a"), 0);
  assert_int_equal(lh_look_number(chat, "ramp"), 24);
  assert_int_equal(lh_look_number(chat, "blocks_used"), 66);
  json_decref(c);
}

static void test_slower(void **state) {
  struct synthetic a = small_run(state), b = a;
  b.slow_until = 90;
  json_t *c = compare(&a, &b, 0), *back;
  const json_t *p50 = difference(c, "chat", "response_p50");
  assert_string_equal(lh_look_text(p50, "outcome"), "worse");
  assert_string_equal(lh_look_text(p50, "effect"), "large");
  assert_true(lh_look_number(p50, "delta") == 1);
  assert_true(lh_look_number(p50, "b.median") - lh_look_number(p50, "a.median") > 395e3);
  assert_string_equal(lh_look_text(difference(c, "", "response_p99"), "outcome"), "worse");
  assert_string_equal(lh_look_text(difference(c, "feed", "sent"), "outcome"), "same");
  assert_string_equal(lh_look_text(difference(c, "feed", "rtt_p50"), "outcome"), "same");
  assert_string_equal(lh_look_text(json_array_get(lh_look(c, "slo"), 0), "outcome"), "worse");
  assert_string_equal(lh_look_text(json_array_get(lh_look(c, "slo"), 1), "outcome"), "same");
  assert_true(lh_compare_is_worse(c));
  json_decref(c);
  struct lh_err err = {0};
  assert_int_equal(lh_compare_model(&(struct lh_compare_args){b.path, a.path, 0}, &back, &err), 0);
  assert_string_equal(lh_look_text(difference(back, "chat", "response_p50"), "outcome"), "better");
  assert_string_equal(lh_look_text(back, "outcome"), "better");
  assert_false(lh_compare_is_worse(back));
  json_decref(back);
  /* 400 ms are less than a change of 5,000 % of some 23 ms */
  assert_int_equal(lh_compare_model(&(struct lh_compare_args){a.path, b.path, 50}, &back, &err), 0);
  assert_string_equal(lh_look_text(difference(back, "chat", "response_p50"), "outcome"), "same");
  assert_true(lh_compare_is_worse(back)); /* the objective failed all the same */
  json_decref(back);
}

/* 10 s against 15 s: blocks of 30 s, the counts of which add up. */
static void test_other_intervals(void **state) {
  struct synthetic a = small_run(state), b = a;
  b.interval_ns = 15 * LH_NS_PER_S;
  b.intervals = 60;
  json_t *c = compare(&a, &b, 0);
  assert_true(has_note(c, "blocks of 30 s"));
  assert_int_equal(lh_look_number(c, "method.block_s"), 30);
  const json_t *sent = difference(c, "chat", "sent");
  assert_true(lh_look_number(sent, "a.median") > 9 && lh_look_number(sent, "a.median") < 11);
  assert_true(lh_look_number(sent, "b.median") > 9 && lh_look_number(sent, "b.median") < 11);
  assert_int_equal(lh_look_number(sent, "a.values"), 21); /* 240 s to 870 s */
  json_decref(c);
}

static void test_left_out(void **state) {
  struct synthetic a = small_run(state), b = a;
  a.late_at = 50;
  b.finish = false; /* a crash */
  b.groups = 1;
  json_t *c = compare(&a, &b, 0);
  assert_true(has_note(c, "group feed is in A alone"));
  assert_true(has_note(c, "B is without an end"));
  assert_int_equal(lh_look_number(json_array_get(lh_look(c, "intervals.a"), 0), "tester_late"), 1);
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(c, "differences"), i, item) assert_string_equal(lh_look_text(item, "group"), "chat");
  json_decref(c);
  struct synthetic brief = small_run(state), other = small_run(state);
  brief.intervals = 10;
  c = compare(&brief, &other, 0);
  assert_string_equal(lh_look_text(difference(c, "chat", "response_p50"), "outcome"), "unknown");
  assert_true(has_note(c, "a test needs 8"));
  assert_string_equal(lh_look_text(c, "outcome"), "unknown");
  json_decref(c);
}

/* One storm is no shift of the intervals' values, and yet no sameness. */
static void test_storm(void **state) {
  struct synthetic a = small_run(state), b = a;
  b.storm_at = 60;
  json_t *c = compare(&a, &b, 0);
  const json_t *drops = difference(c, "chat", "drop_rate");
  assert_string_equal(lh_look_text(drops, "outcome"), "unclear");
  assert_true(lh_look_number(drops, "b.mean") > 1.5 * lh_look_number(drops, "a.mean"));
  assert_true(lh_look_true(drops, "event"));
  const json_t *availability = difference(c, "chat", "availability");
  assert_string_equal(lh_look_text(availability, "outcome"), "unclear");
  assert_false(lh_look_true(availability, "event"));
  assert_string_equal(lh_look_text(c, "outcome"), "unclear");
  assert_non_null(strstr(lh_look_text(c, "headline"), "; but an event set them apart, in too few intervals to prove anything: chat drops/client-h "));
  assert_string_equal(lh_look_text(difference(c, "chat", "response_p50"), "outcome"), "same");
  assert_non_null(strstr(lh_look_text(c, "headline"), "; A had 5 drops and B 205 drops, in too few intervals for a test"));
  assert_false(lh_compare_is_worse(c));
  json_decref(c);
}

static void test_config(void **state) {
  struct synthetic a = small_run(state), b = a;
  b.clients = 120;
  b.slo = NULL;
  json_t *c = compare(&a, &b, 0);
  const json_t *item;
  size_t i;
  int seen = 0;
  json_array_foreach(lh_look(c, "config"), i, item) {
    const char *key = lh_look_text(item, "key");
    if (strcmp(key, "groups.feed.connections") == 0) {
      assert_string_equal(lh_look_text(item, "a"), "100");
      assert_string_equal(lh_look_text(item, "b"), "120");
      seen |= 1;
    }
    if (strcmp(key, "slo[1].metric") == 0) {
      assert_string_equal(lh_look_text(item, "a"), "availability");
      assert_true(lh_look_is_null(item, "b"));
      seen |= 2;
    }
    if (strstr(key, "run.")) fail_msg("%s does not differ", key);
  }
  assert_int_equal(seen, 3);
  assert_true(has_note(c, "group chat has 100 clients in A and 120 in B"));
  assert_string_equal(lh_look_text(json_array_get(lh_look(c, "slo"), 0), "outcome"), "unknown");
  assert_int_equal(json_array_size(lh_look(c, "slo")), 2);
  json_decref(c);
  c = compare(&b, &a, 0); /* the other way round they are B's alone */
  assert_int_equal(json_array_size(lh_look(c, "slo")), 2);
  json_decref(c);
  b.slo = a.slo;
  c = compare(&a, &b, 0);
  assert_int_equal(json_array_size(lh_look(c, "slo")), 2);
  json_decref(c);
}

static void test_wrong_input(void **state) {
  (void)state;
  struct lh_err err = {0};
  json_t *c = NULL;
  assert_true(lh_compare_model(&(struct lh_compare_args){"/none/a", "/none/b", 0}, &c, &err) < 0);
  assert_non_null(strstr(err.text, "/none/a"));
  assert_null(c);
}

/* Whatever stands in names, sentences and configs, no markup comes of it. */
static void test_page_escapes(void **state) {
  (void)state;
  json_t *c = json_load_file("tests/golden/compare.json", 0, NULL);
  assert_non_null(c);
  struct lh_buf out = LH_BUF_INIT(1 << 22);
  struct lh_err err = {0};
  assert_int_equal(lh_compare_render(c, LH_REPORT_HTML, 0, &out, &err), 0);
  assert_null(strstr(out.data, "<b>"));
  assert_null(strstr(out.data, "<script>alert"));
  assert_non_null(strstr(out.data, "&#60;script&#62;alert"));
  assert_null(strstr(out.data, "{{"));
  lh_buf_free(&out);
  json_decref(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      SYNTHETIC_TEST(test_same_twice),
      SYNTHETIC_TEST(test_slower),
      SYNTHETIC_TEST(test_other_intervals),
      SYNTHETIC_TEST(test_left_out),
      SYNTHETIC_TEST(test_storm),
      SYNTHETIC_TEST(test_config),
      cmocka_unit_test(test_wrong_input),
      cmocka_unit_test(test_page_escapes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
