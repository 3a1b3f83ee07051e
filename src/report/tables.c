#include "report/tables.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "report/look.h"
#include "report/show.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define BEGIN(table, words, list)                                                                                              \
  _Static_assert(COUNT_OF(list) <= LH_TABLE_COLUMNS_MAX, "raise LH_TABLE_COLUMNS_MAX");                                        \
  (*(table) = (struct lh_table){.title = (words), .columns = (list), .column_count = COUNT_OF(list)})

enum { ROWS_MAX = 20 };

/* A time of day; with its date when the run saw more than one. */
static struct lh_shown when(const json_t *model, const char *rfc3339) {
  if (lh_look_number(model, "run.duration_s") < 86400) return lh_show_clock(rfc3339);
  struct lh_shown out = lh_show_time(rfc3339);
  if (strlen(out.text) == 19) memmove(out.text, out.text + 5, 12), out.text[11] = 0; /* "11-22 20:03" */
  return out;
}

static struct lh_shown us_or_none(const json_t *from, const char *path) {
  return lh_look_is_null(from, path) ? (struct lh_shown){"-"} : lh_show_us(lh_look_number(from, path));
}

static struct lh_shown seconds_or_none(const json_t *from, const char *path) {
  return lh_look_is_null(from, path) ? (struct lh_shown){"-"} : lh_show_seconds(lh_look_number(from, path));
}

void lh_table_objectives(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = ""},
                                             {.title = "metric", .flexible = true},
                                             {.title = "value", .right = true},
                                             {.title = "objective"},
                                             {.title = "over each", .right = true, .wide = true},
                                             {.title = "worst", .right = true},
                                             {.title = "at (UTC)"},
                                             {.title = "breached", .right = true, .wide = true},
                                             {.title = "left out", .right = true, .wide = true}};
  BEGIN(t, "Objectives", columns);
  const json_t *slo;
  size_t i;
  json_array_foreach(lh_look(model, "slo"), i, slo) {
    const json_t *passed = lh_look(slo, "passed");
    char limit[128];
    snprintf(limit, sizeof limit, "%s %s", lh_look_text(slo, "op"),
             lh_look_is_null(slo, "threshold") ? lh_look_text(slo, "threshold_text")
                                               : lh_show_slo_value(slo, "threshold").text);
    bool has_worst = !lh_look_is_null(slo, "worst_at");
    lh_table_add(t, (const char *[]){json_is_true(passed)    ? "ok"
                                     : json_is_false(passed) ? "FAIL"
                                                             : "?",
                                     lh_look_text(slo, "metric"), lh_show_slo_value(slo, "value").text, limit,
                                     seconds_or_none(slo, "for_s").text,
                                     has_worst ? lh_show_slo_value(slo, "worst").text : "-",
                                     has_worst ? when(model, lh_look_text(slo, "worst_at")).text : "-",
                                     lh_show_seconds(lh_look_number(slo, "breached_s")).text,
                                     lh_show_count(lh_look_number(slo, "intervals_left_out_tester_late") +
                                                   lh_look_number(slo, "intervals_left_out_grace"))
                                         .text});
  }
}

void lh_table_groups(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "group", .flexible = true},
                                             {.title = "kind", .wide = true},
                                             {.title = "clients", .right = true},
                                             {.title = "available", .right = true},
                                             {.title = "drops", .right = true},
                                             {.title = "/client-h", .right = true},
                                             {.title = "reconnects", .right = true},
                                             {.title = "outage max", .right = true, .wide = true},
                                             {.title = "resp. p50", .right = true},
                                             {.title = "p99", .right = true},
                                             {.title = "max", .right = true, .wide = true}};
  BEGIN(t, "Groups", columns);
  const json_t *group;
  size_t i;
  json_array_foreach(lh_look(model, "groups"), i, group) {
    bool available = !lh_look_is_null(group, "availability_percent");
    lh_table_add(t, (const char *[]){
                        lh_look_text(group, "name"), lh_look_text(group, "kind"),
                        lh_show_count(lh_look_number(group, "clients.planned")).text,
                        available ? lh_show_percent(lh_look_number(group, "availability_percent")).text : "-",
                        lh_show_count(lh_look_number(group, "drops")).text,
                        lh_look_is_null(group, "drops_per_client_hour") ? "-"
                                                                        : lh_show_rate(lh_look_number(group, "drops_per_client_hour")).text,
                        lh_show_count(lh_look_number(group, "reconnects")).text,
                        us_or_none(group, "latency.outage.max_us").text, us_or_none(group, "latency.response.p50_us").text,
                        us_or_none(group, "latency.response.p99_us").text, us_or_none(group, "latency.response.max_us").text});
  }
}

/* "close frame 1012"; the side is left out where it says nothing more. */
static struct lh_shown reason_of(const json_t *row) {
  struct lh_shown out;
  if (lh_look_is_null(row, "code"))
    snprintf(out.text, sizeof out.text, "%.60s", lh_look_text(row, "reason"));
  else
    snprintf(out.text, sizeof out.text, "%.50s %.0f", lh_look_text(row, "reason"), lh_look_number(row, "code"));
  return out;
}

/* "< 1.33 s": counted at the end of a second (or interval), so they were back within it and may have been long before. */
static struct lh_shown within(const json_t *storm, const char *key) {
  struct lh_shown seconds = seconds_or_none(storm, key), out = seconds;
  if (lh_look_number(storm, key) > 0) snprintf(out.text, sizeof out.text, "< %.50s", seconds.text);
  return out;
}

void lh_table_storms(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "at (UTC)"},
                                             {.title = "group", .flexible = true},
                                             {.title = "drops", .right = true},
                                             {.title = "of open", .right = true},
                                             {.title = "in", .right = true},
                                             {.title = "reason", .flexible = true},
                                             {.title = "50 % back", .right = true},
                                             {.title = "95 %", .right = true, .wide = true},
                                             {.title = "all", .right = true},
                                             {.title = "attempts/s, peak", .right = true, .wide = true},
                                             {.title = "evenly", .right = true, .wide = true},
                                             {.title = "failed attempts", .right = true, .wide = true},
                                             {.title = "waited for cap", .right = true, .wide = true}};
  BEGIN(t, "Mass drops", columns);
  const json_t *storm;
  size_t i;
  json_array_foreach(lh_look(model, "storms"), i, storm) {
    if (i >= ROWS_MAX) {
      t->left_out++;
      continue;
    }
    lh_table_add(t, (const char *[]){when(model, lh_look_text(storm, "at")).text, lh_look_text(storm, "group"),
                                     lh_show_count(lh_look_number(storm, "drops")).text,
                                     lh_show_count(lh_look_number(storm, "open_before")).text, lh_show_length(storm).text,
                                     reason_of(storm).text, within(storm, "back_50_s").text, within(storm, "back_95_s").text,
                                     within(storm, "back_100_s").text,
                                     lh_show_rate(lh_look_number(storm, "attempts_peak_per_s")).text,
                                     lh_look_is_null(storm, "even_peak_per_s")
                                         ? "-"
                                         : lh_show_rate(lh_look_number(storm, "even_peak_per_s")).text,
                                     lh_show_count(lh_look_number(storm, "failed_attempts")).text,
                                     lh_show_count(lh_look_number(storm, "queued_peak")).text});
  }
}

void lh_table_endings(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "stage"},
                                             {.title = "side"},
                                             {.title = "reason"},
                                             {.title = "code", .right = true},
                                             {.title = "meaning", .wide = true},
                                             {.title = "text", .flexible = true, .verbatim = true},
                                             {.title = "count", .right = true},
                                             {.title = "first"},
                                             {.title = "last", .wide = true}};
  BEGIN(t, "Endings (times are UTC)", columns);
  const json_t *ending;
  size_t i;
  json_array_foreach(lh_look(model, "totals.endings"), i, ending) {
    if (i >= ROWS_MAX) {
      t->left_out++;
      continue;
    }
    char code[32] = "";
    if (!lh_look_is_null(ending, "code")) snprintf(code, sizeof code, "%.0f", lh_look_number(ending, "code"));
    lh_table_add(t, (const char *[]){lh_look_text(ending, "stage"), lh_look_text(ending, "side"),
                                     lh_look_text(ending, "reason"), code, lh_look_text(ending, "code_name"),
                                     lh_look_text(ending, "text"), lh_show_count(lh_look_number(ending, "count")).text,
                                     when(model, lh_look_text(ending, "first")).text,
                                     when(model, lh_look_text(ending, "last")).text});
  }
}

static void logins_row(struct lh_table *t, const char *name, const json_t *totals) {
  const json_t *l = lh_look(totals, "logins"), *h = lh_look(totals, "latency.login");
  lh_table_add(t, (const char *[]){name, lh_show_count(lh_look_number(l, "begun")).text, lh_show_count(lh_look_number(l, "succeeded")).text,
                                   lh_show_count(lh_look_number(l, "failed")).text, lh_show_count(lh_look_number(l, "dropped")).text,
                                   lh_show_rate(lh_look_number(l, "peak_per_s")).text, us_or_none(h, "p50_us").text,
                                   us_or_none(h, "p99_us").text, us_or_none(h, "max_us").text});
}

void lh_table_logins(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "group", .flexible = true},
                                             {.title = "logins", .right = true},
                                             {.title = "succeeded", .right = true},
                                             {.title = "failed", .right = true},
                                             {.title = "dropped", .right = true, .wide = true},
                                             {.title = "peak/s", .right = true},
                                             {.title = "p50", .right = true},
                                             {.title = "p99", .right = true},
                                             {.title = "max", .right = true}};
  BEGIN(t, "Logins", columns);
  const json_t *group;
  size_t i, count = 0;
  json_array_foreach(lh_look(model, "groups"), i, group) {
    if (lh_look_is_null(group, "logins")) continue;
    logins_row(t, lh_look_text(group, "name"), group);
    count++;
  }
  if (count > 1) logins_row(t, "all groups", lh_look(model, "totals"));
}

static void messages_row(struct lh_table *t, const char *name, const json_t *totals) {
  const json_t *m = lh_look(totals, "messages");
  double skipped = lh_look_number(m, "skipped_not_open") + lh_look_number(m, "skipped_late");
  lh_table_add(t, (const char *[]){
                      name, lh_show_count(lh_look_number(m, "planned")).text, lh_show_count(lh_look_number(m, "sent")).text,
                      lh_show_count(lh_look_number(m, "replied")).text, lh_show_count(lh_look_number(m, "lost")).text,
                      lh_show_count(lh_look_number(m, "late")).text, lh_show_count(skipped).text,
                      lh_show_count(lh_look_number(m, "duplicate")).text, lh_show_count(lh_look_number(m, "out_of_order")).text,
                      lh_show_count(lh_look_number(m, "corrupt")).text, lh_show_count(lh_look_number(m, "failed")).text,
                      lh_show_count(lh_look_number(m, "incoming")).text});
}

/* Checks of the config are those of kind http: elsewhere the column would say nothing, and cost its width. */
#define MESSAGE_COLUMNS(no_checks)                                                                                             \
  {                                                                                                                            \
    {.title = "group", .flexible = true}, {.title = "planned", .right = true, .wide = true}, {.title = "sent", .right = true}, \
        {.title = "replied", .right = true}, {.title = "lost", .right = true}, {.title = "late", .right = true},               \
        {.title = "skipped", .right = true}, {.title = "dup.", .right = true}, {.title = "order", .right = true},              \
        {.title = "corrupt", .right = true}, {.title = "failed", .right = true, .wide = (no_checks)},                          \
        {.title = "incoming", .right = true, .wide = true},                                                                    \
  }

static bool has_requests(const json_t *groups) {
  const json_t *group;
  size_t i;
  json_array_foreach(groups, i, group) if (strcmp(lh_look_text(group, "kind"), "http") == 0) return true;
  return false;
}

void lh_table_messages(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[][12] = {MESSAGE_COLUMNS(true), MESSAGE_COLUMNS(false)};
  const json_t *group, *groups = lh_look(model, "groups"), *total = lh_look(model, "totals");
  BEGIN(t, "Messages", columns[has_requests(groups) || lh_look_number(total, "messages.failed") > 0]);
  if (lh_look_number(total, "messages.planned") == 0) return; /* what only came is in the table of pushes */
  size_t i;
  json_array_foreach(groups, i, group) messages_row(t, lh_look_text(group, "name"), group);
  if (json_array_size(groups) > 1) messages_row(t, "all groups", total);
}

/* ---- pushes ---- */

static struct lh_shown count_or_none(const json_t *from, const char *path) {
  return lh_look_is_null(from, path) ? (struct lh_shown){"-"} : lh_show_count(lh_look_number(from, path));
}

/* Groups that check nothing have a row as well when something came: what they got stands nowhere else on a terminal. */
static void pushes_row(struct lh_table *t, const char *name, const json_t *totals) {
  const json_t *in = lh_look(totals, "incoming");
  lh_table_add(t, (const char *[]){name, lh_show_count(lh_look_number(totals, "messages.incoming")).text,
                                   count_or_none(in, "missing").text, count_or_none(in, "out_of_order").text,
                                   count_or_none(in, "duplicate").text, count_or_none(in, "missing_away").text,
                                   count_or_none(in, "silences").text,
                                   us_or_none(totals, json_is_object(in) ? "incoming.longest_silence_us" : "latency.gap.max_us").text,
                                   us_or_none(totals, "latency.delay.p50_us").text,
                                   us_or_none(totals, "latency.delay.p99_us").text, count_or_none(in, "unreadable").text,
                                   lh_look_text(in, "checks")});
}

/* What the columns have no room for, and must not be missed. */
static int pushes_trouble(const json_t *group, struct lh_buf *note) {
  static const struct {
    const char *key, *one, *many;
  } parts[] = {
      {"unreadable", "push had no readable number", "pushes had no readable number"},
      {"untimed", "push had no readable time", "pushes had no readable time"},
      {"undecided", "number came too late to tell whether it was new", "numbers came too late to tell whether they were new"},
      {"restarts", "sequence began anew", "sequences began anew"},
  };
  int failed = 0;
  for (size_t i = 0, said = 0; i < COUNT_OF(parts) && !failed; i++) {
    double n = lh_look_number(lh_look(group, "incoming"), parts[i].key);
    if (n == 0) continue;
    failed = said++ ? lh_buf_addstr(note, ", ") : lh_buf_addf(note, "%s%s: ", note->len ? " " : "", lh_look_text(group, "name"));
    if (!failed) failed = lh_buf_addf(note, "%s %s", lh_show_count(n).text, n == 1 ? parts[i].one : parts[i].many);
  }
  return failed || !note->len || note->data[note->len - 1] == '.' ? failed : lh_buf_addstr(note, ".");
}

/* Two clocks measure a delay: what is shown is off by as much as they differ. */
static int delay_caveat(const json_t *total, struct lh_buf *note) {
  const json_t *delay = lh_look(total, "latency.delay"), *ahead = lh_look(total, "latency.delay_ahead");
  double in_future = lh_look_number(ahead, "count");
  if (lh_look_number(delay, "count") + in_future == 0) return 0;
  int failed = lh_buf_addf(note, "%sThe delay is from a push's own timestamp to its arrival, by the sender's clock and ours: it is "
                                 "off by as much as the two differ.",
                           note->len ? " " : "");
  if (failed || in_future == 0) return failed;
  return lh_buf_addf(note, " %s ahead of our clock, by up to %s, and not part of it: the clocks differ by at least that.",
                     lh_show_plural(in_future, "timestamp was", "timestamps were").text,
                     lh_show_us(lh_look_number(ahead, "max_us")).text);
}

void lh_table_pushes(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "group", .flexible = true},
                                             {.title = "received", .right = true},
                                             {.title = "missing", .right = true},
                                             {.title = "order", .right = true},
                                             {.title = "dup.", .right = true},
                                             {.title = "away", .right = true},
                                             {.title = "silent", .right = true},
                                             {.title = "longest", .right = true},
                                             {.title = "delay p50", .right = true},
                                             {.title = "p99", .right = true},
                                             {.title = "unreadable", .right = true, .wide = true},
                                             {.title = "checks", .wide = true, .verbatim = true}};
  BEGIN(t, "Pushes", columns);
  const json_t *group, *total = lh_look(model, "totals");
  struct lh_buf note = LH_BUF_INIT(1 << 16);
  int failed = 0;
  size_t i;
  json_array_foreach(lh_look(model, "groups"), i, group) {
    if (lh_look_is_null(group, "incoming") && lh_look_number(group, "messages.incoming") == 0) continue;
    pushes_row(t, lh_look_text(group, "name"), group);
    if (!failed) failed = pushes_trouble(group, &note);
  }
  if (t->rows > 1) pushes_row(t, "all groups", total);
  if (!failed && t->rows) failed = delay_caveat(total, &note);
  if (failed) t->failed = true;
  t->note = note.data;
}

const char *lh_table_histogram_words(const char *name) {
  static const struct {
    const char *name, *words;
  } known[] = {{"send_lateness", "send lateness"},
               {"ping", "ping round trip"},
               {"resolve", "name resolution"},
               {"tcp", "TCP connect"},
               {"tunnel", "proxy's answer"},
               {"tls", "TLS handshake"},
               {"connect_total", "connect, total"},
               {"ttfb", "first byte"},
               {"gap", "gap in pushes"},
               {"silence", "silence of pushes"},
               {"delay", "one-way delay"},
               {"delay_ahead", "pushes ahead of us"},
               {"planned_outage", "planned outage"},
               {"lifetime", "open lifetime"},
               {"idle_at_drop", "idle at drop"},
               {"detect", "silence seen"},
               {"rtt", "TCP round trip"}};
  for (size_t i = 0; i < COUNT_OF(known); i++)
    if (strcmp(known[i].name, name) == 0) return known[i].words;
  return name;
}

void lh_table_latencies(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "latency", .flexible = true},
                                             {.title = "count", .right = true},
                                             {.title = "mean", .right = true},
                                             {.title = "p50", .right = true},
                                             {.title = "p90", .right = true},
                                             {.title = "p99", .right = true},
                                             {.title = "p99.9", .right = true},
                                             {.title = "max", .right = true},
                                             {.title = "over 1 h", .right = true, .wide = true}};
  BEGIN(t, "Latency", columns);
  const char *name;
  json_t *h;
  json_object_foreach((json_t *)(uintptr_t)lh_look(model, "totals.latency"), name, h) {
    if (lh_look_number(h, "count") == 0) continue;
    lh_table_add(t, (const char *[]){lh_table_histogram_words(name), lh_show_count(lh_look_number(h, "count")).text,
                                     us_or_none(h, "mean_us").text, us_or_none(h, "p50_us").text, us_or_none(h, "p90_us").text,
                                     us_or_none(h, "p99_us").text, us_or_none(h, "p999_us").text, us_or_none(h, "max_us").text,
                                     lh_show_count(lh_look_number(h, "overflow")).text});
  }
}

/* Of a process that is no more nothing went back. */
static const char *server_back(const json_t *row) {
  const json_t *back = lh_look(row, "back");
  if (!json_is_null(back)) return json_is_true(back) ? "yes" : "NO";
  bool of_process = strcmp(lh_look_text(row, "source"), "process") == 0;
  return of_process && json_is_number(lh_look(row, "after")) && lh_look_number(row, "after") == 0 ? "gone" : "";
}

static struct lh_shown server_value(const json_t *row, const char *key) {
  double value = lh_look_number(row, key);
  const char *unit = lh_look_text(row, "unit");
  struct lh_shown out = {"-"};
  if (lh_look_is_null(row, key)) return out;
  if (strcmp(unit, "us") == 0) return lh_show_us(value);
  if (strcmp(unit, "bytes") == 0) return lh_show_bytes(value);
  return value == (double)(int64_t)value ? lh_show_count(value) : lh_show_rate(value);
}

void lh_table_server(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "of", .wide = true},
                                             {.title = "value", .flexible = true, .verbatim = true},
                                             {.title = "before", .right = true},
                                             {.title = "most", .right = true},
                                             {.title = "at the end", .right = true},
                                             {.title = "after", .right = true},
                                             {.title = "back"}};
  BEGIN(t, "Server", columns);
  const json_t *row;
  size_t i;
  json_array_foreach(lh_look(model, "server.values"), i, row) {
    bool metrics = strcmp(lh_look_text(row, "source"), "metrics") == 0;
    lh_table_add(t, (const char *[]){lh_look_text(row, "source"),
                                     metrics ? lh_look_text(row, "name") : lh_table_server_words(lh_look_text(row, "name")),
                                     server_value(row, "before").text,
                                     lh_look_is_null(row, "most") ? "not seen" : server_value(row, "most").text,
                                     server_value(row, "end").text, server_value(row, "after").text,
                                     server_back(row)});
  }
}

const char *lh_table_server_words(const char *name) {
  if (strcmp(name, "rss_bytes") == 0) return "memory";
  return strcmp(name, "cpu_us") == 0 ? "processor time" : name;
}

void lh_table_events(const json_t *model, struct lh_table *t) {
  static const struct lh_column columns[] = {{.title = "at (UTC)"},
                                             {.title = "event"},
                                             {.title = "group", .wide = true},
                                             {.title = "what", .flexible = true, .filled = true}};
  BEGIN(t, "Events", columns);
  bool storms = json_array_size(lh_look(model, "storms")) > 0;
  const json_t *event;
  size_t i;
  json_array_foreach(lh_look(model, "events"), i, event) {
    const char *kind = lh_look_text(event, "kind");
    if (storms && strcmp(kind, "mass drop") == 0) continue; /* the table of mass drops says more */
    if (t->rows >= ROWS_MAX && strcmp(kind, "mark") != 0) { /* what people wrote is never left out */
      t->left_out++;
      continue;
    }
    lh_table_add(t, (const char *[]){when(model, lh_look_text(event, "at")).text, kind, lh_look_text(event, "group"),
                                     lh_look_text(event, "text")});
  }
}
