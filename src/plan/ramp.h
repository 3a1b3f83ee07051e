/* What needs.c wants to know of a line beside what plan.h says. */
#ifndef PLAN_RAMP_H
#define PLAN_RAMP_H

#include "longhaul/plan/plan.h"

/* Number of the first point after now_ns; ramp->count when there is none. */
size_t lh_ramp_point_after(const struct lh_ramp *ramp, uint64_t now_ns);

#endif
