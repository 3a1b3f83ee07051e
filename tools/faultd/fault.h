/* Carrying out rules at moments: since the start, since a connection opened, after silence. */
#ifndef FAULTD_FAULT_H
#define FAULTD_FAULT_H

#include "script.h"

struct conn;
struct server;

/* Sets the timers of at, every and listener rules. */
void fault_start(struct server *server);
/* The connection opened (upgrade or first request): sets the timers of its after and idle rules. */
void fault_conn_opened(struct server *server, struct conn *conn);
/* Does one MOMENT action to one connection, which may be gone afterwards. */
void fault_do(struct server *server, struct conn *conn, const struct rule *rule);

#endif
