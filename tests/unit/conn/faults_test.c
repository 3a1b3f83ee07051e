/* What the engine does when it has reached its own limits: nothing is lost from the books, and the faults are named.
 *
 * Outside sanitizers malloc is ours, and the Nth allocation fails, for every N. */
#include <errno.h>

#include "rig.h"

/* ---- too many in flight ---- */

static enum lh_send_result swallow(void *context, uint32_t slot, uint32_t message, char *bytes, size_t len, bool binary) {
  (void)context, (void)slot, (void)message, (void)bytes, (void)len, (void)binary;
  return LH_SEND_DONE;
}

static void to(struct rig *rig, uint64_t since_start) {
  uint64_t until = rig_start_ns + since_start, next;
  while ((next = lh_engine_next_ns(rig->engine)) <= until) {
    rig->now = next > rig->now ? next : rig->now + 1;
    lh_engine_turn(rig->engine, rig->now);
  }
  rig->now = until;
}

/* 1,100 clients send 1,000 messages a second each that nobody answers: after a second the pool is full. What does not fit
 * waits, is skipped when its next falls due, and goes on when there is room again. */
static void more_in_flight_than_can_be_remembered(void **state) {
  (void)state;
  static struct rig rig;
  enum { MANY = 1100 };
  rig_make(&rig, MANY);
  rig.io.send = swallow;
  rig_add_message(&rig, (struct lh_message){.every_ns = MS,
                                            .source = LH_PAYLOAD_TEXT,
                                            PAYLOAD("${token}"),
                                            .reply = {.match = LH_MATCH_TOKEN, .lost_after_ns = 1100 * MS}});
  rig_start(&rig);
  to(&rig, 5 * MS); /* a turn takes 256 */
  for (uint32_t slot = 0; slot < MANY; slot++) lh_engine_on_open(rig.engine, slot, 0, rig.now);
  to(&rig, 1050 * MS);
  const struct lh_snapshot *s = rig_snapshot(&rig);
  assert_int_equal(s->gauges[LH_GAUGE_in_flight], LH_IN_FLIGHT_MAX);
  assert_int_equal(s->gauges[LH_GAUGE_pending], MANY);
  assert_int_equal(s->counters[LH_COUNTER_choked], 0);
  assert_true(s->counters[LH_COUNTER_skipped_late] > 0);
  assert_true(lh_engine_faults(rig.engine).in_flight_full > 0);
  to(&rig, 1200 * MS); /* the first are given up */
  s = rig_snapshot(&rig);
  assert_true(s->counters[LH_COUNTER_messages_sent] > LH_IN_FLIGHT_MAX);
  lh_engine_free(rig.engine);
}

/* ---- no memory ---- */

#if !defined(__SANITIZE_ADDRESS__)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *memory);

static long fail_in = -1; /* allocations until one fails; negative: none does */
static long held;         /* allocations not freed yet, while counting */

static bool fails(void) {
  return fail_in >= 0 && fail_in-- == 0;
}

void *malloc(size_t size) {
  void *memory = fails() ? NULL : __libc_malloc(size);
  held += memory != NULL;
  return memory;
}

void *calloc(size_t count, size_t size) {
  void *memory = fails() ? NULL : __libc_calloc(count, size);
  held += memory != NULL;
  return memory;
}

void *realloc(void *old, size_t size) {
  void *memory = fails() ? NULL : __libc_realloc(old, size);
  held += !old && memory != NULL;
  return memory;
}

void free(void *memory) {
  held -= memory != NULL;
  __libc_free(memory);
}

static void say_in_pieces(struct rig *rig) {
  static char text[5000];
  for (int i = 0; i < 5; i++) lh_engine_on_message(rig->engine, 0, text, sizeof text, i == 0, i == 4, false, rig->now);
}

/* A short life with everything in it that allocates. Returns whether the engine could be made. */
static bool live(struct rig *rig) {
  struct lh_err err = {0};
  rig_make(rig, 3);
  struct lh_message message = {.every_ns = 100 * MS,
                               .source = LH_PAYLOAD_TEXT,
                               PAYLOAD("${token}"),
                               .reply = {.match = LH_MATCH_TOKEN, .contains = (char[]){"n=${seq}"}, .lost_after_ns = SEC}};
  rig_add_message(rig, message);
  struct lh_group groups[2] = {rig->group, rig->group};
  groups[1].kind = LH_KIND_NULL;
  groups[1].null_service_ns = 3 * MS;
  rig->config.groups = groups;
  rig->config.group_count = 2;
  const struct lh_engine_args args = {
      .config = &rig->config, .slice = {0, 1}, .start_ns = rig_start_ns, .workers = 1, .io = {[LH_KIND_WEBSOCKET] = &rig->io}};
  struct lh_engine *engine = NULL;
  int rc = lh_engine_new(&engine, &args, &err);
  if (rc < 0) {
    assert_null(engine);
    assert_int_equal(rc, -ENOMEM);
    assert_non_null(strstr(err.text, "memory"));
    return false;
  }
  rig->engine = engine;
  to(rig, 50 * MS);
  rig_open(rig);
  to(rig, 500 * MS);
  say_in_pieces(rig);
  rig_end_with(rig, LH_REASON_RST, 104);
  to(rig, 800 * MS);
  return true;
}

/* Nothing else of the client is due, so that what is held for want of memory has a time of its own. */
static void what_is_held_for_want_of_memory_goes_out_later(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, (struct lh_message){.after = LH_AFTER_INCOMING,
                                            .source = LH_PAYLOAD_TEXT,
                                            PAYLOAD("${token}"),
                                            .when = {.equals = (char[]){"go"}},
                                            .reply = {.match = LH_MATCH_TOKEN}});
  rig_start(&rig);
  rig_open(&rig);
  fail_in = 0;
  rig_hear(&rig, "go", 2);
  assert_int_equal(fail_in, -1);
  assert_int_equal(rig.counts[CALL_SEND], 0);
  rig_run(&rig, SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  assert_int_equal(lh_engine_faults(rig.engine).no_memory, 1);
  lh_engine_free(rig.engine);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  static struct rig rig;
  long n = 0, made = 0;
  for (bool untouched = false; !untouched; n++) {
    long before = held;
    fail_in = n;
    bool lives = live(&rig);
    untouched = fail_in >= 0;
    fail_in = -1;
    if (lives) {
      for (uint32_t g = 0; g < 2; g++) {
        struct lh_err err = {0};
        if (lh_snapshot_check(lh_engine_snapshot(rig.engine, g, rig.now), &err) < 0)
          fail_msg("allocation %ld: %s", n, err.text);
      }
      lh_engine_free(rig.engine);
      made++;
    }
    if (held != before) fail_msg("allocation %ld: %ld not freed", n, held - before);
  }
  print_message("%ld allocations, the engine lived with %ld of their failures\n", n - 1, made - 1);
  assert_true(n > 10);
}

#endif

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(more_in_flight_than_can_be_remembered),
#if !defined(__SANITIZE_ADDRESS__)
    cmocka_unit_test(what_is_held_for_want_of_memory_goes_out_later),
    cmocka_unit_test(every_allocation_may_fail),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
