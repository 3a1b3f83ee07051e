/* What is looked at beside the connections: the server's processes and its metrics, as `watch` of the config names them, and
 * the supervisor's own process. Nothing here makes the loop wait: /proc is read on a thread, metrics come over the loop.
 *
 * Glossary
 *   look     one round: all sources are asked, and what they said is handed on together
 *   source   "process", "metrics" or "supervisor"
 */
#ifndef LH_RUN_LOOKOUT_H
#define LH_RUN_LOOKOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/host/census.h"

struct lh_lookout;

struct lh_sighting {
  const char *source, *name; /* borrowed */
  double value;
};

struct lh_look {
  uint64_t at_ns; /* when it was begun, monotonic */
  const struct lh_sighting *items;
  size_t count;
  const struct lh_process_sample *process; /* NULL: no process is watched, or it could not be read */
};

struct lh_lookout_events {
  void *context;
  void (*seen)(void *context, const struct lh_look *look);
  void (*trouble)(void *context, const char *sentence); /* a source failed; told again only after it worked in between */
};

int lh_lookout_new(struct lh_lookout **lookout, uv_loop_t *loop, const struct lh_config *config,
                   const struct lh_lookout_events *events, struct lh_err *err);
/* Whether the config names a process or metrics. */
bool lh_lookout_has_server(const struct lh_lookout *lookout);
/* `seen` follows, from within the call when only ourselves are looked at. While the look before is not over nothing is begun:
 * false. */
bool lh_lookout_look(struct lh_lookout *lookout, uint64_t now_ns);
/* No `seen` follows. Needs further turns of the loop. Accepts NULL. */
void lh_lookout_close(struct lh_lookout *lookout);

#endif
