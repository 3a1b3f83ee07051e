/* What several mass drops have in common: a rhythm within one group, a moment across groups. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/find.h"
#include "analysis/trend.h"

static const uint64_t same_moment_ns = 5 * LH_NS_PER_S;

enum { RHYTHM_LEAST = 4, SHARED_MOST = 10 };

/* Three of four gaps within 2 % (at least 2 s) of the middle one: something runs by the clock. */
void lh_find_storm_rhythm(struct lh_finder *finder, const struct lh_find_group *group) {
  if (group->storm_count < RHYTHM_LEAST) return;
  size_t count = group->storm_count - 1, near = 0;
  double *gaps = malloc(count * sizeof *gaps);
  if (!gaps) {
    finder->failed = true;
    return;
  }
  for (size_t i = 0; i < count; i++) gaps[i] = (double)(group->storms[i + 1].from_ns - group->storms[i].from_ns);
  double middle = lh_median(gaps, count), slack = fmax(0.02 * middle, 2e9);
  for (size_t i = 0; i < count; i++) near += fabs(gaps[i] - middle) <= slack;
  free(gaps);
  if (near * 4 < count * 3 || middle < 3 * slack) return;
  const struct lh_storm *first = &group->storms[0], *last = &group->storms[count];
  char every[LH_WORD_SIZE], many[LH_WORD_SIZE], when[LH_WORD_SIZE];
  lh_say(finder, "The %s of %s come about every %s, beginning %s: look for a job, a reload or a limit that runs by the clock.",
         lh_word_many(count + 1, "mass drop", many), group->series.name, lh_word_duration((uint64_t)middle, every),
         lh_word_when(finder, first->from_ns, when));
  lh_prove(finder, "%zu of %zu gaps lie within %.1f s of %.1f s", near, count, slack / 1e9, middle / 1e9);
  lh_found(finder, &(struct lh_found){.id = "mass-drop-rhythm",
                                      .severity = LH_SEVERITY_SERIOUS,
                                      .confidence = 0.5 + 0.49 * (double)near / (double)count,
                                      .group = group->series.group,
                                      .from_ns = first->from_ns,
                                      .until_ns = last->until_ns});
}

struct place {
  const struct lh_find_group *group;
  const struct lh_storm *storm;
};

static int by_time(const void *a, const void *b) {
  const struct place *x = a, *y = b;
  if (x->storm->from_ns != y->storm->from_ns) return x->storm->from_ns < y->storm->from_ns ? -1 : 1;
  return (x->group > y->group) - (x->group < y->group);
}

/* Groups of one moment, each once; a group may have two storms within it. */
static size_t count_groups(const struct place *places, size_t count) {
  size_t groups = 0;
  for (size_t i = 0; i < count; i++) {
    bool again = false;
    for (size_t j = 0; j < i && !again; j++) again = places[j].group == places[i].group;
    groups += !again;
  }
  return groups;
}

/* " (mostly RST), and all were back within 46.7 s": how they ended, and the last of their ways back, where each was seen. */
static void say_common(struct lh_finder *finder, const struct place *places, size_t count) {
  uint64_t by_reason[LH_REASON_COUNT] = {0}, drops = 0, back_ns = 0, from_ns = places[0].storm->from_ns;
  const struct lh_storm *most = places[0].storm;
  bool all_back = true;
  for (size_t i = 0; i < count; i++) {
    const struct lh_storm *storm = places[i].storm;
    for (size_t n = 0; n < LH_STORM_REASONS_MAX; n++) by_reason[storm->reasons[n].reason] += storm->reasons[n].drops;
    drops += storm->drops;
    all_back = all_back && storm->back_100_ns != LH_NEVER;
    uint64_t after_ns = all_back ? storm->from_ns - from_ns + storm->back_100_ns : 0;
    if (after_ns > back_ns) back_ns = after_ns;
  }
  for (size_t i = 0; i < count; i++)
    if (by_reason[places[i].storm->reason] > by_reason[most->reason]) most = places[i].storm;
  char reason[LH_WORD_SIZE], back[LH_WORD_SIZE];
  lh_say(finder, " (%s%s)", by_reason[most->reason] < drops ? "mostly " : "", lh_word_reason(most->reason, most->code, reason));
  if (all_back) lh_say(finder, ", and all were back within %s", lh_word_duration(back_ns, back));
}

static void say_shared(struct lh_finder *finder, const struct place *places, size_t count, size_t groups) {
  uint64_t drops = 0, from_ns = places[0].storm->from_ns, until_ns = from_ns;
  for (size_t i = 0; i < count; i++) {
    const struct lh_storm *storm = places[i].storm;
    drops += storm->drops;
    if (storm->until_ns > until_ns) until_ns = storm->until_ns;
    lh_prove(finder, "%s%s: %" PRIu64 " drops from %.3f s", i ? "; " : "", places[i].group->series.name, storm->drops,
             (double)storm->from_ns / 1e9);
  }
  char when[LH_WORD_SIZE], many[LH_WORD_SIZE];
  lh_say(finder, "Mass drops hit %zu groups at once %s, %s in all", groups, lh_word_when(finder, from_ns, when),
         lh_word_many(drops, "connection", many));
  say_common(finder, places, count);
  lh_say(finder, ": look for what they share.");
  lh_found(finder, &(struct lh_found){.id = "mass-drop-shared",
                                      .severity = LH_SEVERITY_SERIOUS,
                                      .confidence = 0.9,
                                      .group = LH_NO_GROUP,
                                      .from_ns = from_ns,
                                      .until_ns = until_ns});
}

/* Storms of several groups that begin within 5 s of the first. The first few of a run: then it is the rule. What the tester
 * lost by itself is known to share that. */
void lh_find_shared_storms(struct lh_finder *finder) {
  const struct lh_find_args *args = finder->args;
  size_t count = 0, said = 0;
  for (size_t g = 0; g < args->group_count; g++) count += args->groups[g].storm_count;
  if (count < 2) return;
  struct place *places = malloc(count * sizeof *places);
  if (!places) {
    finder->failed = true;
    return;
  }
  count = 0;
  for (size_t g = 0; g < args->group_count; g++)
    for (size_t i = 0; i < args->groups[g].storm_count; i++)
      if (lh_reason_side(args->groups[g].storms[i].reason) != LH_SIDE_TESTER)
        places[count++] = (struct place){&args->groups[g], &args->groups[g].storms[i]};
  qsort(places, count, sizeof *places, by_time);
  for (size_t i = 0, end; i < count && said < SHARED_MOST; i = end) {
    for (end = i; end < count && places[end].storm->from_ns - places[i].storm->from_ns <= same_moment_ns;) end++;
    size_t groups = count_groups(places + i, end - i);
    if (groups < 2) continue;
    say_shared(finder, places + i, end - i, groups);
    said++;
  }
  free(places);
}
