/* Drops that come at one idle time or one connection lifetime: the mark of a timeout on the way.
 *
 * A window of 2 % (at least half a second) slides over the sorted times; the one with the most drops is the cluster when it
 * holds enough of them. Random drops do not do that: of exponential lifetimes at most 2 * 0.02 / e = 1.5 % fall into such a
 * window, wherever it stands.
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

enum { LEAST_DROPS = 10, LEAST_MOMENTS = 5, CANDIDATES_MAX = 4 };

struct cluster {
  uint64_t low_ns, high_ns, middle_ns;
  size_t drops;
};

/* Storms stand in order of time and do not overlap. */
static bool in_storm(const struct lh_find_group *group, uint64_t at_ns) {
  size_t low = 0, high = group->storm_count; /* the first that begins after at_ns */
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (group->storms[middle].from_ns > at_ns)
      high = middle;
    else
      low = middle + 1;
  }
  return low > 0 && at_ns <= group->storms[low - 1].until_ns;
}

/* Mass drops share a moment, and our own timeouts and losses a time of our making: neither tells of a limit on the way. */
static bool may_be_timeout(const struct lh_find_group *group, const struct lh_drop *drop) {
  if (drop->is_unlisted || drop->reason == LH_REASON_SILENT_PEER || drop->reason == LH_REASON_REPLY_MISSING) return false;
  return lh_reason_side(drop->reason) != LH_SIDE_TESTER && !in_storm(group, drop->at_ns);
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

/* Fills `times` and returns how many there are; the drops they came from keep their order elsewhere. */
static size_t gather(const struct lh_find_group *group, enum lh_timeout_kind kind, uint64_t *times) {
  size_t count = 0;
  for (size_t i = 0; i < group->drop_count; i++)
    if (may_be_timeout(group, &group->drops[i])) times[count++] = time_of(&group->drops[i], kind);
  qsort(times, count, sizeof *times, compare);
  return count;
}

/* What is common to the drops of the cluster: when in the run, how they ended, and whether anything ever came in. */
struct traits {
  uint64_t from_ns, until_ns, by_reason[LH_REASON_COUNT];
  int32_t codes[LH_REASON_COUNT];
  size_t silent;  /* idle as long as open: lifetime and idle time cannot be told apart */
  size_t moments; /* different seconds of the run */
};

static void describe(const struct lh_find_group *group, enum lh_timeout_kind kind, const struct cluster *cluster,
                     struct traits *out) {
  *out = (struct traits){.from_ns = LH_NEVER};
  for (size_t i = 0; i < group->drop_count; i++) {
    const struct lh_drop *drop = &group->drops[i];
    uint64_t time = time_of(drop, kind);
    if (!may_be_timeout(group, drop) || time < cluster->low_ns || time > cluster->high_ns) continue;
    if (out->from_ns == LH_NEVER || drop->at_ns / LH_NS_PER_S != out->until_ns / LH_NS_PER_S) out->moments++;
    if (drop->at_ns < out->from_ns) out->from_ns = drop->at_ns;
    if (drop->at_ns > out->until_ns) out->until_ns = drop->at_ns;
    if (drop->reason < LH_REASON_COUNT) {
      out->by_reason[drop->reason]++;
      out->codes[drop->reason] = drop->code;
    }
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

static void say_cluster(struct lh_finder *finder, const struct lh_find_group *group, enum lh_timeout_kind kind,
                        const struct cluster *cluster, size_t of) {
  struct traits traits;
  describe(group, kind, cluster, &traits);
  if (traits.moments < LEAST_MOMENTS) return; /* opened together and dropped together: of one age by their fate */
  unsigned reason = 0;
  for (unsigned i = 1; i < LH_REASON_COUNT; i++)
    if (traits.by_reason[i] > traits.by_reason[reason]) reason = i;
  bool alike = traits.silent * 10 >= cluster->drops * 9;
  char drops[LH_WORD_SIZE], all[LH_WORD_SIZE], middle[LH_WORD_SIZE], how[LH_WORD_SIZE];
  lh_word_count(cluster->drops, drops);
  lh_word_count(of, all);
  lh_word_duration(cluster->middle_ns, middle);
  lh_word_reason(reason, traits.codes[reason], how);
  if (alike)
    lh_say(finder,
           "%s of %s single drops of %s came %s after the connection opened, with nothing received on it (%s): an idle "
           "timeout or a longest lifetime on the way.",
           drops, all, group->series.name, middle, how);
  else if (kind == LH_TIMEOUT_IDLE)
    lh_say(finder, "%s of %s single drops of %s came after %s without anything received (%s): an idle timeout on the way.",
           drops, all, group->series.name, middle, how);
  else
    lh_say(finder, "%s of %s single drops of %s came when the connection was %s old (%s): a longest lifetime on the way.",
           drops, all, group->series.name, middle, how);
  say_candidates(finder, kind, (double)cluster->middle_ns / 1e9);
  if (alike) say_candidates(finder, LH_TIMEOUT_LIFETIME, (double)cluster->middle_ns / 1e9);
  double share = (double)cluster->drops / (double)of;
  lh_prove(finder, "%.1f %% of the drops outside mass drops lie between %.3f s and %.3f s; at random it would be under 2 %%",
           100 * share, (double)cluster->low_ns / 1e9, (double)cluster->high_ns / 1e9);
  lh_found(finder, &(struct lh_found){.id = kind == LH_TIMEOUT_IDLE ? "drops-at-idle-time" : "drops-at-lifetime",
                                      .severity = LH_SEVERITY_SERIOUS,
                                      .confidence = share > 0.9 ? 0.95 : 0.6 + share / 3,
                                      .group = group->series.group,
                                      .from_ns = traits.from_ns,
                                      .until_ns = traits.until_ns});
}

void lh_find_clusters(struct lh_finder *finder, const struct lh_find_group *group) {
  if (group->drop_count < LEAST_DROPS) return;
  uint64_t *times = malloc(group->drop_count * sizeof *times);
  if (!times) {
    finder->failed = true;
    return;
  }
  size_t count = gather(group, LH_TIMEOUT_IDLE, times);
  double enough = cluster_share * (double)count > LEAST_DROPS ? cluster_share * (double)count : LEAST_DROPS;
  struct cluster idle = fullest(times, count, idle_least_ns);
  count = gather(group, LH_TIMEOUT_LIFETIME, times);
  struct cluster lifetime = fullest(times, count, lifetime_least_ns);
  free(times);
  /* Where both stand out, the sharper one is the cause and the other its shadow. */
  bool by_idle = (double)idle.drops >= enough, by_lifetime = (double)lifetime.drops >= enough;
  if (by_idle && (!by_lifetime || idle.drops >= lifetime.drops))
    say_cluster(finder, group, LH_TIMEOUT_IDLE, &idle, count);
  else if (by_lifetime)
    say_cluster(finder, group, LH_TIMEOUT_LIFETIME, &lifetime, count);
}
