#include "longhaul/base/ending.h"

static const char *const stage_names[] = {
#define X(id, name) name,
    LH_STAGE_LIST(X)
#undef X
};
static const char *const side_names[] = {
#define X(id, name) name,
    LH_SIDE_LIST(X)
#undef X
};
static const struct {
  const char *name;
  enum lh_side side;
  bool drop;
} reasons[] = {
#define X(id, side, name, drop) {name, LH_SIDE_##side, drop},
    LH_REASON_LIST(X)
#undef X
};

const char *lh_stage_name(enum lh_stage stage) {
  return (unsigned)stage < LH_STAGE_COUNT ? stage_names[stage] : "?";
}

const char *lh_side_name(enum lh_side side) {
  return (unsigned)side < LH_SIDE_COUNT ? side_names[side] : "?";
}

const char *lh_reason_name(enum lh_reason reason) {
  return (unsigned)reason < LH_REASON_COUNT ? reasons[reason].name : "?";
}

enum lh_side lh_reason_side(enum lh_reason reason) {
  return (unsigned)reason < LH_REASON_COUNT ? reasons[reason].side : LH_SIDE_TESTER;
}

bool lh_ending_is_drop(enum lh_stage stage, enum lh_reason reason) {
  return stage == LH_STAGE_OPEN && (unsigned)reason < LH_REASON_COUNT && reasons[reason].drop;
}
