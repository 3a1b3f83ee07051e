#include "cli/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

enum { DEPTH_OF_LINES = 2 };

static void put(struct lh_cli_json *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct lh_cli_json *j, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (j->code == 0) j->code = lh_buf_vaddf(j->out, format, args);
  va_end(args);
}

static void put_quoted(struct lh_cli_json *j, const char *text) {
  if (j->code == 0) j->code = lh_buf_addjson(j->out, text);
}

/* Parts it from the member before, and says its name. */
static void begin(struct lh_cli_json *j, const char *name) {
  if (j->has_member) put(j, ",");
  if (j->depth > 0 && j->depth <= DEPTH_OF_LINES)
    put(j, "\n%*s", 2 * (int)j->depth, "");
  else if (j->has_member)
    put(j, " ");
  j->has_member = true;
  if (name == NULL) return;
  put_quoted(j, name);
  put(j, ": ");
}

void lh_cli_json_open(struct lh_cli_json *j, const char *name, char bracket) {
  begin(j, name);
  put(j, "%c", bracket);
  j->depth++;
  j->has_member = false;
}

void lh_cli_json_close(struct lh_cli_json *j, char bracket) {
  bool ends_line = j->has_member && j->depth == 1;
  j->depth--;
  put(j, "%s%c%s", ends_line ? "\n" : "", bracket, j->depth == 0 ? "\n" : "");
  j->has_member = true;
}

void lh_cli_json_text(struct lh_cli_json *j, const char *name, const char *text) {
  begin(j, name);
  if (text != NULL)
    put_quoted(j, text);
  else
    put(j, "null");
}

void lh_cli_json_bool(struct lh_cli_json *j, const char *name, bool value) {
  begin(j, name);
  put(j, "%s", value ? "true" : "false");
}

void lh_cli_json_count(struct lh_cli_json *j, const char *name, uint64_t value) {
  begin(j, name);
  put(j, "%" PRIu64, value);
}

void lh_cli_json_clients(struct lh_cli_json *j, const char *name, uint64_t clients) {
  if (clients == UINT64_MAX)
    lh_cli_json_text(j, name, NULL);
  else
    lh_cli_json_count(j, name, clients);
}

void lh_cli_json_number(struct lh_cli_json *j, const char *name, double value, int decimals) {
  if (isnan(value)) {
    lh_cli_json_text(j, name, NULL);
    return;
  }
  begin(j, name);
  put(j, "%.*f", decimals, value);
}

void lh_cli_json_texts(struct lh_cli_json *j, const struct lh_cli_json_text *members, size_t count) {
  lh_cli_json_open(j, NULL, '{');
  for (size_t i = 0; i < count; i++) lh_cli_json_text(j, members[i].name, members[i].text);
  lh_cli_json_close(j, '}');
}
