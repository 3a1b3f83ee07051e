#include "metrics.h"

#include <stdio.h>
#include <string.h>

#include "nearest.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const counters[] = {
    "attempts",         "opened",       "ended",     "ended_open",        "drops",          "tester_drops",
    "connect_failures", "reconnects",   "gave_up",   "rate_waits",        "messages_planned", "messages_sent",
    "skipped_not_open", "skipped_late", "one_way",   "replied",           "late",           "lost",
    "lost_then_replied", "duplicate",   "out_of_order", "corrupt",        "incoming",       "truncated",
    "bytes_sent",       "bytes_received", "pings_sent", "pongs",          "peer_pings",     "choked",
};
static const char *const histograms[] = {
    "response", "service", "send_lateness", "ping",     "resolve",      "tcp",    "tls", "upgrade",
    "connect_total", "ttfb", "gap",         "outage",   "lifetime",     "idle_at_drop", "detect", "rtt",
};
static const char *const statistics[] = {"mean", "p50", "p75", "p90", "p95", "p99", "p999", "max", "count"};

const char *const *metric_counters(size_t *count) {
  *count = COUNT(counters);
  return counters;
}

const char *const *metric_histograms(size_t *count) {
  *count = COUNT(histograms);
  return histograms;
}

static bool is_one_of(const char *const *words, size_t count, const char *word, size_t len) {
  for (size_t i = 0; i < count; i++)
    if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0) return true;
  return false;
}

enum metric_unit metric_unit_of(const char *metric) {
  const char *point = strchr(metric, '.');
  if (strcmp(metric, "availability") == 0) return METRIC_SHARE;
  if (strcmp(metric, "drops_per_client_hour") == 0) return METRIC_NUMBER;
  if (!point) return is_one_of(counters, COUNT(counters), metric, strlen(metric)) ? METRIC_NUMBER : METRIC_UNKNOWN;
  if (!is_one_of(histograms, COUNT(histograms), metric, (size_t)(point - metric))) return METRIC_UNKNOWN;
  if (!is_one_of(statistics, COUNT(statistics), point + 1, strlen(point + 1))) return METRIC_UNKNOWN;
  return strcmp(point + 1, "count") == 0 ? METRIC_NUMBER : METRIC_LATENCY;
}

static void try_word(struct nearest *nearest, const char *metric, const char *word, char *out, size_t size) {
  unsigned before = nearest->distance;
  const char *had = nearest->word;
  nearest_try(nearest, metric, word);
  if (nearest->word != had || nearest->distance != before) {
    snprintf(out, size, "%s", word);
    nearest->word = out; /* `word` may be built anew by the caller */
  }
}

const char *metric_nearest(const char *metric, char *out, size_t size) {
  struct nearest nearest = {0};
  char word[64];
  try_word(&nearest, metric, "availability", out, size);
  try_word(&nearest, metric, "drops_per_client_hour", out, size);
  for (size_t i = 0; i < COUNT(counters); i++) try_word(&nearest, metric, counters[i], out, size);
  for (size_t i = 0; i < COUNT(histograms); i++) {
    for (size_t j = 0; j < COUNT(statistics); j++) {
      snprintf(word, sizeof word, "%s.%s", histograms[i], statistics[j]);
      try_word(&nearest, metric, word, out, size);
    }
  }
  return nearest.word ? out : NULL;
}
