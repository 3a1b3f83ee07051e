/* A group's rows: the file is read, its digest compared, and shown in the effective config in place of the contents. */
#include <stdlib.h>
#include <string.h>

#include "longhaul/config/data.h"

#include "row.h"

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
  if (node->bad) return false;
  if (node->kind != NODE_SCALAR || node_is_null(node)) {
    report_value(load, node, "%s stands here; expected %s", quoted(load, node), type_expected(row->type));
    return false;
  }
  if (!inherit(load, node, group) && !read_rows(load, node, group)) return false;
  group->data.file = value_string(load, node);
  return group->data.file != NULL;
}

void resolve_data(struct load *load, const struct scope *scope) {
  const struct lh_group *group = scope->base;
  struct node *data = node_child(scope->node, "data"), *written = data ? node_child(data, "sha256") : NULL;
  if (!group->data.rows || data->bad || (written && written->bad)) return;
  const char *digest = lh_data_digest(group->data.rows);
  if (group->data.sha256 && strcmp(group->data.sha256, digest) != 0)
    report_value(load, written, "%s has another SHA-256, %s; expected the file that was meant", group->data.file, digest);
  else if (!written)
    node_set_text(load, data, "sha256", digest);
}
