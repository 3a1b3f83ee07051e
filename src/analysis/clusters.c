/* Drops that come at one idle time or one connection lifetime: the mark of a timeout on the way.
 *
 * A window of 2 % (at least half a second) slides over the sorted times; the one with the most drops is the cluster when it
 * holds enough of them. Random drops do not do that: of exponential lifetimes at most 2 * 0.02 / e = 1.5 % fall into such a
 * window, wherever it stands.
 *
 * The drops of a mass drop share a moment, so that their ages tell of the ramp and not of a limit. It may be the other way
 * round: 5,000 clients that came within 20 s all reach a lifetime of an hour within 20 s. Then their ages lie much closer
 * together than the moments do, and they count here.
 */
#include <math.h>
#include <stdlib.h>

#include "analysis/find.h"
#include "analysis/timeouts.h"

static const double window_share = 0.02; /* to either side of the middle */
static const uint64_t window_least_ns = LH_NS_PER_S / 4;
static const uint64_t idle_least_ns = 4 * LH_NS_PER_S; /* busy connections are all idle for an instant */
static const uint64_t lifetime_least_ns = LH_NS_PER_S;
static const double cluster_share = 0.30;

enum { LEAST_DROPS = 10, LEAST_MOMENTS = 5, CANDIDATES_MAX = 4, CLOSER_THAN_MOMENTS = 5 };

struct cluster {
  uint64_t low_ns, high_ns, middle_ns;
  size_t drops;
};

/* The drops that are looked through for limits of one kind. */
struct search {
  const struct lh_find_group *group;
  enum lh_timeout_kind kind;
  uint64_t least_ns;
  bool *of_age; /* [storm_count] storms whose times lie closer together than their moments */
  size_t count; /* drops that may be such a limit's */
  struct cluster best;
};

/* Storms stand in order of time and do not overlap. NULL: it was in none. */
static const struct lh_storm *storm_of(const struct lh_find_group *group, uint64_t at_ns) {
  size_t low = 0, high = group->storm_count; /* the first that begins after at_ns */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (group->storms[middle].from_ns > at_ns)
      high = middle;
    else
      low = middle + 1;
  }
  return low > 0 && at_ns <= group->storms[low - 1].until_ns ? &group->storms[low - 1] : NULL;
}

/* Our own timeouts and losses come at a time of our making. */
static bool is_of_others(const struct lh_drop *drop) {
  if (drop->is_unlisted || drop->reason == LH_REASON_SILENT_PEER || drop->reason == LH_REASON_REPLY_MISSING) return false;
  return lh_reason_side(drop->reason) != LH_SIDE_TESTER;
}

static bool may_be_timeout(const struct search *search, const struct lh_drop *drop) {
  if (!is_of_others(drop)) return false;
  const struct lh_storm *storm = storm_of(search->group, drop->at_ns);
  return !storm || search->of_age[storm - search->group->storms];
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* The fullest window over sorted times at or above least_ns. */
static struct cluster fullest(const uint64_t *times, size_t count, uint64_t least_ns) {
  struct cluster best = {0};
  size_t left = 0;
  for (size_t right = 0; right < count; right++) {
    for (;; left++) {
      uint64_t half = (uint64_t)(window_share * (double)times[left]);
      if (half < window_least_ns) half = window_least_ns;
      if (times[left] >= least_ns && times[right] - times[left] <= 2 * half) break;
      if (left == right) break;
    }
    if (times[left] < least_ns || right - left + 1 <= best.drops) continue;
    best.drops = right - left + 1;
    best.low_ns = times[left];
    best.high_ns = times[right];
    best.middle_ns = times[left + (right - left) / 2];
  }
  return best;
}

static uint64_t time_of(const struct lh_drop *drop, enum lh_timeout_kind kind) {
  return kind == LH_TIMEOUT_IDLE ? drop->idle_ns : drop->open_ns;
}

/* From the 5th to the 95th of a hundred sorted times: what came by the way does not count. */
static uint64_t spread_of(const uint64_t *times, size_t count) {
  return times[count - 1 - count / 20] - times[count / 20];
}

/* Whether a storm's drops, `count` of them from `drops` on, are of one age rather than of one moment. */
static bool is_of_age(enum lh_timeout_kind kind, const struct lh_drop *drops, size_t count, uint64_t *times) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (is_of_others(&drops[i])) times[kept++] = drops[i].at_ns;
  if (kept < LEAST_DROPS) return false;
  uint64_t moments_ns = spread_of(times, kept);
  kept = 0;
  for (size_t i = 0; i < count; i++)
    if (is_of_others(&drops[i])) times[kept++] = time_of(&drops[i], kind);
  qsort(times, kept, sizeof *times, compare);
  return spread_of(times, kept) * CLOSER_THAN_MOMENTS < moments_ns;
}

static void judge_storms(struct search *search, uint64_t *times) {
  const struct lh_find_group *group = search->group;
  for (size_t i = 0, s = 0; s < group->storm_count; s++) {
    while (i < group->drop_count && group->drops[i].at_ns < group->storms[s].from_ns) i++;
    size_t first = i;
    while (i < group->drop_count && group->drops[i].at_ns <= group->storms[s].until_ns) i++;
    search->of_age[s] = is_of_age(search->kind, group->drops + first, i - first, times);
  }
}

/* True: enough of the drops lie in one window. `times` has room for all of them. */
static bool finds(struct search *search, uint64_t *times) {
  const struct lh_find_group *group = search->group;
  judge_storms(search, times);
  for (size_t i = 0; i < group->drop_count; i++)
    if (may_be_timeout(search, &group->drops[i])) times[search->count++] = time_of(&group->drops[i], search->kind);
  qsort(times, search->count, sizeof *times, compare);
  search->best = fullest(times, search->count, search->least_ns);
  return search->best.drops >= LEAST_DROPS && (double)search->best.drops >= cluster_share * (double)search->count;
}

/* What is common to the drops of the cluster: when in the run, how they ended, and whether anything ever came in. */
struct traits {
  uint64_t from_ns, until_ns, by_reason[LH_REASON_COUNT];
  int32_t codes[LH_REASON_COUNT];
  size_t silent;   /* idle as long as open: lifetime and idle time cannot be told apart */
  size_t in_storm; /* within mass drops */
  size_t moments;  /* different seconds of the run */
};

static void describe(const struct search *search, struct traits *out) {
  const struct lh_find_group *group = search->group;
  const struct cluster *cluster = &search->best;
  *out = (struct traits){.from_ns = LH_NEVER};
  for (size_t i = 0; i < group->drop_count; i++) {
    const struct lh_drop *drop = &group->drops[i];
    uint64_t time = time_of(drop, search->kind);
    if (!may_be_timeout(search, drop) || time < cluster->low_ns || time > cluster->high_ns) continue;
    if (out->from_ns == LH_NEVER || drop->at_ns / LH_NS_PER_S != out->until_ns / LH_NS_PER_S) out->moments++;
    if (drop->at_ns < out->from_ns) out->from_ns = drop->at_ns;
    if (drop->at_ns > out->until_ns) out->until_ns = drop->at_ns;
    if (drop->reason < LH_REASON_COUNT) {
      out->by_reason[drop->reason]++;
      out->codes[drop->reason] = drop->code;
    }
    out->in_storm += storm_of(group, drop->at_ns) != NULL;
    out->silent += drop->open_ns - drop->idle_ns <= drop->open_ns / 50;
  }
}

/* " Known for such a limit by default: nginx keepalive_timeout; ..." */
static void say_candidates(struct lh_finder *finder, enum lh_timeout_kind kind, double seconds) {
  const struct lh_timeout *near[CANDIDATES_MAX];
  size_t count = lh_timeouts_near(kind, seconds, window_share, near, CANDIDATES_MAX);
  if (count == 0) return;
  lh_say(finder, " Known for such a limit by default: ");
  for (size_t i = 0; i < count; i++)
    lh_say(finder, "%s%s%s",
           i == 0           ? ""
           : i + 1 == count ? " and "
                            : ", ",
           near[i]->what, near[i]->documented ? "" : " (as users report)");
  lh_say(finder, "; look for one of them on the way, it is no proof.");
}

static void say_cluster(struct lh_finder *finder, const struct search *search) {
  const struct cluster *cluster = &search->best;
  const struct lh_find_group *group = search->group;
  const enum lh_timeout_kind kind = search->kind;
  struct traits traits;
  describe(search, &traits);
  if (traits.moments < LEAST_MOMENTS) return; /* opened together and dropped together: of one age by their fate */
  unsigned reason = 0;
  for (unsigned i = 1; i < LH_REASON_COUNT; i++)
    if (traits.by_reason[i] > traits.by_reason[reason]) reason = i;
  bool alike = traits.silent * 10 >= cluster->drops * 9;
  const char *single = traits.in_storm ? "" : "single ";
  char drops[LH_WORD_SIZE], all[LH_WORD_SIZE], middle[LH_WORD_SIZE], how[LH_WORD_SIZE];
  lh_word_count(cluster->drops, drops);
  lh_word_count(search->count, all);
  lh_word_duration(cluster->middle_ns, middle);
  lh_word_reason(reason, traits.codes[reason], how);
  if (alike)
    lh_say(finder,
           "%s of %s %sdrops of %s came %s after the connection opened, with nothing received on it (%s): an idle "
           "timeout or a longest lifetime on the way.",
           drops, all, single, group->series.name, middle, how);
  else if (kind == LH_TIMEOUT_IDLE)
    lh_say(finder, "%s of %s %sdrops of %s came after %s without anything received (%s): an idle timeout on the way.", drops,
           all, single, group->series.name, middle, how);
  else
    lh_say(finder, "%s of %s %sdrops of %s came when the connection was %s old (%s): a longest lifetime on the way.", drops,
           all, single, group->series.name, middle, how);
  say_candidates(finder, kind, (double)cluster->middle_ns / 1e9);
  if (alike) say_candidates(finder, LH_TIMEOUT_LIFETIME, (double)cluster->middle_ns / 1e9);
  double share = (double)cluster->drops / (double)search->count;
  lh_prove(finder, "%.1f %% of the drops %s lie between %.3f s and %.3f s; at random it would be under 2 %%", 100 * share,
           traits.in_storm ? "that share no moment" : "outside mass drops", (double)cluster->low_ns / 1e9,
           (double)cluster->high_ns / 1e9);
  if (traits.in_storm)
    lh_prove(finder, "; %s of them came in mass drops, whose times lie over %d times closer together than their moments",
             lh_word_count(traits.in_storm, all), CLOSER_THAN_MOMENTS);
  double confidence = share > 0.9 ? 0.95 : 0.6 + share / 3;
  /* A server that lets go of its clients in the order and at the pace they came looks the same. */
  if (traits.in_storm * 2 > cluster->drops && confidence > 0.8) confidence = 0.8;
  lh_found(finder, &(struct lh_found){.id = kind == LH_TIMEOUT_IDLE ? "drops-at-idle-time" : "drops-at-lifetime",
                                      .severity = LH_SEVERITY_SERIOUS,
                                      .confidence = confidence,
                                      .group = group->series.group,
                                      .from_ns = traits.from_ns,
                                      .until_ns = traits.until_ns});
}

void lh_find_clusters(struct lh_finder *finder, const struct lh_find_group *group) {
  if (group->drop_count < LEAST_DROPS) return;
  uint64_t *times = malloc(group->drop_count * sizeof *times);
  bool *of_age = calloc(2 * group->storm_count + 1, sizeof *of_age);
  if (times && of_age) {
    struct search idle = {.group = group, .kind = LH_TIMEOUT_IDLE, .least_ns = idle_least_ns, .of_age = of_age};
    struct search lifetime = {
        .group = group, .kind = LH_TIMEOUT_LIFETIME, .least_ns = lifetime_least_ns, .of_age = of_age + group->storm_count};
    bool by_idle = finds(&idle, times), by_lifetime = finds(&lifetime, times);
    /* Where both stand out, the sharper one is the cause and the other its shadow. */
    if (by_idle && (!by_lifetime || idle.best.drops >= lifetime.best.drops))
      say_cluster(finder, &idle);
    else if (by_lifetime)
      say_cluster(finder, &lifetime);
  } else {
    finder->failed = true;
  }
  free(times);
  free(of_age);
}
