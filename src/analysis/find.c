#include "analysis/find.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *lh_severity_name(enum lh_severity severity) {
  static const char *const names[] = {"info", "notice", "serious"};
  return (unsigned)severity < sizeof names / sizeof names[0] ? names[severity] : "unknown";
}

/* ---- collecting ---- */

static void add_words(struct lh_finder *finder, struct lh_buf *out, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void add_words(struct lh_finder *finder, struct lh_buf *out, const char *format, va_list args) {
  if (lh_buf_vaddf(out, format, args) == -ENOMEM) finder->failed = true;
}

void lh_say(struct lh_finder *finder, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add_words(finder, &finder->sentence, format, args);
  va_end(args);
}

void lh_prove(struct lh_finder *finder, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add_words(finder, &finder->evidence, format, args);
  va_end(args);
}

void lh_unsay(struct lh_finder *finder) {
  lh_buf_free(&finder->sentence);
  lh_buf_free(&finder->evidence);
}

/* Hands the buffers' memory over: they begin anew with the next sentence. */
static char *take(struct lh_buf *buf) {
  char *text = buf->data;
  *buf = (struct lh_buf)LH_BUF_INIT(LH_WORDS_MAX);
  return text;
}

void lh_found(struct lh_finder *finder, const struct lh_found *found) {
  if (finder->found.count == finder->room) {
    size_t room = finder->room ? finder->room * 2 : 16;
    struct lh_finding *items = realloc(finder->found.items, room * sizeof *items);
    if (!items) {
      finder->failed = true;
      lh_unsay(finder);
      return;
    }
    finder->found.items = items;
    finder->room = room;
  }
  lh_say(finder, "%s", "");
  lh_prove(finder, "%s", "");
  struct lh_finding *item = &finder->found.items[finder->found.count++];
  *item = (struct lh_finding){.id = strdup(found->id),
                              .sentence = take(&finder->sentence),
                              .evidence = take(&finder->evidence),
                              .confidence = found->confidence,
                              .severity = found->severity,
                              .group = found->group,
                              .from_ns = found->from_ns,
                              .until_ns = found->until_ns};
  if (!item->id || !item->sentence || !item->evidence) finder->failed = true;
}

void lh_findings_free(struct lh_findings *findings) {
  if (!findings) return;
  for (size_t i = 0; i < findings->count; i++) {
    free(findings->items[i].id);
    free(findings->items[i].sentence);
    free(findings->items[i].evidence);
  }
  free(findings->items);
  *findings = (struct lh_findings){0};
}

/* ---- series ---- */

uint64_t lh_series_end_ns(const struct lh_series *series, size_t interval) {
  return series->first_ns + (interval + 1) * series->interval_ns;
}

uint64_t lh_series_most_wanted(const struct lh_series *series) {
  uint64_t most = 0;
  for (size_t i = 0; i < series->count; i++)
    if (series->wanted[i] > most) most = series->wanted[i];
  return most;
}

uint64_t lh_counter(const struct lh_find_group *group, enum lh_counter_id id) {
  return group->total ? group->total->counters[id] : 0;
}

void lh_series_span(const struct lh_series *series, const uint64_t *values, uint64_t *from_ns, uint64_t *until_ns) {
  size_t first = 0, last = series->count ? series->count - 1 : 0;
  if (values && series->count) {
    while (first < last && values[first] == 0) first++;
    while (last > first && values[last] == 0) last--;
    if (values[first] == 0) {
      first = 0;
      last = series->count - 1;
    }
  }
  *from_ns = series->first_ns + first * series->interval_ns;
  *until_ns = series->count ? lh_series_end_ns(series, last) : series->first_ns;
}

/* ---- all of them ---- */

/* As a reader asks: what never worked, what lies behind the drops, the drops, and then all else, which is mostly about the whole
 * run: by time alone a few wrong answers, counted from its first moment, stood before every outage. */
static const char *const first_ids[] = {"never-opened",       "server-ended",     "server-restarted", "mass-drop-shared", "mass-drop-rhythm",
                                        "drops-at-idle-time", "drops-at-lifetime", "outage",           "mass-drop",        "tester-drops"};

static size_t place_of(const char *id) {
  size_t i = 0;
  while (i < sizeof first_ids / sizeof *first_ids && strcmp(first_ids[i], id)) i++;
  return i;
}

/* Within one place by time, and for one time in the order of finding. */
static int compare(const struct lh_finding *a, const struct lh_finding *b) {
  if (a->severity != b->severity) return a->severity > b->severity ? -1 : 1;
  size_t x = place_of(a->id), y = place_of(b->id);
  if (x != y) return x < y ? -1 : 1;
  return a->from_ns < b->from_ns ? -1 : a->from_ns > b->from_ns;
}

/* Findings are few; insertion keeps equal ones in order. */
static void sort(struct lh_findings *findings) {
  for (size_t i = 1; i < findings->count; i++) {
    struct lh_finding item = findings->items[i];
    size_t at = i;
    for (; at > 0 && compare(&item, &findings->items[at - 1]) < 0; at--) findings->items[at] = findings->items[at - 1];
    findings->items[at] = item;
  }
}

int lh_find(const struct lh_find_args *args, struct lh_findings *out, struct lh_err *err) {
  struct lh_finder finder = {.args = args, .sentence = LH_BUF_INIT(LH_WORDS_MAX), .evidence = LH_BUF_INIT(LH_WORDS_MAX)};
  *out = (struct lh_findings){0};
  lh_find_late_intervals(&finder);
  lh_find_shared_storms(&finder);
  lh_find_kept(&finder);
  for (size_t i = 0; i < args->group_count && !finder.failed; i++) {
    const struct lh_find_group *group = &args->groups[i];
    lh_find_never_opened(&finder, group);
    lh_find_ceiling(&finder, group);
    lh_find_outages(&finder, group);
    lh_find_storm_rhythm(&finder, group);
    lh_find_drift(&finder, group);
    lh_find_clusters(&finder, group);
    lh_find_login_trouble(&finder, group);
    lh_find_message_trouble(&finder, group);
    lh_find_push_trouble(&finder, group);
    lh_find_tester_trouble(&finder, group);
    lh_find_unverified_tls(&finder, group);
  }
  lh_unsay(&finder);
  if (finder.failed) {
    lh_findings_free(&finder.found);
    return lh_err_set(err, ENOMEM, "no memory is left to look for findings");
  }
  sort(&finder.found);
  *out = finder.found;
  return 0;
}
