#include "csv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct csv csv_begin(const char *text, size_t len) {
  size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
  return (struct csv){.at = text + mark, .end = text + len, .line = 1};
}

/* At a field's end: a comma, a line break or the end of the text. Returns false when something else stands there. */
static bool end_field(struct csv *csv, struct csv_field *field) {
  field->last = true;
  csv->in_row = false;
  if (csv->at == csv->end) return true;
  if (*csv->at == ',') {
    csv->at++;
    field->last = false;
    csv->in_row = true;
    return true;
  }
  if (*csv->at == '\r' && csv->end - csv->at > 1 && csv->at[1] == '\n') csv->at++;
  if (*csv->at != '\n') return false;
  csv->at++;
  csv->line++;
  return true;
}

static int next_quoted(struct csv *csv, struct csv_field *field, struct lh_err *err) {
  field->at = ++csv->at;
  for (;; csv->at++) {
    if (csv->at == csv->end)
      return lh_err_set(err, EINVAL, "line %" PRIu64 ": a quoted field is begun and not ended; expected a closing \"", field->line);
    if (*csv->at == '\n') csv->line++;
    if (*csv->at != '"') continue;
    if (csv->end - csv->at < 2 || csv->at[1] != '"') break;
    field->doubled = true;
    csv->at++;
  }
  field->len = (size_t)(csv->at++ - field->at);
  if (end_field(csv, field)) return 1;
  return lh_err_set(err, EINVAL, "line %" PRIu64 ": text follows the closing \" of a field; expected a comma, or \"\" for a quote in it",
                    csv->line);
}

int csv_next(struct csv *csv, struct csv_field *field, struct lh_err *err) {
  *field = (struct csv_field){.at = csv->at, .line = csv->line};
  if (csv->at == csv->end && !csv->in_row) return 0;
  if (csv->at < csv->end && *csv->at == '"') return next_quoted(csv, field, err);
  while (csv->at < csv->end && *csv->at != ',' && *csv->at != '\n') {
    if (*csv->at == '"')
      return lh_err_set(err, EINVAL, "line %" PRIu64 ": a quote stands inside a field; expected the whole field in quotes, and \"\" for one in it",
                        csv->line);
    csv->at++;
  }
  field->len = (size_t)(csv->at - field->at);
  bool ends_line = csv->at < csv->end && *csv->at == '\n';
  if (ends_line && field->len && csv->at[-1] == '\r') field->len--;
  end_field(csv, field);
  return 1;
}

size_t csv_copy(const struct csv_field *field, char *out) {
  size_t len = 0;
  if (!field->doubled) {
    if (out) memcpy(out, field->at, field->len);
    return field->len;
  }
  for (size_t i = 0; i < field->len; i++) {
    if (out) out[len] = field->at[i];
    len++;
    i += field->at[i] == '"';
  }
  return len;
}
