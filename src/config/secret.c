#include "secret.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/buf.h"
#include "longhaul/config/load.h"
#include "longhaul/config/options.h"

#include "load_internal.h"

static bool contains(const char *name, size_t len, const char *word) {
  size_t word_len = strlen(word);
  for (size_t i = 0; i + word_len <= len; i++)
    if (strncasecmp(name + i, word, word_len) == 0) return true;
  return false;
}

/* Words rather than whole names: a header masked without need costs a glance, one shown in a report costs a key. */
static bool secret_word(const char *name, size_t len) {
  static const char *const words[] = {"auth",   "cookie", "token",      "secret",  "password",  "passwd", "api-key", "api_key",
                                      "apikey", "key",    "credential", "session", "signature", "jwt",    "bearer"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (contains(name, len, words[i])) return true;
  return len == 3 && (strncasecmp(name, "sig", 3) == 0 || strncasecmp(name, "pwd", 3) == 0);
}

bool secret_name(const char *name) {
  return secret_word(name, strlen(name));
}

bool secret_header_value(const struct node *node) {
  return node->key && node->parent && node->parent->key && strcmp(node->parent->key, "headers") == 0 && secret_name(node->key);
}

static int add_query(struct lh_buf *out, const char *query) {
  int failed = 0;
  while (*query && !failed) {
    size_t len = strcspn(query, "&#"), name = strcspn(query, "=&#");
    if (name < len && secret_word(query, name)) {
      failed = lh_buf_add(out, query, name + 1);
      if (!failed) failed = lh_buf_addstr(out, "***");
    } else {
      failed = lh_buf_add(out, query, len);
    }
    query += len;
    if (*query && !failed) failed = lh_buf_add(out, query++, 1);
  }
  return failed;
}

char *secret_url(const char *url) {
  struct lh_buf out = LH_BUF_INIT(CONFIG_BYTES_MAX);
  const char *scheme_end = strstr(url, "://");
  const char *authority = scheme_end ? scheme_end + 3 : url;
  const char *authority_end = authority + strcspn(authority, "/?#");
  const char *host = authority;
  for (const char *at = authority; at < authority_end; at++)
    if (*at == '@') host = at + 1;
  const char *query = host + strcspn(host, "?");
  int failed = lh_buf_add(&out, url, (size_t)(authority - url));
  if (!failed && host != authority) failed = lh_buf_addstr(&out, "***@");
  if (!failed) failed = lh_buf_add(&out, host, (size_t)(query - host));
  if (!failed) failed = add_query(&out, query);
  if (failed) lh_buf_free(&out);
  return out.data;
}

/* The same of a path. */
static char *secret_path(const char *path) {
  struct lh_buf out = LH_BUF_INIT(CONFIG_BYTES_MAX);
  const char *query = path + strcspn(path, "?");
  int failed = lh_buf_add(&out, path, (size_t)(query - path));
  if (!failed) failed = add_query(&out, query);
  if (!failed && !out.data) failed = lh_buf_addstr(&out, "");
  if (failed) lh_buf_free(&out);
  return out.data;
}

/* Takes over `masked`, NULL: no memory. */
static void show_masked(struct load *load, struct node *node, char *masked) {
  node->masked = masked ? arena_copy(&load->arena, masked, strlen(masked)) : NULL;
  if (!node->masked) node->masked = "***";
  free(masked);
}

void secret_url_mask(struct load *load, struct node *node) {
  show_masked(load, node, secret_url(node->masked));
}

void secret_path_mask(struct load *load, struct node *node) {
  if (node->kind == NODE_SCALAR) show_masked(load, node, secret_path(node->masked));
}

/* `key` is len bytes: a header of a secret name, a row flagged secret, or something that holds headers in its value. */
static bool is_secret_setting(const char *written, size_t len, const char *value) {
  char key[256];
  if (len >= sizeof key) return true;
  memcpy(key, written, len);
  key[len] = 0;
  const struct lh_option *row = lh_option_find(key);
  if (row && row->secret) return true;
  if (strstr(key, ".login") && strchr(value, '{')) return true; /* a whole login, its body in it */
  const char *headers = strstr(key, ".headers");
  if (headers) return headers[8] != '.' || secret_name(headers + 9);
  return strstr(value, "headers") != NULL || strstr(value, "login") != NULL;
}

char *lh_config_mask_argument(const char *argument) {
  size_t dashes = strncmp(argument, "--set=", 6) == 0 ? 6 : 0, len = strcspn(argument + dashes, "=");
  const char *scheme = strstr(argument, "://"), *value = argument + dashes + len;
  bool is_setting = *value == '=' && (!scheme || value < scheme);
  if (!is_setting) return scheme ? secret_url(argument) : strdup(argument);
  struct lh_buf out = LH_BUF_INIT(CONFIG_BYTES_MAX);
  bool hide = is_secret_setting(argument + dashes, len, value);
  char *shown = hide ? NULL : strstr(value, "://") ? secret_url(value + 1) : secret_path(value + 1);
  int failed = lh_buf_add(&out, argument, dashes + len + 1);
  if (!failed && (hide || shown)) failed = lh_buf_addstr(&out, hide ? "***" : shown);
  if (failed || (!hide && !shown)) lh_buf_free(&out);
  free(shown);
  return out.data;
}
