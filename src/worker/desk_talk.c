/* The request of a login, and its answer. What either says is secret: nothing of it is put into an ending. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "desk_private.h"
#include "endings.h"
#include "longhaul/base/clock.h"

enum { READ_BYTES = 16 * 1024, READS_MAX = 4 };

/* ---- the request ---- */

static int compose(struct lh_visit *visit) {
  const struct lh_desk *desk = visit->desk;
  const struct lh_login_asker asker = {
      .config = desk->args.config, .engine = desk->engine, .tag = desk->tag, .key = visit->key, .closes = true};
  visit->out = (struct lh_buf)LH_BUF_INIT(2 * (size_t)LH_PAYLOAD_BYTES_MAX);
  return lh_login_form_write(&lh_desk_counter(visit)->form, &asker, &visit->out);
}

void lh_visit_ask(struct lh_visit *visit) {
  visit->state = LH_VISIT_TALK;
  if (compose(visit)) {
    lh_visit_fail_as(visit, LH_REASON_NO_MEMORY, ENOMEM, "");
    return;
  }
  lh_http_expect(&visit->reader, false);
  lh_visit_talk(visit);
}

/* False: the socket took nothing more, or is broken, which the next read tells. */
static bool write_on(struct lh_visit *visit) {
  while (visit->sent < visit->out.len) {
    const char *bytes = visit->out.data + visit->sent;
    size_t len = visit->out.len - visit->sent;
    ERR_clear_error();
    ssize_t took = visit->ssl ? SSL_write(visit->ssl, bytes, (int)len) : send(visit->fd, bytes, len, MSG_NOSIGNAL);
    if (took <= 0) return false;
    visit->sent += (size_t)took;
  }
  lh_buf_free(&visit->out);
  visit->out.len = visit->sent = 0;
  return true;
}

/* ---- the answer ---- */

static void on_header(void *context, const char *name, size_t name_len, const char *value, size_t value_len) {
  static const char retry_after[] = "Retry-After";
  struct lh_visit *visit = context;
  char text[64];
  lh_answer_header(&visit->answer, name, name_len, value, value_len);
  if (name_len != sizeof retry_after - 1 || strncasecmp(name, retry_after, name_len) || value_len >= sizeof text) return;
  memcpy(text, value, value_len);
  text[value_len] = 0;
  visit->retry_after_ns = lh_http_retry_after_ns(text, lh_wall_us());
}

static void on_head(void *context, unsigned status) {
  ((struct lh_visit *)context)->status = (uint16_t)status;
}

static void on_body(void *context, const char *bytes, size_t len) {
  struct lh_visit *visit = context;
  if (lh_answer_accepts(&visit->answer, visit->status)) lh_answer_body(&visit->answer, bytes, len);
}

static void on_done(void *context, bool keep_alive) {
  (void)keep_alive;
  ((struct lh_visit *)context)->answered = true;
}

static const struct lh_http_events events = {.header = on_header, .head = on_head, .body = on_body, .done = on_done};

static void settle(struct lh_visit *visit) {
  struct lh_ending why;
  struct lh_texts *texts = lh_login_judge(&visit->answer, visit->status, &why);
  if (texts)
    lh_visit_succeed(visit, texts);
  else
    lh_visit_fail(visit, &why);
}

static void gone(struct lh_visit *visit, int error) {
  struct lh_ending ending = {.reason = lh_http_begun(&visit->reader) ? LH_REASON_RESPONSE_CUT : LH_REASON_NO_RESPONSE};
  if (visit->alert) {
    lh_visit_fail_tls(visit, 0);
    return;
  }
  if (!error && lh_http_begun(&visit->reader) && !lh_http_eof(&visit->reader, &events, visit, NULL) && visit->answered) {
    settle(visit); /* its end was the connection's */
    return;
  }
  if (error) lh_ending_from_socket(error, &ending);
  lh_visit_fail(visit, &ending);
}

/* Reads once. False: the visit is over, or waits. */
static bool read_on(struct lh_visit *visit) {
  char bytes[READ_BYTES];
  ERR_clear_error();
  ssize_t got = visit->ssl ? SSL_read(visit->ssl, bytes, sizeof bytes) : read(visit->fd, bytes, sizeof bytes);
  int saved = errno;
  if (got > 0) {
    if (lh_http_feed(&visit->reader, &events, visit, bytes, (size_t)got, NULL) && !visit->answered) {
      lh_visit_fail_as(visit, LH_REASON_BAD_HTTP, 0, "");
      return false;
    }
    if (visit->answered) settle(visit);
    else return true;
    return false;
  }
  if (!visit->ssl) {
    if (got < 0 && (saved == EAGAIN || saved == EINTR)) return false;
    gone(visit, got < 0 ? saved : 0);
    return false;
  }
  switch (SSL_get_error(visit->ssl, (int)got)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE: return false;
  case SSL_ERROR_ZERO_RETURN: gone(visit, 0); return false;
  case SSL_ERROR_SYSCALL: gone(visit, saved); return false;
  default: {
    int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
      gone(visit, 0);
    else
      lh_visit_fail_tls(visit, reason);
    return false;
  }
  }
}

void lh_visit_talk(struct lh_visit *visit) {
  struct lh_desk *desk = visit->desk;
  const uint32_t ticket = visit->ticket;
  bool all_out = write_on(visit);
  for (int reads = 0; reads < READS_MAX && read_on(visit); reads++) continue;
  if (desk->visits[ticket] == visit) lh_visit_wait(visit, all_out ? UV_READABLE : UV_READABLE | UV_WRITABLE);
}
