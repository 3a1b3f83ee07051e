/* Logins: a request of its own that each client, or one for the whole group, makes before it connects, and again later.
 *
 * Glossary
 *   key      whose login: a slot, or lh_engine_client_count + group number for the login that serves a whole group
 *   needed   there is nothing yet, or what there is was refused (401): the client does not connect, and a client of kind http
 *            sends nothing, until there is
 *   proved   what it gave was accepted: a connection opened with it, or a request was answered with something else than 401
 *   leader   the one worker that makes the logins of groups; it tells the others what they gave
 *   serial   counts a group's logins that succeeded
 *   rides    it goes over the client's own connection (login.shares_connection, kind http). The first one, and one that is due while
 *            the client is down, is the last step of connecting: the client is open once it has succeeded, and one that fails ends the
 *            connection. Later ones wait until no request is under way, and what is due meanwhile waits for them. One that
 *            is cut off by the connection's end has failed for that reason, and an answer that comes past its time is forgotten.
 *
 * A login that failed is tried again after the backoff of `login.retry`. So is one whose result was refused before it was
 * proved: a server that refuses everything is asked at that pace, and no faster.
 *
 * Each attempt that does not succeed has an ending of stage LOGIN: a row and a tally, which are no connection's. The books:
 * logins = logins_succeeded + logins_failed + logins_dropped + logins_under_way; all tallies = ended + logins_failed +
 * logins_dropped.
 */
#ifndef LONGHAUL_CONN_LOGINS_H
#define LONGHAUL_CONN_LOGINS_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/ending.h"
#include "longhaul/base/texts.h"
#include "longhaul/plan/template.h"

struct lh_engine;

#define LH_NO_TICKET UINT32_MAX

/* What makes the requests. It never calls back from within. */
struct lh_login_io {
  void *context;
  /* Returns its ticket; LH_NO_TICKET when there is no memory for it, and then no event follows. */
  uint32_t (*begin)(void *context, uint32_t key, uint64_t now_ns);
  /* No event follows. */
  void (*abort)(void *context, uint32_t ticket);
  /* Leader: the group's login succeeded, for the other workers. The texts are borrowed for the call. */
  void (*share)(void *context, uint32_t group, uint32_t serial, const struct lh_texts *texts);
  /* Not the leader: the group needs a login, that of this serial is of no use (0: there was none). */
  void (*want)(void *context, uint32_t group, uint32_t serial);
};

/* The texts (login.h) are taken over. */
void lh_engine_on_login(struct lh_engine *engine, uint32_t key, struct lh_texts *texts, uint64_t now_ns);
/* TCP and TLS of the client are up. True: it logs in first, and the adapter sends the request now, tells how it ended as for
 * any other, and then that the client is open, or that the connection ended. */
bool lh_engine_begin_login(struct lh_engine *engine, uint32_t slot, uint64_t now_ns);
/* seen: reason, code, text, retry_after_ns. The text must hold nothing of what the server or the client said. */
void lh_engine_on_login_failed(struct lh_engine *engine, uint32_t key, const struct lh_ending *seen, uint64_t now_ns);
/* Another worker's login of the group; the texts are taken over. */
void lh_engine_on_login_shared(struct lh_engine *engine, uint32_t group, uint32_t serial, struct lh_texts *texts, uint64_t now_ns);
/* Leader: another worker wants a login of the group. */
void lh_engine_on_login_wanted(struct lh_engine *engine, uint32_t group, uint32_t serial, uint64_t now_ns);

/* For whom the login of this key is made. */
uint32_t lh_engine_login_group(const struct lh_engine *engine, uint32_t key);
uint32_t lh_engine_login_client(const struct lh_engine *engine, uint32_t key); /* global number; 0 for a group's */
/* What the client's login gave; NULL when there is none, or none yet. */
const struct lh_texts *lh_engine_login(const struct lh_engine *engine, uint32_t slot);

#endif
