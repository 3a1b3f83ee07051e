/* When messages are due.
 *
 * Spreading. A grid of period P and N clients: client i sits at rank(i) / N of the period, where rank is i's place when all
 * clients are sorted by their numbers with the bits reversed. So the whole group is spaced exactly evenly, and so, nearly,
 * is every beginning of it, while the ramp is still going up (the van der Corput sequence; 0, 4, 2, 6, 1, 5, 3, 7 for 8).
 * The messages of a group are shifted against each other by the golden ratio of their period, and groups by their names,
 * so that many small groups do not send as one.
 *
 * Jitter. Each due time of a grid stays within its own period counted from the first one: where jitter would carry it over
 * an edge, it is mirrored back. So every client sends once in each period after its origin, never before its origin, and
 * the load stays even: what leaves over an edge is what the neighbour would have brought in. */
#include <assert.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/rng.h"
#include "longhaul/plan/plan.h"

/* A name's own number (FNV-1a), for what must differ from group to group. */
static uint64_t name_key(const char *name) {
  uint64_t key = UINT64_C(0xcbf29ce484222325);
  for (; name && *name; name++) key = (key ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
  return key;
}

/* How many of 0 .. count-1 come before `client` by their bits reversed. They part from it at one of its bits that is set:
 * there they have a 0, and below it the same bits. */
static uint32_t rank_reversed(uint32_t client, uint32_t count) {
  uint32_t rank = 0;
  for (uint32_t bits = client; bits; bits &= bits - 1) {
    int bit = __builtin_ctz(bits);
    uint32_t below = client & ((UINT32_C(1) << bit) - 1);
    rank += (uint32_t)((uint64_t)(count - 1 - below) >> (bit + 1)) + 1;
  }
  return rank;
}

static uint64_t share(uint64_t of, uint64_t part, uint64_t whole) {
  return (uint64_t)((unsigned __int128)of * part / whole);
}

/* Where in the period of the whole plan the grid of this client lies. */
static uint64_t place_in_period(const struct lh_group *group, uint32_t message, uint32_t client, uint64_t key) {
  const struct lh_message *m = &group->messages[message];
  if (m->phase == LH_PHASE_TOGETHER) return 0;
  const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
  uint64_t shift = lh_rng_below(key * golden + message * golden, m->every_ns);
  uint32_t count = group->connections ? group->connections : 1;
  uint64_t offset = shift + share(m->every_ns, rank_reversed(client % count, count), count);
  return offset < m->every_ns ? offset : offset - m->every_ns;
}

/* Where its grid lies from the start of this run. */
static uint64_t grid_offset(const struct lh_group *group, uint32_t message, uint32_t client, uint64_t key) {
  const struct lh_message *m = &group->messages[message];
  uint64_t offset = place_in_period(group, message, client, key);
  return offset >= m->grid_ns ? offset - m->grid_ns : offset + m->every_ns - m->grid_ns;
}

/* The first point offset + n * every at or past `from`; n. */
static uint64_t grid_index(uint64_t from, uint64_t offset, uint64_t every) {
  return from <= offset ? 0 : (from - offset - 1) / every + 1;
}

static uint64_t later_of(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* base + n * step, LH_NEVER when it does not fit. */
static uint64_t add_times(uint64_t base, uint64_t n, uint64_t step) {
  uint64_t product, sum;
  if (__builtin_mul_overflow(n, step, &product) || __builtin_add_overflow(base, product, &sum)) return LH_NEVER;
  return sum;
}

/* A move by up to half of `span` to either side, as a signed distance. */
static int64_t jitter_ns(uint64_t word, uint64_t span) {
  span &= ~UINT64_C(1);
  return (int64_t)lh_rng_below(word, span + 1) - (int64_t)(span / 2);
}

static uint64_t jitter_span(const struct lh_message *m) {
  return m->jitter >= 1 ? m->every_ns : (uint64_t)((double)m->every_ns * m->jitter);
}

/* `due` moved by `by`, mirrored at floor and, when it is not LH_NEVER, at ceiling. floor <= due < ceiling. */
static uint64_t moved_within(uint64_t due, int64_t by, uint64_t floor, uint64_t ceiling) {
  if (by < 0 && due - floor < (uint64_t)-by) return floor + ((uint64_t)-by - (due - floor));
  uint64_t moved = due + (uint64_t)by;
  if (by > 0 && moved < due) return LH_NEVER;
  return moved >= ceiling && ceiling != LH_NEVER ? ceiling - 1 - (moved - ceiling) : moved;
}

/* One client's plan of one message. */
struct schedule {
  const struct lh_message *message;
  uint64_t base_ns;  /* nothing is due before it */
  uint64_t first_ns; /* due time number 0, without jitter */
  uint64_t n;        /* that one's number on the grid */
  bool in_periods;   /* each due time stays within its own period from base_ns */
};

static struct schedule grid_schedule(const struct lh_group *group, uint32_t message, uint32_t client, uint64_t key,
                                     uint64_t origin_ns) {
  const struct lh_message *m = &group->messages[message];
  uint64_t offset = grid_offset(group, message, client, key), base = later_of(origin_ns, m->from_ns);
  uint64_t n = grid_index(base, offset, m->every_ns);
  return (struct schedule){m, base, add_times(offset, n, m->every_ns), n, true};
}

/* From an opening, or from the last reply: what would be due before `from` is left out. */
static struct schedule opening_schedule(const struct lh_message *m, uint64_t origin_ns) {
  uint64_t first = add_times(origin_ns, 1, m->delay_ns), n = 0;
  if (first < m->from_ns) {
    if (m->every_ns == 0) return (struct schedule){m, LH_NEVER, LH_NEVER, 0, false};
    n = grid_index(m->from_ns, first, m->every_ns);
    first = add_times(first, n, m->every_ns);
  }
  return (struct schedule){m, first, first, n, false};
}

static uint64_t due_at(const struct schedule *s, uint64_t seed, uint64_t who, uint64_t k) {
  const struct lh_message *m = s->message;
  uint64_t due = add_times(s->first_ns, k, m->every_ns);
  if (due == LH_NEVER || m->jitter <= 0 || m->every_ns == 0) return due;
  uint64_t word = lh_rng_at(seed, LH_RNG_JITTER, who, s->n + k);
  uint64_t floor = s->in_periods ? add_times(s->base_ns, k, m->every_ns) : s->base_ns;
  uint64_t ceiling = s->in_periods ? add_times(floor, 1, m->every_ns) : LH_NEVER;
  return moved_within(due, jitter_ns(word, jitter_span(m)), floor, ceiling);
}

uint64_t lh_plan_due_ns(const struct lh_group *group, uint32_t message, uint32_t client, uint64_t seed, uint64_t origin_ns,
                        uint64_t k) {
  assert(message < group->message_count);
  const struct lh_message *m = &group->messages[message];
  if (origin_ns == LH_NEVER || (m->every_ns == 0 && k > 0)) return LH_NEVER;
  uint64_t key = name_key(group->name), who = (uint64_t)message << 32 | client;
  bool on_grid = m->after == LH_AFTER_RUN && m->every_ns > 0;
  struct schedule s = on_grid ? grid_schedule(group, message, client, key, origin_ns) : opening_schedule(m, origin_ns);
  if (s.first_ns == LH_NEVER) return LH_NEVER;
  uint64_t due = due_at(&s, seed + key, who, k);
  return due < m->until_ns ? due : LH_NEVER;
}
