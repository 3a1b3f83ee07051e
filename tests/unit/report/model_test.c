/* Models of small synthetic runs: objectives against sums made by hand, parts of a run, runs without an end, bad input. */
#include "synthetic.h"

#include <errno.h>
#include <math.h>

#include <sqlite3.h>

#include "longhaul/report/report.h"
#include <sqlite3.h>

#include "report/build.h"
#include "report/gather.h"
#include "report/look.h"
#include "report/slo.h"

static struct synthetic small_run(void **state) {
  struct synthetic_place *p = *state;
  return (struct synthetic){.folder = p->folder,
                            .groups = 3,
                            .intervals = 120,
                            .clients = 100,
                            .interval_ns = 10 * LH_NS_PER_S,
                            .storm_at = 80,
                            .slow_from = 50,
                            .slow_until = 53,
                            .close_text = "\xff"
                                          "bad | text",
                            .how = LH_RUN_COMPLETE,
                            .finish = true};
}

static json_t *model_of(const struct synthetic *s, uint64_t from_ns, uint64_t until_ns) {
  struct lh_err err = {0};
  json_t *model = NULL;
  if (lh_report_model(&(struct lh_report_args){.path = s->path, .from_ns = from_ns, .until_ns = until_ns}, &model, &err))
    fail_msg("%s", err.text);
  return model;
}

#define NUMBER(from, path) ((uint64_t)lh_look_number((from), (path)))

static const json_t *slo_row(const json_t *model, size_t i) {
  return json_array_get(lh_look(model, "slo"), i);
}

/* 2.6 * 10^18 client-microseconds: in nanoseconds they would not fit, neither into 64 bits nor into SQLite's sum(). */
static void test_a_month_of_a_million_clients(void **state) {
  struct synthetic s = small_run(state);
  s.groups = 1;
  s.clients = 1000 * 1000;
  s.intervals = 30 * 24;
  s.interval_ns = 3600 * LH_NS_PER_S;
  s.storm_at = 0;
  s.endings_max = 1;
  synthetic_write(&s);
  json_t *model = model_of(&s, 0, LH_NEVER);
  const json_t *totals = lh_look(model, "totals");
  const double hours = 30 * 24 * 1e6;
  assert_true(lh_look_number(totals, "client_hours") > 0.999 * hours && lh_look_number(totals, "client_hours") <= hours);
  assert_true(lh_look_number(totals, "availability_percent") > 99.9);
  sqlite3 *db;
  sqlite3_stmt *sum;
  assert_int_equal(sqlite3_open_v2(s.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT sum(open_us) / 3600e6 FROM intervals", -1, &sum, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(sum), SQLITE_ROW);
  assert_true(sqlite3_column_double(sum, 0) > 0.999 * hours);
  sqlite3_finalize(sum);
  sqlite3_close(db);
  json_decref(model);
  synthetic_free(&s);
}

/* The commonest ending stands first, whatever came first in the run. */
static void test_endings_in_order(void **state) {
  struct synthetic s = small_run(state);
  synthetic_write(&s);
  json_t *model = model_of(&s, 0, LH_NEVER);
  for (size_t g = 0; g < s.groups; g++) {
    const json_t *endings = lh_look(json_array_get(lh_look(model, "groups"), g), "endings");
    assert_true(json_array_size(endings) > 1);
    uint64_t sum = NUMBER(json_array_get(endings, 0), "count");
    for (size_t i = 1; i < json_array_size(endings); i++) {
      assert_true(NUMBER(json_array_get(endings, i - 1), "count") >= NUMBER(json_array_get(endings, i), "count"));
      sum += NUMBER(json_array_get(endings, i), "count");
    }
    assert_int_equal(sum, NUMBER(json_array_get(lh_look(model, "groups"), g), "ended"));
  }
  json_decref(model);
  synthetic_free(&s);
}

/* The table of endings is full before the storm, or is not kept at all: the storm is found all the same, to a second. */
static void test_storms_past_the_cap_of_rows(void **state) {
  static const uint64_t caps[] = {0, 2};
  for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
    struct synthetic s = small_run(state);
    s.endings_max = caps[i];
    synthetic_write(&s);
    json_t *model = model_of(&s, 0, LH_NEVER);
    assert_true((lh_look_number(model, "tester.left_out.ending_rows") > 0) == (caps[i] > 0));
    const json_t *storms = lh_look(model, "storms"), *storm = json_array_get(storms, 0);
    assert_int_equal(json_array_size(storms), s.groups);
    assert_int_equal(NUMBER(storm, "drops"), s.clients);
    assert_string_equal(lh_look_text(storm, "reason"), "RST");
    double from_s = lh_look_number(storm, "from_s"), until_s = lh_look_number(storm, "until_s");
    assert_true(until_s - from_s <= 1);
    assert_int_equal((uint64_t)from_s, (s.storm_at * s.interval_ns + s.interval_ns / 3) / LH_NS_PER_S);
    assert_true(lh_look_number(storm, "back_100_s") > 0);
    json_decref(model);
    synthetic_free(&s);
  }
}

/* What a worker had to hold back is named, and its interval proves nothing. */
static void test_faults_of_the_tester(void **state) {
  for (uint32_t held_at = 0; held_at <= 30; held_at += 30) {
    struct synthetic s = small_run(state);
    s.held_at = held_at;
    synthetic_write(&s);
    json_t *model = model_of(&s, 0, LH_NEVER);
    assert_int_equal(NUMBER(model, "tester.left_out.sends_held_back_in_flight_full"), held_at ? 7 : 0);
    assert_int_equal(NUMBER(model, "tester.left_out.messages_without_memory"), held_at ? 2 : 0);
    assert_int_equal(NUMBER(model, "tester.intervals_late"), held_at ? 1 : 0);
    if (held_at) {
      const json_t *span = json_array_get(lh_look(model, "tester.late_spans"), 0);
      assert_int_equal(NUMBER(span, "from_s"), held_at * 10);
      assert_string_equal(json_string_value(json_array_get(lh_look(span, "why"), 0)),
                          "a worker held messages back for want of room or memory");
    }
    assert_true(lh_look_is_null(model, "totals.incoming")); /* no group asks for checks of pushes */
    json_decref(model);
    synthetic_free(&s);
  }
}

static void test_objectives(void **state) {
  struct synthetic s = small_run(state);
  s.late_at = 51;
  s.slo = "slo:\n"
          "  - {metric: chat.response.max, below: 1s}\n"
          "  - {metric: response.count, above: 10}\n"
          "  - {metric: drops, below: 1000}\n"
          "  - {metric: drops, below: 1000, after: 15m}\n"
          "  - {metric: feed.connect_failures, below: 1}\n"
          "  - {metric: chat.response.p99, below: 100ms, for: 1m}\n"
          "  - {metric: chat.ping.p50, below: 1s}\n"
          "  - {metric: response.mean, below: 1s}\n";
  synthetic_write(&s);
  json_t *model = model_of(&s, 0, LH_NEVER);
  uint64_t drops = 0, count = 0, max_us = s.totals[0].hists[LH_HIST_response].max_us;
  for (uint32_t g = 0; g < s.groups; g++) {
    drops += s.totals[g].counters[LH_COUNTER_drops];
    count += s.totals[g].hists[LH_HIST_response].count;
  }
  assert_int_equal(json_array_size(lh_look(model, "slo")), 8);
  assert_int_equal(NUMBER(slo_row(model, 0), "value"), max_us); /* the spell covers 3 intervals, 1 of them left out */
  assert_true(NUMBER(slo_row(model, 0), "worst_s") == 500 || NUMBER(slo_row(model, 0), "worst_s") == 520);
  assert_int_equal(NUMBER(slo_row(model, 0), "intervals_left_out_tester_late"), 1);
  uint64_t late_count = 0;
  const json_t *groups = lh_look(model, "series.groups"), *group;
  size_t i;
  json_array_foreach(groups, i, group) late_count +=
      (uint64_t)json_integer_value(json_array_get(lh_look(group, "replied"), 51));
  assert_int_equal(NUMBER(slo_row(model, 1), "value"), count - late_count);
  assert_int_equal(NUMBER(slo_row(model, 2), "value"), drops);
  assert_int_equal(NUMBER(slo_row(model, 3), "intervals_left_out_grace"), 90);
  assert_true(NUMBER(slo_row(model, 3), "value") < s.groups * s.clients); /* the storm was before that */
  assert_true(json_is_false(lh_look(slo_row(model, 4), "passed")));
  assert_int_equal(NUMBER(slo_row(model, 4), "worst_s"), 810);
  assert_true(json_is_false(lh_look(slo_row(model, 5), "passed")));
  assert_true(json_is_null(lh_look(slo_row(model, 6), "passed"))); /* no pings: nothing was measured */
  assert_string_equal(lh_look_text(slo_row(model, 6), "note"), "nothing was measured: no reply, no open client or no attempt");
  assert_true(lh_look_true(slo_row(model, 7), "passed"));
  assert_string_equal(lh_look_text(model, "verdict"), "failed");
  json_decref(model);
  synthetic_free(&s);
}

/* Each window's percentile by brute force: every interval's histogram merged anew. */
static void test_windows_against_brute_force(void **state) {
  struct synthetic s = small_run(state);
  s.slo = "slo:\n  - {metric: chat.response.p90, below: 1us, for: 50s}\n";
  synthetic_write(&s);
  json_t *model = model_of(&s, 0, LH_NEVER);
  struct lh_gather g;
  struct lh_err err = {0};
  assert_int_equal(lh_gather_open(&g, &(struct lh_report_args){.path = s.path, .until_ns = LH_NEVER}, &err), 0);
  struct lh_watch *w = g.watches = calloc(1, sizeof *g.watches);
  g.watch_count = 1;
  *w = (struct lh_watch){.lane = 0, .hist = LH_HIST_response};
  assert_int_equal(lh_gather_read(&g, &err), 0);
  uint64_t worst = 0;
  for (uint32_t i = 4; i < g.count; i++) {
    struct lh_hdr sum = LH_HDR_INIT;
    for (uint32_t j = i - 4; j <= i; j++)
      for (size_t n = w->starts[j]; n < w->starts[j + 1]; n++)
        lh_hdr_record_n(&sum, lh_hdr_slot_high(w->bins[n].slot), w->bins[n].count);
    uint64_t p90 = sum.count ? lh_hdr_percentile(&sum, 90) : 0;
    if (p90 > worst) worst = p90;
    lh_hdr_free(&sum);
  }
  assert_int_equal(NUMBER(slo_row(model, 0), "worst"), worst);
  lh_gather_free(&g);
  json_decref(model);
  synthetic_free(&s);
}

/* A slow moment right after the grace is no slow window: the first one that counts begins there. Where none is full, what there
 * is counts as one. */
static void test_windows_after_the_grace(void **state) {
  struct synthetic s = small_run(state);
  s.slow_from = 60;
  s.slow_until = 62;
  s.slo = "slo:\n"
          "  - {metric: chat.response.p50, below: 100ms, for: 1m, after: 10m}\n"
          "  - {metric: chat.response.p50, below: 100ms, for: 1m, after: 19m40s}\n"
          "  - {metric: chat.response.p50, below: 100ms, for: 20s}\n";
  synthetic_write(&s);
  json_t *model = model_of(&s, 0, LH_NEVER);
  assert_true(lh_look_true(slo_row(model, 0), "passed"));
  assert_int_equal(NUMBER(slo_row(model, 0), "intervals"), 60);
  assert_true(NUMBER(slo_row(model, 0), "worst_s") >= 600);
  assert_true(lh_look_true(slo_row(model, 1), "passed"));
  assert_int_equal(NUMBER(slo_row(model, 1), "intervals"), 2);
  assert_true(json_is_false(lh_look(slo_row(model, 2), "passed")));
  json_decref(model);
  synthetic_free(&s);
}

static void shorten(const char *path, const char *sql) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

/* A long config tried for a short while: what is longer than the try is not judged, whatever the numbers are. */
static void test_objectives_longer_than_a_try(void **state) {
  struct synthetic s = small_run(state);
  s.interval_ns = 60 * LH_NS_PER_S;
  s.slo = "slo:\n"
          "  - {metric: availability, above: 1%, for: 90m}\n"
          "  - {metric: availability, above: 1%, after: 90m}\n"
          "  - {metric: availability, above: 1%}\n";
  synthetic_write(&s);
  json_t *whole = model_of(&s, 0, UINT64_MAX);
  for (size_t i = 0; i < 3; i++) assert_true(lh_look_true(slo_row(whole, i), "passed"));
  json_decref(whole);
  shorten(s.path, "UPDATE run SET duration_ns = 3600000000000");
  json_t *tried = model_of(&s, 0, UINT64_MAX);
  assert_true(lh_look_is_null(slo_row(tried, 0), "passed"));
  assert_string_equal(lh_look_text(slo_row(tried, 0), "note"),
                      "the run was planned for 1 h, shorter than this objective's window of 1 h 30 min");
  assert_true(lh_look_is_null(slo_row(tried, 1), "passed"));
  assert_string_equal(lh_look_text(slo_row(tried, 1), "note"), "the run was planned for 1 h, and this objective counts from 1 h 30 min on");
  assert_true(lh_look_true(slo_row(tried, 2), "passed"));
  assert_string_equal(lh_look_text(tried, "verdict"), "inconclusive");
  json_decref(tried);
  synthetic_free(&s);
}

static void test_part_of_a_run(void **state) {
  struct synthetic s = small_run(state);
  synthetic_write(&s);
  json_t *whole = model_of(&s, 0, LH_NEVER), *before = model_of(&s, 0, 600 * LH_NS_PER_S),
         *after = model_of(&s, 600 * LH_NS_PER_S, LH_NEVER);
  static const char *const sums[] = {"drops",         "attempts",   "messages.sent",
                                     "messages.lost", "bytes.sent", "latency.response.count"};
  for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
    assert_int_equal(NUMBER(lh_look(before, "totals"), sums[i]) + NUMBER(lh_look(after, "totals"), sums[i]),
                     NUMBER(lh_look(whole, "totals"), sums[i]));
  assert_true(json_is_null(lh_look(before, "totals.books_balance")));
  assert_true(json_is_false(lh_look(after, "run.whole")));
  assert_int_equal(NUMBER(after, "run.from_s"), 600);
  assert_int_equal(json_array_size(lh_look(before, "series.t_s")), 60);
  assert_int_equal(json_array_size(lh_look(before, "storms")), 0);
  assert_int_equal(json_array_size(lh_look(after, "storms")), 3);
  assert_non_null(strstr(lh_look_text(before, "headline"), "300 clients, 20:03:28 to 20:13:28 UTC of 20 min"));
  json_decref(whole);
  json_decref(before);
  json_decref(after);
  synthetic_free(&s);
}

static void test_run_without_an_end(void **state) {
  struct synthetic s = small_run(state);
  s.finish = false;
  synthetic_write(&s);
  json_t *model = model_of(&s, 0, LH_NEVER);
  assert_string_equal(lh_look_text(model, "run.how"), "unfinished");
  assert_string_equal(lh_look_text(model, "verdict"), "inconclusive");
  assert_int_equal(lh_report_exit_code(model), 4);
  assert_int_equal(json_array_size(lh_look(model, "series.t_s")), 120);
  assert_true(lh_look_true(model, "totals.books_balance"));
  json_decref(model);
  synthetic_free(&s);
}

/* The same file while its run goes on: no end is no doubt. A finished file is what it is, whatever is asked. */
static void test_run_in_progress(void **state) {
  for (int finish = 0; finish < 2; finish++) {
    struct synthetic s = small_run(state);
    struct lh_err err = {0};
    json_t *model;
    s.finish = finish;
    synthetic_write(&s);
    struct lh_report_args args = {.path = s.path, .until_ns = LH_NEVER, .in_progress = true};
    if (lh_report_model(&args, &model, &err)) fail_msg("%s", err.text);
    assert_string_equal(lh_look_text(model, "run.how"), finish ? "complete" : "in progress");
    assert_string_equal(lh_look_text(model, "verdict"), "passed");
    json_t *page = lh_report_page_model(model);
    assert_non_null(page);
    assert_null(strchr(lh_look_text(page, "run.file"), '/'));
    json_decref(page);
    json_decref(model);
    synthetic_free(&s);
  }
}

static void test_interrupted(void **state) {
  struct synthetic s = small_run(state);
  s.how = LH_RUN_INTERRUPTED;
  synthetic_write(&s);
  json_t *model = model_of(&s, 0, LH_NEVER);
  assert_int_equal(lh_report_exit_code(model), 130);
  assert_string_equal(lh_look_text(model, "verdict"), "passed");
  json_decref(model);
  synthetic_free(&s);
}

/* A text of a peer that is not UTF-8 comes through every format. */
static void test_bytes_that_are_no_text(void **state) {
  struct synthetic s = small_run(state);
  synthetic_write(&s);
  json_t *model = model_of(&s, 0, LH_NEVER);
  for (int format = LH_REPORT_JSON; format <= LH_REPORT_TEXT; format++) {
    struct lh_buf out = LH_BUF_INIT(16 << 20);
    struct lh_err err = {0};
    assert_int_equal(lh_report_render(model, (enum lh_report_format)format, 1, &out, &err), 0);
    assert_non_null(strstr(out.data, "\xef\xbf\xbd"
                                     "bad "));
    lh_buf_free(&out);
  }
  struct lh_buf tight = LH_BUF_INIT(1000);
  struct lh_err err = {0};
  assert_int_equal(lh_report_render(model, LH_REPORT_HTML, 0, &tight, &err), -ENOBUFS);
  assert_non_null(strstr(err.text, "--from"));
  lh_buf_free(&tight);
  json_decref(model);
  synthetic_free(&s);
}

static long allocations_left;

static void *failing_malloc(size_t size) {
  return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Every n-th allocation of the model and the page fails once: a sentence, no crash, and (with ASan) no leak. Strides keep
 * the thousands of places to some hundred runs, other ones for each stage. */
static void test_no_memory(void **state) {
  struct synthetic s = small_run(state);
  s.groups = 1;
  s.intervals = 12;
  s.slo = "slo:\n  - {metric: chat.response.p99, below: 1s}\n";
  synthetic_write(&s);
  json_set_alloc_funcs(failing_malloc, free);
  int failed = -1;
  for (long n = 0; failed; n += 1 + n / 25) {
    struct lh_err err = {0};
    json_t *model = NULL;
    struct lh_buf out = LH_BUF_INIT(16 << 20);
    allocations_left = n;
    failed = lh_report_model(&(struct lh_report_args){.path = s.path, .until_ns = LH_NEVER}, &model, &err);
    if (!failed) failed = lh_report_render(model, LH_REPORT_HTML, 0, &out, &err);
    if (failed) assert_int_equal(failed, -ENOMEM);
    assert_true(!failed || strstr(err.text, "no memory"));
    allocations_left = 0; /* freeing needs none */
    json_decref(model);
    lh_buf_free(&out);
  }
  json_set_alloc_funcs(malloc, free);
  synthetic_free(&s);
}

static void test_bad_input(void **state) {
  struct synthetic s = small_run(state);
  synthetic_write(&s);
  const struct {
    struct lh_report_args args;
    const char *words;
  } cases[] = {
      {{.path = "/nonexistent/run.longhaul", .until_ns = LH_NEVER}, "/nonexistent/run.longhaul"},
      {{.path = s.path, .from_ns = 5, .until_ns = 5}, "--from must be before --until"},
      {{.path = s.path, .from_ns = 9000 * LH_NS_PER_S, .until_ns = LH_NEVER}, "after the end of the run, which lasted 1200 s"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_err err = {0};
    json_t *model = NULL;
    assert_true(lh_report_model(&cases[i].args, &model, &err) < 0);
    assert_null(model);
    if (!strstr(err.text, cases[i].words)) fail_msg("%s", err.text);
  }
  synthetic_free(&s);
}

static void test_metric_names(void **state) {
  (void)state;
  struct lh_lane lanes[3] = {{.name = "chat"}, {.name = "response"}, {.name = NULL}};
  struct lh_gather g = {.lanes = lanes, .group_count = 2};
  static const struct {
    const char *name;
    int lane; /* -1: no such metric */
    enum lh_metric_what what;
    double percentile;
  } cases[] = {
      {"availability", 2, LH_METRIC_AVAILABILITY, 0},
      {"chat.availability", 0, LH_METRIC_AVAILABILITY, 0},
      {"chat.response.p99", 0, LH_METRIC_PERCENTILE, 99},
      {"response.p99", 2, LH_METRIC_PERCENTILE, 99},
      {"response.response.p50", 1, LH_METRIC_PERCENTILE, 50},
      {"chat.response.p99.9", 0, LH_METRIC_PERCENTILE, 99.9},
      {"chat.response.p999", 0, LH_METRIC_PERCENTILE, 99.9},
      {"chat.response.p9999", 0, LH_METRIC_PERCENTILE, 99.99},
      {"chat.response.p100", 0, LH_METRIC_PERCENTILE, 100},
      {"chat.outage.max", 0, LH_METRIC_MAX, 0},
      {"chat.service.mean", 0, LH_METRIC_MEAN, 0},
      {"chat.service.count", 0, LH_METRIC_VALUES, 0},
      {"chat.messages_sent", 0, LH_METRIC_COUNTER, 0},
      {"lost_percent", 2, LH_METRIC_LOST, 0},
      {"failed_percent", 2, LH_METRIC_FAILED, 0},
      {"chat", -1, 0, 0},
      {"chat.", -1, 0, 0},
      {"", -1, 0, 0},
      {"chat.response", -1, 0, 0},
      {"chat.response.p", -1, 0, 0},
      {"chat.response.p101", -1, 0, 0},
      {"chat.response.p99.", -1, 0, 0},
      {"chat.response.p-1", -1, 0, 0},
      {"chat.response.p9e1", -1, 0, 0},
      {"nobody.drops", -1, 0, 0},
      {"abcd.drops", -1, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_metric m = {.lane = 99};
    int failed = lh_metric_parse(cases[i].name, &g, &m);
    if (cases[i].lane < 0) {
      if (failed != -EINVAL) fail_msg("%s was taken", cases[i].name);
      continue;
    }
    if (failed || (int)m.lane != cases[i].lane || m.what != cases[i].what || fabs(m.percentile - cases[i].percentile) > 1e-9)
      fail_msg("%s: %d, lane %u, what %d, percentile %f", cases[i].name, failed, m.lane, (int)m.what, m.percentile);
  }
}

/* Microseconds that were carried over do not make more than all; what is more than that is a fault, and shows. */
static void test_availability(void **state) {
  (void)state;
  static const struct {
    uint64_t open_us, wanted_us;
    double percent;
  } cases[] = {{0, 100, 0}, {99, 100, 99}, {100, 100, 100}, {27001, 27000, 100}, {1101, 1000, 110.1}, {2000, 1000, 200}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_true(fabs(lh_availability_percent(cases[i].open_us, cases[i].wanted_us) - cases[i].percent) < 1e-9);
  assert_true(isnan(lh_availability_percent(1, 0)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_availability),
      SYNTHETIC_TEST(test_faults_of_the_tester),
      SYNTHETIC_TEST(test_a_month_of_a_million_clients), SYNTHETIC_TEST(test_endings_in_order),
      SYNTHETIC_TEST(test_objectives),
      SYNTHETIC_TEST(test_objectives_longer_than_a_try),
      SYNTHETIC_TEST(test_storms_past_the_cap_of_rows),
      SYNTHETIC_TEST(test_windows_against_brute_force),
      SYNTHETIC_TEST(test_windows_after_the_grace),
      SYNTHETIC_TEST(test_part_of_a_run),
      SYNTHETIC_TEST(test_run_without_an_end),
      SYNTHETIC_TEST(test_run_in_progress),
      SYNTHETIC_TEST(test_interrupted),
      SYNTHETIC_TEST(test_bytes_that_are_no_text),
      SYNTHETIC_TEST(test_no_memory),
      SYNTHETIC_TEST(test_bad_input),
      cmocka_unit_test(test_metric_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
