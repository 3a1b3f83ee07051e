#include "live/board.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"

int lh_board_open(struct lh_board *b, const struct lh_live_start *start, struct lh_err *err) {
  uint32_t groups = start->group_count;
  *b = (struct lh_board){.start = start};
  b->totals = calloc(groups, sizeof *b->totals);
  b->added = calloc(groups, sizeof *b->added);
  b->recent = calloc((size_t)LH_BOARD_WINDOW * groups, sizeof *b->recent);
  if (!b->totals || !b->added || !b->recent) return lh_err_set(err, ENOMEM, "no memory for the figures of %u groups", groups);
  for (uint32_t g = 0; g < groups; g++) {
    lh_snapshot_init(&b->totals[g]);
    lh_snapshot_init(&b->added[g]);
  }
  for (uint32_t i = 0; i < LH_BOARD_WINDOW * groups; i++) lh_hdr_init(&b->recent[i].response);
  b->at_ns[0] = start->start_ns;
  return 0;
}

void lh_board_close(struct lh_board *b) {
  uint32_t groups = b->start ? b->start->group_count : 0;
  for (uint32_t g = 0; b->recent && g < groups; g++) {
    lh_snapshot_free(&b->totals[g]);
    lh_snapshot_free(&b->added[g]);
  }
  for (uint32_t i = 0; b->recent && i < LH_BOARD_WINDOW * groups; i++) lh_hdr_free(&b->recent[i].response);
  free(b->totals);
  free(b->added);
  free(b->recent);
  *b = (struct lh_board){0};
}

/* ---- ticks ---- */

static struct lh_board_recent *recent_at(const struct lh_board *b, uint32_t tick, uint32_t group) {
  return &b->recent[(size_t)(tick % LH_BOARD_WINDOW) * b->start->group_count + group];
}

static int add_group(struct lh_board *b, uint32_t g, bool catches_up) {
  struct lh_board_recent *recent = recent_at(b, b->ticks, g);
  if (catches_up) return lh_snapshot_merge_later(&b->totals[g], &b->added[g]);
  memcpy(recent->counters, b->added[g].counters, sizeof recent->counters);
  lh_hdr_reset(&recent->response);
  if (lh_hdr_merge(&recent->response, &b->added[g].hists[LH_HIST_response])) return -ENOMEM;
  return lh_snapshot_merge_later(&b->totals[g], &b->added[g]);
}

int lh_board_take(struct lh_board *b, struct lh_cursor *body, struct lh_err *err) {
  struct lh_live_tick tick;
  int failed = lh_live_tick_decode(&tick, body, err);
  for (uint32_t g = 0; !failed && g < b->start->group_count; g++) {
    lh_snapshot_next(&b->added[g]);
    memset(b->added[g].gauges, 0, sizeof b->added[g].gauges);
    failed = lh_snapshot_decode(&b->added[g], body, err);
  }
  if (failed) return failed;
  for (uint32_t g = 0; g < b->start->group_count; g++)
    if (add_group(b, g, tick.catches_up)) return lh_err_set(err, ENOMEM, "no memory for the figures of group %s", b->start->groups[g]);
  b->tick = tick;
  b->lag_max_us[b->ticks % LH_BOARD_WINDOW] = tick.loop_lag_max_us;
  if (!tick.catches_up) b->ticks++; /* else the window begins here */
  b->at_ns[b->ticks % (LH_BOARD_WINDOW + 1)] = tick.now_ns;
  b->cpu_us[b->ticks % (LH_BOARD_WINDOW + 1)] = tick.cpu_us;
  return 0;
}

/* ---- the message ---- */

struct figures {
  const uint64_t *gauges; /* of one group, or summed */
  const uint64_t *counters;
  uint64_t recent[LH_COUNTER_COUNT];
  struct lh_hdr response;
};

static uint32_t window(const struct lh_board *b) {
  return b->ticks < LH_BOARD_WINDOW ? b->ticks : LH_BOARD_WINDOW;
}

/* How long the window lasts, in seconds. */
static double window_s(const struct lh_board *b) {
  uint64_t from = b->at_ns[(b->ticks - window(b)) % (LH_BOARD_WINDOW + 1)], until = b->at_ns[b->ticks % (LH_BOARD_WINDOW + 1)];
  return until > from ? (double)(until - from) / 1e9 : 1;
}

static int add_recent(const struct lh_board *b, uint32_t group, struct figures *f) {
  for (uint32_t n = 1; n <= window(b); n++) {
    const struct lh_board_recent *recent = recent_at(b, b->ticks - n, group);
    for (int c = 0; c < LH_COUNTER_COUNT; c++) f->recent[c] += recent->counters[c];
    if (recent->response.count && lh_hdr_merge(&f->response, &recent->response)) return -ENOMEM;
  }
  return 0;
}

/* X(name on the page, gauge) and X(name on the page, counter) */
#define LEVELS(X) X(clients, clients) X(wanted, wanted) X(open, open) X(connecting, connecting) X(waiting, waiting)
#define COUNTS(X)                                                                                                              \
  X(reconnects, reconnects) X(failures, connect_failures) X(sent, messages_sent) X(replied, replied) X(lost, lost)

static int put_figures(const struct lh_board *b, const struct figures *f, struct lh_buf *out) {
  double s = window_s(b);
  uint64_t drops = f->counters[LH_COUNTER_drops] - f->counters[LH_COUNTER_tester_drops];
  int failed = lh_buf_addf(out, "{\"drops\":%llu", (unsigned long long)drops);
#define X(name, gauge)                                                                                                         \
  if (!failed) failed = lh_buf_addf(out, ",\"" #name "\":%llu", (unsigned long long)f->gauges[LH_GAUGE_##gauge]);
  LEVELS(X)
#undef X
#define X(name, counter)                                                                                                       \
  if (!failed) failed = lh_buf_addf(out, ",\"" #name "\":%llu", (unsigned long long)f->counters[LH_COUNTER_##counter]);
  COUNTS(X)
#undef X
  if (!failed)
    failed = lh_buf_addf(out, ",\"sent_per_s\":%.3f,\"incoming_per_s\":%.3f", (double)f->recent[LH_COUNTER_messages_sent] / s,
                         (double)f->recent[LH_COUNTER_incoming] / s);
  if (failed || f->response.count == 0) return failed ? failed : lh_buf_addstr(out, ",\"p50_us\":null,\"p99_us\":null}");
  return lh_buf_addf(out, ",\"p50_us\":%llu,\"p99_us\":%llu}", (unsigned long long)lh_hdr_percentile(&f->response, 50),
                     (unsigned long long)lh_hdr_percentile(&f->response, 99));
}

static int put_group(const struct lh_board *b, uint32_t g, struct lh_buf *out) {
  struct figures f = {.gauges = b->totals[g].gauges, .counters = b->totals[g].counters, .response = LH_HDR_INIT};
  int failed = add_recent(b, g, &f);
  if (!failed) failed = put_figures(b, &f, out);
  lh_hdr_free(&f.response);
  return failed;
}

static int put_run(const struct lh_board *b, struct lh_buf *out) {
  uint64_t gauges[LH_GAUGE_COUNT] = {0}, counters[LH_COUNTER_COUNT] = {0};
  struct figures f = {.gauges = gauges, .counters = counters, .response = LH_HDR_INIT};
  int failed = 0;
  for (uint32_t g = 0; !failed && g < b->start->group_count; g++) {
    for (int i = 0; i < LH_GAUGE_COUNT; i++) gauges[i] += b->totals[g].gauges[i];
    for (int i = 0; i < LH_COUNTER_COUNT; i++) counters[i] += b->totals[g].counters[i];
    failed = add_recent(b, g, &f);
  }
  if (!failed) failed = put_figures(b, &f, out);
  lh_hdr_free(&f.response);
  return failed;
}

static int put_tester(const struct lh_board *b, struct lh_buf *out) {
  uint64_t lag_us = 0;
  for (uint32_t n = 0; n < window(b); n++)
    if (b->lag_max_us[n] > lag_us) lag_us = b->lag_max_us[n];
  uint64_t was = b->cpu_us[(b->ticks - window(b)) % (LH_BOARD_WINDOW + 1)];
  double cpu_percent = (double)(b->tick.cpu_us > was ? b->tick.cpu_us - was : 0) / 1e4 / window_s(b);
  return lh_buf_addf(out, "{\"workers\":%u,\"alive\":%u,\"cpu_percent\":%.1f,\"loop_lag_max_us\":%llu,\"rss_bytes\":%llu}",
                     b->start->workers, b->tick.workers_alive, cpu_percent, (unsigned long long)lag_us,
                     (unsigned long long)b->tick.rss_bytes);
}

int lh_board_message(const struct lh_board *b, struct lh_buf *out) {
  const struct lh_live_start *start = b->start;
  uint64_t elapsed_ns = b->tick.now_ns > start->start_ns ? b->tick.now_ns - start->start_ns : 0;
  int failed =
      lh_buf_addf(out, "{\"type\":\"now\",\"phase\":\"%s\",\"elapsed_s\":%.1f,\"planned_s\":%.1f,\"interval_s\":%.3f,\"name\":",
                  lh_live_phase_name((enum lh_live_phase)b->tick.phase), (double)elapsed_ns / 1e9,
                  (double)start->duration_ns / 1e9, (double)start->interval_ns / 1e9);
  if (!failed) failed = lh_buf_addjson(out, start->name);
  if (!failed) failed = lh_buf_addf(out, ",\"window_s\":%.1f,\"tester\":", window_s(b));
  if (!failed) failed = put_tester(b, out);
  if (!failed) failed = lh_buf_addstr(out, ",\"run\":");
  if (!failed) failed = put_run(b, out);
  if (!failed) failed = lh_buf_addstr(out, ",\"groups\":[");
  for (uint32_t g = 0; !failed && g < start->group_count; g++) {
    if (g) failed = lh_buf_addstr(out, ",");
    if (!failed) failed = put_group(b, g, out);
  }
  return failed ? failed : lh_buf_addstr(out, "]}");
}
