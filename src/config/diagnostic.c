#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"

#include "load_internal.h"
#include "secret.h"

enum { QUOTED_BYTES_MAX = 40, KEY_BYTES_MAX = 300 };

const char *quoted_text(struct load *load, const char *text) {
  size_t len = strlen(text), shown = len;
  if (len > QUOTED_BYTES_MAX) {
    shown = QUOTED_BYTES_MAX;
    while (shown && ((unsigned char)text[shown] & 0xc0) == 0x80) shown--; /* not in the middle of a character */
  }
  char *cut = arena_copy(&load->arena, text, shown);
  struct lh_buf buf = LH_BUF_INIT(8 * QUOTED_BYTES_MAX);
  const char *out =
      cut && lh_buf_addjson(&buf, cut) == 0 ? arena_format(&load->arena, "%s%s", buf.data, shown < len ? " (cut)" : "") : NULL;
  lh_buf_free(&buf);
  return out ? out : "the value";
}

const char *quoted(struct load *load, const struct node *node) {
  if (node->kind == NODE_MAP) return "a mapping";
  if (node->kind == NODE_LIST) return "a list";
  if (node_is_null(node)) return "nothing";
  return quoted_text(load, secret_header_value(node) ? "***" : node->masked);
}

/* "FILE:LINE:COLUMN: " or "--set KEY=VALUE: ". */
static const char *place_text(struct load *load, struct lh_place place, uint32_t setting) {
  const char *text;
  if (setting) {
    char *shown = lh_config_mask_argument(load->args->settings[setting - 1]);
    text = arena_format(&load->arena, "--set %s: ", shown ? shown : "");
    free(shown);
  } else if (place.line) {
    text = arena_format(&load->arena, "%s:%u:%u: ", load->config->path, place.line, place.column);
  } else {
    text = arena_format(&load->arena, "%s: ", load->config->path);
  }
  return text ? text : "";
}

/* Keys and file names come from outside: what could steer a terminal becomes "?". */
static void make_printable(char *text) {
  for (unsigned char *at = (unsigned char *)text; *at; at++) {
    if (*at < 0x20 || *at == 0x7f) *at = '?';
    if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) at[0] = at[1] = '?';
  }
}

static struct diagnostic *next_slot(struct load *load) {
  if (load->diagnostic_count == load->diagnostic_room) {
    size_t room = load->diagnostic_room ? 2 * load->diagnostic_room : 16;
    struct diagnostic *grown = arena_alloc(&load->arena, room * sizeof *grown);
    if (!grown) return NULL;
    if (load->diagnostic_count) memcpy(grown, load->diagnostics, load->diagnostic_count * sizeof *grown);
    load->diagnostics = grown;
    load->diagnostic_room = room;
  }
  return &load->diagnostics[load->diagnostic_count];
}

struct about {
  struct lh_place place;
  uint32_t setting;
  const char *key; /* may be NULL or empty */
  bool warning;
};

static void __attribute__((format(printf, 3, 0))) add(struct load *load, struct about about, const char *format, va_list args) {
  if (!about.warning) load->error_count++;
  struct diagnostic *slot = next_slot(load);
  char sentence[LH_ERR_TEXT_MAX];
  vsnprintf(sentence, sizeof sentence, format, args);
  const char *key = about.key ? about.key : "";
  bool is_long = strlen(key) > KEY_BYTES_MAX;
  char *text = slot ? arena_format(&load->arena, "%s%s%.*s%s%s%s", about.warning ? "warning: " : "",
                                   place_text(load, about.place, about.setting), KEY_BYTES_MAX, key, is_long ? " (cut)" : "",
                                   *key ? ": " : "", sentence)
                    : NULL;
  if (!text) return;
  make_printable(text);
  *slot = (struct diagnostic){
      .setting = about.setting, .place = about.place, .nth = load->diagnostic_count, .warning = about.warning, .text = text};
  load->diagnostic_count++;
}

void report_place(struct load *load, struct lh_place place, uint32_t setting, const char *key, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(load, (struct about){.place = place, .setting = setting, .key = key}, format, args);
  va_end(args);
}

void report_value(struct load *load, struct node *node, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(load, (struct about){.place = node->place, .setting = node->setting, .key = node_path(load, node, NULL)}, format, args);
  va_end(args);
  node->bad = true;
}

void warn_value(struct load *load, struct node *node, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(load, (struct about){.place = node->place, .setting = node->setting, .key = node_path(load, node, NULL), .warning = true},
      format, args);
  va_end(args);
}

void report_key(struct load *load, struct node *node, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(load, (struct about){.place = node->key_place, .setting = node->setting, .key = node_path(load, node, NULL)}, format,
      args);
  va_end(args);
  node->bad = true;
}

void report_child(struct load *load, struct node *map, const char *child, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(load, (struct about){.place = map->key_place, .setting = map->setting, .key = node_path(load, map, child)}, format, args);
  va_end(args);
  map->bad = true;
}

static int by_place(const void *left, const void *right) {
  const struct diagnostic *a = left, *b = right;
  if (a->setting != b->setting) return a->setting < b->setting ? -1 : 1;
  if (a->place.line != b->place.line) return a->place.line < b->place.line ? -1 : 1;
  if (a->place.column != b->place.column) return a->place.column < b->place.column ? -1 : 1;
  return a->nth < b->nth ? -1 : 1;
}

int diagnostics_finish(struct load *load, struct lh_diagnostics *out) {
  size_t shown = load->diagnostic_count < CONFIG_DIAGNOSTICS_MAX ? load->diagnostic_count : CONFIG_DIAGNOSTICS_MAX;
  size_t left_out = load->diagnostic_count - shown;
  struct lh_diagnostics made = {.items = calloc(shown + 1, sizeof(char *))};
  if (!made.items) return -ENOMEM;
  if (shown) qsort(load->diagnostics, load->diagnostic_count, sizeof *load->diagnostics, by_place);
  for (; made.count < shown; made.count++) {
    made.items[made.count] = strdup(load->diagnostics[made.count].text);
    if (!made.items[made.count]) goto out_of_memory;
  }
  if (left_out) {
    if (asprintf(&made.items[made.count], "%s: %zu more are not shown; mend these first", load->config->path, left_out) < 0) {
      made.items[made.count] = NULL;
      goto out_of_memory;
    }
    made.count++;
  }
  *out = made;
  return 0;
out_of_memory:
  lh_diagnostics_free(&made);
  return -ENOMEM;
}

void lh_diagnostics_free(struct lh_diagnostics *diagnostics) {
  if (!diagnostics) return;
  for (size_t i = 0; i < diagnostics->count; i++) free(diagnostics->items[i]);
  free(diagnostics->items);
  *diagnostics = (struct lh_diagnostics){0};
}
