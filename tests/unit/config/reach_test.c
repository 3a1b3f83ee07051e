/* Which addresses are private, which patterns of `deny` match what, and what follows for a target. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "longhaul/config/load.h"
#include "longhaul/config/reach.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static union address address_of(const char *text) {
  union address a = {.v4 = {.sin_family = AF_INET}};
  if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) return a;
  a = (union address){.v6 = {.sin6_family = AF_INET6}};
  assert_int_equal(inet_pton(AF_INET6, text, &a.v6.sin6_addr), 1);
  return a;
}

static void test_private(void **state) {
  (void)state;
  static const struct {
    const char *address;
    bool is_private;
  } cases[] = {
      {"127.0.0.1", true},
      {"127.255.255.255", true},
      {"128.0.0.0", false},
      {"0.0.0.0", true},
      {"0.0.0.1", false},
      {"10.0.0.0", true},
      {"10.255.255.255", true},
      {"11.0.0.0", false},
      {"9.255.255.255", false},
      {"172.15.255.255", false},
      {"172.16.0.0", true},
      {"172.31.255.255", true},
      {"172.32.0.0", false},
      {"192.167.255.255", false},
      {"192.168.0.0", true},
      {"192.168.255.255", true},
      {"192.169.0.0", false},
      {"169.254.0.1", true},
      {"169.253.255.255", false},
      {"100.63.255.255", false},
      {"100.64.0.0", true},
      {"100.127.255.255", true},
      {"100.128.0.0", false},
      {"8.8.8.8", false},
      {"203.0.113.7", false},
      {"255.255.255.255", false},
      {"224.0.0.1", false},
      {"::1", true},
      {"::", true},
      {"::2", false},
      {"fe80::1", true},
      {"febf::1", true},
      {"fec0::1", false},
      {"fc00::1", true},
      {"fdff::1", true},
      {"fe00::1", false},
      {"2001:db8::1", false},
      {"2606:4700::1", false},
      {"::ffff:10.0.0.1", true},
      {"::ffff:8.8.8.8", false},
      {"64:ff9b::10.0.0.1", true},
      {"64:ff9b::808:808", false},
      {"::10.0.0.1", false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    union address a = address_of(cases[i].address);
    if (lh_address_is_private(&a.any) != cases[i].is_private) fail_msg("%s", cases[i].address);
  }
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  assert_true(lh_address_is_private((struct sockaddr *)&path));
}

static void test_patterns(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *host; /* host: a name or a numeric address */
    bool matches;
  } cases[] = {
      {"example.com", "example.com", true},
      {"example.com", "EXAMPLE.com", true},
      {"example.com", "example.com.", true},
      {"example.com.", "example.com", true},
      {"example.com", "www.example.com", false},
      {"*.example.com", "www.example.com", true},
      {"*.example.com", "a.b.example.com", true},
      {"*.example.com", "example.com", false},
      {"*.example.com", "www.example.com.evil.test", false},
      {"*example.com", "badexample.com", true},
      {"prod-?.test", "prod-1.test", true},
      {"prod-?.test", "prod-10.test", false},
      {"*", "anything", true},
      {"a*b*c", "axxbyyc", true},
      {"a*b*c", "axxbyy", false},
      {"*ab", "aab", true},
      {"10.0.0.0/8", "10.200.3.4", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"10.1.2.3/8", "10.9.9.9", true},
      {"10.0.0.0/9", "10.127.255.255", true},
      {"10.0.0.0/9", "10.128.0.0", false},
      {"0.0.0.0/0", "203.0.113.1", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.70", false},
      {"192.0.2.7/32", "192.0.2.7", true},
      {"192.0.2.*", "192.0.2.9", true},
      {"2001:db8::/32", "2001:db8:1::9", true},
      {"2001:db8::/32", "2001:db9::1", false},
      {"2001:DB8:0::1", "2001:db8::1", true},
      {"10.0.0.0/8", "::ffff:10.1.1.1", true},
      {"10.0.0.0/8", "64:ff9b::a01:101", true},
      {"10.0.0.0/8", "10.example.com", false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char *items[] = {(char[64]){"nowhere.test"}, (char[64]){0}};
    snprintf(items[1], 64, "%s", cases[i].pattern);
    struct lh_strings deny = {.items = items, .count = 2};
    const char *expected = cases[i].matches ? items[1] : NULL;
    if (lh_deny_check(cases[i].pattern)) fail_msg("%s is not accepted", cases[i].pattern);
    if (lh_deny_host(&deny, cases[i].host) != expected) fail_msg("%s as a host, %s", cases[i].pattern, cases[i].host);
    union address a = {0};
    if (inet_pton(AF_INET, cases[i].host, &a.v4.sin_addr) != 1 && inet_pton(AF_INET6, cases[i].host, &a.v6.sin6_addr) != 1)
      continue;
    a = address_of(cases[i].host);
    if (lh_deny_address(&deny, &a.any) != expected) fail_msg("%s as an address, %s", cases[i].pattern, cases[i].host);
  }
}

static void test_what_is_no_pattern(void **state) {
  (void)state;
  static const char *const cases[] = {"",        "a b",          "10.0.0.0/33", "10.0.0/8",
                                      "::/129",  "10.0.0.0/",    "10.0.0.0/-1", "10.0.0.0/8x",
                                      "host/24", "http://host/", "[::1]",       "caf\xc3\xa9.test"};
  for (size_t i = 0; i < COUNT(cases); i++)
    if (!lh_deny_check(cases[i])) fail_msg("'%s' is accepted", cases[i]);
}

static struct lh_config *load(const char *text, struct lh_diagnostics *diagnostics) {
  struct lh_load_args args = {.path = "t.yaml", .text = text};
  struct lh_config *config = NULL;
  *diagnostics = (struct lh_diagnostics){0};
  lh_config_load(&args, &config, diagnostics);
  return config;
}

static void test_judge(void **state) {
  (void)state;
  struct lh_diagnostics diagnostics;
  struct lh_config *config = load("run: {duration: 1m}\n"
                                  "deny: ['*.prod.test', 10.9.0.0/16, 203.0.113.9]\n"
                                  "targets:\n  a: {url: 'ws://a.test/'}\n  b: {url: 'ws://b.test/', authorized: true}\n"
                                  "groups: {g: {kind: websocket, target: a, connections: 1},"
                                  " h: {kind: websocket, target: b, connections: 1}}\n",
                                  &diagnostics);
  assert_non_null(config);
  assert_string_equal(config->deny.items[1], "10.9.0.0/16");
  static const struct {
    const char *address;
    enum lh_reach plain, authorized;
  } cases[] = {
      {"127.0.0.1", LH_REACH_ALLOWED, LH_REACH_ALLOWED},     {"10.8.0.1", LH_REACH_ALLOWED, LH_REACH_ALLOWED},
      {"10.9.0.1", LH_REACH_DENIED, LH_REACH_DENIED},        {"203.0.113.7", LH_REACH_UNAUTHORIZED, LH_REACH_ALLOWED},
      {"203.0.113.9", LH_REACH_DENIED, LH_REACH_DENIED},     {"2001:db8::1", LH_REACH_UNAUTHORIZED, LH_REACH_ALLOWED},
      {"::ffff:10.9.1.1", LH_REACH_DENIED, LH_REACH_DENIED},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    union address a = address_of(cases[i].address);
    assert_int_equal(lh_reach_judge(config, 0, &a.any), cases[i].plain);
    assert_int_equal(lh_reach_judge(config, 1, &a.any), cases[i].authorized);
  }
  lh_diagnostics_free(&diagnostics);
  lh_config_free(config);
}

static void test_a_denied_target_is_an_error(void **state) {
  (void)state;
  static const struct {
    const char *deny, *target, *sentence;
  } cases[] = {
      {"['*.prod.test']", "{url: 'ws://x.prod.test/'}", "t.yaml:3:20: targets.t.url: is never connected to: its host matches"},
      {"[10.0.0.0/8]", "{url: 'ws://10.1.1.1:80/'}", "targets.t.url: is never connected to"},
      {"['::1']", "{url: 'ws://[0:0::1]/'}", "targets.t.url: is never connected to"},
      {"[10.0.0.0/8]", "{url: 'ws://x.test/', addresses: [127.0.0.1, 10.1.1.1]}", "targets.t.addresses: must have none that a"},
      {"[10.0.0.0/99]", "{url: 'ws://x.test/'}", "deny[0]: \"10.0.0.0/99\" is not accepted; expected a network"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[512];
    snprintf(text, sizeof text,
             "run: {duration: 1m}\ndeny: %s\ntargets: {t: %s}\ngroups: {g: {kind: websocket, connections: 1}}\n", cases[i].deny,
             cases[i].target);
    struct lh_diagnostics diagnostics;
    assert_null(load(text, &diagnostics));
    assert_int_equal(diagnostics.count, 1);
    if (!strstr(diagnostics.items[0], cases[i].sentence)) fail_msg("%s", diagnostics.items[0]);
    lh_diagnostics_free(&diagnostics);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_private),
      cmocka_unit_test(test_patterns),
      cmocka_unit_test(test_judge),
      cmocka_unit_test(test_what_is_no_pattern),
      cmocka_unit_test(test_a_denied_target_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
