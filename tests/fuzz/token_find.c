/* Any bytes as a reply: a token that is found is, written again, the very bytes it was found in, and none comes before it;
 * one that is put into the bytes is found. And any bytes as a template: refused, or rendered within its size. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/plan/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds) {
  if (!holds) abort();
}

static const struct lh_token_tag tag = {{'t', 'a', 'g', '0'}};

static void find(const uint8_t *data, size_t size) {
  struct lh_token token, earlier;
  long at = lh_token_find(tag, data, size, &token);
  if (at < 0) {
    check(at == -ENOENT || at == -EBADMSG);
    return;
  }
  char written[LH_TOKEN_LEN];
  check((size_t)at + LH_TOKEN_LEN <= size);
  lh_token_write(tag, token, written);
  check(memcmp(written, data + at, LH_TOKEN_LEN) == 0);
  check(lh_token_find(tag, data, (size_t)at + LH_TOKEN_LEN - 1, &earlier) < 0);
}

static void find_one_put_in(const uint8_t *data, size_t size) {
  uint8_t *bytes = malloc(size + LH_TOKEN_LEN);
  size_t at = size ? data[0] % size : 0;
  struct lh_token token = {.client = (uint32_t)size,
                           .group = size ? data[size - 1] : 0,
                           .seq = size ? data[size / 2] * 7919ull : 0},
                  found;
  memcpy(bytes, data, at);
  lh_token_write(tag, token, (char *)bytes + at);
  memcpy(bytes + at + LH_TOKEN_LEN, data + at, size - at);
  long offset = lh_token_find(tag, bytes, size + LH_TOKEN_LEN, &found);
  check(offset >= 0 && (size_t)offset <= at);
  if ((size_t)offset == at) check(found.client == token.client && found.group == token.group && found.seq == token.seq);
  free(bytes);
}

static void compile(const uint8_t *data, size_t size) {
  struct lh_template *t;
  struct lh_err err = {0};
  if (lh_template_compile((const char *)data, size, &t, &err)) {
    check(err.text[0] != 0);
    return;
  }
  struct lh_template_values values = {
      .tag = tag, .token = {.client = 5, .seq = size}, .group_name = "g", .time_ms = size, .seed = 9};
  char *out = malloc(lh_template_size_max(t) + 1);
  size_t len = lh_template_render(t, &values, out);
  check(len <= lh_template_size_max(t));
  struct lh_token token;
  if (lh_template_has_token(t)) check(lh_token_find(tag, out, len, &token) >= 0);
  free(out);
  lh_template_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  find(data, size);
  find_one_put_in(data, size);
  compile(data, size);
  return 0;
}
