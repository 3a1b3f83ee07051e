/* Two configs, key by key. What a run file holds is what masked_write of the config room wrote: block style, two spaces a
 * level, each value on the line of its key, so that lines and their indents say everything. */
#include <stdlib.h>
#include <string.h>

#include "report/compare_parts.h"
#include "report/look.h"

enum { LEVELS_MAX = 32, PATH_MAX_BYTES = 1024 };

struct walk {
  char names[LEVELS_MAX][256]; /* by level; "[2]" for the third item of a list */
  uint32_t items[LEVELS_MAX];  /* items seen of the list at this level */
};

/* One line: where it stands, its key and its value. */
struct line {
  size_t level, key_len, value_len;
  bool item;
  const char *key, *value;
};

static struct line read_line(const char *text, size_t len) {
  size_t indent = strspn(text, " ");
  struct line line = {.item = indent + 1 < len && text[indent] == '-' && text[indent + 1] == ' '};
  if (line.item) indent += 2;
  line.level = indent / 2;
  line.key = text + indent;
  const char *end = text + len, *colon = line.key;
  bool quoted = false;
  for (; colon < end && (quoted || *colon != ':'); colon++) {
    if (*colon == '"') quoted = !quoted;
    if (quoted && *colon == '\\' && colon + 1 < end) colon++;
  }
  line.key_len = (size_t)(colon - line.key);
  line.value = colon < end ? colon + 1 : end;
  while (line.value < end && *line.value == ' ') line.value++;
  line.value_len = (size_t)(end - line.value);
  return line;
}

static void join(const struct walk *w, size_t level, char *path) {
  size_t used = 0;
  path[0] = 0;
  for (size_t i = 0; i <= level; i++) {
    if (!w->names[i][0]) continue;
    int wrote = snprintf(path + used, PATH_MAX_BYTES - used, "%s%s", used && w->names[i][0] != '[' ? "." : "", w->names[i]);
    if (wrote < 0 || (size_t)wrote >= PATH_MAX_BYTES - used) return;
    used += (size_t)wrote;
  }
}

/* Takes the line to its place: a dash begins the next item of the list two levels up. */
static void step(struct walk *w, const struct line *line) {
  if (line->item) {
    snprintf(w->names[line->level - 1], sizeof w->names[0], "[%u]", (unsigned)w->items[line->level - 1]++);
    for (size_t i = line->level; i < LEVELS_MAX; i++) w->items[i] = 0;
  } else if (line->level + 1 < LEVELS_MAX) {
    for (size_t i = line->level + 1; i < LEVELS_MAX; i++) {
      w->items[i] = 0;
      w->names[i][0] = 0;
    }
  }
  snprintf(w->names[line->level], sizeof w->names[0], "%.*s", (int)line->key_len, line->key);
}

/* {path: value} in the order of the text. */
static json_t *flatten(struct lh_build *b, const char *text) {
  struct walk *w = calloc(1, sizeof *w);
  json_t *out = json_object();
  if (!w) b->failed = true;
  while (w && *text) {
    size_t len = strcspn(text, "\n");
    struct line line = read_line(text, len);
    if (line.key_len && line.level < LEVELS_MAX && line.level >= (line.item ? 1u : 0u)) {
      char path[PATH_MAX_BYTES];
      step(w, &line);
      join(w, line.level, path);
      if (line.value_len) lh_put(b, out, path, json_stringn(line.value, line.value_len));
    }
    text += len + (text[len] == '\n');
  }
  free(w);
  return out;
}

static void put_difference(const struct lh_pair *p, json_t *out, const char *key, const json_t *a, const json_t *b) {
  if (a && b && json_equal(a, b)) return;
  json_t *item = json_object();
  lh_put(p->b, item, "key", json_string(key));
  lh_put(p->b, item, "a", a ? json_copy((json_t *)(uintptr_t)a) : json_null());
  lh_put(p->b, item, "b", b ? json_copy((json_t *)(uintptr_t)b) : json_null());
  lh_push(p->b, out, item);
}

json_t *lh_compare_config(const struct lh_pair *p) {
  json_t *a = flatten(p->b, lh_look_text(p->a_model, "config")), *b = flatten(p->b, lh_look_text(p->b_model, "config"));
  json_t *out = json_array(), *value;
  const char *key;
  json_object_foreach(a, key, value) put_difference(p, out, key, value, json_object_get(b, key));
  json_object_foreach(b, key, value) {
    if (!json_object_get(a, key)) put_difference(p, out, key, NULL, value);
  }
  json_decref(a);
  json_decref(b);
  return out;
}
