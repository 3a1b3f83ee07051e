/* Which row of a group's data a message takes. */
#include "longhaul/base/rng.h"
#include "longhaul/config/data.h"
#include "longhaul/plan/plan.h"

uint32_t lh_plan_data_row(const struct lh_group *group, uint64_t seed, uint32_t group_number, uint32_t client, uint64_t seq) {
  if (!group->data.rows) return 0;
  const uint64_t rows = lh_data_rows(group->data.rows), clients = group->connections;
  const uint64_t stride = clients % rows ? clients % rows : 1 % rows;
  switch (group->data.order) {
  case LH_DATA_PER_CLIENT: return (uint32_t)(client % rows);
  case LH_DATA_RANDOM:
    return (uint32_t)lh_rng_below(lh_rng_at(seed, LH_RNG_DATA, (uint64_t)group_number << 32 | client, seq), rows);
  case LH_DATA_SEQUENTIAL: break;
  }
  return (uint32_t)((client % rows + seq % rows * stride) % rows);
}
