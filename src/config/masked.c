/* The effective config as YAML: what was given, what was worked out and every default in force, secrets as "***". What came
 * out of the environment into a text is masked as well: nobody can tell which of it is secret. Numbers, durations and the
 * like are shown even then; the report is full of them anyway. */
#include <string.h>

#include "longhaul/base/buf.h"

#include "row.h"
#include "yaml_text.h"

struct writer {
  struct lh_buf out;
  int failed;
  bool item; /* the next line is the first of a list's item and takes its dash */
};

static void add(struct writer *writer, unsigned level, const char *name) {
  if (!writer->failed) writer->failed = yaml_text_indent(&writer->out, writer->item ? level - 1 : level);
  if (!writer->failed && writer->item) writer->failed = lh_buf_addstr(&writer->out, "- ");
  writer->item = false;
  if (!writer->failed) writer->failed = yaml_text_add(&writer->out, name);
  if (!writer->failed) writer->failed = lh_buf_addstr(&writer->out, ":");
}

static void add_raw(struct writer *writer, const char *text) {
  if (!writer->failed) writer->failed = lh_buf_addstr(&writer->out, text);
}

static void add_text(struct writer *writer, const char *text) {
  if (!writer->failed) writer->failed = yaml_text_add(&writer->out, text);
}

static bool is_text_type(enum lh_option_type type) {
  return type == LH_OPTION_STRING || type == LH_OPTION_TEMPLATE || type == LH_OPTION_FILE || type == LH_OPTION_URL;
}

static void write_scalar(struct writer *writer, const struct lh_option *row, const struct node *node, unsigned level) {
  add(writer, level, row_name(row));
  add_raw(writer, " ");
  if (row->secret)
    add_text(writer, "***");
  else if (!node)
    add_raw(writer, row->preset);
  else if (is_text_type(row->type))
    add_text(writer, node->masked);
  else
    add_raw(writer, node->text);
  add_raw(writer, "\n");
}

static void write_strings(struct writer *writer, const struct lh_option *row, const struct node *node, unsigned level) {
  add(writer, level, row_name(row));
  add_raw(writer, " [");
  if (node->kind == NODE_SCALAR && !writer->failed) writer->failed = yaml_text_add_quoted(&writer->out, node->masked);
  for (const struct node *item = node->first; item; item = item->next) {
    /* Inside [ ] more characters mean something: quotes never harm. */
    if (!writer->failed) writer->failed = yaml_text_add_quoted(&writer->out, item->masked);
    if (item->next) add_raw(writer, ", ");
  }
  add_raw(writer, "]\n");
}

static void write_headers(struct writer *writer, const struct lh_option *row, const struct node *node, unsigned level) {
  add(writer, level, row_name(row));
  if (!node->first) add_raw(writer, " {}");
  add_raw(writer, "\n");
  for (const struct node *header = node->first; header; header = header->next) {
    add(writer, level + 1, header->key);
    add_raw(writer, " ");
    add_text(writer, header->masked);
    add_raw(writer, "\n");
  }
}

static void write_children(struct writer *writer, const struct lh_option *row, const struct node *map, const void *base,
                           unsigned level);

static void write_elements(struct writer *writer, const struct lh_option *row, const struct node *node, const void *base,
                           unsigned level) {
  const struct element *element = row->landing->element;
  const struct lh_option *item = row_next_child(row, NULL);
  const char *items;
  memcpy(&items, (const char *)base + element->items, sizeof items);
  /* A line that was begun at 0s by resolve.c has one point more than was written, at its front; points need no base. */
  add(writer, level, row_name(row));
  if (!node->first) add_raw(writer, row->type == LH_OPTION_NAMED ? " {}" : " []");
  add_raw(writer, "\n");
  for (const struct node *child = node->first; child; child = child->next, items += element->size) {
    if (row->type == LH_OPTION_NAMED) {
      add(writer, level + 1, child->key);
      add_raw(writer, "\n");
    } else {
      writer->item = true;
    }
    write_children(writer, item, child, items, level + 2);
  }
}

static void write_map(struct writer *writer, const struct lh_option *row, const struct node *node, const void *base,
                      unsigned level) {
  if (!node && (row->landing->by_presence || !row->preset || !*row->preset)) return;
  add(writer, level, row_name(row));
  if (node && node->kind == NODE_SCALAR) {
    add_raw(writer, " ");
    add_raw(writer, node->text);
    add_raw(writer, "\n");
    return;
  }
  size_t before = writer->out.len;
  add_raw(writer, "\n");
  write_children(writer, row, node, base, level + 1);
  if (!writer->failed && writer->out.len == before + 1) { /* nothing in it is given or has a default */
    writer->out.len = before;
    add_raw(writer, " {}\n");
  }
}

static void write_row(struct writer *writer, const struct lh_option *row, const struct node *node, const void *base,
                      unsigned level) {
  if (row->landing->applies && !row->landing->applies(base)) return;
  if (row->type == LH_OPTION_MAP) {
    write_map(writer, row, node, base, level);
  } else if (row->type == LH_OPTION_NAMED || row->type == LH_OPTION_LIST) {
    if (node) write_elements(writer, row, node, base, level);
  } else if (row->type == LH_OPTION_STRINGS) {
    if (node) write_strings(writer, row, node, level);
  } else if (row->type == LH_OPTION_HEADERS) {
    if (node) write_headers(writer, row, node, level);
  } else if (node || (row->preset && *row->preset)) {
    write_scalar(writer, row, node, level);
  }
}

static void write_children(struct writer *writer, const struct lh_option *row, const struct node *map, const void *base,
                           unsigned level) {
  for (const struct lh_option *child = NULL; (child = row_next_child(row, child));)
    write_row(writer, child, map ? node_child(map, row_name(child)) : NULL, base, level);
}

int masked_write(struct load *load, char **out) {
  struct writer writer = {.out = LH_BUF_INIT(2 * CONFIG_BYTES_MAX)};
  write_children(&writer, NULL, load->root, load->config, 0);
  if (!writer.failed && !writer.out.data) writer.failed = lh_buf_addstr(&writer.out, "{}\n");
  if (writer.failed)
    lh_buf_free(&writer.out);
  else
    *out = writer.out.data;
  return writer.failed;
}
