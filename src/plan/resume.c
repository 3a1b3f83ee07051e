/* The rest of a plan: what is left of it once so much time was held by an earlier part.
 *
 * The ramp. Where the line of the whole plan stands is where the rest should stand; but whoever was open when the earlier part
 * ended has to come back first, and comes at the pace of the ramp, not all at once. So the rest follows the lower of two lines: the
 * plan's own, and a line that rises as steeply as the ramp's steepest slope, from what the plan begins with. From where the second
 * meets the first on, the plan's own line is followed.
 *
 * Worked example: 0 to 100 clients over 10 s, held for 5 s. The plan's line stands at 50 and rises by 10 a second; the way back rises
 * by 10 a second as well and never meets it: it would end at 100 after 10 s, where the plan's line waits for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

/* ---- the line ---- */

/* A line that rises from `from` clients by `clients` in each span_ns; span_ns 0: it is everywhere at once. */
struct way_back {
  uint32_t from, clients;
  uint64_t span_ns;
};

static struct way_back way_back_of(const struct lh_ramp *ramp) {
  struct way_back way = {.from = ramp->points[0].at_ns == 0 ? ramp->points[0].connections : 0};
  for (size_t i = 1; i < ramp->count; i++) {
    const struct lh_stage_point *a = &ramp->points[i - 1], *b = &ramp->points[i];
    if (a->at_ns == b->at_ns && a->at_ns == 0 && b->connections > way.from) way.from = b->connections; /* a step at the start */
    if (b->connections <= a->connections || b->at_ns == a->at_ns) continue;
    uint32_t clients = b->connections - a->connections;
    uint64_t span_ns = b->at_ns - a->at_ns;
    if (way.span_ns == 0 || (unsigned __int128)clients * way.span_ns > (unsigned __int128)way.clients * span_ns) {
      way.clients = clients;
      way.span_ns = span_ns;
    }
  }
  return way;
}

/* When the way back stands at so many clients. */
static uint64_t way_back_at_ns(const struct way_back *way, uint32_t clients) {
  if (way->span_ns == 0 || clients <= way->from) return 0;
  return (uint64_t)(((unsigned __int128)(clients - way->from) * way->span_ns + way->clients - 1) / way->clients);
}

static uint32_t way_back_clients(const struct way_back *way, uint64_t at_ns) {
  if (way->span_ns == 0) return UINT32_MAX;
  unsigned __int128 clients = way->from + (unsigned __int128)way->clients * at_ns / way->span_ns;
  return clients < UINT32_MAX ? (uint32_t)clients : UINT32_MAX;
}

static void put(struct lh_ramp *ramp, uint64_t at_ns, uint32_t connections) {
  ramp->points[ramp->count++] = (struct lh_stage_point){at_ns, connections};
}

/* The line of the plan from held_ns on, with times from there: where it stands, then its later points. */
static void cut(const struct lh_group *group, uint64_t held_ns, struct lh_ramp *out) {
  put(out, 0, lh_plan_wanted(group, held_ns));
  for (size_t i = 0; i < group->ramp.count; i++)
    if (group->ramp.points[i].at_ns > held_ns) put(out, group->ramp.points[i].at_ns - held_ns, group->ramp.points[i].connections);
}

/* When the way back is at the piece from a to b or above it; LH_NEVER: not within it. Both are lines, so it is at b's time at
 * the latest, and before that where a rising way meets a piece that rises less: found to the nanosecond by halving. */
static uint64_t meets_ns(const struct way_back *way, const struct lh_stage_point *a, const struct lh_stage_point *b) {
  if (way_back_clients(way, a->at_ns) >= a->connections) return a->at_ns;
  if (way_back_clients(way, b->at_ns) < b->connections) return LH_NEVER;
  uint64_t low = a->at_ns, high = b->at_ns; /* below the piece at low, not below it at high */
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    double along = (double)(middle - a->at_ns) / (double)(b->at_ns - a->at_ns);
    double stands = a->connections + along * ((double)b->connections - a->connections);
    if (way_back_clients(way, middle) < stands)
      low = middle;
    else
      high = middle;
  }
  return high;
}

static uint32_t stands_at(const struct lh_stage_point *a, const struct lh_stage_point *b, uint64_t at_ns) {
  if (b->at_ns == a->at_ns) return b->connections;
  double along = (double)(at_ns - a->at_ns) / (double)(b->at_ns - a->at_ns);
  return (uint32_t)(a->connections + along * ((double)b->connections - a->connections) + 0.5);
}

/* Of both lines the lower one, until they have met. */
static void follow(const struct way_back *way, const struct lh_ramp *line, struct lh_ramp *out) {
  struct lh_stage_point first = line->points[0];
  if (way->span_ns == 0 || way->from >= first.connections) {
    memcpy(out->points, line->points, line->count * sizeof *line->points);
    out->count = line->count;
    return;
  }
  put(out, 0, way->from);
  for (size_t i = 1; i < line->count; i++) {
    const struct lh_stage_point *a = &line->points[i - 1], *b = &line->points[i];
    uint64_t at_ns = meets_ns(way, a, b);
    if (at_ns == LH_NEVER) continue;
    uint32_t reached = way_back_clients(way, at_ns), stands = stands_at(a, b, at_ns);
    if (reached > stands + 1) put(out, at_ns, reached); /* the line stepped down below it */
    put(out, at_ns, stands);
    for (size_t j = at_ns == b->at_ns ? i + 1 : i; j < line->count; j++) put(out, line->points[j].at_ns, line->points[j].connections);
    return;
  }
  const struct lh_stage_point *last = &line->points[line->count - 1];
  put(out, way_back_at_ns(way, last->connections), last->connections);
}

static int resume_ramp(struct lh_group *group, uint64_t held_ns) {
  const size_t room = group->ramp.count + 4;
  struct lh_ramp line = {.points = calloc(room, sizeof *line.points)}, out = {.points = calloc(room, sizeof *out.points)};
  int failed = line.points && out.points ? 0 : -ENOMEM;
  if (!failed) {
    struct way_back way = way_back_of(&group->ramp);
    cut(group, held_ns, &line);
    follow(&way, &line, &out);
    free(group->ramp.points);
    group->ramp = out;
  } else {
    free(out.points);
  }
  free(line.points);
  return failed;
}

/* ---- messages and actions ---- */

static uint64_t earlier_by(uint64_t at_ns, uint64_t held_ns) {
  return at_ns == LH_NEVER ? LH_NEVER : at_ns > held_ns ? at_ns - held_ns : 0;
}

static void resume_message(struct lh_message *m, uint64_t held_ns) {
  m->from_ns = earlier_by(m->from_ns, held_ns);
  m->until_ns = earlier_by(m->until_ns, held_ns); /* 0: it is over */
  m->grid_ns = m->every_ns ? (m->grid_ns + held_ns) % m->every_ns : 0;
}

/* How much is left of the pause that the action began last; 0: none is in progress. */
static uint64_t rest_of_pause(const struct lh_action *action, uint64_t held_ns) {
  uint64_t times = lh_plan_action_after(action, held_ns);
  if (action->kind != LH_ACTION_PAUSE || times == 0) return 0;
  return earlier_by(action->pause_ns, held_ns - lh_plan_action_ns(action, times - 1));
}

/* An action of its own, since the one that it is of comes again. */
static int add_pause(struct lh_config *config, const struct lh_action *of, uint64_t pause_ns) {
  struct lh_action rest = *of, *grown = realloc(config->actions, (config->action_count + 1) * sizeof rest);
  if (!grown) return -ENOMEM;
  rest.at_ns = rest.every_ns = 0;
  rest.pause_ns = pause_ns;
  config->actions = grown;
  config->actions[config->action_count++] = rest;
  return 0;
}

/* The next of its times, and the pause that is in progress. */
static int resume_action(struct lh_config *config, size_t number, uint64_t held_ns) {
  struct lh_action *action = &config->actions[number];
  uint64_t pause_ns = rest_of_pause(action, held_ns);
  if (pause_ns && !action->every_ns) {
    action->at_ns = 0;
    action->pause_ns = pause_ns;
    return 0;
  }
  action->at_ns = earlier_by(lh_plan_action_ns(action, lh_plan_action_after(action, held_ns)), held_ns);
  return pause_ns ? add_pause(config, action, pause_ns) : 0;
}

int lh_plan_resume(struct lh_config *config, uint64_t held_ns) {
  for (size_t g = 0; g < config->group_count; g++) {
    struct lh_group *group = &config->groups[g];
    if (resume_ramp(group, held_ns)) return -ENOMEM;
    for (size_t m = 0; m < group->message_count; m++) resume_message(&group->messages[m], held_ns);
  }
  for (size_t a = 0, count = config->action_count; a < count; a++)
    if (resume_action(config, a, held_ns)) return -ENOMEM;
  config->run.duration_ns = earlier_by(config->run.duration_ns, held_ns);
  return 0;
}
