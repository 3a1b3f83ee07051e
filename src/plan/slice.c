#include <assert.h>

#include "longhaul/plan/plan.h"

/* Shards take the clients in turn, and within a shard its workers do: a shard's clients do not depend on its workers. */
struct lh_slice lh_plan_slice(uint32_t shard, uint32_t shards, uint32_t worker, uint32_t workers) {
  assert(shard < shards && worker < workers);
  return (struct lh_slice){.first = shard + worker * shards, .stride = shards * workers};
}

uint32_t lh_slice_count(struct lh_slice slice, uint32_t clients) {
  return slice.first < clients ? (clients - slice.first - 1) / slice.stride + 1 : 0;
}
