#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/base/units.h"
#include "run/supervisor.h"

/* What the screen shows, with the memory it borrows. */
struct shown {
  struct lh_screen_facts facts;
  struct lh_screen_group *groups; /* owned */
  struct lh_screen_ending endings[LH_RECENT_ENDINGS];
  char times[LH_RECENT_ENDINGS][16];
};

void lh_present_open(struct lh_supervisor *sv) {
  if (sv->args->quiet) return;
  uint64_t interval_ns = sv->args->config->run.interval_ns;
  sv->recent =
      lh_recent_new((uint32_t)sv->args->config->group_count, sv->workers, interval_ns / lh_ticks_each(interval_ns));
  if (sv->recent != NULL && sv->args->view) sv->view = lh_view_new(sv->args->color != LH_COLOR_NEVER);
}

void lh_present_close(struct lh_supervisor *sv) {
  lh_view_free(sv->view);
  lh_recent_free(sv->recent);
  free(sv->held);
  sv->view = NULL;
  sv->recent = NULL;
  sv->held = NULL;
}

static void utc_clock(const struct lh_supervisor *sv, uint64_t tick, char out[16]) {
  uint64_t interval_ns = sv->args->config->run.interval_ns;
  uint64_t since_ns = tick * (interval_ns / lh_ticks_each(interval_ns));
  time_t wall = (time_t)(sv->start_wall_us / 1000000 + (int64_t)(since_ns / LH_NS_PER_S));
  struct tm tm;
  gmtime_r(&wall, &tm);
  snprintf(out, 16, "%02d:%02d:%02dZ", tm.tm_hour % 24, tm.tm_min % 60, tm.tm_sec % 61);
}

static void show_group(struct lh_supervisor *sv, uint32_t g, struct lh_screen_group *out) {
  const struct lh_collect *c = sv->collect;
  *out = (struct lh_screen_group){.name = sv->args->config->groups[g].name,
                                  .open = lh_collect_gauge(c, g, LH_GAUGE_open),
                                  .wanted = lh_collect_gauge(c, g, LH_GAUGE_wanted),
                                  .connecting = lh_collect_gauge(c, g, LH_GAUGE_connecting),
                                  .waiting = lh_collect_gauge(c, g, LH_GAUGE_waiting),
                                  .drops = lh_collect_counter(c, g, LH_COUNTER_drops),
                                  .reconnects = lh_collect_counter(c, g, LH_COUNTER_reconnects),
                                  .recent = lh_recent_of(sv->recent, g)};
}

void lh_present_hold(struct lh_supervisor *sv) {
  if (sv->recent == NULL || sv->held != NULL) return;
  size_t count = sv->args->config->group_count;
  sv->held = calloc(count, sizeof *sv->held);
  sv->held_ns = lh_now_ns();
  for (uint32_t g = 0; sv->held != NULL && g < count; g++) show_group(sv, g, &sv->held[g]);
}

/* Drops and the like go on counting. */
static void show_held(const struct lh_screen_group *held, struct lh_screen_group *out) {
  out->open = held->open;
  out->wanted = held->wanted;
  out->connecting = held->connecting;
  out->waiting = held->waiting;
}

/* as_held: what is open now is what the stop has left, which says nothing of the run. */
static int show(struct lh_supervisor *sv, uint64_t at_ns, bool as_held, struct shown *s) {
  static const char *const phases[] = {"running", "draining", "ending", "settling", "ended"};
  const struct lh_config *config = sv->args->config;
  s->groups = calloc(config->group_count, sizeof *s->groups);
  if (s->groups == NULL) return -1;
  for (uint32_t g = 0; g < config->group_count; g++) {
    show_group(sv, g, &s->groups[g]);
    if (as_held && sv->held != NULL) show_held(&sv->held[g], &s->groups[g]);
  }
  struct lh_recent_ending endings[LH_RECENT_ENDINGS];
  uint32_t count = lh_recent_endings(sv->recent, endings);
  for (uint32_t i = 0; i < count; i++) {
    utc_clock(sv, endings[i].tick, s->times[i]);
    s->endings[i] = (struct lh_screen_ending){s->times[i], config->groups[endings[i].group].name, endings[i].tally};
  }
  s->facts = (struct lh_screen_facts){.name = config->run.name,
                                      .phase = at_ns < sv->start_ns ? "starting" : phases[sv->phase],
                                      .elapsed_ns = at_ns > sv->start_ns ? at_ns - sv->start_ns : 0,
                                      .duration_ns = config->run.duration_ns,
                                      .groups = s->groups,
                                      .group_count = (uint32_t)config->group_count,
                                      .endings = s->endings,
                                      .ending_count = count,
                                      .warning = lh_guard_warning(sv),
                                      .workers = sv->workers,
                                      .workers_alive = lh_crew_alive(sv),
                                      .health = lh_recent_health(sv->recent),
                                      .host_cpu_percent = sv->journal.host_cpu_percent};
  return 0;
}

void lh_present_draw(struct lh_supervisor *sv, uint64_t now_ns) {
  struct shown s = {0};
  if (sv->view == NULL || show(sv, now_ns, sv->phase == LH_RUN_OVER, &s) < 0) return;
  lh_view_draw(sv->view, &s.facts);
  free(s.groups);
}

/* An interval that the run was stopped in is told as it was before that; a later one has only what is left to close. */
void lh_present_line(struct lh_supervisor *sv, uint64_t end_ns) {
  struct shown s = {0};
  if (sv->view != NULL || sv->recent == NULL) return;
  uint64_t now_ns = lh_now_ns(), middle_ns = end_ns - sv->args->config->run.interval_ns / 2;
  if (show(sv, end_ns < now_ns ? end_ns : now_ns, middle_ns < sv->held_ns, &s) < 0) return;
  struct lh_buf line = LH_BUF_INIT(2048);
  if (lh_screen_line(&s.facts, &line) == 0) lh_log(LH_LOG_INFO, "%s", line.data);
  lh_buf_free(&line);
  free(s.groups);
}

static void tell_first(struct lh_supervisor *sv, uint32_t g, const struct lh_tally *tally) {
  enum { TEXT_SHOWN = 60 }; /* a refusal may come with a page of HTML; the report has it */
  enum lh_first first = lh_firsts_add(&sv->firsts, g, tally);
  struct lh_tally shown = *tally;
  struct lh_buf words = LH_BUF_INIT(1024);
  char count[32];
  if (strlen(shown.text) > TEXT_SHOWN) memcpy(shown.text + TEXT_SHOWN - 3, "...", 4);
  if (first != LH_FIRST_NOT && lh_screen_ending_words(&shown, &words) == 0)
    lh_log(LH_LOG_WARNING, "group %s: %s x %s, the first of this kind", sv->args->config->groups[g].name,
           lh_format_count(tally->count, count, sizeof count), words.data);
  if (first == LH_FIRST_LAST)
    lh_log(LH_LOG_WARNING, "%d kinds of endings were told of: further ones stand in the report alone", LH_FIRSTS_MAX);
  lh_buf_free(&words);
}

/* The one that came next after `last`, or the first; NULL: there is none. The cause of a thing came before what followed from it. */
static const struct lh_tally *next_in_time(const struct lh_snapshot *group, const struct lh_tally *last) {
  const struct lh_tally *next = NULL;
  for (const struct lh_tally *t = group->tallies; t < group->tallies + group->tally_count; t++) {
    bool is_later = last == NULL || t->first_ns > last->first_ns || (t->first_ns == last->first_ns && t > last);
    if (is_later && (next == NULL || t->first_ns < next->first_ns)) next = t;
  }
  return next;
}

void lh_present_firsts(struct lh_supervisor *sv, const struct lh_snapshot *groups) {
  if (sv->view != NULL) return; /* it shows them as they come */
  for (uint32_t g = 0; g < sv->args->config->group_count; g++)
    for (const struct lh_tally *t = NULL; (t = next_in_time(&groups[g], t)) != NULL;) tell_first(sv, g, t);
}
