/* A growable byte buffer with a limit it was born with.
 *
 * Zero bytes past the end are guaranteed: data[len] is always 0 once anything was appended, so text can be printed.
 * Appending past the limit returns -ENOBUFS and changes nothing; a failed allocation returns -ENOMEM and changes nothing.
 */
#ifndef LONGHAUL_BASE_BUF_H
#define LONGHAUL_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct lh_buf {
  char *data;   /* owned; NULL until the first append */
  size_t len;   /* bytes in use */
  size_t room;  /* bytes allocated */
  size_t limit; /* most bytes it may ever hold */
};

#define LH_BUF_INIT(limit_bytes) {.data = NULL, .len = 0, .room = 0, .limit = (limit_bytes)}

int lh_buf_add(struct lh_buf *buf, const void *bytes, size_t len);
int lh_buf_addstr(struct lh_buf *buf, const char *text);
/* Everything up to the end of the descriptor; -EFBIG where that is more than the limit, or the errno of reading. */
int lh_buf_addfd(struct lh_buf *buf, int fd);
int lh_buf_addf(struct lh_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
int lh_buf_vaddf(struct lh_buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Little-endian integers, for the framed messages between processes. */
int lh_buf_addu8(struct lh_buf *buf, uint8_t value);
int lh_buf_addu32(struct lh_buf *buf, uint32_t value);
int lh_buf_addu64(struct lh_buf *buf, uint64_t value);
/* Text that a frame carries: u32 length, bytes and a NUL, so that lh_cursor_text can lend it out of the frame. */
int lh_buf_addtext(struct lh_buf *buf, const char *text);
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
int lh_buf_addjson(struct lh_buf *buf, const char *text);
/* Adds words from `at` (the column the line has reached) and breaks lines at 80 columns, further ones indented; ends the line. */
enum { LH_WORDS_COLUMNS = 80 };
int lh_buf_addwords(struct lh_buf *buf, const char *text, size_t at, size_t indent);
/* Empties it and keeps the memory. */
void lh_buf_reset(struct lh_buf *buf);
/* Frees the memory; the limit stays and it may be used again. Accepts NULL. */
void lh_buf_free(struct lh_buf *buf);

/* A cursor over bytes from outside. After a read past the end `failed` is set and every later read gives 0 or NULL,
 * so that a decoder checks once at its end. */
struct lh_cursor {
  const uint8_t *at;
  const uint8_t *end;
  int failed;
};

uint8_t lh_cursor_u8(struct lh_cursor *c);
uint32_t lh_cursor_u32(struct lh_cursor *c);
uint64_t lh_cursor_u64(struct lh_cursor *c);
const void *lh_cursor_bytes(struct lh_cursor *c, size_t len); /* borrowed from the bytes under the cursor */
const char *lh_cursor_text(struct lh_cursor *c);              /* of lh_buf_addtext; borrowed; NULL: damaged */

#endif
