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
  bool any = false;
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
  if (unit != NULL && strcmp(unit, "count") == 0) {
    o->sum += json_number_value(value);
    *breached = slo->is_below && o->sum >= slo->threshold;
    return true;
  }
  *breached = json_is_false(passed);
  return true;
}

/* The model of one window; entries of its slo are in the config's order. */
static json_t *model_of(const char *path, const struct lh_slo_config *slo, uint64_t interval_ns, uint64_t end_ns) {
  uint64_t window_ns = slo->for_ns > interval_ns ? slo->for_ns : interval_ns;
  struct lh_report_args args = {.path = path, .from_ns = end_ns > window_ns ? end_ns - window_ns : 0, .until_ns = end_ns};
  json_t *model = NULL;
  if (end_ns < window_ns || lh_report_model(&args, &model, NULL) < 0) return NULL;
  return model;
}

struct lh_watch_verdict lh_watch_interval(struct lh_watch *w, const char *path, uint64_t end_ns) {
  struct lh_watch_verdict verdict = {0};
  uint64_t interval_ns = w->config->run.interval_ns;
  for (size_t i = 0; i < w->config->slo_count; i++) {
    const struct lh_slo_config *slo = &w->config->slo[i];
    struct objective *o = &w->objectives[i];
    bool breached;
    if (slo->abort_after_ns == 0) continue;
    json_t *model = model_of(path, slo, interval_ns, end_ns);
    bool judged = judge(o, slo, json_array_get(json_object_get(model, "slo"), i), &breached);
    json_decref(model);
    if (!judged) continue;
    if (!breached) o->since_ns = LH_NEVER;
    if (breached && o->since_ns == LH_NEVER) {
      o->since_ns = end_ns - interval_ns;
      verdict.begun = slo;
    }
    if (breached && end_ns - o->since_ns >= slo->abort_after_ns && verdict.abort == NULL) verdict.abort = slo;
  }
  return verdict;
}
