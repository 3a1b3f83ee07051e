#include "run/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "worker 3", or "the dashboard", of which there is one. */
static const char *name_of(const struct lh_child *child, char out[32]) {
  if (strcmp(child->role, "worker") == 0)
    snprintf(out, 32, "worker %u", child->number + 1);
  else
    snprintf(out, 32, "the dashboard");
  return out;
}

/* ---- the end of a life ---- */
static void on_closed(uv_handle_t *handle) {
  struct lh_child *child = handle->data;
  if (--child->handles > 0) return;
  child->alive = false;
  lh_buf_reset(&child->received);
  char how[96];
  if (child->signal != 0) {
    snprintf(how, sizeof how, "signal %d (%s)", child->signal, strsignal(child->signal));
  } else if (child->exit_code < 0) {
    snprintf(how, sizeof how, "not started: %s", uv_strerror((int)child->exit_code));
  } else {
    snprintf(how, sizeof how, "exit code %d", (int)child->exit_code);
  }
  child->events->gone(child->events->context, child, how);
}

static void close_when_gone(struct lh_child *child) {
  if (!child->exited || !child->drained || child->handles > 0) return;
  child->handles = 3;
  uv_close((uv_handle_t *)&child->process, on_closed);
  uv_close((uv_handle_t *)&child->in, on_closed);
  uv_close((uv_handle_t *)&child->out, on_closed);
}

static void on_ended(uv_process_t *process, int64_t exit_code, int signal) {
  struct lh_child *child = process->data;
  child->exited = true;
  child->exit_code = exit_code;
  child->signal = signal;
  close_when_gone(child);
}

void lh_child_kill(struct lh_child *child) {
  if (!child->alive || child->exited) return;
  child->killed = true;
  uv_process_kill(&child->process, SIGKILL);
}

/* ---- reading ---- */
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char room[65536]; /* one for all: a read is copied before the next begins */
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(room, sizeof room);
}

/* Hands on every whole frame and keeps the rest. */
static int take_frames(struct lh_child *child, struct lh_err *err) {
  size_t at = 0;
  int code = 0;
  for (;;) {
    enum lh_frame_type type;
    struct lh_cursor body;
    size_t used;
    code = lh_frame_next(child->received.data + at, child->received.len - at, &type, &body, &used, err);
    if (code <= 0) break;
    at += used;
    if (type == LH_FRAME_DONE) child->done = true;
    code = child->events->frame(child->events->context, child, type, &body);
    if (code < 0) break;
  }
  memmove(child->received.data, child->received.data + at, child->received.len - at);
  child->received.len -= at;
  return code;
}

static void stop_reading(struct lh_child *child) {
  uv_read_stop((uv_stream_t *)&child->out);
  child->drained = true;
  /* A child that said DONE ends by itself; any other cannot report any more. */
  if (!child->done && !child->exited) uv_process_kill(&child->process, SIGKILL);
  close_when_gone(child);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
  struct lh_child *child = stream->data;
  if (count == 0) return;
  if (count < 0) {
    stop_reading(child);
    return;
  }
  struct lh_err err = {0};
  int code = lh_buf_add(&child->received, buf->base, (size_t)count);
  if (code == 0)
    code = take_frames(child, &err);
  else
    lh_err_set(&err, code, "no memory for its frames");
  if (code >= 0) return;
  char name[32];
  if (err.code != 0) lh_log(LH_LOG_ERROR, "%s: %s", name_of(child, name), err.text);
  stop_reading(child);
}

/* ---- starting ---- */
int lh_child_spawn(struct lh_child *child, uv_loop_t *loop, const char *program, struct lh_err *err) {
  if (child->received.limit == 0) child->received.limit = (size_t)LH_FRAME_BYTES_MAX + 65536 + 16;
  child->exited = child->drained = child->done = child->killed = false;
  child->exit_code = child->signal = 0;
  uv_pipe_init(loop, &child->in, 0);
  uv_pipe_init(loop, &child->out, 0);
  child->process.data = child->in.data = child->out.data = child;

  uv_stdio_container_t stdio[3 + LH_CHILD_EXTRA] = {
      {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&child->in},
      {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->out},
      {.flags = UV_INHERIT_FD, .data.fd = 2},
  };
  int stdio_count = 3;
  for (int i = 0; i < LH_CHILD_EXTRA; i++)
    if (child->extra[i] > 0) {
      for (; stdio_count < 3 + i; stdio_count++) stdio[stdio_count].flags = UV_IGNORE;
      stdio[stdio_count++] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = child->extra[i]};
    }
  char role[16];
  snprintf(role, sizeof role, "%s", child->role);
  char *argv[] = {(char[]){"longhaul"}, role, NULL};
  uv_process_options_t options = {
      .file = program, .args = argv, .exit_cb = on_ended, .stdio = stdio, .stdio_count = stdio_count, .flags = UV_PROCESS_DETACHED};
  int code = uv_spawn(loop, &child->process, &options);
  child->alive = true;
  if (code < 0) {
    child->exited = child->drained = true;
    child->exit_code = code;
    close_when_gone(child);
    char name[32];
    return lh_err_set(err, code, "cannot start %s (%s %s): %s", name_of(child, name), program, role, uv_strerror(code));
  }
  uv_read_start((uv_stream_t *)&child->out, on_room, on_read);
  return 0;
}

/* ---- writing ---- */
struct sending {
  uv_write_t request;
  char *bytes; /* owned */
};

static void on_sent(uv_write_t *request, int status) {
  struct sending *s = request->data;
  (void)status; /* a broken pipe shows as the end of the other one */
  free(s->bytes);
  free(s);
}

int lh_child_send(struct lh_child *child, struct lh_buf *frame, struct lh_err *err) {
  if (!child->alive) return 0;
  struct sending *s = malloc(sizeof *s);
  char name[32];
  if (s == NULL) return lh_err_set(err, ENOMEM, "no memory for a message to %s", name_of(child, name));
  s->bytes = frame->data;
  s->request.data = s;
  uv_buf_t buf = uv_buf_init(frame->data, (unsigned)frame->len);
  *frame = (struct lh_buf)LH_BUF_INIT(frame->limit);
  if (uv_write(&s->request, (uv_stream_t *)&child->in, &buf, 1, on_sent) < 0) on_sent(&s->request, 0);
  return 0;
}

bool lh_child_idle(const struct lh_child *child) {
  return !child->alive || uv_stream_get_write_queue_size((const uv_stream_t *)&child->in) == 0;
}

void lh_child_free(struct lh_child *child) {
  lh_buf_free(&child->received);
}
