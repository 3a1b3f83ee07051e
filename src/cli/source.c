#include "cli/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/log.h"
#include "longhaul/base/units.h"

/* ---- settings ---- */
static int no_memory(void) {
  return lh_cli_fail(LH_EXIT_TESTER, "no memory for the settings");
}

static int add_setting(struct lh_source *source, const char *setting) {
  return lh_strings_addf(&source->settings, "%s", setting) < 0 ? no_memory() : 0;
}

/* `key` ends with "="; the value is quoted, whatever it holds. */
static int add_quoted(struct lh_source *source, const char *key, const char *value) {
  struct lh_buf text = LH_BUF_INIT(1 << 20);
  int code = lh_buf_addstr(&text, key);
  if (code == 0) code = lh_buf_addjson(&text, value);
  int exit_code = code < 0 ? no_memory() : add_setting(source, text.data);
  lh_buf_free(&text);
  return exit_code;
}

/* --set comes last and wins: `resume` shortens by it a run that was started with --duration. */
static int gather_settings(const struct lh_cli_args *args, struct lh_source *source, bool url) {
  int code = 0;
  const char *duration = lh_cli_value(args, "duration"), *store = lh_cli_value(args, "store");
  uint64_t ns;
  if (duration != NULL && !url && lh_parse_duration(duration, &ns) < 0)
    return lh_cli_usage_error("--duration %s is not a duration; expected a number with its unit, such as 30s or 1h", duration);
  if (duration != NULL && !url) code = add_quoted(source, "run.duration=", duration);
  if (code == 0 && store != NULL) code = add_quoted(source, "run.store=", store);
  for (size_t i = 0; i < args->given_count && code == 0; i++)
    if (strcmp(args->given[i].option->name, "set") == 0) code = add_setting(source, args->given[i].value);
  return code;
}

static int parse_shard(const char *text, struct lh_source *source) {
  source->shard = source->shards = 1;
  if (text == NULL) return 0;
  char *end, *last;
  errno = 0;
  unsigned long shard = strtoul(text, &end, 10);
  unsigned long shards = *end == '/' ? strtoul(end + 1, &last, 10) : 0;
  if (errno != 0 || *end != '/' || *last != '\0' || strchr(text, '-') != NULL || shard < 1 || shards < shard ||
      shards > LH_WORKERS_MAX)
    return lh_cli_usage_error("--shard %s is not I/N with 1 <= I <= N <= %d, such as 2/8", text, LH_WORKERS_MAX);
  source->shard = (uint32_t)shard;
  source->shards = (uint32_t)shards;
  return 0;
}

/* ---- a URL in place of a config ---- */
static int quick_text(const struct lh_cli_args *args, const char *url, char **text) {
  const char *connections = lh_cli_value(args, "connections");
  struct lh_quick_args quick = {.url = url,
                                .connections = 1,
                                .duration = lh_cli_value(args, "duration"),
                                .every = lh_cli_value(args, "every"),
                                .text = lh_cli_value(args, "text"),
                                .sse = lh_cli_has(args, "sse")};
  if (connections != NULL) {
    char *end;
    errno = 0;
    unsigned long n = strtoul(connections, &end, 10);
    if (errno != 0 || *end != '\0' || connections[0] == '-' || n < 1 || n > LH_CLIENTS_MAX)
      return lh_cli_usage_error("--connections %s is not a whole number from 1 to %d", connections, LH_CLIENTS_MAX);
    quick.connections = (unsigned)n;
  }
  struct lh_err err = {0};
  if (lh_config_quick(&quick, text, &err) < 0) return lh_cli_usage_error("%s", err.text);
  return 0;
}

/* localhost:8080, 127.0.0.1:9001/ws: an address whose scheme was left out. */
static bool is_address(const char *text) {
  const char *colon = strchr(text, ':');
  size_t digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;
  return digits > 0 && colon > text && strchr("/?", colon[1 + digits]) != NULL && strcspn(text, "/") > (size_t)(colon - text);
}

static int refuse_address(const char *operand) {
  if (!is_address(operand) || access(operand, F_OK) == 0) return 0;
  return lh_cli_usage_error("%s is neither a file nor a URL; a URL begins with its scheme, such as ws://%s", operand, operand);
}

static int refuse_quick_options(const struct lh_cli_args *args) {
  int code = refuse_address(args->operands[0]);
  if (code != 0) return code;
  if (lh_cli_has(args, "connections"))
    return lh_cli_usage_error("--connections goes with a URL; for a config use --set groups.NAME.connections=%s",
                              lh_cli_value(args, "connections"));
  if (lh_cli_has(args, "every") || lh_cli_has(args, "text"))
    return lh_cli_usage_error("--every and --text go with a URL; for a config use --set");
  if (lh_cli_has(args, "sse")) return lh_cli_usage_error("--sse goes with a URL; a config says kind: sse");
  return 0;
}

/* ---- loading ---- */
/* `again`: what was a warning before has been said. */
static int load(struct lh_source *source, const char *path, const char *text, bool again) {
  struct lh_diagnostics diagnostics = {0};
  struct lh_load_args load_args = {.path = path,
                                   .text = text,
                                   .settings = (const char *const *)source->settings.items,
                                   .setting_count = source->settings.count};
  int code = lh_config_load(&load_args, &source->config, &diagnostics);
  for (size_t i = 0; i < diagnostics.count && (code < 0 || !again); i++) lh_log_sentence(diagnostics.items[i]);
  lh_diagnostics_free(&diagnostics);
  return code < 0 ? LH_EXIT_USAGE : 0;
}

int lh_source_load(const struct lh_cli_args *args, struct lh_source *source) {
  const char *operand = args->operands[0];
  bool url = strstr(operand, "://") != NULL;
  char *text = NULL;
  *source = (struct lh_source){0};
  int code = parse_shard(lh_cli_value(args, "shard"), source);
  if (code == 0) code = url ? quick_text(args, operand, &text) : refuse_quick_options(args);
  if (code == 0) code = gather_settings(args, source, url);
  if (code == 0) code = load(source, url ? "(command line)" : operand, text, false);
  free(text);
  return code;
}

int lh_source_load_text(const struct lh_cli_args *args, const char *text, struct lh_source *source) {
  *source = (struct lh_source){.shard = 1, .shards = 1};
  int code = gather_settings(args, source, true);
  return code == 0 ? load(source, "(command line)", text, false) : code;
}

/* Targets that a login's URL made have no name in the config. */
static int authorize_logins(struct lh_source *source) {
  const struct lh_config *config = source->config;
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_login_config *login = &config->groups[g].login;
    if (!login->enabled || !login->has_url || config->targets[login->target].authorized) continue;
    config->targets[login->target].authorized = true;
    if (lh_strings_addf(&source->settings, "groups.%s.login.authorized=true", config->groups[g].name) < 0) return no_memory();
  }
  return 0;
}

int lh_source_authorize(struct lh_source *source) {
  int code = authorize_logins(source);
  for (size_t i = 0; i < source->config->target_count && code == 0; i++) {
    struct lh_target *target = &source->config->targets[i];
    if (target->authorized) continue;
    if (lh_strings_addf(&source->settings, "targets.%s.authorized=true", target->name) < 0) return no_memory();
    target->authorized = true;
  }
  return code;
}

int lh_source_set(struct lh_source *source, const struct lh_strings *settings) {
  struct lh_config *old = source->config;
  int code = 0;
  for (size_t i = 0; i < settings->count && code == 0; i++) code = add_setting(source, settings->items[i]);
  if (code != 0) return code;
  source->config = NULL;
  code = load(source, old->path, old->text, true);
  lh_config_free(old);
  return code;
}

void lh_source_free(struct lh_source *source) {
  lh_config_free(source->config);
  lh_strings_free(&source->settings);
  *source = (struct lh_source){0};
}
