/* What a proxy may answer, over a pair of sockets: each answer whole and byte by byte, and what follows it stays unread. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/tunnel.h"

static char host[] = "h.example", host_v6[] = "::1", proxy_host[] = "p", authorization[] = "Basic dTpw", name[] = "t";

static void the_request_names_host_and_port(void **state) {
  (void)state;
  struct lh_err err;
  char *request;
  struct lh_target target = {.name = name, .host = host, .port = 443, .proxy = {.host = proxy_host, .port = 1}};
  assert_int_equal(lh_tunnel_request(&request, &target, &err), 0);
  assert_string_equal(request, "CONNECT h.example:443 HTTP/1.1\r\nHost: h.example:443\r\nUser-Agent: longhaul/" LH_VERSION "\r\n\r\n");
  free(request);
  target.host = host_v6;
  target.proxy.authorization = authorization;
  assert_int_equal(lh_tunnel_request(&request, &target, &err), 0);
  assert_non_null(strstr(request, "CONNECT [::1]:443 HTTP/1.1\r\n"));
  assert_non_null(strstr(request, "\r\nProxy-Authorization: Basic dTpw\r\n\r\n"));
  free(request);
}

static const struct row {
  const char *answer; /* up to what is behind the tunnel */
  enum lh_tunnel_step step;
  uint16_t status;
  const char *text;
} rows[] = {
    {"HTTP/1.1 200 Connection established\r\n\r\n", LH_TUNNEL_UP, 0, NULL},
    {"HTTP/1.0 200\r\nX: y\r\nZ:\r\n\r\n", LH_TUNNEL_UP, 0, NULL},
    {"HTTP/1.1 204 x\n\n", LH_TUNNEL_UP, 0, NULL},
    {"HTTP/1.1 403 Access denied\r\nContent-Length: 1\r\n\r\n", LH_TUNNEL_REFUSED, 403, "Access denied"},
    {"HTTP/1.1 407\r\n\r\n", LH_TUNNEL_REFUSED, 407, ""},
    {"SSH-2.0-OpenSSH\r\n\r\n", LH_TUNNEL_REFUSED, 0, "the proxy's answer is not HTTP/1"},
    {"\r\n", LH_TUNNEL_REFUSED, 0, "the proxy's answer is not HTTP/1"},
};

static void ask(const struct row *row, size_t piece) {
  int ends[2];
  char seen[64] = "";
  const size_t len = strlen(row->answer);
  struct lh_tunnel tunnel = {.request = "CONNECT\r\n\r\n"};
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  assert_int_equal(lh_tunnel_go_on(&tunnel, ends[0]), LH_TUNNEL_READ);
  assert_int_equal(read(ends[1], seen, sizeof seen), 11);
  enum lh_tunnel_step step = LH_TUNNEL_READ;
  for (size_t at = 0; at < len && step == LH_TUNNEL_READ; at += piece) {
    size_t part = len - at < piece ? len - at : piece;
    assert_int_equal(write(ends[1], row->answer + at, part), part);
    if (at + part == len) assert_int_equal(write(ends[1], "behind", 6), 6);
    step = lh_tunnel_go_on(&tunnel, ends[0]);
  }
  assert_int_equal(step, row->step);
  if (step == LH_TUNNEL_REFUSED) {
    struct lh_refusal refusal = lh_tunnel_refusal(&tunnel);
    assert_int_equal(refusal.status, row->status);
    assert_string_equal(refusal.text, row->text);
  }
  memset(seen, 0, sizeof seen);
  assert_int_equal(read(ends[0], seen, sizeof seen), 6);
  assert_string_equal(seen, "behind");
  close(ends[0]);
  close(ends[1]);
}

static void answers_are_read_to_their_last_byte(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    print_message("%s", rows[i].answer);
    ask(&rows[i], 1);
    ask(&rows[i], 7);
    ask(&rows[i], 1000);
  }
}

static void an_end_without_an_answer_is_told(void **state) {
  (void)state;
  int ends[2];
  struct lh_tunnel tunnel = {.request = "x"};
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  close(ends[1]);
  assert_int_equal(lh_tunnel_go_on(&tunnel, ends[0]), LH_TUNNEL_REFUSED);
  assert_string_equal(lh_tunnel_refusal(&tunnel).text, "the proxy closed without an answer");
  close(ends[0]);
}

static void a_head_without_end_is_refused(void **state) {
  (void)state;
  int ends[2];
  static char line[1024];
  struct lh_tunnel tunnel = {.request = "x"};
  enum lh_tunnel_step step = LH_TUNNEL_READ;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  memset(line, 'a', sizeof line);
  for (int i = 0; i < 100 && step == LH_TUNNEL_READ; i++) {
    assert_int_equal(write(ends[1], line, sizeof line), sizeof line);
    step = lh_tunnel_go_on(&tunnel, ends[0]);
  }
  assert_int_equal(step, LH_TUNNEL_REFUSED);
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_request_names_host_and_port),
                                     cmocka_unit_test(answers_are_read_to_their_last_byte),
                                     cmocka_unit_test(an_end_without_an_answer_is_told), cmocka_unit_test(a_head_without_end_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
