#include "run/firsts.h"

#include "longhaul/base/ending.h"

static bool is_by_plan(const struct lh_tally *t) {
  switch ((enum lh_reason)t->reason) {
  case LH_REASON_PLANNED_END:
  case LH_REASON_LIFETIME:
  case LH_REASON_SHUTDOWN:
  case LH_REASON_DISTURBANCE:
  case LH_REASON_STALE_KEEPALIVE:
  case LH_REASON_REDIRECT_FOLLOWED:
    return true;
  default:
    return t->stage == LH_STAGE_CLOSING; /* it was to end anyway */
  }
}

enum lh_first lh_firsts_add(struct lh_firsts *f, uint32_t group, const struct lh_tally *t) {
  if (is_by_plan(t)) return LH_FIRST_NOT;
  for (uint32_t i = 0; i < f->count; i++)
    if (f->kinds[i].group == group && f->kinds[i].stage == t->stage && f->kinds[i].reason == t->reason &&
        f->kinds[i].code == t->code)
      return LH_FIRST_NOT;
  if (f->count == LH_FIRSTS_MAX) return LH_FIRST_NOT;
  f->kinds[f->count].group = group;
  f->kinds[f->count].stage = t->stage;
  f->kinds[f->count].reason = t->reason;
  f->kinds[f->count].code = t->code;
  return ++f->count < LH_FIRSTS_MAX ? LH_FIRST_YES : LH_FIRST_LAST;
}
