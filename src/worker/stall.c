#include "stall.h"

#include <time.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/base/units.h"

static const uint64_t least_ns = 2 * LH_NS_PER_S;
static const uint64_t suspended_least_ns = LH_NS_PER_S;
/* How old the reading may be: a system call in each turn of the loop would be dear, and what this may add to the time used is
 * small beside a stall. */
static const uint64_t fresh_ns = 50 * LH_NS_PER_MS;
enum { CPU_PART = 4 }; /* a loop that worked for this part of the time was busy, not stalled */

static uint64_t cpu_ns(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)) return 0;
  return (uint64_t)t.tv_sec * LH_NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t asleep_ns(uint64_t now_ns) {
  uint64_t boot_ns = lh_boot_ns();
  return boot_ns > now_ns ? boot_ns - now_ns : 0;
}

/* CLOCK_MONOTONIC stands still while the machine is suspended, so that nothing of it shows as a stall. */
static void look_for_suspension(struct lh_stall *stall, uint64_t now_ns) {
  uint64_t asleep = asleep_ns(now_ns), before = stall->asleep_ns;
  stall->is_looked = true;
  if (asleep < before + suspended_least_ns) return;
  stall->asleep_ns = asleep;
  lh_engine_on_suspension(stall->engine, asleep - before, now_ns);
}

void lh_stall_begin(struct lh_stall *stall, struct lh_engine *engine) {
  stall->engine = engine;
  stall->armed_ns = LH_NEVER; /* what fails at once is looked at before there was a wait */
  stall->asleep_ns = asleep_ns(lh_now_ns());
}

void lh_stall_wait(struct lh_stall *stall, uint64_t now_ns, uint64_t armed_ns) {
  stall->armed_ns = armed_ns;
  stall->is_told = stall->is_looked = false;
  if (now_ns - stall->cpu_at_ns < fresh_ns) return;
  stall->cpu_at_ns = now_ns;
  stall->cpu_ns = cpu_ns();
}

void lh_stall_look(struct lh_stall *stall, uint64_t now_ns) {
  if (!stall->is_looked && stall->engine) look_for_suspension(stall, now_ns);
  if (now_ns < stall->armed_ns || now_ns - stall->armed_ns < least_ns || stall->is_told || !stall->engine) return;
  stall->is_told = true;
  uint64_t lasted_ns = now_ns - stall->armed_ns;
  if ((cpu_ns() - stall->cpu_ns) * CPU_PART > lasted_ns) return;
  char text[32];
  lh_log(LH_LOG_WARNING, "the loop stood still for %s: stopped, or starved of the processor; what ended meanwhile is the tester's",
         lh_format_duration_brief(lasted_ns, text, sizeof text));
  lh_engine_on_stall(stall->engine, stall->armed_ns, now_ns);
}
