/* Who may look: one row is one request, with and without a token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "live/access.h"
#include "longhaul/live/live.h"

#define TOKEN "correct-horse-battery"

static const struct {
  const char *host, *origin, *cookie, *authorization, *query, *token;
  enum lh_access expected;
} rows[] = {
    /* no token: this machine alone */
    {"127.0.0.1:8700", "", "", "", "", "", LH_ACCESS_GRANTED},
    {"127.8.9.1", "", "", "", "", "", LH_ACCESS_GRANTED},
    {"localhost:8700", "http://localhost:8700", "", "", "", "", LH_ACCESS_GRANTED},
    {"LOCALHOST:8700", "http://localhost:8700", "", "", "", "", LH_ACCESS_GRANTED},
    {"[::1]:8700", "http://[::1]:8700", "", "", "", "", LH_ACCESS_GRANTED},
    {"", "", "", "", "", "", LH_ACCESS_WRONG_HOST},
    {"evil.example:8700", "http://evil.example:8700", "", "", "", "", LH_ACCESS_WRONG_HOST}, /* DNS rebinding */
    {"127.0.0.1.evil.example:8700", "", "", "", "", "", LH_ACCESS_WRONG_HOST},
    {"localhost.evil.example", "", "", "", "", "", LH_ACCESS_WRONG_HOST},
    {"10.0.0.7:8700", "", "", "", "", "", LH_ACCESS_WRONG_HOST},
    {"[::2]:8700", "", "", "", "", "", LH_ACCESS_WRONG_HOST},
    {"127.0.0.1:8700", "http://evil.example", "", "", "", "", LH_ACCESS_WRONG_ORIGIN},
    {"127.0.0.1:8700", "http://127.0.0.1:9999", "", "", "", "", LH_ACCESS_WRONG_ORIGIN},
    {"127.0.0.1:8700", "http://localhost:8700", "", "", "", "", LH_ACCESS_WRONG_ORIGIN},
    {"127.0.0.1:8700", "null", "", "", "", "", LH_ACCESS_WRONG_ORIGIN},
    /* a token: any host, but every request */
    {"soak.example:8700", "", "", "", "", TOKEN, LH_ACCESS_NO_TOKEN},
    {"127.0.0.1:8700", "", "", "", "", TOKEN, LH_ACCESS_NO_TOKEN},
    {"soak.example:8700", "", "", "", TOKEN, TOKEN, LH_ACCESS_GRANTED_BY_QUERY},
    {"soak.example:8700", "", "", "", TOKEN "x", TOKEN, LH_ACCESS_NO_TOKEN},
    {"soak.example:8700", "", "", "", "correct-horse", TOKEN, LH_ACCESS_NO_TOKEN},
    {"soak.example:8700", "", "longhaul_token=" TOKEN, "", "", TOKEN, LH_ACCESS_GRANTED},
    {"soak.example:8700", "", "a=b; longhaul_token=" TOKEN "; c=d", "", "", TOKEN, LH_ACCESS_GRANTED},
    {"soak.example:8700", "", "longhaul_token=old-and-wrong; longhaul_token=" TOKEN, "", "", TOKEN, LH_ACCESS_GRANTED},
    {"soak.example:8700", "", "xlonghaul_token=" TOKEN, "", "", TOKEN, LH_ACCESS_NO_TOKEN},
    {"soak.example:8700", "", "longhaul_token", "", "", TOKEN, LH_ACCESS_NO_TOKEN},
    {"soak.example:8700", "", "longhaul_token=", "", "", TOKEN, LH_ACCESS_NO_TOKEN},
    {"soak.example:8700", "", "", "Bearer " TOKEN, "", TOKEN, LH_ACCESS_GRANTED},
    {"soak.example:8700", "", "", "bearer " TOKEN, "", TOKEN, LH_ACCESS_GRANTED},
    {"soak.example:8700", "", "", "Basic " TOKEN, "", TOKEN, LH_ACCESS_NO_TOKEN},
    {"soak.example:8700", "https://soak.example:8700", "longhaul_token=" TOKEN, "", "", TOKEN, LH_ACCESS_GRANTED},
    {"soak.example:8700", "https://evil.example", "longhaul_token=" TOKEN, "", "", TOKEN, LH_ACCESS_WRONG_ORIGIN},
};

static void test_requests(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lh_access_request request = {rows[i].host, rows[i].origin, rows[i].cookie, rows[i].authorization, rows[i].query};
    enum lh_access seen = lh_access_check(&request, rows[i].token);
    if (seen != rows[i].expected) fail_msg("row %zu (host %s): %d, expected %d", i, rows[i].host, seen, rows[i].expected);
  }
}

static void test_equal(void **state) {
  (void)state;
  assert_true(lh_access_equal("abc", "abc"));
  assert_false(lh_access_equal("", "abc"));
  assert_false(lh_access_equal("ab", "abc"));
  assert_false(lh_access_equal("abcd", "abc"));
  assert_false(lh_access_equal("abd", "abc"));
}

/* ---- addresses ---- */

static const struct {
  const char *text, *url; /* NULL: it is none */
  bool word, loopback;    /* whether it is taken for an address on a command line */
} addresses[] = {
    {"127.0.0.1:8700", "http://127.0.0.1:8700/", true, true},
    {"127.9.9.9:0", "http://127.9.9.9:0/", true, true},
    {"localhost:80", "http://127.0.0.1:80/", true, true},
    {":8700", "http://127.0.0.1:8700/", true, true},
    {"[::1]:8700", "http://[::1]:8700/", true, true},
    {"[::]:8700", "http://[::]:8700/", true, false},
    {"0.0.0.0:8700", "http://0.0.0.0:8700/", true, false},
    {"10.1.2.3:65535", "http://10.1.2.3:65535/", true, false},
    {"10.1.2.3:65536", NULL, true, false},
    {"::1:8700", NULL, true, false}, /* an IPv6 address needs its brackets */
    {"somewhere:8700", NULL, true, false},
    {"127.0.0.1", NULL, false, false},
    {"127.0.0.1:", NULL, false, false},
    {"soak.yaml", NULL, false, false},
    {"ws://127.0.0.1:8080/ws", NULL, false, false},
    {"ws://127.0.0.1:8080", NULL, false, false},
    {"-d", NULL, false, false},
};

static void test_addresses(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    struct lh_live_address address;
    struct lh_err err = {0};
    char url[96] = "";
    int code = lh_live_address_parse(addresses[i].text, &address, &err);
    if (code == 0) lh_live_url(&address, url, sizeof url);
    if (lh_live_is_address(addresses[i].text) != addresses[i].word) fail_msg("%s: taken or not", addresses[i].text);
    if ((code == 0) != (addresses[i].url != NULL)) fail_msg("%s: %d %s", addresses[i].text, code, err.text);
    if (code < 0) assert_string_not_equal(err.text, "");
    if (code < 0) continue;
    assert_string_equal(url, addresses[i].url);
    assert_int_equal(address.loopback, addresses[i].loopback);
  }
}

static void test_listen(void **state) {
  (void)state;
  struct lh_live_address address, again;
  struct lh_err err = {0};
  int fd, other;
  assert_int_equal(lh_live_address_parse("127.0.0.1:0", &address, &err), 0);
  assert_int_equal(lh_live_listen(&address, &fd, &err), 0);
  assert_int_not_equal(address.port, 0);
  again = address;
  assert_int_not_equal(lh_live_listen(&again, &other, &err), 0);
  assert_non_null(strstr(err.text, "in use"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests), cmocka_unit_test(test_equal),
                                     cmocka_unit_test(test_addresses), cmocka_unit_test(test_listen)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
