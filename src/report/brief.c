#include "report/brief.h"

#include <errno.h>
#include <string.h>

#include "longhaul/base/buf.h"
#include "report/build.h"
#include "report/look.h"
#include "report/show.h"
#include "report/tester.h"

enum { NAMED_MAX = 3, TEXT_MAX = 1 << 16 };

/* A failed append shows in the end: the buffer then lacks memory, and `failed` says so. */
struct brief {
  const json_t *model;
  struct lh_buf text;
  bool failed;
};

static void say(struct brief *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct brief *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (!b->failed && lh_buf_vaddf(&b->text, format, args)) b->failed = true;
  va_end(args);
}

/* ---- what was run ---- */

/* The first group of its kind stands for the kind. */
static bool is_first_of(const json_t *groups, size_t n, const char *key) {
  const char *value = lh_look_text(json_array_get(groups, n), key);
  for (size_t i = 0; i < n; i++)
    if (strcmp(lh_look_text(json_array_get(groups, i), key), value) == 0) return false;
  return true;
}

static void say_kind(struct brief *b, const json_t *groups, const char *kind, const char *before) {
  const json_t *group;
  double clients = 0, count = 0;
  size_t i;
  json_array_foreach(groups, i, group) {
    if (strcmp(lh_look_text(group, "kind"), kind)) continue;
    clients += lh_look_number(group, "clients.planned");
    count++;
  }
  say(b, "%s%s %s client%s in %s", before, lh_show_count(clients).text, kind, clients == 1 ? "" : "s",
      lh_show_plural(count, "group", "groups").text);
}

static void say_groups(struct brief *b, const json_t *groups) {
  const json_t *group;
  size_t i, said = 0;
  bool few = json_array_size(groups) <= NAMED_MAX;
  json_array_foreach(groups, i, group) {
    const char *kind = lh_look_text(group, "kind"), *before = said ? ", " : "";
    double clients = lh_look_number(group, "clients.planned");
    if (!few && !is_first_of(groups, i, "kind")) continue;
    if (few)
      say(b, "%s%s: %s %s client%s", before, lh_look_text(group, "name"), lh_show_count(clients).text, kind, clients == 1 ? "" : "s");
    else
      say_kind(b, groups, kind, before);
    said++;
  }
}

static void say_targets(struct brief *b, const json_t *groups) {
  const json_t *group;
  size_t i, said = 0, more = 0;
  json_array_foreach(groups, i, group) {
    const char *url = lh_look_text(group, "url");
    if (!*url || !is_first_of(groups, i, "url")) continue;
    if (said < NAMED_MAX)
      say(b, "%s%s", said++ ? ", " : "; to ", url);
    else
      more++;
  }
  if (more) say(b, " and %zu more", more);
}

static const char *host_of(const json_t *site) {
  const json_t *fact;
  size_t i;
  json_array_foreach(lh_look(site, "host.facts"), i, fact) if (strcmp(lh_look_text(fact, "name"), "host") == 0) return lh_look_text(fact, "value");
  return "";
}

static void say_hosts(struct brief *b) {
  const json_t *shards = lh_look(b->model, "shards"), *shard;
  size_t i;
  if (json_array_size(shards) == 0) {
    if (*host_of(b->model)) say(b, "; from %s", host_of(b->model));
    return;
  }
  say(b, "; from %zu shards", json_array_size(shards));
  json_array_foreach(shards, i, shard) if (i < NAMED_MAX) say(b, "%s%s", i ? ", " : ": ", lh_look_text(shard, "name"));
  if (i > NAMED_MAX) say(b, " and %zu more", i - NAMED_MAX);
}

/* Of the part that is reported; nothing is sent once the plan is over and replies are awaited. */
static double seconds_of_plan(const json_t *model) {
  double from = lh_look_number(model, "run.from_s"), until = lh_look_number(model, "run.until_s");
  double planned = lh_look_number(model, "run.planned_s");
  return (planned > from && planned < until ? planned : until) - from;
}

/* What a stream without end is held for: messages and pushes are counted elsewhere, a body has bytes alone. */
static void say_streamed(struct brief *b, const json_t *groups) {
  const json_t *group;
  double bytes = 0, seconds = seconds_of_plan(b->model);
  size_t i;
  json_array_foreach(groups, i, group) if (strcmp(lh_look_text(group, "kind"), "stream") == 0) bytes +=
      lh_look_number(group, "bytes.received");
  if (bytes == 0 || seconds <= 0) return;
  say(b, "; %s of streams received, %s a second", lh_show_bytes(bytes).text, lh_show_bytes(bytes / seconds).text);
}

/* How many, how fast, and how many of those that ask for an answer got one that passes the checks of the config. Some of the
 * damaged ones are among the lost, so they are told beside that share, not taken off it. */
static void say_sent(struct brief *b) {
  double sent = lh_look_number(b->model, "totals.messages.sent"), seconds = seconds_of_plan(b->model);
  double replied = lh_look_number(b->model, "totals.messages.replied"), lost = lh_look_number(b->model, "totals.messages.lost");
  double right = replied - lh_look_number(b->model, "totals.messages.failed");
  if (sent == 0) return;
  say(b, "; %s sent", lh_show_plural(sent, "message", "messages").text);
  if (seconds > 0) say(b, " (%s a second)", lh_show_rate(sent / seconds).text);
  if (replied + lost == 0) return;
  double late = lh_look_number(b->model, "totals.messages.late"), damaged = lh_look_number(b->model, "totals.messages.corrupt");
  say(b, ", %s answered", lh_show_percent(100 * right / (replied + lost)).text);
  if (late + damaged == 0) say(b, " right");
  if (late > 0) say(b, ", %s late", lh_show_count(late).text);
  if (damaged > 0) say(b, ", %s damaged", lh_show_count(damaged).text);
}

static void write_ran(struct brief *b) {
  const json_t *groups = lh_look(b->model, "groups");
  double pushed = lh_look_number(b->model, "totals.messages.incoming");
  say_groups(b, groups);
  say_targets(b, groups);
  say_sent(b);
  if (pushed > 0) say(b, "; %s received", lh_show_plural(pushed, "push", "pushes").text);
  say_streamed(b, groups);
  say_hosts(b);
}

/* ---- what dropped ---- */

static struct lh_shown when(const struct brief *b, const json_t *of, const char *key) {
  return lh_show_when(b->model, lh_look_text(of, key));
}

static void say_reason(struct brief *b, const json_t *ending, const char *before) {
  const char *code_name = lh_look_text(ending, "code_name");
  say(b, "%s%s %s", before, lh_show_count(lh_look_number(ending, "count")).text, lh_look_text(ending, "reason"));
  if (!lh_look_is_null(ending, "code")) say(b, " %.0f", lh_look_number(ending, "code"));
  if (*code_name) say(b, " %s", code_name);
  const char *text = lh_look_text(ending, "text");
  bool is_ours = strcmp(lh_look_text(ending, "side"), "network") == 0; /* of a peer it may be anything */
  if (is_ours && *text) say(b, " (%s)", text);
  struct lh_shown first = when(b, ending, "first"), last = when(b, ending, "last");
  if (strcmp(first.text, last.text) == 0)
    say(b, " at %s", first.text);
  else
    say(b, " from %s to %s", first.text, last.text);
}

/* The drops of one side, commonest first as the model has them. */
static double say_side(struct brief *b, const char *side, const char *words, const char *before) {
  const json_t *endings = lh_look(b->model, "totals.endings"), *ending;
  double count = 0, rest = 0;
  size_t i, said = 0;
  json_array_foreach(endings, i, ending) if (lh_look_true(ending, "drop") && strcmp(lh_look_text(ending, "side"), side) == 0) count +=
      lh_look_number(ending, "count");
  if (count == 0) return 0;
  say(b, "%s%s by %s (", before, lh_show_count(count).text, words);
  json_array_foreach(endings, i, ending) {
    if (!lh_look_true(ending, "drop") || strcmp(lh_look_text(ending, "side"), side)) continue;
    if (said < NAMED_MAX)
      say_reason(b, ending, said++ ? ", " : "");
    else
      rest += lh_look_number(ending, "count");
  }
  if (rest > 0) say(b, ", %s of other kinds", lh_show_count(rest).text);
  say(b, ")");
  return count;
}

static bool is_bigger(const json_t *a, const json_t *b) {
  return lh_look_number(a, "drops") > lh_look_number(b, "drops");
}

/* The biggest one alone: the table has them all. */
static void say_storm(struct brief *b) {
  const json_t *storms = lh_look(b->model, "storms"), *storm, *most = NULL;
  size_t i;
  json_array_foreach(storms, i, storm) if (!most || is_bigger(storm, most)) most = storm;
  if (!most) return;
  double drops = lh_look_number(most, "drops"), before = lh_look_number(most, "open_before");
  say(b, "; most together: %s of ", lh_show_count(drops).text);
  if (drops <= before) say(b, "%s of ", lh_show_count(before).text); /* else some dropped several times within it */
  say(b, "%s", lh_look_text(most, "group"));
  say(b, " at %s, in %s", when(b, most, "at").text, lh_show_length(most).text);
  if (json_array_size(storms) > 1) say(b, ", one of %zu mass drops", json_array_size(storms));
}

static bool is_failed(const json_t *ending, bool login) {
  const char *stage = lh_look_text(ending, "stage");
  return !lh_look_true(ending, "drop") && strcmp(lh_look_text(ending, "side"), "us") && strcmp(stage, "open") && strcmp(stage, "closing") &&
         login == (strcmp(stage, "login") == 0);
}

static void say_commonest_failure(struct brief *b, bool login) {
  const json_t *ending;
  size_t i;
  json_array_foreach(lh_look(b->model, "totals.endings"), i, ending) {
    if (!is_failed(ending, login)) continue;
    say(b, ", mostly by %s: %s", lh_look_text(ending, "side"), lh_look_text(ending, "reason"));
    bool status = strcmp(lh_look_text(ending, "side"), "peer") == 0; /* else an errno, which the words tell already */
    if (status && lh_look_number(ending, "code") >= 300) say(b, " %.0f", lh_look_number(ending, "code"));
    return;
  }
}

static void say_failed_attempts(struct brief *b) {
  double failed = lh_look_number(b->model, "totals.connect_failures"), logins = lh_look_number(b->model, "totals.logins.failed");
  if (failed > 0) {
    say(b, "; %s to connect failed", lh_show_plural(failed, "attempt", "attempts").text);
    say_commonest_failure(b, false);
  }
  if (logins > 0) {
    say(b, "; %s failed", lh_show_plural(logins, "login", "logins").text);
    say_commonest_failure(b, true);
  }
}

static void write_drops(struct brief *b) {
  static const struct {
    const char *side, *words;
  } sides[] = {{"peer", "the peer"}, {"network", "the network"}, {"host", "this host"}, {"us", "us"}, {"tester", "the tester, counted apart"}};
  double said = 0;
  for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) said += say_side(b, sides[i].side, sides[i].words, said > 0 ? "; " : "");
  if (said == 0) say(b, lh_look_number(b->model, "totals.opened") > 0 ? "none" : "none, since nothing ever opened");
  say_storm(b);
  say_failed_attempts(b);
}

/* ---- latency ---- */

static void say_latency(struct brief *b, const char *words, const char *name, const char *from) {
  const json_t *h = lh_look(lh_look(b->model, "totals.latency"), name);
  if (lh_look_number(h, "count") == 0) return;
  say(b, "%s%s p50 %s, p99 %s, max %s%s", b->text.len ? "; " : "", words, lh_show_us(lh_look_number(h, "p50_us")).text,
      lh_show_us(lh_look_number(h, "p99_us")).text, lh_show_us(lh_look_number(h, "max_us")).text, from);
}

/* Both, since they tell different things of a server that stalled. */
static void write_latency(struct brief *b) {
  say_latency(b, "response", "response", " from the planned time");
  say_latency(b, "service", "service", " from the bytes written");
  if (b->text.len) return;
  say_latency(b, "ping", "ping", "");
  say_latency(b, "connect", "connect_total", "");
  if (!b->text.len) say(b, "nothing was measured");
}

/* ---- the tester ---- */

static bool is_said(const json_t *reasons, const char *why) {
  const json_t *item;
  size_t i;
  json_array_foreach(reasons, i, item) if (strcmp(json_string_value(item), why) == 0) return true;
  return false;
}

static void say_why_late(struct brief *b) {
  json_t *said = json_array(), *why;
  const json_t *span;
  size_t i, n;
  json_array_foreach(lh_look(b->model, "tester.late_spans"), i, span) {
    json_array_foreach(lh_look(span, "why"), n, why) {
      if (strcmp(json_string_value(why), lh_late_words(LH_LATE_AWAY)) == 0) continue; /* it was not there, and not late */
      if (is_said(said, json_string_value(why)) || json_array_size(said) >= NAMED_MAX) continue;
      say(b, "%s%s", json_array_size(said) ? ", " : ": ", json_string_value(why));
      if (json_array_append(said, why)) b->failed = true;
    }
  }
  json_decref(said);
}

/* The commonest refusal. */
static bool say_host_refused(struct brief *b) {
  const json_t *ending;
  size_t i;
  json_array_foreach(lh_look(b->model, "totals.endings"), i, ending) {
    if (strcmp(lh_look_text(ending, "side"), "host")) continue;
    say(b, "its host was the limit and refused %s (%s); ", lh_show_plural(lh_look_number(ending, "count"), "connection", "connections").text,
        lh_look_text(ending, "reason"));
    return true;
  }
  return false;
}

/* A host that others keep busy shows in every latency, long before the tester itself is late. */
static void say_busy_host(struct brief *b) {
  enum { BUSY_PERCENT = 80 };
  const json_t *shards = lh_look(b->model, "shards"), *shard;
  double busiest = lh_look_number(b->model, "host.usage.cpu_percent_mean");
  size_t i;
  json_array_foreach(shards, i, shard) {
    double busy = lh_look_number(shard, "host.usage.cpu_percent_mean");
    if (busy > busiest) busiest = busy;
  }
  if (busiest < BUSY_PERCENT) return;
  say(b, "; but %s host was %s busy on average, which may show in the latencies", json_array_size(shards) ? "a" : "the whole",
      lh_show_percent(busiest).text);
}

static void write_tester(struct brief *b) {
  const json_t *t = lh_look(b->model, "tester");
  double late = lh_look_number(t, "intervals_late"), lost = lh_look_number(t, "workers_lost");
  struct lh_shown all = lh_show_plural(lh_look_number(t, "intervals") - lh_look_number(t, "intervals_away"), "interval", "intervals");
  bool refused = say_host_refused(b);
  if (late > 0) {
    say(b, "it was the limit in %s of %s, left out of the objectives", lh_show_count(late).text, all.text);
    say_why_late(b);
  } else {
    say(b, "%sin time in all %s", refused ? "" : "not the limit: ", all.text);
  }
  say(b, "; busiest worker %s of a core", lh_show_percent(lh_look_number(t, "cpu_busiest_percent_max")).text);
  if (!lh_look_is_null(t, "send_lateness_p99_us"))
    say(b, ", messages left %s after their time (p99)", lh_show_us(lh_look_number(t, "send_lateness_p99_us")).text);
  say_busy_host(b);
  if (lost > 0) say(b, "; %s", lh_show_plural(lost, "worker was lost", "workers were lost").text);
}

int lh_brief_put(json_t *model, struct lh_err *err) {
  static const struct {
    const char *key;
    void (*write)(struct brief *b);
  } parts[] = {
#define X(name, label) {#name, write_##name},
      LH_BRIEF_LIST(X)
#undef X
  };
  json_t *out = json_object();
  struct brief b = {.model = model, .text = LH_BUF_INIT(TEXT_MAX), .failed = out == NULL};
  for (size_t i = 0; i < sizeof parts / sizeof *parts && !b.failed; i++) {
    lh_buf_reset(&b.text);
    parts[i].write(&b);
    if (json_object_set_new(out, parts[i].key, lh_json_text(b.text.data ? b.text.data : ""))) b.failed = true;
  }
  lh_buf_free(&b.text);
  if (json_object_set_new(model, "brief", out)) b.failed = true;
  return b.failed ? lh_err_set(err, -ENOMEM, "no memory for the report") : 0;
}
