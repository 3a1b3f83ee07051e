/* Cutting one line of a script into words.
 *
 * Glossary
 *   word   a run of bytes without blanks, or a text in double quotes with the escapes \" \\ \n \r \t \0 \xHH
 */
#ifndef FAULTD_WORDS_H
#define FAULTD_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "longhaul/base/err.h"

enum { WORDS_MAX = 32, WORD_BYTES_MAX = 4096 };

struct word {
  char *text; /* points into words.bytes; NUL-terminated */
  size_t len;
  bool quoted;
};

struct words {
  struct word items[WORDS_MAX];
  unsigned count;
  unsigned at; /* next one to read */
  char bytes[WORD_BYTES_MAX];
};

/* Cuts line[0..len). A '#' outside quotes ends the line. */
int words_cut(struct words *words, const char *line, size_t len, struct lh_err *err);
/* The next word, or NULL at the end. */
struct word *words_next(struct words *words);
struct word *words_peek(struct words *words);

#endif
