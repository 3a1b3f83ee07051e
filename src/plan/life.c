/* Waits before reconnects, planned lifetimes, ping phases: random numbers that follow from who and which. */
#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/plan/plan.h"

#define LONGEST_NS (UINT64_C(1) << 62) /* 146 years: sums with a time of the run cannot overflow */

/* By squaring: pow() may differ in its last bit from machine to machine, and a plan may not. */
static double power(double base, uint32_t exponent) {
  double result = 1;
  for (; exponent; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

/* A random share of [0, whole], ends included. */
static uint64_t random_up_to(uint64_t word, uint64_t whole) {
  return lh_rng_below(word, whole + 1);
}

uint64_t lh_plan_backoff_ns(const struct lh_reconnect_config *reconnect, uint64_t seed, uint32_t group, uint32_t client,
                            uint32_t nth, uint32_t attempt) {
  uint64_t most = reconnect->max_ns && reconnect->max_ns < LONGEST_NS ? reconnect->max_ns : LONGEST_NS;
  double grown = (double)reconnect->first_ns * power(reconnect->factor, attempt ? attempt - 1 : 0);
  uint64_t wait = reconnect->first_ns == 0 ? 0 : grown < (double)most ? (uint64_t)grown : most; /* 0 times infinity is no number */
  uint64_t word = lh_rng_at(seed, LH_RNG_BACKOFF, (uint64_t)group << 32 | client, (uint64_t)nth << 32 | attempt);
  switch (reconnect->jitter) {
  case LH_BACKOFF_NONE: return wait;
  case LH_BACKOFF_EQUAL: return wait - wait / 2 + random_up_to(word, wait / 2);
  case LH_BACKOFF_FULL: return random_up_to(word, wait);
  }
  return wait;
}

uint64_t lh_plan_wait_ns(const struct lh_reconnect_config *reconnect, uint64_t backoff_ns, uint64_t asked_ns) {
  if (reconnect->jitter == LH_BACKOFF_NONE) return asked_ns > backoff_ns ? asked_ns : backoff_ns;
  return asked_ns > LH_NEVER - backoff_ns ? LH_NEVER : asked_ns + backoff_ns;
}

uint64_t lh_plan_lifetime_ns(const struct lh_group *group, uint64_t seed, uint32_t group_number, uint32_t client,
                             uint32_t nth) {
  uint64_t lifetime = group->lifetime_ns < LONGEST_NS ? group->lifetime_ns : LONGEST_NS;
  if (lifetime == 0) return LH_NEVER;
  double jitter = group->lifetime_jitter < 1 ? group->lifetime_jitter : 1;
  uint64_t span = jitter > 0 ? (uint64_t)((double)lifetime * jitter) : 0;
  uint64_t word = lh_rng_at(seed, LH_RNG_LIFETIME, (uint64_t)group_number << 32 | client, nth);
  return lifetime - span / 2 + random_up_to(word, span / 2 * 2);
}

uint64_t lh_plan_ping_offset_ns(const struct lh_group *group, uint64_t seed, uint32_t group_number, uint32_t client,
                                uint32_t nth) {
  if (group->ping.every_ns == 0) return LH_NEVER;
  if (group->ping.phase == LH_PING_OPEN) return group->ping.every_ns;
  uint64_t word = lh_rng_at(seed, LH_RNG_PING, (uint64_t)group_number << 32 | client, nth);
  return lh_rng_below(word, group->ping.every_ns);
}
