/* Outages and mass drops of one group: what dropped, why, what stood in the way of coming back, and when all were back. */
#include <stdio.h>

#include "analysis/find.h"

enum { SINGLE_MAX = 10 }; /* so many mass drops, and as many outages, get a sentence each; the rest share one */

/* A time without an open client. */
struct outage {
  uint64_t from_ns, until_ns; /* until: open again, by the interval's resolution; end of the series when not seen */
  bool is_over;
  uint64_t wanted; /* most that were wanted meanwhile */
};

/* 95 %: a few are always between connections when the rest drops. */
static bool takes_all(const struct lh_storm *storm) {
  return storm->open_before > 0 && storm->drops * 20 >= storm->open_before * 19;
}

/* Connections that failed in the span, by reason. */
struct failures {
  uint64_t total, by_reason[LH_REASON_COUNT], first_ns, last_ns;
  int32_t codes[LH_REASON_COUNT]; /* of the last seen */
};

static void count_failures(const struct lh_find_group *group, uint64_t from_ns, uint64_t until_ns, struct failures *out) {
  *out = (struct failures){.first_ns = LH_NEVER};
  for (size_t i = 0; i < group->tally_count; i++) {
    const struct lh_tally *tally = &group->tallies[i];
    if (tally->stage >= LH_STAGE_OPEN || tally->reason >= LH_REASON_COUNT) continue;
    if (lh_reason_side(tally->reason) == LH_SIDE_US || tally->last_ns < from_ns || tally->first_ns > until_ns) continue;
    out->total += tally->count;
    out->by_reason[tally->reason] += tally->count;
    out->codes[tally->reason] = tally->code;
    if (tally->first_ns < out->first_ns) out->first_ns = tally->first_ns;
    if (tally->last_ns > out->last_ns) out->last_ns = tally->last_ns;
  }
}

static unsigned commonest(const struct failures *failures) {
  unsigned best = 0;
  for (unsigned i = 1; i < LH_REASON_COUNT; i++)
    if (failures->by_reason[i] > failures->by_reason[best]) best = i;
  return best;
}

/* ", the target refused 61,000 connection attempts for 20 s" */
static void say_failures(struct lh_finder *finder, const struct failures *failures) {
  if (failures->total == 0) return;
  char count[LH_WORD_SIZE], length[LH_WORD_SIZE], reason[LH_WORD_SIZE];
  unsigned best = commonest(failures);
  lh_word_duration(failures->last_ns - failures->first_ns, length);
  lh_word_reason(best, failures->codes[best], reason);
  uint64_t others = failures->total - failures->by_reason[best];
  if (best == LH_REASON_REFUSED && others * 10 <= failures->total) {
    lh_say(finder, ", the target refused %s for %s", lh_word_many(failures->by_reason[best], "connection attempt", count),
           length);
    if (others) lh_say(finder, " (%s failed otherwise)", lh_word_count(others, count));
  } else {
    lh_say(finder, ", %s failed for %s (%s%s)", lh_word_many(failures->total, "connection attempt", count), length,
           others ? "mostly " : "", reason);
  }
  const char *before = "; failed attempts: ";
  for (unsigned i = 0; i < LH_REASON_COUNT; i++) {
    if (!failures->by_reason[i]) continue;
    lh_prove(finder, "%s%s x %s", before, lh_word_count(failures->by_reason[i], count), lh_word_reason(i, failures->codes[i], reason));
    before = ", ";
  }
}

/* "All 5,000 clients of chat dropped at 05:00:00 UTC within 0.4 s (RST)" */
static void say_drop(struct lh_finder *finder, const struct lh_find_group *group, const struct lh_storm *storm) {
  char drops[LH_WORD_SIZE], before[LH_WORD_SIZE], all[LH_WORD_SIZE], when[LH_WORD_SIZE], length[LH_WORD_SIZE],
      reason[LH_WORD_SIZE];
  lh_word_count(storm->drops, drops);
  lh_word_count(storm->open_before, before);
  lh_word_when(finder, storm->from_ns, when);
  lh_word_duration(storm->until_ns - storm->from_ns, length);
  lh_word_reason(storm->reason, storm->code, reason);
  const char *name = group->series.name;
  if (storm->drops == storm->open_before)
    lh_say(finder, "All %s of %s dropped %s", lh_word_many(storm->open_before, "client", all), name, when);
  else if (storm->drops < storm->open_before)
    lh_say(finder, "%s of the %s open clients of %s dropped %s", drops, before, name, when);
  else
    lh_say(finder, "The %s clients of %s dropped %s times in all %s", before, name, drops, when);
  lh_say(finder, " within %s (%s%s)", length, storm->reasons[1].drops ? "mostly " : "", reason);
  lh_prove(finder, "%s drops from %.3f s to %.3f s of the run, %s%s; %s open before", drops, (double)storm->from_ns / 1e9,
           (double)storm->until_ns / 1e9, storm->reasons[1].drops ? "mostly " : "", reason, before);
  for (size_t i = 0; storm->reasons[1].drops && i < LH_STORM_REASONS_MAX && storm->reasons[i].drops; i++)
    lh_prove(finder, "%s %s x %s", i ? "," : ":", lh_word_count(storm->reasons[i].drops, drops),
             lh_reason_name(storm->reasons[i].reason));
}

/* Clients are counted at the end of a second or an interval: they were back by then, and may have been long before. */
static char *word_within(uint64_t back_ns, char *out) {
  char length[LH_WORD_SIZE];
  if (back_ns == LH_NEVER)
    snprintf(out, LH_WORD_SIZE, "not seen");
  else
    snprintf(out, LH_WORD_SIZE, "within %.100s", lh_word_duration(back_ns, length));
  return out;
}

static void say_back(struct lh_finder *finder, const struct lh_storm *storm) {
  char half[LH_WORD_SIZE], most[LH_WORD_SIZE], all[LH_WORD_SIZE];
  const char *by = storm->overtaken ? "before the next mass drop" : "by the end";
  if (storm->back_100_ns != LH_NEVER)
    lh_say(finder, ", and all were back within %s", lh_word_duration(storm->back_100_ns, all));
  else if (storm->back_95_ns != LH_NEVER)
    lh_say(finder, ", 95 %% were back within %s, the last ones not %s", lh_word_duration(storm->back_95_ns, most), by);
  else if (storm->back_50_ns != LH_NEVER)
    lh_say(finder, ", half were back within %s, the others not %s", lh_word_duration(storm->back_50_ns, half), by);
  else
    lh_say(finder, ", and they were not back %s", by);
  lh_prove(finder, "; counted as back: 50 %% %s, 95 %% %s, all %s",
           word_within(storm->back_50_ns, half),
           word_within(storm->back_95_ns, most),
           word_within(storm->back_100_ns, all));
  if (storm->attempts_peak_per_s > 0) lh_prove(finder, "; at most %.0f attempts a second", storm->attempts_peak_per_s);
}

static const char *jitter_name(const struct lh_reconnect_config *reconnect) {
  return reconnect->jitter == LH_BACKOFF_NONE ? "none" : reconnect->jitter == LH_BACKOFF_EQUAL ? "equal" : "full";
}

/* " Attempts peaked at 412/s; waits drawn evenly would give 398/s: the backoff spread them well." */
static void say_spread(struct lh_finder *finder, const struct lh_series *series, const struct lh_storm *storm) {
  enum lh_spread spread = lh_storm_spread(series, storm);
  if (spread == LH_SPREAD_UNKNOWN) return;
  char peak[LH_WORD_SIZE], even[LH_WORD_SIZE], queued[LH_WORD_SIZE], cap[LH_WORD_SIZE];
  lh_word_count((uint64_t)(storm->attempts_peak_per_s + 0.5), peak);
  lh_word_count((uint64_t)(storm->even_peak_per_s + 0.5), even);
  lh_say(finder, " Attempts peaked at %s/s; waits drawn evenly would give %s/s: ", peak, even);
  if (spread == LH_SPREAD_CAPPED)
    lh_say(finder, "the connect-rate cap of %s/s held them down, and at most %s waited for it.",
           lh_word_count((uint64_t)(series->connect_rate + 0.5), cap), lh_word_many(storm->queued_peak, "client", queued));
  else if (spread == LH_SPREAD_EVEN)
    lh_say(finder, "the backoff spread them well.");
  else
    lh_say(finder, "they came in bunches (reconnect.jitter is %s%s).", jitter_name(series->reconnect),
           series->reconnect->jitter == LH_BACKOFF_FULL ? "; something else brought them together" : "; full spreads them");
}

static void prove_course(struct lh_finder *finder, const struct lh_storm *storm) {
  char count[LH_WORD_SIZE];
  if (storm->queued_peak) lh_prove(finder, "; at most %s waited for the connect-rate cap", lh_word_count(storm->queued_peak, count));
  if (storm->retry_afters)
    lh_prove(finder, "; %s waits made longer by Retry-After", lh_word_count(storm->retry_afters, count));
}

/* When this storm was over: all back, or the end of what is known. */
static uint64_t storm_end(const struct lh_find_group *group, const struct lh_storm *storm) {
  if (storm->back_100_ns != LH_NEVER) return storm->from_ns + storm->back_100_ns;
  uint64_t end = group->series.count ? lh_series_end_ns(&group->series, group->series.count - 1) : storm->until_ns;
  return end > storm->until_ns ? end : storm->until_ns;
}

/* The tester's own losses never count against the target. */
static bool is_ours(const struct lh_storm *storm) {
  return lh_reason_side(storm->reason) == LH_SIDE_TESTER;
}

static void find_storm(struct lh_finder *finder, const struct lh_find_group *group, const struct lh_storm *storm,
                       bool is_outage) {
  struct failures failures;
  uint64_t until_ns = storm_end(group, storm);
  count_failures(group, storm->from_ns, until_ns, &failures);
  say_drop(finder, group, storm);
  say_failures(finder, &failures);
  say_back(finder, storm);
  lh_say(finder, is_ours(storm) ? ". The tester itself lost them; they do not count against the target." : ".");
  say_spread(finder, &group->series, storm);
  prove_course(finder, storm);
  lh_found(finder, &(struct lh_found){.id = is_ours(storm) ? "tester-drops"
                                            : is_outage    ? "outage"
                                                           : "mass-drop",
                                      .severity = LH_SEVERITY_SERIOUS,
                                      .confidence = 1,
                                      .group = group->series.group,
                                      .from_ns = storm->from_ns,
                                      .until_ns = until_ns});
}

/* A time without an open client that no storm explains: they ended one by one, or by plan, and none came back. */
static void find_silence(struct lh_finder *finder, const struct lh_find_group *group, const struct outage *outage) {
  struct failures failures;
  count_failures(group, outage->from_ns, outage->until_ns, &failures);
  char when[LH_WORD_SIZE], length[LH_WORD_SIZE], wanted[LH_WORD_SIZE];
  lh_word_when(finder, outage->from_ns, when);
  lh_word_duration(outage->until_ns - outage->from_ns, length);
  lh_word_count(outage->wanted, wanted);
  lh_say(finder, "No client of %s was open for about %s, of %s wanted, beginning %s", group->series.name, length, wanted, when);
  lh_prove(finder, "0 open at the end of each interval from %.0f s to %.0f s of the run", (double)outage->from_ns / 1e9,
           (double)outage->until_ns / 1e9);
  say_failures(finder, &failures);
  lh_say(finder, outage->is_over ? "." : ", and it lasted to the end.");
  lh_found(finder, &(struct lh_found){.id = "outage",
                                      .severity = LH_SEVERITY_SERIOUS,
                                      .confidence = 1,
                                      .group = group->series.group,
                                      .from_ns = outage->from_ns,
                                      .until_ns = outage->until_ns});
}

/* Mass drops past the first few: one sentence for all of them. */
static void find_further(struct lh_finder *finder, const struct lh_find_group *group, const struct lh_storm *first,
                         size_t count) {
  uint64_t drops = 0;
  for (size_t i = 0; i < count; i++) drops += first[i].drops;
  char storms[LH_WORD_SIZE], dropped[LH_WORD_SIZE], from[LH_WORD_SIZE], until[LH_WORD_SIZE];
  const struct lh_storm *last = &first[count - 1];
  lh_say(finder, "%s further mass drops of %s followed, the first %s, the last %s, with %s drops in all.",
         lh_word_count(count, storms), group->series.name, lh_word_when(finder, first->from_ns, from),
         lh_word_when(finder, last->from_ns, until), lh_word_count(drops, dropped));
  lh_prove(finder, "%zu storms from %.3f s to %.3f s of the run", count, (double)first->from_ns / 1e9,
           (double)last->until_ns / 1e9);
  lh_found(finder, &(struct lh_found){.id = "mass-drop",
                                      .severity = LH_SEVERITY_SERIOUS,
                                      .confidence = 1,
                                      .group = group->series.group,
                                      .from_ns = first->from_ns,
                                      .until_ns = last->until_ns});
}

static void find_further_silences(struct lh_finder *finder, const struct lh_find_group *group, size_t count,
                                  const struct outage *first, const struct outage *last) {
  char outages[LH_WORD_SIZE], from[LH_WORD_SIZE], until[LH_WORD_SIZE];
  lh_say(finder, "%s of %s without any open client followed, the first %s, the last %s.",
         lh_word_many(count, "further time", outages), group->series.name, lh_word_when(finder, first->from_ns, from),
         lh_word_when(finder, last->from_ns, until));
  lh_prove(finder, "0 open at the end of intervals between %.0f s and %.0f s of the run", (double)first->from_ns / 1e9,
           (double)last->until_ns / 1e9);
  lh_found(finder, &(struct lh_found){.id = "outage",
                                      .severity = LH_SEVERITY_SERIOUS,
                                      .confidence = 1,
                                      .group = group->series.group,
                                      .from_ns = first->from_ns,
                                      .until_ns = last->until_ns});
}

/* A storm explains a time without open clients when it ends where that begins, within an interval, or lies in it. */
static bool explains(const struct lh_find_group *group, const struct lh_storm *storm, const struct outage *silence) {
  uint64_t slack = group->series.interval_ns;
  return storm->from_ns <= silence->until_ns && storm->until_ns + slack >= silence->from_ns;
}

/* The next run of intervals that end with nobody open, of a group that had been open before. */
static bool next_silence(const struct lh_series *series, size_t *at, bool *was_open, struct outage *out) {
  for (; *at < series->count; (*at)++) {
    if (series->open[*at] > 0)
      *was_open = true;
    else if (*was_open && series->wanted[*at] > 0)
      break;
  }
  if (*at == series->count) return false;
  *out = (struct outage){.from_ns = series->first_ns + *at * series->interval_ns};
  for (; *at < series->count && series->open[*at] == 0 && series->wanted[*at] > 0; (*at)++)
    if (series->wanted[*at] > out->wanted) out->wanted = series->wanted[*at];
  out->is_over = *at < series->count && series->open[*at] > 0;
  out->until_ns = lh_series_end_ns(series, out->is_over ? *at : *at - 1);
  return true;
}

void lh_find_outages(struct lh_finder *finder, const struct lh_find_group *group) {
  for (size_t i = 0; i < group->storm_count; i++) {
    if (i >= SINGLE_MAX) {
      find_further(finder, group, &group->storms[i], group->storm_count - i);
      break;
    }
    find_storm(finder, group, &group->storms[i], takes_all(&group->storms[i]));
  }
  struct outage silence, first = {0}, last = {0};
  bool was_open = false;
  size_t found = 0;
  for (size_t at = 0; next_silence(&group->series, &at, &was_open, &silence);) {
    bool explained = false;
    for (size_t i = 0; i < group->storm_count && !explained; i++) explained = explains(group, &group->storms[i], &silence);
    if (explained) continue;
    if (++found <= SINGLE_MAX) find_silence(finder, group, &silence);
    if (found == SINGLE_MAX + 1) first = silence;
    last = silence;
  }
  if (found > SINGLE_MAX) find_further_silences(finder, group, found - SINGLE_MAX, &first, &last);
}
