/* The comparison of two runs as one model, which every format renders. */
#include "longhaul/report/compare.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/analysis/ranksum.h"
#include "longhaul/base/clock.h"
#include "report/compare_parts.h"
#include "report/compare_tables.h"
#include "report/look.h"
#include "report/samples.h"
#include "report/show.h"

/* p after Holm's adjustment, over every measure of the comparison; a smaller effect than this is called negligible. */
#define P_MOST 0.01
#define DELTA_LEAST 0.147
/* From a medium effect on, a difference that the test does not prove is not called "same": there may be too few values. */
#define DELTA_UNCLEAR 0.33
/* Percent of the time wanted: two runs without a drop differ by less, in how long their clients took to connect. */
#define AVAILABILITY_LEAST 0.01
/* Standard deviations: p < 0.01, two-sided. */
#define EVENT_LEAST 2.576

struct compare {
  struct lh_build b;
  struct lh_pair pair;
  struct lh_samples a, b_;
  uint32_t stride_a, stride_b;
  uint64_t block_ns;
  double least;
  double *p; /* by tested difference; owned */
  size_t tested;
};

/* ---- blocks ---- */

static uint64_t greatest_common(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* The shortest length that is whole intervals of both. */
static void settle_blocks(struct compare *c) {
  uint64_t a = (uint64_t)llround(lh_look_number(c->pair.a_model, "run.interval_s") * 1e3),
           b = (uint64_t)llround(lh_look_number(c->pair.b_model, "run.interval_s") * 1e3);
  if (a == 0) a = 1;
  if (b == 0) b = 1;
  uint64_t block = a / greatest_common(a, b) * b;
  c->stride_a = (uint32_t)(block / a);
  c->stride_b = (uint32_t)(block / b);
  c->block_ns = block * LH_NS_PER_MS;
}

/* ---- differences ---- */

static json_t *sample_json(struct compare *c, const struct lh_sample *sample) {
  json_t *out = json_object();
  double *sorted = malloc((sample->count + 1) * sizeof *sorted), sum = 0;
  if (!sorted) c->b.failed = true;
  for (size_t i = 0; i < sample->count; i++) sum += sample->values[i];
  lh_put(&c->b, out, "values", lh_json_count(sample->count));
  /* a rate over all blocks, not the mean of their rates: a block in which hardly anybody was open would weigh as much */
  double mean = sample->whole > 0 ? sample->part / sample->whole : sum / (double)sample->count;
  lh_put(&c->b, out, "mean", sample->count ? lh_json_real(mean, 6) : json_null());
  static const struct {
    const char *name;
    double q;
  } quartiles[] = {{"q1", 0.25}, {"median", 0.5}, {"q3", 0.75}};
  if (sorted) memcpy(sorted, sample->values ? sample->values : sorted, sample->count * sizeof *sorted);
  for (size_t i = 0; i < sizeof quartiles / sizeof *quartiles; i++)
    lh_put(&c->b, out, quartiles[i].name,
           sorted && sample->count ? lh_json_real(lh_quantile(sorted, sample->count, quartiles[i].q), 6) : json_null());
  free(sorted);
  return out;
}

/* Latencies are told by their median, which a spike does not move; rates and shares over all blocks: most have none. */
static const char *shown_of(const struct lh_measure_facts *facts) {
  return strcmp(facts->unit, "us") == 0 ? "median" : "mean";
}

static bool is_nothing(const struct lh_sample *a, const struct lh_sample *b) {
  for (size_t i = 0; i < a->count; i++)
    if (a->values[i] != 0) return false;
  for (size_t i = 0; i < b->count; i++)
    if (b->values[i] != 0) return false;
  return true;
}

static void test_samples(struct compare *c, json_t *item, const struct lh_sample *a, const struct lh_sample *b) {
  struct lh_ranksum r;
  bool enough = a->count >= LH_RANKSUM_LEAST && b->count >= LH_RANKSUM_LEAST;
  if (enough && lh_ranksum_find(a->values, a->count, b->values, b->count, &r)) {
    c->b.failed = true;
    enough = false;
  }
  lh_put(&c->b, item, "u", enough ? lh_json_real(r.u, 1) : json_null());
  lh_put(&c->b, item, "z", enough ? lh_json_real(r.z, 4) : json_null());
  lh_put(&c->b, item, "p", enough ? lh_json_real(r.p, 12) : json_null());
  lh_put(&c->b, item, "p_adjusted", json_null());
  lh_put(&c->b, item, "delta", enough ? lh_json_real(r.delta, 4) : json_null());
  lh_put(&c->b, item, "effect", enough ? json_string(lh_effect_name(lh_effect_of(r.delta))) : json_null());
  lh_put(&c->b, item, "widening", enough ? lh_json_real(r.widening, 3) : json_null());
  if (!enough) return;
  double *grown = realloc(c->p, (c->tested + 1) * sizeof *grown);
  if (!grown) {
    c->b.failed = true;
    return;
  }
  c->p = grown;
  c->p[c->tested++] = r.p;
}

/* Whether the drops, failed attempts or lost replies of the two runs differ by more than chance gives such as come one by one:
 * the conditional test of two Poisson counts (Przyborowski and Wilenski 1940) by its normal approximation. What comes together
 * in a mass drop is one event and proves nothing of the next night, but it must not pass for sameness. Worked example: 47 drops
 * in 0.996 client-hours, none in 1.000: by chance 23.45 of them would be B's, and sqrt(47 * 0.499 * 0.501) = 3.43 is far less
 * than the 23 beyond. */
static bool is_event(const struct lh_measure_facts *facts, const struct lh_sample *a, const struct lh_sample *b) {
  if (facts->better != LH_BETTER_LOWER || a->whole <= 0 || b->whole <= 0) return false;
  double each = strcmp(facts->unit, "percent") == 0 ? 100 : 1; /* lost replies are summed up in percent */
  double from = a->part / each, to = b->part / each, share = b->whole / (a->whole + b->whole), middle = (from + to) * share;
  return fabs(to - middle) - 0.5 > EVENT_LEAST * sqrt(middle * (1 - share));
}

static void put_measure(struct compare *c, json_t *out, const char *group, enum lh_measure id, const struct lh_sample *a,
                        const struct lh_sample *b) {
  const struct lh_measure_facts *facts = lh_measure_facts(id);
  if (a->count == 0 && b->count == 0) return;
  if (strcmp(facts->unit, "us") != 0 && is_nothing(a, b)) return; /* no drop on either side tells nothing */
  static const char *const betters[] = {"higher", "lower", "neither"};
  json_t *item = json_object(), *was = sample_json(c, a), *is = sample_json(c, b);
  double from = lh_look_number(was, shown_of(facts)), to = lh_look_number(is, shown_of(facts));
  bool known = a->count && b->count;
  lh_put(&c->b, item, "group", group ? json_string(group) : json_null());
  lh_put(&c->b, item, "measure", json_string(facts->name));
  lh_put(&c->b, item, "words", json_string(facts->words));
  lh_put(&c->b, item, "unit", json_string(facts->unit));
  lh_put(&c->b, item, "better", json_string(betters[facts->better]));
  lh_put(&c->b, item, "shown", json_string(shown_of(facts)));
  lh_put(&c->b, item, "a", was);
  lh_put(&c->b, item, "b", is);
  lh_put(&c->b, item, "change", known ? lh_json_real(to - from, 6) : json_null());
  lh_put(&c->b, item, "change_percent", known && from > 0 ? lh_json_real(100 * (to - from) / from, 2) : json_null());
  test_samples(c, item, a, b);
  lh_put(&c->b, item, "event", json_boolean(is_event(facts, a, b)));
  lh_put(&c->b, item, "outcome", json_string("unknown"));
  lh_push(&c->b, out, item);
}

static const struct lh_sample_lane *find_lane(const struct lh_samples *s, const char *name) {
  for (uint32_t n = 0; n < s->group_count; n++)
    if (strcmp(s->lanes[n].name, name) == 0) return &s->lanes[n];
  return NULL;
}

/* Groups of one name and kind are held against each other. */
static bool is_like(const struct compare *c, const char *name) {
  const json_t *a = lh_compare_group(c->pair.a_model, name), *b = lh_compare_group(c->pair.b_model, name);
  return a && b && strcmp(lh_look_text(a, "kind"), lh_look_text(b, "kind")) == 0;
}

static bool are_all_like(const struct compare *c) {
  for (uint32_t n = 0; n < c->a.group_count; n++)
    if (!is_like(c, c->a.lanes[n].name)) return false;
  return c->a.group_count == c->b_.group_count;
}

static void put_lane(struct compare *c, json_t *out, const struct lh_sample_lane *a, const struct lh_sample_lane *b) {
  for (int id = 0; id < LH_MEASURE_COUNT; id++)
    put_measure(c, out, a->name, (enum lh_measure)id, &a->samples[id], &b->samples[id]);
}

/* One storm in a night of quiet intervals is no shift of their values, but nobody would call the two nights the same. Of
 * availability it is what lacks to 100 % that changed by half. */
static bool is_one_off(const json_t *item) {
  if (strcmp(lh_look_text(item, "shown"), "mean") != 0 || strcmp(lh_look_text(item, "better"), "neither") == 0) return false;
  double from = lh_look_number(item, "a.mean"), to = lh_look_number(item, "b.mean");
  if (strcmp(lh_look_text(item, "better"), "higher") == 0) {
    from = 100 - from;
    to = 100 - to;
    if (fabs(to - from) < AVAILABILITY_LEAST) return false;
  }
  return fabs(to - from) > 0.5 * (from < to ? from : to) && from != to;
}

static const char *outcome_of(const struct compare *c, const json_t *item) {
  double delta = lh_look_number(item, "delta"), change = lh_look_number(item, "change_percent");
  const char *better = lh_look_text(item, "better");
  if (lh_look_is_null(item, "p_adjusted")) return "unknown";
  if (fabs(delta) < DELTA_LEAST) return is_one_off(item) ? "unclear" : "same";
  if (lh_look_number(item, "p_adjusted") >= P_MOST) return fabs(delta) < DELTA_UNCLEAR ? "same" : "unclear";
  if (c->least > 0 && strcmp(lh_look_text(item, "unit"), "us") == 0 && fabs(change) < 100 * c->least) return "same";
  if (strcmp(better, "neither") == 0) return "differs";
  return (delta > 0) == (strcmp(better, "higher") == 0) ? "better" : "worse";
}

static json_t *differences(struct compare *c) {
  json_t *out = json_array(), *item;
  if (c->a.group_count > 1 && are_all_like(c)) put_lane(c, out, &c->a.lanes[c->a.group_count], &c->b_.lanes[c->b_.group_count]);
  for (uint32_t n = 0; n < c->a.group_count; n++) {
    const char *name = c->a.lanes[n].name;
    if (is_like(c, name)) put_lane(c, out, &c->a.lanes[n], find_lane(&c->b_, name));
  }
  if (c->tested && lh_holm_adjust(c->p, c->tested)) c->b.failed = true;
  size_t i, at = 0;
  json_array_foreach(out, i, item) {
    if (!lh_look_is_null(item, "p") && at < c->tested) lh_put(&c->b, item, "p_adjusted", lh_json_real(c->p[at++], 12));
    const char *outcome = outcome_of(c, item);
    lh_put(&c->b, item, "event", json_boolean(lh_look_true(item, "event") && strcmp(outcome, "unclear") == 0));
    lh_put(&c->b, item, "outcome", json_string(outcome));
  }
  return out;
}

/* ---- what was left out ---- */

static json_t *intervals_json(struct compare *c, const struct lh_samples *s) {
  json_t *out = json_array();
  for (uint32_t n = 0; n <= s->group_count; n++) {
    const struct lh_sample_lane *lane = &s->lanes[n];
    json_t *item = json_object();
    lh_put(&c->b, item, "group", lane->name ? json_string(lane->name) : json_null());
    lh_put(&c->b, item, "intervals", lh_json_count(s->interval_count));
    lh_put(&c->b, item, "warm_up", lh_json_count(lane->warmup));
    lh_put(&c->b, item, "ramp", lh_json_count(lane->ramp));
    lh_put(&c->b, item, "tester_late", lh_json_count(lane->late));
    lh_put(&c->b, item, "blocks_used", lh_json_count(lane->blocks));
    lh_push(&c->b, out, item);
  }
  return out;
}

/* ---- notes ---- */

static void say(struct compare *c, json_t *notes, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(struct compare *c, json_t *notes, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  lh_push(&c->b, notes, lh_json_text(text));
}

static void note_end(struct compare *c, json_t *notes, const char *side, const json_t *model) {
  const char *how = lh_look_text(model, "run.how");
  if (strcmp(how, "complete") == 0) return;
  say(c, notes, "%s is %s: it holds %s of the planned %s", side, strcmp(how, "unfinished") == 0 ? "without an end" : how,
      lh_show_seconds(lh_look_number(model, "run.duration_s")).text, lh_show_seconds(lh_look_number(model, "run.planned_s")).text);
}

static void note_left_out(struct compare *c, json_t *notes, const char *side, const struct lh_samples *s) {
  uint32_t warmup = 0, ramp = 0, late = 0, used = UINT32_MAX;
  for (uint32_t n = 0; n < s->group_count; n++) {
    const struct lh_sample_lane *lane = &s->lanes[n];
    if (lane->warmup > warmup) warmup = lane->warmup;
    if (lane->ramp > ramp) ramp = lane->ramp;
    if (lane->late > late) late = lane->late;
    if (lane->blocks < used) used = lane->blocks;
  }
  say(c, notes, "of %s's %u intervals these are left out of the tests: %u of warm-up, %u of ramp and draining, %u in which the tester was late",
      side, (unsigned)s->interval_count, (unsigned)warmup, (unsigned)ramp, (unsigned)late);
  if (s->group_count && used < LH_RANKSUM_LEAST)
    say(c, notes, "%s has %u values left in one group or more: a test needs %u", side, (unsigned)used, (unsigned)LH_RANKSUM_LEAST);
}

static void note_groups(struct compare *c, json_t *notes) {
  const json_t *group, *other;
  size_t i;
  json_array_foreach(lh_look(c->pair.a_model, "groups"), i, group) {
    const char *name = lh_look_text(group, "name");
    other = lh_compare_group(c->pair.b_model, name);
    if (!other)
      say(c, notes, "group %s is in A alone: it is not compared", name);
    else if (!is_like(c, name))
      say(c, notes, "group %s is %s in A and %s in B: it is not compared", name, lh_look_text(group, "kind"),
          lh_look_text(other, "kind"));
    else if (lh_look_number(group, "clients.planned") != lh_look_number(other, "clients.planned"))
      say(c, notes, "group %s has %s in A and %s in B", name,
          lh_show_plural(lh_look_number(group, "clients.planned"), "client", "clients").text,
          lh_show_count(lh_look_number(other, "clients.planned")).text);
  }
  json_array_foreach(lh_look(c->pair.b_model, "groups"), i, group) {
    const char *name = lh_look_text(group, "name");
    if (!lh_compare_group(c->pair.a_model, name)) say(c, notes, "group %s is in B alone: it is not compared", name);
  }
}

static json_t *notes_of(struct compare *c) {
  json_t *notes = json_array();
  const json_t *a = c->pair.a_model, *b = c->pair.b_model;
  if (strcmp(lh_look_text(a, "run.id"), lh_look_text(b, "run.id")) == 0 && json_equal(lh_look(a, "run.shard"), lh_look(b, "run.shard")))
    say(c, notes, "A and B are the same run");
  if (strcmp(lh_look_text(a, "run.name"), lh_look_text(b, "run.name")))
    say(c, notes, "the runs have different names: %s and %s", lh_look_text(a, "run.name"), lh_look_text(b, "run.name"));
  note_end(c, notes, "A", a);
  note_end(c, notes, "B", b);
  if (!json_equal(lh_look(a, "run.planned_s"), lh_look(b, "run.planned_s")))
    say(c, notes, "A was planned for %s, B for %s", lh_show_seconds(lh_look_number(a, "run.planned_s")).text,
        lh_show_seconds(lh_look_number(b, "run.planned_s")).text);
  if (c->stride_a != c->stride_b)
    say(c, notes, "A has intervals of %s, B of %s: both are compared in blocks of %s, their histograms merged",
        lh_show_seconds(lh_look_number(a, "run.interval_s")).text, lh_show_seconds(lh_look_number(b, "run.interval_s")).text,
        lh_show_seconds((double)c->block_ns / 1e9).text);
  if (strcmp(lh_look_text(a, "run.version"), lh_look_text(b, "run.version")))
    say(c, notes, "A was made by longhaul %s, B by %s", lh_look_text(a, "run.version"), lh_look_text(b, "run.version"));
  note_groups(c, notes);
  note_left_out(c, notes, "A", &c->a);
  note_left_out(c, notes, "B", &c->b_);
  return notes;
}

static json_t *method(struct compare *c) {
  char text[1024], least[160] = "";
  if (c->least > 0)
    snprintf(least, sizeof least, ", and for latencies when the median changed by at least %s",
             lh_show_percent(100 * c->least).text);
  snprintf(text, sizeof text,
           "Values of each %s are held against each other by the two-sided Mann-Whitney U test (normal approximation with "
           "corrections for ties and continuity, its variance widened by how much neighbouring intervals resemble each other). "
           "A difference counts when p, adjusted by Holm for all %zu tests, is below %.2f and Cliff's delta is at least %.3f%s",
           lh_show_seconds((double)c->block_ns / 1e9).text, c->tested, P_MOST, DELTA_LEAST, least);
  json_t *out = json_object();
  lh_put(&c->b, out, "test", json_string("Mann-Whitney U"));
  lh_put(&c->b, out, "block_s", lh_json_seconds(c->block_ns));
  lh_put(&c->b, out, "tests", lh_json_count(c->tested));
  lh_put(&c->b, out, "p_adjusted_below", json_real(P_MOST));
  lh_put(&c->b, out, "delta_at_least", json_real(DELTA_LEAST));
  lh_put(&c->b, out, "latency_change_percent_at_least", lh_json_real(100 * c->least, 4));
  lh_put(&c->b, out, "values_at_least", json_integer(LH_RANKSUM_LEAST));
  lh_put(&c->b, out, "text", json_string(text));
  return out;
}

/* ---- the one sentence ---- */

/* outcome: or "event". */
static bool has_outcome(const json_t *item, const char *outcome) {
  return strcmp(outcome, "event") == 0 ? lh_look_true(item, "event") : strcmp(lh_look_text(item, "outcome"), outcome) == 0;
}

static size_t count_outcomes(const json_t *list, const char *outcome) {
  const json_t *item;
  size_t i, count = 0;
  json_array_foreach(list, i, item) count += has_outcome(item, outcome);
  return count;
}

/* Those of the whole run repeat what its groups say. */
static bool is_named(const json_t *item, const char *outcome, bool by_group) {
  return has_outcome(item, outcome) && !(by_group && lh_look_is_null(item, "group"));
}

static void name_some(const json_t *list, const char *outcome, struct lh_buf *out) {
  enum { NAMED_MAX = 3 };
  const json_t *item;
  size_t i, named = 0, all = 0;
  bool by_group = false;
  json_array_foreach(list, i, item) by_group |= is_named(item, outcome, false) && !lh_look_is_null(item, "group");
  json_array_foreach(list, i, item) {
    if (!is_named(item, outcome, by_group) || all++ >= NAMED_MAX) continue;
    const char *group = lh_look_text(item, "group"), *shown = lh_look_text(item, "shown"), *unit = lh_look_text(item, "unit");
    lh_buf_addf(out, "%s%s%s%s %s", named++ ? ", " : ": ", group, *group ? " " : "", lh_look_text(item, "words"),
                lh_compare_show(unit, lh_look(lh_look(item, "a"), shown)).text);
    lh_buf_addf(out, " to %s", lh_compare_show(unit, lh_look(lh_look(item, "b"), shown)).text);
  }
  if (all > named) lh_buf_addf(out, " and %zu more", all - named);
}

/* Drops all at one moment are no shift of the intervals' values; a reader who sees only "same" would not look for them. */
static void name_untested_drops(const struct compare *c, const json_t *list, struct lh_buf *out) {
  double a = lh_look_number(c->pair.a_model, "totals.drops"), b = lh_look_number(c->pair.b_model, "totals.drops");
  const json_t *item;
  size_t i, unclear = 0;
  json_array_foreach(list, i, item) unclear +=
      strcmp(lh_look_text(item, "measure"), "drop_rate") == 0 && strcmp(lh_look_text(item, "outcome"), "unclear") == 0;
  if (unclear == 0 || a == b) return;
  lh_buf_addf(out, "; A had %s and B %s, in too few intervals for a test", lh_show_plural(a, "drop", "drops").text,
              lh_show_plural(b, "drop", "drops").text);
}

static json_t *headline(struct compare *c, const json_t *list, const json_t *objectives) {
  struct lh_buf text = LH_BUF_INIT(1 << 16);
  size_t worse = count_outcomes(list, "worse"), better = count_outcomes(list, "better");
  size_t failed = count_outcomes(objectives, "worse"), mended = count_outcomes(objectives, "better");
  if (c->tested == 0) {
    lh_buf_addf(&text, "B cannot be told from A: there were too few intervals to test, %d of each run are needed after ramp and warm-up",
                LH_RANKSUM_LEAST);
  } else if (worse + better == 0) {
    lh_buf_addf(&text, "B is shown to be neither better nor worse than A in any of %zu measures", c->tested);
  } else {
    lh_buf_addf(&text, "Of %zu measures B is worse in %zu and better in %zu", c->tested, worse, better);
    if (worse) lh_buf_addstr(&text, "; worse");
    name_some(list, "worse", &text);
    if (better) lh_buf_addstr(&text, "; better");
    name_some(list, "better", &text);
  }
  if (count_outcomes(list, "event")) {
    lh_buf_addf(&text, "; %san event set them apart, in too few intervals to prove anything", worse + better ? "" : "but ");
    name_some(list, "event", &text);
  }
  size_t unclear = count_outcomes(list, "unclear");
  if (unclear) lh_buf_addf(&text, "; %zu %s unclear", unclear, unclear == 1 ? "is" : "are");
  name_untested_drops(c, list, &text);
  if (failed) lh_buf_addf(&text, "; %zu objective%s that A held failed in B", failed, failed == 1 ? "" : "s");
  if (mended) lh_buf_addf(&text, "; %zu objective%s that A failed held in B", mended, mended == 1 ? "" : "s");
  json_t *out = lh_json_text(text.data ? text.data : "");
  lh_buf_free(&text);
  return out;
}

static const char *verdict_of(const struct compare *c, const json_t *list, const json_t *objectives) {
  size_t worse = count_outcomes(list, "worse") + count_outcomes(objectives, "worse");
  size_t better = count_outcomes(list, "better") + count_outcomes(objectives, "better");
  if (worse && better) return "mixed";
  if (worse || better) return worse ? "worse" : "better";
  if (count_outcomes(list, "event")) return "unclear";
  return c->tested ? "same" : "unknown";
}

/* ---- all of it ---- */

static json_t *build(struct compare *c) {
  json_t *out = json_object(), *list = differences(c), *objectives = lh_compare_objectives(&c->pair), *left_out = json_object();
  lh_put(&c->b, out, "schema_version", json_integer(LH_REPORT_SCHEMA_VERSION));
  lh_put(&c->b, out, "outcome", json_string(verdict_of(c, list, objectives)));
  lh_put(&c->b, out, "headline", headline(c, list, objectives));
  lh_put(&c->b, out, "a", lh_compare_side(&c->pair, c->pair.a_model));
  lh_put(&c->b, out, "b", lh_compare_side(&c->pair, c->pair.b_model));
  lh_put(&c->b, out, "notes", notes_of(c));
  lh_put(&c->b, out, "method", method(c));
  lh_put(&c->b, left_out, "a", intervals_json(c, &c->a));
  lh_put(&c->b, left_out, "b", intervals_json(c, &c->b_));
  lh_put(&c->b, out, "intervals", left_out);
  lh_put(&c->b, out, "differences", list);
  lh_put(&c->b, out, "slo", objectives);
  lh_put(&c->b, out, "totals", lh_compare_totals(&c->pair));
  lh_put(&c->b, out, "latency", lh_compare_latency(&c->pair));
  lh_put(&c->b, out, "endings", lh_compare_endings(&c->pair));
  lh_put(&c->b, out, "host", lh_compare_facts(&c->pair, "host.facts"));
  lh_put(&c->b, out, "limits", lh_compare_facts(&c->pair, "limits"));
  lh_put(&c->b, out, "config", lh_compare_config(&c->pair));
  return out;
}

static int read_model(const char *path, json_t **model, struct lh_err *err) {
  struct lh_report_args args = {.path = path, .until_ns = LH_NEVER};
  return lh_report_model(&args, model, err);
}

int lh_compare_model(const struct lh_compare_args *args, json_t **comparison, struct lh_err *err) {
  struct compare c = {.least = args->least};
  json_t *a = NULL, *b = NULL;
  int failed = read_model(args->a, &a, err);
  if (!failed) failed = read_model(args->b, &b, err);
  c.pair = (struct lh_pair){.b = &c.b, .a_model = a, .b_model = b};
  if (!failed) settle_blocks(&c);
  if (!failed) failed = lh_samples_read(a, args->a, c.stride_a, &c.a, err);
  if (!failed) failed = lh_samples_read(b, args->b, c.stride_b, &c.b_, err);
  if (!failed) {
    json_t *built = build(&c);
    if (c.b.failed) {
      json_decref(built);
      failed = lh_err_set(err, -ENOMEM, "no memory for the comparison");
    } else {
      *comparison = built;
    }
  }
  lh_samples_free(&c.a);
  lh_samples_free(&c.b_);
  free(c.p);
  json_decref(a);
  json_decref(b);
  return failed;
}

extern const unsigned char lh_embed_compare_schema_json[];

const char *lh_compare_schema(void) {
  return (const char *)lh_embed_compare_schema_json;
}

bool lh_compare_is_worse(const json_t *comparison) {
  return count_outcomes(lh_look(comparison, "differences"), "worse") + count_outcomes(lh_look(comparison, "slo"), "worse") > 0;
}
