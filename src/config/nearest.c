#include "nearest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 64, COST = 2 };

static unsigned least(unsigned a, unsigned b) {
  return a < b ? a : b;
}

static unsigned replace_cost(char a, char b) {
  if (a == b) return 0;
  if (tolower((unsigned char)a) == tolower((unsigned char)b)) return COST / 2;
  return (a == '-' || a == '_') && (b == '-' || b == '_') ? COST / 2 : COST;
}

/* In units of 1/COST of a change. Three rows of the table are enough: the swap looks two rows back. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len) {
  unsigned rows[3][WORD_MAX + 1];
  for (unsigned j = 0; j <= b_len; j++) rows[0][j] = j * COST;
  for (size_t i = 1; i <= a_len; i++) {
    unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
    now[0] = (unsigned)i * COST;
    for (size_t j = 1; j <= b_len; j++) {
      now[j] = least(least(last[j], now[j - 1]) + COST, last[j - 1] + replace_cost(a[i - 1], b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = least(now[j], before[j - 2] + COST);
    }
  }
  return rows[a_len % 3][b_len];
}

void nearest_try(struct nearest *nearest, const char *written, const char *candidate) {
  size_t a = strlen(written), b = strlen(candidate);
  if (a > WORD_MAX || b > WORD_MAX || a == 0) return;
  unsigned longer = (unsigned)(a > b ? a : b);
  unsigned enough = COST * (longer / 3 > 1 ? longer / 3 : 1);
  if (enough >= COST * longer) enough = COST * longer - 1; /* no letter in common is not near */
  unsigned d = distance(written, a, candidate, b);
  if (d > enough || (nearest->word && nearest->distance <= d)) return;
  nearest->word = candidate;
  nearest->distance = d;
}
