/* --set KEY=VALUE: the tree is changed as if the file had said so, and checked with it afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_internal.h"

struct step {
  const char *name; /* NULL: an index */
  uint32_t index;
};

/* Takes the next part of the key off: NAME, or [N], or [NAME] of a list whose items have names. */
static bool next_step(struct load *load, const char **at, struct step *step, bool *bracketed) {
  *bracketed = **at == '[';
  if (*bracketed)
    ++*at;
  else if (**at == '.')
    ++*at;
  size_t len = strcspn(*at, *bracketed ? "]" : ".[");
  if (!len || (*bracketed && !(*at)[len])) return false;
  char *end, *name = arena_copy(&load->arena, *at, len);
  if (!name) return false;
  *step = (struct step){.name = name};
  unsigned long index = strtoul(name, &end, 10);
  if (*bracketed && !*end && name[0] >= '0' && name[0] <= '9' && index < CONFIG_ITEMS_MAX)
    *step = (struct step){.index = (uint32_t)index};
  *at += len + *bracketed;
  return !**at || **at == '.' || **at == '[';
}

static struct node *find_item(const struct node *list, struct step step) {
  for (struct node *item = list->first; item; item = item->next) {
    const struct node *name = step.name ? node_child(item, "name") : NULL;
    if (step.name ? name && name->kind == NODE_SCALAR && strcmp(name->text, step.name) == 0 : item->index == step.index)
      return item;
  }
  return NULL;
}

static struct node *new_child(struct load *load, struct node *parent, const char *key, enum node_kind kind, uint32_t setting) {
  struct node *child = node_new(load, kind, (struct lh_place){0});
  if (!child) return NULL;
  child->setting = setting;
  child->key = key;
  if (kind == NODE_SCALAR) child->text = child->masked = "";
  node_append(parent, child);
  return child;
}

static void report_setting(struct load *load, uint32_t setting, const char *sentence) {
  report_place(load, (struct lh_place){0}, setting, NULL, "%s", sentence);
}

/* Of targets and groups a setting changes those that are there, or writes a whole one: a key within one that is not there is a
 * wrong name. */
static bool names_nobody(const struct load *load, const struct node *at, bool is_last) {
  bool named = at->parent == load->root && (strcmp(at->key, "targets") == 0 || strcmp(at->key, "groups") == 0);
  return named && at->first && !is_last;
}

static void report_nobody(struct load *load, const struct node *at, const char *name, uint32_t setting) {
  const char *list = "";
  for (const struct node *child = at->first; child; child = child->next) {
    const char *more = arena_format(&load->arena, "%s%s%s", list, *list ? ", " : "", child->key);
    if (more) list = more;
  }
  const char *sentence = arena_format(&load->arena, "no %s is called \"%s\"; expected %s",
                                      strcmp(at->key, "targets") == 0 ? "target" : "group", name, list);
  if (sentence) report_setting(load, setting, sentence);
}

/* Goes to the node that `step` names below `at`, making it when it is missing; NULL: reported. */
static struct node *descend(struct load *load, struct node *at, struct step step, bool bracketed, bool is_last, uint32_t setting) {
  if (bracketed) {
    if (at->kind != NODE_LIST) {
      if (at->kind == NODE_SCALAR || at->count) {
        report_setting(load, setting, "[ ] stands after a key that is no list; expected KEY.NAME");
        return NULL;
      }
      at->kind = NODE_LIST; /* just made, or an empty map */
    }
    struct node *item = find_item(at, step);
    if (item) return item;
    if (!step.name && step.index == at->count) return new_child(load, at, NULL, NODE_MAP, setting);
    report_setting(load, setting,
                   "the list has no such item; expected [N] counted from 0, or [NAME] of an item with that name");
    return NULL;
  }
  if (at->kind == NODE_LIST) {
    report_setting(load, setting, "the key goes into a list; expected [N] counted from 0, or [NAME], after it");
    return NULL;
  }
  if (at->kind == NODE_SCALAR) { /* a value gives way to a mapping; whether that is right is the table's to say */
    at->kind = NODE_MAP;
    at->setting = setting;
    at->place = at->key_place = (struct lh_place){0};
  }
  struct node *child = node_child(at, step.name);
  if (!child && names_nobody(load, at, is_last)) {
    report_nobody(load, at, step.name, setting);
    return NULL;
  }
  return child ? child : new_child(load, at, step.name, NODE_MAP, setting);
}

static void apply(struct load *load, const char *written, uint32_t setting) {
  const char *equals = strchr(written, '=');
  if (!equals || equals == written) {
    report_setting(load, setting, "not of the form KEY=VALUE; expected, for example, groups.chat.connections=100");
    return;
  }
  const char *key = arena_copy(&load->arena, written, (size_t)(equals - written));
  if (!key) return;
  struct node *at = load->root;
  for (const char *rest = key; *rest && at;) {
    struct step step;
    bool bracketed;
    if (!next_step(load, &rest, &step, &bracketed)) {
      report_setting(load, setting, "the key cannot be read; expected names parted by points, such as groups.chat.connections");
      return;
    }
    at = descend(load, at, step, bracketed, !*rest, setting);
  }
  struct node *value = at ? yaml_read(load, equals + 1, strlen(equals + 1), setting) : NULL;
  if (!value && at && !load->arena.out_of_memory && !*(equals + 1 + strspn(equals + 1, " ")))
    report_setting(load, setting, "no value is given; expected KEY=VALUE");
  if (!value) return;
  value->key = at->key;
  value->key_place = (struct lh_place){0};
  node_replace(at, value);
}

void settings_apply(struct load *load) {
  for (size_t i = 0; i < load->args->setting_count; i++) apply(load, load->args->settings[i], (uint32_t)i + 1);
}
