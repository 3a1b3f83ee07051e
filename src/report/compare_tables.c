#include "report/compare_tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/look.h"
#include "report/show.h"
#include "report/tables.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define BEGIN(table, words, list)                                                                                              \
  _Static_assert(COUNT_OF(list) <= LH_TABLE_COLUMNS_MAX, "raise LH_TABLE_COLUMNS_MAX");                                        \
  (*(table) = (struct lh_table){.title = (words), .columns = (list), .column_count = COUNT_OF(list)})

enum { ROWS_MAX = 60 };

const char *const lh_compare_outcomes[] = {"worse", "better", "differs", "unclear", "same", "unknown", NULL};

/* Finer than that nobody compares, and two of "99.999999 %" with their difference made a line of more than 80 columns; the JSON
 * comparison has all digits. Rounded down, as percentages are: only all is 100 %. */
static const double fine_percent = 99.999, fine_points = 0.001;

struct lh_shown lh_compare_show(const char *unit, const json_t *value) {
  double n = json_number_value(value);
  if (!json_is_number(value)) return (struct lh_shown){"-"};
  if (strcmp(unit, "us") == 0) return lh_show_us(n);
  if (strcmp(unit, "percent") == 0) return lh_show_percent(n > fine_percent && n < 100 ? fine_percent : n);
  return strcmp(unit, "count") == 0 ? lh_show_count(n) : lh_show_rate(n);
}

/* "+38 %"; of percentages the points; of what was 0 before, nothing. */
static struct lh_shown show_change(const char *unit, const json_t *a, const json_t *b) {
  struct lh_shown out = {"-"};
  double from = json_number_value(a), to = json_number_value(b);
  if (!json_is_number(a) || !json_is_number(b)) return out;
  if (from == to) return (struct lh_shown){"="};
  if (strcmp(unit, "percent") == 0) {
    double points = fabs(to - from);
    if (points < fine_points) return (struct lh_shown){"<0.001 pt"};
    snprintf(out.text, sizeof out.text, "%c%.40s pt", to < from ? '-' : '+', lh_show_rate(points).text);
  } else if (from > 0) {
    double percent = 100 * (to - from) / from;
    if (fabs(percent) < 9.95)
      snprintf(out.text, sizeof out.text, "%+.1f %%", percent);
    else
      snprintf(out.text, sizeof out.text, "%c%.40s %%", percent < 0 ? '-' : '+', lh_show_count(fabs(percent)).text);
  }
  return out;
}

static const char *group_of(const json_t *item) {
  return lh_look_is_null(item, "group") ? "(all)" : lh_look_text(item, "group");
}

/* ---- objectives ---- */

/* The value that decided: with `for` that of the worst window. */
static struct lh_shown objective_cell(const json_t *item, const char *side) {
  const json_t *one = lh_look(item, side), *passed = lh_look(one, "passed");
  struct lh_shown out = {"not set"};
  if (!one || json_is_null(one)) return out;
  char unit[16];
  snprintf(unit, sizeof unit, "%s", lh_look_text(item, "unit"));
  json_t *slo = json_pack("{s:s, s:O?}", "unit", unit, "value", lh_look(one, lh_look_is_null(item, "for_s") ? "value" : "worst"));
  snprintf(out.text, sizeof out.text, "%.30s%s", lh_show_slo_value(slo, "value").text,
           json_is_true(passed) ? ", held" : json_is_false(passed) ? ", FAILED" : ", unknown");
  json_decref(slo);
  return out;
}

void lh_compare_table_objectives(const json_t *comparison, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "outcome", .state = true},
                                             {.title = "objective", .flexible = true},
                                             {.title = "A", .right = true},
                                             {.title = "B", .right = true}};
  BEGIN(t, "Objectives", columns);
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(comparison, "slo"), i, item) {
    char words[320], limit_a[64], limit_b[64], window[64] = "";
    if (!lh_look_is_null(item, "for_s")) snprintf(window, sizeof window, " over each %.40s", lh_show_seconds(lh_look_number(item, "for_s")).text);
    snprintf(limit_a, sizeof limit_a, "%s", lh_look_text(item, "a.threshold_text"));
    snprintf(limit_b, sizeof limit_b, "%s", lh_look_text(item, "b.threshold_text"));
    bool one = !*limit_a || !*limit_b || strcmp(limit_a, limit_b) == 0;
    snprintf(words, sizeof words, "%.100s %s %.60s%s%.60s%s", lh_look_text(item, "metric"), lh_look_text(item, "op"),
             *limit_a ? limit_a : limit_b, one ? "" : ", in B ", one ? "" : limit_b, window);
    lh_table_add(t, (const char *[]){lh_look_text(item, "outcome"), words, objective_cell(item, "a").text,
                                     objective_cell(item, "b").text});
  }
}

/* ---- differences ---- */

static struct lh_shown show_p(const json_t *item) {
  struct lh_shown out = {"-"};
  double p = lh_look_number(item, "p_adjusted");
  if (lh_look_is_null(item, "p_adjusted")) return out;
  if (p < 0.0001)
    snprintf(out.text, sizeof out.text, "<0.0001");
  else
    snprintf(out.text, sizeof out.text, "%.4f", p);
  return out;
}

static struct lh_shown show_values(const json_t *item) {
  struct lh_shown out;
  snprintf(out.text, sizeof out.text, "%.0f, %.0f", lh_look_number(item, "a.values"), lh_look_number(item, "b.values"));
  return out;
}

static struct lh_shown show_effect(const json_t *item) {
  struct lh_shown out = {"-"};
  if (!lh_look_is_null(item, "delta"))
    snprintf(out.text, sizeof out.text, "%s (%+.2f)", lh_look_text(item, "effect"), lh_look_number(item, "delta"));
  return out;
}

static void add_differences(const json_t *comparison, const char *outcome, struct lh_table *t) {
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(comparison, "differences"), i, item) {
    const char *shown = lh_look_text(item, "shown"), *unit = lh_look_text(item, "unit");
    if (strcmp(lh_look_text(item, "outcome"), outcome)) continue;
    if (t->rows >= ROWS_MAX) {
      t->left_out++;
      continue;
    }
    const json_t *a = lh_look(lh_look(item, "a"), shown), *b = lh_look(lh_look(item, "b"), shown);
    lh_table_add(t, (const char *[]){outcome, group_of(item), lh_look_text(item, "words"), lh_compare_show(unit, a).text,
                                     lh_compare_show(unit, b).text, show_change(unit, a, b).text,
                                     lh_look_is_null(item, "effect") ? "-" : lh_look_text(item, "effect"),
                                     show_effect(item).text, show_p(item).text, show_values(item).text});
  }
}

void lh_compare_table_differences(const json_t *comparison, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "outcome", .state = true},
                                             {.title = "group", .flexible = true},
                                             {.title = "measure"},
                                             {.title = "A", .right = true},
                                             {.title = "B", .right = true},
                                             {.title = "change", .right = true},
                                             {.title = "effect", .narrow = true},
                                             {.title = "effect (Cliff's delta)", .wide = true},
                                             {.title = "p, adjusted", .right = true, .wide = true},
                                             {.title = "values", .right = true, .wide = true}};
  BEGIN(t, "Interval by interval", columns);
  for (size_t i = 0; lh_compare_outcomes[i]; i++) add_differences(comparison, lh_compare_outcomes[i], t);
}

/* ---- totals, latency, endings ---- */

void lh_compare_table_totals(const json_t *comparison, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "whole run"},
                                             {.title = "A", .right = true},
                                             {.title = "B", .right = true},
                                             {.title = "change", .right = true}};
  BEGIN(t, "Totals (everything that was stored, ramp and all)", columns);
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(comparison, "totals"), i, item) {
    const char *unit = lh_look_text(item, "unit");
    if (!lh_look_is_null(item, "group") || lh_look_true(item, "nothing")) continue;
    const json_t *a = lh_look(item, "a"), *b = lh_look(item, "b");
    lh_table_add(t, (const char *[]){lh_look_text(item, "words"), lh_compare_show(unit, a).text, lh_compare_show(unit, b).text,
                                     show_change(unit, a, b).text});
  }
}

static struct lh_shown us_of(const json_t *item, const char *side, const char *statistic) {
  return lh_compare_show("us", lh_look(lh_look(item, side), statistic));
}

void lh_compare_table_latency(const json_t *comparison, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "group", .wide = true},
                                             {.title = "latency", .flexible = true},
                                             {.title = "count A", .right = true, .wide = true},
                                             {.title = "count B", .right = true, .wide = true},
                                             {.title = "p50 A", .right = true},
                                             {.title = "p50 B", .right = true},
                                             {.title = "p99 A", .right = true},
                                             {.title = "p99 B", .right = true},
                                             {.title = "p99.9 A", .right = true, .wide = true},
                                             {.title = "p99.9 B", .right = true, .wide = true},
                                             {.title = "max A", .right = true},
                                             {.title = "max B", .right = true}};
  BEGIN(t, "Latency over the whole run", columns);
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(comparison, "latency"), i, item) {
    if (!lh_look_is_null(item, "group")) continue;
    lh_table_add(t, (const char *[]){group_of(item), lh_table_histogram_words(lh_look_text(item, "name")),
                                     lh_compare_show("count", lh_look(item, "a.count")).text,
                                     lh_compare_show("count", lh_look(item, "b.count")).text, us_of(item, "a", "p50_us").text,
                                     us_of(item, "b", "p50_us").text, us_of(item, "a", "p99_us").text,
                                     us_of(item, "b", "p99_us").text, us_of(item, "a", "p999_us").text,
                                     us_of(item, "b", "p999_us").text, us_of(item, "a", "max_us").text,
                                     us_of(item, "b", "max_us").text});
  }
}

void lh_compare_table_endings(const json_t *comparison, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "stage"},
                                             {.title = "side"},
                                             {.title = "reason", .flexible = true},
                                             {.title = "code", .right = true},
                                             {.title = "A", .right = true},
                                             {.title = "B", .right = true},
                                             {.title = "A /client-h", .right = true},
                                             {.title = "B /client-h", .right = true}};
  BEGIN(t, "Endings", columns);
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(comparison, "endings"), i, item) {
    if (t->rows >= ROWS_MAX) {
      t->left_out++;
      continue;
    }
    char code[32] = "";
    if (!lh_look_is_null(item, "code")) snprintf(code, sizeof code, "%.0f", lh_look_number(item, "code"));
    lh_table_add(t, (const char *[]){lh_look_text(item, "stage"), lh_look_text(item, "side"), lh_look_text(item, "reason"), code,
                                     lh_compare_show("count", lh_look(item, "a")).text, lh_compare_show("count", lh_look(item, "b")).text,
                                     lh_compare_show("rate", lh_look(item, "a_per_client_hour")).text,
                                     lh_compare_show("rate", lh_look(item, "b_per_client_hour")).text});
  }
}

/* ---- the two machines and configs ---- */

static const char *text_or(const json_t *item, const char *side, const char *otherwise) {
  return lh_look_is_null(item, side) ? otherwise : lh_look_text(item, side);
}

static void add_facts(const json_t *list, struct lh_table *t) {
  const json_t *item;
  size_t i;
  json_array_foreach(list, i, item) {
    if (lh_look_true(item, "same")) continue;
    lh_table_add(t, (const char *[]){lh_look_text(item, "name"), text_or(item, "a", "not known"), text_or(item, "b", "not known")});
  }
}

static const struct lh_column fact_columns[] = {
    {.title = "name"}, {.title = "A", .flexible = true, .verbatim = true}, {.title = "B", .flexible = true, .verbatim = true}};

void lh_compare_table_host(const json_t *comparison, struct lh_table *t) {
  BEGIN(t, "Host facts that differ", fact_columns);
  add_facts(lh_look(comparison, "host"), t);
}

void lh_compare_table_limits(const json_t *comparison, struct lh_table *t) {
  BEGIN(t, "Limits that differ", fact_columns);
  add_facts(lh_look(comparison, "limits"), t);
}

void lh_compare_table_config(const json_t *comparison, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "key", .flexible = true, .verbatim = true},
                                             {.title = "A", .flexible = true, .verbatim = true},
                                             {.title = "B", .flexible = true, .verbatim = true}};
  BEGIN(t, "Config keys that differ", columns);
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(comparison, "config"), i, item) lh_table_add(
      t, (const char *[]){lh_look_text(item, "key"), text_or(item, "a", "not set"), text_or(item, "b", "not set")});
}
