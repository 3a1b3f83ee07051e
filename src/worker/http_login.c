/* Logins over the connections of the clients they are for: a request like any other on the wire, but the answer is the engine's
 * logins' and no reply. What either says is secret: nothing of it is put into an ending. */
#include <errno.h>
#include <stdlib.h>

#include "http_login.h"
#include "longhaul/conn/logins.h"

void lh_http_forget_login(struct lh_line *line) {
  lh_answer_free(line->own);
  free(line->own);
  line->own = NULL;
  line->logging_in = false;
}

enum lh_send_result lh_http_login(void *context, uint32_t slot) {
  struct lh_raw *raw = context;
  struct lh_line *line = &raw->lines[slot];
  const struct lh_track *track = lh_raw_track(raw, line);
  if (line->awaiting || line->leaving || line->closing || line->out || lh_raw_is_elsewhere(raw, line)) {
    line->choked = true;
    return LH_SEND_CHOKED;
  }
  const struct lh_login_asker asker = {.config = raw->args.config, .engine = raw->engine, .tag = raw->tag, .key = slot};
  struct lh_answer *answer = malloc(sizeof *answer);
  lh_buf_reset(&raw->request);
  if (!answer || lh_login_form_write(&track->login, &asker, &raw->request)) {
    free(answer);
    return LH_SEND_FAILED;
  }
  lh_answer_init(answer, &track->group->login);
  line->own = answer;
  line->logging_in = line->awaiting = true;
  line->heard = false;
  line->away_s = 0;
  lh_http_expect(line->reader, false);
  lh_wire_push(raw, line, raw->request.data, raw->request.len);
  return LH_SEND_DONE;
}

void lh_http_settle_login(struct lh_raw *raw, struct lh_line *line, unsigned status, uint64_t now_ns) {
  const uint32_t slot = lh_raw_slot(raw, line);
  struct lh_ending why;
  struct lh_texts *texts = lh_login_judge(line->own, status, &why);
  why.retry_after_ns = line->away_s * LH_NS_PER_S; /* the login's, and not the connection's */
  line->away_s = 0;
  lh_http_forget_login(line);
  line->logged_in = texts != NULL;
  if (texts)
    lh_engine_on_login(raw->engine, slot, texts, now_ns);
  else
    lh_engine_on_login_failed(raw->engine, slot, &why, now_ns);
}
