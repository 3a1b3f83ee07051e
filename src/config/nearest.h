/* The known word that a misspelt one most likely meant. */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

#include <stddef.h>

struct nearest {
  const char *word; /* as given to nearest_try; NULL: none was near enough */
  unsigned distance;
};

/* Considers one more candidate. Distance: insertions, deletions, replacements and swaps of neighbours (optimal string
 * alignment), case counted as half a change; near enough is at most a third of the longer word, at least 1. */
void nearest_try(struct nearest *nearest, const char *written, const char *candidate);

#endif
