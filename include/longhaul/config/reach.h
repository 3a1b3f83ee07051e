/* Where a run may connect to: `deny`, and whether a target outside of private networks is authorized. Pure.
 *
 * Glossary
 *   private  loopback, this host (0.0.0.0, ::), private (RFC 1918), link-local, unique local and carrier-grade NAT (RFC 6598)
 *            addresses, and sockets of the file system: what a user's own machines have. An IPv4 address that stands in an
 *            IPv6 one (mapped, NAT64) is judged as itself
 *   public   every other address: somebody else may pay for what is sent there
 *   pattern  an item of `deny`: a host name with * and ?, an address, or a network such as 10.0.0.0/8
 */
#ifndef LONGHAUL_CONFIG_REACH_H
#define LONGHAUL_CONFIG_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/config/config.h"

struct sockaddr;

enum lh_reach { LH_REACH_ALLOWED, LH_REACH_DENIED, LH_REACH_UNAUTHORIZED };

bool lh_address_is_private(const struct sockaddr *address);

/* The first pattern that matches, borrowed, or NULL. A numeric host is also looked for in the networks. */
const char *lh_deny_host(const struct lh_strings *deny, const char *host);
const char *lh_deny_address(const struct lh_strings *deny, const struct sockaddr *address);

/* Whether connections for this target may go to `address`, wherever it came from: the URL, a name, a redirect, a proxy.
 * What connects asks this each time, so that a name which moves is judged where it moved to. */
enum lh_reach lh_reach_judge(const struct lh_config *config, uint32_t target, const struct sockaddr *address);

/* NULL when `text` is a pattern, else what was expected. */
const char *lh_deny_check(const char *text);

#endif
