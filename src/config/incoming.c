/* What is checked of a group's pushes, in words for people. */
#include <stdio.h>
#include <string.h>

#include "longhaul/base/units.h"

#include "load_internal.h"

/* "/seq", "id", "/id by [0-9]+$", "4 bytes at 8" */
static void place_words(const struct lh_locator *place, char *out, size_t size) {
  if (place->kind == LH_LOCATOR_BYTES)
    snprintf(out, size, "%u byte%s at %llu", place->width, place->width == 1 ? "" : "s", (unsigned long long)place->offset);
  else if (place->field && place->regex)
    snprintf(out, size, "%.80s by %.80s", place->field, place->regex);
  else
    snprintf(out, size, "%.160s", place->field ? place->field : place->regex ? place->regex : ""); /* neither: a rule tells */
}

void incoming_words(const struct lh_incoming_config *incoming, char out[INCOMING_WORDS_MAX]) {
  static const char *const units[] = {"ms", "us", "s", "ns", "rfc3339"};
  char sequence[192] = "", silence[64] = "", timestamp[192] = "", place[168];
  if (incoming->sequence.kind != LH_LOCATOR_NONE) {
    place_words(&incoming->sequence, place, sizeof place);
    snprintf(sequence, sizeof sequence, "number: %s", place);
  }
  if (incoming->gap_max_ns) {
    char length[32];
    snprintf(silence, sizeof silence, "silent after %s", lh_format_duration(incoming->gap_max_ns, length, sizeof length));
  }
  if (incoming->timestamp.kind != LH_LOCATOR_NONE) {
    place_words(&incoming->timestamp, place, sizeof place);
    snprintf(timestamp, sizeof timestamp, "time: %s (%s)", place, units[incoming->unit]);
  }
  const char *const parts[] = {sequence, *sequence ? (incoming->by_client ? "over reconnects" : "of each connection") : "",
                               silence, timestamp};
  size_t len = 0;
  out[0] = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (*parts[i]) len += (size_t)snprintf(out + len, INCOMING_WORDS_MAX - len, "%s%s", len ? ", " : "", parts[i]);
}
