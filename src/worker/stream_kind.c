/* One request and a response that does not end: server-sent events, or any body.
 *
 * The connection is open once the response's head is in and is what was asked for. What the client knows of its event stream
 * (the last id, the wait that the server asked for) outlives the connection, as the standard says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/limits.h"
#include "longhaul/conn/incoming.h"
#include "longhaul/conn/sse.h"
#include "raw_private.h"
#include "request.h"

struct stream {
  struct lh_sse sse; /* kind sse only */
  bool is_events;    /* the response says text/event-stream */
  bool is_coded;     /* it has a Content-Encoding, which is passed through unread: no events can be found */
  bool has_location; /* the response has a Location: that is the text */
  bool refused;      /* its ending stands below; the connection ends once the feed is over */
  uint16_t status;
  uint8_t reason;
  char text[LH_CLOSE_TEXT_MAX]; /* content type or content coding, or where a redirect leads */
  char *path;                   /* owned; of the request, where redirects are followed */
};

struct reading {
  struct lh_raw *raw;
  struct lh_line *line;
  struct stream *stream;
  uint64_t now_ns;
  bool is_sse, ended, no_memory;
};

static struct reading reading_of(struct lh_raw *raw, struct lh_line *line) {
  return (struct reading){.raw = raw,
                          .line = line,
                          .stream = line->own,
                          .now_ns = lh_now_ns(),
                          .is_sse = lh_raw_track(raw, line)->group->kind == LH_KIND_SSE};
}

/* ---- the request ---- */

static int add_head(struct lh_raw *raw, const struct lh_line *line) {
  const struct lh_track *track = lh_raw_track(raw, line);
  const struct lh_detour *detour = lh_detour_of(&raw->detours, lh_raw_slot(raw, line));
  const struct lh_template *template = detour ? detour->head : track->heads[0];
  struct lh_template_values values = lh_raw_values(raw, lh_raw_slot(raw, line));
  char *head = malloc(lh_template_size_max(template) + 1);
  if (!head) return -ENOMEM;
  size_t len = lh_template_render(template, &values, head);
  lh_buf_reset(&raw->request);
  int failed = lh_buf_add(&raw->request, head, len);
  free(head);
  return failed;
}

static int keep_path(const struct lh_raw *raw, struct stream *stream) {
  const struct lh_text path = lh_request_site(raw->request.data, false).path;
  free(stream->path);
  stream->path = strndup(path.at, path.len);
  return stream->path ? 0 : -ENOMEM;
}

static int compose(struct lh_raw *raw, struct lh_line *line, struct stream *stream) {
  const struct lh_track *track = lh_raw_track(raw, line);
  int failed = add_head(raw, line);
  if (!failed && track->group->redirects) failed = keep_path(raw, stream);
  if (!failed) failed = lh_raw_add_cookies(raw, line);
  if (!failed && track->group->kind == LH_KIND_SSE && stream->sse.id[0])
    failed = lh_buf_addf(&raw->request, "Last-Event-ID: %s\r\n", stream->sse.id);
  return failed ? failed : lh_buf_add(&raw->request, "\r\n", 2);
}

static struct stream *stream_of(struct lh_raw *raw, struct lh_line *line) {
  if (line->own) return line->own;
  struct stream *stream = calloc(1, sizeof *stream);
  if (stream) lh_sse_init(&stream->sse, lh_raw_track(raw, line)->group->message_max);
  line->own = stream;
  return stream;
}

static bool up(struct lh_raw *raw, struct lh_line *line) {
  struct stream *stream = stream_of(raw, line);
  line->reader = malloc(sizeof *line->reader);
  if (line->reader) lh_http_init(line->reader);
  if (!stream || !line->reader || compose(raw, line, stream)) {
    lh_raw_end_as(raw, line, LH_REASON_NO_MEMORY, ENOMEM, "");
    return false;
  }
  lh_sse_restart(&stream->sse);
  stream->is_events = stream->refused = stream->has_location = stream->is_coded = false;
  stream->text[0] = 0;
  line->state = LH_LINE_UPGRADE;
  lh_engine_on_stage(raw->engine, lh_raw_slot(raw, line), LH_STAGE_UPGRADE, lh_now_ns());
  lh_http_expect(line->reader, false);
  line->awaiting = true;
  lh_wire_push(raw, line, raw->request.data, raw->request.len);
  return true;
}

/* ---- the response ---- */

static bool is_name(const char *name, size_t len, const char *wanted) {
  return len == strlen(wanted) && !strncasecmp(name, wanted, len);
}

static void on_header(void *context, const char *name, size_t name_len, const char *value, size_t value_len) {
  const struct reading *r = context;
  struct stream *stream = r->stream;
  lh_raw_hear_header(r->line, name, name_len, value, value_len);
  static const char events[] = "text/event-stream";
  if (lh_raw_is_cookie(r->raw, r->line, name, name_len) && !add_head(r->raw, r->line))
    lh_raw_take_cookie(r->raw, r->line, value, value_len);
  if (r->is_sse && is_name(name, name_len, "Content-Encoding") && value_len && !is_name(value, value_len, "identity")) {
    stream->is_coded = true;
    snprintf(stream->text, sizeof stream->text, "Content-Encoding: %.*s", (int)(value_len < 64 ? value_len : 64), value);
  }
  bool is_type = is_name(name, name_len, "Content-Type"), is_location = is_name(name, name_len, "Location");
  if (!is_type && !is_location) return;
  if (is_location) lh_detour_note(&r->raw->detours, lh_raw_slot(r->raw, r->line), value, value_len);
  stream->has_location |= is_location;
  if (is_location || !(stream->has_location || stream->is_coded))
    snprintf(stream->text, sizeof stream->text, "%.*s", (int)(value_len < sizeof stream->text ? value_len : sizeof stream->text), value);
  size_t len = sizeof events - 1;
  if (is_type)
    stream->is_events =
        value_len >= len && !strncasecmp(value, events, len) && (value_len == len || strchr("; \t", value[len]));
}

static void refuse(struct stream *stream, enum lh_reason reason, unsigned status) {
  stream->refused = true;
  stream->reason = (uint8_t)reason;
  stream->status = (uint16_t)status;
}

/* Goes where it leads when the group asks for that, or tells in the ending's text why not. */
static void redirect(const struct reading *r, unsigned status) {
  struct stream *stream = r->stream;
  const struct lh_group *group = lh_raw_track(r->raw, r->line)->group;
  const struct lh_detour_args args = {.slot = lh_raw_slot(r->raw, r->line), .group = group, .path = stream->path, .status = status};
  char location[LH_CLOSE_TEXT_MAX];
  refuse(stream, LH_REASON_REDIRECT, status);
  if (!stream->has_location) stream->text[0] = 0;
  if (!group->redirects || !lh_is_redirect(status)) return;
  const char *why = lh_detour_take(&r->raw->detours, &args);
  if (!why) stream->reason = LH_REASON_REDIRECT_FOLLOWED;
  memcpy(location, stream->text, sizeof location);
  if (why) snprintf(stream->text, sizeof stream->text, "%.60s: %.60s", why, location);
}

static void on_head(void *context, unsigned status) {
  struct reading *r = context;
  struct stream *stream = r->stream;
  lh_raw_hear_status(r->line, status);
  bool is_good = r->is_sse ? status == 200 : status >= 200 && status < 300 && status != 204;
  if (status >= 300 && status < 400 && status != 304) {
    redirect(r, status);
  } else if (!is_good) {
    stream->text[0] = 0;
    refuse(stream, LH_REASON_STATUS_REFUSED, status);
  } else if (r->is_sse && (!stream->is_events || stream->is_coded)) {
    refuse(stream, LH_REASON_WRONG_TYPE, 0);
  } else {
    r->line->state = LH_LINE_OPEN;
    lh_detour_drop(&r->raw->detours, lh_raw_slot(r->raw, r->line));
    lh_engine_on_open(r->raw->engine, lh_raw_slot(r->raw, r->line), r->line->local_port, r->now_ns);
  }
}

static void on_event(void *context, const struct lh_sse_event *event) {
  struct reading *r = context;
  const struct lh_push push = {.bytes = event->data, .len = event->data_len, .id = event->id_given ? event->id : NULL};
  lh_engine_on_push(r->raw->engine, lh_raw_slot(r->raw, r->line), &push, event->truncated, r->now_ns);
}

static void on_body(void *context, const char *bytes, size_t len) {
  struct reading *r = context;
  const uint32_t slot = lh_raw_slot(r->raw, r->line);
  if (r->stream->refused) return;
  if (!r->is_sse) {
    lh_engine_on_data(r->raw->engine, slot, len, r->now_ns);
    return;
  }
  const uint64_t comments = r->stream->sse.comments;
  if (lh_sse_feed(&r->stream->sse, bytes, len, on_event, r)) r->no_memory = true;
  for (uint64_t n = r->stream->sse.comments - comments; n > 0; n--) lh_engine_on_peer_ping(r->raw->engine, slot, r->now_ns);
}

static void on_done(void *context, bool keep_alive) {
  (void)keep_alive;
  ((struct reading *)context)->ended = true;
}

static const struct lh_http_events events = {.header = on_header, .head = on_head, .body = on_body, .done = on_done};

/* An event stream that is answered with 204 is over for good: the standard has no client come back to it. */
static void end_refused(const struct reading *r) {
  const struct stream *stream = r->stream;
  bool is_over = r->is_sse && stream->status == 204;
  struct lh_ending ending = {
      .stage = LH_STAGE_COUNT, .reason = stream->reason, .code = stream->status, .retry_after_ns = is_over ? LH_NEVER : 0};
  snprintf(ending.text, sizeof ending.text, "%s", is_over ? "the stream is over: clients stay away" : stream->text);
  lh_raw_end(r->raw, r->line, &ending);
}

/* False: the connection ended. */
static bool settle(const struct reading *r, int failed, const struct lh_err *err) {
  if (r->stream->refused)
    end_refused(r);
  else if (r->no_memory)
    lh_raw_end_as(r->raw, r->line, LH_REASON_NO_MEMORY, ENOMEM, "");
  else if (failed)
    lh_raw_end_as(r->raw, r->line, LH_REASON_BAD_HTTP, 0, err->text);
  else if (r->ended)
    lh_raw_end_as(r->raw, r->line, LH_REASON_STREAM_END, 0, "");
  else
    return true;
  return false;
}

static bool take(struct lh_raw *raw, struct lh_line *line, const char *bytes, size_t len) {
  struct reading r = reading_of(raw, line);
  struct lh_err err = {0};
  line->heard = true;
  int failed = lh_http_feed(line->reader, &events, &r, bytes, len, &err);
  return settle(&r, failed, &err);
}

static void gone(struct lh_raw *raw, struct lh_line *line, int error) {
  struct reading r = reading_of(raw, line);
  struct lh_err err = {0};
  if (error || !line->heard || line->state != LH_LINE_OPEN) {
    lh_raw_end_gone(raw, line, error, line->heard ? LH_REASON_RESPONSE_CUT : LH_REASON_NO_RESPONSE);
    return;
  }
  if (lh_http_eof(line->reader, &events, &r, &err) || !r.ended)
    lh_raw_end_as(raw, line, LH_REASON_RESPONSE_CUT, 0, err.text);
  else
    settle(&r, 0, &err);
}

/* Of the last connection: the engine asks once it has ended. */
uint64_t lh_sse_retry_after(void *context, uint32_t slot) {
  const struct stream *stream = ((struct lh_raw *)context)->lines[slot].own;
  return stream ? stream->sse.retry_ms * LH_NS_PER_MS : 0;
}

const struct lh_raw_kind lh_sse_kind = {.up = up, .take = take, .gone = gone};
const struct lh_raw_kind lh_stream_kind = {.up = up, .take = take, .gone = gone};
