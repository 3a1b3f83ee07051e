/* A group's login as it is said and heard, whichever connection it goes over: the desk's (desk.h), or the client's own. */
#ifndef WORKER_LOGIN_FORM_H
#define WORKER_LOGIN_FORM_H

#include <stdbool.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/ending.h"
#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/conn/engine.h"
#include "longhaul/conn/login.h"
#include "longhaul/plan/template.h"

/* All zero: no login. Lives as long as the worker. */
struct lh_login_form {
  const struct lh_group *group; /* borrowed */
  struct lh_template *head;     /* up to the lines that depend on the body; owned */
  struct lh_template *body;     /* owned; NULL: none */
};

int lh_login_form_open(struct lh_login_form *form, const struct lh_config *config, const struct lh_group *group, struct lh_err *err);

struct lh_login_asker {
  const struct lh_config *config;
  const struct lh_engine *engine;
  struct lh_token_tag tag;
  uint32_t key; /* logins.h */
  bool closes;  /* the connection is for this request alone */
};
/* Appends the whole request to out. -ENOMEM, -ENOBUFS. */
int lh_login_form_write(const struct lh_login_form *form, const struct lh_login_asker *asker, struct lh_buf *out);

/* What a whole answer is worth: its texts, the caller's; or NULL, and why not in *why, without a word of what the server said. */
struct lh_texts *lh_login_judge(const struct lh_answer *answer, unsigned status, struct lh_ending *why);

#endif
