/* Writing JSON for people: one member a line, two spaces for each level. The first failure sticks.
 * Not json_...: those names are jansson's, and a function of the program takes the place of one in a shared library. */
#ifndef CONFIG_JSON_TEXT_H
#define CONFIG_JSON_TEXT_H

#include <stdbool.h>

#include "longhaul/base/buf.h"

struct json {
  struct lh_buf *out; /* borrowed */
  int failed;
  unsigned level;
  bool has_before; /* the open object or list has a member already */
};

void jtext_open(struct json *json, const char *key, char bracket); /* key NULL: an item of a list, or the whole */
void jtext_close(struct json *json, char bracket);
void jtext_string(struct json *json, const char *key, const char *text);
/* `text` is JSON already, with ' for ", so that it can be read in C. */
void jtext_raw(struct json *json, const char *key, const char *text);

#endif
