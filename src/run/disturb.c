#include "run/disturb.h"

#include <stdio.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"
#include "longhaul/plan/plan.h"

uint64_t lh_disturb_next_ns(const struct lh_config *config, uint64_t from_ns) {
  uint64_t next = LH_NEVER;
  for (size_t a = 0; a < config->action_count; a++) {
    const struct lh_action *action = &config->actions[a];
    uint64_t due = lh_plan_action_ns(action, lh_plan_action_after(action, from_ns));
    if (due < next) next = due;
  }
  return next;
}

bool lh_disturb_is_at(const struct lh_action *action, uint64_t at_ns) {
  return lh_plan_action_ns(action, lh_plan_action_after(action, at_ns)) == at_ns;
}

const char *lh_disturb_words(const struct lh_config *config, const struct lh_action *action, char *out, size_t size) {
  char who[LH_NAME_MAX + 64], length[32];
  bool all = action->group == LH_ALL_GROUPS;
  snprintf(who, sizeof who, "%s%s: %g%% of the clients", all ? "every group" : "group ",
           all ? "" : config->groups[action->group].name, action->share * 100);
  if (action->kind == LH_ACTION_DROP)
    snprintf(out, size, "%s dropped by RST", who);
  else if (action->kind == LH_ACTION_CLOSE)
    snprintf(out, size, "%s closed with code %u", who, action->close_code);
  else if (action->pause_ns == LH_NEVER)
    snprintf(out, size, "%s send nothing from here on", who);
  else
    snprintf(out, size, "%s send nothing for %s", who, lh_format_duration(action->pause_ns, length, sizeof length));
  return out;
}
