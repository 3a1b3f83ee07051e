/* What `longhaul check` found, for its outputs. */
#ifndef LH_CLI_CHECK_H
#define LH_CLI_CHECK_H

#include "cli/source.h"
#include "longhaul/run/fit.h"

struct lh_check {
  const struct lh_config *config; /* borrowed */
  const struct lh_source *source; /* borrowed */
  struct lh_fit_host host;        /* owned */
  struct lh_fit fit;              /* owned */
};

/* A group of this shard at full load. */
struct lh_check_group {
  const char *target; /* borrowed; NULL: none */
  uint64_t clients, full_after_ns;
  double messages_per_second; /* of the clients that the target lets in */
  bool closed_loop;
};
struct lh_check_group lh_check_group(const struct lh_check *check, const struct lh_group *group);

int lh_check_json(const struct lh_check *check, struct lh_buf *out);

#endif
