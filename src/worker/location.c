#include "location.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char bad_host[] = "its host is not one", bad_port[] = "its port is not one", too_long[] = "it is too long";

static uint16_t preset_port(bool tls) {
  return tls ? 443 : 80;
}

/* 1: it has a scheme that can be followed, 0: it has none, -1: another one. *rest: behind the colon. */
static int read_scheme(const char *value, bool *tls, const char **rest) {
  static const struct {
    const char *name;
    bool tls;
  } known[] = {{"http:", false}, {"https:", true}, {"ws:", false}, {"wss:", true}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strncasecmp(value, known[i].name, strlen(known[i].name)) == 0) {
      *tls = known[i].tls;
      *rest = value + strlen(known[i].name);
      return 1;
    }
  size_t len = strcspn(value, ":/?#");
  return isalpha((unsigned char)*value) && value[len] == ':' ? -1 : 0;
}

static bool is_host(const char *host) {
  if (!*host) return false;
  for (; *host; host++)
    if (!isalnum((unsigned char)*host) && !strchr(".-_:", *host)) return false;
  return true;
}

/* `at` stands behind "//"; *rest: behind the authority. */
static const char *read_authority(const char *at, struct lh_location *out, const char **rest) {
  const char *end = at + strcspn(at, "/?#"), *host = at, *host_end;
  if (memchr(at, '@', (size_t)(end - at))) return "it holds a user name";
  if (*at == '[') {
    host++;
    host_end = memchr(at, ']', (size_t)(end - at));
    if (!host_end) return bad_host;
    at = host_end + 1;
  } else {
    at = host_end = host + strcspn(host, ":/?#");
  }
  if ((size_t)(host_end - host) >= sizeof out->host) return too_long;
  memcpy(out->host, host, (size_t)(host_end - host));
  out->host[host_end - host] = 0;
  if (!is_host(out->host)) return bad_host;
  unsigned port = preset_port(out->tls);
  if (at < end && *at != ':') return bad_host;
  if (at < end && at + 1 < end) {
    port = 0;
    for (at++; at < end; at++)
      if (*at < '0' || *at > '9' || (port = port * 10 + (unsigned)(*at - '0')) > UINT16_MAX) return bad_port;
    if (!port) return bad_port;
  }
  out->port = (uint16_t)port;
  *rest = end;
  return NULL;
}

/* Takes "." and ".." out of the path, up to its query, in place. */
static void remove_dots(char *path) {
  char *end = path + strcspn(path, "?"), *to = path;
  for (const char *at = path; at < end;) {
    size_t len = 1 + strcspn(at + 1, "/?"); /* a segment with the slash before it */
    bool is_dot = len == 2 && at[1] == '.', is_up = len == 3 && at[1] == '.' && at[2] == '.', is_last = at + len == end;
    if (is_up)
      while (to > path && *--to != '/') continue;
    if (!is_dot && !is_up) {
      memmove(to, at, len);
      to += len;
    } else if (is_last) {
      *to++ = '/';
    }
    at += len;
  }
  if (to == path) *to++ = '/';
  memmove(to, end, strlen(end) + 1);
}

/* Joins what of the base's path stays with the reference. */
static const char *join_path(const char *base, const char *reference, char out[LH_LOCATION_PATH_MAX]) {
  size_t len = strcspn(reference, "#"), kept = 0;
  const size_t query = strcspn(base, "?");
  if (len == 0)
    kept = strlen(base);
  else if (*reference == '?')
    kept = query;
  else if (*reference != '/')
    for (kept = query; kept > 0 && base[kept - 1] != '/';) kept--;
  if (kept + len >= LH_LOCATION_PATH_MAX - 1) return too_long;
  memcpy(out, base, kept);
  memcpy(out + kept, reference, len);
  out[kept + len] = 0;
  for (const char *at = out; *at; at++)
    if ((unsigned char)*at <= ' ' || *at == 0x7f) return "it holds spaces or control characters";
  remove_dots(out);
  return NULL;
}

const char *lh_location_resolve(const struct lh_location_base *base, const char *value, struct lh_location *out) {
  const char *rest = value;
  out->tls = base->tls;
  out->port = base->port;
  if (!*value) return "there is none";
  int scheme = read_scheme(value, &out->tls, &rest);
  if (scheme < 0) return "its scheme is not http, https, ws or wss";
  if (strncmp(rest, "//", 2) == 0) {
    const char *why = read_authority(rest + 2, out, &rest);
    return why ? why : join_path("/", *rest == '/' || *rest == '?' ? rest : "/", out->path);
  }
  if (scheme > 0) return bad_host;
  if (strlen(base->host) >= sizeof out->host) return too_long;
  memcpy(out->host, base->host, strlen(base->host) + 1);
  return join_path(base->path, rest, out->path);
}

bool lh_location_keeps_credentials(const struct lh_location_base *base, const struct lh_location *to) {
  bool is_own = base->port == preset_port(base->tls) && to->port == preset_port(to->tls);
  return strcasecmp(base->host, to->host) == 0 && (to->tls || !base->tls) && (base->port == to->port || is_own);
}
