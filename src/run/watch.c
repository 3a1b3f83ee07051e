#include "run/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/report/report.h"

struct objective {
  uint64_t since_ns; /* begin of the breach; LH_NEVER: none */
  double sum;        /* of a plain count */
};

struct lh_watch {
  const struct lh_config *config; /* borrowed */
  struct objective *objectives;   /* [slo] */
};

int lh_watch_new(struct lh_watch **watch, const struct lh_config *config) {
  bool any = config->slo_count > 0 && config->hooks.on_breach.count > 0;
  for (size_t i = 0; i < config->slo_count; i++) any = any || config->slo[i].abort_after_ns > 0;
  *watch = NULL;
  if (!any) return 0;
  struct lh_watch *w = calloc(1, sizeof *w);
  struct objective *objectives = calloc(config->slo_count, sizeof *objectives);
  if (w == NULL || objectives == NULL) {
    free(w);
    free(objectives);
    return -ENOMEM;
  }
  for (size_t i = 0; i < config->slo_count; i++) objectives[i].since_ns = LH_NEVER;
  *w = (struct lh_watch){config, objectives};
  *watch = w;
  return 0;
}

void lh_watch_free(struct lh_watch *w) {
  if (w == NULL) return;
  free(w->objectives);
  free(w);
}

/* One entry of the model's slo. False: there was nothing to judge. */
static bool judge(struct objective *o, const struct lh_slo_config *slo, const json_t *entry, bool *breached) {
  const json_t *value = json_object_get(entry, "value"), *passed = json_object_get(entry, "passed");
  const char *unit = json_string_value(json_object_get(entry, "unit"));
  if (json_integer_value(json_object_get(entry, "intervals")) == 0 || !json_is_number(value) || !json_is_boolean(passed))
    return false;
  if (slo->for_ns == 0 && unit != NULL && strcmp(unit, "count") == 0) {
    o->sum += json_number_value(value);
    *breached = slo->is_below && o->sum >= slo->threshold;
    return true;
  }
  *breached = json_is_false(passed);
  return true;
}

/* The model of one window; entries of its slo are in the config's order. Objectives of one window share it. */
struct window {
  uint64_t length_ns;
  json_t *model; /* NULL: there is none, or it could not be read */
};

static const json_t *model_of(struct window *w, const char *path, uint64_t length_ns, uint64_t end_ns) {
  if (w->length_ns == length_ns) return w->model;
  json_decref(w->model);
  *w = (struct window){.length_ns = length_ns};
  struct lh_report_args args = {.path = path, .from_ns = end_ns > length_ns ? end_ns - length_ns : 0, .until_ns = end_ns};
  if (end_ns >= length_ns && lh_report_model(&args, &w->model, NULL) < 0) w->model = NULL;
  return w->model;
}

/* A window is judged once all of it lies past the grace, as in the report. */
static bool is_early(const struct lh_watch *w, const struct lh_slo_config *slo, uint64_t end_ns) {
  uint64_t grace_ns = slo->after_ns > w->config->run.warmup_ns ? slo->after_ns : w->config->run.warmup_ns;
  return slo->for_ns > 0 && end_ns < grace_ns + slo->for_ns;
}

static void judge_one(struct lh_watch *w, size_t i, const json_t *model, uint64_t end_ns, struct lh_watch_verdict *verdict) {
  const struct lh_slo_config *slo = &w->config->slo[i];
  struct objective *o = &w->objectives[i];
  bool breached;
  if (is_early(w, slo, end_ns)) return;
  if (!judge(o, slo, json_array_get(json_object_get(model, "slo"), i), &breached)) return;
  if (!breached) o->since_ns = LH_NEVER;
  if (breached && o->since_ns == LH_NEVER) {
    o->since_ns = end_ns - w->config->run.interval_ns;
    verdict->begun[verdict->begun_count++] = slo;
  }
  bool aborts = slo->abort_after_ns > 0 && breached && end_ns - o->since_ns >= slo->abort_after_ns;
  if (aborts && verdict->abort == NULL) verdict->abort = slo;
}

struct lh_watch_verdict lh_watch_interval(struct lh_watch *w, const char *path, uint64_t end_ns) {
  struct lh_watch_verdict verdict = {0};
  struct window window = {0};
  uint64_t interval_ns = w->config->run.interval_ns;
  for (size_t i = 0; i < w->config->slo_count; i++) {
    const struct lh_slo_config *slo = &w->config->slo[i];
    if (slo->abort_after_ns == 0 && w->config->hooks.on_breach.count == 0) continue;
    judge_one(w, i, model_of(&window, path, slo->for_ns > interval_ns ? slo->for_ns : interval_ns, end_ns), end_ns, &verdict);
  }
  json_decref(window.model);
  return verdict;
}
