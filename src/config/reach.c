#include "longhaul/config/reach.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- networks ---- */
/* IPv4 stands as ::ffff:a.b.c.d, so that one comparison does for both families. */
struct network {
  unsigned char bytes[16];
  unsigned bits;
  bool v4;
};

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};

/* An IPv4 address within an IPv6 one is what it leads to. */
static bool unwrap(unsigned char bytes[16]) {
  if (memcmp(bytes, nat64, sizeof nat64) == 0) memcpy(bytes, mapped, sizeof mapped);
  return memcmp(bytes, mapped, sizeof mapped) == 0;
}

/* False for families that are no addresses of a network. */
static bool network_of(const struct sockaddr *address, struct network *out) {
  *out = (struct network){.bits = 128};
  if (address->sa_family == AF_INET) {
    memcpy(out->bytes, mapped, sizeof mapped);
    memcpy(out->bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
  } else {
    return false;
  }
  out->v4 = unwrap(out->bytes);
  return true;
}

/* "ADDRESS" or "ADDRESS/BITS". */
static bool parse_network(const char *text, struct network *out) {
  char address[INET6_ADDRSTRLEN];
  const char *slash = strchr(text, '/');
  size_t len = slash ? (size_t)(slash - text) : strlen(text);
  if (len >= sizeof address) return false;
  memcpy(address, text, len);
  address[len] = '\0';
  *out = (struct network){0};
  out->v4 = inet_pton(AF_INET, address, out->bytes + 12) == 1;
  if (out->v4)
    memcpy(out->bytes, mapped, sizeof mapped);
  else if (inet_pton(AF_INET6, address, out->bytes) != 1)
    return false;
  unsigned most = out->v4 ? 32 : 128, bits = most;
  if (slash) {
    char *end;
    unsigned long value = strtoul(slash + 1, &end, 10);
    if (!isdigit((unsigned char)slash[1]) || *end || value > most) return false;
    bits = (unsigned)value;
  }
  out->bits = out->v4 ? bits + 96 : bits;
  if (out->bits >= 96) out->v4 = unwrap(out->bytes);
  return true;
}

static bool holds(const struct network *network, const struct network *address) {
  unsigned whole = network->bits / 8, rest = network->bits % 8;
  if (network->v4 != address->v4 || memcmp(network->bytes, address->bytes, whole) != 0) return false;
  return rest == 0 || (network->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

bool lh_address_is_private(const struct sockaddr *address) {
  static const char *const ranges[] = {"0.0.0.0/32",     "127.0.0.0/8",    "10.0.0.0/8",    "172.16.0.0/12",
                                       "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "::/128",
                                       "::1/128",        "fe80::/10",      "fc00::/7"};
  struct network here, range;
  if (!network_of(address, &here)) return address->sa_family == AF_UNIX;
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (parse_network(ranges[i], &range) && holds(&range, &here)) return true;
  return false;
}

/* ---- patterns ---- */
/* A name's last dot only says that it is complete. */
static size_t host_len(const char *host) {
  size_t len = strlen(host);
  return len > 1 && host[len - 1] == '.' ? len - 1 : len;
}

static bool same_letter(char a, char b) {
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* `*` is any number of characters, dots among them, `?` is one. */
static bool glob(const char *pattern, const char *host, size_t len) {
  const char *star = NULL;
  size_t at = 0, retry = 0, pattern_len = host_len(pattern);
  const char *p = pattern, *end = pattern + pattern_len;
  while (at < len) {
    if (p < end && *p == '*') {
      star = ++p;
      retry = at;
    } else if (p < end && (*p == '?' || same_letter(*p, host[at]))) {
      p++;
      at++;
    } else if (star) {
      p = star;
      at = ++retry;
    } else {
      return false;
    }
  }
  while (p < end && *p == '*') p++;
  return p == end;
}

static const char *find_network(const struct lh_strings *deny, const struct network *address) {
  struct network pattern;
  for (size_t i = 0; i < deny->count; i++)
    if (parse_network(deny->items[i], &pattern) && holds(&pattern, address)) return deny->items[i];
  return NULL;
}

const char *lh_deny_host(const struct lh_strings *deny, const char *host) {
  struct network address;
  size_t len = host_len(host);
  for (size_t i = 0; i < deny->count; i++)
    if (glob(deny->items[i], host, len)) return deny->items[i];
  return parse_network(host, &address) ? find_network(deny, &address) : NULL;
}

const char *lh_deny_address(const struct lh_strings *deny, const struct sockaddr *address) {
  struct network here;
  char text[INET6_ADDRSTRLEN];
  if (deny->count == 0 || !network_of(address, &here)) return NULL;
  const char *found = find_network(deny, &here);
  if (found) return found;
  if (!inet_ntop(here.v4 ? AF_INET : AF_INET6, here.v4 ? here.bytes + 12 : here.bytes, text, sizeof text)) return NULL;
  for (size_t i = 0; i < deny->count; i++)
    if (glob(deny->items[i], text, strlen(text))) return deny->items[i];
  return NULL;
}

const char *lh_deny_check(const char *text) {
  struct network network;
  if (strchr(text, '/'))
    return parse_network(text, &network) ? NULL : "a network as ADDRESS/BITS, such as 10.0.0.0/8 or fd00::/8";
  bool clean = *text != '\0';
  for (const char *c = text; *c; c++) clean = clean && (isalnum((unsigned char)*c) || strchr("*?.-_:", *c));
  return clean ? NULL : "a host name in which * and ? may stand, an address, or a network such as 10.0.0.0/8";
}

enum lh_reach lh_reach_judge(const struct lh_config *config, uint32_t target, const struct sockaddr *address) {
  if (lh_deny_address(&config->deny, address)) return LH_REACH_DENIED;
  bool authorized = target < config->target_count && config->targets[target].authorized;
  return authorized || lh_address_is_private(address) ? LH_REACH_ALLOWED : LH_REACH_UNAUTHORIZED;
}
