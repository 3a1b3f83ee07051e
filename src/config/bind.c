/* Walks the tree beside the option table: every key finds its row, every row its place in the config. */
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"

#include "nearest.h"
#include "row.h"
#include "text.h"

struct holder {
  const struct lh_option *row;
  void *base; /* of the innermost scope */
  struct scope *scope;
};

static void bind_row(struct load *load, struct holder at, struct node *node);

static void set_bool(const struct lh_landing *landing, void *base, bool value) {
  if (landing->size) *((char *)base + landing->offset) = value;
}

/* Defaults of everything in this scope: the rows below `row` that no inner list or map of names holds. */
void scope_preset(struct load *load, const struct lh_option *row, void *base) {
  for (const struct lh_option *child = NULL; (child = row_next_child(row, child));) {
    if (child->type == LH_OPTION_MAP) {
      set_bool(child->landing, base, child->preset && *child->preset);
      scope_preset(load, child, base);
    } else if (child->type != LH_OPTION_NAMED && child->type != LH_OPTION_LIST) {
      value_preset(load, child, base);
    }
  }
}

static struct scope *scope_new(struct load *load, const struct holder *outer, struct node *node, void *base) {
  struct scope *scope = arena_alloc(&load->arena, sizeof *scope);
  if (!scope) return NULL;
  *scope = (struct scope){.row = outer->row, .node = node, .base = base, .parent = outer->scope};
  *load->scopes_end = scope;
  load->scopes_end = &scope->next;
  return scope;
}

/* ---- maps ---- */
enum { KEYS_SHOWN_MAX = 5 }; /* where they show what a mapping looks like */

static const char *first_keys(struct load *load, const struct lh_option *row, size_t most) {
  const char *list = "";
  size_t count = 0;
  for (const struct lh_option *child = NULL; (child = row_next_child(row, child)); count++) {
    if (count > most) break;
    const char *more = arena_format(&load->arena, "%s%s%s", list, *list ? ", " : "", count == most ? "..." : row_name(child));
    if (more) list = more;
  }
  return list;
}

static const char *known_keys(struct load *load, const struct lh_option *row) {
  return first_keys(load, row, SIZE_MAX);
}

/* A key of that name that stands elsewhere: most often it was indented wrongly. */
static const struct lh_option *same_name_elsewhere(const char *key) {
  size_t count;
  const struct lh_option *rows = lh_options(&count);
  for (size_t i = 0; i < count; i++)
    if (!row_is_item(&rows[i]) && strcmp(row_name(&rows[i]), key) == 0) return &rows[i];
  return NULL;
}

static void report_unknown(struct load *load, const struct lh_option *row, struct node *child) {
  struct nearest nearest = {0};
  for (const struct lh_option *known = NULL; (known = row_next_child(row, known));)
    nearest_try(&nearest, child->key, row_name(known));
  const struct lh_option *elsewhere = same_name_elsewhere(child->key);
  if (nearest.word) {
    struct node like = *child;
    like.key = nearest.word;
    report_key(load, child, "unknown key; did you mean %s?", node_path(load, &like, NULL));
    /* It stands for the key that was meant, so that nobody says that this one is missing. */
    if (!node_child(child->parent, nearest.word)) child->key = nearest.word;
  } else if (elsewhere) {
    report_key(load, child, "unknown key here; there is %s", elsewhere->key);
  } else {
    report_key(load, child, "unknown key; expected %s", known_keys(load, row));
  }
}

static bool has_child(const struct node *map, const char *name) {
  return node_child(map, name) != NULL;
}

static void bind_map(struct load *load, struct holder at, struct node *node) {
  if (at.row && at.row->choices && node->kind == NODE_SCALAR && node->plain &&
      choice_number(at.row->choices, node->text) >= 0) {
    set_bool(at.row->landing, at.base, strcmp(node->text, "true") == 0);
    return;
  }
  if (node->kind != NODE_MAP) {
    report_value(load, node, "%s stands here; expected a mapping with %s%s", quoted(load, node),
                 first_keys(load, at.row, KEYS_SHOWN_MAX), at.row && at.row->choices ? ", or true or false" : "");
    return;
  }
  if (at.row) set_bool(at.row->landing, at.base, true);
  for (struct node *child = node->first; child; child = child->next) {
    const struct lh_option *row = row_child(at.row, child->key);
    if (row)
      bind_row(load, (struct holder){row, at.base, at.scope}, child);
    else if (at.row || strncmp(child->key, "x-", 2) != 0)
      report_unknown(load, at.row, child);
  }
  for (const struct lh_option *row = NULL; (row = row_next_child(at.row, row));)
    if (row_is_required(row) && !has_child(node, row_name(row)))
      report_child(load, node, row_name(row), "missing; expected %s",
                   row->type == LH_OPTION_CHOICE ? choices_text(row->choices, (char[128]){0}, 128) : type_expected(row->type));
}

/* ---- arrays of scopes ---- */
static void bind_element(struct load *load, struct holder outer, struct node *child, void *base) {
  const struct element *element = outer.row->landing->element;
  struct holder at = {row_next_child(outer.row, NULL), base, NULL};
  struct holder around = {at.row, base, outer.scope};
  at.scope = scope_new(load, &around, child, base);
  if (!at.scope) return;
  scope_preset(load, at.row, base);
  if (element->place != NO_MEMBER) memcpy((char *)base + element->place, &child->key_place, sizeof child->key_place);
  if (outer.row->type == LH_OPTION_NAMED) {
    char *name = strdup(child->key);
    const char *expected = text_name(child->key);
    if (expected)
      report_key(load, child, "the name %s is not accepted; expected %s", quoted_text(load, child->key), expected);
    else if (strlen(child->key) >= LH_NAME_MAX)
      report_key(load, child, "the name is too long; expected at most %d bytes", LH_NAME_MAX - 1);
    memcpy((char *)base + element->name, &name, sizeof name);
    if (!name) load->arena.out_of_memory = true;
  }
  bind_map(load, at, child);
}

static void bind_elements(struct load *load, struct holder at, struct node *node) {
  const struct element *element = at.row->landing->element;
  enum node_kind kind = at.row->type == LH_OPTION_NAMED ? NODE_MAP : NODE_LIST;
  if (node->kind != kind) {
    report_value(load, node, "%s stands here; expected %s", quoted(load, node), type_expected(at.row->type));
    return;
  }
  if (node->count < element->least || node->count > element->most) {
    report_value(load, node, "%u items; expected %u to %u", node->count, element->least, element->most);
    return;
  }
  char *items = calloc(node->count ? node->count : 1, element->size);
  if (!items) {
    load->arena.out_of_memory = true;
    return;
  }
  size_t count = node->count;
  memcpy((char *)at.base + element->items, &items, sizeof items);
  memcpy((char *)at.base + element->count, &count, sizeof count);
  for (struct node *child = node->first; child; child = child->next, items += element->size)
    bind_element(load, at, child, items);
}

/* ---- lists of texts ---- */
static void bind_strings(struct load *load, struct holder at, struct node *node) {
  const struct lh_landing *landing = at.row->landing;
  struct lh_strings *strings = (void *)((char *)at.base + landing->offset);
  if (node->kind != NODE_LIST) {
    report_value(load, node, "%s stands here; expected %s", quoted(load, node), type_expected(at.row->type));
    return;
  }
  if (node->count > landing->limit) {
    report_value(load, node, "%u items; expected at most %zu", node->count, landing->limit);
    return;
  }
  strings->items = calloc(node->count ? node->count : 1, sizeof *strings->items);
  if (!strings->items) {
    load->arena.out_of_memory = true;
    return;
  }
  /* Each item is a text of its own, to be stored in the array's next slot. */
  struct lh_landing slot = {.size = sizeof(char *), .check = landing->check};
  struct lh_option item = {.key = at.row->key, .type = LH_OPTION_STRING, .landing = &slot};
  for (struct node *child = node->first; child; child = child->next)
    if (value_store(load, &item, child, &strings->items[strings->count])) strings->count++;
}

static void bind_row(struct load *load, struct holder at, struct node *node) {
  if (node->bad) return;
  const struct lh_landing *landing = at.row->landing;
  if (landing->place) memcpy((char *)at.base + landing->place - 1, &node->key_place, sizeof node->key_place);
  switch (at.row->type) {
  case LH_OPTION_MAP: bind_map(load, at, node); break;
  case LH_OPTION_NAMED:
  case LH_OPTION_LIST: bind_elements(load, at, node); break;
  case LH_OPTION_STRINGS:
    if (landing->set)
      landing->set(load, at.row, node, at.base);
    else
      bind_strings(load, at, node);
    break;
  default: (landing->set ? landing->set : value_store)(load, at.row, node, at.base);
  }
}

void bind_config(struct load *load) {
  struct holder outer = {0};
  load->scopes_end = &load->scopes;
  struct scope *scope = scope_new(load, &outer, load->root, load->config);
  if (!scope) return;
  scope_preset(load, NULL, load->config);
  bind_map(load, (struct holder){.base = load->config, .scope = scope}, load->root);
}
