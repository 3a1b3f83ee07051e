/* What the checks of pushes tell: missing, doubled and unreadable numbers, silences, clocks that differ. */
#include <inttypes.h>

#include "analysis/find.h"

/* Where numbers are missing, and when. */
struct trouble {
  const char *id;
  enum lh_severity severity;
  const uint64_t *when; /* by interval; NULL: not known */
};

/* Ends a sentence: ", all at 02:10:20 UTC" or ", all between 02:10 and 02:12"; nothing when it was most of the run. */
static struct lh_found end_with_time(struct lh_finder *finder, const struct lh_find_group *group, struct trouble trouble) {
  const struct lh_series *series = &group->series;
  struct lh_found found = {.id = trouble.id, .severity = trouble.severity, .confidence = 1, .group = series->group};
  lh_series_span(series, trouble.when, &found.from_ns, &found.until_ns);
  uint64_t lasted_ns = found.until_ns - found.from_ns, all_ns = series->count * series->interval_ns;
  char from[LH_WORD_SIZE], until[LH_WORD_SIZE];
  if (trouble.when && lasted_ns <= series->interval_ns)
    lh_say(finder, ", all %s", lh_word_when(finder, found.from_ns, from));
  else if (trouble.when && lasted_ns <= all_ns / 2)
    lh_say(finder, ", the first %s, the last %s", lh_word_when(finder, found.from_ns, from),
           lh_word_when(finder, found.until_ns, until));
  lh_say(finder, ".");
  return found;
}

static bool is_more_than(uint64_t part, uint64_t whole, double percent) {
  return (double)part * 100 > (double)whole * percent;
}

/* ---- none at all ---- */

static bool find_none(struct lh_finder *finder, const struct lh_find_group *group) {
  if (lh_counter(group, LH_COUNTER_incoming) > 0 || lh_counter(group, LH_COUNTER_opened) == 0) return false;
  lh_say(finder, "Not one push came to %s, whose pushes are to be checked", group->series.name);
  lh_prove(finder, "incoming 0, opened %" PRIu64, lh_counter(group, LH_COUNTER_opened));
  struct lh_found found = end_with_time(finder, group, (struct trouble){"pushes-none", LH_SEVERITY_SERIOUS, NULL});
  lh_found(finder, &found);
  return true;
}

/* ---- numbers ---- */

static void find_missing(struct lh_finder *finder, const struct lh_find_group *group) {
  uint64_t skipped = lh_counter(group, LH_COUNTER_incoming_skipped), late = lh_counter(group, LH_COUNTER_incoming_out_of_order);
  uint64_t numbered = lh_counter(group, LH_COUNTER_incoming_numbered);
  if (skipped <= late) return;
  char many[LH_WORD_SIZE], share[LH_WORD_SIZE];
  uint64_t missing = skipped - late;
  lh_say(finder, "%s missing from the pushes to %s, %s of what should have come", lh_word_many(missing, "number", many),
         group->series.name, lh_word_share(missing, numbered + missing, share));
  lh_prove(finder, "%" PRIu64 " jumps left out %" PRIu64 " numbers, of which %" PRIu64 " came after all; numbered %" PRIu64,
           lh_counter(group, LH_COUNTER_incoming_gaps), skipped, late, numbered);
  struct trouble trouble = {"pushes-missing", is_more_than(missing, numbered, 0.1) ? LH_SEVERITY_SERIOUS : LH_SEVERITY_NOTICE,
                            group->series.pushes_skipped};
  struct lh_found found = end_with_time(finder, group, trouble);
  lh_found(finder, &found);
}

static void find_missed_away(struct lh_finder *finder, const struct lh_find_group *group) {
  uint64_t missed = lh_counter(group, LH_COUNTER_incoming_missed_away), late = lh_counter(group, LH_COUNTER_incoming_caught_up);
  if (missed <= late) return;
  char many[LH_WORD_SIZE];
  lh_say(finder, "%s to %s passed while the client was away, and did not come later",
         lh_word_many(missed - late, "pushed message", many), group->series.name);
  lh_prove(finder, "missed away %" PRIu64 ", of which %" PRIu64 " came after all", missed, late);
  struct lh_found found = end_with_time(finder, group, (struct trouble){"pushes-missed-away", LH_SEVERITY_NOTICE, NULL});
  lh_found(finder, &found);
}

static const struct {
  enum lh_counter_id counter;
  const char *id, *noun, *what;
  double grave_percent; /* of all that came, above which it is serious */
} rows[] = {
    {LH_COUNTER_incoming_out_of_order, "pushes-out-of-order", "pushed message", "came after one with a higher number", 1},
    {LH_COUNTER_incoming_duplicate, "pushes-duplicate", "pushed message", "had a number that had come before", 1},
    {LH_COUNTER_incoming_restarts, "pushes-begun-anew", "time", "the sequence began anew instead of going on", 100},
    {LH_COUNTER_incoming_unreadable, "pushes-unreadable", "pushed message", "had no number where incoming.sequence looks for it", 50},
    {LH_COUNTER_incoming_untimed, "pushes-untimed", "pushed message", "had no time where incoming.timestamp looks for it", 50},
};

static void find_counted(struct lh_finder *finder, const struct lh_find_group *group) {
  const uint64_t all = lh_counter(group, LH_COUNTER_incoming);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t count = lh_counter(group, rows[i].counter);
    if (count == 0) continue;
    char many[LH_WORD_SIZE], total[LH_WORD_SIZE];
    if (rows[i].counter == LH_COUNTER_incoming_restarts)
      lh_say(finder, "%s %s for a client of %s", lh_word_many(count, rows[i].noun, many), rows[i].what, group->series.name);
    else
      lh_say(finder, "%s of the %s to %s %s", lh_word_count(count, many), lh_word_many(all, rows[i].noun, total),
             group->series.name, rows[i].what);
    lh_prove(finder, "%s %" PRIu64 ", incoming %" PRIu64, lh_counter_name(rows[i].counter), count, all);
    struct trouble trouble = {rows[i].id, is_more_than(count, all, rows[i].grave_percent) ? LH_SEVERITY_SERIOUS : LH_SEVERITY_NOTICE,
                              NULL};
    struct lh_found found = end_with_time(finder, group, trouble);
    lh_found(finder, &found);
  }
}

/* ---- times ---- */

static void find_silences(struct lh_finder *finder, const struct lh_find_group *group) {
  uint64_t silences = lh_counter(group, LH_COUNTER_incoming_silences);
  if (silences == 0) return;
  const struct lh_hdr *over = &group->total->hists[LH_HIST_silence];
  char many[LH_WORD_SIZE], longest[LH_WORD_SIZE];
  lh_say(finder, "%s an open client of %s heard no push for longer than incoming.gap_max", lh_word_many(silences, "time", many),
         group->series.name);
  if (over->count) lh_say(finder, ", the longest for %s", lh_word_us((double)over->max_us, longest));
  lh_prove(finder, "silences %" PRIu64 ", over by now %" PRIu64, silences, over->count);
  struct trouble trouble = {"pushes-silent", LH_SEVERITY_SERIOUS, group->series.push_silences};
  struct lh_found found = end_with_time(finder, group, trouble);
  lh_found(finder, &found);
}

static void find_clocks(struct lh_finder *finder, const struct lh_find_group *group) {
  const struct lh_hdr *ahead = &group->total->hists[LH_HIST_delay_ahead], *delay = &group->total->hists[LH_HIST_delay];
  if (ahead->count == 0) return;
  char share[LH_WORD_SIZE], most[LH_WORD_SIZE];
  lh_say(finder,
         "The clock of what pushes to %s is ahead of ours by at least %s: %s of the timestamps lie in our future, and one-way "
         "delays are too short by as much",
         group->series.name, lh_word_us((double)ahead->max_us, most),
         lh_word_share(ahead->count, ahead->count + delay->count, share));
  lh_prove(finder, "ahead %" PRIu64 ", not ahead %" PRIu64, ahead->count, delay->count);
  struct lh_found found = end_with_time(finder, group, (struct trouble){"pushes-clock", LH_SEVERITY_NOTICE, NULL});
  lh_found(finder, &found);
}

void lh_find_push_trouble(struct lh_finder *finder, const struct lh_find_group *group) {
  if (!group->total || !group->checks_pushes || find_none(finder, group)) return;
  find_missing(finder, group);
  find_missed_away(finder, group);
  find_counted(finder, group);
  find_silences(finder, group);
  find_clocks(finder, group);
}
