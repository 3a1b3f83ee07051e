#include "longhaul/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped[LH_IP_V4_AT] = {[10] = 0xff, [11] = 0xff};

bool lh_ip_parse(const char *text, struct lh_ip *ip) {
  struct lh_ip got;
  memcpy(got.bytes, mapped, sizeof mapped);
  if (inet_pton(AF_INET, text, got.bytes + LH_IP_V4_AT) != 1 && inet_pton(AF_INET6, text, got.bytes) != 1) return false;
  *ip = got;
  return true;
}

bool lh_ip_of(const struct sockaddr *address, struct lh_ip *ip) {
  if (address->sa_family == AF_INET) {
    memcpy(ip->bytes, mapped, sizeof mapped);
    memcpy(ip->bytes + LH_IP_V4_AT, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    memcpy(ip->bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof ip->bytes);
  }
  return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

bool lh_ip_is_v4(const struct lh_ip *ip) {
  return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

bool lh_ip_is_loopback(const struct lh_ip *ip) {
  static const struct lh_ip loopback = {{[15] = 1}};
  return lh_ip_is_v4(ip) ? ip->bytes[LH_IP_V4_AT] == 127 : memcmp(ip, &loopback, sizeof loopback) == 0;
}

socklen_t lh_ip_socket(const struct lh_ip *ip, uint16_t port, struct sockaddr_storage *out) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  memcpy(&v4.sin_addr, ip->bytes + LH_IP_V4_AT, sizeof v4.sin_addr);
  memcpy(&v6.sin6_addr, ip->bytes, sizeof v6.sin6_addr);
  bool is_v4 = lh_ip_is_v4(ip);
  socklen_t len = is_v4 ? sizeof v4 : sizeof v6;
  memset(out, 0, sizeof *out);
  memcpy(out, is_v4 ? (const void *)&v4 : &v6, len);
  return len;
}

char *lh_ip_text(const struct lh_ip *ip, char out[LH_IP_TEXT_MAX]) {
  bool v4 = lh_ip_is_v4(ip);
  inet_ntop(v4 ? AF_INET : AF_INET6, ip->bytes + (v4 ? LH_IP_V4_AT : 0), out, LH_IP_TEXT_MAX);
  return out;
}
