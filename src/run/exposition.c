#include "run/exposition.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A label in braces: name="value", where \" in the value does not end it. */
struct label {
  const char *text;
  size_t len;
};

static const char *skip_blanks(const char *at) {
  return at + strspn(at, " \t");
}

/* Takes the next label; *at stands behind it and its comma. False at the closing brace, the line's end, and at what is none. */
static bool next_label(const char **at, struct label *out) {
  const char *begin = *at + strspn(*at, " \t,"), *quote = begin + strcspn(begin, "\"}\n");
  if (*quote != '"') return false;
  const char *end = quote + 1;
  while (*end != '"' && *end != '\n' && *end != '\0') end += *end == '\\' && end[1] != '\0' ? 2 : 1;
  if (*end != '"') return false;
  *out = (struct label){begin, (size_t)(end + 1 - begin)};
  *at = end + 1;
  return true;
}

static bool has_label(const char *labels, struct label wanted) {
  struct label here;
  while (next_label(&labels, &here))
    if (here.len == wanted.len && memcmp(here.text, wanted.text, wanted.len) == 0) return true;
  return false;
}

static bool has_labels(const char *labels, const char *wanted) {
  struct label label;
  while (next_label(&wanted, &label))
    if (!has_label(labels, label)) return false;
  return true;
}

/* Where the value of the sample stands; NULL when the line is no such sample. */
static const char *value_of(const char *line, const char *metric, size_t name_len) {
  if (strncmp(line, metric, name_len) != 0) return NULL;
  const char *at = skip_blanks(line + name_len), *wanted = metric[name_len] == '{' ? metric + name_len + 1 : "";
  bool is_whole_name = line[name_len] == '{' || at > line + name_len;
  if (!is_whole_name) return NULL;
  const char *labels = "";
  if (*at == '{') {
    struct label label;
    labels = ++at;
    while (next_label(&at, &label)) continue;
    at = at + strspn(at, " \t,");
    if (*at != '}') return NULL;
    at++;
  }
  return has_labels(labels, wanted) ? skip_blanks(at) : NULL;
}

bool lh_exposition_sum(const char *page, const char *metric, double *sum) {
  size_t name_len = strcspn(metric, "{");
  double total = 0;
  bool found = false;
  for (const char *line = page; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    const char *at = value_of(line, metric, name_len);
    char *end;
    double value = at ? strtod(at, &end) : NAN;
    if (!at || end == at || isnan(value)) continue;
    total += value;
    found = true;
  }
  if (found) *sum = total;
  return found;
}
