#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "longhaul/base/clock.h"
#include "longhaul/conn/logins.h"
#include "raw_private.h"
#include "request.h"
#include "tls.h"

static const struct lh_raw_kind *kind_of(enum lh_kind_id id) {
  switch (id) {
  case LH_KIND_HTTP: return &lh_http_kind;
  case LH_KIND_SSE: return &lh_sse_kind;
  case LH_KIND_STREAM: return &lh_stream_kind;
  case LH_KIND_TCP: return &lh_tcp_kind;
  default: return NULL;
  }
}

struct lh_template_values lh_raw_values(const struct lh_raw *raw, uint32_t slot) {
  const struct lh_config *config = raw->args.config;
  const uint32_t number = lh_engine_group_of(raw->engine, slot), client = lh_engine_client_of(raw->engine, slot);
  const struct lh_group *group = &config->groups[number];
  return (struct lh_template_values){.tag = raw->tag,
                                     .token = {.client = client, .group = number},
                                     .group_name = group->name,
                                     .time_ms = (uint64_t)lh_wall_us() / 1000,
                                     .seed = config->run.seed,
                                     .row = lh_plan_data_row(group, config->run.seed, number, client, 0),
                                     .login = lh_engine_login(raw->engine, slot)};
}

/* ---- groups ---- */

static int open_heads(struct lh_track *track, struct lh_err *err) {
  const struct lh_group *group = track->group;
  if (group->kind == LH_KIND_TCP) return 0;
  bool is_http = group->kind == LH_KIND_HTTP;
  size_t count = is_http ? group->message_count : 1;
  track->heads = calloc(count + 1, sizeof *track->heads);
  if (!track->heads) return lh_err_set(err, ENOMEM, "no memory for the requests of group %s", group->name);
  int failed = 0;
  for (size_t i = 0; !failed && i < count; i++) {
    struct lh_request_args args = {
        .target = track->target, .group = group, .message = is_http ? &group->messages[i] : NULL};
    failed = lh_request_new(&track->heads[i], &args, err);
  }
  return failed;
}

static int open_track(struct lh_raw *raw, struct lh_track *track, const struct lh_group *group, struct lh_err *err) {
  track->group = group;
  track->kind = kind_of(group->kind);
  track->target = &raw->args.config->targets[group->target];
  int failed = open_heads(track, err);
  if (!failed && group->login.enabled && group->login.shares_connection) {
    failed = lh_login_form_open(&track->login, raw->args.config, group, err);
    if (failed) lh_err_prefix(err, "groups.%s.login", group->name);
  }
  if (!failed) failed = lh_sources_open(&track->sources, group, err);
  if (!failed) failed = lh_route_open(&raw->routes, group->target, err);
  return failed;
}

static int open_tracks(struct lh_raw *raw, struct lh_err *err) {
  const struct lh_config *config = raw->args.config;
  for (size_t i = 0; i < config->group_count; i++) {
    if (!kind_of(config->groups[i].kind)) continue;
    raw->clients += lh_slice_count(raw->args.slice, config->groups[i].connections);
    int failed = open_track(raw, &raw->tracks[i], &config->groups[i], err);
    if (failed) return failed;
  }
  return 0;
}

/* ---- the set ---- */

static int open_watch(struct lh_raw *raw, struct lh_err *err) {
  raw->epoll = epoll_create1(EPOLL_CLOEXEC);
  int failed = raw->epoll < 0 ? -errno : uv_poll_init(raw->args.loop, &raw->watch, raw->epoll);
  if (!failed) {
    raw->watch.data = raw;
    failed = uv_poll_start(&raw->watch, UV_READABLE, lh_raw_ready);
  }
  return failed ? lh_err_set(err, failed, "cannot watch connections: %s", strerror(-failed)) : 0;
}

static int allocate(struct lh_raw *raw, struct lh_err *err) {
  const struct lh_config *config = raw->args.config;
  raw->tracks = calloc(config->group_count + 1, sizeof *raw->tracks);
  const size_t routes = config->target_count + LH_DETOUR_ROUTES_MAX;
  raw->awaiting = calloc(routes, sizeof *raw->awaiting);
  if (!raw->tracks || !raw->awaiting) return lh_err_set(err, ENOMEM, "no memory for groups and targets");
  for (size_t i = 0; i < routes; i++) raw->awaiting[i] = (struct lh_line_list)LH_LINE_LIST_EMPTY;
  return 0;
}

static void fill_tables(struct lh_raw *raw) {
  static const enum lh_kind_id kinds[] = {LH_KIND_HTTP, LH_KIND_SSE, LH_KIND_STREAM, LH_KIND_TCP};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    raw->io[kinds[i]] = lh_raw_actions;
    raw->io[kinds[i]].context = raw;
  }
  raw->io[LH_KIND_HTTP].send = lh_http_send;
  raw->io[LH_KIND_HTTP].login = lh_http_login;
  raw->io[LH_KIND_TCP].send = lh_tcp_send;
  raw->io[LH_KIND_SSE].retry_after = lh_sse_retry_after;
}

int lh_raw_new(struct lh_raw **out, const struct lh_raw_args *args, struct lh_err *err) {
  struct lh_raw *raw = calloc(1, sizeof *raw);
  if (!raw) return lh_err_set(err, ENOMEM, "no memory for plain connections");
  raw->args = *args;
  raw->queued = (struct lh_line_list)LH_LINE_LIST_EMPTY;
  raw->tag = lh_token_tag(args->run_id);
  raw->request = (struct lh_buf)LH_BUF_INIT(LH_PAYLOAD_BYTES_MAX + (2 << 20));
  fill_tables(raw);
  *out = raw;
  const struct lh_dial_events dial_events = {.tunnelling = lh_raw_tunnelling, .done = lh_raw_dialled, .context = raw};
  const struct lh_routes_args routes = {.loop = args->loop,
                                        .config = args->config,
                                        .redirects = lh_detours_wanted(args->config, false),
                                        .settled = lh_raw_settled,
                                        .context = raw};
  int failed = allocate(raw, err);
  if (!failed) failed = lh_routes_new(&raw->routes, &routes, err);
  if (!failed) failed = open_tracks(raw, err);
  if (failed || !raw->clients) return failed;
  failed = open_watch(raw, err);
  if (!failed) failed = lh_dialler_new(&raw->dialler, args->loop, &dial_events, err);
  return failed;
}

const struct lh_io *lh_raw_io(const struct lh_raw *raw, enum lh_kind_id kind) {
  return &raw->io[kind];
}

int lh_raw_attach(struct lh_raw *raw, struct lh_engine *engine, struct lh_err *err) {
  raw->engine = engine;
  if (!raw->clients) return 0;
  uint32_t count = lh_engine_client_count(engine);
  raw->lines = calloc((size_t)count + 1, sizeof *raw->lines);
  if (!raw->lines) return lh_err_set(err, ENOMEM, "no memory for %u clients", count);
  for (uint32_t i = 0; i < count; i++) {
    raw->lines[i].fd = -1;
    raw->lines[i].next = LH_NO_LINE;
  }
  raw->detours = (struct lh_detours){.config = raw->args.config, .routes = &raw->routes};
  return lh_detours_wanted(raw->args.config, false) ? lh_detours_new(&raw->detours, count, err) : 0;
}

int lh_raw_open_fd(const struct lh_raw *raw, uint32_t slot, uint16_t *local_port) {
  if (!raw->lines || raw->lines[slot].state != LH_LINE_OPEN) return -1;
  *local_port = raw->lines[slot].local_port;
  return raw->lines[slot].fd;
}

uint32_t lh_raw_descriptors(const struct lh_raw *raw) {
  return raw->sockets;
}
