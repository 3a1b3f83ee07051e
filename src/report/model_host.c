/* The hosts: facts, limits, and what they did meanwhile; by shard in a merged run. */
#include <string.h>

#include "longhaul/base/clock.h"
#include "report/build.h"

/* Facts that cap something; the others describe the machine. */
static bool is_limit(const char *name) {
  static const char *const prefixes[] = {"nofile.", "nproc.", "address_space.", "fs.", "kernel.", "cgroup.", "net.", "ports.", "tcp_mem."};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return true;
  return false;
}

static json_t *facts(struct lh_build *b, const struct lh_site *site, bool limits) {
  json_t *out = json_array();
  for (size_t i = 0; i < site->fact_count; i++) {
    const struct lh_fact_item *fact = &site->facts[i];
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
static json_t *ladder(struct lh_build *b, const struct lh_site *site) {
  json_t *out = json_array();
  for (size_t i = 0; i < site->rung_count; i++) {
    const struct lh_rung_item *rung = &site->rungs[i];
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

static json_t *usage(struct lh_build *b, const struct lh_site *site) {
  json_t *out = json_object();
  if (site->host_count == 0) return out;
  const struct lh_host_sample *first = &site->host[0].sample, *last = &site->host[site->host_count - 1].sample;
  uint64_t mem_least = UINT64_MAX, tcp_most = 0, wait_most = 0, files_most = 0;
  for (size_t i = 0; i < site->host_count; i++) {
    const struct lh_host_sample *s = &site->host[i].sample;
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

/* What one host told; a file without a ladder says nothing of it. */
static void put_site(struct lh_build *b, json_t *into, const struct lh_site *site) {
  json_t *host = json_object();
  lh_put(b, host, "facts", facts(b, site, false));
  lh_put(b, host, "usage", usage(b, site));
  lh_put(b, into, "host", host);
  lh_put(b, into, "limits", facts(b, site, true));
  if (site->rung_count > 0) lh_put(b, into, "ladder", ladder(b, site));
}

void lh_build_host(struct lh_build *b, json_t *model) {
  put_site(b, model, b->g->sites);
}

/* Counters since boot become what the interval added; null where there is no sample to compare with. */
json_t *lh_build_host_series(struct lh_build *b, const struct lh_site *site) {
  json_t *out = json_object();
  json_t *cpu = json_array(), *steal = json_array(), *mem = json_array(), *tcp = json_array(), *wait = json_array(),
         *retransmits = json_array();
  size_t n = 0;
  for (uint32_t i = 0; i < b->g->count; i++) {
    while (n < site->host_count && site->host[n].index < i) n++;
    const struct lh_host_sample *now = n < site->host_count && site->host[n].index == i ? &site->host[n].sample : NULL;
    const struct lh_host_sample *was = now && n ? &site->host[n - 1].sample : NULL;
    uint64_t total = was && now->cpu_total_us > was->cpu_total_us ? now->cpu_total_us - was->cpu_total_us : 0;
    double busy = total ? (double)(now->cpu_busy_us - was->cpu_busy_us) / (double)total : 0;
    double stolen = total ? (double)(now->cpu_steal_us - was->cpu_steal_us) / (double)total : 0;
    lh_push(b, cpu, total ? lh_json_real(100 * busy, 1) : json_null());
    lh_push(b, steal, total ? lh_json_real(100 * stolen, 1) : json_null());
    lh_push(b, mem, now ? lh_json_count(now->mem_available_bytes) : json_null());
    lh_push(b, tcp, now ? lh_json_count(now->tcp_in_use) : json_null());
    lh_push(b, wait, now ? lh_json_count(now->tcp_time_wait) : json_null());
    lh_push(b, retransmits,
            was && now->tcp_retransmits >= was->tcp_retransmits ? lh_json_count(now->tcp_retransmits - was->tcp_retransmits)
                                                                : json_null());
  }
  lh_put(b, out, "cpu_percent", cpu);
  lh_put(b, out, "steal_percent", steal);
  lh_put(b, out, "mem_available_bytes", mem);
  lh_put(b, out, "tcp_in_use", tcp);
  lh_put(b, out, "tcp_time_wait", wait);
  lh_put(b, out, "tcp_retransmits", retransmits);
  return out;
}

/* ---- shards ---- */

static json_t *us_or_null(uint64_t us) {
  return us ? lh_json_count(us) : json_null();
}

static json_t *shard_latency(struct lh_build *b, const struct lh_shard_row *row) {
  json_t *out = json_object();
#define X(name, hist, percentile, help) lh_put(b, out, #name, us_or_null(row->name));
  LH_SHARD_LATENCY_LIST(X)
#undef X
  return out;
}

static json_t *shard_tester(struct lh_build *b, const struct lh_site *site) {
  double lasted_us = (double)(b->g->until_ns - b->g->from_ns) / 1e3;
  json_t *out = json_object();
  lh_put(b, out, "cpu_s", lh_json_real((double)site->cpu_us / 1e6, 1));
  lh_put(b, out, "cpu_cores_mean", lasted_us > 0 ? lh_json_real((double)site->cpu_us / lasted_us, 4) : json_null());
  lh_put(b, out, "cpu_busiest_percent_max", lh_json_real(100 * site->cpu_busiest, 1));
  lh_put(b, out, "loop_lag_max_us", lh_json_count(site->lag_max_us));
  return out;
}

static json_t *fact_or_null(const struct lh_site *site, const char *name) {
  for (size_t i = 0; i < site->fact_count; i++)
    if (strcmp(site->facts[i].name, name) == 0) return lh_json_text(site->facts[i].value);
  return json_null();
}

/* How its clients fared is of the whole run, whatever part of it the report is about. */
static void put_shard_totals(struct lh_build *b, json_t *out, const struct lh_shard_row *row) {
  uint64_t drops = row->drops > row->tester_drops ? row->drops - row->tester_drops : 0, answered = row->replied + row->lost;
  double hours = lh_client_hours(row->open_us);
  lh_put(b, out, "clients", lh_json_count(row->clients));
  lh_put(b, out, "attempts", lh_json_count(row->attempts));
  lh_put(b, out, "opened", lh_json_count(row->opened));
  lh_put(b, out, "connect_failures", lh_json_count(row->connect_failures));
  lh_put(b, out, "drops", lh_json_count(drops));
  lh_put(b, out, "tester_drops", lh_json_count(row->tester_drops));
  lh_put(b, out, "reconnects", lh_json_count(row->reconnects));
  lh_put(b, out, "availability_percent", lh_json_real(lh_availability_percent(row->open_us, row->wanted_us), 6));
  lh_put(b, out, "client_hours", lh_json_real(hours, 3));
  lh_put(b, out, "drops_per_client_hour", hours > 0 ? lh_json_real((double)drops / hours, 6) : json_null());
  lh_put(b, out, "messages_sent", lh_json_count(row->messages_sent));
  lh_put(b, out, "replied", lh_json_count(row->replied));
  lh_put(b, out, "lost", lh_json_count(row->lost));
  lh_put(b, out, "lost_percent", answered ? lh_json_real(100.0 * (double)row->lost / (double)answered, 6) : json_null());
  lh_put(b, out, "bytes_sent", lh_json_count(row->bytes_sent));
  lh_put(b, out, "bytes_received", lh_json_count(row->bytes_received));
  lh_put(b, out, "latency", shard_latency(b, row));
}

static json_t *shard_json(struct lh_build *b, const struct lh_site *site) {
  const struct lh_shard_row *row = &site->row;
  char started[32];
  json_t *out = json_object();
  lh_put(b, out, "shard", lh_json_count(row->shard));
  lh_put(b, out, "name", fact_or_null(site, "host"));
  lh_put(b, out, "version", lh_json_text(row->version));
  lh_put(b, out, "workers", lh_json_count(row->workers));
  lh_put(b, out, "started", lh_json_text(lh_format_utc(row->start_wall_us, started, sizeof started)));
  lh_put(b, out, "duration_s", lh_json_seconds(row->length_ns));
  lh_put(b, out, "how", lh_json_text(row->how && *row->how ? row->how : "unfinished"));
  put_shard_totals(b, out, row);
  lh_put(b, out, "tester", shard_tester(b, site));
  lh_put(b, out, "server", lh_build_server(b, site));
  put_site(b, out, site);
  return out;
}

json_t *lh_build_shards(struct lh_build *b) {
  if (!b->g->merged) return json_null();
  json_t *out = json_array();
  for (size_t i = 0; i < b->g->site_count; i++) lh_push(b, out, shard_json(b, &b->g->sites[i]));
  return out;
}

json_t *lh_build_shard_series(struct lh_build *b) {
  json_t *out = json_array();
  for (size_t i = 0; i < b->g->site_count; i++) {
    const struct lh_site *site = &b->g->sites[i];
    json_t *one = json_object();
    lh_put(b, one, "shard", lh_json_count(site->row.shard));
    lh_put(b, one, "host", lh_build_host_series(b, site));
    if (lh_has_server(site)) lh_put(b, one, "server", lh_build_server_series(b, site));
    lh_push(b, out, one);
  }
  return out;
}
