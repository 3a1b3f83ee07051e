#include "longhaul/analysis/idle.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "analysis/timeouts.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

/* ---- rungs ---- */

/* Limits of timeouts.c with a little room on both sides, and some steps where they lie far apart. */
static const uint32_t rungs_s[] = {2,   4,   7,   10,  15,  20,  28,  32,  45,  53,  58,  62,   70,   80,   98,   105,  120, 150,
                                   180, 230, 250, 290, 305, 345, 360, 450, 590, 620, 750, 890,  910,  1190, 1210, 1500, 1790,
                                   2400, 3590, 3620, 5400, 7400, 7500, 10800, 14400, 21600, 43200, 86400};
_Static_assert(sizeof rungs_s / sizeof *rungs_s < LH_IDLE_RUNGS_MAX, "one more is up_to itself");

size_t lh_idle_rungs(uint64_t up_to_ns, uint64_t *rungs, size_t most) {
  size_t count = 0;
  for (size_t i = 0; i < sizeof rungs_s / sizeof *rungs_s && count + 1 < most; i++)
    if (rungs_s[i] * LH_NS_PER_S < up_to_ns) rungs[count++] = rungs_s[i] * LH_NS_PER_S;
  rungs[count++] = up_to_ns;
  return count;
}

/* ---- the limit ---- */

static int by_silence(const void *a, const void *b) {
  const struct lh_idle_probe *x = a, *y = b;
  if (x->fate != y->fate) return x->fate < y->fate ? -1 : 1;
  uint64_t left = x->fate == LH_IDLE_DROPPED ? x->idle_ns : x->rung_ns, right = y->fate == LH_IDLE_DROPPED ? y->idle_ns : y->rung_ns;
  return left < right ? -1 : left > right;
}

/* The most frequent ending of `count` drops. */
static void most_frequent(const struct lh_idle_probe *drops, size_t count, struct lh_idle_limit *limit) {
  size_t most = 0;
  for (size_t i = 0; i < count; i++) {
    size_t same = 0;
    for (size_t k = 0; k < count; k++) same += drops[k].reason == drops[i].reason && drops[k].code == drops[i].code;
    if (same <= most) continue;
    most = same;
    limit->reason = drops[i].reason;
    limit->code = drops[i].code;
  }
}

/* How many were left alone for at least that long, whatever became of them; what was closed was silent until then. */
static size_t tried_for(const struct lh_idle_probe *probes, size_t count, uint64_t ns) {
  size_t tried = 0;
  for (size_t i = 0; i < count; i++) {
    bool in_time = probes[i].rung_ns >= ns && probes[i].fate != LH_IDLE_UNTRIED;
    tried += in_time || probes[i].fate == LH_IDLE_DROPPED;
  }
  return tried;
}

static struct lh_idle_limit cut(const struct lh_idle_probe *drops, size_t count) {
  const uint64_t second = LH_NS_PER_S;
  struct lh_idle_limit limit = {.kind = LH_IDLE_CUT,
                                .low_ns = drops[0].idle_ns,
                                .high_ns = drops[count - 1].idle_ns,
                                .middle_ns = drops[count / 2].idle_ns,
                                .count = count};
  uint64_t slack = limit.middle_ns / 20 > second ? limit.middle_ns / 20 : second;
  if (limit.high_ns - limit.low_ns > slack) limit.kind = LH_IDLE_UNEVEN;
  most_frequent(drops, count, &limit);
  return limit;
}

struct lh_idle_limit lh_idle_find(struct lh_idle_probe *probes, size_t count) {
  size_t in_fate[LH_IDLE_FATE_COUNT] = {0};
  qsort(probes, count, sizeof *probes, by_silence);
  for (size_t i = 0; i < count; i++) in_fate[probes[i].fate]++;
  const struct lh_idle_probe *held = probes + in_fate[LH_IDLE_UNTRIED], *drops = held + in_fate[LH_IDLE_HELD],
                             *silent = drops + in_fate[LH_IDLE_DROPPED];
  uint64_t longest_held = in_fate[LH_IDLE_HELD] ? drops[-1].rung_ns : 0;
  struct lh_idle_limit limit = {.kind = LH_IDLE_NOTHING};
  if (in_fate[LH_IDLE_DROPPED]) {
    limit = cut(drops, in_fate[LH_IDLE_DROPPED]);
    if (longest_held > limit.high_ns) limit.kind = LH_IDLE_UNEVEN; /* others lived longer */
    limit.of = tried_for(probes, count, limit.low_ns);
  } else if (in_fate[LH_IDLE_SILENT]) {
    limit = (struct lh_idle_limit){.kind = LH_IDLE_FORGOT, .high_ns = silent->rung_ns, .count = in_fate[LH_IDLE_SILENT]};
    for (const struct lh_idle_probe *p = held; p < drops; p++)
      if (p->rung_ns < limit.high_ns) limit.low_ns = p->rung_ns;
    limit.of = tried_for(probes, count, limit.high_ns);
  } else if (in_fate[LH_IDLE_HELD]) {
    limit = (struct lh_idle_limit){.kind = LH_IDLE_NONE, .high_ns = longest_held, .count = in_fate[LH_IDLE_HELD], .of = in_fate[LH_IDLE_HELD]};
  }
  return limit;
}

/* ---- words ---- */

static int say_candidates(uint64_t limit_ns, struct lh_buf *out) {
  enum { MOST = 4 };
  const struct lh_timeout *near[MOST];
  size_t count = lh_timeouts_near(LH_TIMEOUT_IDLE, (double)limit_ns / (double)LH_NS_PER_S, 0.03, near, MOST);
  int code = count ? lh_buf_addstr(out, "Limits of about that length by default: ") : 0;
  for (size_t i = 0; i < count && !code; i++) code = lh_buf_addf(out, "%s%s", i ? ", " : "", near[i]->what);
  return code || !count ? code : lh_buf_addstr(out, ".\n");
}

/* Half of what is known to hold, which leaves one ping to be lost; rounded down to whole seconds. */
static int say_advice(uint64_t holds_ns, struct lh_buf *out) {
  char every[32];
  uint64_t every_ns = holds_ns / 2 / LH_NS_PER_S * LH_NS_PER_S;
  if (every_ns == 0) every_ns = holds_ns / 2;
  return lh_buf_addf(out, "To stay connected, send something every %s or sooner (`ping: {every: %s}`).\n",
                       lh_format_duration(every_ns, every, sizeof every), every);
}

static int say_cut(const struct lh_idle_limit *limit, struct lh_buf *out) {
  char low[32], high[32], middle[32];
  lh_format_duration_brief(limit->low_ns, low, sizeof low);
  lh_format_duration_brief(limit->high_ns, high, sizeof high);
  lh_format_duration_brief(limit->middle_ns, middle, sizeof middle);
  int code = limit->kind == LH_IDLE_CUT
                 ? lh_buf_addf(out, "Silent connections are closed after %s.\n", middle)
                 : lh_buf_addf(out, "Silent connections are closed after different times, from %s to %s: this is no plain idle limit.\n",
                                 low, high);
  if (!code)
    code = lh_buf_addf(out, "%zu of %zu that were left alone for as long ended so, mostly by: %s", limit->count, limit->of,
                         lh_reason_name(limit->reason));
  if (!code && limit->code) code = lh_buf_addf(out, " %d", (int)limit->code);
  if (!code) code = limit->kind == LH_IDLE_CUT ? lh_buf_addf(out, "; each after %s to %s.\n", low, high) : lh_buf_addstr(out, ".\n");
  if (!code && limit->kind == LH_IDLE_CUT) code = say_candidates(limit->middle_ns, out);
  return code ? code : say_advice(limit->low_ns, out);
}

static int say_forgot(const struct lh_idle_limit *limit, struct lh_buf *out) {
  char low[32], high[32];
  int code = lh_buf_addf(out,
                           "Silent connections are forgotten after more than %s and at most %s: nobody closes them, and then nothing "
                           "comes through any more (%zu of %zu). NATs and firewalls do that; neither end is told.\n",
                           lh_format_duration_brief(limit->low_ns, low, sizeof low),
                           lh_format_duration_brief(limit->high_ns, high, sizeof high), limit->count, limit->of);
  if (!code) code = say_candidates(limit->low_ns + (limit->high_ns - limit->low_ns) / 2, out);
  return code || !limit->low_ns ? code : say_advice(limit->low_ns, out);
}

int lh_idle_say(const struct lh_idle_limit *limit, struct lh_buf *out) {
  char longest[32];
  switch (limit->kind) {
  case LH_IDLE_NOTHING: return lh_buf_addstr(out, "Nothing can be said: no connection was left alone for long enough.\n");
  case LH_IDLE_NONE:
    return lh_buf_addf(out, "No idle limit up to %s: all %zu connections answered after their silence.\n",
                         lh_format_duration_brief(limit->high_ns, longest, sizeof longest), limit->count);
  case LH_IDLE_FORGOT: return say_forgot(limit, out);
  default: return say_cut(limit, out);
  }
}
