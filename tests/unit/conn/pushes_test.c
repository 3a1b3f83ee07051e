/* What the engine makes of pushes: counted, checked where asked for, silences found, and never mistaken for replies. */
#include "rig.h"

#include "longhaul/conn/incoming.h"
#include "longhaul/plan/template.h"

static void hear(struct rig *rig, const char *text) {
  rig_hear(rig, text, strlen(text));
}

static const struct lh_incoming_config by_seq = {.enabled = true,
                                                 .sequence = {.kind = LH_LOCATOR_POINTER, .field = (char[]){"/seq"}}};

static void open_checked(struct rig *rig, struct lh_incoming_config incoming) {
  rig_make(rig, 1);
  rig->group.incoming = incoming;
  rig_start(rig);
  rig_open(rig);
}

static void come_back(struct rig *rig) {
  rig_reset(rig);
  rig_run(rig, 20 * SEC);
  rig_open(rig);
}

struct expected {
  enum lh_counter_id id;
  uint64_t n;
};
enum { EXPECTED_MAX = 10 };

static void expect(struct rig *rig, const struct expected *all, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (rig_counter(rig, all[i].id) != all[i].n)
      fail_msg("%s is %llu, expected %llu", lh_counter_name(all[i].id), (unsigned long long)rig_counter(rig, all[i].id),
               (unsigned long long)all[i].n);
}
#define EXPECT(rig, ...)                                                                                                       \
  expect(rig, (const struct expected[]){__VA_ARGS__}, sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))
#define C(name, count)                                                                                                         \
  { LH_COUNTER_##name, count }

static void numbers_are_checked(void **state) {
  (void)state;
  static struct rig rig;
  open_checked(&rig, by_seq);
  static const char *const pushes[] = {"{\"seq\":5}", "{\"seq\":6}", "{\"seq\":9}", "{\"seq\":8}", "{\"seq\":8}", "hello", "{\"seq\":3}"};
  for (size_t i = 0; i < sizeof pushes / sizeof *pushes; i++) hear(&rig, pushes[i]);
  EXPECT(&rig, C(incoming, 7), C(incoming_numbered, 6), C(incoming_unreadable, 1), C(incoming_gaps, 2), C(incoming_skipped, 4),
         C(incoming_out_of_order, 2), C(incoming_duplicate, 1), C(incoming_missed_away, 0));
  come_back(&rig);
  hear(&rig, "{\"seq\":100}");
  EXPECT(&rig, C(incoming, 8), C(incoming_gaps, 2), C(incoming_missed_away, 0)); /* each connection has its own */
  rig_free(&rig);
}

static void a_client_that_was_away_missed_something(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_incoming_config config = by_seq;
  config.by_client = true;
  open_checked(&rig, config);
  hear(&rig, "{\"seq\":5}");
  come_back(&rig);
  hear(&rig, "{\"seq\":9}");
  hear(&rig, "{\"seq\":7}");
  hear(&rig, "{\"seq\":11}");
  EXPECT(&rig, C(incoming_missed_away, 3), C(incoming_caught_up, 1), C(incoming_gaps, 1), C(incoming_skipped, 1));
  come_back(&rig);
  hear(&rig, "{\"seq\":1}");
  EXPECT(&rig, C(incoming_restarts, 1), C(incoming_duplicate, 0));
  rig_free(&rig);
}

static void a_push_in_pieces_is_read_whole(void **state) {
  (void)state;
  static struct rig rig;
  open_checked(&rig, by_seq);
  hear(&rig, "{\"seq\":1}");
  lh_engine_on_message(rig.engine, 0, "{\"se", 4, true, false, false, rig.now);
  lh_engine_on_message(rig.engine, 0, "q\":2}", 5, false, true, false, rig.now);
  EXPECT(&rig, C(incoming, 2), C(incoming_numbered, 2), C(incoming_unreadable, 0), C(incoming_gaps, 0));
  rig_free(&rig);
}

static void events_carry_their_number_in_their_id(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_incoming_config config = {.enabled = true, .sequence = {.kind = LH_LOCATOR_ID, .field = (char[]){"id"}}};
  open_checked(&rig, config);
  static const struct lh_push pushes[] = {{"a", 1, "1"}, {"b", 1, NULL}, {"c", 1, "4"}, {"d", 1, "x"}};
  for (size_t i = 0; i < 4; i++) lh_engine_on_push(rig.engine, 0, &pushes[i], i == 3, rig.now);
  EXPECT(&rig, C(incoming, 4), C(incoming_numbered, 2), C(incoming_unreadable, 2), C(incoming_skipped, 2), C(truncated, 1),
         C(bytes_received, 4));
  rig_free(&rig);
}

/* ---- replies are no pushes ---- */

static void replies_are_left_alone(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.incoming = by_seq;
  rig_add_message(&rig, (struct lh_message){.every_ns = 10 * SEC, .phase = LH_PHASE_TOGETHER, .source = LH_PAYLOAD_TEXT,
                                            PAYLOAD("{\"id\":\"${token}\",\"seq\":900}"),
                                            .reply = {.match = LH_MATCH_TOKEN, .lost_after_ns = 60 * SEC}});
  rig_start(&rig);
  rig_open(&rig);
  hear(&rig, "{\"seq\":1}");
  rig_run(&rig, 11 * SEC);
  rig_echo(&rig);
  rig_echo(&rig); /* a duplicate reply is no push either */
  hear(&rig, "{\"seq\":2}");
  EXPECT(&rig, C(replied, 1), C(duplicate, 1), C(incoming, 2), C(incoming_numbered, 2), C(incoming_gaps, 0));
  rig_free(&rig);
}

static void a_numbered_message_answers_nothing_by_order(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.incoming = by_seq;
  rig_add_message(&rig, (struct lh_message){.every_ns = 10 * SEC, .phase = LH_PHASE_TOGETHER, .source = LH_PAYLOAD_TEXT,
                                            PAYLOAD("ask"), .reply = {.match = LH_MATCH_ORDER, .lost_after_ns = 60 * SEC}});
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 11 * SEC);
  hear(&rig, "{\"seq\":2}");
  EXPECT(&rig, C(replied, 0), C(incoming, 1), C(incoming_numbered, 1));
  hear(&rig, "answer");
  EXPECT(&rig, C(replied, 1), C(incoming, 1), C(incoming_unreadable, 0));
  rig_free(&rig);
}

/* ---- silences ---- */

static void silence_is_counted_when_it_is_over_gap_max(void **state) {
  (void)state;
  static struct rig rig;
  open_checked(&rig, (struct lh_incoming_config){.enabled = true, .gap_max_ns = 15 * SEC});
  for (int i = 0; i < 3; i++) {
    rig_run(&rig, 15 * SEC);
    EXPECT(&rig, C(incoming_silences, 0));
    hear(&rig, "x");
  }
  rig_run(&rig, 15 * SEC + MS);
  EXPECT(&rig, C(incoming_silences, 1)); /* as soon as it is, once */
  rig_run(&rig, 40 * SEC);
  EXPECT(&rig, C(incoming_silences, 1));
  assert_int_equal(rig_hist(&rig, LH_HIST_silence)->count, 0); /* it lasts */
  hear(&rig, "x");
  assert_int_equal(rig_hist(&rig, LH_HIST_silence)->count, 1);
  assert_in_range(rig_hist(&rig, LH_HIST_silence)->max_us, 55000000, 55002000);
  assert_int_equal(rig_hist(&rig, LH_HIST_gap)->max_us, rig_hist(&rig, LH_HIST_silence)->max_us);
  rig_run(&rig, 16 * SEC);
  EXPECT(&rig, C(incoming_silences, 2)); /* the timer goes on after a silence */
  rig_free(&rig);
}

static void silence_ends_with_the_connection(void **state) {
  (void)state;
  static struct rig rig;
  open_checked(&rig, (struct lh_incoming_config){.enabled = true, .gap_max_ns = 15 * SEC});
  rig_run(&rig, 20 * SEC); /* from the opening on */
  EXPECT(&rig, C(incoming_silences, 1));
  rig_reset(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_silence)->count, 1);
  assert_in_range(rig_hist(&rig, LH_HIST_silence)->max_us, 20000000, 20001000);
  rig_run(&rig, 60 * SEC); /* a client that is not open hears nothing, and that is no silence */
  EXPECT(&rig, C(incoming_silences, 1));
  rig_free(&rig);
}

/* ---- times ---- */

static void delays_are_measured_between_two_clocks(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_incoming_config config = {.enabled = true, .timestamp = {.kind = LH_LOCATOR_POINTER, .field = (char[]){"/t"}}};
  open_checked(&rig, config);
  rig.now = rig_start_ns + 10 * SEC; /* 1700000010 s on the wall clock */
  hear(&rig, "{\"t\":1700000009750}");
  hear(&rig, "{\"t\":1700000010000}");
  hear(&rig, "{\"t\":1700000010040}");
  hear(&rig, "{\"t\":\"soon\"}");
  EXPECT(&rig, C(incoming, 4), C(incoming_untimed, 1));
  assert_int_equal(rig_hist(&rig, LH_HIST_delay)->count, 2);
  assert_int_equal(rig_hist(&rig, LH_HIST_delay)->max_us, 250000);
  assert_int_equal(rig_hist(&rig, LH_HIST_delay_ahead)->count, 1);
  assert_int_equal(rig_hist(&rig, LH_HIST_delay_ahead)->max_us, 40000);
  rig_free(&rig);
}

static void groups_that_ask_for_nothing_pay_nothing(void **state) {
  (void)state;
  static struct rig with, without;
  rig_make(&without, 1000);
  rig_start(&without);
  rig_make(&with, 1000);
  with.group.incoming = by_seq;
  rig_start(&with);
  size_t more = lh_engine_bytes(with.engine) - lh_engine_bytes(without.engine);
  assert_in_range(more, 1, 1000 * 128);
  rig_free(&with);
  rig_free(&without);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_checked),
      cmocka_unit_test(a_client_that_was_away_missed_something),
      cmocka_unit_test(a_push_in_pieces_is_read_whole),
      cmocka_unit_test(events_carry_their_number_in_their_id),
      cmocka_unit_test(replies_are_left_alone),
      cmocka_unit_test(a_numbered_message_answers_nothing_by_order),
      cmocka_unit_test(silence_is_counted_when_it_is_over_gap_max),
      cmocka_unit_test(silence_ends_with_the_connection),
      cmocka_unit_test(delays_are_measured_between_two_clocks),
      cmocka_unit_test(groups_that_ask_for_nothing_pay_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
