/* Extra headers of a target or group. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "row.h"
#include "secret.h"
#include "text.h"
#include "variables.h"

/* What the handshake is made of: a second copy of these would contradict it. `instead`: the key that does it, or NULL. */
static bool is_ours(const char *name, const char **instead) {
  static const struct {
    const char *name, *instead;
  } ours[] = {{"Sec-WebSocket-Protocol", "subprotocols"},
              {"Sec-WebSocket-Extensions", "deflate"},
              {"Sec-WebSocket-Key", NULL},
              {"Sec-WebSocket-Version", NULL},
              {"Sec-WebSocket-Accept", NULL},
              {"Connection", NULL},
              {"Upgrade", NULL},
              {"Content-Length", NULL},
              {"Transfer-Encoding", NULL}};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
    if (strcasecmp(name, ours[i].name) != 0) continue;
    *instead = ours[i].instead;
    return true;
  }
  return false;
}

static bool is_given_before(const struct node *child) {
  for (const struct node *other = child->parent->first; other != child; other = other->next)
    if (strcasecmp(other->key, child->key) == 0) return true;
  return false;
}

static bool check_name(struct load *load, struct node *child) {
  const char *expected = text_token(child->key), *instead;
  if (expected)
    report_key(load, child, "%s is not a header name; expected %s", quoted_text(load, child->key), expected);
  else if (is_ours(child->key, &instead))
    report_key(load, child, "longhaul writes this header itself; expected %s", instead ? instead : "it to be left out");
  else if (is_given_before(child))
    report_key(load, child, "given twice but for its case; expected one of them");
  return !child->bad;
}

static bool check_value(struct load *load, struct node *child) {
  if (!value_has_text(load, child, "the header's text")) return false;
  const char *expected = text_header_value(child->text);
  if (expected)
    report_value(load, child, "%s is not accepted; expected %s", quoted(load, child), expected);
  else
    variables_check(load, child);
  return !child->bad;
}

static bool add_header(struct load *load, struct lh_headers *headers, struct node *child) {
  struct lh_header *header = &headers->items[headers->count];
  header->name = strdup(child->key);
  header->value = strdup(child->text);
  headers->count++; /* also when one is missing: free copes */
  if (!header->name || !header->value) load->arena.out_of_memory = true;
  return header->name && header->value;
}

bool set_headers(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_headers *headers = (void *)((char *)base + row->landing->offset);
  if (node->kind != NODE_MAP) {
    report_value(load, node, "%s stands here; expected a mapping of header names to values", quoted(load, node));
    return false;
  }
  if (node->count > LH_HEADERS_MAX) {
    report_value(load, node, "%u headers; expected at most %d", node->count, LH_HEADERS_MAX);
    return false;
  }
  headers->items = calloc(node->count ? node->count : 1, sizeof *headers->items);
  if (!headers->items) {
    load->arena.out_of_memory = true;
    return false;
  }
  for (struct node *child = node->first; child; child = child->next) {
    bool good = check_name(load, child);
    if (check_value(load, child) && good && !add_header(load, headers, child)) return false;
    if (secret_name(child->key)) child->masked = "***";
  }
  return true;
}
