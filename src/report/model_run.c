/* The run's own facts, its events, the host's facts and limits. */
#include <stdio.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "report/build.h"

static const char *const hows[] = {
    [LH_RUN_COMPLETE] = "complete", [LH_RUN_INTERRUPTED] = "interrupted", [LH_RUN_ABORTED] = "aborted",
    [LH_RUN_FAILED] = "failed",     [LH_RUN_UNFINISHED] = "unfinished",
};

/* Readers of JSON hold whole numbers up to 2^53; a larger seed is written as text, so that it can be used again. */
static json_t *seed_json(uint64_t seed) {
  char text[24];
  snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
  return seed > UINT64_C(1) << 53 ? json_string(text) : json_integer((json_int_t)seed);
}

json_t *lh_build_run(struct lh_build *b, const char *path) {
  const struct lh_run_row *run = b->g->run;
  json_t *out = json_object();
  lh_put(b, out, "name", lh_json_text(run->name));
  lh_put(b, out, "id", lh_json_text(run->id));
  lh_put(b, out, "started", lh_json_utc(b, 0));
  lh_put(b, out, "ended", lh_json_utc(b, run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0));
  lh_put(b, out, "how", lh_json_text(b->g->in_progress ? "in progress" : hows[run->how]));
  lh_put(b, out, "planned_s", lh_json_seconds(run->duration_ns));
  lh_put(b, out, "duration_s", lh_json_seconds(run->end_ns > run->start_ns ? run->end_ns - run->start_ns : 0));
  lh_put(b, out, "warmup_s", lh_json_seconds(run->warmup_ns));
  lh_put(b, out, "interval_s", lh_json_seconds(run->interval_ns));
  lh_put(b, out, "whole", json_boolean(b->g->whole)); /* false: --from or --until left a part out */
  lh_put(b, out, "from_s", lh_json_seconds(b->g->from_ns));
  lh_put(b, out, "until_s", lh_json_seconds(b->g->until_ns));
  lh_put(b, out, "from", lh_json_utc(b, b->g->from_ns));
  lh_put(b, out, "until", lh_json_utc(b, b->g->until_ns));
  lh_put(b, out, "seed", seed_json(run->seed));
  lh_put(b, out, "shard", lh_json_count(run->shard));
  lh_put(b, out, "shards", lh_json_count(run->shards));
  lh_put(b, out, "workers", lh_json_count(run->workers));
  lh_put(b, out, "version", lh_json_text(run->version));
  lh_put(b, out, "command_line", lh_json_text(run->command_line));
  lh_put(b, out, "file", lh_json_text(path));
  lh_put(b, out, "note", lh_json_text(lh_reader_note(b->g->reader)));
  return out;
}

json_t *lh_build_events(struct lh_build *b) {
  json_t *out = json_array();
  for (size_t i = 0; i < b->g->event_count; i++) {
    const struct lh_event_item *event = &b->g->events[i];
    json_t *item = json_object(), *details = event->details ? json_loads(event->details, 0, NULL) : NULL;
    lh_put(b, item, "t_s", lh_json_seconds(event->at_ns));
    lh_put(b, item, "at", lh_json_utc(b, event->at_ns));
    lh_put(b, item, "kind", lh_json_text(lh_event_name(event->kind)));
    lh_put(b, item, "group", lh_json_group(b, event->group));
    lh_put(b, item, "text", lh_json_text(event->text));
    lh_put(b, item, "details", details ? details : lh_json_text(event->details)); /* not JSON: as it stands */
    lh_push(b, out, item);
  }
  return out;
}

/* Facts that cap something; the others describe the machine. */
static bool is_limit(const char *name) {
  static const char *const prefixes[] = {"nofile.", "nproc.", "address_space.", "fs.", "kernel.", "cgroup.", "net.", "ports.", "tcp_mem."};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return true;
  return false;
}

static json_t *facts(struct lh_build *b, bool limits) {
  json_t *out = json_array();
  for (size_t i = 0; i < b->g->fact_count; i++) {
    const struct lh_fact_item *fact = &b->g->facts[i];
    if (is_limit(fact->name) != limits) continue;
    json_t *item = json_object();
    lh_put(b, item, "name", lh_json_text(fact->name));
    lh_put(b, item, "value", lh_json_text(fact->value));
    lh_put(b, item, "source", lh_json_text(fact->source));
    lh_push(b, out, item);
  }
  return out;
}

/* The limits ladder as it stood at the start. */
static json_t *ladder(struct lh_build *b) {
  json_t *out = json_array();
  for (size_t i = 0; i < b->g->rung_count; i++) {
    const struct lh_rung_item *rung = &b->g->rungs[i];
    json_t *item = json_object();
    lh_put(b, item, "limit", lh_json_text(rung->name));
    lh_put(b, item, "value", lh_json_text(rung->value));
    lh_put(b, item, "detail", lh_json_text(rung->detail));
    lh_put(b, item, "clients", rung->clients == LH_ANY ? json_null() : lh_json_count(rung->clients));
    lh_put(b, item, "soft", json_boolean(rung->soft));
    lh_put(b, item, "estimated", json_boolean(rung->estimated));
    lh_put(b, item, "remedy", lh_json_text(rung->remedy));
    lh_push(b, out, item);
  }
  return out;
}

static uint64_t grown(uint64_t was, uint64_t now) {
  return now > was ? now - was : 0;
}

static json_t *usage(struct lh_build *b) {
  json_t *out = json_object();
  const struct lh_gather *g = b->g;
  if (g->host_count == 0) return out;
  const struct lh_host_sample *first = &g->host[0].sample, *last = &g->host[g->host_count - 1].sample;
  uint64_t mem_least = UINT64_MAX, tcp_most = 0, wait_most = 0, files_most = 0;
  for (size_t i = 0; i < g->host_count; i++) {
    const struct lh_host_sample *s = &g->host[i].sample;
    if (s->mem_available_bytes && s->mem_available_bytes < mem_least) mem_least = s->mem_available_bytes;
    if (s->tcp_in_use > tcp_most) tcp_most = s->tcp_in_use;
    if (s->tcp_time_wait > wait_most) wait_most = s->tcp_time_wait;
    if (s->files_open > files_most) files_most = s->files_open;
  }
  double total = (double)grown(first->cpu_total_us, last->cpu_total_us);
  double busy = (double)grown(first->cpu_busy_us, last->cpu_busy_us),
         steal = (double)grown(first->cpu_steal_us, last->cpu_steal_us);
  lh_put(b, out, "cpu_percent_mean", total > 0 ? lh_json_real(100 * busy / total, 2) : json_null());
  lh_put(b, out, "steal_percent_mean", total > 0 ? lh_json_real(100 * steal / total, 2) : json_null());
  lh_put(b, out, "mem_available_bytes_least", mem_least == UINT64_MAX ? json_null() : lh_json_count(mem_least));
  lh_put(b, out, "mem_total_bytes", lh_json_count(last->mem_total_bytes));
  lh_put(b, out, "tcp_in_use_most", lh_json_count(tcp_most));
  lh_put(b, out, "tcp_time_wait_most", lh_json_count(wait_most));
  lh_put(b, out, "files_open_most", lh_json_count(files_most));
  lh_put(b, out, "tcp_retransmits", lh_json_count(grown(first->tcp_retransmits, last->tcp_retransmits)));
  lh_put(b, out, "tcp_out_segments", lh_json_count(grown(first->tcp_out_segments, last->tcp_out_segments)));
  lh_put(b, out, "tcp_listen_drops", lh_json_count(grown(first->tcp_listen_drops, last->tcp_listen_drops)));
  lh_put(b, out, "net_bytes_in", lh_json_count(grown(first->net_bytes_in, last->net_bytes_in)));
  lh_put(b, out, "net_bytes_out", lh_json_count(grown(first->net_bytes_out, last->net_bytes_out)));
  lh_put(b, out, "net_drops", lh_json_count(grown(first->net_drops, last->net_drops)));
  return out;
}

void lh_build_host(struct lh_build *b, json_t *model) {
  json_t *host = json_object();
  lh_put(b, host, "facts", facts(b, false));
  lh_put(b, host, "usage", usage(b));
  lh_put(b, model, "host", host);
  lh_put(b, model, "limits", facts(b, true));
  if (b->g->rung_count > 0) lh_put(b, model, "ladder", ladder(b)); /* a file without one says nothing of it */
}
