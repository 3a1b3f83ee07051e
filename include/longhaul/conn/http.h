/* Responses of one HTTP/1.1 connection: bytes in, events out. llhttp does the parsing; this file knows which response is
 * awaited and what a connection may do next. Pure.
 *
 * Glossary
 *   head      status line and headers of a final response; 1xx responses before it are skipped with their headers
 *   to close  a body without a length: it ends when the connection does (RFC 9112, 6.3)
 *
 * Memory is held only while a header straddles reads.
 */
#ifndef LONGHAUL_CONN_HTTP_H
#define LONGHAUL_CONN_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

enum { LH_HTTP_PARSER_BYTES = 112, LH_HTTP_HEAD_BYTES_MAX = 64 * 1024 };

enum lh_http_phase {
  LH_HTTP_IDLE, /* no response is awaited: any byte is one too many */
  LH_HTTP_HEAD, /* awaiting or reading a head */
  LH_HTTP_BODY
};

/* All calls are made during lh_http_feed or lh_http_eof; bytes are borrowed for the call. NULL slots are allowed. */
struct lh_http_events {
  void (*header)(void *context, const char *name, size_t name_len, const char *value, size_t value_len);
  void (*head)(void *context, unsigned status);
  void (*body)(void *context, const char *bytes, size_t len); /* transfer coding removed, content coding not */
  void (*done)(void *context, bool keep_alive); /* keep_alive: the connection may carry another request */
};

struct lh_http_reader {
  _Alignas(8) unsigned char parser[LH_HTTP_PARSER_BYTES];
  const struct lh_http_events *events; /* borrowed; set for the time of a feed */
  void *context;
  struct lh_buf name, value;           /* a header being read over several reads */
  uint32_t head_bytes;                 /* of this response's head, against LH_HTTP_HEAD_BYTES_MAX */
  uint8_t phase;                       /* enum lh_http_phase */
  bool begun;                          /* a byte of the awaited response was read */
  bool head_request, in_value;
};

void lh_http_init(struct lh_http_reader *reader);
/* A request was sent: the next bytes are its response. head_request: it has no body whatever its headers say. */
void lh_http_expect(struct lh_http_reader *reader, bool head_request);
/* Feeds what was read. Bytes after the end of the awaited response are -EPROTO ("bytes after the response"): pipelining is
 * never asked for. Broken responses are -EBADMSG. The sentence names what was wrong and llhttp's reason. */
int lh_http_feed(struct lh_http_reader *reader, const struct lh_http_events *events, void *context, const void *bytes, size_t len,
                 struct lh_err *err);
/* The peer has closed. A body to close is done by that (event `done`); a response cut short is -EPROTO with a sentence;
 * in phase IDLE or before the first byte of a head it is 0: nothing was lost but the connection. */
int lh_http_eof(struct lh_http_reader *reader, const struct lh_http_events *events, void *context, struct lh_err *err);
/* The status of the response whose head was read last, 0 before the first. */
unsigned lh_http_status(const struct lh_http_reader *reader);
/* Whether any byte of the awaited response was read. */
bool lh_http_begun(const struct lh_http_reader *reader);
void lh_http_free(struct lh_http_reader *reader);

/* What the value of a Retry-After header asks for, counted from now: seconds, or a date (RFC 9110, 10.2.3; of its three forms
 * the one that may still be written). 0 when it asks for nothing, lies in the past or cannot be read. */
uint64_t lh_http_retry_after_ns(const char *value, int64_t now_wall_us);

#endif
