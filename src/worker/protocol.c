#include "longhaul/worker/protocol.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/limits.h"

static int damaged(struct lh_err *err, const char *what) {
  return lh_err_set(err, EBADMSG,
                    "%s frame is cut short or damaged; supervisor and worker must be the same build of longhaul", what);
}

/* Undoes a half-written encoding, so that the buffer is untouched on failure. */
static int undo(struct lh_buf *out, size_t before, int failed) {
  if (failed && out->data) {
    out->len = before;
    out->data[before] = 0;
  }
  return failed;
}

/* ---- START ---- */

int lh_start_encode(const struct lh_start *start, struct lh_buf *out) {
  size_t before = out->len;
  int failed = lh_buf_addtext(out, start->path);
  if (!failed) failed = lh_buf_addtext(out, start->text);
  if (!failed) failed = lh_buf_addu32(out, start->setting_count);
  for (uint32_t i = 0; !failed && i < start->setting_count; i++) failed = lh_buf_addtext(out, start->settings[i]);
  const uint32_t words[] = {start->slice.first, start->slice.stride, start->worker, start->workers};
  for (size_t i = 0; !failed && i < sizeof words / sizeof *words; i++) failed = lh_buf_addu32(out, words[i]);
  const uint64_t longs[] = {start->run_id, start->start_ns, start->report_every_ns, start->held_ns, (uint64_t)start->start_wall_us};
  for (size_t i = 0; !failed && i < sizeof longs / sizeof *longs; i++) failed = lh_buf_addu64(out, longs[i]);
  if (!failed) failed = lh_buf_addu8(out, start->replacement);
  if (!failed) failed = lh_buf_addu32(out, start->data_fd_count);
  for (uint32_t i = 0; !failed && i < start->data_fd_count; i++) failed = lh_buf_addu32(out, (uint32_t)start->data_fds[i]);
  if (!failed) failed = lh_buf_addu32(out, (uint32_t)start->ledger_fd);
  return undo(out, before, failed);
}

/* The settings' own strings stay in the frame; only the array of pointers is new. */
static const char **take_settings(struct lh_cursor *in, uint32_t count) {
  enum { LEAST_BYTES = 5 }; /* of one string: no count from outside may ask for more memory than the frame could fill */
  if (in->failed || count > (size_t)(in->end - in->at) / LEAST_BYTES) {
    in->failed = 1;
    return NULL;
  }
  const char **settings = calloc((size_t)count + 1, sizeof *settings);
  for (uint32_t i = 0; settings && i < count; i++) settings[i] = lh_cursor_text(in);
  return settings;
}

int lh_start_decode(struct lh_start *start, struct lh_cursor *in, struct lh_err *err) {
  struct lh_start got = {0};
  got.path = lh_cursor_text(in);
  got.text = lh_cursor_text(in);
  got.setting_count = lh_cursor_u32(in);
  got.settings = take_settings(in, got.setting_count);
  if (!got.settings && !in->failed) return lh_err_set(err, ENOMEM, "no memory for %u settings", got.setting_count);
  got.slice.first = lh_cursor_u32(in);
  got.slice.stride = lh_cursor_u32(in);
  got.worker = lh_cursor_u32(in);
  got.workers = lh_cursor_u32(in);
  got.run_id = lh_cursor_u64(in);
  got.start_ns = lh_cursor_u64(in);
  got.report_every_ns = lh_cursor_u64(in);
  got.held_ns = lh_cursor_u64(in);
  got.start_wall_us = (int64_t)lh_cursor_u64(in);
  got.replacement = lh_cursor_u8(in);
  got.data_fd_count = lh_cursor_u32(in);
  if (got.data_fd_count > LH_GROUPS_MAX) in->failed = 1;
  for (uint32_t i = 0; !in->failed && i < got.data_fd_count; i++) got.data_fds[i] = (int32_t)lh_cursor_u32(in);
  got.ledger_fd = (int32_t)lh_cursor_u32(in);
  bool sane = !in->failed && got.slice.stride && got.workers && got.report_every_ns && in->at == in->end;
  if (!sane) {
    free(got.settings);
    return damaged(err, "START");
  }
  *start = got;
  return 0;
}

/* ---- logins ---- */

int lh_login_encode(const struct lh_shared_login *login, const struct lh_texts *texts, struct lh_buf *out) {
  size_t before = out->len;
  int failed = lh_buf_addu32(out, login->group);
  if (!failed) failed = lh_buf_addu32(out, login->serial);
  if (!failed) failed = lh_buf_addu32(out, texts->count);
  for (uint32_t i = 0; !failed && i < texts->count; i++) {
    struct lh_text text = lh_texts_at(texts, i);
    failed = lh_buf_addu32(out, (uint32_t)text.len);
    if (!failed) failed = lh_buf_add(out, text.at, text.len);
  }
  return undo(out, before, failed);
}

int lh_login_decode(struct lh_shared_login *login, struct lh_cursor *in, struct lh_err *err) {
  struct lh_text items[LH_EXTRACTS_MAX + 1];
  uint32_t group = lh_cursor_u32(in), serial = lh_cursor_u32(in), count = lh_cursor_u32(in);
  if (count > LH_EXTRACTS_MAX + 1) in->failed = 1;
  for (uint32_t i = 0; !in->failed && i < count; i++) {
    items[i].len = lh_cursor_u32(in);
    items[i].at = lh_cursor_bytes(in, items[i].len);
  }
  if (in->failed || in->at != in->end) return damaged(err, "LOGIN");
  struct lh_texts *texts = lh_texts_new(items, count);
  if (!texts) return lh_err_set(err, ENOMEM, "no memory for what a login gave");
  *login = (struct lh_shared_login){group, serial, texts};
  return 0;
}

/* ---- health ---- */

int lh_health_encode(const struct lh_worker_health *h, struct lh_buf *out) {
  size_t before = out->len;
  const uint64_t longs[] = {h->from_ns,   h->until_ns,     h->cpu_user_us,     h->cpu_system_us,
                            h->rss_bytes, h->engine_bytes, h->loop_lag_max_us, h->turns,
                            h->context_switches, h->in_flight_full, h->no_memory};
  int failed = 0;
  for (size_t i = 0; !failed && i < sizeof longs / sizeof *longs; i++) failed = lh_buf_addu64(out, longs[i]);
  if (!failed) failed = lh_buf_addu32(out, h->descriptors);
  if (!failed) failed = lh_buf_addu32(out, h->clients);
  return undo(out, before, failed);
}

int lh_health_decode(struct lh_worker_health *health, struct lh_cursor *in, struct lh_err *err) {
  struct lh_worker_health h;
  uint64_t *const longs[] = {&h.from_ns,   &h.until_ns,     &h.cpu_user_us,     &h.cpu_system_us,
                             &h.rss_bytes, &h.engine_bytes, &h.loop_lag_max_us, &h.turns,
                             &h.context_switches, &h.in_flight_full, &h.no_memory};
  for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) *longs[i] = lh_cursor_u64(in);
  h.descriptors = lh_cursor_u32(in);
  h.clients = lh_cursor_u32(in);
  if (in->failed || h.until_ns < h.from_ns) return damaged(err, "REPORT");
  *health = h;
  return 0;
}

/* ---- endings ---- */

int lh_ending_encode(const struct lh_ending *e, struct lh_buf *out) {
  size_t before = out->len;
  size_t text_len = strnlen(e->text, sizeof e->text - 1);
  const uint64_t longs[] = {e->at_ns, e->started_ns, e->open_ns, e->idle_ns};
  const uint32_t words[] = {e->client, e->nth, e->group | (uint32_t)e->local_port << 16, (uint32_t)e->code};
  const uint8_t bytes[] = {e->stage, e->reason, (uint8_t)text_len};
  int failed = 0;
  for (size_t i = 0; !failed && i < sizeof longs / sizeof *longs; i++) failed = lh_buf_addu64(out, longs[i]);
  for (size_t i = 0; !failed && i < sizeof words / sizeof *words; i++) failed = lh_buf_addu32(out, words[i]);
  if (!failed) failed = lh_buf_add(out, bytes, sizeof bytes);
  if (!failed) failed = lh_buf_add(out, e->text, text_len);
  return undo(out, before, failed);
}

int lh_ending_decode(struct lh_ending *ending, struct lh_cursor *in, struct lh_err *err) {
  struct lh_ending e = {0};
  e.at_ns = lh_cursor_u64(in);
  e.started_ns = lh_cursor_u64(in);
  e.open_ns = lh_cursor_u64(in);
  e.idle_ns = lh_cursor_u64(in);
  e.client = lh_cursor_u32(in);
  e.nth = lh_cursor_u32(in);
  uint32_t ports = lh_cursor_u32(in);
  e.group = (uint16_t)ports;
  e.local_port = (uint16_t)(ports >> 16);
  e.code = (int32_t)lh_cursor_u32(in);
  e.stage = lh_cursor_u8(in);
  e.reason = lh_cursor_u8(in);
  uint8_t text_len = lh_cursor_u8(in);
  const char *text = text_len < sizeof e.text ? lh_cursor_bytes(in, text_len) : NULL;
  if (in->failed || !text || e.stage >= LH_STAGE_COUNT || e.reason >= LH_REASON_COUNT) return damaged(err, "ENDINGS");
  memcpy(e.text, text, text_len);
  *ending = e;
  return 0;
}

/* ---- frames ---- */

enum { HEAD_BYTES = 5 };

size_t lh_frame_begin(struct lh_buf *out, enum lh_frame_type type) {
  size_t begin = out->len;
  const uint8_t head[HEAD_BYTES] = {0, 0, 0, 0, (uint8_t)type};
  return lh_buf_add(out, head, sizeof head) ? SIZE_MAX : begin;
}

int lh_frame_end(struct lh_buf *out, size_t begin, struct lh_err *err) {
  if (begin == SIZE_MAX) return lh_err_set(err, ENOMEM, "no memory for a frame");
  assert(begin + HEAD_BYTES <= out->len);
  size_t len = out->len - begin - 4;
  if (len > LH_FRAME_BYTES_MAX) {
    undo(out, begin, 1);
    return lh_err_set(err, EMSGSIZE, "a frame of %zu bytes is longer than the %d allowed", len, LH_FRAME_BYTES_MAX);
  }
  for (int i = 0; i < 4; i++) out->data[begin + (size_t)i] = (char)(uint8_t)(len >> (8 * i));
  return 0;
}

int lh_frame_next(const void *bytes, size_t len, enum lh_frame_type *type, struct lh_cursor *body, size_t *used,
                  struct lh_err *err) {
  if (len < 4) return 0;
  const uint8_t *at = bytes;
  size_t frame = at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
  if (frame < 1 || frame > LH_FRAME_BYTES_MAX)
    return lh_err_set(err, EBADMSG, "a frame claims %zu bytes, expected 1 to %d; the stream is damaged", frame,
                      LH_FRAME_BYTES_MAX);
  if (len - 4 < frame) return 0;
  *type = (enum lh_frame_type)at[4];
  *body = (struct lh_cursor){.at = at + HEAD_BYTES, .end = at + 4 + frame};
  *used = 4 + frame;
  return 1;
}
