/* Whether a plan fits this host, and what it takes: for `longhaul check`, and before a run begins.
 *
 * Glossary
 *   needs    what the plan asks of the host; ladder: what the host allows, limit by limit (longhaul/host/ladder.h)
 *   problem  a sentence why the plan cannot fit; warning: a sentence on what will be felt
 */
#ifndef LONGHAUL_RUN_FIT_H
#define LONGHAUL_RUN_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/host/ladder.h"
#include "longhaul/plan/plan.h"

/* What the host allows. What is not known is not judged. */
struct lh_fit_host {
  struct lh_facts facts;  /* owned */
  const char *ports_root;   /* where ports in use are counted: "" on this host; NULL: not at all, and lh_fit_make is pure */
  const char *servers_root; /* likewise, where the processes that listen at the targets are looked for */
  bool disk_known;
  uint64_t disk_free_bytes; /* where the run file goes; 0 with disk_known: it is full */
};

struct lh_fit {
  struct lh_needs needs;    /* owned; of this shard */
  struct lh_ladder *ladder; /* owned; borrows from the host's facts */
  uint32_t workers, cores;
  uint64_t descriptors;      /* RLIMIT_NOFILE that a worker will have; 0: not known */
  uint64_t descriptors_each; /* one worker's clients and the reserve */
  uint64_t ports;            /* size of the ephemeral range; 0: not known */
  double wire_bytes_per_second; /* out, with frame, TCP and IP headers */
  uint64_t memory_bytes;        /* all processes, at full load, without the kernel's part */
  uint64_t memory_available_bytes; /* 0: not known */
  uint64_t intervals;
  uint64_t disk_bytes;                  /* without ending rows */
  struct lh_strings problems, warnings; /* owned */
};

/* Reads what the host allows, with the soft descriptor limit raised. */
int lh_fit_host_read(struct lh_fit_host *host, const struct lh_config *config, struct lh_err *err);
void lh_fit_host_free(struct lh_fit_host *host);
/* Workers for this shard of the plan with that many descriptors for each process. */
uint32_t lh_fit_workers(const struct lh_config *config, uint32_t shard, uint32_t shards, uint64_t descriptors);

/* shard counts from 1. 0 or -ENOMEM; the plan fits when there are no problems. */
int lh_fit_make(struct lh_fit *fit, const struct lh_config *config, uint32_t shard, uint32_t shards,
                const struct lh_fit_host *host, struct lh_err *err);
void lh_fit_free(struct lh_fit *fit); /* accepts a half-built one */

#endif
