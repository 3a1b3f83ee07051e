/* URLs of targets: SCHEME://HOST[:PORT][/PATH][?QUERY], or SCHEME+unix:[//]/SOCKET[:/PATH][?QUERY]. User information is
 * refused rather than turned into a header: a password in a URL ends up in logs, and a header with ${env.NAME} says the same
 * without that. URLs of proxies, http://[USER:PASSWORD@]HOST:PORT, have it, as every tool writes them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/buf.h"

#include "load_internal.h"
#include "nearest.h"
#include "row.h"
#include "secret.h"
#include "text.h"

static const struct {
  const char *name;
  uint16_t port; /* 0: must be given */
  bool tls;
} schemes[] = {
    [LH_SCHEME_WS] = {"ws", 80, false},       [LH_SCHEME_WSS] = {"wss", 443, true}, [LH_SCHEME_HTTP] = {"http", 80, false},
    [LH_SCHEME_HTTPS] = {"https", 443, true}, [LH_SCHEME_TCP] = {"tcp", 0, false},  [LH_SCHEME_TLS] = {"tls", 0, true},
};

enum { SCHEME_COUNT = sizeof schemes / sizeof *schemes };

const char *lh_scheme_name(enum lh_scheme scheme) {
  return schemes[scheme].name;
}

struct parts {
  enum lh_scheme scheme;
  const char *host, *port, *path; /* port NULL: none given */
  size_t host_len, port_len;
  const char *socket; /* path of a unix socket; NULL: TCP */
  size_t socket_len;
};

static const char unix_mark[] = "+unix:";

/* Where the scheme ends, and what begins behind it; NULL: there is none. */
static const char *scheme_end(const char *url, const char **rest) {
  const char *slashes = strstr(url, "://"), *plus = strcasestr(url, unix_mark);
  bool is_unix = plus && (!slashes || plus < slashes);
  const char *end = is_unix ? plus : slashes;
  if (end) *rest = end + (is_unix ? sizeof unix_mark - 1 : 3);
  return end;
}

static bool read_scheme(struct load *load, struct node *node, const char *url, struct parts *parts) {
  const char *end = scheme_end(url, &parts->host);
  if (!end) {
    report_value(load, node, "%s is not a URL; expected its scheme first, as in wss://host/path", quoted(load, node));
    return false;
  }
  size_t len = (size_t)(end - url);
  for (int i = 0; i < SCHEME_COUNT; i++) {
    if (strlen(schemes[i].name) != len || strncasecmp(schemes[i].name, url, len) != 0) continue;
    parts->scheme = (enum lh_scheme)i;
    if (*end == '+') parts->socket = parts->host;
    return true;
  }
  struct nearest nearest = {0};
  char *written = arena_copy(&load->arena, url, len < 32 ? len : 32);
  for (int i = 0; written && i < SCHEME_COUNT; i++) nearest_try(&nearest, written, schemes[i].name);
  report_value(load, node, "the scheme of %s is not known; expected ws, wss, http, https, tcp or tls%s%s%s", quoted(load, node),
               nearest.word ? "; did you mean " : "", nearest.word ? nearest.word : "", nearest.word ? "?" : "");
  return false;
}

static bool refuse(struct load *load, struct node *node, const char *sentence) {
  report_value(load, node, "%s %s", quoted(load, node), sentence);
  return false;
}

static bool refuse_user(struct load *load, struct node *node, const struct parts *parts) {
  const char *at = parts->host, *end = at + strcspn(at, "/?#");
  if (!memchr(at, '@', (size_t)(end - at))) return true;
  return refuse(load, node,
                "holds a user name or password; expected it in headers, as in Authorization: \"Basic ${env.BASIC}\"");
}

/* parts->host stands at the authority. */
static bool read_authority(struct load *load, struct node *node, struct parts *parts) {
  const char *at = parts->host, *end = at + strcspn(at, "/?#");
  if (*at == '[') {
    const char *close = memchr(at, ']', (size_t)(end - at));
    if (!close) return refuse(load, node, "has no ] after its IPv6 address; expected [ADDRESS]:PORT");
    parts->host++;
    parts->host_len = (size_t)(close - at - 1);
    at = close + 1;
    if (at < end && *at != ':') return refuse(load, node, "has something else than :PORT after the ]; expected [ADDRESS]:PORT");
  } else {
    at += strcspn(at, ":/?#");
    parts->host_len = (size_t)(at - parts->host);
    if (at < end && memchr(at + 1, ':', (size_t)(end - at - 1)))
      return refuse(load, node,
                    "has more than one colon after the host; expected an IPv6 address in brackets, as in ws://[::1]:8080/");
  }
  if (at < end) {
    parts->port = at + 1;
    parts->port_len = (size_t)(end - at - 1);
  }
  parts->path = end;
  return true;
}

static bool read_port(struct load *load, struct node *node, const struct parts *parts, uint16_t *port) {
  unsigned value = 0;
  *port = schemes[parts->scheme].port;
  if (!parts->port) {
    return *port || refuse(load, node, "has no port; expected tcp://HOST:PORT or tls://HOST:PORT");
  }
  for (size_t i = 0; i < parts->port_len; i++) {
    char c = parts->port[i];
    if (c < '0' || c > '9' || (value = value * 10 + (unsigned)(c - '0')) > UINT16_MAX)
      return refuse(load, node, "has a wrong port; expected a number from 1 to 65535");
  }
  if (!value) return refuse(load, node, "has a wrong port; expected a number from 1 to 65535");
  *port = (uint16_t)value;
  return true;
}

static bool check_host(struct load *load, struct node *node, const char *host, bool bracketed) {
  if (!*host) return refuse(load, node, "has no host; expected SCHEME://HOST:PORT/PATH");
  if (bracketed && (!strchr(host, ':') || text_address(host)))
    return refuse(load, node, "has something else than an IPv6 address in its brackets");
  const char *expected = text_host(host);
  if (!expected) return true;
  report_value(load, node, "the host of %s is not accepted; expected %s", quoted(load, node), expected);
  return false;
}

static bool check_path(struct load *load, struct node *node, const char *path) {
  if (strchr(path, '#')) return refuse(load, node, "has a fragment, which is never sent; expected no #");
  const char *expected = text_path(path);
  if (!expected) return true;
  report_value(load, node, "the path of %s is not accepted; expected %s", quoted(load, node), expected);
  return false;
}

/* parts->socket stands behind "+unix:". The socket's path ends at the first colon, as npm's ws has it. */
static bool read_socket(struct load *load, struct node *node, struct parts *parts) {
  static char host[] = "/localhost"; /* what the Host header says; the byte before it is no bracket */
  if (strncmp(parts->socket, "//", 2) == 0) parts->socket += 2;
  parts->socket_len = strcspn(parts->socket, ":?");
  parts->path = parts->socket + parts->socket_len;
  if (*parts->path == ':') parts->path++;
  parts->host = host + 1;
  parts->host_len = sizeof host - 2;
  char *socket = arena_copy(&load->arena, parts->socket, parts->socket_len);
  const char *expected = socket ? text_socket_path(socket) : NULL;
  if (!expected) return socket;
  report_value(load, node, "the unix socket of %s is not accepted; expected %s", quoted(load, node), expected);
  return false;
}

/* Behind the scheme, up to the path. */
static bool read_place(struct load *load, struct node *node, struct parts *parts, uint16_t *port) {
  if (!parts->socket)
    return refuse_user(load, node, parts) && read_authority(load, node, parts) && read_port(load, node, parts, port);
  *port = schemes[parts->scheme].port;
  return read_socket(load, node, parts);
}

static bool keep_socket(struct load *load, const struct parts *parts, struct lh_target *target) {
  if (!parts->socket) return true;
  free(target->unix_path);
  target->unix_path = strndup(parts->socket, parts->socket_len);
  if (!target->unix_path) load->arena.out_of_memory = true;
  return target->unix_path;
}

/* Moves the parts into the target, or frees what it made. */
static bool fill(struct load *load, struct node *node, const char *url, struct lh_target *target) {
  struct parts parts = {0};
  uint16_t port;
  if (!read_scheme(load, node, url, &parts) || !read_place(load, node, &parts, &port)) return false;
  bool slash = *parts.path == '/';
  struct lh_buf path = LH_BUF_INIT(CONFIG_BYTES_MAX);
  char *host = strndup(parts.host, parts.host_len);
  if (!host || (!slash && lh_buf_addstr(&path, "/")) || lh_buf_addstr(&path, parts.path)) {
    load->arena.out_of_memory = true;
  } else if (check_host(load, node, host, parts.host[-1] == '[') && check_path(load, node, path.data) &&
             keep_socket(load, &parts, target)) {
    target->scheme = parts.scheme;
    target->tls_scheme = schemes[parts.scheme].tls;
    target->port = port;
    target->host = host;
    target->path = path.data;
    return true;
  }
  free(host);
  lh_buf_free(&path);
  return false;
}

/* The value as text, with what is secret masked before the first sentence that shows it; NULL: reported. */
static char *url_text(struct load *load, const struct lh_option *row, struct node *node) {
  if (!value_has_text(load, node, type_expected(row->type))) return NULL;
  secret_url_mask(load, node);
  return value_string(load, node);
}

bool set_url(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_target *target = base;
  char *url = url_text(load, row, node);
  if (!url) return false;
  target->url = url;
  target->url_masked = strdup(node->masked);
  if (!target->url_masked) load->arena.out_of_memory = true;
  return fill(load, node, target->url, target);
}

/* ---- proxies ---- */

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* USER:PASSWORD with %XX undone, in place; returns its length. */
static size_t decode_percent(char *text) {
  char *to = text;
  for (const char *at = text; *at; at++) {
    int high = *at == '%' ? hex_value(at[1]) : -1, low = high >= 0 ? hex_value(at[2]) : -1;
    if (low >= 0) at += 2;
    *to++ = (char)(low >= 0 ? high << 4 | low : *at);
  }
  *to = 0;
  return (size_t)(to - text);
}

static char *basic_authorization(struct load *load, const char *user, size_t len) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", word[] = "Basic ";
  char *plain = arena_copy(&load->arena, user, len), *out = calloc(1, sizeof word + 4 * (len / 3 + 1));
  if (!plain || !out) {
    load->arena.out_of_memory = true;
    free(out);
    return NULL;
  }
  len = decode_percent(plain);
  char *to = stpcpy(out, word);
  for (size_t i = 0; i < len; i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; k++) bits = bits << 8 | (i + k < len ? (uint8_t)plain[i + k] : 0);
    for (size_t k = 0; k < 4; k++) *to++ = i + k > len ? '=' : digits[bits >> (18 - 6 * k) & 63];
  }
  return out;
}

bool set_proxy(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  static const char scheme[] = "http://";
  struct lh_proxy *proxy = &((struct lh_target *)base)->proxy;
  struct parts parts = {.scheme = LH_SCHEME_TCP}; /* its port must be given */
  char *url = url_text(load, row, node);
  if (!url) return false;
  bool good = strncasecmp(url, scheme, sizeof scheme - 1) == 0 ||
              refuse(load, node, "is not a proxy's URL; expected http://[USER:PASSWORD@]HOST:PORT");
  const char *user = url + sizeof scheme - 1;
  size_t user_len = 0;
  if (good) {
    for (const char *at = user; *at && !strchr("/?#", *at); at++)
      if (*at == '@') user_len = (size_t)(at + 1 - user);
    parts.host = user + user_len;
    good = read_authority(load, node, &parts) &&
           (parts.port || refuse(load, node, "has no port; expected http://[USER:PASSWORD@]HOST:PORT")) &&
           read_port(load, node, &parts, &proxy->port);
  }
  if (good) good = !*parts.path || !strcmp(parts.path, "/") || refuse(load, node, "has a path; expected none behind a proxy's port");
  if (good) {
    proxy->host = strndup(parts.host, parts.host_len);
    if (!proxy->host) load->arena.out_of_memory = true;
    good = proxy->host && check_host(load, node, proxy->host, parts.host[-1] == '[');
  }
  if (good && user_len) proxy->authorization = basic_authorization(load, user, user_len - 1);
  free(url);
  return good;
}

/* The endpoint is a target of its own, which no group uses. */
bool set_metrics(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_target *metrics = &((struct lh_config *)base)->watch.metrics;
  if (!set_url(load, row, node, metrics)) return false;
  if (metrics->scheme == LH_SCHEME_HTTP && !metrics->unix_path) return true;
  report_value(load, node, "%s cannot be fetched; expected http://HOST:PORT/PATH", quoted(load, node));
  return false;
}
