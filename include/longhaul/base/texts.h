/* A few texts in one piece of memory of just their size: what a client keeps by the thousand. */
#ifndef LONGHAUL_BASE_TEXTS_H
#define LONGHAUL_BASE_TEXTS_H

#include <stddef.h>
#include <stdint.h>

struct lh_text {
  const char *at; /* no NUL follows */
  size_t len;
};

struct lh_texts {
  uint32_t count;
  uint32_t ends[]; /* of each; then the bytes */
};

/* Copies them. NULL when there is no memory; free() it. */
struct lh_texts *lh_texts_new(const struct lh_text *items, uint32_t count);
struct lh_text lh_texts_at(const struct lh_texts *texts, uint32_t number);
size_t lh_texts_bytes(const struct lh_texts *texts); /* it takes; NULL: 0 */

#endif
