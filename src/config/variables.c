#include "variables.h"

#include <stdio.h>
#include <string.h>

#include "load_internal.h"
#include "nearest.h"

/* `name` is all of the variable. */
static void note_use(struct load *load, struct node *node, const char *name, size_t len) {
  struct use *use = arena_alloc(&load->arena, sizeof *use);
  char *copy = arena_copy(&load->arena, name, len);
  if (!use || !copy) return;
  *use = (struct use){.node = node, .name = copy, .next = load->uses};
  load->uses = use;
}

static const char *const names[] = {"token", "seq", "client", "group", "time_ms", "uuid"};
#define NAMES                                                                                                                  \
  "${token}, ${seq}, ${client}, ${group}, ${time_ms}, ${uuid}, ${rand:1..100}, ${data.COLUMN}, ${login.NAME} or ${env.NAME}"

/* The next "${" that opens a variable, past any "$${"; `end` when there is none. */
static const char *next_variable(const char *at, const char *end) {
  while (end - at >= 2) {
    if (end - at >= 3 && memcmp(at, "$${", 3) == 0)
      at += 3;
    else if (memcmp(at, "${", 2) == 0)
      return at;
    else
      at++;
  }
  return end;
}

static bool read_int64(const char **at, const char *end, int64_t *value) {
  bool negative = *at < end && **at == '-';
  if (negative) ++*at;
  const char *first = *at;
  int64_t total = 0;
  for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
    if (__builtin_mul_overflow(total, 10, &total) || __builtin_sub_overflow(total, **at - '0', &total)) return false;
  if (*at == first || (!negative && total == INT64_MIN)) return false;
  *value = negative ? total : -total;
  return true;
}

/* LOW..HIGH */
static bool is_span(const char *at, const char *end) {
  int64_t low, high;
  if (!read_int64(&at, end, &low) || end - at < 2 || memcmp(at, "..", 2) != 0) return false;
  at += 2;
  return read_int64(&at, end, &high) && at == end && low <= high;
}

static bool starts(const char *at, const char *end, const char *word) {
  size_t len = strlen(word);
  return (size_t)(end - at) >= len && memcmp(at, word, len) == 0;
}

static void report_unknown(struct load *load, struct node *node, const char *name, size_t len) {
  struct nearest nearest = {0};
  char *written = arena_copy(&load->arena, name, len < 40 ? len : 40);
  if (!written) return;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) nearest_try(&nearest, written, names[i]);
  const char *shown = arena_format(&load->arena, "${%s}", written);
  if (nearest.word)
    report_value(load, node, "%s is not a known variable; did you mean ${%s}?", quoted_text(load, shown ? shown : ""),
                 nearest.word);
  else
    report_value(load, node, "%s is not a known variable; expected " NAMES, quoted_text(load, shown ? shown : ""));
}

static bool check_one(struct load *load, struct node *node, const char *name, const char *close) {
  size_t len = (size_t)(close - name);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) return true;
  if (starts(name, close, "rand:")) {
    if (is_span(name + 5, close)) return true;
    report_value(load, node, "${%.*s} is not a span; expected ${rand:LOW..HIGH} with two whole numbers, LOW not above HIGH",
                 (int)(len < 40 ? len : 40), name);
  } else if (starts(name, close, "data.") || starts(name, close, "login.")) {
    note_use(load, node, name, len);
    return true;
  } else {
    report_unknown(load, node, name, len);
  }
  return false;
}

bool variables_check_bytes(struct load *load, struct node *node, const char *bytes, size_t len) {
  const char *end = bytes + len;
  for (const char *at = next_variable(bytes, end); at < end;) {
    const char *name = at + 2, *close = memchr(name, '}', (size_t)(end - name));
    if (!close) {
      report_value(load, node, "a variable is begun with ${ and not ended; expected }, or $${ for a plain ${");
      return false;
    }
    if (!check_one(load, node, name, close)) return false;
    at = next_variable(close + 1, end);
  }
  return true;
}

bool variables_check(struct load *load, struct node *node) {
  return variables_check_bytes(load, node, node->text, strlen(node->text));
}

void variables_check_rest(struct load *load, struct node *node) {
  const char *end = node->text + strlen(node->text);
  for (const char *at = next_variable(node->text, end); at < end; at = next_variable(at + 2, end)) {
    const char *close = memchr(at, '}', (size_t)(end - at));
    if (close && !starts(at + 2, close, "env.")) check_one(load, node, at + 2, close);
  }
}

bool variables_has(const char *text, size_t len, const char *name) {
  const char *end = text + len;
  size_t name_len = strlen(name);
  for (const char *at = next_variable(text, end); at < end; at = next_variable(at + 2, end))
    if ((size_t)(end - at) > name_len + 2 && memcmp(at + 2, name, name_len) == 0 && at[2 + name_len] == '}') return true;
  return false;
}
