/* JSON Schema (draft 2020-12) of the config, for editors and other validators. What a schema cannot say (that a target
 * exists, that a token is in the payload) only the loader checks. */
#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "row.h"
#include "rules.h"

#define DECIMAL "[0-9]+(\\\\.[0-9]+)?"

/* Shared by all rows of a type; $ref keeps the schema readable. */
static const struct {
  const char *name, *schema;
} definitions[] = {
    {"env", "{'type': 'string', 'pattern': '\\\\$\\\\{env\\\\.[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\\\}'}"},
    {"text", "{'type': ['string', 'number', 'boolean']}"},
    {"duration", "{'type': ['string', 'integer'], 'minimum': 0, 'maximum': 0, 'pattern': '^(0|(?=[0-9])(" DECIMAL "d)?(" DECIMAL
                 "h)?(" DECIMAL "m)?(" DECIMAL "s)?(" DECIMAL "ms)?(" DECIMAL "us)?)$'}"},
    {"size", "{'type': ['string', 'integer'], 'minimum': 0, 'pattern': '^(" DECIMAL "(B|KiB|MiB|GiB|KB|MB|GB)|[0-9]+)$'}"},
    {"rate", "{'type': 'string', 'pattern': '^" DECIMAL "/(s|m|h)$'}"},
    {"share", "{'type': ['string', 'number'], 'minimum': 0, 'maximum': 1, 'pattern': '^" DECIMAL "%$'}"},
    {"url", "{'type': 'string', 'pattern': '^([Ww][Ss][Ss]?|[Hh][Tt][Tt][Pp][Ss]?|[Tt][Cc][Pp]|[Tt][Ll][Ss])(://|[+][Uu][Nn][Ii][Xx]:)'}"},
};

static void write_reference(struct json *json, const char *name) {
  char text[64];
  snprintf(text, sizeof text, "{'$ref': '#/$defs/%s'}", name);
  jtext_raw(json, NULL, text);
}

static void write_words(struct json *json, const char *key, const char *choices) {
  char words[256];
  snprintf(words, sizeof words, "%s", choices);
  jtext_open(json, key, '[');
  for (char *save = NULL, *word = strtok_r(words, "|", &save); word; word = strtok_r(NULL, "|", &save)) {
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
      jtext_raw(json, NULL, word);
    else
      jtext_string(json, NULL, word);
    if (strcmp(word, "null") == 0) jtext_raw(json, NULL, "null"); /* what YAML makes of it without quotes */
  }
  jtext_close(json, ']');
}

/* Past 2^53 a number is not exact in every reader of JSON, and no maximum is better than a wrong one. */
static void write_number(struct json *json, const struct lh_option *row) {
  const char *dots = strstr(row->range, "..");
  char text[160];
  int len = snprintf(text, sizeof text, "{'type': '%s', 'minimum': %.*s", row->type == LH_OPTION_COUNT ? "integer" : "number",
                     (int)(dots - row->range), row->range);
  bool is_exact = strlen(dots + 2) < sizeof "9007199254740992" - 1;
  snprintf(text + len, sizeof text - (size_t)len, "%s%s}", is_exact ? ", 'maximum': " : "", is_exact ? dots + 2 : "");
  jtext_raw(json, NULL, text);
}

static const char *definition_of(enum lh_option_type type) {
  switch (type) {
  case LH_OPTION_DURATION: return "duration";
  case LH_OPTION_SIZE: return "size";
  case LH_OPTION_RATE: return "rate";
  case LH_OPTION_SHARE: return "share";
  case LH_OPTION_URL: return "url";
  default: return NULL;
  }
}

static void write_scalar(struct json *json, const struct lh_option *row) {
  const char *definition = definition_of(row->type);
  if (!definition && row->type != LH_OPTION_COUNT && row->type != LH_OPTION_NUMBER && row->type != LH_OPTION_BOOL &&
      row->type != LH_OPTION_CHOICE) {
    jtext_string(json, "$ref", "#/$defs/text");
    return;
  }
  jtext_open(json, "anyOf", '[');
  if (definition)
    write_reference(json, definition);
  else if (row->type == LH_OPTION_BOOL)
    jtext_raw(json, NULL, "{'type': 'boolean'}");
  else if (row->type != LH_OPTION_CHOICE)
    write_number(json, row);
  if (row->choices) {
    jtext_open(json, NULL, '{');
    write_words(json, "enum", row->choices);
    jtext_close(json, '}');
  }
  write_reference(json, "env");
  jtext_close(json, ']');
}

/* "default" as the value it is; words and values with units are text. */
static void write_default(struct json *json, const struct lh_option *row) {
  if (!row->preset || !*row->preset || row->type == LH_OPTION_MAP) return;
  bool bare = row->type == LH_OPTION_BOOL || row->type == LH_OPTION_COUNT || row->type == LH_OPTION_NUMBER;
  if (bare && (!row->choices || choice_number(row->choices, row->preset) < 0))
    jtext_raw(json, "default", row->preset);
  else
    jtext_string(json, "default", row->preset);
}

static void write_row(struct json *json, const char *key, const struct lh_option *row);

static void write_rules(struct json *json, const char *scope) {
  size_t count;
  const struct rule *all = rules(&count);
  bool any = false;
  for (size_t i = 0; i < count; i++) {
    if (!all[i].schema || strcmp(all[i].scope, scope) != 0) continue;
    if (!any) jtext_open(json, "allOf", '[');
    any = true;
    jtext_raw(json, NULL, all[i].schema);
  }
  if (any) jtext_close(json, ']');
}

/* Members of a mapping with fixed keys; `row` NULL: the whole config. */
static void write_map(struct json *json, const struct lh_option *row) {
  jtext_string(json, "type", "object");
  jtext_raw(json, "additionalProperties", "false");
  if (!row) jtext_raw(json, "patternProperties", "{'^x-': true}");
  bool any = false;
  for (const struct lh_option *child = NULL; (child = row_next_child(row, child));) {
    if (!row_is_required(child)) continue;
    if (!any) jtext_open(json, "required", '[');
    any = true;
    jtext_string(json, NULL, row_name(child));
  }
  if (any) jtext_close(json, ']');
  jtext_open(json, "properties", '{');
  for (const struct lh_option *child = NULL; (child = row_next_child(row, child));) write_row(json, row_name(child), child);
  jtext_close(json, '}');
  write_rules(json, row ? row->key : "");
}

static void write_elements(struct json *json, const struct lh_option *row) {
  const struct element *element = row->landing->element;
  bool named = row->type == LH_OPTION_NAMED;
  char number[16];
  jtext_string(json, "type", named ? "object" : "array");
  snprintf(number, sizeof number, "%u", element->least);
  jtext_raw(json, named ? "minProperties" : "minItems", number);
  snprintf(number, sizeof number, "%u", element->most);
  jtext_raw(json, named ? "maxProperties" : "maxItems", number);
  if (named) jtext_raw(json, "propertyNames", "{'pattern': '^[A-Za-z0-9][A-Za-z0-9_-]*$', 'maxLength': 63}");
  write_row(json, named ? "additionalProperties" : "items", row_next_child(row, NULL));
}

static void write_members(struct json *json, const struct lh_option *row) {
  char text[160];
  switch (row->type) {
  case LH_OPTION_MAP:
    if (!row->choices) {
      write_map(json, row);
      break;
    }
    jtext_open(json, "anyOf", '[');
    jtext_open(json, NULL, '{');
    write_words(json, "enum", row->choices);
    jtext_close(json, '}');
    jtext_open(json, NULL, '{');
    write_map(json, row);
    jtext_close(json, '}');
    jtext_close(json, ']');
    break;
  case LH_OPTION_NAMED:
  case LH_OPTION_LIST: write_elements(json, row); break;
  case LH_OPTION_STRINGS:
    if (row->landing->set) { /* one alone may stand for a list of one */
      snprintf(text, sizeof text, "[{'$ref': '#/$defs/text'}, {'type': 'array', 'maxItems': %zu, 'items': {'$ref': '#/$defs/text'}}]",
               row->landing->limit);
      jtext_raw(json, "anyOf", text);
      break;
    }
    jtext_string(json, "type", "array");
    snprintf(text, sizeof text, "%zu", row->landing->limit);
    jtext_raw(json, "maxItems", text);
    jtext_raw(json, "items", "{'$ref': '#/$defs/text'}");
    break;
  case LH_OPTION_HEADERS:
    jtext_string(json, "type", "object");
    snprintf(text, sizeof text, "%d", LH_HEADERS_MAX);
    jtext_raw(json, "maxProperties", text);
    jtext_raw(json, "additionalProperties", "{'$ref': '#/$defs/text'}");
    break;
  default: write_scalar(json, row); break;
  }
}

static void write_row(struct json *json, const char *key, const struct lh_option *row) {
  jtext_open(json, key, '{');
  jtext_string(json, "description", row->help);
  write_default(json, row);
  write_members(json, row);
  jtext_close(json, '}');
}

int lh_explain_schema(struct lh_buf *out) {
  struct json json = {.out = out};
  jtext_open(&json, NULL, '{');
  jtext_string(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
  jtext_string(&json, "title", "longhaul config");
  write_map(&json, NULL);
  jtext_open(&json, "$defs", '{');
  for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++)
    jtext_raw(&json, definitions[i].name, definitions[i].schema);
  jtext_close(&json, '}');
  jtext_close(&json, '}');
  return json.failed;
}
