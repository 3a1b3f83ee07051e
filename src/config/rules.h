/* Rules between keys, one row each: where, what must hold, and how that is said. */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include <stdbool.h>
#include <stddef.h>

struct lh_run_config;
struct load;
struct scope;

struct rule {
  const char *scope; /* a row's key, "" for the config itself */
  const char *at;    /* the key below it that the sentence is about; "" for the scope */
  const char *reads; /* keys it looks at, parted by spaces: it stays silent when one of them is wrong by itself */
  bool warning;
  bool (*broken)(const struct load *load, const struct scope *scope);
  const char *sentence; /* reads well after "KEY: " and in `longhaul explain KEY` */
  const char *schema;   /* the same as JSON Schema for the scope's object, NULL when it cannot be said there */
};

const struct rule *rules(size_t *count);

/* A length given beside the file (--duration, or --set) makes a short try of a long config: what it cannot judge is no
 * mistake of the config. */
bool is_try(const struct load *load);
/* One slice is the least a run has: auto's 1s is fine for a run of less. */
bool interval_over(const struct lh_run_config *run);

#endif
