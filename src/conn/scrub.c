/* What a login gave, and secrets of the config and of its rows of data, must not come back in the words of a peer: a refusal that
 * quotes the token, a close frame's text. */
#include <string.h>

#include "conn/engine_private.h"
#include "longhaul/config/data.h"
#include "longhaul/conn/cookies.h"
#include "longhaul/plan/plan.h"

enum { SHORTEST = 4, SHORTEST_CUT = 8 }; /* shorter ones would blot out words that are no secret */
enum { ROWS_RECENT = 32 };               /* a peer quotes what it was sent lately */

static const char blot[] = "***";

static void replace(char *at, size_t len) {
  memcpy(at, blot, sizeof blot - 1);
  memmove(at + sizeof blot - 1, at + len, strlen(at + len) + 1);
}

/* The text may have been cut within it. */
static void scrub_cut(char *text, struct lh_text secret) {
  size_t len = strlen(text), most = len < secret.len ? len : secret.len - 1;
  for (size_t part = most; part >= SHORTEST_CUT; part--)
    if (memcmp(text + len - part, secret.at, part) == 0) {
      replace(text + len - part, part);
      return;
    }
}

void lh_scrub_text(char *text, struct lh_text secret) {
  if (secret.len < SHORTEST) return;
  for (char *at; (at = memmem(text, strlen(text), secret.at, secret.len));) replace(at, secret.len);
  scrub_cut(text, secret);
}

/* The values of Set-Cookie headers, one a line. */
static void scrub_cookies(char *text, struct lh_text cookies) {
  const char *at = cookies.at, *end = cookies.at + cookies.len;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    struct lh_text name, value;
    if (!stop) stop = end;
    if (lh_cookie_pair((struct lh_text){at, (size_t)(stop - at)}, &name, &value)) lh_scrub_text(text, value);
    at = stop + 1;
  }
}

void lh_scrub(char *text, const struct lh_texts *secrets) {
  if (!*text || !secrets) return;
  scrub_cookies(text, lh_texts_at(secrets, 0));
  for (uint32_t i = 1; i < secrets->count; i++) lh_scrub_text(text, lh_texts_at(secrets, i));
}

void lh_scrub_all(char *text, const struct lh_texts *secrets) {
  for (uint32_t i = 0; *text && secrets && i < secrets->count; i++) lh_scrub_text(text, lh_texts_at(secrets, i));
}

static void scrub_row(char *text, const struct lh_data_config *data, uint32_t row) {
  for (size_t i = 0; i < data->secret_count; i++) {
    struct lh_cell cell = lh_data_cell(data->rows, row, data->secret_columns[i]);
    lh_scrub_text(text, (struct lh_text){cell.at, cell.len});
  }
}

/* The row of the first message is also that of the login and of what opens a connection. */
void lh_scrub_rows(char *text, const struct lh_engine *e, const struct group *g, uint32_t client, uint64_t seq) {
  const struct lh_data_config *data = &g->config->data;
  if (!*text || data->secret_count == 0) return;
  uint64_t recent = data->order == LH_DATA_PER_CLIENT ? 0 : lh_min(seq, ROWS_RECENT); /* one row for all, or one each */
  for (uint64_t n = 0; n <= recent; n++)
    scrub_row(text, data, lh_plan_data_row(g->config, e->config->run.seed, g->number, client, n == 0 ? 0 : seq - n));
}
