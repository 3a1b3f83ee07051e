#include "longhaul/base/texts.h"

#include <stdlib.h>
#include <string.h>

struct lh_texts *lh_texts_new(const struct lh_text *items, uint32_t count) {
  size_t len = 0, head = sizeof(struct lh_texts) + count * sizeof(uint32_t);
  for (uint32_t i = 0; i < count; i++) len += items[i].len;
  struct lh_texts *texts = len <= UINT32_MAX ? malloc(head + len) : NULL;
  if (!texts) return NULL;
  char *at = (char *)(texts->ends + count);
  texts->count = count;
  for (uint32_t i = 0, end = 0; i < count; i++) {
    if (items[i].len) memcpy(at + end, items[i].at, items[i].len);
    texts->ends[i] = end += (uint32_t)items[i].len;
  }
  return texts;
}

struct lh_text lh_texts_at(const struct lh_texts *texts, uint32_t number) {
  uint32_t begin = number ? texts->ends[number - 1] : 0;
  return (struct lh_text){(const char *)(texts->ends + texts->count) + begin, texts->ends[number] - begin};
}

size_t lh_texts_bytes(const struct lh_texts *texts) {
  return texts ? sizeof *texts + texts->count * sizeof(uint32_t) + (texts->count ? texts->ends[texts->count - 1] : 0) : 0;
}
