#include "request.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/limits.h"

enum { HEAD_BYTES_MAX = 1 << 20, LINES_MAX = 3 * LH_HEADERS_MAX + 4 };

struct lines {
  const struct lh_header *items[LINES_MAX];
  size_t count;
};

/* A later one of the same name replaces: the message's the group's, the group's the target's. */
static void add_line(struct lines *lines, const struct lh_header *header) {
  for (size_t i = 0; i < lines->count; i++)
    if (!strcasecmp(lines->items[i]->name, header->name)) {
      lines->items[i] = header;
      return;
    }
  lines->items[lines->count++] = header;
}

static void add_lines(struct lines *lines, const struct lh_headers *headers) {
  for (size_t i = 0; i < headers->count; i++) add_line(lines, &headers->items[i]);
}

/* What is no template must not become one. */
static int add_plain(struct lh_buf *out, const char *text) {
  int failed = 0;
  for (const char *at; !failed && (at = strstr(text, "${")); text = at + 2) {
    failed = lh_buf_add(out, text, (size_t)(at - text));
    if (!failed) failed = lh_buf_addstr(out, "$${");
  }
  return failed ? failed : lh_buf_addstr(out, text);
}

static int add_first_line(struct lh_buf *out, const struct lh_request_args *args) {
  const struct lh_message *m = args->message;
  if (args->login) return lh_buf_addf(out, "%s %s HTTP/1.1\r\n", args->login->method, args->login->path);
  const char *path = m ? m->request_path : args->group->path; /* templates; the URL's own path is none */
  int failed = lh_buf_addf(out, "%s ", m ? m->method : "GET");
  if (!failed) failed = path ? lh_buf_addstr(out, path) : add_plain(out, args->target->path);
  return failed ? failed : lh_buf_addstr(out, " HTTP/1.1\r\n");
}

static int add_host(struct lh_buf *out, const struct lh_target *t) {
  uint16_t preset = t->tls_scheme ? 443 : 80;
  int failed = lh_buf_addf(out, strchr(t->host, ':') ? "Host: [%s]" : "Host: %s", t->host);
  if (!failed && t->port != preset) failed = lh_buf_addf(out, ":%u", t->port);
  return failed ? failed : lh_buf_addstr(out, "\r\n");
}

/* A login cannot send what it is to give: the target's headers that name it are for the requests after it. */
static void add_login_lines(struct lines *lines, const struct lh_headers *headers) {
  for (size_t i = 0; i < headers->count; i++)
    if (!strstr(headers->items[i].value, "${login.")) add_line(lines, &headers->items[i]);
}

/* What the body looks like, when the config does not say. */
static const struct lh_header *type_of_body(const struct lh_login_config *login) {
  static char name[] = "Content-Type", json[] = "application/json", form[] = "application/x-www-form-urlencoded";
  static const struct lh_header as_json = {name, json}, as_form = {name, form};
  const char *body = login->body ? login->body + strspn(login->body, " \t\r\n") : "";
  if (*body == '{' || *body == '[') return &as_json;
  return strchr(body, '=') ? &as_form : NULL;
}

/* Those of the group are for what the login is for. */
static void add_lines_of_login(struct lines *lines, const struct lh_request_args *args) {
  const struct lh_header *type = type_of_body(args->login);
  if (type) add_line(lines, type);
  add_login_lines(lines, &args->target->headers);
  add_lines(lines, &args->login->headers);
}

static void add_lines_of_group(struct lines *lines, const struct lh_request_args *args) {
  add_lines(lines, &args->target->headers);
  add_lines(lines, &args->group->headers);
  if (args->message) add_lines(lines, &args->message->headers);
}

static int compose(struct lh_buf *out, const struct lh_request_args *args) {
  static char agent[] = "User-Agent", version[] = "longhaul/" LH_VERSION, accept[] = "Accept", any[] = "*/*",
              events[] = "text/event-stream", cache[] = "Cache-Control", no_store[] = "no-store";
  static const struct lh_header user_agent = {agent, version}, accept_any = {accept, any}, accept_events = {accept, events},
                                no_cache = {cache, no_store};
  bool is_events = args->group->kind == LH_KIND_SSE && !args->login, own_host = false;
  struct lines lines = {.count = 0};
  add_line(&lines, &user_agent);
  add_line(&lines, is_events ? &accept_events : &accept_any);
  if (is_events) add_line(&lines, &no_cache);
  (args->login ? add_lines_of_login : add_lines_of_group)(&lines, args);
  for (size_t i = 0; i < lines.count; i++) own_host |= !strcasecmp(lines.items[i]->name, "Host");
  int failed = add_first_line(out, args);
  if (!failed && !own_host) failed = add_host(out, args->target);
  for (size_t i = 0; !failed && i < lines.count; i++)
    failed = lh_buf_addf(out, "%s: %s\r\n", lines.items[i]->name, lines.items[i]->value);
  return failed;
}

int lh_request_new(struct lh_template **head, const struct lh_request_args *args, struct lh_err *err) {
  struct lh_buf text = LH_BUF_INIT(HEAD_BYTES_MAX);
  int failed = compose(&text, args);
  if (failed)
    failed = lh_err_set(err, failed, "group %s: a request's head is longer than the %d bytes that can be sent", args->group->name,
                        HEAD_BYTES_MAX);
  else if ((failed = lh_template_compile_for(args->group, text.data, text.len, head, err)))
    lh_err_prefix(err, "group %s: a request's head", args->group->name);
  lh_buf_free(&text);
  return failed;
}

struct lh_cookie_site lh_request_site(const char *head, bool tls) {
  static const char field[] = "\r\nHost:";
  const char *path = head + strcspn(head, " ") + 1, *host = strcasestr(head, field);
  host = host ? host + sizeof field - 1 : "";
  host += strspn(host, " ");
  return (struct lh_cookie_site){.tls = tls, .host = {host, strcspn(host, " \r")}, .path = {path, strcspn(path, " \r")}};
}

const char *lh_request_path(char *head) {
  char *path = head + strcspn(head, " ") + 1;
  path[strcspn(path, " \r")] = 0;
  return path;
}
