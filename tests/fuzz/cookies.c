/* Any bytes as answers and requests, one a line: "<" and a Set-Cookie header, ">" and a path to ask for, "+" an hour later. A jar keeps
 * within its limit, and what is sent is one line without control characters. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/conn/cookies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds) {
  if (!holds) abort();
}

static void ask(const struct lh_jar *jar, const struct lh_cookie_site *site, int64_t now_s) {
  static char line[LH_COOKIE_LINE_MAX];
  size_t len = lh_jar_line(jar, site, now_s, line);
  check(len <= sizeof line && (!len || (len >= 12 && !memcmp(line, "Cookie: ", 8) && !memcmp(line + len - 2, "\r\n", 2))));
  for (size_t i = 0; i + 2 < len; i++) check((unsigned char)line[i] >= ' ' || line[i] == '\t');
}

static void play(const char *text, size_t size) {
  struct lh_jar *jar = NULL;
  int64_t now_s = 1700000000;
  struct lh_cookie_site site = {.host = {"a.h.test:80", 11}, .path = {"/x/y", 4}};
  for (const char *at = text, *end = text + size; at < end;) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    const struct lh_text rest = {at + 1, (size_t)(stop > at ? stop - at - 1 : 0)};
    if (*at == '<' && stop > at) {
      int failed = lh_jar_take(&jar, &site, rest, now_s);
      check(lh_jar_bytes(jar) <= LH_COOKIES_BYTES_MAX + 16 && (!failed || failed == -ENOBUFS));
    } else if (*at == '>' && stop > at) {
      site.path = rest;
    } else if (*at == '+') {
      now_s += 3600;
      site.tls = !site.tls;
    }
    ask(jar, &site, now_s);
    at = stop < end ? stop + 1 : end;
  }
  size_t at = 0;
  struct lh_text value;
  while (lh_jar_next(jar, &at, &value)) check(value.len <= LH_COOKIE_BYTES_MAX);
  free(jar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *exact = malloc(size ? size : 1);
  memcpy(exact, data, size);
  play(exact, size);
  free(exact);
  return 0;
}
