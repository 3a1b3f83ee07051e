/* JSON as text, member by member. What stands at most two levels deep begins on a line of its own.
 *
 * Every call takes the member's name, NULL in a list. A call after a failed one does nothing: `code` is looked at once, at the
 * end.
 */
#ifndef LH_CLI_JSON_H
#define LH_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/buf.h"

struct lh_cli_json {
  struct lh_buf *out;
  int code; /* of the first failed addition, or 0 */
  unsigned depth;
  bool has_member; /* at this depth */
};

/* A member that is a text, for objects of nothing else. */
struct lh_cli_json_text {
  const char *name, *text;
};

void lh_cli_json_open(struct lh_cli_json *json, const char *name, char bracket); /* '{' or '[' */
void lh_cli_json_close(struct lh_cli_json *json, char bracket);                  /* '}' or ']'; at depth 0 it ends the line */
void lh_cli_json_text(struct lh_cli_json *json, const char *name, const char *text); /* NULL: null */
void lh_cli_json_bool(struct lh_cli_json *json, const char *name, bool value);
void lh_cli_json_count(struct lh_cli_json *json, const char *name, uint64_t value);
void lh_cli_json_clients(struct lh_cli_json *json, const char *name, uint64_t clients); /* UINT64_MAX, no bound: null */
void lh_cli_json_number(struct lh_cli_json *json, const char *name, double value, int decimals); /* NAN: null */
void lh_cli_json_texts(struct lh_cli_json *json, const struct lh_cli_json_text *members,
                       size_t count); /* an item of a list: {...} */

#endif
