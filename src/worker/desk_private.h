/* What the files of the desk share.
 *
 * desk.c        a visit's life: addresses, TCP, TLS, its end
 * desk_talk.c   the request out, the answer in
 * desk_setup.c  everything before the first visit
 */
#ifndef WORKER_DESK_PRIVATE_H
#define WORKER_DESK_PRIVATE_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "desk.h"
#include "dial.h"
#include "longhaul/base/buf.h"
#include "longhaul/conn/http.h"
#include "longhaul/conn/login.h"
#include "longhaul/plan/template.h"
#include "login_form.h"
#include "route.h"
#include "sources.h"

enum lh_visit_state { LH_VISIT_QUEUED, LH_VISIT_RESOLVING, LH_VISIT_DIALLING, LH_VISIT_TLS, LH_VISIT_TALK };

struct lh_visit {
  struct lh_desk *desk;
  uv_poll_t poll; /* from TCP being up on */
  SSL *ssl;       /* owned; NULL: plain */
  struct lh_http_reader reader;
  struct lh_answer answer;
  struct lh_buf out; /* the request, of which `sent` bytes are gone */
  size_t sent;
  uint64_t retry_after_ns;
  uint32_t key, ticket, next; /* next: of the list it stands in */
  int fd, events;
  uint16_t status;
  uint8_t state; /* enum lh_visit_state */
  uint8_t tries; /* addresses tried so far */
  uint8_t alert; /* fatal TLS alert received */
  bool answered;
};

struct lh_counter {
  const struct lh_group *group; /* NULL: it has no login, or one that goes over its clients' own connections */
  struct lh_login_form form;
  struct lh_sources sources;
};

struct lh_visit_list {
  uint32_t first, last;
};
#define LH_VISIT_LIST_EMPTY {LH_NO_TICKET, LH_NO_TICKET}

struct lh_desk {
  struct lh_desk_args args;
  struct lh_login_io io;
  struct lh_engine *engine;
  struct lh_dialler *dialler;
  struct lh_routes routes;
  struct lh_counter *counters; /* by group number */
  struct lh_visit **visits;    /* by ticket; NULL: free */
  uint32_t visit_room, free_hint;
  struct lh_visit_list queued;
  struct lh_visit_list *awaiting; /* by target number */
  struct lh_token_tag tag;
  uint32_t sockets;
  bool is_open; /* some group has a login */
};

static inline struct lh_counter *lh_desk_counter(const struct lh_visit *visit) {
  return &visit->desk->counters[lh_engine_login_group(visit->desk->engine, visit->key)];
}

/* ---- desk.c ---- */
uint32_t lh_desk_begin(void *context, uint32_t key, uint64_t now_ns);
void lh_desk_abort(void *context, uint32_t ticket);
void lh_desk_dialled(void *context, uint32_t slot, const struct lh_dialled *dialled);
void lh_desk_tunnelling(void *context, uint32_t slot);
lh_resolve_settled lh_desk_settled;
/* Ends the visit and tells the engine. */
void lh_visit_fail(struct lh_visit *visit, const struct lh_ending *ending);
void lh_visit_fail_as(struct lh_visit *visit, enum lh_reason reason, int code, const char *text);
void lh_visit_succeed(struct lh_visit *visit, struct lh_texts *texts);
/* TLS itself found fault, `reason` being OpenSSL's, or the peer said that it did. */
void lh_visit_fail_tls(struct lh_visit *visit, int reason);
/* Waits for these events of its socket. */
void lh_visit_wait(struct lh_visit *visit, int events);

/* ---- desk_talk.c ---- */
/* TCP and TLS are up. */
void lh_visit_ask(struct lh_visit *visit);
void lh_visit_talk(struct lh_visit *visit); /* its socket may have something */

#endif
