/* Who may look. A page of another site must never read a run through its visitor's browser:
 *   Host    without a token it must name loopback, so that a name that an attacker points here (DNS rebinding) gets nothing
 *   Origin  where a browser sends one, it must be this very host: no page of another site may open the WebSocket or mark
 *   token   when one is set, every request needs it: ?token=, the cookie that the page sets, or Authorization: Bearer
 * Pure.
 */
#ifndef LIVE_ACCESS_H
#define LIVE_ACCESS_H

#include <stdbool.h>

/* As the request carries them; "" when it does not. */
struct lh_access_request {
  const char *host, *origin, *cookie, *authorization, *query_token;
};

enum lh_access {
  LH_ACCESS_GRANTED,
  LH_ACCESS_GRANTED_BY_QUERY, /* the token stood in the address: it becomes a cookie */
  LH_ACCESS_NO_TOKEN,         /* 401 */
  LH_ACCESS_WRONG_HOST,       /* 421 */
  LH_ACCESS_WRONG_ORIGIN      /* 403 */
};

#define LH_ACCESS_COOKIE "longhaul_token"

/* token "": none is set. */
enum lh_access lh_access_check(const struct lh_access_request *request, const char *token);
/* Takes the same time for every wrong text of a length. */
bool lh_access_equal(const char *given, const char *token);

#endif
