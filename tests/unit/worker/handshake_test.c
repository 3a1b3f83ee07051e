/* What a group's clients say to open a WebSocket: rendering, replacing, and what cannot be sent. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/handshake.h"

static char chat[] = "chat", gateway[] = "gateway", host[] = "example.test", slash[] = "/";

static struct lh_target target_of(struct lh_header *headers, size_t count) {
  return (struct lh_target){.name = gateway, .host = host, .port = 80, .path = slash, .headers = {headers, count}};
}

static struct lh_group group_of(struct lh_header *headers, size_t count) {
  return (struct lh_group){.name = chat, .headers = {headers, count}};
}

static const struct lh_template_values values = {.token = {.client = 17, .group = 2}, .group_name = "chat", .seed = 1};

static char *headers_of(const struct lh_handshake *h) {
  static char out[4096];
  char *at = out;
  assert_int_equal(lh_handshake_headers(h, &values, &at, sizeof out - 1), 0);
  *at = 0;
  return out;
}

static const char *path_of(const struct lh_handshake *h) {
  static char out[256];
  assert_true(lh_handshake_path_max(h) < sizeof out);
  lh_handshake_path(h, &values, out);
  return out;
}

static void headers_replace_and_render(void **state) {
  (void)state;
  char cookie[] = "Cookie", id[] = "id=${client}", x[] = "X-Group", grp[] = "${group}", auth[] = "authorization",
       none[] = "none", AUTH[] = "Authorization", bearer[] = "Bearer z";
  struct lh_header of_target[] = {{cookie, id}, {auth, none}}, of_group[] = {{AUTH, bearer}, {x, grp}};
  struct lh_target target = target_of(of_target, 2);
  struct lh_group group = group_of(of_group, 2);
  struct lh_handshake *h;
  assert_int_equal(lh_handshake_new(&h, &group, &target, NULL), 0);
  assert_string_equal(headers_of(h), "User-Agent: longhaul/" LH_VERSION "\r\nCookie: id=17\r\nauthorization: Bearer z\r\nX-Group: chat\r\n");
  assert_string_equal(path_of(h), "/");
  assert_null(lh_handshake_protocols(h));

  char small[40], *at = small; /* room for one header and not for two */
  assert_int_equal(lh_handshake_headers(h, &values, &at, sizeof small), -ENOBUFS);
  assert_ptr_equal(at, small);
  lh_handshake_free(h);
}

static void host_header_by_target(void **state) {
  (void)state;
  static const struct {
    const char *host;
    uint16_t port;
    bool tls;
    const char *expected;
  } cases[] = {{"example.test", 80, false, "example.test"},     {"example.test", 443, true, "example.test"},
               {"example.test", 443, false, "example.test:443"}, {"example.test", 80, true, "example.test:80"},
               {"10.0.0.7", 8080, false, "10.0.0.7:8080"},       {"::1", 8080, false, "[::1]:8080"},
               {"::1", 80, false, "[::1]"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char name[32], out[LH_HOST_MAX];
    strcpy(name, cases[i].host);
    struct lh_target target = {.name = gateway, .host = name, .port = cases[i].port, .path = slash, .tls_scheme = cases[i].tls};
    struct lh_group group = group_of(NULL, 0);
    struct lh_handshake *h;
    assert_int_equal(lh_handshake_new(&h, &group, &target, NULL), 0);
    lh_handshake_host(h, &values, out);
    assert_string_equal(out, cases[i].expected);
    lh_handshake_free(h);
  }
}

static void own_host_header_takes_its_place(void **state) {
  (void)state;
  char name[] = "host", value[] = "tenant-${client}.test", out[LH_HOST_MAX];
  struct lh_header of_group[] = {{name, value}};
  struct lh_target target = target_of(NULL, 0);
  struct lh_group group = group_of(of_group, 1);
  struct lh_handshake *h;
  assert_int_equal(lh_handshake_new(&h, &group, &target, NULL), 0);
  lh_handshake_host(h, &values, out);
  assert_string_equal(out, "tenant-17.test");
  assert_null(strstr(headers_of(h), "tenant"));
  lh_handshake_free(h);
}

static void subprotocols_and_path_of_the_group(void **state) {
  (void)state;
  char one[] = "graphql-ws", two[] = "v2.chat", path[] = "/ws?room=1&c=${client}", *items[] = {one, two};
  struct lh_target target = target_of(NULL, 0);
  struct lh_group group = {.name = chat, .path = path, .subprotocols = {items, 2}};
  struct lh_handshake *h;
  assert_int_equal(lh_handshake_new(&h, &group, &target, NULL), 0);
  assert_string_equal(lh_handshake_protocols(h), "graphql-ws, v2.chat");
  assert_string_equal(path_of(h), "/ws?room=1&c=17");
  lh_handshake_free(h);
}

/* What would break the request is refused with a sentence that says where. */
static void what_cannot_be_sent_is_refused(void **state) {
  (void)state;
  static char long_path[2100] = "/";
  memset(long_path + 1, 'p', sizeof long_path - 2);
  static const struct {
    const char *name, *value, *path, *protocol, *sentence;
  } cases[] = {
      {"A B", "x", NULL, NULL, "groups.chat.headers: 'A B' is not a header name"},
      {"", "x", NULL, NULL, "is not a header name"},
      {"A", "x\r\nInjected: y", NULL, NULL, "groups.chat.headers.A: a header value must not hold line breaks"},
      {"upgrade", "h2c", NULL, NULL, "part of the WebSocket handshake"},
      {"Sec-WebSocket-Protocol", "x", NULL, NULL, "use `subprotocols`"},
      {"Sec-WebSocket-Extensions", "x", NULL, NULL, "use `deflate`"},
      {"A", "${nothing}", NULL, NULL, "groups.chat.headers.A"},
      {NULL, NULL, "no-slash", NULL, "must begin with /"},
      {NULL, NULL, "/a b", NULL, "hold no spaces"},
      {NULL, NULL, long_path, NULL, "longer than the 2000"},
      {NULL, NULL, NULL, "two words", "cannot be a subprotocol"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *name = strdup(cases[i].name ? cases[i].name : ""), *value = strdup(cases[i].value ? cases[i].value : "");
    char *path = cases[i].path ? strdup(cases[i].path) : NULL, *protocol = strdup(cases[i].protocol ? cases[i].protocol : "");
    struct lh_header header = {name, value};
    struct lh_target target = target_of(NULL, 0);
    struct lh_group group = {.name = chat,
                             .path = path,
                             .headers = {&header, cases[i].name ? 1 : 0},
                             .subprotocols = {&protocol, cases[i].protocol ? 1 : 0}};
    struct lh_handshake *h = NULL;
    struct lh_err err = {0};
    assert_int_equal(lh_handshake_new(&h, &group, &target, &err), -EINVAL);
    assert_null(h);
    if (!strstr(err.text, cases[i].sentence)) fail_msg("case %zu: %s", i, err.text);
    free(name), free(value), free(path), free(protocol);
  }
}

/* The request that libwebsockets writes is never longer than what was set aside for it. */
static void size_max_covers_the_rendering(void **state) {
  (void)state;
  char name[] = "X-Long", value[] = "${client} ${uuid} ${group} ${time_ms} ${rand:1..1000000}";
  struct lh_header of_group[] = {{name, value}};
  struct lh_target target = target_of(NULL, 0);
  struct lh_group group = group_of(of_group, 1);
  struct lh_handshake *h;
  assert_int_equal(lh_handshake_new(&h, &group, &target, NULL), 0);
  assert_true(strlen(headers_of(h)) + 512 < lh_handshake_size_max(h));
  lh_handshake_free(h);
  lh_handshake_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(headers_replace_and_render),      cmocka_unit_test(host_header_by_target),
      cmocka_unit_test(own_host_header_takes_its_place), cmocka_unit_test(subprotocols_and_path_of_the_group),
      cmocka_unit_test(what_cannot_be_sent_is_refused),  cmocka_unit_test(size_max_covers_the_rendering),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
