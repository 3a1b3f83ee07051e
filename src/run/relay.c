#include "run/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/supervisor.h"

enum { LEADER = 0, LOGIN_BYTES_MAX = (LH_EXTRACTS_MAX + 1) * (LH_LOGIN_VALUE_MAX + 4) + 64 };

static int send_on(struct lh_child *to, enum lh_frame_type type, const void *bytes, size_t len, struct lh_err *err) {
  struct lh_buf frame = LH_BUF_INIT(LOGIN_BYTES_MAX + 64);
  size_t begin = lh_frame_begin(&frame, type);
  int code = lh_buf_add(&frame, bytes, len);
  if (code < 0) lh_err_set(err, code, "no memory for a login of worker %u", to->number + 1);
  if (code == 0) code = lh_frame_end(&frame, begin, err);
  if (code == 0) code = lh_child_send(to, &frame, err);
  lh_buf_free(&frame);
  return code;
}

/* The group it is about; a negative errno when there is none. */
static long group_of(const struct lh_supervisor *sv, const struct lh_child *from, struct lh_cursor *body) {
  uint32_t group = lh_cursor_u32(body);
  if (!body->failed && group < sv->args->config->group_count) return group;
  lh_log(LH_LOG_ERROR, "worker %u speaks of a login of a group that there is not", from->number + 1);
  return -EPROTO;
}

static int open_logins(struct lh_supervisor *sv) {
  if (sv->logins) return 0;
  sv->logins = calloc(sv->args->config->group_count, sizeof *sv->logins);
  if (!sv->logins) return -ENOMEM;
  for (size_t g = 0; g < sv->args->config->group_count; g++) sv->logins[g].limit = LOGIN_BYTES_MAX;
  return 0;
}

int lh_relay_login(struct lh_supervisor *sv, struct lh_child *from, struct lh_cursor *body) {
  const void *bytes = body->at;
  const size_t len = (size_t)(body->end - body->at);
  struct lh_err err = {0};
  long group = group_of(sv, from, body);
  if (group < 0) return (int)group;
  int code = open_logins(sv);
  if (code == 0) {
    lh_buf_reset(&sv->logins[group]);
    code = lh_buf_add(&sv->logins[group], bytes, len);
  }
  if (code < 0) lh_err_set(&err, code, "no memory for a login of worker %u", from->number + 1);
  for (uint32_t w = 0; code == 0 && w < sv->workers; w++)
    if (w != from->number && sv->children[w].alive) code = send_on(&sv->children[w], LH_FRAME_LOGIN, bytes, len, &err);
  if (code < 0) lh_supervisor_fail(sv, &err);
  return code;
}

/* A leader that is being replaced hears of it when it is asked again. */
int lh_relay_wanted(struct lh_supervisor *sv, struct lh_child *from, struct lh_cursor *body) {
  const void *bytes = body->at;
  const size_t len = (size_t)(body->end - body->at);
  struct lh_err err = {0};
  long group = group_of(sv, from, body);
  if (group < 0) return (int)group;
  int code = sv->children[LEADER].alive ? send_on(&sv->children[LEADER], LH_FRAME_LOGIN_WANTED, bytes, len, &err) : 0;
  if (code < 0) lh_supervisor_fail(sv, &err);
  return code;
}

int lh_relay_tell(struct lh_supervisor *sv, struct lh_child *to, struct lh_err *err) {
  int code = 0;
  for (size_t g = 0; sv->logins && code == 0 && g < sv->args->config->group_count; g++)
    if (sv->logins[g].len) code = send_on(to, LH_FRAME_LOGIN, sv->logins[g].data, sv->logins[g].len, err);
  return code;
}

void lh_relay_free(struct lh_supervisor *sv) {
  for (size_t g = 0; sv->logins && g < sv->args->config->group_count; g++) {
    if (sv->logins[g].data) explicit_bzero(sv->logins[g].data, sv->logins[g].len);
    lh_buf_free(&sv->logins[g]);
  }
  free(sv->logins);
}
