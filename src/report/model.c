/* The report model: DESIGN.md's JSON report, built from a run file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/report/report.h"
#include "report/brief.h"
#include "report/build.h"
#include "report/look.h"
#include "report/objectives.h"
#include "report/slo.h"
#include "report/verdict.h"

/* The keys in the order in which a person reads them; the verdict's are filled in last. */
static json_t *build(struct lh_build *b, const char *path, const char *config_note) {
  json_t *model = json_object();
  lh_put(b, model, "schema_version", json_integer(LH_REPORT_SCHEMA_VERSION));
  lh_put(b, model, "headline", json_null());
  lh_put(b, model, "verdict", json_null());
  lh_put(b, model, "verdict_reasons", json_null());
  lh_put(b, model, "brief", json_null());
  lh_put(b, model, "run", lh_build_run(b, path));
  lh_put(b, model, "slo", lh_build_slo(b));
  lh_put(b, model, "totals", lh_build_totals(b, lh_gather_run(b->g)));
  lh_put(b, model, "groups", lh_build_groups(b));
  lh_put(b, model, "events", lh_build_events(b));
  lh_build_findings(b, model);
  lh_put(b, model, "shards", lh_build_shards(b));
  lh_put(b, model, "server", lh_build_server(b, lh_server_site(b->g)));
  lh_put(b, model, "tester", lh_build_tester(b));
  lh_build_host(b, model);
  lh_put(b, model, "config", lh_json_text(b->g->run->config_masked));
  lh_put(b, model, "config_note", lh_json_text(config_note));
  lh_put(b, model, "series", lh_build_series(b));
  return model;
}

int lh_report_model(const struct lh_report_args *args, json_t **model, struct lh_err *err) {
  struct lh_gather g;
  struct lh_config *config = NULL;
  struct lh_lateness *late = NULL;
  char *note = NULL;
  int failed = lh_gather_open(&g, args, err);
  /* objectives that this version cannot read cost the verdict, not the report: the note says why */
  if (!failed && lh_objectives_read(g.reader, &config, &note) == -ENOMEM)
    failed = lh_err_set(err, -ENOMEM, "no memory for the objectives");
  if (!failed && lh_slo_watch(&g, config)) failed = lh_err_set(err, -ENOMEM, "no memory for the objectives");
  if (!failed) failed = lh_gather_read(&g, err);
  if (!failed && !(late = calloc(g.count, sizeof *late))) failed = lh_err_set(err, -ENOMEM, "no memory for the report");
  if (!failed) {
    lh_tester_judge(&g, late);
    struct lh_build b = {.g = &g, .config = config, .late = late};
    json_t *built = build(&b, args->path, note);
    if (b.failed)
      failed = lh_err_set(err, -ENOMEM, "no memory for the report of %s", args->path);
    else
      failed = lh_verdict_judge(built, err);
    if (!failed) failed = lh_brief_put(built, err);
    if (failed)
      json_decref(built);
    else
      *model = built;
  }
  free(note);
  free(late);
  lh_config_free(config);
  lh_gather_free(&g);
  return failed;
}

int lh_report_exit_code(const json_t *model) {
  const char *verdict = lh_look_text(model, "verdict");
  if (strcmp(lh_look_text(model, "run.how"), "interrupted") == 0) return 130;
  if (strcmp(verdict, "passed") == 0) return 0;
  return strcmp(verdict, "failed") == 0 ? 1 : 4;
}
