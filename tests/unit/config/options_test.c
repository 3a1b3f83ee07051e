/* The option table and everything that is written from it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "config/metrics.h"
#include "longhaul/config/load.h"
#include "longhaul/config/options.h"
#include "longhaul/stats/counters.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { ROOM = 4 << 20 };

static void rows_are_complete(void **state) {
  (void)state;
  size_t count;
  const struct lh_option *rows = lh_options(&count);
  assert_true(count > 80);
  for (size_t i = 0; i < count; i++) {
    const struct lh_option *row = &rows[i];
    size_t len = strlen(row->help);
    print_message("%s\n", row->key); /* shown when an assertion fails */
    assert_true(len > 5 && row->help[len - 1] == '.');
    assert_non_null(row->landing);
    for (size_t j = 0; j < i; j++) assert_string_not_equal(rows[j].key, row->key);
    bool is_choice = row->type == LH_OPTION_CHOICE;
    if (is_choice) assert_non_null(row->choices);
    bool is_number = row->type == LH_OPTION_COUNT || row->type == LH_OPTION_NUMBER || row->type == LH_OPTION_DURATION ||
                     row->type == LH_OPTION_SIZE || row->type == LH_OPTION_RATE || row->type == LH_OPTION_SHARE;
    if (is_number) assert_non_null(row->range);
    bool holds_rows = row->type == LH_OPTION_MAP || row->type == LH_OPTION_NAMED || row->type == LH_OPTION_LIST;
    if (!holds_rows) assert_true(row->example || (row->preset && *row->preset)); /* the reference needs a value */
    /* A row stands behind the one it belongs to, so that rows below a row follow it without a gap. */
    char above[128];
    snprintf(above, sizeof above, "%s", row->key);
    char *cut = strrchr(above, row->key[len = strlen(row->key) - 1] == ']' ? '[' : '.');
    if (!cut) continue;
    *cut = 0;
    assert_non_null(lh_option_find(above));
    assert_true(lh_option_find(above) < row);
    assert_true(strncmp(rows[i - 1].key, above, strlen(above)) == 0);
  }
}

static void keys_are_found_by_pattern_and_by_name(void **state) {
  (void)state;
  static const struct {
    const char *key, *found;
  } rows[] = {{"run", "run"},
              {"groups.*.ping.every", "groups.*.ping.every"},
              {"groups.chat.ping.every", "groups.*.ping.every"},
              {"groups.a-b", "groups.*"},
              {"groups.chat.messages[12].reply.within", "groups.*.messages[].reply.within"},
              {"groups.chat.messages[]", "groups.*.messages[]"},
              {"slo[0].metric", "slo[].metric"},
              {"groups.chat.messages", "groups.*.messages"},
              {"groups.chat.messages.text", NULL},
              {"groups..kind", NULL},
              {"groups", "groups"},
              {"run.duration.x", NULL},
              {"ru", NULL},
              {"", NULL},
              {"slo[", NULL}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct lh_option *row = lh_option_find(rows[i].key);
    if (rows[i].found)
      assert_string_equal(row->key, rows[i].found);
    else
      assert_null(row);
  }
}

static void the_reference_loads_without_a_diagnostic(void **state) {
  (void)state;
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_explain_reference(&out), 0);
  struct lh_config *config = NULL;
  struct lh_diagnostics diagnostics = {0};
  int failed = lh_config_load(&(struct lh_load_args){.path = "reference.yaml", .text = out.data}, &config, &diagnostics);
  for (size_t i = 0; i < diagnostics.count; i++) print_message("%s\n", diagnostics.items[i]);
  assert_int_equal(diagnostics.count, 0);
  assert_int_equal(failed, 0);
  lh_diagnostics_free(&diagnostics);
  /* Every key stands in it, some commented out. */
  size_t count;
  const struct lh_option *rows = lh_options(&count);
  for (size_t i = 0; i < count; i++) {
    char name[64];
    const char *point = strrchr(rows[i].key, '.');
    snprintf(name, sizeof name, " %s:", point ? point + 1 : rows[i].key);
    bool is_item = strchr("*]", rows[i].key[strlen(rows[i].key) - 1]) != NULL;
    if (!is_item && point) assert_non_null(strstr(out.data, name));
  }
  lh_config_free(config);
  lh_buf_free(&out);
}

/* What is commented out in the reference is right as well once the comment sign is taken off. */
static void the_alternatives_of_the_reference_load(void **state) {
  (void)state;
  static const char *const before = "run: {duration: 8h}\ntargets: {gateway: {url: 'ws://h/'}}\n";
  static const char *const rows[] = {
      "groups: {g: {kind: websocket, connections: 5000, ramp: {rate: 100/s}}}",
      "groups: {g: {kind: websocket, ramp: {stages: [{at: 10m, connections: 5000}]}}}",
      "groups: {g: {kind: websocket, connections: 1, messages: [{after: open, delay: 1s, binary: AAECAw==}]}}",
      "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, size: 4KiB, reply: {pointer: /id}}]}}",
      "groups: {g: {kind: websocket, connections: 1}, n: {kind: null, connections: 1, simulate: {service: 1ms, "
      "drops_per_client_hour: 0.5}}}\nslo: [{metric: availability, above: 99.9%}]"};
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[1024];
    snprintf(text, sizeof text, "%s%s\n", before, rows[i]);
    struct lh_config *config = NULL;
    struct lh_diagnostics diagnostics = {0};
    int failed = lh_config_load(&(struct lh_load_args){.path = "t.yaml", .text = text}, &config, &diagnostics);
    for (size_t j = 0; j < diagnostics.count; j++) print_message("%s\n", diagnostics.items[j]);
    assert_int_equal(failed, 0);
    assert_int_equal(diagnostics.count, 0);
    lh_diagnostics_free(&diagnostics);
    lh_config_free(config);
  }
}

static void assert_no_line_is_wide(const char *text) {
  for (const char *line = text; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n')) {
    size_t width = strcspn(line, "\n");
    if (width > 80) print_message("%.*s\n", (int)width, line);
    assert_true(width <= 80);
    assert_true(width == 0 || line[width - 1] != ' ');
  }
}

static void explanations_fit_a_terminal(void **state) {
  (void)state;
  size_t count;
  const struct lh_option *rows = lh_options(&count);
  for (size_t i = 0; i <= count; i++) {
    struct lh_buf out = LH_BUF_INIT(ROOM);
    struct lh_err err = {0};
    assert_int_equal(lh_explain(i < count ? rows[i].key : NULL, &out, &err), 0);
    assert_no_line_is_wide(out.data);
    if (i < count) assert_int_equal(strncmp(out.data, rows[i].key, strlen(rows[i].key)), 0);
    lh_buf_free(&out);
  }
}

static void one_key_is_explained_in_full(void **state) {
  (void)state;
  static const char expected[] = "groups.*.messages[].every\n"
                                 "  The time between two sends of one client; may be left out with after: open\n"
                                 "  (sent once), reply or incoming.\n"
                                 "  type      duration: a number with its unit (us, ms, s, m, h, d), such as 250ms\n"
                                 "            or 1h30m\n"
                                 "  default   none\n"
                                 "  range     1ms to 365d\n"
                                 "  example   every: 10s\n"
                                 "  rules     may be left out only with after: open, reply or incoming\n"
                                 "            must be left out with after: reply, where replies set the pace and\n"
                                 "            `delay` is the wait between\n";
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_explain("groups.chat.messages[0].every", &out, NULL), 0);
  assert_string_equal(out.data, expected);
  lh_buf_reset(&out);
  assert_int_equal(lh_explain("groups.chat.reconnect.jitter", &out, NULL), 0);
  assert_non_null(strstr(out.data, "  choices   none, equal or full\n"));
  lh_buf_free(&out);
}

static void an_unknown_key_gets_the_nearest(void **state) {
  (void)state;
  static const struct {
    const char *key, *sentence;
  } rows[] = {{"groups.chat.conections", "unknown key \"groups.chat.conections\"; did you mean groups.*.connections?"},
              {"durration", "unknown key \"durration\"; did you mean run.duration?"},
              {"ping", "unknown key \"ping\"; did you mean groups.*.ping?"},
              {"slo[0].metrics", "unknown key \"slo[0].metrics\"; did you mean slo[].metric?"},
              {"zzzzzz", "unknown key \"zzzzzz\"; longhaul explain lists all keys"}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct lh_buf out = LH_BUF_INIT(ROOM);
    struct lh_err err = {0};
    assert_int_equal(lh_explain(rows[i].key, &out, &err), -ENOENT);
    assert_string_equal(err.text, rows[i].sentence);
    assert_int_equal(err.code, -ENOENT);
    assert_int_equal(lh_explain_json(rows[i].key, &out, NULL), -ENOENT);
    assert_int_equal(out.len, 0);
    lh_buf_free(&out);
  }
}

static void the_json_has_every_row(void **state) {
  (void)state;
  size_t count;
  lh_options(&count);
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_explain_json(NULL, &out, NULL), 0);
  json_t *all = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
  assert_int_equal(json_array_size(all), count);
  json_decref(all);
  lh_buf_reset(&out);
  assert_int_equal(lh_explain_json("groups.x.reconnect", &out, NULL), 0);
  json_t *some = json_loads(out.data, 0, NULL), *jitter = json_array_get(some, 4);
  assert_int_equal(json_array_size(some), 8);
  assert_string_equal(json_string_value(json_object_get(jitter, "key")), "groups.*.reconnect.jitter");
  assert_string_equal(json_string_value(json_object_get(jitter, "default")), "full");
  assert_int_equal(json_array_size(json_object_get(jitter, "choices")), 3);
  json_decref(some);
  lh_buf_free(&out);
}

static void the_schema_is_json_and_names_what_is_required(void **state) {
  (void)state;
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_explain_schema(&out), 0);
  json_t *schema = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
  assert_non_null(schema);
  assert_string_equal(json_string_value(json_object_get(schema, "$schema")), "https://json-schema.org/draft/2020-12/schema");
  json_t *required = json_object_get(schema, "required");
  assert_int_equal(json_array_size(required), 2);
  assert_string_equal(json_string_value(json_array_get(required, 0)), "run");
  json_t *groups = json_object_get(json_object_get(schema, "properties"), "groups");
  assert_non_null(json_object_get(json_object_get(groups, "additionalProperties"), "properties"));
  json_decref(schema);
  lh_buf_free(&out);
}

static void the_man_section_has_every_key(void **state) {
  (void)state;
  size_t count, found = 0;
  lh_options(&count);
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_explain_man(&out), 0);
  assert_int_equal(strncmp(out.data, ".SH CONFIGURATION\n", 18), 0);
  for (const char *at = out.data; (at = strstr(at, "\n.B ")); at++) found++;
  for (const char *at = out.data; (at = strstr(at, "\n.SS ")); at++) found++;
  assert_int_equal(found, count - 7); /* less the items: targets.*, groups.*, extract.*, messages[], stages[], actions[], slo[] */
  lh_buf_free(&out);
}

static void a_full_buffer_is_reported(void **state) {
  (void)state;
  struct lh_err err = {0};
  for (size_t limit = 0; limit < 400; limit += 37) {
    struct lh_buf out = LH_BUF_INIT(limit);
    assert_true(lh_explain(NULL, &out, &err) < 0);
    assert_true(lh_explain_json(NULL, &out, &err) < 0);
    assert_true(lh_explain_reference(&out) < 0);
    assert_true(lh_explain_schema(&out) < 0);
    assert_true(lh_explain_man(&out) < 0);
    lh_buf_free(&out);
  }
}

/* The stats room stands below this one, so its names are kept here too; they must not drift apart. */
static void metrics_are_those_of_the_stats_room(void **state) {
  (void)state;
  static const char *const counters[] = {
#define X(name, help) #name,
      LH_COUNTER_LIST(X)
#undef X
  };
  static const char *const histograms[] = {
#define X(name, help) #name,
      LH_HIST_LIST(X)
#undef X
  };
  size_t count;
  metric_histograms(&count);
  assert_int_equal(count, COUNT(histograms));
  for (size_t i = 0; i < count; i++) assert_string_equal(metric_histograms(&count)[i], histograms[i]);
  metric_counters(&count);
  assert_int_equal(count, COUNT(counters) - 2); /* open_us and wanted_us are what availability is made of */
  for (size_t i = 0, k = 0; k < COUNT(counters); k++)
    if (strcmp(counters[k], "open_us") != 0 && strcmp(counters[k], "wanted_us") != 0)
      assert_string_equal(metric_counters(&count)[i++], counters[k]);
}

static void metrics_have_their_units(void **state) {
  (void)state;
  static const struct {
    const char *metric;
    enum metric_unit unit;
  } rows[] = {{"availability", METRIC_SHARE},  {"lost_percent", METRIC_PERCENT},
              {"drops", METRIC_NUMBER},        {"response.p99", METRIC_LATENCY},
              {"ping.p99.9", METRIC_LATENCY},  {"rtt.max", METRIC_LATENCY},
              {"tcp.mean", METRIC_LATENCY},    {"tcp.count", METRIC_NUMBER},
              {"tcp.p100", METRIC_LATENCY},    {"tcp.p100.0", METRIC_LATENCY},
              {"tcp.p999", METRIC_LATENCY},    {"tcp.p101", METRIC_UNKNOWN},
              {"tcp.p", METRIC_UNKNOWN},       {"tcp.p9.", METRIC_UNKNOWN},
              {"tcp.p9.1234", METRIC_UNKNOWN}, {"tcp", METRIC_UNKNOWN},
              {"tcp.", METRIC_UNKNOWN},        {".p99", METRIC_UNKNOWN},
              {"open_us", METRIC_UNKNOWN},     {"", METRIC_UNKNOWN}};
  for (size_t i = 0; i < COUNT(rows); i++) assert_int_equal(metric_unit_of(rows[i].metric), rows[i].unit);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_complete),
      cmocka_unit_test(keys_are_found_by_pattern_and_by_name),
      cmocka_unit_test(the_reference_loads_without_a_diagnostic),
      cmocka_unit_test(the_alternatives_of_the_reference_load),
      cmocka_unit_test(explanations_fit_a_terminal),
      cmocka_unit_test(one_key_is_explained_in_full),
      cmocka_unit_test(an_unknown_key_gets_the_nearest),
      cmocka_unit_test(the_json_has_every_row),
      cmocka_unit_test(the_schema_is_json_and_names_what_is_required),
      cmocka_unit_test(the_man_section_has_every_key),
      cmocka_unit_test(a_full_buffer_is_reported),
      cmocka_unit_test(metrics_are_those_of_the_stats_room),
      cmocka_unit_test(metrics_have_their_units),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
