/* When planned disturbances happen, and to whom. */
#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/plan/plan.h"

uint64_t lh_plan_action_ns(const struct lh_action *action, uint64_t k) {
  uint64_t after, at;
  if (k > 0 && action->every_ns == 0) return LH_NEVER;
  if (__builtin_mul_overflow(k, action->every_ns, &after) || __builtin_add_overflow(action->at_ns, after, &at)) return LH_NEVER;
  return at;
}

uint64_t lh_plan_action_after(const struct lh_action *action, uint64_t at_ns) {
  if (at_ns <= action->at_ns) return 0;
  return action->every_ns ? (at_ns - action->at_ns - 1) / action->every_ns + 1 : 1;
}

bool lh_plan_action_is_on(const struct lh_action *action, uint32_t group) {
  return action->group == LH_ALL_GROUPS || action->group == group;
}

/* ---- who ---- */

/* Where client i of n stands when all are shuffled: a Feistel network of four rounds over the next even number of bits, walked
 * until it falls into 0 .. n-1 (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). Nothing is kept, and the
 * first so many places are exactly so many clients. */
static uint32_t shuffled(uint32_t i, uint32_t n, uint64_t seed, uint64_t key) {
  uint32_t half = 1;
  while (half < 16 && (UINT64_C(1) << 2 * half) < n) half++;
  const uint32_t mask = (UINT32_C(1) << half) - 1;
  do {
    uint32_t left = i >> half, right = i & mask;
    for (uint32_t round = 0; round < 4; round++) {
      uint32_t mixed = (uint32_t)(lh_rng_at(seed, LH_RNG_ACTION, key << 2 | round, right) >> 32) & mask;
      uint32_t next = left ^ mixed;
      left = right;
      right = next;
    }
    i = left << half | right;
  } while (i >= n);
  return i;
}

bool lh_plan_action_takes(const struct lh_config *config, uint32_t number, uint64_t k, uint32_t group, uint32_t client) {
  const struct lh_action *action = &config->actions[number];
  const uint32_t clients = config->groups[group].connections;
  if (!lh_plan_action_is_on(action, group) || client >= clients) return false;
  uint32_t taken = (uint32_t)(action->share * clients + 0.5);
  if (taken >= clients) return true;
  uint64_t key = lh_rng_at(config->run.seed, LH_RNG_ACTION, (uint64_t)number << 32 | group, k);
  return shuffled(client, clients, config->run.seed, key) < taken;
}

/* ---- pauses ---- */

bool lh_plan_has_pauses(const struct lh_config *config, uint32_t group) {
  for (uint32_t a = 0; a < config->action_count; a++)
    if (config->actions[a].kind == LH_ACTION_PAUSE && lh_plan_action_is_on(&config->actions[a], group)) return true;
  return false;
}

/* The end of one action's pause that holds at that time, 0: none does. */
static uint64_t pause_end(const struct lh_config *config, uint32_t number, uint32_t group, uint32_t client, uint64_t at_ns) {
  const struct lh_action *action = &config->actions[number];
  if (action->kind != LH_ACTION_PAUSE || at_ns < action->at_ns) return 0;
  uint64_t k = action->every_ns ? (at_ns - action->at_ns) / action->every_ns : 0;
  uint64_t begin = lh_plan_action_ns(action, k);
  uint64_t end = action->pause_ns > LH_NEVER - begin ? LH_NEVER : begin + action->pause_ns;
  return at_ns < end && lh_plan_action_takes(config, number, k, group, client) ? end : 0;
}

uint64_t lh_plan_pause_end_ns(const struct lh_config *config, uint32_t group, uint32_t client, uint64_t at_ns) {
  uint64_t latest = 0;
  for (uint32_t a = 0; a < config->action_count; a++) {
    uint64_t end = pause_end(config, a, group, client, at_ns);
    if (end > latest) latest = end;
  }
  return latest;
}
