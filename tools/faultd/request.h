/* Reading an HTTP/1 request from bytes. Pure; nothing is copied.
 *
 * Glossary
 *   view   a piece of the request, not terminated
 */
#ifndef FAULTD_REQUEST_H
#define FAULTD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view {
  const char *at;
  size_t len;
};

struct request {
  struct view method, target, version, headers; /* headers: from the first one to the empty line */
  const char *body;
  size_t body_len;
  size_t len; /* head and body */
  bool keep_alive, is_upgrade;
};

enum { REQUEST_HEAD_MAX = 16 << 10, REQUEST_BODY_MAX = 1 << 20 };

/* Reads a request. Returns 1, 0 when more bytes are needed, or -1 with what is wrong in *wrong. */
int request_read(const char *bytes, size_t len, struct request *request, const char **wrong);
/* The value of the first header of that name; len 0 and at NULL when there is none. */
struct view request_header(const struct request *request, const char *name);

/* Whether it is that text, whatever the case. */
bool view_is(struct view view, const char *text);
/* Without the blanks around it. */
struct view view_trimmed(const char *at, const char *end);
/* Whether a comma-separated value holds the token. */
bool view_has_token(struct view list, const char *token);
/* The number it begins with, 0 when there is none; larger ones than 2^32 come back as something above it. */
uint64_t view_number(struct view view);

#endif
