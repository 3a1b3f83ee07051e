#include "longhaul/worker/link.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/clock.h"

enum { COMMANDS = 0, REPORTS = 1, LOG_LINES_A_SECOND = 10, READ_BYTES = 65536 };

struct lh_link {
  uv_pipe_t commands, reports;
  struct lh_link_events events;
  struct lh_buf in;     /* bytes that are no whole frame yet */
  bool is_broken;       /* reading goes on for the end of the stream alone */
  uint64_t log_second;  /* the second that log_lines counts */
  uint32_t log_lines;
  uint64_t log_left_out;
};

struct writing {
  uv_write_t request;
  char *bytes; /* owned */
};

/* Nobody is left to report to. */
static void end_process(void) {
  _exit(EXIT_FAILURE);
}

/* ---- reading ---- */

static int take_frames(struct lh_link *link, struct lh_err *err) {
  size_t at = 0, used;
  enum lh_frame_type type;
  struct lh_cursor body;
  int found;
  while ((found = lh_frame_next(link->in.data + at, link->in.len - at, &type, &body, &used, err)) > 0) {
    link->events.frame(link->events.context, type, &body);
    at += used;
  }
  if (found < 0) return found;
  link->in.len -= at;
  memmove(link->in.data, link->in.data + at, link->in.len);
  if (!link->in.len) lh_buf_free(&link->in);
  return 0;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
  struct lh_link *link = stream->data;
  struct lh_err err;
  if (got < 0) end_process();
  if (got == 0 || link->is_broken) return;
  int failed = lh_buf_add(&link->in, buf->base, (size_t)got);
  if (failed) failed = lh_err_set(&err, failed, "no room for a command of the supervisor");
  if (!failed) failed = take_frames(link, &err);
  if (!failed) return;
  link->is_broken = true;
  link->events.broken(link->events.context, err.text);
}

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buf) {
  static char bytes[READ_BYTES];
  (void)handle, (void)wanted;
  *buf = uv_buf_init(bytes, sizeof bytes);
}

int lh_link_new(struct lh_link **link, uv_loop_t *loop, const struct lh_link_events *events, struct lh_err *err) {
  struct lh_link *l = calloc(1, sizeof *l);
  if (!l) return lh_err_set(err, ENOMEM, "no memory for the pipes to the supervisor");
  *l = (struct lh_link){.events = *events, .in = LH_BUF_INIT((size_t)LH_FRAME_BYTES_MAX + READ_BYTES)};
  uv_pipe_init(loop, &l->commands, 0);
  uv_pipe_init(loop, &l->reports, 0);
  l->commands.data = l->reports.data = l;
  int failed = uv_pipe_open(&l->commands, COMMANDS);
  if (!failed) failed = uv_pipe_open(&l->reports, REPORTS);
  if (!failed) failed = uv_read_start((uv_stream_t *)&l->commands, give_buffer, on_read);
  if (failed)
    return lh_err_set(err, failed, "a worker is started by longhaul itself, with pipes on descriptors 0 and 1: %s",
                      uv_strerror(failed));
  *link = l;
  return 0;
}

/* ---- writing ---- */

bool lh_link_idle(const struct lh_link *link) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&link->reports) == 0;
}

static void on_written(uv_write_t *request, int status) {
  struct writing *w = (struct writing *)request;
  if (status < 0 && status != UV_ECANCELED) end_process();
  free(w->bytes);
  free(w);
}

void lh_link_send(struct lh_link *link, struct lh_buf *frames) {
  if (!frames->len) return;
  struct writing *w = malloc(sizeof *w);
  if (!w) end_process(); /* a report that is lost would make the books lie */
  w->bytes = frames->data;
  uv_buf_t buf = uv_buf_init(frames->data, (unsigned)frames->len);
  frames->data = NULL;
  frames->len = frames->room = 0;
  if (uv_write(&w->request, (uv_stream_t *)&link->reports, &buf, 1, on_written)) end_process();
}

void lh_link_text(struct lh_link *link, enum lh_frame_type type, int level, const char *text) {
  struct lh_buf frame = LH_BUF_INIT(LH_FRAME_BYTES_MAX);
  size_t begin = lh_frame_begin(&frame, type);
  int failed = type == LH_FRAME_LOG ? lh_buf_addu8(&frame, (uint8_t)level) : 0;
  if (!failed) failed = lh_buf_addstr(&frame, text);
  if (!failed) failed = lh_frame_end(&frame, begin, NULL);
  if (!failed) lh_link_send(link, &frame);
  lh_buf_free(&frame);
}

void lh_link_flush(struct lh_link *link) {
  while (!lh_link_idle(link)) uv_run(link->reports.loop, UV_RUN_ONCE);
}

/* ---- the log ---- */

static void on_log(void *context, enum lh_log_level level, const char *line) {
  struct lh_link *link = context;
  uint64_t second = lh_now_ns() / LH_NS_PER_S;
  if (second != link->log_second) {
    link->log_second = second;
    link->log_lines = 0;
  }
  if (++link->log_lines > LOG_LINES_A_SECOND) {
    link->log_left_out++;
    return;
  }
  if (link->log_left_out) {
    char note[96];
    snprintf(note, sizeof note, "%llu log lines of this process were left out", (unsigned long long)link->log_left_out);
    link->log_left_out = 0;
    lh_link_text(link, LH_FRAME_LOG, LH_LOG_WARNING, note);
  }
  lh_link_text(link, LH_FRAME_LOG, level, line);
}

void lh_link_take_log(struct lh_link *link) {
  lh_log_redirect(on_log, link);
}
