#include "report/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"

enum { SLICE_LEAST_US = 500000 };
static const uint64_t silence_ns = 2 * LH_NS_PER_S;

static const struct {
  const char *name;
  enum lh_hist_id hist;
  double percentile;
} latencies[] = {
#define X(name, hist, percentile) {#name, LH_HIST_##hist, percentile},
    LH_LANE_LATENCY_LIST(X)
#undef X
};

const char *lh_lane_latency_name(enum lh_lane_latency id) {
  return latencies[id].name;
}
const struct lh_lane *lh_gather_run(const struct lh_gather *g) {
  return &g->lanes[g->group_count];
}

uint64_t lh_gather_length_ns(const struct lh_gather *g, uint32_t i) {
  uint64_t from_ns = (g->from_k + (uint64_t)i) * g->run->interval_ns;
  uint64_t until_ns = from_ns + g->run->interval_ns;
  if (until_ns > g->until_ns) until_ns = g->until_ns;
  return until_ns > from_ns ? until_ns - from_ns : 0;
}

/* Room for one more item: the array, moved when it had to grow; NULL when there is no memory (the old one then stays). */
void *lh_gather_room(void *items, size_t count, size_t *room, size_t size) {
  if (count < *room) return items;
  size_t more = *room ? *room * 2 : 64;
  void *grown = realloc(items, more * size);
  if (grown) *room = more;
  return grown;
}

/* ---- which intervals ---- */

static int settle_span(struct lh_gather *g, const struct lh_report_args *args, struct lh_err *err) {
  const struct lh_run_row *run = g->run;
  uint64_t lasted_ns = run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0;
  if (run->interval_ns == 0 || run->interval_count == 0)
    return lh_err_set(err, -ENODATA,
                      "%s: no interval is stored: the run stopped before its first one, or this is a copy without the "
                      "-wal file beside it. There is nothing to report",
                      args->path);
  if (args->from_ns >= args->until_ns) return lh_err_set(err, -EINVAL, "--from must be before --until");
  uint64_t stored_ns = run->interval_count * run->interval_ns;
  if (lasted_ns == 0 || lasted_ns > stored_ns) lasted_ns = stored_ns;
  if (args->from_ns >= lasted_ns)
    return lh_err_set(err, -EINVAL, "--from is after the end of the run, which lasted %.0f s", (double)lasted_ns / 1e9);
  g->from_k = (uint32_t)(args->from_ns / run->interval_ns);
  uint64_t until_k = run->interval_count;
  if (args->until_ns < stored_ns) until_k = (args->until_ns + run->interval_ns - 1) / run->interval_ns;
  g->count = (uint32_t)until_k - g->from_k;
  g->whole = g->from_k == 0 && until_k == run->interval_count;
  g->from_ns = g->from_k * run->interval_ns;
  g->until_ns = until_k * run->interval_ns;
  if (until_k == run->interval_count && lasted_ns > g->from_ns) g->until_ns = lasted_ns;
  return 0;
}

static int lane_make(struct lh_lane *lane, uint32_t count) {
  lh_snapshot_init(&lane->total);
  lane->counters = calloc(count, sizeof *lane->counters);
  lane->gauges = calloc(count, sizeof *lane->gauges);
  lane->latency = malloc(count * sizeof *lane->latency);
  if (!lane->counters || !lane->gauges || !lane->latency) return -ENOMEM;
  memset(lane->latency, 0xff, count * sizeof *lane->latency); /* LH_NEVER everywhere */
  return 0;
}

int lh_gather_open(struct lh_gather *g, const struct lh_report_args *args, struct lh_err *err) {
  *g = (struct lh_gather){0};
  for (int i = 0; i < LH_HIST_COUNT; i++) lh_hdr_init(&g->now[i]);
  int failed = lh_reader_open(&g->reader, args->path, err);
  if (failed) return failed;
  g->run = lh_reader_run(g->reader);
  g->in_progress = args->in_progress && g->run->how == LH_RUN_UNFINISHED;
  if ((failed = settle_span(g, args, err))) return failed;
  g->health = calloc(g->count, sizeof *g->health);
  g->stored = calloc(g->count, sizeof *g->stored);
  g->lanes = calloc(g->run->group_count + 1u, sizeof *g->lanes);
  if (!g->health || !g->stored || !g->lanes) return lh_err_set(err, -ENOMEM, "no memory to read %s", args->path);
  g->group_count = g->run->group_count;
  for (uint32_t i = 0; i <= g->group_count; i++) {
    struct lh_lane *lane = &g->lanes[i];
    if (lane_make(lane, g->count)) return lh_err_set(err, -ENOMEM, "no memory to read %s", args->path);
    if (i == g->group_count) break;
    lane->row = lh_reader_group(g->reader, i);
    lane->name = lane->row->name;
  }
  return 0;
}

/* ---- intervals ---- */

/* An interval without a row (a group that reported nothing) keeps the gauges of the one before. */
static void fill_holes(struct lh_lane *lane, uint32_t until) {
  for (; lane->next < until; lane->next++)
    if (lane->next) memcpy(lane->gauges[lane->next], lane->gauges[lane->next - 1], sizeof *lane->gauges);
}

static void keep_latencies(uint64_t (*into)[LH_LANE_LATENCY_COUNT], const struct lh_hdr *hists) {
  for (int n = 0; n < LH_LANE_LATENCY_COUNT; n++) {
    const struct lh_hdr *h = &hists[latencies[n].hist];
    if (h->count == 0) continue;
    (*into)[n] = latencies[n].percentile >= 100 ? h->max_us : lh_hdr_percentile(h, latencies[n].percentile);
  }
}

/* The whole run's histograms of an interval are complete once a later interval comes. */
static void flush_run(struct lh_gather *g, struct lh_lane *run, uint32_t next) {
  if (next == run->next) return;
  if (g->group_count > 1) {
    keep_latencies(&run->latency[run->next], g->now);
    for (int h = 0; h < LH_HIST_COUNT; h++)
      if (g->now[h].count) lh_hdr_reset(&g->now[h]);
  }
  run->next = next;
}

static int merge_now(struct lh_gather *g, const struct lh_snapshot *s) {
  for (int h = 0; h < LH_HIST_COUNT; h++) {
    bool used = false;
    for (int n = 0; n < LH_LANE_LATENCY_COUNT && !used; n++) used = (int)latencies[n].hist == h;
    if (used && s->hists[h].count && lh_hdr_merge(&g->now[h], &s->hists[h])) return -ENOMEM;
  }
  return 0;
}

static int keep_tallies(struct lh_gather *g, struct lh_lane *lane, uint32_t i, const struct lh_snapshot *s) {
  for (uint32_t n = 0; n < s->tally_count; n++) {
    struct lh_tally *tallies = lh_gather_room(lane->tallies, lane->tally_count, &lane->tally_room, sizeof *tallies);
    if (!tallies) return -ENOMEM;
    lane->tallies = tallies;
    uint32_t *at = lh_gather_room(lane->tally_at, lane->tally_count, &lane->tally_at_room, sizeof *at);
    if (!at) return -ENOMEM;
    lane->tally_at = at;
    struct lh_tally *tally = &tallies[lane->tally_count];
    *tally = s->tallies[n];
    tally->first_ns = tally->first_ns > g->run->start_ns ? tally->first_ns - g->run->start_ns : 0;
    tally->last_ns = tally->last_ns > g->run->start_ns ? tally->last_ns - g->run->start_ns : 0;
    lane->tally_at[lane->tally_count++] = i;
  }
  return 0;
}

struct bin_walk {
  struct lh_watch *watch;
  int failed;
};

static void keep_bin(void *context, uint32_t slot, uint64_t count) {
  struct bin_walk *walk = context;
  struct lh_watch *w = walk->watch;
  struct lh_bin *bins = walk->failed ? NULL : lh_gather_room(w->bins, w->bin_count, &w->bin_room, sizeof *bins);
  if (!bins) {
    walk->failed = -ENOMEM;
    return;
  }
  w->bins = bins;
  w->bins[w->bin_count++] = (struct lh_bin){slot, count};
}

/* Intervals come in order, so the bins of one interval stand together, from whatever groups they came. */
static int keep_bins(struct lh_gather *g, uint32_t i, uint32_t group, const struct lh_snapshot *s) {
  for (size_t n = 0; n < g->watch_count; n++) {
    struct lh_watch *w = &g->watches[n];
    if (w->lane != group && w->lane != g->group_count) continue;
    struct bin_walk walk = {.watch = w};
    const struct lh_hdr *h = &s->hists[w->hist];
    lh_hdr_each(h, keep_bin, &walk);
    if (h->overflow) keep_bin(&walk, LH_WATCH_SLOTS - 1, h->overflow);
    if (walk.failed) return walk.failed;
    if (h->count && h->max_us > w->maxima_us[i]) w->maxima_us[i] = h->max_us;
    w->sums_us[i] += h->sum_us;
    w->starts[i + 1] = w->bin_count;
  }
  return 0;
}

static int on_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *s) {
  struct lh_gather *g = context;
  if (k < g->from_k || k - g->from_k >= g->count || group >= g->group_count) return 0;
  uint32_t i = k - g->from_k;
  struct lh_lane *lane = &g->lanes[group], *run = &g->lanes[g->group_count];
  g->stored[i] = true;
  flush_run(g, run, i);
  fill_holes(lane, i);
  memcpy(lane->counters[i], s->counters, sizeof s->counters);
  memcpy(lane->gauges[i], s->gauges, sizeof s->gauges);
  keep_latencies(&lane->latency[i], s->hists);
  lane->next = i + 1;
  if (lh_snapshot_merge_later(&lane->total, s) || keep_tallies(g, lane, i, s) || keep_bins(g, i, group, s)) return -ENOMEM;
  return g->group_count > 1 ? merge_now(g, s) : 0;
}

/* ---- the other tables ---- */

static int on_ending(void *context, const struct lh_ending *e, uint64_t count) {
  struct lh_gather *g = context;
  if (e->at_ns > g->run->start_ns + g->listed_until_ns) g->listed_until_ns = e->at_ns - g->run->start_ns;
  if (e->group >= g->group_count || !lh_ending_is_drop(e->stage, e->reason)) return 0;
  struct lh_lane *lane = &g->lanes[e->group];
  struct lh_drop *drops = lh_gather_room(lane->drops, lane->drop_count, &lane->drop_room, sizeof *drops);
  if (!drops) return -ENOMEM;
  lane->drops = drops;
  lane->drops[lane->drop_count++] = (struct lh_drop){
      .at_ns = e->at_ns > g->run->start_ns ? e->at_ns - g->run->start_ns : 0,
      .open_ns = e->open_ns,
      .idle_ns = e->idle_ns,
      .count = count,
      .stage = e->stage,
      .reason = e->reason,
      .code = e->code,
  };
  return 0;
}

static int on_second(void *context, uint32_t group, const struct lh_second *second) {
  struct lh_gather *g = context;
  struct lh_lane *lane = &g->lanes[group];
  struct lh_second *seconds = lh_gather_room(lane->seconds, lane->second_count, &lane->second_room, sizeof *seconds);
  if (!seconds) return -ENOMEM;
  lane->seconds = seconds;
  lane->seconds[lane->second_count] = *second;
  lane->seconds[lane->second_count++].from_ns = second->from_ns > g->run->start_ns ? second->from_ns - g->run->start_ns : 0;
  return 0;
}

static int on_event(void *context, uint64_t at_ns, enum lh_event_kind kind, uint32_t group, const char *text,
                    const char *details) {
  struct lh_gather *g = context;
  struct lh_event_item *events = lh_gather_room(g->events, g->event_count, &g->event_room, sizeof *events);
  if (!events) return -ENOMEM;
  g->events = events;
  struct lh_event_item *item = &g->events[g->event_count];
  *item =
      (struct lh_event_item){.at_ns = at_ns > g->run->start_ns ? at_ns - g->run->start_ns : 0, .kind = kind, .group = group};
  item->text = strdup(text ? text : "");
  item->details = details ? strdup(details) : NULL;
  g->event_count++;
  return item->text && (item->details || !details) ? 0 : -ENOMEM;
}

/* A worker's slice that begins before its interval was reported too late for those that it begins in. */
static void note_silence(struct lh_gather *g, uint32_t k, const struct lh_worker_health *health) {
  uint64_t interval_ns = g->run->interval_ns, much_ns = interval_ns / 2 < silence_ns ? interval_ns / 2 : silence_ns;
  uint64_t from_ns = health->from_ns > g->run->start_ns ? health->from_ns - g->run->start_ns : 0;
  for (uint64_t i = from_ns / interval_ns; i < k; i++) {
    uint64_t missed_ns = (i + 1) * interval_ns - (from_ns > i * interval_ns ? from_ns : i * interval_ns);
    if (missed_ns >= much_ns && i >= g->from_k && i - g->from_k < g->count) g->health[i - g->from_k].silent++;
  }
}

static int on_worker(void *context, uint32_t k, uint32_t worker, const struct lh_worker_health *health) {
  struct lh_gather *g = context;
  if (k < g->from_k || k - g->from_k >= g->count) return 0;
  struct lh_site *site = lh_gather_site_of_worker(g, worker);
  if (!site) return -ENOMEM;
  note_silence(g, k, health);
  struct lh_health_sum *sum = &g->health[k - g->from_k];
  uint64_t cpu_us = health->cpu_user_us + health->cpu_system_us;
  uint64_t lasted_us = health->until_ns > health->from_ns ? (health->until_ns - health->from_ns) / LH_NS_PER_US : 0;
  double share = lasted_us ? (double)cpu_us / (double)lasted_us : 0;
  /* The last slice of a run may be a few milliseconds of closing everything: no share of a core follows from that. */
  uint64_t least_us = g->run->interval_ns / LH_NS_PER_US / 2;
  if (least_us > SLICE_LEAST_US) least_us = SLICE_LEAST_US;
  sum->cpu_us += cpu_us;
  if (lasted_us < least_us) share = 0;
  if (share > sum->cpu_busiest) sum->cpu_busiest = share;
  site->cpu_us += cpu_us;
  if (share > site->cpu_busiest) site->cpu_busiest = share;
  if (health->loop_lag_max_us > site->lag_max_us) site->lag_max_us = health->loop_lag_max_us;
  sum->rss_bytes += health->rss_bytes;
  sum->engine_bytes += health->engine_bytes;
  if (health->loop_lag_max_us > sum->lag_max_us) sum->lag_max_us = health->loop_lag_max_us;
  if (health->descriptors > sum->descriptors_max) sum->descriptors_max = health->descriptors;
  sum->clients += health->clients;
  sum->in_flight_full += health->in_flight_full;
  sum->no_memory += health->no_memory;
  sum->workers++;
  return 0;
}

/* ---- all of it ---- */

static void sum_run_lane(struct lh_gather *g) {
  struct lh_lane *run = &g->lanes[g->group_count];
  for (uint32_t n = 0; n < g->group_count; n++) {
    struct lh_lane *lane = &g->lanes[n];
    fill_holes(lane, g->count);
    for (uint32_t i = 0; i < g->count; i++)
      if (!g->stored[i]) memset(lane->gauges[i], 0, sizeof *lane->gauges);
    for (uint32_t i = 0; i < g->count; i++) {
      for (int c = 0; c < LH_COUNTER_COUNT; c++) run->counters[i][c] += lane->counters[i][c];
      for (int c = 0; c < LH_GAUGE_COUNT; c++) run->gauges[i][c] += lane->gauges[i][c];
    }
  }
  if (g->group_count == 1) memcpy(run->latency, g->lanes[0].latency, g->count * sizeof *run->latency);
}

static int prepare_watches(struct lh_gather *g) {
  for (size_t n = 0; n < g->watch_count; n++) {
    struct lh_watch *w = &g->watches[n];
    w->starts = calloc(g->count + 1u, sizeof *w->starts);
    w->maxima_us = calloc(g->count, sizeof *w->maxima_us);
    w->sums_us = calloc(g->count, sizeof *w->sums_us);
    if (!w->starts || !w->maxima_us || !w->sums_us) return -ENOMEM;
  }
  return 0;
}

/* An interval in which a watched histogram had no row takes the end of the one before: no bins. */
static void close_watches(struct lh_gather *g) {
  for (size_t n = 0; n < g->watch_count; n++)
    for (uint32_t i = 1; i <= g->count; i++)
      if (g->watches[n].starts[i] < g->watches[n].starts[i - 1]) g->watches[n].starts[i] = g->watches[n].starts[i - 1];
}

int lh_gather_read(struct lh_gather *g, struct lh_err *err) {
  if (prepare_watches(g)) return lh_err_set(err, -ENOMEM, "no memory for the objectives of the report");
  struct lh_reader_visits visits = {.context = g,
                                    .interval = on_interval,
                                    .ending = on_ending,
                                    .second = on_second,
                                    .event = on_event,
                                    .worker = on_worker,
                                    .shard = lh_gather_on_shard,
                                    .host = lh_gather_on_host,
                                    .fact = lh_gather_on_fact,
                                    .rung = lh_gather_on_rung,
                                    .watched = lh_gather_on_watched};
  struct lh_err why = {0};
  int failed = lh_reader_visit(g->reader, g->from_k, g->from_k + g->count, &visits, &why);
  if (failed == -ENOMEM && !why.text[0]) return lh_err_set(err, -ENOMEM, "no memory for the report of this run");
  if (failed) return lh_err_set(err, failed, "%s", why.text[0] ? why.text : "reading the run file failed");
  if (lh_gather_sites_close(g)) return lh_err_set(err, -ENOMEM, "no memory for the host of this run");
  struct lh_lane *run = &g->lanes[g->group_count];
  if (run->next < g->count) flush_run(g, run, g->count);
  if (lh_gather_unlisted(g)) return lh_err_set(err, -ENOMEM, "no memory for the mass drops of this run");
  close_watches(g);
  sum_run_lane(g);
  for (uint32_t i = 0; i < g->count; i++) g->away += !g->stored[i];
  g->torn = g->away > 0 && g->run->how == LH_RUN_UNFINISHED && lh_reader_note(g->reader);
  for (uint32_t n = 0; n < g->group_count; n++)
    if (lh_snapshot_merge_beside(&run->total, &g->lanes[n].total))
      return lh_err_set(err, -ENOMEM, "no memory for the totals of the run");
  return 0;
}

static void lane_free(struct lh_lane *lane) {
  lh_snapshot_free(&lane->total);
  free(lane->counters);
  free(lane->gauges);
  free(lane->latency);
  free(lane->drops);
  free(lane->seconds);
  free(lane->tallies);
  free(lane->tally_at);
}

void lh_gather_free(struct lh_gather *g) {
  if (!g) return;
  for (uint32_t i = 0; g->lanes && i <= g->group_count; i++) lane_free(&g->lanes[i]);
  free(g->lanes);
  for (int i = 0; i < LH_HIST_COUNT; i++) lh_hdr_free(&g->now[i]);
  for (size_t i = 0; i < g->event_count; i++) {
    free(g->events[i].text);
    free(g->events[i].details);
  }
  for (size_t i = 0; i < g->watch_count; i++) {
    free(g->watches[i].bins);
    free(g->watches[i].starts);
    free(g->watches[i].maxima_us);
    free(g->watches[i].sums_us);
  }
  free(g->watches);
  free(g->events);
  lh_gather_sites_free(g);
  free(g->health);
  free(g->stored);
  lh_reader_close(g->reader);
  *g = (struct lh_gather){0};
}
