/* What a probe runs in place of the config's plan: the same clients, each of which connects once, says nothing and stays. */
#ifndef LH_RUN_PROBE_PLAN_H
#define LH_RUN_PROBE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/config/config.h"
#include "run/listener.h"

struct lh_probe_plan {
  const struct lh_config *config; /* borrowed; NULL: plain WebSockets */
  uint64_t wanted;                /* connections, over all groups */
  const char *store;              /* folder of its run file; borrowed */
};

/* Of the config's own plan: those that its targets let in and that hold a socket. */
uint64_t lh_probe_plan_clients(const struct lh_config *config);
bool lh_probe_plan_has_tls(const struct lh_config *config);  /* NULL: false */
unsigned lh_probe_plan_rate(const struct lh_config *config); /* connections a second */
/* The most that one probe opens, since it must end within its minute. */
uint64_t lh_probe_plan_most(const struct lh_config *config);

/* A config of its own towards the listener, where a group is what it holds: WebSockets, or else plain connections, with TLS
 * when its target has it. 0 or -errno. */
int lh_probe_plan_write(const struct lh_probe_plan *plan, const struct lh_listener *listener, struct lh_buf *out);
/* What is set on top of the config itself, towards its own targets. 0 or -ENOMEM. */
int lh_probe_plan_settings(const struct lh_probe_plan *plan, struct lh_strings *settings);

#endif
