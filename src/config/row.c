#include "row.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The rest of `key` below `parent`'s, without the point; NULL when it does not stand below. */
static const char *below(const struct lh_option *parent, const char *key) {
  if (!parent) return key;
  size_t len = strlen(parent->key);
  if (strncmp(key, parent->key, len) != 0) return NULL;
  if (key[len] == '.') return key + len + 1;
  return strncmp(key + len, "[]", 2) == 0 ? key + len : NULL;
}

static bool is_child(const struct lh_option *parent, const struct lh_option *row) {
  const char *rest = below(parent, row->key);
  if (!rest || !*rest) return false;
  if (strncmp(rest, "[]", 2) == 0) return !rest[2];
  return !strpbrk(rest, ".[");
}

const struct lh_option *row_next_child(const struct lh_option *parent, const struct lh_option *after) {
  size_t count;
  const struct lh_option *rows = lh_options(&count);
  for (const struct lh_option *row = after ? after + 1 : parent ? parent + 1 : rows; row < rows + count; row++) {
    if (parent && !below(parent, row->key)) return NULL; /* rows below a row follow it directly */
    if (is_child(parent, row)) return row;
  }
  return NULL;
}

const char *row_name(const struct lh_option *row) {
  const char *point = strrchr(row->key, '.');
  return point ? point + 1 : row->key;
}

const struct lh_option *row_child(const struct lh_option *parent, const char *name) {
  for (const struct lh_option *row = NULL; (row = row_next_child(parent, row));)
    if (strcmp(row_name(row), name) == 0) return row;
  return NULL;
}

bool row_is_item(const struct lh_option *row) {
  size_t len = strlen(row->key);
  return (len > 2 && strcmp(row->key + len - 2, ".*") == 0) || (len > 2 && strcmp(row->key + len - 2, "[]") == 0);
}

bool row_is_required(const struct lh_option *row) {
  return !row->preset;
}

int choice_number(const char *choices, const char *word) {
  size_t len = strlen(word);
  int number = 0;
  for (const char *at = choices; at && len; number++) {
    size_t end = strcspn(at, "|");
    if (end == len && memcmp(at, word, len) == 0) return number;
    at = at[end] ? at + end + 1 : NULL;
  }
  return -1;
}

const char *choices_text(const char *choices, char *out, size_t size) {
  size_t len = 0;
  out[0] = 0;
  for (const char *at = choices; at && len < size;) {
    size_t end = strcspn(at, "|");
    const char *next = at[end] ? at + end + 1 : NULL;
    const char *joint = at == choices ? "" : next ? ", " : " or ";
    int wrote = snprintf(out + len, size - len, "%s%.*s", joint, (int)end, at);
    if (wrote > 0) len += (size_t)wrote;
    at = next;
  }
  return out;
}

/* X(TYPE, name, what is expected) */
#define TYPE_LIST(X)                                                                                                           \
  X(MAP, "mapping", "a mapping of keys to values")                                                                             \
  X(NAMED, "mapping of names", "a mapping of names to settings")                                                               \
  X(LIST, "list", "a list")                                                                                                    \
  X(STRING, "text", "text")                                                                                                    \
  X(TEMPLATE, "text with variables", "text, in quotes when it begins with { or [")                                             \
  X(BOOL, "boolean", "true or false, without quotes")                                                                          \
  X(COUNT, "whole number", "a whole number in digits alone, such as 5000")                                                     \
  X(NUMBER, "number", "a number such as 2 or 0.5")                                                                             \
  X(DURATION, "duration", "a number with its unit (us, ms, s, m, h, d), such as 250ms or 1h30m")                               \
  X(SIZE, "size", "a number with its unit (B, KiB, MiB, GiB), such as 64KiB")                                                  \
  X(RATE, "rate", "a number per second, minute or hour, such as 10/s")                                                         \
  X(SHARE, "share", "a percentage such as 20%, or a fraction from 0 to 1")                                                     \
  X(CHOICE, "choice", "one of its choices")                                                                                    \
  X(FILE, "file", "the path of a file")                                                                                        \
  X(URL, "URL", "a URL such as wss://host:8443/path")                                                                          \
  X(HEADERS, "mapping of headers", "a mapping of header names to values")                                                      \
  X(STRINGS, "list of texts", "a list of texts, such as [one, two]")

const char *type_name(enum lh_option_type type) {
  static const char *const names[] = {
#define X(id, name, expected) [LH_OPTION_##id] = name,
      TYPE_LIST(X)
#undef X
  };
  return names[type];
}

const char *type_expected(enum lh_option_type type) {
  static const char *const expectations[] = {
#define X(id, name, expected) [LH_OPTION_##id] = expected,
      TYPE_LIST(X)
#undef X
  };
  return expectations[type];
}

/* Compares a written key with a row's pattern part by part: "*" takes any name, "[]" any index. A pattern matches itself. */
static bool key_matches(const char *pattern, const char *key) {
  while (*pattern && *key) {
    if (*pattern == '*') {
      size_t len = strcspn(key, ".[");
      if (!len) return false;
      pattern++;
      key += len;
    } else if (*pattern == '[' && *key == '[') {
      size_t len = strcspn(key, "]");
      if (!key[len]) return false;
      pattern += 2;
      key += len + 1;
    } else if (*pattern++ != *key++) {
      return false;
    }
  }
  return !*pattern && !*key;
}

const struct lh_option *lh_option_find(const char *key) {
  size_t count;
  const struct lh_option *rows = lh_options(&count);
  for (size_t i = 0; i < count; i++)
    if (key_matches(rows[i].key, key)) return &rows[i];
  return NULL;
}
