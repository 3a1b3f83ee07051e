/* The verdict: what the model's own numbers say, in the order in which a reader would ask.
 *
 *   failed        an objective failed, or a group that wanted clients never had one open because of its target, or lost them
 *                 all and had none back at the end, or all that it asked was left unanswered or answered wrongly
 *   inconclusive  the run was cut short, a worker was lost, the tester was late in more than LH_LATE_SHARE_MAX of the
 *                 intervals, the books do not balance, the host let nothing open or less than was planned, or an objective
 *                 could not be evaluated
 *   passed        else
 *
 * A failed objective beats the doubts: it was evaluated over the intervals in which the tester was in time.
 */
#include "report/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/look.h"
#include "report/show.h"
#include "report/tester.h"

struct reasons {
  json_t *list;
  bool failed_slo, doubt, out_of_memory;
};

static void say(struct reasons *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct reasons *r, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (json_array_append_new(r->list, json_string(text))) r->out_of_memory = true;
}

static void judge_objectives(struct reasons *r, const json_t *model) {
  const json_t *slo = lh_look(model, "slo"), *item;
  size_t i, held = 0, known = 0;
  json_array_foreach(slo, i, item) {
    const json_t *passed = lh_look(item, "passed");
    known += json_is_boolean(passed);
    held += json_is_true(passed);
    if (json_is_null(passed)) {
      r->doubt = true;
      say(r, "%s could not be evaluated: %s", lh_look_text(item, "metric"), lh_look_text(item, "note"));
    } else if (json_is_false(passed)) {
      r->failed_slo = true;
      say(r, "%s was %s, not %s %s", lh_look_text(item, "metric"), lh_show_slo_decisive(model, item).text, lh_look_text(item, "op"),
          lh_show_slo_value(item, "threshold").text);
    }
  }
  if (!lh_look_is_null(model, "config_note")) {
    r->doubt = true;
    say(r, "the objectives could not be read from the run file: %s", lh_look_text(model, "config_note"));
  } else if (json_array_size(slo) == 0)
    say(r, "no objectives were set (slo in the config)");
  else if (held == known && held == json_array_size(slo))
    say(r, held == 1 ? "the objective held" : held == 2 ? "both objectives held" : "all %zu objectives held", held);
}

static bool is_by(const json_t *ending, const char *side) {
  return strcmp(lh_look_text(ending, "side"), side) == 0;
}

/* The commonest way in which the attempts of a group ended before they were open; what we ended only when there is no other. */
static const json_t *commonest_failure(const json_t *group) {
  const json_t *ending, *by_us = NULL;
  size_t i;
  json_array_foreach(lh_look(group, "endings"), i, ending) {
    const char *stage = lh_look_text(ending, "stage");
    if (strcmp(stage, "open") == 0 || strcmp(stage, "closing") == 0) continue;
    if (!is_by(ending, "us")) return ending;
    if (!by_us) by_us = ending;
  }
  return by_us;
}

/* "upgrade refused 404"; the finding has the text as well, which may be a page of HTML. */
static const char *ending_words(const json_t *ending, char out[64]) {
  bool of_status = strcmp(lh_look_text(ending, "stage"), "upgrade") == 0 || strcmp(lh_look_text(ending, "reason"), "HTTP status") == 0;
  if (of_status && lh_look_number(ending, "code") != 0)
    snprintf(out, 64, "%s %.0f", lh_look_text(ending, "reason"), lh_look_number(ending, "code"));
  else
    snprintf(out, 64, "%s", lh_look_text(ending, "reason"));
  return out;
}

/* No doing of the target: an address that is denied, no descriptor, a lost worker. */
static bool is_ours(const json_t *ending) {
  return !ending || is_by(ending, "us") || is_by(ending, "host") || is_by(ending, "tester");
}

static void blame(struct reasons *r, const json_t *ending) {
  if (is_ours(ending))
    r->doubt = true;
  else
    r->failed_slo = true;
}

/* Clients that log in first, and were never let in, had nothing to connect with. */
static void say_no_login(struct reasons *r, const json_t *group) {
  const json_t *why = commonest_failure(group);
  char words[64];
  blame(r, why);
  say(r, "group %s never had a client open: %s failed, mostly by %s: %s", lh_look_text(group, "name"),
      lh_show_plural(lh_look_number(group, "logins.failed"), "login", "logins").text, lh_look_text(why, "side"),
      ending_words(why, words));
}

static void judge_never_opened(struct reasons *r, const json_t *model) {
  bool going_on = strcmp(lh_look_text(model, "run.how"), "in progress") == 0;
  const json_t *group;
  size_t i;
  json_array_foreach(lh_look(model, "groups"), i, group) {
    if (lh_look_number(group, "opened") > 0 || lh_look_number(group, "clients.open_most") > 0) continue;
    if (lh_look_number(group, "attempts") == 0 && lh_look_number(group, "logins.failed") > 0) {
      say_no_login(r, group);
      continue;
    }
    if (lh_look_number(group, "attempts") == 0) {
      if (going_on || !lh_look_true(model, "run.whole") || lh_look_number(group, "clients.planned") == 0) continue;
      r->doubt = true;
      say(r, "group %s never tried to connect: the run ended before %s", lh_look_text(group, "name"),
          lh_look_number(group, "logins.begun") > 0 ? "any of its logins was answered" : "its ramp began");
      continue;
    }
    const json_t *why = commonest_failure(group);
    char words[64];
    if (going_on && (!why || is_by(why, "us"))) continue;
    blame(r, why);
    say(r, "group %s never had a client open: %s, mostly ended by %s: %s", lh_look_text(group, "name"),
        lh_show_plural(lh_look_number(group, "attempts"), "attempt", "attempts").text, why ? lh_look_text(why, "side") : "us",
        why ? ending_words(why, words) : "shutting down");
  }
}

static double value_at(const json_t *series, const char *key, size_t i) {
  return json_number_value(json_array_get(lh_look(series, key), i));
}

/* How long a group had no client open at the end of the run, not for a moment, though it wanted some and tried; 0 when it never
 * had any before. Intervals that want nobody are the run's own end, or a ramp's. */
static double gone_s(const json_t *model, const json_t *series) {
  size_t end = json_array_size(lh_look(series, "wanted"));
  while (end > 0 && value_at(series, "wanted", end - 1) == 0) end--;
  size_t from = end;
  double failed = 0;
  for (; from > 0 && value_at(series, "availability_percent", from - 1) == 0 && value_at(series, "wanted", from - 1) > 0; from--)
    failed += value_at(series, "failures", from - 1);
  return from > 0 && failed > 0 ? (double)(end - from) * lh_look_number(model, "series.interval_s") : 0;
}

/* A target that went down and did not come back has not held out, whatever was asked of the time before. An outage that the end
 * of the run cut short is none: it takes a tenth of the run, or a minute. */
static void judge_gone(struct reasons *r, const json_t *model) {
  const json_t *groups = lh_look(model, "groups"), *series;
  double lasted_s = lh_look_number(model, "run.until_s") - lh_look_number(model, "run.from_s");
  size_t i;
  if (strcmp(lh_look_text(model, "run.how"), "in progress") == 0 || !lh_look_true(model, "run.whole")) return;
  json_array_foreach(lh_look(model, "series.groups"), i, series) {
    double gone = gone_s(model, series);
    const json_t *why = commonest_failure(json_array_get(groups, i));
    if (!why || gone == 0 || (gone < 60 && gone * 10 < lasted_s)) continue;
    char words[64];
    blame(r, why);
    say(r, "group %s had no client open for the last %s: its attempts to come back were mostly ended by %s: %s",
        lh_look_text(series, "name"), lh_show_seconds(gone).text, lh_look_text(why, "side"), ending_words(why, words));
  }
}

/* A plan that this host could not carry says nothing of what the target would have carried. */
static void judge_refused_by_host(struct reasons *r, const json_t *model) {
  const json_t *group, *ending;
  size_t i, k;
  json_array_foreach(lh_look(model, "groups"), i, group) {
    double most = lh_look_number(group, "clients.open_most"), planned = lh_look_number(group, "clients.planned");
    if (most == 0 || most >= planned) continue;
    json_array_foreach(lh_look(group, "endings"), k, ending) {
      if (strcmp(lh_look_text(ending, "side"), "host") != 0) continue;
      r->doubt = true;
      say(r, "group %s had at most %s of %s clients open, since this host refused more: %s", lh_look_text(group, "name"),
          lh_show_count(most).text, lh_show_count(planned).text, lh_look_text(ending, "reason"));
      break;
    }
  }
}

/* A target that takes connections and answers nothing is as much a failure as one that takes none. */
static void judge_unanswered(struct reasons *r, const json_t *model) {
  const json_t *group;
  size_t i;
  json_array_foreach(lh_look(model, "groups"), i, group) {
    double asked = lh_look_number(group, "messages.sent") - lh_look_number(group, "messages.one_way");
    if (lh_look_number(group, "messages.lost") == 0 || lh_look_number(group, "messages.replied") > 0) continue;
    r->failed_slo = true;
    say(r, "group %s got no reply to any of %s", lh_look_text(group, "name"), lh_show_plural(asked, "message", "messages").text);
  }
}

static const char *commonest_fault(const json_t *group) {
  static const struct {
    const char *path, *words;
  } faults[] = {{"messages.wrong_status", "with a status that is not accepted (reply.status; without it any 2xx is)"},
                {"messages.wrong_content", "without the text that the config asks for"},
                {"messages.wrong_value", "without the value that the config asks for"},
                {"messages.too_large", "with a body longer than body_max"}};
  size_t most = 0;
  for (size_t i = 1; i < sizeof faults / sizeof *faults; i++)
    if (lh_look_number(group, faults[i].path) > lh_look_number(group, faults[most].path)) most = i;
  return faults[most].words;
}

/* The same for one that answers, and never what was asked for: a wrong path, an expired token. */
static void judge_never_right(struct reasons *r, const json_t *model) {
  const json_t *group;
  size_t i;
  json_array_foreach(lh_look(model, "groups"), i, group) {
    double failed = lh_look_number(group, "messages.failed"), replied = lh_look_number(group, "messages.replied");
    if (failed == 0 || failed < replied) continue;
    r->failed_slo = true;
    say(r, "group %s got no right reply: %s %s", lh_look_text(group, "name"),
        lh_show_plural(failed, "reply", "replies").text, commonest_fault(group));
  }
}

/* No doubt on the numbers, but a reader must not take the run for one in which certificates were right. */
static void say_unverified(struct reasons *r, const json_t *model) {
  const json_t *group;
  size_t i;
  json_array_foreach(lh_look(model, "groups"), i, group) if (lh_look_true(group, "tls") && !lh_look_true(group, "tls_verify"))
      say(r, "group %s took any certificate (tls.verify: false)", lh_look_text(group, "name"));
}

/* A run in two parts: what the other part holds is in no number here. */
static void say_resumed(struct reasons *r, const json_t *model) {
  const json_t *event;
  size_t i;
  json_array_foreach(lh_look(model, "events"), i, event) if (strcmp(lh_look_text(event, "kind"), "run resumed") == 0)
      say(r, "%s", lh_look_text(event, "text"));
}

/* Not the plan of the config: a reader of the figures must know. The first event of a kind tells the whole. */
static void say_changed(struct reasons *r, const json_t *model, enum lh_event_kind kind, const char *before) {
  const json_t *event;
  size_t i;
  json_array_foreach(lh_look(model, "events"), i, event) {
    if (strcmp(lh_look_text(event, "kind"), lh_event_name(kind)) != 0) continue;
    say(r, "%s%s", before, lh_look_text(event, "text"));
    return;
  }
}

/* What the last event says; a run file that could not be written to its end (a full disk) has none. */
static const char *why_failed(const json_t *model) {
  const json_t *events = lh_look(model, "events");
  for (size_t i = json_array_size(events); i-- > 0;) {
    const json_t *event = json_array_get(events, i);
    if (strcmp(lh_look_text(event, "kind"), lh_event_name(LH_EVENT_RUN_ENDED)) == 0) return lh_look_text(event, "text");
  }
  return "the run file could not be written to its end (a full disk?)";
}

/* A damaged file lacks intervals between others. */
static bool is_torn(const json_t *model) {
  return strcmp(lh_look_text(model, "run.how"), "unfinished") == 0 && !lh_look_is_null(model, "run.note") &&
         lh_look_number(model, "tester.intervals_away") > 0;
}

static void judge_end(struct reasons *r, const json_t *model) {
  const char *how = lh_look_text(model, "run.how");
  struct lh_shown lasted = lh_show_seconds(lh_look_number(model, "run.duration_s"));
  struct lh_shown planned = lh_show_seconds(lh_look_number(model, "run.planned_s"));
  if (strcmp(how, "interrupted") == 0) say(r, "the run was interrupted after %s of %s", lasted.text, planned.text);
  if (strcmp(how, "aborted") == 0)
    say(r, "the run was aborted after %s of %s, as an objective asked", lasted.text, planned.text);
  if (strcmp(how, "failed") && strcmp(how, "unfinished")) return; /* "in progress" as well */
  r->doubt = true;
  if (strcmp(how, "failed") == 0)
    say(r, "the tester failed after %s of %s: %s", lasted.text, planned.text, why_failed(model));
  else if (is_torn(model))
    say(r, "the run file is not whole: %s of %s intervals cannot be read, and are left out of all figures",
        lh_show_count(lh_look_number(model, "tester.intervals_away")).text, lh_show_count(lh_look_number(model, "tester.intervals")).text);
  else if (!lh_look_is_null(model, "run.note"))
    say(r, "the run file is not whole: it holds %s of %s", lasted.text, planned.text);
  else
    say(r, "the run has no end: it crashed, was killed, or still goes on; the file holds %s of %s", lasted.text, planned.text);
}

static void judge_tester(struct reasons *r, const json_t *model) {
  double late = lh_look_number(model, "tester.intervals_late"), all = lh_look_number(model, "tester.intervals");
  double lost = lh_look_number(model, "tester.workers_lost");
  if (late > 0)
    say(r, "the tester was late in %s of %s intervals (%s): left out of the objectives", lh_show_count(late).text,
        lh_show_count(all).text, lh_show_percent(100 * late / all).text);
  double away = lh_look_number(model, "tester.intervals_away");
  if (away > 0 && !is_torn(model))
    say(r, "nobody watched in %s of %s intervals, between the parts of the run: left out of the objectives",
        lh_show_count(away).text, lh_show_count(all).text);
  if (late > LH_LATE_SHARE_MAX * (all - away)) r->doubt = true;
  if (lost > 0) {
    r->doubt = true;
    say(r, "%s of the tester: what their clients saw is not known",
        lh_show_plural(lost, "worker was lost", "workers were lost").text);
  }
  const json_t *group;
  size_t i;
  json_array_foreach(lh_look(model, "groups"), i, group) {
    if (!json_is_false(lh_look(group, "books_balance"))) continue;
    r->doubt = true;
    say(r, "the books of group %s do not balance: %s", lh_look_text(group, "name"), lh_look_text(group, "books"));
  }
}

/* ---- the one sentence ---- */

struct sentence {
  char text[1024];
  size_t len;
};

static void add(struct sentence *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct sentence *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int wrote = vsnprintf(s->text + s->len, sizeof s->text - s->len, format, args);
  va_end(args);
  if (wrote > 0) s->len += (size_t)wrote < sizeof s->text - s->len ? (size_t)wrote : sizeof s->text - s->len - 1;
}

static void add_span(struct sentence *s, const json_t *model) {
  bool complete = strcmp(lh_look_text(model, "run.how"), "complete") == 0;
  double planned = lh_look_number(model, "run.planned_s"), lasted = lh_look_number(model, "run.duration_s");
  double clients = lh_look_number(model, "totals.clients.planned");
  add(s, "%s", lh_show_plural(clients, "client", "clients").text);
  if (!lh_look_true(model, "run.whole"))
    add(s, ", %s to %s UTC of %s", lh_show_clock(lh_look_text(model, "run.from")).text,
        lh_show_clock(lh_look_text(model, "run.until")).text, lh_show_seconds(lasted).text);
  else if (complete)
    add(s, " for %s", lh_show_seconds(planned).text);
  else
    add(s, " for %s of the planned %s", lh_show_seconds(lasted).text, lh_show_seconds(planned).text);
}

/* Outages are measured when a client is open again: what has none was not back at the end. */
static void add_drops(struct sentence *s, const json_t *totals) {
  double drops = lh_look_number(totals, "drops"), all = drops + lh_look_number(totals, "tester_drops");
  double back = lh_look_number(totals, "latency.outage.count");
  add(s, ", %s", lh_show_plural(drops, "drop", "drops").text);
  if (drops == 0) return;
  add(s, " (%s per client-hour)", lh_show_rate(lh_look_number(totals, "drops_per_client_hour")).text);
  struct lh_shown within = lh_show_us(lh_look_number(totals, "latency.outage.max_us"));
  if (back >= all)
    add(s, ", %sback within %s", all == 1 ? "" : "all ", within.text);
  else if (back == 0)
    add(s, ", none back");
  else
    add(s, ", %s back within %s and %s not", lh_show_count(back).text, within.text, lh_show_count(all - back).text);
}

static bool has_finding(const json_t *model, const char *id) {
  const json_t *finding;
  size_t i;
  json_array_foreach(lh_look(model, "findings"), i, finding) if (strcmp(lh_look_text(finding, "id"), id) == 0) return true;
  return false;
}

/* A word on drift from an hour on: shorter runs have warm-up, not drift. */
static void add_replies(struct sentence *s, const json_t *model) {
  const json_t *totals = lh_look(model, "totals");
  if (!lh_look_is_null(totals, "latency.response.p99_us")) {
    add(s, "; response p99 %s", lh_show_us(lh_look_number(totals, "latency.response.p99_us")).text);
    if (lh_look_number(model, "run.until_s") - lh_look_number(model, "run.from_s") >= 3600)
      add(s, has_finding(model, "latency-drift") ? ", drifting" : ", no drift found");
  }
  double lost = lh_look_number(totals, "messages.lost");
  if (lost > 0)
    add(s, "; %s (%s)", lh_show_plural(lost, "reply lost", "replies lost").text,
        lh_show_percent(lh_look_number(totals, "messages.lost_percent")).text);
  double failed = lh_look_number(totals, "messages.failed"), replied = lh_look_number(totals, "messages.replied");
  if (failed > 0)
    add(s, "; %s (%s)", lh_show_plural(failed, "reply failed its check", "replies failed their checks").text,
        lh_show_percent(100 * failed / replied).text);
}

static void write_headline(struct sentence *s, const json_t *model) {
  const json_t *totals = lh_look(model, "totals");
  add_span(s, model);
  if (lh_look_number(totals, "opened") == 0 && lh_look_number(totals, "clients.open_most") == 0) {
    double attempts = lh_look_number(totals, "attempts"), logins = lh_look_number(totals, "logins.failed");
    if (attempts == 0 && logins > 0)
      add(s, ": no connection ever opened (%s)", lh_show_plural(logins, "failed login", "failed logins").text);
    else
      add(s, ": no connection ever opened (%s)", lh_show_plural(attempts, "attempt", "attempts").text);
    return;
  }
  if (!lh_look_is_null(totals, "availability_percent"))
    add(s, ": availability %s", lh_show_percent(lh_look_number(totals, "availability_percent")).text);
  else
    add(s, ": no client wanted");
  add_drops(s, totals);
  add_replies(s, model);
}

int lh_verdict_judge(json_t *model, struct lh_err *err) {
  struct reasons r = {.list = json_array()};
  struct sentence headline = {.len = 0};
  if (!r.list) return lh_err_set(err, -ENOMEM, "no memory for the verdict");
  judge_never_opened(&r, model);
  judge_gone(&r, model);
  judge_refused_by_host(&r, model);
  judge_unanswered(&r, model);
  judge_never_right(&r, model);
  judge_objectives(&r, model);
  judge_end(&r, model);
  say_changed(&r, model, LH_EVENT_SCALED, "scaled down to what this host holds: ");
  say_changed(&r, model, LH_EVENT_FORCED, "begun all the same (--force): ");
  say_resumed(&r, model);
  judge_tester(&r, model);
  say_unverified(&r, model);
  write_headline(&headline, model);
  const char *verdict = r.failed_slo ? "failed" : r.doubt ? "inconclusive" : "passed";
  if (json_object_set_new(model, "headline", json_string(headline.text)) ||
      json_object_set_new(model, "verdict", json_string(verdict)))
    r.out_of_memory = true;
  if (json_object_set_new(model, "verdict_reasons", r.list) || r.out_of_memory)
    return lh_err_set(err, -ENOMEM, "no memory for the verdict");
  return 0;
}
