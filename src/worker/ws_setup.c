#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deflate.h"
#include "endings.h"
#include "longhaul/base/clock.h"
#include "longhaul/base/log.h"
#include "longhaul/conn/logins.h"
#include "longhaul/worker/worker.h"
#include "tls.h"
#include "ws_private.h"

enum { SERV_BUF_LEAST = 4096, ONE_DAY_S = 24 * 3600 };

const lws_retry_bo_t lh_no_idle_policy = {.secs_since_valid_ping = 0, .secs_since_valid_hangup = 0};

/* rx_buffer_size is memory of every open connection; tx_packet_size only cuts writes into pieces, so it is out of the way. */
#define PROTOCOL(bytes) \
  {.name = "longhaul-" #bytes, .callback = lh_ws_event, .rx_buffer_size = (bytes), .tx_packet_size = LH_PAYLOAD_BYTES_MAX}
static const struct lws_protocols protocols[] = {PROTOCOL(256),  PROTOCOL(512),  PROTOCOL(1024),
                                                 PROTOCOL(2048), PROTOCOL(4096), {.name = NULL}};

/* An extension that does nothing: it makes libwebsockets offer compression and let RSV1 pass. What was agreed is read by us
 * (lh_deflate_agree), as are the messages. 0 is "go on with the frame as it is", private to libwebsockets (PMDR_UNKNOWN). */
static int pass(struct lws_context *context, const struct lws_extension *extension, struct lws *wsi,
                enum lws_extension_callback_reasons reason, void *user, void *in, size_t len) {
  static const struct lws_ext_options options[] = {{"server_no_context_takeover", EXTARG_NONE},
                                                   {"client_no_context_takeover", EXTARG_NONE},
                                                   {"server_max_window_bits", EXTARG_OPT_DEC},
                                                   {NULL, EXTARG_NONE}};
  (void)context, (void)extension, (void)wsi, (void)user, (void)len;
  if (reason == LWS_EXT_CB_CLIENT_CONSTRUCT) *(const struct lws_ext_options **)in = options;
  return 0;
}

static const struct lws_extension extensions[] = {{"permessage-deflate", pass, LH_DEFLATE_OFFER}, {NULL, NULL, NULL}};

/* ---- lists ---- */

void lh_peer_list_push(struct lh_ws *ws, struct lh_peer_list *list, uint32_t slot) {
  ws->peers[slot].next = LH_NO_PEER;
  if (list->first == LH_NO_PEER)
    list->first = slot;
  else
    ws->peers[list->last].next = slot;
  list->last = slot;
}

uint32_t lh_peer_list_pop(struct lh_ws *ws, struct lh_peer_list *list) {
  uint32_t slot = list->first;
  if (slot != LH_NO_PEER) list->first = ws->peers[slot].next;
  return slot;
}

void lh_peer_list_remove(struct lh_ws *ws, struct lh_peer_list *list, uint32_t slot) {
  uint32_t before = LH_NO_PEER;
  for (uint32_t at = list->first; at != slot; at = ws->peers[at].next) before = at;
  if (before == LH_NO_PEER)
    list->first = ws->peers[slot].next;
  else
    ws->peers[before].next = ws->peers[slot].next;
  if (list->last == slot) list->last = before;
}

/* ---- lanes ---- */

struct lh_template_values lh_ws_values(const struct lh_ws *ws, uint32_t slot) {
  const struct lh_config *config = ws->args.config;
  const uint32_t number = lh_engine_group_of(ws->engine, slot), client = lh_engine_client_of(ws->engine, slot);
  const struct lh_group *group = &config->groups[number];
  return (struct lh_template_values){.tag = ws->tag,
                                     .token = {.client = client, .group = number},
                                     .group_name = group->name,
                                     .time_ms = (uint64_t)lh_wall_us() / 1000,
                                     .seed = config->run.seed,
                                     .row = lh_plan_data_row(group, config->run.seed, number, client, 0),
                                     .login = lh_engine_login(ws->engine, slot)};
}

/* Room for the largest reply that the config expects, so that it comes in one piece. */
static const char *protocol_for(const struct lh_group *group) {
  size_t largest = 0;
  for (size_t i = 0; i < group->message_count; i++) {
    const struct lh_message *m = &group->messages[i];
    if (m->reply.match != LH_MATCH_NONE && m->payload_len > largest) largest = m->payload_len;
  }
  const struct lws_protocols *p = protocols;
  while (p->rx_buffer_size < largest && p[1].name) p++;
  return p->name;
}

static struct lws_vhost *add_vhost(struct lws_context *context, const struct lh_tls *tls, bool deflate) {
  struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                           .protocols = protocols,
                                           .extensions = deflate ? extensions : NULL,
                                           .vhost_name = "longhaul",
                                           /* without TLS it would still read the system's certificates: 0.8 MB */
                                           .options = tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
                                           .connect_timeout_secs = ONE_DAY_S,
                                           .timeout_secs_ah_idle = ONE_DAY_S,
                                           .provided_client_ssl_ctx = tls ? lh_tls_context(tls) : NULL};
  return lws_create_vhost(context, &info);
}

/* Lanes with the same TLS settings and the same extensions share their vhosts. */
static struct lws_vhost **shared_vhosts(const struct lh_ws *ws, const struct lh_lane *lane) {
  for (const struct lh_lane *other = ws->lanes; other < lane; other++) {
    if (!other->vhosts || other->group->deflate != lane->group->deflate) continue;
    bool same_tls = lane->target->tls_scheme ? other->target == lane->target : !other->target->tls_scheme;
    if (same_tls) return other->vhosts;
  }
  return NULL;
}

/* One in each context. */
static struct lws_vhost **add_vhosts(const struct lh_ws *ws, const struct lh_tls *tls, bool deflate) {
  struct lws_vhost **vhosts = calloc(ws->context_count, sizeof *vhosts);
  for (uint32_t i = 0; vhosts && i < ws->context_count; i++) {
    vhosts[i] = add_vhost(ws->contexts[i], tls, deflate);
    if (!vhosts[i]) return NULL; /* the ones made are libwebsockets' */
  }
  return vhosts;
}

static int open_vhosts(struct lh_ws *ws, struct lh_lane *lane, struct lh_err *err) {
  lane->vhosts = shared_vhosts(ws, lane);
  if (!lane->vhosts) lane->vhosts = add_vhosts(ws, ws->routes.items[lane->group->target].tls, lane->group->deflate);
  return lane->vhosts ? 0 : lh_err_set(err, ENOMEM, "group %s: libwebsockets cannot make its vhost", lane->group->name);
}

struct lws_vhost *lh_ws_vhost(struct lh_ws *ws, const struct lh_lane *lane, uint32_t route, uint32_t context) {
  const size_t targets = ws->args.config->target_count;
  if (route < targets) return lane->vhosts[context];
  struct lws_vhost ***made = &ws->detour_vhosts[2 * (route - targets) + lane->group->deflate];
  if (!*made) *made = add_vhosts(ws, ws->routes.items[route].tls, lane->group->deflate);
  return *made ? (*made)[context] : NULL;
}

static int open_lane(struct lh_ws *ws, struct lh_lane *lane, const struct lh_group *group, struct lh_err *err) {
  const struct lh_config *config = ws->args.config;
  lane->group = group;
  lane->target = &config->targets[group->target];
  lane->local_protocol = protocol_for(group);
  int failed = lh_handshake_new(&lane->handshake, group, lane->target, err);
  if (!failed) failed = lh_sources_open(&lane->sources, group, err);
  if (!failed && group->deflate && !ws->deflate) failed = lh_deflate_new(&ws->deflate, err);
  if (!failed) failed = lh_route_open(&ws->routes, group->target, err);
  return failed;
}

static int open_lanes(struct lh_ws *ws, size_t *request_max, struct lh_err *err) {
  const struct lh_config *config = ws->args.config;
  for (size_t i = 0; i < config->group_count; i++) {
    if (config->groups[i].kind != LH_KIND_WEBSOCKET) continue;
    int failed = open_lane(ws, &ws->lanes[i], &config->groups[i], err);
    if (failed) return failed;
    size_t size = lh_handshake_size_max(ws->lanes[i].handshake);
    if (size > *request_max) *request_max = size;
    size_t path = lh_handshake_path_max(ws->lanes[i].handshake);
    if (path > ws->path_max) ws->path_max = path;
    if (!config->groups[i].redirects) continue;
    if (size + LH_LOCATION_PATH_MAX > *request_max) *request_max = size + LH_LOCATION_PATH_MAX;
    if (ws->path_max < LH_LOCATION_PATH_MAX) ws->path_max = LH_LOCATION_PATH_MAX;
  }
  return 0;
}

/* ---- libwebsockets ---- */

/* Warnings about one connection, which its ending tells better. */
static bool is_told_by_ending(const char *line) {
  static const char *const known[] = {"lws_client_int_s_hs: ", "lws_client_handshake: ", "problems parsing header",
                                      "Ran out of header data space", "Unknown ext",           "b63 of length",          "Control frame asking"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strstr(line, known[i])) return true;
  return false;
}

static void on_log(int level, const char *line) {
  if (is_told_by_ending(line)) return;
  size_t len = strcspn(line, "\n");
  lh_log(level == LLL_ERR ? LH_LOG_ERROR : LH_LOG_WARNING, "libwebsockets: %.*s", (int)len, line);
}

/* It looks at these by itself; whether to use a proxy is the config's to say. */
static void forget_proxies(void) {
  static const char *const names[] = {"http_proxy", "HTTP_PROXY", "socks_proxy"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
}

static struct lws_context *open_context(struct lh_ws *ws, size_t request_max) {
  void *loops[] = {ws->args.loop};
  /* It keeps the path there until the request is written. What is not written to costs no memory: 8,000 clients took as much with
   * 4 KiB, which a refusal's policies and cookies may well exceed. */
  const size_t header_max = LH_UPGRADE_HEAD_MAX + ws->path_max;
  struct lws_context_creation_info info = {
      .port = CONTEXT_PORT_NO_LISTEN,
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
      .foreign_loops = loops,
      .user = ws,
      .gid = (gid_t)-1,
      .uid = (uid_t)-1,
      /* One buffer for the context: a request is written into it whole, and a read is no longer than it. */
      .pt_serv_buf_size = request_max > SERV_BUF_LEAST ? (unsigned)request_max : SERV_BUF_LEAST,
      .max_http_header_data = header_max < UINT16_MAX ? (unsigned short)header_max : UINT16_MAX,
      .timeout_secs = ONE_DAY_S,
      .retry_and_idle_policy = &lh_no_idle_policy};
  return lws_create_context(&info);
}

/* Debian's build of 4.1.6 looks at every connection of the context each time one is closed. Contexts of some thousand
 * connections keep that below the cost of closing itself; each costs 16 bytes for each descriptor of the process. */
static int open_contexts(struct lh_ws *ws, size_t request_max, uint32_t clients, struct lh_err *err) {
  uint32_t count = 1 + clients / LH_CONTEXT_CLIENTS;
  forget_proxies();
  lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
  ws->contexts = calloc(count, sizeof *ws->contexts);
  if (!ws->contexts) return lh_err_set(err, ENOMEM, "no memory for libwebsockets");
  for (; ws->context_count < count; ws->context_count++) {
    struct lws_context *context = open_context(ws, request_max);
    if (!context)
      return lh_err_set(err, ENOENT, "libwebsockets cannot start on libuv; install its event library (apt install "
                                     "libwebsockets-evlib-uv)");
    ws->contexts[ws->context_count] = context;
  }
  return 0;
}

/* libwebsockets searches a table of all descriptors that it may see at each close, so the limit is lowered to what these
 * clients can need. Reconnecting takes no more: a descriptor is closed before its client dials again. */
static uint32_t fit_descriptors(uint32_t clients) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return clients + LH_DESCRIPTORS_SPARE;
  if (clients + LH_DESCRIPTORS_SPARE < limit.rlim_cur) {
    limit.rlim_cur = clients + LH_DESCRIPTORS_SPARE;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return (uint32_t)limit.rlim_cur;
}

static uint32_t clients_of_kind(const struct lh_ws_args *args, bool websocket) {
  uint32_t clients = 0;
  for (size_t i = 0; i < args->config->group_count; i++) {
    const struct lh_group *g = &args->config->groups[i];
    if (g->kind != LH_KIND_NULL && (g->kind == LH_KIND_WEBSOCKET) == websocket)
      clients += lh_slice_count(args->slice, g->connections);
    if (g->login.enabled && !websocket) clients += lh_slice_count(args->slice, g->connections); /* a login beside each */
  }
  return clients;
}

static int allocate(struct lh_ws *ws, struct lh_err *err) {
  const struct lh_config *config = ws->args.config;
  ws->lanes = calloc(config->group_count + 1, sizeof *ws->lanes);
  const size_t routes = config->target_count + LH_DETOUR_ROUTES_MAX;
  ws->awaiting = calloc(routes, sizeof *ws->awaiting);
  ws->detour_vhosts = calloc(2 * LH_DETOUR_ROUTES_MAX, sizeof *ws->detour_vhosts);
  if (!ws->lanes || !ws->awaiting || !ws->detour_vhosts) return lh_err_set(err, ENOMEM, "no memory for groups and targets");
  for (size_t i = 0; i < routes; i++) ws->awaiting[i] = (struct lh_peer_list)LH_PEER_LIST_EMPTY;
  return 0;
}

int lh_ws_new(struct lh_ws **out, const struct lh_ws_args *args, struct lh_err *err) {
  struct lh_ws *ws = calloc(1, sizeof *ws);
  if (!ws) return lh_err_set(err, ENOMEM, "no memory for the websocket kind");
  ws->args = *args;
  ws->io = lh_ws_actions;
  ws->io.context = ws;
  ws->queued = (struct lh_peer_list)LH_PEER_LIST_EMPTY;
  ws->tag = lh_token_tag(args->run_id);
  *out = ws; /* on failure the process ends, and what was made with it */
  uint32_t clients = clients_of_kind(args, true), others = clients_of_kind(args, false);
  if (!clients) return 0;
  size_t request_max = 0;
  const struct lh_dial_events dial_events = {.tunnelling = lh_ws_tunnelling, .done = lh_ws_dialled, .context = ws};
  const struct lh_routes_args routes = {.loop = args->loop,
                                        .config = args->config,
                                        .redirects = lh_detours_wanted(args->config, true),
                                        .settled = lh_ws_settled,
                                        .context = ws};
  int failed = allocate(ws, err);
  if (!failed) failed = lh_routes_new(&ws->routes, &routes, err);
  if (!failed) failed = open_lanes(ws, &request_max, err);
  if (!failed && !(ws->path = malloc(ws->path_max + 1))) failed = lh_err_set(err, ENOMEM, "no memory for a path");
  if (!failed) failed = lh_peers_open(fit_descriptors(clients + others), err);
  if (!failed) failed = lh_dialler_new(&ws->dialler, args->loop, &dial_events, err);
  if (!failed) failed = open_contexts(ws, request_max, clients, err);
  for (size_t i = 0; !failed && i < args->config->group_count; i++)
    if (ws->lanes[i].group) failed = open_vhosts(ws, &ws->lanes[i], err);
  return failed;
}

const struct lh_io *lh_ws_io(const struct lh_ws *ws) {
  return &ws->io;
}

static void on_ping(void *context, struct lh_peer *peer, uint32_t pings) {
  struct lh_ws *ws = context;
  for (uint64_t now = lh_now_ns(); pings; pings--) lh_engine_on_peer_ping(ws->engine, lh_ws_slot(ws, peer), now);
}

int lh_ws_attach(struct lh_ws *ws, struct lh_engine *engine, struct lh_err *err) {
  ws->engine = engine;
  if (!ws->context_count) return 0;
  uint32_t count = lh_engine_client_count(engine);
  ws->peers = aligned_alloc(LH_PEER_BYTES, ((size_t)count + 1) * sizeof *ws->peers);
  if (ws->deflate) ws->inflaters = calloc((size_t)count + 1, sizeof(struct lh_inflate *));
  if (!ws->peers || (ws->deflate && !ws->inflaters)) return lh_err_set(err, ENOMEM, "no memory for %u clients", count);
  for (uint32_t i = 0; i < count; i++) {
    ws->peers[i] = (struct lh_peer){.fd = LH_NO_FD, .next = LH_NO_PEER};
  }
  lh_peers_on_ping(on_ping, ws);
  lh_peers_on_read(lh_ws_took, ws);
  ws->detours = (struct lh_detours){.config = ws->args.config, .routes = &ws->routes};
  return lh_detours_wanted(ws->args.config, true) ? lh_detours_new(&ws->detours, count, err) : 0;
}

int lh_ws_open_fd(void *context, uint32_t slot, uint16_t *local_port) {
  const struct lh_ws *ws = context;
  if (!ws->peers || ws->peers[slot].state != LH_PEER_OPEN) return LH_NO_FD;
  *local_port = ws->peers[slot].local_port;
  return ws->peers[slot].fd;
}

uint32_t lh_ws_descriptors(const struct lh_ws *ws) {
  return ws->sockets;
}
