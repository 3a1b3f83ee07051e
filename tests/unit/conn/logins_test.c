#include "longhaul/conn/cookies.h"
#include "longhaul/conn/logins.h"
#include "rig.h"

/* ---- a desk that does what the test says ---- */

enum { DESK_CALLS = 64 };

struct desk {
  struct lh_login_io io;
  uint32_t keys[DESK_CALLS]; /* by ticket */
  uint32_t begun, aborted, shared, wanted, serial;
  bool no_memory;
};

static uint32_t desk_begin(void *context, uint32_t key, uint64_t now_ns) {
  struct desk *desk = context;
  (void)now_ns;
  desk->keys[desk->begun % DESK_CALLS] = key;
  desk->begun++;
  return desk->no_memory ? LH_NO_TICKET : desk->begun - 1;
}
static void desk_abort(void *context, uint32_t ticket) {
  (void)ticket;
  ((struct desk *)context)->aborted++;
}
static void desk_share(void *context, uint32_t group, uint32_t serial, const struct lh_texts *texts) {
  struct desk *desk = context;
  assert_int_equal(group, 0);
  assert_non_null(texts);
  desk->shared++;
  desk->serial = serial;
}
static void desk_want(void *context, uint32_t group, uint32_t serial) {
  struct desk *desk = context;
  assert_int_equal(group, 0);
  desk->wanted++;
  desk->serial = serial;
}

static struct rig rig;
static struct desk desk;
static struct lh_extract extract = {.name = (char[]){"token"}, .source = LH_EXTRACT_JSON, .json = (char[]){"/t"}};

/* One websocket client that logs in, with retries after 1 s, 2 s, 4 s. */
static struct lh_login_config *make(uint32_t clients) {
  rig_make(&rig, clients);
  desk = (struct desk){.io = {&desk, desk_begin, desk_abort, desk_share, desk_want}};
  rig.args.logins = &desk.io;
  rig.args.leads_logins = true;
  rig.group.login = (struct lh_login_config){.enabled = true,
                                             .extracts = &extract,
                                             .extract_count = 1,
                                             .on_401 = true,
                                             .within_ns = 3 * SEC,
                                             .retry = {.first_ns = SEC, .max_ns = 4 * SEC, .factor = 2, .jitter = LH_BACKOFF_NONE}};
  return &rig.group.login;
}

static struct lh_texts *texts_of(const char *token) {
  const struct lh_text items[] = {{"", 0}, {token, strlen(token)}};
  return lh_texts_new(items, 2);
}

static void log_in(uint32_t key, const char *token) {
  lh_engine_on_login(rig.engine, key, texts_of(token), rig.now);
  rig_run(&rig, MS);
}

static void refuse_login(uint32_t key, int32_t status) {
  const struct lh_ending seen = {.reason = LH_REASON_STATUS_REFUSED, .code = status};
  lh_engine_on_login_failed(rig.engine, key, &seen, rig.now);
  rig_run(&rig, MS);
}

static const char *login_text(uint32_t slot) {
  static char out[64];
  const struct lh_texts *texts = lh_engine_login(rig.engine, slot);
  if (!texts) return "none";
  struct lh_text text = lh_texts_at(texts, 1);
  snprintf(out, sizeof out, "%.*s", (int)text.len, text.at);
  return out;
}

/* ---- tests ---- */

static void a_client_connects_once_it_is_logged_in(void **state) {
  (void)state;
  make(1);
  rig_start(&rig);
  assert_int_equal(desk.begun, 1);
  assert_int_equal(rig_state(&rig), LH_CLIENT_WAITING);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_logins_under_way), 1);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig.counts[CALL_CONNECT], 0);
  log_in(0, "abc");
  assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
  assert_string_equal(login_text(0), "abc");
  assert_int_equal(rig_hist(&rig, LH_HIST_login)->count, 1);
  rig_open(&rig);
  rig_run(&rig, 60 * SEC);
  rig_reset(&rig);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING); /* with what it has */
  assert_int_equal(desk.begun, 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_logins_succeeded), 1);
  rig_free(&rig);
}

static void failures_are_told_and_tried_again(void **state) {
  (void)state;
  make(1)->retry.limit = 3;
  rig_start(&rig);
  refuse_login(0, 500);
  assert_int_equal(rig_ending(&rig)->stage, LH_STAGE_LOGIN);
  assert_int_equal(rig_ending(&rig)->code, 500);
  rig_run(&rig, SEC - 10 * MS);
  assert_int_equal(desk.begun, 1);
  rig_run(&rig, 20 * MS);
  assert_int_equal(desk.begun, 2);
  rig_run(&rig, 3 * SEC + 10 * MS); /* no answer */
  assert_int_equal(desk.aborted, 1);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_LOGIN_TIMEOUT);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(desk.begun, 3);
  desk.no_memory = true;
  refuse_login(0, 503);
  rig_run(&rig, 5 * SEC);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_NO_MEMORY);
  assert_int_equal(rig_state(&rig), LH_CLIENT_FINISHED); /* the fourth failure */
  assert_int_equal(rig_counter(&rig, LH_COUNTER_gave_up), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_logins_failed), 4);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_attempts), 0);
  rig_free(&rig);
}

static void a_refused_upgrade_leads_to_one_login(void **state) {
  (void)state;
  make(1);
  rig_start(&rig);
  log_in(0, "old");
  rig_open(&rig);
  rig_run(&rig, 20 * SEC);
  rig_reset(&rig);
  rig_run(&rig, SEC + 10 * MS);
  rig_end_with(&rig, LH_REASON_UPGRADE_REFUSED, 401);
  assert_int_equal(desk.begun, 1);
  rig_run(&rig, 2 * SEC + 10 * MS); /* the connection's own backoff */
  assert_int_equal(desk.begun, 2);
  log_in(0, "new");
  assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
  assert_string_equal(login_text(0), "new");
  rig_end_with(&rig, LH_REASON_UPGRADE_REFUSED, 401); /* what was never proved waits for the login's backoff too */
  rig_run(&rig, 4 * SEC - 10 * MS);
  assert_int_equal(desk.begun, 2);
  rig_run(&rig, 20 * MS);
  assert_int_equal(desk.begun, 3);
  rig_free(&rig);
}

/* What a peer says when it closes, and what is kept of it. */
struct blotted {
  const char *seen, *kept;
};

/* The client is logged in. */
static void check_blotted(const struct blotted *words) {
  rig_open(&rig);
  struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_CLOSE_FRAME, .code = 4000};
  snprintf(seen.text, sizeof seen.text, "%s", words->seen);
  lh_engine_on_ended(rig.engine, 0, &seen, rig.now);
  assert_string_equal(rig_ending(&rig)->text, words->kept);
  rig_free(&rig);
}

/* Cookies one by one, as a peer may quote any of them; each ends with its line, or where its attributes begin. */
static void cookies_are_blotted_out(void **state) {
  (void)state;
  static const struct blotted cases[] = {{"sid abcdefgh is over", "sid *** is over"},
                                         {"no user ann-1234 here", "no user *** here"},
                                         {"sid=abcdefgh; user=ann-1234", "sid=***; user=***"},
                                         {"abcdefghann-1234", "******"},
                                         {"abcdefgx", "abcdefgx"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    static const char cookies[] = "sid=abcdefgh; Path=/\nflag\nuser=ann-1234";
    const struct lh_text items[] = {{cookies, sizeof cookies - 1}};
    make(1);
    rig_start(&rig);
    lh_engine_on_login(rig.engine, 0, lh_texts_new(items, 1), rig.now);
    rig_run(&rig, MS);
    check_blotted(&cases[i]);
  }
}

static void secrets_are_blotted_out(void **state) {
  (void)state;
  static const struct blotted cases[] = {{"the token s3cr3t-t0k3n is old", "the token *** is old"},
                                         {"s3cr3t-t0k3ns3cr3t-t0k3n", "******"},
                                         {"cut off: s3cr3t-t0", "cut off: ***"},
                                         {"s3cr3t", "s3cr3t"},
                                         {"", ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make(1);
    rig_start(&rig);
    log_in(0, "s3cr3t-t0k3n");
    check_blotted(&cases[i]);
  }
}

static void a_refresh_is_made_while_the_client_is_open(void **state) {
  (void)state;
  make(1)->refresh_ns = 100 * SEC;
  rig_start(&rig);
  log_in(0, "one");
  rig_open(&rig);
  rig_run(&rig, 89 * SEC);
  assert_int_equal(desk.begun, 1);
  rig_run(&rig, 11 * SEC);
  assert_int_equal(desk.begun, 2);
  refuse_login(0, 500);
  assert_string_equal(login_text(0), "one"); /* still good */
  rig_run(&rig, 2 * SEC);
  assert_int_equal(desk.begun, 3);
  log_in(0, "two");
  assert_string_equal(login_text(0), "two");
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  rig_free(&rig);
}

static void a_reply_is_checked_by_what_was_sent(void **state) {
  (void)state;
  make(1)->refresh_ns = 100 * SEC;
  rig_add_message(&rig, (struct lh_message){PAYLOAD("${login.token}"), .source = LH_PAYLOAD_TEXT, .every_ns = 1000 * SEC, .after = LH_AFTER_OPEN,
                                            .delay_ns = 89 * SEC,
                                            .reply = {.match = LH_MATCH_ORDER, .contains = (char[]){"${login.token}"},
                                                      .within_ns = 90 * SEC, .lost_after_ns = 90 * SEC}});
  rig_start(&rig);
  log_in(0, "one");
  rig_open(&rig);
  rig_run(&rig, 90 * SEC);
  assert_int_equal(rig.counts[CALL_SEND], 1);
  assert_string_equal(rig_last(&rig, CALL_SEND)->bytes, "one");
  rig_run(&rig, 11 * SEC);
  log_in(0, "two");
  rig_hear(&rig, "one", 3);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_replied), 1);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_corrupt), 0);
  rig_free(&rig);
}

static void a_herd_logs_in_before_the_ramp(void **state) {
  (void)state;
  struct lh_login_config *login = make(8);
  login->phase = LH_PHASE_TOGETHER;
  login->refresh_ns = 50 * SEC;
  rig.points[1] = (struct lh_stage_point){40 * SEC, 8};
  rig.points[0].connections = 0;
  rig.group.ramp.count = 2;
  rig.config.run.connect_rate = 1;
  rig_start(&rig);
  assert_int_equal(desk.begun, 8);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_never_started), 8);
  for (uint32_t key = 0; key < 8; key++) log_in(key, "t");
  rig_run(&rig, 45 * SEC);
  assert_int_equal(desk.begun, 8);
  rig_run(&rig, 5 * SEC);
  assert_int_equal(desk.begun, 16); /* all at 50 s */
  rig_free(&rig);
}

static void logins_take_turns_with_connections(void **state) {
  (void)state;
  make(4);
  rig.config.run.connecting_max = 1;
  rig_start(&rig);
  assert_int_equal(desk.begun, 1);
  rig_run(&rig, SEC);
  log_in(0, "t");
  assert_int_equal(desk.begun, 2); /* the next one; the first joins the end of the queue */
  assert_int_equal(rig.counts[CALL_CONNECT], 0);
  log_in(1, "t");
  log_in(2, "t");
  log_in(3, "t");
  assert_int_equal(rig.counts[CALL_CONNECT], 1);
  rig_free(&rig);
}

static void who_is_not_wanted_leaves_the_desk(void **state) {
  (void)state;
  make(2);
  rig_start(&rig);
  lh_engine_stop(rig.engine, rig.now);
  rig_run(&rig, MS);
  assert_true(lh_engine_done(rig.engine));
  assert_int_equal(desk.aborted, 2);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_logins_dropped), 2);
  assert_int_equal(rig_ending(&rig)->reason, LH_REASON_SHUTDOWN);
  rig_free(&rig);
}

static void one_login_serves_the_group(void **state) {
  (void)state;
  make(3)->per = LH_LOGIN_PER_GROUP;
  rig_start(&rig);
  assert_int_equal(desk.begun, 1);
  assert_int_equal(desk.keys[0], 3); /* no slot */
  log_in(3, "all");
  assert_int_equal(desk.shared, 1);
  assert_int_equal(rig.counts[CALL_CONNECT], 3);
  for (uint32_t slot = 0; slot < 3; slot++) assert_string_equal(login_text(slot), "all");
  rig_open(&rig);
  rig_run(&rig, SEC);
  lh_engine_on_login_wanted(rig.engine, 0, 0, rig.now); /* somebody who has not heard of it */
  rig_run(&rig, SEC);
  assert_int_equal(desk.begun, 1);
  lh_engine_on_login_wanted(rig.engine, 0, 1, rig.now);
  rig_run(&rig, MS);
  assert_int_equal(desk.begun, 2);
  lh_engine_stop(rig.engine, rig.now);
  assert_int_equal(desk.aborted, 1);
  rig_free(&rig);
}

static void who_does_not_lead_asks_and_waits(void **state) {
  (void)state;
  make(2)->per = LH_LOGIN_PER_GROUP;
  rig.args.leads_logins = false;
  rig_start(&rig);
  assert_int_equal(desk.begun, 0);
  assert_int_equal(desk.wanted, 1);
  rig_run(&rig, 10 * SEC); /* nobody answers: once more, at its pace */
  assert_in_range(desk.wanted, 2, 3);
  lh_engine_on_login_shared(rig.engine, 0, 4, texts_of("theirs"), rig.now);
  rig_run(&rig, MS);
  assert_int_equal(rig.counts[CALL_CONNECT], 2);
  assert_string_equal(login_text(1), "theirs");
  lh_engine_on_login_shared(rig.engine, 0, 3, texts_of("older"), rig.now);
  assert_string_equal(login_text(1), "theirs");
  uint32_t wanted = desk.wanted;
  rig_end_with(&rig, LH_REASON_UPGRADE_REFUSED, 401);
  assert_int_equal(desk.wanted, wanted + 1);
  assert_int_equal(desk.serial, 4);
  rig_free(&rig);
}

/* ---- logins that ride on their client's connection ---- */

static enum lh_send_result ride_result;
static uint32_t rides;

static enum lh_send_result ride(void *context, uint32_t slot) {
  (void)context;
  assert_int_equal(lh_engine_state_of(rig.engine, slot), LH_CLIENT_OPEN);
  if (ride_result == LH_SEND_DONE) rides++;
  return ride_result;
}

/* One client of kind http with a request each second from its opening, up and logging in. */
static struct lh_login_config *ride_rig(uint64_t refresh_ns) {
  struct lh_login_config *login = make(1);
  login->shares_connection = true;
  login->refresh_ns = refresh_ns;
  rig.group.kind = LH_KIND_HTTP;
  rig.io.login = ride;
  rig.args.io[LH_KIND_HTTP] = &rig.io;
  rides = 0;
  ride_result = LH_SEND_DONE;
  rig_add_message(&rig, (struct lh_message){PAYLOAD("${login.token}"), .source = LH_PAYLOAD_TEXT, .every_ns = SEC, .after = LH_AFTER_OPEN,
                                            .reply = {.match = LH_MATCH_ORDER, .status = {2}}});
  rig_start(&rig);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING); /* with no login before it */
  assert_int_equal(desk.begun, 0);
  assert_true(lh_engine_begin_login(rig.engine, 0, rig.now));
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_logins_under_way), 1);
  return login;
}

static void respond(unsigned status) {
  const struct lh_response response = {.status = (uint16_t)status, .bytes = ""};
  lh_engine_on_response(rig.engine, 0, &response, rig.now);
}

static void open_logged_in(void) {
  lh_engine_on_login(rig.engine, 0, texts_of("one"), rig.now);
  rig_open(&rig);
  rig_run(&rig, MS);
}

static void a_login_is_the_last_step_of_connecting(void **state) {
  (void)state;
  ride_rig(0);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_open_us), 0);
  open_logged_in();
  assert_int_equal(rig_hist(&rig, LH_HIST_login)->count, 1);
  assert_int_equal(rig_hist(&rig, LH_HIST_upgrade)->count, 0);
  assert_true(rig_hist(&rig, LH_HIST_connect_total)->max_us < 100 * 1000); /* without the login */
  rig_run(&rig, 2 * SEC);
  assert_string_equal(rig_last(&rig, CALL_SEND)->bytes, "one");
  respond(200);
  rig_reset(&rig);
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
  assert_false(lh_engine_begin_login(rig.engine, 0, rig.now)); /* it has what it needs */
  rig_open(&rig);
  assert_int_equal(rig_counter(&rig, LH_COUNTER_logins), 1);
  rig_free(&rig);
}

static void a_ride_that_fails_ends_the_connection(void **state) {
  (void)state;
  enum how { REFUSED, TIMED_OUT, CUT };
  for (enum how how = REFUSED; how <= CUT; how++) {
    ride_rig(0)->retry.limit = 1;
    for (int attempt = 1; attempt <= 2; attempt++) {
      if (how == REFUSED) {
        const struct lh_ending seen = {.reason = LH_REASON_STATUS_REFUSED, .code = 500};
        lh_engine_on_login_failed(rig.engine, 0, &seen, rig.now);
        rig_end_with(&rig, LH_REASON_PLANNED_END, 0);
      } else if (how == TIMED_OUT) {
        rig_run(&rig, 3 * SEC + 2 * MS);
        assert_string_equal(rig_ending(&rig)->text, "its login failed");
      } else {
        rig_reset(&rig);
        assert_int_equal(rig_ending(&rig)->reason, LH_REASON_RST);
      }
      assert_int_equal(rig_counter(&rig, LH_COUNTER_logins_failed), attempt);
      assert_int_equal(rig_gauge(&rig, LH_GAUGE_logins_under_way), 0);
      assert_int_equal(rig_counter(&rig, LH_COUNTER_connect_failures), how == CUT ? attempt : 0);
      assert_int_equal(rig_counter(&rig, LH_COUNTER_drops), 0);
      rig_run(&rig, 2 * MS);
      if (attempt == 2) break;
      assert_int_equal(rig_state(&rig), LH_CLIENT_WAITING);
      rig_run(&rig, SEC + 10 * MS);
      assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
      assert_true(lh_engine_begin_login(rig.engine, 0, rig.now));
    }
    rig_run(&rig, 3 * SEC);
    assert_int_equal(rig_state(&rig), LH_CLIENT_FINISHED); /* the second failure */
    rig_free(&rig);
  }
}

static void a_refresh_waits_for_the_request_under_way(void **state) {
  (void)state;
  ride_rig(10 * SEC);
  open_logged_in();
  while (rig.now < rig_start_ns + 8500 * MS) {
    respond(200);
    rig_run(&rig, SEC);
  }
  const size_t sent = rig.counts[CALL_SEND]; /* the last of them is under way */
  rig_run(&rig, 2 * SEC);
  assert_int_equal(rides, 0); /* due, and waits; so do the requests behind it */
  assert_int_equal(rig.counts[CALL_SEND], sent + (rig_gauge(&rig, LH_GAUGE_in_flight) - 1));
  while (rig_gauge(&rig, LH_GAUGE_in_flight)) respond(200);
  rig_run(&rig, 2 * MS);
  assert_int_equal(rides, 1);
  const size_t before = rig.counts[CALL_SEND];
  rig_run(&rig, SEC + 100 * MS);
  assert_int_equal(rig.counts[CALL_SEND], before);
  assert_int_equal(rig_gauge(&rig, LH_GAUGE_pending), 1);
  log_in(0, "two");
  assert_int_equal(rig.counts[CALL_SEND], before + 1);
  assert_string_equal(rig_last(&rig, CALL_SEND)->bytes, "two");
  assert_int_equal(rig_state(&rig), LH_CLIENT_OPEN);
  rig_free(&rig);
}

static void a_refresh_ends_as_its_connection_does(void **state) {
  (void)state;
  static const struct {
    enum lh_reason seen; /* COUNT: the login takes too long */
    enum lh_reason login, connection;
    uint64_t again_ns;
  } rows[] = {
      {LH_REASON_RST, LH_REASON_RST, LH_REASON_RST, SEC},
      {LH_REASON_STALE_KEEPALIVE, LH_REASON_STALE_KEEPALIVE, LH_REASON_STALE_KEEPALIVE, 0},
      {LH_REASON_COUNT, LH_REASON_LOGIN_TIMEOUT, LH_REASON_REPLY_MISSING, SEC},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ride_rig(10 * SEC);
    rig.messages[0].count = 1;
    open_logged_in();
    respond(200);
    rig_run(&rig, 10 * SEC);
    while (rig_gauge(&rig, LH_GAUGE_in_flight)) respond(200);
    rig_run(&rig, 2 * MS);
    assert_int_equal(rides, 1);
    if (rows[i].seen == LH_REASON_COUNT) {
      rig_run(&rig, 3 * SEC);
      assert_int_equal(rig_state(&rig), LH_CLIENT_CLOSING);
      assert_int_equal(rig_ending(&rig)->reason, rows[i].login);
      lh_engine_on_login(rig.engine, 0, texts_of("late"), rig.now); /* an answer that nobody waits for any more */
      assert_string_equal(login_text(0), "one");
      rig_end_with(&rig, LH_REASON_SHUTDOWN, 0);
      assert_int_equal(rig_ending(&rig)->reason, rows[i].connection);
    } else {
      rig_end_with(&rig, rows[i].seen, 0);
      assert_int_equal(rig_ending(&rig)->reason, rows[i].login);
      assert_int_equal(rig_ending(&rig)->stage, LH_STAGE_LOGIN);
      const struct lh_ending *connection = &rig.endings[(rig.ending_count - 2) % RIG_ENDINGS];
      assert_int_equal(connection->reason, rows[i].connection);
      assert_int_equal(connection->stage, LH_STAGE_OPEN);
    }
    assert_int_equal(rig_counter(&rig, LH_COUNTER_logins_failed), 1);
    rig_run(&rig, SEC + 10 * MS); /* the connection's own backoff; a stale one comes back at once */
    assert_int_equal(rig_state(&rig), LH_CLIENT_CONNECTING);
    assert_true(lh_engine_begin_login(rig.engine, 0, rig.now)); /* what is due is part of connecting */
    open_logged_in();
    assert_int_equal(rig_counter(&rig, LH_COUNTER_logins_succeeded), 2);
    rig_free(&rig);
  }
}

static void a_ride_is_dropped_with_its_client(void **state) {
  (void)state;
  for (int open = 0; open < 2; open++) {
    ride_rig(10 * SEC);
    if (open) {
      open_logged_in();
      rig_run(&rig, 10 * SEC);
      while (rig_gauge(&rig, LH_GAUGE_in_flight)) respond(200);
      rig_run(&rig, 2 * MS);
      assert_int_equal(rides, 1);
    }
    lh_engine_stop(rig.engine, rig.now);
    rig_run(&rig, 7 * SEC);
    assert_true(lh_engine_done(rig.engine));
    if (open)
      assert_int_equal(rig_counter(&rig, LH_COUNTER_logins_failed), 1); /* its answer was awaited for as long as it may take */
    else
      assert_int_equal(rig_counter(&rig, LH_COUNTER_logins_dropped), 1);
    assert_int_equal(desk.aborted, 0);
    rig_free(&rig);
  }
}

static void a_401_is_mended_on_the_same_connection(void **state) {
  (void)state;
  ride_rig(0);
  open_logged_in();
  rig_run(&rig, 2 * SEC);
  ride_result = LH_SEND_CHOKED; /* the line is not free yet */
  while (rig_gauge(&rig, LH_GAUGE_in_flight)) respond(401);
  rig_run(&rig, SEC);
  assert_int_equal(rides, 0);
  ride_result = LH_SEND_DONE;
  lh_engine_on_writable(rig.engine, 0, rig.now);
  rig_run(&rig, 2 * MS);
  assert_int_equal(rides, 1);
  log_in(0, "new");
  rig_run(&rig, SEC);
  assert_string_equal(rig_last(&rig, CALL_SEND)->bytes, "new");
  assert_int_equal(rig_counter(&rig, LH_COUNTER_opened), 1);
  rig_free(&rig);
}

/* ---- cookies ---- */

static char login_path[] = "/in/${client}/x", login_host[] = "h.test";

static const char *cookies_for(uint32_t slot, const char *path) {
  static char out[LH_COOKIE_LINE_MAX + 1];
  const struct lh_cookie_site to = {.host = {"h.test:8080", 11}, .path = {path, strlen(path)}};
  out[lh_engine_cookies(rig.engine, slot, &to, out)] = 0;
  return out;
}

static struct lh_login_config *cookie_rig(uint32_t clients, struct lh_target *target) {
  struct lh_login_config *login = make(clients);
  *target = (struct lh_target){.host = login_host, .path = login_path};
  rig.config.targets = target;
  rig.config.target_count = 1;
  login->path = login_path;
  login->keeps_cookies = rig.group.keeps_cookies = true;
  return login;
}

static struct lh_texts *texts_with(const char *cookies) {
  const struct lh_text items[] = {{cookies, strlen(cookies)}, {"t", 1}};
  return lh_texts_new(items, 2);
}

static void what_a_login_sets_goes_into_the_jar(void **state) {
  (void)state;
  struct lh_target target;
  for (int shared = 0; shared < 2; shared++) {
    cookie_rig(2, &target)->per = shared ? LH_LOGIN_PER_GROUP : LH_LOGIN_PER_CLIENT;
    rig_start(&rig);
    lh_engine_on_login(rig.engine, shared ? 2 : 0, texts_with("sid=s3cr3t-one; Path=/\nfolder=x\nbrief=1; Path=/; Max-Age=5"), rig.now);
    rig_run(&rig, MS);
    assert_string_equal(cookies_for(0, "/"), "Cookie: sid=s3cr3t-one; brief=1\r\n");
    assert_string_equal(cookies_for(0, "/in/7"), "Cookie: folder=x; sid=s3cr3t-one; brief=1\r\n");
    assert_string_equal(cookies_for(1, "/"), shared ? "Cookie: sid=s3cr3t-one; brief=1\r\n" : "");
    rig_open(&rig);
    const struct lh_cookie_site from = {.host = {"h.test", 6}, .path = {"/", 1}};
    lh_engine_on_cookie(rig.engine, 0, &from, (struct lh_text){"sid=s3cr3t-two; Path=/", 22});
    rig_run(&rig, 6 * SEC);
    rig_snapshot(&rig); /* the engine hears of the time */
    assert_string_equal(cookies_for(0, "/"), "Cookie: sid=s3cr3t-two\r\n"); /* over the login's, and one is past its time */
    struct lh_ending seen = {.stage = LH_STAGE_COUNT, .reason = LH_REASON_CLOSE_FRAME, .code = 4000, .text = "not s3cr3t-one, nor s3cr3t-two"};
    lh_engine_on_ended(rig.engine, 0, &seen, rig.now);
    assert_string_equal(rig_ending(&rig)->text, "not ***, nor ***");
    assert_string_equal(cookies_for(0, "/"), "Cookie: sid=s3cr3t-two\r\n"); /* the next connection's */
    static char too_long[LH_COOKIE_BYTES_MAX + 8] = "long=";
    memset(too_long + 5, 'x', sizeof too_long - 5);
    lh_engine_on_cookie(rig.engine, 0, &from, (struct lh_text){too_long, sizeof too_long});
    assert_int_equal(rig_counter(&rig, LH_COUNTER_cookies_refused), 1);
    rig_free(&rig);
  }
}

static void who_keeps_no_cookies_has_none(void **state) {
  (void)state;
  struct lh_target target;
  cookie_rig(1, &target);
  const size_t kept = 8;
  rig_start(&rig);
  const size_t with = lh_engine_bytes(rig.engine);
  rig_free(&rig);
  cookie_rig(1, &target)->keeps_cookies = false;
  rig.group.keeps_cookies = false;
  rig_start(&rig);
  assert_int_equal(lh_engine_bytes(rig.engine), with - kept);
  const struct lh_cookie_site from = {.host = {"h.test", 6}, .path = {"/", 1}};
  lh_engine_on_cookie(rig.engine, 0, &from, (struct lh_text){"a=1", 3});
  assert_string_equal(cookies_for(0, "/"), "");
  rig_free(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_client_connects_once_it_is_logged_in),
      cmocka_unit_test(failures_are_told_and_tried_again),
      cmocka_unit_test(a_refused_upgrade_leads_to_one_login),
      cmocka_unit_test(cookies_are_blotted_out),
      cmocka_unit_test(secrets_are_blotted_out),
      cmocka_unit_test(a_refresh_is_made_while_the_client_is_open),
      cmocka_unit_test(a_reply_is_checked_by_what_was_sent),
      cmocka_unit_test(a_herd_logs_in_before_the_ramp),
      cmocka_unit_test(logins_take_turns_with_connections),
      cmocka_unit_test(who_is_not_wanted_leaves_the_desk),
      cmocka_unit_test(one_login_serves_the_group),
      cmocka_unit_test(who_does_not_lead_asks_and_waits),
      cmocka_unit_test(a_login_is_the_last_step_of_connecting),
      cmocka_unit_test(a_ride_that_fails_ends_the_connection),
      cmocka_unit_test(a_refresh_waits_for_the_request_under_way),
      cmocka_unit_test(a_refresh_ends_as_its_connection_does),
      cmocka_unit_test(a_ride_is_dropped_with_its_client),
      cmocka_unit_test(a_401_is_mended_on_the_same_connection),
      cmocka_unit_test(what_a_login_sets_goes_into_the_jar),
      cmocka_unit_test(who_keeps_no_cookies_has_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
