#include "report/slo.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "report/show.h"

static bool needs_bins(const struct lh_metric *m) {
  return m->what == LH_METRIC_PERCENTILE || m->what == LH_METRIC_MAX || m->what == LH_METRIC_MEAN ||
         m->what == LH_METRIC_VALUES;
}

int lh_slo_watch(struct lh_gather *g, const struct lh_config *config) {
  if (!config || config->slo_count == 0) return 0;
  g->watches = calloc(config->slo_count, sizeof *g->watches);
  if (!g->watches) return -ENOMEM;
  for (size_t i = 0; i < config->slo_count; i++) {
    struct lh_metric m;
    if (lh_metric_parse(config->slo[i].metric, g, &m) || !needs_bins(&m)) continue;
    size_t n = 0;
    while (n < g->watch_count && (g->watches[n].lane != m.lane || g->watches[n].hist != m.id)) n++;
    if (n == g->watch_count) g->watches[g->watch_count++] = (struct lh_watch){.lane = m.lane, .hist = m.id};
  }
  return 0;
}

/* ---- a window's sums, to which intervals are added and taken away ---- */

struct window {
  const struct lh_gather *g;
  const struct lh_metric *metric;
  const struct lh_lane *lane;
  const struct lh_watch *watch; /* NULL: counters are enough */
  uint64_t counters[LH_COUNTER_COUNT];
  uint64_t *slots; /* LH_WATCH_SLOTS of them */
  uint64_t values; /* in slots */
  double sum_us;
};

static void window_move(struct window *w, uint32_t i, int sign) {
  for (int c = 0; c < LH_COUNTER_COUNT; c++) w->counters[c] += sign > 0 ? w->lane->counters[i][c] : 0 - w->lane->counters[i][c];
  if (!w->watch) return;
  for (size_t n = w->watch->starts[i]; n < w->watch->starts[i + 1]; n++) {
    uint64_t count = w->watch->bins[n].count;
    w->slots[w->watch->bins[n].slot] += sign > 0 ? count : 0 - count;
    w->values += sign > 0 ? count : 0 - count;
  }
  w->sum_us += sign * w->watch->sums_us[i];
}

/* As lh_hdr_percentile: the slot's highest value, never above what was really seen. */
static double window_percentile(const struct window *w, double percentile, uint64_t max_us) {
  uint64_t rank = (uint64_t)ceil(percentile / 100 * (double)w->values);
  if (rank == 0) rank = 1;
  uint64_t seen = 0;
  for (uint32_t slot = 0; slot < LH_WATCH_SLOTS - 1; slot++) {
    seen += w->slots[slot];
    if (seen < rank) continue;
    uint64_t high_us = lh_hdr_slot_high(slot);
    return (double)(high_us < max_us ? high_us : max_us);
  }
  return (double)max_us;
}

static double ratio(double part, double whole) {
  return whole > 0 ? part / whole : NAN;
}

/* NaN: the window says nothing (no reply, no client wanted). Exact maxima are those of the intervals in [from, until). */
static double window_value(const struct window *w, const bool *eligible, uint32_t from, uint32_t until) {
  const uint64_t *c = w->counters;
  double drops = (double)lh_target_drops(c);
  switch (w->metric->what) {
  case LH_METRIC_AVAILABILITY: return ratio((double)c[LH_COUNTER_open_us], (double)c[LH_COUNTER_wanted_us]);
  case LH_METRIC_DROPS: return drops;
  case LH_METRIC_DROPS_PER_HOUR: return ratio(drops, lh_client_hours(c[LH_COUNTER_open_us]));
  case LH_METRIC_FAILED: return ratio((double)c[LH_COUNTER_failed], (double)c[LH_COUNTER_replied]);
  case LH_METRIC_LOST: return ratio((double)c[LH_COUNTER_lost], (double)(c[LH_COUNTER_lost] + c[LH_COUNTER_replied]));
  case LH_METRIC_CONNECT_FAILURES: return ratio((double)c[LH_COUNTER_connect_failures], (double)c[LH_COUNTER_attempts]);
  case LH_METRIC_COUNTER: return (double)c[w->metric->id];
  case LH_METRIC_MEAN: return ratio(w->sum_us, (double)w->values);
  case LH_METRIC_VALUES: return (double)w->values;
  case LH_METRIC_MAX:
  case LH_METRIC_PERCENTILE: break;
  }
  if (!w->watch || w->values == 0) return NAN;
  uint64_t max_us = 0;
  for (uint32_t i = from; i < until; i++)
    if (eligible[i] && w->watch->maxima_us[i] > max_us) max_us = w->watch->maxima_us[i];
  return w->metric->what == LH_METRIC_MAX ? (double)max_us : window_percentile(w, w->metric->percentile, max_us);
}

static int window_open(struct window *w, const struct lh_gather *g, const struct lh_metric *m) {
  *w = (struct window){.g = g, .metric = m, .lane = &g->lanes[m->lane]};
  if (!needs_bins(m)) return 0;
  for (size_t n = 0; n < g->watch_count; n++)
    if (g->watches[n].lane == m->lane && g->watches[n].hist == m->id) w->watch = &g->watches[n];
  w->slots = calloc(LH_WATCH_SLOTS, sizeof *w->slots);
  return w->slots ? 0 : -ENOMEM;
}

/* ---- one objective ---- */

struct verdict {
  double value;                             /* over all eligible intervals */
  double worst;                             /* of one window: an interval, or `for` */
  uint32_t worst_from;                      /* its first interval */
  double worst_window;                      /* what decides when `for` is set */
  uint32_t breached, eligible, late, grace; /* intervals */
  uint64_t breached_ns;
};

static bool worse(const struct lh_slo_config *slo, double a, double b) {
  return !isnan(a) && (isnan(b) || (slo->is_below ? a > b : a < b));
}

static bool holds(const struct lh_slo_config *slo, double threshold, double value) {
  return slo->is_below ? value < threshold : value > threshold;
}

/* What of the run an objective leaves out at its start. */
static uint64_t grace_of(const struct lh_build *b, const struct lh_slo_config *slo) {
  return slo->after_ns > b->g->run->warmup_ns ? slo->after_ns : b->g->run->warmup_ns;
}

static void mark_eligible(const struct lh_build *b, const struct lh_slo_config *slo, bool *eligible, struct verdict *v) {
  uint64_t grace_ns = grace_of(b, slo);
  for (uint32_t i = 0; i < b->g->count; i++) {
    uint64_t from_ns = (b->g->from_k + (uint64_t)i) * b->g->run->interval_ns;
    bool early = from_ns < grace_ns, late = b->late[i].why != 0;
    eligible[i] = !early && !late;
    v->grace += early;
    v->late += !early && late;
    v->eligible += eligible[i];
  }
}

/* Slides a window of `length` intervals; the value of each that is full (or of the last, when there is none) is compared. One
 * that begins before the grace is over is not full: a moment after it would be judged as if it had lasted as long. */
static void slide(struct window *w, const struct lh_slo_config *slo, double threshold, const bool *eligible, uint32_t length,
                  struct verdict *v) {
  uint32_t count = w->g->count, last = 0;
  for (uint32_t i = 0; i < count; i++)
    if (eligible[i]) last = i;
  v->worst = NAN;
  for (uint32_t i = 0; i < count; i++) {
    if (eligible[i]) window_move(w, i, 1);
    if (i >= length && eligible[i - length]) window_move(w, i - length, -1);
    uint32_t from = i + 1 >= v->grace + length ? i + 1 - length : v->grace;
    if (!eligible[i] || (i + 1 < v->grace + length && i != last)) continue;
    double value = window_value(w, eligible, from, i + 1);
    if (worse(slo, value, v->worst)) {
      v->worst = value;
      v->worst_from = from;
    }
    if (!isnan(value) && !holds(slo, threshold, value)) {
      v->breached++;
      v->breached_ns += lh_gather_length_ns(w->g, i);
    }
  }
}

static int evaluate(struct lh_build *b, const struct lh_slo_config *slo, const struct lh_metric *m, double threshold,
                    struct verdict *v) {
  const struct lh_gather *g = b->g;
  bool *eligible = calloc(g->count, sizeof *eligible);
  struct window all = {0}, part = {0};
  int failed = eligible ? 0 : -ENOMEM;
  if (!failed) failed = window_open(&all, g, m);
  if (!failed) failed = window_open(&part, g, m);
  if (!failed) {
    mark_eligible(b, slo, eligible, v);
    for (uint32_t i = 0; i < g->count; i++)
      if (eligible[i]) window_move(&all, i, 1);
    v->value = v->eligible ? window_value(&all, eligible, 0, g->count) : NAN;
    uint64_t length = slo->for_ns ? (slo->for_ns + g->run->interval_ns - 1) / g->run->interval_ns : 1;
    slide(&part, slo, threshold, eligible, length > g->count ? g->count : (uint32_t)length, v);
    v->worst_window = slo->for_ns ? v->worst : v->value;
  }
  free(eligible);
  free(all.slots);
  free(part.slots);
  return failed;
}

/* A number without a % sign after a metric called percent is percent all the same. */
static double threshold_of(const struct lh_slo_config *slo, const struct lh_metric *m) {
  const char *text = slo->threshold_text ? slo->threshold_text : "";
  bool percent = m->what == LH_METRIC_LOST || m->what == LH_METRIC_FAILED || m->what == LH_METRIC_CONNECT_FAILURES;
  return percent && text[0] && !strchr(text, '%') ? slo->threshold / 100 : slo->threshold;
}

static json_t *value_or_null(const struct lh_metric *m, double value) {
  return lh_json_real(value, strcmp(m->unit, "us") == 0 ? 1 : 9);
}

/* A run made shorter than its objectives or its warm-up by --duration. */
static bool too_short_for(const struct lh_build *b, const struct lh_slo_config *slo) {
  uint64_t planned_ns = b->g->run->duration_ns;
  return planned_ns != 0 && (slo->for_ns > planned_ns || grace_of(b, slo) >= planned_ns);
}

static void put_note(struct lh_build *b, json_t *out, const struct lh_slo_config *slo, const struct verdict *v) {
  char text[160];
  const char *note = !v->eligible ? "no interval counts: all were left out"
                                  : "nothing was measured: no reply, no open client or no attempt";
  if (too_short_for(b, slo)) {
    bool window = slo->for_ns > b->g->run->duration_ns;
    snprintf(text, sizeof text, window ? "the run was planned for %s, shorter than this objective's window of %s"
                                       : "the run was planned for %s, and this objective counts from %s on",
             lh_show_seconds((double)b->g->run->duration_ns / 1e9).text,
             lh_show_seconds((double)(window ? slo->for_ns : grace_of(b, slo)) / 1e9).text);
    note = text;
  }
  lh_put(b, out, "note", lh_json_text(note));
}

static void put_result(struct lh_build *b, json_t *out, const struct lh_slo_config *slo, const struct lh_metric *m) {
  struct verdict v = {.value = NAN, .worst = NAN, .worst_window = NAN};
  double threshold = threshold_of(slo, m);
  if (evaluate(b, slo, m, threshold, &v)) b->failed = true;
  bool known = !isnan(v.worst_window) && !too_short_for(b, slo);
  uint64_t worst_ns = (b->g->from_k + (uint64_t)v.worst_from) * b->g->run->interval_ns;
  lh_put(b, out, "unit", lh_json_text(m->unit));
  lh_put(b, out, "threshold", value_or_null(m, threshold));
  lh_put(b, out, "value", value_or_null(m, v.value));
  lh_put(b, out, "passed", known ? json_boolean(holds(slo, threshold, v.worst_window)) : json_null());
  lh_put(b, out, "worst", value_or_null(m, v.worst));
  lh_put(b, out, "worst_s", isnan(v.worst) ? json_null() : lh_json_seconds(worst_ns));
  lh_put(b, out, "worst_at", isnan(v.worst) ? json_null() : lh_json_utc(b, worst_ns));
  lh_put(b, out, "breached_s", lh_json_seconds(v.breached_ns));
  lh_put(b, out, "intervals", lh_json_count(v.eligible));
  lh_put(b, out, "intervals_breached", lh_json_count(v.breached));
  lh_put(b, out, "intervals_left_out_tester_late", lh_json_count(v.late));
  lh_put(b, out, "intervals_left_out_grace", lh_json_count(v.grace));
  if (known)
    lh_put(b, out, "note", json_null());
  else
    put_note(b, out, slo, &v);
}

static json_t *objective(struct lh_build *b, const struct lh_slo_config *slo) {
  json_t *out = json_object();
  struct lh_metric m;
  lh_put(b, out, "metric", lh_json_text(slo->metric));
  lh_put(b, out, "op", lh_json_text(slo->is_below ? "below" : "above"));
  lh_put(b, out, "threshold_text", lh_json_text(slo->threshold_text));
  lh_put(b, out, "for_s", slo->for_ns ? lh_json_seconds(slo->for_ns) : json_null());
  lh_put(b, out, "after_s", slo->after_ns ? lh_json_seconds(slo->after_ns) : json_null());
  if (lh_metric_parse(slo->metric, b->g, &m) == 0) {
    put_result(b, out, slo, &m);
    return out;
  }
  lh_put(b, out, "passed", json_null());
  lh_put(b, out, "note", lh_json_text("no metric has this name: see `longhaul explain slo`"));
  return out;
}

json_t *lh_build_slo(struct lh_build *b) {
  json_t *out = json_array();
  for (size_t i = 0; b->config && i < b->config->slo_count; i++) lh_push(b, out, objective(b, &b->config->slo[i]));
  return out;
}
