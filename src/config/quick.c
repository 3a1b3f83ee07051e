#include <errno.h>
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

static int check(const struct lh_quick_args *args, struct lh_err *err) {
  uint64_t ns;
  const char *text = args->text ? args->text : text_preset;
  if (!text_is_utf8(args->url, strlen(args->url)) || !text_is_utf8(text, strlen(text)))
    return lh_err_set(err, EINVAL, "the URL or the message text is not UTF-8; expected UTF-8 text");
  char *shown = secret_url(args->url);
  bool is_ws = strncasecmp(args->url, "ws://", 5) == 0 || strncasecmp(args->url, "wss://", 6) == 0;
  int failed = is_ws ? 0
                     : lh_err_set(err, EINVAL, "%s is not a URL that can be run without a config; expected ws:// or wss://",
                                  shown ? shown : "the URL");
  free(shown);
  if (!failed && args->duration && (lh_parse_duration(args->duration, &ns) != 0 || ns == 0))
    failed =
        lh_err_set(err, EINVAL, "\"%s\" is not a duration; expected a number with its unit, such as 30s or 1h", args->duration);
  if (!failed && args->every && lh_parse_duration(args->every, &ns) != 0)
    failed = lh_err_set(err, EINVAL, "\"%s\" is not a message period; expected a duration such as 1s, or 0 for no messages",
                        args->every);
  if (!failed && args->connections == 0) failed = lh_err_set(err, EINVAL, "0 connections; expected at least 1");
  return failed;
}

/* A message that carries a token knows its reply by it, any other by order. */
static int add_messages(struct lh_buf *out, const struct lh_quick_args *args) {
  const char *every = args->every ? args->every : "1s", *text = args->text ? args->text : text_preset;
  uint64_t ns;
  if (lh_parse_duration(every, &ns) == 0 && ns == 0) return 0;
  int failed = lh_buf_addf(out, "    messages:\n      - name: message\n        every: %s\n        text: ", every);
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
    failed = lh_buf_addf(&out, "\ngroups:\n  clients:\n    kind: websocket\n    target: target\n    connections: %u\n",
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
