#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/limits.h"
#include "longhaul/live/live.h"

static const char *const phases[] = {
#define X(id, name) name,
    LH_LIVE_PHASE_LIST(X)
#undef X
};

const char *lh_live_phase_name(enum lh_live_phase phase) {
  return phases[phase];
}

static int undo(struct lh_buf *out, size_t before, int failed) {
  if (failed && out->data) {
    out->len = before;
    out->data[before] = 0;
  }
  return failed;
}

static int damaged(struct lh_err *err, const char *what) {
  return lh_err_set(err, EBADMSG,
                    "%s frame is cut short or damaged; supervisor and dashboard must be the same build of longhaul", what);
}

int lh_live_start_encode(const struct lh_live_start *start, struct lh_buf *out) {
  size_t before = out->len;
  const char *const texts[] = {start->path, start->name, start->id, start->token};
  const uint64_t longs[] = {start->start_ns, start->duration_ns, start->interval_ns, (uint64_t)start->start_wall_us};
  int failed = 0;
  for (size_t i = 0; !failed && i < sizeof texts / sizeof *texts; i++) failed = lh_buf_addtext(out, texts[i]);
  for (size_t i = 0; !failed && i < sizeof longs / sizeof *longs; i++) failed = lh_buf_addu64(out, longs[i]);
  if (!failed) failed = lh_buf_addu32(out, start->workers);
  if (!failed) failed = lh_buf_addu8(out, start->dashboard);
  if (!failed) failed = lh_buf_addu8(out, start->metrics);
  if (!failed) failed = lh_buf_addu32(out, start->group_count);
  for (uint32_t i = 0; !failed && i < start->group_count; i++) failed = lh_buf_addtext(out, start->groups[i]);
  return undo(out, before, failed);
}

int lh_live_start_decode(struct lh_live_start *start, struct lh_cursor *in, struct lh_err *err) {
  struct lh_live_start got = {0};
  const char **const texts[] = {&got.path, &got.name, &got.id, &got.token};
  uint64_t wall_us;
  uint64_t *const longs[] = {&got.start_ns, &got.duration_ns, &got.interval_ns, &wall_us};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = lh_cursor_text(in);
  for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) *longs[i] = lh_cursor_u64(in);
  got.start_wall_us = (int64_t)wall_us;
  got.workers = lh_cursor_u32(in);
  got.dashboard = lh_cursor_u8(in);
  got.metrics = lh_cursor_u8(in);
  got.group_count = lh_cursor_u32(in);
  if (in->failed || got.group_count == 0 || got.group_count > LH_GROUPS_MAX) return damaged(err, "LIVE_START");
  got.groups = calloc(got.group_count, sizeof *got.groups);
  if (!got.groups) return lh_err_set(err, ENOMEM, "no memory for %u groups", got.group_count);
  for (uint32_t i = 0; i < got.group_count; i++) got.groups[i] = lh_cursor_text(in);
  if (in->failed || in->at != in->end) {
    free(got.groups);
    return damaged(err, "LIVE_START");
  }
  *start = got;
  return 0;
}

int lh_live_tick_encode(const struct lh_live_tick *tick, struct lh_buf *out) {
  size_t before = out->len;
  const uint64_t longs[] = {tick->now_ns, tick->cpu_us, tick->rss_bytes, tick->loop_lag_max_us};
  int failed = lh_buf_addu8(out, tick->phase);
  if (!failed) failed = lh_buf_addu8(out, tick->catches_up);
  if (!failed) failed = lh_buf_addu32(out, tick->workers_alive);
  if (!failed) failed = lh_buf_addu32(out, tick->intervals);
  for (size_t i = 0; !failed && i < sizeof longs / sizeof *longs; i++) failed = lh_buf_addu64(out, longs[i]);
  return undo(out, before, failed);
}

int lh_live_tick_decode(struct lh_live_tick *tick, struct lh_cursor *in, struct lh_err *err) {
  struct lh_live_tick got = {0};
  uint64_t *const longs[] = {&got.now_ns, &got.cpu_us, &got.rss_bytes, &got.loop_lag_max_us};
  got.phase = lh_cursor_u8(in);
  got.catches_up = lh_cursor_u8(in);
  got.workers_alive = lh_cursor_u32(in);
  got.intervals = lh_cursor_u32(in);
  for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) *longs[i] = lh_cursor_u64(in);
  if (in->failed || got.phase >= LH_LIVE_PHASE_COUNT) return damaged(err, "LIVE_TICK");
  *tick = got;
  return 0;
}
