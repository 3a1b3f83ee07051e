#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/base/ip.h"
#include "longhaul/base/rng.h"
#include "longhaul/base/sha256.h"
#include "longhaul/base/units.h"

static void durations_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int result;
    uint64_t ns;
  } cases[] = {
      {"0", 0, 0},
      {"0s", 0, 0},
      {"8h", 0, UINT64_C(28800000000000)},
      {"1h30m", 0, UINT64_C(5400000000000)},
      {"250ms", 0, 250000000},
      {"1.5s", 0, 1500000000},
      {"20us", 0, 20000},
      {"2d", 0, UINT64_C(172800000000000)},
      {"1m30s500ms", 0, UINT64_C(90500000000)},
      {"5", -EINVAL, 7},
      {"", -EINVAL, 7},
      {"s", -EINVAL, 7},
      {"5 s", -EINVAL, 7},
      {"5x", -EINVAL, 7},
      {"1m1h", -EINVAL, 7},
      {"1s1s", -EINVAL, 7},
      {"1.s", -EINVAL, 7},
      {".5s", -EINVAL, 7},
      {"inf", -EINVAL, 7},
      {"1e3s", -EINVAL, 7},
      {"-5s", -ERANGE, 7},
      {"99999999999d", -ERANGE, 7},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint64_t ns = 7;
    if (lh_parse_duration(cases[i].text, &ns) != cases[i].result || ns != cases[i].ns)
      fail_msg("%s: %llu", cases[i].text, (unsigned long long)ns);
  }
}

static void sizes_rates_and_shares_are_read(void **state) {
  (void)state;
  uint64_t bytes = 0;
  assert_int_equal(lh_parse_size("1KiB", &bytes), 0);
  assert_int_equal(bytes, 1024);
  assert_int_equal(lh_parse_size("1.5MiB", &bytes), 0);
  assert_int_equal(bytes, 1572864);
  assert_int_equal(lh_parse_size("2KB", &bytes), 0);
  assert_int_equal(bytes, 2000);
  assert_int_equal(lh_parse_size("18B", &bytes), 0);
  assert_int_equal(bytes, 18);
  assert_int_equal(lh_parse_size("17", &bytes), 0);
  assert_int_equal(bytes, 17);
  assert_int_equal(lh_parse_size("1.5", &bytes), -EINVAL);
  assert_int_equal(lh_parse_size("-1", &bytes), -ERANGE);
  assert_int_equal(lh_parse_size("1KiBx", &bytes), -EINVAL);
  assert_int_equal(bytes, 17);
  double value = 0;
  assert_int_equal(lh_parse_rate("10/s", &value), 0);
  assert_true(value == 10);
  assert_int_equal(lh_parse_rate("90/m", &value), 0);
  assert_true(value == 1.5);
  assert_int_equal(lh_parse_rate("10", &value), -EINVAL);
  assert_int_equal(lh_parse_share("99.9%", &value), 0);
  assert_true(value > 0.99899 && value < 0.99901);
  assert_int_equal(lh_parse_share("0.25", &value), 0);
  assert_true(value == 0.25);
  assert_int_equal(lh_parse_share("20", &value), -ERANGE);
  assert_int_equal(lh_parse_share("120%", &value), -ERANGE);
}

static void durations_are_written(void **state) {
  (void)state;
  static const struct {
    uint64_t ns;
    const char *exact, *brief;
  } cases[] = {
      {0, "0s", "0 s"},
      {1500, "1.500us", "1.50 us"},
      {7, "0.007us", "0.01 us"},
      {428571429, "428ms571.429us", "429 ms"},
      {63000, "63us", "63.0 us"},
      {212000000, "212ms", "212 ms"},
      {999600000, "999ms600us", "1.00 s"},
      {4130000000, "4s130ms", "4.13 s"},
      {UINT64_C(5400000000000), "1h30m", "1 h 30 min"},
      {UINT64_C(28740000000000), "7h59m", "7 h 59 min"},
      {UINT64_C(61000000000), "1m1s", "1 min 1 s"},
      {UINT64_C(180000000000000), "2d2h", "2 d 2 h"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char out[64];
    assert_string_equal(lh_format_duration(cases[i].ns, out, sizeof out), cases[i].exact);
    assert_string_equal(lh_format_duration_brief(cases[i].ns, out, sizeof out), cases[i].brief);
  }
  /* What is written is read back. */
  for (uint64_t i = 0; i < 2000; i++) {
    uint64_t ns = lh_rng_at(1, LH_RNG_SIM, i, 0) % (UINT64_C(1) << (10 + i % 48)), back = 0;
    char out[64];
    assert_int_equal(lh_parse_duration(lh_format_duration(ns, out, sizeof out), &back), 0);
    assert_int_equal(back, ns);
  }
  char out[32];
  assert_string_equal(lh_format_size(1536, out, sizeof out), "1.5 KiB");
  assert_string_equal(lh_format_size(25165824, out, sizeof out), "24 MiB");
  assert_string_equal(lh_format_size(999, out, sizeof out), "999 B");
  assert_string_equal(lh_format_count(18000, out, sizeof out), "18,000");
  assert_string_equal(lh_format_count(1234567, out, sizeof out), "1,234,567");
  assert_string_equal(lh_format_count(0, out, sizeof out), "0");
  assert_string_equal(lh_format_utc(INT64_C(1795377808123456), out, sizeof out), "2026-11-22T20:03:28.123Z");
  assert_string_equal(lh_format_utc(-1, out, sizeof out), "1969-12-31T23:59:59.999Z");
}

static void buffers_keep_their_limit(void **state) {
  (void)state;
  struct lh_buf buf = LH_BUF_INIT(10);
  assert_int_equal(lh_buf_addstr(&buf, "12345"), 0);
  assert_int_equal(lh_buf_addstr(&buf, "678901"), -ENOBUFS);
  assert_string_equal(buf.data, "12345");
  assert_int_equal(lh_buf_addf(&buf, "%d", 67890), 0);
  assert_string_equal(buf.data, "1234567890");
  assert_int_equal(lh_buf_addu8(&buf, 1), -ENOBUFS);
  lh_buf_reset(&buf);
  assert_int_equal(lh_buf_addu64(&buf, UINT64_C(0x0102030405060708)), 0);
  struct lh_cursor c = {(const uint8_t *)buf.data, (const uint8_t *)buf.data + buf.len, 0};
  assert_int_equal(lh_cursor_u32(&c), 0x05060708);
  assert_int_equal(lh_cursor_u8(&c), 0x04);
  assert_int_equal(lh_cursor_u32(&c), 0);
  assert_true(c.failed);
  assert_null(lh_cursor_bytes(&c, 1));
  lh_buf_free(&buf);
}

static void json_strings_are_escaped(void **state) {
  (void)state;
  static const struct {
    const char *text, *json;
  } cases[] = {
      {"", "\"\""},
      {"a\"b\\c\n\t\r", "\"a\\\"b\\\\c\\n\\t\\r\""},
      {"\x01", "\"\\u0001\""},
      {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
      {"\xff", "\"\\ufffd\""},
      {"\xc3", "\"\\ufffd\""},
      {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
      {"\xc0\xaf", "\"\\ufffd\\ufffd\""},
      {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
      {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_buf buf = LH_BUF_INIT(100);
    assert_int_equal(lh_buf_addjson(&buf, cases[i].text), 0);
    assert_string_equal(buf.data, cases[i].json);
    lh_buf_free(&buf);
  }
  struct lh_buf small = LH_BUF_INIT(4);
  assert_int_equal(lh_buf_addjson(&small, "abc"), -ENOBUFS);
  assert_int_equal(small.len, 0);
  lh_buf_free(&small);
}

static void texts_are_lent_out_of_a_frame(void **state) {
  (void)state;
  struct lh_buf buf = LH_BUF_INIT(4 + 4 + 4 + 1);
  assert_int_equal(lh_buf_addtext(&buf, "abc"), 0);
  assert_int_equal(lh_buf_addtext(&buf, "x"), -ENOBUFS);
  assert_int_equal(buf.len, 8); /* nothing of what did not fit */
  assert_int_equal(lh_buf_addtext(&buf, ""), 0);
  const uint8_t *bytes = (const uint8_t *)buf.data;
  struct lh_cursor whole = {.at = bytes, .end = bytes + buf.len};
  const char *text = lh_cursor_text(&whole);
  assert_string_equal(text, "abc");
  assert_ptr_equal(text, bytes + 4);
  assert_string_equal(lh_cursor_text(&whole), "");
  assert_null(lh_cursor_text(&whole));
  assert_true(whole.failed);
  static const struct {
    uint8_t bytes[8];
    size_t len;
  } damaged[] = {
      {{3, 0, 0, 0, 'a', 'b', 'c', 'd'}, 8},        /* no NUL at its end */
      {{3, 0, 0, 0, 'a', 0, 'c', 0}, 8},            /* a NUL within */
      {{3, 0, 0, 0, 'a', 'b', 'c'}, 7},             /* cut short */
      {{0xff, 0xff, 0xff, 0xff, 'a', 'b', 'c'}, 7}, /* longer than any frame */
  };
  for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
    struct lh_cursor c = {.at = damaged[i].bytes, .end = damaged[i].bytes + damaged[i].len};
    assert_null(lh_cursor_text(&c));
    assert_true(c.failed);
  }
  lh_buf_free(&buf);
}

static void errors_hold_a_sentence(void **state) {
  (void)state;
  struct lh_err err = {0};
  assert_int_equal(lh_err_set(&err, ENOENT, "%s is missing", "x"), -ENOENT);
  assert_int_equal(lh_err_set(&err, err.code, "again: %s", err.text), -ENOENT);
  assert_string_equal(err.text, "again: x is missing");
  assert_int_equal(lh_err_prefix(&err, "config"), -ENOENT);
  assert_string_equal(err.text, "config: again: x is missing");
  assert_int_equal(lh_err_set(NULL, -EIO, "nobody listens"), -EIO);
  assert_int_equal(lh_err_set(NULL, EPERM, "the first of them"), -EPERM);
  assert_int_equal(lh_err_set(NULL, 0, "none"), 0);
  assert_int_equal(lh_err_prefix(NULL, "config"), -EINVAL);
  char longest[2000];
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  lh_err_set(&err, EIO, "%s", longest);
  lh_err_prefix(&err, "where");
  assert_int_equal(strlen(err.text), LH_ERR_TEXT_MAX - 1);
  assert_memory_equal(err.text, "where: xxx", 10);
}

static void endings_know_their_side(void **state) {
  (void)state;
  for (int i = 0; i < LH_REASON_COUNT; i++)
    for (int k = 0; k < i; k++) assert_string_not_equal(lh_reason_name(i), lh_reason_name(k));
  assert_true(lh_ending_is_drop(LH_STAGE_OPEN, LH_REASON_RST));
  assert_true(lh_ending_is_drop(LH_STAGE_OPEN, LH_REASON_REPLY_MISSING));
  assert_false(lh_ending_is_drop(LH_STAGE_UPGRADE, LH_REASON_RST));
  assert_false(lh_ending_is_drop(LH_STAGE_CLOSING, LH_REASON_FIN));
  assert_false(lh_ending_is_drop(LH_STAGE_OPEN, LH_REASON_LIFETIME));
  assert_int_equal(lh_reason_side(LH_REASON_NO_DESCRIPTOR), LH_SIDE_HOST);
  assert_string_equal(lh_stage_name(LH_STAGE_COUNT), "?");
  assert_string_equal(lh_side_name(LH_SIDE_COUNT), "?");
  assert_string_equal(lh_reason_name(LH_REASON_COUNT), "?");
}

/* What a seed means stays what it was: these come from an implementation of the same formula in Python. */
static void a_seed_means_the_same_everywhere(void **state) {
  (void)state;
  assert_true(lh_rng_at(0, LH_RNG_JITTER, 0, 0) == UINT64_C(0xcd7544c3c6201e3d));
  assert_true(lh_rng_at(42, LH_RNG_SIM, 7, 9) == UINT64_C(0x6f4f4ec059f62440));
  assert_true(lh_rng_at(UINT64_MAX, LH_RNG_SIM, UINT64_MAX, UINT64_MAX) == UINT64_C(0xd9b175621610c5dd));
}

/* Lengths about the ends of a block, of the bytes 0, 1, .. 250, 0, ...; from Python's hashlib. */
static void sha256_is_the_standard_s(void **state) {
  (void)state;
  static const struct {
    size_t len;
    const char *hex;
  } rows[] = {
      {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {3, "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"},
      {55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"},
      {56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"},
      {63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488"},
      {64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"},
      {65, "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781"},
      {119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6"},
      {1000, "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d"},
  };
  unsigned char bytes[1000];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i % 251);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char hex[LH_SHA256_HEX + 1];
    lh_sha256_hex(bytes, rows[i].len, hex);
    assert_string_equal(hex, rows[i].hex);
  }
}

static void random_numbers_spread(void **state) {
  (void)state;
  unsigned bins[16] = {0};
  for (uint64_t i = 0; i < 16000; i++) bins[lh_rng_below(lh_rng_at(42, LH_RNG_JITTER, i, 3), 16)]++;
  for (int i = 0; i < 16; i++) assert_in_range(bins[i], 850, 1150);
  assert_true(lh_rng_unit(UINT64_MAX) < 1.0);
  assert_true(lh_rng_at(1, LH_RNG_SIM, 1, 2) != lh_rng_at(1, LH_RNG_SIM, 2, 1));
  assert_true(lh_rng_at(1, LH_RNG_SIM, 0, 0) != lh_rng_at(1, LH_RNG_DATA, 0, 0));
}

static void addresses_are_one_type(void **state) {
  (void)state;
  static const struct {
    const char *text, *again; /* NULL: no address */
    bool v4, loopback;
  } cases[] = {
      {"127.0.0.1", "127.0.0.1", true, true},
      {"127.255.0.9", "127.255.0.9", true, true},
      {"128.0.0.1", "128.0.0.1", true, false},
      {"0.0.0.0", "0.0.0.0", true, false},
      {"::1", "::1", false, true},
      {"::2", "::2", false, false},
      {"::", "::", false, false},
      {"::ffff:127.0.0.1", "127.0.0.1", true, true},
      {"::ffff:10.0.0.7", "10.0.0.7", true, false},
      {"FE80:0::1", "fe80::1", false, false},
      {"fe80::1%eth0", NULL, false, false},
      {"[::1]", NULL, false, false},
      {"localhost", NULL, false, false},
      {"127.1", NULL, false, false},
      {"", NULL, false, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_ip ip, back;
    struct sockaddr_storage name;
    char text[LH_IP_TEXT_MAX];
    assert_int_equal(lh_ip_parse(cases[i].text, &ip), cases[i].again != NULL);
    if (!cases[i].again) continue;
    assert_string_equal(lh_ip_text(&ip, text), cases[i].again);
    assert_int_equal(lh_ip_is_v4(&ip), cases[i].v4);
    assert_int_equal(lh_ip_is_loopback(&ip), cases[i].loopback);
    lh_ip_socket(&ip, 8080, &name);
    assert_int_equal(name.ss_family, cases[i].v4 ? AF_INET : AF_INET6);
    assert_true(lh_ip_of((const struct sockaddr *)&name, &back));
    assert_memory_equal(&back, &ip, sizeof ip);
  }
  struct sockaddr_un local = {.sun_family = AF_UNIX};
  struct lh_ip ip;
  assert_false(lh_ip_of((const struct sockaddr *)&local, &ip));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(durations_are_read),       cmocka_unit_test(sizes_rates_and_shares_are_read),
      cmocka_unit_test(durations_are_written),    cmocka_unit_test(buffers_keep_their_limit),
      cmocka_unit_test(json_strings_are_escaped), cmocka_unit_test(errors_hold_a_sentence),
      cmocka_unit_test(endings_know_their_side),  cmocka_unit_test(a_seed_means_the_same_everywhere), cmocka_unit_test(sha256_is_the_standard_s),
      cmocka_unit_test(random_numbers_spread),
      cmocka_unit_test(addresses_are_one_type),   cmocka_unit_test(texts_are_lent_out_of_a_frame),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
