#include "longhaul/plan/template.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/limits.h"
#include "longhaul/base/rng.h"
#include "longhaul/config/data.h"
#include "plan/digits.h"

/* X(ID, name, most bytes it renders to). RAND is `rand:LOW..HIGH`. */
#define VARIABLE_LIST(X)                                                                                                       \
  X(TOKEN, "token", LH_TOKEN_LEN)                                                                                              \
  X(SEQ, "seq", DIGITS_MAX)                                                                                                    \
  X(CLIENT, "client", DIGITS_MAX)                                                                                              \
  X(GROUP, "group", LH_NAME_MAX - 1)                                                                                           \
  X(TIME_MS, "time_ms", DIGITS_MAX)                                                                                            \
  X(UUID, "uuid", UUID_LEN)                                                                                                    \
  X(RAND, "rand", DIGITS_MAX + 1)

enum { UUID_LEN = 36 };

enum part_kind {
#define X(id, name, size) PART_##id,
  VARIABLE_LIST(X)
#undef X
      PART_TEXT,
  PART_FILL,
  PART_DATA,
  PART_LOGIN
};

struct part {
  enum part_kind kind;
  uint32_t salt;    /* its number, so that two ${uuid} of one template differ */
  const char *text; /* TEXT: within the template's own copy */
  size_t len;       /* TEXT, FILL */
  int64_t low;      /* RAND */
  uint64_t span;    /* RAND: high - low */
  uint32_t column;  /* DATA; LOGIN: number of the text */
};

struct lh_template {
  const struct lh_data *data; /* borrowed; NULL: none is named */
  size_t size_max;
  bool has_token;
  char *text; /* owned */
  size_t part_count, part_room;
  struct part *parts; /* owned */
};

static const struct {
  const char *name;
  size_t size_max;
} variables[] = {
#define X(id, name, size) {name, size},
    VARIABLE_LIST(X)
#undef X
};

enum { VARIABLE_COUNT = sizeof variables / sizeof *variables };

#define KNOWN                                                                                                                  \
  "known are ${token}, ${seq}, ${client}, ${group}, ${time_ms}, ${uuid} and ${rand:LOW..HIGH}; $${ writes a plain ${"

/* ---- compiling ---- */

static int no_memory(struct lh_err *err) {
  return lh_err_set(err, -ENOMEM, "no memory for a message's payload");
}

static struct part *add_part(struct lh_template *t, enum part_kind kind) {
  if (t->part_count == t->part_room) {
    size_t room = t->part_room ? 2 * t->part_room : 8;
    struct part *parts = realloc(t->parts, room * sizeof *parts);
    if (!parts) return NULL;
    t->parts = parts;
    t->part_room = room;
  }
  struct part *part = &t->parts[t->part_count];
  *part = (struct part){.kind = kind, .salt = (uint32_t)t->part_count};
  t->part_count++;
  return part;
}

static int add_text(struct lh_template *t, const char *text, size_t len, struct lh_err *err) {
  if (len == 0) return 0;
  struct part *part = add_part(t, PART_TEXT);
  if (!part) return no_memory(err);
  part->text = text;
  part->len = len;
  t->size_max += len;
  return 0;
}

/* Reads a whole number with an optional minus; returns what follows it, or NULL. */
static const char *read_number(const char *at, const char *end, int64_t *number) {
  bool minus = at < end && *at == '-';
  uint64_t value = 0, most = minus ? UINT64_C(1) << 63 : INT64_MAX;
  const char *first = at += minus;
  for (; at < end && *at >= '0' && *at <= '9'; at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (value > (most - digit) / 10) return NULL;
    value = value * 10 + digit;
  }
  *number = minus ? (int64_t)(0 - value) : (int64_t)value;
  return at == first ? NULL : at;
}

/* `LOW..HIGH`, all of [at, end). */
static bool read_range(const char *at, const char *end, struct part *part) {
  int64_t low, high;
  at = read_number(at, end, &low);
  if (!at || end - at < 2 || memcmp(at, "..", 2) != 0) return false;
  at = read_number(at + 2, end, &high);
  if (at != end || low > high) return false;
  part->low = low;
  part->span = (uint64_t)high - (uint64_t)low;
  return true;
}

/* Where in the text a variable stands, for sentences. */
struct spot {
  const char *name;
  size_t len, offset;
};

static bool begins(struct spot spot, const char *word) {
  return spot.len >= strlen(word) && memcmp(spot.name, word, strlen(word)) == 0;
}

static int add_data(struct lh_template *t, const struct lh_group *group, struct spot spot, struct lh_err *err) {
  const size_t skip = strlen("data.");
  const struct lh_data *data = group ? group->data.rows : NULL;
  uint32_t column = data ? lh_data_column(data, spot.name + skip, spot.len - skip) : UINT32_MAX;
  if (column == UINT32_MAX)
    return lh_err_set(err, -EINVAL, "the variable ${%.*s} at offset %zu names no column of the group's data",
                      spot.len < 60 ? (int)spot.len : 60, spot.name, spot.offset);
  struct part *part = add_part(t, PART_DATA);
  if (!part) return no_memory(err);
  part->column = column;
  t->data = data;
  t->size_max += lh_data_longest(data, column);
  return 0;
}

static int add_login(struct lh_template *t, const struct lh_group *group, struct spot spot, struct lh_err *err) {
  const size_t skip = strlen("login."), len = spot.len - skip, count = group ? group->login.extract_count : 0;
  size_t i = 0;
  while (i < count && (strlen(group->login.extracts[i].name) != len || memcmp(group->login.extracts[i].name, spot.name + skip, len))) i++;
  if (i == count)
    return lh_err_set(err, -EINVAL, "the variable ${%.*s} at offset %zu names nothing that the group's login extracts",
                      spot.len < 60 ? (int)spot.len : 60, spot.name, spot.offset);
  struct part *part = add_part(t, PART_LOGIN);
  if (!part) return no_memory(err);
  part->column = (uint32_t)i + 1;
  t->size_max += LH_LOGIN_VALUE_MAX;
  return 0;
}

static int add_variable(struct lh_template *t, struct spot spot, struct lh_err *err) {
  const char *colon = memchr(spot.name, ':', spot.len), *end = spot.name + spot.len;
  size_t len = colon ? (size_t)(colon - spot.name) : spot.len;
  int shown = spot.len < 60 ? (int)spot.len : 60, kind = 0;
  while (kind < VARIABLE_COUNT && (strlen(variables[kind].name) != len || memcmp(variables[kind].name, spot.name, len) != 0))
    kind++;
  if (kind == VARIABLE_COUNT || (colon && kind != PART_RAND))
    return lh_err_set(err, -EINVAL, "the variable ${%.*s} at offset %zu is not known; " KNOWN, shown, spot.name, spot.offset);
  struct part *part = add_part(t, (enum part_kind)kind);
  if (!part) return no_memory(err);
  if (kind == PART_RAND && (!colon || !read_range(colon + 1, end, part)))
    return lh_err_set(err, -EINVAL,
                      "the variable ${%.*s} at offset %zu has no range; expected ${rand:LOW..HIGH} with whole numbers, LOW at "
                      "most HIGH, as in ${rand:1..100}",
                      shown, spot.name, spot.offset);
  t->has_token |= kind == PART_TOKEN;
  t->size_max += variables[kind].size_max;
  return 0;
}

/* The end of a variable's name: what is not of it, the closing brace in good order. Columns may have any name. */
static const char *name_end(const char *at, const char *end) {
  if (end - at > 5 && memcmp(at, "data.", 5) == 0) {
    const char *close = memchr(at, '}', (size_t)(end - at));
    return close ? close : end;
  }
  while (at < end && (*at == '_' || *at == ':' || *at == '.' || *at == '-' || (*at >= '0' && *at <= '9') ||
                      (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
    at++;
  return at;
}

static int compile(struct lh_template *t, const struct lh_group *group, size_t len, struct lh_err *err) {
  const char *plain = t->text, *end = t->text + len;
  for (const char *at = plain; (at = memmem(at, (size_t)(end - at), "${", 2));) {
    bool escaped = at > plain && at[-1] == '$';
    int failed = add_text(t, plain, (size_t)(at - plain) - escaped, err);
    if (failed) return failed;
    plain = at;
    at += 2;
    if (escaped) continue;
    const char *stop = name_end(at, end);
    size_t offset = (size_t)(plain - t->text);
    if (stop == end || *stop != '}')
      return lh_err_set(err, -EINVAL, "the ${ at offset %zu is followed by no variable's name and }; " KNOWN, offset);
    struct spot spot = {at, (size_t)(stop - at), offset};
    failed = begins(spot, "data.")    ? add_data(t, group, spot, err)
             : begins(spot, "login.") ? add_login(t, group, spot, err)
                                      : add_variable(t, spot, err);
    if (failed) return failed;
    plain = at = stop + 1;
  }
  return add_text(t, plain, (size_t)(end - plain), err);
}

static int check_size(size_t size, struct lh_err *err) {
  if (size <= LH_PAYLOAD_BYTES_MAX) return 0;
  return lh_err_set(err, -EINVAL, "the payload takes up to %zu bytes; a message may have at most %d", size,
                    LH_PAYLOAD_BYTES_MAX);
}

int lh_template_compile(const char *text, size_t len, struct lh_template **out, struct lh_err *err) {
  return lh_template_compile_for(NULL, text, len, out, err);
}

/* A template that holds a copy of the text, and nothing yet of what it says. */
static int new_template(const char *text, size_t len, struct lh_template **out, struct lh_err *err) {
  int failed = check_size(len, err);
  if (failed) return failed;
  struct lh_template *t = calloc(1, sizeof *t);
  if (t) t->text = malloc(len + 1);
  if (!t || !t->text) {
    lh_template_free(t);
    return no_memory(err);
  }
  if (len) memcpy(t->text, text, len);
  *out = t;
  return 0;
}

int lh_template_compile_for(const struct lh_group *group, const char *text, size_t len, struct lh_template **out,
                            struct lh_err *err) {
  struct lh_template *t = NULL;
  int failed = new_template(text, len, &t, err);
  if (!failed) failed = compile(t, group, len, err);
  if (!failed) failed = check_size(t->size_max, err);
  if (failed)
    lh_template_free(t);
  else
    *out = t;
  return failed;
}

int lh_template_plain(const char *text, size_t len, struct lh_template **out, struct lh_err *err) {
  struct lh_template *t = NULL;
  int failed = new_template(text, len, &t, err);
  if (!failed) failed = add_text(t, t->text, len, err);
  if (failed)
    lh_template_free(t);
  else
    *out = t;
  return failed;
}

int lh_template_fill(size_t size, struct lh_template **out, struct lh_err *err) {
  int failed = check_size(size, err);
  if (failed) return failed;
  struct lh_template *t = calloc(1, sizeof *t);
  if (!t) return no_memory(err);
  t->has_token = size >= LH_TOKEN_LEN;
  t->size_max = size;
  struct part *token = t->has_token ? add_part(t, PART_TOKEN) : NULL;
  struct part *fill = add_part(t, PART_FILL);
  if (!fill || (t->has_token && !token)) {
    lh_template_free(t);
    return no_memory(err);
  }
  fill->len = t->has_token ? size - LH_TOKEN_LEN : size;
  *out = t;
  return 0;
}

void lh_template_free(struct lh_template *t) {
  if (!t) return;
  free(t->text);
  free(t->parts);
  free(t);
}

size_t lh_template_size_max(const struct lh_template *t) {
  return t->size_max;
}

bool lh_template_has_token(const struct lh_template *t) {
  return t->has_token;
}

/* ---- rendering ---- */

static uint64_t word_of(const struct lh_template_values *v, uint32_t salt, uint64_t nth) {
  return lh_rng_at(v->seed + nth, LH_RNG_PAYLOAD, (uint64_t)v->token.group << 32 | v->token.client, v->token.seq << 16 ^ salt);
}

static size_t write_group(const char *name, char *out) {
  size_t len = name ? strnlen(name, LH_NAME_MAX - 1) : 0;
  if (len) memcpy(out, name, len);
  return len;
}

/* Version 4, variant 1 (RFC 9562), from two words. */
static size_t write_uuid(uint64_t high, uint64_t low, char *out) {
  static const char hex[] = "0123456789abcdef";
  high = (high & ~UINT64_C(0xf000)) | 0x4000;
  low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
  char *at = out;
  for (int nibble = 0; nibble < 32; nibble++) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) *at++ = '-';
    uint64_t half = nibble < 16 ? high : low;
    *at++ = hex[half >> (60 - 4 * (nibble % 16)) & 15];
  }
  return (size_t)(at - out);
}

static size_t write_random(const struct part *part, uint64_t word, char *out) {
  uint64_t distance = part->span == UINT64_MAX ? word : lh_rng_below(word, part->span + 1);
  int64_t value = (int64_t)((uint64_t)part->low + distance);
  if (value >= 0) return write_decimal(out, (uint64_t)value);
  *out = '-';
  return 1 + write_decimal(out + 1, 0 - (uint64_t)value);
}

/* Letters A to P, 16 from each step of a SplitMix64 generator: good in text frames and in JSON, and no token can begin in
 * them. A payload of these deflates to about half. */
static size_t write_fill(uint64_t state, size_t len, char *out) {
  for (size_t at = 0; at < len; at += 16) {
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15)), letters[2];
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    letters[0] = (z & UINT64_C(0x0f0f0f0f0f0f0f0f)) + UINT64_C(0x4141414141414141);
    letters[1] = (z >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) + UINT64_C(0x4141414141414141);
    memcpy(out + at, letters, len - at < 16 ? len - at : 16);
  }
  return len;
}

static size_t write_cell(const struct lh_template *t, uint32_t row, uint32_t column, char *out) {
  struct lh_cell cell = lh_data_cell(t->data, row, column);
  if (cell.len) memcpy(out, cell.at, cell.len);
  return cell.len;
}

static size_t write_login(const struct lh_texts *texts, uint32_t number, char *out) {
  struct lh_text text = texts ? lh_texts_at(texts, number) : (struct lh_text){0};
  if (text.len) memcpy(out, text.at, text.len);
  return text.len;
}

static size_t render_part(const struct lh_template *t, const struct part *part, const struct lh_template_values *v, char *out) {
  switch (part->kind) {
  case PART_TEXT: memcpy(out, part->text, part->len); return part->len;
  case PART_TOKEN: lh_token_write(v->tag, v->token, out); return LH_TOKEN_LEN;
  case PART_SEQ: return write_decimal(out, v->token.seq);
  case PART_CLIENT: return write_decimal(out, v->token.client);
  case PART_GROUP: return write_group(v->group_name, out);
  case PART_TIME_MS: return write_decimal(out, v->time_ms);
  case PART_UUID: return write_uuid(word_of(v, part->salt, 0), word_of(v, part->salt, 1), out);
  case PART_RAND: return write_random(part, word_of(v, part->salt, 0), out);
  case PART_DATA: return write_cell(t, v->row, part->column, out);
  case PART_LOGIN: return write_login(v->login, part->column, out);
  case PART_FILL: return write_fill(word_of(v, part->salt, 0), part->len, out);
  }
  assert(false && "a part of unknown kind");
  return 0;
}

size_t lh_template_render(const struct lh_template *t, const struct lh_template_values *values, char *out) {
  char *at = out;
  for (size_t i = 0; i < t->part_count; i++) at += render_part(t, &t->parts[i], values, at);
  return (size_t)(at - out);
}
