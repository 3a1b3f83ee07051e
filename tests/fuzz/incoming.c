/* Any bytes as what a server says: whole and in pieces, to a client that waits for replies of each sort. The books balance. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/conn/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void connect_nothing(void *context, uint32_t slot, uint32_t nth, uint64_t now_ns) {
  (void)context, (void)slot, (void)nth, (void)now_ns;
}

static enum lh_send_result swallow(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  (void)context, (void)slot, (void)message, (void)bytes, (void)len, (void)binary;
  return LH_SEND_DONE;
}

static void abort_nothing(void *context, uint32_t slot) {
  (void)context, (void)slot;
}

#define TEXT(text) .source = LH_PAYLOAD_TEXT, .payload = (char[]){text}, .payload_len = sizeof(text) - 1
#define EVERY_S .every_ns = LH_NS_PER_S, .until_ns = LH_NEVER, .name = name

static char name[] = "fuzz";
static struct lh_message messages[] = {
    {EVERY_S, TEXT("${token}"), .reply = {.match = LH_MATCH_TOKEN, .contains = (char[]){"n=${seq}"}}},
    {EVERY_S, TEXT("{\"id\":\"${token}\"}"), .reply = {.match = LH_MATCH_POINTER, .pointer = (char[]){"/a/0/id"}}},
    {EVERY_S, TEXT("<${token}>"), .reply = {.match = LH_MATCH_ECHO}},
    {EVERY_S, TEXT("ask"), .reply = {.match = LH_MATCH_ORDER, .contains = (char[]){"ok"}}},
    {EVERY_S, TEXT("note ${token}")},
};
static struct lh_stage_point flat = {0, 1};
static struct lh_group group = {.name = name,
                                .kind = LH_KIND_WEBSOCKET,
                                .connections = 1,
                                .ramp = {&flat, 1},
                                .connect_timeout_ns = LH_NS_PER_S,
                                .message_max = 500,
                                .incoming = {.enabled = true,
                                             .sequence = {.kind = LH_LOCATOR_POINTER, .field = (char[]){"/seq"}},
                                             .timestamp = {.kind = LH_LOCATOR_TEXT, .regex = (char[]){"t=([0-9TZ:.+-]+)"}},
                                             .unit = LH_PUSH_RFC3339,
                                             .gap_max_ns = LH_NS_PER_S},
                                .messages = messages,
                                .message_count = sizeof messages / sizeof *messages};
static const struct lh_config config = {.groups = &group, .group_count = 1, .run = {.seed = 1}};
static const struct lh_io io = {.connect = connect_nothing, .send = swallow, .abort = abort_nothing};

static struct lh_engine *open_client(void) {
  const struct lh_engine_args args = {
      .config = &config, .slice = {0, 1}, .run_id = 1, .workers = 1, .io = {[LH_KIND_WEBSOCKET] = &io}};
  struct lh_engine *engine = NULL;
  if (lh_engine_new(&engine, &args, NULL) < 0) abort();
  lh_engine_turn(engine, LH_NS_PER_MS);
  lh_engine_on_open(engine, 0, 0, LH_NS_PER_MS);
  for (int second = 1; second <= 10; second++) lh_engine_turn(engine, (uint64_t)second * LH_NS_PER_S);
  return engine;
}

/* The first byte of each piece says how long it is and whether it ends its message. */
static void say(struct lh_engine *engine, const uint8_t *data, size_t size) {
  bool first = true;
  while (size > 0) {
    size_t len = *data & 0x7f, left = size - 1;
    bool last = *data & 0x80;
    if (len > left) len = left;
    char *bytes = malloc(len ? len : 1); /* of its exact size */
    memcpy(bytes, data + 1, len);
    lh_engine_on_message(engine, 0, bytes, len, first, last, false, 11 * LH_NS_PER_S);
    free(bytes);
    first = last;
    data += 1 + len;
    size -= 1 + len;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct lh_engine *engine = open_client();
  say(engine, data, size);
  if (lh_snapshot_check(lh_engine_snapshot(engine, 0, 12 * LH_NS_PER_S), NULL) < 0) abort();
  lh_engine_free(engine);
  return 0;
}
