/* What the analysis finds in the finished run, put into its run file for those who ask it with SQL. */
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/report/report.h"
#include "run/journal.h"

static uint32_t group_number(const struct lh_config *config, const char *name) {
  for (uint32_t g = 0; name != NULL && g < config->group_count; g++)
    if (strcmp(config->groups[g].name, name) == 0) return g;
  return LH_NO_GROUP;
}

static uint64_t time_of(const json_t *finding, const char *key, uint64_t start_ns) {
  return start_ns + (uint64_t)(json_number_value(json_object_get(finding, key)) * (double)LH_NS_PER_S);
}

static int store_one(struct lh_journal *j, const json_t *finding, uint64_t start_ns, struct lh_err *err) {
  const char *id = json_string_value(json_object_get(finding, "id"));
  const char *sentence = json_string_value(json_object_get(finding, "sentence"));
  const char *severity = json_string_value(json_object_get(finding, "severity"));
  struct lh_finding_row row = {.id = id != NULL ? id : "",
                               .sentence = sentence != NULL ? sentence : "",
                               .evidence = json_string_value(json_object_get(finding, "evidence")),
                               .severity = severity != NULL ? severity : "",
                               .confidence = json_number_value(json_object_get(finding, "confidence")),
                               .group = group_number(j->config, json_string_value(json_object_get(finding, "group"))),
                               .from_ns = time_of(finding, "from_s", start_ns),
                               .until_ns = time_of(finding, "until_s", start_ns)};
  return lh_store_finding(j->store, &row, err);
}

void lh_journal_findings(struct lh_journal *j, uint64_t start_ns) {
  struct lh_report_args args = {.path = lh_store_path(j->store), .until_ns = LH_NEVER};
  struct lh_err err = {0};
  json_t *model = NULL;
  if (j->failed.code != 0) return;
  int code = lh_report_model(&args, &model, &err);
  const json_t *findings = json_object_get(model, "findings");
  for (size_t i = 0; code == 0 && i < json_array_size(findings); i++)
    code = store_one(j, json_array_get(findings, i), start_ns, &err);
  if (code == 0) code = lh_store_commit(j->store, &err);
  if (code < 0)
    lh_log(LH_LOG_WARNING, "the findings are not in the run file: %s", err.text); /* every report works them out anew */
  json_decref(model);
}
