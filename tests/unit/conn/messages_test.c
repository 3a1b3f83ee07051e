/* What is sent when, and what becomes of what is not. */
#include "rig.h"

static const struct lh_message one_way = {
    .every_ns = 10 * SEC, .phase = LH_PHASE_TOGETHER, .source = LH_PAYLOAD_TEXT, PAYLOAD("hi ${seq}")};
static const struct lh_message echoed = {.every_ns = 10 * SEC,
                                         .phase = LH_PHASE_TOGETHER,
                                         .source = LH_PAYLOAD_TEXT,
                                         PAYLOAD("${token}"),
                                         .reply = {.match = LH_MATCH_TOKEN, .within_ns = 5 * SEC, .lost_after_ns = 60 * SEC}};
static const struct lh_message closed_loop = {
    .after = LH_AFTER_REPLY,
    .source = LH_PAYLOAD_TEXT,
    PAYLOAD("${token}"),
    .reply = {.match = LH_MATCH_TOKEN, .within_ns = 5 * SEC, .lost_after_ns = 60 * SEC}};

/* One client with this message, open. */
static void open_with(struct rig *rig, struct lh_message message) {
  rig_make(rig, 1);
  rig_add_message(rig, message);
  rig_start(rig);
  rig_open(rig);
}

static void to(struct rig *rig, uint64_t since_start) {
  rig_run(rig, rig_start_ns + since_start - rig->now);
}

static void drop(struct rig *rig) {
  rig_end_with(rig, LH_REASON_RST, 104);
}

/* Times are since the run's start; the grid of `together` is 10 s, 20 s, ... */
static void messages_go_out_on_the_grid(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, one_way);
  to(&rig, 35 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 3);
  size_t k = 0;
  for (size_t i = 0; i < rig.call_count; i++) {
    if (rig.calls[i].kind != CALL_SEND) continue;
    char text[16];
    snprintf(text, sizeof text, "hi %zu", k++);
    assert_string_equal(rig.calls[i].bytes, text);
    assert_in_range(rig.calls[i].at_ns - rig_start_ns, k * 10 * SEC, k * 10 * SEC + MS);
  }
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 3);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_one_way), 3);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_bytes_sent), 12);
  assert_int_equal(rig_hist(&rig, LH_HIST_send_lateness)->count, 3);
  rig_free(&rig);
}

static void lateness_is_read_from_the_clock(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, one_way);
  rig.clock_ahead_ns = 40 * MS;
  to(&rig, 11 * SEC);
  assert_in_range(rig_hist(&rig, LH_HIST_send_lateness)->max_us, 40000, 40600);
  rig_free(&rig);
}

/* The plan begins with the first connection, open or failed; what is due while the client is down is counted. */
static void what_is_due_while_down_is_counted(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, one_way);
  rig.group.reconnect.first_ns = rig.group.reconnect.max_ns = 100 * SEC;
  rig.group.connect_timeout_ns = 1000 * SEC;
  rig_start(&rig);
  to(&rig, 25 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 0);
  rig_end_with(&rig, LH_REASON_REFUSED, 111); /* at 25 s; connecting again at 125 s */
  to(&rig, 95 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 7);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_not_open), 7);
  to(&rig, 145 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_not_open), 12); /* connecting counts, too */
  rig_open(&rig);
  to(&rig, 155 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  drop(&rig);
  to(&rig, 165 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_not_open), 13);
  rig_free(&rig);
}

/* While the ramp does not want a client, nothing is planned. */
static void the_plan_pauses_with_the_ramp(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, one_way);
  const struct lh_stage_point points[] = {{0, 1}, {25 * SEC, 1}, {25 * SEC, 0}, {55 * SEC, 0}, {55 * SEC, 1}};
  memcpy(rig.points, points, sizeof points);
  rig.group.ramp.count = 5;
  rig_start(&rig);
  rig_open(&rig);
  to(&rig, 26 * SEC);
  drop(&rig);
  to(&rig, 56 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 2);
  rig_open(&rig);
  to(&rig, 75 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 4);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_sent), 4);
  rig_free(&rig);
}

/* A turn that comes late finds both a message and the ramp's turn: what was due before it is counted. */
static void what_was_due_before_the_ramp_turned_counts(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, one_way);
  const struct lh_stage_point points[] = {{0, 1}, {25 * SEC, 1}, {25 * SEC, 0}};
  memcpy(rig.points, points, sizeof points);
  rig.group.ramp.count = 3;
  rig_start(&rig);
  rig_open(&rig);
  rig.now = rig_start_ns + 26 * SEC;
  lh_engine_turn(rig.engine, rig.now);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 2);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
  rig_free(&rig);
}

static void a_whole_period_late_is_skipped(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, one_way);
  rig.now = rig_start_ns + 45 * SEC; /* the loop stood still: 10, 20, 30 are a period late, 40 is not */
  lh_engine_turn(rig.engine, rig.now);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_late), 3);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  assert_in_range(rig_hist(&rig, LH_HIST_send_lateness)->max_us, 5000000, 5001000);
  rig_free(&rig);
}

/* ---- full sockets ---- */

/* The server stands still from 10 s to 55 s: of five due messages one goes out, and all five waited (HdrHistogram's
 * correction of coordinated omission gives the same five: 9, 19, 29, 39 and 49 s). */
static void skipped_ones_are_charged(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, echoed);
  rig.send_result = LH_SEND_CHOKED;
  to(&rig, 55 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_late), 4);
  rig.send_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig_hist(&rig, LH_HIST_response)->count, 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_charged), 0);
  to(&rig, 59 * SEC);
  rig_echo(&rig);
  const struct lh_hdr *response = rig_hist(&rig, LH_HIST_response);
  assert_int_equal(response->count, 5);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_charged), 4);
  for (int i = 0; i < 5; i++) {
    uint64_t at = lh_hdr_percentile(response, 20 * (i + 1) - 1), expected = (uint64_t)(9 + 10 * i) * 1000000;
    assert_in_range(at, expected - expected / 500, expected + expected / 500);
  }
  assert_int_equal(rig_hist(&rig, LH_HIST_service)->count, 1);
  rig_free(&rig);
}

static void a_full_socket_holds_one_of_each(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, echoed);
  rig_add_message(&rig, one_way);
  rig_start(&rig);
  rig_open(&rig);
  rig.send_result = LH_SEND_CHOKED;
  to(&rig, 15 * SEC);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 2);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_choked), 1); /* the second was not even tried */
  to(&rig, 25 * SEC);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 2);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 4);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_late), 2);
  rig.send_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig.counts[CALL_SEND], 2);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 0);
  assert_in_range(rig_hist(&rig, LH_HIST_send_lateness)->max_us, 5000000, 5002000); /* those of 20 s */
  rig_echo(&rig);
  lh_engine_on_writable(rig.engine, 0, rig.now); /* nothing waits: nothing happens */
  to(&rig, 35 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 4);
  rig_free(&rig);
}

static void a_socket_may_stay_full(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, one_way);
  rig.send_result = LH_SEND_CHOKED;
  to(&rig, 15 * SEC);
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_choked), 2);
  rig_free(&rig);
}

static void held_messages_end_with_their_connection(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, echoed);
  rig.send_result = LH_SEND_CHOKED;
  to(&rig, 15 * SEC);
  drop(&rig);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_not_open), 1);
  rig.send_result = LH_SEND_DONE;
  to(&rig, 17 * SEC);
  rig_open(&rig);
  to(&rig, 21 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_free(&rig);
}

static void a_held_closed_loop_goes_on(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, closed_loop);
  rig.send_result = LH_SEND_CHOKED;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, MS);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 1);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 1);
  rig.send_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  assert_in_range(rig_hist(&rig, LH_HIST_send_lateness)->max_us, 3000000, 3001000);
  rig_echo(&rig);
  assert_int_equal(rig.counts[CALL_SEND], 2);
  rig_free(&rig);
}

static void a_failed_send_is_not_sent(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, echoed);
  rig.send_result = LH_SEND_FAILED;
  to(&rig, 15 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_not_open), 1);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_in_flight), 0);
  drop(&rig);
  rig_free(&rig);
}

static void a_kind_that_cannot_send_skips(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, one_way);
  rig.io.send = NULL;
  rig_start(&rig);
  rig_open(&rig);
  to(&rig, 25 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_skipped_not_open), 2);
  rig_free(&rig);
}

/* ---- other schedules ---- */

static void from_each_opening(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = one_way;
  message.after = LH_AFTER_OPEN;
  message.every_ns = 0;
  message.delay_ns = 2 * SEC;
  open_with(&rig, message);
  to(&rig, 60 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  drop(&rig);
  to(&rig, 62 * SEC);
  rig_open(&rig);
  rig_run(&rig, SEC);
  drop(&rig); /* before it was due: it never was */
  rig_run(&rig, 3 * SEC);
  rig_open(&rig);
  rig_run(&rig, 3 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 2);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 2);
  rig_free(&rig);
}

static void every_so_often_from_the_opening(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = one_way;
  message.after = LH_AFTER_OPEN;
  message.delay_ns = SEC;
  rig_make(&rig, 1);
  rig_add_message(&rig, message);
  rig_start(&rig);
  rig_run(&rig, 3 * SEC);
  uint64_t opened = rig.now;
  rig_open(&rig);
  rig_run(&rig, 22 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 3);
  assert_in_range(rig_last(&rig, CALL_SEND)->at_ns - opened, 21 * SEC, 21 * SEC + MS);
  rig_free(&rig);
}

static void the_loop_is_closed(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, closed_loop);
  rig_run(&rig, MS);
  for (size_t i = 1; i <= 20; i++) {
    assert_int_equal(rig.counts[CALL_SEND], i);
    rig.now += 10 * MS;
    rig_echo(&rig); /* the next goes out from within */
  }
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 20);
  const struct lh_hdr *response = rig_hist(&rig, LH_HIST_response), *service = rig_hist(&rig, LH_HIST_service);
  assert_int_equal(lh_hdr_count_at_or_below(response, 10000), 19); /* the first waited for its turn */
  assert_int_equal(lh_hdr_count_at_or_below(service, 10000), 19);
  rig_free(&rig);
}

static void a_loop_ends_where_closing_begins(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  rig_add_message(&rig, closed_loop);
  rig.group.lifetime_ns = 5 * SEC;
  rig_start(&rig);
  rig_open(&rig);
  rig_run(&rig, 5 * SEC + MS);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
  rig_echo(&rig); /* still counts as a reply */
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 1);
  rig_free(&rig);
}

static void a_loop_with_a_pause_and_a_loss(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = closed_loop;
  message.delay_ns = 5 * SEC;
  open_with(&rig, message);
  rig_run(&rig, 4 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 0);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_echo(&rig);
  rig_run(&rig, 4 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 2);
  rig_run(&rig, 67 * SEC); /* no reply for 60 s, and 5 s of pause: it goes on */
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), 1);
  assert_int_equal(rig.counts[CALL_SEND], 3);
  drop(&rig);
  rig_run(&rig, 2 * SEC);
  rig_open(&rig);
  rig_run(&rig, 6 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 4);
  rig_free(&rig);
}

static const struct {
  const char *name;
  struct lh_message change; /* of one_way: after, delay, from, until, count */
  uint64_t sent_by_100s;
} limited[] = {
    {"no limit", {.until_ns = LH_NEVER}, 10},
    {"count", {.count = 3, .until_ns = LH_NEVER}, 3},
    {"from", {.from_ns = 35 * SEC, .until_ns = LH_NEVER}, 7},
    {"until", {.until_ns = 35 * SEC}, 3},
    {"from and until", {.from_ns = 35 * SEC, .until_ns = 55 * SEC}, 2},
    {"count from the opening", {.after = LH_AFTER_OPEN, .count = 2, .until_ns = LH_NEVER}, 2},
};

static void limits_of_a_schedule(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof limited / sizeof *limited; i++) {
    static struct rig rig;
    print_message("%s\n", limited[i].name);
    struct lh_message message = one_way;
    message.after = limited[i].change.after;
    message.from_ns = limited[i].change.from_ns;
    message.until_ns = limited[i].change.until_ns;
    message.count = limited[i].change.count;
    open_with(&rig, message);
    to(&rig, 100 * SEC + MS);
    assert_int_equal(rig.counts[CALL_SEND], limited[i].sent_by_100s);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), limited[i].sent_by_100s);
    rig_free(&rig);
  }
}

static void a_count_holds_over_connections_and_for_loops(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = closed_loop;
  message.count = 3;
  open_with(&rig, message);
  rig_run(&rig, MS);
  rig_echo(&rig);
  drop(&rig);
  rig_run(&rig, 2 * SEC);
  rig_open(&rig);
  rig_run(&rig, MS);
  rig_echo(&rig);
  rig_run(&rig, 100 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 3);
  rig_free(&rig);
}

static void a_loop_waits_for_its_time(void **state) {
  (void)state;
  static struct rig rig;
  struct lh_message message = closed_loop;
  message.from_ns = 30 * SEC;
  message.until_ns = 60 * SEC;
  open_with(&rig, message);
  to(&rig, 29 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 0);
  to(&rig, 31 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  to(&rig, 61 * SEC);
  rig_echo(&rig);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  rig_free(&rig);
}

/* ---- payloads ---- */

static void payloads_of_every_source(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 1);
  const struct lh_message base = {.every_ns = 10 * SEC, .phase = LH_PHASE_TOGETHER};
  struct lh_message text = base, binary = base, none = base, size = base;
  text.source = LH_PAYLOAD_TEXT;
  text.payload = (char[]){"${group}/${client}/${time_ms}"};
  text.payload_len = strlen(text.payload);
  binary.source = LH_PAYLOAD_BINARY;
  binary.binary = true;
  binary.payload = (char[]){"\0${token"}; /* as it is */
  binary.payload_len = 8;
  none.source = LH_PAYLOAD_NONE;
  size.source = LH_PAYLOAD_SIZE;
  size.payload_len = 100;
  rig_add_message(&rig, text);
  rig_add_message(&rig, binary);
  rig_add_message(&rig, none);
  rig_add_message(&rig, size);
  rig_start(&rig);
  rig_open(&rig);
  to(&rig, 11 * SEC);
  const struct call *sent = rig_last(&rig, CALL_SEND) - 3;
  assert_string_equal(sent[0].bytes, "rig/0/1700000010000");
  assert_int_equal(sent[1].len, 8);
  assert_memory_equal(sent[1].bytes, "\0${token", 8);
  assert_int_equal(sent[2].len, 0);
  assert_int_equal(sent[3].len, 100);
  assert_memory_equal(sent[3].bytes, "lh", 2);
  rig_free(&rig);
}

static const struct {
  struct lh_message message;
  const char *says;
} refused[] = {
    {{.after = LH_AFTER_REPLY, .source = LH_PAYLOAD_TEXT, PAYLOAD("x")}, "no reply is expected"},
    {{.every_ns = SEC, .source = LH_PAYLOAD_TEXT, PAYLOAD("x"), .reply = {.match = LH_MATCH_TOKEN}}, "token"},
    {{.every_ns = SEC, .source = LH_PAYLOAD_TEXT, PAYLOAD("${nonsense}")}, "nonsense"},
    {{.every_ns = SEC,
      .source = LH_PAYLOAD_TEXT,
      PAYLOAD("${token}"),
      .reply = {.match = LH_MATCH_POINTER, .pointer = rig_name}},
     "JSON pointer"},
};

static void impossible_messages_are_refused_with_a_sentence(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    static struct rig rig;
    struct lh_engine *engine = NULL;
    struct lh_err err = {0};
    rig_make(&rig, 1);
    rig_add_message(&rig, refused[i].message);
    const struct lh_engine_args args = {
        .config = &rig.config, .slice = {0, 1}, .workers = 1, .io = {[LH_KIND_WEBSOCKET] = &rig.io}};
    assert_true(lh_engine_new(&engine, &args, &err) < 0);
    if (!strstr(err.text, refused[i].says)) fail_msg("%s", err.text);
    assert_non_null(strstr(err.text, "group 'rig', message 'rig'"));
  }
}

/* ---- the end of the run ---- */

static void replies_are_awaited_at_the_end(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, echoed);
  to(&rig, 10 * SEC + MS);
  lh_engine_stop(rig.engine, rig.now);
  to(&rig, 12 * SEC);
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  rig_echo(&rig);
  to(&rig, 12 * SEC + MS);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 1);
  rig_end_with(&rig, LH_REASON_CLOSE_FRAME, 1001);
  assert_true(lh_engine_done(rig.engine));
  rig_free(&rig);
}

static void but_not_for_ever(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, echoed);
  to(&rig, 10 * SEC + MS);
  lh_engine_stop(rig.engine, rig.now);
  to(&rig, 15 * SEC + 2 * MS);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
  to(&rig, 16 * SEC + 3 * MS);
  assert_true(lh_engine_done(rig.engine));
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), 1);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_SHUTDOWN);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  rig_free(&rig);
}

static void a_drop_during_the_drain_is_a_drop(void **state) {
  (void)state;
  static struct rig rig;
  open_with(&rig, echoed);
  to(&rig, 10 * SEC + MS);
  lh_engine_stop(rig.engine, rig.now);
  drop(&rig);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), 1);
  assert_true(lh_engine_done(rig.engine));
  rig_free(&rig);
}

/* ---- many clients ---- */

static void slices_keep_their_clients(void **state) {
  (void)state;
  static struct rig rig;
  rig_make(&rig, 10);
  rig_add_message(&rig, echoed);
  struct lh_err err = {0};
  struct lh_engine_args args = {.config = &rig.config,
                                .slice = {1, 3},
                                .run_id = 77,
                                .start_ns = rig_start_ns,
                                .workers = 3,
                                .io = {[LH_KIND_WEBSOCKET] = &rig.io}};
  assert_int_equal(lh_engine_new(&rig.engine, &args, &err), 0);
  assert_int_equal(lh_engine_client_count(rig.engine), 3); /* 1, 4, 7 */
  for (uint32_t slot = 0; slot < 3; slot++) {
    assert_int_equal(lh_engine_client_of(rig.engine, slot), 1 + 3 * slot);
    assert_int_equal(lh_engine_group_of(rig.engine, slot), 0);
  }
  assert_true(lh_engine_bytes(rig.engine) > 0);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_go_out_on_the_grid),
      cmocka_unit_test(lateness_is_read_from_the_clock),
      cmocka_unit_test(what_is_due_while_down_is_counted),
      cmocka_unit_test(the_plan_pauses_with_the_ramp),
      cmocka_unit_test(what_was_due_before_the_ramp_turned_counts),
      cmocka_unit_test(a_whole_period_late_is_skipped),
      cmocka_unit_test(skipped_ones_are_charged),
      cmocka_unit_test(a_full_socket_holds_one_of_each),
      cmocka_unit_test(a_socket_may_stay_full),
      cmocka_unit_test(held_messages_end_with_their_connection),
      cmocka_unit_test(a_held_closed_loop_goes_on),
      cmocka_unit_test(a_failed_send_is_not_sent),
      cmocka_unit_test(a_kind_that_cannot_send_skips),
      cmocka_unit_test(from_each_opening),
      cmocka_unit_test(every_so_often_from_the_opening),
      cmocka_unit_test(the_loop_is_closed),
      cmocka_unit_test(a_loop_ends_where_closing_begins),
      cmocka_unit_test(a_loop_with_a_pause_and_a_loss),
      cmocka_unit_test(limits_of_a_schedule),
      cmocka_unit_test(a_count_holds_over_connections_and_for_loops),
      cmocka_unit_test(a_loop_waits_for_its_time),
      cmocka_unit_test(payloads_of_every_source),
      cmocka_unit_test(impossible_messages_are_refused_with_a_sentence),
      cmocka_unit_test(replies_are_awaited_at_the_end),
      cmocka_unit_test(but_not_for_ever),
      cmocka_unit_test(a_drop_during_the_drain_is_a_drop),
      cmocka_unit_test(slices_keep_their_clients),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
