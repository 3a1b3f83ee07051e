#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/base/limits.h"
#include "longhaul/base/rng.h"
#include "longhaul/plan/template.h"

static const struct lh_template_values values = {
    .tag = {{'a', 'b', 'c', 'd'}},
    .token = {.client = 1234, .group = 3, .seq = 56789},
    .group_name = "chat",
    .time_ms = 1800000000123,
    .seed = 42,
};

static uint64_t random_below(uint64_t i, uint64_t k, uint64_t n) {
  return lh_rng_below(lh_rng_at(23, LH_RNG_SIM, i, k), n);
}

/* The rendering in a buffer of exactly size_max, so that a byte too many is seen. Freed by the caller. */
static char *render(const struct lh_template *t, const struct lh_template_values *v, size_t *len) {
  char *exact = malloc(lh_template_size_max(t) + 1), *text;
  *len = lh_template_render(t, v, exact);
  assert_true(*len <= lh_template_size_max(t));
  text = calloc(1, *len + 1);
  memcpy(text, exact, *len);
  free(exact);
  return text;
}

static char *render_text(const char *source, const struct lh_template_values *v) {
  struct lh_template *t = NULL;
  struct lh_err err = {0};
  if (lh_template_compile(source, strlen(source), &t, &err)) fail_msg("%s: %s", source, err.text);
  size_t len;
  char *text = render(t, v, &len);
  assert_int_equal(strlen(text), len);
  lh_template_free(t);
  return text;
}

/* ---- variables ---- */

static void variables_are_filled_in(void **state) {
  (void)state;
  static const struct {
    const char *source, *text;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"${seq}", "56789"},
      {"n=${seq},", "n=56789,"},
      {"${client}/${group}/${time_ms}", "1234/chat/1800000000123"},
      {"{\"a\":${seq},\"b\":${seq}}", "{\"a\":56789,\"b\":56789}"},
      {"$", "$"},
      {"$$", "$$"},
      {"cost: $5 {x} $x}", "cost: $5 {x} $x}"},
      {"$${seq}", "${seq}"},
      {"$$${seq}", "$${seq}"},
      {"a$${b}${seq}$${", "a${b}56789${"},
      {"${seq}${seq}$${seq}", "5678956789${seq}"},
      {"${rand:7..7}", "7"},
      {"${rand:-9223372036854775808..-9223372036854775808}", "-9223372036854775808"},
      {"${rand:9223372036854775807..9223372036854775807}", "9223372036854775807"},
      {"\xc3\xa9${seq}\xff", "\xc3\xa9"
                             "56789\xff"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *text = render_text(cases[i].source, &values);
    assert_string_equal(text, cases[i].text);
    free(text);
  }
}

static void zero_bytes_of_a_payload_stay(void **state) {
  (void)state;
  struct lh_template *t;
  assert_int_equal(lh_template_compile("a\0${seq}\0", 9, &t, NULL), 0);
  char out[64];
  assert_int_equal(lh_template_render(t, &values, out), 8);
  assert_memory_equal(out,
                      "a\0"
                      "56789\0",
                      8);
  lh_template_free(t);
}

static void a_range_is_used_to_its_ends(void **state) {
  (void)state;
  static const struct {
    const char *source;
    long low, high;
  } cases[] = {{"${rand:1..6}", 1, 6}, {"${rand:-3..3}", -3, 3}, {"${rand:0..1}", 0, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned seen[16] = {0};
    struct lh_template_values v = values;
    for (v.token.seq = 0; v.token.seq < 2000; v.token.seq++) {
      char *text = render_text(cases[i].source, &v);
      long value = strtol(text, NULL, 10);
      assert_true(value >= cases[i].low && value <= cases[i].high);
      seen[value - cases[i].low]++;
      free(text);
    }
    long places = cases[i].high - cases[i].low + 1;
    for (long k = 0; k < places; k++) assert_in_range(seen[k], 2000 / places * 3 / 4, 2000 / places * 5 / 4);
  }
  char *all = render_text("${rand:-9223372036854775808..9223372036854775807}", &values);
  assert_true(strlen(all) > 10);
  free(all);
}

static void chance_follows_from_seed_and_token(void **state) {
  (void)state;
  static const char source[] = "${rand:0..1000000000} ${rand:0..1000000000} ${uuid} ${uuid}";
  char *first = render_text(source, &values), *again = render_text(source, &values);
  assert_string_equal(first, again);
  free(again);
  long a = strtol(first, NULL, 10), b = strtol(strchr(first, ' '), NULL, 10);
  assert_true(a != b); /* two variables of one text differ */
  assert_memory_not_equal(strchr(first, '-') - 8, strrchr(first, ' ') + 1, 36);
  for (int i = 0; i < 4; i++) {
    struct lh_template_values v = values;
    v.seed += i == 0;
    v.token.seq += i == 1;
    v.token.client += i == 2;
    v.token.group += i == 3;
    char *other = render_text(source, &v);
    assert_string_not_equal(other, first);
    free(other);
  }
  free(first);
}

static void a_uuid_has_its_form(void **state) {
  (void)state;
  struct lh_template_values v = values;
  for (v.token.seq = 0; v.token.seq < 200; v.token.seq++) {
    char *uuid = render_text("${uuid}", &v);
    assert_int_equal(strlen(uuid), 36);
    for (int i = 0; i < 36; i++) {
      if (i == 8 || i == 13 || i == 18 || i == 23)
        assert_int_equal(uuid[i], '-');
      else
        assert_non_null(strchr("0123456789abcdef", uuid[i]));
    }
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
    assert_false(memcmp(uuid + 4, uuid + 24, 4) == 0 && memcmp(uuid + 9, uuid + 28, 4) == 0); /* its halves are drawn apart */
    free(uuid);
  }
}

static void the_largest_values_fit(void **state) {
  (void)state;
  static const char source[] =
      "${group}${seq}${client}${time_ms}${token}${uuid}${rand:-9223372036854775808..-9223372036854775807}";
  char name[2 * LH_NAME_MAX] = {0};
  memset(name, 'g', LH_NAME_MAX + 5); /* longer than a config allows */
  struct lh_template_values v = {.tag = values.tag,
                                 .group_name = name,
                                 .time_ms = UINT64_MAX,
                                 .token = {.client = 2176782335, .group = 1295, .seq = 2821109907455}};
  char *text = render_text(source, &v);
  assert_int_equal(strspn(text, "g"), LH_NAME_MAX - 1);
  free(text);
  v.group_name = NULL;
  text = render_text("[${group}]", &v);
  assert_string_equal(text, "[]");
  free(text);
}

static void mistakes_give_a_sentence(void **state) {
  (void)state;
  static const struct {
    const char *source, *says;
  } cases[] = {
      {"abc ${tokn}", "the variable ${tokn} at offset 4 is not known"},
      {"${Token}", "${Token} at offset 0"},
      {"${}", "${} at offset 0 is not known"},
      {"${token", "the ${ at offset 0 is followed by no variable's name and }"},
      {"x${", "at offset 1"},
      {"${to ken}", "at offset 0 is followed by no"},
      {"${seq:1..2}", "${seq:1..2} at offset 0 is not known"},
      {"${rand}", "${rand} at offset 0 has no range"},
      {"${rand:}", "has no range"},
      {"${rand:1}", "has no range"},
      {"${rand:1..}", "has no range"},
      {"${rand:..2}", "has no range"},
      {"${rand:1.2}", "has no range"},
      {"${rand:2..1}", "LOW at most HIGH"},
      {"${rand:1..2x}", "has no range"},
      {"${rand:1..9223372036854775808}", "has no range"},
      {"${rand:-9223372036854775809..0}", "has no range"},
      {"${rand:-9223372036854775809..9223372036854775807}", "has no range"},
      {"${rand:-9223372036854775808..9223372036854775808}", "has no range"},
      {"${rand:0..99999999999999999999999999}", "has no range"},
      {"$${a} ${nope}", "${nope} at offset 6"},
      {"${data.user}", "${data.user} at offset 0 names no column"},
      {"${aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", "is not known"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_template *t = (struct lh_template *)&values, *before = t;
    struct lh_err err = {0};
    assert_int_equal(lh_template_compile(cases[i].source, strlen(cases[i].source), &t, &err), -EINVAL);
    assert_ptr_equal(t, before);
    if (!strstr(err.text, cases[i].says)) fail_msg("%s: %s", cases[i].source, err.text);
  }
  lh_template_free(NULL);
}

static void a_payload_has_a_largest_size(void **state) {
  (void)state;
  struct lh_template *t;
  struct lh_err err = {0};
  assert_int_equal(lh_template_fill((size_t)LH_PAYLOAD_BYTES_MAX + 1, &t, &err), -EINVAL);
  assert_non_null(strstr(err.text, "16777217 bytes; a message may have at most 16777216"));
  char *text = malloc(LH_PAYLOAD_BYTES_MAX);
  memset(text, 'x', LH_PAYLOAD_BYTES_MAX);
  assert_int_equal(lh_template_compile(text, LH_PAYLOAD_BYTES_MAX, &t, &err), 0);
  lh_template_free(t);
  memcpy(text, "${seq}", 6); /* may render to more than its own six bytes */
  assert_int_equal(lh_template_compile(text, LH_PAYLOAD_BYTES_MAX, &t, &err), -EINVAL);
  free(text);
}

static void fills_have_their_size_and_a_token(void **state) {
  (void)state;
  static const size_t sizes[] = {0, 1, 15, 16, 25, 26, 27, 41, 42, 43, 100, 1024, 65537};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct lh_template *t;
    assert_int_equal(lh_template_fill(sizes[i], &t, NULL), 0);
    assert_int_equal(lh_template_size_max(t), sizes[i]);
    assert_int_equal(lh_template_has_token(t), sizes[i] >= LH_TOKEN_LEN);
    struct lh_template_values v = values;
    size_t len, again_len;
    char *text = render(t, &v, &len), *again = render(t, &v, &again_len);
    assert_int_equal(len, sizes[i]);
    assert_memory_equal(text, again, len);
    for (size_t k = sizes[i] >= LH_TOKEN_LEN ? LH_TOKEN_LEN : 0; k < len; k++) assert_in_range(text[k], 'A', 'P');
    struct lh_token token = {0};
    assert_int_equal(lh_token_find(v.tag, text, len, &token), sizes[i] >= LH_TOKEN_LEN ? 0 : -ENOENT);
    free(again);
    v.token.seq++;
    again = render(t, &v, &again_len);
    if (len > 2 * LH_TOKEN_LEN) assert_memory_not_equal(text + LH_TOKEN_LEN, again + LH_TOKEN_LEN, len - LH_TOKEN_LEN);
    free(again);
    free(text);
    lh_template_free(t);
  }
}

/* ---- tokens ---- */

static void tokens_come_back(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 20000; i++) {
    struct lh_token_tag tag = lh_token_tag(random_below(i, 0, 5));
    struct lh_token token = {.client = (uint32_t)random_below(i, 1, 2176782336),
                             .group = (uint32_t)random_below(i, 2, 1296),
                             .seq = random_below(i, 3, 2821109907456)};
    size_t before = random_below(i, 4, 40), after = random_below(i, 5, 40);
    char *bytes = malloc(before + LH_TOKEN_LEN + after);
    for (size_t k = 0; k < before + LH_TOKEN_LEN + after; k++) bytes[k] = "lh{\"}0a"[random_below(i, 100 + k, 7)];
    lh_token_write(tag, token, bytes + before);
    for (size_t k = 0; k < LH_TOKEN_LEN; k++)
      assert_non_null(strchr("0123456789abcdefghijklmnopqrstuvwxyz", bytes[before + k]));
    struct lh_token found = {0};
    assert_int_equal(lh_token_find(tag, bytes, before + LH_TOKEN_LEN + after, &found), before);
    assert_int_equal(found.client, token.client);
    assert_int_equal(found.group, token.group);
    assert_int_equal(found.seq, token.seq);
    free(bytes);
  }
}

static void the_form_is_the_documented_one(void **state) {
  (void)state;
  char out[LH_TOKEN_LEN + 1] = {0};
  lh_token_write(values.tag, (struct lh_token){.client = 35, .group = 36, .seq = 37}, out);
  assert_memory_equal(out, "lhabcd00000z1000000011", 22);
}

/* Any one byte changed, a byte missing, two exchanged: damaged, not another token and not nothing. */
static void damage_is_seen(void **state) {
  (void)state;
  char good[LH_TOKEN_LEN], bad[LH_TOKEN_LEN];
  struct lh_token found;
  lh_token_write(values.tag, values.token, good);
  for (int at = 6; at < LH_TOKEN_LEN; at++) {
    for (int byte = 0; byte < 256; byte++) {
      memcpy(bad, good, sizeof bad);
      bad[at] = (char)byte;
      if (bad[at] != good[at]) assert_int_equal(lh_token_find(values.tag, bad, sizeof bad, &found), -EBADMSG);
    }
    memcpy(bad, good, sizeof bad);
    bad[at] = bad[at - (at > 6)];
    bad[at - (at > 6)] = good[at];
    if (memcmp(bad, good, sizeof bad) != 0) assert_int_equal(lh_token_find(values.tag, bad, sizeof bad, &found), -EBADMSG);
  }
  for (size_t len = 0; len < LH_TOKEN_LEN; len++) {
    char *cut = malloc(len + 1);
    memcpy(cut, good, len);
    assert_int_equal(lh_token_find(values.tag, cut, len, &found), len < 6 ? -ENOENT : -EBADMSG);
    free(cut);
  }
}

static void a_whole_token_is_found_past_a_damaged_one(void **state) {
  (void)state;
  char text[200] = "lhabcd lhabclhabcd00 ";
  size_t at = strlen(text);
  lh_token_write(values.tag, values.token, text + at);
  struct lh_token found = {0};
  assert_int_equal(lh_token_find(values.tag, text, sizeof text, &found), at);
  assert_int_equal(found.seq, values.token.seq);
  lh_token_write(values.tag, (struct lh_token){.seq = 1}, text + at + 40); /* the first whole one counts */
  assert_int_equal(lh_token_find(values.tag, text, sizeof text, &found), at);
  assert_int_equal(lh_token_find(values.tag, text, at, &found), -EBADMSG);
}

static void another_run_s_token_is_not_ours(void **state) {
  (void)state;
  char text[LH_TOKEN_LEN];
  struct lh_token found;
  lh_token_write(lh_token_tag(1), values.token, text);
  assert_int_equal(lh_token_find(lh_token_tag(2), text, sizeof text, &found), -ENOENT);
  assert_memory_equal(lh_token_tag(1).text, lh_token_tag(1).text, 4);
  assert_int_equal(lh_token_find(lh_token_tag(1), "", 0, &found), -ENOENT);
}

static void a_rendered_token_is_found(void **state) {
  (void)state;
  struct lh_template *t;
  static const char source[] = "{\"op\":\"echo\",\"id\":\"${token}\",\"n\":${seq}}";
  assert_int_equal(lh_template_compile(source, strlen(source), &t, NULL), 0);
  assert_true(lh_template_has_token(t));
  char out[200];
  size_t len = lh_template_render(t, &values, out);
  struct lh_token found;
  assert_int_equal(lh_token_find(values.tag, out, len, &found), 19);
  assert_int_equal(found.client, 1234);
  assert_int_equal(found.group, 3);
  assert_int_equal(found.seq, 56789);
  lh_template_free(t);
  assert_int_equal(lh_template_compile("$${token}", 9, &t, NULL), 0);
  assert_false(lh_template_has_token(t));
  lh_template_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(variables_are_filled_in),
      cmocka_unit_test(zero_bytes_of_a_payload_stay),
      cmocka_unit_test(a_range_is_used_to_its_ends),
      cmocka_unit_test(chance_follows_from_seed_and_token),
      cmocka_unit_test(a_uuid_has_its_form),
      cmocka_unit_test(the_largest_values_fit),
      cmocka_unit_test(mistakes_give_a_sentence),
      cmocka_unit_test(a_payload_has_a_largest_size),
      cmocka_unit_test(fills_have_their_size_and_a_token),
      cmocka_unit_test(tokens_come_back),
      cmocka_unit_test(the_form_is_the_documented_one),
      cmocka_unit_test(damage_is_seen),
      cmocka_unit_test(a_whole_token_is_found_past_a_damaged_one),
      cmocka_unit_test(another_run_s_token_is_not_ours),
      cmocka_unit_test(a_rendered_token_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
