/* Requests: one response each, its checks, and the one that goes out once more. */
#include "rig.h"

static char method[] = "GET", path[] = "/";

static void request_rig(struct rig *rig, struct lh_message message) {
  rig_make(rig, 1);
  message.method = method;
  message.request_path = path;
  message.every_ns = SEC;
  message.reply.match = LH_MATCH_ORDER;
  message.reply.end_when_lost = true;
  message.reply.lost_after_ns = 60 * SEC;
  if (!message.reply.status[0]) message.reply.status[0] = 2;
  rig_add_message(rig, message);
  rig_start(rig);
  rig_open(rig);
  rig_run(rig, SEC);
  assert_int_equal(rig->counts[CALL_SEND], 1);
}

static void respond(struct rig *rig, unsigned status, const char *body) {
  const struct lh_response response = {.status = (uint16_t)status, .bytes = body, .len = strlen(body)};
  lh_engine_on_first_byte(rig->engine, 0, rig->now);
  lh_engine_on_response(rig->engine, 0, &response, rig->now);
}

static void each_check_has_its_counter(void **state) {
  (void)state;
  const struct {
    struct lh_reply_config reply;
    unsigned status;
    const char *body;
    enum lh_counter_id failed; /* LH_COUNTER_replied: none */
  } rows[] = {
      {{.body_max = 0}, 204, "", LH_COUNTER_replied},
      {{.body_max = 0}, 304, "", LH_COUNTER_wrong_status},
      {{.status = {200, 3}}, 304, "", LH_COUNTER_replied},
      {{.status = {200}}, 201, "", LH_COUNTER_wrong_status},
      {{.contains = (char[]){"b"}}, 200, "abc", LH_COUNTER_replied},
      {{.contains = (char[]){"x"}}, 200, "abc", LH_COUNTER_wrong_content},
      {{.matches = (char[]){"^a.c$"}}, 200, "abc", LH_COUNTER_replied},
      {{.matches = (char[]){"^b"}}, 200, "abc", LH_COUNTER_wrong_content},
      {{.pointer = (char[]){"/a"}}, 200, "{\"a\":1}", LH_COUNTER_replied},
      {{.pointer = (char[]){"/b"}}, 200, "{\"a\":1}", LH_COUNTER_wrong_value},
      {{.pointer = (char[]){"/a"}, .equals = (char[]){"up"}}, 200, "{\"a\":\"up\"}", LH_COUNTER_replied},
      {{.pointer = (char[]){"/a"}, .equals = (char[]){"up"}}, 200, "{\"a\":\"down\"}", LH_COUNTER_wrong_value},
      {{.pointer = (char[]){"/a"}, .equals = (char[]){"1"}}, 200, "{\"a\":1}", LH_COUNTER_replied},
      {{.body_max = 3}, 200, "abc", LH_COUNTER_replied},
      {{.body_max = 2}, 200, "abc", LH_COUNTER_too_large},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct rig rig;
    request_rig(&rig, (struct lh_message){.reply = rows[i].reply});
    respond(&rig, rows[i].status, rows[i].body);
    bool good = rows[i].failed == LH_COUNTER_replied;
    if (rig_counter(&rig, LH_COUNTER_failed) == good || rig_counter(&rig, rows[i].failed) != 1) fail_msg("row %zu", i);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
    assert_int_equal(rig_hist(&rig, LH_HIST_ttfb)->count, 1);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_bytes_received), strlen(rows[i].body));
    rig_free(&rig);
  }
}

static void a_body_in_pieces_is_one(void **state) {
  (void)state;
  struct rig rig;
  request_rig(&rig, (struct lh_message){.reply = {.matches = (char[]){"^abc$"}, .body_max = 3}});
  lh_engine_on_first_byte(rig.engine, 0, rig.now);
  lh_engine_on_body(rig.engine, 0, "a", 1, rig.now);
  lh_engine_on_body(rig.engine, 0, "b", 1, rig.now);
  const struct lh_response response = {.status = 200, .bytes = "c", .len = 1};
  lh_engine_on_response(rig.engine, 0, &response, rig.now);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_failed), 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_bytes_received), 3);
  rig_free(&rig);
}

static void a_stale_request_goes_out_once_more(void **state) {
  (void)state;
  struct rig rig;
  request_rig(&rig, (struct lh_message){PAYLOAD("${token}"), .source = LH_PAYLOAD_TEXT});
  char first[RIG_BYTES + 1];
  snprintf(first, sizeof first, "%s", rig_last(&rig, CALL_SEND)->bytes);
  rig_end_with(&rig, LH_REASON_STALE_KEEPALIVE, 0);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_in_flight), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  rig_run(&rig, 2 * MS); /* no backoff */
  rig_open(&rig);
  assert_int_equal(rig.counts[CALL_SEND], 2);
  assert_string_equal(rig_last(&rig, CALL_SEND)->bytes, first);
  respond(&rig, 200, "");
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_sent), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_stale_keepalive), 1);
  rig_free(&rig);
}

static void a_stale_request_is_lost_when_there_is_no_way_back(void **state) {
  (void)state;
  struct rig rig;
  request_rig(&rig, (struct lh_message){PAYLOAD("x"), .source = LH_PAYLOAD_TEXT});
  rig_end_with(&rig, LH_REASON_STALE_KEEPALIVE, 0);
  rig_run(&rig, 2 * MS);
  rig_end_with(&rig, LH_REASON_REFUSED, 0);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), 1);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_in_flight), 0);
  rig_free(&rig);
}

/* A request that goes out again on the next connection is awaited like any other, for as long as run.drain. */
static void what_goes_out_again_is_awaited_when_the_run_stops(void **state) {
  (void)state;
  enum when { OPEN, WAITING, CONNECTING };
  enum fate { ANSWERED, REFUSED, SILENT, NEVER_OPENS };
  const struct {
    enum lh_reason reason;
    enum when stopped;
    enum fate fate;
  } rows[] = {
      {LH_REASON_STALE_KEEPALIVE, OPEN, ANSWERED},         {LH_REASON_STALE_KEEPALIVE, WAITING, ANSWERED},
      {LH_REASON_STALE_KEEPALIVE, CONNECTING, ANSWERED},   {LH_REASON_REDIRECT_FOLLOWED, OPEN, ANSWERED},
      {LH_REASON_REDIRECT_FOLLOWED, WAITING, ANSWERED},    {LH_REASON_REDIRECT_FOLLOWED, CONNECTING, ANSWERED},
      {LH_REASON_REDIRECT_FOLLOWED, WAITING, REFUSED},     {LH_REASON_REDIRECT_FOLLOWED, WAITING, SILENT},
      {LH_REASON_REDIRECT_FOLLOWED, CONNECTING, SILENT},   {LH_REASON_STALE_KEEPALIVE, CONNECTING, NEVER_OPENS},
      {LH_REASON_REDIRECT_FOLLOWED, OPEN, NEVER_OPENS},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct rig rig;
    request_rig(&rig, (struct lh_message){PAYLOAD("x"), .source = LH_PAYLOAD_TEXT});
    const uint64_t begun = rig.now;
    if (rows[i].stopped == OPEN) lh_engine_stop(rig.engine, rig.now);
    rig_end_with(&rig, rows[i].reason, 302);
    if (rows[i].stopped == WAITING) lh_engine_stop(rig.engine, rig.now);
    rig_run(&rig, 2 * MS);
    if (rows[i].stopped == CONNECTING) lh_engine_stop(rig.engine, rig.now);
    rig_run(&rig, 2 * MS);
    if (rig_state(&rig) != LH_CLIENT_CONNECTING) fail_msg("row %zu: %d", i, rig_state(&rig));
    if (rows[i].fate == REFUSED) rig_refuse(&rig);
    if (rows[i].fate == ANSWERED || rows[i].fate == SILENT) {
      rig_open(&rig);
      assert_int_equal(rig.counts[CALL_SEND], 2);
    }
    if (rows[i].fate == ANSWERED) respond(&rig, 200, "");
    rig_run(&rig, 4 * SEC);
    bool is_over = rows[i].fate == REFUSED;
    if (lh_engine_done(rig.engine) != is_over) fail_msg("row %zu: 4 s after the end", i);
    if (rows[i].fate == ANSWERED) rig_end_with(&rig, LH_REASON_SHUTDOWN, 0); /* the engine had asked for it */
    rig_run(&rig, SEC + SEC / 2);
    if (rows[i].fate == SILENT) rig_end_with(&rig, LH_REASON_SHUTDOWN, 0);
    assert_true(lh_engine_done(rig.engine));
    assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), rows[i].fate == ANSWERED);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), rows[i].fate != ANSWERED);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_planned), 1);
    assert_true(rig_counter(&rig, LH_COUNTER_wanted_us) >= rig_counter(&rig, LH_COUNTER_open_us));
    assert_true(rig.now - begun < 8 * SEC);
    rig_free(&rig);
  }
}

/* The ramp falls 2.5 s after the start, the request went out at 1 s and comes back to be sent once more. */
static void what_goes_out_again_is_awaited_when_the_ramp_falls(void **state) {
  (void)state;
  enum when { CLOSING, WAITING, CONNECTING };
  enum fate { ANSWERED, REFUSED, REDIRECTED, NEVER_OPENS, WANTED_AGAIN };
  const struct {
    enum lh_reason reason;
    enum when fallen;
    enum fate fate;
  } rows[] = {
      {LH_REASON_REDIRECT_FOLLOWED, CLOSING, ANSWERED},      {LH_REASON_REDIRECT_FOLLOWED, WAITING, ANSWERED},
      {LH_REASON_REDIRECT_FOLLOWED, CONNECTING, ANSWERED},   {LH_REASON_STALE_KEEPALIVE, CLOSING, ANSWERED},
      {LH_REASON_STALE_KEEPALIVE, CONNECTING, ANSWERED},     {LH_REASON_REDIRECT_FOLLOWED, CONNECTING, REFUSED},
      {LH_REASON_REDIRECT_FOLLOWED, CONNECTING, REDIRECTED}, {LH_REASON_REDIRECT_FOLLOWED, CONNECTING, NEVER_OPENS},
      {LH_REASON_REDIRECT_FOLLOWED, CONNECTING, WANTED_AGAIN},
  };
  const uint64_t fall = 2 * SEC + SEC / 2;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct rig rig;
    rig_make(&rig, 1);
    const struct lh_stage_point points[] = {{0, 1}, {fall, 1}, {fall, 0}, {fall + 2 * SEC, 0}, {fall + 2 * SEC, 1}};
    memcpy(rig.points, points, sizeof points);
    rig.group.ramp.count = rows[i].fate == WANTED_AGAIN ? 5 : 3;
    rig.group.connect_timeout_ns = 5 * SEC;
    rig_add_message(&rig, (struct lh_message){PAYLOAD("x"), .source = LH_PAYLOAD_TEXT, .method = method, .request_path = path, .every_ns = SEC,
                                              .count = 1, .reply = {.match = LH_MATCH_ORDER, .status = {2}, .lost_after_ns = 60 * SEC}});
    rig_start(&rig);
    rig_open(&rig);
    rig_run(&rig, fall - 2 * MS);
    if (rows[i].fallen != CLOSING) rig_end_with(&rig, rows[i].reason, 302);
    if (rows[i].fallen == WAITING) lh_engine_turn(rig.engine, rig.now = rig_start_ns + fall); /* both at once */
    rig_run(&rig, 2 * MS);
    if (rows[i].fallen == CLOSING) assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
    if (rows[i].fallen == CLOSING) rig_end_with(&rig, rows[i].reason, 302);
    rig_run(&rig, 2 * MS);
    if (rig_state(&rig) != LH_CLIENT_CONNECTING) fail_msg("row %zu: %d", i, rig_state(&rig));
    assert_int_equal(rig_gauge(&rig, LH_GAUGE_in_flight), 1);
    if (rows[i].fate == REFUSED) rig_refuse(&rig);
    if (rows[i].fate == WANTED_AGAIN) rig_run(&rig, 2 * SEC);
    if (rows[i].fate == REDIRECTED) rig_end_with(&rig, LH_REASON_REDIRECT_FOLLOWED, 302);
    if (rows[i].fate == REDIRECTED) rig_run(&rig, 2 * MS);
    if (rows[i].fate == NEVER_OPENS) rig_run(&rig, 6 * SEC);
    const bool answered = rows[i].fate != REFUSED && rows[i].fate != NEVER_OPENS;
    if (answered) {
      rig_open(&rig);
      assert_int_equal(rig.counts[CALL_SEND], 2);
      rig_run(&rig, MS);
      respond(&rig, 200, "");
    }
    if (answered && rows[i].fate != WANTED_AGAIN) {
      assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
      rig_end_with(&rig, LH_REASON_FIN, 0);
      assert_int_equal(rig_ending(&rig)->reason, LH_REASON_PLANNED_END);
    }
    rig_run(&rig, SEC);
    const enum lh_client_state last = rows[i].fate == WANTED_AGAIN ? LH_CLIENT_OPEN : LH_CLIENT_FINISHED;
    if (rig_state(&rig) != last) fail_msg("row %zu: %d at last", i, rig_state(&rig));
    assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), answered);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), !answered);
    rig_free(&rig);
  }
}

/* A lifetime that is over while a request is under way does not cost the request. */
static void what_goes_out_again_outlives_a_lifetime(void **state) {
  (void)state;
  static const enum lh_reason reasons[] = {LH_REASON_STALE_KEEPALIVE, LH_REASON_REDIRECT_FOLLOWED};
  for (size_t i = 0; i < 2; i++) {
    struct rig rig;
    rig_make(&rig, 1);
    rig.group.lifetime_ns = 2 * SEC - SEC / 2;
    rig_add_message(&rig, (struct lh_message){PAYLOAD("x"), .source = LH_PAYLOAD_TEXT, .method = method, .request_path = path,
                                              .every_ns = SEC, .count = 1, .reply = {.match = LH_MATCH_ORDER, .status = {2}}});
    rig_start(&rig);
    rig_open(&rig);
    rig_run(&rig, 2 * SEC);
    assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
    rig_end_with(&rig, reasons[i], 302);
    assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LIFETIME);
    rig_run(&rig, 2 * MS);
    rig_open(&rig);
    assert_int_equal(rig.counts[CALL_SEND], 2);
    respond(&rig, 200, "");
    assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
    assert_int_equal(rig_counter(&rig, LH_COUNTER_lost), 0);
    rig_free(&rig);
  }
}

/* The values of a request under way are those that it was sent with, whatever the time is now. */
static void a_request_can_be_rendered_again(void **state) {
  (void)state;
  struct rig rig;
  struct lh_template_values values;
  struct lh_template *path_of;
  char again[64];
  request_rig(&rig, (struct lh_message){PAYLOAD("${time_ms}/${seq}"), .source = LH_PAYLOAD_TEXT});
  char first[RIG_BYTES + 1];
  snprintf(first, sizeof first, "%s", rig_last(&rig, CALL_SEND)->bytes);
  rig_run(&rig, SEC / 2);
  assert_int_equal(lh_template_compile("${time_ms}/${seq}", 17, &path_of, NULL), 0);
  assert_true(lh_engine_asked(rig.engine, 0, &values));
  again[lh_template_render(path_of, &values, again)] = 0;
  assert_string_equal(again, first);
  while (rig_gauge(&rig, LH_GAUGE_in_flight)) respond(&rig, 200, "");
  assert_false(lh_engine_asked(rig.engine, 0, &values));
  lh_template_free(path_of);
  rig_free(&rig);
}

static void a_redirect_takes_the_request_along(void **state) {
  (void)state;
  struct rig rig;
  request_rig(&rig, (struct lh_message){PAYLOAD("${token}"), .source = LH_PAYLOAD_TEXT});
  char first[RIG_BYTES + 1];
  snprintf(first, sizeof first, "%s", rig_last(&rig, CALL_SEND)->bytes);
  lh_engine_on_redirect(rig.engine, 0, rig.now); /* on this connection */
  assert_int_equal(rig.counts[CALL_SEND], 2);
  assert_string_equal(rig_last(&rig, CALL_SEND)->bytes, first);
  rig.group.reconnect.enabled = false; /* which is about drops */
  rig_end_with(&rig, LH_REASON_REDIRECT_FOLLOWED, 302);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_in_flight), 1);
  rig_run(&rig, 2 * MS);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
  rig_open(&rig);
  assert_int_equal(rig.counts[CALL_SEND], 3);
  assert_string_equal(rig_last(&rig, CALL_SEND)->bytes, first);
  respond(&rig, 200, "");
  assert_int_equal(rig_counter(&rig, LH_COUNTER_messages_sent), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_redirects_followed), 2);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
  rig_free(&rig);
}

/* A redirect is no failure, and does not mend one: the row of attempts goes on behind it. */
static void redirects_do_not_shorten_the_backoff(void **state) {
  (void)state;
  struct rig rig;
  rig_make(&rig, 1);
  rig.group.reconnect = (struct lh_reconnect_config){.enabled = true, .first_ns = SEC, .max_ns = 100 * SEC, .factor = 2, .limit = 2};
  rig_start(&rig);
  for (int attempt = 0; attempt < 3; attempt++) {
    rig_end_with(&rig, LH_REASON_REDIRECT_FOLLOWED, 302);
    rig_run(&rig, 2 * MS);
    assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
    rig_end_with(&rig, LH_REASON_REFUSED, 111);
    assert_int_equal(rig_state(&rig), attempt < 2 ? LH_CLIENT_WAITING : LH_CLIENT_FINISHED);
    if (attempt < 2) rig_run(&rig, (1u << attempt) * SEC + 2 * MS);
  }
  assert_int_equal(rig_counter(&rig, LH_COUNTER_gave_up), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_connect_failures), 3);
  rig_free(&rig);
}

static void a_server_may_say_that_it_is_over_for_good(void **state) {
  (void)state;
  struct rig rig;
  rig_make(&rig, 1);
  rig.group.reconnect = (struct lh_reconnect_config){.enabled = true, .first_ns = SEC, .max_ns = SEC, .factor = 1};
  rig_start(&rig);
  const struct lh_ending seen = {
      .stage = LH_STAGE_COUNT, .reason = LH_REASON_STATUS_REFUSED, .code = 204, .retry_after_ns = LH_NEVER};
  lh_engine_on_ended(rig.engine, 0, &seen, rig.now);
  assert_int_equal(rig_state(&rig), LH_CLIENT_FINISHED);
  rig_run(&rig, 3600 * SEC);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_attempts), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_gave_up), 0);
  rig_free(&rig);
}

static void a_silent_stream_stalls(void **state) {
  (void)state;
  struct rig rig;
  rig_make(&rig, 1);
  rig.group.stall_timeout_ns = SEC;
  rig_start(&rig);
  rig_open(&rig);
  for (int i = 0; i < 5; i++) {
    rig_run(&rig, SEC / 2);
    lh_engine_on_data(rig.engine, 0, 10, rig.now);
  }
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  rig_run(&rig, SEC + 2 * MS);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_STALLED);
  assert_int_equal(rig_hist(&rig, LH_HIST_gap)->count, 4);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_bytes_received), 50);
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_check_has_its_counter),
      cmocka_unit_test(a_body_in_pieces_is_one),
      cmocka_unit_test(a_stale_request_goes_out_once_more),
      cmocka_unit_test(a_stale_request_is_lost_when_there_is_no_way_back),
      cmocka_unit_test(what_goes_out_again_is_awaited_when_the_run_stops),
      cmocka_unit_test(what_goes_out_again_is_awaited_when_the_ramp_falls),
      cmocka_unit_test(what_goes_out_again_outlives_a_lifetime),
      cmocka_unit_test(a_request_can_be_rendered_again),
      cmocka_unit_test(a_redirect_takes_the_request_along),
      cmocka_unit_test(redirects_do_not_shorten_the_backoff),
      cmocka_unit_test(a_server_may_say_that_it_is_over_for_good),
      cmocka_unit_test(a_silent_stream_stalls),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
