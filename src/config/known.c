/* The values of secrets that this config holds. Peers quote what they are sent: a refusal says which token is no good, and its
 * words stand in run files and reports. So the values are kept, to be blotted out of what a peer says.
 *
 * Taken are the values of headers and query parameters with a secret name, and what came from the environment into what is sent: headers, paths,
 * messages, logins, the query of a URL, a user's name and password. Not what came into hosts and ports: they would be missed in
 * the words of a redirect. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/texts.h"

#include "load_internal.h"
#include "secret.h"

enum { FROM_ENV_BYTES_MIN = 6 }; /* shorter ones, as 8080 or true, are found everywhere */

static void keep(struct load *load, const char *text, size_t len) {
  struct known_secret *secret = arena_alloc(&load->arena, sizeof *secret);
  const char *copy = arena_copy(&load->arena, text, len);
  if (!secret || !copy || len == 0) return;
  *secret = (struct known_secret){.text = {copy, len}, .next = load->secrets};
  load->secrets = secret;
  load->secret_count++;
}

static bool is_sent(const struct node *node) {
  static const char *const keys[] = {"headers", "messages", "path", "login", "subprotocols"};
  for (; node; node = node->parent)
    for (size_t i = 0; node->key && i < sizeof keys / sizeof *keys; i++)
      if (strcmp(node->key, keys[i]) == 0) return true;
  return false;
}

void known_from_env(struct load *load, const struct node *node, const char *value, const char *before, const char *after) {
  bool in_query = strstr(before, "://") && strchr(before, '?');
  bool in_user = strstr(before, "://") && after[strcspn(after, "@/?")] == '@';
  if (strlen(value) >= FROM_ENV_BYTES_MIN && (in_query || in_user || is_sent(node))) keep(load, value, strlen(value));
}

/* ...?token=x&page=2: x. What a variable stands for is not known here. */
static void keep_query(struct load *load, const char *url) {
  for (const char *at = strchr(url, '?'); at; at = strpbrk(at, "&")) {
    size_t name = strcspn(++at, "=&#"), len = strcspn(at, "&#");
    const char *copy = arena_copy(&load->arena, at, name);
    bool written = name < len && memmem(at + name, len - name, "${", 2) == NULL;
    if (copy && written && secret_name(copy)) keep(load, at + name + 1, len - name - 1);
  }
}

/* "Bearer x" is a secret, and so is x. */
static void keep_written(struct load *load, const struct node *node) {
  bool is_url = node_is_path(node) || (node->key && strcmp(node->key, "url") == 0);
  if (node->kind == NODE_SCALAR && is_url) keep_query(load, node->text);
  if (node->kind == NODE_SCALAR && secret_header_value(node) && !strstr(node->text, "${")) {
    const char *space = strrchr(node->text, ' ');
    keep(load, node->text, strlen(node->text));
    if (space) keep(load, space + 1, strlen(space + 1));
  }
  for (const struct node *child = node->first; child; child = child->next) keep_written(load, child);
}

static int longest_first(const void *a, const void *b) {
  size_t left = ((const struct lh_text *)a)->len, right = ((const struct lh_text *)b)->len;
  return left < right ? 1 : left > right ? -1 : 0;
}

/* The longest first: one may be part of another. */
int known_secrets(struct load *load, struct lh_texts **out) {
  keep_written(load, load->root);
  if (load->secret_count == 0) return 0;
  struct lh_text *items = arena_alloc(&load->arena, load->secret_count * sizeof *items);
  if (!items) return -ENOMEM;
  uint32_t count = 0;
  for (const struct known_secret *secret = load->secrets; secret; secret = secret->next) items[count++] = secret->text;
  qsort(items, count, sizeof *items, longest_first);
  *out = lh_texts_new(items, count);
  return *out ? 0 : -ENOMEM;
}
