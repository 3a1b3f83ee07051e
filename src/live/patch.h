/* What changed from one JSON value to the next, so that viewers are sent that alone. Pure; page_live.js applies it.
 *
 *   {"v": value}                             the new value
 *   {"o": {key: patch, ...}, "d": [keys]}    an object: keys changed or new, keys gone
 *   {"a": n, "i": {index: patch}, "t": []}   an array: the first n items stay, but for those patched; then these follow
 *
 * Arrays of a run grow at their end: the tail is sent, not the night.
 */
#ifndef LIVE_PATCH_H
#define LIVE_PATCH_H

#include <jansson.h>

/* A new reference, NULL when memory is out; json_null() when nothing changed. Values of `to` are shared, not copied. */
json_t *lh_patch_make(const json_t *from, const json_t *to);

#endif
