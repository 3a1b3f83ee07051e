/* Any bytes as "pointer NUL text": what is found lies within the text, and for texts that jansson can read it is the value
 * that a walk over jansson's tree finds. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conn/json_pointer.h"
#include "longhaul/conn/engine.h" /* tells the build which rooms to link */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds) {
  if (!holds) abort();
}

/* One part of a pointer, decoded; returns where the next begins. */
static const char *take_part(const char *at, char *part) {
  while (*at && *at != '/') {
    if (*at == '~') {
      *part++ = *++at == '0' ? '~' : '/';
      at++;
    } else {
      *part++ = *at++;
    }
  }
  *part = '\0';
  return at;
}

static json_t *element(json_t *array, const char *part) {
  size_t len = strlen(part);
  if (len == 0 || len > 9 || strspn(part, "0123456789") != len || (len > 1 && part[0] == '0')) return NULL;
  return json_array_get(array, (size_t)atol(part));
}

static json_t *walk(json_t *at, const char *pointer) {
  char part[256];
  while (at && *pointer == '/') {
    pointer = take_part(pointer + 1, part);
    at = json_is_object(at) ? json_object_get(at, part) : json_is_array(at) ? element(at, part) : NULL;
  }
  return at;
}

static void compare(const char *pointer, const char *text, size_t len, bool found, struct lh_json_span value) {
  json_t *tree = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
  if (!tree) return;
  json_t *right = walk(tree, pointer);
  check(found == (right != NULL));
  if (found) {
    json_t *read = json_loadb(value.at, value.len, JSON_DECODE_ANY, NULL);
    check(read && json_equal(read, right));
    json_decref(read);
  }
  json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *end = memchr(data, 0, size < 200 ? size : 200);
  if (!end) return 0;
  const char *pointer = (const char *)data;
  size_t len = size - (size_t)(end - data) - 1;
  char *text = malloc(len ? len : 1); /* of its exact size */
  memcpy(text, end + 1, len);
  if (lh_json_pointer_valid(pointer)) {
    struct lh_json_span value = {0};
    bool found = lh_json_pointer_find(pointer, text, len, &value);
    if (found) check(value.len > 0 && value.at >= text && value.at + value.len <= text + len);
    compare(pointer, text, len, found, value);
  }
  free(text);
  return 0;
}
