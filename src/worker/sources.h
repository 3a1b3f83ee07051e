/* A group's source addresses: clients take them in turn. */
#ifndef WORKER_SOURCES_H
#define WORKER_SOURCES_H

#include <stdint.h>

#include "dial.h"
#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

struct lh_sources {
  struct lh_address *items; /* owned */
  uint32_t count;
};

/* -EINVAL, or the errno of binding to it, with a sentence when an address cannot be used on this host. */
int lh_sources_open(struct lh_sources *sources, const struct lh_group *group, struct lh_err *err);
/* The client's turn among those of this family; NULL when there is none. */
const struct lh_address *lh_source_pick(const struct lh_sources *sources, uint32_t client, int family);

#endif
