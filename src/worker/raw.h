/* The kinds http, sse, stream and tcp: own sockets and own TLS in one private epoll set that the loop watches. They
 * translate between the wire and the engine and decide nothing.
 *
 * Life of a connection here: queued by the engine, begun at the end of the loop's turn, addresses, TCP connect (dial.h), TLS,
 * then what its kind makes of it.
 */
#ifndef WORKER_RAW_H
#define WORKER_RAW_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/conn/engine.h"
#include "stall.h"
#include "longhaul/plan/plan.h"

struct lh_raw;

struct lh_raw_args {
  uv_loop_t *loop;                /* borrowed until the process ends */
  const struct lh_config *config; /* borrowed */
  struct lh_slice slice;
  uint64_t run_id;
  struct lh_stall *stall; /* borrowed */
};

/* On failure the process ends, and what was made with it. */
int lh_raw_new(struct lh_raw **raw, const struct lh_raw_args *args, struct lh_err *err);
/* The table for lh_engine_args.io of this kind. */
const struct lh_io *lh_raw_io(const struct lh_raw *raw, enum lh_kind_id kind);
/* Makes the places of the clients; before the first connect. The engine is borrowed until the process ends. */
int lh_raw_attach(struct lh_raw *raw, struct lh_engine *engine, struct lh_err *err);
/* Begins what the engine asked for, as much as goes at once. Once in each turn of the loop, before it waits; true: there is
 * more, and it must not wait. */
bool lh_raw_begin_queued(struct lh_raw *raw);
/* The descriptor of the client's open connection and its local port; -1 when it has none. */
int lh_raw_open_fd(const struct lh_raw *raw, uint32_t slot, uint16_t *local_port);
uint32_t lh_raw_descriptors(const struct lh_raw *raw); /* sockets open now */

#endif
