/* A group's login: its request, where it goes, its body. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "row.h"
#include "secret.h"
#include "text.h"
#include "variables.h"

static struct lh_login_config *login_of(void *group) {
  return &((struct lh_group *)group)->login;
}

static void take_text(struct load *load, char **at, const char *text) {
  free(*at);
  *at = strdup(text);
  if (!*at) load->arena.out_of_memory = true;
}

/* The key is the method. A second one is a rule's to report. */
bool set_login_request(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_login_config *login = login_of(base);
  if (!value_has_text(load, node, type_expected(row->type))) return false;
  secret_path_mask(load, node);
  if (!variables_check(load, node)) return false;
  const char *expected = text_path(node->text);
  if (expected) {
    report_value(load, node, "%s is not accepted; expected %s", quoted(load, node), expected);
    return false;
  }
  take_text(load, &login->method, row_name(row));
  take_text(load, &login->path, node->text);
  for (char *at = login->method; at && *at; at++) *at = (char)toupper((unsigned char)*at);
  return true;
}

/* A target of its own, with a target's defaults. */
bool set_login_url(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_login_config *login = login_of(base);
  struct lh_target *target = calloc(1, sizeof *target);
  if (!target) {
    load->arena.out_of_memory = true;
    return false;
  }
  free(login->own_target);
  login->own_target = target;
  scope_preset(load, lh_option_find("targets.*"), target);
  if (!set_url(load, row, node, target)) return false;
  if (target->scheme == LH_SCHEME_HTTP || target->scheme == LH_SCHEME_HTTPS) return true;
  report_value(load, node, "%s is not a URL to log in at; expected http:// or https://", quoted(load, node));
  return false;
}

bool set_login_text(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_login_config *login = login_of(base);
  node->masked = "***"; /* before the first sentence that shows it */
  if (!value_has_text(load, node, type_expected(row->type)) || !variables_check(load, node)) return false;
  take_text(load, &login->body, node->text);
  login->body_len = strlen(node->text);
  return true;
}

bool set_login_file(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_login_config *login = login_of(base);
  struct lh_buf content;
  char *path;
  if (!value_has_text(load, node, type_expected(row->type)) || !file_read(load, node, LH_PAYLOAD_BYTES_MAX, &path, &content)) return false;
  free(path);
  free(login->body);
  login->body = content.data ? content.data : strdup("");
  login->body_len = content.len;
  return variables_check_bytes(load, node, login->body, login->body_len);
}

/* ---- what follows from several keys ---- */

/* Behind the targets that have names: scopes point at those, so that they move along. */
static uint32_t add_target(struct load *load, struct lh_group *group, struct lh_target *own) {
  struct lh_config *config = load->config;
  struct lh_target *before = config->targets, *targets = calloc(config->target_count + 1, sizeof *targets);
  size_t name_len = strlen(group->name) + sizeof "login-";
  if (targets) own->name = malloc(name_len);
  if (!targets || !own->name) {
    free(targets);
    load->arena.out_of_memory = true;
    return LH_NO_TARGET;
  }
  memcpy(own->name, "login-", sizeof "login-" - 1);
  memcpy(own->name + sizeof "login-" - 1, group->name, strlen(group->name) + 1);
  if (config->target_count) memcpy(targets, before, config->target_count * sizeof *targets);
  for (struct scope *scope = load->scopes; scope; scope = scope->next)
    if (scope->row && strcmp(scope->row->key, "targets.*") == 0)
      scope->base = targets + ((struct lh_target *)scope->base - before);
  free(before);
  targets[config->target_count] = *own;
  config->targets = targets;
  return (uint32_t)config->target_count++;
}

static void use_own_target(struct load *load, struct lh_group *group) {
  struct lh_login_config *login = &group->login;
  struct lh_buf path = LH_BUF_INIT(CONFIG_BYTES_MAX);
  int failed = 0;
  for (const char *at = login->own_target->path; *at && !failed; at++) { /* the URL's path is no template, the login's is one */
    if (strncmp(at, "${", 2) == 0) failed = lh_buf_addstr(&path, "$");
    if (!failed) failed = lh_buf_add(&path, at, 1);
  }
  take_text(load, &login->method, login->body ? "POST" : "GET");
  if (failed) load->arena.out_of_memory = true;
  free(login->path);
  login->path = path.data;
  login->has_url = true;
  login->own_target->authorized = login->authorized;
  login->target = add_target(load, group, login->own_target);
  if (login->target == LH_NO_TARGET) return;
  free(login->own_target);
  login->own_target = NULL;
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* One server by one way: a connection for the one is as good for the other. */
static bool is_same_place(const struct lh_target *a, const struct lh_target *b) {
  bool same_host = a->host && b->host && strcasecmp(a->host, b->host) == 0 && a->port == b->port && a->tls_scheme == b->tls_scheme;
  bool same_way = same_text(a->unix_path, b->unix_path) && same_text(a->proxy.host, b->proxy.host) && a->proxy.port == b->proxy.port;
  bool same_tls = !a->tls_scheme || (a->tls.verify == b->tls.verify && same_text(a->tls.ca, b->tls.ca) &&
                                     same_text(a->tls.cert, b->tls.cert) && same_text(a->tls.sni, b->tls.sni));
  return same_host && same_way && same_tls;
}

/* What all clients do at one time, or one for all, cannot go over a connection that each opens in its turn. */
static bool may_share(const struct lh_config *config, const struct lh_group *group) {
  const struct lh_login_config *login = &group->login;
  bool can = group->kind == LH_KIND_HTTP && login->per == LH_LOGIN_PER_CLIENT && login->phase == LH_PHASE_SPREAD;
  if (!can || login->target >= config->target_count || group->target >= config->target_count) return false;
  return login->target == group->target || is_same_place(&config->targets[login->target], &config->targets[group->target]);
}

void resolve_login(struct load *load, const struct scope *scope) {
  struct lh_group *group = scope->base;
  struct lh_login_config *login = &group->login;
  struct node *node = node_child(scope->node, "login"), *url = node ? node_child(node, "url") : NULL;
  struct node *written = node ? node_child(node, "target") : NULL;
  login->target = LH_NO_TARGET;
  if (login->enabled && login->keeps_cookies) group->keeps_cookies = true;
  login->keeps_cookies = group->keeps_cookies;
  if (!login->enabled || !node || node->bad || node->kind != NODE_MAP || !group->name) return;
  if (!login->status[0]) login->status[0] = 2;
  for (size_t i = 0; i < login->extract_count; i++)
    login->extracts[i].source = login->extracts[i].json     ? LH_EXTRACT_JSON
                                : login->extracts[i].header ? LH_EXTRACT_HEADER
                                                            : LH_EXTRACT_COOKIE;
  if (url) {
    if (!url->bad && login->own_target && login->own_target->path) use_own_target(load, group);
    login->shares_connection = may_share(load->config, group);
    return;
  }
  if (written && !written->bad && written->kind == NODE_SCALAR)
    login->target = target_by_name(load, written);
  else if (!written)
    login->target = group->target;
  if (login->target == LH_NO_TARGET) return;
  const struct lh_target *target = &load->config->targets[login->target];
  if (target->host && (target->scheme == LH_SCHEME_TCP || target->scheme == LH_SCHEME_TLS))
    report_value(load, written ? written : node, "a login is an HTTP request, and the URL of target %s is %s://; expected url, or target with another one",
                 target->name, lh_scheme_name(target->scheme));
  login->shares_connection = may_share(load->config, group);
}
