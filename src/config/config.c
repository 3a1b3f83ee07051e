#include "longhaul/config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/config/data.h"

#include "load_internal.h"
#include "row.h"

static const char *const kinds[LH_KIND_COUNT] = {
    [LH_KIND_WEBSOCKET] = "websocket", [LH_KIND_NULL] = "null", [LH_KIND_HTTP] = "http", [LH_KIND_SSE] = "sse",
    [LH_KIND_STREAM] = "stream",       [LH_KIND_TCP] = "tcp",
};

const char *lh_kind_name(enum lh_kind_id kind) {
  return kinds[kind];
}

int lh_strings_addf(struct lh_strings *list, const char *format, ...) {
  char **items = realloc(list->items, (list->count + 1) * sizeof *items);
  va_list args;
  if (!items) return -ENOMEM;
  list->items = items;
  va_start(args, format);
  int len = vasprintf(&items[list->count], format, args);
  va_end(args);
  if (len < 0) return -ENOMEM;
  list->count++;
  return 0;
}

void lh_strings_free(struct lh_strings *list) {
  for (size_t i = 0; i < list->count; i++) free(list->items[i]);
  free(list->items);
  *list = (struct lh_strings){0};
}

static void free_headers(struct lh_headers *headers) {
  for (size_t i = 0; i < headers->count; i++) {
    free(headers->items[i].name);
    free(headers->items[i].value);
  }
  free(headers->items);
}

static void free_target(struct lh_target *target) {
  free(target->name);
  free(target->url);
  free(target->url_masked);
  free(target->unix_path);
  free(target->proxy.host);
  free(target->proxy.authorization);
  free(target->host);
  free(target->path);
  free(target->tls.ca);
  free(target->tls.cert);
  free(target->tls.key);
  free(target->tls.sni);
  free_headers(&target->headers);
  lh_strings_free(&target->addresses);
}

static void free_message(struct lh_message *message) {
  free(message->name);
  free(message->payload);
  free(message->reply.contains);
  free(message->reply.pointer);
  free(message->method);
  free(message->request_path);
  free(message->reply.matches);
  free(message->reply.equals);
  free(message->when.pointer);
  free(message->when.equals);
  free(message->when.begins);
  free(message->when.contains);
  free(message->when.hex);
  free_headers(&message->headers);
}

static void free_locator(struct lh_locator *locator) {
  free(locator->field);
  free(locator->regex);
}

static void free_login(struct lh_login_config *login) {
  free(login->method);
  free(login->path);
  free_headers(&login->headers);
  free(login->body);
  for (size_t i = 0; i < login->extract_count; i++) {
    free(login->extracts[i].name);
    free(login->extracts[i].json);
    free(login->extracts[i].header);
    free(login->extracts[i].cookie);
  }
  free(login->extracts);
  if (login->own_target) free_target(login->own_target);
  free(login->own_target);
}

static void free_group(struct lh_group *group) {
  free_locator(&group->incoming.sequence);
  free_locator(&group->incoming.timestamp);
  free(group->incoming.words);
  free_login(&group->login);
  free(group->name);
  free(group->path);
  free_headers(&group->headers);
  lh_strings_free(&group->subprotocols);
  lh_strings_free(&group->source_addresses);
  free(group->ramp.points);
  for (size_t i = 0; i < group->message_count; i++) free_message(&group->messages[i]);
  free(group->messages);
  lh_data_free(group->data.rows);
  free(group->data.file);
  free(group->data.sha256);
  lh_strings_free(&group->data.secret);
  free(group->data.secret_columns);
}

void lh_config_free(struct lh_config *config) {
  if (!config) return;
  for (size_t i = 0; i < config->target_count; i++) free_target(&config->targets[i]);
  for (size_t i = 0; i < config->group_count; i++) free_group(&config->groups[i]);
  for (size_t i = 0; i < config->slo_count; i++) {
    free(config->slo[i].metric);
    free(config->slo[i].threshold_text);
  }
  lh_strings_free(&config->deny);
  lh_strings_free(&config->hooks.on_breach);
  lh_strings_free(&config->hooks.on_end);
  free(config->watch.name);
  free(config->watch.cgroup);
  free_target(&config->watch.metrics);
  lh_strings_free(&config->watch.names);
  free(config->targets);
  free(config->groups);
  free(config->actions);
  free(config->slo);
  free(config->run.name);
  free(config->run.store);
  free(config->path);
  free(config->text);
  free(config->masked);
  free(config->secrets);
  free(config);
}
