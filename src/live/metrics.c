#include "live/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "longhaul/base/clock.h"

/* Boundaries of the classic buckets in microseconds, for every latency: from a fast reply to a connection's whole life.
 * A count includes its boundary's histogram slot, so a boundary is exact to the three digits of the histogram. */
static const uint64_t bounds_us[] = {100,     250,      500,      1000,     2500,      5000,       10000,
                                     25000,   50000,    100000,   250000,   500000,    1000000,    2500000,
                                     5000000, 10000000, 30000000, 60000000, 300000000, 1800000000, 3600000000};

struct page {
  const struct lh_board *board;
  bool open;
  struct lh_buf *out;
  int failed;
  uint32_t lanes;                  /* groups shown, and one for the others */
  const struct lh_snapshot **lane; /* [lanes] */
  const char **names;
};

static void put(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *p, const char *format, ...) {
  va_list args;
  if (p->failed) return;
  va_start(args, format);
  p->failed = lh_buf_vaddf(p->out, format, args);
  va_end(args);
}

/* A label's value: backslash, quote and newline are escaped in both texts. */
static void put_value(struct page *p, const char *text) {
  for (; *text && !p->failed; text++) {
    if (*text == '\\' || *text == '"')
      put(p, "\\%c", *text);
    else if (*text == '\n')
      put(p, "\\n");
    else
      p->failed = lh_buf_add(p->out, text, 1);
  }
}

/* OpenMetrics names a counter's family without _total, Prometheus with it. */
static void family(struct page *p, const char *name, const char *type, const char *help) {
  bool counter = strcmp(type, "counter") == 0, info = strcmp(type, "info") == 0;
  const char *suffix = p->open ? "" : counter ? "_total" : info ? "_info" : "";
  put(p, "# HELP longhaul_%s%s %s\n# TYPE longhaul_%s%s %s\n", name, suffix, help, name, suffix,
      info && !p->open ? "gauge" : type);
}

static void sample(struct page *p, const char *name, uint32_t lane) {
  put(p, "longhaul_%s{group=\"", name);
  put_value(p, p->names[lane]);
  put(p, "\"");
}

/* ---- families ---- */

struct measure {
  const char *name, *help;
  bool seconds; /* kept in microseconds */
};

static void put_counters(struct page *p) {
  for (int c = 0; c < LH_COUNTER_COUNT; c++) {
    struct measure m = {lh_counter_name((enum lh_counter_id)c), lh_counter_help((enum lh_counter_id)c), false};
    if (c == LH_COUNTER_open_us) m = (struct measure){"open_seconds", "client-seconds open", true};
    if (c == LH_COUNTER_wanted_us)
      m = (struct measure){"wanted_seconds", "client-seconds wanted: released by the ramp and not planned to be closed", true};
    family(p, m.name, "counter", m.help);
    for (uint32_t n = 0; n < p->lanes; n++) {
      put(p, "longhaul_%s_total{group=\"", m.name);
      put_value(p, p->names[n]);
      if (m.seconds)
        put(p, "\"} %.3f\n", (double)p->lane[n]->counters[c] / 1e6);
      else
        put(p, "\"} %llu\n", (unsigned long long)p->lane[n]->counters[c]);
    }
  }
}

static void put_gauges(struct page *p) {
  for (int i = 0; i < LH_GAUGE_COUNT; i++) {
    char name[64];
    /* "open" and "waiting" alone would say nothing among the metrics of a whole company */
    bool clients = i != LH_GAUGE_in_flight && i != LH_GAUGE_pending && i != LH_GAUGE_tcp_seats && i != LH_GAUGE_unacked;
    const char *gauge = lh_gauge_name((enum lh_gauge_id)i);
    snprintf(name, sizeof name, "%s%s", clients && i != LH_GAUGE_clients ? "clients_" : "", gauge);
    family(p, name, "gauge", lh_gauge_help((enum lh_gauge_id)i));
    for (uint32_t n = 0; n < p->lanes; n++) {
      sample(p, name, n);
      put(p, "} %llu\n", (unsigned long long)p->lane[n]->gauges[i]);
    }
  }
}

/* By stage, side and reason: what a peer chose (code, text) is summed over. */
static void put_endings(struct page *p) {
  family(p, "endings", "counter", "connections that ended, by how far they had come, who ended them and why");
  for (uint32_t n = 0; n < p->lanes; n++) {
    uint64_t counts[LH_STAGE_COUNT][LH_REASON_COUNT] = {0};
    const struct lh_snapshot *s = p->lane[n];
    for (uint32_t i = 0; i < s->tally_count; i++) counts[s->tallies[i].stage][s->tallies[i].reason] += s->tallies[i].count;
    for (int stage = 0; stage < LH_STAGE_COUNT; stage++)
      for (int reason = 0; reason < LH_REASON_COUNT; reason++) {
        uint64_t count = counts[stage][reason] + s->rest[stage][reason].count;
        if (count == 0) continue;
        sample(p, "endings_total", n);
        put(p, ",stage=\"%s\",side=\"%s\",reason=\"%s\"} %llu\n", lh_stage_name((enum lh_stage)stage),
            lh_side_name(lh_reason_side((enum lh_reason)reason)), lh_reason_name((enum lh_reason)reason),
            (unsigned long long)count);
      }
  }
}

static void put_histogram(struct page *p, const char *name, uint32_t lane, const struct lh_hdr *h) {
  for (size_t i = 0; i < sizeof bounds_us / sizeof *bounds_us; i++) {
    put(p, "longhaul_%s_seconds_bucket{group=\"", name);
    put_value(p, p->names[lane]);
    put(p, "\",le=\"%.12g%s\"} %llu\n", (double)bounds_us[i] / 1e6, p->open && bounds_us[i] % 1000000 == 0 ? ".0" : "",
        (unsigned long long)lh_hdr_count_at_or_below(h, bounds_us[i]));
  }
  put(p, "longhaul_%s_seconds_bucket{group=\"", name);
  put_value(p, p->names[lane]);
  put(p, "\",le=\"+Inf\"} %llu\nlonghaul_%s_seconds_sum{group=\"", (unsigned long long)h->count, name);
  put_value(p, p->names[lane]);
  put(p, "\"} %.6f\nlonghaul_%s_seconds_count{group=\"", h->sum_us / 1e6, name);
  put_value(p, p->names[lane]);
  put(p, "\"} %llu\n", (unsigned long long)h->count);
}

/* A latency that no group has measured is left out: a WebSocket run has no first byte. */
static void put_histograms(struct page *p) {
  for (int i = 0; i < LH_HIST_COUNT; i++) {
    bool used = false;
    for (uint32_t n = 0; n < p->lanes; n++) used |= p->lane[n]->hists[i].count > 0;
    if (!used) continue;
    char name[96];
    const char *hist = lh_hist_name((enum lh_hist_id)i);
    snprintf(name, sizeof name, "%s_seconds", hist);
    family(p, name, "histogram", lh_hist_help((enum lh_hist_id)i));
    for (uint32_t n = 0; n < p->lanes; n++)
      if (p->lane[n]->hists[i].count) put_histogram(p, hist, n, &p->lane[n]->hists[i]);
  }
}

static void one(struct page *p, const char *name, const char *help, double value) {
  family(p, name, "gauge", help);
  put(p, "longhaul_%s %.15g\n", name, value);
}

static void put_run(struct page *p) {
  const struct lh_board *b = p->board;
  const struct lh_live_tick *t = &b->tick;
  double elapsed_s = t->now_ns > b->start->start_ns ? (double)(t->now_ns - b->start->start_ns) / 1e9 : 0;
  family(p, "run", "info", "the run that is measured");
  put(p, "longhaul_run_info{name=\"");
  put_value(p, b->start->name);
  put(p, "\",id=\"%s\",version=\"%s\"} 1\n", b->start->id, LH_VERSION);
  family(p, "run_phase", "gauge", "1 for the phase that the run is in");
  for (int i = 0; i < LH_LIVE_PHASE_COUNT; i++)
    put(p, "longhaul_run_phase{phase=\"%s\"} %d\n", lh_live_phase_name((enum lh_live_phase)i), t->phase == i);
  one(p, "run_start_time_seconds", "when the run began, in seconds since 1970", (double)b->start->start_wall_us / 1e6);
  one(p, "run_elapsed_seconds", "how long the run has lasted", elapsed_s);
  one(p, "run_planned_seconds", "how long the run is to last", (double)b->start->duration_ns / 1e9);
  one(p, "run_intervals", "intervals stored in the run file", t->intervals);
  one(p, "groups_folded", "groups beyond the bound of the label, summed as others",
      b->start->group_count > LH_METRICS_GROUPS_MAX ? b->start->group_count - LH_METRICS_GROUPS_MAX : 0);
}

static void put_tester(struct page *p) {
  const struct lh_live_tick *t = &p->board->tick;
  one(p, "workers", "worker processes of the plan", p->board->start->workers);
  one(p, "workers_alive", "worker processes that live", t->workers_alive);
  one(p, "worker_loop_lag_seconds", "longest delay of a worker's event loop in the last second",
      (double)t->loop_lag_max_us / 1e6);
  one(p, "worker_resident_memory_bytes", "resident memory of all workers", (double)t->rss_bytes);
  family(p, "worker_cpu_seconds", "counter", "CPU time used by all workers");
  put(p, "longhaul_worker_cpu_seconds_total %.6f\n", (double)t->cpu_us / 1e6);
}

/* ---- lanes ---- */

static int sum_others(const struct lh_board *board, struct lh_snapshot *others) {
  for (uint32_t g = LH_METRICS_GROUPS_MAX; g < board->start->group_count; g++)
    if (lh_snapshot_merge_beside(others, &board->totals[g])) return -ENOMEM;
  return 0;
}

bool lh_metrics_wants_open(const char *accept) {
  return strstr(accept, "application/openmetrics-text");
}

int lh_metrics_write(const struct lh_board *board, bool open, struct lh_buf *out) {
  const struct lh_snapshot *lane[LH_METRICS_GROUPS_MAX + 1];
  const char *names[LH_METRICS_GROUPS_MAX + 1];
  struct lh_snapshot others;
  lh_snapshot_init(&others);
  struct page p = {.board = board, .open = open, .out = out, .lane = lane, .names = names};
  for (uint32_t g = 0; g < board->start->group_count && g < LH_METRICS_GROUPS_MAX; g++, p.lanes++) {
    lane[g] = &board->totals[g];
    names[g] = board->start->groups[g];
  }
  if (board->start->group_count > LH_METRICS_GROUPS_MAX) {
    p.failed = sum_others(board, &others);
    lane[p.lanes] = &others;
    names[p.lanes++] = "others";
  }
  put_run(&p);
  put_tester(&p);
  put_gauges(&p);
  put_counters(&p);
  put_endings(&p);
  put_histograms(&p);
  if (open) put(&p, "# EOF\n");
  lh_snapshot_free(&others);
  return p.failed;
}
