/* Writing JSON for people: one member a line, two spaces for each level. The first failure sticks. */
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

void json_open(struct json *json, const char *key, char bracket); /* key NULL: an item of a list, or the whole */
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *text);
/* `text` is JSON already, with ' for ", so that it can be read in C. */
void json_raw(struct json *json, const char *key, const char *text);

#endif
