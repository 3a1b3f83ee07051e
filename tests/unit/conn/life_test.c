/* The life of a connection: each stage, each way to end, what an adapter may not do, the end of the run. */
#include "rig.h"

/* ---- connecting ---- */

static void a_connection_goes_through_its_stages(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  assert_int_equal(rig.counts[CALL_CONNECT], 1);
  assert_int_equal(rig_last(&rig, CALL_CONNECT)->nth, 1);
  assert_int_equal(lh_engine_stage_of(rig.engine, 0), LH_STAGE_RESOLVE);
  static const struct {
    enum lh_stage next;
    uint64_t takes_ms;
    enum lh_hist_id hist;
  } steps[] = {{LH_STAGE_CONNECT, 2, LH_HIST_resolve}, {LH_STAGE_TLS, 3, LH_HIST_tcp}, {LH_STAGE_UPGRADE, 5, LH_HIST_tls}};
  for (size_t i = 0; i < 3; i++) {
    rig.now += steps[i].takes_ms * MS;
    lh_engine_on_stage(rig.engine, 0, steps[i].next, rig.now);
    assert_int_equal(lh_engine_stage_of(rig.engine, 0), steps[i].next);
    if (i > 0) assert_int_equal(rig_hist(&rig, steps[i].hist)->max_us, steps[i].takes_ms * 1000);
  }
  rig.now += 7 * MS;
  rig_open(&rig);
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  assert_int_equal(rig_hist(&rig, LH_HIST_upgrade)->max_us, 7000);
  assert_in_range(rig_hist(&rig, LH_HIST_connect_total)->max_us, 17000, 18000);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_opened), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_reconnects), 0);
  rig_free(&rig);
}

/* An adapter that resolves beforehand goes straight past CONNECT: what passed was the TCP connect. */
static void stages_may_be_left_out(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  rig.now += 2 * MS;
  lh_engine_on_stage(rig.engine, 0, LH_STAGE_UPGRADE, rig.now);
  rig.now += 3 * MS;
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_resolve)->count, 0);
  assert_int_equal(rig_hist(&rig, LH_HIST_tcp)->count, 1);
  assert_int_equal(rig_hist(&rig, LH_HIST_upgrade)->max_us, 3000);
  rig_free(&rig);
}

static void times_are_rounded_up(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  rig.now = rig_last(&rig, CALL_CONNECT)->at_ns + 1;
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_connect_total)->max_us, 1);
  rig_free(&rig);
}

/* ---- endings ---- */

static void to_tls(struct rig *rig) {
  lh_engine_on_stage(rig->engine, 0, LH_STAGE_TLS, rig->now);
}
static void to_upgrade(struct rig *rig) {
  lh_engine_on_stage(rig->engine, 0, LH_STAGE_UPGRADE, rig->now);
}
static void wait_11s(struct rig *rig) {
  rig_run(rig, 11 * SEC);
}
static void worker_stalls(struct rig *rig) {
  rig_end_with(rig, LH_REASON_LOOP_STALLED, 0);
}

static void open_then_reset(struct rig *rig) {
  rig_open(rig);
  rig_reset(rig);
}

static void open_then_stall(struct rig *rig) {
  rig_open(rig);
  worker_stalls(rig);
}

static void tls_then_wait(struct rig *rig) {
  to_tls(rig);
  rig_run(rig, 6 * SEC);
}

static void upgrade_then_wait(struct rig *rig) {
  to_upgrade(rig);
  rig_run(rig, 4 * SEC);
}

static void upgrade_refused(struct rig *rig) {
  to_upgrade(rig);
  rig_end_with(rig, LH_REASON_UPGRADE_REFUSED, 503);
}

static void lifetime_reset(struct rig *rig) {
  rig_live_out(rig);
  rig_reset(rig);
}

static void lifetime_not_answered(struct rig *rig) {
  rig_live_out(rig);
  rig_run(rig, 5 * SEC);
}

/* Pings go out every 20 s; nothing comes back. */
static void silence(struct rig *rig) {
  rig_open(rig);
  rig_run(rig, 31 * SEC);
}

static void silence_of_a_process(struct rig *rig) {
  rig->taken = LH_TAKEN;
  silence(rig);
}

static void silence_of_the_way(struct rig *rig) {
  rig->taken = LH_NOT_TAKEN;
  silence(rig);
}

static void data_but_no_pong(struct rig *rig) {
  rig_open(rig);
  while (rig->counts[CALL_PING] == 0) rig_run(rig, SEC);
  rig_run(rig, 2 * SEC);
  rig_hear(rig, "x", 1);
  rig_run(rig, 9 * SEC);
}

static void shut_down_connecting(struct rig *rig) {
  lh_engine_stop(rig->engine, rig->now);
  rig_run(rig, MS);
}

static void shut_down_open(struct rig *rig) {
  rig_open(rig);
  lh_engine_stop(rig->engine, rig->now);
  rig_run(rig, MS);
  assert_int_equal(rig_last(rig, CALL_CLOSE)->code, 1001);
  rig_end_with(rig, LH_REASON_CLOSE_FRAME, 1001);
}

static void stage_known_better(struct rig *rig) {
  const struct lh_ending seen = {.stage = LH_STAGE_TLS, .reason = LH_REASON_CERT_EXPIRED, .code = 10, .text = "old"};
  lh_engine_on_ended(rig->engine, 0, &seen, rig->now);
}

static const struct {
  const char *name;
  void (*play)(struct rig *rig);
  enum lh_stage stage;
  enum lh_reason reason;
  int32_t code;
  const char *text;
  enum { FAILURE = 1, DROP = 2, TESTER = 4, ABORTED = 8, STOPPED = 16 } flags;
} endings[] = {
    {"reset while connecting", rig_reset, LH_STAGE_RESOLVE, LH_REASON_RST, 104, "", FAILURE},
    {"refused", rig_refuse, LH_STAGE_RESOLVE, LH_REASON_REFUSED, 111, "", FAILURE},
    {"upgrade refused", upgrade_refused, LH_STAGE_UPGRADE, LH_REASON_UPGRADE_REFUSED, 503, "", FAILURE},
    {"adapter knows the stage", stage_known_better, LH_STAGE_TLS, LH_REASON_CERT_EXPIRED, 10, "old", FAILURE},
    {"resolve timeout", wait_11s, LH_STAGE_RESOLVE, LH_REASON_RESOLVE_TIMEOUT, 0, "", FAILURE | ABORTED},
    {"TLS timeout", tls_then_wait, LH_STAGE_TLS, LH_REASON_TLS_TIMEOUT, 0, "", FAILURE | ABORTED},
    {"upgrade timeout", upgrade_then_wait, LH_STAGE_UPGRADE, LH_REASON_UPGRADE_TIMEOUT, 0, "", FAILURE | ABORTED},
    {"reset while open", open_then_reset, LH_STAGE_OPEN, LH_REASON_RST, 104, "", DROP},
    {"stall of ours", open_then_stall, LH_STAGE_OPEN, LH_REASON_LOOP_STALLED, 0, "", DROP | TESTER},
    {"silent peer", silence, LH_STAGE_OPEN, LH_REASON_SILENT_PEER, 0, "", DROP | ABORTED},
    {"silent process", silence_of_a_process, LH_STAGE_OPEN, LH_REASON_SILENT_PEER, 0, "TCP acknowledged the ping", DROP | ABORTED},
    {"silent way", silence_of_the_way, LH_STAGE_OPEN, LH_REASON_SILENT_PEER, 0, "TCP acknowledged no ping", DROP | ABORTED},
    {"no pong", data_but_no_pong, LH_STAGE_OPEN, LH_REASON_SILENT_PEER, 0, "no pong, though data came", DROP | ABORTED},
    {"lifetime", rig_lifetime_over, LH_STAGE_CLOSING, LH_REASON_LIFETIME, 0, "", 0},
    {"lifetime, peer resets", lifetime_reset, LH_STAGE_CLOSING, LH_REASON_LIFETIME, 0, "", 0},
    {"lifetime, no answer", lifetime_not_answered, LH_STAGE_CLOSING, LH_REASON_LIFETIME, 0, "closing handshake not answered",
     ABORTED},
    {"shutdown while connecting", shut_down_connecting, LH_STAGE_RESOLVE, LH_REASON_SHUTDOWN, 0, "", ABORTED | STOPPED},
    {"shutdown while open", shut_down_open, LH_STAGE_CLOSING, LH_REASON_SHUTDOWN, 0, "", STOPPED},
};

static void check_ending(size_t i) {
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.lifetime_ns = 60 * SEC;
  if (endings[i].reason == LH_REASON_SILENT_PEER)
    rig.group.ping = (struct lh_ping_config){.every_ns = 20 * SEC, .timeout_ns = 10 * SEC};
  rig_start(&rig);
  endings[i].play(&rig);
  const unsigned flags = endings[i].flags;
  const struct lh_ending *ending = rig_ending(&rig);
  const struct lh_snapshot *s = rig_snapshot(&rig);
  assert_int_equal(rig.ending_count, 1);
  assert_int_equal(ending->stage, endings[i].stage);
  assert_int_equal(ending->reason, endings[i].reason);
  assert_int_equal(ending->code, endings[i].code);
  assert_string_equal(ending->text, endings[i].text);
  assert_int_equal(ending->nth, 1);
  assert_true(ending->started_ns >= rig_start_ns && ending->at_ns <= rig.now);
  assert_int_equal(s->counters[LH_COUNTER_ended], 1);
  assert_int_equal(s->counters[LH_COUNTER_connect_failures], !!(flags & FAILURE));
  assert_int_equal(s->counters[LH_COUNTER_drops], !!(flags & DROP));
  assert_int_equal(s->counters[LH_COUNTER_tester_drops], !!(flags & TESTER));
  assert_int_equal(s->hists[LH_HIST_idle_at_drop].count, !!(flags & DROP));
  assert_int_equal(s->hists[LH_HIST_lifetime].count, s->counters[LH_COUNTER_opened]);
  assert_int_equal(s->hists[LH_HIST_detect].count, ending->reason == LH_REASON_SILENT_PEER);
  assert_int_equal(rig.counts[CALL_ABORT], !!(flags & ABORTED));
  assert_int_equal(s->tally_count, 1);
  assert_int_equal(s->tallies[0].count, 1);
  assert_int_equal(s->tallies[0].reason, endings[i].reason);
  assert_int_equal(lh_engine_done(rig.engine), !!(flags & STOPPED));
  if (s->counters[LH_COUNTER_opened]) assert_int_equal(ending->local_port, 4711);
  if (flags & STOPPED)
    assert_int_equal(rig_state(&rig), LH_CLIENT_FINISHED);
  else
    rig_run(&rig, 2 * SEC); /* and on it goes */
  if (!(flags & STOPPED)) assert_int_equal(rig.counts[CALL_CONNECT], 2);
  rig_free(&rig);
}

static void every_ending_says_how_it_came(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    print_message("%s\n", endings[i].name);
    check_ending(i);
  }
}

static void an_open_time_excludes_the_closing(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.lifetime_ns = 60 * SEC;
  rig_start(&rig);
  rig_live_out(&rig);
  rig_run(&rig, 3 * SEC);
  rig_end_with(&rig, LH_REASON_CLOSE_FRAME, 1000);
  assert_in_range(rig_ending(&rig)->open_ns, 60 * SEC, 60 * SEC + MS);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_open_us), rig_ending(&rig)->open_ns / LH_NS_PER_US);
  rig_free(&rig);
}

/* ---- what an adapter may not do ---- */

static void message_now(struct rig *rig) {
  rig_hear(rig, "x", 1);
}
static void open_now(struct rig *rig) {
  lh_engine_on_open(rig->engine, 0, 0, rig->now);
}

static void events_out_of_place_are_defects_of_the_adapter(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  assert_true(rig_dies(&rig, message_now));
  rig_open(&rig);
  assert_false(rig_dies(&rig, message_now));
  assert_true(rig_dies(&rig, open_now));
  assert_true(rig_dies(&rig, to_tls));
  rig_reset(&rig);
  assert_true(rig_dies(&rig, message_now));
  assert_true(rig_dies(&rig, rig_reset));
  assert_true(rig_dies(&rig, open_now));
  rig_run(&rig, 2 * SEC + 11 * SEC); /* the next one times out */
  assert_int_equal(rig.counts[CALL_ABORT], 1);
  assert_true(rig_dies(&rig, open_now));
  rig_free(&rig);
}

static void late_events_of_a_closing_connection_are_heard(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.lifetime_ns = 60 * SEC;
  rig_start(&rig);
  rig_live_out(&rig);
  rig_hear(&rig, "bye", 3);
  lh_engine_on_pong(rig.engine, 0, 1, rig.now);
  lh_engine_on_peer_ping(rig.engine, 0, rig.now);
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_incoming), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_bytes_received), 3);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_pongs), 0);
  rig_end_with(&rig, LH_REASON_FIN, 0);
  rig_free(&rig);
}

/* ---- the end of the run ---- */

static void the_end_of_a_run_leaves_nothing(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 5);
  rig.points[0] = (struct lh_stage_point){0, 4};
  rig.points[1] = (struct lh_stage_point){100 * SEC, 4};
  rig.points[2] = (struct lh_stage_point){100 * SEC, 5};
  rig.group.ramp.count = 3; /* slot 4 never starts */
  rig_start(&rig);
  lh_engine_on_open(rig.engine, 0, 0, rig.now);
  lh_engine_on_open(rig.engine, 1, 0, rig.now);
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_REFUSED};
  lh_engine_on_ended(rig.engine, 2, &seen, rig.now);
  assert_false(lh_engine_done(rig.engine));
  lh_engine_stop(rig.engine, rig.now);
  lh_engine_stop(rig.engine, rig.now);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 2); /* the open ones, until they are closed */
  rig_run(&rig, MS);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_wanted), 0);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_never_started), 1);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_finished), 2);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_closing), 2);
  lh_engine_on_ended(rig.engine, 0, &seen, rig.now);
  assert_false(lh_engine_done(rig.engine));
  rig_run(&rig, 4 * SEC);
  assert_false(lh_engine_done(rig.engine)); /* the closing handshake has until the drain is over */
  rig_run(&rig, SEC);
  assert_true(lh_engine_done(rig.engine));
  rig_run(&rig, 200 * SEC);
  assert_int_equal(lh_engine_next_ns(rig.engine), LH_NEVER);
  assert_int_equal(rig.counts[CALL_CONNECT], 4);
  rig_free(&rig);
}

/* What was being closed when the run ends has no longer than what is closed then. */
static void the_end_of_a_run_hurries_a_closing(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.config.run.drain_ns = 2 * SEC;
  rig.group.lifetime_ns = 60 * SEC;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 60 * SEC + MS);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
  lh_engine_stop(rig.engine, rig.now);
  rig_run(&rig, 2 * SEC - MS);
  assert_false(lh_engine_done(rig.engine));
  rig_run(&rig, 2 * MS);
  assert_true(lh_engine_done(rig.engine));
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LIFETIME);
  rig_free(&rig);
}

/* The deadlines of connecting are over: nothing wakes a loop for them. */
static void an_open_client_with_nothing_to_do_sleeps(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  lh_engine_on_stage(rig.engine, 0, LH_STAGE_UPGRADE, rig.now);
  assert_true(lh_engine_next_ns(rig.engine) <= rig.now + 10 * SEC);
  rig_open(&rig);
  assert_true(lh_engine_next_ns(rig.engine) == LH_NEVER);
  rig_free(&rig);
}

static void half_built_engines_are_refused_with_a_sentence(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_engine *engine = NULL;
  struct lh_err err = {0};
  rig_make(&rig, 1);
  const struct lh_engine_args args = {.config = &rig.config, .slice = {0, 1}, .workers = 1};
  assert_true(lh_engine_new(&engine, &args, &err) < 0); /* no io for the kind */
  assert_non_null(strstr(err.text, "rig"));
  assert_null(engine);
  lh_engine_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_connection_goes_through_its_stages),
      cmocka_unit_test(stages_may_be_left_out),
      cmocka_unit_test(times_are_rounded_up),
      cmocka_unit_test(every_ending_says_how_it_came),
      cmocka_unit_test(an_open_time_excludes_the_closing),
      cmocka_unit_test(events_out_of_place_are_defects_of_the_adapter),
      cmocka_unit_test(late_events_of_a_closing_connection_are_heard),
      cmocka_unit_test(the_end_of_a_run_leaves_nothing),
      cmocka_unit_test(the_end_of_a_run_hurries_a_closing),
      cmocka_unit_test(an_open_client_with_nothing_to_do_sleeps),
      cmocka_unit_test(half_built_engines_are_refused_with_a_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
