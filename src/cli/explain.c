#include <string.h>

#include "cli/cli.h"
#include "longhaul/config/options.h"

enum { EXPLAIN_BYTES_MAX = 8 << 20 };

static const char *const outputs[] = {"json", "schema", "reference", "man", "completion"};

/* The one output asked for, or NULL for text; false when there are several. */
static bool choose(const struct lh_cli_args *args, const char **output) {
  *output = NULL;
  for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
    if (!lh_cli_has(args, outputs[i])) continue;
    if (*output != NULL) return false;
    *output = outputs[i];
  }
  return true;
}

static int render(const char *output, const char *key, struct lh_buf *out, struct lh_err *err) {
  if (output == NULL) return lh_explain(key, out, err);
  if (strcmp(output, "json") == 0) return lh_explain_json(key, out, err);
  if (strcmp(output, "schema") == 0) return lh_explain_schema(out);
  if (strcmp(output, "reference") == 0) return lh_explain_reference(out);
  return strcmp(output, "man") == 0 ? lh_cli_man(out) : lh_cli_completion(out);
}

static int explain_main(const struct lh_cli_args *args) {
  const char *output, *key = args->operand_count > 0 ? args->operands[0] : NULL;
  if (!choose(args, &output))
    return lh_cli_usage_error(
        "explain prints one thing at a time: give one of --json, --schema, --reference, --man, --completion");
  if (key != NULL && output != NULL && strcmp(output, "json") != 0)
    return lh_cli_usage_error("--%s is about all keys: leave out \"%s\"", output, key);
  struct lh_buf out = LH_BUF_INIT(EXPLAIN_BYTES_MAX);
  struct lh_err err = {0};
  int code = render(output, key, &out, &err);
  if (code < 0 && err.code != 0) {
    lh_buf_free(&out);
    return lh_cli_usage_error("%s", err.text);
  }
  return lh_cli_print(&out, code);
}

static const struct lh_cli_example examples[] = {
    {"longhaul explain", "every key in one table"},
    {"longhaul explain 'groups.*.ramp'", "one key, or all keys under it"},
    {"longhaul explain --reference > all.yaml", "a config with every key, its default and what it does"},
    {"longhaul explain --schema > longhaul.schema.json", "for an editor that completes and checks YAML"},
    {0}};

static const struct lh_cli_option options[] = {
    {.name = "json", .help = "the option table as JSON"},
    {.name = "schema", .help = "JSON Schema (draft 2020-12) of the config"},
    {.name = "reference", .help = "a config with every key, commented"},
    {.name = "man", .help = "the man page, for man -l -"},
    {.name = "completion", .help = "the completion for bash; source it or install it"},
    {0}};

const struct lh_cli_command lh_cli_explain = {
    .name = "explain",
    .summary = "what can be set in a config, from the table that reads it",
    .usage = "[KEY] [OPTIONS]",
    .description = "KEY is a dotted path: a name of yours, or * in its place, and [] for an item of a list.",
    .examples = examples,
    .options = options,
    .operands_min = 0,
    .operands_max = 1,
    .operand = "",
    .complete = LH_COMPLETE_KEY,
    .run = explain_main};
