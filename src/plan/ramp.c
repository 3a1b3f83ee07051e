/* The ramp: a line of wanted clients over time. Client i is wanted while the line is at i + 0.5 or above, so that releases
 * are spread evenly along a slope and the highest numbers end first. Worked example: from 0 to 4 over 8 s the clients are
 * released at 1, 3, 5 and 7 s.
 *
 * Times are computed in whole numbers; lh_plan_wanted counts exactly the clients whose time has come. */
#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"
#include "plan/ramp.h"

/* A piece of the line. A step has from_ns == to_ns. */
struct piece {
  uint64_t from_ns, to_ns;
  uint32_t from, to; /* clients wanted at its ends */
};

/* The pieces are the steps from 0 to the first point, and from each point to the next. */
static struct piece piece_at(const struct lh_ramp *ramp, size_t i) {
  const struct lh_stage_point *to = &ramp->points[i];
  if (i == 0) return (struct piece){to->at_ns, to->at_ns, 0, to->connections};
  return (struct piece){ramp->points[i - 1].at_ns, to->at_ns, ramp->points[i - 1].connections, to->connections};
}

/* When the piece has moved by n + 0.5 of its `count` clients, rounded up. */
static uint64_t half_past(const struct piece *p, uint32_t n, uint32_t count) {
  unsigned __int128 span = p->to_ns - p->from_ns, parts = 2 * (unsigned __int128)count;
  return p->from_ns + (uint64_t)((span * (2 * (uint64_t)n + 1) + parts - 1) / parts);
}

/* How many of the piece's `count` clients have moved at now_ns: the inverse of half_past. */
static uint32_t moved_at(const struct piece *p, uint32_t count, uint64_t now_ns) {
  uint64_t halves = (uint64_t)((unsigned __int128)(now_ns - p->from_ns) * count * 2 / (p->to_ns - p->from_ns));
  return (uint32_t)((halves + 1) / 2);
}

/* Whether the piece starts or ends this client, and when. */
static bool piece_turn(const struct piece *p, uint32_t client, struct lh_ramp_turn *turn) {
  if (client >= p->from && client < p->to)
    *turn = (struct lh_ramp_turn){half_past(p, client - p->from, p->to - p->from), true};
  else if (client >= p->to && client < p->from)
    *turn = (struct lh_ramp_turn){half_past(p, p->from - 1 - client, p->from - p->to), false};
  else
    return false;
  return true;
}

/* The first turn at or after from_ns. Turns of one instant that undo each other (a step down and up again) are none. */
static struct lh_ramp_turn turn_from(const struct lh_group *group, uint32_t client, uint64_t from_ns) {
  struct lh_ramp_turn found = {LH_NEVER, false};
  bool wanted = false; /* before from_ns */
  for (size_t i = 0; i < group->ramp.count; i++) {
    struct piece piece = piece_at(&group->ramp, i);
    struct lh_ramp_turn turn;
    if (!piece_turn(&piece, client, &turn)) continue;
    if (turn.at_ns < from_ns) {
      wanted = turn.wanted;
    } else {
      if (found.at_ns != LH_NEVER && found.wanted != wanted && turn.at_ns > found.at_ns) break;
      found = turn;
    }
  }
  if (found.at_ns == LH_NEVER || found.wanted == wanted) return (struct lh_ramp_turn){LH_NEVER, wanted};
  return found;
}

uint64_t lh_plan_release_ns(const struct lh_group *group, uint32_t client) {
  return turn_from(group, client, 0).at_ns;
}

struct lh_ramp_turn lh_plan_next_turn(const struct lh_group *group, uint32_t client, uint64_t now_ns) {
  return turn_from(group, client, now_ns == LH_NEVER ? LH_NEVER : now_ns + 1);
}

size_t lh_ramp_point_after(const struct lh_ramp *ramp, uint64_t now_ns) {
  size_t low = 0, high = ramp->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ramp->points[middle].at_ns <= now_ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

uint32_t lh_plan_wanted(const struct lh_group *group, uint64_t now_ns) {
  const struct lh_ramp *ramp = &group->ramp;
  size_t next = lh_ramp_point_after(ramp, now_ns);
  if (next == 0) return 0;
  if (next == ramp->count) return ramp->points[next - 1].connections;
  struct piece p = piece_at(ramp, next);
  return p.to > p.from ? p.from + moved_at(&p, p.to - p.from, now_ns) : p.from - moved_at(&p, p.from - p.to, now_ns);
}
