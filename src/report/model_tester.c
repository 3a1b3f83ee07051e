/* How the tester itself fared, and what it left out. */
#include <string.h>

#include "longhaul/base/clock.h"
#include "report/build.h"

/* Intervals next to each other that are marked for the same reasons are one span. */
static json_t *late_spans(struct lh_build *b) {
  json_t *out = json_array();
  for (uint32_t i = 0; i < b->g->count;) {
    uint32_t from = i, why = b->late[i].why;
    while (i < b->g->count && b->late[i].why == why) i++;
    if (!why) continue;
    uint64_t from_ns = (b->g->from_k + (uint64_t)from) * b->g->run->interval_ns;
    uint64_t until_ns = (b->g->from_k + (uint64_t)i) * b->g->run->interval_ns;
    json_t *span = json_object(), *words = json_array();
    lh_put(b, span, "from_s", lh_json_seconds(from_ns));
    lh_put(b, span, "until_s", lh_json_seconds(until_ns < b->g->until_ns ? until_ns : b->g->until_ns));
    lh_put(b, span, "at", lh_json_utc(b, from_ns));
    lh_put(b, span, "intervals", lh_json_count(i - from));
    for (int n = 0; n < LH_LATE_COUNT; n++)
      if (why & (1u << n)) lh_push(b, words, lh_json_text(lh_late_words((enum lh_late_reason)n)));
    lh_put(b, span, "why", words);
    lh_push(b, out, span);
  }
  return out;
}

static json_t *rules(struct lh_build *b) {
  json_t *out = json_array();
  for (int n = 0; n < LH_LATE_COUNT; n++) lh_push(b, out, lh_json_text(lh_late_words((enum lh_late_reason)n)));
  return out;
}

static uint64_t events_of(const struct lh_build *b, enum lh_event_kind kind) {
  uint64_t count = 0;
  for (size_t i = 0; i < b->g->event_count; i++) count += b->g->events[i].kind == kind;
  return count;
}

/* Everything that a limit or a fault left out of this report, each under its own name. */
static json_t *left_out(struct lh_build *b) {
  const struct lh_lane *run = lh_gather_run(b->g);
  uint64_t overflow = 0, lost = 0, in_flight_full = 0, no_memory = 0;
  for (uint32_t i = 0; i < b->g->count; i++) {
    in_flight_full += b->g->health[i].in_flight_full;
    no_memory += b->g->health[i].no_memory;
  }
  for (int h = 0; h < LH_HIST_COUNT; h++) {
    overflow += run->total.hists[h].overflow;
    lost += run->total.hists[h].lost;
  }
  json_t *out = json_object();
  lh_put(b, out, "ending_rows", lh_json_count(b->g->run->endings_left_out));
  lh_put(b, out, "event_rows", lh_json_count(b->g->run->events_left_out));
  lh_put(b, out, "ending_texts_folded", lh_json_count(run->total.tallies_folded));
  lh_put(b, out, "values_over_one_hour", lh_json_count(overflow));
  lh_put(b, out, "values_without_memory", lh_json_count(lost));
  lh_put(b, out, "sends_held_back_in_flight_full", lh_json_count(in_flight_full));
  lh_put(b, out, "messages_without_memory", lh_json_count(no_memory));
  lh_put(b, out, "messages_truncated_for_matching", lh_json_count(run->total.counters[LH_COUNTER_truncated]));
  lh_put(b, out, "cookies_refused", lh_json_count(run->total.counters[LH_COUNTER_cookies_refused]));
  return out;
}

/* The supervisors beside their workers, of all shards; null for a run that kept nothing of them. */
static json_t *supervisor(struct lh_build *b) {
  double cpu_us = 0, rss = 0, descriptors = 0;
  bool kept = false;
  for (size_t n = 0; n < b->g->site_count; n++) {
    for (size_t i = 0; i < b->g->sites[n].watched_count; i++) {
      const struct lh_watched *w = &b->g->sites[n].watched[i];
      if (strcmp(w->source, "supervisor") != 0) continue;
      kept = true;
      if (strcmp(w->name, "cpu_us") == 0)
        cpu_us += w->end - (w->has_before ? w->before : 0);
      else if (strcmp(w->name, "rss_bytes") == 0)
        rss = w->most > rss ? w->most : rss;
      else
        descriptors = w->most > descriptors ? w->most : descriptors;
    }
  }
  if (!kept) return json_null();
  json_t *out = json_object();
  lh_put(b, out, "cpu_s", lh_json_real(cpu_us / 1e6, 2));
  lh_put(b, out, "rss_bytes_max", lh_json_real(rss, 0));
  lh_put(b, out, "descriptors_max", lh_json_real(descriptors, 0));
  return out;
}

json_t *lh_build_tester(struct lh_build *b) {
  const struct lh_gather *g = b->g;
  uint64_t cpu_us = 0, lag_us = 0, rss = 0, engine = 0, descriptors = 0, rss_clients = 0;
  double busiest = 0;
  for (uint32_t i = 0; i < g->count; i++) {
    const struct lh_health_sum *h = &g->health[i];
    cpu_us += h->cpu_us;
    if (h->cpu_busiest > busiest) busiest = h->cpu_busiest;
    if (h->lag_max_us > lag_us) lag_us = h->lag_max_us;
    if (h->descriptors_max > descriptors) descriptors = h->descriptors_max;
    if (h->rss_bytes <= rss) continue;
    rss = h->rss_bytes;
    engine = h->engine_bytes;
    rss_clients = h->clients;
  }
  uint32_t late = lh_tester_late_count(g, b->late);
  double lasted_us = (double)(g->until_ns - g->from_ns) / 1e3;
  const struct lh_hdr *lateness = &lh_gather_run(g)->total.hists[LH_HIST_send_lateness];
  json_t *out = json_object();
  lh_put(b, out, "workers", lh_json_count(g->run->workers));
  lh_put(b, out, "workers_lost", lh_json_count(events_of(b, LH_EVENT_WORKER_LOST)));
  lh_put(b, out, "clock_steps", lh_json_count(events_of(b, LH_EVENT_CLOCK_STEP)));
  lh_put(b, out, "suspends", lh_json_count(events_of(b, LH_EVENT_SUSPENDED)));
  lh_put(b, out, "cpu_s", lh_json_real((double)cpu_us / 1e6, 1));
  lh_put(b, out, "cpu_cores_mean", lasted_us > 0 ? lh_json_real((double)cpu_us / lasted_us, 4) : json_null());
  lh_put(b, out, "cpu_busiest_percent_max", lh_json_real(100 * busiest, 1));
  lh_put(b, out, "loop_lag_max_us", lh_json_count(lag_us));
  lh_put(b, out, "send_lateness_p99_us", lateness->count ? lh_json_count(lh_hdr_percentile(lateness, 99)) : json_null());
  lh_put(b, out, "send_lateness_max_us", lateness->count ? lh_json_count(lateness->max_us) : json_null());
  lh_put(b, out, "rss_bytes_max", lh_json_count(rss));
  lh_put(b, out, "rss_bytes_per_client", rss_clients ? lh_json_count(rss / rss_clients) : json_null());
  lh_put(b, out, "engine_bytes_per_client", rss_clients ? lh_json_count(engine / rss_clients) : json_null());
  lh_put(b, out, "descriptors_max", lh_json_count(descriptors));
  lh_put(b, out, "supervisor", supervisor(b));
  lh_put(b, out, "intervals", lh_json_count(g->count));
  lh_put(b, out, "intervals_late", lh_json_count(late));
  lh_put(b, out, "intervals_away", lh_json_count(g->away));
  lh_put(b, out, "late_percent", lh_json_real(100.0 * late / g->count, 2));
  lh_put(b, out, "late_rules", rules(b));
  lh_put(b, out, "late_spans", late_spans(b));
  lh_put(b, out, "left_out", left_out(b));
  return out;
}
