#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/texts.h"
#include "longhaul/config/load.h"

#define S LH_NS_PER_S
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The environment of every test here. */
static const char *test_getenv(const char *name) {
  static const char *const values[][2] = {
      {"TOKEN", "s3cret"},         {"HOST", "gateway.example.test"},           {"N", "77"},          {"EMPTY", ""},
      {"SMUGGLED", "a${token}b$"}, {"LONGHAUL_DEMO_URL", "ws://127.0.0.1:1/"}, {"LATIN1", "caf\xe9"}};
  for (size_t i = 0; i < COUNT(values); i++)
    if (strcmp(values[i][0], name) == 0) return values[i][1];
  return NULL;
}

static int load_set(const char *text, const char *const *settings, size_t count, struct lh_config **config,
                    struct lh_diagnostics *diagnostics) {
  struct lh_load_args args = {
      .path = "t.yaml", .text = text, .settings = settings, .setting_count = count, .getenv = test_getenv};
  return lh_config_load(&args, config, diagnostics);
}

/* Loads what must load without a diagnostic. */
static struct lh_config *load_with(const char *text, const char *const *settings, size_t count) {
  struct lh_config *config = NULL;
  struct lh_diagnostics diagnostics = {0};
  int failed = load_set(text, settings, count, &config, &diagnostics);
  for (size_t i = 0; i < diagnostics.count; i++) print_message("%s\n", diagnostics.items[i]);
  assert_int_equal(diagnostics.count, 0);
  assert_int_equal(failed, 0);
  lh_diagnostics_free(&diagnostics);
  return config;
}

static struct lh_config *load(const char *text) {
  return load_with(text, NULL, 0);
}

#define RUN "run: {duration: 1m}\n"
#define TARGET "targets: {t: {url: 'ws://h/'}}\n"
#define GROUP "groups:\n  g:\n    kind: websocket\n    connections: 10\n"
#define SMALL RUN TARGET GROUP

static void the_smallest_config_has_every_default(void **state) {
  (void)state;
  struct lh_config *c = load(SMALL);
  assert_string_equal(c->path, "t.yaml");
  assert_string_equal(c->text, SMALL);
  assert_string_equal(c->run.name, "t");
  assert_string_equal(c->run.store, "runs/");
  assert_int_equal(c->run.duration_ns, 60 * S);
  assert_int_equal(c->run.seed, 1);
  assert_int_equal(c->run.interval_ns, S);
  assert_int_equal(c->run.workers, 0);
  assert_true(c->run.connect_rate == 0);
  assert_int_equal(c->run.connecting_max, 0);
  assert_int_equal(c->run.drain_ns, 5 * S);
  assert_int_equal(c->run.warmup_ns, 0);
  assert_int_equal(c->run.endings_max, LH_ENDING_ROWS_MAX);
  assert_int_equal(c->target_count, 1);
  const struct lh_target *t = &c->targets[0];
  assert_string_equal(t->name, "t");
  assert_true(t->tls.verify);
  assert_null(t->tls.ca);
  assert_int_equal(t->family, LH_FAMILY_ANY);
  assert_int_equal(t->resolve_every_ns, 300 * S);
  assert_int_equal(t->place.line, 2);
  assert_int_equal(t->place.column, 11);
  const struct lh_group *g = &c->groups[0];
  assert_int_equal(g->target, 0);
  assert_int_equal(g->connections, 10);
  assert_int_equal(g->ramp.count, 1);
  assert_int_equal(g->ramp.points[0].at_ns, 0);
  assert_int_equal(g->ramp.points[0].connections, 10);
  assert_int_equal(g->ping.every_ns, 0);
  assert_int_equal(g->connect_timeout_ns, 10 * S);
  assert_int_equal(g->tls_timeout_ns, 10 * S);
  assert_int_equal(g->upgrade_timeout_ns, 10 * S);
  assert_int_equal(g->user_timeout_ns, 0);
  assert_int_equal(g->message_max, LH_REPLY_BYTES_MAX);
  assert_true(g->reconnect.enabled);
  assert_int_equal(g->reconnect.first_ns, S / 2);
  assert_int_equal(g->reconnect.max_ns, 30 * S);
  assert_true(g->reconnect.factor == 2);
  assert_int_equal(g->reconnect.jitter, LH_BACKOFF_FULL);
  assert_int_equal(g->reconnect.limit, 0);
  assert_int_equal(g->reconnect.reset_after_ns, 10 * S);
  assert_int_equal(g->message_count, 0);
  assert_int_equal(g->place.line, 4);
  assert_int_equal(c->slo_count, 0);
  lh_config_free(c);
}

static const char full[] =
    "run:\n"
    "  {name: night.1, duration: 8h, seed: 18446744073709551615, interval: 10s, workers: 3, store: /tmp/x,\n"
    "   connect_rate: 30/m, connecting_max: 99, drain: 250ms, warmup: 1h30m, endings_max: 0}\n"
    "targets:\n"
    "  a:\n"
    "    url: wss://[2001:db8::1]:8443/ws?x=1&y=${env.N}\n"
    "    tls: {verify: false, sni: other.test}\n"
    "    headers: {Authorization: 'Bearer ${env.TOKEN}', X-Client: 'c${client}'}\n"
    "    family: ipv6\n"
    "    addresses: ['2001:db8::2', '2001:db8::3']\n"
    "    resolve: {every: 1m}\n"
    "  b: {url: 'WS://Host.test'}\n"
    "groups:\n"
    "  g:\n"
    "    kind: websocket\n"
    "    target: a\n"
    "    connections: ${env.N}\n"
    "    path: /other?z\n"
    "    headers: {X-A: 5}\n"
    "    subprotocols: [one, two]\n"
    "    deflate: true\n"
    "    source_addresses: [127.0.0.2, 127.0.0.3]\n"
    "    ramp: {rate: 7/s}\n"
    "    lifetime: 30m\n"
    "    lifetime_jitter: 0.25\n"
    "    ping: {every: 30s, timeout: 20s}\n"
    "    connect_timeout: 1s\n"
    "    tls_timeout: 2s\n"
    "    upgrade_timeout: 3s\n"
    "    user_timeout: 4s\n"
    "    send_buffer: 64KiB\n"
    "    receive_buffer: 32768\n"
    "    message_max: 2MiB\n"
    "    reconnect: {first: 1s, max: 1m, factor: 1.5, jitter: equal, limit: 9, reset_after: 3s}\n"
    "    messages:\n"
    "      - {name: one, every: 10s, jitter: 20%, phase: together, from: 1m, until: 2h, count: 5,\n"
    "         text: 'x${token}$${y}', reply: {contains: '${token}', within: 2s, lost_after: 3s, else: reconnect}}\n"
    "      - {after: open, binary: 'AAEC/w==', reply: {match: order}}\n"
    "      - {after: reply, delay: 3ms, size: 4KiB, frame: binary, reply: {pointer: /a~1b, within: 40s}}\n"
    "      - {every: 1s, text: hello, frame: binary, reply: {match: echo}}\n"
    "  h: {kind: websocket, target: b, ramp: {stages: [{at: 1m, connections: 50}, {at: 2m, connections: 20}]},\n"
    "      reconnect: false}\n"
    "  n: {kind: null, connections: 3, simulate: {service: 2ms, drops_per_client_hour: 0.5}}\n"
    "slo:\n"
    "  - {metric: availability, above: 99.9%, for: 5m, after: 1m, abort_after: 10m}\n"
    "  - {metric: g.response.p99, below: 250ms}\n"
    "  - {metric: g.drops_per_client_hour, below: 0.01}\n"
    "  - {metric: response.p99.99, below: 1s}\n"
    "  - {metric: lost_percent, below: 0.1%}\n";

static void every_key_lands(void **state) {
  (void)state;
  struct lh_config *c = load(full);
  assert_string_equal(c->run.name, "night.1");
  assert_true(c->run.seed == UINT64_MAX);
  assert_int_equal(c->run.interval_ns, 10 * S);
  assert_int_equal(c->run.workers, 3);
  assert_string_equal(c->run.store, "/tmp/x");
  assert_true(c->run.connect_rate == 0.5);
  assert_int_equal(c->run.connecting_max, 99);
  assert_int_equal(c->run.drain_ns, S / 4);
  assert_int_equal(c->run.warmup_ns, 5400 * S);
  assert_int_equal(c->run.endings_max, 0);
  const struct lh_target *a = &c->targets[0], *b = &c->targets[1];
  assert_string_equal(a->url, "wss://[2001:db8::1]:8443/ws?x=1&y=77");
  assert_int_equal(a->scheme, LH_SCHEME_WSS);
  assert_true(a->tls_scheme);
  assert_string_equal(a->host, "2001:db8::1");
  assert_int_equal(a->port, 8443);
  assert_string_equal(a->path, "/ws?x=1&y=77");
  assert_false(a->tls.verify);
  assert_string_equal(a->tls.sni, "other.test");
  assert_int_equal(a->headers.count, 2);
  assert_string_equal(a->headers.items[0].value, "Bearer s3cret");
  assert_string_equal(a->headers.items[1].value, "c${client}");
  assert_int_equal(a->family, LH_FAMILY_6);
  assert_int_equal(a->addresses.count, 2);
  assert_int_equal(a->resolve_every_ns, 60 * S);
  assert_int_equal(b->scheme, LH_SCHEME_WS);
  assert_string_equal(b->host, "Host.test");
  assert_int_equal(b->port, 80);
  assert_string_equal(b->path, "/");
  lh_config_free(c);
}

static void every_key_of_a_group_lands(void **state) {
  (void)state;
  struct lh_config *c = load(full);
  const struct lh_group *g = &c->groups[0], *h = &c->groups[1], *n = &c->groups[2];
  assert_int_equal(g->connections, 77);
  assert_string_equal(g->path, "/other?z");
  assert_string_equal(g->headers.items[0].value, "5");
  assert_string_equal(g->subprotocols.items[1], "two");
  assert_true(g->deflate);
  assert_string_equal(g->source_addresses.items[1], "127.0.0.3");
  assert_int_equal(g->ramp.count, 2);
  assert_int_equal(g->ramp.points[1].at_ns, 11 * S);
  assert_int_equal(g->ramp.points[1].connections, 77);
  assert_int_equal(g->lifetime_ns, 1800 * S);
  assert_true(g->lifetime_jitter == 0.25);
  assert_int_equal(g->ping.every_ns, 30 * S);
  assert_int_equal(g->ping.timeout_ns, 20 * S);
  assert_int_equal(g->connect_timeout_ns, S);
  assert_int_equal(g->tls_timeout_ns, 2 * S);
  assert_int_equal(g->upgrade_timeout_ns, 3 * S);
  assert_int_equal(g->user_timeout_ns, 4 * S);
  assert_int_equal(g->send_buffer, 65536);
  assert_int_equal(g->receive_buffer, 32768);
  assert_int_equal(g->message_max, 2 << 20);
  assert_int_equal(g->reconnect.first_ns, S);
  assert_int_equal(g->reconnect.max_ns, 60 * S);
  assert_true(g->reconnect.factor == 1.5);
  assert_int_equal(g->reconnect.jitter, LH_BACKOFF_EQUAL);
  assert_int_equal(g->reconnect.limit, 9);
  assert_int_equal(g->reconnect.reset_after_ns, 3 * S);
  assert_int_equal(h->target, 1);
  assert_int_equal(h->connections, 50);
  assert_int_equal(h->ramp.count, 3);
  assert_int_equal(h->ramp.points[0].at_ns, 0);
  assert_int_equal(h->ramp.points[0].connections, 0);
  assert_int_equal(h->ramp.points[2].connections, 20);
  assert_false(h->reconnect.enabled);
  assert_int_equal(n->kind, LH_KIND_NULL);
  assert_true(n->target == LH_NO_TARGET);
  assert_int_equal(n->null_service_ns, 2000000);
  assert_true(n->null_drop_rate == 0.5);
  lh_config_free(c);
}

static void hex_and_what_it_comes_after_land(void **state) {
  (void)state;
  struct lh_config *c = load("run: {duration: 1m}\ntargets: {t: {url: ws://h/}}\ngroups:\n  g:\n    kind: websocket\n    connections: 1\n"
                             "    messages:\n"
                             "      - {every: 1s, hex: '30 00 ff ${token} 24 7b7D', reply: {match: token}}\n"
                             "      - {after: incoming, when: {pointer: /t, equals: p, begins: '{', contains: x, hex: '2002 0000'}, text: y}\n");
  const struct lh_message *m = c->groups[0].messages;
  assert_int_equal(m[0].source, LH_PAYLOAD_HEX);
  assert_true(m[0].binary);
  assert_int_equal(m[0].payload_len, 15);
  assert_memory_equal(m[0].payload, "\x30\0\xff${token}$${}", 15);
  assert_int_equal(m[0].reply.match, LH_MATCH_TOKEN);
  assert_int_equal(m[1].after, LH_AFTER_INCOMING);
  assert_string_equal(m[1].when.pointer, "/t");
  assert_string_equal(m[1].when.equals, "p");
  assert_string_equal(m[1].when.begins, "{");
  assert_string_equal(m[1].when.contains, "x");
  assert_int_equal(m[1].when.hex_len, 4);
  assert_memory_equal(m[1].when.hex, "\x20\x02\0\0", 4);
  lh_config_free(c);
}

static void the_places_of_pushed_numbers_land(void **state) {
  (void)state;
  struct lh_config *c = load(SMALL "    incoming: {sequence: {field: /a/b, regex: '[0-9]+'}, scope: client, gap_max: 15s,\n"
                                   "      timestamp: {offset: 8, endian: little, unit: ns}}\n");
  const struct lh_incoming_config *in = &c->groups[0].incoming;
  assert_true(in->enabled && in->by_client);
  assert_int_equal(in->gap_max_ns, 15 * S);
  assert_int_equal(in->sequence.kind, LH_LOCATOR_POINTER);
  assert_string_equal(in->sequence.field, "/a/b");
  assert_string_equal(in->sequence.regex, "[0-9]+");
  assert_int_equal(in->timestamp.kind, LH_LOCATOR_BYTES);
  assert_int_equal(in->timestamp.offset, 8);
  assert_int_equal(in->timestamp.width, 8);
  assert_true(in->timestamp.little);
  assert_int_equal(in->unit, LH_PUSH_NS);
  assert_string_equal(in->words, "number: /a/b by [0-9]+, over reconnects, silent after 15s, time: 8 bytes at 8 (ns)");
  lh_config_free(c);
  c = load(SMALL "    incoming: {sequence: {regex: '${env.TOKEN}=([0-9]+)'}}\n");
  assert_string_equal(c->groups[0].incoming.sequence.regex, "s3cret=([0-9]+)");
  assert_null(strstr(c->groups[0].incoming.words, "s3cret"));
  lh_config_free(c);
  c = load(RUN "targets: {t: {url: 'http://h/'}}\ngroups: {g: {kind: sse, connections: 1, incoming: {sequence: {field: id}}}}\n");
  in = &c->groups[0].incoming;
  assert_int_equal(in->sequence.kind, LH_LOCATOR_ID);
  assert_int_equal(in->timestamp.kind, LH_LOCATOR_NONE);
  assert_true(!in->by_client && in->gap_max_ns == 0);
  lh_config_free(c);
  c = load(SMALL "    incoming: {sequence: {regex: 'n=([0-9]+)'}}\n");
  assert_int_equal(c->groups[0].incoming.sequence.kind, LH_LOCATOR_TEXT);
  lh_config_free(c);
  c = load(SMALL);
  assert_true(!c->groups[0].incoming.enabled && !c->groups[0].incoming.words);
  lh_config_free(c);
}

static void every_key_of_a_message_lands(void **state) {
  (void)state;
  struct lh_config *c = load(full);
  const struct lh_message *m = c->groups[0].messages;
  assert_int_equal(c->groups[0].message_count, 4);
  assert_string_equal(m[0].name, "one");
  assert_int_equal(m[0].every_ns, 10 * S);
  assert_true(m[0].jitter == 0.2);
  assert_int_equal(m[0].phase, LH_PHASE_TOGETHER);
  assert_int_equal(m[0].from_ns, 60 * S);
  assert_int_equal(m[0].until_ns, 7200 * S);
  assert_int_equal(m[0].count, 5);
  assert_string_equal(m[0].payload, "x${token}$${y}");
  assert_int_equal(m[0].payload_len, strlen(m[0].payload));
  assert_int_equal(m[0].reply.match, LH_MATCH_TOKEN);
  assert_int_equal(m[0].reply.within_ns, 2 * S);
  assert_int_equal(m[0].reply.lost_after_ns, 3 * S);
  assert_true(m[0].reply.end_when_lost);
  assert_string_equal(m[1].name, "message2");
  assert_int_equal(m[1].after, LH_AFTER_OPEN);
  assert_true(m[1].until_ns == LH_NEVER);
  assert_int_equal(m[1].source, LH_PAYLOAD_BINARY);
  assert_int_equal(m[1].payload_len, 4);
  assert_memory_equal(m[1].payload, "\0\1\2\xff", 4);
  assert_true(m[1].binary);
  assert_int_equal(m[1].reply.match, LH_MATCH_ORDER);
  assert_int_equal(m[1].reply.within_ns, 5 * S);
  assert_int_equal(m[1].reply.lost_after_ns, 60 * S);
  assert_false(m[1].reply.end_when_lost);
  assert_int_equal(m[2].after, LH_AFTER_REPLY);
  assert_int_equal(m[2].delay_ns, 3000000);
  assert_int_equal(m[2].source, LH_PAYLOAD_SIZE);
  assert_int_equal(m[2].payload_len, 4096);
  assert_true(m[2].binary);
  assert_int_equal(m[2].reply.match, LH_MATCH_POINTER);
  assert_string_equal(m[2].reply.pointer, "/a~1b");
  assert_int_equal(m[2].reply.lost_after_ns, 80 * S);
  assert_int_equal(m[3].reply.match, LH_MATCH_ECHO);
  assert_true(m[3].binary);
  lh_config_free(c);
}

static void every_objective_lands(void **state) {
  (void)state;
  struct lh_config *c = load(full);
  const struct lh_slo_config *o = c->slo;
  assert_int_equal(c->slo_count, 5);
  assert_false(o[0].is_below);
  assert_true(o[0].threshold > 0.99899 && o[0].threshold < 0.99901);
  assert_string_equal(o[0].threshold_text, "99.9%");
  assert_int_equal(o[0].for_ns, 300 * S);
  assert_int_equal(o[0].after_ns, 60 * S);
  assert_int_equal(o[0].abort_after_ns, 600 * S);
  assert_true(o[1].is_below);
  assert_true(o[1].threshold == 250000);
  assert_int_equal(o[1].for_ns, 0);
  assert_true(o[2].threshold == 0.01);
  assert_true(o[3].threshold == 1000000);
  assert_true(o[4].threshold == 0.001);
  lh_config_free(c);
}

static void intervals_follow_from_the_duration(void **state) {
  (void)state;
  static const struct {
    const char *setting;
    uint64_t interval_s;
  } rows[] = {{"run.duration=500ms", 1}, {"run.duration=1h", 1},  {"run.duration=61m", 10},
              {"run.duration=24h", 10},  {"run.duration=2d", 60}, {"run.interval=5s", 5}};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct lh_config *c = load_with(SMALL, &rows[i].setting, 1);
    assert_int_equal(c->run.interval_ns, rows[i].interval_s * S);
    lh_config_free(c);
  }
}

static void settings_come_after_the_file(void **state) {
  (void)state;
  static const char text[] = RUN TARGET "groups:\n  g: {kind: websocket, connections: 1, ramp: {over: 1s}, messages:\n"
                                        "    [{name: a, every: 1s, text: x}, {name: b, every: 2s, text: y}]}\n";
  static const char *const settings[] = {"groups.g.connections=5",
                                         "groups.g.connections=6",
                                         "groups.g.messages[1].every=9s",
                                         "groups.g.messages[a].text='${seq}'",
                                         "groups.g.messages[2]={every: 3s, size: 64}",
                                         "groups.g.ping.every=10s",
                                         "groups.g.ramp={rate: 2/s}",
                                         "slo=[{metric: drops, below: 3}]",
                                         "run.name=again",
                                         "targets.t.headers.X-A=a=b"};
  struct lh_config *c = load_with(text, settings, COUNT(settings));
  const struct lh_group *g = &c->groups[0];
  assert_int_equal(g->connections, 6);
  assert_int_equal(g->message_count, 3);
  assert_int_equal(g->messages[1].every_ns, 9 * S);
  assert_string_equal(g->messages[0].payload, "${seq}");
  assert_int_equal(g->messages[2].payload_len, 64);
  assert_int_equal(g->ping.every_ns, 10 * S);
  assert_int_equal(g->ramp.points[1].at_ns, 3 * S);
  assert_int_equal(c->slo_count, 1);
  assert_string_equal(c->run.name, "again");
  assert_string_equal(c->targets[0].headers.items[0].value, "a=b");
  assert_int_equal(c->slo[0].place.line, 0);
  lh_config_free(c);
}

static void anchors_aliases_and_merge_keys_work(void **state) {
  (void)state;
  struct lh_config *c = load(RUN TARGET "x-common: &common {kind: websocket, connections: 3, ping: {every: 20s}}\n"
                                        "x-more: &more {connections: 4, deflate: true}\n"
                                        "groups:\n"
                                        "  a: *common\n"
                                        "  b:\n    <<: *common\n    connections: 9\n"
                                        "  c: {<<: [*more, *common]}\n");
  assert_int_equal(c->group_count, 3);
  assert_int_equal(c->groups[0].connections, 3);
  assert_int_equal(c->groups[1].connections, 9);
  assert_int_equal(c->groups[1].ping.every_ns, 20 * S);
  assert_int_equal(c->groups[2].connections, 4);
  assert_true(c->groups[2].deflate);
  assert_int_equal(c->groups[2].ping.every_ns, 20 * S);
  lh_config_free(c);
}

static void the_environment_is_taken_literally(void **state) {
  (void)state;
  struct lh_config *c = load(RUN "targets: {t: {url: 'ws://${env.HOST}:${env.PORT:-9000}/${env.EMPTY:-e}', headers: "
                                 "{A: '${env.SMUGGLED}{x', B: '$${env.TOKEN}', C: '${env.EMPTY}'}}}\n"
                                 "groups: {g: {kind: websocket, connections: '${env.N}', path: '/$${x}', deflate: "
                                 "'${env.D:-true}'}}\n");
  const struct lh_target *t = &c->targets[0];
  assert_string_equal(t->host, "gateway.example.test");
  assert_int_equal(t->port, 9000);
  assert_string_equal(t->path, "/e");
  assert_string_equal(t->headers.items[0].value, "a$${token}b$${x");
  assert_string_equal(t->headers.items[1].value, "$${env.TOKEN}");
  assert_string_equal(t->headers.items[2].value, "");
  assert_string_equal(c->groups[0].path, "/$${x}");
  assert_int_equal(c->groups[0].connections, 77);
  assert_true(c->groups[0].deflate);
  lh_config_free(c);
}

static void secrets_are_masked(void **state) {
  (void)state;
  struct lh_config *c =
      load("run: {duration: 1m, name: '${env.HOST}'}\n"
           "targets: {t: {url: 'ws://h/?access_token=hunter2&room=5&api_key=k3y', headers: {authorization: hunter2, Cookie: "
           "'hunter2=1', X-Api-Key: hunter2, x-auth-token: hunter2, X-Plain: shown, X-Env: 'a-${env.TOKEN}-b'}, "
           "proxy: 'http://me:hunter2@p:3128'}}\n"
           "groups: {g: {kind: websocket, connections: 1, messages: [{every: 1s, text: 'p=${env.TOKEN}'}]}}\n");
  assert_null(strstr(c->masked, "hunter2"));
  assert_null(strstr(c->masked, "k3y"));
  assert_null(strstr(c->masked, "s3cret"));
  assert_null(strstr(c->masked, "gateway.example.test"));
  assert_non_null(strstr(c->masked, "ws://h/?access_token=***&room=5&api_key=***"));
  assert_non_null(strstr(c->masked, "proxy: \"http://***@p:3128\""));
  assert_non_null(strstr(c->masked, "X-Plain: shown"));
  assert_non_null(strstr(c->masked, "X-Env: \"a-***-b\""));
  assert_non_null(strstr(c->masked, "text: \"p=***\""));
  assert_string_equal(c->targets[0].headers.items[0].value, "hunter2");
  assert_string_equal(c->targets[0].url_masked, "ws://h/?access_token=***&room=5&api_key=***");
  lh_config_free(c);
}

static void secrets_of_paths_are_masked(void **state) {
  (void)state;
  struct lh_config *c = load("run: {duration: 1m}\ntargets: {t: {url: 'http://h/'}, u: {url: 'ws://h/'}}\n"
                             "groups: {g: {kind: http, target: t, connections: 1,\n"
                             "    messages: [{every: 1s, get: '/x?token=hunter2&to=http://y/&n=${seq}'}]},\n"
                             "  h: {kind: websocket, target: u, connections: 1, path: '/x?to=http://y/&token=hunter2'}}\n");
  char *argument = lh_config_mask_argument("groups.h.path=/x?a=b&token=hunter2");
  assert_null(strstr(c->masked, "hunter2"));
  assert_non_null(strstr(c->masked, "get: \"/x?token=***&to=http://y/&n=${seq}\""));
  assert_non_null(strstr(c->masked, "path: \"/x?to=http://y/&token=***\""));
  assert_string_equal(c->groups[0].messages[0].request_path, "/x?token=hunter2&to=http://y/&n=${seq}");
  assert_string_equal(argument, "groups.h.path=/x?a=b&token=***");
  free(argument);
  lh_config_free(c);
}

static void sockets_and_proxies_land(void **state) {
  (void)state;
  static const struct {
    const char *target, *socket, *host;
    uint16_t port;
    const char *path, *proxy;
    uint16_t proxy_port;
    const char *authorization;
  } rows[] = {
      {"url: 'ws+unix:///run/app.sock:/ws?x=1'", "/run/app.sock", "localhost", 80, "/ws?x=1", NULL, 0, NULL},
      {"url: 'WSS+UNIX:/run/app.sock'", "/run/app.sock", "localhost", 443, "/", NULL, 0, NULL},
      {"url: 'ws+unix://@name:/ws'", "@name", "localhost", 80, "/ws", NULL, 0, NULL},
      {"url: 'ws://h:81/ws', unix: /run/app.sock", "/run/app.sock", "h", 81, "/ws", NULL, 0, NULL},
      {"url: 'wss://h/', proxy: 'http://p:3128'", NULL, "h", 443, "/", "p", 3128, NULL},
      {"url: 'ws://h/', proxy: 'HTTP://[::1]:1/'", NULL, "h", 80, "/", "::1", 1, NULL},
      {"url: 'ws://h/', proxy: 'http://user:pass@p:1'", NULL, "h", 80, "/", "p", 1, "Basic dXNlcjpwYXNz"},
      {"url: 'ws://h/', proxy: 'http://u:p@%2f@p:1'", NULL, "h", 80, "/", "p", 1, "Basic dTpwQC8="},
      {"url: 'ws://h/', proxy: 'http://u%@p:1'", NULL, "h", 80, "/", "p", 1, "Basic dSU="},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[256];
    snprintf(text, sizeof text, RUN "targets: {t: {%s}}\n" GROUP, rows[i].target);
    struct lh_config *c = load(text);
    const struct lh_target *t = &c->targets[0];
    print_message("%s\n", rows[i].target);
    assert_string_equal(t->unix_path ? t->unix_path : "-", rows[i].socket ? rows[i].socket : "-");
    assert_string_equal(t->host, rows[i].host);
    assert_int_equal(t->port, rows[i].port);
    assert_string_equal(t->path, rows[i].path);
    assert_string_equal(t->proxy.host ? t->proxy.host : "-", rows[i].proxy ? rows[i].proxy : "-");
    assert_int_equal(t->proxy.port, rows[i].proxy_port);
    assert_string_equal(t->proxy.authorization ? t->proxy.authorization : "-", rows[i].authorization ? rows[i].authorization : "-");
    lh_config_free(c);
  }
}

/* What is kept to be blotted out of a peer's words: "a|b", the longest first. */
static void secrets_are_known(void **state) {
  (void)state;
  static const struct {
    const char *url, *group, *known;
  } cases[] = {
      {"ws://h/", "", ""},
      {"ws://h/?page=12345678", "", ""},
      {"ws://h/?token=abcdef&page=2", "", "abcdef"},
      {"ws://h/?page=2&api_key=abcdef", "", "abcdef"},
      {"ws://h/?t=${env.TOKEN}", "", "s3cret"},
      {"ws://${env.HOST}/", "", ""}, /* a redirect names hosts, and must go on to */
      {"ws://h/", "headers: {Authorization: 'Bearer abcdef'}", "Bearer abcdef|abcdef"},
      {"ws://h/", "headers: {X-Api-Key: abcdef, Accept: 'text/html'}", "abcdef"},
      {"ws://h/", "headers: {X: '${env.TOKEN}'}", "s3cret"},
      {"ws://h/", "headers: {X: '${env.N}'}", ""}, /* too short to be told from any number */
      {"ws://h/", "path: '/a/${env.TOKEN}'", "s3cret"},
      {"ws://h/", "messages: [{every: 1s, text: 'auth ${env.TOKEN}'}]", "s3cret"},
      {"ws://h/", "headers: {Authorization: 'Bearer ${env.TOKEN}'}", "Bearer s3cret|s3cret|s3cret"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[512], known[256] = "";
    snprintf(text, sizeof text, RUN "targets: {t: {url: '%s'}}\n" GROUP "    %s\n", cases[i].url, cases[i].group);
    struct lh_config *c = load(text);
    for (uint32_t k = 0; c->secrets && k < c->secrets->count; k++) {
      struct lh_text secret = lh_texts_at(c->secrets, k);
      size_t len = strlen(known);
      snprintf(known + len, sizeof known - len, "%s%.*s", len ? "|" : "", (int)secret.len, secret.at);
    }
    if (strcmp(known, cases[i].known) != 0) fail_msg("%s %s: %s", cases[i].url, cases[i].group, known);
    lh_config_free(c);
  }
}

static void arguments_are_masked(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {"run", "run"},
      {"soak.yaml", "soak.yaml"},
      {"--duration=5m", "--duration=5m"},
      {"wss://u:p@h/x?room=1&token=hunter2", "wss://***@h/x?room=1&token=***"},
      {"groups.g.connections=5", "groups.g.connections=5"},
      {"targets.t.headers.Cookie=hunter2", "targets.t.headers.Cookie=***"},
      {"--set=targets.t.headers.Cookie=hunter2", "--set=targets.t.headers.Cookie=***"},
      {"targets.t.headers.X-Plain=a=b", "targets.t.headers.X-Plain=a=b"},
      {"targets.t.headers={Cookie: hunter2}", "targets.t.headers=***"},
      {"targets={t: {headers: {Cookie: hunter2}}}", "targets=***"},
      {"targets.t.url=ws://u:p@h/?a=1&key=hunter2", "targets.t.url=ws://***@h/?a=1&key=***"},
      {"--set=targets.t.proxy=http://u:hunter2@p:1", "--set=targets.t.proxy=http://***@p:1"},
      {"groups.g.messages[0].text=x=y", "groups.g.messages[0].text=x=y"},
      {"", ""},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char *shown = lh_config_mask_argument(rows[i][0]);
    assert_string_equal(shown, rows[i][1]);
    free(shown);
  }
}

/* The effective config is a config, and says the same once more. */
static void the_effective_config_is_its_own_effective_config(void **state) {
  (void)state;
  static const char *const texts[] = {
      SMALL, full,
      RUN "targets: {true: {url: 'ws://h/'}, b: {url: 'wss://h/'}}\ngroups: {null: {kind: websocket, target: 'true', "
          "connections: 1, messages: [{name: yes, every: 1s, text: \"tab\\t\\x7f\\u0085\\u2028\\ufeff quote\\\" back\\\\ "
          "\\U0001F600\"}, {name: '12', every: 1s, text: 'null'}, {every: 1s, text: ''}]}, "
          "'1': {kind: websocket, target: b, connections: 2, reconnect: true, headers: {}, subprotocols: []}}\n"};
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct lh_config *first = load(texts[i]);
    char *text = strdup(first->masked), *at = strstr(text, "***");
    if (at) memcpy(at, "xyz", 3); /* a mask in the place of a URL's or header's value is a value like another */
    struct lh_config *second = load(text);
    struct lh_config *third = load(second->masked);
    assert_string_equal(second->masked, third->masked);
    if (!at) assert_string_equal(first->masked, second->masked);
    lh_config_free(first);
    lh_config_free(second);
    lh_config_free(third);
    free(text);
  }
}

static void the_effective_config_shows_what_was_worked_out(void **state) {
  (void)state;
  struct lh_config *c = load(SMALL "    messages: [{every: 1s, text: '${token}', reply: {within: 40s}}]\n");
  static const char *const shown[] = {"name: t\n",     "interval: 1s\n", "target: t\n",         "name: message1\n",
                                      "frame: text\n", "match: token\n", "lost_after: 1m20s\n", "jitter: full\n"};
  for (size_t i = 0; i < COUNT(shown); i++) assert_non_null(strstr(c->masked, shown[i]));
  lh_config_free(c);
}

static void files_count_from_the_config(void **state) {
  (void)state;
  char folder[] = "/tmp/config-test-XXXXXX", path[64], name[64];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/c.yaml", folder);
  static const struct {
    const char *name, *content;
    size_t len;
  } files[] = {{"p.json", "{\"id\":\"${token}\"}", 17},
               {"p.bin", "\xff\0x", 3},
               {"p.none", "", 0},
               {"ca.pem", "-----BEGIN CERTIFICATE-----\n", 28},
               {"key.pem", "-----BEGIN EC PRIVATE KEY-----\n", 31},
               {"c.yaml", "", 0}};
  static const char text[] = "run: {duration: 1m}\n"
                             "targets: {t: {url: 'wss://h/', tls: {ca: ca.pem, cert: ca.pem, key: key.pem}}}\n" GROUP
                             "    messages: [{every: 1s, file: p.json, reply: {within: 1s}}, {every: 1s, file: p.bin},\n"
                             "               {every: 1s, file: p.none}]\n";
  for (size_t i = 0; i < COUNT(files); i++) {
    snprintf(name, sizeof name, "%s/%s", folder, files[i].name);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    if (i + 1 == COUNT(files))
      fputs(text, f);
    else
      fwrite(files[i].content, 1, files[i].len, f);
    fclose(f);
  }
  struct lh_config *c = NULL;
  struct lh_diagnostics diagnostics = {0};
  assert_int_equal(lh_config_load(&(struct lh_load_args){.path = path}, &c, &diagnostics), 0);
  assert_int_equal(diagnostics.count, 0);
  lh_diagnostics_free(&diagnostics);
  const struct lh_message *m = c->groups[0].messages;
  assert_int_equal(m[0].source, LH_PAYLOAD_FILE);
  assert_string_equal(m[0].payload, "{\"id\":\"${token}\"}");
  assert_false(m[0].binary);
  assert_int_equal(m[0].reply.match, LH_MATCH_TOKEN);
  assert_int_equal(m[1].payload_len, 3);
  assert_true(m[1].binary);
  assert_int_equal(m[2].source, LH_PAYLOAD_FILE);
  assert_int_equal(m[2].payload_len, 0);
  assert_false(m[2].binary);
  snprintf(name, sizeof name, "%s/ca.pem", folder);
  assert_string_equal(c->targets[0].tls.ca, name);
  assert_non_null(strstr(c->masked, "ca: ca.pem"));
  assert_string_equal(c->run.name, "c");
  lh_config_free(c);
  /* What a file of text holds is read like a text of the config. */
  snprintf(name, sizeof name, "%s/p.json", folder);
  FILE *f = fopen(name, "w");
  assert_non_null(f);
  fputs("{\"n\":${rand:-3..9},\"id\":\"${tokem}\"}", f);
  fclose(f);
  assert_int_equal(lh_config_load(&(struct lh_load_args){.path = path}, &c, &diagnostics), -EINVAL);
  bool is_said = false;
  for (size_t i = 0; i < diagnostics.count; i++)
    is_said = is_said || strstr(diagnostics.items[i], "messages[0].file: \"${tokem}\" is not a known variable");
  assert_true(is_said);
  for (size_t i = 0; i < diagnostics.count; i++) assert_null(strstr(diagnostics.items[i], "${rand:-3"));
  lh_diagnostics_free(&diagnostics);
  for (size_t i = 0; i < COUNT(files); i++) {
    snprintf(name, sizeof name, "%s/%s", folder, files[i].name);
    unlink(name);
  }
  rmdir(folder);
}

static void a_quick_look_is_a_config(void **state) {
  (void)state;
  static const struct {
    struct lh_quick_args args;
    uint64_t duration_s, every_ns;
    enum lh_match match;
    const char *path; /* of a request */
  } rows[] = {
      {{.url = "ws://h:1/p?q=\"x", .connections = 7}, 30, S, LH_MATCH_TOKEN, NULL},
      {{.url = "wss://h", .connections = 1, .duration = "1h", .every = "250ms", .text = "no token"},
       3600,
       S / 4,
       LH_MATCH_ORDER, NULL},
      {{.url = "wss://h", .connections = 1, .duration = "2s", .every = "0"}, 2, 0, LH_MATCH_NONE, NULL},
      {{.url = "http://h?q=1", .connections = 5}, 30, S, LH_MATCH_ORDER, "/?q=1"},
      {{.url = "http://h", .connections = 5}, 30, S, LH_MATCH_ORDER, "/"},
      {{.url = "https://h/a", .connections = 5, .text = "${token}"}, 30, S, LH_MATCH_ORDER, "/a"},
      {{.url = "http+unix:///run/s:/a?b", .connections = 5}, 30, S, LH_MATCH_ORDER, "/a?b"},
      {{.url = "http+unix:///run/s", .connections = 5}, 30, S, LH_MATCH_ORDER, "/"},
      {{.url = "http://h/events", .connections = 5, .sse = true}, 30, 0, LH_MATCH_NONE, NULL},
      {{.url = "tcp://h:1", .connections = 5}, 30, 0, LH_MATCH_NONE, NULL},
      {{.url = "tls://h:1", .connections = 5, .text = "PING\n"}, 30, S, LH_MATCH_ORDER, NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char *text = NULL;
    struct lh_err err = {0};
    assert_int_equal(lh_config_quick(&rows[i].args, &text, &err), 0);
    struct lh_config *c = load(text);
    assert_string_equal(c->targets[0].url, rows[i].args.url);
    assert_int_equal(c->groups[0].connections, rows[i].args.connections);
    assert_int_equal(c->run.duration_ns, rows[i].duration_s * S);
    assert_int_equal(c->groups[0].message_count, rows[i].every_ns != 0);
    if (rows[i].every_ns) {
      assert_int_equal(c->groups[0].messages[0].every_ns, rows[i].every_ns);
      assert_int_equal(c->groups[0].messages[0].reply.match, rows[i].match);
      if (rows[i].path) assert_string_equal(c->groups[0].messages[0].request_path, rows[i].path);
    }
    lh_config_free(c);
    free(text);
  }
}

static void a_quick_look_says_what_is_wrong(void **state) {
  (void)state;
  static const struct {
    struct lh_quick_args args;
    const char *sentence;
  } rows[] = {
      {{.url = "gopher://u:p@h/", .connections = 1},
       "gopher://***@h/ is not a URL that can be run without a config; expected ws://, wss://, http://, https://, tcp:// or tls://, "
       "or one of them with +unix before the colon"},
      {{.url = "ws://h", .connections = 1, .sse = true}, "ws://h cannot be an event stream; expected http:// or https://"},
      {{.url = "ws://h", .connections = 1, .duration = "5"},
       "\"5\" is not a duration (--duration); expected a number with its unit, such as 30s or 1h"},
      {{.url = "ws://h", .connections = 1, .every = "often"},
       "\"often\" is not a message period (--every); expected a duration such as 1s, or 0 for no messages"},
      {{.url = "ws://h"}, "0 connections; expected at least 1"},
      {{.url = "ws://h", .connections = 1, .text = "\xc3"}, "the URL or the message text is not UTF-8; expected UTF-8 text"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char *text = NULL;
    struct lh_err err = {0};
    assert_int_equal(lh_config_quick(&rows[i].args, &text, &err), -EINVAL);
    assert_string_equal(err.text, rows[i].sentence);
    assert_null(text);
  }
}

static void the_bundled_configs_load(void **state) {
  (void)state;
  static const char *const paths[] = {"configs/demo.yaml", "configs/quickstart.yaml", "configs/ws-echo-1k.yaml",
                                      "configs/ws-idle-overnight.yaml", "configs/login-users.yaml", "configs/login-herd.yaml", "configs/http-keepalive.yaml", "configs/sse-feed.yaml",
                                      "configs/socketio.yaml", "configs/graphql-ws.yaml", "configs/mqtt-ws.yaml",
                                      "configs/wss-haproxy.yaml"};
  for (size_t i = 0; i < COUNT(paths); i++) {
    struct lh_config *c = NULL;
    struct lh_diagnostics diagnostics = {0};
    struct lh_load_args args = {.path = paths[i], .getenv = test_getenv};
    assert_int_equal(lh_config_load(&args, &c, &diagnostics), 0);
    assert_int_equal(diagnostics.count, 0);
    assert_true(c->group_count >= 1 && c->slo_count >= 2);
    lh_config_free(c);
    lh_diagnostics_free(&diagnostics);
  }
}

/* The YAML of configs/README.md is right: each block is a config, or becomes one with the parts it leaves out. */
static void check_block(const char *block) {
  char text[8192];
  if (strncmp(block, "ramp:", 5) == 0 || strncmp(block, "reconnect:", 10) == 0) return; /* a choice of lines */
  snprintf(text, sizeof text, "%s%s%s%s", strstr(block, "run:") ? "" : "run: {duration: 8h}\n",
           strstr(block, "targets:") ? "" : "targets: {t: {url: 'ws://h/'}}\n",
           strstr(block, "groups:") ? "" : "groups: {chat: {kind: websocket, connections: 1}}\n", block);
  struct lh_config *config = NULL;
  struct lh_diagnostics diagnostics = {0};
  struct lh_load_args args = {.path = "configs/README.yaml", .text = text, .getenv = test_getenv};
  int failed = lh_config_load(&args, &config, &diagnostics);
  bool needs_file = strstr(block, "certs/ca.pem") != NULL; /* which is not there */
  for (size_t i = 0; i < diagnostics.count; i++) print_message("%s\n", diagnostics.items[i]);
  assert_int_equal(diagnostics.count, needs_file);
  assert_int_equal(failed, needs_file ? -EINVAL : 0);
  lh_config_free(config);
  lh_diagnostics_free(&diagnostics);
}

static void the_examples_of_the_readme_load(void **state) {
  (void)state;
  FILE *file = fopen("configs/README.md", "r");
  assert_non_null(file);
  char line[1024], block[4096] = "";
  size_t blocks = 0;
  for (bool inside = false; fgets(line, sizeof line, file);) {
    if (inside && strncmp(line, "```", 3) == 0) {
      check_block(block);
      blocks++;
      inside = false;
    } else if (inside) {
      strncat(block, line, sizeof block - strlen(block) - 1);
    } else if (strcmp(line, "```yaml\n") == 0) {
      inside = true;
      block[0] = 0;
    }
  }
  fclose(file);
  assert_true(blocks >= 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_smallest_config_has_every_default),
      cmocka_unit_test(every_key_lands),
      cmocka_unit_test(every_key_of_a_group_lands),
      cmocka_unit_test(the_places_of_pushed_numbers_land),
      cmocka_unit_test(every_key_of_a_message_lands),
      cmocka_unit_test(hex_and_what_it_comes_after_land),
      cmocka_unit_test(every_objective_lands),
      cmocka_unit_test(intervals_follow_from_the_duration),
      cmocka_unit_test(settings_come_after_the_file),
      cmocka_unit_test(anchors_aliases_and_merge_keys_work),
      cmocka_unit_test(the_environment_is_taken_literally),
      cmocka_unit_test(secrets_are_masked),
      cmocka_unit_test(secrets_of_paths_are_masked),
      cmocka_unit_test(sockets_and_proxies_land),
      cmocka_unit_test(secrets_are_known),
      cmocka_unit_test(arguments_are_masked),
      cmocka_unit_test(the_effective_config_is_its_own_effective_config),
      cmocka_unit_test(the_effective_config_shows_what_was_worked_out),
      cmocka_unit_test(files_count_from_the_config),
      cmocka_unit_test(a_quick_look_is_a_config),
      cmocka_unit_test(a_quick_look_says_what_is_wrong),
      cmocka_unit_test(the_bundled_configs_load),
      cmocka_unit_test(the_examples_of_the_readme_load),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
