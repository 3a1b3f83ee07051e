/* URLs of targets: SCHEME://HOST[:PORT][/PATH][?QUERY]. User information is refused rather than turned into a header: a
 * password in a URL ends up in logs, and a header with ${env.NAME} says the same without that. */
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
};

static bool read_scheme(struct load *load, struct node *node, const char *url, struct parts *parts) {
  const char *end = strstr(url, "://");
  if (!end) {
    report_value(load, node, "%s is not a URL; expected its scheme first, as in wss://host/path", quoted(load, node));
    return false;
  }
  size_t len = (size_t)(end - url);
  for (int i = 0; i < SCHEME_COUNT; i++) {
    if (strlen(schemes[i].name) != len || strncasecmp(schemes[i].name, url, len) != 0) continue;
    parts->scheme = (enum lh_scheme)i;
    parts->host = end + 3;
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

/* parts->host stands at the authority. */
static bool read_authority(struct load *load, struct node *node, struct parts *parts) {
  const char *at = parts->host, *end = at + strcspn(at, "/?#");
  if (memchr(at, '@', (size_t)(end - at)))
    return refuse(load, node,
                  "holds a user name or password; expected it in headers, as in Authorization: \"Basic ${env.BASIC}\"");
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

/* Moves the parts into the target, or frees what it made. */
static bool fill(struct load *load, struct node *node, const char *url, struct lh_target *target) {
  struct parts parts = {0};
  uint16_t port;
  if (!read_scheme(load, node, url, &parts) || !read_authority(load, node, &parts) || !read_port(load, node, &parts, &port))
    return false;
  bool slash = *parts.path == '/';
  struct lh_buf path = LH_BUF_INIT(CONFIG_BYTES_MAX);
  char *host = strndup(parts.host, parts.host_len);
  if (!host || (!slash && lh_buf_addstr(&path, "/")) || lh_buf_addstr(&path, parts.path)) {
    load->arena.out_of_memory = true;
  } else if (check_host(load, node, host, parts.host[-1] == '[') && check_path(load, node, path.data)) {
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

bool set_url(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_target *target = base;
  if (node->bad) return false;
  if (node->kind != NODE_SCALAR || node_is_null(node)) {
    report_value(load, node, "%s stands here; expected %s", quoted(load, node), type_expected(row->type));
    return false;
  }
  char *masked = secret_url(node->masked); /* before the first sentence that shows the URL */
  if (masked) node->masked = arena_copy(&load->arena, masked, strlen(masked));
  if (!node->masked) node->masked = "***";
  free(masked);
  target->url = value_string(load, node);
  target->url_masked = strdup(node->masked);
  if (!target->url_masked) load->arena.out_of_memory = true;
  return target->url && fill(load, node, target->url, target);
}
