#include "longhaul/conn/cookies.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the block ---- */

/* Of one cookie; domain, path, name and value follow. */
struct cookie {
  int64_t expires_s; /* INT64_MAX: with the run */
  uint16_t domain_len, path_len, name_len, value_len;
  bool host_only, secure;
};

struct lh_jar {
  uint32_t len; /* of what follows */
  char bytes[];
};

static size_t size_of(const struct cookie *c) {
  return sizeof *c + c->domain_len + c->path_len + c->name_len + c->value_len;
}

/* One cookie with its texts, as they stand in a jar or in a header. */
struct view {
  struct cookie head;
  struct lh_text domain, path, name, value;
};

/* The one at `at`, which is below jar->len; what follows it. */
static size_t look(const struct lh_jar *jar, size_t at, struct view *v) {
  memcpy(&v->head, jar->bytes + at, sizeof v->head);
  const char *text = jar->bytes + at + sizeof v->head;
  v->domain = (struct lh_text){text, v->head.domain_len};
  v->path = (struct lh_text){v->domain.at + v->domain.len, v->head.path_len};
  v->name = (struct lh_text){v->path.at + v->path.len, v->head.name_len};
  v->value = (struct lh_text){v->name.at + v->name.len, v->head.value_len};
  return at + size_of(&v->head);
}

size_t lh_jar_bytes(const struct lh_jar *jar) {
  return jar ? sizeof *jar + jar->len : 0;
}

bool lh_jar_next(const struct lh_jar *jar, size_t *at, struct lh_text *value) {
  struct view v;
  if (!jar || *at >= jar->len) return false;
  *at = look(jar, *at, &v);
  *value = v.value;
  return true;
}

/* ---- texts ---- */

static struct lh_text trim(struct lh_text t) {
  while (t.len && (*t.at == ' ' || *t.at == '\t')) t.at++, t.len--;
  while (t.len && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t')) t.len--;
  return t;
}

/* Cuts off what stands before `by`, and `by` itself. */
static struct lh_text cut(struct lh_text *rest, char by) {
  const char *stop = rest->len ? memchr(rest->at, by, rest->len) : NULL;
  struct lh_text part = {rest->at, stop ? (size_t)(stop - rest->at) : rest->len};
  *rest = stop ? (struct lh_text){stop + 1, rest->len - part.len - 1} : (struct lh_text){rest->at + rest->len, 0};
  return part;
}

static bool is_word(struct lh_text t, const char *word) {
  return t.len == strlen(word) && strncasecmp(t.at, word, t.len) == 0;
}
static bool same(struct lh_text a, struct lh_text b) {
  return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}
static bool same_host(struct lh_text a, struct lh_text b) {
  return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

bool lh_cookie_pair(struct lh_text header, struct lh_text *name, struct lh_text *value) {
  struct lh_text pair = cut(&header, ';');
  if (!pair.len || !memchr(pair.at, '=', pair.len)) return false;
  *name = trim(cut(&pair, '='));
  *value = trim(pair);
  return name->len > 0;
}

/* Without port and brackets. */
static struct lh_text host_of(struct lh_text host) {
  if (host.len && *host.at == '[') {
    host.at++, host.len--;
    return cut(&host, ']');
  }
  const char *colon = host.len ? memchr(host.at, ':', host.len) : NULL;
  bool is_v6 = colon && memchr(colon + 1, ':', host.len - (size_t)(colon + 1 - host.at));
  return is_v6 ? host : cut(&host, ':');
}

static struct lh_text path_of(struct lh_text path) {
  return cut(&path, '?');
}

static bool is_address(struct lh_text host) {
  char text[INET6_ADDRSTRLEN];
  unsigned char address[16];
  if (host.len >= sizeof text) return false;
  memcpy(text, host.at, host.len);
  text[host.len] = 0;
  return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* RFC 6265, 5.1.3: the same, or a name below it. */
static bool is_within(struct lh_text host, struct lh_text domain) {
  if (same_host(host, domain)) return true;
  if (host.len <= domain.len || host.at[host.len - domain.len - 1] != '.' || is_address(host)) return false;
  return strncasecmp(host.at + host.len - domain.len, domain.at, domain.len) == 0;
}

/* 5.1.4: up to its last slash, without it. */
static struct lh_text default_path(struct lh_text path) {
  path = path_of(path);
  while (path.len && path.at[path.len - 1] != '/') path.len--;
  if (path.len) path.len--;
  return path.len && *path.at == '/' ? path : (struct lh_text){"/", 1};
}

static bool path_matches(struct lh_text asked, struct lh_text path) {
  asked = path_of(asked);
  if (asked.len < path.len || memcmp(asked.at, path.at, path.len) != 0) return false;
  return asked.len == path.len || path.at[path.len - 1] == '/' || asked.at[path.len] == '/';
}

/* ---- taking ---- */

/* A time after which it is gone. What is no number leaves things as they are. */
static void read_max_age(struct lh_text text, int64_t now_s, int64_t *expires_s, bool *given) {
  bool minus = text.len && *text.at == '-';
  int64_t age_s = 0;
  if (text.len == (size_t)minus) return;
  for (size_t i = minus; i < text.len; i++) {
    if (text.at[i] < '0' || text.at[i] > '9') return;
    if (age_s < INT32_MAX) age_s = age_s * 10 + text.at[i] - '0'; /* decades, as good as any more */
  }
  *given = true;
  *expires_s = minus || age_s == 0 ? INT64_MIN : now_s + age_s;
}

static void read_attributes(struct lh_text rest, int64_t now_s, struct view *v) {
  bool has_age = false;
  int64_t date_s;
  while (rest.len) {
    struct lh_text value = cut(&rest, ';'), name = trim(cut(&value, '='));
    value = trim(value);
    if (is_word(name, "Max-Age"))
      read_max_age(value, now_s, &v->head.expires_s, &has_age);
    else if (is_word(name, "Expires") && !has_age && lh_cookie_date(value, &date_s))
      v->head.expires_s = date_s;
    else if (is_word(name, "Domain") && value.len)
      v->domain = *value.at == '.' ? (struct lh_text){value.at + 1, value.len - 1} : value;
    else if (is_word(name, "Path"))
      v->path = value;
    else if (is_word(name, "Secure"))
      v->head.secure = true;
  }
}

/* False: the standard leaves it alone. */
static bool read_cookie(const struct lh_cookie_site *from, struct lh_text header, int64_t now_s, struct view *v) {
  *v = (struct view){.head = {.expires_s = INT64_MAX}};
  for (size_t i = 0; i < header.len; i++)
    if (((unsigned char)header.at[i] < ' ' && header.at[i] != '\t') || header.at[i] == 0x7f) return false;
  if (!lh_cookie_pair(header, &v->name, &v->value)) return false;
  cut(&header, ';');
  read_attributes(header, now_s, v);
  const struct lh_text host = host_of(from->host);
  if (v->domain.len && !same_host(v->domain, host) && (!memchr(v->domain.at, '.', v->domain.len) || !is_within(host, v->domain)))
    return false;
  v->head.host_only = !v->domain.len || is_address(host);
  if (!v->domain.len) v->domain = host;
  if (!v->path.len || *v->path.at != '/') v->path = default_path(from->path);
  return true;
}

static bool is_same_cookie(const struct view *a, const struct view *b) {
  return same(a->name, b->name) && same_host(a->domain, b->domain) && same(a->path, b->path);
}

static char *write(char *at, const struct view *v) {
  const struct lh_text texts[] = {v->domain, v->path, v->name, v->value};
  at = mempcpy(at, &v->head, sizeof v->head);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) at = mempcpy(at, texts[i].at, texts[i].len);
  return at;
}

/* What becomes of a jar: all but the cookie of that name, and but those past their time when they must make room. */
struct change {
  const struct view *cookie;
  int64_t now_s;
  bool sweeps, deletes;
};

/* Writes to out, or only measures (NULL). A cookie that is replaced keeps its place: the older ones are sent first (5.4). */
static size_t change(const struct lh_jar *jar, const struct change *how, char *out) {
  const struct view *new = how->deletes ? NULL : how->cookie;
  bool placed = !new;
  size_t len = 0;
  struct view v;
  for (size_t at = 0; jar && at < jar->len;) {
    at = look(jar, at, &v);
    bool is_it = is_same_cookie(&v, how->cookie);
    if (!is_it && how->sweeps && v.head.expires_s <= how->now_s) continue;
    const struct view *keep = !is_it ? &v : placed ? NULL : new;
    placed |= is_it;
    if (!keep) continue;
    if (out) write(out + len, keep);
    len += size_of(&keep->head);
  }
  if (placed) return len;
  if (out) write(out + len, new);
  return len + size_of(&new->head);
}

int lh_jar_take(struct lh_jar **jar, const struct lh_cookie_site *from, struct lh_text header, int64_t now_s) {
  struct view v;
  if (!read_cookie(from, header, now_s, &v)) return 0;
  struct change how = {.cookie = &v, .now_s = now_s, .deletes = v.head.expires_s <= now_s};
  if (!how.deletes && (v.name.len + v.value.len > LH_COOKIE_BYTES_MAX || v.path.len > UINT16_MAX || v.domain.len > UINT16_MAX)) return -ENOBUFS;
  v.head.domain_len = (uint16_t)v.domain.len;
  v.head.path_len = (uint16_t)v.path.len;
  v.head.name_len = (uint16_t)v.name.len;
  v.head.value_len = (uint16_t)v.value.len;
  size_t len = change(*jar, &how, NULL);
  if (len > LH_COOKIES_BYTES_MAX) {
    how.sweeps = true;
    len = change(*jar, &how, NULL);
  }
  if (len > LH_COOKIES_BYTES_MAX) return -ENOBUFS;
  struct lh_jar *made = len ? malloc(sizeof *made + len) : NULL;
  if (len && !made) return -ENOMEM;
  if (made) {
    made->len = (uint32_t)len;
    change(*jar, &how, made->bytes);
  }
  free(*jar);
  *jar = made;
  return 0;
}

/* ---- sending ---- */

static bool goes_to(const struct view *v, const struct lh_cookie_site *to, struct lh_text host, int64_t now_s) {
  if (v->head.expires_s <= now_s || (v->head.secure && !to->tls)) return false;
  bool is_host = v->head.host_only ? same_host(host, v->domain) : is_within(host, v->domain);
  return is_host && path_matches(to->path, v->path);
}

/* Longer paths first, then older ones (5.4): one walk for each length of path there is. */
size_t lh_jar_line(const struct lh_jar *jar, const struct lh_cookie_site *to, int64_t now_s, char out[LH_COOKIE_LINE_MAX]) {
  const struct lh_text host = host_of(to->host);
  size_t below = SIZE_MAX;
  char *end = out;
  while (jar) {
    size_t longest = 0;
    struct view v;
    for (size_t at = 0; at < jar->len;) {
      at = look(jar, at, &v);
      if (v.path.len < below && v.path.len > longest && goes_to(&v, to, host, now_s)) longest = v.path.len;
    }
    if (!longest) break;
    for (size_t at = 0; at < jar->len;) {
      at = look(jar, at, &v);
      if (v.path.len != longest || !goes_to(&v, to, host, now_s)) continue;
      end = end == out ? mempcpy(end, "Cookie: ", 8) : mempcpy(end, "; ", 2);
      end = mempcpy(end, v.name.at, v.name.len);
      *end++ = '=';
      end = mempcpy(end, v.value.at, v.value.len);
    }
    below = longest;
  }
  if (end > out) end = mempcpy(end, "\r\n", 2);
  return (size_t)(end - out);
}
