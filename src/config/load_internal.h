/* What the files of this room share while one config is being read.
 *
 * Glossary
 *   node     one value of the YAML tree: a scalar, a map or a list
 *   scope    one thing with settings: the config itself, a target, a group, a message, an objective
 *   setting  one --set KEY=VALUE
 *
 * Nodes and their texts live in the arena and go with it; what the config keeps is copied out. A failed allocation is
 * remembered in `out_of_memory` and checked once at the end, so that the steps between need not ask after each call.
 */
#ifndef CONFIG_LOAD_INTERNAL_H
#define CONFIG_LOAD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/texts.h"
#include "longhaul/config/config.h"
#include "longhaul/config/load.h"
#include "longhaul/config/options.h"

enum {
  CONFIG_DEPTH_MAX = 64,     /* maps in lists in maps ... */
  CONFIG_ITEMS_MAX = 1024,   /* items of one map or list */
  CONFIG_NODES_MAX = 500000, /* values of one config, aliases followed */
  CONFIG_ANCHORS_MAX = 1024,
  CONFIG_BYTES_MAX = 64 << 20, /* text after aliases and ${env} */
  CONFIG_DIAGNOSTICS_MAX = 100 /* shown; a last line counts the rest */
};

/* ---- arena: many small things, freed together ---- */
struct arena {
  struct arena_block *blocks;
  bool out_of_memory; /* sticky */
};

void *arena_alloc(struct arena *arena, size_t size); /* zeroed; NULL when out of memory */
char *arena_copy(struct arena *arena, const char *text, size_t len);
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *arena);

/* ---- the YAML tree ---- */
enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
  enum node_kind kind;
  bool plain;            /* a scalar written without quotes */
  bool from_env;         /* ${env.NAME} took part in it */
  bool bad;              /* a diagnostic was given for it: what depends on it stays silent */
  uint32_t setting;      /* number of the --set it came from, from 1; 0: the file */
  uint32_t count;        /* children */
  struct lh_place place; /* of the value */
  struct lh_place key_place;
  const char *key;    /* in a map; NULL in a list */
  uint32_t index;     /* in a list */
  const char *text;   /* scalar, after ${env}; holds no NUL */
  const char *masked; /* the same with what came from the environment as "***" */
  struct node *parent, *first, *last, *next;
};

struct load;

struct node *node_new(struct load *load, enum node_kind kind, struct lh_place place);
void node_append(struct node *parent, struct node *child);
/* Takes `old`'s place among its siblings. */
void node_replace(struct node *old, struct node *with);
/* A copy whose texts are shared; NULL when the config would grow past its limits (reported). */
struct node *node_copy(struct load *load, const struct node *node, unsigned depth);
struct node *node_child(const struct node *map, const char *key);
/* Follows a dotted path of map keys; NULL when a part is missing. */
struct node *node_at(const struct node *map, const char *path);
/* "groups.chat.messages[0].every"; arena text. `child`: a key below it, or NULL. */
const char *node_path(struct load *load, const struct node *node, const char *child);
/* A plain scalar that YAML reads as null: nothing, ~ or null. */
bool node_is_null(const struct node *node);
/* Its key is one of a request's path: path, or a method. */
bool node_is_path(const struct node *node);
/* Sets what stands under `key`, so that the effective config shows it. */
void node_set_text(struct load *load, struct node *map, const char *key, const char *text);

/* ---- scopes ---- */
struct scope {
  const struct lh_option *row; /* NULL: the config itself */
  struct node *node;
  void *base; /* struct lh_config, lh_target, lh_group, lh_message, lh_stage_point or lh_slo_config */
  struct scope *parent;
  struct scope *next; /* in the order of the file, outer before inner */
};

struct diagnostic {
  uint32_t setting;
  struct lh_place place;
  size_t nth;
  bool warning;
  char *text;
};

/* A variable that names something of its group: checked once all of the group is known. */
struct use {
  struct node *node;
  const char *name; /* arena; "data.COLUMN" */
  struct use *next;
};

/* A value that must not be seen in what a peer says. */
struct known_secret {
  struct lh_text text; /* arena */
  struct known_secret *next;
};

struct load {
  const struct lh_load_args *args;
  struct lh_config *config;
  struct arena arena;
  struct node *root;
  struct scope *scopes, **scopes_end;
  struct use *uses;
  struct known_secret *secrets;
  uint32_t secret_count;
  size_t node_count, byte_count;
  bool overflowed;                /* the limits above were reached, and that was reported once */
  struct diagnostic *diagnostics; /* arena */
  size_t diagnostic_count, diagnostic_room, error_count;
};

/* ---- diagnostics: each writes "FILE:LINE:COLUMN: KEY: sentence" ---- */
/* About the value of `node`; marks it bad. */
void report_value(struct load *load, struct node *node, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* About the key of `node` (unknown, given twice); marks it bad. */
void report_key(struct load *load, struct node *node, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* About something that should stand in `map` under `child`; marks the map bad. */
void report_child(struct load *load, struct node *map, const char *child, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* About a place that is no node: YAML syntax, a --set that cannot be read. `key` may be NULL. */
void report_place(struct load *load, struct lh_place place, uint32_t setting, const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void warn_value(struct load *load, struct node *node, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Sorts them by place and moves them out. */
int diagnostics_finish(struct load *load, struct lh_diagnostics *out);
/* A value for a sentence: in quotes, control characters escaped, cut after 40 bytes, masked. Arena text. */
const char *quoted(struct load *load, const struct node *node);
const char *quoted_text(struct load *load, const char *text);

/* ---- steps, in order ---- */
struct node *yaml_read(struct load *load, const char *text, size_t len, uint32_t setting); /* NULL: reported */
void settings_apply(struct load *load);
/* Expands ${env.NAME} and ${env.NAME:-default} in every scalar. Other ${...} and $${ stay. */
void env_expand(struct load *load, struct node *root);
void bind_config(struct load *load);
void resolve_config(struct load *load);
/* The number of the target that the node names; LH_NO_TARGET: reported, with the nearest name. */
uint32_t target_by_name(struct load *load, struct node *node);
/* The defaults of everything in the scope of `row`. */
void scope_preset(struct load *load, const struct lh_option *row, void *base);
void resolve_login(struct load *load, const struct scope *scope);
void resolve_data(struct load *load, const struct scope *scope);
void uses_check(struct load *load);
void rules_check(struct load *load);
/* What is checked of a group's pushes, in words. */
enum { INCOMING_WORDS_MAX = 512 };
void incoming_words(const struct lh_incoming_config *incoming, char out[INCOMING_WORDS_MAX]);
int masked_write(struct load *load, char **out);

/* ---- known.c ---- */
/* A value came out of the environment, between what stands before and after it in the node's text. */
void known_from_env(struct load *load, const struct node *node, const char *value, const char *before, const char *after);
/* All secrets of the config, for config->secrets; NULL when it has none. */
int known_secrets(struct load *load, struct lh_texts **out);

/* ---- scalars ---- */
/* Reads the node by the row's type, checks it and stores it at base + the row's place. False when it was reported. */
bool value_store(struct load *load, const struct lh_option *row, struct node *node, void *base);
/* Stores the row's default. */
void value_preset(struct load *load, const struct lh_option *row, void *base);
/* False when nothing, a map or a list stands there, or something was wrong with it before: it was reported. */
bool value_has_text(struct load *load, struct node *node, const char *expected);
/* A string for the config to own, `$${` unescaped; NULL and a diagnostic when it holds a variable. */
char *value_string(struct load *load, struct node *node);

/* ---- setters that rows name ---- */
typedef bool value_setter(struct load *load, const struct lh_option *row, struct node *node, void *base);
value_setter set_url, set_metrics, set_proxy, set_headers, set_file, set_payload_text, set_payload_base64, set_payload_hex, set_payload_file,
    set_path, set_request, set_statuses, set_when_hex, set_data_file, set_login_request, set_login_url, set_login_text,
    set_login_file, set_login_statuses;
/* Reads a file that the config names, relative to its folder: its joined path and its bytes are the caller's. False when
 * it was reported. */
bool file_read(struct load *load, struct node *node, size_t limit, char **path, struct lh_buf *out);

#endif
