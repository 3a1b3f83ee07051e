/* The private side of an option row: how its value lands in the config, and how the row is shown.
 *
 * Glossary
 *   element  what a NAMED or LIST row holds: an array of structs, one for each name or item
 *   word     a value beside those of the row's type: `auto`, `end`, `false`
 */
#ifndef CONFIG_ROW_H
#define CONFIG_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/config/options.h"

#include "load_internal.h"

struct element {
  size_t size;
  size_t items, count; /* offsets of pointer and size_t in the struct above */
  size_t name, place;  /* offsets in the element's own struct; NO_MEMBER: it has none */
  unsigned least, most;
};

#define NO_MEMBER SIZE_MAX

struct lh_landing {
  /* Of the member in the innermost scope's struct; size 0: there is none, resolve.c makes use of the node. A map's member
   * is a bool: whether it is on. */
  size_t offset, size;
  uint64_t word;         /* what a word stores */
  unsigned first_choice; /* the enum's value for the first choice */
  value_setter *set;     /* in place of the type's own */
  /* For strings and the items of string lists: NULL when it is good, else what was expected. */
  const char *(*check)(const char *text);
  const struct element *element;
  /* False: the row has no effect in this scope; `idle` says why. NULL: it always has. */
  bool (*applies)(const void *base);
  const char *idle;
  size_t place;     /* of a map: offset of its struct lh_place plus one, 0: none is kept */
  bool by_presence; /* a map that means something by being there: no defaults are shown without it */
  bool alternative; /* shown commented out in the reference: it excludes another key */
  size_t limit;     /* bytes of a string or file; 0: the room's own limit */
};

/* The next row that stands directly under `parent` (NULL: at the top) after `after` (NULL: the first). A NAMED or LIST row
 * has one such row, its item. */
const struct lh_option *row_next_child(const struct lh_option *parent, const struct lh_option *after);
/* The child named `name` of a map row; NULL when there is none. */
const struct lh_option *row_child(const struct lh_option *parent, const char *name);
/* The last part of the key: "every" of "groups.*.ping.every". */
const char *row_name(const struct lh_option *row);
/* The row describes an item of a NAMED or LIST row. */
bool row_is_item(const struct lh_option *row);
bool row_is_required(const struct lh_option *row);
/* `word` is one of the "a|b|c" list; returns its number, -1 when it is not. */
int choice_number(const char *choices, const char *word);
/* "a, b or c" */
const char *choices_text(const char *choices, char *out, size_t size);
/* What the type is called, and what is expected of its value, for people. */
const char *type_name(enum lh_option_type type);
const char *type_expected(enum lh_option_type type);

#endif
