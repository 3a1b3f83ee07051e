/* One row for each interval and group, for spreadsheets and data frames: RFC 4180 with a header, units in the names. Columns are
 * only ever added, at the end. */
#include <stdio.h>
#include <string.h>

#include "report/look.h"
#include "report/render.h"

/* X(column, key in the series of a group) */
#define CSV_COLUMNS(X)                                                                                                         \
  X("wanted", wanted)                                                                                                          \
  X("open", open)                                                                                                              \
  X("connecting", connecting)                                                                                                  \
  X("waiting", waiting)                                                                                                        \
  X("availability_percent", availability_percent)                                                                              \
  X("drops", drops)                                                                                                            \
  X("attempts", attempts)                                                                                                      \
  X("connect_failures", failures)                                                                                              \
  X("opened", opened)                                                                                                          \
  X("reconnects", reconnects)                                                                                                  \
  X("messages_planned", planned)                                                                                               \
  X("messages_sent", sent)                                                                                                     \
  X("replied", replied)                                                                                                        \
  X("lost", lost)                                                                                                              \
  X("late", late)                                                                                                              \
  X("incoming", incoming)                                                                                                      \
  X("incoming_skipped", incoming_skipped)                                                                                      \
  X("incoming_silences", incoming_silences)                                                                                    \
  X("bytes_sent", bytes_sent)                                                                                                  \
  X("bytes_received", bytes_received)                                                                                          \
  X("response_p50_us", response_p50_us)                                                                                        \
  X("response_p90_us", response_p90_us)                                                                                        \
  X("response_p99_us", response_p99_us)                                                                                        \
  X("response_max_us", response_max_us)                                                                                        \
  X("service_p50_us", service_p50_us)                                                                                          \
  X("service_p99_us", service_p99_us)                                                                                          \
  X("send_lateness_p99_us", send_lateness_p99_us)                                                                              \
  X("ping_p50_us", ping_p50_us)                                                                                                \
  X("ping_p99_us", ping_p99_us)                                                                                                \
  X("tcp_round_trip_p50_us", rtt_p50_us)                                                                                       \
  X("tcp_round_trip_p99_us", rtt_p99_us)                                                                                       \
  X("connect_p99_us", connect_p99_us)                                                                                          \
  X("outage_max_us", outage_max_us)

static const struct {
  const char *name, *key;
} columns[] = {
#define X(name, key) {name, #key},
    CSV_COLUMNS(X)
#undef X
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static bool is_control(char c) {
  return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Quoted where RFC 4180 asks for it; control characters become spaces, so that a row stays a line and steers no terminal. */
static int put_text(const char *text, struct lh_buf *out) {
  bool quoted = false;
  for (const char *at = text; *at && !quoted; at++) quoted = *at == ',' || *at == '"' || is_control(*at);
  if (!quoted) return lh_buf_addstr(out, text);
  int failed = lh_buf_addstr(out, "\"");
  for (; *text && !failed; text++) {
    if (*text == '"')
      failed = lh_buf_addstr(out, "\"\"");
    else
      failed = lh_buf_add(out, is_control(*text) ? " " : text, 1);
  }
  return failed ? failed : lh_buf_addstr(out, "\"");
}

/* What was not measured is an empty cell. */
static int put_value(const json_t *value, struct lh_buf *out) {
  return value && !json_is_null(value) ? lh_json_write_compact(value, false, out) : 0;
}

/* Events of this interval that concern the group, as "kind: text; kind: text". The kind is ours: no cell can begin as a formula. */
static int put_events(const json_t *model, const char *group, double from_s, double until_s, struct lh_buf *out) {
  struct lh_buf text = LH_BUF_INIT(1 << 20);
  const json_t *event;
  size_t i;
  int failed = 0;
  json_array_foreach(lh_look(model, "events"), i, event) {
    double t_s = lh_look_number(event, "t_s");
    const char *of = lh_look_text(event, "group");
    if (t_s < from_s || t_s >= until_s || (*of && strcmp(of, group)) || failed) continue;
    failed = lh_buf_addf(&text, "%s%s: %s", text.len ? "; " : "", lh_look_text(event, "kind"), lh_look_text(event, "text"));
  }
  if (!failed && text.len) failed = put_text(text.data, out);
  lh_buf_free(&text);
  return failed;
}

/* A row's time is `run_started` and `t_s` together. */
static int put_head(struct lh_buf *out) {
  int failed = lh_buf_addstr(out, "t_s,length_s,group");
  for (size_t c = 0; c < COLUMNS && !failed; c++) failed = lh_buf_addf(out, ",%s", columns[c].name);
  return failed ? failed : lh_buf_addstr(out, ",tester_late,run_started,events\r\n");
}

struct row {
  size_t i;
  double from_s, until_s;
  bool last, late;
};

static int put_row(const json_t *model, const json_t *group, const struct row *row, struct lh_buf *out) {
  const char *name = lh_look_text(group, "name");
  json_t *from = json_real(row->from_s), *length = json_real(row->until_s - row->from_s);
  int failed = put_value(from, out);
  if (!failed) failed = lh_buf_addstr(out, ",");
  if (!failed) failed = put_value(length, out);
  if (!failed) failed = lh_buf_addstr(out, ",");
  if (!failed) failed = put_text(name, out);
  for (size_t c = 0; c < COLUMNS && !failed; c++) {
    failed = lh_buf_addstr(out, ",");
    if (!failed) failed = put_value(json_array_get(json_object_get(group, columns[c].key), row->i), out);
  }
  json_decref(from);
  json_decref(length);
  if (!failed) failed = lh_buf_addf(out, ",%d,%s,", row->late, lh_look_text(model, "run.started"));
  if (!failed) failed = put_events(model, name, row->from_s, row->last ? 1e300 : row->until_s, out);
  return failed ? failed : lh_buf_addstr(out, "\r\n");
}

int lh_render_csv(const json_t *model, struct lh_buf *out) {
  const json_t *series = lh_look(model, "series"), *t = lh_look(series, "t_s"), *late = lh_look(series, "tester.late_intervals");
  size_t count = json_array_size(t), next_late = 0, g;
  int failed = put_head(out);
  for (size_t i = 0; i < count && !failed; i++) {
    struct row row = {.i = i, .from_s = json_number_value(json_array_get(t, i)), .last = i + 1 == count};
    row.until_s = row.last ? lh_look_number(series, "end_s") : json_number_value(json_array_get(t, i + 1));
    row.late = (size_t)json_integer_value(json_array_get(late, next_late)) == i && next_late < json_array_size(late);
    next_late += row.late;
    const json_t *group;
    json_array_foreach(lh_look(series, "groups"), g, group) if (!failed) failed = put_row(model, group, &row, out);
  }
  return failed;
}
