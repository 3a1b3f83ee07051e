#include "report/compare_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/host/host.h"
#include "report/look.h"

static json_t *copy_of(const json_t *from, const char *path) {
  const json_t *value = lh_look(from, path);
  return value ? json_copy((json_t *)(uintptr_t)value) : json_null();
}

const json_t *lh_compare_group(const json_t *model, const char *name) {
  const json_t *group;
  size_t i;
  json_array_foreach(lh_look(model, "groups"), i, group) if (strcmp(lh_look_text(group, "name"), name) == 0) return group;
  return NULL;
}

json_t *lh_compare_side(const struct lh_pair *p, const json_t *model) {
  static const char *const of_run[] = {"name",   "id",       "file",       "started", "ended",  "how",          "planned_s", "duration_s",
                                       "seed",   "interval_s", "warmup_s", "shard",   "shards", "workers",      "version",   "command_line"};
  json_t *out = json_object();
  for (size_t i = 0; i < sizeof of_run / sizeof *of_run; i++) {
    char path[64];
    snprintf(path, sizeof path, "run.%s", of_run[i]);
    lh_put(p->b, out, of_run[i], copy_of(model, path));
  }
  lh_put(p->b, out, "verdict", copy_of(model, "verdict"));
  lh_put(p->b, out, "headline", copy_of(model, "headline"));
  return out;
}

/* ---- objectives ---- */

static json_t *objective_side(const struct lh_pair *p, const json_t *slo) {
  static const char *const kept[] = {"passed", "value", "threshold", "threshold_text", "worst", "note"};
  if (!slo) return json_null();
  json_t *out = json_object();
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) lh_put(p->b, out, kept[i], copy_of(slo, kept[i]));
  return out;
}

static bool is_same_objective(const json_t *a, const json_t *b) {
  return strcmp(lh_look_text(a, "metric"), lh_look_text(b, "metric")) == 0 &&
         strcmp(lh_look_text(a, "op"), lh_look_text(b, "op")) == 0 && json_equal(lh_look(a, "for_s"), lh_look(b, "for_s"));
}

static const char *objective_outcome(const json_t *a, const json_t *b) {
  const json_t *was = lh_look(a, "passed"), *is = lh_look(b, "passed");
  if (!json_is_boolean(was) || !json_is_boolean(is)) return "unknown";
  return json_is_true(was) == json_is_true(is) ? "same" : json_is_true(is) ? "better" : "worse";
}

static void put_objective(const struct lh_pair *p, json_t *out, const json_t *a, const json_t *b) {
  const json_t *any = a ? a : b;
  json_t *item = json_object();
  lh_put(p->b, item, "metric", copy_of(any, "metric"));
  lh_put(p->b, item, "op", copy_of(any, "op"));
  lh_put(p->b, item, "for_s", copy_of(any, "for_s"));
  lh_put(p->b, item, "unit", copy_of(any, "unit"));
  lh_put(p->b, item, "a", objective_side(p, a));
  lh_put(p->b, item, "b", objective_side(p, b));
  lh_put(p->b, item, "outcome", json_string(objective_outcome(a, b)));
  lh_push(p->b, out, item);
}

static const json_t *find_objective(const json_t *model, const json_t *like) {
  const json_t *slo;
  size_t i;
  json_array_foreach(lh_look(model, "slo"), i, slo) if (is_same_objective(slo, like)) return slo;
  return NULL;
}

json_t *lh_compare_objectives(const struct lh_pair *p) {
  json_t *out = json_array();
  const json_t *slo;
  size_t i;
  json_array_foreach(lh_look(p->a_model, "slo"), i, slo) put_objective(p, out, slo, find_objective(p->b_model, slo));
  json_array_foreach(lh_look(p->b_model, "slo"), i, slo) {
    if (!find_objective(p->a_model, slo)) put_objective(p, out, NULL, slo);
  }
  return out;
}

/* ---- totals ---- */

static const struct {
  const char *name, *words, *path, *unit;
} totals[] = {
    {"clients", "clients", "clients.planned", "count"},
    {"client_hours", "client-hours open", "client_hours", "rate"},
    {"availability_percent", "availability", "availability_percent", "percent"},
    {"drops", "drops", "drops", "count"},
    {"drops_per_client_hour", "drops/client-h", "drops_per_client_hour", "rate"},
    {"reconnects", "reconnects", "reconnects", "count"},
    {"longest_outage_us", "longest outage", "latency.outage.max_us", "us"},
    {"connect_failures", "failed attempts", "connect_failures", "count"},
    {"gave_up", "clients that gave up", "gave_up", "count"},
    {"logins_failed", "logins failed", "logins.failed", "count"},
    {"login_p99_us", "login p99", "latency.login.p99_us", "us"},
    {"messages_sent", "messages sent", "messages.sent", "count"},
    {"lost_percent", "replies lost", "messages.lost_percent", "percent"},
    {"late", "replies late", "messages.late", "count"},
    {"incoming", "pushes received", "messages.incoming", "count"},
    {"incoming_missing", "pushed numbers missing", "incoming.missing", "count"},
    {"incoming_duplicate", "pushes doubled", "incoming.duplicate", "count"},
    {"incoming_silences", "silences of pushes", "incoming.silences", "count"},
    {"response_p50_us", "response p50", "latency.response.p50_us", "us"},
    {"response_p99_us", "response p99", "latency.response.p99_us", "us"},
    {"response_max_us", "response max", "latency.response.max_us", "us"},
};

/* Of the tester and its host, for the run alone. */
static const struct {
  const char *name, *words, *path, *unit;
} tester_totals[] = {
    {"tester_cpu_cores", "tester: cores used", "tester.cpu_cores_mean", "rate"},
    {"tester_cpu_busiest_percent", "tester: busiest worker", "tester.cpu_busiest_percent_max", "percent"},
    {"tester_loop_lag_max_us", "tester: loop lag, max", "tester.loop_lag_max_us", "us"},
    {"tester_send_lateness_p99_us", "tester: send lateness p99", "tester.send_lateness_p99_us", "us"},
    {"tester_late_percent", "tester: intervals late", "tester.late_percent", "percent"},
    {"host_cpu_percent", "host: processor", "host.usage.cpu_percent_mean", "percent"},
    {"host_steal_percent", "host: stolen by others", "host.usage.steal_percent_mean", "percent"},
    {"host_retransmits", "host: TCP retransmits", "host.usage.tcp_retransmits", "count"},
};

struct total {
  const char *name, *words, *path, *unit;
};

static void put_total(const struct lh_pair *p, json_t *out, const char *group, const struct total *t, const json_t *a,
                      const json_t *b) {
  json_t *was = copy_of(a, t->path), *is = copy_of(b, t->path);
  bool nothing = (json_is_null(was) || json_number_value(was) == 0) && (json_is_null(is) || json_number_value(is) == 0);
  json_t *item = json_object();
  lh_put(p->b, item, "group", group ? json_string(group) : json_null());
  lh_put(p->b, item, "name", json_string(t->name));
  lh_put(p->b, item, "words", json_string(t->words));
  lh_put(p->b, item, "unit", json_string(t->unit));
  lh_put(p->b, item, "a", was);
  lh_put(p->b, item, "b", is);
  lh_put(p->b, item, "nothing", json_boolean(nothing)); /* tables leave it out */
  lh_push(p->b, out, item);
}

static void put_totals_of(const struct lh_pair *p, json_t *out, const char *group, const json_t *a, const json_t *b) {
  for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
    struct total t = {totals[i].name, totals[i].words, totals[i].path, totals[i].unit};
    put_total(p, out, group, &t, a, b);
  }
}

json_t *lh_compare_totals(const struct lh_pair *p) {
  json_t *out = json_array();
  put_totals_of(p, out, NULL, lh_look(p->a_model, "totals"), lh_look(p->b_model, "totals"));
  for (size_t i = 0; i < sizeof tester_totals / sizeof *tester_totals; i++) {
    struct total t = {tester_totals[i].name, tester_totals[i].words, tester_totals[i].path, tester_totals[i].unit};
    put_total(p, out, NULL, &t, p->a_model, p->b_model);
  }
  const json_t *group;
  size_t i;
  json_array_foreach(lh_look(p->a_model, "groups"), i, group) {
    const char *name = lh_look_text(group, "name");
    put_totals_of(p, out, name, group, lh_compare_group(p->b_model, name));
  }
  json_array_foreach(lh_look(p->b_model, "groups"), i, group) {
    const char *name = lh_look_text(group, "name");
    if (!lh_compare_group(p->a_model, name)) put_totals_of(p, out, name, NULL, group);
  }
  return out;
}

/* ---- latency ---- */

static json_t *latency_side(const struct lh_pair *p, const json_t *h) {
  static const char *const kept[] = {"count", "mean_us", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"};
  if (lh_look_number(h, "count") == 0) return json_null();
  json_t *out = json_object();
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) lh_put(p->b, out, kept[i], copy_of(h, kept[i]));
  return out;
}

static void put_latencies(const struct lh_pair *p, json_t *out, const char *group, const json_t *a, const json_t *b) {
  for (int h = 0; h < LH_HIST_COUNT; h++) {
    char path[64];
    snprintf(path, sizeof path, "latency.%s", lh_hist_name((enum lh_hist_id)h));
    const json_t *was = lh_look(a, path), *is = lh_look(b, path);
    if (lh_look_number(was, "count") == 0 && lh_look_number(is, "count") == 0) continue;
    json_t *item = json_object();
    lh_put(p->b, item, "group", group ? json_string(group) : json_null());
    lh_put(p->b, item, "name", json_string(lh_hist_name((enum lh_hist_id)h)));
    lh_put(p->b, item, "a", latency_side(p, was));
    lh_put(p->b, item, "b", latency_side(p, is));
    lh_push(p->b, out, item);
  }
}

json_t *lh_compare_latency(const struct lh_pair *p) {
  json_t *out = json_array();
  const json_t *group;
  size_t i;
  put_latencies(p, out, NULL, lh_look(p->a_model, "totals"), lh_look(p->b_model, "totals"));
  if (json_array_size(lh_look(p->a_model, "groups")) == 1 && json_array_size(lh_look(p->b_model, "groups")) == 1) return out;
  json_array_foreach(lh_look(p->a_model, "groups"), i, group) {
    const char *name = lh_look_text(group, "name");
    put_latencies(p, out, name, group, lh_compare_group(p->b_model, name));
  }
  json_array_foreach(lh_look(p->b_model, "groups"), i, group) {
    const char *name = lh_look_text(group, "name");
    if (!lh_compare_group(p->a_model, name)) put_latencies(p, out, name, NULL, group);
  }
  return out;
}

/* ---- endings ---- */

/* Rows of one report, by kind: their texts are put together. */
static void add_endings(const struct lh_pair *p, json_t *kinds, const json_t *model, const char *side) {
  const json_t *ending;
  size_t i;
  json_array_foreach(lh_look(model, "totals.endings"), i, ending) {
    char kind[256];
    snprintf(kind, sizeof kind, "%s|%s|%.0f", lh_look_text(ending, "stage"), lh_look_text(ending, "reason"),
             lh_look_number(ending, "code"));
    json_t *row = json_object_get(kinds, kind);
    if (!row) {
      static const char *const kept[] = {"stage", "side", "reason", "code", "code_name", "drop"};
      row = json_object();
      for (size_t n = 0; n < sizeof kept / sizeof *kept; n++) lh_put(p->b, row, kept[n], copy_of(ending, kept[n]));
      lh_put(p->b, row, "a", json_integer(0));
      lh_put(p->b, row, "b", json_integer(0));
      lh_put(p->b, kinds, kind, row);
    }
    json_int_t sum = json_integer_value(json_object_get(row, side)) + json_integer_value(lh_look(ending, "count"));
    lh_put(p->b, row, side, json_integer(sum));
  }
}

static json_int_t both(const json_t *row) {
  return json_integer_value(json_object_get(row, "a")) + json_integer_value(json_object_get(row, "b"));
}

static int most_first(const void *left, const void *right) {
  json_int_t a = both(*(json_t *const *)left), b = both(*(json_t *const *)right);
  return (a < b) - (a > b);
}

json_t *lh_compare_endings(const struct lh_pair *p) {
  json_t *kinds = json_object(), *out = json_array(), *row;
  add_endings(p, kinds, p->a_model, "a");
  add_endings(p, kinds, p->b_model, "b");
  double hours_a = lh_look_number(p->a_model, "totals.client_hours"), hours_b = lh_look_number(p->b_model, "totals.client_hours");
  size_t count = json_object_size(kinds), i = 0;
  json_t **rows = calloc(count + 1, sizeof *rows);
  const char *kind;
  if (!rows) p->b->failed = true;
  json_object_foreach(kinds, kind, row) {
    lh_put(p->b, row, "a_per_client_hour", lh_json_real((double)json_integer_value(json_object_get(row, "a")) / hours_a, 6));
    lh_put(p->b, row, "b_per_client_hour", lh_json_real((double)json_integer_value(json_object_get(row, "b")) / hours_b, 6));
    if (rows) rows[i++] = row;
  }
  if (rows) {
    /* equal counts keep the order of the reports: qsort alone would not promise it */
    for (size_t n = 1; n < i; n++)
      for (size_t m = n; m > 0 && most_first(&rows[m - 1], &rows[m]) > 0; m--) {
        json_t *swap = rows[m];
        rows[m] = rows[m - 1];
        rows[m - 1] = swap;
      }
    for (size_t n = 0; n < i; n++) lh_push(p->b, out, json_incref(rows[n]));
  }
  free(rows);
  json_decref(kinds);
  return out;
}

/* ---- host ---- */

static const json_t *find_fact(const json_t *model, const char *list, const char *name) {
  const json_t *fact;
  size_t i;
  json_array_foreach(lh_look(model, list), i, fact) if (strcmp(lh_look_text(fact, "name"), name) == 0) return fact;
  return NULL;
}

static void put_fact(const struct lh_pair *p, json_t *out, const json_t *a, const json_t *b) {
  json_t *item = json_object(), *was = copy_of(a, "value"), *is = copy_of(b, "value");
  bool same = json_equal(was, is);
  lh_put(p->b, item, "name", copy_of(a ? a : b, "name"));
  lh_put(p->b, item, "a", was);
  lh_put(p->b, item, "b", is);
  lh_put(p->b, item, "same", json_boolean(same));
  lh_push(p->b, out, item);
}

json_t *lh_compare_facts(const struct lh_pair *p, const char *list) {
  json_t *out = json_array();
  const json_t *fact;
  size_t i;
  json_array_foreach(lh_look(p->a_model, list), i, fact) if (!lh_fact_is_volatile(lh_look_text(fact, "name")))
      put_fact(p, out, fact, find_fact(p->b_model, list, lh_look_text(fact, "name")));
  json_array_foreach(lh_look(p->b_model, list), i, fact) {
    const char *name = lh_look_text(fact, "name");
    if (!lh_fact_is_volatile(name) && !find_fact(p->a_model, list, name)) put_fact(p, out, NULL, fact);
  }
  return out;
}
