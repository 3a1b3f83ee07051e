/* The sentences on top of a report: each case changes one model. */
#include "json_model.h"
#include "report/brief.h"
#include "report/look.h"

static const char sound[] =
    "{'run': {'duration_s': 28803, 'planned_s': 28800, 'from_s': 0, 'until_s': 28803}, 'shards': null,"
    " 'groups': [{'name': 'chat', 'kind': 'websocket', 'url': 'wss://gw.example.test/ws', 'clients': {'planned': 5000}},"
    "            {'name': 'api', 'kind': 'http', 'url': 'https://gw.example.test/', 'clients': {'planned': 1}}],"
    " 'totals': {'opened': 5001, 'connect_failures': 0, 'messages': {'sent': 1234, 'incoming': 0}, 'endings': [],"
    "   'latency': {'response': {'count': 9, 'p50_us': 500, 'p99_us': 212000, 'max_us': 408000},"
    "               'service': {'count': 9, 'p50_us': 400, 'p99_us': 2000, 'max_us': 3000}}},"
    " 'storms': [], 'host': {'facts': [{'name': 'host', 'value': 'laptop'}], 'usage': {'cpu_percent_mean': 20}},"
    " 'tester': {'intervals': 2880, 'intervals_late': 0, 'workers_lost': 0, 'cpu_busiest_percent_max': 12.5, 'send_lateness_p99_us': 900,"
    "   'late_spans': []}}";

#define PEER_DROPS                                                                                                             \
  "[{'stage': 'open', 'side': 'peer', 'reason': 'RST', 'code': null, 'drop': true, 'count': 90, 'first': '2026-11-22T20:03:28.000Z', "     \
  "'last': '2026-11-22T20:03:28.100Z'},"                                                                                       \
  " {'stage': 'open', 'side': 'peer', 'reason': 'close frame', 'code': 1012, 'code_name': 'service restart', 'drop': true, 'count': 3, "   \
  "'first': '2026-11-22T20:03:28.000Z', 'last': '2026-11-22T21:03:29.000Z'},"                                                  \
  " {'stage': 'open', 'side': 'tester', 'reason': 'worker lost', 'code': null, 'drop': true, 'count': 2, 'first': "            \
  "'2026-11-22T20:05:00.000Z', 'last': '2026-11-22T20:05:00.000Z'},"                                                           \
  " {'stage': 'connect', 'side': 'network', 'reason': 'connection refused', 'code': 111, 'drop': false, 'count': 7, 'first': " \
  "'2026-11-22T20:03:29.000Z', 'last': '2026-11-22T20:03:30.000Z'}]"

static const struct {
  const char *path, *value, *path2, *value2; /* what is changed; NULL: nothing */
  const char *part, *text;
} cases[] = {
    {NULL, NULL, NULL, NULL, "ran",
     "chat: 5,000 websocket clients, api: 1 http client; to wss://gw.example.test/ws, https://gw.example.test/; 1,234 messages sent (0.043 a second); "
     "from laptop"},
    {"groups",
     "[{'name': 'a', 'kind': 'sse', 'url': 'u', 'clients': {'planned': 5}}, {'name': 'b', 'kind': 'sse', 'url': 'u', 'clients': "
     "{'planned': 6}}, {'name': 'c', 'kind': 'null', 'url': '', 'clients': {'planned': 1}}, {'name': 'd', 'kind': 'sse', 'url': 'v', "
     "'clients': {'planned': 7}}]",
     "totals.messages", "{'sent': 0, 'incoming': 8}", "ran", "18 sse clients in 3 groups, 1 null client in 1 group; to u, v; 8 pushes received; from laptop"},
    {"groups", "[{'name': 'tail', 'kind': 'stream', 'url': 'u', 'clients': {'planned': 5}, 'bytes': {'received': 58982400}}]",
     "totals.messages", "{'sent': 0, 'incoming': 0}", "ran",
     "tail: 5 stream clients; to u; 56.2 MiB of streams received, 2 KiB a second; from laptop"},
    {"shards", "[{'name': 'laptop'}, {'name': 'cloud'}]", NULL, NULL, "ran",
     "chat: 5,000 websocket clients, api: 1 http client; to wss://gw.example.test/ws, https://gw.example.test/; 1,234 messages sent (0.043 a second); "
     "from 2 shards: laptop, cloud"},
    {NULL, NULL, NULL, NULL, "drops", "none"},
    {"totals.opened", "0", NULL, NULL, "drops", "none, since nothing ever opened"},
    {"totals.endings", PEER_DROPS, "totals.connect_failures", "7", "drops",
     "93 by the peer (90 RST at 20:03:28, 3 close frame 1012 service restart from 20:03:28 to 21:03:29); 2 by the tester, counted apart "
     "(2 worker lost at 20:05:00); 7 attempts to connect failed, mostly by network: connection refused"},
    {"totals.endings", PEER_DROPS, "storms",
     "[{'group': 'chat', 'drops': 60, 'open_before': 61, 'at': '2026-11-22T20:03:28.000Z', 'from_s': 8, 'until_s': 15.98}, {'group': 'api', 'drops': 30, 'open_before': "
     "30, 'at': '2026-11-22T20:03:29.000Z'}]",
     "drops",
     "93 by the peer (90 RST at 20:03:28, 3 close frame 1012 service restart from 20:03:28 to 21:03:29); 2 by the tester, counted apart "
     "(2 worker lost at 20:05:00); most together: 60 of 61 of chat at 20:03:28, in 7.98 s, one of 2 mass drops"},
    {"totals.endings",
     "[{'stage': 'open', 'side': 'network', 'reason': 'silent peer', 'code': null, 'text': 'TCP acknowledged the ping', 'drop': true, "
     "'count': 9, 'first': '2026-11-22T20:03:28.000Z', 'last': '2026-11-22T20:03:28.100Z'}]",
     NULL, NULL, "drops", "9 by the network (9 silent peer (TCP acknowledged the ping) at 20:03:28)"},
    {"totals.messages", "{'sent': 57600, 'replied': 57000, 'lost': 600, 'failed': 3000, 'incoming': 0}", NULL, NULL, "ran",
     "chat: 5,000 websocket clients, api: 1 http client; to wss://gw.example.test/ws, https://gw.example.test/; 57,600 messages sent "
     "(2 a second), 93.75 % answered right; from laptop"},
    {"totals.messages", "{'sent': 57600, 'replied': 57000, 'lost': 600, 'failed': 0, 'late': 1200, 'corrupt': 3, 'incoming': 0}", NULL, NULL, "ran",
     "chat: 5,000 websocket clients, api: 1 http client; to wss://gw.example.test/ws, https://gw.example.test/; 57,600 messages sent "
     "(2 a second), 98.95 % answered, 1,200 late, 3 damaged; from laptop"},
    {"run", "{'duration_s': 28803, 'planned_s': 28800, 'from_s': 600, 'until_s': 610}", NULL, NULL, "ran",
     "chat: 5,000 websocket clients, api: 1 http client; to wss://gw.example.test/ws, https://gw.example.test/; 1,234 messages sent "
     "(123 a second); from laptop"}, /* --from 10m --until 10m10s */
    {"totals.endings",
     "[{'stage': 'login', 'side': 'peer', 'reason': 'HTTP status', 'code': 401, 'drop': false, 'count': 90}, {'stage': 'login', 'side': "
     "'peer', 'reason': 'answer without what is extracted', 'code': 200, 'drop': false, 'count': 2}]",
     "totals.logins", "{'begun': 99, 'failed': 92}", "drops", "none; 92 logins failed, mostly by peer: HTTP status 401"},
    {"totals.endings",
     "[{'stage': 'login', 'side': 'peer', 'reason': 'answer without what is extracted', 'code': 200, 'drop': false, 'count': 2}]",
     "totals.logins", "{'begun': 99, 'failed': 2}", "drops",
     "none; 2 logins failed, mostly by peer: answer without what is extracted"},
    {"storms", "[{'group': 'chat', 'drops': 15, 'open_before': 5, 'at': '2026-11-22T20:03:28.000Z', 'from_s': 8, 'until_s': 8.0004}]", NULL, NULL, "drops",
     "none; most together: 15 of chat at 20:03:28, in < 1 ms"},
    {NULL, NULL, NULL, NULL, "latency",
     "response p50 500 us, p99 212 ms, max 408 ms from the planned time; service p50 400 us, p99 2.00 ms, max 3.00 ms from the bytes "
     "written"},
    {"totals.latency", "{'connect_total': {'count': 1, 'p50_us': 5, 'p99_us': 6, 'max_us': 7}}", NULL, NULL, "latency",
     "connect p50 5.00 us, p99 6.00 us, max 7.00 us"},
    {"totals.latency", "{}", NULL, NULL, "latency", "nothing was measured"},
    {NULL, NULL, NULL, NULL, "tester",
     "not the limit: in time in all 2,880 intervals; busiest worker 12.5 % of a core, messages left 900 us after their time (p99)"},
    {"tester.intervals_late", "2", "tester.late_spans", "[{'why': ['a', 'b']}, {'why': ['b']}]", "tester",
     "it was the limit in 2 of 2,880 intervals, left out of the objectives: a, b; busiest worker 12.5 % of a core, messages left 900 us "
     "after their time (p99)"},
    {"host.usage.cpu_percent_mean", "99.5", "tester.workers_lost", "1", "tester",
     "not the limit: in time in all 2,880 intervals; busiest worker 12.5 % of a core, messages left 900 us after their time (p99); but "
     "the whole host was 99.5 % busy on average, which may show in the latencies; 1 worker was lost"},
    {"totals.endings", "[{'stage': 'connect', 'side': 'host', 'reason': 'no descriptor', 'count': 12}]", "tester.send_lateness_p99_us", "null",
     "tester",
     "its host was the limit and refused 12 connections (no descriptor); in time in all 2,880 intervals; busiest worker 12.5 % of a core"},
};

static void test_cases(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    json_t *model = model_parse(sound);
    model_change(model, cases[i].path, cases[i].value);
    model_change(model, cases[i].path2, cases[i].value2);
    assert_int_equal(lh_brief_put(model, NULL), 0);
    assert_string_equal(lh_look_text(lh_look(model, "brief"), cases[i].part), cases[i].text);
    json_decref(model);
  }
}

/* A live run's model has hardly anything: the sentences are there all the same. */
static void test_empty(void **state) {
  (void)state;
  json_t *model = json_object();
  assert_int_equal(lh_brief_put(model, NULL), 0);
  assert_int_equal(json_object_size(json_object_get(model, "brief")), 4);
  json_decref(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_empty)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
