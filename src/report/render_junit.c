/* JUnit XML for pipelines: one test case for each objective, and one for the verdict. The shape is that of the schema most
 * readers go by (Ant's): testsuites, testsuite with properties, testcases, system-out and system-err, in this order. */
#include <stdio.h>
#include <string.h>

#include "report/look.h"
#include "report/render.h"
#include "report/show.h"
#include "report/utf8.h"

/* XML 1.0 takes no control characters but tab and line ends, not even escaped, and neither U+FFFE nor U+FFFF: they become
 * U+FFFD. */
static int put_text(const char *text, struct lh_buf *out) {
  int failed = 0;
  while (*text && !failed) {
    size_t len = lh_utf8_len(text);
    unsigned char c = (unsigned char)*text;
    bool no_xml = len == 0 || (c < 0x20 && c != '\t' && c != '\n') || (len == 3 && memcmp(text, "\xef\xbf\xbe", 3) >= 0 && c == 0xef);
    if (no_xml)
      failed = lh_buf_addstr(out, "\xef\xbf\xbd");
    else if (len == 1 && (strchr("<>&\"'", c) || c == '\n' || c == '\t'))
      failed = lh_buf_addf(out, "&#%d;", c);
    else
      failed = lh_buf_add(out, text, len);
    text += len ? len : 1;
  }
  return failed;
}

static int put_attribute(const char *name, const char *value, struct lh_buf *out) {
  int failed = lh_buf_addf(out, " %s=\"", name);
  if (!failed) failed = put_text(value, out);
  return failed ? failed : lh_buf_addstr(out, "\"");
}

static int put_property(const char *name, const char *value, struct lh_buf *out) {
  int failed = lh_buf_addstr(out, "      <property");
  if (!failed) failed = put_attribute("name", name, out);
  if (!failed) failed = put_attribute("value", value, out);
  return failed ? failed : lh_buf_addstr(out, "/>\n");
}

static int put_properties(const json_t *model, struct lh_buf *out) {
  static const char *const of_run[] = {"id", "version", "how", "file", "command_line"};
  int failed = lh_buf_addstr(out, "    <properties>\n");
  for (size_t i = 0; i < sizeof of_run / sizeof *of_run && !failed; i++) {
    char path[32];
    snprintf(path, sizeof path, "run.%s", of_run[i]);
    failed = put_property(of_run[i], lh_look_text(model, path), out);
  }
  if (!failed) failed = put_property("verdict", lh_look_text(model, "verdict"), out);
  return failed ? failed : lh_buf_addstr(out, "    </properties>\n");
}

struct outcome {
  const char *element; /* "failure", "error", "skipped"; NULL: passed */
  const char *message;
};

/* The verdict's case has the run's time, the others none: readers add them up. */
static int put_case(const json_t *model, const char *name, const struct outcome *outcome, const char *detail, struct lh_buf *out) {
  double took_s = strcmp(name, "verdict") == 0 ? lh_look_number(model, "run.duration_s") : 0;
  int failed = lh_buf_addstr(out, "    <testcase");
  if (!failed) failed = put_attribute("name", name, out);
  if (!failed) failed = put_attribute("classname", lh_look_text(model, "run.name"), out);
  if (!failed) failed = lh_buf_addf(out, " time=\"%.3f\"", took_s);
  if (failed || !outcome->element) return failed ? failed : lh_buf_addstr(out, "/>\n");
  failed = lh_buf_addf(out, ">\n      <%s", outcome->element);
  if (!failed) failed = put_attribute("message", outcome->message, out);
  bool typed = strcmp(outcome->element, "skipped") != 0;
  if (!failed && typed) failed = put_attribute("type", strcmp(outcome->element, "failure") ? "inconclusive" : "objective", out);
  if (!failed) failed = lh_buf_addstr(out, ">");
  if (!failed) failed = put_text(detail, out);
  return failed ? failed : lh_buf_addf(out, "</%s>\n    </testcase>\n", outcome->element);
}

static int put_objective(const json_t *model, const json_t *slo, struct lh_buf *out) {
  char name[256], message[512], detail[320] = "";
  const json_t *passed = lh_look(slo, "passed");
  snprintf(name, sizeof name, "%.100s %s %.60s", lh_look_text(slo, "metric"), lh_look_text(slo, "op"),
           lh_look_text(slo, "threshold_text"));
  if (!lh_look_is_null(slo, "for_s"))
    snprintf(name + strlen(name), sizeof name - strlen(name), " over each %s", lh_show_seconds(lh_look_number(slo, "for_s")).text);
  struct outcome outcome = {.message = message};
  if (json_is_false(passed)) {
    outcome.element = "failure";
    snprintf(message, sizeof message, "%.100s was %s", lh_look_text(slo, "metric"),
             lh_show_slo_decisive(model, slo).text);
    if (!lh_look_is_null(slo, "worst_at"))
      snprintf(detail, sizeof detail, "worst %s at %s UTC; breached for %s", lh_show_slo_value(slo, "worst").text,
               lh_show_time(lh_look_text(slo, "worst_at")).text, lh_show_seconds(lh_look_number(slo, "breached_s")).text);
  } else if (!json_is_true(passed)) {
    outcome.element = "skipped";
    snprintf(message, sizeof message, "could not be evaluated: %.400s", lh_look_text(slo, "note"));
  }
  return put_case(model, name, &outcome, detail, out);
}

/* The verdict's reasons, a line each. */
static int list_reasons(const json_t *model, struct lh_buf *out) {
  const json_t *reason;
  size_t i;
  int failed = 0;
  json_array_foreach(lh_look(model, "verdict_reasons"), i, reason) if (!failed) failed =
      lh_buf_addf(out, "%s\n", json_string_value(reason));
  return failed;
}

static int put_verdict(const json_t *model, struct lh_buf *out) {
  const char *verdict = lh_look_text(model, "verdict");
  struct lh_buf reasons = LH_BUF_INIT(1 << 20);
  struct outcome outcome = {.message = lh_look_text(model, "headline")};
  if (strcmp(verdict, "failed") == 0) outcome.element = "failure";
  if (strcmp(verdict, "inconclusive") == 0) outcome.element = "error";
  int failed = list_reasons(model, &reasons);
  if (!failed) failed = put_case(model, "verdict", &outcome, reasons.data ? reasons.data : "", out);
  lh_buf_free(&reasons);
  return failed;
}

/* The headline and the timeline, which every reader shows as the suite's output. */
static int put_output(const json_t *model, struct lh_buf *out) {
  int failed = lh_buf_addstr(out, "    <system-out>");
  if (!failed) failed = put_text(lh_look_text(model, "headline"), out);
  const json_t *event;
  size_t i;
  json_array_foreach(lh_look(model, "events"), i, event) {
    if (failed) break;
    failed = lh_buf_addf(out, "\n%s UTC ", lh_show_time(lh_look_text(event, "at")).text);
    if (!failed) failed = put_text(lh_look_text(event, "kind"), out);
    if (!failed) failed = lh_buf_addstr(out, ": ");
    if (!failed) failed = put_text(lh_look_text(event, "text"), out);
  }
  return failed ? failed : lh_buf_addstr(out, "</system-out>\n    <system-err/>\n");
}

static const char *host_of(const json_t *model) {
  const json_t *fact;
  size_t i;
  json_array_foreach(lh_look(model, "host.facts"), i, fact) {
    const char *value = lh_look_text(fact, "value");
    if (strcmp(lh_look_text(fact, "name"), "host") == 0 && *value) return value;
  }
  return "unknown";
}

static int put_suite(const json_t *model, struct lh_buf *out) {
  size_t failures = 0, skipped = 0, count = json_array_size(lh_look(model, "slo")), i;
  const json_t *slo;
  json_array_foreach(lh_look(model, "slo"), i, slo) {
    failures += json_is_false(lh_look(slo, "passed"));
    skipped += !json_is_boolean(lh_look(slo, "passed"));
  }
  const char *verdict = lh_look_text(model, "verdict");
  failures += strcmp(verdict, "failed") == 0;
  int failed = lh_buf_addstr(out, "  <testsuite");
  if (!failed) failed = put_attribute("name", lh_look_text(model, "run.name"), out);
  if (!failed) failed = put_attribute("hostname", host_of(model), out);
  /* without milliseconds and zone, as that schema wants it; UTC */
  return failed ? failed
                : lh_buf_addf(out,
                              " package=\"longhaul\" id=\"0\" timestamp=\"%.19s\" time=\"%.3f\" tests=\"%zu\" failures=\"%zu\" "
                              "errors=\"%d\" skipped=\"%zu\">\n",
                              lh_look_text(model, "run.started"), lh_look_number(model, "run.duration_s"), count + 1, failures,
                              strcmp(verdict, "inconclusive") == 0, skipped);
}

int lh_render_junit(const json_t *model, struct lh_buf *out) {
  int failed = lh_buf_addstr(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
  if (!failed) failed = put_suite(model, out);
  if (!failed) failed = put_properties(model, out);
  const json_t *slo;
  size_t i;
  json_array_foreach(lh_look(model, "slo"), i, slo) if (!failed) failed = put_objective(model, slo, out);
  if (!failed) failed = put_verdict(model, out);
  if (!failed) failed = put_output(model, out);
  return failed ? failed : lh_buf_addstr(out, "  </testsuite>\n</testsuites>\n");
}
