/* Any bytes as a login's answer: headers ("Name: value" lines up to an empty one), then a body that comes in pieces. What is
 * extracted has no control characters and is no longer than allowed, and pieces make no difference. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/conn/login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds) {
  if (!holds) abort();
}

static struct lh_extract extracts[] = {
    {.name = (char[]){"json"}, .source = LH_EXTRACT_JSON, .json = (char[]){"/a/b"}},
    {.name = (char[]){"header"}, .source = LH_EXTRACT_HEADER, .header = (char[]){"X"}},
    {.name = (char[]){"cookie"}, .source = LH_EXTRACT_COOKIE, .cookie = (char[]){"c"}},
};

static struct lh_texts *extract(const struct lh_login_config *config, const char *text, size_t size, size_t piece) {
  struct lh_answer answer;
  struct lh_texts *texts = NULL;
  struct lh_err err = {0};
  const char *at = text, *end = text + size;
  lh_answer_init(&answer, config);
  while (at < end && *at != '\n') {
    const char *stop = memchr(at, '\n', (size_t)(end - at)), *colon;
    if (!stop) stop = end;
    colon = memchr(at, ':', (size_t)(stop - at));
    if (colon) lh_answer_header(&answer, at, (size_t)(colon - at), colon + 1, (size_t)(stop - colon - 1));
    at = stop < end ? stop + 1 : end;
  }
  if (at < end) at++;
  for (; at < end; at += piece < (size_t)(end - at) ? piece : (size_t)(end - at))
    lh_answer_body(&answer, at, piece < (size_t)(end - at) ? piece : (size_t)(end - at));
  check((lh_answer_texts(&answer, &texts, &err) == 0) == (texts != NULL) && (texts || *err.text));
  lh_answer_free(&answer);
  return texts;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *exact = malloc(size ? size : 1);
  memcpy(exact, data, size);
  for (size_t i = 0; i < 3; i++) {
    const struct lh_login_config config = {.extracts = &extracts[i], .extract_count = 1, .keeps_cookies = true, .status = {2}};
    struct lh_texts *whole = extract(&config, exact, size, size + 1), *pieces = extract(&config, exact, size, 3);
    check(!whole == !pieces);
    if (whole) check(lh_texts_bytes(whole) == lh_texts_bytes(pieces) && memcmp(whole, pieces, lh_texts_bytes(whole)) == 0);
    for (uint32_t t = 0; whole && t < whole->count; t++) {
      struct lh_text text = lh_texts_at(whole, t);
      check(text.len <= LH_LOGIN_VALUE_MAX);
      for (size_t b = 0; b < text.len; b++) check(((unsigned char)text.at[b] >= ' ' && text.at[b] != 0x7f) || (t == 0 && text.at[b] == '\n'));
    }
    free(whole);
    free(pieces);
  }
  free(exact);
  return 0;
}
