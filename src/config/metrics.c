#include "metrics.h"

#include <stdio.h>
#include <string.h>

#include "nearest.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const counters[] = {
    "attempts",
    "opened",
    "ended",
    "ended_open",
    "drops",
    "tester_drops",
    "connect_failures",
    "reconnects",
    "gave_up",
    "rate_waits",
    "messages_planned",
    "messages_sent",
    "skipped_not_open",
    "skipped_late",
    "one_way",
    "replied",
    "late",
    "lost",
    "lost_then_replied",
    "duplicate",
    "out_of_order",
    "corrupt",
    "incoming",
    "truncated",
    "bytes_sent",
    "bytes_received",
    "pings_sent",
    "pongs",
    "peer_pings",
    "choked",
    "tcp_readings",
    "tcp_segments",
    "retransmits",
    "failed",
    "wrong_status",
    "wrong_content",
    "wrong_value",
    "too_large",
    "stale_keepalive",
    "retry_afters",
    "incoming_numbered",
    "incoming_unreadable",
    "incoming_gaps",
    "incoming_skipped",
    "incoming_out_of_order",
    "incoming_duplicate",
    "incoming_undecided",
    "incoming_missed_away",
    "incoming_caught_up",
    "incoming_restarts",
    "incoming_silences",
    "incoming_untimed",
    "logins",
    "logins_succeeded",
    "logins_failed",
    "logins_dropped",
    "redirects_followed",
    "skipped_charged",
    "cookies_refused",
};
static const char *const histograms[] = {
    "response",      "service", "send_lateness", "ping",   "resolve",  "tcp",          "tls",    "upgrade",
    "connect_total", "ttfb",    "gap",           "outage", "lifetime", "idle_at_drop", "detect", "rtt",
    "planned_outage", "silence", "delay", "delay_ahead", "tunnel", "login",
};
/* For the nearest name; any percentile can be written. */
static const char *const statistics[] = {"mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max", "count"};

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

/* Those that are worked out from several counters. */
static const struct {
  const char *name;
  enum metric_unit unit;
} derived[] = {
    {"availability", METRIC_SHARE},
    {"drops_per_client_hour", METRIC_NUMBER},
    {"lost_percent", METRIC_PERCENT},
    {"failed_percent", METRIC_PERCENT},
    {"connect_failure_percent", METRIC_PERCENT},
};

/* p50, p99.9: 0 to 100 with up to three decimals. p999 and p9999 are 99.9 and 99.99, as others write them. */
static bool is_percentile(const char *text) {
  if (strcmp(text, "p999") == 0 || strcmp(text, "p9999") == 0) return true;
  if (*text++ != 'p') return false;
  size_t whole = strspn(text, "0123456789");
  const char *decimals = text + whole + (text[whole] == '.');
  size_t count = strspn(decimals, "0123456789");
  bool is_number = whole >= 1 && !decimals[count] && (text[whole] ? count >= 1 && count <= 3 : true);
  bool is_hundred = strncmp(text, "100", 3) == 0 && strspn(decimals, "0") == count;
  return is_number && (whole <= 2 || (whole == 3 && is_hundred));
}

enum metric_unit metric_unit_of(const char *metric) {
  const char *point = strchr(metric, '.');
  for (size_t i = 0; i < COUNT(derived); i++)
    if (strcmp(derived[i].name, metric) == 0) return derived[i].unit;
  if (!point) return is_one_of(counters, COUNT(counters), metric, strlen(metric)) ? METRIC_NUMBER : METRIC_UNKNOWN;
  if (!is_one_of(histograms, COUNT(histograms), metric, (size_t)(point - metric))) return METRIC_UNKNOWN;
  if (strcmp(point + 1, "count") == 0) return METRIC_NUMBER;
  bool is_latency = strcmp(point + 1, "mean") == 0 || strcmp(point + 1, "max") == 0 || is_percentile(point + 1);
  return is_latency ? METRIC_LATENCY : METRIC_UNKNOWN;
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
  for (size_t i = 0; i < COUNT(derived); i++) try_word(&nearest, metric, derived[i].name, out, size);
  for (size_t i = 0; i < COUNT(counters); i++) try_word(&nearest, metric, counters[i], out, size);
  for (size_t i = 0; i < COUNT(histograms); i++) {
    for (size_t j = 0; j < COUNT(statistics); j++) {
      snprintf(word, sizeof word, "%s.%s", histograms[i], statistics[j]);
      try_word(&nearest, metric, word, out, size);
    }
  }
  return nearest.word ? out : NULL;
}
