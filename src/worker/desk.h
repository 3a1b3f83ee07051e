/* The desk where clients log in: one connection and one HTTP request for each login, apart from what the login is for.
 *
 * Glossary
 *   visit    one login under way; found by its ticket
 *   counter  a group as logins need it
 *
 * A visit is queued by the engine, begun at the end of the loop's turn, and goes through addresses, TCP, TLS, request and
 * answer. The engine keeps its deadline. Only visits cost memory.
 */
#ifndef WORKER_DESK_H
#define WORKER_DESK_H

#include <stdint.h>
#include <uv.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/conn/engine.h"
#include "longhaul/conn/logins.h"

struct lh_desk;

struct lh_desk_args {
  uv_loop_t *loop;                /* borrowed until the process ends */
  const struct lh_config *config; /* borrowed */
  uint64_t run_id;
  void *context;                  /* of the two below: as in struct lh_login_io */
  void (*share)(void *context, uint32_t group, uint32_t serial, const struct lh_texts *texts);
  void (*want)(void *context, uint32_t group, uint32_t serial);
};

/* On failure the process ends, and what was made with it. */
int lh_desk_new(struct lh_desk **desk, const struct lh_desk_args *args, struct lh_err *err);
const struct lh_login_io *lh_desk_io(const struct lh_desk *desk);
void lh_desk_attach(struct lh_desk *desk, struct lh_engine *engine); /* before the first login; borrowed until the end */
/* Begins what the engine asked for, as much as goes at once. Once in each turn of the loop, before it waits; true: there is
 * more, and it must not wait. */
bool lh_desk_begin_queued(struct lh_desk *desk);
uint32_t lh_desk_descriptors(const struct lh_desk *desk); /* sockets open now */

#endif
