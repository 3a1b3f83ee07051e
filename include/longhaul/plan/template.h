/* Payloads with variables, compiled once and rendered for each send.
 *
 * Variables: ${token} ${seq} ${client} ${group} ${time_ms} ${uuid} ${rand:LOW..HIGH} ${data.COLUMN}
 * ${login.NAME}.
 * `$${` writes a plain `${`.
 * A variable that is not known is an error at compile time, so that rendering cannot fail. ${uuid} and ${rand} follow from
 * seed, group, client, seq and their place in the text: the same message rendered again is the same.
 *
 * A token is 26 bytes of [0-9a-z] that say where it comes from, so that a reply can be classed without any memory of it:
 *   "lh" tag(4, of the run) client(6) group(2) seq(8) check(4), in base 36; check guards against a chance or damaged one.
 */
#ifndef LONGHAUL_PLAN_TEMPLATE_H
#define LONGHAUL_PLAN_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/base/texts.h"
#include "longhaul/config/config.h"

enum { LH_TOKEN_LEN = 26 };

struct lh_token {
  uint32_t client; /* below 36^6 */
  uint32_t group;  /* below 36^2 */
  uint64_t seq;    /* below 36^8 */
};

/* What marks this run's tokens: 4 bytes of base 36 from the run's seed and id. */
struct lh_token_tag {
  char text[4];
};
struct lh_token_tag lh_token_tag(uint64_t run_id);

void lh_token_write(struct lh_token_tag tag, struct lh_token token, char out[LH_TOKEN_LEN]);
/* Finds the first whole token of this run in bytes. Returns its offset, or -ENOENT, or, when there is no whole one, -EBADMSG
 * if something that starts like one of ours ("lh" and the tag) is damaged or cut. */
long lh_token_find(struct lh_token_tag tag, const void *bytes, size_t len, struct lh_token *token);

struct lh_template;

struct lh_template_values {
  struct lh_token_tag tag;
  struct lh_token token;  /* group, client and seq are taken from here */
  const char *group_name; /* at most LH_NAME_MAX - 1 bytes are written */
  uint64_t time_ms;       /* wall clock, since 1970 */
  uint64_t seed;
  uint32_t row; /* of the group's data: lh_plan_data_row */
  const struct lh_texts *login; /* what the client's login gave: its cookies, which are no variable, then each extract; NULL: nothing yet */
};

/* Compiles text (copied). -EINVAL with a sentence that names the variable and its offset. */
int lh_template_compile(const char *text, size_t len, struct lh_template **out, struct lh_err *err);
/* The same for a text of this group, which may name columns of the group's data and what its login extracts. The data is borrowed until free. */
int lh_template_compile_for(const struct lh_group *group, const char *text, size_t len, struct lh_template **out,
                            struct lh_err *err);
/* Text (copied) without variables, whatever it holds. */
int lh_template_plain(const char *text, size_t len, struct lh_template **out, struct lh_err *err);
/* A payload of exactly `size` bytes: the token first when there is room, then fill that follows from seed, client, seq. */
int lh_template_fill(size_t size, struct lh_template **out, struct lh_err *err);
/* Most bytes a rendering can take. */
size_t lh_template_size_max(const struct lh_template *t);
/* Writes at most size_max bytes to out, which has room for them; returns the length. No NUL is added. */
size_t lh_template_render(const struct lh_template *t, const struct lh_template_values *values, char *out);
bool lh_template_has_token(const struct lh_template *t);
void lh_template_free(struct lh_template *t); /* accepts NULL */

#endif
