#include "live/access.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/ip.h"

enum { HOST_MOST = 256 };

bool lh_access_equal(const char *given, const char *token) {
  size_t len = strlen(token), given_len = strlen(given);
  volatile uint8_t different = given_len != len;
  for (size_t i = 0; i < len; i++) different |= (uint8_t)((uint8_t)token[i] ^ (uint8_t)given[i < given_len ? i : given_len]);
  return !different;
}

/* "127.0.0.1:8700" and "[::1]:8700" without port and brackets. */
static bool host_name(const char *host, char out[HOST_MOST]) {
  const char *end = host[0] == '[' ? strchr(host, ']') : strrchr(host, ':');
  const char *begin = host + (host[0] == '[');
  size_t len = end ? (size_t)(end - begin) : strlen(begin);
  if (len == 0 || len >= HOST_MOST) return false;
  memcpy(out, begin, len);
  out[len] = '\0';
  return true;
}

static bool is_loopback(const char *host) {
  char name[HOST_MOST];
  struct lh_ip ip;
  if (!host_name(host, name)) return false;
  return strcasecmp(name, "localhost") == 0 || (lh_ip_parse(name, &ip) && lh_ip_is_loopback(&ip));
}

/* An origin is scheme://host[:port]; a proxy in front may have added TLS, so the scheme may be either. */
static bool same_origin(const char *origin, const char *host) {
  const char *rest = strstr(origin, "://");
  return rest && strcasecmp(rest + 3, host) == 0;
}

static bool cookie_is(const char *cookies, const char *token) {
  size_t name_len = strlen(LH_ACCESS_COOKIE);
  char value[512];
  for (const char *at = cookies; *at;) {
    at += strspn(at, "; ");
    size_t len = strcspn(at, ";");
    if (len > name_len && strncmp(at, LH_ACCESS_COOKIE, name_len) == 0 && at[name_len] == '=') {
      size_t value_len = len - name_len - 1;
      if (value_len < sizeof value) {
        memcpy(value, at + name_len + 1, value_len);
        value[value_len] = '\0';
        if (lh_access_equal(value, token)) return true;
      }
    }
    at += len;
  }
  return false;
}

enum lh_access lh_access_check(const struct lh_access_request *request, const char *token) {
  static const char bearer[] = "Bearer ";
  if (!token[0] && !is_loopback(request->host)) return LH_ACCESS_WRONG_HOST;
  if (request->origin[0] && !same_origin(request->origin, request->host)) return LH_ACCESS_WRONG_ORIGIN;
  if (!token[0] || cookie_is(request->cookie, token)) return LH_ACCESS_GRANTED;
  if (strncasecmp(request->authorization, bearer, sizeof bearer - 1) == 0 &&
      lh_access_equal(request->authorization + sizeof bearer - 1, token))
    return LH_ACCESS_GRANTED;
  return lh_access_equal(request->query_token, token) ? LH_ACCESS_GRANTED_BY_QUERY : LH_ACCESS_NO_TOKEN;
}
