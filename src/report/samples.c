#include "report/samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/store/reader.h"
#include "report/build.h"
#include "report/look.h"

static const struct lh_measure_facts measures[] = {
#define X(name, words, unit, better, hist, percentile) {#name, words, unit, LH_BETTER_##better, hist, percentile},
    LH_MEASURE_LIST(X)
#undef X
};

const struct lh_measure_facts *lh_measure_facts(enum lh_measure id) {
  return &measures[id];
}

/* What one lane's block holds so far. */
struct cell {
  uint64_t counters[LH_COUNTER_COUNT];
  struct lh_hdr hists[LH_HIST_COUNT]; /* only those that a measure names */
};

struct reading {
  struct lh_samples *out;
  struct cell *cells; /* by lane */
  uint32_t stride, block;
  uint64_t interval_ns;
};

/* ---- which intervals count ---- */

static uint64_t at(const json_t *array, uint32_t k) {
  return (uint64_t)json_integer_value(json_array_get(array, k));
}

/* An interval is past the ramp when all clients were wanted at its end and at the end of the one before it. */
static int mark_like(struct lh_sample_lane *lane, const json_t *model, const json_t *series, uint32_t count, const bool *late) {
  const json_t *wanted = json_object_get(series, "wanted");
  double warmup_s = lh_look_number(model, "run.warmup_s"), interval_s = lh_look_number(model, "run.interval_s");
  uint64_t most = 0;
  lane->like = calloc(count + 1u, sizeof *lane->like);
  if (!lane->like) return -ENOMEM;
  for (uint32_t k = 0; k < count; k++)
    if (at(wanted, k) > most) most = at(wanted, k);
  for (uint32_t k = 0; k < count; k++) {
    bool ramp = k == 0 || at(wanted, k) < most || at(wanted, k - 1) < most;
    if (k * interval_s < warmup_s)
      lane->warmup++;
    else if (ramp)
      lane->ramp++;
    else if (late[k])
      lane->late++;
    else
      lane->like[k] = true;
  }
  return 0;
}

static int make_lanes(struct lh_samples *out, const json_t *model) {
  const json_t *groups = lh_look(model, "series.groups");
  out->group_count = (uint32_t)json_array_size(groups);
  out->interval_count = (uint32_t)json_array_size(lh_look(model, "series.t_s"));
  out->lanes = calloc(out->group_count + 1u, sizeof *out->lanes);
  bool *late = calloc(out->interval_count + 1u, sizeof *late);
  int failed = out->lanes && late ? 0 : -ENOMEM;
  const json_t *item;
  size_t i;
  json_array_foreach(lh_look(model, "series.tester.late_intervals"), i, item) {
    json_int_t k = json_integer_value(item);
    if (!failed && k >= 0 && k < out->interval_count) late[k] = true;
  }
  for (uint32_t g = 0; g <= out->group_count && !failed; g++) {
    const json_t *series = g < out->group_count ? json_array_get(groups, g) : lh_look(model, "series.run");
    out->lanes[g].name = g < out->group_count ? lh_look_text(series, "name") : NULL;
    failed = mark_like(&out->lanes[g], model, series, out->interval_count, late);
  }
  free(late);
  return failed;
}

/* ---- values ---- */

/* A rate or share as what it is made of, so that the blocks can also be told as one. */
struct ratio {
  double part, whole;
};

static struct ratio ratio_of(const struct cell *cell, enum lh_measure id, double length_s) {
  const uint64_t *c = cell->counters;
  switch (id) {
  case LH_MEASURE_availability: return (struct ratio){100.0 * (double)c[LH_COUNTER_open_us], (double)c[LH_COUNTER_wanted_us]};
  case LH_MEASURE_drop_rate: return (struct ratio){(double)lh_target_drops(c), lh_client_hours(c[LH_COUNTER_open_us])};
  case LH_MEASURE_failed_attempts: return (struct ratio){(double)c[LH_COUNTER_connect_failures], length_s};
  case LH_MEASURE_lost:
    return (struct ratio){100.0 * (double)c[LH_COUNTER_lost], (double)(c[LH_COUNTER_lost] + c[LH_COUNTER_replied])};
  case LH_MEASURE_sent: return (struct ratio){(double)c[LH_COUNTER_messages_sent], length_s};
  case LH_MEASURE_incoming: return (struct ratio){(double)c[LH_COUNTER_incoming], length_s};
  default: return (struct ratio){0, 0};
  }
}

static int add_value(struct lh_sample *sample, double value) {
  if (sample->count == sample->room) {
    size_t room = sample->room ? 2 * sample->room : 64;
    double *grown = realloc(sample->values, room * sizeof *grown);
    if (!grown) return -ENOMEM;
    sample->values = grown;
    sample->room = room;
  }
  sample->values[sample->count++] = value;
  return 0;
}

static int measure(struct lh_sample *sample, const struct cell *cell, enum lh_measure id, double length_s) {
  uint32_t hist = measures[id].hist;
  if (hist != LH_HIST_COUNT) {
    const struct lh_hdr *h = &cell->hists[hist];
    return h->count ? add_value(sample, (double)lh_hdr_percentile(h, measures[id].percentile)) : 0;
  }
  struct ratio r = ratio_of(cell, id, length_s);
  if (r.whole <= 0) return 0;
  sample->part += r.part;
  sample->whole += r.whole;
  return add_value(sample, r.part / r.whole);
}

/* The block is over: its values, where each of its intervals counts, and empty cells for the next. */
static int flush(struct reading *r) {
  uint32_t from = r->block * r->stride;
  double length_s = (double)(r->stride * r->interval_ns) / 1e9;
  int failed = 0;
  for (uint32_t n = 0; n <= r->out->group_count; n++) {
    struct lh_sample_lane *lane = &r->out->lanes[n];
    bool like = from + r->stride <= r->out->interval_count;
    for (uint32_t k = from; like && k < from + r->stride; k++) like = lane->like[k];
    lane->blocks += like;
    for (int id = 0; like && id < LH_MEASURE_COUNT && !failed; id++)
      failed = measure(&lane->samples[id], &r->cells[n], (enum lh_measure)id, length_s);
    memset(r->cells[n].counters, 0, sizeof r->cells[n].counters);
    for (int h = 0; h < LH_HIST_COUNT; h++)
      if (r->cells[n].hists[h].count) lh_hdr_reset(&r->cells[n].hists[h]);
  }
  return failed;
}

static int add_to(struct cell *cell, const struct lh_snapshot *s) {
  for (int c = 0; c < LH_COUNTER_COUNT; c++) cell->counters[c] += s->counters[c];
  for (int id = 0; id < LH_MEASURE_COUNT; id++) {
    uint32_t h = measures[id].hist;
    bool seen = false;
    for (int before = 0; before < id; before++) seen |= measures[before].hist == h;
    if (h == LH_HIST_COUNT || seen || s->hists[h].count == 0) continue;
    if (lh_hdr_merge(&cell->hists[h], &s->hists[h])) return -ENOMEM;
  }
  return 0;
}

static int on_interval(void *context, uint32_t k, uint32_t group, const struct lh_snapshot *s) {
  struct reading *r = context;
  if (k >= r->out->interval_count || group >= r->out->group_count) return 0; /* came after the model was made */
  if (k / r->stride != r->block) {
    if (flush(r)) return -ENOMEM;
    r->block = k / r->stride;
  }
  return add_to(&r->cells[group], s) || add_to(&r->cells[r->out->group_count], s) ? -ENOMEM : 0;
}

static int read_blocks(struct lh_reader *reader, uint32_t stride, struct lh_samples *out, struct lh_err *err) {
  struct reading r = {.out = out, .stride = stride, .interval_ns = lh_reader_run(reader)->interval_ns};
  r.cells = calloc(out->group_count + 1u, sizeof *r.cells);
  int failed = r.cells ? 0 : -ENOMEM;
  for (uint32_t n = 0; n <= out->group_count && !failed; n++)
    for (int h = 0; h < LH_HIST_COUNT; h++) lh_hdr_init(&r.cells[n].hists[h]);
  struct lh_reader_visits visits = {.context = &r, .interval = on_interval};
  if (!failed) failed = lh_reader_visit(reader, 0, out->interval_count, &visits, err);
  if (!failed) failed = flush(&r);
  for (uint32_t n = 0; r.cells && n <= out->group_count; n++)
    for (int h = 0; h < LH_HIST_COUNT; h++) lh_hdr_free(&r.cells[n].hists[h]);
  free(r.cells);
  return failed;
}

int lh_samples_read(const json_t *model, const char *path, uint32_t stride, struct lh_samples *out, struct lh_err *err) {
  struct lh_reader *reader = NULL;
  struct lh_err why = {0};
  *out = (struct lh_samples){0};
  int failed = lh_reader_open(&reader, path, &why);
  if (!failed) failed = make_lanes(out, model);
  if (!failed) failed = read_blocks(reader, stride, out, &why);
  lh_reader_close(reader);
  if (failed) return lh_err_set(err, failed, "%s", why.text[0] ? why.text : "no memory for the comparison");
  return 0;
}

void lh_samples_free(struct lh_samples *samples) {
  for (uint32_t n = 0; samples->lanes && n <= samples->group_count; n++) {
    free(samples->lanes[n].like);
    for (int id = 0; id < LH_MEASURE_COUNT; id++) free(samples->lanes[n].samples[id].values);
  }
  free(samples->lanes);
  *samples = (struct lh_samples){0};
}
