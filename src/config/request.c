/* What requests ask for, and what kind http accepts. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "row.h"
#include "secret.h"
#include "text.h"
#include "variables.h"

/* The key is the method. A second one is a rule's to report. */
bool set_request(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  struct lh_message *message = base;
  if (!value_has_text(load, node, "the path of a request")) return false;
  secret_path_mask(load, node);
  if (!variables_check(load, node)) return false;
  const char *expected = text_path(node->text);
  if (expected) {
    report_value(load, node, "%s is not accepted; expected %s", quoted(load, node), expected);
    return false;
  }
  free(message->method);
  free(message->request_path);
  message->method = strdup(row_name(row));
  message->request_path = strdup(node->text);
  if (!message->method || !message->request_path) {
    load->arena.out_of_memory = true;
    return false;
  }
  for (char *at = message->method; *at; at++) *at = (char)toupper((unsigned char)*at);
  return true;
}

bool set_path(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  secret_path_mask(load, node); /* before the first sentence that shows it */
  return value_store(load, row, node, base);
}

/* 204, or 2xx for a whole class, which is kept as its first digit; 0: neither. */
static unsigned status_of(const char *text) {
  if (strlen(text) != 3 || text[0] < '1' || text[0] > '5') return 0;
  if (strcasecmp(text + 1, "xx") == 0) return (unsigned)(text[0] - '0');
  if (!isdigit((unsigned char)text[1]) || !isdigit((unsigned char)text[2])) return 0;
  return (unsigned)strtoul(text, NULL, 10);
}

static void add_status(struct load *load, struct node *node, uint16_t *statuses, size_t at) {
  static const char expected[] = "a status from 200 to 599, or a class such as 2xx";
  if (!value_has_text(load, node, expected)) return;
  unsigned status = status_of(node->text);
  if (status == 1 || status == 0 || (status >= 100 && status < 200))
    report_value(load, node, "%s is not a final status; expected %s", quoted(load, node), expected);
  else
    statuses[at] = (uint16_t)status;
}

static bool read_statuses(struct load *load, const struct lh_option *row, struct node *node, uint16_t *statuses) {
  size_t count = 0;
  if (node->bad) return false;
  if (node->kind != NODE_LIST) {
    add_status(load, node, statuses, 0);
    return !node->bad;
  }
  if (node->count == 0 || node->count > row->landing->limit) {
    report_value(load, node, "%u statuses; expected 1 to %zu", node->count, row->landing->limit);
    return false;
  }
  for (struct node *child = node->first; child; child = child->next) add_status(load, child, statuses, count++);
  return true;
}

bool set_statuses(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  return read_statuses(load, row, node, ((struct lh_message *)base)->reply.status);
}

bool set_login_statuses(struct load *load, const struct lh_option *row, struct node *node, void *base) {
  return read_statuses(load, row, node, ((struct lh_group *)base)->login.status);
}
