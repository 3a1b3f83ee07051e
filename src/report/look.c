#include "report/look.h"

#include <string.h>

const json_t *lh_look(const json_t *from, const char *path) {
  while (from && *path) {
    size_t len = strcspn(path, ".");
    from = json_object_getn(from, path, len);
    path += len + (path[len] == '.');
  }
  return from;
}

double lh_look_number(const json_t *from, const char *path) {
  return json_number_value(lh_look(from, path));
}

const char *lh_look_text(const json_t *from, const char *path) {
  const char *text = json_string_value(lh_look(from, path));
  return text ? text : "";
}

bool lh_look_is_null(const json_t *from, const char *path) {
  const json_t *value = lh_look(from, path);
  return !value || json_is_null(value);
}

bool lh_look_true(const json_t *from, const char *path) {
  return json_is_true(lh_look(from, path));
}
