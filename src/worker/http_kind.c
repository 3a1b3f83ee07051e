/* Keep-alive HTTP/1.1: one request at a time on a connection that is held.
 *
 * What a server's close means follows from what it interrupts: nothing (idle close), a request of which no byte of the
 * response came on a connection that had served before (stale keep-alive: the server was closing already when the request
 * was on its way), or a response. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http_login.h"
#include "longhaul/conn/logins.h"
#include "request.h"

/* ---- requests ---- */

static bool sends_length(const struct lh_message *message) {
  static const char *const with_body[] = {"POST", "PUT", "PATCH"};
  for (size_t i = 0; i < sizeof with_body / sizeof *with_body; i++)
    if (!strcmp(message->method, with_body[i])) return true;
  return message->source != LH_PAYLOAD_NONE;
}

static int add_head(struct lh_raw *raw, const struct lh_template *head, const struct lh_template_values *values) {
  struct lh_buf *out = &raw->request;
  lh_buf_reset(out);
  char *at = out->data;
  size_t most = lh_template_size_max(head);
  if (out->room <= most) { /* grown once, to the largest request */
    at = realloc(out->data, most + 1);
    if (!at) return -ENOMEM;
    out->data = at;
    out->room = most + 1;
  }
  out->len = lh_template_render(head, values, at);
  out->data[out->len] = 0;
  return 0;
}

static int compose(struct lh_raw *raw, uint32_t slot, uint32_t number, const char *body, size_t len) {
  const struct lh_track *track = &raw->tracks[lh_engine_group_of(raw->engine, slot)];
  const struct lh_detour *detour = lh_detour_of(&raw->detours, slot);
  bool has_body = !detour || !detour->is_get;
  const struct lh_template_values values = lh_engine_sending(raw->engine, slot);
  int failed = add_head(raw, detour ? detour->head : track->heads[number], &values);
  if (!failed) failed = lh_raw_add_cookies(raw, &raw->lines[slot]);
  if (!has_body) len = 0;
  if (!failed && has_body && sends_length(&track->group->messages[number]))
    failed = lh_buf_addf(&raw->request, "Content-Length: %zu\r\n", len);
  if (!failed) failed = lh_buf_add(&raw->request, "\r\n", 2);
  if (!failed && len) failed = lh_buf_add(&raw->request, body, len);
  return failed;
}

/* A write that fails is the connection's end, which comes with the next read: the request shares its fate. */
enum lh_send_result lh_http_send(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  (void)binary;
  struct lh_raw *raw = context;
  struct lh_line *line = &raw->lines[slot];
  if (line->awaiting || line->leaving || line->out) {
    line->choked = true;
    return LH_SEND_CHOKED;
  }
  if (compose(raw, slot, message, bytes, len)) return LH_SEND_FAILED;
  line->message = message;
  lh_http_expect(line->reader, !strcmp(lh_raw_track(raw, line)->group->messages[message].method, "HEAD"));
  line->awaiting = true;
  line->heard = false;
  line->away_s = 0;
  lh_wire_push(raw, line, raw->request.data, raw->request.len);
  return LH_SEND_DONE;
}

/* ---- responses ---- */

struct reading {
  struct lh_raw *raw;
  struct lh_line *line;
  uint64_t now_ns;
  unsigned status;
};

/* Renders the head of the request under way into raw->request, with the values it was sent with. False: no memory, or it was given
 * up meanwhile. */
static bool head_asked(struct lh_raw *raw, const struct lh_line *line) {
  const struct lh_detour *detour = lh_detour_of(&raw->detours, lh_raw_slot(raw, line));
  const struct lh_template *head = detour ? detour->head : lh_raw_track(raw, line)->heads[line->message];
  struct lh_template_values values;
  return lh_engine_asked(raw->engine, lh_raw_slot(raw, line), &values) && !add_head(raw, head, &values);
}

static void on_header(void *context, const char *name, size_t name_len, const char *value, size_t value_len) {
  const struct reading *r = context;
  lh_raw_hear_header(r->line, name, name_len, value, value_len);
  if (r->line->logging_in) {
    lh_answer_header(r->line->own, name, name_len, value, value_len);
    return;
  }
  if (lh_raw_is_cookie(r->raw, r->line, name, name_len) && head_asked(r->raw, r->line))
    lh_raw_take_cookie(r->raw, r->line, value, value_len);
  static const char location[] = "Location";
  if (name_len == sizeof location - 1 && !strncasecmp(name, location, name_len))
    lh_detour_note(&r->raw->detours, lh_raw_slot(r->raw, r->line), value, value_len);
}

/* A redirect that is not followed is a response like any other, and its status is checked. */
static void on_head(void *context, unsigned status) {
  struct reading *r = context;
  struct lh_raw *raw = r->raw;
  const struct lh_group *group = lh_raw_track(raw, r->line)->group;
  r->status = status;
  lh_raw_hear_status(r->line, status);
  if (!group->redirects || !lh_is_redirect(status) || r->line->logging_in) return;
  const uint32_t slot = lh_raw_slot(raw, r->line), route = lh_raw_route(raw, r->line);
  const struct lh_detour_args args = {.slot = slot,
                                      .group = group,
                                      .message = &group->messages[r->line->message],
                                      .path = head_asked(raw, r->line) ? lh_request_path(raw->request.data) : NULL,
                                      .status = status};
  r->line->following = !lh_detour_take(&raw->detours, &args);
  if (lh_raw_route(raw, r->line) != route) r->line->leaving = true;
}

static void tell_piece(const struct reading *r) {
  struct lh_raw *raw = r->raw;
  if (raw->piece_len && !r->line->following) lh_engine_on_body(raw->engine, lh_raw_slot(raw, r->line), raw->piece, raw->piece_len, r->now_ns);
  raw->piece_len = 0;
}

/* The last piece goes with the response itself, so that a body in one piece is never copied. */
static void on_body(void *context, const char *bytes, size_t len) {
  struct reading *r = context;
  if (r->line->logging_in) {
    if (lh_answer_accepts(r->line->own, r->status)) lh_answer_body(r->line->own, bytes, len);
    return;
  }
  tell_piece(r);
  r->raw->piece = bytes;
  r->raw->piece_len = len;
}

/* The request goes out again where the redirect leads: here, or on another connection. */
static void follow(const struct reading *r) {
  struct lh_line *line = r->line;
  r->raw->piece_len = 0;
  if (line->leaving) return; /* go_on ends it */
  line->following = false;
  lh_detour_begin(&r->raw->detours, lh_raw_slot(r->raw, line));
  lh_engine_on_redirect(r->raw->engine, lh_raw_slot(r->raw, line), r->now_ns);
  if (!line->awaiting) lh_detour_drop(&r->raw->detours, lh_raw_slot(r->raw, line)); /* given up meanwhile */
}

static bool open_up(struct lh_raw *raw, struct lh_line *line);

static void on_done(void *context, bool keep_alive) {
  struct reading *r = context;
  struct lh_raw *raw = r->raw;
  struct lh_line *line = r->line;
  bool is_early = line->out != NULL; /* before the request was written whole: what follows on the wire is its rest */
  line->awaiting = false;
  line->served++;
  line->leaving |= !keep_alive || is_early;
  if (line->logging_in) {
    lh_http_settle_login(raw, line, r->status, r->now_ns);
    if (line->state == LH_LINE_UPGRADE && line->logged_in && !line->leaving) open_up(raw, line);
    return;
  }
  if (line->following) {
    follow(r);
    return;
  }
  line->returning = lh_raw_is_elsewhere(raw, line);
  if (!line->returning) lh_detour_drop(&raw->detours, lh_raw_slot(raw, line));
  line->leaving |= line->returning;
  const struct lh_response response = {.status = (uint16_t)r->status,
                                       .closes = line->leaving || line->closing,
                                       .bytes = raw->piece_len ? raw->piece : "",
                                       .len = raw->piece_len};
  raw->piece_len = 0;
  lh_engine_on_response(raw->engine, lh_raw_slot(raw, line), &response, r->now_ns);
}

static const struct lh_http_events events = {.header = on_header, .head = on_head, .body = on_body, .done = on_done};

/* After a whole response. False: it was the connection's last. */
static bool go_on(struct lh_raw *raw, struct lh_line *line, uint64_t now_ns) {
  if (line->state == LH_LINE_UPGRADE) {
    lh_raw_end_as(raw, line, LH_REASON_PLANNED_END, 0, line->logged_in ? "it ended with the login's answer" : "its login failed");
  } else if (line->following) {
    lh_raw_end_as(raw, line, LH_REASON_REDIRECT_FOLLOWED, (int)lh_http_status(line->reader), "");
  } else if (line->closing && !line->awaiting) {
    lh_raw_end_as(raw, line, LH_REASON_SHUTDOWN, 0, ""); /* the engine knows better why */
  } else if (line->returning) {
    lh_raw_end_as(raw, line, LH_REASON_PLANNED_END, 0, "back from where a redirect led");
  } else if (line->leaving && line->out) {
    lh_raw_end_as(raw, line, LH_REASON_HTTP_CLOSE, 0, "a response before its request was sent whole");
  } else if (line->leaving && line->served > 1) {
    lh_raw_end_as(raw, line, LH_REASON_REQUEST_CAP, (int)line->served, "");
  } else if (line->leaving) {
    lh_raw_end_as(raw, line, LH_REASON_HTTP_CLOSE, 0, "");
  } else {
    if (line->choked && !line->awaiting) {
      line->choked = false;
      lh_engine_on_writable(raw->engine, lh_raw_slot(raw, line), now_ns);
    }
    return true;
  }
  return false;
}

/* Nothing was asked for. Some servers say 408 before they close an idle connection. */
static void end_unasked(struct lh_raw *raw, struct lh_line *line, const char *bytes, size_t len, const char *fault) {
  static const char timeout[] = "HTTP/1.1 408";
  bool is_timeout = len >= sizeof timeout - 1 && (!memcmp(bytes, timeout, 8) || !memcmp(bytes, "HTTP/1.0", 8)) &&
                    !memcmp(bytes + 8, timeout + 8, 4);
  if (is_timeout)
    lh_raw_end_as(raw, line, LH_REASON_IDLE_CLOSE, 408, "");
  else
    lh_raw_end_as(raw, line, LH_REASON_BAD_HTTP, 0, fault);
}

static bool take(struct lh_raw *raw, struct lh_line *line, const char *bytes, size_t len) {
  struct reading r = {.raw = raw, .line = line, .now_ns = lh_now_ns(), .status = lh_http_status(line->reader)};
  struct lh_err err = {0};
  const uint32_t served = line->served;
  bool was_awaiting = line->awaiting;
  if (was_awaiting && !line->heard) {
    line->heard = true;
    if (!line->logging_in && !lh_detour_of(&raw->detours, lh_raw_slot(raw, line))) /* else the redirect's was it */
      lh_engine_on_first_byte(raw->engine, lh_raw_slot(raw, line), r.now_ns);
  }
  raw->piece_len = 0;
  int failed = lh_http_feed(line->reader, &events, &r, bytes, len, &err);
  tell_piece(&r);
  if (failed) {
    if (was_awaiting)
      lh_raw_end_as(raw, line, LH_REASON_BAD_HTTP, 0, err.text);
    else
      end_unasked(raw, line, bytes, len, err.text);
    return false;
  }
  return line->served == served || go_on(raw, line, r.now_ns);
}

/* ---- beginning and end ---- */

/* What a redirect asked for goes out as the connection opens. When it was given up meanwhile, nothing keeps the client there. */
static bool settle_in(struct lh_raw *raw, struct lh_line *line) {
  if (line->awaiting) return true;
  if (lh_raw_is_elsewhere(raw, line)) {
    lh_raw_end_as(raw, line, LH_REASON_PLANNED_END, 0, "back from where a redirect led");
    return false;
  }
  lh_detour_drop(&raw->detours, lh_raw_slot(raw, line));
  return true;
}

static bool open_up(struct lh_raw *raw, struct lh_line *line) {
  line->state = LH_LINE_OPEN;
  const uint32_t generation = line->generation;
  lh_engine_on_open(raw->engine, lh_raw_slot(raw, line), line->local_port, lh_now_ns());
  return lh_raw_lives(line, generation) && settle_in(raw, line);
}

static bool log_in(struct lh_raw *raw, struct lh_line *line) {
  const struct lh_ending no_memory = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_NO_MEMORY, .code = ENOMEM};
  line->state = LH_LINE_UPGRADE;
  if (lh_http_login(raw, lh_raw_slot(raw, line)) == LH_SEND_DONE) return true;
  lh_raw_end(raw, line, &no_memory);
  return false;
}

static bool up(struct lh_raw *raw, struct lh_line *line) {
  line->reader = malloc(sizeof *line->reader);
  if (!line->reader) {
    lh_raw_end_as(raw, line, LH_REASON_NO_MEMORY, ENOMEM, "");
    return false;
  }
  lh_http_init(line->reader);
  bool logs_in = !lh_raw_is_elsewhere(raw, line) && lh_engine_begin_login(raw->engine, lh_raw_slot(raw, line), lh_now_ns());
  return logs_in ? log_in(raw, line) : open_up(raw, line);
}

static void gone(struct lh_raw *raw, struct lh_line *line, int error) {
  struct reading r = {.raw = raw, .line = line, .now_ns = lh_now_ns(), .status = lh_http_status(line->reader)};
  struct lh_err err = {0};
  if (!line->awaiting) {
    lh_raw_end_gone(raw, line, error, LH_REASON_IDLE_CLOSE);
  } else if (!line->heard && line->served > 0) {
    lh_raw_end_as(raw, line, LH_REASON_STALE_KEEPALIVE, 0, "");
  } else if (!line->heard || error) {
    lh_raw_end_gone(raw, line, error, LH_REASON_NO_RESPONSE);
  } else {
    const uint32_t served = line->served;
    raw->piece_len = 0;
    int failed = lh_http_eof(line->reader, &events, &r, &err);
    if (failed || line->served == served)
      lh_raw_end_as(raw, line, LH_REASON_RESPONSE_CUT, 0, err.text);
    else
      go_on(raw, line, r.now_ns); /* the body's end was the connection's */
  }
}

static bool may_close(const struct lh_line *line) {
  return !line->awaiting;
}

static void drained(struct lh_raw *raw, struct lh_line *line) {
  if (line->awaiting || !line->choked) return;
  line->choked = false;
  lh_engine_on_writable(raw->engine, lh_raw_slot(raw, line), lh_now_ns());
}

const struct lh_raw_kind lh_http_kind = {.up = up, .take = take, .gone = gone, .may_close = may_close, .drained = drained};
