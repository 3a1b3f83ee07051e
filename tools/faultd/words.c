#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Reads the escape after a backslash at *at; returns the byte, or -1. */
static int read_escape(const char **at, const char *end) {
  if (*at == end) return -1;
  char c = *(*at)++;
  switch (c) {
  case 'n': return '\n';
  case 'r': return '\r';
  case 't': return '\t';
  case '0': return 0;
  case '"':
  case '\\': return c;
  case 'x': break;
  default: return -1;
  }
  if (end - *at < 2) return -1;
  int high = hex_value((*at)[0]), low = hex_value((*at)[1]);
  *at += 2;
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Copies the quoted text that starts at *at (after its quote) to out; returns the end of out, NULL when it is not closed. */
static char *read_quoted(const char **at, const char *end, char *out, struct lh_err *err) {
  while (*at < end && **at != '"') {
    int c = (unsigned char)*(*at)++;
    if (c == '\\') c = read_escape(at, end);
    if (c < 0) {
      lh_err_set(err, EINVAL, "an escape in quotes is none of \\\" \\\\ \\n \\r \\t \\0 \\xHH");
      return NULL;
    }
    *out++ = (char)c;
  }
  if (*at == end) {
    lh_err_set(err, EINVAL, "a text in quotes is not closed");
    return NULL;
  }
  ++*at;
  return out;
}

int words_cut(struct words *words, const char *line, size_t len, struct lh_err *err) {
  const char *at = line, *end = line + len;
  char *out = words->bytes;
  words->count = words->at = 0;
  if (len >= WORD_BYTES_MAX / 2) return lh_err_set(err, EINVAL, "the line is longer than %d bytes", WORD_BYTES_MAX / 2);
  for (;;) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) at++;
    if (at == end || *at == '#') return 0;
    if (words->count == WORDS_MAX) return lh_err_set(err, EINVAL, "the line has more than %d words", WORDS_MAX);
    struct word *word = &words->items[words->count++];
    *word = (struct word){.text = out, .quoted = *at == '"'};
    if (word->quoted) {
      at++;
      out = read_quoted(&at, end, out, err);
      if (!out) return -EINVAL;
    } else {
      while (at < end && *at != ' ' && *at != '\t' && *at != '\r') *out++ = *at++;
    }
    word->len = (size_t)(out - word->text);
    *out++ = 0;
  }
}

struct word *words_peek(struct words *words) {
  return words->at < words->count ? &words->items[words->at] : NULL;
}

struct word *words_next(struct words *words) {
  struct word *word = words_peek(words);
  if (word) words->at++;
  return word;
}
