/* What lh_find says of made-up nights, and of which it says nothing. */
#include "night.h"

static const struct lh_drop by_rst = {.reason = LH_REASON_RST, .open_ns = S(3000), .idle_ns = S(3)};

/* The finding of this name with exactly these words, severity and place. */
static void expect(const struct night *n, const char *id, enum lh_severity severity, const char *sentence) {
  const struct lh_finding *finding = night_finding(n, id);
  if (!finding) {
    night_print(n);
    fail_msg("no finding %s", id);
    return;
  }
  assert_string_equal(finding->sentence, sentence);
  assert_int_equal(finding->severity, severity);
  assert_true(finding->confidence > 0 && finding->confidence <= 1);
  assert_true(finding->evidence[0]);
  assert_true(finding->from_ns <= finding->until_ns);
}

static void expect_only(const struct night *n, size_t count) {
  if (n->found.count == count) return;
  night_print(n);
  fail_msg("%zu findings, expected %zu", n->found.count, count);
}

static uint64_t random_of(size_t i, uint64_t below) {
  return lh_rng_below(lh_rng_at(3, LH_RNG_SIM, i, 0), below);
}

static void test_calm_night(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  for (size_t i = 0; i < 2880; i++) {
    n->p50[i] = 20000 + random_of(i, 3000);
    n->p99[i] = 80000 + random_of(i, 40000);
  }
  for (int i = 0; i < 40; i++) /* a drop now and then, of connections of any age */
    night_drops(n, 100 + i * 700, 0, 1,
                (struct lh_drop){.reason = LH_REASON_RST, .open_ns = random_of(i, S(20000)), .idle_ns = random_of(i, S(9))});
  night_find(n);
  expect_only(n, 0);
  struct lh_findings none = {0};
  struct lh_find_args nothing = {0};
  assert_int_equal(lh_find(&nothing, &none, NULL), 0);
  assert_int_equal(none.count, 0);
  lh_findings_free(&none);
  lh_findings_free(NULL);
}

/* The night of the brief: server killed for 20 s. */
static void test_outage(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 3600, 1);
  night_drops(n, 1800.0, 0.4, 5000, by_rst);
  for (int i = 1800; i < 1825; i++) {
    n->open[i] = i < 1820 ? 0 : 1000;
    n->attempts[i] = n->failures[i] = i < 1820 ? 3050 : 0;
  }
  n->attempts[1821] = 4100;
  for (int i = 0; i < 20; i++)
    night_tally(n, 1800 + i, 1801 + i,
                (struct lh_tally){.stage = LH_STAGE_CONNECT, .reason = LH_REASON_REFUSED, .code = 111, .count = 3050});
  night_tally(n, 1800, 1801, (struct lh_tally){.stage = LH_STAGE_OPEN, .reason = LH_REASON_RST, .count = 5000});
  night_tally(n, 100, 101,
              (struct lh_tally){.stage = LH_STAGE_CONNECT, .reason = LH_REASON_CONNECT_TIMEOUT, .count = 9}); /* long before */
  night_tally(n, 3000, 3001,
              (struct lh_tally){.stage = LH_STAGE_CONNECT, .reason = LH_REASON_CONNECT_TIMEOUT, .count = 9}); /* long after */
  night_find(n);
  expect_only(n, 1);
  expect(n, "outage", LH_SEVERITY_SERIOUS,
         "All 5,000 clients of chat dropped at 20:30:00 UTC within 400 ms (RST), the target refused 61,000 connection attempts "
         "for "
         "20.0 s, and all were back within 26.0 s.");
  night_tally(n, 1815, 1816, (struct lh_tally){.stage = LH_STAGE_UPGRADE, .reason = LH_REASON_RST, .count = 15});
  night_find(n);
  const struct lh_finding *outage = night_finding(n, "outage");
  assert_non_null(
      strstr(outage->sentence, "the target refused 61,000 connection attempts for 20.0 s (15 failed otherwise), and all"));
  assert_int_equal(outage->from_ns, S(1800));
  assert_int_equal(outage->until_ns, S(1826));
  assert_non_null(strstr(outage->evidence, "61,000 x connection refused"));
  assert_non_null(strstr(outage->evidence, "at most 4100 attempts a second"));
}

static void test_mass_drop(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 360, 10);
  night_drops(n, 1000, 0.4, 800, (struct lh_drop){.reason = LH_REASON_CLOSE_FRAME, .code = 1012});
  for (int i = 100; i < 360; i++) n->open[i] = i < 103 ? 4300 : 4970;
  night_tally(n, 1001, 1020,
              (struct lh_tally){.stage = LH_STAGE_UPGRADE, .reason = LH_REASON_UPGRADE_REFUSED, .code = 503, .count = 7});
  night_tally(n, 1001, 1025, (struct lh_tally){.stage = LH_STAGE_TLS, .reason = LH_REASON_TLS_TIMEOUT, .count = 3});
  night_find(n);
  expect(n, "mass-drop", LH_SEVERITY_SERIOUS,
         "800 of the 5,000 open clients of chat dropped at 20:16:40 UTC within 400 ms (close frame 1012, service restart), "
         "10 connection attempts failed for 24.0 s (mostly upgrade refused 503), 95 % were back within 40.0 s, the last ones "
         "not by the end.");
  expect_only(n, 1);
}

/* From 95 % on it is an outage: a few are always between connections. */
static void test_nearly_all(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 360, 10);
  night_drops(n, 1000, 0.4, 4740, by_rst);
  night_find(n);
  assert_non_null(night_finding(n, "mass-drop"));
  n = night_begin(5000, 360, 10);
  night_drops(n, 1000, 0.4, 4760, by_rst);
  night_find(n);
  assert_non_null(night_finding(n, "outage"));
  assert_non_null(
      strstr(night_finding(n, "outage")->sentence, "4,760 of the 5,000 open clients of chat dropped at 20:16:40 UTC"));
}

/* Few clients, or drops found one by one: only the open clients tell. */
static void test_silent_outage(void **state) {
  (void)state;
  struct night *n = night_begin(4, 360, 10);
  for (int i = 100; i < 107; i++) n->open[i] = 0;
  for (int i = 350; i < 360; i++) n->open[i] = 0;
  n->group.tls_verify = false;
  night_find(n);
  expect_only(n, 3);
  assert_string_equal(n->found.items[2].id, "tls-unverified"); /* holds from the start on, and is less grave */
  assert_string_equal(n->found.items[0].sentence,
                      "No client of chat was open for about 1 min 20 s, of 4 wanted, beginning at 20:16:40 UTC.");
  assert_string_equal(n->found.items[1].sentence,
                      "No client of chat was open for about 1 min 40 s, of 4 wanted, beginning at 20:58:20 UTC, "
                      "and it lasted to the end.");
  assert_int_equal(n->found.items[0].from_ns, S(1000));
  assert_int_equal(n->found.items[0].until_ns, S(1080));
  /* A group that flaps all night fills no page. */
  n = night_begin(4, 360, 10);
  for (int i = 5; i < 360; i += 10) n->open[i] = 0;
  night_find(n);
  expect_only(n, 11);
  assert_string_equal(n->found.items[10].sentence,
                      "26 further times of chat without any open client followed, the first at 20:17:30 UTC, "
                      "the last at 20:59:10 UTC.");
  /* A planned pause is none. */
  n = night_begin(4, 360, 10);
  for (int i = 100; i < 107; i++) n->open[i] = n->wanted[i] = 0;
  night_find(n);
  expect_only(n, 0);
}

static void test_rhythm(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 3600, 10);
  for (int i = 0; i < 14; i++)
    night_drops(n, 1000 + 1800.0 * i + (double)random_of((size_t)i, 20), 0.4, 800,
                (struct lh_drop){.reason = LH_REASON_CLOSE_FRAME, .code = 1012});
  night_find(n);
  expect(n, "mass-drop-rhythm", LH_SEVERITY_SERIOUS,
         "The 14 mass drops of chat come about every 30 min 2 s, beginning at 20:16:43 UTC: look for a job, a reload or a "
         "limit that "
         "runs by the clock.");
  assert_non_null(strstr(night_finding(n, "mass-drop-rhythm")->evidence, "13 of 13 gaps lie within 36.0 s of 180"));
  expect_only(n, 12); /* ten of their own, one for the other four */
  n = night_begin(5000, 3600, 10);
  for (int i = 0; i < 8; i++) night_drops(n, 1000 + 3000.0 * i + (double)random_of((size_t)i, 2500), 0.4, 800, by_rst);
  night_find(n);
  assert_null(night_finding(n, "mass-drop-rhythm"));
}

/* A storm explains the silence that follows it, and no other. */
static void test_storm_and_silence(void **state) {
  (void)state;
  struct night *n = night_begin(50, 360, 10);
  night_drops(n, 1000, 0.4, 50, by_rst);
  for (int i = 100; i < 107; i++) n->open[i] = 0;
  for (int i = 300; i < 307; i++) n->open[i] = 0;
  night_find(n);
  expect_only(n, 2);
  assert_string_equal(n->found.items[0].id, "outage");
  assert_int_equal(n->found.items[1].from_ns, S(3000));
}

/* Two groups within seconds of each other; a third that is calm. */
static void test_shared(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 100, 10);
  night_drops(n, 500, 0.4, 300, by_rst);
  night_storms(n);
  static struct lh_storm later[1];
  later[0] = n->storms[0];
  later[0].from_ns += S(3);
  later[0].until_ns += S(3);
  struct lh_find_group groups[3] = {n->group, n->group, n->group};
  groups[1].series.name = "feed";
  groups[1].series.group = 1;
  groups[1].storms = later;
  groups[2].series.name = "api";
  groups[2].storm_count = 0;
  struct lh_find_args args = {.groups = groups, .group_count = 3};
  struct lh_err err;
  assert_int_equal(lh_find(&args, &n->found, &err), 0);
  expect(n, "mass-drop-shared", LH_SEVERITY_SERIOUS,
         "Mass drops hit 2 groups at once 8 min 20 s into the run, 600 connections in all (RST), and all were back within 13.0 s: look for "
         "what they share.");
  assert_int_equal(night_finding(n, "mass-drop-shared")->group, LH_NO_GROUP);
  assert_string_equal(night_finding(n, "mass-drop-shared")->evidence,
                      "chat: 300 drops from 500.000 s; feed: 300 drops from 503.000 s");
  expect_only(n, 3);
  assert_string_equal(n->found.items[0].id, "mass-drop-shared"); /* what they have in common first */
  later[0].from_ns = n->storms[0].from_ns; /* at the very same moment: still one finding */
  lh_findings_free(&n->found);
  assert_int_equal(lh_find(&args, &n->found, &err), 0);
  assert_non_null(night_finding(n, "mass-drop-shared"));
  later[0].reason = later[0].reasons[0].reason = LH_REASON_FIN;
  later[0].reasons[0].drops = later[0].drops = 301;
  later[0].back_100_ns = LH_NEVER;
  lh_findings_free(&n->found);
  assert_int_equal(lh_find(&args, &n->found, &err), 0);
  expect(n, "mass-drop-shared", LH_SEVERITY_SERIOUS,
         "Mass drops hit 2 groups at once 8 min 20 s into the run, 601 connections in all (mostly FIN without close frame): look for what "
         "they share.");
  later[0].reason = LH_REASON_WORKER_LOST; /* that is no matter of the target's */
  lh_findings_free(&n->found);
  assert_int_equal(lh_find(&args, &n->found, &err), 0);
  assert_null(night_finding(n, "mass-drop-shared"));
  later[0].reason = LH_REASON_RST;
  later[0].from_ns += S(60);
  lh_findings_free(&n->found);
  assert_int_equal(lh_find(&args, &n->found, &err), 0);
  assert_null(night_finding(n, "mass-drop-shared"));
}

/* ---- drift ---- */

static void drifting(struct night *n, double per_interval) {
  for (size_t i = 0; i < n->group.series.count; i++)
    n->p50[i] = (uint64_t)(20000 + per_interval * (double)i) + random_of(i, 3000);
}

static void test_drift(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  drifting(n, 5);
  night_find(n);
  expect_only(n, 1);
  const struct lh_finding *drift = night_finding(n, "latency-drift");
  assert_non_null(drift);
  assert_int_equal(drift->severity, LH_SEVERITY_SERIOUS);
  assert_non_null(strstr(drift->sentence, "Responses of chat got slower: p50 went from about 21."));
  assert_non_null(strstr(drift->sentence, "from about 21.5 ms to 35.8 ms over 8 h 0 min, 1.79 ms an hour."));
  assert_true(drift->confidence == 0.99); /* however small p is: it supposes what latencies need not keep to */
  drifting(n, -3);
  night_find(n);
  assert_non_null(strstr(night_finding(n, "latency-drift")->sentence, "got faster"));
  assert_int_equal(night_finding(n, "latency-drift")->severity, LH_SEVERITY_INFO);
}

/* Only the time under full load counts. */
static void test_drift_after_a_ramp(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  drifting(n, 5);
  for (size_t i = 0; i < 1400; i++) n->wanted[i] = n->open[i] = (uint32_t)(i * 5000 / 1400);
  for (size_t i = 2000; i < 2010; i++) n->open[i] = 2000; /* and what follows a drop does not */
  night_find(n);
  const struct lh_finding *drift = night_finding(n, "latency-drift");
  assert_non_null(drift);
  assert_int_equal(drift->from_ns, S(13300));
  assert_non_null(strstr(drift->evidence, "10 left out"));
}

static void test_what_is_no_drift(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  drifting(n, 0.3); /* real perhaps, but 4 % in a night */
  night_find(n);
  expect_only(n, 0);
  n = night_begin(5000, 500, 1); /* too short to tell drift from warm-up */
  drifting(n, 50);
  night_find(n);
  expect_only(n, 0);
  n = night_begin(5000, 2880, 10); /* grows with the ramp, then stays */
  for (size_t i = 0; i < 2880; i++) {
    n->wanted[i] = n->open[i] = i < 1400 ? (uint32_t)(i * 5000 / 1400) : 5000;
    n->p50[i] = 5000 + n->open[i] * 4 + random_of(i, 3000);
  }
  night_find(n);
  expect_only(n, 0);
  n = night_begin(5000, 2880, 10); /* the tester's own lateness, at the end of the night */
  drifting(n, 0);
  for (size_t i = 2000; i < 2880; i++) {
    n->p50[i] = 90000;
    n->late[i] = true;
  }
  night_find(n);
  expect_only(n, 1);
  assert_non_null(night_finding(n, "tester-late"));
  n = night_begin(5000, 2880, 10); /* no replies at all */
  night_find(n);
  expect_only(n, 0);
}

/* ---- clusters ---- */

static void test_idle_cluster(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  for (size_t i = 0; i < 300; i++) {
    bool by_timeout = i % 3 != 0;
    night_drops(n, 70 + (double)i * 90, 0, 1,
                (struct lh_drop){.reason = by_timeout ? LH_REASON_FIN : LH_REASON_RST,
                                 .open_ns = S(300) + random_of(i, S(4000)),
                                 .idle_ns = by_timeout ? S(350) + random_of(i, S(0.5)) : random_of(i, S(30))});
  }
  night_find(n);
  expect_only(n, 1);
  expect(n, "drops-at-idle-time", LH_SEVERITY_SERIOUS,
         "200 of 300 single drops of chat came after 5 min 50 s without anything received (FIN without close frame): an idle "
         "timeout "
         "on the way. Known for such a limit by default: AWS Network Load Balancer and AWS Network Firewall; look for one of "
         "them on "
         "the way, it is no proof.");
}

static void test_lifetime_cluster(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  for (size_t i = 0; i < 50; i++)
    night_drops(n, 7300 + (double)i * 90, 0, 1,
                (struct lh_drop){.reason = LH_REASON_CLOSE_FRAME,
                                 .code = 1001,
                                 .open_ns = S(7200) + random_of(i, S(2)),
                                 .idle_ns = random_of(i, S(30))});
  night_find(n);
  expect_only(n, 1);
  expect(n, "drops-at-lifetime", LH_SEVERITY_SERIOUS,
         "50 of 50 single drops of chat came when the connection was 2 h 0 min old (close frame 1001, going away): a longest "
         "lifetime "
         "on the way. Known for such a limit by default: AWS API Gateway WebSocket; look for one of them on the way, it is no "
         "proof.");
}

/* Connections on which nothing ever came in: idle time and lifetime are one. */
static void test_silent_cluster(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  for (size_t i = 0; i < 50; i++) {
    uint64_t age = S(47) + random_of(i, S(0.1));
    night_drops(n, 100 + (double)i * 90, 0, 1, (struct lh_drop){.reason = LH_REASON_FIN, .open_ns = age, .idle_ns = age});
  }
  night_find(n);
  expect_only(n, 1);
  expect(
      n, "drops-at-idle-time", LH_SEVERITY_SERIOUS,
      "50 of 50 single drops of chat came 47.1 s after the connection opened, with nothing received on it (FIN without close "
      "frame): an idle timeout or a longest lifetime on the way.");
}

/* Clients that came within 20 s reach one age within 20 s: a mass drop by their number, but of the age's making. */
static void test_mass_drop_of_one_age(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 720, 10);
  for (size_t i = 0; i < 5000; i++)
    night_drops(
        n, 3610 + (double)i / 250, 0, 1,
        (struct lh_drop){.reason = LH_REASON_FIN, .open_ns = S(3600) + random_of(i, S(0.2)), .idle_ns = random_of(i, S(30))});
  night_find(n);
  expect_only(n, 2);
  expect(n, "drops-at-lifetime", LH_SEVERITY_SERIOUS,
         "5,000 of 5,000 drops of chat came when the connection was 1 h 0 min old (FIN without close frame): a longest "
         "lifetime on the way. Known for such a limit by default: Cloud Run's longest request; look for one of them on the "
         "way, it is no proof.");
}

/* Of any age, but all as long without a word: the last words went round within 20 s. */
static void test_mass_drop_of_one_silence(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  for (size_t i = 0; i < 5000; i++)
    night_drops(n, 20000 + (double)i / 250, 0, 1,
                (struct lh_drop){.reason = LH_REASON_RST,
                                 .open_ns = S(1000) + random_of(i, S(15000)),
                                 .idle_ns = S(350) + random_of(i, S(0.2))});
  night_find(n);
  expect_only(n, 2);
  assert_non_null(night_finding(n, "drops-at-idle-time"));
}

static void test_what_is_no_cluster(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10); /* our own ping timeout makes one time of silence */
  for (size_t i = 0; i < 50; i++)
    night_drops(n, 100 + (double)i * 90, 0, 1,
                (struct lh_drop){.reason = LH_REASON_SILENT_PEER, .open_ns = random_of(i, S(9000)), .idle_ns = S(40)});
  night_find(n);
  expect_only(n, 0);
  n = night_begin(5000, 2880, 10); /* busy connections are idle for an instant when they drop */
  for (size_t i = 0; i < 50; i++)
    night_drops(n, 100 + (double)i * 90, 0, 1,
                (struct lh_drop){.reason = LH_REASON_RST, .open_ns = random_of(i, S(9000)), .idle_ns = random_of(i, S(0.2))});
  night_find(n);
  expect_only(n, 0);
  n = night_begin(5000, 360, 10); /* all opened together and dropped together: a storm, not a limit */
  night_drops(n, 1000, 0.3, 900, (struct lh_drop){.reason = LH_REASON_FIN, .open_ns = S(990), .idle_ns = S(60)});
  night_find(n);
  expect_only(n, 1);
  n = night_begin(5000, 360, 10); /* nor when the herd takes half a minute: those of a ramp of 30 s, in any order */
  for (size_t i = 0; i < 3000; i++)
    night_drops(
        n, 1000 + (double)i / 100, 0, 1,
        (struct lh_drop){.reason = LH_REASON_FIN, .open_ns = S(970) + random_of(i, S(30)), .idle_ns = random_of(i, S(60))});
  night_find(n);
  expect_only(n, 1);
  n = night_begin(5000, 360, 10); /* too few to say */
  for (size_t i = 0; i < 9; i++)
    night_drops(n, 100 + (double)i * 90, 0, 1, (struct lh_drop){.reason = LH_REASON_FIN, .open_ns = S(90), .idle_ns = S(60)});
  night_find(n);
  expect_only(n, 0);
}

/* ---- trouble ---- */

static void test_messages(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  uint64_t *c = n->total.counters;
  c[LH_COUNTER_messages_sent] = 4000000;
  c[LH_COUNTER_replied] = 3999000;
  c[LH_COUNTER_lost] = 1000;
  c[LH_COUNTER_lost_then_replied] = 3;
  c[LH_COUNTER_corrupt] = 1;
  c[LH_COUNTER_late] = 39990;
  c[LH_COUNTER_duplicate] = 5;
  c[LH_COUNTER_out_of_order] = 80000;
  n->lost[300] = 400;
  n->lost[302] = 600;
  night_find(n);
  expect_only(n, 5);
  expect(n, "messages-lost", LH_SEVERITY_NOTICE, "1,000 messages of chat got no reply: 0.025 % of the 4,000,000 sent.");
  assert_int_equal(night_finding(n, "messages-lost")->from_ns, S(3000));
  assert_int_equal(night_finding(n, "messages-lost")->until_ns, S(3030));
  assert_string_equal(night_finding(n, "messages-lost")->evidence, "lost 1000, messages_sent 4000000, replied after all 3");
  expect(n, "replies-corrupt", LH_SEVERITY_SERIOUS,
         "1 answer to chat differed from what was to come back: under 0.001 % of the 4,000,000 sent.");
  expect(n, "replies-late", LH_SEVERITY_NOTICE,
         "39,990 answers to chat came later than the config allows: 1.0 % of the 3,999,000 answers.");
  expect(n, "replies-duplicate", LH_SEVERITY_NOTICE,
         "5 answers to chat came for messages already answered: under 0.001 % of the 4,000,000 sent.");
  expect(n, "replies-out-of-order", LH_SEVERITY_SERIOUS,
         "80,000 answers to chat came after the answer to a later message: 2.0 % of the 3,999,000 answers.");
  assert_int_equal(n->found.items[0].severity, LH_SEVERITY_SERIOUS); /* first the grave */
  c[LH_COUNTER_lost] = 40000;
  night_find(n);
  assert_int_equal(night_finding(n, "messages-lost")->severity, LH_SEVERITY_SERIOUS);
  c[LH_COUNTER_incoming] = 9;
  night_find(n);
  assert_null(strstr(night_finding(n, "messages-lost")->sentence, "`reply`"));
  c[LH_COUNTER_lost] = c[LH_COUNTER_messages_sent];
  c[LH_COUNTER_replied] = 0;
  night_find(n);
  expect(n, "messages-lost", LH_SEVERITY_SERIOUS,
         "4,000,000 messages of chat got no reply: 100 % of the 4,000,000 sent. 9 messages that answered none of them came meanwhile: is "
         "`reply` of the config right?");
}

/* A few damaged answers, counted from the first moment on, do not stand before an outage at the end of the night. */
static void test_order(void **state) {
  (void)state;
  struct night *n = night_begin(1000, 360, 10);
  night_drops(n, 1800, 0.4, 300, by_rst);
  night_drops(n, 3000, 0.4, 1000, by_rst);
  night_storms(n);
  n->total.counters[LH_COUNTER_messages_sent] = 90000;
  n->total.counters[LH_COUNTER_replied] = 90000;
  n->total.counters[LH_COUNTER_corrupt] = 7;
  n->total.counters[LH_COUNTER_late] = 7;
  night_find(n);
  expect_only(n, 4);
  static const char *const ids[] = {"outage", "mass-drop", "replies-corrupt", "replies-late"};
  for (size_t i = 0; i < 4; i++) assert_string_equal(n->found.items[i].id, ids[i]);
}

static void test_pushes(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  static uint64_t skipped[2880], silences[2880];
  uint64_t *c = n->total.counters;
  n->group.checks_pushes = true;
  n->group.series.pushes_skipped = skipped;
  n->group.series.push_silences = silences;
  night_find(n);
  expect_only(n, 1);
  expect(n, "pushes-none", LH_SEVERITY_SERIOUS, "Not one push came to chat, whose pushes are to be checked.");
  c[LH_COUNTER_incoming] = c[LH_COUNTER_incoming_numbered] = 1000000;
  night_find(n);
  expect_only(n, 0);
  c[LH_COUNTER_incoming_gaps] = 31;
  c[LH_COUNTER_incoming_skipped] = 1240;
  c[LH_COUNTER_incoming_out_of_order] = 36;
  c[LH_COUNTER_incoming_missed_away] = 412;
  c[LH_COUNTER_incoming_caught_up] = 12;
  c[LH_COUNTER_incoming_restarts] = 1;
  c[LH_COUNTER_incoming_unreadable] = 600000;
  skipped[780] = 1000;
  skipped[791] = 240;
  c[LH_COUNTER_incoming_silences] = silences[100] = 3;
  lh_hdr_record(&n->total.hists[LH_HIST_silence], 41000000);
  lh_hdr_record(&n->total.hists[LH_HIST_delay_ahead], 40000);
  lh_hdr_record_n(&n->total.hists[LH_HIST_delay], 5000, 3);
  night_find(n);
  expect_only(n, 7);
  expect(
      n, "pushes-missing", LH_SEVERITY_SERIOUS,
      "1,204 numbers missing from the pushes to chat, 0.12 % of what should have come, the first at 22:10:00 UTC, the last at "
      "22:12:00 UTC.");
  assert_string_equal(night_finding(n, "pushes-missing")->evidence,
                      "31 jumps left out 1240 numbers, of which 36 came after all; numbered 1000000");
  expect(n, "pushes-missed-away", LH_SEVERITY_NOTICE,
         "400 pushed messages to chat passed while the client was away, and did not come later.");
  expect(n, "pushes-out-of-order", LH_SEVERITY_NOTICE,
         "36 of the 1,000,000 pushed messages to chat came after one with a higher number.");
  expect(n, "pushes-begun-anew", LH_SEVERITY_NOTICE,
         "1 time the sequence began anew instead of going on for a client of chat.");
  expect(n, "pushes-unreadable", LH_SEVERITY_SERIOUS,
         "600,000 of the 1,000,000 pushed messages to chat had no number where incoming.sequence looks for it.");
  expect(n, "pushes-silent", LH_SEVERITY_SERIOUS,
         "3 times an open client of chat heard no push for longer than incoming.gap_max, the longest for 41.0 s, all at "
         "20:16:40 UTC.");
  expect(n, "pushes-clock", LH_SEVERITY_NOTICE,
         "The clock of what pushes to chat is ahead of ours by at least 40.0 ms: 25 % of the timestamps lie in our future, and "
         "one-way delays are too short by as much.");
  n->group.checks_pushes = false;
  night_find(n);
  expect_only(n, 0);
  lh_snapshot_free(&n->total);
}

static void test_tester_and_host(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  struct lh_tally tallies[] = {{.stage = LH_STAGE_CONNECT, .reason = LH_REASON_NO_LOCAL_PORT, .count = 77},
                               {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_NO_DESCRIPTOR, .count = 3},
                               {.stage = LH_STAGE_OPEN, .reason = LH_REASON_WORKER_LOST, .count = 1250},
                               {.stage = LH_STAGE_OPEN, .reason = LH_REASON_UNCLASSIFIED, .count = 2, .text = "SSL said 77"}};
  n->total.tallies = tallies;
  n->total.tally_count = 4;
  n->total.counters[LH_COUNTER_gave_up] = 12;
  n->group.tls_verify = false;
  n->late[5] = n->late[77] = true;
  night_find(n);
  expect(
      n, "host-limit", LH_SEVERITY_SERIOUS,
      "80 connections of chat failed since this host, not the target, was at a limit (mostly no local port in stage connect). "
      "`longhaul doctor` says which one and how to raise it.");
  expect(n, "tester-lost", LH_SEVERITY_SERIOUS,
         "1,250 connections of chat went down with the tester itself (worker lost in stage open). They do not count against "
         "the target.");
  expect(n, "unclassified", LH_SEVERITY_NOTICE,
         "2 endings of chat could not be told apart (unclassified in stage open, \"SSL said 77\"). That is a gap of "
         "longhaul's, and they "
         "do not count against the target.");
  expect(n, "gave-up", LH_SEVERITY_SERIOUS,
         "12 of 5,000 clients of chat gave up reconnecting, having reached reconnect.limit.");
  expect(n, "tls-unverified", LH_SEVERITY_NOTICE,
         "chat does not check certificates (tls.verify: false): a wrong or expired one would not show in this run.");
  expect(n, "tester-late", LH_SEVERITY_NOTICE,
         "In 2 of 2,880 intervals (0.069 %) the tester itself was too slow; the verdict leaves them out.");
  assert_string_equal(night_finding(n, "tester-late")->evidence, "first marked interval at 50 s, last until 780 s of the run");
  assert_int_equal(night_finding(n, "tester-late")->from_ns, S(50));
  assert_int_equal(night_finding(n, "tester-late")->until_ns, S(780));
  assert_int_equal(night_finding(n, "tester-late")->group, LH_NO_GROUP);
  expect_only(n, 6);
  n->group.tls = false; /* no TLS, nothing to check */
  night_drops(n, 500, 0, 1, (struct lh_drop){.reason = LH_REASON_WORKER_LOST, .count = 1250});
  night_find(n);
  assert_null(night_finding(n, "tls-unverified"));
  assert_null(night_finding(n, "tester-lost")); /* the storm says it, and when */
  assert_non_null(strstr(night_finding(n, "tester-drops")->sentence, "they do not count against the target."));
  n->total.tallies = NULL;
  n->total.tally_count = 0;
}

static void test_never_opened(void **state) {
  (void)state;
  struct night *n = night_begin(5000, 2880, 10);
  struct lh_tally tallies[] = {
      {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_UNREACHABLE, .count = 1},

      {.stage = LH_STAGE_UPGRADE, .reason = LH_REASON_UPGRADE_REFUSED, .code = 401, .count = 59000, .text = "Unauthorized"},
      {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_CONNECT_TIMEOUT, .count = 1000},
      {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_SHUTDOWN, .count = 7}};
  for (int i = 0; i < 2880; i++) n->open[i] = 0;
  n->total.counters[LH_COUNTER_opened] = 0;
  n->total.counters[LH_COUNTER_attempts] = 60008;
  n->total.tallies = tallies;
  n->total.tally_count = 4;
  night_find(n);
  expect_only(n, 1);
  expect(n, "never-opened", LH_SEVERITY_SERIOUS,
         "None of 5,000 clients of chat was ever open: 60,001 attempts to connect failed (mostly upgrade refused 401 in stage "
         "upgrade, "
         "\"Unauthorized\"). The server asks for credentials: `headers` of the target, or a `login`.");
  n->total.tally_count = 0;
  n->total.tallies = NULL;
  night_find(n);
  expect(n, "never-opened", LH_SEVERITY_SERIOUS,
         "No client of chat was ever open: no attempt to connect came to an end within the run.");
  n->total.counters[LH_COUNTER_attempts] = 0;
  night_find(n);
  expect(n, "never-opened", LH_SEVERITY_SERIOUS,
         "No client of chat was ever open: no attempt to connect was made within the run.");
  struct lh_tally login = {.stage = LH_STAGE_LOGIN, .reason = LH_REASON_STATUS_REFUSED, .code = 404, .count = 787};
  n->total.tallies = &login;
  n->total.tally_count = 1;
  n->total.counters[LH_COUNTER_logins_failed] = 787;
  night_find(n);
  expect(n, "never-opened", LH_SEVERITY_SERIOUS,
         "None of 5,000 clients of chat was ever open: 787 logins failed (HTTP status 404 in stage login). The server has nothing at that "
         "path: is the path of the login right?");
  n->total.tallies = NULL;
  n->total.tally_count = 0;
}

/* A server that takes 74 of 100 clients; from_i on of 60 intervals, of which the first 10 have fewer wanted. */
static struct night *night_below(uint32_t most, size_t from_i, size_t until_i, struct lh_tally *failures) {
  struct night *n = night_begin(100, 60, 10);
  for (size_t i = 0; i < 60; i++) {
    n->wanted[i] = i < 10 ? 10 * (uint32_t)i : 100;
    n->open[i] = n->wanted[i] < most ? n->wanted[i] : i % 2 ? most : most - 1;
    n->failures[i] = i >= from_i && i < until_i ? 20 : 0;
  }
  n->total.tallies = failures;
  n->total.tally_count = 1;
  night_find(n);
  n->total.tallies = NULL;
  n->total.tally_count = 0;
  return n;
}

static void test_ceiling(void **state) {
  (void)state;
  struct lh_tally rst = {.stage = LH_STAGE_UPGRADE, .reason = LH_REASON_RST, .count = 155};
  expect(night_below(74, 0, 60, &rst), "ceiling", LH_SEVERITY_SERIOUS,
         "At most 74 of the 100 clients of chat were open at once, while others tried: 155 attempts to connect failed (RST in stage "
         "upgrade). A limit of the server, or of a proxy before it, on connections or descriptors looks like this.");
  struct lh_tally refused = {.stage = LH_STAGE_UPGRADE, .reason = LH_REASON_UPGRADE_REFUSED, .code = 401, .count = 9};
  expect(night_below(74, 0, 60, &refused), "ceiling", LH_SEVERITY_SERIOUS,
         "At most 74 of the 100 clients of chat were open at once, while others tried: 9 attempts to connect failed (upgrade refused 401 in "
         "stage upgrade). The server asks for credentials: `headers` of the target, or a `login`.");
  assert_null(night_finding(night_below(100, 0, 60, &rst), "ceiling"));   /* all of them were open */
  assert_null(night_finding(night_below(74, 0, 0, &rst), "ceiling"));     /* nobody tried */
  assert_null(night_finding(night_below(74, 55, 60, &rst), "ceiling"));   /* a spell of it */
  struct lh_tally ours = {.stage = LH_STAGE_CONNECT, .reason = LH_REASON_NO_DESCRIPTOR, .count = 9};
  assert_null(night_finding(night_below(74, 0, 60, &ours), "ceiling"));
}

static void test_failed_logins(void **state) {
  (void)state;
  static const struct {
    struct lh_tally tally;
    const char *sentence; /* of 200 logins, 5 of which failed */
  } cases[] = {
      {{.reason = LH_REASON_STATUS_REFUSED, .code = 401},
       "5 logins of chat failed: 2.5 % of the 200 begun (HTTP status 401 in stage login). The server does not know these credentials: "
       "`text`, `headers` and `data` of the login."},
      {{.reason = LH_REASON_STATUS_REFUSED, .code = 500},
       "5 logins of chat failed: 2.5 % of the 200 begun (HTTP status 500 in stage login). Are path, `text` and `headers` of the login "
       "right? `status` of the login lists what is accepted."},
      {{.reason = LH_REASON_LOGIN_ANSWER, .code = 200, .text = "token: nothing at /jwt"},
       "5 logins of chat failed: 2.5 % of the 200 begun (answer without what is extracted in stage login, \"token: nothing at /jwt\"). "
       "`extract` of the login says where the answer has each value."},
      {{.reason = LH_REASON_REFUSED, .code = 111},
       "5 logins of chat failed: 2.5 % of the 200 begun (connection refused in stage login). Nothing listens at that address and port, "
       "or a firewall refuses: are host and port of the URL right?"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct night *n = night_begin(5000, 2880, 10);
    struct lh_tally tally = cases[i].tally;
    tally.stage = LH_STAGE_LOGIN;
    tally.count = 5;
    n->total.counters[LH_COUNTER_opened] = 195;
    n->total.counters[LH_COUNTER_logins] = 200;
    n->total.counters[LH_COUNTER_logins_failed] = 5;
    n->total.tallies = &tally;
    n->total.tally_count = 1;
    night_find(n);
    expect(n, "logins-failed", LH_SEVERITY_SERIOUS, cases[i].sentence);
    n->total.counters[LH_COUNTER_logins_failed] = tally.count = 1;
    night_find(n);
    assert_int_equal(night_finding(n, "logins-failed")->severity, LH_SEVERITY_NOTICE);
    n->total.counters[LH_COUNTER_opened] = 0; /* then it is the one reason for which nothing opened */
    n->total.counters[LH_COUNTER_attempts] = 0;
    night_find(n);
    assert_null(night_finding(n, "logins-failed"));
    n->total.tallies = NULL;
    n->total.tally_count = 0;
  }
}

/* Only the two arrays that are needed, no totals, no drops. */
static void test_little_is_known(void **state) {
  (void)state;
  struct night *n = night_begin(10, 100, 10);
  for (int i = 50; i < 60; i++) n->open[i] = 0;
  struct lh_find_group group = {
      .series = {.name = "bare", .interval_ns = S(10), .count = 100, .wanted = n->wanted, .open = n->open}};
  struct lh_find_args args = {.groups = &group, .group_count = 1};
  assert_int_equal(lh_find(&args, &n->found, NULL), 0);
  expect_only(n, 1);
  expect(n, "outage", LH_SEVERITY_SERIOUS,
         "No client of bare was open for about 1 min 50 s, of 10 wanted, beginning 8 min 20 s into the run.");
  group.series.count = 0;
  lh_findings_free(&n->found);
  assert_int_equal(lh_find(&args, &n->found, NULL), 0);
  expect_only(n, 0);
}

/* The date stands where the day is not the first. */
static void test_next_day(void **state) {
  (void)state;
  struct night *n = night_begin(100, 3600, 10);
  night_drops(n, 32400, 0.1, 20, by_rst);
  night_find(n);
  assert_non_null(strstr(night_finding(n, "mass-drop")->sentence, "dropped on 2026-11-23 at 05:00:00 UTC within 100 ms"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_calm_night),
                                     cmocka_unit_test(test_outage),
                                     cmocka_unit_test(test_mass_drop),
                                     cmocka_unit_test(test_silent_outage),
                                     cmocka_unit_test(test_rhythm),
                                     cmocka_unit_test(test_storm_and_silence),
                                     cmocka_unit_test(test_shared),
                                     cmocka_unit_test(test_drift),
                                     cmocka_unit_test(test_drift_after_a_ramp),
                                     cmocka_unit_test(test_nearly_all),
                                     cmocka_unit_test(test_what_is_no_drift),
                                     cmocka_unit_test(test_idle_cluster),
                                     cmocka_unit_test(test_lifetime_cluster),
                                     cmocka_unit_test(test_silent_cluster),
                                     cmocka_unit_test(test_mass_drop_of_one_age),
                                     cmocka_unit_test(test_mass_drop_of_one_silence),
                                     cmocka_unit_test(test_what_is_no_cluster),
                                     cmocka_unit_test(test_messages),
      cmocka_unit_test(test_order),
                                     cmocka_unit_test(test_pushes),
                                     cmocka_unit_test(test_tester_and_host),
                                     cmocka_unit_test(test_never_opened), cmocka_unit_test(test_failed_logins), cmocka_unit_test(test_ceiling),
                                     cmocka_unit_test(test_little_is_known),
                                     cmocka_unit_test(test_next_day)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
