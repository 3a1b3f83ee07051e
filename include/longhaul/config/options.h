/* The option table: the one description of every key. The YAML loader, --set, `longhaul explain`, the JSON Schema, the
 * reference YAML, the man page and the fuzz dictionary all come from it.
 *
 * Glossary
 *   key      dotted path of a setting; "*" stands for a name that the user chooses, "[]" for an item of a list
 *   default  as a user would write it; NULL: required; "": nothing
 */
#ifndef LONGHAUL_CONFIG_OPTIONS_H
#define LONGHAUL_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"

enum lh_option_type {
  LH_OPTION_MAP,      /* a mapping with fixed keys */
  LH_OPTION_NAMED,    /* a mapping of user-chosen names */
  LH_OPTION_LIST,     /* a sequence */
  LH_OPTION_STRING,
  LH_OPTION_TEMPLATE, /* a string that may hold variables */
  LH_OPTION_BOOL,
  LH_OPTION_COUNT,    /* whole number */
  LH_OPTION_NUMBER,
  LH_OPTION_DURATION,
  LH_OPTION_SIZE,
  LH_OPTION_RATE,
  LH_OPTION_SHARE,
  LH_OPTION_CHOICE,
  LH_OPTION_FILE,
  LH_OPTION_URL,
  LH_OPTION_HEADERS,  /* a mapping of header names to templates */
  LH_OPTION_STRINGS   /* a sequence of strings */
};

struct lh_landing; /* how the value lands in struct lh_config: the room's own affair */

struct lh_option {
  const char *key;
  enum lh_option_type type;
  const char *preset;   /* default as written */
  const char *range;    /* "1..16000000", or NULL */
  const char *choices;  /* "none|equal|full", or NULL; on another type than CHOICE: words that may stand in its place */
  const char *help;     /* one sentence */
  const char *example;  /* a value for the reference YAML, or NULL: the default */
  bool secret;          /* masked in run files and reports */
  const struct lh_landing *landing;
};

const struct lh_option *lh_options(size_t *count);
/* Accepts a concrete path ("groups.chat.ping.every") or a pattern ("groups.*.ping.every"). NULL when there is none. */
const struct lh_option *lh_option_find(const char *key);

/* Text for people: one key, or the table under a prefix (NULL: everything). -ENOENT with the nearest key when unknown. */
int lh_explain(const char *key, struct lh_buf *out, struct lh_err *err);
int lh_explain_json(const char *key, struct lh_buf *out, struct lh_err *err); /* the same rows as a JSON array */
int lh_explain_reference(struct lh_buf *out); /* the whole commented YAML; it loads without a diagnostic */
int lh_explain_schema(struct lh_buf *out);    /* JSON Schema draft 2020-12 */
/* Text for a man page: roff sees neither an escape nor, at the start of a line, a request in it; hyphens and quotes are the ASCII
 * ones, so that it can be pasted. */
int lh_explain_roff(struct lh_buf *out, const char *text);
int lh_explain_man(struct lh_buf *out);       /* the CONFIGURATION section of the man page, roff */

#endif
