/* One scalar: from text to the row's type, range checked, stored in the config. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/units.h"

#include "nearest.h"
#include "row.h"
#include "variables.h"

struct number {
  uint64_t whole; /* COUNT, DURATION, SIZE */
  double real;    /* NUMBER, RATE, SHARE */
};

static bool is_whole(enum lh_option_type type) {
  return type == LH_OPTION_COUNT || type == LH_OPTION_DURATION || type == LH_OPTION_SIZE;
}

static int parse_count(const char *text, uint64_t *value) {
  uint64_t total = 0;
  if (*text == '-' && text[1] >= '0' && text[1] <= '9') return -ERANGE;
  if (!*text) return -EINVAL;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return -EINVAL;
    if (__builtin_mul_overflow(total, 10u, &total) || __builtin_add_overflow(total, (uint64_t)(*text - '0'), &total))
      return -ERANGE;
  }
  *value = total;
  return 0;
}

/* The base room knows plain decimals only with a unit; N/s has the scale 1. */
static int parse_number(const char *text, double *value) {
  char rate[64];
  int len = snprintf(rate, sizeof rate, "%s/s", text);
  return len > 0 && (size_t)len < sizeof rate ? lh_parse_rate(rate, value) : -EINVAL;
}

static int parse(enum lh_option_type type, const char *text, struct number *number) {
  switch (type) {
  case LH_OPTION_COUNT: return parse_count(text, &number->whole);
  case LH_OPTION_DURATION: return lh_parse_duration(text, &number->whole);
  case LH_OPTION_SIZE: return lh_parse_size(text, &number->whole);
  case LH_OPTION_NUMBER: return parse_number(text, &number->real);
  case LH_OPTION_RATE: return lh_parse_rate(text, &number->real);
  case LH_OPTION_SHARE: return lh_parse_share(text, &number->real);
  default: return -EINVAL;
  }
}

static bool is_less(enum lh_option_type type, struct number a, struct number b) {
  return is_whole(type) ? a.whole < b.whole : a.real < b.real;
}

static bool in_range(const struct lh_option *row, struct number number) {
  if (!row->range) return true;
  char low_text[64];
  const char *dots = strstr(row->range, "..");
  assert(dots && (size_t)(dots - row->range) < sizeof low_text);
  snprintf(low_text, sizeof low_text, "%.*s", (int)(dots - row->range), row->range);
  struct number low, high;
  int failed = parse(row->type, low_text, &low) | parse(row->type, dots + 2, &high);
  assert(!failed);
  (void)failed;
  return !is_less(row->type, number, low) && !is_less(row->type, high, number);
}

static void report_range(struct load *load, const struct lh_option *row, struct node *node) {
  const char *dots = row->range ? strstr(row->range, "..") : NULL;
  if (dots)
    report_value(load, node, "%s is out of range; expected %.*s to %s", quoted(load, node), (int)(dots - row->range),
                 row->range, dots + 2);
  else
    report_value(load, node, "%s is out of range; expected %s", quoted(load, node), type_expected(row->type));
}

/* 5000 in quotes is text to every other reader of YAML, so it is to this one; what ${env} made has to be quoted. Values with
 * units are text either way. */
static bool is_quoted(enum lh_option_type type, const struct node *node) {
  bool bare = type == LH_OPTION_COUNT || type == LH_OPTION_NUMBER || type == LH_OPTION_BOOL;
  return bare && !node->plain && !node->from_env;
}

static void report_number(struct load *load, const struct lh_option *row, struct node *node) {
  const char *words = row->choices ? row->choices : "";
  struct number ignored;
  bool fits = parse(row->type, node->text, &ignored) == 0;
  uint64_t count;
  if (fits && is_quoted(row->type, node))
    report_value(load, node, "%s is text in quotes; expected it without quotes", quoted(load, node));
  else if (row->type == LH_OPTION_DURATION && parse_count(node->text, &count) == 0)
    report_value(load, node, "%s has no unit; expected %s", quoted(load, node), type_expected(row->type));
  else
    report_value(load, node, "%s is not a %s; expected %s%s%s", quoted(load, node), type_name(row->type),
                 type_expected(row->type), *words ? ", or " : "", words);
}

static void store_whole(const struct lh_landing *landing, void *base, uint64_t value) {
  char *at = (char *)base + landing->offset;
  switch (landing->size) {
  case 0: break;
  case 1: *(bool *)at = value != 0; break;
  case 2: {
    uint16_t narrow = (uint16_t)value;
    memcpy(at, &narrow, sizeof narrow);
    break;
  }
  case 4: {
    uint32_t narrow = (uint32_t)value;
    memcpy(at, &narrow, sizeof narrow);
    break;
  }
  default: assert(landing->size == 8); memcpy(at, &value, sizeof value);
  }
}

static void store_number(const struct lh_option *row, void *base, struct number number) {
  const struct lh_landing *landing = row->landing;
  if (is_whole(row->type))
    store_whole(landing, base, number.whole);
  else if (landing->size)
    memcpy((char *)base + landing->offset, &number.real, sizeof number.real);
}

static void store_string(const struct lh_landing *landing, void *base, char *owned) {
  if (!landing->size) {
    free(owned);
    return;
  }
  char **at = (char **)(void *)((char *)base + landing->offset);
  free(*at);
  *at = owned;
}

static bool number_store(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct number number = {0};
  if (row->choices && choice_number(row->choices, node->text) >= 0) {
    if (is_whole(row->type)) store_whole(row->landing, base, row->landing->word);
    return true;
  }
  int failed = is_quoted(row->type, node) ? -EINVAL : parse(row->type, node->text, &number);
  if (failed == -EINVAL)
    report_number(load, row, node);
  else if (failed || !in_range(row, number))
    report_range(load, row, node);
  else
    store_number(row, base, number);
  return !node->bad;
}

static bool bool_store(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  static const char *const lookalikes[] = {"yes", "no", "on", "off", "y", "n"};
  bool is_true = strcmp(node->text, "true") == 0;
  if ((is_true || strcmp(node->text, "false") == 0) && !is_quoted(row->type, node)) {
    store_whole(row->landing, base, is_true);
    return true;
  }
  bool lookalike = false;
  for (size_t i = 0; i < sizeof lookalikes / sizeof *lookalikes; i++) lookalike |= strcasecmp(node->text, lookalikes[i]) == 0;
  report_value(load, node, "%s is not a boolean%s; expected true or false, without quotes", quoted(load, node),
               lookalike ? " here, whatever YAML 1.1 says" : "");
  return false;
}

static bool choice_store(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  int number = choice_number(row->choices, node->text);
  if (number >= 0) {
    store_whole(row->landing, base, row->landing->first_choice + (unsigned)number);
    return true;
  }
  char choices[256];
  struct nearest nearest = {0};
  char words[256];
  snprintf(words, sizeof words, "%s", row->choices);
  for (char *save = NULL, *word = strtok_r(words, "|", &save); word; word = strtok_r(NULL, "|", &save))
    nearest_try(&nearest, node->text, word);
  report_value(load, node, "%s is not known; expected %s%s%s%s", quoted(load, node),
               choices_text(row->choices, choices, sizeof choices), nearest.word ? "; did you mean " : "",
               nearest.word ? nearest.word : "", nearest.word ? "?" : "");
  return false;
}

bool value_has_text(struct load *load, struct node *node, const char *expected) {
  if (node->bad) return false;
  if (node->kind == NODE_SCALAR && !node_is_null(node)) return true;
  report_value(load, node, "%s stands here; expected %s", quoted(load, node), expected);
  return false;
}

char *value_string(struct load *load, struct node *node) {
  size_t len = strlen(node->text), kept = 0;
  char *out = malloc(len + 1);
  if (!out) {
    load->arena.out_of_memory = true;
    return NULL;
  }
  for (size_t i = 0; i < len;) {
    if (strncmp(node->text + i, "$${", 3) == 0) {
      i++; /* the second $ and the brace are plain */
      out[kept++] = node->text[i++];
    } else if (strncmp(node->text + i, "${", 2) == 0) {
      report_value(load, node, "%s holds a variable, but only ${env.NAME} is known here; expected $${ for a plain ${",
                   quoted(load, node));
      free(out);
      return NULL;
    } else {
      out[kept++] = node->text[i++];
    }
  }
  out[kept] = 0;
  return out;
}

static bool string_store(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  const struct lh_landing *landing = row->landing;
  bool is_template = row->type == LH_OPTION_TEMPLATE;
  if (is_template && !variables_check(load, node)) return false;
  char *text = is_template ? strdup(node->text) : value_string(load, node);
  if (!text) {
    if (!node->bad) load->arena.out_of_memory = true;
    return false;
  }
  const char *expected = landing->check ? landing->check(text) : NULL;
  if (expected)
    report_value(load, node, "%s is not accepted; expected %s", quoted(load, node), expected);
  else if (landing->limit && strlen(text) > landing->limit)
    report_value(load, node, "%s is too long; expected at most %zu bytes", quoted(load, node), landing->limit);
  if (node->bad) {
    free(text);
    return false;
  }
  store_string(landing, base, text);
  return true;
}

bool value_store(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  if (node->bad) return false;
  bool word = row->choices && node->kind == NODE_SCALAR && choice_number(row->choices, node->text) >= 0;
  if (node->kind != NODE_SCALAR) {
    report_value(load, node, "%s stands here; expected %s", quoted(load, node), type_expected(row->type));
    return false;
  }
  if (node_is_null(node) && !word) {
    report_value(load, node, "no value is given; expected %s", type_expected(row->type));
    return false;
  }
  switch (row->type) {
  case LH_OPTION_BOOL: return bool_store(load, row, node, base);
  case LH_OPTION_CHOICE: return choice_store(load, row, node, base);
  case LH_OPTION_COUNT:
  case LH_OPTION_NUMBER:
  case LH_OPTION_DURATION:
  case LH_OPTION_SIZE:
  case LH_OPTION_RATE:
  case LH_OPTION_SHARE: return number_store(load, row, node, base);
  default: return string_store(load, row, node, base);
  }
}

void value_preset(struct load *load, const struct lh_option *row, void *base) {
  if (!row->preset || !*row->preset || !row->landing->size) return;
  struct node preset = {.kind = NODE_SCALAR, .plain = true, .text = row->preset, .masked = row->preset};
  bool stored = value_store(load, row, &preset, base);
  assert(stored || load->arena.out_of_memory);
  (void)stored;
}
