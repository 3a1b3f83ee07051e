#include "request.h"

#include <string.h>
#include <strings.h>

bool view_is(struct view view, const char *text) {
  return view.len == strlen(text) && strncasecmp(view.at, text, view.len) == 0;
}

struct view view_trimmed(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  while (end > at && (end[-1] == ' ' || end[-1] == '\t')) end--;
  return (struct view){at, (size_t)(end - at)};
}

struct view request_header(const struct request *request, const char *name) {
  const char *at = request->headers.at, *end = at + request->headers.len;
  size_t name_len = strlen(name);
  while (at < end) {
    const char *line_end = memchr(at, '\r', (size_t)(end - at));
    if (!line_end) line_end = end;
    if ((size_t)(line_end - at) > name_len && at[name_len] == ':' && strncasecmp(at, name, name_len) == 0)
      return view_trimmed(at + name_len + 1, line_end);
    at = line_end + 2;
  }
  return (struct view){NULL, 0};
}

bool view_has_token(struct view list, const char *token) {
  const char *at = list.at, *end = at ? at + list.len : at;
  while (at < end) {
    const char *comma = memchr(at, ',', (size_t)(end - at));
    if (!comma) comma = end;
    if (view_is(view_trimmed(at, comma), token)) return true;
    at = comma + 1;
  }
  return false;
}

static bool next_word(const char **at, const char *end, struct view *word) {
  const char *stop = *at;
  while (stop < end && *stop != ' ') stop++;
  *word = (struct view){*at, (size_t)(stop - *at)};
  *at = stop < end ? stop + 1 : stop;
  return word->len > 0;
}

uint64_t view_number(struct view view) {
  uint64_t n = 0;
  for (size_t i = 0; i < view.len && view.at[i] >= '0' && view.at[i] <= '9' && n <= UINT32_MAX; i++)
    n = n * 10 + (uint64_t)(view.at[i] - '0');
  return n;
}

int request_read(const char *bytes, size_t len, struct request *request, const char **wrong) {
  const char *head_end = memmem(bytes, len, "\r\n\r\n", 4);
  *wrong = "request head too long";
  if (!head_end) return len > REQUEST_HEAD_MAX ? -1 : 0;
  const char *at = bytes, *line_end = memchr(bytes, '\r', (size_t)(head_end - bytes) + 1);
  *request = (struct request){0};
  *wrong = "not an HTTP request";
  if (!next_word(&at, line_end, &request->method) || !next_word(&at, line_end, &request->target) ||
      !next_word(&at, line_end, &request->version) || request->version.len != 8 ||
      memcmp(request->version.at, "HTTP/1.", 7) != 0)
    return -1;
  if (line_end < head_end) request->headers = (struct view){line_end + 2, (size_t)(head_end - line_end - 2)};
  struct view connection = request_header(request, "Connection");
  request->keep_alive =
      request->version.at[7] == '0' ? view_has_token(connection, "keep-alive") : !view_has_token(connection, "close");
  request->is_upgrade = view_has_token(connection, "upgrade") && request_header(request, "Upgrade").at;
  *wrong = "a chunked request body (not supported)";
  if (request_header(request, "Transfer-Encoding").at) return -1;
  request->body = head_end + 4;
  request->body_len = (size_t)view_number(request_header(request, "Content-Length"));
  *wrong = "request body too long";
  if (request->body_len > REQUEST_BODY_MAX) return -1;
  request->len = (size_t)(request->body - bytes) + request->body_len;
  return request->len <= len ? 1 : 0;
}
