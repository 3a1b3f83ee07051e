#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/clock.h"
#include "longhaul/config/load.h"

#define S LH_NS_PER_S
#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct lh_config *load(const char *groups, struct lh_diagnostics *diagnostics) {
  char text[2048];
  struct lh_config *config = NULL;
  snprintf(text, sizeof text,
           "run: {duration: 1m}\n"
           "targets: {w: {url: 'ws://h:81/ws'}, a: {url: 'https://auth/', headers: {X: 'Bearer ${login.t}'}}, r: {url: 'tcp://h:9'}}\n"
           "groups:\n%s",
           groups);
  const struct lh_load_args args = {.path = "t.yaml", .text = text};
  lh_config_load(&args, &config, diagnostics);
  return config;
}

#define WS "  g: {kind: websocket, target: w, connections: 3, "
#define T "extract: {t: {json: /t}}"

static struct lh_config *load_well(const char *groups) {
  struct lh_diagnostics diagnostics = {0};
  struct lh_config *config = load(groups, &diagnostics);
  for (size_t i = 0; i < diagnostics.count; i++)
    if (strncmp(diagnostics.items[i], "warning: ", 9) != 0) fail_msg("%s", diagnostics.items[i]);
  assert_non_null(config);
  lh_diagnostics_free(&diagnostics);
  return config;
}

static void a_login_has_its_defaults(void **state) {
  (void)state;
  struct lh_config *config = load_well(WS "login: {post: /login, " T "}}\n  n: {kind: websocket, target: w, connections: 1}\n");
  const struct lh_login_config *login = &config->groups[0].login;
  assert_true(login->enabled && !config->groups[1].login.enabled);
  assert_int_equal(login->target, 0);
  assert_string_equal(login->method, "POST");
  assert_string_equal(login->path, "/login");
  assert_null(login->body);
  assert_int_equal(login->per, LH_LOGIN_PER_CLIENT);
  assert_int_equal(login->phase, LH_PHASE_SPREAD);
  assert_true(login->on_401 && !login->keeps_cookies);
  assert_int_equal(login->status[0], 2);
  assert_true(login->refresh_ns == 0 && login->within_ns == 10 * S && login->retry.max_ns == 30 * S);
  assert_int_equal(login->extract_count, 1);
  assert_string_equal(login->extracts[0].name, "t");
  assert_int_equal(login->extracts[0].source, LH_EXTRACT_JSON);
  lh_config_free(config);
}

static void what_leads_to_the_clients_own_server_shares_its_connection(void **state) {
  (void)state;
  static const struct {
    const char *group;
    bool shares;
  } rows[] = {
      {"kind: http, target: p, login: {post: /l}", true},
      {"kind: http, target: p, login: {url: 'http://H/l'}", true},
      {"kind: http, target: p, login: {post: /l, target: p2}", true},
      {"kind: http, target: s, login: {post: /l, target: s2}", true},
      {"kind: http, target: s, login: {post: /l, target: s3}", false}, /* other TLS settings */
      {"kind: http, target: p, login: {post: /l, target: s}", false},
      {"kind: http, target: p, login: {url: 'http://h:81/l'}", false},
      {"kind: http, target: p, login: {url: 'http://other/l'}", false},
      {"kind: http, target: p, login: {post: /l, per: group}", false},
      {"kind: http, target: p, login: {post: /l, phase: together}", false},
      {"kind: sse, target: p, login: {post: /l}", false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char text[1024];
    struct lh_config *config = NULL;
    struct lh_diagnostics diagnostics = {0};
    bool is_http = strncmp(rows[i].group, "kind: http", 10) == 0;
    snprintf(text, sizeof text,
             "run: {duration: 1m}\n"
             "targets: {p: {url: 'http://h/'}, p2: {url: 'http://h:80/x'}, s: {url: 'https://h/'}, s2: {url: 'https://h:443/'},\n"
             "  s3: {url: 'https://h/', tls: {verify: false}}}\n"
             "groups:\n  g: {connections: 1, %s%s}\n",
             rows[i].group, is_http ? ", messages: [{every: 1s, get: /}]" : "");
    lh_config_load(&(struct lh_load_args){.path = "t.yaml", .text = text}, &config, &diagnostics);
    if (!config) fail_msg("row %zu: %s", i, diagnostics.items[0]);
    if (config->groups[0].login.shares_connection != rows[i].shares) fail_msg("row %zu", i);
    lh_config_free(config);
    lh_diagnostics_free(&diagnostics);
  }
}

static void a_url_is_a_target_of_its_own(void **state) {
  (void)state;
  struct lh_config *config = load_well(WS "login: {url: 'https://u.test:444/in?a=1', text: 'user=x', status: [302, 2xx], cookies: keep}}\n"
                                       "  n: {kind: websocket, target: w, connections: 1, login: {url: 'http://v/$${x}'}}\n");
  const struct lh_login_config *login = &config->groups[0].login;
  assert_int_equal(config->target_count, 5);
  assert_int_equal(config->groups[1].target, 0);
  const struct lh_target *target = &config->targets[login->target];
  assert_string_equal(target->name, "login-g");
  assert_string_equal(target->host, "u.test");
  assert_true(target->port == 444 && target->tls_scheme && target->tls.verify);
  assert_string_equal(login->method, "POST");
  assert_string_equal(login->path, "/in?a=1");
  assert_true(login->status[0] == 302 && login->status[1] == 2 && login->keeps_cookies && config->groups[0].keeps_cookies);
  assert_string_equal(config->groups[1].login.method, "GET");
  assert_string_equal(config->groups[1].login.path, "/$${x}"); /* a template again */
  lh_config_free(config);
}

static void secrets_are_masked(void **state) {
  (void)state;
  struct lh_config *config = load_well(
      WS "login: {post: '/login?password=hunter2&x=1', text: 'pw=hunter2', headers: {Authorization: hunter2}, " T "}}\n");
  assert_null(strstr(config->masked, "hunter2"));
  assert_non_null(strstr(config->masked, "/login?password=***&x=1"));
  lh_config_free(config);
  static const char *const arguments[] = {"groups.g.login.text=hunter2", "groups.g.login={post: /, text: hunter2}",
                                          "groups.g={login: {text: hunter2}}"};
  for (size_t i = 0; i < COUNT(arguments); i++) {
    char *masked = lh_config_mask_argument(arguments[i]);
    assert_null(strstr(masked, "hunter2"));
    free(masked);
  }
}

static void what_is_wrong_is_said_where_it_stands(void **state) {
  (void)state;
  static const struct {
    const char *groups, *says;
  } cases[] = {
      {WS "login: {" T "}}\n", "4:58: groups.g.login: needs exactly one of url, get and post"},
      {WS "login: {get: /a, post: /b}}\n", "groups.g.login: needs exactly one of url, get and post"},
      {WS "login: {url: 'http://h/', target: a}}\n", "groups.g.login.target: must be left out with url"},
      {WS "login: {get: /, target: a, authorized: true}}\n", "groups.g.login.authorized: must be left out without url"},
      {WS "login: {url: 'http://h1/'}}\ndeny: ['h*']\n", "groups.g.login.url: is never connected to: its host matches"},
      {WS "login: {url: 'ws://h/'}}\n", "is not a URL to log in at; expected http:// or https://"},
      {WS "login: {post: login}}\n", "is not accepted; expected a path that begins with /"},
      {WS "login: {post: /l, target: b}}\n", "no target is called \"b\""},
      {"  g: {kind: tcp, target: r, connections: 1, login: {post: /l}}\n", "a login is an HTTP request, and the URL of target r is tcp://"},
      {"  g: {kind: null, connections: 1, login: {post: /l}}\n", "kind null opens no connection, and logs in nowhere"},
      {WS "login: {post: /l, text: a, file: b}}\n", "groups.g.login.file: "},
      {WS "login: {post: /l, extract: {t: {}}}}\n", "groups.g.login.extract.t: needs exactly one of json, header and cookie"},
      {WS "login: {post: /l, extract: {t: {json: t}}}}\n", "expected a JSON pointer"},
      {WS "login: {post: /l, extract: {t: {json: /t, cookie: t}}}}\n", "needs exactly one of json, header and cookie"},
      {WS "login: {post: /l, retry: {first: 1m, max: 1s}}}\n", "must not be shorter than login.retry.first"},
      {WS "login: {post: /l, cookies: keep}, headers: {cookie: a=b}}\n", "must be forget when a header"},
      {WS "cookies: keep, headers: {cookie: a=b}}\n", "must be forget when a header"},
      {WS "path: '/${login.tok}', login: {post: /l, " T "}}\n", "the login extracts no \"tok\"; expected t"},
      {WS "path: '/${login.token}', login: {post: /l, extract: {tokens: {json: /t}}}}\n", "did you mean ${login.tokens}?"},
      {WS "path: '/${login.t}'}\n", "${login.t} needs a login, and group g has none"},
      {WS "login: {post: /l, text: '${login.t}', " T "}}\n", "${login.t} is what the login gives"},
      {WS "login: {post: /l, text: '${tok}', " T "}}\n", "is not a known variable"},
      {WS "login: {post: /l, status: [99]}}\n", "is not a final status"},
      {WS "login: {post: /l, within: 0s}}\n", "groups.g.login.within"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct lh_diagnostics diagnostics = {0};
    struct lh_config *config = load(cases[i].groups, &diagnostics);
    bool said = false;
    for (size_t d = 0; d < diagnostics.count; d++) said |= strstr(diagnostics.items[d], cases[i].says) != NULL;
    if (!said || config) fail_msg("case %zu: %s", i, diagnostics.count ? diagnostics.items[diagnostics.count - 1] : "no diagnostic");
    lh_diagnostics_free(&diagnostics);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_login_has_its_defaults),
      cmocka_unit_test(what_leads_to_the_clients_own_server_shares_its_connection),
      cmocka_unit_test(a_url_is_a_target_of_its_own),
      cmocka_unit_test(secrets_are_masked),
      cmocka_unit_test(what_is_wrong_is_said_where_it_stands),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
