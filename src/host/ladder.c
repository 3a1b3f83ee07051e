#include "longhaul/host/ladder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/judge.h"
#include "host/notes.h"
#include "longhaul/base/units.h"

static const struct {
  const char *name, *what;
} limits[LH_LIMIT_COUNT] = {
#define X(id, name, what) [LH_LIMIT_##id] = {name, what},
    LH_LIMIT_LIST(X)
#undef X
};

enum { NOW, FOR_GOOD };

static const struct {
  const char *name;
  int when;
  const char *takes;
} remedy_kinds[LH_REMEDY_COUNT] = {
#define X(id, name, when, takes) [LH_REMEDY_##id] = {name, when, takes},
    LH_REMEDY_LIST(X)
#undef X
};

const char *lh_limit_name(enum lh_limit limit) {
  return limits[limit].name;
}

const char *lh_limit_what(enum lh_limit limit) {
  return limits[limit].what;
}

bool lh_limit_is_theirs(enum lh_limit limit) {
  return limit == LH_LIMIT_TARGET_NOFILE;
}

const char *lh_remedy_name(enum lh_remedy_kind kind) {
  return remedy_kinds[kind].name;
}

const char *lh_remedy_takes(enum lh_remedy_kind kind) {
  return remedy_kinds[kind].takes;
}

bool lh_remedy_is_for_good(enum lh_remedy_kind kind) {
  return remedy_kinds[kind].when == FOR_GOOD;
}

/* ---- what is known of the host ---- */
/* A capability of the effective set, as /proc/self/status prints it. */
static bool has_capability(const struct lh_facts *facts, int bit, bool when_unknown) {
  const struct lh_fact *fact = lh_facts_find(facts, "capabilities");
  return fact && !lh_fact_unreadable(fact) ? strtoull(fact->value, NULL, 16) >> bit & 1 : when_unknown;
}

static struct lh_maker make_maker(const struct lh_facts *facts, const struct lh_needs *needs) {
  enum { SYS_ADMIN = 21, SYS_RESOURCE = 24 };
  struct lh_maker m = {.facts = facts, .needs = needs};
  uint64_t cores = lh_maker_number(&m, "cpus.usable", 0);
  m.cores = cores == LH_ANY || cores == 0 || cores > UINT32_MAX ? 1 : (uint32_t)cores;
  bool root = lh_maker_number(&m, "user", 0) == 0;
  m.is_admin = has_capability(facts, SYS_ADMIN, false);
  m.is_root = m.is_admin || root || has_capability(facts, SYS_RESOURCE, false);
  m.may_raise = !root || has_capability(facts, SYS_RESOURCE, true); /* another user becomes root by sudo */
  if (needs->plan.sockets > 0)
    m.local = (double)needs->local_sockets / (double)needs->plan.sockets;
  else if (needs->plan.clients == 0 && needs->path_count > 0 && needs->paths[0].local)
    m.local = 1;
  return m;
}

/* ---- order ---- */
static bool comes_first(const struct lh_rung *a, const struct lh_rung *b) {
  return a->clients != b->clients ? a->clients < b->clients : a->limit < b->limit;
}

static void insert(struct lh_ladder *ladder, const struct lh_rung *rung) {
  uint32_t at = ladder->count++;
  for (; at > 0 && comes_first(rung, &ladder->rungs[at - 1]); at--) ladder->rungs[at] = ladder->rungs[at - 1];
  ladder->rungs[at] = *rung;
}

/* A limit is raised past the next one that stands higher, and as far as the plan asks: then that next one binds. */
static uint64_t goal_of(const struct lh_ladder *ladder, uint32_t at) {
  uint64_t clients = ladder->rungs[at].clients, next = LH_ANY;
  for (uint32_t i = at + 1; i < ladder->count && next == LH_ANY; i++)
    if (ladder->rungs[i].clients > clients) next = ladder->rungs[i].clients;
  uint64_t goal = next != LH_ANY ? next + 1 : clients < UINT64_C(1) << 40 ? clients * 2 + 1 : clients;
  return goal > ladder->wanted ? goal : ladder->wanted;
}

/* `raised` keeps what each rung allows once it is raised: those before this one are raised before it. */
static void raise_rung(struct lh_ladder *ladder, const struct lh_maker *m, uint32_t at, uint64_t raised[LH_LIMIT_COUNT]) {
  struct lh_rung *rung = &ladder->rungs[at];
  uint64_t own = rung->clients;
  if (own != LH_ANY) own = lh_raises[rung->limit](m, rung, goal_of(ladder, at));
  raised[at] = own;
  rung->next_clients = own;
  rung->next_limit = own == LH_ANY ? -1 : (int)rung->limit;
  for (uint32_t i = 0; i < ladder->count; i++) {
    const struct lh_rung *other = &ladder->rungs[i];
    uint64_t allows = i < at ? raised[i] : other->clients;
    if (i == at || allows == LH_ANY || allows >= rung->next_clients) continue;
    if (rung->limit == LH_LIMIT_NOFILE && other->limit == LH_LIMIT_NR_OPEN && own > other->clients)
      continue; /* raised with it */
    rung->next_clients = allows;
    rung->next_limit = (int)other->limit;
  }
}

/* ---- gaps ---- */
static bool is_about_machine(const char *name) {
  static const char *const names[] = {"host", "kernel", "distribution", "machine", "cpu"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

/* A listener of this host whose process is not known: one gap for all of them. */
static void add_server_gap(struct lh_ladder *ladder, const struct lh_needs *needs) {
  for (size_t i = 0; i < needs->server_count; i++) {
    const struct lh_needs_server *s = &needs->servers[i];
    if (s->processes > 0) continue;
    ladder->gaps[ladder->gap_count++] =
        (struct lh_gap){lh_limit_name(LH_LIMIT_TARGET_NOFILE), "/proc/PID/fd",
                        s->hidden ? "the process that listens there is another user's: ask as root"
                                  : "the process that listens there is not to be seen from here: another container's"};
    return;
  }
}

static int add_gaps(struct lh_ladder *ladder, const struct lh_facts *facts, const struct lh_needs *needs) {
  ladder->gaps = calloc(facts->count + 1, sizeof *ladder->gaps);
  if (!ladder->gaps) return -ENOMEM;
  for (uint32_t i = 0; i < facts->count; i++) {
    const struct lh_fact *fact = &facts->items[i];
    const char *reason = lh_fact_unreadable(fact);
    if (reason && !is_about_machine(fact->name))
      ladder->gaps[ladder->gap_count++] = (struct lh_gap){fact->name, fact->source, reason};
  }
  add_server_gap(ladder, needs);
  return 0;
}

/* ---- the whole ---- */
int lh_ladder_make(struct lh_ladder **out, const struct lh_facts *facts, const struct lh_needs *needs, struct lh_err *err) {
  struct lh_ladder *ladder = calloc(1, sizeof *ladder);
  if (!ladder || add_gaps(ladder, facts, needs) < 0) {
    free(ladder);
    return lh_err_set(err, ENOMEM, "no memory for the limits ladder");
  }
  struct lh_maker m = make_maker(facts, needs);
  ladder->wanted = needs->plan.clients;
  for (int limit = 0; limit < LH_LIMIT_COUNT; limit++) {
    struct lh_rung rung = {.limit = (enum lh_limit)limit, .next_limit = -1};
    if (lh_judges[limit](&m, &rung)) insert(ladder, &rung);
  }
  uint64_t raised[LH_LIMIT_COUNT];
  for (uint32_t i = 0; i < ladder->count; i++) raise_rung(ladder, &m, i, raised);
  ladder->clients = ladder->count > 0 ? ladder->rungs[0].clients : LH_ANY;
  lh_ladder_add_notes(ladder, &m);
  *out = ladder;
  return 0;
}

int lh_ladder_look(struct lh_facts *facts, struct lh_needs *needs, struct lh_strings *missed, struct lh_err *err) {
  if (lh_facts_read(facts, "") < 0 || lh_needs_look_around(needs, (struct lh_roots){"", ""}, facts, missed) < 0)
    return lh_err_set(err, ENOMEM, "no memory for the host's facts");
  return 0;
}

int lh_ladder_read(struct lh_ladder **ladder, struct lh_facts *facts, struct lh_needs *needs, struct lh_strings *missed,
                   struct lh_err *err) {
  int code = lh_ladder_look(facts, needs, missed, err);
  return code < 0 ? code : lh_ladder_make(ladder, facts, needs, err);
}

void lh_ladder_free(struct lh_ladder *ladder) {
  if (!ladder) return;
  free(ladder->gaps);
  free(ladder);
}

const struct lh_rung *lh_ladder_find(const struct lh_ladder *ladder, enum lh_limit limit) {
  for (uint32_t i = 0; i < ladder->count; i++)
    if (ladder->rungs[i].limit == limit) return &ladder->rungs[i];
  return NULL;
}

uint32_t lh_ladder_short(const struct lh_ladder *ladder) {
  uint32_t count = 0;
  while (count < ladder->count && ladder->rungs[count].clients < ladder->wanted) count++;
  return count;
}

bool lh_ladder_fits(const struct lh_ladder *ladder) {
  for (uint32_t i = 0; i < lh_ladder_short(ladder); i++)
    if (!ladder->rungs[i].soft) return false;
  return true;
}

char *lh_rung_sentence(const struct lh_rung *rung, uint64_t wanted, char *out, size_t size) {
  char clients[32], all[32], way[800] = "";
  const struct lh_remedy *first = rung->remedy_count > 0 ? &rung->remedies[0] : NULL;
  bool command = first && (first->kind == LH_REMEDY_ULIMIT || first->kind == LH_REMEDY_SOFT || first->kind == LH_REMEDY_PRLIMIT ||
                           first->kind == LH_REMEDY_SYSCTL || first->kind == LH_REMEDY_CGROUP ||
                           first->kind == LH_REMEDY_TARGET);
  const struct lh_remedy *second =
      first && first->kind == LH_REMEDY_CONFIG && rung->remedy_count > 1 ? &rung->remedies[1] : NULL;
  bool also = second && second->kind == LH_REMEDY_ADVICE;
  if (command)
    snprintf(way, sizeof way, ": `%s` (%s) raises it", first->text, lh_remedy_takes(first->kind));
  else if (first)
    snprintf(way, sizeof way, ": %s%s%s", first->text, also ? ", or " : "", also ? second->text : "");
  lh_format_count(wanted, all, sizeof all);
  snprintf(out, size, "%s allows %s%s of %s clients%s (%s%s%s)%s", lh_limit_name(rung->limit), rung->estimated ? "about " : "",
           lh_format_count(rung->clients, clients, sizeof clients), all, rung->burst ? " to connect at one moment" : "",
           rung->value, rung->detail[0] != '\0' ? "; " : "", rung->detail, way);
  return out;
}
