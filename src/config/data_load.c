/* A group's rows: the file is read, its digest compared, and shown in the effective config in place of the contents. */
#include <stdlib.h>
#include <string.h>

#include "longhaul/config/data.h"

#include "row.h"
#include "secret.h"

/* Rows that the supervisor has read already; false: none of this group's. */
static bool inherit(struct load *load, struct node *node, struct lh_group *group) {
  size_t number = (size_t)(group - load->config->groups);
  struct lh_err err;
  if (!load->args->data_fds || number >= load->args->data_fd_count || load->args->data_fds[number] < 0) return false;
  if (lh_data_attach(&group->data.rows, load->args->data_fds[number], &err)) report_value(load, node, "%s", err.text);
  return true;
}

static bool read_rows(struct load *load, struct node *node, struct lh_group *group) {
  struct lh_buf content;
  struct lh_err err;
  char *path;
  if (!file_read(load, node, LH_DATA_BYTES_MAX, &path, &content)) return false;
  if (lh_data_new(&group->data.rows, content.data ? content.data : "", content.len, &err))
    report_value(load, node, "%s: %s", quoted_text(load, path), err.text);
  lh_buf_free(&content);
  free(path);
  return group->data.rows != NULL;
}

bool set_data_file(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_group *group = base;
  if (!value_has_text(load, node, type_expected(row->type))) return false;
  if (!inherit(load, node, group) && !read_rows(load, node, group)) return false;
  group->data.file = value_string(load, node);
  return group->data.file != NULL;
}

static bool is_listed(const struct lh_strings *names, struct lh_cell column) {
  for (size_t i = 0; i < names->count; i++)
    if (strlen(names->items[i]) == column.len && memcmp(names->items[i], column.at, column.len) == 0) return true;
  return false;
}

/* A misspelt one would leave its column in the open. */
static void check_listed(struct load *load, struct node *data, const struct lh_data_config *config) {
  struct node *written = node_child(data, "secret");
  for (size_t i = 0; i < config->secret.count && written && !written->bad; i++)
    if (lh_data_column(config->rows, config->secret.items[i], strlen(config->secret.items[i])) == UINT32_MAX)
      report_value(load, written, "%s has no column called %s; expected names of its columns", config->file,
                   quoted_text(load, config->secret.items[i]));
}

static void find_secret_columns(struct load *load, struct lh_data_config *config) {
  uint32_t count = lh_data_columns(config->rows);
  config->secret_columns = calloc(count, sizeof *config->secret_columns);
  if (!config->secret_columns) {
    load->arena.out_of_memory = true;
    return;
  }
  for (uint32_t c = 0; c < count; c++) {
    struct lh_cell name = lh_data_column_name(config->rows, c);
    const char *text = arena_copy(&load->arena, name.at, name.len);
    if (text && (secret_name(text) || is_listed(&config->secret, name))) config->secret_columns[config->secret_count++] = c;
  }
}

void resolve_data(struct load *load, const struct scope *scope) {
  struct lh_group *group = scope->base;
  struct node *data = node_child(scope->node, "data"), *written = data ? node_child(data, "sha256") : NULL;
  if (!group->data.rows || data->bad || (written && written->bad)) return;
  check_listed(load, data, &group->data);
  find_secret_columns(load, &group->data);
  const char *digest = lh_data_digest(group->data.rows);
  if (group->data.sha256 && strcmp(group->data.sha256, digest) != 0)
    report_value(load, written, "%s has another SHA-256, %s; expected the file that was meant", group->data.file, digest);
  else if (!written)
    node_set_text(load, data, "sha256", digest);
}
