/* The life of a client: each state, each way to end, ramps, reconnects, caps, pings, the end of the run. */
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
static void peer_resets(struct rig *rig) {
  rig_end_with(rig, LH_REASON_RST, 104);
}
static void refused(struct rig *rig) {
  rig_end_with(rig, LH_REASON_REFUSED, 111);
}
static void worker_stalls(struct rig *rig) {
  rig_end_with(rig, LH_REASON_LOOP_STALLED, 0);
}

static void open_then_reset(struct rig *rig) {
  rig_open(rig);
  peer_resets(rig);
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

/* The group's lifetime is a minute. */
static void live_out(struct rig *rig) {
  rig_open(rig);
  rig_run(rig, 61 * SEC);
  assert_int_equal(rig_state(rig), LH_CLIENT_CLOSING);
  assert_int_equal(rig_last(rig, CALL_CLOSE)->code, 1000);
}

static void lifetime_answered(struct rig *rig) {
  live_out(rig);
  rig_end_with(rig, LH_REASON_CLOSE_FRAME, 1000);
}

static void lifetime_reset(struct rig *rig) {
  live_out(rig);
  peer_resets(rig);
}

static void lifetime_not_answered(struct rig *rig) {
  live_out(rig);
  rig_run(rig, 5 * SEC);
}

/* Pings go out every 20 s; nothing comes back. */
static void silence(struct rig *rig) {
  rig_open(rig);
  rig_run(rig, 31 * SEC);
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
    {"reset while connecting", peer_resets, LH_STAGE_RESOLVE, LH_REASON_RST, 104, "", FAILURE},
    {"refused", refused, LH_STAGE_RESOLVE, LH_REASON_REFUSED, 111, "", FAILURE},
    {"upgrade refused", upgrade_refused, LH_STAGE_UPGRADE, LH_REASON_UPGRADE_REFUSED, 503, "", FAILURE},
    {"adapter knows the stage", stage_known_better, LH_STAGE_TLS, LH_REASON_CERT_EXPIRED, 10, "old", FAILURE},
    {"connect timeout", wait_11s, LH_STAGE_RESOLVE, LH_REASON_CONNECT_TIMEOUT, 0, "", FAILURE | ABORTED},
    {"TLS timeout", tls_then_wait, LH_STAGE_TLS, LH_REASON_TLS_TIMEOUT, 0, "", FAILURE | ABORTED},
    {"upgrade timeout", upgrade_then_wait, LH_STAGE_UPGRADE, LH_REASON_UPGRADE_TIMEOUT, 0, "", FAILURE | ABORTED},
    {"reset while open", open_then_reset, LH_STAGE_OPEN, LH_REASON_RST, 104, "", DROP},
    {"stall of ours", open_then_stall, LH_STAGE_OPEN, LH_REASON_LOOP_STALLED, 0, "", DROP | TESTER},
    {"silent peer", silence, LH_STAGE_OPEN, LH_REASON_SILENT_PEER, 0, "", DROP | ABORTED},
    {"no pong", data_but_no_pong, LH_STAGE_OPEN, LH_REASON_SILENT_PEER, 0, "no pong, though data came", DROP | ABORTED},
    {"lifetime", lifetime_answered, LH_STAGE_CLOSING, LH_REASON_LIFETIME, 0, "", 0},
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
  if (endings[i].play == silence || endings[i].play == data_but_no_pong)
    rig.group.ping = (struct lh_ping_config){20 * SEC, 10 * SEC};
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
  live_out(&rig);
  rig_run(&rig, 3 * SEC);
  rig_end_with(&rig, LH_REASON_CLOSE_FRAME, 1000);
  assert_in_range(rig_ending(&rig)->open_ns, 60 * SEC, 60 * SEC + MS);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_open_ns), rig_ending(&rig)->open_ns);
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
  peer_resets(&rig);
  assert_true(rig_dies(&rig, message_now));
  assert_true(rig_dies(&rig, peer_resets));
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
  live_out(&rig);
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

/* ---- reconnects ---- */

static void backoff_grows_and_resets(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_start(&rig);
  static const uint64_t waits_s[] = {1, 2, 4, 4};
  for (size_t i = 0; i < 4; i++) {
    refused(&rig);
    assert_int_equal(rig_state(&rig), LH_CLIENT_WAITING);
    rig_run(&rig, waits_s[i] * SEC - 2 * MS);
    assert_int_equal(rig.counts[CALL_CONNECT], i + 1);
    rig_run(&rig, 4 * MS);
    assert_int_equal(rig.counts[CALL_CONNECT], i + 2);
  }
  rig_open(&rig);
  rig_run(&rig, 9 * SEC); /* not open for long enough to start anew */
  peer_resets(&rig);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 5);
  rig_run(&rig, 2 * SEC);
  rig_open(&rig);
  rig_run(&rig, 10 * SEC);
  peer_resets(&rig);
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
  refused(&rig); /* never open before: no outage */
  rig_run(&rig, SEC + MS);
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_outage)->count, 0);
  rig_run(&rig, 20 * SEC);
  peer_resets(&rig);
  rig_run(&rig, SEC + MS);
  refused(&rig); /* 1 s later; two attempts are one outage */
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
  refused(&rig);
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
  peer_resets(&rig);
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
  lifetime_answered(&rig);
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
    if (cases[i].before == LH_CLIENT_WAITING) refused(&rig);
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
  peer_resets(&rig);
  rig_run(&rig, 61 * SEC);
  rig_open(&rig);
  assert_int_equal(rig_hist(&rig, LH_HIST_outage)->count, 0);
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
  uint64_t opened = rig.now;
  rig_open(&rig);
  rig.now += 3 * SEC + 7;
  assert_int_equal(rig_counter(&rig, LH_COUNTER_open_ns), 3 * SEC + 7);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_wanted_ns), 3 * (rig.now - released));
  lh_snapshot_next(rig_snapshot(&rig));
  rig.now += 2;
  peer_resets(&rig);
  rig.now += 11;
  struct lh_snapshot *s = lh_engine_snapshot(rig.engine, 0, rig.now);
  assert_int_equal(s->counters[LH_COUNTER_open_ns], 2);
  assert_int_equal(s->counters[LH_COUNTER_wanted_ns], 3 * 13);
  assert_true(opened < rig.now);
  lh_engine_free(rig.engine);
}

/* ---- caps ---- */

static void the_rate_cap_holds_and_is_fair(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 40);
  rig.config.run.connect_rate = 20;
  rig.args.workers = 2; /* 10 a second for this one */
  rig_start(&rig);
  rig_run(&rig, SEC - MS);
  assert_in_range(rig.counts[CALL_CONNECT], 9, 11);
  assert_in_range(rig_counter(&rig, LH_COUNTER_rate_waits), 39, 40);
  assert_in_range(rig_gauge(&rig, LH_GAUGE_waiting), 29, 31);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 40);
  bool seen[40] = {false};
  for (size_t i = 0; i < rig.call_count; i++) {
    assert_false(seen[rig.calls[i].slot]);
    seen[rig.calls[i].slot] = true;
  }
  rig_free(&rig);
}

static void no_more_handshakes_than_asked_at_once(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 10);
  rig.config.run.connecting_max = 5;
  rig.args.workers = 2; /* 3 for this one */
  rig_start(&rig);
  rig_run(&rig, SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 3);
  for (uint32_t done = 0; done < 10; done++) {
    uint32_t slot = rig.calls[done].slot;
    lh_engine_on_open(rig.engine, slot, 0, rig.now);
    if (done < 7) assert_true(lh_engine_next_ns(rig.engine) <= rig.now + MS);
    rig_run(&rig, MS);
    assert_int_equal(rig_gauge(&rig, LH_GAUGE_connecting), done + 4 <= 10 ? 3 : 9 - done);
  }
  assert_int_equal(rig_counter(&rig, LH_COUNTER_rate_waits), 7);
  rig_free(&rig);
}

/* Failing at once from within connect, a whole herd: no recursion, no more than the turn's share, and the queue goes on. */
static void a_herd_that_fails_at_once(void **state) {
  (void)state;
  static struct rig rig;
  const struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_NO_DESCRIPTOR, .code = 24};
  rig_make(&rig, 60);
  rig.config.run.connecting_max = 2;
  rig.fails_at_once = &seen;
  rig_start(&rig);
  rig_run(&rig, 10 * MS);
  assert_int_equal(rig.counts[CALL_CONNECT], 60);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_waiting), 60);
  assert_int_equal(rig_snapshot(&rig)->tallies[0].count, 60);
  rig_free(&rig);
}

static void a_queued_client_may_leave(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 2);
  rig.config.run.connecting_max = 1;
  const struct lh_stage_point points[] = {{0, 2}, {SEC, 2}, {SEC, 1}, {2 * SEC, 1}, {2 * SEC, 2}};
  memcpy(rig.points, points, sizeof points);
  rig.group.ramp.count = 5;
  rig_start(&rig);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_WAITING);
  rig_run(&rig, SEC);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_FINISHED);
  rig_run(&rig, SEC);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_WAITING);
  rig_open(&rig);
  rig_run(&rig, MS);
  assert_int_equal(lh_engine_state_of(rig.engine, 1), LH_CLIENT_CONNECTING);
  assert_int_equal(rig.counts[CALL_CONNECT], 2);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_rate_waits), 1); /* it had kept its place */
  rig_free(&rig);
}

/* There is room, and a client becomes ready before the queue is served: it goes behind those that wait. */
static void nobody_overtakes_the_queue(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 3);
  rig.config.run.connecting_max = 1;
  rig_start(&rig);
  refused(&rig); /* slot 0, back in a second */
  uint64_t back_ns = rig.now + SEC;
  rig_run(&rig, MS);
  assert_int_equal(rig_last(&rig, CALL_CONNECT)->slot, 1);
  rig.now = back_ns - 1; /* within one tick of the wheel */
  lh_engine_on_open(rig.engine, 1, 0, rig.now);
  rig.now += MS;
  lh_engine_turn(rig.engine, rig.now);
  assert_int_equal(rig_last(&rig, CALL_CONNECT)->slot, 2);
  assert_int_equal(rig_state(&rig), LH_CLIENT_WAITING);
  rig_free(&rig);
}

static void a_turn_leaves_room_for_reading(void **state) {
  (void)state;
  static struct rig rig;
  enum { MANY = 400 };
  rig_make(&rig, MANY);
  rig_start(&rig);
  assert_int_equal(rig.counts[CALL_CONNECT], MANY);
  size_t at_once = 0;
  for (size_t i = 0; i < MANY; i++) at_once += rig.calls[i].at_ns == rig.calls[0].at_ns;
  assert_int_equal(at_once, LH_ENGINE_TURN_MAX);
  rig_free(&rig);
}

/* ---- pings ---- */

static void pongs_answer_pings(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){20 * SEC, 10 * SEC};
  rig_start(&rig);
  rig_open(&rig);
  for (int i = 0; i < 5; i++) {
    size_t before = rig.counts[CALL_PING];
    while (rig.counts[CALL_PING] == before) rig_run(&rig, 100 * MS);
    const struct call *ping = rig_last(&rig, CALL_PING);
    lh_engine_on_pong(rig.engine, 0, ping->cookie + 1, rig.now); /* another's: counts nothing */
    assert_int_equal(rig_counter(&rig, LH_COUNTER_pongs), i);
    rig_run(&rig, 3 * SEC);
    lh_engine_on_pong(rig.engine, 0, ping->cookie, rig.now);
    lh_engine_on_pong(rig.engine, 0, ping->cookie, rig.now); /* once more: counts nothing */
    assert_int_equal(rig_counter(&rig, LH_COUNTER_pongs), i + 1);
  }
  assert_int_equal(rig_counter(&rig, LH_COUNTER_pings_sent), 5);
  assert_in_range(rig_hist(&rig, LH_HIST_ping)->max_us, 3000000, 3100000);
  const struct call *first = NULL, *last = rig_last(&rig, CALL_PING);
  for (size_t i = 0; i < rig.call_count && !first; i++)
    if (rig.calls[i].kind == CALL_PING) first = &rig.calls[i];
  assert_in_range(last->at_ns - first->at_ns, 80 * SEC - MS, 80 * SEC + MS);
  rig_free(&rig);
}

static void a_full_socket_does_not_hide_a_dead_peer(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){20 * SEC, 10 * SEC};
  rig.ping_result = LH_SEND_CHOKED;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 31 * SEC);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_SILENT_PEER);
  assert_string_equal(rig_ending(&rig)->text, "socket full");
  assert_int_equal(rig_counter(&rig, LH_COUNTER_pings_sent), 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_choked), 1);
  rig_free(&rig);
}

static void a_held_ping_goes_out_when_there_is_room(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){20 * SEC, 10 * SEC};
  rig.ping_result = LH_SEND_CHOKED;
  rig_start(&rig);
  rig_open(&rig);
  while (rig_counter(&rig, LH_COUNTER_choked) == 0) rig_run(&rig, 100 * MS);
  rig_run(&rig, 8 * SEC);
  rig.ping_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig.counts[CALL_PING], 1);
  rig_run(&rig, 8 * SEC); /* the deadline counts from there */
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  lh_engine_on_pong(rig.engine, 0, rig_last(&rig, CALL_PING)->cookie, rig.now);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  rig_free(&rig);
}

static void a_full_socket_is_not_offered_a_ping(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){20 * SEC, 10 * SEC};
  rig_add_message(&rig, (struct lh_message){.after = LH_AFTER_OPEN, .source = LH_PAYLOAD_TEXT, PAYLOAD("x")});
  rig.send_result = LH_SEND_CHOKED;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 20 * SEC);
  assert_int_equal(rig.counts[CALL_PING], 0);
  rig.send_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  rig_run(&rig, 20 * SEC);
  assert_true(rig.counts[CALL_PING] > 0);
  rig_free(&rig);
}

/* Pings more often than their timeout: each goes out when it is due, as long as the one before was answered. */
static void pings_may_be_close(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){2 * SEC, 10 * SEC};
  rig_start(&rig);
  rig_open(&rig);
  for (size_t answered = 0, steps = 0; steps < 300; steps++) {
    rig_run(&rig, 100 * MS);
    if (rig.counts[CALL_PING] == answered) continue;
    answered++;
    lh_engine_on_pong(rig.engine, 0, rig_last(&rig, CALL_PING)->cookie, rig.now);
  }
  assert_int_equal(rig.counts[CALL_PING], 15);
  rig_run(&rig, 7 * SEC); /* unanswered: one, and those that fall due meanwhile are left out */
  assert_int_equal(rig.counts[CALL_PING], 16);
  rig_free(&rig);
}

static void kinds_without_pings_or_closing(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig.group.ping = (struct lh_ping_config){20 * SEC, 10 * SEC};
  rig.group.lifetime_ns = 60 * SEC;
  rig.io.ping = NULL;
  rig.io.close = NULL;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 61 * SEC);
  assert_int_equal(rig.counts[CALL_ABORT], 1);
  assert_int_equal(rig_ending(&rig)->stage, LH_STAGE_CLOSING);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LIFETIME);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  rig_free(&rig);
}

/* ---- nothing due, nothing done ---- */

static void idle_clients_need_no_turn(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 100);
  rig_start(&rig);
  for (uint32_t slot = 0; slot < 100; slot++) lh_engine_on_open(rig.engine, slot, 0, rig.now);
  rig_run(&rig, 11 * SEC); /* the connect timeouts that were armed come to nothing */
  assert_int_equal(lh_engine_next_ns(rig.engine), LH_NEVER);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_open), 100);
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
      cmocka_unit_test(backoff_grows_and_resets),
      cmocka_unit_test(outages_last_until_open_again),
      cmocka_unit_test(a_client_gives_up_at_its_limit),
      cmocka_unit_test(without_reconnects_one_connection_is_all),
      cmocka_unit_test(the_end_of_a_lifetime_is_no_failure),
      cmocka_unit_test(a_replacement_reopens),
      cmocka_unit_test(the_ramp_lets_go_and_takes_again),
      cmocka_unit_test(the_ramp_takes_back_in_any_state),
      cmocka_unit_test(the_ramp_ends_an_outage),
      cmocka_unit_test(open_and_wanted_time_are_exact),
      cmocka_unit_test(the_rate_cap_holds_and_is_fair),
      cmocka_unit_test(no_more_handshakes_than_asked_at_once),
      cmocka_unit_test(a_herd_that_fails_at_once),
      cmocka_unit_test(a_queued_client_may_leave),
      cmocka_unit_test(nobody_overtakes_the_queue),
      cmocka_unit_test(a_turn_leaves_room_for_reading),
      cmocka_unit_test(pongs_answer_pings),
      cmocka_unit_test(a_full_socket_does_not_hide_a_dead_peer),
      cmocka_unit_test(a_held_ping_goes_out_when_there_is_room),
      cmocka_unit_test(a_full_socket_is_not_offered_a_ping),
      cmocka_unit_test(pings_may_be_close),
      cmocka_unit_test(kinds_without_pings_or_closing),
      cmocka_unit_test(idle_clients_need_no_turn),
      cmocka_unit_test(the_end_of_a_run_leaves_nothing),
      cmocka_unit_test(half_built_engines_are_refused_with_a_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
