#include "live/patch.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static json_t *shared(const json_t *value) {
  return json_incref((json_t *)(uintptr_t)value);
}

static json_t *whole(const json_t *to) {
  json_t *out = json_object();
  if (out && json_object_set_new(out, "v", shared(to)) == 0) return out;
  json_decref(out);
  return NULL;
}

/* Puts what became of one member under its key; nothing when it is as it was. */
static bool put_change(json_t *into, const char *key, const json_t *from, const json_t *to) {
  if (from && json_equal(from, to)) return true;
  json_t *patch = from ? lh_patch_make(from, to) : whole(to);
  return patch && json_object_set_new(into, key, patch) == 0;
}

static json_t *of_objects(const json_t *from, const json_t *to) {
  json_t *out = json_object(), *changed = json_object(), *gone = json_array(), *value;
  const char *key;
  bool made = out && changed && gone;
  json_object_foreach((json_t *)(uintptr_t)to, key, value) made =
      made && put_change(changed, key, json_object_get(from, key), value);
  json_object_foreach((json_t *)(uintptr_t)from, key, value) if (made && !json_object_get(to, key)) made =
      json_array_append_new(gone, json_string(key)) == 0;
  if (made) made = json_object_set(out, "o", changed) == 0;
  if (made && json_array_size(gone)) made = json_object_set(out, "d", gone) == 0;
  json_decref(changed);
  json_decref(gone);
  if (made) return out;
  json_decref(out);
  return NULL;
}

/* How many items at the front are the same, or objects that can be patched in place. */
static size_t front(const json_t *from, const json_t *to) {
  size_t least = json_array_size(from) < json_array_size(to) ? json_array_size(from) : json_array_size(to), i = 0;
  for (; i < least; i++) {
    const json_t *was = json_array_get(from, i), *is = json_array_get(to, i);
    if (!(json_is_object(was) && json_is_object(is)) && !json_equal(was, is)) break;
  }
  return i;
}

static bool put_items(json_t *out, const json_t *from, const json_t *to, size_t kept) {
  json_t *items = json_object();
  bool made = items;
  for (size_t i = 0; made && i < kept; i++) {
    char index[24];
    snprintf(index, sizeof index, "%zu", i);
    made = put_change(items, index, json_array_get(from, i), json_array_get(to, i));
  }
  if (made && json_object_size(items)) made = json_object_set(out, "i", items) == 0;
  json_decref(items);
  return made;
}

static bool put_tail(json_t *out, const json_t *to, size_t kept) {
  json_t *tail = json_array();
  bool made = tail;
  for (size_t i = kept; made && i < json_array_size(to); i++) made = json_array_append(tail, json_array_get(to, i)) == 0;
  if (made && json_array_size(tail)) made = json_object_set(out, "t", tail) == 0;
  json_decref(tail);
  return made;
}

static json_t *of_arrays(const json_t *from, const json_t *to) {
  size_t kept = front(from, to);
  json_t *out = json_object();
  bool made = out && json_object_set_new(out, "a", json_integer((json_int_t)kept)) == 0;
  if (made && put_items(out, from, to, kept) && put_tail(out, to, kept)) return out;
  json_decref(out);
  return NULL;
}

json_t *lh_patch_make(const json_t *from, const json_t *to) {
  if (json_equal(from, to)) return json_null();
  if (json_is_object(from) && json_is_object(to)) return of_objects(from, to);
  if (json_is_array(from) && json_is_array(to)) return of_arrays(from, to);
  return whole(to);
}
