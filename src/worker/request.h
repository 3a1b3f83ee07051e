/* The head of a request, made ready once for each message of a group (or, for a stream, once for the group) as one template:
 * request line, Host and headers, without the lines that depend on the body and without the blank line.
 */
#ifndef WORKER_REQUEST_H
#define WORKER_REQUEST_H

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/conn/cookies.h"
#include "longhaul/plan/template.h"

struct lh_request_args {
  const struct lh_target *target;
  const struct lh_group *group;
  const struct lh_message *message; /* NULL: the request that opens a stream, or the login's */
  const struct lh_login_config *login; /* NULL: it is no login's */
};

/* -EINVAL with a sentence when it cannot be sent. *head is the caller's. */
int lh_request_new(struct lh_template **head, const struct lh_request_args *args, struct lh_err *err);
/* Where a head that was rendered goes, for the client's cookies: its own Host header and path. Borrowed from it. */
struct lh_cookie_site lh_request_site(const char *head, bool tls);
/* The path, with its query, of a head that was rendered; ends the text behind it. */
const char *lh_request_path(char *head);

#endif
