/* Logins over the connections of the clients they are for (kind http). */
#ifndef WORKER_HTTP_LOGIN_H
#define WORKER_HTTP_LOGIN_H

#include "longhaul/base/clock.h"
#include "raw_private.h"

/* The answer to the login under way is whole: tells the engine. */
void lh_http_settle_login(struct lh_raw *raw, struct lh_line *line, unsigned status, uint64_t now_ns);

#endif
