/* Numeric addresses of both families as one type, so that one comparison does for both. */
#ifndef LONGHAUL_BASE_IP_H
#define LONGHAUL_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct lh_ip {
  uint8_t bytes[16]; /* an IPv4 address stands as its IPv6 mapping ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
};

enum { LH_IP_V4_AT = 12, LH_IP_TEXT_MAX = 46 };

/* False for a name, a scope (fe80::1%eth0), brackets: what is no plain number. */
bool lh_ip_parse(const char *text, struct lh_ip *ip);
/* False for families that are no addresses of a network. */
bool lh_ip_of(const struct sockaddr *address, struct lh_ip *ip);

bool lh_ip_is_v4(const struct lh_ip *ip);
bool lh_ip_is_loopback(const struct lh_ip *ip);

/* The length that is filled. */
socklen_t lh_ip_socket(const struct lh_ip *ip, uint16_t port, struct sockaddr_storage *out);
/* Returns `out`. */
char *lh_ip_text(const struct lh_ip *ip, char out[LH_IP_TEXT_MAX]);

#endif
