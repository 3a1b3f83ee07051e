/* Variables that name something of their group: ${data.COLUMN} and ${login.NAME}. Checked once the groups are whole, since a message may stand
 * before the data it uses, and a target's headers are those of each group on it. */
#include <inttypes.h>
#include <string.h>

#include "longhaul/config/data.h"

#include "load_internal.h"
#include "nearest.h"

/* What may not stand in a text that becomes part of a request's head. */
enum place { IN_BODY, IN_HEADER, IN_PATH };

static enum place place_of(const struct node *node) {
  if (node->parent && node->parent->key && strcmp(node->parent->key, "headers") == 0) return IN_HEADER;
  return node_is_path(node) ? IN_PATH : IN_BODY;
}

static bool may_stand(struct lh_cell cell, enum place place) {
  for (size_t i = 0; i < cell.len; i++) {
    unsigned char c = (unsigned char)cell.at[i];
    if (c == 0x7f || (c < ' ' && (c != '\t' || place == IN_PATH)) || (c == ' ' && place == IN_PATH)) return false;
  }
  return true;
}

static void check_cells(struct load *load, const struct use *use, const struct lh_data *rows, uint32_t column) {
  enum place place = place_of(use->node);
  for (uint32_t row = 0; place != IN_BODY && row < lh_data_rows(rows); row++) {
    if (may_stand(lh_data_cell(rows, row, column), place)) continue;
    report_value(load, use->node, "row %" PRIu32 " of ${%s} holds %s; expected %s", row + 1, use->name,
                 place == IN_PATH ? "a space or a control character, which cannot stand in a path"
                                  : "a line break or control character, which cannot stand in a header",
                 place == IN_PATH ? "them written as %XX" : "text in one line");
    return;
  }
}

static void report_column(struct load *load, const struct use *use, const struct lh_group *group, const char *column) {
  struct nearest nearest = {0};
  const char *list = "";
  for (uint32_t c = 0; c < lh_data_columns(group->data.rows); c++) {
    struct lh_cell name = lh_data_column_name(group->data.rows, c);
    const char *known = arena_copy(&load->arena, name.at, name.len);
    if (!known) return;
    nearest_try(&nearest, column, known);
    const char *more = c <= 10 ? arena_format(&load->arena, "%s%s%s", list, c ? ", " : "", c < 10 ? known : "...") : list;
    if (more) list = more;
  }
  if (nearest.word)
    report_value(load, use->node, "%s has no column %s; did you mean ${data.%s}?", group->data.file, quoted_text(load, column),
                 nearest.word);
  else
    report_value(load, use->node, "%s has no column %s; expected one of its columns: %s", group->data.file,
                 quoted_text(load, column), list);
}

static void check_data(struct load *load, const struct use *use, const struct lh_group *group, const struct node *written) {
  const struct node *data = node_child(written, "data");
  const char *column = use->name + strlen("data.");
  if (!group->data.rows) {
    if (!data)
      report_value(load, use->node, "${%s} needs rows, and group %s has none; expected data: {file: FILE.csv} in the group",
                   use->name, group->name);
    return; /* else it was said what is wrong with them */
  }
  uint32_t number = lh_data_column(group->data.rows, column, strlen(column));
  if (number == UINT32_MAX)
    report_column(load, use, group, column);
  else
    check_cells(load, use, group->data.rows, number);
}

static void check_login(struct load *load, const struct use *use, const struct lh_group *group) {
  const struct lh_login_config *login = &group->login;
  const char *name = use->name + strlen("login."), *list = "";
  struct nearest nearest = {0};
  for (const struct node *node = use->node; node; node = node->parent)
    if (node->key && strcmp(node->key, "login") == 0) {
      report_value(load, use->node, "${%s} is what the login gives; expected a variable that is known before it", use->name);
      return;
    }
  if (!login->enabled) {
    report_value(load, use->node, "${%s} needs a login, and group %s has none; expected login: {...} in the group", use->name,
                 group->name);
    return;
  }
  for (size_t i = 0; i < login->extract_count; i++) {
    if (!login->extracts[i].name) continue;
    if (strcmp(login->extracts[i].name, name) == 0) return;
    nearest_try(&nearest, name, login->extracts[i].name);
    const char *more = arena_format(&load->arena, "%s%s%s", list, i ? ", " : "", login->extracts[i].name);
    if (more) list = more;
  }
  if (nearest.word)
    report_value(load, use->node, "the login extracts no %s; did you mean ${login.%s}?", quoted_text(load, name), nearest.word);
  else
    report_value(load, use->node, "the login extracts no %s; expected %s", quoted_text(load, name),
                 *list ? list : "it to be named under login.extract");
}

/* The scope of a group or target that the node stands in. */
static const struct scope *scope_around(const struct load *load, const struct node *node) {
  for (; node; node = node->parent)
    for (const struct scope *scope = load->scopes; scope; scope = scope->next)
      if (scope->node == node && scope->row &&
          (strcmp(scope->row->key, "groups.*") == 0 || strcmp(scope->row->key, "targets.*") == 0))
        return scope;
  return NULL;
}

/* Its headers are sent by the group's requests, or by its logins. */
static bool uses_target(const struct load *load, const struct lh_group *group, const struct lh_target *target) {
  size_t number = (size_t)(target - load->config->targets);
  return group->target == number || (group->login.enabled && group->login.target == number);
}

static void check_use(struct load *load, const struct use *use) {
  const struct scope *around = scope_around(load, use->node);
  if (!around || use->node->bad) return;
  bool is_group = strcmp(around->row->key, "groups.*") == 0;
  for (const struct scope *scope = load->scopes; scope && !use->node->bad; scope = scope->next) {
    if (!scope->row || strcmp(scope->row->key, "groups.*") != 0 || !((struct lh_group *)scope->base)->name)
      continue;
    const struct lh_group *group = scope->base;
    if (is_group ? scope != around : !uses_target(load, group, around->base)) continue;
    if (strncmp(use->name, "login.", 6) == 0)
      check_login(load, use, group);
    else
      check_data(load, use, group, scope->node);
  }
}

void uses_check(struct load *load) {
  for (const struct use *use = load->uses; use; use = use->next) check_use(load, use);
}
