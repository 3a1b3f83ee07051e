#include "longhaul/base/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Makes room for `more` bytes and the closing zero. */
static int reserve(struct lh_buf *buf, size_t more) {
  if (more > buf->limit || buf->len > buf->limit - more) return -ENOBUFS;
  size_t need = buf->len + more + 1;
  if (need <= buf->room) return 0;
  size_t room = buf->room ? buf->room : 64;
  while (room < need) room = room > SIZE_MAX / 2 ? need : room * 2;
  if (room > buf->limit + 1 && need <= buf->limit + 1) room = buf->limit + 1;
  char *data = realloc(buf->data, room);
  if (!data) return -ENOMEM;
  buf->data = data;
  buf->room = room;
  return 0;
}

int lh_buf_add(struct lh_buf *buf, const void *bytes, size_t len) {
  int failed = reserve(buf, len);
  if (failed) return failed;
  if (len) memcpy(buf->data + buf->len, bytes, len);
  buf->len += len;
  buf->data[buf->len] = 0;
  return 0;
}

int lh_buf_addstr(struct lh_buf *buf, const char *text) {
  return lh_buf_add(buf, text, strlen(text));
}

int lh_buf_addfd(struct lh_buf *buf, int fd) {
  char chunk[16384];
  for (;;) {
    ssize_t got = read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? -errno : 0;
    int failed = lh_buf_add(buf, chunk, (size_t)got);
    if (failed) return failed == -ENOBUFS ? -EFBIG : failed;
  }
}

int lh_buf_vaddf(struct lh_buf *buf, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  int failed = len < 0 ? -EINVAL : reserve(buf, (size_t)len);
  if (!failed) {
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
    buf->len += (size_t)len;
  }
  va_end(again);
  return failed;
}

int lh_buf_addf(struct lh_buf *buf, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int result = lh_buf_vaddf(buf, format, args);
  va_end(args);
  return result;
}

int lh_buf_addu8(struct lh_buf *buf, uint8_t value) {
  return lh_buf_add(buf, &value, 1);
}

int lh_buf_addu32(struct lh_buf *buf, uint32_t value) {
  uint8_t bytes[4];
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> (8 * i));
  return lh_buf_add(buf, bytes, sizeof bytes);
}

int lh_buf_addu64(struct lh_buf *buf, uint64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> (8 * i));
  return lh_buf_add(buf, bytes, sizeof bytes);
}

int lh_buf_addtext(struct lh_buf *buf, const char *text) {
  size_t len = strlen(text);
  int failed = len < UINT32_MAX ? reserve(buf, sizeof(uint32_t) + len + 1) : -ENOBUFS;
  if (!failed) failed = lh_buf_addu32(buf, (uint32_t)len);
  return failed ? failed : lh_buf_add(buf, text, len + 1);
}

/* Length of the well-formed UTF-8 sequence at `s` (RFC 3629), 0 when there is none. Reads no byte past a NUL. */
static size_t utf8_len(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
  for (size_t i = 1; i < len; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* overlong */
  if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates */
  if (s[0] == 0xf0 && s[1] < 0x90) return 0;
  if (s[0] == 0xf4 && s[1] > 0x8f) return 0;
  return len;
}

static int add_json_char(struct lh_buf *buf, const unsigned char *at, size_t len) {
  if (len == 0) return lh_buf_addstr(buf, "\\ufffd");
  if (len > 1) return lh_buf_add(buf, at, len);
  switch (*at) {
  case '"': return lh_buf_addstr(buf, "\\\"");
  case '\\': return lh_buf_addstr(buf, "\\\\");
  case '\n': return lh_buf_addstr(buf, "\\n");
  case '\r': return lh_buf_addstr(buf, "\\r");
  case '\t': return lh_buf_addstr(buf, "\\t");
  default: return *at < 0x20 ? lh_buf_addf(buf, "\\u%04x", *at) : lh_buf_add(buf, at, 1);
  }
}

int lh_buf_addwords(struct lh_buf *buf, const char *text, size_t at, size_t indent) {
  int code = 0;
  for (const char *word = text; *word != '\0' && code == 0;) {
    size_t len = strcspn(word, " ");
    bool apart = at > indent || word != text;
    if (apart && at + 1 + len > LH_WORDS_COLUMNS) {
      code = lh_buf_addf(buf, "\n%*s", (int)indent, "");
      at = indent;
    } else if (apart) {
      code = lh_buf_addstr(buf, " ");
      at++;
    }
    if (code == 0) code = lh_buf_add(buf, word, len);
    at += len;
    word += len;
    while (*word == ' ') word++;
  }
  return code < 0 ? code : lh_buf_addstr(buf, "\n");
}

int lh_buf_addjson(struct lh_buf *buf, const char *text) {
  size_t before = buf->len;
  int failed = lh_buf_addstr(buf, "\"");
  for (const unsigned char *at = (const unsigned char *)text; !failed && *at;) {
    size_t len = utf8_len(at);
    failed = add_json_char(buf, at, len);
    at += len ? len : 1;
  }
  if (!failed) failed = lh_buf_addstr(buf, "\"");
  if (failed) {
    buf->len = before;
    if (buf->data) buf->data[before] = 0;
  }
  return failed;
}

void lh_buf_reset(struct lh_buf *buf) {
  buf->len = 0;
  if (buf->data) buf->data[0] = 0;
}

void lh_buf_free(struct lh_buf *buf) {
  if (!buf) return;
  free(buf->data);
  buf->data = NULL;
  buf->len = buf->room = 0;
}

const void *lh_cursor_bytes(struct lh_cursor *c, size_t len) {
  if (c->failed || len > (size_t)(c->end - c->at)) {
    c->failed = 1;
    return NULL;
  }
  const void *bytes = c->at;
  c->at += len;
  return bytes;
}

static uint64_t cursor_uint(struct lh_cursor *c, size_t len) {
  const uint8_t *bytes = lh_cursor_bytes(c, len);
  uint64_t value = 0;
  if (bytes)
    for (size_t i = 0; i < len; i++) value |= (uint64_t)bytes[i] << (8 * i);
  return value;
}

uint8_t lh_cursor_u8(struct lh_cursor *c) {
  return (uint8_t)cursor_uint(c, 1);
}

uint32_t lh_cursor_u32(struct lh_cursor *c) {
  return (uint32_t)cursor_uint(c, 4);
}

uint64_t lh_cursor_u64(struct lh_cursor *c) {
  return cursor_uint(c, 8);
}

const char *lh_cursor_text(struct lh_cursor *c) {
  uint32_t len = lh_cursor_u32(c);
  const char *text = lh_cursor_bytes(c, (size_t)len + 1);
  if (text && text[len] == 0 && !memchr(text, 0, len)) return text;
  c->failed = 1;
  return NULL;
}
