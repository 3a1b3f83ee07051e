/* What a plan puts on each target, and which targets are not to be connected to without a word from the user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../loaded.h"
#include "longhaul/run/care.h"

static const char plan[] =
    "run: {name: t, duration: 1h, connect_rate: 400/s}\n"
    "deny: [198.51.100.0/24]\n"
    "targets:\n"
    "  near: {url: 'ws://127.0.0.1:8080/'}\n"
    "  far: {url: 'ws://203.0.113.7:8080/'}\n"
    "  mixed: {url: 'ws://mixed.test/', addresses: [10.0.0.1, 203.0.113.8, '2001:db8::5']}\n"
    "  meant: {url: 'ws://203.0.113.9/', authorized: true}\n"
    "  unused: {url: 'ws://203.0.113.10/'}\n"
    "groups:\n"
    "  a: {kind: websocket, target: far, connections: 1000, ramp: {over: 10s}, messages: [{every: 10s, text: x}]}\n"
    "  b: {kind: websocket, target: far, connections: 500, ramp: {over: 10s}, messages: [{every: 1s, text: x}]}\n"
    "  c: {kind: websocket, target: near, connections: 7000}\n"
    "  d: {kind: websocket, target: mixed, connections: 30}\n"
    "  e: {kind: websocket, target: meant, connections: 40}\n";

static void test_charge(void **state) {
  (void)state;
  struct lh_config *config = load_text(plan);
  struct lh_care_target t = {0};
  assert_int_equal(lh_care_charge(config, 1, &t), 0);
  assert_int_equal(t.clients, 1500);
  assert_float_equal(t.connects_per_second, 150, 0.001);
  assert_float_equal(t.messages_per_second, 600, 0.001);
  assert_int_equal(lh_care_charge(config, 0, &t), 0);
  assert_int_equal(t.clients, 7000);
  assert_float_equal(t.connects_per_second, 400, 0.001); /* the cap of the run */
  assert_float_equal(t.messages_per_second, 0, 0.001);
  lh_config_free(config);
}

static void test_who_is_public(void **state) {
  (void)state;
  struct lh_config *config = load_text(plan);
  struct lh_care care;
  struct lh_err err = {0};
  assert_int_equal(lh_care_look(&care, config, &err), 0);
  assert_int_equal(care.count, 2);
  assert_string_equal(care.targets[0].target->name, "far");
  assert_string_equal(care.targets[0].address, "203.0.113.7");
  assert_int_equal(care.targets[0].reach, LH_REACH_UNAUTHORIZED);
  assert_int_equal(care.targets[0].clients, 1500);
  assert_string_equal(care.targets[1].target->name, "mixed");
  assert_string_equal(care.targets[1].address, "203.0.113.8");
  assert_int_equal(care.targets[1].clients, 30);
  lh_care_free(&care);
  lh_config_free(config);
}

/* "127.1" and "localhost" are names to the rules of the config; where they lead is denied. */
static void test_where_a_name_leads(void **state) {
  (void)state;
  static const char *const hosts[] = {"127.1", "localhost"};
  for (size_t i = 0; i < 2; i++) {
    char text[256];
    snprintf(text, sizeof text,
             "run: {duration: 1m}\ndeny: [127.0.0.0/8]\ntargets: {t: {url: 'ws://%s/', authorized: true, family: ipv4}}\n"
             "groups: {g: {kind: websocket, connections: 3}}\n",
             hosts[i]);
    struct lh_config *config = load_text(text);
    struct lh_care care;
    struct lh_err err = {0};
    assert_int_equal(lh_care_look(&care, config, &err), 0);
    assert_int_equal(care.count, 1);
    assert_int_equal(care.targets[0].reach, LH_REACH_DENIED);
    assert_string_equal(care.targets[0].address, "127.0.0.1");
    assert_string_equal(care.targets[0].pattern, "127.0.0.0/8");
    lh_care_free(&care);
    lh_config_free(config);
  }
}

/* As `check` says it: nothing is looked up. */
static void test_outlook(void **state) {
  (void)state;
  static const struct {
    const char *target;
    enum lh_outlook outlook;
    const char *address;
  } rows[] = {{"url: 'ws://10.1.2.3/'", LH_OUTLOOK_PRIVATE, ""},
              {"url: 'ws://localhost/'", LH_OUTLOOK_PRIVATE, ""},
              {"url: 'ws://[::1]/'", LH_OUTLOOK_PRIVATE, ""},
              {"url: 'ws://x.test/', unix: /tmp/socket", LH_OUTLOOK_PRIVATE, ""},
              {"url: 'ws://203.0.113.7/'", LH_OUTLOOK_ASKED, "203.0.113.7"},
              {"url: 'ws://203.0.113.7/', authorized: true", LH_OUTLOOK_AUTHORIZED, "203.0.113.7"},
              {"url: 'ws://[2001:db8::1]/'", LH_OUTLOOK_ASKED, "2001:db8::1"},
              {"url: 'ws://x.test/'", LH_OUTLOOK_NAMED, ""},
              {"url: 'ws://x.test/', authorized: true", LH_OUTLOOK_AUTHORIZED, ""},
              {"url: 'ws://x.test/', addresses: [10.0.0.1, 10.0.0.2]", LH_OUTLOOK_PRIVATE, ""},
              {"url: 'ws://x.test/', addresses: [10.0.0.1, 203.0.113.8]", LH_OUTLOOK_ASKED, "203.0.113.8"},
              {"url: 'ws://[::ffff:198.51.100.9]/', authorized: true", LH_OUTLOOK_DENIED, "198.51.100.9"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[400], address[LH_ADDRESS_TEXT_MAX];
    snprintf(text, sizeof text, "run: {duration: 1m}\ntargets: {t: {%s}}\ngroups: {g: {kind: websocket, connections: 3}}\n",
             rows[i].target);
    struct lh_config *config = load_text(text);
    if (rows[i].outlook == LH_OUTLOOK_DENIED) lh_strings_addf(&config->deny, "198.51.100.0/24");
    enum lh_outlook outlook = lh_care_outlook(config, 0, address);
    if (outlook != rows[i].outlook || strcmp(address, rows[i].address) != 0)
      fail_msg("%s: %s, \"%s\"", rows[i].target, lh_outlook_name(outlook), address);
    lh_config_free(config);
  }
}

/* Who logs in somewhere else loads that as well. */
static void test_logins_are_a_charge(void **state) {
  (void)state;
  struct lh_config *config = load_text("run: {duration: 1m}\ntargets: {t: {url: 'ws://127.0.0.1/'}}\n"
                                       "groups: {g: {kind: websocket, connections: 300, ramp: {over: 10s}, messages: [{every: 1s, "
                                       "text: x}], login: {url: 'http://203.0.113.9/', extract: {a: {json: /a}}}}}\n");
  struct lh_care care;
  struct lh_err err = {0};
  assert_int_equal(lh_care_look(&care, config, &err), 0);
  assert_int_equal(care.count, 1);
  assert_string_equal(care.targets[0].target->name, "login-g");
  assert_int_equal(care.targets[0].clients, 300);
  assert_float_equal(care.targets[0].connects_per_second, 30, 0.001);
  assert_float_equal(care.targets[0].messages_per_second, 0, 0.001);
  lh_care_free(&care);
  lh_config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_charge), cmocka_unit_test(test_who_is_public),
                                     cmocka_unit_test(test_where_a_name_leads), cmocka_unit_test(test_outlook),
                                     cmocka_unit_test(test_logins_are_a_charge)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
