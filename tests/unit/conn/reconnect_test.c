/* What a client does between connections: reconnects, the ramp, and what is counted of it. */
#include "rig.h"

/* ---- reconnects ---- */

static void backoff_grows_and_resets(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  static const uint64_t waits_s[] = {1, 2, 4, 4};
  for (size_t i = 0; i < 4; i++) {
    rig_refuse(&rig);
    assert_int_equal(rig_state(&rig), LH_CLIENT_WAITING);
    rig_run(&rig, waits_s[i] * SEC - 2 * MS);
    assert_int_equal(rig.counts[CALL_CONNECT], i + 1);
    rig_run(&rig, 4 * MS);
    assert_int_equal(rig.counts[CALL_CONNECT], i + 2);
  }
  rig_open(&rig);
  rig_run(&rig, 9 * SEC); /* not open for long enough to start anew */
  rig_reset(&rig);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 5);
  rig_run(&rig, 2 * SEC);
  rig_open(&rig);
  rig_run(&rig, 10 * SEC);
  rig_reset(&rig);
  rig_run(&rig, SEC + MS);
  assert_int_equal(rig.counts[CALL_CONNECT], 7);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_connect_failures), 4);
  rig_free(&rig);
}

static void outages_last_until_open_again(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  rig_refuse(&rig); /* never open before: no outage */
  rig_run(&rig, SEC + MS);
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_outage)->count, 0);
  rig_run(&rig, 20 * SEC);
  rig_reset(&rig);
  rig_run(&rig, SEC + MS);
  rig_refuse(&rig); /* 1 s later; two attempts are one outage */
  rig_run(&rig, 2 * SEC + MS);
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_outage)->count, 1);
  assert_in_range(rig_hist(&rig, LH_HIST_outage)->max_us, 3000000, 3004000);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_reconnects), 1);
  rig_free(&rig);
}

static void a_client_gives_up_at_its_limit(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.reconnect.limit = 2;
  rig_start(&rig);
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_REFUSED};
  rig_refuse(&rig);
  rig.fails_at_once = &seen; /* from within connect */
  rig_run(&rig, 60 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 3);
  assert_int_equal(rig_state(&rig), LH_CLIENT_FINISHED);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_gave_up), 1);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_finished), 1);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 1);
  assert_int_equal(lh_engine_next_ns(rig.engine), LH_NEVER);
  rig_free(&rig);
}

static void without_reconnects_one_connection_is_all(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.reconnect.enabled = false;
  rig_start(&rig);
  rig_open(&rig);
  rig_reset(&rig);
  rig_run(&rig, 60 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 1);
  assert_int_equal(rig_state(&rig), LH_CLIENT_FINISHED);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_gave_up), 0);
  rig_free(&rig);
}

static void the_end_of_a_lifetime_is_no_failure(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.lifetime_ns = 60 * SEC;
  rig_start(&rig);
  rig_lifetime_over(&rig);
  rig_run(&rig, MS); /* no backoff */
  assert_int_equal(rig.counts[CALL_CONNECT], 2);
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_outage)->count, 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_reconnects), 1);
  rig_free(&rig);
}

static void a_replacement_reopens(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 2);
  rig.points[1] = (struct lh_stage_point){100 * SEC, 2};
  rig.points[0] = (struct lh_stage_point){0, 0};
  rig.group.ramp.count = 2; /* released at 25 s and 75 s */
  rig.args.replacement = true;
  rig.now = rig_start_ns + 50 * SEC;
  rig_start(&rig);
  for (uint32_t slot = 0; slot < 2; slot++) {
    assert_int_equal(lh_engine_state_of(rig.engine, slot), LH_CLIENT_CONNECTING);
    lh_engine_on_open(rig.engine, slot, 0, rig.now);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_reconnects), 1); /* the second is new */
    rig_run(&rig, 26 * SEC);
  }
  rig_free(&rig);
}

/* What `count` limits was written down by the worker that was lost: its replacement sends the rest, and no more. */
static void a_replacement_goes_on_counting(void **state) {
  (void)state;
  static struct rig rig;
  static const uint64_t sends[] = {3, 2, 0}, sums[] = {3, 5, 5};
  uint64_t ledger[4] = {0}; /* two clients, two messages */
  for (int replacement = 0; replacement < 3; replacement++) {
    rig_make(&rig, 2);
    rig_add_message(&rig, (struct lh_message){.every_ns = SEC, .source = LH_PAYLOAD_TEXT, PAYLOAD("free")});
    rig_add_message(&rig, (struct lh_message){.every_ns = SEC, .count = 5, .source = LH_PAYLOAD_TEXT, PAYLOAD("counted")});
    rig.args.replacement = replacement > 0;
    rig.args.ledger = ledger;
    rig.args.slice = (struct lh_slice){.first = 1, .stride = 2}; /* client 1 alone */
    assert_int_equal(lh_plan_ledger_cells(&rig.config), 4);
    rig.now = rig_start_ns + (uint64_t)replacement * 20 * SEC;
    rig_start(&rig);
    rig_open(&rig);
    rig_run(&rig, replacement == 0 ? 3 * SEC + SEC / 2 : 10 * SEC);
    size_t counted = 0;
    for (size_t i = 0; i < rig.call_count; i++) counted += rig.calls[i].kind == CALL_SEND && rig.calls[i].message == 1;
    assert_int_equal(counted, sends[replacement]);
    assert_int_equal(ledger[3], sums[replacement]);
    rig_free(&rig);
  }
  assert_true(ledger[0] == 0 && ledger[1] == 0); /* client 0 is another worker's */
  assert_int_equal(ledger[2], 3 + 10 + 10);
}

/* A worker may be killed behind the write: by then it is written down, and taken back where nothing was sent. */
static void a_message_is_written_down_before_it_is_sent(void **state) {
  (void)state;
  static struct rig rig;
  uint64_t ledger[1] = {0};
  rig_make(&rig, 1);
  rig_add_message(&rig, (struct lh_message){.every_ns = SEC, .count = 5, .source = LH_PAYLOAD_TEXT, PAYLOAD("counted")});
  rig.args.ledger = ledger;
  rig.watched = ledger;
  rig.send_result = LH_SEND_CHOKED;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, SEC + SEC / 2);
  assert_int_equal(rig.watched_at_send, 1);
  assert_int_equal(ledger[0], 0);
  rig.send_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig.watched_at_send, 1);
  assert_int_equal(ledger[0], 1);
  rig_free(&rig);
}

/* A token of the worker that was lost answers nothing of its replacement's, which uses none of its numbers again. */
static void a_replacement_uses_no_number_twice(void **state) {
  (void)state;
  static struct rig rig;
  for (int replacement = 0; replacement < 2; replacement++) {
    static char before[64];
    rig_make(&rig, 1);
    rig_add_message(&rig, (struct lh_message){.every_ns = 10 * SEC, .phase = LH_PHASE_TOGETHER, .source = LH_PAYLOAD_TEXT,
                                              PAYLOAD("${token} ${seq}"),
                                              .reply = {.match = LH_MATCH_TOKEN, .lost_after_ns = 60 * SEC}});
    rig.args.replacement = replacement;
    if (replacement) rig.now = rig_start_ns + 50 * SEC;
    rig_start(&rig);
    rig_open(&rig);
    rig_run(&rig, 11 * SEC);
    assert_int_equal(rig.counts[CALL_SEND], 1);
    const char *number = strchr(rig_last(&rig, CALL_SEND)->bytes, ' ') + 1;
    assert_string_equal(number, replacement ? "2500000" : "0"); /* one for each 20 us of the run */
    if (replacement) rig_hear(&rig, before, strlen(before));
    snprintf(before, sizeof before, "%.*s", (int)rig_last(&rig, CALL_SEND)->len, rig_last(&rig, CALL_SEND)->bytes);
    rig_echo(&rig);
    rig_echo(&rig);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_incoming), (uint64_t)replacement);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_duplicate), 1);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_out_of_order), 0);
    rig_free(&rig);
  }
}

/* ---- the ramp ---- */

static void the_ramp_lets_go_and_takes_again(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 2);
  const struct lh_stage_point points[] = {{0, 0}, {10 * SEC, 2}, {20 * SEC, 2}, {20 * SEC, 1}, {40 * SEC, 1}, {40 * SEC, 2}};
  memcpy(rig.points, points, sizeof points);
  rig.group.ramp.count = 6;
  rig_start(&rig);
  assert_int_equal(rig.counts[CALL_CONNECT], 0);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_never_started), 2);
  rig_run(&rig, 9 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 2);
  for (uint32_t slot = 0; slot < 2; slot++) lh_engine_on_open(rig.engine, slot, 0, rig.now);
  rig_run(&rig, 12 * SEC);
  assert_int_equal(rig.counts[CALL_CLOSE], 1);
  assert_int_equal(rig_last(&rig, CALL_CLOSE)->slot, 1);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 1);
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_CLOSE_FRAME, .code = 1000};
  lh_engine_on_ended(rig.engine, 1, &seen, rig.now);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_PLANNED_END);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_FINISHED);
  rig_run(&rig, 20 * SEC);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_CONNECTING);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  rig_free(&rig);
}

/* The ramp takes a client back in whatever state it is. */
static void the_ramp_takes_back_in_any_state(void **state) {
  (void)state;
  static const struct {
    enum lh_client_state before;
    enum lh_client_state after;
    size_t endings;
  } cases[] = {{LH_CLIENT_WAITING, LH_CLIENT_FINISHED, 1},
               {LH_CLIENT_CONNECTING, LH_CLIENT_FINISHED, 1},
               {LH_CLIENT_OPEN, LH_CLIENT_CLOSING, 0}};
  for (size_t i = 0; i < 3; i++) {
    static struct rig rig;
    rig_make(&rig, 1);
    rig.points[1] = (struct lh_stage_point){2 * SEC, 1};
    rig.points[2] = (struct lh_stage_point){2 * SEC, 0};
    rig.points[3] = (struct lh_stage_point){3 * SEC, 0};
    rig.points[4] = (struct lh_stage_point){3 * SEC, 1};
    rig.group.ramp.count = 5;
    rig.group.reconnect.first_ns = rig.group.reconnect.max_ns = 3600 * SEC;
    rig_start(&rig);
    if (cases[i].before == LH_CLIENT_WAITING) rig_refuse(&rig);
    if (cases[i].before == LH_CLIENT_OPEN) rig_open(&rig);
    assert_int_equal(rig_state(&rig), cases[i].before);
    rig_run(&rig, 2 * SEC + MS);
    assert_int_equal(rig_state(&rig), cases[i].after);
    assert_int_equal(rig.ending_count, cases[i].endings);
    assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 0);
    rig_run(&rig, SEC);
    if (cases[i].after == LH_CLIENT_CLOSING) {
      assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING); /* wanted again, but first this one ends */
      rig_end_with(&rig, LH_REASON_CLOSE_FRAME, 1000);
      rig_run(&rig, MS);
    }
    assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
    assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 1);
    rig_free(&rig);
  }
}

/* An outage that the ramp cut short is none that ended. */
static void the_ramp_ends_an_outage(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  const struct lh_stage_point points[] = {{0, 1}, {2 * SEC, 1}, {2 * SEC, 0}, {60 * SEC, 0}, {60 * SEC, 1}};
  memcpy(rig.points, points, sizeof points);
  rig.group.ramp.count = 5;
  rig.group.reconnect.first_ns = rig.group.reconnect.max_ns = 3600 * SEC;
  rig_start(&rig);
  rig_open(&rig);
  rig_reset(&rig);
  rig_run(&rig, 61 * SEC);
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_outage)->count, 0);
  rig_free(&rig);
}

/* ---- Retry-After ---- */

static void refused_for(struct rig *rig, uint64_t retry_after_ns) {
  const struct lh_ending seen = {
      .stage = LH_STAGE_COUNT, .reason = LH_REASON_UPGRADE_REFUSED, .code = 503, .retry_after_ns = retry_after_ns};
  lh_engine_on_ended(rig->engine, 0, &seen, rig->now);
}

static void connects_after(struct rig *rig, uint64_t wait_ns) {
  size_t before = rig->counts[CALL_CONNECT];
  rig_run(rig, wait_ns - 2 * MS);
  assert_int_equal(rig->counts[CALL_CONNECT], before);
  rig_run(rig, 4 * MS);
  assert_int_equal(rig->counts[CALL_CONNECT], before + 1);
}

static void retry_after_makes_a_wait_longer_never_shorter(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.reconnect.retry_after = true;
  rig_start(&rig);
  refused_for(&rig, 7 * SEC); /* the backoff would be 1 s */
  connects_after(&rig, 7 * SEC);
  refused_for(&rig, SEC); /* 2 s by now */
  connects_after(&rig, 2 * SEC);
  refused_for(&rig, 0);
  connects_after(&rig, 4 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_retry_afters), 1);
  refused_for(&rig, LH_NEVER);
  rig_run(&rig, 3600 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 4);
  rig_free(&rig);
}

/* A hundred refused together with the same Retry-After do not come back together where the policy has jitter. */
static void retry_after_keeps_the_jitter(void **state) {
  (void)state;
  enum { CLIENTS = 100 };
  static struct rig rig;
  static const enum lh_backoff_jitter jitters[] = {LH_BACKOFF_FULL, LH_BACKOFF_EQUAL, LH_BACKOFF_NONE};
  static const struct {
    size_t by[3]; /* at least so many, and at most, back by 7 s, 7.5 s and 8 s: the first wait is 1 s */
  } least[] = {{{0, 30, CLIENTS}}, {{0, 0, CLIENTS}}, {{CLIENTS, CLIENTS, CLIENTS}}}, most[] = {{{5, 70, CLIENTS}}, {{0, 10, CLIENTS}}, {{CLIENTS, CLIENTS, CLIENTS}}};
  for (size_t i = 0; i < sizeof jitters / sizeof *jitters; i++) {
    rig_make(&rig, CLIENTS);
    rig.group.reconnect.retry_after = true;
    rig.group.reconnect.jitter = jitters[i];
    rig_start(&rig);
    const struct lh_ending seen = {
        .stage = LH_STAGE_COUNT, .reason = LH_REASON_UPGRADE_REFUSED, .code = 503, .retry_after_ns = 7 * SEC};
    for (uint32_t slot = 0; slot < CLIENTS; slot++) lh_engine_on_ended(rig.engine, slot, &seen, rig.now);
    size_t before = rig.counts[CALL_CONNECT];
    static const uint64_t spans[] = {7 * SEC + 2 * MS, 500 * MS, 500 * MS};
    for (size_t n = 0; n < 3; n++) {
      rig_run(&rig, spans[n]);
      size_t back = rig.counts[CALL_CONNECT] - before;
      if (back < least[i].by[n] || back > most[i].by[n]) fail_msg("jitter %zu, part %zu: %zu are back", i, n, back);
    }
    assert_int_equal(rig_counter(&rig, LH_COUNTER_retry_afters), CLIENTS);
    rig_free(&rig);
  }
}

static void retry_after_can_be_left_unheeded(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  refused_for(&rig, 7 * SEC);
  connects_after(&rig, SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_retry_afters), 0);
  rig_free(&rig);
}

/* ---- integrals ---- */

static void open_and_wanted_time_are_exact(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 3);
  rig_start(&rig);
  uint64_t released = rig_last(&rig, CALL_CONNECT)->at_ns;
  rig_run(&rig, SEC);
  rig_open(&rig);
  rig.now += 3 * SEC + 7;
  const uint64_t open_us = (3 * SEC + 7) / LH_NS_PER_US, wanted_us = 3 * (rig.now - released) / LH_NS_PER_US;
  assert_int_equal(rig_counter(&rig, LH_COUNTER_open_us), open_us);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_wanted_us), wanted_us);
  lh_snapshot_next(rig_snapshot(&rig));
  for (int i = 0; i < 999; i++) { /* looked at each 4 ns: what is less than a microsecond is not lost */
    rig.now += 4;
    lh_engine_snapshot(rig.engine, 0, rig.now);
  }
  rig_reset(&rig);
  rig.now += 11;
  struct lh_snapshot *s = lh_engine_snapshot(rig.engine, 0, rig.now);
  assert_int_equal(s->counters[LH_COUNTER_open_us], (3 * SEC + 7 + 4 * 999) / LH_NS_PER_US - open_us);
  assert_int_equal(s->counters[LH_COUNTER_wanted_us], 3 * (rig.now - released) / LH_NS_PER_US - wanted_us);
  lh_engine_free(rig.engine);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(backoff_grows_and_resets),
      cmocka_unit_test(outages_last_until_open_again),
      cmocka_unit_test(a_client_gives_up_at_its_limit),
      cmocka_unit_test(without_reconnects_one_connection_is_all),
      cmocka_unit_test(the_end_of_a_lifetime_is_no_failure),
      cmocka_unit_test(a_replacement_reopens),
      cmocka_unit_test(a_replacement_goes_on_counting),
      cmocka_unit_test(a_message_is_written_down_before_it_is_sent),
      cmocka_unit_test(a_replacement_uses_no_number_twice),
      cmocka_unit_test(the_ramp_lets_go_and_takes_again),
      cmocka_unit_test(the_ramp_takes_back_in_any_state),
      cmocka_unit_test(the_ramp_ends_an_outage),
      cmocka_unit_test(retry_after_makes_a_wait_longer_never_shorter),
      cmocka_unit_test(retry_after_keeps_the_jitter),
      cmocka_unit_test(retry_after_can_be_left_unheeded),
      cmocka_unit_test(open_and_wanted_time_are_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
