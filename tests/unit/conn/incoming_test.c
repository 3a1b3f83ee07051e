/* Numbers and times of pushes: where they stand, and what a sequence of them tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/rng.h"
#include "longhaul/conn/incoming.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NONE UINT64_MAX

/* ---- reading ---- */

static struct lh_locator id = {.kind = LH_LOCATOR_ID};
static struct lh_locator id_tail = {.kind = LH_LOCATOR_ID, .regex = (char[]){"-([0-9]+)$"}};
static struct lh_locator seq = {.kind = LH_LOCATOR_POINTER, .field = (char[]){"/seq"}};
static struct lh_locator deep = {.kind = LH_LOCATOR_POINTER, .field = (char[]){"/meta/0/n"}};
static struct lh_locator pointer_tail = {.kind = LH_LOCATOR_POINTER, .field = (char[]){"/id"}, .regex = (char[]){"[0-9]+$"}};
static struct lh_locator text = {.kind = LH_LOCATOR_TEXT, .regex = (char[]){"n=([0-9]+)(,|$)"}};
static struct lh_locator either = {.kind = LH_LOCATOR_TEXT, .regex = (char[]){"a([0-9]+)|7"}};
static struct lh_locator big2 = {.kind = LH_LOCATOR_BYTES, .offset = 1, .width = 2};
static struct lh_locator little3 = {.kind = LH_LOCATOR_BYTES, .width = 3, .little = true};
static struct lh_locator big8 = {.kind = LH_LOCATOR_BYTES, .width = 8};

static const struct {
  const struct lh_locator *place;
  const char *bytes;
  size_t len; /* 0: of the text */
  const char *id;
  uint64_t number; /* NONE: unreadable */
} numbers[] = {
    {&seq, "{\"seq\":17}", 0, NULL, 17},
    {&seq, "{\"a\":[1,{\"seq\":3}],\"seq\" : \"18\" }", 0, NULL, 18},
    {&seq, "{\"seq\":18446744073709551615}", 0, NULL, UINT64_MAX},
    {&seq, "{\"seq\":18446744073709551616}", 0, NULL, NONE},
    {&seq, "{\"seq\":-1}", 0, NULL, NONE},
    {&seq, "{\"seq\":1.0}", 0, NULL, NONE},
    {&seq, "{\"seq\":1e3}", 0, NULL, NONE},
    {&seq, "{\"seq\":\"\"}", 0, NULL, NONE},
    {&seq, "{\"seq\":null}", 0, NULL, NONE},
    {&seq, "{\"other\":1}", 0, NULL, NONE},
    {&seq, "not json", 0, NULL, NONE},
    {&seq, "", 0, NULL, NONE},
    {&seq, "{\"seq\":0}", 0, "9", 0},
    {&deep, "{\"meta\":[{\"n\":5}]}", 0, NULL, 5},
    {&pointer_tail, "{\"id\":\"feed-7-0042\"}", 0, NULL, 42},
    {&pointer_tail, "{\"id\":\"feed\"}", 0, NULL, NONE},
    {&id, "{\"seq\":1}", 0, "33", 33},
    {&id, "{\"seq\":1}", 0, NULL, NONE},
    {&id, "x", 0, "", NONE},
    {&id, "x", 0, "12a", NONE},
    {&id_tail, "x", 0, "1700000000000-7", 7},
    {&text, "k=1,n=20", 0, NULL, 20},
    {&text, "n=20,k=1", 0, NULL, 20},
    {&text, "n=20;", 0, NULL, NONE},
    {&text, "n=\0n=4", 6, NULL, 4},
    {&either, "7", 0, NULL, NONE}, /* the group took no part */
    {&big2, "\x00\x01\x02\x03", 4, NULL, 0x102},
    {&big2, "\x00\x01", 2, NULL, NONE},
    {&big2, "", 0, NULL, NONE},
    {&little3, "\x01\x02\x03", 3, NULL, 0x30201},
    {&big8, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8, NULL, UINT64_MAX - 1},
};

static void numbers_are_read(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(numbers); i++) {
    struct lh_incoming_config config = {.enabled = true, .sequence = *numbers[i].place};
    struct lh_incoming_rules *rules = NULL;
    assert_int_equal(lh_incoming_rules_new(&rules, &config, NULL), 0);
    size_t len = numbers[i].len ? numbers[i].len : strlen(numbers[i].bytes);
    char *exact = malloc(len ? len : 1); /* reading past its end shows */
    memcpy(exact, numbers[i].bytes, len);
    uint64_t number = NONE;
    for (int twice = 0; twice < 2; twice++) {
      bool read = lh_incoming_number(rules, &(struct lh_push){.bytes = exact, .len = len, .id = numbers[i].id}, &number);
      if (read != (numbers[i].number != NONE) && !(read && number == NONE)) fail_msg("row %zu: read %d", i, read);
      if (read && number != numbers[i].number)
        fail_msg("row %zu: %llu, expected %llu", i, (unsigned long long)number, (unsigned long long)numbers[i].number);
    }
    free(exact);
    lh_incoming_rules_free(rules);
  }
}

static struct lh_locator at = {.kind = LH_LOCATOR_POINTER, .field = (char[]){"/t"}};
#define NO_TIME INT64_MIN

static const struct {
  const struct lh_locator *place;
  enum lh_push_unit unit;
  const char *bytes;
  size_t len;
  int64_t wall_us;
} times[] = {
    {&at, LH_PUSH_MS, "{\"t\":1700000000123}", 0, 1700000000123000},
    {&at, LH_PUSH_MS, "{\"t\":1700000000123.4567}", 0, 1700000000123456},
    {&at, LH_PUSH_MS, "{\"t\":\"1700000000123\"}", 0, 1700000000123000},
    {&at, LH_PUSH_MS, "{\"t\":-5}", 0, NO_TIME},
    {&at, LH_PUSH_MS, "{\"t\":5.}", 0, NO_TIME},
    {&at, LH_PUSH_MS, "{\"t\":1.7e12}", 0, NO_TIME},
    {&at, LH_PUSH_MS, "{\"t\":9223372036854775807}", 0, NO_TIME},
    {&at, LH_PUSH_US, "{\"t\":1700000000123456}", 0, 1700000000123456},
    {&at, LH_PUSH_S, "{\"t\":1700000000}", 0, 1700000000000000},
    {&at, LH_PUSH_S, "{\"t\":1700000000.1234567891234}", 0, 1700000000123456},
    {&at, LH_PUSH_NS, "{\"t\":1700000000123456789}", 0, 1700000000123456},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"1970-01-01T00:00:00Z\"}", 0, 0},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2023-11-14T22:13:20.5Z\"}", 0, 1700000000500000},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2023-11-15T03:43:20+05:30\"}", 0, 1700000000000000},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2023-11-14t14:13:20-08:00\"}", 0, 1700000000000000},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2024-02-29T12:00:00Z\"}", 0, 1709208000000000},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2000-03-01 00:00:00Z\"}", 0, 951868800000000},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"1969-12-31T23:59:59Z\"}", 0, -1000000},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2023-11-14T22:13:20\"}", 0, NO_TIME},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2023-13-14T22:13:20Z\"}", 0, NO_TIME},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2023-11-14T24:13:20Z\"}", 0, NO_TIME},
    {&at, LH_PUSH_RFC3339, "{\"t\":\"2023-11-14T22:13:20Zx\"}", 0, NO_TIME},
    {&at, LH_PUSH_RFC3339, "{\"t\":1700000000}", 0, NO_TIME},
    {&at, LH_PUSH_RFC3339, "{}", 0, NO_TIME},
    {&big8, LH_PUSH_MS, "\x00\x00\x01\x8b\xcf\xe5\x68\x7b", 8, 1700000000123000},
    {&big8, LH_PUSH_MS, "\x00\x00\x01", 3, NO_TIME},
};

static void times_are_read(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(times); i++) {
    struct lh_incoming_config config = {.enabled = true, .timestamp = *times[i].place, .unit = times[i].unit};
    struct lh_incoming_rules *rules = NULL;
    assert_int_equal(lh_incoming_rules_new(&rules, &config, NULL), 0);
    size_t len = times[i].len ? times[i].len : strlen(times[i].bytes);
    int64_t wall_us = NO_TIME;
    bool read = lh_incoming_time(rules, &(struct lh_push){.bytes = times[i].bytes, .len = len}, &wall_us);
    if (read != (times[i].wall_us != NO_TIME)) fail_msg("row %zu: read %d", i, read);
    if (read && wall_us != times[i].wall_us)
      fail_msg("row %zu: %lld, expected %lld", i, (long long)wall_us, (long long)times[i].wall_us);
    lh_incoming_rules_free(rules);
  }
}

static void a_wrong_expression_is_told(void **state) {
  (void)state;
  struct lh_incoming_config config = {.sequence = {.kind = LH_LOCATOR_TEXT, .regex = (char[]){"("}}};
  struct lh_incoming_rules *rules = NULL;
  struct lh_err err = {0};
  assert_true(lh_incoming_rules_new(&rules, &config, &err) < 0);
  assert_non_null(strstr(err.text, "regular expression"));
  assert_null(rules);
}

/* ---- following ---- */

/* Numbers, parted by spaces; | is a reconnect. What became of each, one letter: . next, s skipped, a missed away,
 * o out of order, c caught up, d duplicate, u undecided, r restart; with what was left out behind it. */
static const struct {
  const char *name;
  bool by_client;
  uint32_t width; /* 0: a number in text */
  const char *numbers, *verdicts;
} walks[] = {
    {"one after another", false, 0, "1 2 3 4", "...."},
    {"any beginning", false, 0, "900 901", ".."},
    {"a jump", false, 0, "5 6 9 10", "..s2."},
    {"late and doubled", false, 0, "5 6 9 8 8 10 7", "..s2od.o"},
    {"a hole filled from its begin", false, 0, "1 5 2 3 4 4 3", ".s3ooodd"},
    {"a hole filled from its end", false, 0, "1 5 4 3 2 2", ".s3oood"},
    {"a hole filled from its middle", false, 0, "1 6 4 4 3 2 5 5", ".s4odoood"},
    {"twice the same", false, 0, "7 7 7 8", ".dd."},
    {"before the first", false, 0, "5 4 6 3 3", ".o1.o1d"},
    {"far before the first", false, 0, "10 5 7 11 9 8 6 6", ".o5o.oood"},
    {"to the highest", false, 0, "18446744073709551614 18446744073709551615 18446744073709551615", "..d"},
    {"a jump too far", false, 0, "1 4294967297 4294967298 8589934595", ".s4294967295.r"},
    {"a jump farther", false, 0, "1 4294967298 4294967299 1", ".r.r"},
    {"five holes, the lowest is forgotten", false, 0, "1 3 5 7 9 11 2 4 4", ".s1s1s1s1s1uod"},
    {"the lowest of all is forgotten at once", false, 0, "10 12 14 16 18 5 7 11 11", ".s1s1s1s1o5uod"},
    {"parting a hole when all are in use", false, 0, "1 10 12 14 16 5 3 13 7 7 15", ".s8s1s1s1ouoodo"},
    {"each connection its own", false, 0, "1 2 3 | 1 2 | 7 9", "....." ".s1"},
    {"over connections", true, 0, "1 2 3 | 4 5", "....."},
    {"missed while away", true, 0, "1 2 3 | 7 8 10", "...a3.s1"},
    {"away before the first", true, 0, "| 5 6 | | 8", "..a1"},
    {"caught up", true, 0, "1 2 3 | 7 5 4 8 6 6 10 9", "...a3cc.cds1o"},
    {"replayed", true, 0, "1 2 3 4 | 3 4 5 6", "....dd.."},
    {"replayed, and missed all the same", true, 0, "1 2 3 4 | 3 4 7", "....dda2"},
    {"the last one once more", true, 0, "5 | 5 6 | 5 6 7", ".d.r.."},
    {"begun anew", true, 0, "1 2 3 | 1 2 3 4", "...r..."},
    {"begun anew below", true, 0, "100 101 | 0 1", "..r."},
    {"a hole from before is not away", true, 0, "1 3 | 2 4", ".s1o."},
    {"one byte comes round", false, 1, "254 255 0 1 3 2", "....s1o"},
    {"one byte, doubled over the edge", false, 1, "0 255 255 1", ".o1d."},
    {"two bytes, a jump over the edge", false, 2, "65530 2", ".s7"},
    {"four bytes, over connections", true, 4, "4294967295 | 0 | 3", "..a2"},
};

static void check_walk(size_t w) {
  struct lh_incoming_config config = {.by_client = walks[w].by_client};
  if (walks[w].width) config.sequence = (struct lh_locator){.kind = LH_LOCATOR_BYTES, .width = walks[w].width};
  struct lh_incoming incoming = {0};
  char got[256] = "";
  size_t len = 0;
  lh_incoming_opened(&incoming, &config);
  for (const char *word = walks[w].numbers; *word; word += strspn(word, " ")) {
    if (*word == '|') {
      lh_incoming_opened(&incoming, &config);
      word++;
      continue;
    }
    char *end;
    uint64_t number = strtoull(word, &end, 10);
    word = end;
    struct lh_incoming_verdict verdict = lh_incoming_take(&incoming, &config, number);
    len += (size_t)snprintf(got + len, sizeof got - len, "%c", ".saocdur"[verdict.what]);
    if (verdict.left_out) len += (size_t)snprintf(got + len, sizeof got - len, "%llu", (unsigned long long)verdict.left_out);
  }
  if (strcmp(got, walks[w].verdicts) != 0) fail_msg("%s: %s, expected %s", walks[w].name, got, walks[w].verdicts);
}

static void sequences_are_followed(void **state) {
  (void)state;
  for (size_t w = 0; w < COUNT(walks); w++) check_walk(w);
}

/* Against what remembers everything. As long as no hole is forgotten each verdict is exact; with more of them the numbers
 * missing at the end, forgotten holes aside, still are. */
enum { SPAN = 400 };

static void check_random(uint64_t seed) {
  struct lh_incoming_config config = {0};
  struct lh_incoming incoming = {.begun = false};
  bool came[SPAN + 1] = {false};
  uint64_t high = 0, left_out = 0, filled = 0, missing = 0;
  for (uint64_t i = 0; i < 300 && high < SPAN - 3; i++) {
    uint64_t dice = lh_rng_below(lh_rng_at(seed, LH_RNG_TOKEN, 0, i), 100);
    uint64_t number = dice < 70 ? high + 1 : dice < 80 ? high + 3 : high > 8 ? high - dice % 8 : high + 1;
    bool before = came[number];
    struct lh_incoming_verdict verdict = lh_incoming_take(&incoming, &config, number);
    left_out += verdict.left_out;
    filled += verdict.what == LH_INCOMING_OUT_OF_ORDER;
    if (verdict.what != LH_INCOMING_UNDECIDED) assert_int_equal(verdict.what == LH_INCOMING_DUPLICATE, before);
    if (verdict.what == LH_INCOMING_UNDECIDED && !before) filled++; /* it was left out, and is known no more */
    came[number] = true;
    if (number > high) high = number;
    assert_int_equal(incoming.high, high);
  }
  for (uint64_t n = incoming.low; n <= high; n++) missing += !came[n];
  assert_int_equal(left_out - filled, missing);
}

static void random_walks_add_up(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 500; seed++) check_random(seed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_read),       cmocka_unit_test(times_are_read),      cmocka_unit_test(a_wrong_expression_is_told),
      cmocka_unit_test(sequences_are_followed), cmocka_unit_test(random_walks_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
