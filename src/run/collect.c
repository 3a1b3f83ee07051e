#include "run/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"
#include "longhaul/stats/estate.h"

struct since {
  struct lh_ending *items;
  size_t count, room;
};

struct lh_collect {
  struct lh_collect_args args;
  uint32_t group_count;
  uint64_t tick_ns;
  uint32_t ticks_each;
  uint32_t next_k;             /* oldest interval not yet taken */
  struct lh_interval *pending; /* by rising k */
  struct lh_interval *taken;   /* lent to the caller of take */
  struct lh_interval *spare;   /* memory for later intervals */
  struct lh_snapshot *decoded; /* [group]: the report at hand */
  struct lh_snapshot *totals;  /* [group] */
  struct lh_snapshot *fresh;   /* [group]: since the last look; NULL: nobody looks */
  uint64_t *base;              /* [worker][group][gauge]: standing by the end of the last interval taken */
  uint64_t *latest;            /* [worker][group][gauge] */
  struct lh_level *level;      /* [worker][group]: as of the last tick of the last interval taken */
  uint64_t *counted;           /* [group][counter]: everything so far */
  uint64_t *until;             /* [worker] */
  struct since *since;         /* [worker] */
};

static uint64_t *standing_of(const struct lh_collect *c, uint64_t *table, uint32_t worker, uint32_t group) {
  return table + ((size_t)worker * c->group_count + group) * LH_GAUGE_COUNT;
}

/* ---- intervals ---- */
static void free_interval(struct lh_interval *v, uint32_t group_count) {
  if (v == NULL) return;
  for (uint32_t g = 0; v->groups != NULL && g < group_count; g++) lh_snapshot_free(&v->groups[g]);
  free(v->groups);
  free(v->seconds);
  free(v->levels);
  free(v->standing);
  free(v->reported);
  free(v->health);
  free(v);
}

static struct lh_interval *new_interval(const struct lh_collect *c) {
  struct lh_interval *v = calloc(1, sizeof *v);
  if (v == NULL) return NULL;
  size_t workers = c->args.workers;
  v->groups = calloc(c->group_count, sizeof *v->groups);
  v->standing = calloc(workers * c->group_count * LH_GAUGE_COUNT, sizeof *v->standing);
  v->seconds = calloc((size_t)c->ticks_each * c->group_count, sizeof *v->seconds);
  v->levels = calloc((size_t)c->ticks_each * workers * c->group_count, sizeof *v->levels);
  v->reported = calloc(workers, sizeof *v->reported);
  v->health = calloc(workers, sizeof *v->health);
  if (v->groups == NULL || v->seconds == NULL || v->levels == NULL || v->standing == NULL || v->reported == NULL || v->health == NULL) {
    free_interval(v, 0);
    return NULL;
  }
  for (uint32_t g = 0; g < c->group_count; g++) lh_snapshot_init(&v->groups[g]);
  return v;
}

/* Interval k, made when it is not there yet; an interval already taken gives the oldest one still in progress. */
static struct lh_interval *interval_at(struct lh_collect *c, uint64_t k64) {
  uint32_t k = k64 < c->next_k ? c->next_k : (uint32_t)k64;
  struct lh_interval **at = &c->pending;
  while (*at != NULL && (*at)->k < k) at = &(*at)->next;
  if (*at != NULL && (*at)->k == k) return *at;
  struct lh_interval *v = c->spare;
  if (v != NULL)
    c->spare = v->next;
  else
    v = new_interval(c);
  if (v == NULL) return NULL;
  v->k = k;
  v->end_ns = c->args.start_ns + (uint64_t)(k + 1) * c->args.interval_ns;
  v->next = *at;
  *at = v;
  return v;
}

static void recycle(struct lh_collect *c, struct lh_interval *v) {
  for (uint32_t g = 0; g < c->group_count; g++) lh_snapshot_next(&v->groups[g]);
  memset(v->seconds, 0, (size_t)c->ticks_each * c->group_count * sizeof *v->seconds);
  memset(v->levels, 0, (size_t)c->ticks_each * c->args.workers * c->group_count * sizeof *v->levels);
  memset(v->reported, 0, c->args.workers * sizeof *v->reported);
  memset(v->health, 0, c->args.workers * sizeof *v->health);
  v->next = c->spare;
  c->spare = v;
}

/* ---- making and freeing ---- */
static void seed_standing(struct lh_collect *c) {
  const struct lh_collect_args *a = &c->args;
  for (uint32_t w = 0; w < a->workers; w++) {
    struct lh_slice slice = lh_plan_slice(a->shard - 1, a->shards, w, a->workers);
    for (uint32_t g = 0; g < c->group_count; g++) {
      uint64_t clients = lh_slice_count(slice, a->config->groups[g].connections);
      uint64_t *base = standing_of(c, c->base, w, g), *latest = standing_of(c, c->latest, w, g);
      base[LH_GAUGE_clients] = base[LH_GAUGE_never_started] = clients;
      memcpy(latest, base, LH_GAUGE_COUNT * sizeof *base);
    }
  }
}

int lh_collect_new(struct lh_collect **collect, const struct lh_collect_args *args, struct lh_err *err) {
  struct lh_collect *c = calloc(1, sizeof *c);
  if (c == NULL) return lh_err_set(err, ENOMEM, "no memory for the collection of reports");
  c->args = *args;
  c->group_count = (uint32_t)args->config->group_count;
  c->ticks_each = lh_ticks_each(args->interval_ns);
  c->tick_ns = args->interval_ns / c->ticks_each;
  size_t cells = (size_t)args->workers * c->group_count * LH_GAUGE_COUNT;
  c->decoded = calloc(c->group_count, sizeof *c->decoded);
  c->totals = calloc(c->group_count, sizeof *c->totals);
  c->base = calloc(cells, sizeof *c->base);
  c->latest = calloc(cells, sizeof *c->latest);
  c->level = calloc((size_t)args->workers * c->group_count, sizeof *c->level);
  c->counted = calloc((size_t)c->group_count * LH_COUNTER_COUNT, sizeof *c->counted);
  c->until = calloc(args->workers, sizeof *c->until);
  c->since = calloc(args->workers, sizeof *c->since);
  if (!c->decoded || !c->totals || !c->base || !c->latest || !c->level || !c->counted || !c->until || !c->since) {
    lh_collect_free(c);
    return lh_err_set(err, ENOMEM, "no memory for the reports of %u workers and %u groups", args->workers, c->group_count);
  }
  for (uint32_t g = 0; g < c->group_count; g++) {
    lh_snapshot_init(&c->decoded[g]);
    lh_snapshot_init(&c->totals[g]);
  }
  seed_standing(c);
  *collect = c;
  return 0;
}

static void free_list(struct lh_interval *v, uint32_t group_count) {
  while (v != NULL) {
    struct lh_interval *next = v->next;
    free_interval(v, group_count);
    v = next;
  }
}

static void free_snapshots(struct lh_snapshot *s, uint32_t count) {
  for (uint32_t i = 0; s != NULL && i < count; i++) lh_snapshot_free(&s[i]);
  free(s);
}

void lh_collect_free(struct lh_collect *c) {
  if (c == NULL) return;
  free_list(c->pending, c->group_count);
  free_list(c->spare, c->group_count);
  free_interval(c->taken, c->group_count);
  free_snapshots(c->decoded, c->group_count);
  free_snapshots(c->totals, c->group_count);
  free_snapshots(c->fresh, c->group_count);
  for (uint32_t w = 0; c->since != NULL && w < c->args.workers; w++) free(c->since[w].items);
  free(c->since);
  free(c->base);
  free(c->latest);
  free(c->level);
  free(c->counted);
  free(c->until);
  free(c);
}

/* ---- reports ---- */
/* A report is made a little after its tick's boundary; a quarter of a tick late still counts as on the boundary. */
static uint64_t tick_of(const struct lh_collect *c, uint64_t until_ns) {
  uint64_t slack = c->tick_ns / 4;
  uint64_t run_ns = until_ns > c->args.start_ns + slack ? until_ns - c->args.start_ns - slack : 0;
  uint64_t tick = (run_ns + c->tick_ns - 1) / c->tick_ns;
  return tick > 0 ? tick : 1;
}

static int decode(struct lh_collect *c, uint32_t worker, struct lh_cursor *body, uint64_t now_ns,
                  struct lh_worker_health *health, struct lh_err *err) {
  int code = lh_health_decode(health, body, err);
  if (code < 0) return code;
  uint32_t groups = lh_cursor_u32(body);
  if (body->failed || groups != c->group_count)
    return lh_err_set(err, EBADMSG, "a report of %u groups, expected %u", groups, c->group_count);
  if (health->until_ns > now_ns + c->tick_ns || health->until_ns < c->until[worker])
    return lh_err_set(err, EBADMSG, "a report whose end is out of order or in the future");
  for (uint32_t g = 0; g < groups; g++) {
    lh_snapshot_next(&c->decoded[g]);
    memset(c->decoded[g].gauges, 0, sizeof c->decoded[g].gauges);
    code = lh_snapshot_decode(&c->decoded[g], body, err);
    if (code < 0) return lh_err_prefix(err, "group %s", c->args.config->groups[g].name);
  }
  return 0;
}

static void add_health(struct lh_worker_health *sum, const struct lh_worker_health *more) {
  if (sum->until_ns == 0) {
    *sum = *more;
    return;
  }
  struct lh_worker_health was = *sum;
  *sum = *more; /* what holds at the end */
  sum->from_ns = was.from_ns;
  sum->cpu_user_us += was.cpu_user_us;
  sum->cpu_system_us += was.cpu_system_us;
  sum->turns += was.turns;
  if (was.loop_lag_max_us > sum->loop_lag_max_us) sum->loop_lag_max_us = was.loop_lag_max_us;
}

static struct lh_level *level_of(const struct lh_collect *c, const struct lh_interval *v, uint32_t tick, uint32_t worker,
                                 uint32_t g) {
  return &v->levels[((size_t)tick * c->args.workers + worker) * c->group_count + g];
}

/* Which tick of the interval a number of this tick goes to: the first one when its own interval was taken already. */
static uint32_t tick_within(const struct lh_collect *c, const struct lh_interval *v, uint64_t tick) {
  return (tick - 1) / c->ticks_each == v->k ? (uint32_t)((tick - 1) % c->ticks_each) : 0;
}

static void add_second(struct lh_collect *c, struct lh_interval *v, uint32_t tick, uint32_t worker, uint32_t g) {
  const struct lh_snapshot *s = &c->decoded[g];
  struct lh_second *second = &v->seconds[(size_t)tick * c->group_count + g];
  struct lh_level *level = level_of(c, v, tick, worker, g);
#define X(name, counter, help) second->name += s->counters[LH_COUNTER_##counter];
  LH_SECOND_COUNTER_LIST(X)
#undef X
#define X(name, gauge, help) level->name = s->gauges[LH_GAUGE_##gauge];
  LH_SECOND_GAUGE_LIST(X)
#undef X
  level->is_told = true;
}

/* Gauges travel apart from what adds up: they are summed over the workers when the interval is taken. */
static int add_group(struct lh_collect *c, struct lh_interval *v, uint64_t tick, uint32_t worker, uint32_t g) {
  struct lh_snapshot *s = &c->decoded[g];
  add_second(c, v, tick_within(c, v, tick), worker, g);
  memcpy(standing_of(c, c->latest, worker, g), s->gauges, sizeof s->gauges);
  memcpy(standing_of(c, v->standing, worker, g), s->gauges, sizeof s->gauges);
  for (int i = 0; i < LH_COUNTER_COUNT; i++) c->counted[(size_t)g * LH_COUNTER_COUNT + (size_t)i] += s->counters[i];
  if (c->fresh != NULL && lh_snapshot_merge_later(&c->fresh[g], s) < 0) return -ENOMEM;
  return lh_snapshot_merge_beside(&v->groups[g], s);
}

static void forget_reported(struct since *since, uint64_t until_ns) {
  size_t kept = 0;
  for (size_t i = 0; i < since->count; i++)
    if (since->items[i].at_ns > until_ns) since->items[kept++] = since->items[i];
  since->count = kept;
}

int lh_collect_report(struct lh_collect *c, uint32_t worker, struct lh_cursor *body, uint64_t now_ns,
                      struct lh_collected *added, struct lh_err *err) {
  struct lh_worker_health health;
  int code = decode(c, worker, body, now_ns, &health, err);
  if (code < 0) return code;
  uint64_t tick = tick_of(c, health.until_ns);
  struct lh_interval *v = interval_at(c, (tick - 1) / c->ticks_each);
  if (v == NULL) return lh_err_set(err, ENOMEM, "no memory for an interval");
  for (uint32_t g = 0; g < c->group_count; g++)
    if (add_group(c, v, tick, worker, g) < 0) return lh_err_set(err, ENOMEM, "no memory to add up a report");
  v->reported[worker] = true;
  add_health(&v->health[worker], &health);
  c->until[worker] = health.until_ns;
  forget_reported(&c->since[worker], health.until_ns);
  *added = (struct lh_collected){.tick = tick, .health = health, .groups = c->decoded};
  return 0;
}

void lh_collect_ending(struct lh_collect *c, uint32_t worker, const struct lh_ending *ending) {
  struct since *since = &c->since[worker];
  if (ending->at_ns <= c->until[worker]) return;
  if (since->count == since->room) {
    size_t room = since->room == 0 ? 64 : since->room * 2;
    struct lh_ending *items = realloc(since->items, room * sizeof *items);
    if (items == NULL) return; /* should the worker be lost, this one is counted as lost with it */
    since->items = items;
    since->room = room;
  }
  since->items[since->count++] = *ending;
}

/* ---- lost workers ---- */
static int tell_estate(const struct lh_estate_args *args, struct lh_estate estate, lh_estate_sink *sink, void *context) {
  const struct {
    enum lh_stage stage;
    uint64_t count;
  } rows[] = {{LH_STAGE_LOGIN, estate.logins},
            {LH_STAGE_CONNECT, estate.connecting}, {LH_STAGE_OPEN, estate.open}, {LH_STAGE_CLOSING, estate.closing}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].count == 0) continue;
    struct lh_ending e = lh_estate_ending(args, rows[i].stage);
    int code = sink(context, &e, rows[i].count);
    if (code < 0) return code;
  }
  return 0;
}

static int lose_group(struct lh_collect *c, struct lh_interval *v, uint32_t worker, const struct lh_estate_args *args,
                      struct lh_estate *estate) {
  struct lh_snapshot *s = &c->decoded[args->group];
  uint64_t *latest = standing_of(c, c->latest, worker, args->group);
  lh_snapshot_next(s);
  *estate = lh_estate_settle(args, latest, s);
  if (args->reason == LH_REASON_SHUTDOWN) {
    latest[LH_GAUGE_finished] += latest[LH_GAUGE_waiting];
    latest[LH_GAUGE_waiting] = latest[LH_GAUGE_queued] = latest[LH_GAUGE_wanted] = 0;
  }
  memcpy(s->gauges, latest, sizeof s->gauges);
  uint64_t run_ns = args->now_ns > c->args.start_ns ? args->now_ns - c->args.start_ns : 0;
  return add_group(c, v, run_ns / c->tick_ns + 1, worker, args->group);
}

/* What the worker said last lies so far back that an interval may have been stored without it: its silence has a row. */
static void note_silence(struct lh_collect *c, struct lh_interval *v, uint32_t worker, uint64_t now_ns) {
  uint64_t until_ns = c->until[worker] ? c->until[worker] : c->args.start_ns;
  if (v->health[worker].until_ns == 0 && now_ns > until_ns + 2 * c->tick_ns)
    v->health[worker] = (struct lh_worker_health){.from_ns = until_ns, .until_ns = now_ns};
}

int lh_collect_lose(struct lh_collect *c, uint32_t worker, enum lh_reason reason, uint64_t now_ns, lh_estate_sink *sink,
                    void *context, struct lh_err *err) {
  uint64_t run_ns = now_ns > c->args.start_ns ? now_ns - c->args.start_ns : 0;
  struct lh_interval *v = interval_at(c, run_ns / c->args.interval_ns);
  if (v == NULL) return lh_err_set(err, ENOMEM, "no memory for an interval");
  /* What the interval holds of this worker stays; only its standing changes. */
  for (uint32_t g = 0; g < c->group_count; g++) {
    struct lh_estate_args args = {.group = (uint16_t)g,
                                  .reason = reason,
                                  .until_ns = c->until[worker],
                                  .now_ns = now_ns,
                                  .since = c->since[worker].items,
                                  .since_count = c->since[worker].count};
    struct lh_estate estate;
    if (lose_group(c, v, worker, &args, &estate) < 0) return lh_err_set(err, ENOMEM, "no memory to add up a lost worker");
    int code = tell_estate(&args, estate, sink, context);
    if (code < 0) return lh_err_set(err, code, "cannot keep the endings of a lost worker");
  }
  note_silence(c, v, worker, now_ns);
  v->reported[worker] = true;
  c->since[worker].count = 0;
  c->until[worker] = now_ns;
  return 0;
}

int lh_collect_retire(struct lh_collect *c, uint32_t worker, uint64_t now_ns, struct lh_err *err) {
  uint64_t run_ns = now_ns > c->args.start_ns ? now_ns - c->args.start_ns : 0;
  struct lh_interval *v = interval_at(c, run_ns / c->args.interval_ns);
  if (v == NULL) return lh_err_set(err, ENOMEM, "no memory for an interval");
  for (uint32_t g = 0; g < c->group_count; g++) {
    uint64_t *latest = standing_of(c, c->latest, worker, g);
    latest[LH_GAUGE_finished] += latest[LH_GAUGE_waiting];
    latest[LH_GAUGE_waiting] = latest[LH_GAUGE_queued] = latest[LH_GAUGE_wanted] = 0;
    memcpy(standing_of(c, v->standing, worker, g), latest, LH_GAUGE_COUNT * sizeof *latest);
  }
  v->reported[worker] = true;
  return 0;
}

/* ---- taking intervals ---- */
uint64_t lh_collect_end_ns(const struct lh_collect *c) {
  return c->args.start_ns + (uint64_t)(c->next_k + 1) * c->args.interval_ns;
}

uint32_t lh_collect_taken(const struct lh_collect *c) {
  return c->next_k;
}

uint64_t lh_collect_until_ns(const struct lh_collect *c, uint32_t worker) {
  return c->until[worker];
}

bool lh_collect_pending(const struct lh_collect *c) {
  return c->pending != NULL;
}

static void fill_gauges(struct lh_collect *c, struct lh_interval *v) {
  for (uint32_t g = 0; g < c->group_count; g++) memset(v->groups[g].gauges, 0, sizeof v->groups[g].gauges);
  for (uint32_t w = 0; w < c->args.workers; w++) {
    for (uint32_t g = 0; g < c->group_count; g++) {
      uint64_t *base = standing_of(c, c->base, w, g);
      if (v->reported[w]) memcpy(base, standing_of(c, v->standing, w, g), LH_GAUGE_COUNT * sizeof *base);
      for (int i = 0; i < LH_GAUGE_COUNT; i++) v->groups[g].gauges[i] += base[i];
    }
  }
}

/* A worker that said nothing in a tick stands as it did before. */
static void fill_tick(struct lh_collect *c, struct lh_interval *v, uint32_t tick) {
  for (uint32_t g = 0; g < c->group_count; g++) {
    struct lh_second *second = &v->seconds[(size_t)tick * c->group_count + g];
    second->from_ns = c->args.start_ns + v->k * c->args.interval_ns + tick * c->tick_ns;
    for (uint32_t w = 0; w < c->args.workers; w++) {
      struct lh_level *known = &c->level[(size_t)w * c->group_count + g];
      const struct lh_level *told = level_of(c, v, tick, w, g);
      if (told->is_told) *known = *told;
#define X(name, gauge, help) second->name += known->name;
      LH_SECOND_GAUGE_LIST(X)
#undef X
    }
  }
}

struct lh_interval *lh_collect_take(struct lh_collect *c, struct lh_err *err) {
  if (c->taken != NULL) recycle(c, c->taken);
  c->taken = NULL;
  struct lh_interval *v = interval_at(c, c->next_k);
  if (v == NULL) {
    lh_err_set(err, ENOMEM, "no memory for an interval");
    return NULL;
  }
  c->pending = v->next;
  c->taken = v;
  c->next_k++;
  fill_gauges(c, v);
  for (uint32_t tick = 0; tick < c->ticks_each; tick++) fill_tick(c, v, tick);
  for (uint32_t g = 0; g < c->group_count; g++) {
    if (lh_snapshot_merge_later(&c->totals[g], &v->groups[g]) == 0) continue;
    lh_err_set(err, ENOMEM, "no memory for the totals of group %s", c->args.config->groups[g].name);
    return NULL;
  }
  return v;
}

/* ---- looking in ---- */
const struct lh_snapshot *lh_collect_total(const struct lh_collect *c, uint32_t group) {
  return &c->totals[group];
}

uint64_t lh_collect_counter(const struct lh_collect *c, uint32_t group, enum lh_counter_id id) {
  return c->counted[(size_t)group * LH_COUNTER_COUNT + (size_t)id];
}

uint64_t lh_collect_gauge(const struct lh_collect *c, uint32_t group, enum lh_gauge_id id) {
  uint64_t sum = 0;
  for (uint32_t w = 0; w < c->args.workers; w++) sum += standing_of(c, c->latest, w, group)[id];
  return sum;
}

/* ---- an onlooker ---- */
int lh_collect_look_begin(struct lh_collect *c, struct lh_err *err) {
  c->fresh = calloc(c->group_count, sizeof *c->fresh);
  if (c->fresh == NULL) return lh_err_set(err, ENOMEM, "no memory for the figures of the dashboard");
  for (uint32_t g = 0; g < c->group_count; g++) lh_snapshot_init(&c->fresh[g]);
  return 0;
}

const struct lh_snapshot *lh_collect_look(struct lh_collect *c, uint32_t group) {
  if (c->fresh == NULL) return NULL;
  for (int i = 0; i < LH_GAUGE_COUNT; i++) c->fresh[group].gauges[i] = lh_collect_gauge(c, group, (enum lh_gauge_id)i);
  return &c->fresh[group];
}

void lh_collect_look_next(struct lh_collect *c) {
  for (uint32_t g = 0; c->fresh != NULL && g < c->group_count; g++) lh_snapshot_next(&c->fresh[g]);
}

/* Everything is in an interval: those taken are in the totals. */
int lh_collect_look_anew(struct lh_collect *c, struct lh_err *err) {
  lh_collect_look_next(c);
  for (uint32_t g = 0; c->fresh != NULL && g < c->group_count; g++) {
    int code = lh_snapshot_merge_later(&c->fresh[g], &c->totals[g]);
    for (const struct lh_interval *v = c->pending; v != NULL && code == 0; v = v->next)
      code = lh_snapshot_merge_later(&c->fresh[g], &v->groups[g]);
    if (code < 0) return lh_err_set(err, ENOMEM, "no memory for the figures of the dashboard");
  }
  return 0;
}
