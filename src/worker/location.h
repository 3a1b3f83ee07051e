/* Where a Location header leads (RFC 3986, 5.2): absolute, without a scheme, from the root, or relative to the request's path. */
#ifndef WORKER_LOCATION_H
#define WORKER_LOCATION_H

#include <stdbool.h>
#include <stdint.h>

enum { LH_LOCATION_HOST_MAX = 120, LH_LOCATION_PATH_MAX = 2001 }; /* with their NUL */

/* Where the request went. */
struct lh_location_base {
  bool tls;
  const char *host, *path; /* host without brackets; path with query */
  uint16_t port;
};

struct lh_location {
  bool tls;
  char host[LH_LOCATION_HOST_MAX];
  uint16_t port;
  char path[LH_LOCATION_PATH_MAX];
};

/* Reads the value. ws and http, wss and https mean the same. NULL when it can be followed, else why not, a static text. */
const char *lh_location_resolve(const struct lh_location_base *base, const char *value, struct lh_location *out);

/* Whether both are one server in the sense of credentials: what was meant for the one may be shown to the other. The same host,
 * and the same port, or from http's own to https's own. */
bool lh_location_keeps_credentials(const struct lh_location_base *base, const struct lh_location *to);

#endif
