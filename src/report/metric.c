/* Names of metrics. */
#include <errno.h>
#include <string.h>

#include "report/slo.h"

static const struct {
  const char *name;
  enum lh_metric_what what;
  const char *unit;
} plain[] = {
    {"availability", LH_METRIC_AVAILABILITY, "share"},
    {"drops", LH_METRIC_DROPS, "count"},
    {"drops_per_client_hour", LH_METRIC_DROPS_PER_HOUR, "per_hour"},
    {"lost_percent", LH_METRIC_LOST, "share"},
    {"failed_percent", LH_METRIC_FAILED, "share"},
    {"connect_failure_percent", LH_METRIC_CONNECT_FAILURES, "share"},
};

/* "p99", "p99.9" or "p999", "max", "mean", "count". By hand: strtod takes signs, exponents and the locale's comma. */
static int parse_statistic(const char *text, struct lh_metric *out) {
  if (strcmp(text, "max") == 0)
    out->what = LH_METRIC_MAX;
  else if (strcmp(text, "mean") == 0)
    out->what = LH_METRIC_MEAN;
  else if (strcmp(text, "count") == 0)
    out->what = LH_METRIC_VALUES;
  else
    out->what = LH_METRIC_PERCENTILE;
  if (out->what == LH_METRIC_VALUES) out->unit = "count";
  if (out->what != LH_METRIC_PERCENTILE) return 0;
  static const struct {
    const char *name;
    double percentile;
  } tails[] = {{"p999", 99.9}, {"p9999", 99.99}};
  for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
    if (strcmp(text, tails[i].name)) continue;
    out->percentile = tails[i].percentile;
    return 0;
  }
  if (*text++ != 'p') return -EINVAL;
  double value = 0, scale = 1;
  int whole = 0, decimals = 0;
  for (; *text >= '0' && *text <= '9' && whole < 3; text++, whole++) value = value * 10 + (*text - '0');
  if (*text == '.' && whole)
    for (text++; *text >= '0' && *text <= '9' && decimals < 3; text++, decimals++) value += (*text - '0') / (scale *= 10);
  if (*text || !whole || (text[-1] == '.') || value > 100) return -EINVAL;
  out->percentile = value;
  return 0;
}

static int parse_rest(const char *text, struct lh_metric *out) {
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    if (strcmp(text, plain[i].name)) continue;
    out->what = plain[i].what;
    out->unit = plain[i].unit;
    return 0;
  }
  for (uint32_t id = 0; id < LH_COUNTER_COUNT; id++) {
    if (strcmp(text, lh_counter_name(id))) continue;
    out->what = LH_METRIC_COUNTER;
    out->unit = "count";
    out->id = id;
    return 0;
  }
  for (uint32_t id = 0; id < LH_HIST_COUNT; id++) {
    size_t len = strlen(lh_hist_name(id));
    if (strncmp(text, lh_hist_name(id), len) || text[len] != '.') continue;
    out->unit = "us";
    out->id = id;
    return parse_statistic(text + len + 1, out);
  }
  return -EINVAL;
}

int lh_metric_parse(const char *name, const struct lh_gather *g, struct lh_metric *out) {
  struct lh_metric metric = {.lane = g->group_count};
  if (parse_rest(name, &metric) == 0) {
    *out = metric;
    return 0;
  }
  for (uint32_t i = 0; i < g->group_count; i++) {
    size_t len = strlen(g->lanes[i].name);
    metric = (struct lh_metric){.lane = i};
    if (strncmp(name, g->lanes[i].name, len) || name[len] != '.' || parse_rest(name + len + 1, &metric)) continue;
    *out = metric;
    return 0;
  }
  return -EINVAL;
}
