/* Whether a plan fits this host, and what it takes: for `longhaul check`, and before a run begins. Pure: what the host
 * allows is a parameter.
 *
 * Glossary
 *   reserve  descriptors of a worker that are not clients: pipes, epoll sets, timers, files (LH_FIT_RESERVE)
 *   path     (source address, destination): each has the whole ephemeral port range to itself
 *   knee     half of that range: past it the kernel's search for a free port costs a multiple of time per connection
 *   problem  a sentence why the plan cannot fit; warning: a sentence on what will be felt
 */
#ifndef LONGHAUL_RUN_FIT_H
#define LONGHAUL_RUN_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/plan/plan.h"

enum { LH_FIT_RESERVE = 64 };

/* What the host allows; 0: not known, then it is not checked. */
struct lh_fit_host {
  uint64_t descriptors; /* RLIMIT_NOFILE of one process */
  uint32_t cores;
  uint32_t first_port, last_port; /* ephemeral range */
  uint64_t mem_available_bytes, mem_total_bytes;
  bool disk_known;
  uint64_t disk_free_bytes; /* where the run file goes; 0 with disk_known: it is full */
};

struct lh_fit_path {
  const char *host;   /* borrowed from the config */
  const char *source; /* borrowed from the config; NULL: the kernel chooses */
  uint16_t port;
  uint64_t clients;
};

struct lh_fit {
  struct lh_plan_needs needs; /* of this shard */
  uint32_t workers;
  uint64_t descriptors_each; /* one worker's clients and the reserve */
  uint64_t ports;            /* size of the ephemeral range */
  struct lh_fit_path *paths; /* owned */
  size_t path_count;
  double wire_bytes_per_second; /* out, with frame, TCP and IP headers */
  uint64_t memory_bytes;        /* all processes, at full load */
  uint64_t intervals;
  uint64_t disk_bytes;                  /* without ending rows */
  struct lh_strings problems, warnings; /* owned */
};

/* Reads what the host allows, with the soft descriptor limit raised. Not pure. */
struct lh_fit_host lh_fit_host_read(const struct lh_config *config);
/* Workers for this shard of the plan with that many descriptors for each process. */
uint32_t lh_fit_workers(const struct lh_config *config, uint32_t shard, uint32_t shards, uint64_t descriptors);

/* shard counts from 1. 0 or -ENOMEM; the plan fits when there are no problems. */
int lh_fit_make(struct lh_fit *fit, const struct lh_config *config, uint32_t shard, uint32_t shards,
                const struct lh_fit_host *host, struct lh_err *err);
void lh_fit_free(struct lh_fit *fit); /* accepts a half-built one */

#endif
