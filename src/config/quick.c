#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/units.h"
#include "longhaul/config/load.h"

#include "secret.h"
#include "text.h"
#include "variables.h"
#include "yaml_text.h"

enum { QUICK_BYTES_MAX = 1 << 20 };
static const char text_preset[] = "{\"id\":\"${token}\",\"n\":${seq}}";

/* What a URL is by its scheme. */
struct look {
  const char *scheme, *kind;
  bool has_message, has_request;
};

static const struct look *look_of(const struct lh_quick_args *args) {
  static const struct look looks[] = {{"ws", "websocket", true, false}, {"wss", "websocket", true, false},
                                      {"http", "http", true, true},     {"https", "http", true, true},
                                      {"tcp", "tcp", false, false},     {"tls", "tcp", false, false}};
  static const struct look events = {"http", "sse", false, false};
  static const char socket[] = "+unix://";
  const char *colon = strstr(args->url, "://");
  if (!colon) return NULL;
  bool is_socket = colon - args->url >= 5 && strncasecmp(colon - 5, socket, 8) == 0;
  size_t len = (size_t)(colon - args->url) - (is_socket ? 5 : 0);
  for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
    if (len == strlen(looks[i].scheme) && strncasecmp(args->url, looks[i].scheme, len) == 0)
      return args->sse && looks[i].has_request ? &events : &looks[i];
  return NULL;
}

static int check(const struct lh_quick_args *args, struct lh_err *err) {
  uint64_t ns;
  const char *text = args->text ? args->text : text_preset;
  if (!text_is_utf8(args->url, strlen(args->url)) || !text_is_utf8(text, strlen(text)))
    return lh_err_set(err, EINVAL, "the URL or the message text is not UTF-8; expected UTF-8 text");
  char *shown = secret_url(args->url);
  const struct look *look = look_of(args);
  int failed = 0;
  if (!look)
    failed = lh_err_set(err, EINVAL,
                        "%s is not a URL that can be run without a config; expected ws://, wss://, http://, https://, tcp:// or "
                        "tls://, or one of them with +unix before the colon",
                        shown ? shown : "the URL");
  else if (args->sse && strcmp(look->kind, "sse") != 0)
    failed = lh_err_set(err, EINVAL, "%s cannot be an event stream; expected http:// or https://", shown ? shown : "the URL");
  free(shown);
  if (!failed && args->duration && (lh_parse_duration(args->duration, &ns) != 0 || ns == 0))
    failed =
        lh_err_set(err, EINVAL, "\"%s\" is not a duration (--duration); expected a number with its unit, such as 30s or 1h", args->duration);
  if (!failed && args->every && lh_parse_duration(args->every, &ns) != 0)
    failed = lh_err_set(err, EINVAL, "\"%s\" is not a message period (--every); expected a duration such as 1s, or 0 for no messages",
                        args->every);
  if (!failed && args->connections == 0) failed = lh_err_set(err, EINVAL, "0 connections; expected at least 1");
  return failed;
}

static bool has_messages(const struct lh_quick_args *args) {
  uint64_t ns;
  if (args->every && lh_parse_duration(args->every, &ns) == 0 && ns == 0) return false;
  return look_of(args)->has_message || (args->text && strcmp(look_of(args)->kind, "tcp") == 0);
}

/* Behind a unix socket it comes after a colon, or is left out. */
static const char *path_of(const char *url) {
  const char *slashes = strstr(url, "://"), *rest = slashes + 3;
  if (slashes - url < 5 || strncasecmp(slashes - 5, "+unix", 5) != 0) return rest + strcspn(rest, "/?");
  rest += strcspn(rest, ":?");
  return *rest == ':' ? rest + 1 : rest;
}

/* A GET of the URL's own path, or a POST of the text. */
static int add_request(struct lh_buf *out, const struct lh_quick_args *args) {
  const char *path = path_of(args->url);
  struct lh_buf whole = LH_BUF_INIT(QUICK_BYTES_MAX);
  int failed = lh_buf_addf(&whole, "%s%s", *path == '/' ? "" : "/", path);
  if (!failed) failed = lh_buf_addf(out, "        %s: ", args->text ? "post" : "get");
  if (!failed) failed = yaml_text_add_quoted(out, whole.data);
  if (!failed && args->text) failed = lh_buf_addstr(out, "\n        text: ");
  if (!failed && args->text) failed = yaml_text_add_quoted(out, args->text);
  lh_buf_free(&whole);
  return failed ? failed : lh_buf_addstr(out, "\n        reply: {within: 5s}\n");
}

/* A message that carries a token knows its reply by it, any other by order. */
static int add_messages(struct lh_buf *out, const struct lh_quick_args *args) {
  const char *every = args->every ? args->every : "1s", *text = args->text ? args->text : text_preset;
  bool is_request = look_of(args)->has_request;
  if (!has_messages(args)) return 0;
  int failed = lh_buf_addf(out, "    messages:\n      - name: %s\n        every: %s\n", is_request ? "request" : "message", every);
  if (!failed && is_request) return add_request(out, args);
  if (!failed) failed = lh_buf_addstr(out, "        text: ");
  if (!failed) failed = yaml_text_add_quoted(out, text);
  if (!failed)
    failed = lh_buf_addf(out, "\n        reply: {match: %s, within: 5s}\n",
                         variables_has(text, strlen(text), "token") ? "token" : "order");
  return failed;
}

int lh_config_quick(const struct lh_quick_args *args, char **text, struct lh_err *err) {
  struct lh_buf out = LH_BUF_INIT(QUICK_BYTES_MAX);
  int failed = check(args, err);
  if (failed) return failed;
  failed = lh_buf_addf(
      &out, "run:\n  name: quick\n  duration: %s\ntargets:\n  target:\n    url: ", args->duration ? args->duration : "30s");
  if (!failed) failed = yaml_text_add_quoted(&out, args->url);
  if (!failed)
    failed = lh_buf_addf(&out, "\ngroups:\n  clients:\n    kind: %s\n    target: target\n    connections: %u\n", look_of(args)->kind,
                         args->connections);
  if (!failed) failed = add_messages(&out, args);
  if (failed) {
    lh_buf_free(&out);
    return lh_err_set(err, failed,
                      failed == -ENOBUFS ? "the message text is larger than 1 MiB; expected a smaller one" : "out of memory");
  }
  *text = out.data;
  return 0;
}
