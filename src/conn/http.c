#include "longhaul/conn/http.h"

#include <errno.h>
#include <llhttp.h>
#include <string.h>

_Static_assert(sizeof(llhttp_t) <= LH_HTTP_PARSER_BYTES, "llhttp_t has outgrown its place in struct lh_http_reader");

static llhttp_t *parser_of(struct lh_http_reader *reader) {
  return (llhttp_t *)(void *)reader->parser;
}

static struct lh_http_reader *reader_of(llhttp_t *parser) {
  return parser->data;
}

static int count_head(struct lh_http_reader *reader, size_t len) {
  if (len > LH_HTTP_HEAD_BYTES_MAX - reader->head_bytes) {
    llhttp_set_error_reason(parser_of(reader), "head longer than 64 KiB");
    return HPE_USER;
  }
  reader->head_bytes += (uint32_t)len;
  return HPE_OK;
}

static bool is_informational(const llhttp_t *parser) {
  return parser->status_code >= 100 && parser->status_code < 200 && parser->status_code != 101;
}

/* Those of a 1xx response are about what is still to come. */
static void flush_header(struct lh_http_reader *reader) {
  if (reader->name.len && reader->events->header && !is_informational(parser_of(reader)))
    reader->events->header(reader->context, reader->name.data, reader->name.len, reader->value.data ? reader->value.data : "",
                           reader->value.len);
  lh_buf_reset(&reader->name);
  lh_buf_reset(&reader->value);
  reader->in_value = false;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len) {
  struct lh_http_reader *reader = reader_of(parser);
  if (reader->in_value) flush_header(reader);
  int failed = count_head(reader, len);
  if (reader->phase == LH_HTTP_BODY) return failed; /* a trailer: no header (RFC 9110, 6.5.1) */
  return failed ? failed : lh_buf_add(&reader->name, at, len) ? HPE_USER : HPE_OK;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len) {
  struct lh_http_reader *reader = reader_of(parser);
  reader->in_value = true;
  int failed = count_head(reader, len);
  if (reader->phase == LH_HTTP_BODY) return failed;
  return failed ? failed : lh_buf_add(&reader->value, at, len) ? HPE_USER : HPE_OK;
}

static int on_status(llhttp_t *parser, const char *at, size_t len) {
  (void)at;
  return count_head(reader_of(parser), len);
}

static int on_headers_complete(llhttp_t *parser) {
  struct lh_http_reader *reader = reader_of(parser);
  flush_header(reader);
  lh_buf_free(&reader->name);
  lh_buf_free(&reader->value);
  enum { BODY_FOLLOWS, NO_BODY }; /* llhttp's words; RFC 9112, 6.3, whatever lengths are said */
  if (is_informational(parser)) return NO_BODY;
  reader->phase = LH_HTTP_BODY;
  if (reader->events->head) reader->events->head(reader->context, parser->status_code);
  bool bodyless = reader->head_request || parser->status_code == 204 || parser->status_code == 304;
  return bodyless ? NO_BODY : BODY_FOLLOWS;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
  struct lh_http_reader *reader = reader_of(parser);
  if (reader->events->body) reader->events->body(reader->context, at, len);
  return HPE_OK;
}

static int on_message_complete(llhttp_t *parser) {
  struct lh_http_reader *reader = reader_of(parser);
  if (is_informational(parser)) {
    reader->head_bytes = 0;
    return HPE_OK;
  }
  reader->phase = LH_HTTP_IDLE;
  return HPE_PAUSED; /* so that a byte more is seen as such */
}

static const llhttp_settings_t settings = {
    .on_status = on_status,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void lh_http_init(struct lh_http_reader *reader) {
  memset(reader, 0, sizeof *reader);
  reader->name.limit = reader->value.limit = LH_HTTP_HEAD_BYTES_MAX;
}

void lh_http_expect(struct lh_http_reader *reader, bool head_request) {
  llhttp_init(parser_of(reader), HTTP_RESPONSE, &settings);
  lh_buf_free(&reader->name);
  lh_buf_free(&reader->value);
  reader->phase = LH_HTTP_HEAD;
  reader->head_request = head_request;
  reader->in_value = reader->begun = false;
  reader->head_bytes = 0;
}

unsigned lh_http_status(const struct lh_http_reader *reader) {
  return ((const llhttp_t *)(const void *)reader->parser)->status_code;
}

bool lh_http_begun(const struct lh_http_reader *reader) {
  return reader->phase != LH_HTTP_IDLE && reader->begun;
}

/* Tells `done` after the parser has let go of its own state, so that the caller may send the next request from there. */
static void finish(struct lh_http_reader *reader, bool keep_alive) {
  if (reader->events->done) reader->events->done(reader->context, keep_alive);
}

int lh_http_feed(struct lh_http_reader *reader, const struct lh_http_events *events, void *context, const void *bytes, size_t len,
                 struct lh_err *err) {
  if (len == 0) return 0;
  if (reader->phase == LH_HTTP_IDLE) return lh_err_set(err, EPROTO, "%zu bytes came that no request asked for", len);
  llhttp_t *parser = parser_of(reader);
  parser->data = reader;
  reader->events = events;
  reader->context = context;
  reader->begun = true;
  llhttp_errno_t result = llhttp_execute(parser, bytes, len);
  if (result == HPE_OK) return 0;
  bool switched = result == HPE_PAUSED_UPGRADE || (result == HPE_PAUSED && parser->status_code == 101);
  if (switched) return lh_err_set(err, EBADMSG, "status 101 came to a request that asked for no upgrade");
  if (result != HPE_PAUSED) {
    const char *reason = llhttp_get_error_reason(parser);
    return lh_err_set(err, EBADMSG, "%s (%s)", reason && *reason ? reason : "broken response", llhttp_errno_name(result));
  }
  const char *stop = llhttp_get_error_pos(parser);
  bool keep_alive = llhttp_should_keep_alive(parser) != 0;
  size_t left = (size_t)((const char *)bytes + len - stop);
  finish(reader, keep_alive);
  if (left) return lh_err_set(err, EPROTO, "%zu bytes came after the end of the response", left);
  return 0;
}

int lh_http_eof(struct lh_http_reader *reader, const struct lh_http_events *events, void *context, struct lh_err *err) {
  if (!lh_http_begun(reader)) return 0;
  reader->events = events;
  reader->context = context;
  llhttp_t *parser = parser_of(reader);
  parser->data = reader;
  bool in_body = reader->phase == LH_HTTP_BODY;
  llhttp_errno_t result = llhttp_finish(parser);
  if (result == HPE_PAUSED || (result == HPE_OK && reader->phase == LH_HTTP_IDLE)) {
    finish(reader, false);
    return 0;
  }
  return lh_err_set(err, EPROTO, "the connection was closed in the middle of a response's %s", in_body ? "body" : "head");
}

void lh_http_free(struct lh_http_reader *reader) {
  if (!reader) return;
  lh_buf_free(&reader->name);
  lh_buf_free(&reader->value);
}
