#include <string.h>

#include "load_internal.h"

/* Says once that the config is too large once aliases and variables are followed. */
static bool within_limits(struct load *load, const struct node *at) {
  if (load->node_count <= CONFIG_NODES_MAX && load->byte_count <= CONFIG_BYTES_MAX) return true;
  if (!load->overflowed)
    report_place(load, at ? at->place : (struct lh_place){1, 1}, at ? at->setting : 0, NULL,
                 "the config grows past %d values or %d MiB once aliases and variables are followed; expected a smaller one",
                 CONFIG_NODES_MAX, CONFIG_BYTES_MAX >> 20);
  load->overflowed = true;
  return false;
}

struct node *node_new(struct load *load, enum node_kind kind, struct lh_place place) {
  load->node_count++;
  struct node here = {.place = place};
  if (!within_limits(load, &here)) return NULL;
  struct node *node = arena_alloc(&load->arena, sizeof *node);
  if (!node) return NULL;
  node->kind = kind;
  node->place = node->key_place = place;
  return node;
}

void node_append(struct node *parent, struct node *child) {
  child->parent = parent;
  child->next = NULL;
  if (parent->kind == NODE_LIST) {
    child->index = parent->count;
    child->key = NULL;
  }
  if (parent->last)
    parent->last->next = child;
  else
    parent->first = child;
  parent->last = child;
  parent->count++;
}

void node_replace(struct node *old, struct node *with) {
  struct node *parent = old->parent, **link = &parent->first;
  while (*link != old) link = &(*link)->next;
  with->parent = parent;
  with->next = old->next;
  with->index = old->index;
  *link = with;
  if (parent->last == old) parent->last = with;
}

struct node *node_copy(struct load *load, const struct node *node, unsigned depth) {
  load->byte_count += node->text ? strlen(node->text) : 0;
  if (!within_limits(load, node)) return NULL;
  if (depth > CONFIG_DEPTH_MAX) {
    report_place(load, node->place, node->setting, NULL, "nested deeper than %d levels; expected fewer", CONFIG_DEPTH_MAX);
    load->overflowed = true;
    return NULL;
  }
  struct node *copy = node_new(load, node->kind, node->place);
  if (!copy) return NULL;
  *copy = *node;
  copy->parent = copy->first = copy->last = copy->next = NULL;
  copy->count = 0;
  for (const struct node *child = node->first; child; child = child->next) {
    struct node *twin = node_copy(load, child, depth + 1);
    if (!twin) return NULL;
    node_append(copy, twin);
  }
  return copy;
}

static struct node *child_by_key(const struct node *map, const char *key, size_t len) {
  if (!map || map->kind != NODE_MAP) return NULL;
  for (struct node *child = map->first; child; child = child->next)
    if (strncmp(child->key, key, len) == 0 && !child->key[len]) return child;
  return NULL;
}

struct node *node_child(const struct node *map, const char *key) {
  return child_by_key(map, key, strlen(key));
}

struct node *node_at(const struct node *map, const char *path) {
  for (;;) {
    size_t len = strcspn(path, ".");
    struct node *child = child_by_key(map, path, len);
    if (!child || !path[len]) return child;
    map = child;
    path += len + 1;
  }
}

static const char *path_below(struct load *load, const char *above, const char *key) {
  if (!above || !*above) return key;
  const char *text = arena_format(&load->arena, "%s.%s", above, key);
  return text ? text : "";
}

const char *node_path(struct load *load, const struct node *node, const char *child) {
  const char *path = "";
  if (node && node->parent) {
    path = node_path(load, node->parent, NULL);
    if (node->key)
      path = path_below(load, path, node->key);
    else
      path = arena_format(&load->arena, "%s[%u]", path, node->index);
    if (!path) path = "";
  }
  return child ? path_below(load, path, child) : path;
}

bool node_is_null(const struct node *node) {
  static const char *const words[] = {"", "~", "null", "Null", "NULL"};
  if (node->kind != NODE_SCALAR || !node->plain || node->from_env) return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(node->text, words[i]) == 0) return true;
  return false;
}

bool node_is_path(const struct node *node) {
  static const char *const keys[] = {"path", "get", "post", "put", "patch", "delete", "head", "options"};
  for (size_t i = 0; node->key && i < sizeof keys / sizeof *keys; i++)
    if (strcmp(node->key, keys[i]) == 0) return true;
  return false;
}

void node_set_text(struct load *load, struct node *map, const char *key, const char *text) {
  struct node *node = node_child(map, key);
  if (!node) {
    node = node_new(load, NODE_SCALAR, (struct lh_place){0});
    if (!node) return;
    node->key = key;
    node_append(map, node);
  }
  node->kind = NODE_SCALAR;
  node->text = node->masked = arena_copy(&load->arena, text, strlen(text));
  if (!node->text) node->text = node->masked = "";
}
