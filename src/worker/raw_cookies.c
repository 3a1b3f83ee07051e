#include <strings.h>

#include "raw_private.h"
#include "request.h"

static struct lh_cookie_site site_of(const struct lh_raw *raw, const struct lh_line *line) {
  return lh_request_site(raw->request.data, raw->routes.items[lh_raw_route(raw, line)].target->tls_scheme);
}

int lh_raw_add_cookies(struct lh_raw *raw, const struct lh_line *line) {
  if (!lh_raw_track(raw, line)->group->keeps_cookies) return 0;
  const struct lh_cookie_site to = site_of(raw, line);
  size_t len = lh_engine_cookies(raw->engine, lh_raw_slot(raw, line), &to, raw->cookies);
  return len ? lh_buf_add(&raw->request, raw->cookies, len) : 0;
}

bool lh_raw_is_cookie(const struct lh_raw *raw, const struct lh_line *line, const char *name, size_t len) {
  static const char wanted[] = "Set-Cookie";
  return len == sizeof wanted - 1 && !strncasecmp(name, wanted, len) && lh_raw_track(raw, line)->group->keeps_cookies;
}

void lh_raw_take_cookie(struct lh_raw *raw, const struct lh_line *line, const char *value, size_t len) {
  const struct lh_cookie_site from = site_of(raw, line);
  lh_engine_on_cookie(raw->engine, lh_raw_slot(raw, line), &from, (struct lh_text){value, len});
}
