/* The connect-rate cap as a virtual schedule: each one taken moves `ready` on by the spacing, and after a quiet spell it
 * lags behind now by at most the burst, or by what the timing wheel's ticks may cost. Without that lag each tick's delay
 * would be lost, and a cap of 60/s asked every half millisecond would let through 59. Spacings are kept to 2^-32 ns, rounded
 * up: over a day at 30,000/s the cap is under what was asked for by less than one connection, and never over. */
#include <math.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

#define BURST_NS (10 * LH_NS_PER_MS)
#define LATE_NS LH_NS_PER_MS
#define SPACING_NS_MAX 0x1p62

struct lh_rate lh_rate_make(double per_second) {
  if (!(per_second > 0) || per_second > 1e9) return (struct lh_rate){0};
  double spacing = fmin(1e9 / per_second, SPACING_NS_MAX), whole = floor(spacing);
  struct lh_rate rate = {.ns_each = (uint64_t)whole};
  double part = ceil((spacing - whole) * 0x1p32);
  if (part >= 0x1p32)
    rate.ns_each++;
  else
    rate.ns_each_part = (uint32_t)part;
  return rate;
}

/* How far ready may lag: the spacings that fit in the burst, less the one that is taken at once. */
static uint64_t lag_max(const struct lh_rate *rate) {
  uint64_t room = BURST_NS / (rate->ns_each + (rate->ns_each_part > 0));
  if (room > 1) return (room - 1) * rate->ns_each;
  return rate->ns_each < LATE_NS ? rate->ns_each : LATE_NS;
}

bool lh_rate_take(struct lh_rate *rate, uint64_t now_ns, uint64_t *ready_ns) {
  if (rate->ns_each == 0) return true;
  uint64_t ready = rate->ready_ns + (rate->ready_part > 0);
  if (ready > now_ns) {
    *ready_ns = ready;
    return false;
  }
  uint64_t lag = lag_max(rate), oldest = now_ns > lag ? now_ns - lag : 0;
  if (rate->ready_ns < oldest) {
    rate->ready_ns = oldest;
    rate->ready_part = 0;
  }
  uint64_t part = (uint64_t)rate->ready_part + rate->ns_each_part;
  rate->ready_ns += rate->ns_each + (part >> 32);
  rate->ready_part = (uint32_t)part;
  return true;
}
