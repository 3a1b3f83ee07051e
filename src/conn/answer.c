#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conn/json_pointer.h"
#include "longhaul/conn/cookies.h"
#include "longhaul/conn/login.h"

enum { COOKIES_BYTES_MAX = 2 * LH_LOGIN_VALUE_MAX, HEADERS_BYTES_MAX = 64 << 10 };

static bool seeks_body(const struct lh_login_config *config) {
  for (size_t i = 0; i < config->extract_count; i++)
    if (config->extracts[i].source == LH_EXTRACT_JSON) return true;
  return false;
}

void lh_answer_init(struct lh_answer *answer, const struct lh_login_config *config) {
  *answer = (struct lh_answer){.config = config,
                               .body = LH_BUF_INIT(seeks_body(config) ? LH_LOGIN_BODY_MAX : 0),
                               .cookies = LH_BUF_INIT(COOKIES_BYTES_MAX),
                               .headers = LH_BUF_INIT(HEADERS_BYTES_MAX)};
}

void lh_answer_free(struct lh_answer *answer) {
  lh_buf_free(&answer->body);
  lh_buf_free(&answer->cookies);
  lh_buf_free(&answer->headers);
}

bool lh_answer_accepts(const struct lh_answer *answer, unsigned status) {
  const uint16_t *accepted = answer->config->status;
  for (size_t i = 0; i < LH_STATUSES_MAX && accepted[i]; i++)
    if (accepted[i] == status || accepted[i] == status / 100) return true;
  return false;
}

static void add(struct lh_answer *answer, struct lh_buf *buf, const char *bytes, size_t len) {
  int failed = lh_buf_add(buf, bytes, len);
  if (failed == -ENOBUFS) answer->too_large = true;
  if (failed == -ENOMEM) answer->no_memory = true;
}

void lh_answer_body(struct lh_answer *answer, const char *bytes, size_t len) {
  if (answer->body.limit) add(answer, &answer->body, bytes, len);
}

/* ---- headers ---- */

static bool is_name(const char *name, size_t len, const char *wanted) {
  return len == strlen(wanted) && !strncasecmp(name, wanted, len);
}

static void take_cookie(struct lh_answer *answer, const char *value, size_t len) {
  struct lh_text pair_name, pair_value;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)value[i] < ' ' || value[i] == 0x7f) return; /* no browser keeps it, and it would be two lines */
  if (!lh_cookie_pair((struct lh_text){value, len}, &pair_name, &pair_value)) return;
  if (answer->cookies.len) add(answer, &answer->cookies, "\n", 1);
  add(answer, &answer->cookies, value, len);
}

void lh_answer_header(struct lh_answer *answer, const char *name, size_t name_len, const char *value, size_t value_len) {
  const struct lh_login_config *config = answer->config;
  if (memchr(value, 0, value_len)) return;
  if (is_name(name, name_len, "Set-Cookie")) take_cookie(answer, value, value_len);
  for (size_t i = 0; i < config->extract_count; i++) {
    if (config->extracts[i].source != LH_EXTRACT_HEADER || !is_name(name, name_len, config->extracts[i].header)) continue;
    char number = (char)i;
    add(answer, &answer->headers, &number, 1);
    add(answer, &answer->headers, value, value_len);
    add(answer, &answer->headers, "", 1);
  }
}

/* ---- looking up ---- */

static struct lh_text header_of(const struct lh_answer *answer, size_t number) {
  if (!answer->headers.data) return (struct lh_text){0};
  const char *at = answer->headers.data, *end = at + answer->headers.len;
  while (at < end) {
    struct lh_text value = {at + 1, strlen(at + 1)};
    if (*at == (char)number) return value;
    at = value.at + value.len + 1;
  }
  return (struct lh_text){0};
}

/* The last one of that name. */
static struct lh_text cookie_of(const struct lh_answer *answer, const char *wanted) {
  struct lh_text found = {0};
  const char *at = answer->cookies.data ? answer->cookies.data : "", *end = at + answer->cookies.len;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    struct lh_text name = {0}, value;
    if (!stop) stop = end;
    lh_cookie_pair((struct lh_text){at, (size_t)(stop - at)}, &name, &value);
    if (name.len == strlen(wanted) && memcmp(name.at, wanted, name.len) == 0) found = value;
    at = stop + 1;
  }
  return found;
}

/* ---- JSON ---- */

static int hex4(const char *at, const char *end) {
  int value = 0;
  for (int i = 0; i < 4; i++, at++) {
    const char *digits = "0123456789abcdefABCDEF", *digit = at < end && *at ? strchr(digits, *at) : NULL;
    if (!digit) return -1;
    value = value << 4 | (int)(digit - digits < 16 ? digit - digits : digit - digits - 6);
  }
  return value;
}

static int add_utf8(struct lh_buf *out, unsigned c) {
  char bytes[4];
  size_t len = 0;
  if (c < 0x80) {
    bytes[len++] = (char)c;
  } else {
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    bytes[len++] = (char)(lead[more] | c >> 6 * more);
    while (more-- > 0) bytes[len++] = (char)(0x80 | (c >> 6 * more & 0x3f));
  }
  return lh_buf_add(out, bytes, len);
}

/* `*at` is past \u; moves past what was read. */
static int add_escaped(struct lh_buf *out, const char **at, const char *end) {
  int high = hex4(*at, end);
  if (high < 0) return -EINVAL;
  *at += 4;
  if (high < 0xd800 || high > 0xdfff) return add_utf8(out, (unsigned)high);
  int low = end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' ? hex4(*at + 2, end) : -1;
  if (high > 0xdbff || low < 0xdc00 || low > 0xdfff) return -EINVAL;
  *at += 6;
  return add_utf8(out, 0x10000 + ((unsigned)(high - 0xd800) << 10) + (unsigned)(low - 0xdc00));
}

/* What a JSON string says; of other values their own text. */
static int add_value(struct lh_buf *out, struct lh_json_span value) {
  static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  if (value.len < 2 || value.at[0] != '"') return lh_buf_add(out, value.at, value.len);
  int failed = 0;
  for (const char *at = value.at + 1, *end = value.at + value.len - 1; at < end && !failed;) {
    const char *back = memchr(at, '\\', (size_t)(end - at));
    failed = lh_buf_add(out, at, (size_t)((back ? back : end) - at));
    if (!back || failed) break;
    const char *escape = end - back > 1 && back[1] ? strchr(escapes, back[1]) : NULL;
    at = back + 2;
    if (escape)
      failed = lh_buf_add(out, &meant[escape - escapes], 1);
    else if (end - back > 1 && back[1] == 'u')
      failed = add_escaped(out, &at, end);
    else
      failed = -EINVAL;
  }
  return failed;
}

/* ---- all of it ---- */

static int missing(const struct lh_extract *extract, struct lh_err *err) {
  static const char *const kinds[] = {"nothing at JSON pointer", "no header", "no cookie"};
  const char *what[] = {extract->json, extract->header, extract->cookie};
  return lh_err_set(err, ENOENT, "%s: the answer has %s %s", extract->name, kinds[extract->source], what[extract->source]);
}

static int find(const struct lh_answer *answer, size_t number, struct lh_buf *out, struct lh_err *err) {
  const struct lh_extract *extract = &answer->config->extracts[number];
  struct lh_json_span value;
  struct lh_text text = {0};
  if (extract->source == LH_EXTRACT_JSON) {
    const char *body = answer->body.data ? answer->body.data : "";
    bool found = lh_json_pointer_find(extract->json, body, answer->body.len, &value);
    if (!found || (value.len == 4 && memcmp(value.at, "null", 4) == 0)) return missing(extract, err);
    int failed = add_value(out, value);
    if (failed == -EINVAL) return lh_err_set(err, EINVAL, "%s: the JSON string at %s is damaged", extract->name, extract->json);
    return failed;
  }
  text = extract->source == LH_EXTRACT_HEADER ? header_of(answer, number) : cookie_of(answer, extract->cookie);
  return text.at ? lh_buf_add(out, text.at, text.len) : missing(extract, err);
}

/* It becomes part of requests: a line break in it would end a header. */
static int check_text(const char *name, const struct lh_buf *text, size_t from, struct lh_err *err) {
  if (text->len - from > LH_LOGIN_VALUE_MAX)
    return lh_err_set(err, EINVAL, "%s: longer than %d bytes", name, LH_LOGIN_VALUE_MAX);
  for (size_t i = from; i < text->len; i++)
    if ((unsigned char)text->data[i] < ' ' || text->data[i] == 0x7f)
      return lh_err_set(err, EINVAL, "%s: a control character in it", name);
  return 0;
}

static int gather(const struct lh_answer *answer, struct lh_buf *all, size_t *ends, struct lh_err *err) {
  const bool keeps = answer->config->keeps_cookies && answer->cookies.len;
  int failed = keeps ? lh_buf_add(all, answer->cookies.data, answer->cookies.len) : 0;
  if (!failed && all->len > LH_LOGIN_VALUE_MAX) failed = lh_err_set(err, EINVAL, "cookies: longer than %d bytes", LH_LOGIN_VALUE_MAX);
  ends[0] = all->len;
  for (size_t i = 0; !failed && i < answer->config->extract_count; i++) {
    failed = find(answer, i, all, err);
    if (!failed) failed = check_text(answer->config->extracts[i].name, all, ends[i], err);
    ends[i + 1] = all->len;
  }
  return failed;
}

int lh_answer_texts(const struct lh_answer *answer, struct lh_texts **texts, struct lh_err *err) {
  struct lh_buf all = LH_BUF_INIT((size_t)LH_LOGIN_BODY_MAX * 4);
  size_t ends[LH_EXTRACTS_MAX + 1];
  struct lh_text items[LH_EXTRACTS_MAX + 1];
  if (answer->no_memory) return lh_err_set(err, ENOMEM, "no memory for the answer");
  if (answer->too_large) return lh_err_set(err, EINVAL, "the answer is longer than what is looked into");
  struct lh_err why = {0};
  int failed = gather(answer, &all, ends, &why);
  if (failed && !why.code) lh_err_set(&why, failed, failed == -ENOMEM ? "no memory for the answer" : "the answer is too long");
  for (size_t i = 0; !failed && i <= answer->config->extract_count; i++)
    items[i] = (struct lh_text){all.data ? all.data + (i ? ends[i - 1] : 0) : "", ends[i] - (i ? ends[i - 1] : 0)};
  if (!failed && !(*texts = lh_texts_new(items, (uint32_t)answer->config->extract_count + 1)))
    failed = lh_err_set(&why, ENOMEM, "no memory for the answer");
  if (failed && err) *err = why;
  lh_buf_free(&all);
  return failed;
}
