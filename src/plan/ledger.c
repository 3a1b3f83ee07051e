/* Where the sends that `count` limits are written down: cells of one array for all clients of a run. */
#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

static bool is_counted(const struct lh_group *group) {
  for (size_t m = 0; m < group->message_count; m++)
    if (group->messages[m].count) return true;
  return false;
}

static uint64_t cells_of(const struct lh_group *group) {
  return is_counted(group) ? (uint64_t)group->connections * group->message_count : 0;
}

uint64_t lh_plan_ledger_cells(const struct lh_config *config) {
  uint64_t cells = 0;
  for (size_t g = 0; g < config->group_count; g++) cells += cells_of(&config->groups[g]);
  return cells;
}

uint64_t lh_plan_ledger_cell(const struct lh_config *config, uint32_t group, uint32_t client) {
  const struct lh_group *of = &config->groups[group];
  uint64_t cell = client * of->message_count;
  if (!is_counted(of)) return LH_NEVER;
  for (uint32_t g = 0; g < group; g++) cell += cells_of(&config->groups[g]);
  return cell;
}
