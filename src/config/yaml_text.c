#include "yaml_text.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/buf.h"

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words that one or the other reader takes for something else than text. */
static bool is_taken(const char *text) {
  static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "y", "n", "null", ".inf", ".nan"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasecmp(text, words[i]) == 0) return true;
  return false;
}

/* 250ms, 99.9%: a number with a unit, which no reader takes for a number, a date or a time. */
static bool is_quantity(const char *text) {
  const char *unit = text + strspn(text, "0123456789.");
  return unit > text && (strcmp(unit, "%") == 0 || (*unit && strspn(unit, "smhdu") == strlen(unit)));
}

static bool can_be_plain(const char *text) {
  size_t len = strlen(text);
  if (is_quantity(text)) return true;
  if (!is_letter(text[0]) && text[0] != '/') return false;
  if (is_taken(text) || text[len - 1] == ':') return false;
  for (const char *at = text; *at; at++)
    if (!is_letter(*at) && !(*at >= '0' && *at <= '9') && !strchr("_./:@%+-?=", *at)) return false;
  return true;
}

/* The code point at `at` and its length; the text is well-formed. */
static unsigned decode(const unsigned char *at, unsigned *len) {
  *len = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
  unsigned point = *len == 1 ? at[0] : at[0] & (0xffu >> (*len + 1));
  for (unsigned i = 1; i < *len; i++) point = point << 6 | (at[i] & 0x3f);
  return point;
}

/* Not printable in YAML, or a line break to it (NEL, LS, PS), or a byte order mark. */
static bool must_be_escaped(unsigned point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 || point == 0xfeff ||
         (point >= 0xd800 && point < 0xe000) || point == 0xfffe || point == 0xffff;
}

int yaml_text_add_quoted(struct lh_buf *out, const char *text) {
  int failed = lh_buf_addstr(out, "\"");
  for (const unsigned char *at = (const unsigned char *)text; *at && !failed;) {
    unsigned len, point = decode(at, &len);
    if (point == '"' || point == '\\')
      failed = lh_buf_addf(out, "\\%c", (int)point);
    else if (point == '\n')
      failed = lh_buf_addstr(out, "\\n");
    else if (point == '\t')
      failed = lh_buf_addstr(out, "\\t");
    else if (must_be_escaped(point))
      failed = lh_buf_addf(out, "\\u%04x", point);
    else
      failed = lh_buf_add(out, at, len);
    at += len;
  }
  return failed ? failed : lh_buf_addstr(out, "\"");
}

/* Text full of double quotes, as JSON is, reads better in single ones, which know no escapes. */
static bool fits_single_quotes(const char *text) {
  if (!strpbrk(text, "\"\\") || strchr(text, '\'')) return false;
  for (const unsigned char *at = (const unsigned char *)text; *at;) {
    unsigned len, point = decode(at, &len);
    if (must_be_escaped(point)) return false;
    at += len;
  }
  return true;
}

int yaml_text_add(struct lh_buf *out, const char *text) {
  if (can_be_plain(text)) return lh_buf_addstr(out, text);
  return fits_single_quotes(text) ? lh_buf_addf(out, "'%s'", text) : yaml_text_add_quoted(out, text);
}

int yaml_text_indent(struct lh_buf *out, unsigned level) {
  return lh_buf_addf(out, "%*s", (int)(2 * level), "");
}
