/* YAML text to a tree of nodes. The event interface of libyaml is used, and aliases are followed here by copying, so that
 * every copy is counted against a limit and an alias cannot hold itself. */
#include <yaml.h>

#include <stdio.h>
#include <string.h>

#include "load_internal.h"

struct anchor {
  struct anchor *next; /* newest first: YAML lets a name be given again */
  const char *name;
  struct node *node;
};

struct reader {
  struct load *load;
  yaml_parser_t parser;
  uint32_t setting;
  const char *text;
  struct anchor *anchors;
  size_t anchor_count;
  bool failed; /* reported; nothing after it can be trusted */
};

static struct lh_place place_of(const struct reader *reader, yaml_mark_t mark) {
  if (reader->setting) return (struct lh_place){0};
  return (struct lh_place){.line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
}

static struct lh_place place_of_offset(const struct reader *reader, size_t offset) {
  struct lh_place place = {.line = 1, .column = 1};
  if (reader->setting) return (struct lh_place){0};
  for (const char *at = reader->text; *at && (size_t)(at - reader->text) < offset; at++) {
    place.column++;
    if (*at == '\n') place = (struct lh_place){.line = place.line + 1, .column = 1};
  }
  return place;
}

/* libyaml names the character or the structure it missed; this adds what people most often did. */
static const char *hint_for(const struct reader *reader) {
  const yaml_parser_t *parser = &reader->parser;
  const char *at = reader->text;
  size_t line = 0;
  for (; *at && line < parser->problem_mark.line; at++) line += *at == '\n';
  size_t column = 0;
  while (*at && *at != '\n' && column < parser->problem_mark.column) column += ((unsigned char)*at++ & 0xc0) != 0x80;
  if (*at == '\t') return "; a tab stands here: indent with spaces";
  if (*at == '%' || *at == '@' || *at == '`') return "; put the value in quotes";
  if (strstr(parser->problem, "did not find expected ',' or '}'"))
    return "; close the { or [, and put a text that holds one in quotes";
  if (strstr(parser->problem, "mapping values are not allowed")) return "; put a value that holds \": \" in quotes";
  return "";
}

static void report_syntax(struct reader *reader) {
  const yaml_parser_t *parser = &reader->parser;
  reader->failed = true;
  if (parser->error == YAML_MEMORY_ERROR) {
    reader->load->arena.out_of_memory = true;
  } else if (parser->error == YAML_READER_ERROR) {
    report_place(reader->load, place_of_offset(reader, parser->problem_offset), reader->setting, NULL,
                 "not UTF-8 text: %s; save the file as UTF-8", parser->problem);
  } else {
    char began[64] = "";
    if (parser->context && parser->context_mark.line != parser->problem_mark.line && !reader->setting)
      snprintf(began, sizeof began, " begun in line %zu", parser->context_mark.line + 1);
    report_place(reader->load, place_of(reader, parser->problem_mark), reader->setting, NULL, "not valid YAML: %s%s%s%s%s",
                 parser->problem, parser->context ? ", " : "", parser->context ? parser->context : "", began, hint_for(reader));
  }
}

static void fail(struct reader *reader, const yaml_event_t *event, const char *sentence) {
  if (reader->failed) return; /* the first is what matters */
  reader->failed = true;
  report_place(reader->load, place_of(reader, event->start_mark), reader->setting, NULL, "%s", sentence);
}

static bool next_event(struct reader *reader, yaml_event_t *event) {
  if (reader->failed) return false;
  if (yaml_parser_parse(&reader->parser, event)) return true;
  report_syntax(reader);
  return false;
}

static void add_anchor(struct reader *reader, const yaml_event_t *event, const yaml_char_t *name, struct node *node) {
  if (!name || !node) return;
  if (++reader->anchor_count > CONFIG_ANCHORS_MAX) {
    fail(reader, event, "more than 1024 anchors; expected fewer");
    return;
  }
  struct anchor *anchor = arena_alloc(&reader->load->arena, sizeof *anchor);
  if (!anchor) return;
  anchor->name = arena_copy(&reader->load->arena, (const char *)name, strlen((const char *)name));
  anchor->node = node;
  anchor->next = reader->anchors;
  if (anchor->name) reader->anchors = anchor;
}

static struct node *read_node(struct reader *reader, yaml_event_t *event, unsigned depth);

static struct node *read_alias(struct reader *reader, const yaml_event_t *event) {
  const char *name = (const char *)event->data.alias.anchor;
  for (struct anchor *anchor = reader->anchors; anchor; anchor = anchor->next)
    if (strcmp(anchor->name, name) == 0) return node_copy(reader->load, anchor->node, 0);
  reader->failed = true;
  report_place(reader->load, place_of(reader, event->start_mark), reader->setting, NULL,
               "*%s refers to no anchor; expected &%s on a value that is complete before this place", name, name);
  return NULL;
}

static struct node *read_scalar(struct reader *reader, const yaml_event_t *event) {
  const char *value = (const char *)event->data.scalar.value;
  size_t len = event->data.scalar.length;
  if (memchr(value, 0, len)) {
    fail(reader, event, "a text holds a zero byte; expected text without one (a message can carry it as `binary:`)");
    return NULL;
  }
  reader->load->byte_count += len;
  struct node *node = node_new(reader->load, NODE_SCALAR, place_of(reader, event->start_mark));
  if (!node) return NULL;
  node->setting = reader->setting;
  node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  node->text = node->masked = arena_copy(&reader->load->arena, value, len);
  if (!node->text) return NULL;
  add_anchor(reader, event, event->data.scalar.anchor, node);
  return node;
}

static void read_items(struct reader *reader, struct node *list, unsigned depth) {
  yaml_event_t event;
  while (next_event(reader, &event)) {
    bool over = event.type == YAML_SEQUENCE_END_EVENT;
    struct node *item = over ? NULL : read_node(reader, &event, depth + 1);
    if (item) {
      item->key_place = item->place;
      node_append(list, item);
      if (list->count > CONFIG_ITEMS_MAX) fail(reader, &event, "a list of more than 1024 items; expected fewer");
    }
    yaml_event_delete(&event);
    if (over || !item) return;
  }
}

/* What `<<` brings in: keys of the map that are not there yet; the first of several maps wins. */
static void merge(struct reader *reader, struct node *map, const struct node *from) {
  if (from->kind == NODE_LIST) {
    for (const struct node *item = from->first; item; item = item->next) {
      if (item->kind == NODE_MAP)
        merge(reader, map, item);
      else
        report_place(reader->load, item->place, item->setting, "<<", "expected mappings to merge, as in <<: [*one, *two]");
    }
    return;
  }
  if (from->kind != NODE_MAP) {
    report_place(reader->load, from->place, from->setting, "<<", "expected a mapping to merge, as in <<: *name");
    return;
  }
  for (const struct node *child = from->first; child; child = child->next) {
    if (node_child(map, child->key)) continue;
    struct node *copy = node_copy(reader->load, child, 0);
    if (!copy) return;
    copy->key = child->key;
    node_append(map, copy);
  }
}

static void merge_all(struct reader *reader, struct node *map) {
  struct node *before = NULL, *from = map->first;
  while (from && !(strcmp(from->key, "<<") == 0)) {
    before = from;
    from = from->next;
  }
  if (!from) return;
  if (before)
    before->next = from->next;
  else
    map->first = from->next;
  if (map->last == from) map->last = before;
  map->count--;
  merge(reader, map, from);
}

/* YAML forbids it, and the one that would win differs from reader to reader. */
static bool is_duplicate(struct reader *reader, const struct node *map, struct lh_place place, const char *key) {
  const struct node *first = node_child(map, key);
  if (!first) return false;
  report_place(reader->load, place, reader->setting, key, "given twice; the first is in line %u, expected one of them",
               first->key_place.line);
  return true;
}

static void read_pairs(struct reader *reader, struct node *map, unsigned depth) {
  yaml_event_t event;
  while (next_event(reader, &event)) {
    if (event.type == YAML_MAPPING_END_EVENT) {
      yaml_event_delete(&event);
      return;
    }
    struct lh_place place = place_of(reader, event.start_mark);
    const char *key = NULL;
    if (event.type == YAML_SCALAR_EVENT && !memchr(event.data.scalar.value, 0, event.data.scalar.length))
      key = arena_copy(&reader->load->arena, (const char *)event.data.scalar.value, event.data.scalar.length);
    else
      fail(reader, &event, "a key must be plain text; expected KEY: VALUE");
    yaml_event_delete(&event);
    if (!key || !next_event(reader, &event)) return;
    struct node *value = read_node(reader, &event, depth + 1);
    if (value && !is_duplicate(reader, map, place, key)) {
      value->key = key;
      value->key_place = place;
      node_append(map, value);
      if (map->count > CONFIG_ITEMS_MAX) fail(reader, &event, "a mapping of more than 1024 keys; expected fewer");
    }
    yaml_event_delete(&event);
    if (!value) return;
  }
}

static struct node *read_collection(struct reader *reader, const yaml_event_t *event, unsigned depth) {
  bool is_map = event->type == YAML_MAPPING_START_EVENT;
  if (depth > CONFIG_DEPTH_MAX) {
    fail(reader, event, "nested deeper than 64 levels; expected fewer");
    return NULL;
  }
  struct node *node = node_new(reader->load, is_map ? NODE_MAP : NODE_LIST, place_of(reader, event->start_mark));
  if (!node) return NULL;
  node->setting = reader->setting;
  if (is_map) {
    read_pairs(reader, node, depth);
    merge_all(reader, node);
  } else {
    read_items(reader, node, depth);
  }
  add_anchor(reader, event, is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor, node);
  return reader->failed ? NULL : node;
}

/* The event stays the caller's. NULL: reported, or out of memory. */
static struct node *read_node(struct reader *reader, yaml_event_t *event, unsigned depth) {
  const yaml_char_t *tag = NULL;
  struct node *node = NULL;
  switch (event->type) {
  case YAML_SCALAR_EVENT: tag = event->data.scalar.tag; break;
  case YAML_SEQUENCE_START_EVENT: tag = event->data.sequence_start.tag; break;
  case YAML_MAPPING_START_EVENT: tag = event->data.mapping_start.tag; break;
  default: break;
  }
  if (tag) {
    fail(reader, event, "a YAML tag (!...) means nothing here; expected the value without it");
    return NULL;
  }
  switch (event->type) {
  case YAML_ALIAS_EVENT: node = read_alias(reader, event); break;
  case YAML_SCALAR_EVENT: node = read_scalar(reader, event); break;
  case YAML_SEQUENCE_START_EVENT:
  case YAML_MAPPING_START_EVENT: node = read_collection(reader, event, depth); break;
  default: break;
  }
  if (!node) reader->failed = true;
  return node;
}

/* Everything of the first document; a second one is an error. */
static struct node *read_document(struct reader *reader) {
  struct node *root = NULL;
  yaml_event_t event;
  bool over = false;
  while (!over && next_event(reader, &event)) {
    if (event.type == YAML_STREAM_END_EVENT)
      over = true;
    else if (event.type == YAML_DOCUMENT_START_EVENT && root)
      fail(reader, &event, "a second YAML document; expected one");
    else if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT &&
             event.type != YAML_DOCUMENT_END_EVENT)
      root = read_node(reader, &event, 0);
    yaml_event_delete(&event);
  }
  return reader->failed ? NULL : root;
}

struct node *yaml_read(struct load *load, const char *text, size_t len, uint32_t setting) {
  struct reader reader = {.load = load, .setting = setting, .text = text};
  if (!yaml_parser_initialize(&reader.parser)) {
    load->arena.out_of_memory = true;
    return NULL;
  }
  yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
  struct node *root = read_document(&reader);
  yaml_parser_delete(&reader.parser);
  return root;
}
