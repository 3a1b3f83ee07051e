/* What a login's answer gives: headers and body in, texts out. Pure.
 *
 * Nothing of an answer is ever put into a sentence: it is made of secrets.
 */
#ifndef LONGHAUL_CONN_LOGIN_H
#define LONGHAUL_CONN_LOGIN_H

#include <stdbool.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/err.h"
#include "longhaul/base/texts.h"
#include "longhaul/config/config.h"

struct lh_answer {
  const struct lh_login_config *config; /* borrowed */
  struct lh_buf body;                   /* kept only when something of it is extracted */
  struct lh_buf cookies;                /* the Set-Cookie headers, one a line */
  struct lh_buf headers;                /* of those extracted: number (one byte), then the value and a NUL */
  bool too_large, no_memory;
};

void lh_answer_init(struct lh_answer *answer, const struct lh_login_config *config);
void lh_answer_header(struct lh_answer *answer, const char *name, size_t name_len, const char *value, size_t value_len);
void lh_answer_body(struct lh_answer *answer, const char *bytes, size_t len);
bool lh_answer_accepts(const struct lh_answer *answer, unsigned status);
/* The Set-Cookie headers, one a line (nothing when they are not kept), then each extract. -ENOENT when one is not there,
 * -EINVAL when one cannot be used, -ENOMEM; the sentence names the extract and not its value. *texts is the caller's. */
int lh_answer_texts(const struct lh_answer *answer, struct lh_texts **texts, struct lh_err *err);
void lh_answer_free(struct lh_answer *answer);

#endif
