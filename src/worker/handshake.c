#include "handshake.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/limits.h"
#include "longhaul/conn/cookies.h"

enum { PATH_MAX_BYTES = 2000, REQUEST_BASE_BYTES = 1024 };

struct line {
  const char *name; /* borrowed from the config */
  struct lh_template *value;
};

struct lh_handshake {
  const struct lh_group *group;
  struct lh_template *path;
  struct lh_buf protocols;
  struct lh_buf host;           /* "host:port" of the URL */
  struct lh_template *own_host; /* a Host header of the config's, or NULL */
  struct line lines[2 * LH_HEADERS_MAX + 1];
  size_t count;
  size_t size_max;
};

/* libwebsockets writes these itself, so that a second one would contradict it. */
static const char *const reserved[] = {"Connection",            "Upgrade",
                                       "Sec-WebSocket-Key",     "Sec-WebSocket-Version",
                                       "Sec-WebSocket-Accept",  "Sec-WebSocket-Extensions",
                                       "Sec-WebSocket-Protocol", "Content-Length",
                                       "Transfer-Encoding"};

static bool has_control(const char *text) {
  for (const unsigned char *at = (const unsigned char *)text; *at; at++)
    if ((*at < 0x20 && *at != '\t') || *at == 0x7f) return true;
  return false;
}

static bool is_name(const char *text) {
  static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  return *text && !text[strspn(text, token)];
}

static int check_header(const char *where, const struct lh_header *header, struct lh_err *err) {
  if (!is_name(header->name)) return lh_err_set(err, EINVAL, "%s: '%s' is not a header name", where, header->name);
  if (has_control(header->value))
    return lh_err_set(err, EINVAL, "%s.%s: a header value must not hold line breaks or control characters", where,
                      header->name);
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
    if (!strcasecmp(header->name, reserved[i]))
      return lh_err_set(err, EINVAL, "%s.%s: this header is part of the WebSocket handshake and cannot be set%s", where,
                        header->name, i == 6 ? "; use `subprotocols`" : i == 5 ? "; use `deflate`" : "");
  return 0;
}

static struct line *line_of(struct lh_handshake *h, const char *name) {
  for (size_t i = 0; i < h->count; i++)
    if (!strcasecmp(h->lines[i].name, name)) return &h->lines[i];
  return NULL;
}

/* The same name replaces: the group's over the target's, a later one over an earlier one. */
static int add_header(struct lh_handshake *h, const char *where, const struct lh_header *header, struct lh_err *err) {
  int failed = check_header(where, header, err);
  if (failed) return failed;
  struct lh_template *value;
  failed = lh_template_compile_for(h->group, header->value, strlen(header->value), &value, err);
  if (failed) {
    lh_err_prefix(err, "%s.%s", where, header->name);
    return failed;
  }
  bool is_host = !strcasecmp(header->name, "Host");
  struct line *line = is_host ? NULL : line_of(h, header->name);
  struct lh_template **place = is_host ? &h->own_host : line ? &line->value : &h->lines[h->count].value;
  lh_template_free(*place);
  *place = value;
  if (!is_host && !line) h->lines[h->count++].name = header->name;
  if (is_host && lh_template_size_max(value) >= LH_HOST_MAX)
    return lh_err_set(err, EINVAL, "%s.Host: a Host header of up to %zu bytes is longer than the %d that can be sent", where,
                      lh_template_size_max(value), LH_HOST_MAX - 1);
  return 0;
}

static int add_headers(struct lh_handshake *h, const char *kind, const char *name, const struct lh_headers *headers,
                       struct lh_err *err) {
  char where[2 * LH_NAME_MAX];
  snprintf(where, sizeof where, "%s.%s.headers", kind, name);
  if (headers->count > LH_HEADERS_MAX)
    return lh_err_set(err, EINVAL, "%s: %zu headers, the most is %d", where, headers->count, LH_HEADERS_MAX);
  int failed = 0;
  for (size_t i = 0; !failed && i < headers->count; i++) failed = add_header(h, where, &headers->items[i], err);
  return failed;
}

static int add_host(struct lh_handshake *h, const struct lh_target *t, struct lh_err *err) {
  bool is_v6 = strchr(t->host, ':');
  uint16_t preset = t->tls_scheme ? 443 : 80;
  int failed = lh_buf_addf(&h->host, is_v6 ? "[%s]" : "%s", t->host);
  if (!failed && t->port != preset) failed = lh_buf_addf(&h->host, ":%u", t->port);
  if (failed)
    return lh_err_set(err, failed, "targets.%s.url: host and port are longer than the %d bytes that can be sent", t->name,
                      LH_HOST_MAX - 1);
  return 0;
}

static int add_protocols(struct lh_handshake *h, const struct lh_group *group, struct lh_err *err) {
  int failed = 0;
  for (size_t i = 0; !failed && i < group->subprotocols.count; i++) {
    const char *name = group->subprotocols.items[i];
    if (!is_name(name))
      return lh_err_set(err, EINVAL, "groups.%s.subprotocols: '%s' cannot be a subprotocol (RFC 6455: a token)", group->name,
                        name);
    failed = lh_buf_addf(&h->protocols, "%s%s", i ? ", " : "", name);
  }
  if (failed)
    return lh_err_set(err, failed, "groups.%s.subprotocols: longer than %zu bytes", group->name, h->protocols.limit);
  return 0;
}

/* The URL's path is no template, the group's own is one. */
static int add_path(struct lh_handshake *h, const struct lh_target *target, struct lh_err *err) {
  const struct lh_group *group = h->group;
  const char *path = group->path ? group->path : target->path;
  if (strlen(path) > PATH_MAX_BYTES)
    return lh_err_set(err, EINVAL, "groups.%s: a path of %zu bytes is longer than the %d that can be sent", group->name,
                      strlen(path), PATH_MAX_BYTES);
  if (path[0] != '/' || strchr(path, ' ') || has_control(path))
    return lh_err_set(err, EINVAL, "groups.%s: path '%s' must begin with / and hold no spaces", group->name, path);
  int failed = group->path ? lh_template_compile_for(group, path, strlen(path), &h->path, err)
                           : lh_template_plain(path, strlen(path), &h->path, err);
  return failed ? lh_err_prefix(err, "groups.%s.path", group->name) : 0;
}

static void add_up(struct lh_handshake *h) {
  const size_t cookies = h->group->keeps_cookies ? LH_COOKIE_LINE_MAX : 0;
  h->size_max = REQUEST_BASE_BYTES + lh_template_size_max(h->path) + h->protocols.len + LH_HOST_MAX + cookies;
  for (size_t i = 0; i < h->count; i++) h->size_max += strlen(h->lines[i].name) + lh_template_size_max(h->lines[i].value) + 4;
}

int lh_handshake_new(struct lh_handshake **handshake, const struct lh_group *group, const struct lh_target *target,
                     struct lh_err *err) {
  static char name[] = "User-Agent", value[] = "longhaul/" LH_VERSION;
  static const struct lh_header agent = {name, value};
  struct lh_handshake *h = calloc(1, sizeof *h);
  if (!h) return lh_err_set(err, ENOMEM, "no memory for the handshake of group %s", group->name);
  h->group = group;
  h->protocols.limit = PATH_MAX_BYTES;
  h->host.limit = LH_HOST_MAX - 1;
  int failed = add_path(h, target, err);
  if (!failed) failed = add_host(h, target, err);
  if (!failed) failed = add_protocols(h, group, err);
  if (!failed) failed = add_header(h, "longhaul", &agent, err);
  if (!failed) failed = add_headers(h, "targets", target->name, &target->headers, err);
  if (!failed) failed = add_headers(h, "groups", group->name, &group->headers, err);
  if (failed) {
    lh_handshake_free(h);
    return failed;
  }
  add_up(h);
  *handshake = h;
  return 0;
}

void lh_handshake_free(struct lh_handshake *handshake) {
  if (!handshake) return;
  for (size_t i = 0; i < handshake->count; i++) lh_template_free(handshake->lines[i].value);
  lh_template_free(handshake->path);
  lh_template_free(handshake->own_host);
  lh_buf_free(&handshake->protocols);
  lh_buf_free(&handshake->host);
  free(handshake);
}

size_t lh_handshake_path_max(const struct lh_handshake *h) {
  return lh_template_size_max(h->path);
}

void lh_handshake_path(const struct lh_handshake *h, const struct lh_template_values *values, char *out) {
  out[lh_template_render(h->path, values, out)] = 0;
}

const char *lh_handshake_protocols(const struct lh_handshake *h) {
  return h->protocols.len ? h->protocols.data : NULL;
}

size_t lh_handshake_size_max(const struct lh_handshake *h) {
  return h->size_max;
}

void lh_handshake_host(const struct lh_handshake *h, const struct lh_template_values *values, char out[LH_HOST_MAX]) {
  size_t len = h->own_host ? lh_template_render(h->own_host, values, out) : h->host.len;
  if (!h->own_host) memcpy(out, h->host.data, len);
  out[len] = 0;
}

int lh_handshake_headers(const struct lh_handshake *h, const struct lh_template_values *values, char **at, size_t room) {
  char *to = *at, *end = *at + room;
  for (size_t i = 0; i < h->count; i++) {
    const struct line *line = &h->lines[i];
    size_t name_len = strlen(line->name);
    if ((size_t)(end - to) < name_len + lh_template_size_max(line->value) + 4) return -ENOBUFS;
    to = mempcpy(to, line->name, name_len);
    to = mempcpy(to, ": ", 2);
    to += lh_template_render(line->value, values, to);
    to = mempcpy(to, "\r\n", 2);
  }
  *at = to;
  return 0;
}
