/* What the verdict, the headline and the exit code make of a model's numbers. Each case changes one sound model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_model.h"
#include "longhaul/report/report.h"
#include "report/look.h"
#include "report/verdict.h"

static const char sound[] =
    "{'run': {'how': 'complete', 'planned_s': 28800, 'duration_s': 28803.2, 'whole': true, 'from_s': 0, 'until_s': 28803.2},"
    " 'slo': [{'metric': 'chat.response.p99', 'op': 'below', 'threshold': 250000, 'unit': 'us', 'value': 212000, 'passed': "
    "true, 'for_s': null}],"
    " 'totals': {'clients': {'planned': 5000, 'open_most': 5000}, 'attempts': 5040, 'opened': 5037, 'drops': 37, "
    "'tester_drops': 0,"
    "   'availability_percent': 99.987, 'drops_per_client_hour': 0.000925,"
    "   'messages': {'lost': 0, 'lost_percent': 0}, 'latency': {'outage': {'count': 37, 'max_us': 4100000}, 'response': "
    "{'p99_us': 212000}}},"
    " 'groups': [{'name': 'chat', 'clients': {'planned': 5000, 'open_most': 5000}, 'attempts': 5040, 'opened': 5037, "
    "'books_balance': true, 'books': '',"
    "   'endings': [{'stage': 'closing', 'side': 'us', 'reason': 'shutting down'}, {'stage': 'connect', 'side': 'network', "
    "'reason': 'connection refused'}]}],"
    " 'config_note': null,"
    " 'tester': {'intervals': 2880, 'intervals_late': 0, 'workers_lost': 0}}";

#define GONE(available, wanted, failures, interval_s)                                                                              \
  "{'interval_s': " interval_s ", 'groups': [{'name': 'chat', 'availability_percent': " available ", 'wanted': " wanted ", 'failures': " failures "}]}"

struct verdict_case {
  const char *path, *value; /* what is changed: a dotted path (numbers index lists) and its new JSON; NULL: nothing */
  const char *path2, *value2;
  const char *verdict;
  int exit_code;
  const char *reason;   /* part of some reason */
  const char *headline; /* whole, or NULL */
};

static const struct verdict_case cases[] = {
    {.verdict = "passed",
     .exit_code = 0,
     .reason = "the objective held",
     .headline = "5,000 clients for 8 h: availability 99.987 %, 37 drops (0.00093 per client-hour), all back within 4.10 s; "
                 "response p99 212 ms, no drift found"},
    {"slo", "[]", .verdict = "passed", .exit_code = 0, .reason = "no objectives were set"},
    {"slo.0.passed", "false", .verdict = "failed", .exit_code = 1, .reason = "chat.response.p99 was 212 ms, not below 250 ms"},
    {"slo.0", "{'metric': 'chat.response.p99', 'op': 'below', 'unit': 'us', 'threshold': 250000, 'value': 212000, 'passed': false, "
     "'for_s': 300, 'worst': 409000, 'worst_at': '2026-11-22T20:13:08.000Z'}", .verdict = "failed", .exit_code = 1,
     .reason = "chat.response.p99 was 409 ms in the 5 min from 20:13:08 UTC, not below 250 ms"},
    {"slo", "[{'passed': true}, {'passed': true}]", .verdict = "passed", .exit_code = 0, .reason = "both objectives held"},
    {"slo.0.passed", "null", "slo.0.note", "'nothing was measured'", "inconclusive", 4,
     "could not be evaluated: nothing was measured", NULL},
    {"config_note", "'night.yaml:3: what'", .verdict = "inconclusive", .exit_code = 4,
     .reason = "could not be read from the run file: night.yaml:3"},
    {"tester.intervals_late", "288", .verdict = "passed", .exit_code = 0, .reason = "late in 288 of 2,880 intervals (10 %)"},
    {"tester.intervals_late", "289", .verdict = "inconclusive", .exit_code = 4, .reason = "late in 289 of 2,880"},
    {"tester.intervals_late", "289", "slo.0.passed", "false", "failed", 1, "late in 289", NULL},
    {"groups.0.tls", "true", "groups.0.tls_verify", "false", "passed", 0, "group chat took any certificate", NULL},
    {"tester.workers_lost", "1", .verdict = "inconclusive", .exit_code = 4, .reason = "1 worker was lost"},
    {"run.how", "'unfinished'", "run.duration_s", "7200", "inconclusive", 4, "the file holds 2 h of 8 h",
     "5,000 clients for 2 h of the planned 8 h: availability 99.987 %, 37 drops (0.00093 per client-hour), all back within "
     "4.10 s; response p99 212 ms, no drift found"},
    {"run.how", "'in progress'", "run.duration_s", "7200", "passed", 0, "the objective held",
     "5,000 clients for 2 h of the planned 8 h: availability 99.987 %, 37 drops (0.00093 per client-hour), all back within "
     "4.10 s; response p99 212 ms, no drift found"},
    {"run.how", "'in progress'", "groups.0", "{'name': 'chat', 'opened': 0, 'attempts': 7, 'clients': {'open_most': 0}}", "passed", 0,
     "held", NULL}, /* on their way: no failure yet */
    {"run.how", "'in progress'", "slo.0.passed", "false", "failed", 1, "not below 250 ms", NULL},
    {"run.how", "'failed'", .verdict = "inconclusive", .exit_code = 4, .reason = "the tester failed after 8 h"},
    {"run.how", "'interrupted'", .verdict = "passed", .exit_code = 130, .reason = "the run was interrupted after 8 h"},
    {"run.how", "'interrupted'", "slo.0.passed", "false", "failed", 130, "interrupted", NULL},
    {"run.how", "'aborted'", "run.duration_s", "7200", "passed", 0, "the run was aborted after 2 h of 8 h, as an objective asked", NULL},
    {"groups.0.books_balance", "false", "groups.0.books", "'sent is 3, not 4'", "inconclusive", 4, "do not balance: sent is 3",
     NULL},
    {"groups.0.opened", "0", "groups.0.clients.open_most", "0", "failed", 1,
     "group chat never had a client open: 5,040 attempts, mostly ended by network: connection refused", NULL},
    {"groups.0.clients", "{'planned': 5000, 'open_most': 1000}", "groups.0.endings",
     "[{'stage': 'connect', 'side': 'host', 'reason': 'no descriptor', 'count': 9}]", "inconclusive", 4,
     "at most 1,000 of 5,000 clients open, since this host refused more: no descriptor", NULL},
    {"groups.0.clients", "{'planned': 5000, 'open_most': 5000}", "groups.0.endings",
     "[{'stage': 'connect', 'side': 'host', 'reason': 'no descriptor', 'count': 9}]", "passed", 0, "held", NULL},
    {"groups.0.messages", "{'sent': 120, 'one_way': 20, 'replied': 0, 'lost': 100}", .verdict = "failed", .exit_code = 1,
     .reason = "group chat got no reply to any of 100 messages"},
    {"groups.0.messages", "{'sent': 120, 'one_way': 20, 'replied': 1, 'lost': 99}", .verdict = "passed", .exit_code = 0,
     .reason = "held"},
    {"groups.0.messages", "{'sent': 9, 'replied': 9, 'failed': 9, 'wrong_status': 9}", .verdict = "failed", .exit_code = 1,
     .reason = "group chat got no right reply: 9 replies with a status that is not accepted"},
    {"groups.0.messages", "{'sent': 9, 'replied': 2, 'lost': 7, 'failed': 2, 'wrong_status': 1, 'wrong_content': 2}",
     .verdict = "failed", .exit_code = 1, .reason = "no right reply: 2 replies without the text"},
    {"groups.0.messages", "{'sent': 9, 'replied': 9, 'failed': 8, 'wrong_status': 8}", "totals.messages",
     "{'replied': 9, 'failed': 8}", "passed", 0, "held",
     "5,000 clients for 8 h: availability 99.987 %, 37 drops (0.00093 per client-hour), all back within 4.10 s; response p99 "
     "212 ms, no drift found; 8 replies failed their checks (88.8 %)"},
    {"groups.0", "{'name': 'chat', 'attempts': 1, 'endings': [{'stage': 'upgrade', 'side': 'peer', 'reason': 'upgrade refused', "
     "'code': 404, 'text': '<html>'}]}", .verdict = "failed", .exit_code = 1,
     .reason = "group chat never had a client open: 1 attempt, mostly ended by peer: upgrade refused 404"},
    {"groups.0",
     "{'name': 'chat', 'attempts': 0, 'logins': {'begun': 90, 'failed': 87}, 'endings': [{'stage': 'login', 'side': 'peer', 'reason': "
     "'HTTP status', 'code': 401}, {'stage': 'login', 'side': 'us', 'reason': 'shutting down'}]}",
     "totals", "{'clients': {'planned': 200}, 'attempts': 0, 'logins': {'begun': 90, 'failed': 87}}", "failed", 1,
     "group chat never had a client open: 87 logins failed, mostly by peer: HTTP status 401",
     "200 clients for 8 h: no connection ever opened (87 failed logins)"},
    {"groups.0",
     "{'name': 'chat', 'attempts': 0, 'logins': {'begun': 90, 'failed': 87}, 'endings': [{'stage': 'login', 'side': 'us', 'reason': "
     "'address denied'}]}", .verdict = "inconclusive", .exit_code = 4,
     .reason = "group chat never had a client open: 87 logins failed, mostly by us: address denied"},
    {"groups.0", "{'name': 'chat', 'attempts': 0, 'clients': {'planned': 1}, 'logins': {'begun': 1, 'failed': 0}}", .verdict = "inconclusive",
     .exit_code = 4, .reason = "group chat never tried to connect: the run ended before any of its logins was answered"},
    {"groups.0",
     "{'name': 'chat', 'attempts': 7, 'endings': [{'stage': 'connect', 'side': 'us', 'reason': 'address denied'}, {'stage': 'connect', "
     "'side': 'us', 'reason': 'shutting down'}]}", .verdict = "inconclusive", .exit_code = 4,
     .reason = "group chat never had a client open: 7 attempts, mostly ended by us: address denied"},
    {"series", GONE("[5, 5, 0, 0, 0]", "[5, 5, 5, 5, 0]", "[0, 0, 0, 7, 0]", "30"), .verdict = "failed", .exit_code = 1,
     .reason = "group chat had no client open for the last 1 min: its attempts to come back were mostly ended by network: connection refused"},
    {"series", GONE("[5, 5, 0, 0, 0]", "[5, 5, 5, 5, 0]", "[0, 0, 0, 7, 0]", "29"), .verdict = "passed", .exit_code = 0, .reason = "held"}, /* cut short */
    {"series", GONE("[5, 5, 0, 0, 0]", "[5, 5, 5, 5, 0]", "[0, 0, 0, 7, 0]", "29"), "run.until_s", "500", "failed", 1, "for the last 58 s", NULL},
    {"series", GONE("[5, 5, 0, 0, 1]", "[5, 5, 5, 5, 5]", "[0, 0, 0, 7, 0]", "30"), .verdict = "passed", .exit_code = 0, .reason = "held"}, /* back */
    {"series", GONE("[5, 5, 0, 0, 0]", "[5, 5, 5, 5, 0]", "[0, 0, 0, 0, 0]", "30"), .verdict = "passed", .exit_code = 0, .reason = "held"}, /* none tried */
    {"series", GONE("[5, 5, 0, 0, 0]", "[5, 5, 5, 5, 0]", "[0, 0, 0, 7, 0]", "30"), "run.how", "'in progress'", "passed", 0, "held", NULL},
    {"totals.drops", "0", .verdict = "passed", .exit_code = 0, .reason = "held",
     .headline = "5,000 clients for 8 h: availability 99.987 %, no drops; response p99 212 ms, no drift found"},
    {"totals.latency.outage.count", "30", .verdict = "passed", .exit_code = 0, .reason = "held",
     .headline = "5,000 clients for 8 h: availability 99.987 %, 37 drops (0.00093 per client-hour), 30 back within 4.10 s and "
                 "7 not; response p99 212 ms, no drift found"},
    {"totals.latency.response.p99_us", "null", "totals.latency.outage.count", "0", "passed", 0, "held",
     "5,000 clients for 8 h: availability 99.987 %, 37 drops (0.00093 per client-hour), none back"},
    {"totals.messages", "{'lost': 1, 'lost_percent': 0.0012}", .verdict = "passed", .exit_code = 0, .reason = "held",
     .headline = "5,000 clients for 8 h: availability 99.987 %, 37 drops (0.00093 per client-hour), all back within 4.10 s; "
                 "response p99 212 ms, no drift found; 1 reply lost (0.0012 %)"},
    {"findings", "[{'id': 'latency-drift'}]", "totals.drops", "0", "passed", 0, "held",
     "5,000 clients for 8 h: availability 99.987 %, no drops; response p99 212 ms, drifting"},
    {"run.until_s", "3599", "totals.drops", "0", "passed", 0, "held",
     "5,000 clients for 8 h: availability 99.987 %, no drops; response p99 212 ms"},
    {"totals.opened", "0", "totals.clients", "{'planned': 1, 'open_most': 0}", "passed", 0, "held",
     "1 client for 8 h: no connection ever opened (5,040 attempts)"},
};

static void test_cases(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct verdict_case *c = &cases[i];
    json_t *model = model_parse(sound);
    model_change(model, c->path, c->value);
    model_change(model, c->path2, c->value2);
    assert_int_equal(lh_verdict_judge(model, NULL), 0);
    char *reasons = json_dumps(lh_look(model, "verdict_reasons"), 0);
    if (strcmp(lh_look_text(model, "verdict"), c->verdict) || lh_report_exit_code(model) != c->exit_code ||
        !strstr(reasons, c->reason))
      fail_msg("case %zu (%s): %s, exit %d: %s", i, c->path ? c->path : "sound", lh_look_text(model, "verdict"),
               lh_report_exit_code(model), reasons);
    if (c->headline) assert_string_equal(lh_look_text(model, "headline"), c->headline);
    free(reasons);
    json_decref(model);
  }
}

/* Nothing opened because this host had no descriptor: that says nothing about the target. */
static void test_host_in_the_way(void **state) {
  (void)state;
  json_t *model = model_parse(sound);
  model_change(model, "groups.0.opened", "0");
  model_change(model, "groups.0.clients.open_most", "0");
  model_change(model, "groups.0.endings", "[{'stage': 'connect', 'side': 'host', 'reason': 'no descriptor'}]");
  assert_int_equal(lh_verdict_judge(model, NULL), 0);
  assert_string_equal(lh_look_text(model, "verdict"), "inconclusive");
  json_decref(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_host_in_the_way)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
