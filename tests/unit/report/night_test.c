/* A night from run file to report: a synthetic 12-hour run of 10 groups, its sums against the report's, every format.
 * With LH_REPORT_OUT the files stay in that folder: the browser test reads them. */
#include "synthetic.h"

#include <time.h>

#include "longhaul/report/report.h"
#include "report/look.h"

static const char slo[] = "slo:\n"
                          "  - {metric: chat.response.p99, below: 500ms}\n"
                          "  - {metric: chat.drops_per_client_hour, below: 0.5}\n"
                          "  - {metric: availability, above: 99%}\n"
                          "  - {metric: feed.response.p99, below: 100ms, for: 5m}\n";

/* Intervals of 10 s, as such a run has; of 30 s where a sanitizer makes everything slow. */
#ifdef __SANITIZE_ADDRESS__
enum { COARSER = 3 };
#else
enum { COARSER = 1 };
#endif

struct night {
  struct synthetic run;
  char folder[300];
  bool keep;
  json_t *model;
  double model_cpu_s;
};

static double cpu_now(void) {
  return (double)clock() / CLOCKS_PER_SEC;
}

static void make_folder(struct night *n) {
  const char *out = getenv("LH_REPORT_OUT");
  n->keep = out != NULL;
  if (out)
    snprintf(n->folder, sizeof n->folder, "%s", out);
  else
    synthetic_folder(n->folder, sizeof n->folder);
  n->run.folder = n->folder;
}

static int set_up(void **state) {
  struct night *n = calloc(1, sizeof *n);
  n->run = (struct synthetic){.slo = slo,
                              .groups = 10,
                              .intervals = 4320 / COARSER,
                              .clients = 500,
                              .interval_ns = COARSER * 10 * LH_NS_PER_S,
                              .storm_at = 3240 / COARSER,
                              .slow_from = 2001 / COARSER,
                              .slow_until = 2013 / COARSER,
                              .late_at = 777 / COARSER,
                              .close_text = "</script><script>document.title='owned'</script>",
                              .how = LH_RUN_COMPLETE,
                              .finish = true};
  make_folder(n);
  synthetic_write(&n->run);
  struct lh_err err = {0};
  struct lh_report_args args = {.path = n->run.path, .until_ns = LH_NEVER};
  double begun = cpu_now();
  if (lh_report_model(&args, &n->model, &err)) fail_msg("%s", err.text);
  n->model_cpu_s = cpu_now() - begun;
  *state = n;
  return 0;
}

static int tear_down(void **state) {
  struct night *n = *state;
  json_decref(n->model);
  synthetic_free(&n->run);
  char command[400];
  snprintf(command, sizeof command, "rm -rf '%s'", n->folder);
  if (!n->keep && system(command)) return -1;
  free(n);
  return 0;
}

#define NUMBER(from, path) ((uint64_t)lh_look_number((from), (path)))

static void check_totals(const json_t *totals, const uint64_t *c) {
  static const struct {
    const char *path;
    enum lh_counter_id id;
  } same[] = {{"attempts", LH_COUNTER_attempts},
              {"opened", LH_COUNTER_opened},
              {"drops", LH_COUNTER_drops},
              {"reconnects", LH_COUNTER_reconnects},
              {"ended", LH_COUNTER_ended},
              {"connect_failures", LH_COUNTER_connect_failures},
              {"messages.planned", LH_COUNTER_messages_planned},
              {"messages.sent", LH_COUNTER_messages_sent},
              {"messages.replied", LH_COUNTER_replied},
              {"messages.lost", LH_COUNTER_lost},
              {"bytes.sent", LH_COUNTER_bytes_sent},
              {"bytes.received", LH_COUNTER_bytes_received}};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) assert_int_equal(NUMBER(totals, same[i].path), c[same[i].id]);
  double availability = 100.0 * (double)c[LH_COUNTER_open_us] / (double)c[LH_COUNTER_wanted_us];
  assert_true(fabs(lh_look_number(totals, "availability_percent") - availability) < 1e-6);
  assert_true(lh_look_true(totals, "books_balance"));
  uint64_t endings = 0;
  const json_t *ending;
  size_t i;
  uint64_t before = UINT64_MAX;
  json_array_foreach(lh_look(totals, "endings"), i, ending) {
    assert_true(NUMBER(ending, "count") <= before); /* the commonest first */
    before = NUMBER(ending, "count");
    endings += before;
  }
  assert_int_equal(endings, c[LH_COUNTER_ended]);
}

static void test_totals_equal_direct_sums(void **state) {
  struct night *n = *state;
  uint64_t all[LH_COUNTER_COUNT] = {0};
  for (uint32_t g = 0; g < n->run.groups; g++) {
    const json_t *group = json_array_get(lh_look(n->model, "groups"), g);
    const struct lh_snapshot *total = &n->run.totals[g];
    assert_string_equal(lh_look_text(group, "name"), synthetic_names[g]);
    check_totals(group, total->counters);
    for (int c = 0; c < LH_COUNTER_COUNT; c++) all[c] += total->counters[c];
    const struct lh_hdr *response = &total->hists[LH_HIST_response];
    assert_int_equal(NUMBER(group, "latency.response.count"), response->count);
    assert_int_equal(NUMBER(group, "latency.response.p50_us"), lh_hdr_percentile(response, 50));
    assert_int_equal(NUMBER(group, "latency.response.p99_us"), lh_hdr_percentile(response, 99));
    assert_int_equal(NUMBER(group, "latency.response.max_us"), response->max_us);
  }
  check_totals(lh_look(n->model, "totals"), all);
}

static uint64_t series_sum(const json_t *lane, const char *key) {
  uint64_t sum = 0;
  const json_t *value;
  size_t i;
  json_array_foreach(lh_look(lane, key), i, value) sum += (uint64_t)json_integer_value(value);
  return sum;
}

static double series_most(const json_t *lane, const char *key) {
  double most = 0;
  const json_t *value;
  size_t i;
  json_array_foreach(lh_look(lane, key), i, value) most = fmax(most, json_number_value(value));
  return most;
}

static void test_series_add_up(void **state) {
  struct night *n = *state;
  const json_t *run = lh_look(n->model, "series.run"), *totals = lh_look(n->model, "totals");
  assert_int_equal(json_array_size(lh_look(n->model, "series.t_s")), n->run.intervals);
  assert_int_equal(json_array_size(lh_look(run, "response_p99_us")), n->run.intervals);
  assert_int_equal(series_sum(run, "drops"), NUMBER(totals, "drops"));
  assert_int_equal(series_sum(run, "sent"), NUMBER(totals, "messages.sent"));
  assert_true(json_is_integer(json_array_get(lh_look(run, "response_p99_us"), n->run.intervals - 1)));
  assert_true(lh_look_number(totals, "latency.response.max_us") == series_most(run, "response_max_us"));
  uint64_t drops = 0, endings = 0;
  const json_t *group, *row, *pair;
  size_t g, i, j;
  json_array_foreach(lh_look(n->model, "series.groups"), g, group) {
    drops += series_sum(group, "drops");
    uint64_t before = UINT64_MAX;
    json_array_foreach(lh_look(group, "endings"), i, row) {
      uint64_t of_row = 0;
      json_array_foreach(lh_look(row, "at"), j, pair) of_row += (uint64_t)json_integer_value(json_array_get(pair, 1));
      assert_true(of_row <= before); /* the commonest first */
      before = of_row;
      endings += of_row;
    }
  }
  assert_int_equal(drops, NUMBER(totals, "drops"));
  assert_int_equal(endings, NUMBER(totals, "ended"));
}

static void test_storm_objectives_and_verdict(void **state) {
  struct night *n = *state;
  assert_int_equal(json_array_size(lh_look(n->model, "storms")), n->run.groups);
  const json_t *storm = json_array_get(lh_look(n->model, "storms"), 0), *slo_rows = lh_look(n->model, "slo");
  assert_int_equal(NUMBER(storm, "drops"), n->run.clients);
  assert_string_equal(lh_look_text(storm, "reason"), "RST");
  assert_int_equal(json_array_size(slo_rows), 4);
  assert_true(lh_look_true(json_array_get(slo_rows, 0), "passed"));
  assert_true(lh_look_true(json_array_get(slo_rows, 2), "passed"));
  assert_true(json_is_false(lh_look(json_array_get(slo_rows, 3), "passed"))); /* the slow spell, in a window of 5 min */
  assert_int_equal(NUMBER(json_array_get(slo_rows, 0), "intervals_left_out_tester_late"), 1);
  assert_string_equal(lh_look_text(n->model, "verdict"), "failed");
  assert_int_equal(lh_report_exit_code(n->model), 1);
  assert_int_equal(NUMBER(n->model, "tester.intervals_late"), 1);
  assert_non_null(strstr(lh_look_text(n->model, "headline"), "5,000 clients for 12 h: availability 99."));
  assert_null(strstr(lh_look_text(n->model, "config"), "secret-token"));
}

static void render(struct night *n, enum lh_report_format format, const char *ending, struct lh_buf *out) {
  struct lh_err err = {0};
  if (lh_report_render(n->model, format, 0, out, &err)) fail_msg("%s", err.text);
  if (!n->keep) return;
  char path[400];
  snprintf(path, sizeof path, "%s/night.%s", n->folder, ending);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fwrite(out->data, 1, out->len, file);
  fclose(file);
}

static void test_formats(void **state) {
  struct night *n = *state;
  static const struct {
    enum lh_report_format format;
    const char *ending;
    size_t most;
  } formats[] = {{LH_REPORT_JSON, "json", 64 << 20},
                 {LH_REPORT_TEXT, "txt", 20000},
                 {LH_REPORT_MARKDOWN, "md", 60000},
                 {LH_REPORT_HTML, "html", 3 << 20}};
  print_message("model: %.2f s of CPU\n", n->model_cpu_s);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    struct lh_buf once = LH_BUF_INIT(64 << 20), again = LH_BUF_INIT(64 << 20);
    double begun = cpu_now();
    render(n, formats[i].format, formats[i].ending, &once);
    double took_s = cpu_now() - begun;
    print_message("%s: %zu bytes in %.2f s of CPU\n", formats[i].ending, once.len, took_s);
    assert_true(once.len < formats[i].most);
    if (COARSER == 1) assert_true(n->model_cpu_s + took_s < 3);
    render(n, formats[i].format, formats[i].ending, &again);
    assert_int_equal(once.len, again.len);
    assert_memory_equal(once.data, again.data, once.len);
    lh_buf_free(&once);
    lh_buf_free(&again);
  }
}

static void test_page_holds_no_text_of_a_peer_as_markup(void **state) {
  struct night *n = *state;
  struct lh_buf out = LH_BUF_INIT(64 << 20);
  render(n, LH_REPORT_HTML, "html", &out);
  assert_null(strstr(out.data, "<script>document.title"));
  assert_null(strstr(out.data, "<b>bold"));
  assert_null(strstr(out.data, n->folder));
  lh_buf_free(&out);
}

static void test_json_reads_back(void **state) {
  struct night *n = *state;
  struct lh_buf out = LH_BUF_INIT(64 << 20);
  render(n, LH_REPORT_JSON, "json", &out);
  json_t *back = json_loadb(out.data, out.len, 0, NULL);
  assert_non_null(back);
  assert_string_equal(lh_look_text(back, "headline"), lh_look_text(n->model, "headline"));
  assert_int_equal(NUMBER(back, "totals.messages.sent"), NUMBER(n->model, "totals.messages.sent"));
  json_decref(back);
  lh_buf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_totals_equal_direct_sums),
      cmocka_unit_test(test_series_add_up),
      cmocka_unit_test(test_storm_objectives_and_verdict),
      cmocka_unit_test(test_formats),
      cmocka_unit_test(test_page_holds_no_text_of_a_peer_as_markup),
      cmocka_unit_test(test_json_reads_back),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
