#include "conn/json_pointer.h"

#include <stdint.h>
#include <string.h>

struct text {
  const char *at, *end;
};

static void skip_space(struct text *t) {
  while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\n' || *t->at == '\r')) t->at++;
}

static bool take(struct text *t, char c) {
  skip_space(t);
  if (t->at == t->end || *t->at != c) return false;
  t->at++;
  return true;
}

/* Each byte is looked at twice at most, however many escapes there are. */
static bool skip_string(struct text *t) {
  if (!take(t, '"')) return false;
  for (const char *quote; (quote = memchr(t->at, '"', (size_t)(t->end - t->at)));) {
    const char *escape;
    while (t->at < quote && (escape = memchr(t->at, '\\', (size_t)(quote - t->at)))) t->at = escape + 2;
    if (t->at > quote) continue; /* it was escaped */
    t->at = quote + 1;
    return true;
  }
  return false;
}

static bool skip_container(struct text *t) {
  size_t depth = 0;
  while (t->at < t->end) {
    switch (*t->at) {
    case '"':
      if (!skip_string(t)) return false;
      continue;
    case '{':
    case '[': depth++; break;
    case '}':
    case ']': depth--; break;
    default: break;
    }
    t->at++;
    if (depth == 0) return true;
  }
  return false;
}

static bool skip_value(struct text *t) {
  skip_space(t);
  if (t->at == t->end) return false;
  if (*t->at == '"') return skip_string(t);
  if (*t->at == '{' || *t->at == '[') return skip_container(t);
  const char *start = t->at;
  while (t->at < t->end && !strchr(",]} \t\r\n:\"", *t->at)) t->at++;
  return t->at > start;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Four hex digits, or UINT32_MAX. */
static uint32_t take_unit(struct text *t) {
  uint32_t unit = 0;
  if (t->end - t->at < 4) return UINT32_MAX;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(*t->at++);
    if (digit < 0) return UINT32_MAX;
    unit = unit << 4 | (uint32_t)digit;
  }
  return unit;
}

/* After "\u": a code point as UTF-8 into out, its length, or 0 when it is not one (a lone surrogate among them). */
static size_t take_code_point(struct text *t, char out[4]) {
  uint32_t c = take_unit(t);
  if (c == UINT32_MAX || (c >= 0xdc00 && c < 0xe000)) return 0;
  if (c >= 0xd800 && c < 0xdc00) {
    if (t->end - t->at < 2 || t->at[0] != '\\' || t->at[1] != 'u') return 0;
    t->at += 2;
    uint32_t low = take_unit(t);
    if (low < 0xdc00 || low >= 0xe000) return 0;
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = len - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)((0xf00 >> len & 0xff) | c);
  return len;
}

/* One character of a JSON string, decoded; its length in out, 0 at what cannot be decoded. */
static size_t take_char(struct text *t, char out[4]) {
  static const char escapes[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  out[0] = *t->at++;
  if (out[0] != '\\') return 1;
  if (t->at == t->end) return 0;
  char c = *t->at++;
  if (c == 'u') return take_code_point(t, out);
  const char *escape = c ? strchr(escapes, c) : NULL;
  if (!escape) return 0;
  out[0] = values[escape - escapes];
  return 1;
}

/* The pointer's next byte, ~0 and ~1 decoded, or -1 at the end of the part. */
static int part_byte(const char **part) {
  if (**part == '\0' || **part == '/') return -1;
  char c = *(*part)++;
  if (c == '~') c = *(*part)++ == '0' ? '~' : '/';
  return (unsigned char)c;
}

/* Whether the JSON string (without its quotes) says what the pointer's part says. */
static bool key_equals(struct text key, const char *part) {
  char bytes[4];
  while (key.at < key.end) {
    size_t len = take_char(&key, bytes);
    if (len == 0) return false;
    for (size_t i = 0; i < len; i++)
      if (part_byte(&part) != (unsigned char)bytes[i]) return false;
  }
  return part_byte(&part) == -1;
}

/* Stands at '{': goes to the value of the member named by part. */
static bool enter_object(struct text *t, const char *part) {
  take(t, '{');
  for (;;) {
    skip_space(t);
    struct text key = *t;
    if (!skip_string(t)) return false;
    key.at++;
    key.end = t->at - 1;
    if (!take(t, ':')) return false;
    if (key_equals(key, part)) return true;
    if (!skip_value(t) || !take(t, ',')) return false;
  }
}

/* Stands at '[': goes to the element with the number in part: digits without leading zeros. */
static bool enter_array(struct text *t, const char *part) {
  size_t index = 0, digits = 0;
  for (int c; (c = part_byte(&part)) != -1; digits++) {
    if (c < '0' || c > '9' || index > SIZE_MAX / 10 - 1 || (digits > 0 && index == 0)) return false;
    index = index * 10 + (size_t)(c - '0');
  }
  if (digits == 0) return false;
  take(t, '[');
  for (; index > 0; index--)
    if (!skip_value(t) || !take(t, ',')) return false;
  skip_space(t);
  return t->at < t->end && *t->at != ']';
}

bool lh_json_pointer_valid(const char *pointer) {
  if (*pointer != '\0' && *pointer != '/') return false;
  for (; *pointer; pointer++)
    if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1') return false;
  return true;
}

bool lh_json_pointer_find(const char *pointer, const char *json, size_t len, struct lh_json_span *value) {
  struct text t = {json, json + len};
  for (; *pointer == '/'; pointer += strcspn(pointer, "/")) {
    pointer++;
    skip_space(&t);
    if (t.at == t.end) return false;
    if (*t.at == '{') {
      if (!enter_object(&t, pointer)) return false;
    } else if (*t.at == '[') {
      if (!enter_array(&t, pointer)) return false;
    } else {
      return false;
    }
  }
  skip_space(&t);
  const char *start = t.at;
  if (!skip_value(&t)) return false;
  *value = (struct lh_json_span){start, (size_t)(t.at - start)};
  return true;
}

bool lh_json_span_is(struct lh_json_span value, const char *text, size_t len) {
  if (value.len >= 2 && value.at[0] == '"') value = (struct lh_json_span){value.at + 1, value.len - 2};
  return len == value.len && memcmp(value.at, text, len) == 0;
}
