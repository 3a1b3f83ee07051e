/* The websocket kind: libwebsockets on our loop, as the I/O of the engine. It translates and decides nothing.
 *
 * Life of a connection here: queued by the engine, begun at the end of the loop's turn (so that a descriptor closed in the
 * same turn is really closed first), addresses, TCP connect of our own (dial.h), then libwebsockets with the connected
 * socket handed to it: TLS, upgrade, frames.
 */
#ifndef WORKER_WS_H
#define WORKER_WS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/conn/engine.h"
#include "stall.h"
#include "longhaul/plan/plan.h"

struct lh_ws;

struct lh_ws_args {
  uv_loop_t *loop;                /* borrowed until the process ends */
  const struct lh_config *config; /* borrowed */
  struct lh_slice slice;
  uint64_t run_id;
  struct lh_stall *stall; /* borrowed */
};

/* One for a process: libwebsockets' context lives as long as the loop. */
int lh_ws_new(struct lh_ws **ws, const struct lh_ws_args *args, struct lh_err *err);
/* The table for lh_engine_args.io[LH_KIND_WEBSOCKET]. */
const struct lh_io *lh_ws_io(const struct lh_ws *ws);
/* Makes the peers; before the first connect. The engine is borrowed until the process ends. */
int lh_ws_attach(struct lh_ws *ws, struct lh_engine *engine, struct lh_err *err);
/* Begins what the engine asked for, as much as goes at once. Once in each turn of the loop, before it waits; true: there is
 * more, and it must not wait. */
bool lh_ws_before_wait(struct lh_ws *ws);
/* The descriptor of a client's open connection and its local port, -1 when it has none; context is the struct. */
int lh_ws_open_fd(void *context, uint32_t slot, uint16_t *local_port);
uint32_t lh_ws_descriptors(const struct lh_ws *ws); /* sockets open now */

#endif
