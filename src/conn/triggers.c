/* What an incoming message sets off: messages with `after: incoming`. */
#include <string.h>

#include "conn/engine_private.h"
#include "conn/json_pointer.h"

static bool begins_with(const char *bytes, size_t len, const char *with, size_t with_len) {
  return len >= with_len && memcmp(bytes, with, with_len) == 0;
}

static bool equals(const struct lh_when_config *when, const char *bytes, size_t len, uint64_t total) {
  struct lh_json_span value = {bytes, len};
  if (!when->pointer) return total == strlen(when->equals) && memcmp(bytes, when->equals, len) == 0;
  if (!lh_json_pointer_find(when->pointer, bytes, len, &value)) return false;
  return !when->equals || lh_json_span_is(value, when->equals, strlen(when->equals));
}

static bool holds(const struct lh_when_config *when, const char *bytes, size_t len, uint64_t total) {
  if (when->hex && !begins_with(bytes, len, when->hex, when->hex_len)) return false;
  if (when->begins && !begins_with(bytes, len, when->begins, strlen(when->begins))) return false;
  if (when->contains && !memmem(bytes, len, when->contains, strlen(when->contains))) return false;
  return (!when->pointer && !when->equals) || equals(when, bytes, len, total);
}

void lh_triggers_look(struct lh_engine *e, uint32_t slot, const char *bytes, size_t len, uint64_t total) {
  const struct client *c = &e->clients[slot];
  const struct group *g = lh_group_of(e, c);
  for (uint32_t m = 0; m < g->message_count && c->state == LH_CLIENT_OPEN && !e->stopping; m++) {
    const struct lh_message *config = g->messages[m].config;
    if (config->after == LH_AFTER_INCOMING && holds(&config->when, bytes, len, total)) lh_schedule_triggered(e, slot, m);
  }
}
