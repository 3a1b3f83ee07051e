/* Where Location headers lead. The references from "g" on are those of RFC 3986, 5.4, where they can be followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "worker/location.h"

static const struct row {
  const char *value, *leads_to; /* TLS, host, port and path; or why not */
} rows[] = {
    {"ws://other:8080/x?y=1", "plain other 8080 /x?y=1"},
    {"WSS://other/x#part", "tls other 443 /x"},
    {"https://other", "tls other 443 /"},
    {"http://[::1]:81?q", "plain ::1 81 /?q"},
    {"http://other:/x", "plain other 80 /x"},
    {"//other:9/x", "plain other 9 /x"},
    {"/x", "plain a 1000 /x"},
    {"?y=2", "plain a 1000 /b/c/d;p?y=2"},
    {"g", "plain a 1000 /b/c/g"},
    {"./g", "plain a 1000 /b/c/g"},
    {"g/", "plain a 1000 /b/c/g/"},
    {"/g", "plain a 1000 /g"},
    {"g?y", "plain a 1000 /b/c/g?y"},
    {"#s", "plain a 1000 /b/c/d;p?q"},
    {"g?y#s", "plain a 1000 /b/c/g?y"},
    {";x", "plain a 1000 /b/c/;x"},
    {".", "plain a 1000 /b/c/"},
    {"..", "plain a 1000 /b/"},
    {"../g", "plain a 1000 /b/g"},
    {"../..", "plain a 1000 /"},
    {"../../g", "plain a 1000 /g"},
    {"../../../../g", "plain a 1000 /g"},
    {"/./g", "plain a 1000 /g"},
    {"/../g", "plain a 1000 /g"},
    {"g.", "plain a 1000 /b/c/g."},
    {"..g", "plain a 1000 /b/c/..g"},
    {"./../g", "plain a 1000 /b/g"},
    {"g/./h", "plain a 1000 /b/c/g/h"},
    {"g/../h", "plain a 1000 /b/c/h"},
    {"g?y/../x", "plain a 1000 /b/c/g?y/../x"},
    {"", "there is none"},
    {"ftp://other/", "its scheme is not http, https, ws or wss"},
    {"javascript:alert(1)", "its scheme is not http, https, ws or wss"},
    {"http:g", "its host is not one"},
    {"http:///x", "its host is not one"},
    {"http://a b/x", "its host is not one"},
    {"http://[::1/x", "its host is not one"},
    {"http://u:p@other/", "it holds a user name"},
    {"http://other:99999/", "its port is not one"},
    {"http://other:0/", "its port is not one"},
    {"http://other:8x/", "its port is not one"},
    {"/a b", "it holds spaces or control characters"},
};

static const struct lh_location_base base = {.host = "a", .port = 1000, .path = "/b/c/d;p?q"};

static void locations_lead_where_the_standard_says(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lh_location to;
    char shown[LH_LOCATION_PATH_MAX + 200];
    const char *why = lh_location_resolve(&base, rows[i].value, &to);
    if (!why) snprintf(shown, sizeof shown, "%s %s %u %s", to.tls ? "tls" : "plain", to.host, to.port, to.path);
    print_message("%s\n", rows[i].value);
    assert_string_equal(why ? why : shown, rows[i].leads_to);
  }
}

static void long_ones_are_refused(void **state) {
  (void)state;
  static char value[4000];
  struct lh_location to;
  memset(value, 'a', sizeof value - 1);
  value[0] = '/';
  assert_string_equal(lh_location_resolve(&base, value, &to), "it is too long");
  value[LH_LOCATION_PATH_MAX - 2] = 0;
  assert_null(lh_location_resolve(&base, value, &to));
  assert_int_equal(strlen(to.path), LH_LOCATION_PATH_MAX - 2);
  memset(value, 'a', sizeof value - 1);
  memcpy(value, "http://", 7);
  assert_string_equal(lh_location_resolve(&base, value, &to), "it is too long");
}

static void credentials_stay_with_their_server(void **state) {
  (void)state;
  static const struct {
    const char *value;
    bool tls;
    uint16_t port;
    bool keeps;
  } cases[] = {{"/x", true, 443, true},          {"https://A/", true, 443, true},       {"http://a/", true, 443, false},
               {"https://a/", false, 80, true},  {"https://a:8443/", false, 80, false}, {"wss://b/", true, 443, false},
               {"ws://a:81/", false, 80, false}, {"wss://a:81/", false, 81, true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_location to;
    const struct lh_location_base from = {.tls = cases[i].tls, .host = "a", .port = cases[i].port, .path = "/"};
    assert_null(lh_location_resolve(&from, cases[i].value, &to));
    print_message("%s\n", cases[i].value);
    assert_int_equal(lh_location_keeps_credentials(&from, &to), cases[i].keeps);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(locations_lead_where_the_standard_says),
                                     cmocka_unit_test(long_ones_are_refused), cmocka_unit_test(credentials_stay_with_their_server)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
