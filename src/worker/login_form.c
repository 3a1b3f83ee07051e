#include "login_form.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/conn/cookies.h"
#include "longhaul/conn/logins.h"
#include "longhaul/plan/plan.h"
#include "request.h"

int lh_login_form_open(struct lh_login_form *form, const struct lh_config *config, const struct lh_group *group, struct lh_err *err) {
  const struct lh_login_config *login = &group->login;
  const struct lh_request_args args = {.target = &config->targets[login->target], .group = group, .login = login};
  form->group = group;
  int failed = lh_request_new(&form->head, &args, err);
  if (!failed && login->body) failed = lh_template_compile_for(group, login->body, login->body_len, &form->body, err);
  return failed;
}

static struct lh_template_values values_of(const struct lh_login_asker *asker) {
  const struct lh_config *config = asker->config;
  const uint32_t number = lh_engine_login_group(asker->engine, asker->key);
  const uint32_t client = lh_engine_login_client(asker->engine, asker->key);
  const struct lh_group *group = &config->groups[number];
  return (struct lh_template_values){.tag = asker->tag,
                                     .token = {.client = client, .group = number},
                                     .group_name = group->name,
                                     .time_ms = (uint64_t)lh_wall_us() / 1000,
                                     .seed = config->run.seed,
                                     .row = lh_plan_data_row(group, config->run.seed, number, client, 0)};
}

/* Appends the rendered text. */
static int add_rendered(struct lh_buf *out, const struct lh_template *t, const struct lh_template_values *values) {
  char *text = malloc(lh_template_size_max(t) + 1);
  int failed = text ? lh_buf_add(out, text, lh_template_render(t, values, text)) : -ENOMEM;
  free(text);
  return failed;
}

/* A group's login is nobody's: it has none. The head stands in out from `begin` on. */
static int add_cookies(const struct lh_login_form *form, const struct lh_login_asker *asker, struct lh_buf *out, size_t begin) {
  char line[LH_COOKIE_LINE_MAX];
  if (asker->key >= lh_engine_client_count(asker->engine) || !form->group->keeps_cookies) return 0;
  const struct lh_target *target = &asker->config->targets[form->group->login.target];
  const struct lh_cookie_site to = lh_request_site(out->data + begin, target->tls_scheme);
  size_t len = lh_engine_cookies(asker->engine, asker->key, &to, line);
  return len ? lh_buf_add(out, line, len) : 0;
}

int lh_login_form_write(const struct lh_login_form *form, const struct lh_login_asker *asker, struct lh_buf *out) {
  const struct lh_template_values values = values_of(asker);
  struct lh_buf body = LH_BUF_INIT(LH_PAYLOAD_BYTES_MAX);
  const size_t begin = out->len;
  int failed = form->body ? add_rendered(&body, form->body, &values) : 0;
  if (!failed) failed = add_rendered(out, form->head, &values);
  if (!failed) failed = add_cookies(form, asker, out, begin);
  if (!failed && (form->body || strcmp(form->group->login.method, "POST") == 0))
    failed = lh_buf_addf(out, "Content-Length: %zu\r\n", body.len);
  if (!failed) failed = lh_buf_addstr(out, asker->closes ? "Connection: close\r\n\r\n" : "\r\n");
  if (!failed && body.len) failed = lh_buf_add(out, body.data, body.len);
  lh_buf_free(&body);
  return failed;
}

struct lh_texts *lh_login_judge(const struct lh_answer *answer, unsigned status, struct lh_ending *why) {
  struct lh_texts *texts = NULL;
  struct lh_err err;
  *why = (struct lh_ending){.reason = LH_REASON_STATUS_REFUSED, .code = (int32_t)status};
  if (!lh_answer_accepts(answer, status)) return NULL;
  int failed = lh_answer_texts(answer, &texts, &err);
  if (!failed) return texts;
  why->reason = failed == -ENOMEM ? LH_REASON_NO_MEMORY : LH_REASON_LOGIN_ANSWER;
  if (failed == -ENOMEM) why->code = ENOMEM;
  if (failed != -ENOMEM) snprintf(why->text, sizeof why->text, "%.*s", (int)sizeof why->text - 1, err.text);
  return NULL;
}
