/* ${env.NAME} and ${env.NAME:-default}, before anything is typed. What comes out of the environment is taken literally: a
 * `${` in it is written as `$${`, so that no variable of a message can be smuggled in, nor one be missed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"

#include "load_internal.h"
#include "text.h"
#include "variables.h"

struct expansion {
  struct load *load;
  struct node *node;
  struct lh_buf text, masked;
  bool found;  /* at least one variable */
  bool failed; /* too large, or out of memory */
};

static void add(struct expansion *x, struct lh_buf *buf, const char *bytes, size_t len) {
  x->load->byte_count += len;
  int failed = x->load->byte_count > 2 * CONFIG_BYTES_MAX ? -ENOBUFS : lh_buf_add(buf, bytes, len);
  if (failed == -ENOMEM) x->load->arena.out_of_memory = true;
  if (failed) x->failed = true;
}

static void add_literal(struct expansion *x, const char *value, bool brace_follows) {
  for (const char *at = value; *at; at++) {
    bool opens = *at == '$' && (at[1] == '{' || (!at[1] && brace_follows));
    add(x, &x->text, opens ? "$$" : at, opens ? 2 : 1);
  }
  add(x, &x->masked, "***", 3);
}

/* Past the variable's name; `at` itself when there is none. */
static const char *name_end(const char *at) {
  static const char letters[] = "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return *at >= '0' && *at <= '9' ? at : at + strspn(at, letters);
}

/* A variable that is unset twice in one text is told once; `at` is where its name stands. */
static bool is_told(const char *text, const char *at, const char *name) {
  size_t len = strlen(name);
  for (const char *other = text; (other = strstr(other, "${env.")) && other + 6 < at; other += 6)
    if (strncmp(other + 6, name, len) == 0 && name_end(other + 6) == other + 6 + len) return true;
  return false;
}

/* `at` is past "${env."; returns what follows the closing brace, NULL when it was reported. */
static const char *expand_one(struct expansion *x, const char *at) {
  struct load *load = x->load;
  const char *end = name_end(at), *close = strchr(at, '}');
  bool has_default = end[0] == ':' && end[1] == '-';
  if (end == at || !close || (!has_default && end != close)) {
    report_value(load, x->node, "%s is not a variable; expected ${env.NAME} or ${env.NAME:-default}",
                 quoted_text(load, at - 6));
    return NULL;
  }
  char *name = arena_copy(&load->arena, at, (size_t)(end - at));
  if (!name) return NULL;
  const char *value = load->args->getenv ? load->args->getenv(name) : getenv(name);
  if (has_default && (!value || !*value)) value = arena_copy(&load->arena, end + 2, (size_t)(close - end - 2));
  if (!value) {
    if (!is_told(x->node->text, at, name))
      report_value(load, x->node, "the environment variable %s is not set; expected it in the environment, or ${env.%s:-default}",
                   name, name);
    return NULL;
  }
  if (!text_is_utf8(value, strlen(value))) {
    report_value(load, x->node, "the environment variable %s is not UTF-8; expected text", name);
    return NULL;
  }
  x->found = true;
  known_from_env(load, x->node, value, x->text.data ? x->text.data : "", close + 1);
  add_literal(x, value, close[1] == '{');
  return close + 1;
}

/* All that is wrong in a text is told at once. */
static bool expand_all(struct expansion *x) {
  const char *at = x->node->text;
  bool sound = true;
  while (*at && !x->failed) {
    size_t plain = strcspn(at, "$");
    if (strncmp(at + plain, "$${", 3) == 0)
      plain += 3;
    else if (strncmp(at + plain, "${env.", 6) != 0 && at[plain])
      plain++;
    if (plain) {
      add(x, &x->text, at, plain);
      add(x, &x->masked, at, plain);
      at += plain;
      continue;
    }
    const char *next = expand_one(x, at + 6);
    sound = sound && next;
    at = next ? next : at + 6;
  }
  return sound && !x->failed;
}

static void expand_scalar(struct load *load, struct node *node) {
  if (!strstr(node->text, "${env.")) return;
  struct expansion x = {
      .load = load, .node = node, .text = LH_BUF_INIT(CONFIG_BYTES_MAX), .masked = LH_BUF_INIT(CONFIG_BYTES_MAX)};
  if (expand_all(&x)) {
    node->from_env = x.found;
    node->text = x.text.data ? arena_copy(&load->arena, x.text.data, x.text.len) : "";
    node->masked = x.masked.data ? arena_copy(&load->arena, x.masked.data, x.masked.len) : "";
    if (!node->text || !node->masked) node->text = node->masked = "";
  } else if (x.failed && !load->overflowed && !load->arena.out_of_memory) {
    load->overflowed = true;
    report_value(load, node, "the text grows past %d MiB once ${env.NAME} is expanded; expected less", CONFIG_BYTES_MAX >> 20);
  }
  if (node->bad) variables_check_rest(load, node);
  lh_buf_free(&x.text);
  lh_buf_free(&x.masked);
}

void env_expand(struct load *load, struct node *node) {
  if (node->kind == NODE_SCALAR) expand_scalar(load, node);
  for (struct node *child = node->first; child; child = child->next) env_expand(load, child);
}
