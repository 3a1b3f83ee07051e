/* JSON for people and programs: objects and lists of objects a key a line, lists of numbers on one line (a series is
 * thousands of them), numbers in the fewest digits that a report needs. The order of keys is the model's. */
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "report/render.h"

struct writer {
  struct lh_buf *out;
  bool pretty, in_script;
  int failed;
};

static void put(struct writer *w, const char *text) {
  if (!w->failed) w->failed = lh_buf_addstr(w->out, text);
}

static void newline(struct writer *w, int depth) {
  if (!w->pretty) return;
  put(w, "\n");
  for (int i = 0; i < depth; i++) put(w, "  ");
}

/* In a script the only text that could matter to the HTML parser begins with one of three characters; JSON strings are
 * the only place where they can stand. */
static void put_string(struct writer *w, const char *text) {
  if (w->failed) return;
  if (!w->in_script || !text[strcspn(text, "<>&")]) {
    w->failed = lh_buf_addjson(w->out, text);
    return;
  }
  struct lh_buf plain = LH_BUF_INIT(w->out->limit);
  w->failed = lh_buf_addjson(&plain, text);
  for (size_t at = 0; !w->failed && at < plain.len;) {
    size_t len = strcspn(plain.data + at, "<>&");
    w->failed = lh_buf_add(w->out, plain.data + at, len);
    at += len;
    if (at < plain.len && !w->failed) w->failed = lh_buf_addf(w->out, "\\u%04x", (unsigned)plain.data[at++]);
  }
  lh_buf_free(&plain);
}

static void put_real(struct writer *w, double value) {
  char text[48];
  snprintf(text, sizeof text, "%.12g", value);
  const char *point = localeconv()->decimal_point;
  char *at = point && *point && strcmp(point, ".") ? strstr(text, point) : NULL;
  if (at) {
    *at = '.';
    memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
  }
  put(w, text);
}

static void put_value(struct writer *w, const json_t *value, int depth);

static bool is_flat(const json_t *array) {
  const json_t *item;
  size_t i;
  json_array_foreach(array, i, item) {
    if (json_is_object(item) || json_is_string(item)) return false;
    if (json_is_array(item) && !is_flat(item)) return false;
  }
  return true;
}

static void put_array(struct writer *w, const json_t *array, int depth) {
  bool flat = is_flat(array);
  const json_t *item;
  size_t i;
  put(w, "[");
  json_array_foreach(array, i, item) {
    if (i) put(w, flat && w->pretty ? ", " : ",");
    if (!flat) newline(w, depth + 1);
    put_value(w, item, depth + 1);
  }
  if (!flat) newline(w, depth);
  put(w, "]");
}

static void put_object(struct writer *w, const json_t *object, int depth) {
  const char *key;
  json_t *item;
  bool first = true;
  put(w, "{");
  json_object_foreach((json_t *)(uintptr_t)object, key, item) {
    if (!first) put(w, ",");
    first = false;
    newline(w, depth + 1);
    put_string(w, key);
    put(w, w->pretty ? ": " : ":");
    put_value(w, item, depth + 1);
  }
  if (!first) newline(w, depth);
  put(w, "}");
}

static void put_value(struct writer *w, const json_t *value, int depth) {
  if (w->failed) return;
  switch (json_typeof(value)) {
  case JSON_OBJECT: put_object(w, value, depth); break;
  case JSON_ARRAY: put_array(w, value, depth); break;
  case JSON_STRING: put_string(w, json_string_value(value)); break;
  case JSON_INTEGER: w->failed = lh_buf_addf(w->out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
  case JSON_REAL: put_real(w, json_real_value(value)); break;
  case JSON_TRUE: put(w, "true"); break;
  case JSON_FALSE: put(w, "false"); break;
  case JSON_NULL: put(w, "null"); break;
  }
}

int lh_render_json(const json_t *model, struct lh_buf *out) {
  struct writer w = {.out = out, .pretty = true};
  put_value(&w, model, 0);
  put(&w, "\n");
  return w.failed;
}

int lh_json_write_compact(const json_t *value, bool in_script, struct lh_buf *out) {
  struct writer w = {.out = out, .in_script = in_script};
  put_value(&w, value, 0);
  return w.failed;
}
