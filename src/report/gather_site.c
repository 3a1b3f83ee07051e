/* What the host of each shard told, read for a report. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/gather.h"

/* Rows of a shard follow each other, or those of all shards follow in turn: the next one is the likeliest. */
static struct lh_site *site_of(struct lh_gather *g, uint32_t shard) {
  for (size_t n = 0; n < g->site_count; n++) {
    size_t i = (g->site_at + n) % g->site_count;
    if (g->sites[i].row.shard != shard) continue;
    g->site_at = i;
    return &g->sites[i];
  }
  struct lh_site *sites = lh_gather_room(g->sites, g->site_count, &g->site_room, sizeof *sites);
  if (!sites) return NULL;
  g->sites = sites;
  g->site_at = g->site_count;
  sites[g->site_count] = (struct lh_site){.row.shard = shard};
  return &sites[g->site_count++];
}

int lh_gather_on_shard(void *context, const struct lh_shard_row *shard) {
  struct lh_gather *g = context;
  struct lh_site *site = site_of(g, shard->shard);
  if (!site) return -ENOMEM;
  g->merged = true;
  site->row = *shard;
  site->row.version = strdup(shard->version);
  site->row.how = strdup(shard->how);
  return site->row.version && site->row.how ? 0 : -ENOMEM;
}

struct lh_site *lh_gather_site_of_worker(struct lh_gather *g, uint32_t worker) {
  for (size_t n = 0; n < g->site_count && g->merged; n++) {
    struct lh_site *site = &g->sites[(g->site_at + n) % g->site_count];
    if (worker < site->row.first_worker || worker - site->row.first_worker >= site->row.workers) continue;
    g->site_at = (size_t)(site - g->sites);
    return site;
  }
  return site_of(g, g->run->shard);
}

int lh_gather_on_host(void *context, uint32_t k, uint32_t shard, const struct lh_host_sample *sample) {
  struct lh_gather *g = context;
  if (k < g->from_k || k - g->from_k >= g->count) return 0;
  struct lh_site *site = site_of(g, shard);
  struct lh_host_item *host = site ? lh_gather_room(site->host, site->host_count, &site->host_room, sizeof *host) : NULL;
  if (!host) return -ENOMEM;
  site->host = host;
  site->host[site->host_count++] = (struct lh_host_item){k - g->from_k, *sample};
  return 0;
}

int lh_gather_on_fact(void *context, const struct lh_fact_row *fact) {
  struct lh_site *site = site_of(context, fact->shard);
  struct lh_fact_item *facts = site ? lh_gather_room(site->facts, site->fact_count, &site->fact_room, sizeof *facts) : NULL;
  if (!facts) return -ENOMEM;
  site->facts = facts;
  struct lh_fact_item *item = &site->facts[site->fact_count++];
  *item = (struct lh_fact_item){strdup(fact->name), strdup(fact->source), strdup(fact->value)};
  return item->name && item->source && item->value ? 0 : -ENOMEM;
}

int lh_gather_on_rung(void *context, const struct lh_rung_row *rung) {
  struct lh_site *site = site_of(context, rung->shard);
  struct lh_rung_item *rungs = site ? lh_gather_room(site->rungs, site->rung_count, &site->rung_room, sizeof *rungs) : NULL;
  if (!rungs) return -ENOMEM;
  site->rungs = rungs;
  struct lh_rung_item *item = &site->rungs[site->rung_count++];
  *item = (struct lh_rung_item){strdup(rung->name),   strdup(rung->value), strdup(rung->detail),
                                strdup(rung->remedy), rung->clients,       rung->soft,
                                rung->estimated};
  return item->name && item->value && item->detail && item->remedy ? 0 : -ENOMEM;
}

/* ---- the server ---- */

static struct lh_watched *watched_of(struct lh_site *site, const struct lh_watched_row *row) {
  for (size_t i = 0; i < site->watched_count; i++)
    if (strcmp(site->watched[i].name, row->name) == 0 && strcmp(site->watched[i].source, row->source) == 0) return &site->watched[i];
  struct lh_watched *list = lh_gather_room(site->watched, site->watched_count, &site->watched_room, sizeof *list);
  if (!list) return NULL;
  site->watched = list;
  struct lh_watched *w = &list[site->watched_count++];
  *w = (struct lh_watched){.source = strdup(row->source), .name = strdup(row->name), .most = row->value};
  return w->source && w->name ? w : NULL;
}

/* When its last client had left. A shard may have ended before the others. */
static uint64_t end_of(const struct lh_gather *g, const struct lh_site *site) {
  return g->merged && site->row.length_ns > 0 ? g->run->start_ns + site->row.length_ns : g->run->end_ns;
}

/* Of processes that are gone there is no value at the end. */
static void take_gone(struct lh_site *site, const struct lh_watched *processes) {
  for (size_t i = 0; i < site->watched_count; i++) {
    struct lh_watched *w = &site->watched[i];
    if (w != processes && strcmp(w->source, processes->source) == 0) w->has_end = false;
  }
}

/* The end of a run that is going on is its last interval's: nothing is after it. */
static void take_sighting(const struct lh_gather *g, struct lh_site *site, struct lh_watched *w, const struct lh_watched_row *row) {
  if (row->value > w->most) w->most = row->value;
  if (row->at_ns < g->run->start_ns) {
    w->before = w->end = row->value;
    w->has_before = w->has_end = true;
  } else if (g->run->how != LH_RUN_UNFINISHED && row->at_ns >= end_of(g, site)) {
    w->after = row->value;
    w->after_ns = row->at_ns - g->run->start_ns;
    w->has_after = true;
  } else {
    w->fell = w->fell || row->value < w->end;
    w->end = row->value;
    w->has_end = true;
    if (row->value == 0 && lh_watched_is_processes(w)) take_gone(site, w);
  }
}

int lh_gather_on_watched(void *context, const struct lh_watched_row *row) {
  struct lh_gather *g = context;
  struct lh_site *site = site_of(g, row->shard);
  if (!site) return -ENOMEM;
  struct lh_watched_item *items = lh_gather_room(site->sightings, site->sighting_count, &site->sighting_room, sizeof *items);
  if (items) site->sightings = items;
  struct lh_watched *w = items ? watched_of(site, row) : NULL;
  if (!w) return -ENOMEM;
  take_sighting(g, site, w, row);
  site->sightings[site->sighting_count++] =
      (struct lh_watched_item){(int64_t)(row->at_ns - g->run->start_ns), (uint32_t)(w - site->watched), row->value};
  return 0;
}

/* ---- all of them ---- */

int lh_gather_sites_close(struct lh_gather *g) {
  if (g->site_count == 0 && !site_of(g, g->run->shard)) return -ENOMEM;
  return 0;
}

static void site_free(struct lh_site *site) {
  free((char *)(uintptr_t)site->row.version);
  free((char *)(uintptr_t)site->row.how);
  for (size_t i = 0; i < site->fact_count; i++) {
    free(site->facts[i].name);
    free(site->facts[i].source);
    free(site->facts[i].value);
  }
  for (size_t i = 0; i < site->rung_count; i++) {
    free(site->rungs[i].name);
    free(site->rungs[i].value);
    free(site->rungs[i].detail);
    free(site->rungs[i].remedy);
  }
  for (size_t i = 0; i < site->watched_count; i++) {
    free((char *)(uintptr_t)site->watched[i].source);
    free((char *)(uintptr_t)site->watched[i].name);
  }
  free(site->facts);
  free(site->rungs);
  free(site->host);
  free(site->watched);
  free(site->sightings);
}

void lh_gather_sites_free(struct lh_gather *g) {
  for (size_t i = 0; i < g->site_count; i++) site_free(&g->sites[i]);
  free(g->sites);
}
