/* What the login of a whole group gave, from the worker that leads to all the others, and to those that start later.
 *
 * Kept in this process's memory alone: it is secret.
 */
#ifndef LH_RUN_RELAY_H
#define LH_RUN_RELAY_H

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"
#include "run/child.h"

struct lh_supervisor;

/* LH_FRAME_LOGIN and LH_FRAME_LOGIN_WANTED of a worker. A negative return ends the worker. */
int lh_relay_login(struct lh_supervisor *sv, struct lh_child *from, struct lh_cursor *body);
int lh_relay_wanted(struct lh_supervisor *sv, struct lh_child *from, struct lh_cursor *body);
/* To a worker that was just started: all that is known. */
int lh_relay_tell(struct lh_supervisor *sv, struct lh_child *to, struct lh_err *err);
void lh_relay_free(struct lh_supervisor *sv);

#endif
