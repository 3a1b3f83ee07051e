/* The server as `watch` of the config saw it: before the first client, at its most, at the end, and after the last client. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/build.h"

static bool is_ours(const struct lh_watched *w) {
  return strcmp(w->source, "supervisor") == 0;
}

bool lh_has_server(const struct lh_site *site) {
  for (size_t i = 0; i < site->watched_count; i++)
    if (!is_ours(&site->watched[i])) return true;
  return false;
}

const struct lh_site *lh_server_site(const struct lh_gather *g) {
  for (size_t i = 0; i < g->site_count; i++)
    if (lh_has_server(&g->sites[i])) return &g->sites[i];
  return g->sites;
}

static const char *unit_of(const struct lh_watched *w) {
  if (strcmp(w->source, "process") == 0 && strcmp(w->name, "cpu_us") == 0) return "us";
  return strstr(w->name, "bytes") != NULL ? "bytes" : "number";
}

static json_t *value_or_null(bool known, double value) {
  return known ? lh_json_real(value, 3) : json_null();
}

static json_t *value_json(struct lh_build *b, const struct lh_watched *w) {
  bool nobody = lh_watched_is_processes(w) && w->most == 0; /* what `watch` names was never there */
  bool gone = lh_watched_is_processes(w) && w->has_after && w->after == 0; /* which is no way of going back */
  bool judged = !nobody && !gone && w->has_before && w->has_after && !lh_watched_is_counter(w->source, w->name);
  json_t *out = json_object();
  lh_put(b, out, "source", lh_json_text(w->source));
  lh_put(b, out, "name", lh_json_text(w->name));
  lh_put(b, out, "unit", lh_json_text(unit_of(w)));
  lh_put(b, out, "counter", json_boolean(lh_watched_is_counter(w->source, w->name)));
  lh_put(b, out, "before", value_or_null(w->has_before && !nobody, w->before));
  lh_put(b, out, "most", value_or_null(!nobody, w->most));
  lh_put(b, out, "end", value_or_null(w->has_end && !nobody, w->end));
  lh_put(b, out, "after", value_or_null(w->has_after && !nobody, w->after));
  lh_put(b, out, "back", judged ? json_boolean(lh_watched_is_back(w->source, w->name, w->before, w->after)) : json_null());
  return out;
}

json_t *lh_build_server(struct lh_build *b, const struct lh_site *site) {
  const struct lh_gather *g = b->g;
  if (!lh_has_server(site)) return json_null();
  json_t *out = json_object(), *values = json_array();
  uint64_t end_ns = g->run->end_ns > g->run->start_ns ? g->run->end_ns - g->run->start_ns : 0, after_ns = 0;
  for (size_t i = 0; i < site->watched_count; i++) {
    const struct lh_watched *w = &site->watched[i];
    if (is_ours(w)) continue;
    if (w->has_after && w->after_ns > after_ns) after_ns = w->after_ns;
    lh_push(b, values, value_json(b, w));
  }
  lh_put(b, out, "settled_s", after_ns > end_ns ? lh_json_seconds(after_ns - end_ns) : json_null());
  lh_put(b, out, "values", values);
  return out;
}

/* The last sample of each interval; a counter as what it grew by in a second. */
static json_t *array_of(struct lh_build *b, const struct lh_site *site, uint32_t what) {
  const struct lh_gather *g = b->g;
  bool counter = lh_watched_is_counter(site->watched[what].source, site->watched[what].name);
  const struct lh_watched_item *was = NULL, *now = NULL;
  json_t *out = json_array();
  size_t n = 0;
  for (uint32_t i = 0; i < g->count; i++) {
    /* An interval is looked at when it is over and stored, a little past its end. */
    int64_t from_ns = (int64_t)((g->from_k + (uint64_t)i) * g->run->interval_ns), slack_ns = (int64_t)g->run->interval_ns / 2;
    int64_t until_ns = from_ns + (int64_t)g->run->interval_ns + slack_ns;
    bool fresh = false;
    for (; n < site->sighting_count && site->sightings[n].at_ns < until_ns; n++) {
      if (site->sightings[n].what != what) continue;
      was = now;
      now = &site->sightings[n];
      fresh = now->at_ns >= from_ns + slack_ns;
    }
    double since_s = fresh && was ? (double)(now->at_ns - was->at_ns) / 1e9 : 0;
    if (!fresh || (counter && (since_s <= 0 || now->value < was->value)))
      lh_push(b, out, json_null());
    else
      lh_push(b, out, lh_json_real(counter ? (now->value - was->value) / since_s : now->value, 3));
  }
  return out;
}

json_t *lh_build_server_series(struct lh_build *b, const struct lh_site *site) {
  json_t *out = json_object();
  for (uint32_t what = 0; what < site->watched_count; what++) {
    const struct lh_watched *w = &site->watched[what];
    if (is_ours(w)) continue;
    char key[300];
    snprintf(key, sizeof key, "%s %s", w->source, w->name);
    lh_put(b, out, key, array_of(b, site, what));
  }
  return out;
}
