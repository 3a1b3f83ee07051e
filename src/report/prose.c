#include "report/prose.h"

#include <stdio.h>
#include <string.h>

#include "report/look.h"
#include "report/show.h"

int lh_prose_run(const json_t *model, struct lh_buf *out) {
  const json_t *run = lh_look(model, "run");
  int failed = lh_buf_addf(out, "%s UTC to %s UTC (%s, %s)", lh_show_time(lh_look_text(run, "started")).text,
                           lh_show_time(lh_look_text(run, "ended")).text,
                           lh_show_seconds(lh_look_number(run, "duration_s")).text, lh_look_text(run, "how"));
  if (!failed && lh_look_number(run, "shards") > 1)
    failed = lh_buf_addf(out, ", shard %.0f of %.0f", lh_look_number(run, "shard"), lh_look_number(run, "shards"));
  const json_t *seed = lh_look(run, "seed");
  if (!failed && json_is_string(seed))
    failed = lh_buf_addf(out, ", seed %s", json_string_value(seed));
  else if (!failed)
    failed = lh_buf_addf(out, ", seed %.0f", json_number_value(seed));
  return failed ? failed : lh_buf_addf(out, ", longhaul %s", lh_look_text(run, "version"));
}

int lh_prose_tester(const json_t *model, struct lh_buf *out) {
  const json_t *t = lh_look(model, "tester");
  int failed = lh_buf_addf(out, "%s, %s of a core on average (busiest %s of one), event loop at most %s late",
                           lh_show_plural(lh_look_number(t, "workers"), "worker", "workers").text,
                           lh_show_percent(100 * lh_look_number(t, "cpu_cores_mean")).text,
                           lh_show_percent(lh_look_number(t, "cpu_busiest_percent_max")).text,
                           lh_show_us(lh_look_number(t, "loop_lag_max_us")).text);
  if (!failed && !lh_look_is_null(t, "send_lateness_p99_us"))
    failed = lh_buf_addf(out, ", messages left %s after their time (p99)",
                         lh_show_us(lh_look_number(t, "send_lateness_p99_us")).text);
  if (!failed && !lh_look_is_null(t, "rss_bytes_per_client"))
    failed = lh_buf_addf(out, ", memory %s (%s a client)", lh_show_bytes(lh_look_number(t, "rss_bytes_max")).text,
                         lh_show_bytes(lh_look_number(t, "rss_bytes_per_client")).text);
  if (!failed)
    failed = lh_buf_addf(out, ". The tester was late in %s of %s.", lh_show_count(lh_look_number(t, "intervals_late")).text,
                         lh_show_plural(lh_look_number(t, "intervals"), "interval", "intervals").text);
  return failed;
}

/* Round trip beside service: what of the second is not in the first is the server's, or ours. */
int lh_prose_network(const json_t *model, struct lh_buf *out) {
  const json_t *n = lh_look(model, "totals.network"), *rtt = lh_look(model, "totals.latency.rtt"),
               *service = lh_look(model, "totals.latency.service");
  if (lh_look_number(n, "tcp_readings") == 0) return 0;
  int failed = lh_buf_addf(out, "TCP round trip %s (p50), %s (p99) in %s", lh_show_us(lh_look_number(rtt, "p50_us")).text,
                           lh_show_us(lh_look_number(rtt, "p99_us")).text,
                           lh_show_plural(lh_look_number(n, "tcp_readings"), "reading", "readings").text);
  if (!failed && lh_look_number(service, "count") > 0)
    failed = lh_buf_addf(out, ", beside a service of %s and %s", lh_show_us(lh_look_number(service, "p50_us")).text,
                         lh_show_us(lh_look_number(service, "p99_us")).text);
  if (failed) return failed;
  if (lh_look_number(n, "tcp_segments") == 0) /* segments are what lies between two readings of a connection */
    return lh_buf_addstr(out, "; too few readings to count segments.");
  return lh_buf_addf(out, "; %s of %s of these connections sent again, at most %s unacknowledged.",
                     lh_show_count(lh_look_number(n, "retransmits")).text,
                     lh_show_plural(lh_look_number(n, "tcp_segments"), "segment", "segments").text,
                     lh_show_count(lh_look_number(n, "unacked_most")).text);
}

int lh_prose_left_out(const json_t *model, struct lh_buf *out) {
  static const struct {
    const char *key, *one, *many;
  } parts[] = {
      {"ending_rows", "ending beyond the cap of rows", "endings beyond the cap of rows"},
      {"event_rows", "event beyond the cap of rows", "events beyond the cap of rows"},
      {"ending_texts_folded", "ending whose text was folded", "endings whose text was folded"},
      {"values_over_one_hour", "latency above 1 h", "latencies above 1 h"},
      {"values_without_memory", "latency that found no memory", "latencies that found no memory"},
      {"sends_held_back_in_flight_full", "send held back with too many in flight", "sends held back with too many in flight"},
      {"messages_without_memory", "message held back or cut short without memory", "messages held back or cut short without memory"},
      {"messages_truncated_for_matching", "message longer than what is matched", "messages longer than what is matched"},
      {"cookies_refused", "cookie that a client had no room for", "cookies that a client had no room for"},
  };
  const json_t *left_out = lh_look(model, "tester.left_out");
  int failed = 0;
  for (size_t i = 0, said = 0; i < sizeof parts / sizeof *parts && !failed; i++) {
    double n = lh_look_number(left_out, parts[i].key);
    if (n > 0) failed = lh_buf_addf(out, "%s%s %s", said++ ? ", " : "", lh_show_count(n).text, n == 1 ? parts[i].one : parts[i].many);
  }
  return failed;
}

/* The rungs that a reader asks for: what bound first, and what would have come next. `of`: a model, or a shard of it. */
static int say_limits(const json_t *of, double wanted, struct lh_buf *out) {
  enum { RUNGS_MAX = 3 };
  const json_t *rung;
  size_t i, said = 0;
  int failed = 0;
  json_array_foreach(lh_look(of, "ladder"), i, rung) {
    if (said == RUNGS_MAX || lh_look_is_null(rung, "clients") || failed) break;
    double clients = lh_look_number(rung, "clients");
    failed = lh_buf_addf(out, "%s%s %s%s%s", said ? "; " : "", lh_look_text(rung, "limit"), said ? "" : "allowed ",
                         json_is_true(lh_look(rung, "estimated")) ? "about " : "", lh_show_count(clients).text);
    if (!failed && clients < wanted) failed = lh_buf_addf(out, " of %s", lh_show_count(wanted).text);
    if (!failed && !said) failed = lh_buf_addstr(out, " clients");
    if (!failed && clients < wanted && json_is_true(lh_look(rung, "soft")))
      failed = lh_buf_addstr(out, " before they are slowed down");
    said++;
  }
  return failed || !said ? failed : lh_buf_addstr(out, ".");
}

static int put_shard_number(const json_t *shard, struct lh_buf *out) {
  return lh_buf_addf(out, "%sshard %.0f: ", out->len ? " " : "", lh_look_number(shard, "shard"));
}

int lh_prose_limits(const json_t *model, struct lh_buf *out) {
  const json_t *shards = lh_look(model, "shards"), *shard;
  if (json_array_size(shards) == 0) return say_limits(model, lh_look_number(model, "totals.clients.planned"), out);
  size_t i;
  int failed = 0;
  json_array_foreach(shards, i, shard) {
    if (json_array_size(lh_look(shard, "ladder")) == 0) continue;
    if (!failed) failed = put_shard_number(shard, out);
    if (!failed) failed = say_limits(shard, lh_look_number(shard, "clients"), out);
  }
  return failed;
}

static const char *fact(const json_t *of, const char *name) {
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(of, "host.facts"), i,
                     item) if (strcmp(lh_look_text(item, "name"), name) == 0 &&
                               strncmp(lh_look_text(item, "value"), "unreadable", 10)) return lh_look_text(item, "value");
  return NULL;
}

/* "24684084 kB", as /proc has it, in the words of the rest of the report. */
static const char *memory_words(const char *value, struct lh_shown *shown) {
  double kib = 0;
  const char *at = value;
  for (; *at >= '0' && *at <= '9'; at++) kib = kib * 10 + (*at - '0');
  if (at == value || strcmp(at, " kB")) return value;
  *shown = lh_show_bytes(kib * 1024);
  return shown->text;
}

static int say_host(const json_t *of, struct lh_buf *out) {
  static const char *const names[] = {"host", "distribution", "kernel", "cpu", "cpus.usable", "memory.total"};
  static const char *const forms[] = {"%s", "%s", "kernel %s", "%s", "%s cores usable", "%s of memory"};
  int failed = 0;
  for (size_t i = 0, said = 0; i < sizeof names / sizeof *names && !failed; i++) {
    const char *value = fact(of, names[i]);
    if (!value) continue;
    char text[300];
    struct lh_shown shown;
    value = memory_words(value, &shown);
    const char *hole = strstr(forms[i], "%s");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(hole - forms[i]), forms[i], value, hole + 2);
    failed = lh_buf_addf(out, "%s%s", said++ ? ", " : "", text);
  }
  return failed;
}

int lh_prose_host(const json_t *model, struct lh_buf *out) {
  const json_t *shards = lh_look(model, "shards"), *shard;
  if (json_array_size(shards) == 0) return say_host(model, out);
  size_t i;
  int failed = 0;
  json_array_foreach(shards, i, shard) {
    if (!failed) failed = put_shard_number(shard, out);
    if (!failed) failed = say_host(shard, out);
    if (!failed) failed = lh_buf_addstr(out, ".");
  }
  return failed;
}
