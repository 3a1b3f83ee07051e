#include "report/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t lh_utf8_len(const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  if (at[0] < 0x80) return at[0] ? 1 : 0;
  size_t len = at[0] >= 0xc2 && at[0] <= 0xdf ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4 : 0;
  for (size_t i = 1; i < len; i++)
    if ((at[i] & 0xc0) != 0x80) return 0; /* also stops at the final 0 */
  if (at[0] == 0xe0 && at[1] < 0xa0) return 0;
  if (at[0] == 0xed && at[1] > 0x9f) return 0;
  if (at[0] == 0xf0 && at[1] < 0x90) return 0;
  if (at[0] == 0xf4 && at[1] > 0x8f) return 0;
  return len;
}

char *lh_utf8_clean(const char *text) {
  char *clean = malloc(strlen(text) * 3 + 1), *out = clean;
  if (!clean) return NULL;
  while (*text) {
    size_t len = lh_utf8_len(text);
    memcpy(out, len ? text : "\xef\xbf\xbd", len ? len : 3);
    out += len ? len : 3;
    text += len ? len : 1;
  }
  *out = 0;
  return clean;
}

size_t lh_utf8_columns(const char *text) {
  size_t columns = 0;
  for (; *text; text++) columns += ((unsigned char)*text & 0xc0) != 0x80;
  return columns;
}
