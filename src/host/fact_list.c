/* Facts by name, and the numbers in them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/files.h"
#include "longhaul/host/ladder.h"

enum { FACTS_MOST = 256 };

int lh_facts_read(struct lh_facts *facts, const char *root) {
  struct lh_fact *items = calloc(FACTS_MOST, sizeof *items);
  if (!items) return -ENOMEM;
  *facts = (struct lh_facts){items, lh_host_facts_at(root, items, FACTS_MOST)};
  return 0;
}

void lh_facts_free(struct lh_facts *facts) {
  free(facts->items);
  *facts = (struct lh_facts){0};
}

const struct lh_fact *lh_facts_find(const struct lh_facts *facts, const char *name) {
  for (uint32_t i = 0; i < facts->count; i++)
    if (strcmp(facts->items[i].name, name) == 0) return &facts->items[i];
  return NULL;
}

const char *lh_fact_unreadable(const struct lh_fact *fact) {
  static const char mark[] = "unreadable: ";
  return strncmp(fact->value, mark, sizeof mark - 1) == 0 ? fact->value + sizeof mark - 1 : NULL;
}

static bool is_unlimited(const char *text) {
  return strncmp(text, "unlimited", 9) == 0 || strncmp(text, "max", 3) == 0;
}

/* A whole number that begins at `text` and ends before a space or the end. */
static int whole_number(const char *text, uint64_t *value) {
  char *end;
  if (*text < '0' || *text > '9') return -EINVAL;
  errno = 0;
  unsigned long long number = strtoull(text, &end, 10);
  if (errno != 0 || (*end != '\0' && *end != ' ')) return -EINVAL;
  *value = number;
  return 0;
}

int lh_facts_number(const struct lh_facts *facts, const char *name, uint32_t n, uint64_t *value) {
  const struct lh_fact *fact = lh_facts_find(facts, name);
  if (!fact) return -ENOENT;
  if (lh_fact_unreadable(fact)) return -ENODATA;
  const char *at = fact->value + strspn(fact->value, " ");
  for (; n > 0 && *at != '\0'; n--) {
    at += strcspn(at, " ");
    at += strspn(at, " ");
  }
  if (is_unlimited(at)) {
    *value = LH_ANY;
    return 0;
  }
  return whole_number(at, value);
}
