#include "longhaul/config/reach.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "longhaul/base/ip.h"

/* ---- networks ---- */
enum { V4_PREFIX_BITS = 96 };

struct network {
  struct lh_ip ip;
  unsigned bits;
};

/* An IPv4 address within an IPv6 one is what it leads to: NAT64's prefix (RFC 6052) as well as a mapping. */
static void unwrap(struct lh_ip *ip) {
  static const uint8_t nat64[LH_IP_V4_AT] = {0, 0x64, 0xff, 0x9b};
  struct lh_ip any_v4;
  if (memcmp(ip->bytes, nat64, sizeof nat64) == 0 && lh_ip_parse("0.0.0.0", &any_v4))
    memcpy(ip->bytes, any_v4.bytes, LH_IP_V4_AT);
}

static bool network_of(const struct sockaddr *address, struct network *out) {
  *out = (struct network){.bits = 128};
  if (!lh_ip_of(address, &out->ip)) return false;
  unwrap(&out->ip);
  return true;
}

/* "ADDRESS" or "ADDRESS/BITS". */
static bool parse_network(const char *text, struct network *out) {
  char address[LH_IP_TEXT_MAX];
  const char *slash = strchr(text, '/');
  size_t len = slash ? (size_t)(slash - text) : strlen(text);
  if (len >= sizeof address) return false;
  memcpy(address, text, len);
  address[len] = '\0';
  *out = (struct network){0};
  if (!lh_ip_parse(address, &out->ip)) return false;
  bool as_v4 = strchr(address, ':') == NULL;
  unsigned most = as_v4 ? 32 : 128, bits = most;
  if (slash) {
    char *end;
    unsigned long value = strtoul(slash + 1, &end, 10);
    if (!isdigit((unsigned char)slash[1]) || *end || value > most) return false;
    bits = (unsigned)value;
  }
  out->bits = as_v4 ? bits + V4_PREFIX_BITS : bits;
  if (out->bits >= V4_PREFIX_BITS) unwrap(&out->ip);
  return true;
}

/* ::/0 is every IPv6 address, and no IPv4 one. */
static bool is_v4(const struct network *network) {
  return network->bits >= V4_PREFIX_BITS && lh_ip_is_v4(&network->ip);
}

static bool holds(const struct network *network, const struct network *address) {
  unsigned whole = network->bits / 8, rest = network->bits % 8;
  const uint8_t *a = network->ip.bytes, *b = address->ip.bytes;
  if (is_v4(network) != is_v4(address) || memcmp(a, b, whole) != 0) return false;
  return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
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
  char text[LH_IP_TEXT_MAX];
  if (deny->count == 0 || !network_of(address, &here)) return NULL;
  const char *found = find_network(deny, &here);
  if (found) return found;
  lh_ip_text(&here.ip, text);
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
