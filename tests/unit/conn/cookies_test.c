/* Jars: what is kept of Set-Cookie headers and what is sent back, as RFC 6265 has it, and what there is no room for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/conn/cookies.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct lh_text text_of(const char *text) {
  return (struct lh_text){text, strlen(text)};
}

/* "https://host:port/path" */
static struct lh_cookie_site site_of(const char *url) {
  const char *host = strstr(url, "//") + 2, *path = host + strcspn(host, "/");
  return (struct lh_cookie_site){.tls = url[4] == 's', .host = {host, (size_t)(path - host)}, .path = text_of(path)};
}

struct step {
  const char *url;
  const char *set;  /* a Set-Cookie header of an answer from there; NULL: a request goes there */
  const char *sent; /* with these cookies; NULL: with none */
  int64_t at_s;
};

static const int64_t now_s = 1445412480; /* Wed, 21 Oct 2015 07:28:00 GMT */

static void play(const char *name, const struct step *steps, size_t count) {
  struct lh_jar *jar = NULL;
  for (size_t i = 0; i < count && steps[i].url; i++) {
    const struct lh_cookie_site site = site_of(steps[i].url);
    char line[LH_COOKIE_LINE_MAX], wanted[512] = "";
    if (steps[i].set) {
      const size_t size = strlen(steps[i].set);
      char *exact = malloc(size ? size : 1); /* no NUL behind it */
      memcpy(exact, steps[i].set, size);
      assert_int_equal(lh_jar_take(&jar, &site, (struct lh_text){exact, size}, now_s + steps[i].at_s), 0);
      free(exact);
      continue;
    }
    size_t len = lh_jar_line(jar, &site, now_s + steps[i].at_s, line);
    if (steps[i].sent) snprintf(wanted, sizeof wanted, "Cookie: %s\r\n", steps[i].sent);
    if (len != strlen(wanted) || memcmp(line, wanted, len) != 0)
      fail_msg("%s, step %zu: '%.*s' is sent, not '%s'", name, i, (int)len, line, wanted);
  }
  free(jar);
}

#define HTTP "http://h.test/"
#define STEPS_MAX 10

static void what_is_kept_is_sent_where_it_belongs(void **state) {
  (void)state;
  static const struct {
    const char *name;
    struct step steps[STEPS_MAX];
  } rows[] = {
      {"one", {{HTTP, "a=1", NULL, 0}, {HTTP, NULL, "a=1", 0}, {"http://other.test/", NULL, NULL, 0}}},
      {"none", {{HTTP, NULL, NULL, 0}}},
      {"in order, replaced in place",
       {{HTTP, "a=1", NULL, 0}, {HTTP, "b=2", NULL, 0}, {HTTP, "a=one; HttpOnly; SameSite=Lax", NULL, 0}, {HTTP, NULL, "a=one; b=2", 0}}},
      {"spaces, an equals sign and an empty value",
       {{HTTP, "  a = x=y  ; Path=/", NULL, 0}, {HTTP, "b=", NULL, 0}, {HTTP, "c=\"q\"", NULL, 0}, {HTTP, NULL, "a=x=y; b=; c=\"q\"", 0}}},
      {"no pair", {{HTTP, "", NULL, 0}, {HTTP, "flag", NULL, 0}, {HTTP, "=v", NULL, 0}, {HTTP, "; Path=/", NULL, 0}, {HTTP, NULL, NULL, 0}}},
      {"control characters", {{HTTP, "a=x\x01", NULL, 0}, {HTTP, "a=x\x7f", NULL, 0}, {HTTP, NULL, NULL, 0}}},
      {"deleted by Max-Age", {{HTTP, "a=1", NULL, 0}, {HTTP, "b=2", NULL, 0}, {HTTP, "a=; Max-Age=0", NULL, 0}, {HTTP, NULL, "b=2", 0}}},
      {"deleted by a negative one", {{HTTP, "a=1", NULL, 0}, {HTTP, "a=x; max-age=-1", NULL, 0}, {HTTP, NULL, NULL, 0}}},
      {"deleted by Expires",
       {{HTTP, "a=1", NULL, 0}, {HTTP, "a=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", NULL, 0}, {HTTP, NULL, NULL, 0}}},
      {"deleted before it was set", {{HTTP, "a=; Max-Age=0", NULL, 0}, {HTTP, NULL, NULL, 0}}},
      {"ages", {{HTTP, "a=1; Max-Age=60", NULL, 0}, {HTTP, NULL, "a=1", 59}, {HTTP, NULL, NULL, 60}, {HTTP, "a=2", NULL, 61}, {HTTP, NULL, "a=2", 9999999}}},
      {"Max-Age beats Expires, wherever it stands",
       {{HTTP, "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", NULL, 0}, {HTTP, "b=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=60", NULL, 0},
        {HTTP, NULL, "a=1; b=1", 1}, {HTTP, NULL, NULL, 61}}},
      {"attributes that cannot be read", {{HTTP, "a=1; Max-Age=soon; Expires=never; Domain=; Path=x", NULL, 0}, {HTTP, NULL, "a=1", 0}}},
      {"expires", {{HTTP, "a=1; expires=Wed, 21-Oct-15 07:29:00 GMT", NULL, 0}, {HTTP, NULL, "a=1", 59}, {HTTP, NULL, NULL, 60}}},
      {"secure", {{"https://h.test/", "a=1; Secure", NULL, 0}, {HTTP, NULL, NULL, 0}, {"https://h.test/", NULL, "a=1", 0}}},
      {"ports do not matter", {{"http://h.test:81/", "a=1", NULL, 0}, {"http://h.test:82/", NULL, "a=1", 0}, {"http://H.TEST/", NULL, "a=1", 0}}},
      {"a path", {{HTTP, "a=1; Path=/x", NULL, 0}, {HTTP, NULL, NULL, 0}, {HTTP "x", NULL, "a=1", 0}, {HTTP "x/y", NULL, "a=1", 0}, {HTTP "xy", NULL, NULL, 0},
                  {HTTP "x?y/z", NULL, "a=1", 0}}},
      {"a path that ends with a slash", {{HTTP, "a=1; Path=/x/", NULL, 0}, {HTTP "x", NULL, NULL, 0}, {HTTP "x/y", NULL, "a=1", 0}}},
      {"the folder of the request",
       {{HTTP "x/y/z?q=/", "a=1", NULL, 0}, {HTTP "x/y", NULL, "a=1", 0}, {HTTP "x/y/", NULL, "a=1", 0}, {HTTP "x", NULL, NULL, 0}, {HTTP "login", "b=1", NULL, 0},
        {HTTP, NULL, "b=1", 0}}},
      {"longer paths first",
       {{HTTP, "a=1; Path=/", NULL, 0}, {HTTP, "a=2; Path=/x/y", NULL, 0}, {HTTP, "a=3; Path=/x", NULL, 0}, {HTTP, "b=4; Path=/x", NULL, 0},
        {HTTP "x/y", NULL, "a=2; a=3; b=4; a=1", 0}}},
      {"a domain",
       {{"http://a.h.test/", "a=1; Domain=h.test", NULL, 0}, {"http://a.h.test/", "b=2; Domain=.H.TEST", NULL, 0}, {"http://h.test/", NULL, "a=1; b=2", 0},
        {"http://b.h.test/", NULL, "a=1; b=2", 0}, {"http://xh.test/", NULL, NULL, 0}}},
      {"domains that are refused",
       {{"http://a.h.test/", "a=1; Domain=other.test", NULL, 0}, {"http://a.h.test/", "a=1; Domain=b.a.h.test", NULL, 0}, {"http://a.test/", "a=1; Domain=test", NULL, 0},
        {"http://a.h.test/", NULL, NULL, 0}, {"http://a.test/", NULL, NULL, 0}}},
      {"the host's own domain", {{"http://localhost/", "a=1; Domain=localhost", NULL, 0}, {"http://localhost/", NULL, "a=1", 0}}},
      {"addresses", {{"http://127.0.0.1:8/", "a=1; Domain=127.0.0.1", NULL, 0}, {"http://127.0.0.1/", NULL, "a=1", 0}, {"http://x.127.0.0.1/", NULL, NULL, 0},
                     {"http://127.0.0.1/", "b=1; Domain=0.0.1", NULL, 0}, {"http://127.0.0.1/", NULL, "a=1", 0}}},
      {"IPv6", {{"http://[::1]:80/", "a=1", NULL, 0}, {"http://[::1]/", NULL, "a=1", 0}, {"http://[::2]/", NULL, NULL, 0}}},
  };
  for (size_t i = 0; i < COUNT(rows); i++) play(rows[i].name, rows[i].steps, STEPS_MAX);
}

static void what_finds_no_room_is_refused(void **state) {
  (void)state;
  static char long_one[LH_COOKIE_BYTES_MAX + 64];
  const struct lh_cookie_site site = site_of(HTTP);
  struct lh_jar *jar = NULL;
  char line[LH_COOKIE_LINE_MAX], header[64];
  memset(long_one, 'x', sizeof long_one);
  memcpy(long_one, "a=", 2);
  assert_int_equal(lh_jar_take(&jar, &site, (struct lh_text){long_one, LH_COOKIE_BYTES_MAX + 1}, now_s), 0);
  assert_int_equal(lh_jar_take(&jar, &site, (struct lh_text){long_one, LH_COOKIE_BYTES_MAX + 2}, now_s), -ENOBUFS);
  assert_true(lh_jar_bytes(jar) < LH_COOKIE_BYTES_MAX + 64);
  assert_int_equal(lh_jar_take(&jar, &site, text_of("a=; Max-Age=0"), now_s), 0);
  assert_null(jar);
  assert_int_equal(lh_jar_bytes(jar), 0);
  int kept = 0;
  for (int failed = 0; !failed && kept < 10000; kept++) { /* every other one for a minute */
    snprintf(header, sizeof header, "name%d=value%s", kept, kept % 2 ? "; Max-Age=60" : "");
    failed = lh_jar_take(&jar, &site, text_of(header), now_s);
    assert_true(!failed || failed == -ENOBUFS);
  }
  assert_in_range(kept, 200, 400);
  const size_t full = lh_jar_line(jar, &site, now_s, line);
  assert_true(full < LH_COOKIE_LINE_MAX && strstr(line, "name0=") && strstr(line, "name1="));
  assert_int_equal(lh_jar_take(&jar, &site, text_of("more=1"), now_s + 59), -ENOBUFS);
  assert_int_equal(lh_jar_line(jar, &site, now_s, line), full); /* nothing went */
  assert_int_equal(lh_jar_take(&jar, &site, text_of("name0=other"), now_s + 59), 0); /* of the same size */
  assert_int_equal(lh_jar_take(&jar, &site, text_of("more=1"), now_s + 60), 0); /* what is past its time goes */
  size_t len = lh_jar_line(jar, &site, now_s + 60, line), at = 0;
  line[len] = 0;
  assert_true(strstr(line, "more=1") && strstr(line, "name0=other") && !strstr(line, "name1="));
  struct lh_text value;
  size_t values = 0;
  while (lh_jar_next(jar, &at, &value)) values++;
  assert_in_range(values, kept / 2, kept / 2 + 1);
  free(jar);
}

static void dates_are_read_as_they_come(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t at_s; /* -1: none */
  } rows[] = {
      {"Wed, 21 Oct 2015 07:28:00 GMT", 1445412480}, {"Wednesday, 21-Oct-15 07:28:00 GMT", 1445412480}, {"Wed Oct 21 07:28:00 2015", 1445412480},
      {"21 oct 2015 7:28:0", 1445412480},            {"Wed, 21-Oct-2015 07:28:00 UTC", 1445412480},     {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Fri, 31-Dec-99 23:59:59 GMT", 946684799},    {"Thu, 01-Jan-70 00:00:00 GMT", 0},                {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648},
      {"29 Feb 2016 00:00:00", 1456704000},          {"29 Feb 2015 00:00:00", -1},                      {"32 Jan 2015 00:00:00", -1},
      {"21 Oct 2015 24:00:00", -1},                  {"21 Oct 1600 00:00:00", -1},                      {"21 Oct 2015", -1},
      {"07:28:00 GMT", -1},                          {"0", -1},                                         {"", -1},
      {"-1", -1},                                    {"21 Oct 12345 00:00:00", -1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    int64_t at_s = -1;
    if (lh_cookie_date(text_of(rows[i].text), &at_s) != (rows[i].at_s >= 0) || at_s != rows[i].at_s)
      fail_msg("'%s': %lld", rows[i].text, (long long)at_s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_kept_is_sent_where_it_belongs),
      cmocka_unit_test(what_finds_no_room_is_refused),
      cmocka_unit_test(dates_are_read_as_they_come),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
