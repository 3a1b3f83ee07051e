#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/rng.h"
#include "longhaul/stats/snapshot.h"

enum { SEED = 1848, ROOM = 8 << 20, PLAIN_ROWS = (int)LH_STAGE_COUNT * (int)LH_REASON_COUNT };

static uint64_t random_below(uint64_t i, uint64_t k, uint64_t n) {
  return lh_rng_below(lh_rng_at(SEED, LH_RNG_SIM, i, k), n);
}

static struct lh_ending ending(int stage, int reason, int32_t code, const char *text, uint64_t at_ns) {
  struct lh_ending e = {.stage = (uint8_t)stage, .reason = (uint8_t)reason, .code = code, .at_ns = at_ns};
  snprintf(e.text, sizeof e.text, "%s", text);
  return e;
}

static void tally(struct lh_snapshot *s, int stage, int reason, int32_t code, const char *text, uint64_t at_ns) {
  struct lh_ending e = ending(stage, reason, code, text, at_ns);
  lh_snapshot_tally(s, &e);
}

/* Everything a snapshot may hold; the same for the same number. */
static void fill(struct lh_snapshot *s, uint64_t n) {
  lh_snapshot_init(s);
  for (int i = 0; i < LH_COUNTER_COUNT; i++)
    if (random_below(n, i, 3)) s->counters[i] = random_below(n, 100 + i, UINT64_C(1) << random_below(n, 200 + i, 48));
  for (int i = 0; i < LH_GAUGE_COUNT; i++)
    if (random_below(n, 300 + i, 3)) s->gauges[i] = random_below(n, 400 + i, 100000);
  for (int i = 0; i < LH_HIST_COUNT; i++) {
    uint64_t records = random_below(n, 500 + i, 60), top = UINT64_C(1) << (2 + random_below(n, 600 + i, 32));
    for (uint64_t k = 0; k < records; k++) lh_hdr_record_n(&s->hists[i], random_below(n, 10000 * (i + 1) + k, top), 1 + k % 3);
    if (random_below(n, 650 + i, 9) == 0) s->hists[i].lost = 2;
  }
  for (uint64_t k = 0, endings = random_below(n, 700, 80); k < endings; k++) {
    char text[16];
    snprintf(text, sizeof text, "text %d", (int)random_below(n, 800 + k, 7));
    tally(s, (int)random_below(n, 900 + k, LH_STAGE_COUNT), (int)random_below(n, 1000 + k, 6),
          (int32_t)random_below(n, 1100 + k, 3) - 1, random_below(n, 1200 + k, 2) ? text : "",
          1000000 + random_below(n, 1300 + k, 1000000000));
  }
}

static void assert_same_hist(const struct lh_hdr *a, const struct lh_hdr *b) {
  static const uint64_t zeros[LH_HDR_PAGE_SLOTS];
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->overflow, b->overflow);
  assert_int_equal(a->lost, b->lost);
  assert_int_equal(a->min_us, b->min_us);
  assert_int_equal(a->max_us, b->max_us);
  assert_true(a->sum_us == b->sum_us);
  for (int p = 0; p < LH_HDR_PAGES; p++)
    assert_memory_equal(a->pages[p] ? a->pages[p] : zeros, b->pages[p] ? b->pages[p] : zeros, sizeof zeros);
}

static void assert_same_tallies(const struct lh_snapshot *a, const struct lh_snapshot *b) {
  assert_int_equal(a->tally_count, b->tally_count);
  for (uint32_t i = 0; i < a->tally_count; i++) {
    assert_int_equal(a->tallies[i].stage, b->tallies[i].stage);
    assert_int_equal(a->tallies[i].reason, b->tallies[i].reason);
    assert_int_equal(a->tallies[i].code, b->tallies[i].code);
    assert_string_equal(a->tallies[i].text, b->tallies[i].text);
    assert_int_equal(a->tallies[i].count, b->tallies[i].count);
    assert_int_equal(a->tallies[i].first_ns, b->tallies[i].first_ns);
    assert_int_equal(a->tallies[i].last_ns, b->tallies[i].last_ns);
  }
}

static void assert_same(const struct lh_snapshot *a, const struct lh_snapshot *b) {
  assert_memory_equal(a->counters, b->counters, sizeof a->counters);
  assert_memory_equal(a->gauges, b->gauges, sizeof a->gauges);
  for (int i = 0; i < LH_HIST_COUNT; i++) assert_same_hist(&a->hists[i], &b->hists[i]);
  assert_same_tallies(a, b);
  assert_int_equal(a->tallies_folded, b->tallies_folded);
}

static struct lh_cursor cursor(const void *bytes, size_t len) {
  return (struct lh_cursor){.at = bytes, .end = (const uint8_t *)bytes + len};
}

/* ---- names ---- */

static void every_number_has_a_name_and_help(void **state) {
  (void)state;
  for (int i = 0; i < LH_COUNTER_COUNT; i++) assert_true(lh_counter_name(i)[0] && lh_counter_help(i)[0]);
  for (int i = 0; i < LH_GAUGE_COUNT; i++) assert_true(lh_gauge_name(i)[0] && lh_gauge_help(i)[0]);
  for (int i = 0; i < LH_HIST_COUNT; i++) assert_true(lh_hist_name(i)[0] && lh_hist_help(i)[0]);
  assert_string_equal(lh_counter_name(LH_COUNTER_wanted_us), "wanted_us");
  assert_string_equal(lh_gauge_name(LH_GAUGE_pending), "pending");
  assert_string_equal(lh_hist_name(LH_HIST_send_lateness), "send_lateness");
  assert_string_equal(lh_hist_help(LH_HIST_response), "planned time to reply");
}

/* ---- tallies ---- */

static void like_endings_share_a_row(void **state) {
  (void)state;
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  tally(&s, LH_STAGE_OPEN, LH_REASON_CLOSE_FRAME, 1012, "restart", 500);
  tally(&s, LH_STAGE_OPEN, LH_REASON_CLOSE_FRAME, 1001, "", 300);
  tally(&s, LH_STAGE_OPEN, LH_REASON_CLOSE_FRAME, 1012, "restart", 100);
  tally(&s, LH_STAGE_CONNECT, LH_REASON_REFUSED, 111, "", 900);
  tally(&s, LH_STAGE_OPEN, LH_REASON_CLOSE_FRAME, 1012, "restart", 700);
  assert_int_equal(s.tally_count, 3);
  assert_int_equal(s.tallies[0].reason, LH_REASON_REFUSED);
  assert_int_equal(s.tallies[1].code, 1001);
  assert_int_equal(s.tallies[2].count, 3);
  assert_int_equal(s.tallies[2].first_ns, 100);
  assert_int_equal(s.tallies[2].last_ns, 700);
  assert_string_equal(s.tallies[2].text, "restart");
  struct lh_ending refused = ending(LH_STAGE_CONNECT, LH_REASON_REFUSED, 111, "", 950), unseen = ending(0, 0, 0, "", 1);
  lh_snapshot_tally_n(&s, &refused, 41);
  lh_snapshot_tally_n(&s, &unseen, 0);
  assert_int_equal(s.tally_count, 3);
  assert_int_equal(s.tallies[0].count, 42);
  assert_int_equal(s.tallies[0].last_ns, 950);
  lh_snapshot_next(&s);
  assert_int_equal(s.tally_count, 0);
  lh_snapshot_free(&s);
}

/* A peer that never repeats a text, nor a code, must not crowd out other reasons. */
static void a_full_table_folds_and_loses_no_count(void **state) {
  (void)state;
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  uint64_t endings = 0;
  char text[32];
  for (int i = 0; i < 3000; i++, endings++) {
    snprintf(text, sizeof text, "session %d", i);
    tally(&s, LH_STAGE_OPEN, LH_REASON_CLOSE_FRAME, 4001, text, 1 + i);
  }
  uint32_t texts = s.tally_count - 1; /* and one row for 4001 without its text */
  assert_int_equal(s.tallies_folded, 3000 - texts);
  assert_int_equal(s.tallies[0].code, 4001);
  assert_string_equal(s.tallies[0].text, "");
  assert_int_equal(s.tallies[0].count, 3000 - texts);
  for (int i = 0; i < 3000; i++, endings++) tally(&s, LH_STAGE_OPEN, LH_REASON_CLOSE_FRAME, 10000 + i, "x", 1 + i);
  for (int stage = 0; stage < LH_STAGE_COUNT; stage++)
    for (int reason = 0; reason < LH_REASON_COUNT; reason++, endings++) tally(&s, stage, reason, 77777, "last", 5);
  assert_true(s.tally_count <= LH_TALLY_MAX);
  uint64_t total = 0, kinds = 0;
  for (uint32_t i = 0; i < s.tally_count; i++) {
    total += s.tallies[i].count;
    kinds += i == 0 || s.tallies[i].stage != s.tallies[i - 1].stage || s.tallies[i].reason != s.tallies[i - 1].reason;
  }
  assert_int_equal(total, endings);
  assert_int_equal(kinds, PLAIN_ROWS);
  uint64_t folded = s.tallies_folded;
  uint32_t rows = s.tally_count;
  tally(&s, LH_STAGE_OPEN, LH_REASON_CLOSE_FRAME, 4001, "session 7", 9999); /* a row that is there goes on counting */
  assert_int_equal(s.tallies_folded, folded);
  assert_int_equal(s.tally_count, rows);
  lh_snapshot_free(&s);
}

/* ---- merging ---- */

static void a_later_slice_adds_and_brings_its_gauges(void **state) {
  (void)state;
  struct lh_snapshot a, b;
  fill(&a, 1);
  fill(&b, 2);
  a.tallies_folded = 3;
  b.tallies_folded = 4;
  uint64_t opened = a.counters[LH_COUNTER_opened] + b.counters[LH_COUNTER_opened];
  uint64_t responses = a.hists[0].count + b.hists[0].count;
  assert_int_equal(lh_snapshot_merge_later(&a, &b), 0);
  assert_int_equal(a.counters[LH_COUNTER_opened], opened);
  assert_int_equal(a.hists[0].count, responses);
  assert_memory_equal(a.gauges, b.gauges, sizeof a.gauges);
  assert_int_equal(a.tallies_folded, 7);
  lh_snapshot_free(&a);
  lh_snapshot_free(&b);
}

static void other_clients_add_in_any_order(void **state) {
  (void)state;
  enum { PARTS = 5 };
  for (uint64_t round = 0; round < 20; round++) {
    struct lh_snapshot parts[PARTS], forward, backward, pairs;
    lh_snapshot_init(&forward);
    lh_snapshot_init(&backward);
    lh_snapshot_init(&pairs);
    for (int i = 0; i < PARTS; i++) fill(&parts[i], 50 + round * PARTS + i);
    for (int i = 0; i < PARTS; i++) {
      assert_int_equal(lh_snapshot_merge_beside(&forward, &parts[i]), 0);
      assert_int_equal(lh_snapshot_merge_beside(&backward, &parts[PARTS - 1 - i]), 0);
    }
    assert_same(&forward, &backward);
    assert_int_equal(forward.gauges[3],
                     parts[0].gauges[3] + parts[1].gauges[3] + parts[2].gauges[3] + parts[3].gauges[3] + parts[4].gauges[3]);
    assert_int_equal(lh_snapshot_merge_beside(&parts[0], &parts[3]), 0); /* (0+3) + (1+2+4) */
    assert_int_equal(lh_snapshot_merge_beside(&parts[1], &parts[2]), 0);
    assert_int_equal(lh_snapshot_merge_beside(&parts[1], &parts[4]), 0);
    assert_int_equal(lh_snapshot_merge_beside(&pairs, &parts[1]), 0);
    assert_int_equal(lh_snapshot_merge_beside(&pairs, &parts[0]), 0);
    assert_same(&forward, &pairs);
    for (int i = 0; i < PARTS; i++) lh_snapshot_free(&parts[i]);
    lh_snapshot_free(&forward);
    lh_snapshot_free(&backward);
    lh_snapshot_free(&pairs);
  }
}

static void slices_of_workers_add_up_either_way(void **state) {
  (void)state;
  struct lh_snapshot slice[2][2], by_time, by_worker, sum;
  for (uint64_t i = 0; i < 4; i++) fill(&slice[i / 2][i % 2], 900 + i); /* [worker][time] */
  lh_snapshot_init(&by_time);
  lh_snapshot_init(&by_worker);
  for (int time = 0; time < 2; time++) {
    lh_snapshot_init(&sum);
    assert_int_equal(lh_snapshot_merge_beside(&sum, &slice[0][time]), 0);
    assert_int_equal(lh_snapshot_merge_beside(&sum, &slice[1][time]), 0);
    assert_int_equal(lh_snapshot_merge_later(&by_time, &sum), 0);
    lh_snapshot_free(&sum);
  }
  for (int worker = 0; worker < 2; worker++) {
    lh_snapshot_init(&sum);
    assert_int_equal(lh_snapshot_merge_later(&sum, &slice[worker][0]), 0);
    assert_int_equal(lh_snapshot_merge_later(&sum, &slice[worker][1]), 0);
    assert_int_equal(lh_snapshot_merge_beside(&by_worker, &sum), 0);
    lh_snapshot_free(&sum);
  }
  assert_same(&by_time, &by_worker);
  for (int i = 0; i < 4; i++) lh_snapshot_free(&slice[i / 2][i % 2]);
  lh_snapshot_free(&by_time);
  lh_snapshot_free(&by_worker);
}

static void full_tables_merge_without_losing_a_count(void **state) {
  (void)state;
  struct lh_snapshot a, b;
  lh_snapshot_init(&a);
  lh_snapshot_init(&b);
  char text[32];
  for (int i = 0; i < 1000; i++) {
    snprintf(text, sizeof text, "a %d", i);
    tally(&a, LH_STAGE_OPEN, i % LH_REASON_COUNT, i % 50, text, 10);
    snprintf(text, sizeof text, "b %d", i);
    tally(&b, i % LH_STAGE_COUNT, LH_REASON_CLOSE_FRAME, i, i % 2 ? text : "", 20);
  }
  uint64_t folded = a.tallies_folded + b.tallies_folded;
  assert_int_equal(lh_snapshot_merge_beside(&a, &b), 0);
  assert_true(a.tallies_folded > folded);
  uint64_t total = 0;
  for (uint32_t i = 0; i < a.tally_count; i++) total += a.tallies[i].count;
  assert_int_equal(total, 2000);
  assert_true(a.tally_count <= LH_TALLY_MAX);
  struct lh_buf out = LH_BUF_INIT(ROOM);
  assert_int_equal(lh_snapshot_encode(&a, &out), 0);
  struct lh_cursor in = cursor(out.data, out.len);
  assert_int_equal(lh_snapshot_decode(&b, &in, NULL), 0);
  assert_same(&a, &b);
  lh_buf_free(&out);
  lh_snapshot_free(&a);
  lh_snapshot_free(&b);
}

static void the_next_slice_begins_empty_with_its_gauges(void **state) {
  (void)state;
  struct lh_snapshot s, empty;
  fill(&s, 5);
  lh_snapshot_init(&empty);
  memcpy(empty.gauges, s.gauges, sizeof s.gauges);
  const uint64_t *page = NULL;
  for (int p = 0; p < LH_HDR_PAGES && !page; p++) page = s.hists[0].pages[p];
  assert_non_null(page);
  lh_snapshot_next(&s);
  assert_same(&s, &empty);
  int kept = 0;
  for (int p = 0; p < LH_HDR_PAGES; p++) kept += s.hists[0].pages[p] == page;
  assert_int_equal(kept, 1);
  lh_snapshot_free(&s);
  lh_snapshot_free(NULL);
}

/* ---- encoding ---- */

static void what_is_encoded_comes_back(void **state) {
  (void)state;
  struct lh_buf out = LH_BUF_INIT(ROOM);
  struct lh_snapshot s[100], back;
  for (uint64_t i = 0; i < 100; i++) {
    fill(&s[i], 2000 + i);
    assert_int_equal(lh_snapshot_encode(&s[i], &out), 0);
  }
  struct lh_cursor in = cursor(out.data, out.len);
  fill(&back, 1); /* what it held is replaced */
  for (uint64_t i = 0; i < 100; i++) {
    struct lh_err err = {0};
    if (lh_snapshot_decode(&back, &in, &err)) fail_msg("snapshot %d: %s", (int)i, err.text);
    assert_same(&s[i], &back);
    lh_snapshot_free(&s[i]);
  }
  assert_ptr_equal(in.at, in.end);
  lh_snapshot_free(&back);
  lh_buf_free(&out);
}

/* A text that fills its field, and one that is empty. */
static void texts_of_every_length_come_back(void **state) {
  (void)state;
  struct lh_buf out = LH_BUF_INIT(ROOM);
  struct lh_snapshot s, back;
  struct lh_err err = {0};
  char text[sizeof s.tallies[0].text];
  lh_snapshot_init(&s);
  lh_snapshot_init(&back);
  for (size_t len = 0; len < sizeof text; len += len < 2 ? 1 : sizeof text - 3) {
    memset(text, 'x', len);
    text[len] = 0;
    tally(&s, LH_STAGE_OPEN, LH_REASON_CLOSE_FRAME, 1012, text, len + 1);
  }
  assert_int_equal(lh_snapshot_encode(&s, &out), 0);
  struct lh_cursor in = cursor(out.data, out.len);
  if (lh_snapshot_decode(&back, &in, &err)) fail_msg("%s", err.text);
  assert_same_tallies(&s, &back);
  assert_int_equal(strlen(back.tallies[back.tally_count - 1].text), sizeof text - 1);
  lh_snapshot_free(&s);
  lh_snapshot_free(&back);
  lh_buf_free(&out);
}

static void an_idle_group_takes_some_dozens_of_bytes(void **state) {
  (void)state;
  struct lh_snapshot s;
  struct lh_buf out = LH_BUF_INIT(ROOM);
  lh_snapshot_init(&s);
  assert_int_equal(lh_snapshot_encode(&s, &out), 0);
  assert_in_range(out.len, 1, 8);
  lh_buf_reset(&out);
  s.counters[LH_COUNTER_open_us] = s.counters[LH_COUNTER_wanted_us] = UINT64_C(180000000000);
  s.counters[LH_COUNTER_pings_sent] = s.counters[LH_COUNTER_pongs] = 6000;
  s.gauges[LH_GAUGE_clients] = s.gauges[LH_GAUGE_open] = s.gauges[LH_GAUGE_wanted] = 18000;
  assert_int_equal(lh_snapshot_encode(&s, &out), 0);
  assert_in_range(out.len, 10, 48);
  lh_buf_free(&out);
  lh_snapshot_free(&s);
}

static void every_shorter_frame_is_refused(void **state) {
  (void)state;
  struct lh_snapshot s, back, before;
  struct lh_buf out = LH_BUF_INIT(ROOM);
  fill(&s, 7);
  fill(&back, 8);
  fill(&before, 8);
  assert_int_equal(lh_snapshot_encode(&s, &out), 0);
  for (size_t len = 0; len < out.len; len += len < 300 || len + 300 > out.len ? 1 : 13) {
    uint8_t *bytes = malloc(len ? len : 1);
    memcpy(bytes, out.data, len);
    struct lh_cursor in = cursor(bytes, len);
    struct lh_err err = {0};
    assert_int_equal(lh_snapshot_decode(&back, &in, &err), -EBADMSG);
    assert_true(err.text[0]);
    free(bytes);
  }
  assert_same(&back, &before);
  lh_snapshot_free(&s);
  lh_snapshot_free(&back);
  lh_snapshot_free(&before);
  lh_buf_free(&out);
}

/* A frame that is read is one that could have been written: it comes back from its own encoding. */
static void changed_frames_never_break_a_snapshot(void **state) {
  (void)state;
  struct lh_snapshot s, back, again;
  struct lh_buf out = LH_BUF_INIT(ROOM), second = LH_BUF_INIT(ROOM);
  lh_snapshot_init(&back);
  lh_snapshot_init(&again);
  unsigned read = 0;
  for (uint64_t round = 0; round < 3000; round++) {
    if (round % 100 == 0) {
      if (round) lh_snapshot_free(&s);
      fill(&s, 5000 + round);
      lh_buf_reset(&out);
      assert_int_equal(lh_snapshot_encode(&s, &out), 0);
    }
    uint8_t *bytes = malloc(out.len);
    memcpy(bytes, out.data, out.len);
    for (uint64_t i = 0; i <= random_below(round, 3001, 3); i++)
      bytes[random_below(round, 3010 + i, out.len)] = (uint8_t)random_below(round, 3020 + i, 256);
    struct lh_cursor in = cursor(bytes, out.len);
    struct lh_err err = {0};
    int result = lh_snapshot_decode(&back, &in, &err);
    assert_true(result == 0 || (result == -EBADMSG && err.text[0]));
    if (result == 0) {
      read++;
      lh_buf_reset(&second);
      assert_int_equal(lh_snapshot_encode(&back, &second), 0);
      in = cursor(second.data, second.len);
      assert_int_equal(lh_snapshot_decode(&again, &in, &err), 0);
      assert_same(&back, &again);
    }
    free(bytes);
  }
  assert_true(read > 100);
  lh_snapshot_free(&s);
  lh_snapshot_free(&back);
  lh_snapshot_free(&again);
  lh_buf_free(&out);
  lh_buf_free(&second);
}

static void a_full_buffer_is_left_as_it_was(void **state) {
  (void)state;
  struct lh_snapshot s;
  fill(&s, 9);
  for (size_t limit = 2; limit < 600; limit += 3) {
    struct lh_buf out = LH_BUF_INIT(limit);
    assert_int_equal(lh_buf_addstr(&out, "ab"), 0);
    assert_int_equal(lh_snapshot_encode(&s, &out), -ENOBUFS);
    assert_int_equal(out.len, 2);
    assert_string_equal(out.data, "ab");
    lh_buf_free(&out);
  }
  lh_snapshot_free(&s);
}

/* ---- frames that no encoder writes ---- */

static void bad_frames_give_a_sentence(void **state) {
  (void)state;
  /* form, counters, gauges, histograms, tallies, rests, folded */
  static const struct {
    uint8_t bytes[32];
    uint8_t len;
    const char *says;
  } cases[] = {
      {{9, 0, 0, 0, 0, 0, 0}, 7, "form 9, expected 1"},
      {{1, 99, 0, 0, 0, 0, 0}, 7, "99 counters"},
      {{1, 1, 99, 1, 0, 0, 0}, 7, "99 counters"},
      {{1, 2, LH_COUNTER_COUNT - 1, 1, 0, 1, 0}, 7, "after the last one known"},
      {{1, 0, 1, LH_GAUGE_COUNT, 1, 0, 0}, 7, "gauges"},
      {{1, 0, 0, 99, 0, 0, 0}, 7, "99 histograms"},
      {{1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0}, 11, "overflow but no values"},
      {{1, 0, 0, 1, 0, 2, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0x14, 0x40, 2, 9, 2}, 21, "says 2 values"},
      {{1, 0, 0, 1, 0, 1, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0x18, 0x40, 2, 9, 2},
       21,
       "says 6 to 6 us, but its slots go from 5 to 5"},
      {{1, 0, 0, 1, 0, 1, 0, 0, 5, 1, 0, 0, 0, 0, 0, 0, 0x14, 0x40, 2, 9, 2}, 21, "says 5 to 6 us"},
      {{1, 0, 0, 1, 0, 1, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0x24, 0x40, 2, 9, 2}, 21, "a sum of 10 us"},
      {{1, 0, 0, 1, 0, 1, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 2, 9, 2}, 21, "a sum of nan us"},
      {{1, 0, 0, 0, 1, LH_STAGE_COUNT, 0, 0, 0, 1, 5, 0, 0, 0}, 14, "an ending of stage 7"},
      {{1, 0, 0, 0, 1, 0, LH_REASON_COUNT, 0, 0, 1, 5, 0, 0, 0}, 14, "an ending of stage 0"},
      {{1, 0, 0, 0, 1, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 1, 5, 0, 0, 0}, 18, "code 2147483648"},
      {{1, 0, 0, 0, 1, 0, 0, 0, 124, 1, 5, 0, 0, 0}, 14, "124 bytes in the text"},
      {{1, 0, 0, 0, 1, 0, 0, 0, 2, 'a', 0, 1, 5, 0, 0, 0}, 16, "a zero byte in its text"},
      {{1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0}, 14, "0 endings of one kind"},
      {{1, 0, 0, 0, 2, 1, 0, 0, 0, 1, 5, 0, 0, 0, 0, 0, 1, 5, 0, 0, 0}, 21, "out of order at number 1"},
      {{1, 0, 0, 0, 2, 1, 0, 0, 0, 1, 5, 0, 1, 0, 0, 0, 1, 5, 0, 0, 0}, 21, "out of order at number 1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_snapshot s;
    lh_snapshot_init(&s);
    struct lh_cursor in = cursor(cases[i].bytes, cases[i].len);
    struct lh_err err = {0};
    assert_int_equal(lh_snapshot_decode(&s, &in, &err), -EBADMSG);
    if (!strstr(err.text, cases[i].says)) fail_msg("case %zu: %s", i, err.text);
    lh_snapshot_free(&s);
  }
  /* the sound one that the histogram cases are bent from, with a rest and a fold */
  static const uint8_t good[] = {1, 0, 0, 1, 0, 1, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0x14, 0x40, 2, 9, 2, 0, 1, 4, 6, 3, 5, 1, 2};
  struct lh_snapshot s;
  lh_snapshot_init(&s);
  struct lh_cursor in = cursor(good, sizeof good);
  assert_int_equal(lh_snapshot_decode(&s, &in, NULL), 0);
  assert_int_equal(s.hists[0].count, 1);
  assert_int_equal(s.tally_count, 1);
  assert_int_equal(s.tallies[0].count, 3);
  assert_int_equal(s.tallies[0].last_ns, 6);
  assert_int_equal(s.tallies_folded, 2);
  lh_snapshot_free(&s);
}

/* ---- books ---- */

static void balance(struct lh_snapshot *s) {
  static const struct {
    enum lh_counter_id id;
    uint64_t value;
  } counters[] = {
      {LH_COUNTER_attempts, 100},        {LH_COUNTER_ended, 40},       {LH_COUNTER_opened, 85},
      {LH_COUNTER_ended_open, 35},       {LH_COUNTER_drops, 30},       {LH_COUNTER_tester_drops, 2},
      {LH_COUNTER_connect_failures, 5},  {LH_COUNTER_reconnects, 20},  {LH_COUNTER_messages_planned, 1000},
      {LH_COUNTER_messages_sent, 960},   {LH_COUNTER_skipped_late, 9}, {LH_COUNTER_skipped_not_open, 30},
      {LH_COUNTER_one_way, 10},          {LH_COUNTER_replied, 920},    {LH_COUNTER_lost, 18},
      {LH_COUNTER_lost_then_replied, 7}, {LH_COUNTER_late, 100},       {LH_COUNTER_out_of_order, 3},
      {LH_COUNTER_pings_sent, 50},       {LH_COUNTER_pongs, 49},
  };
  static const struct {
    enum lh_gauge_id id;
    uint64_t value;
  } gauges[] = {
      {LH_GAUGE_clients, 80},    {LH_GAUGE_never_started, 5}, {LH_GAUGE_waiting, 10},
      {LH_GAUGE_connecting, 10}, {LH_GAUGE_open, 47},         {LH_GAUGE_closing, 3},
      {LH_GAUGE_finished, 5},    {LH_GAUGE_pending, 1},       {LH_GAUGE_in_flight, 12},
  };
  lh_snapshot_init(s);
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) s->counters[counters[i].id] = counters[i].value;
  for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) s->gauges[gauges[i].id] = gauges[i].value;
  for (int i = 0; i < 40; i++) tally(s, LH_STAGE_OPEN, LH_REASON_RST, 0, i % 2 ? "a" : "b", 5);
}

static void the_books_balance_or_say_where_not(void **state) {
  (void)state;
  static const struct {
    bool is_gauge;
    int id;
    uint64_t value;
    const char *says;
  } cases[] = {
      {true, LH_GAUGE_clients, 81,
       "clients is 81, but never_started 5 + waiting 10 + connecting 10 + open 47 + closing 3 + finished 5 is 80"},
      {true, LH_GAUGE_waiting, 0, "waiting 0"},
      {false, LH_COUNTER_attempts, 101, "attempts is 101, but ended 40 + connecting 10 + open 47 + closing 3 is 100"},
      {false, LH_COUNTER_opened, 84, "opened is 84, but ended_open 35 + open 47 + closing 3 is 85"},
      {false, LH_COUNTER_messages_planned, 999,
       "messages_planned is 999, but messages_sent 960 + skipped_not_open 30 + skipped_late 9 + pending 1 is 1000"},
      {false, LH_COUNTER_lost, 19, "messages_sent is 960, but one_way 10 + replied 920 + lost 19 + in_flight 12 is 961"},
      {false, LH_COUNTER_drops, 36, "drops is 36, but ended_open, of which it is a subset, is 35"},
      {false, LH_COUNTER_tester_drops, 31, "tester_drops is 31"},
      {false, LH_COUNTER_connect_failures, 41, "connect_failures is 41"},
      {false, LH_COUNTER_reconnects, 86, "reconnects is 86"},
      {false, LH_COUNTER_late, 921, "late is 921"},
      {false, LH_COUNTER_lost_then_replied, 19, "lost_then_replied is 19"},
      {false, LH_COUNTER_out_of_order, 921, "out_of_order is 921"},
      {false, LH_COUNTER_pongs, 51, "pongs is 51"},
  };
  struct lh_snapshot s;
  struct lh_err err = {0};
  balance(&s);
  if (lh_snapshot_check(&s, &err)) fail_msg("%s", err.text);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint64_t *value = cases[i].is_gauge ? &s.gauges[cases[i].id] : &s.counters[cases[i].id], kept = *value;
    *value = cases[i].value;
    assert_int_equal(lh_snapshot_check(&s, &err), -EPROTO);
    if (!strstr(err.text, cases[i].says)) fail_msg("case %zu: %s", i, err.text);
    *value = kept;
  }
  tally(&s, LH_STAGE_OPEN, LH_REASON_RST, 0, "a", 5);
  assert_int_equal(lh_snapshot_check(&s, &err), -EPROTO);
  assert_non_null(strstr(err.text, "logins without success are 40, but the tallies add up to 41"));
  s.tally_count = 0; /* a reader that has no tallies at hand checks the rest */
  assert_int_equal(lh_snapshot_check(&s, &err), 0);
  lh_snapshot_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_number_has_a_name_and_help),
      cmocka_unit_test(like_endings_share_a_row),
      cmocka_unit_test(a_full_table_folds_and_loses_no_count),
      cmocka_unit_test(a_later_slice_adds_and_brings_its_gauges),
      cmocka_unit_test(other_clients_add_in_any_order),
      cmocka_unit_test(slices_of_workers_add_up_either_way),
      cmocka_unit_test(full_tables_merge_without_losing_a_count),
      cmocka_unit_test(the_next_slice_begins_empty_with_its_gauges),
      cmocka_unit_test(what_is_encoded_comes_back),
      cmocka_unit_test(texts_of_every_length_come_back),
      cmocka_unit_test(an_idle_group_takes_some_dozens_of_bytes),
      cmocka_unit_test(every_shorter_frame_is_refused),
      cmocka_unit_test(changed_frames_never_break_a_snapshot),
      cmocka_unit_test(a_full_buffer_is_left_as_it_was),
      cmocka_unit_test(bad_frames_give_a_sentence),
      cmocka_unit_test(the_books_balance_or_say_where_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
