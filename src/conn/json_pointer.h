/* JSON pointers (RFC 6901) on raw bytes: no allocation, no recursion, one pass.
 *
 * The bytes come from a peer: whatever is not JSON along the way to the value is "not found". What lies beside the way is
 * skipped, not checked. Of two members with one name the first is taken.
 */
#ifndef LH_CONN_JSON_POINTER_H
#define LH_CONN_JSON_POINTER_H

#include <stdbool.h>
#include <stddef.h>

/* "" or "/part/part..." in which each ~ is followed by 0 or 1. */
bool lh_json_pointer_valid(const char *pointer);

struct lh_json_span {
  const char *at; /* borrowed from the text; a string with its quotes */
  size_t len;
};

/* The value a valid pointer names; false when there is none. */
bool lh_json_pointer_find(const char *pointer, const char *json, size_t len, struct lh_json_span *value);

/* Whether a value is `text`: a string by what stands between its quotes, escapes as they are. */
bool lh_json_span_is(struct lh_json_span value, const char *text, size_t len);

#endif
